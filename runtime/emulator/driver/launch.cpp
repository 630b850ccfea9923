#include "emulator/driver/launch.h"
#include "emulator/driver/call.h"
#include "emulator/driver/module.h"

#include <cstring>
#include <fmt/format.h>

namespace emu::driver {
namespace {

constexpr std::uint32_t max_grid_x = 0x7fffffff, max_grid_yz = 65535, max_block_z = 64;

/// Checks a launch against the limits of the chip and of the kernel.
class Limits {
public:
  Limits(const FunctionObject& object, const LaunchShape& shape)
      : object(object), function(*object.function), chip(*object.chip), shape(shape) {}

  CUresult check(Dim3& cluster) const {
    CUresult result = check_sizes();
    if (result == CUDA_SUCCESS)
      result = check_shared();
    if (result == CUDA_SUCCESS)
      result = check_registers();
    if (result == CUDA_SUCCESS)
      result = check_cluster(cluster);
    if (result == CUDA_SUCCESS)
      result = check_cooperative();
    return result;
  }

private:
  template <class... Values>
  CUresult no(CUresult result, fmt::format_string<Values...> format, Values&&... values) const {
    return refuse(result, fmt::format("launch of '{}': {}", function.name,
                                      fmt::format(format, std::forward<Values>(values)...)));
  }

  CUresult check_sizes() const {
    const Dim3 grid = shape.grid, block = shape.threads;
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > max_grid_x || grid.y > max_grid_yz ||
        grid.z > max_grid_yz)
      return no(CUDA_ERROR_INVALID_VALUE, "a grid of {}x{}x{} blocks; expected 1 to {}x{}x{}", grid.x, grid.y,
                grid.z, max_grid_x, max_grid_yz, max_grid_yz);
    const auto most = static_cast<std::uint32_t>(chip.max_threads_per_block);
    if (block.x == 0 || block.y == 0 || block.z == 0 || block.x > most || block.y > most ||
        block.z > max_block_z || block.count() > most)
      return no(CUDA_ERROR_INVALID_VALUE, "a block of {}x{}x{} threads; expected 1 to {}x{}x{}, {} in all",
                block.x, block.y, block.z, most, most, max_block_z, most);
    if (function.max_threads && block.count() > *function.max_threads)
      return no(CUDA_ERROR_INVALID_VALUE, "{} threads a block, but its .maxntid allows {}", block.count(),
                *function.max_threads);
    if (const auto& required = function.required_threads;
        required && (block.x != (*required)[0] || block.y != (*required)[1] || block.z != (*required)[2]))
      return no(CUDA_ERROR_INVALID_VALUE, "a block of {}x{}x{} threads, but its .reqntid is {}x{}x{}",
                block.x, block.y, block.z, (*required)[0], (*required)[1], (*required)[2]);
    return CUDA_SUCCESS;
  }

  CUresult check_shared() const {
    const std::uint64_t total = function.shared_bytes + shape.dynamic_shared;
    if (shape.dynamic_shared > object.max_dynamic_shared)
      return no(CUDA_ERROR_INVALID_VALUE,
                "{} bytes of dynamic shared memory; it may have {} (with {} static ones). Up to {} with "
                "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES",
                shape.dynamic_shared, object.max_dynamic_shared, function.shared_bytes,
                std::max<std::int64_t>(
                    chip.shared_per_block_optin - static_cast<std::int64_t>(function.shared_bytes), 0));
    if (total > static_cast<std::uint64_t>(chip.shared_per_block_optin))
      return no(CUDA_ERROR_INVALID_VALUE, "{} bytes of shared memory; {} has {}", total, chip.target,
                chip.shared_per_block_optin);
    return CUDA_SUCCESS;
  }

  CUresult check_registers() const {
    const unsigned registers = registers_of(function);
    if (registers == 0 || blocks_per_multiprocessor(object, static_cast<int>(shape.threads.count()), 0) > 0)
      return CUDA_SUCCESS;
    return no(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "{} threads of {} registers; a block may have {}",
              shape.threads.count(), registers, chip.registers_per_block);
  }

