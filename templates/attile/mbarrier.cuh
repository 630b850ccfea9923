// Barriers whose phases end when so many threads have arrived and all expected bytes have come. (PTX ISA,
// "mbarrier".) A phase has a parity, 0 at first; who waits for the parity of the phase before the present one
// goes on at once.
#pragma once

#include "attile/fragment.cuh"
#include "attile/roles.cuh"
#include "attile/shared.cuh"

namespace attile {

/// One barrier for each stage of a pipeline, in shared memory of 8 bytes each.
template <int Stages> struct Barriers {
  static constexpr int stages = Stages, bytes = 8 * Stages;
  unsigned base; ///< shared_address
  __device__ __forceinline__ unsigned at(int stage) const { return base + 8 * stage; }
};

/// By one thread, before all others meet it.
template <int Stages>
__device__ __forceinline__ void begin_barriers(const Barriers<Stages>& barriers, int arrivals) {
#pragma unroll
  for (int stage = 0; stage < Stages; ++stage)
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barriers.at(stage)), "r"(arrivals)
                 : "memory");
  fence_async();
}

namespace detail {
__device__ __forceinline__ void arrive(unsigned at) {
  asm volatile("{\n.reg .b64 state;\nmbarrier.arrive.shared::cta.b64 state, [%0];\n}" ::"r"(at) : "memory");
}
} // namespace detail

/// One arrival for this warp, once all of its lanes are here.
template <int Stages>
__device__ __forceinline__ void arrive_warp(const Barriers<Stages>& barriers, int stage) {
  __syncwarp();
  if (lane_of_thread() == 0)
    detail::arrive(barriers.at(stage));
}

/// Waits until the phase of this parity has ended.
template <int Stages>
__device__ __forceinline__ void wait_phase(const Barriers<Stages>& barriers, int stage, int parity) {
  unsigned ended;
  do
    asm volatile("{\n.reg .pred ended;\n"
                 "mbarrier.try_wait.parity.shared::cta.b64 ended, [%1], %2;\n"
                 "selp.u32 %0, 1, 0, ended;\n}"
                 : "=r"(ended)
                 : "r"(barriers.at(stage)), "r"(parity)
                 : "memory");
  while (!ended);
}

} // namespace attile
