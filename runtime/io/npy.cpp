// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include <attile/npy.h>

#include "core/file.h"
#include <bit>
#include <cstring>
#include <fmt/core.h>

namespace attile {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr char magic[] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};
constexpr std::size_t max_header = std::size_t(1) << 20;

/// The Python literal of a header: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text(text) {}

  Result<NpyHeader> parse() {
    NpyHeader header;
    bool have_descr = false, have_order = false, have_shape = false;
    expect('{');
    while (!failure && !accept('}')) {
      std::string key = string();
      expect(':');
      if (key == "descr" && !have_descr)
        have_descr = true, header.descr = string();
      else if (key == "fortran_order" && !have_order)
        have_order = true, header.fortran_order = boolean();
      else if (key == "shape" && !have_shape)
        have_shape = true, header.shape = tuple();
      else
        fail("one of each of the keys 'descr', 'fortran_order' and 'shape'");
      if (!accept(',') && !peek('}'))
        fail("',' or '}'");
    }
    skip_space();
    if (!failure && at != text.size())
      fail("the end of the header");
    if (!failure && !(have_descr && have_order && have_shape))
      fail("the keys 'descr', 'fortran_order' and 'shape'");
    if (failure)
      return *std::move(failure);
    return header;
  }

private:
  void skip_space() {
    while (at < text.size() && std::strchr(" \t\r\n", text[at]) && text[at])
      ++at;
  }
  bool peek(char c) {
    skip_space();
    return at < text.size() && text[at] == c;
  }
  bool accept(char c) { return peek(c) ? ++at, true : false; }
  void expect(char c) {
    if (!accept(c))
      fail(fmt::format("'{}'", c));
  }
  std::string string() {
    char quote = peek('"') ? '"' : '\'';
    expect(quote);
    std::size_t end = text.find(quote, at);
    if (failure || end == std::string_view::npos)
      return fail("a string"), std::string();
    std::string value(text.substr(at, end - at));
    at = end + 1;
    return value;
  }
  bool boolean() {
    skip_space();
    for (std::string_view word : {"True", "False"})
      if (text.substr(at, word.size()) == word)
        return at += word.size(), word == "True";
    return fail("True or False"), false;
  }
  std::int64_t integer() {
    skip_space();
    std::int64_t value = 0;
    std::size_t first = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
      if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text[at] - '0', &value))
        return fail("an extent below 2^63"), 0;
    if (at == first)
      fail("an extent");
    accept('L'); // Python 2 wrote long integers so
    return value;
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (!failure && !accept(')')) {
      values.push_back(integer());
      if (!accept(',') && !peek(')'))
        fail("',' or ')'");
    }
    return values;
  }
  void fail(std::string_view expected) {
    if (!failure)
      failure = user_error(fmt::format("damaged .npy header: at character {}: expected {}", at, expected));
  }

  std::string_view text;
  std::size_t at = 0;
  std::optional<Error> failure;
};

/// An element type of a file, and the dtype it becomes.
struct Element {
  std::string_view code; ///< descr without byte order
  std::int64_t size;
  DType dtype;
};
constexpr Element elements[] = {{"f2", 2, DType::f16},  {"f4", 4, DType::f32}, {"f8", 8, DType::f32},
                                {"u2", 2, DType::bf16}, {"i4", 4, DType::i32}, {"i8", 8, DType::i64},
                                {"u1", 1, DType::u8},   {"b1", 1, DType::u8},  {"i1", 1, DType::i32},
                                {"i2", 2, DType::i32},  {"u4", 4, DType::i64}, {"u8", 8, DType::i64},
                                {"V2", 2, DType::bf16}, {"V1", 1, DType::u8}};

Result<const Element*> element_of(const NpyHeader& header) {
  std::string_view descr = header.descr;
  if (descr.size() > 1 && descr[0] == '>')
    return user_error(fmt::format("expected a little-endian .npy file, got element type '{}'", descr),
                      fmt::format("convert it: numpy.save(path, a.astype('<{}'))", descr.substr(1)));
  if (!descr.empty() && std::strchr("<|=", descr[0]))
    for (const Element& element : elements)
      if (element.code == descr.substr(1))
        return &element;
  return user_error(
      fmt::format("expected .npy elements of type f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or b1, got '{}'",
                  descr),
      "convert it: numpy.save(path, a.astype('<f4'))");
}