  CUresult check_cluster(Dim3& cluster) const {
    const auto& required = function.required_cluster;
    const bool fixed = required && (*required)[0] != 0;
    if (fixed)
      cluster = {(*required)[0], (*required)[1], (*required)[2]};
    else if (object.required_cluster[0] > 0)
      cluster = {static_cast<std::uint32_t>(object.required_cluster[0]),
                 static_cast<std::uint32_t>(object.required_cluster[1]),
                 static_cast<std::uint32_t>(object.required_cluster[2])};
    if (shape.cluster) {
      const Dim3 asked = *shape.cluster;
      if (asked.count() == 0 ||
          (fixed && (asked.x != cluster.x || asked.y != cluster.y || asked.z != cluster.z)))
        return no(CUDA_ERROR_INVALID_CLUSTER_SIZE,
                  "a cluster of {}x{}x{} blocks, but its .reqnctapercluster is {}x{}x{}", asked.x, asked.y,
                  asked.z, cluster.x, cluster.y, cluster.z);
      cluster = asked;
    } else if (object.cluster_required && !fixed) {
      return no(CUDA_ERROR_INVALID_CLUSTER_SIZE, "it must be launched with a cluster size");
    }
    if (cluster.count() == 1)
      return CUDA_SUCCESS;
    const std::uint64_t portable = std::min(chip.max_cluster, 8);
    const std::uint64_t most = object.non_portable_cluster ? chip.max_cluster : portable;
    if (cluster.count() > most)
      return no(CUDA_ERROR_INVALID_CLUSTER_SIZE, "a cluster of {} blocks; {} has {}{}", cluster.count(),
                chip.target, most,
                object.non_portable_cluster ? ""
                                            : " without CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED");
    if (function.max_cluster_rank != 0 && cluster.count() > function.max_cluster_rank)
      return no(CUDA_ERROR_INVALID_CLUSTER_SIZE, "a cluster of {} blocks, but its .maxclusterrank is {}",
                cluster.count(), function.max_cluster_rank);
    if (shape.grid.x % cluster.x != 0 || shape.grid.y % cluster.y != 0 || shape.grid.z % cluster.z != 0)
      return no(CUDA_ERROR_INVALID_VALUE,
                "a grid of {}x{}x{} blocks is not a multiple of its cluster of {}x{}x{}", shape.grid.x,
                shape.grid.y, shape.grid.z, cluster.x, cluster.y, cluster.z);
    return CUDA_SUCCESS;
  }

  CUresult check_cooperative() const {
    if (!shape.cooperative)
      return CUDA_SUCCESS;
    const int fit =
        blocks_per_multiprocessor(object, static_cast<int>(shape.threads.count()), shape.dynamic_shared);
    const std::uint64_t most =
        static_cast<std::uint64_t>(fit) * static_cast<std::uint64_t>(chip.multiprocessors);
    if (shape.grid.count() > most)
      return no(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, "a cooperative grid of {} blocks; {} fit {} at once",
                shape.grid.count(), most, chip.target);
    return CUDA_SUCCESS;
  }

  const FunctionObject& object;
  const Function& function;
  const Chip& chip;
  const LaunchShape& shape;
};

CUresult pack(const Function& function, void** values, void** extra, std::vector<std::byte>& params) {
  params.assign(function.param_bytes, std::byte{0});
  if (values != nullptr && extra != nullptr)
    return refuse(CUDA_ERROR_INVALID_VALUE,
                  fmt::format("launch of '{}': kernelParams and extra are both given", function.name));
  if (extra != nullptr) {
    const void* buffer = nullptr;
    std::size_t size = 0;
    for (void** entry = extra; *entry != CU_LAUNCH_PARAM_END; entry += 2) {
      if (entry[0] == CU_LAUNCH_PARAM_BUFFER_POINTER)
        buffer = entry[1];
      else if (entry[0] == CU_LAUNCH_PARAM_BUFFER_SIZE && entry[1] != nullptr)
        size = *static_cast<const std::size_t*>(entry[1]);
      else
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (size < params.size() || (buffer == nullptr && !params.empty()))
      return refuse(CUDA_ERROR_INVALID_VALUE,
                    fmt::format("launch of '{}': a buffer of {} bytes of parameters; it has {}",
                                function.name, size, params.size()));
    if (buffer != nullptr)
      std::memcpy(params.data(), buffer, params.size());
    return CUDA_SUCCESS;
  }
  for (std::size_t i = 0; i < function.params.size(); ++i) {
    if (values == nullptr || values[i] == nullptr)
      return refuse(CUDA_ERROR_INVALID_VALUE, fmt::format("launch of '{}': parameter {} of {} is not given",
                                                          function.name, i, function.params.size()));
    std::memcpy(params.data() + function.params[i].offset, values[i], function.params[i].size);
  }
  return CUDA_SUCCESS;
}

} // namespace

CUresult prepare(std::shared_ptr<FunctionObject> function, const LaunchShape& shape, void** values,
                 void** extra, KernelLaunch& launch) {
  if (function == nullptr)
    return CUDA_ERROR_INVALID_HANDLE;
  launch.grid = shape.grid;
  launch.threads = shape.threads;
  launch.dynamic_shared = shape.dynamic_shared;
  launch.cooperative = shape.cooperative;
  launch.programmatic = shape.programmatic;
  if (const CUresult error = Limits(*function, shape).check(launch.cluster); error != CUDA_SUCCESS)
    return error;
  if (const CUresult error = pack(*function->function, values, extra, launch.params); error != CUDA_SUCCESS)
    return error;
  launch.function = std::move(function);
  return CUDA_SUCCESS;
}

CUresult prepare(Driver& driver, Context& context, const CUDA_KERNEL_NODE_PARAMS& params,
                 KernelLaunch& launch) {
  const CUfunction handle = params.func != nullptr ? params.func : reinterpret_cast<CUfunction>(params.kern);
  return prepare(find_function(driver, context, handle),
                 {.grid = {params.gridDimX, params.gridDimY, params.gridDimZ},
                  .threads = {params.blockDimX, params.blockDimY, params.blockDimZ},
                  .cluster = {},
                  .dynamic_shared = params.sharedMemBytes},
                 params.kernelParams, params.extra, launch);
}

} // namespace emu::driver

