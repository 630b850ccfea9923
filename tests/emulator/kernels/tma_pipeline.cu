// y = A w: one thread feeds a ring of three stages with boxes of A, two warps multiply them by the vector; the last
// box of a row hangs over the matrix's edge.
#include "async.cuh"

constexpr int stages = 3, rows = 64, columns = 32;

extern "C" __global__ void __launch_bounds__(96) tma_pipeline(const __grid_constant__ TensorMap a, const float* w, float* y, int tiles) {
  __shared__ alignas(1024) float ring[stages][rows * columns];
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
    for (int i = 0; i < tiles; ++i) {
      const int s = i % stages, round = i / stages;
      wait(&empty[s], (round & 1) ^ 1);
      arrive_expecting(&full[s], sizeof ring[s]);
      load(ring[s], &a, i * columns, blockIdx.x * rows, &full[s]);
    }
    return;
  }
  const int row = t - 32;
  float sum = 0;
#pragma unroll 1
  for (int i = 0; i < tiles; ++i) {
    const int s = i % stages, round = i / stages;
    wait(&full[s], round & 1);
#pragma unroll 4
    for (int j = 0; j < columns; ++j)
      sum += ring[s][row * columns + ((j / 4) ^ (row & 7)) * 4 + j % 4] * w[i * columns + j];
    __syncwarp();
    if (t % 32 == 0)
      arrive(&empty[s]);
  }
  y[blockIdx.x * rows + row] = sum;
}
