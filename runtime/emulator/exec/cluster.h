// Clusters: blocks that run beside each other, reach each other's shared memory, and meet at a barrier of
// their own (PTX ISA, "Cluster of Cooperative Thread Arrays"). Every block is in one, if only by itself. One
// host thread runs all blocks of a cluster, so what they share needs no locks.
#pragma once

#include "emulator/exec/launch.h"
#include "emulator/memory/spaces.h"

namespace emu {

struct Cluster {
  Launch* launch = nullptr;
  Dim3 id;                                    ///< %clusterid
  std::vector<std::unique_ptr<Block>> blocks; ///< by rank; those that have left stay until all have
  std::uint64_t progress_at_timeout = 0;      ///< when threads that wait at mbarriers were last let go on
  std::uint32_t timeouts = 0;                 ///< since there was progress
};

/// %ctaid of the block of rank `rank`, and that block's number in the grid.
Dim3 block_id(const Cluster& cluster, std::uint32_t rank);
std::uint64_t block_number(const Cluster& cluster, std::uint32_t rank);

/// The cluster of that number, with its blocks at the first instruction of the kernel.
std::unique_ptr<Cluster> make_cluster(Launch& launch, std::uint64_t number);

/// An address in shared::cluster names a rank; without one it is the block's own.
inline std::uint64_t own_address(std::uint64_t cluster_address) { return cluster_address % rank_stride; }
/// The same byte of the block of rank `rank`.
inline std::uint64_t address_at_rank(std::uint64_t cluster_address, std::uint32_t rank) {
  return own_address(cluster_address) + (rank + std::uint64_t(1)) * rank_stride;
}
/// The block in whose shared memory an address of `block` lies; null: the cluster has no such rank.
inline Block* owner_of(Block& block, std::uint64_t cluster_address) {
  const std::uint64_t rank = cluster_address / rank_stride;
  if (rank == 0)
    return &block;
  return rank <= block.cluster->blocks.size() ? block.cluster->blocks[rank - 1].get() : nullptr;
}
/// It is another block's, all of whose threads have left.
inline bool is_gone(Block& block, std::uint64_t cluster_address) {
  const Block* const owner = owner_of(block, cluster_address);
  return owner != nullptr && owner->exited;
}

/// The threads of the group arrive at the barrier of their cluster (barrier.cluster.arrive). A thread arrives
/// once, waits, and arrives again.
Flow arrive_at_cluster(Group& group, const Instruction& instruction, Mask mask, bool aligned);
/// They wait until all threads of the cluster that have not left have arrived.
Flow wait_for_cluster(Group& group, const Instruction& instruction, Mask mask);
/// Completes the barrier if those that have left were all that was missing.
void cluster_after_leaving(Cluster& cluster);

/// When every thread of a block waits: lets asynchronous work of it go on, or, if all threads of its cluster
/// wait, that of others, or ends the time for which threads wait at an mbarrier. False if nothing can wake
/// any thread of the cluster.
bool unblock(Block& block);

} // namespace emu