/// Number of elements, or an Error if their bytes leave 63 bits.
Result<std::int64_t> count_of(const NpyHeader& header, std::int64_t size) {
  std::int64_t count = 1, bytes = 0;
  for (std::int64_t extent : header.shape)
    if (extent == 0)
      return 0;
  for (std::int64_t extent : header.shape)
    if (__builtin_mul_overflow(count, extent, &count) || __builtin_mul_overflow(count, size, &bytes))
      return user_error(
          fmt::format("the shape {} of this .npy file spans more than 2^63 bytes", shape_text(header.shape)));
  return count;
}

/// Reads the element type From as To; an unsigned integer that does not fit is counted in `misfits`.
template <class From, class To>
std::int64_t copy_as(std::span<const std::byte> data, void* out, std::int64_t count) {
  std::int64_t misfits = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    From x;
    std::memcpy(&x, data.data() + i * static_cast<std::int64_t>(sizeof x), sizeof x);
    if constexpr (std::is_same_v<From, std::uint64_t>)
      misfits += x > std::uint64_t(INT64_MAX);
    static_cast<To*>(out)[i] = static_cast<To>(x);
  }
  return misfits;
}

Result<void> copy_elements(const Element& element, std::span<const std::byte> data, Tensor& tensor) {
  void* out = tensor.view().data;
  std::int64_t count = tensor.view().elements(), misfits = 0;
  if (element.code == "f8")
    copy_as<double, float>(data, out, count);
  else if (element.code == "i1")
    copy_as<std::int8_t, std::int32_t>(data, out, count);
  else if (element.code == "i2")
    copy_as<std::int16_t, std::int32_t>(data, out, count);
  else if (element.code == "u4")
    copy_as<std::uint32_t, std::int64_t>(data, out, count);
  else if (element.code == "u8")
    misfits = copy_as<std::uint64_t, std::int64_t>(data, out, count);
  else if (count > 0)
    std::memcpy(out, data.data(), tensor.bytes().size());
  if (misfits)
    return user_error(
        fmt::format("expected integers below 2^63, got {} larger ones in a .npy file of 'u8'", misfits));
  return {};
}

std::string_view descr_of(DType dtype) {
  switch (dtype) {
  case DType::f32:
    return "<f4";
  case DType::f16:
    return "<f2";
  case DType::bf16:
    return "<u2";
  case DType::i32:
    return "<i4";
  case DType::i64:
    return "<i8";
  case DType::u8:
    return "|u1";
  }
  __builtin_unreachable();
}

/// Header and elements of a view, which is copied only if it is not dense.
struct Parts {
  std::string header;
  Tensor copy;
  std::span<const std::byte> elements;
};
Result<Parts> parts_of(const ConstTensorView& view) {
  Parts parts{
      npy_header(descr_of(view.dtype), std::span(view.shape.data(), static_cast<std::size_t>(view.rank))),
      {},
      {}};
  auto size = static_cast<std::size_t>(view.elements() * size_of(view.dtype));
  parts.elements = {static_cast<const std::byte*>(view.data), size};
  if (!view.is_contiguous()) {
    Result<Tensor> copy = converted(view, view.dtype);
    if (!copy)
      return copy.error();
    parts.copy = *std::move(copy);
    parts.elements = std::as_const(parts.copy).bytes();
  }
  return parts;
}

} // namespace

