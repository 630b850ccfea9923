// Hopper's asynchronous instructions as functions, for the kernels beside this file.
#pragma once

/// What cuTensorMapEncodeTiled makes.
struct alignas(128) TensorMap {
  unsigned long long opaque[16];
};

using Barrier = unsigned long long;

__device__ inline unsigned shared_address(const void* at) { return (unsigned)__cvta_generic_to_shared(at); }

// ---- mbarriers ----

__device__ inline void init(Barrier* barrier, unsigned count) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(count) : "memory");
}

__device__ inline void arrive(Barrier* barrier) {
  asm volatile("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
}

__device__ inline void arrive_expecting(Barrier* barrier, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes)
               : "memory");
}

__device__ inline void wait(Barrier* barrier, unsigned parity) {
  asm volatile(
      "{\n.reg .pred p;\nagain:\nmbarrier.try_wait.parity.shared.b64 p, [%0], %1;\n@!p bra again;\n}" ::"r"(
          shared_address(barrier)),
      "r"(parity)
      : "memory");
}

// ---- clusters ----

/// At the same barrier of the block of that rank.
__device__ inline void arrive_at(Barrier* barrier, unsigned rank) {
  asm volatile("{\n.reg .b32 there;\nmapa.shared::cluster.u32 there, %0, "
               "%1;\nmbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];\n}" ::"r"(
                   shared_address(barrier)),
               "r"(rank)
               : "memory");
}

/// For arrivals from other blocks.
__device__ inline void wait_cluster(Barrier* barrier, unsigned parity) {
  asm volatile("{\n.reg .pred p;\nagain:\nmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%0], "
               "%1;\n@!p bra again;\n}" ::"r"(shared_address(barrier)),
               "r"(parity)
               : "memory");
}

__device__ inline void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release;" ::: "memory");
  asm volatile("barrier.cluster.wait.acquire;" ::: "memory");
}

// ---- fences ----

/// What was initialised is there for the cluster and for copies.
__device__ inline void fence_init() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

__device__ inline void fence_async() { asm volatile("fence.proxy.async;" ::: "memory"); }

// ---- copies ----

__device__ inline void load(void* to, const void* from, unsigned bytes, Barrier* barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
          shared_address(to)),
      "l"(from), "r"(bytes), "r"(shared_address(barrier))
      : "memory");
}

__device__ inline void load(void* to, const TensorMap* map, int x, int y, Barrier* barrier) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, "
               "{%2, %3}], [%4];" ::"r"(shared_address(to)),
               "l"(map), "r"(x), "r"(y), "r"(shared_address(barrier))
               : "memory");
}

/// To the same place of all blocks of the mask, and their barriers.
__device__ inline void load_multicast(void* to, const TensorMap* map, int x, int y, Barrier* barrier,
                                      unsigned short mask) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::"
               "cluster [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(shared_address(to)),
               "l"(map), "r"(x), "r"(y), "r"(shared_address(barrier)), "h"(mask)
               : "memory");
}

__device__ inline void store(void* to, const void* from, unsigned bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(to),
               "r"(shared_address(from)), "r"(bytes)
               : "memory");
}

__device__ inline void store(const TensorMap* map, int x, int y, const void* from) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%1, %2}], [%3];" ::"l"(map),
               "r"(x), "r"(y), "r"(shared_address(from))
               : "memory");
}

__device__ inline void reduce_add(const TensorMap* map, int x, int y, const void* from) {
  asm volatile(
      "cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group [%0, {%1, %2}], [%3];" ::"l"(
          map),
      "r"(x), "r"(y), "r"(shared_address(from))
      : "memory");
}

__device__ inline void commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
template <int keep> __device__ inline void wait_group() {
  asm volatile("cp.async.bulk.wait_group %0;" ::"n"(keep) : "memory");
}
template <int keep> __device__ inline void wait_group_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(keep) : "memory");
}
