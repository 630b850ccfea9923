// D[m][n] = A[m][k] B[n][k]: mma.sync with fragments read from shared memory, a tile of 64 x 64 a block of four warps,
// 16-bit inputs, sums in f32. m and n are multiples of 64, k of 16.
#ifndef TYPE
#define TYPE "f16"
#endif
typedef unsigned short half_bits;

__device__ void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." TYPE "." TYPE ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(b[0]));
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[2]), "r"(a[3]), "r"(b[1]));
#endif
}

__device__ unsigned pair(const half_bits* at) { return *(const unsigned*)at; }

extern "C" __global__ void matmul_mma(const half_bits* a, const half_bits* b, float* d, int n, int k) {
  constexpr int stride = 24; // 16 and a padding that spreads the banks
  __shared__ __align__(16) half_bits a_tile[64 * stride], b_tile[64 * stride];
  const int t = threadIdx.x, lane = t % 32, warp = t / 32, row = lane / 4, column = lane % 4;
  const int m0 = blockIdx.y * 64, n0 = blockIdx.x * 64;
  float sums[8][4] = {};
#pragma unroll 1
  for (int k0 = 0; k0 < k; k0 += 16) {
    const int r = t / 2, c = t % 2 * 8;
    *(uint4*)(a_tile + r * stride + c) = *(const uint4*)(a + (m0 + r) * k + k0 + c);
    *(uint4*)(b_tile + r * stride + c) = *(const uint4*)(b + (n0 + r) * k + k0 + c);
    __syncthreads();
    const half_bits* mine = a_tile + (16 * warp + row) * stride + 2 * column;
    const unsigned fragment[4] = {pair(mine), pair(mine + 8 * stride), pair(mine + 8), pair(mine + 8 * stride + 8)};
    for (int j = 0; j < 8; ++j) {
      const half_bits* other = b_tile + (8 * j + row) * stride + 2 * column;
      const unsigned right[2] = {pair(other), pair(other + 8)};
      mma(sums[j], fragment, right);
    }
    __syncthreads();
  }
  for (int j = 0; j < 8; ++j)
    for (int i = 0; i < 4; ++i)
      d[(m0 + 16 * warp + row + 8 * (i / 2)) * n + n0 + 8 * j + 2 * column + i % 2] = sums[j][i];
}
