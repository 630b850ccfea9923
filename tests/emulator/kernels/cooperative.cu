// Cooperative groups: a grid that meets, and tiles of several warps.
#include <cooperative_groups.h>
namespace cg = cooperative_groups;

// Each element becomes the sum of its neighbours, in a ring, `steps` times.
extern "C" __global__ void ring(int* x, int* y, int steps) {
  const cg::grid_group grid = cg::this_grid();
  const int n = grid.size(), i = grid.thread_rank();
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    y[i] = x[(i + 1) % n] + x[(i + n - 1) % n];
    grid.sync();
    int* const other = x;
    x = y;
    y = other;
  }
}

// Each tile of 64 threads reverses its values, and adds that of its first thread.
extern "C" __global__ void tiles(const int* x, int* y) {
  __shared__ int values[192];
  const cg::thread_block block = cg::this_thread_block();
  const auto tile = cg::tiled_partition<64>(block);
  const int t = block.thread_rank(), i = blockIdx.x * blockDim.x + t;
  values[t] = x[i];
  tile.sync();
  y[i] = values[t / 64 * 64 + 63 - tile.thread_rank()] + tile.shfl(x[i], 0);
}
