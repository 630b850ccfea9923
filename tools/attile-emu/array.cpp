#include "tools/attile-emu/array.h"

#include <algorithm>
#include <attile/npy.h>
#include <attile/random.h>
#include <attile/tensor.h>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <optional>

namespace attile::emu_tool {
namespace {

using Kind = ElementType::Kind;
constexpr ElementType types[] = {
    {"f64", "f8", "", 8, Kind::float_},     {"f32", "f4", "", 4, Kind::float_},
    {"f16", "f2", "", 2, Kind::float_},     {"bf16", "u2", "V2", 2, Kind::float_},
    {"e4m3", "u1", "V1", 1, Kind::float_},  {"e5m2", "u1", "V1", 1, Kind::float_},
    {"i8", "i1", "", 1, Kind::signed_},     {"i16", "i2", "", 2, Kind::signed_},
    {"i32", "i4", "", 4, Kind::signed_},    {"i64", "i8", "", 8, Kind::signed_},
    {"u8", "u1", "b1", 1, Kind::unsigned_}, {"u16", "u2", "", 2, Kind::unsigned_},
    {"u32", "u4", "", 4, Kind::unsigned_},  {"u64", "u8", "", 8, Kind::unsigned_},
    {"i4", "u1", "", 1, Kind::signed_, 2},  {"u4", "u1", "", 1, Kind::unsigned_, 2}};

template <class T> bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

template <class T> std::vector<std::byte> bytes_of(T value) {
  std::vector<std::byte> bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// A binary format of at most 16 bits. Beyond the largest finite encoding stands infinity, or the only NaN.
struct SmallFloat {
  std::string_view name;
  int exponent_bits, mantissa_bits;
  unsigned largest;
};
constexpr SmallFloat small_floats[] = {
    {"f16", 5, 10, 0x7bff}, {"bf16", 8, 7, 0x7f7f}, {"e4m3", 4, 3, 0x7e}, {"e5m2", 5, 2, 0x7b}};

/// Rounds to nearest, ties to even.
unsigned narrowed(const SmallFloat& format, double value) {
  const int bits = format.exponent_bits + format.mantissa_bits, bias = (1 << (format.exponent_bits - 1)) - 1;
  const unsigned sign = std::signbit(value) ? 1u << bits : 0;
  if (std::isnan(value))
    return sign | ((1u << bits) - 1);
  if (std::isinf(value))
    return sign | (format.largest + 1);
  const int exponent = value == 0 ? 1 - bias : std::max(std::ilogb(value), 1 - bias);
  const double units = std::nearbyint(std::ldexp(std::fabs(value), format.mantissa_bits - exponent));
  const double code = units + std::ldexp(exponent + bias - 1, format.mantissa_bits);
  return sign | (code > format.largest ? format.largest + 1 : static_cast<unsigned>(code));
}

std::vector<std::byte> encode_float(const ElementType& type, double value) {
  if (type.size == 8)
    return bytes_of(value);
  if (type.size == 4)
    return bytes_of(static_cast<float>(value));
  std::vector<std::byte> bytes =
      bytes_of(narrowed(*std::ranges::find(small_floats, type.name, &SmallFloat::name), value));
  bytes.resize(type.size);
  return bytes;
}

/// Of an integer type, the low bytes; nothing if it does not fit.
template <class Wide>
std::optional<std::vector<std::byte>> encode_integer(const ElementType& type, Wide value) {
  const int bits = static_cast<int>(8 * type.size) / type.in_byte;
  const int unused = static_cast<int>(8 * sizeof value) - bits;
  if ((static_cast<Wide>(static_cast<std::uint64_t>(value) << unused) >> unused) != value)
    return std::nullopt;
  std::vector<std::byte> bytes = bytes_of(value);
  bytes.resize(type.size);
  if (type.in_byte > 1)
    bytes[0] &= std::byte(15);
  return bytes;
}

/// The number of bytes, or an Error if there is no such number.
Result<std::size_t> bytes_in(const Array& array) {
  std::int64_t bytes = static_cast<std::int64_t>(array.type->size);
  for (const std::int64_t extent : stored_shape(array))
    if (__builtin_mul_overflow(bytes, extent, &bytes) || bytes > std::int64_t(1) << 46)
      return usage_error(
          fmt::format("an array of shape {} does not fit the device", shape_text(array.shape)));
  return static_cast<std::size_t>(bytes);
}

std::string_view without_order(std::string_view descr) {
  return !descr.empty() && std::string_view("<>|=").find(descr[0]) != std::string_view::npos ? descr.substr(1)
                                                                                             : descr;
}

Result<const ElementType*> type_of(std::string_view descr, const ElementType* expected) {
  const std::string_view code = without_order(descr);
  if (expected != nullptr) {
    if (code == expected->descr || code == expected->also)
      return expected;
    return user_error(fmt::format("expected elements of type {} (NumPy's {}{}), got {}", expected->name,
                                  expected->descr, expected->in_byte > 1 ? ", two in a byte" : "", code),
                      "name the file's own type, or convert it: numpy.save(path, a.astype(...))");
  }
  for (const ElementType& type : types)
    if (code == type.descr || code == type.also)
      return &type;
  return user_error(fmt::format("expected elements of one of the types {}, got {}", element_names(), code));
}

/// Column by column to row by row.
std::vector<std::byte> transposed(const Array& array, std::span<const std::byte> from) {
  std::vector<std::byte> to(from.size());
  std::vector<std::int64_t> at(array.shape.size());
  for (std::size_t i = 0; i < from.size(); i += array.type->size) {
    std::size_t offset = 0;
    for (std::size_t d = 0; d < at.size(); ++d)
      offset = offset * static_cast<std::size_t>(array.shape[d]) + static_cast<std::size_t>(at[d]);
    std::memcpy(&to[offset * array.type->size], &from[i], array.type->size);
    for (std::size_t d = 0; d < at.size() && ++at[d] == array.shape[d]; ++d)
      at[d] = 0;
  }
  return to;
}

} // namespace

const ElementType* element_named(std::string_view name) {
  const auto* found = std::ranges::find(types, name, &ElementType::name);
  return found == std::end(types) ? nullptr : found;
}

std::string element_names() {
  std::string names;
  for (const ElementType& type : types)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", type.name);
  return names;
}

std::vector<std::int64_t> stored_shape(const Array& array) {
  std::vector<std::int64_t> shape = array.shape;
  if (!shape.empty())
    shape.back() /= array.type->in_byte;
  return shape;
}

Result<Array> parse_type(std::string_view text, bool needs_shape) {
  const std::size_t open = std::min(text.find('['), text.size());
  Array array{.type = element_named(text.substr(0, open)), .shape = {}, .bytes = {}};
  if (array.type == nullptr)
    return usage_error(fmt::format("unknown element type '{}'", text.substr(0, open)),
                       "use one of " + element_names());
  if (open == text.size()) {
    if (needs_shape)
      return usage_error(fmt::format("'{}' has no shape", text), "write such as f32[4,8]");
    return array;
  }
  if (!text.ends_with(']'))
    return usage_error(fmt::format("'{}' is not an element type and a shape", text),
                       "write such as f32[4,8]");
  for (std::string_view rest = text.substr(open + 1, text.size() - open - 2);;) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::int64_t extent = 0;
    if (!parse(rest.substr(0, comma), extent) || extent < 1)
      return usage_error(fmt::format("'{}' is not an extent", rest.substr(0, comma)));
    array.shape.push_back(extent);
    if (comma == rest.size())
      break;
    rest.remove_prefix(comma + 1);
  }
  if (array.shape.back() % array.type->in_byte != 0)
    return usage_error(fmt::format("'{}' has an odd last extent, but {} elements of {} lie in a byte", text,
                                   array.type->in_byte, array.type->name));
  const Result<std::size_t> bytes = bytes_in(array);
  if (!bytes)
    return bytes.error();
  if (needs_shape)
    array.bytes.resize(*bytes);
  return array;
}

Result<std::vector<std::byte>> encode(const ElementType& type, std::string_view number) {
  std::optional<std::vector<std::byte>> bytes;
  if (type.kind == Kind::float_) {
    if (double value = 0; parse(number, value))
      bytes = encode_float(type, value);
  } else if (type.kind == Kind::signed_) {
    if (std::int64_t value = 0; parse(number, value))
      bytes = encode_integer(type, value);
  } else if (std::uint64_t value = 0; parse(number, value)) {
    bytes = encode_integer(type, value);
  }
  if (!bytes)
    return usage_error(fmt::format("'{}' is not a number of type {}", number, type.name));
  return *std::move(bytes);
}

Result<void> fill(Array& array, std::string_view number) {
  const Result<std::vector<std::byte>> element = encode(*array.type, number);
  if (!element)
    return element.error();
  std::vector<std::byte> unit = *element;
  if (array.type->in_byte > 1)
    unit[0] |= unit[0] << 4;
  for (std::size_t at = 0; at < array.bytes.size(); at += unit.size())
    std::memcpy(&array.bytes[at], unit.data(), unit.size());
  return {};
}

void randomise(Array& array, std::uint64_t seed) {
  if (array.type->in_byte > 1) {
    for (std::size_t i = 0; i < array.bytes.size(); ++i)
      array.bytes[i] = static_cast<std::byte>(static_cast<int>(256 * random_uniform(seed, i)));
    return;
  }
  for (std::size_t i = 0; i < array.bytes.size() / array.type->size; ++i) {
    const double uniform = random_uniform(seed, i);
    const std::vector<std::byte> element =
        array.type->kind == Kind::float_
            ? encode_float(*array.type, 2 * uniform - 1)
            : *encode_integer(*array.type, static_cast<std::int64_t>(100 * uniform));
    std::memcpy(&array.bytes[i * element.size()], element.data(), element.size());
  }
}

Result<Array> read_array(const std::string& path, const Array& expected) {
  std::ifstream stream(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  if (!stream)
    return user_error(fmt::format("cannot read '{}'", path));
  const std::span<const std::byte> file = std::as_bytes(std::span(text));
  const Result<NpyHeader> header = read_npy_header(file);
  if (!header)
    return Error(header.error()).in(path);
  const Result<const ElementType*> type = type_of(header->descr, expected.type);
  if (!type)
    return Error(type.error()).in(path);
  Array array{.type = *type, .shape = header->shape, .bytes = {}};
  if ((*type)->in_byte > 1) {
    if (array.shape.empty() || header->fortran_order)
      return user_error(fmt::format("{}: expected bytes of two {} each, of a rank above 0 and in C order",
                                    path, (*type)->name));
    array.shape.back() *= (*type)->in_byte;
  }
  if (!expected.shape.empty() && expected.shape.size() != array.shape.size())
    return user_error(fmt::format("{}: expected rank {}, got rank {} of shape {}", path,
                                  expected.shape.size(), array.shape.size(), shape_text(array.shape)));
  if (!expected.shape.empty() && expected.shape != array.shape)
    return user_error(fmt::format("{}: expected shape {}, got {}", path, shape_text(expected.shape),
                                  shape_text(array.shape)));
  if (std::ranges::count(array.shape, 0) > 0)
    return user_error(
        fmt::format("{}: the array of shape {} has no elements", path, shape_text(array.shape)));
  const std::span<const std::byte> elements = file.subspan(header->data_offset);
  array.bytes.assign(elements.begin(), elements.end());
  if (header->fortran_order)
    array.bytes = transposed(array, elements);
  return array;
}

Result<void> write_array(const Array& array, const std::string& path) {
  const std::string header =
      npy_header((array.type->size == 1 ? "|" : "<") + std::string(array.type->descr), stored_shape(array));
  std::ofstream stream(path, std::ios::binary);
  stream.write(header.data(), static_cast<std::streamsize>(header.size()));
  stream.write(reinterpret_cast<const char*>(array.bytes.data()),
               static_cast<std::streamsize>(array.bytes.size()));
  stream.close();
  if (!stream)
    return user_error(fmt::format("cannot write '{}'", path));
  return {};
}

} // namespace attile::emu_tool
