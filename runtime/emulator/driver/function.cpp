#include "emulator/driver/function.h"
#include "emulator/driver/call.h"
#include "emulator/driver/launch.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace emu::driver {
namespace {

int max_threads(const FunctionObject& object) {
  const Function& function = *object.function;
  int most = object.chip->max_threads_per_block;
  if (function.max_threads)
    most = std::min(most, static_cast<int>(*function.max_threads));
  while (most > 32 && blocks_per_multiprocessor(object, most, 0) == 0)
    most -= 32;
  return most;
}

std::uint64_t constant_bytes(const FunctionObject& object) {
  std::uint64_t bytes = 0;
  for (const ptx::Variable& variable : object.program->module->variables)
    if (variable.space == ptx::Space::constant)
      bytes += variable.size;
  return bytes;
}

int ptx_version(const FunctionObject& object) {
  const std::string& target = object.program->target;
  int number = 0;
  if (target.starts_with("sm_"))
    std::from_chars(target.data() + 3, target.data() + target.size(), number);
  return number;
}

int required_cluster(const FunctionObject& object, unsigned dimension) {
  const auto& fixed = object.function->required_cluster;
  return fixed && (*fixed)[0] != 0 ? static_cast<int>((*fixed)[dimension])
                                   : object.required_cluster[dimension];
}

} // namespace

CUresult get_attribute(const FunctionObject& object, CUfunction_attribute attribute, int& value) {
  const Function& function = *object.function;
  switch (static_cast<unsigned>(attribute)) {
  case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    value = max_threads(object);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
    value = static_cast<int>(function.shared_bytes);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
    value = static_cast<int>(constant_bytes(object));
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
    value = static_cast<int>(function.local_bytes);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_NUM_REGS:
    value = static_cast<int>(registers_of(function));
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_PTX_VERSION:
    value = ptx_version(object);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
    value = object.chip->major * 10 + object.chip->minor;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA:
    value = 0;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
    value = static_cast<int>(object.max_dynamic_shared);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
    value = object.carveout;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET:
    value = object.cluster_required ? 1 : 0;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
  case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
  case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH:
    value = required_cluster(object, attribute - CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
    value = object.non_portable_cluster ? 1 : 0;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
    value = object.cluster_policy;
    return CUDA_SUCCESS;
  default:
    return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult set_attribute(FunctionObject& object, CUfunction_attribute attribute, int value) {
  const auto optin = static_cast<std::int64_t>(object.chip->shared_per_block_optin);
  switch (static_cast<unsigned>(attribute)) {
  case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
    if (value < 0 || value > optin - static_cast<std::int64_t>(object.function->shared_bytes))
      return refuse(
          CUDA_ERROR_INVALID_VALUE,
          fmt::format(
              "'{}' cannot have {} bytes of dynamic shared memory; {} has {} a block, {} of them static here",
              object.function->name, value, object.chip->target, optin, object.function->shared_bytes));
    object.max_dynamic_shared = static_cast<std::uint32_t>(value);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
    if (value < -1 || value > 100)
      return CUDA_ERROR_INVALID_VALUE;
    object.carveout = value;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET:
    object.cluster_required = value != 0;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
  case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
  case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH:
    if (value < 0 || object.function->required_cluster) // that of the code cannot be changed
      return CUDA_ERROR_INVALID_VALUE;
    object.required_cluster[attribute - CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH] = value;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
    object.non_portable_cluster = value != 0;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
    object.cluster_policy = value;
    return CUDA_SUCCESS;
  default:
    return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult param_info(const FunctionObject& object, std::size_t index, std::size_t* offset, std::size_t* size) {
  if (offset == nullptr || index >= object.function->params.size())
    return CUDA_ERROR_INVALID_VALUE;
  *offset = object.function->params[index].offset;
  if (size != nullptr)
    *size = object.function->params[index].size;
  return CUDA_SUCCESS;
}

} // namespace emu::driver

namespace emu::abi {

using namespace emu::driver;

CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction handle) {
  const FunctionCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  return value == nullptr ? CUDA_ERROR_INVALID_VALUE : get_attribute(*call.function, attribute, *value);
}

CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute, int value) {
  const FunctionCall call(handle);
  return call.error != CUDA_SUCCESS ? call.error : set_attribute(*call.function, attribute, value);
}

CUresult cuFuncSetCacheConfig(CUfunction handle, CUfunc_cache config) {
  const FunctionCall call(handle);
  return call.error;
}

CUresult cuFuncSetSharedMemConfig(CUfunction handle, CUsharedconfig config) {
  const FunctionCall call(handle);
  return call.error;
}

CUresult cuFuncGetModule(CUmodule* module, CUfunction handle) {
  const FunctionCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Module> owner = call.function->module.lock();
  if (module == nullptr || owner == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *module = call->modules.handle_of(*owner);
  return CUDA_SUCCESS;
}

CUresult cuFuncGetName(const char** name, CUfunction handle) {
  const FunctionCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (name == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *name = call.function->function->name.c_str();
  return CUDA_SUCCESS;
}

CUresult cuFuncGetParamInfo(CUfunction handle, std::size_t index, std::size_t* offset, std::size_t* size) {
  const FunctionCall call(handle);
  return call.error != CUDA_SUCCESS ? call.error : param_info(*call.function, index, offset, size);
}

CUresult cuFuncIsLoaded(CUfunctionLoadingState* state, CUfunction handle) {
  const FunctionCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (state == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *state = CUfunctionLoadingState{1};
  return CUDA_SUCCESS;
}

CUresult cuFuncLoad(CUfunction handle) {
  const FunctionCall call(handle);
  return call.error;
}

} // namespace emu::abi
