// A w for several vectors w: the blocks of a cluster have one each, and share the boxes of A: every block loads a part
// of each, and sends it to all of them. A stage is free when the warps of all blocks have left it.
#include "async.cuh"

constexpr int stages = 2, rows = 64, columns = 32, warps = 2, part = rows / CLUSTER;

extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) __launch_bounds__(96)
    tma_multicast(const __grid_constant__ TensorMap a, const float* w, float* y, int tiles) {
  __shared__ alignas(1024) float ring[stages][rows * columns];
  __shared__ Barrier full[stages], empty[stages];
  const int t = threadIdx.x, rank = blockIdx.x % CLUSTER, first = blockIdx.x / CLUSTER * rows;
  if (t == 0) {
    for (int s = 0; s < stages; ++s) {
      init(&full[s], 1);
      init(&empty[s], warps * CLUSTER);
    }
    fence_init();
  }
  cluster_sync();
  if (t == 0) {
#pragma unroll 1
    for (int i = 0; i < tiles; ++i) {
      const int s = i % stages, round = i / stages;
      wait_cluster(&empty[s], (round & 1) ^ 1);
      arrive_expecting(&full[s], sizeof ring[s]);
      load_multicast(&ring[s][rank * part * columns], &a, i * columns, first + rank * part, &full[s], (1 << CLUSTER) - 1);
    }
  } else if (t >= 32) {
    const int row = t - 32;
    const float* mine = w + rank * tiles * columns;
    float sum = 0;
#pragma unroll 1
    for (int i = 0; i < tiles; ++i) {
      const int s = i % stages, round = i / stages;
      wait(&full[s], round & 1);
#pragma unroll 4
      for (int j = 0; j < columns; ++j)
        sum += ring[s][row * columns + ((j / 4) ^ (row & 7)) * 4 + j % 4] * mine[i * columns + j];
      __syncwarp();
      if (t % 32 < CLUSTER)
        arrive_at(&empty[s], t % 32);
    }
    y[blockIdx.x * rows + row] = sum;
  }
  cluster_sync(); // nobody leaves while others send to it
}
