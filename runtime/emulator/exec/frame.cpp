// Frames: registers of an activation, its constants and special registers.
#include "emulator/checks/checker.h"
#include "emulator/exec/async.h"
#include "emulator/exec/cluster.h"
#include "emulator/exec/groups.h"
#include "emulator/memory/spaces.h"

#include <algorithm>
#include <cstring>

namespace emu {
namespace {

Dim3 at(const Dim3& grid, std::uint64_t linear) {
  Dim3 id;
  id.x = static_cast<std::uint32_t>(linear % grid.x);
  id.y = static_cast<std::uint32_t>(linear / grid.x % grid.y);
  id.z = static_cast<std::uint32_t>(linear / grid.x / grid.y);
  return id;
}

std::uint32_t component(const Dim3& of, int i) { return i == 0 ? of.x : i == 1 ? of.y : of.z; }

Dim3 divide(const Dim3& a, const Dim3& b) { return {a.x / b.x, a.y / b.y, a.z / b.z}; }
Dim3 remainder(const Dim3& a, const Dim3& b) { return {a.x % b.x, a.y % b.y, a.z % b.z}; }

// Value of a special register in a lane; `first` is the special's first component where it has three.
class Specials {
public:
  Specials(const Warp& warp, const Frame& frame)
      : warp(warp), block(*warp.block), launch(*block.launch), frame(frame) {}

  std::uint64_t operator()(Special what, int lane) const {
    const auto value = static_cast<int>(what);
    auto among = [&](Special first) {
      const int offset = value - static_cast<int>(first);
      return offset >= 0 && offset < 3 ? offset : -1;
    };
    const std::uint32_t thread = warp.index * warp_size + static_cast<std::uint32_t>(lane);
    const std::pair<Special, Dim3> triples[] = {
        {Special::tid_x, at(launch.threads, thread)},
        {Special::ntid_x, launch.threads},
        {Special::ctaid_x, block.id},
        {Special::nctaid_x, launch.grid},
        {Special::clusterid_x, divide(block.id, launch.cluster)},
        {Special::nclusterid_x, divide(launch.grid, launch.cluster)},
        {Special::cluster_ctaid_x, remainder(block.id, launch.cluster)},
        {Special::cluster_nctaid_x, launch.cluster},
    };
    for (const auto& [first, dims] : triples)
      if (const int i = among(first); i >= 0)
        return component(dims, i);
    return scalar(what, lane);
  }

private:
  std::uint64_t scalar(Special what, int lane) const {
    const Mask bit = Mask(1) << lane;
    const std::uint64_t static_shared = launch.kernel->shared_bytes;
    switch (what) {
    case Special::laneid:
      return static_cast<std::uint64_t>(lane);
    case Special::warpid:
      return warp.index;
    case Special::nwarpid:
      return static_cast<std::uint64_t>(launch.chip->max_threads_per_sm / warp_size);
    case Special::lanemask_eq:
      return bit;
    case Special::lanemask_le:
      return bit | (bit - 1);
    case Special::lanemask_lt:
      return bit - 1;
    case Special::lanemask_ge:
      return ~(bit - 1);
    case Special::lanemask_gt:
      return ~(bit | (bit - 1));
    case Special::smid:
      return block.linear % static_cast<std::uint64_t>(launch.chip->multiprocessors);
    case Special::nsmid:
      return static_cast<std::uint64_t>(launch.chip->multiprocessors);
    case Special::gridid:
      return launch.grid_id;
    case Special::cluster_ctarank:
      return block.rank;
    case Special::cluster_nctarank:
      return launch.cluster.count();
    case Special::is_explicit_cluster:
      return launch.cluster.count() > 1 ? ~std::uint64_t(0) : 0;
    case Special::total_smem_size:
      return static_shared + launch.dynamic_shared;
    case Special::aggr_smem_size:
      return static_shared + launch.dynamic_shared + shared_base;
    case Special::dynamic_smem_size:
      return launch.dynamic_shared;
    case Special::reserved_smem_offset_begin:
      return 0;
    case Special::reserved_smem_offset_cap:
      return shared_base;
    case Special::reserved_smem_offset_1:
      return shared_base - tile_scratch_bytes;
    case Special::workspace_high:
      return launch.workspace >> 32;
    case Special::workspace_low:
      return launch.workspace & 0xffffffff;
    case Special::local_base:
      return local_begin + frame.local_base;
    case Special::dynamic_shared:
      return shared_base + launch.kernel->dynamic_shared_offset;
    default:
      return 0;
    }
  }

