// Arrays and scalars of the element types that kernels have, from and to .npy files and text.
#pragma once

#include <attile/result.h>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attile::emu_tool {

struct ElementType {
  enum class Kind : std::uint8_t { float_, signed_, unsigned_ };
  std::string_view name; ///< "f64", "bf16", "e4m3", "u32"
  std::string_view
      descr;             ///< of .npy files, without byte order: "f8"; types that NumPy lacks are bit patterns
  std::string_view also; ///< another descr that holds it: "V2", as ml_dtypes writes bfloat16; may be empty
  std::size_t size;      ///< bytes
  Kind kind;
  int in_byte = 1; ///< elements: two integers of 4 bits, the first one in the low half
};

/// By its name; null if there is none. `element_names` lists them.
const ElementType* element_named(std::string_view name);
std::string element_names();

/// Dense, the last dimension fastest.
struct Array {
  const ElementType* type = nullptr;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
};

/// The extents that a file has: of i4 and u4 the last one is half of the array's, since its elements are
/// bytes.
std::vector<std::int64_t> stored_shape(const Array& array);

/// "f32[4,8]", or "f32" if `needs_shape` is false: an Array whose bytes are zero. Errors quote the text.
Result<Array> parse_type(std::string_view text, bool needs_shape);

/// The bytes of a number (the low half of one for i4 and u4): rounded to nearest for floats; integers must
/// fit.
Result<std::vector<std::byte>> encode(const ElementType& type, std::string_view number);

/// Sets all elements to the number.
Result<void> fill(Array& array, std::string_view number);

/// Floats in [-1, 1), integers in [0, 100), all values of 4 bits: the same for the same seed.
void randomise(Array& array, std::uint64_t seed);

/// The elements are kept bit by bit. Where `expected` has a type, the file must hold it, and where it has a
/// shape, that shape. Fortran order becomes C order.
Result<Array> read_array(const std::string& path, const Array& expected = {});

Result<void> write_array(const Array& array, const std::string& path);

} // namespace attile::emu_tool
