// Tensor maps (exec/tensor_map.h): their requirements are those that cuda.h documents for
// cuTensorMapEncodeTiled.
#include "emulator/exec/tensor_map.h"
#include "emulator/driver/call.h"
#include "emulator/driver/report.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu::abi {

using namespace emu::driver;

namespace {

constexpr int first_major = 9, first_atoms_major = 10; // chips that have maps; swizzles of larger chunks

CUresult invalid(std::string_view function, std::string_view what) {
  return refuse(CUDA_ERROR_INVALID_VALUE, fmt::format("{}: {}", function, what));
}

// The context's device must have tensor maps, and the object must be where one can lie.
CUresult check_object(const ContextCall& call, std::string_view function, const void* object) {
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (call.chip().major < first_major)
    return refuse(
        CUDA_ERROR_NOT_SUPPORTED,
        fmt::format("{}: {} has no tensor maps; sm_90 and newer ones have", function, call.chip().target));
  if (object == nullptr)
    return invalid(function, "tensorMap is null");
  if (reinterpret_cast<std::uintptr_t>(object) % TensorMap::alignment != 0)
    return invalid(function,
                   fmt::format("tensorMap at {}: expected a multiple of {}", object, TensorMap::alignment));
  return CUDA_SUCCESS;
}

CUresult no_im2col(std::string_view function, const void* object) {
  ContextCall call;
  if (const CUresult error = check_object(call, function, object); error != CUDA_SUCCESS)
    return error;
  return refuse(CUDA_ERROR_NOT_SUPPORTED, fmt::format("{}: the emulator has no im2col mode", function));
}

// Enumerators that are none of their kind: which; empty: there is none.
std::string_view unknown_enumerator(CUtensorMapDataType type, CUtensorMapInterleave interleave,
                                    CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                                    CUtensorMapFloatOOBfill fill) {
  if (type > CU_TENSOR_MAP_DATA_TYPE_16U6_ALIGN16B)
    return "tensorDataType";
  if (interleave > CU_TENSOR_MAP_INTERLEAVE_32B)
    return "interleave";
  if (swizzle > CU_TENSOR_MAP_SWIZZLE_128B_ATOM_64B)
    return "swizzle";
  if (promotion > CU_TENSOR_MAP_L2_PROMOTION_L2_256B)
    return "l2Promotion";
  return fill > CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA ? "oobFill" : "";
}

// Of values that unknown_enumerator() let pass.
template <class To> To enumerator(unsigned value, To last) {
  return static_cast<To>(std::min(value, static_cast<unsigned>(last)));
}

void set_swizzle(TensorMap& map, CUtensorMapSwizzle swizzle) {
  using Atom = TensorMap::Atom;
  const unsigned plain = std::min<unsigned>(swizzle, CU_TENSOR_MAP_SWIZZLE_128B);
  map.swizzle = enumerator(plain, TensorMap::Swizzle::span_128);
  map.atom = enumerator(swizzle - plain, Atom::bytes_64); // they have the same order
}

} // namespace

CUresult cuTensorMapEncodeTiled(CUtensorMap* object, CUtensorMapDataType type, cuuint32_t rank, void* address,
                                const cuuint64_t* dims, const cuuint64_t* strides, const cuuint32_t* box,
                                const cuuint32_t* steps, CUtensorMapInterleave interleave,
                                CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                                CUtensorMapFloatOOBfill fill) {
  constexpr std::string_view function = "cuTensorMapEncodeTiled";
  ContextCall call;
  if (const CUresult error = check_object(call, function, object); error != CUDA_SUCCESS)
    return error;
  if (const std::string_view what = unknown_enumerator(type, interleave, swizzle, promotion, fill);
      !what.empty())
    return invalid(function, fmt::format("{} is no enumerator of its type", what));
  if (rank < 1 || rank > TensorMap::most_rank)
    return invalid(function, fmt::format("a rank of {}: expected 1 to {}", rank, TensorMap::most_rank));
  if (address == nullptr || dims == nullptr || box == nullptr || steps == nullptr ||
      (strides == nullptr && rank > 1))
    return invalid(function, fmt::format("{} is null", address == nullptr ? "globalAddress"
                                                       : dims == nullptr  ? "globalDim"
                                                       : box == nullptr   ? "boxDim"
                                                       : steps == nullptr ? "elementStrides"
                                                                          : "globalStrides"));
  TensorMap map = {.type = enumerator(type, TensorMap::Type::u6_aligned_16),
                   .rank = rank,
                   .address = reinterpret_cast<std::uintptr_t>(address),
                   .interleave = enumerator(interleave, TensorMap::Interleave::bytes_32),
                   .promotion = static_cast<std::uint8_t>(promotion),
                   .fill_nan = fill == CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA};
  set_swizzle(map, swizzle);
  std::copy_n(dims, rank, map.dims.begin());
  std::copy_n(box, rank, map.box.begin());
  std::copy_n(steps, rank, map.steps.begin());
  if (rank > 1)
    std::copy_n(strides, rank - 1, map.strides.begin());
  if (map.atom != TensorMap::Atom::bytes_16 && call.chip().major < first_atoms_major)
    return invalid(function, fmt::format("{} swizzles chunks of 16 bytes only", call.chip().target));
  if (const std::string wrong = map.not_supported(); !wrong.empty())
    return refuse(CUDA_ERROR_NOT_SUPPORTED, fmt::format("{}: {}", function, wrong));
  if (const std::string wrong = map.wrong(); !wrong.empty())
    return invalid(function, wrong);
  map.encode(reinterpret_cast<std::byte*>(object));
  return CUDA_SUCCESS;
}

CUresult cuTensorMapEncodeIm2col(CUtensorMap* object, CUtensorMapDataType, cuuint32_t, void*,
                                 const cuuint64_t*, const cuuint64_t*, const int*, const int*, cuuint32_t,
                                 cuuint32_t, const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle,
                                 CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
  return no_im2col("cuTensorMapEncodeIm2col", object);
}

CUresult cuTensorMapEncodeIm2colWide(CUtensorMap* object, CUtensorMapDataType, cuuint32_t, void*,
                                     const cuuint64_t*, const cuuint64_t*, int, int, cuuint32_t, cuuint32_t,
                                     const cuuint32_t*, CUtensorMapInterleave, CUtensorMapIm2ColWideMode,
                                     CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
  return no_im2col("cuTensorMapEncodeIm2colWide", object);
}

CUresult cuTensorMapReplaceAddress(CUtensorMap* object, void* address) {
  constexpr std::string_view function = "cuTensorMapReplaceAddress";
  ContextCall call;
  if (const CUresult error = check_object(call, function, object); error != CUDA_SUCCESS)
    return error;
  std::optional<TensorMap> map = TensorMap::decode(reinterpret_cast<const std::byte*>(object));
  if (!map)
    return invalid(function, "tensorMap is none that cuTensorMapEncodeTiled made");
  if (address == nullptr)
    return invalid(function, "globalAddress is null");
  map->address = reinterpret_cast<std::uintptr_t>(address);
  if (const std::string wrong = map->wrong(); !wrong.empty())
    return invalid(function, wrong);
  map->encode(reinterpret_cast<std::byte*>(object));
  return CUDA_SUCCESS;
}

} // namespace emu::abi
