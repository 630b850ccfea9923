// NumPy's .npy files: tensors in and out of programs.
#pragma once

#include <attile/result.h>
#include <attile/tensor.h>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace attile {

/// What a file holds, in NumPy's terms.
struct NpyHeader {
  std::string descr; ///< "<f4"
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::size_t data_offset = 0; ///< of the first element, in bytes
};

/// The header of version 1.0, 2.0 or 3.0 at the start of `bytes`, and that exactly the elements follow it.
/// Whatever is wrong is an Error of kind `user`: truncated, absurd extents, unknown syntax.
Result<NpyHeader> read_npy_header(std::span<const std::byte> bytes);

/// A tensor from the bytes of a file. Arrays in Fortran order are transposed into C order.
///
/// Element types, little endian: f2 -> f16, f4 -> f32, i4 -> i32, i8 -> i64, u1 and b1 -> u8; u2 -> bf16, as
/// bit patterns, and so V2 and V1, as which ml_dtypes writes bfloat16 and float8. Without loss also i1, i2 ->
/// i32, u4 -> i64; f8 -> f32, rounded to nearest; u8 where it fits i64. Other types and big-endian files are
/// an Error that says how to convert them.
Result<Tensor> parse_npy(std::span<const std::byte> bytes);

/// The same from a file, which is read at once.
Result<Tensor> read_npy(const std::string& path);

/// Writes `view`, of any strides, in C order: f32 as "<f4", f16 as "<f2", bf16 as "<u2" bit patterns, i32 as
/// "<i4", i64 as "<i8", u8 as "|u1".
Result<void> write_npy(const ConstTensorView& view, const std::string& path);

/// What stands before the elements in C order, whose type is `descr` in NumPy's terms: magic, version 1.0,
/// length and header, padded so that elements start at a multiple of 64 bytes.
std::string npy_header(std::string_view descr, std::span<const std::int64_t> shape);

/// The bytes that write_npy writes.
Result<std::vector<std::byte>> format_npy(const ConstTensorView& view);

} // namespace attile
