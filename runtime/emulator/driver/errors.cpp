// Names and descriptions of results.
#include "emulator/driver/report.h"

namespace emu {
namespace {

struct Result {
  abi::CUresult value;
  const char* name;
  const char* description;
};

constexpr Result results[] = {
#define ATTILE_CU_RESULT(name, value, description) {abi::name, #name, description},
#include "emulator/driver/errors.def"
#undef ATTILE_CU_RESULT
};

const Result* find(abi::CUresult value) {
  for (const Result& result : results)
    if (result.value == value)
      return &result;
  return nullptr;
}

} // namespace

const char* driver::name_of(abi::CUresult value) {
  const Result* result = find(value);
  return result != nullptr ? result->name : "an unknown error";
}

namespace abi {

CUresult cuGetErrorString(CUresult error, const char** text) {
  if (text == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const Result* result = find(error);
  *text = result != nullptr ? result->description : nullptr;
  return result != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorName(CUresult error, const char** text) {
  if (text == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const Result* result = find(error);
  *text = result != nullptr ? result->name : nullptr;
  return result != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

} // namespace abi
} // namespace emu
