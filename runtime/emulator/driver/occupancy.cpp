// How many blocks fit a multiprocessor (CUDA C++ Programming Guide, "Hardware Multithreading").
#include "emulator/driver/call.h"
#include "emulator/driver/launch.h"

#include <algorithm>
#include <optional>

namespace emu::driver {
namespace {

std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

// Shared memory is given in these units.
std::size_t shared_unit(const Chip& chip) { return chip.major >= 8 ? 128 : 256; }

int by_registers(const Chip& chip, unsigned registers, std::size_t warps) {
  if (registers == 0)
    return chip.max_blocks_per_sm;
  const std::size_t of_warp = round_up(std::size_t{registers} * 32, 256);
  const std::size_t fitting =
      static_cast<std::size_t>(chip.registers_per_sm) / of_warp / 4 * 4; // four partitions
  return static_cast<int>(fitting / warps);
}

} // namespace

unsigned registers_of(const Function& function) {
  const Settings now = settings();
  const auto given = now.registers.find(function.name);
  return given != now.registers.end() && given->second != 0 ? given->second
                                                            : function.max_registers.value_or(0);
}

int blocks_per_multiprocessor(const FunctionObject& object, int threads, std::size_t dynamic_shared) {
  const Chip& chip = *object.chip;
  const std::size_t warps = round_up(static_cast<std::size_t>(threads), 32) / 32;
  const std::size_t shared = round_up(object.function->shared_bytes + dynamic_shared +
                                          static_cast<std::size_t>(chip.shared_reserved),
                                      shared_unit(chip));
  int blocks =
      std::min<int>(chip.max_blocks_per_sm,
                    static_cast<int>(static_cast<std::size_t>(chip.max_threads_per_sm) / 32 / warps));
  if (shared > 0)
    blocks = std::min(blocks, static_cast<int>(static_cast<std::size_t>(chip.shared_per_sm) / shared));
  return std::min(blocks, by_registers(chip, registers_of(*object.function), warps));
}

} // namespace emu::driver

namespace emu::abi {

using namespace emu::driver;

namespace {

// Blocks of the cluster that the configuration asks for; nothing: it does not ask.
std::optional<std::uint64_t> asked_cluster(const CUlaunchConfig& config) {
  for (unsigned i = 0; i < config.numAttrs; ++i)
    if (config.attrs[i].id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION) {
      const Extent extent = config.attrs[i].value.clusterDim;
      return Dim3{extent.x, extent.y, extent.z}.count();
    }
  return std::nullopt;
}

// Of every launch of the function; 0: it is chosen with the launch.
std::uint64_t required_cluster(const FunctionObject& object) {
  const auto& fixed = object.function->required_cluster;
  if (fixed && (*fixed)[0] != 0)
    return std::uint64_t((*fixed)[0]) * (*fixed)[1] * (*fixed)[2];
  const auto& set = object.required_cluster;
  return set[0] <= 0 ? 0
                     : static_cast<std::uint64_t>(set[0]) * static_cast<std::uint64_t>(std::max(set[1], 1)) *
                           static_cast<std::uint64_t>(std::max(set[2], 1));
}

// Blocks of the greatest cluster that the chip and the function allow; 1: no clusters.
std::uint64_t most_blocks(const FunctionObject& object) {
  constexpr int portable = 8;
  const int chip = object.chip->max_cluster;
  auto most =
      static_cast<std::uint64_t>(std::max(1, object.non_portable_cluster ? chip : std::min(chip, portable)));
  if (object.function->max_cluster_rank != 0)
    most = std::min<std::uint64_t>(most, object.function->max_cluster_rank);
  return most;
}

// Blocks of the configuration that the chip holds at a time.
std::uint64_t blocks_at_once(const FunctionObject& object, const CUlaunchConfig& config) {
  const std::uint64_t threads = Dim3{config.blockDimX, config.blockDimY, config.blockDimZ}.count();
  if (config.sharedMemBytes > object.max_dynamic_shared ||
      (object.function->max_threads && threads > *object.function->max_threads))
    return 0;
  return static_cast<std::uint64_t>(
             blocks_per_multiprocessor(object, static_cast<int>(threads), config.sharedMemBytes)) *
         static_cast<std::uint64_t>(object.chip->multiprocessors);
}

bool is_valid(const CUlaunchConfig* config, const Chip& chip) {
  if (config == nullptr || (config->attrs == nullptr && config->numAttrs != 0))
    return false;
  const std::uint64_t threads = Dim3{config->blockDimX, config->blockDimY, config->blockDimZ}.count();
  return threads != 0 && threads <= static_cast<std::uint64_t>(chip.max_threads_per_block);
}

} // namespace

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, CUfunction handle, int threads,
                                                              std::size_t dynamic_shared,
                                                              unsigned int flags) {
  const FunctionCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (blocks == nullptr || threads <= 0 || flags > CU_OCCUPANCY_DISABLE_CACHING_OVERRIDE)
    return CUDA_ERROR_INVALID_VALUE;
  const bool fits = threads <= call.chip().max_threads_per_block &&
                    (!call.function->function->max_threads ||
                     threads <= static_cast<int>(*call.function->function->max_threads)) &&
                    dynamic_shared <= call.function->max_dynamic_shared;
  *blocks = fits ? blocks_per_multiprocessor(*call.function, threads, dynamic_shared) : 0;
  return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction function, int threads,
                                                     std::size_t dynamic_shared) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, threads, dynamic_shared, 0);
}