namespace emu::abi {

using namespace emu::driver;

namespace {

CUresult launch(CUfunction handle, const LaunchShape& shape, CUstream stream, void** values, void** extra,
                const CUevent* events = nullptr, std::size_t event_count = 0) {
  StreamCall call(stream);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  KernelLaunch operation;
  const CUresult error =
      prepare(find_function(*call.driver, *call.context, handle), shape, values, extra, operation);
  if (error != CUDA_SUCCESS)
    return error;
  CUresult result = call.submit(std::move(operation));
  for (std::size_t i = 0; i < event_count && result == CUDA_SUCCESS; ++i)
    if (const std::shared_ptr<Event> event = call->events.find(events[i]); event != nullptr)
      result = call.submit(Record{event, ++event->submitted});
  return result;
}

} // namespace

CUresult cuLaunchKernel(CUfunction function, unsigned int grid_x, unsigned int grid_y, unsigned int grid_z,
                        unsigned int block_x, unsigned int block_y, unsigned int block_z, unsigned int shared,
                        CUstream stream, void** values, void** extra) {
  return launch(function, {{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, {}, shared}, stream, values,
                extra);
}

CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned int grid_x, unsigned int grid_y,
                                   unsigned int grid_z, unsigned int block_x, unsigned int block_y,
                                   unsigned int block_z, unsigned int shared, CUstream stream,
                                   void** values) {
  return launch(function, {{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, {}, shared, true}, stream,
                values, nullptr);
}

// What is only about speed (priorities, cache policies, preferred clusters) is accepted without effect.
CUresult cuLaunchKernelEx(const CUlaunchConfig* config, CUfunction function, void** values, void** extra) {
  if (config == nullptr || (config->attrs == nullptr && config->numAttrs != 0))
    return CUDA_ERROR_INVALID_VALUE;
  LaunchShape shape{{config->gridDimX, config->gridDimY, config->gridDimZ},
                    {config->blockDimX, config->blockDimY, config->blockDimZ},
                    {},
                    config->sharedMemBytes};
  std::vector<CUevent> events;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const CUlaunchAttributeValue& value = config->attrs[i].value;
    switch (static_cast<unsigned>(config->attrs[i].id)) {
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
      shape.cluster = Dim3{value.clusterDim.x, value.clusterDim.y, value.clusterDim.z};
      break;
    case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
      shape.cooperative = value.cooperative != 0;
      break;
    case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
      shape.programmatic = value.programmaticStreamSerializationAllowed != 0;
      break;
    case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT:
      events.push_back(value.programmaticEvent.event);
      break;
    case CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT:
      events.push_back(value.launchCompletionEvent.event);
      break;
    case CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE:
      return CUDA_ERROR_NOT_SUPPORTED;
    default:
      break;
    }
  }
  return launch(function, shape, config->hStream, values, extra, events.data(), events.size());
}

} // namespace emu::abi
