// Blocks that stay take tiles from a counter until none is left: one thread takes and loads them, two warps change
// them and write them back, with copies of the engine both ways.
#include "async.cuh"

constexpr int stages = 2, tile = 256;

extern "C" __global__ void __launch_bounds__(96) tma_persistent(const float* x, float* y, int* counter, int tiles) {
  __shared__ alignas(128) float ring[stages][tile];
  __shared__ alignas(128) float result[tile];
  __shared__ int taken[stages];
  __shared__ Barrier full[stages], empty[stages];
  const int t = threadIdx.x;
  if (t == 0) {
    for (int s = 0; s < stages; ++s) {
      init(&full[s], 1);
      init(&empty[s], 2);
    }
    fence_async();
  }
  __syncthreads();
  if (t < 32) {
    if (t != 0)
      return;
#pragma unroll 1
    for (int i = 0, next = 0; next < tiles; ++i) {
      const int s = i % stages, round = i / stages;
      wait(&empty[s], (round & 1) ^ 1);
      next = atomicAdd(counter, 1);
      taken[s] = next;
      if (next < tiles) {
        arrive_expecting(&full[s], sizeof ring[s]);
        load(ring[s], x + next * tile, sizeof ring[s], &full[s]);
      } else {
        arrive(&full[s]);
      }
    }
    return;
  }
#pragma unroll 1
  for (int i = 0;; ++i) {
    const int s = i % stages, round = i / stages;
    wait(&full[s], round & 1);
    const int mine = taken[s];
    if (mine >= tiles)
      break;
    for (int j = t - 32; j < tile; j += 64)
      result[j] = 2 * ring[s][j] + mine;
    __syncwarp();
    if (t % 32 == 0)
      arrive(&empty[s]);
    fence_async();
    asm volatile("bar.sync 1, 64;" ::: "memory");
    if (t == 32) {
      store(y + mine * tile, result, sizeof result);
      commit();
      wait_group_read<0>();
    }
    asm volatile("bar.sync 1, 64;" ::: "memory");
  }
}