  const Warp& warp;
  const Block& block;
  const Launch& launch;
  const Frame& frame;
};

void fill_specials(const Warp& warp, Frame& frame) {
  const Specials value(warp, frame);
  for (const SpecialSlot& special : frame.function->specials) {
    if (special.slot.bytes == 0) { // a predicate
      predicate(frame.registers, special.slot) = value(special.what, 0) ? all_lanes : 0;
      continue;
    }
    for (int lane = 0; lane < warp_size; ++lane) {
      const std::uint64_t bits = value(special.what, lane) + special.addend;
      std::memcpy(frame.registers + special.slot.offset + lane * special.slot.bytes, &bits,
                  std::min<std::size_t>(special.slot.bytes, sizeof bits));
    }
  }
}

} // namespace

std::uint64_t locals_end(const Frame& frame) {
  constexpr std::uint64_t align = 16;
  const std::uint64_t fixed = frame.local_base + frame.function->local_bytes;
  return frame.stack == nullptr ? fixed : (std::ranges::max(*frame.stack) + align - 1) / align * align;
}

// Local memory of all lanes has one size; it grows with the depth of calls.
void reserve_local(Warp& warp, std::uint64_t bytes) {
  if (bytes <= warp.local_bytes)
    return;
  const std::uint64_t grown = std::max(bytes, 2 * warp.local_bytes);
  std::vector<std::byte> wider(grown * warp_size);
  for (int lane = 0; lane < warp_size && warp.local_bytes > 0; ++lane)
    std::memcpy(wider.data() + lane * grown, warp.local.data() + lane * warp.local_bytes, warp.local_bytes);
  warp.local = std::move(wider);
  warp.local_bytes = grown;
}

std::shared_ptr<Frame> make_frame(Warp& warp, const Function& function, std::shared_ptr<Frame> caller,
                                  Mask lanes) {
  constexpr std::size_t align = 64;
  auto frame = std::make_shared<Frame>();
  frame->function = &function;
  frame->storage = std::make_unique<std::byte[]>(function.frame_bytes + align);
  const auto begin = reinterpret_cast<std::uintptr_t>(frame->storage.get());
  frame->registers = frame->storage.get() + ((align - begin % align) % align);
  if (!function.constants.empty())
    std::memcpy(frame->registers + function.constants_begin, function.constants.data(),
                function.constants.size());
  if (caller) {
    frame->local_base = locals_end(*caller);
    frame->depth = caller->depth + 1;
    frame->caller = std::move(caller);
  }
  reserve_local(warp, frame->local_base + function.local_bytes);
  fill_specials(warp, *frame);
  if (Checker* checker = warp.block->launch->checker)
    checker->frame_begins(warp, *frame, lanes);
  return frame;
}

Dim3 block_id(const Cluster& cluster, std::uint32_t rank) {
  const Dim3 size = cluster.launch->cluster, inside = at(size, rank);
  return {cluster.id.x * size.x + inside.x, cluster.id.y * size.y + inside.y,
          cluster.id.z * size.z + inside.z};
}

std::uint64_t block_number(const Cluster& cluster, std::uint32_t rank) {
  const Dim3 id = block_id(cluster, rank), grid = cluster.launch->grid;
  return id.x + grid.x * (id.y + std::uint64_t(grid.y) * id.z);
}

namespace {

std::unique_ptr<Block> make_block(Cluster& cluster, std::uint32_t rank) {
  Launch& launch = *cluster.launch;
  auto block = std::make_unique<Block>();
  block->launch = &launch;
  block->cluster = &cluster;
  block->rank = rank;
  block->async = std::make_shared<AsyncQueue>();
  block->id = block_id(cluster, rank);
  block->linear = block_number(cluster, rank);
  block->threads = launch.block_threads();
  block->shared_begin = shared_base - launch.program->reserved_shared;
  block->shared.resize(launch.program->reserved_shared +
                       (launch.dynamic_shared > 0
                            ? launch.kernel->dynamic_shared_offset + launch.dynamic_shared
                            : launch.kernel->shared_bytes));
  if (launch.checker != nullptr)
    launch.checker->block_begins(*block);
  for (std::uint32_t first = 0; first < block->threads; first += warp_size) {
    auto warp = std::make_unique<Warp>();
    warp->block = block.get();
    warp->index = first / warp_size;
    const std::uint32_t count = std::min<std::uint32_t>(warp_size, block->threads - first);
    warp->alive = count == warp_size ? all_lanes : (Mask(1) << count) - 1;
    auto group = std::make_unique<Group>();
    group->warp = warp.get();
    group->activation = make_frame(*warp, *launch.kernel, nullptr, all_lanes);
    group->frame = group->activation->registers;
    group->code = launch.kernel->code.data();
    group->mask = warp->alive;
    warp->groups.push_back(std::move(group));
    block->warps.push_back(std::move(warp));
  }
  return block;
}

} // namespace

std::unique_ptr<Cluster> make_cluster(Launch& launch, std::uint64_t number) {
  auto cluster = std::make_unique<Cluster>();
  cluster->launch = &launch;
  cluster->id = at(divide(launch.grid, launch.cluster), number);
  const auto size = static_cast<std::uint32_t>(launch.cluster.count());
  for (std::uint32_t rank = 0; rank < size; ++rank)
    cluster->blocks.push_back(make_block(*cluster, rank));
  return cluster;
}

} // namespace emu
