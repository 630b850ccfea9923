// D[m][n] = A[m][k] B[n][k], or B[k][n] with -DB_MN: wgmma by one warpgroup for a tile of 64 x 64. Two stages of
// shared memory are filled by ordinary stores: while one is multiplied, the other is filled. m and n are multiples
// of 64, k of a tile's.
//
// -DTYPE_f16, TYPE_bf16, TYPE_tf32, TYPE_e4m3, TYPE_s8: of A and B. -DA_REGISTERS: A is read from registers.
#if defined(TYPE_f16)
#define TYPES "m64n64k16.f32.f16.f16"
#elif defined(TYPE_bf16)
#define TYPES "m64n64k16.f32.bf16.bf16"
#elif defined(TYPE_tf32)
#define TYPES "m64n64k8.f32.tf32.tf32"
#elif defined(TYPE_e4m3)
#define TYPES "m64n64k32.f32.e4m3.e4m3"
#else
#define TYPES "m64n64k32.s32.s8.s8"
#endif
#ifdef TYPE_s8
typedef int sum;
#define SUM(i) "+r"(d[i])
#define SCALES ""
#else
typedef float sum;
#define SUM(i) "+f"(d[i])
#define SCALES ", 1, 1"
#endif
// Which of A and B in shared memory has its k rows apart: 16-bit types only.
#if !defined(TYPE_f16) && !defined(TYPE_bf16)
#define MAJORS ""
#elif defined(A_REGISTERS) && defined(B_MN)
#define MAJORS ", 1"
#elif defined(A_REGISTERS)
#define MAJORS ", 0"
#elif defined(B_MN)
#define MAJORS ", 0, 1"
#else
#define MAJORS ", 0, 0"
#endif

constexpr int rows = 64, columns = 64;      // of a tile
constexpr int line = 128, step = 32;        // bytes: of a tile's rows, of what one instruction takes of them
constexpr int stage = rows * line;          // of A, and as much of B
constexpr int k_of_tile_mn = 64, panel = 64; // of B[k][n], in panels of 32 columns, 64 bytes

#define SUMS4(i) SUM(i), SUM(i + 1), SUM(i + 2), SUM(i + 3)
#define SUMS16(i) SUMS4(i), SUMS4(i + 4), SUMS4(i + 8), SUMS4(i + 12)
#define MULTIPLY(a)                                                                                                    \
  "{ .reg .pred p;\nsetp.ne.b32 p, %33, 0;\nwgmma.mma_async.sync.aligned." TYPES " {%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,"   \
  "%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, " a ", %32, p" SCALES     \
  MAJORS "; }"

__device__ unsigned shared_address(const void* at) { return (unsigned)__cvta_generic_to_shared(at); }

// `width`: bytes of the swizzle, 128 or 64.
__device__ unsigned long long descriptor(const void* at, int width, int leading) {
  const unsigned long long swizzle = width == 128 ? 1 : 2;
  return shared_address(at) / 16 | (unsigned long long)(leading / 16) << 16 | (unsigned long long)(8 * width / 16) << 32 |
         swizzle << 62;
}

__device__ void multiply(sum (&d)[32], unsigned long long a, unsigned long long b, int accumulate) {
  asm volatile(MULTIPLY("%34") : SUMS16(0), SUMS16(16) : "l"(b), "r"(accumulate), "l"(a));
}
__device__ void multiply(sum (&d)[32], const unsigned (&a)[4], unsigned long long b, int accumulate) {
  asm volatile(MULTIPLY("{%34,%35,%36,%37}")
               : SUMS16(0), SUMS16(16)
               : "l"(b), "r"(accumulate), "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]));
}

// 64 lines of 128 bytes, swizzled; the pitch is of the source.
__device__ void fill(char* tile, const char* from, long long pitch) {
  for (int i = threadIdx.x; i < rows * line / 16; i += blockDim.x) {
    const int row = i / 8, chunk = i % 8;
    *(uint4*)(tile + row * line + (chunk ^ row % 8) * 16) = *(const uint4*)(from + row * pitch + chunk * 16);
  }
}
// The same bytes as two panels of 64.
__device__ void fill_panels(char* tile, const char* from, long long pitch) {
  for (int i = threadIdx.x; i < k_of_tile_mn * line / 16; i += blockDim.x) {
    const int k = i / 8, chunk = i % 8;
    *(uint4*)(tile + chunk / 4 * k_of_tile_mn * panel + k * panel + (chunk % 4 ^ k / 2 % 4) * 16) =
        *(const uint4*)(from + k * pitch + chunk * 16);
  }
}

// n in elements, k in bytes; b has rows of k bytes, or of 2 n.
extern "C" __global__ void __launch_bounds__(128) matmul_wgmma(const char* a, const char* b, sum* d, int n, int k) {
  __shared__ __align__(1024) char a_tiles[2][stage], b_tiles[2][stage];
  const int t = threadIdx.x, lane = t % 32, warp = t / 32;
  const int m0 = blockIdx.y * rows, n0 = blockIdx.x * columns;
  sum sums[32];
#pragma unroll 1
  for (int tile = 0; tile < k / line; ++tile) {
    char* b_tile = b_tiles[tile % 2];
#ifdef A_REGISTERS
    unsigned fragments[line / step][4];
    for (int s = 0; s < line / step; ++s)
      for (int j = 0; j < 4; ++j)
        fragments[s][j] = *(const unsigned*)(a + (long long)(m0 + 16 * warp + lane / 4 + j % 2 * 8) * k + tile * line +
                                             s * step + lane % 4 * 4 + j / 2 * 16);
#else
    char* a_tile = a_tiles[tile % 2];
    fill(a_tile, a + (long long)m0 * k + tile * line, k);
#endif
#ifdef B_MN
    fill_panels(b_tile, b + (long long)tile * k_of_tile_mn * n * 2 + n0 * 2, n * 2);
#else
    fill(b_tile, b + (long long)n0 * k + tile * line, k);
#endif
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
    for (int s = 0; s < line / step; ++s) {
#ifdef B_MN
      const unsigned long long right = descriptor(b_tile + s * 16 * panel, 64, k_of_tile_mn * panel);
#else
      const unsigned long long right = descriptor(b_tile + s * step, 128, 0);
#endif
#ifdef A_REGISTERS
      multiply(sums, fragments[s], right, tile + s);
#else
      multiply(sums, descriptor(a_tile + s * step, 128, 0), right, tile + s);
#endif
    }
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#ifdef A_REGISTERS // the next tile's would overwrite them
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
#else
    asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
#endif // a group is what all four warps have read
  }
#ifndef A_REGISTERS
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
#endif
  for (int i = 0; i < 32; ++i)
    d[(long long)(m0 + 16 * warp + lane / 4 + i / 2 % 2 * 8) * n + n0 + i / 4 * 8 + lane % 4 * 2 + i % 2] = sums[i];
}