Result<NpyHeader> read_npy_header(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof magic + 2 || std::memcmp(bytes.data(), magic, sizeof magic) != 0)
    return user_error("this is not a .npy file: expected it to start with the bytes 93 'NUMPY'");
  int version = static_cast<int>(bytes[6]);
  if (version < 1 || version > 3)
    return user_error(fmt::format("expected a .npy file of version 1, 2 or 3, got version {}", version));
  std::size_t prefix = version == 1 ? 10 : 12;
  std::uint32_t size = 0;
  if (bytes.size() >= prefix)
    std::memcpy(&size, bytes.data() + 8, prefix - 8);
  if (bytes.size() < prefix || size > bytes.size() - prefix)
    return user_error(fmt::format("truncated .npy file: expected a header of {} bytes, got {} bytes",
                                  prefix + size, bytes.size()));
  if (size > max_header)
    return user_error(fmt::format("expected a .npy header of at most {} bytes, got {}", max_header, size));
  Result<NpyHeader> header =
      HeaderParser({reinterpret_cast<const char*>(bytes.data() + prefix), static_cast<std::size_t>(size)})
          .parse();
  if (!header)
    return header;
  header->data_offset = prefix + size;
  Result<const Element*> element = element_of(*header);
  if (!element)
    return element.error();
  if (header->shape.size() > static_cast<std::size_t>(max_rank))
    return user_error(
        fmt::format("expected a .npy file of rank at most {}, got rank {}", max_rank, header->shape.size()));
  Result<std::int64_t> count = count_of(*header, (*element)->size);
  if (!count)
    return count.error();
  auto expected = static_cast<std::uint64_t>(*count) * static_cast<std::uint64_t>((*element)->size);
  if (std::uint64_t actual = bytes.size() - header->data_offset; actual != expected)
    return user_error(fmt::format("{} .npy file: expected {} bytes for shape {} of '{}', got {}",
                                  actual < expected ? "truncated" : "damaged", expected,
                                  shape_text(header->shape), header->descr, actual));
  return header;
}

Result<Tensor> parse_npy(std::span<const std::byte> bytes) {
  Result<NpyHeader> header = read_npy_header(bytes);
  if (!header)
    return header.error();
  const Element& element = **element_of(*header);
  std::vector<std::int64_t> shape = header->shape;
  if (header->fortran_order)
    shape.assign(header->shape.rbegin(), header->shape.rend());
  Result<Tensor> tensor = Tensor::zeros(element.dtype, shape);
  if (!tensor)
    return tensor;
  if (Result<void> result = copy_elements(element, bytes.subspan(header->data_offset), *tensor); !result)
    return result.error();
  if (!header->fortran_order)
    return tensor;
  ConstTensorView reversed = tensor->view();
  for (int i = 0; i < reversed.rank / 2; ++i)
    reversed = reversed.transposed(i, reversed.rank - 1 - i);
  return converted(reversed, element.dtype);
}

Result<Tensor> read_npy(const std::string& path) {
  Result<std::vector<std::byte>> bytes = read_file(path);
  if (!bytes)
    return bytes.error();
  Result<Tensor> tensor = parse_npy(*bytes);
  if (!tensor)
    return std::move(tensor).error().in(path);
  return tensor;
}

std::string npy_header(std::string_view descr, std::span<const std::int64_t> shape) {
  std::string extents;
  for (std::size_t i = 0; i < shape.size(); ++i)
    extents += fmt::format("{}{}", shape[i], i + 1 < shape.size() ? ", " : shape.size() == 1 ? "," : "");
  const std::string dict =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, extents);
  const std::size_t prefix = sizeof magic + 4, size = (prefix + dict.size() + 1 + 63) / 64 * 64 - prefix;
  std::string bytes(magic, sizeof magic);
  bytes += {'\1', '\0', static_cast<char>(size & 0xff), static_cast<char>(size >> 8)};
  bytes += dict;
  bytes.resize(prefix + size - 1, ' ');
  return bytes + '\n';
}

Result<std::vector<std::byte>> format_npy(const ConstTensorView& view) {
  Result<Parts> parts = parts_of(view);
  if (!parts)
    return parts.error();
  auto header = std::as_bytes(std::span(parts->header));
  std::vector<std::byte> bytes(header.begin(), header.end());
  bytes.insert(bytes.end(), parts->elements.begin(), parts->elements.end());
  return bytes;
}

Result<void> write_npy(const ConstTensorView& view, const std::string& path) {
  Result<Parts> parts = parts_of(view);
  if (!parts)
    return parts.error();
  return write_file(path, {std::as_bytes(std::span(parts->header)), parts->elements});
}

} // namespace attile
