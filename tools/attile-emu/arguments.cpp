#include "tools/attile-emu/arguments.h"

#include <algorithm>
#include <attile/npy.h>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <regex>

namespace attile::emu_tool {
namespace {

template <class T> bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

template <class T> Result<Argument> scalar(Argument argument, std::string_view value) {
  T number{};
  if (!parse(value, number))
    return usage_error(fmt::format("argument '{}': '{}' is not a number of that type", argument.text, value));
  argument.scalar.resize(sizeof number);
  std::memcpy(argument.scalar.data(), &number, sizeof number);
  return argument;
}

Result<Argument> half(Argument argument, std::string_view value, DType type) {
  float number = 0;
  if (!parse(value, number))
    return usage_error(fmt::format("argument '{}': '{}' is not a number", argument.text, value));
  Result<Tensor> bits = converted(ConstTensorView(&number, {1}), type);
  if (!bits)
    return bits.error();
  argument.scalar.assign(bits->bytes().begin(), bits->bytes().begin() + 2);
  return argument;
}

// "f32[4,8]"; the element type may be one that files do not have, of the same size.
Result<Tensor> zeros(const std::string& argument, std::string_view type) {
  const std::size_t open = type.find('[');
  if (open == std::string_view::npos || !type.ends_with(']'))
    return usage_error(
        fmt::format("argument '{}': expected an element type and a shape, such as f32[4,8]", argument));
  const std::string_view element = type.substr(0, open);
  std::optional<DType> dtype = dtype_from_name(element);
  if (!dtype && element == "u32")
    dtype = DType::i32;
  if (!dtype && element == "u64")
    dtype = DType::i64;
  if (!dtype)
    return usage_error(fmt::format("argument '{}': unknown element type '{}'", argument, element),
                       "use f32, f16, bf16, i32, u32, i64, u64 or u8");
  std::vector<std::int64_t> shape;
  std::string_view rest = type.substr(open + 1, type.size() - open - 2);
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::int64_t extent = 0;
    if (!parse(rest.substr(0, comma), extent) || extent < 1)
      return usage_error(
          fmt::format("argument '{}': '{}' is not an extent", argument, rest.substr(0, comma)));
    shape.push_back(extent);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return Tensor::zeros(*dtype, shape);
}

Result<Argument> array(Argument argument, Result<Tensor> tensor, std::string_view output, bool defined) {
  if (!tensor)
    return std::move(tensor).error().in(argument.text);
  argument.array = std::move(*tensor);
  argument.output = output;
  argument.defined = defined;
  return argument;
}

/// An array whose elements are kept as they are: a kernel sees the bytes of the file. (The library would
/// convert others.)
Result<Tensor> kept(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string header(256, '\0');
  file.read(header.data(), static_cast<std::streamsize>(header.size()));
  static const std::regex descr(R"('descr':\s*'([<|=>]?)([a-z]\d+)')");
  std::smatch found;
  constexpr std::string_view same[] = {"f4", "f2", "i4", "i8", "u1", "b1", "u2"};
  if (std::regex_search(header, found, descr) && std::ranges::find(same, found[2].str()) == std::end(same))
    return user_error(
        fmt::format("'{}' holds {}, expected f4, f2, i4, i8, u1, b1 or u2", path, found[2].str()),
        "give the same bytes as one of these, by numpy's view(): f8 and u8 as i8, u4 as i4, i2 as u2");
  return read_npy(path);
}

} // namespace

Result<Argument> parse_argument(const std::string& text) {
  Argument argument;
  argument.text = text;
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos)
    return usage_error(fmt::format("argument '{}' has no kind", text),
                       "write in:FILE, out:TYPE[SHAPE]=FILE, inout:FILE=FILE, or TYPE:VALUE");
  const std::string kind = text.substr(0, colon);
  const std::string value = text.substr(colon + 1);
  const std::size_t equals = std::min(value.rfind('='), value.size());
  const std::string before = value.substr(0, equals),
                    after = equals < value.size() ? value.substr(equals + 1) : "";
  if (kind == "in")
    return array(std::move(argument), kept(value), "", true);
  if (kind == "inout")
    return array(std::move(argument), kept(before), after, true);
  if (kind == "out")
    return array(std::move(argument), zeros(text, before), after, false);
  if (kind == "i8")
    return scalar<std::int8_t>(std::move(argument), value);
  if (kind == "u8")
    return scalar<std::uint8_t>(std::move(argument), value);
  if (kind == "i16")
    return scalar<std::int16_t>(std::move(argument), value);
  if (kind == "u16")
    return scalar<std::uint16_t>(std::move(argument), value);
  if (kind == "i32")
    return scalar<std::int32_t>(std::move(argument), value);
  if (kind == "u32")
    return scalar<std::uint32_t>(std::move(argument), value);
  if (kind == "i64")
    return scalar<std::int64_t>(std::move(argument), value);
  if (kind == "u64")
    return scalar<std::uint64_t>(std::move(argument), value);
  if (kind == "f32")
    return scalar<float>(std::move(argument), value);
  if (kind == "f64")
    return scalar<double>(std::move(argument), value);
  if (kind == "f16")
    return half(std::move(argument), value, DType::f16);
  if (kind == "bf16")
    return half(std::move(argument), value, DType::bf16);
  return usage_error(fmt::format("argument '{}' is of unknown kind '{}'", text, kind),
                     "in, out, inout, or a type: i8 to i64, u8 to u64, f16, bf16, f32, f64");
}

Result<std::array<unsigned, 3>> parse_extent(const std::string& text) {
  std::array<unsigned, 3> extent{1, 1, 1};
  std::string_view rest = text;
  for (unsigned& value : extent) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (!parse(rest.substr(0, comma), value))
      break;
    rest.remove_prefix(comma);
    if (rest.empty())
      return extent;
    rest.remove_prefix(1);
  }
  return usage_error(fmt::format("'{}' is not an extent", text), "write x, x,y or x,y,z");
}

} // namespace attile::emu_tool
