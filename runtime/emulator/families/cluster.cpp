// Clusters: addresses in the shared memory of other blocks.
#include "emulator/exec/cluster.h"
#include "emulator/checks/checker.h"
#include "emulator/families/modifiers.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu {
namespace {

enum Flag : std::uint64_t { aligned_flag = 1 };

// A rank that the cluster does not have gives an address that no block has: using it is the error.
std::uint32_t written_rank(std::uint32_t rank) {
  constexpr std::uint32_t most = window_bytes / rank_stride - 2;
  return std::min(rank, most);
}

// ---- mapa, getctarank: of addresses in shared::cluster, or generic ones in the window of shared memory ----

bool in_window(std::uint64_t generic) { return (generic & ~(window_bytes - 1)) == shared_window; }

// A fault if a lane's generic address is not in that window.
template <class T>
Flow check_window(Group& group, const Instruction& instruction, Mask mask, const T* generic) {
  const Mask wrong = lanes_where(mask, [&](int i) { return !in_window(generic[i]); });
  if (wrong == 0)
    return Flow::go;
  const int lane = __builtin_ctz(wrong);
  return fault(group, instruction, lane, Status::illegal_instruction,
               fmt::format("generic address 0x{:x}: expected one in shared memory",
                           static_cast<std::uint64_t>(generic[lane])));
}

template <class T, bool generic> Flow map_address(Group& group, const Instruction& instruction, Mask mask) {
  const T* from = lanes<T>(group.frame, instruction.operand(1));
  const auto* rank = lanes<std::uint32_t>(group.frame, instruction.operand(2));
  if (generic && check_window(group, instruction, mask, from) == Flow::fault)
    return Flow::fault;
  each_lane(lanes<T>(group.frame, instruction.operand(0)), mask, [=](int i) {
    const std::uint64_t window = generic ? shared_window : 0;
    return static_cast<T>(window + address_at_rank(from[i], written_rank(rank[i])));
  });
  return Flow::go;
}

template <class T, bool generic> Flow rank_of(Group& group, const Instruction& instruction, Mask mask) {
  const T* address = lanes<T>(group.frame, instruction.operand(1));
  const std::uint32_t own = group.warp->block->rank;
  if (generic && check_window(group, instruction, mask, address) == Flow::fault)
    return Flow::fault;
  each_lane(lanes<std::uint32_t>(group.frame, instruction.operand(0)), mask, [=](int i) {
    const auto rank = static_cast<std::uint32_t>(address[i] % window_bytes / rank_stride);
    return rank == 0 ? own : rank - 1;
  });
  return Flow::go;
}

template <template <class, bool> class Operation> Execute of_address(const Decoding& d) {
  const bool generic = !d.has("shared::cluster");
  if (ptx::bits(d.type()) == 32)
    return Operation<std::uint32_t, false>::execute;
  return generic ? Operation<std::uint64_t, true>::execute : Operation<std::uint64_t, false>::execute;
}

template <class T, bool generic> struct MapAddress {
  static constexpr Execute execute = map_address<T, generic>;
};
template <class T, bool generic> struct RankOf {
  static constexpr Execute execute = rank_of<T, generic>;
};

template <template <class, bool> class Operation> void decode_address(Decoding& d) {
  d.out.execute = of_address<Operation>(d);
  if (ptx::bits(d.type()) == 32 && !d.has("shared::cluster"))
    d.fail("a generic address has 64 bits");
}

// ---- barrier.cluster ----

Flow arrive(Group& group, const Instruction& instruction, Mask mask) {
  return arrive_at_cluster(group, instruction, mask, (instruction.flags & aligned_flag) != 0);
}

Flow wait(Group& group, const Instruction& instruction, Mask mask) {
  return wait_for_cluster(group, instruction, mask);
}

void decode_barrier(Decoding& d) {
  const bool arrives = d.has("arrive");
  d.out.execute = arrives ? arrive : wait;
  d.out.order = static_cast<std::uint8_t>(!arrives           ? Order::acquire
                                          : d.has("relaxed") ? Order::relaxed
                                                             : Order::release);
  d.out.scope = static_cast<std::uint8_t>(Scope::cluster);
  d.out.flags = d.has("aligned") ? std::uint64_t(aligned_flag) : 0;
}

// Initialised mbarriers are there for others of the cluster; the emulator's are at once.
Flow fence_initialisation(Group& group, const Instruction&, Mask mask) {
  if (Checker* checker = group.warp->block->launch->checker) {
    checker->fence(group, mask, Scope::cluster);
    checker->mbarriers_fenced(group, mask);
  }
  return Flow::go;
}

} // namespace

std::span<const Entry> cluster_entries() {
  static constexpr Entry entries[] = {
      {"mapa{.shared::cluster}(.u32|.u64)", "=t0 t0 u32", decode_address<MapAddress>, Kind::compute,
       Class::move},
      {"getctarank{.shared::cluster}(.u32|.u64)", "=u32 t0", decode_address<RankOf>, Kind::compute,
       Class::move},
      {"barrier.cluster.arrive{.release|.relaxed}{.aligned}", "", decode_barrier, Kind::sync, Class::sync},
      {"barrier.cluster.wait{.acquire}{.aligned}", "", decode_barrier, Kind::sync, Class::sync},
      {"fence.mbarrier_init.release.cluster", "", decode_as<fence_initialisation>, Kind::sync, Class::sync},
  };
  return entries;
}

} // namespace emu
