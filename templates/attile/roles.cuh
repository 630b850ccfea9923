// What parts of a block need to play different roles: meetings of some threads, and registers that move from
// one warpgroup to another. (PTX ISA, "bar", "setmaxnreg", "fence.proxy".)
#pragma once

namespace attile {

/// Threads of a warpgroup.
inline constexpr int warpgroup = 128;

/// `Threads` of the block's threads wait for each other at hardware barrier `Id`; 0 is __syncthreads's.
template <int Id, int Threads> __device__ __forceinline__ void meet() {
  static_assert(Id > 0 && Id < 16 && Threads % 32 == 0, "barriers 1 to 15, whole warps");
  asm volatile("bar.sync %0, %1;" ::"n"(Id), "n"(Threads) : "memory");
}

/// The same at a barrier that is chosen at run time, alike in a warp; and for those who only let others go on
/// there.
__device__ __forceinline__ void meet(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
__device__ __forceinline__ void signal(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/// Which warpgroup of a role this is, whose first thread has this number.
__device__ __forceinline__ int warpgroup_of_role(int first_thread) {
  return (int(threadIdx.x) - first_thread) / warpgroup;
}

/// What this thread has written to shared memory is seen by copies and products that are asynchronous, as
/// far as they begin after a meeting with this thread.
__device__ __forceinline__ void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// This warpgroup goes on with N registers a thread: fewer than it has, or more, for which it waits until
/// others have given theirs away.
template <int N> __device__ __forceinline__ void keep_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N) : "memory");
}
template <int N> __device__ __forceinline__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N) : "memory");
}

} // namespace attile
