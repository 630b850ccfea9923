// D[m][n] = A[m][k] B[n][k] by nvcuda::wmma: a tile of 64 x 64 a block of four warps, f16 inputs, sums in f32. Each warp
// has 16 rows, and puts its sums through shared memory to write whole lines. m and n are multiples of 64, k of 16.
#include <mma.h>
using namespace nvcuda;

extern "C" __global__ void matmul_wmma(const half* a, const half* b, float* d, int n, int k) {
  constexpr int stride = 24; // 16 and a padding that spreads the banks
  __shared__ __align__(32) half a_tile[64 * stride], b_tile[64 * stride];
  __shared__ __align__(32) float out[4][16 * 20];
  const int t = threadIdx.x, lane = t % 32, warp = t / 32;
  const int m0 = blockIdx.y * 64, n0 = blockIdx.x * 64;
  wmma::fragment<wmma::accumulator, 16, 16, 16, float> sums[4];
  for (auto& sum : sums)
    wmma::fill_fragment(sum, 0.0f);
#pragma unroll 1
  for (int k0 = 0; k0 < k; k0 += 16) {
    const int r = t / 2, c = t % 2 * 8;
    *(uint4*)(a_tile + r * stride + c) = *(const uint4*)(a + (m0 + r) * k + k0 + c);
    *(uint4*)(b_tile + r * stride + c) = *(const uint4*)(b + (n0 + r) * k + k0 + c);
    __syncthreads();
    wmma::fragment<wmma::matrix_a, 16, 16, 16, half, wmma::row_major> left;
    wmma::load_matrix_sync(left, a_tile + 16 * warp * stride, stride);
    for (int j = 0; j < 4; ++j) {
      wmma::fragment<wmma::matrix_b, 16, 16, 16, half, wmma::col_major> right;
      wmma::load_matrix_sync(right, b_tile + 16 * j * stride, stride);
      wmma::mma_sync(sums[j], left, right, sums[j]);
    }
    __syncthreads();
  }
  for (int j = 0; j < 4; ++j) {
    for (int i = 0; i < sums[j].num_elements; ++i)
      sums[j].x[i] *= 2.0f;
    if (j > 0)
      __syncwarp();
    wmma::store_matrix_sync(out[warp], sums[j], 20, wmma::mem_row_major);
    __syncwarp();
    for (int i = lane; i < 256; i += 32)
      d[(m0 + 16 * warp + i / 16) * n + n0 + 16 * j + i % 16] = 0.5f * out[warp][i / 16 * 20 + i % 16];
  }
}