CUresult cuOccupancyMaxPotentialBlockSizeWithFlags(int* grid, int* block, CUfunction handle,
                                                   CUoccupancyB2DSize shared_of, std::size_t dynamic_shared,
                                                   int limit, unsigned int flags) {
  FunctionCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (grid == nullptr || block == nullptr || flags > CU_OCCUPANCY_DISABLE_CACHING_OVERRIDE)
    return CUDA_ERROR_INVALID_VALUE;
  const FunctionObject& function = *call.function;
  int most = call.chip().max_threads_per_block;
  if (function.function->max_threads)
    most = std::min(most, static_cast<int>(*function.function->max_threads));
  if (limit > 0)
    most = std::min(most, limit);
  const int multiprocessors = call.chip().multiprocessors;
  call.lock.unlock(); // shared_of is the program's
  int best = 0, best_threads = 0, best_blocks = 0;
  for (int threads = most; threads > 0; threads = (threads - 1) / 32 * 32) {
    const int blocks = blocks_per_multiprocessor(function, threads,
                                                 shared_of != nullptr ? shared_of(threads) : dynamic_shared);
    if (blocks * threads > best) {
      best = blocks * threads;
      best_threads = threads;
      best_blocks = blocks;
    }
  }
  *block = best_threads;
  *grid = best_blocks * multiprocessors;
  return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxPotentialBlockSize(int* grid, int* block, CUfunction function,
                                          CUoccupancyB2DSize shared_of, std::size_t dynamic_shared,
                                          int limit) {
  return cuOccupancyMaxPotentialBlockSizeWithFlags(grid, block, function, shared_of, dynamic_shared, limit,
                                                   0);
}

CUresult cuOccupancyAvailableDynamicSMemPerBlock(std::size_t* bytes, CUfunction handle, int blocks,
                                                 int threads) {
  const FunctionCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (bytes == nullptr || blocks <= 0 || threads <= 0 ||
      blocks_per_multiprocessor(*call.function, threads, 0) < blocks)
    return CUDA_ERROR_INVALID_VALUE;
  const Chip& chip = call.chip();
  const std::size_t unit = chip.major >= 8 ? 128 : 256;
  const std::size_t share =
      static_cast<std::size_t>(chip.shared_per_sm) / static_cast<std::size_t>(blocks) / unit * unit;
  const std::size_t used =
      call.function->function->shared_bytes + static_cast<std::size_t>(chip.shared_reserved);
  const std::size_t most =
      static_cast<std::size_t>(chip.shared_per_block_optin) - call.function->function->shared_bytes;
  *bytes = share > used ? std::min(share - used, most) : 0;
  return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxPotentialClusterSize(int* size, CUfunction handle, const CUlaunchConfig* config) {
  const FunctionCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (size == nullptr || !is_valid(config, call.chip()))
    return CUDA_ERROR_INVALID_VALUE;
  const std::uint64_t required = required_cluster(*call.function);
  const std::uint64_t fit = blocks_at_once(*call.function, *config);
  *size = static_cast<int>(required != 0 ? required : std::min(most_blocks(*call.function), fit));
  return CUDA_SUCCESS;
}

// An upper bound: how multiprocessors form groups, which a cluster cannot cross, differs between chips of one
// kind.
CUresult cuOccupancyMaxActiveClusters(int* clusters, CUfunction handle, const CUlaunchConfig* config) {
  const FunctionCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (clusters == nullptr || !is_valid(config, call.chip()))
    return CUDA_ERROR_INVALID_VALUE;
  const std::uint64_t required = required_cluster(*call.function);
  const std::uint64_t size = asked_cluster(*config).value_or(required);
  if (size == 0 || (required != 0 && size != required) || size > most_blocks(*call.function))
    return CUDA_ERROR_INVALID_CLUSTER_SIZE;
  *clusters = static_cast<int>(blocks_at_once(*call.function, *config) / size);
  return CUDA_SUCCESS;
}

} // namespace emu::abi
