// D[m][n] = A[m][k] B[n][k] as kernels for sm_80 do it: cp.async into a ring of stages, ldmatrix from swizzled rows, mma.sync.
// bf16 inputs, sums in f32; a tile of 64 x 64 a block of four warps. m and n are multiples of 64, k of 32.
typedef unsigned short bits16;
constexpr int stages = 3, depth = 32; // elements of k a stage: rows of 64 bytes, four chunks of 16

__device__ unsigned shared_address(const void* at) { return (unsigned)__cvta_generic_to_shared(at); }

// Chunk c of row r lies at c ^ (r / 2 % 4), so that eight rows of a matrix meet no bank twice.
__device__ int place(int r, int c) { return r * depth + 8 * (c ^ (r / 2 % 4)); }

__device__ void copy_async(bits16* to, const bits16* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from) : "memory");
}

__device__ void load_matrices(unsigned (&d)[4], const bits16* at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(shared_address(at))
               : "memory");
}

__device__ void mma(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

extern "C" __global__ void matmul_pipeline(const bits16* a, const bits16* b, float* d, int n, int k) {
  __shared__ __align__(128) bits16 a_ring[stages][64 * depth], b_ring[stages][64 * depth];
  const int t = threadIdx.x, lane = t % 32, warp = t / 32;
  const int m0 = blockIdx.y * 64, n0 = blockIdx.x * 64;
  const int tiles = k / depth;
  auto fetch = [&](int tile) {
    if (tile < tiles)
      for (int i = 0; i < 2; ++i) {
        const int chunk = t + 128 * i, r = chunk / 4, c = chunk % 4;
        copy_async(&a_ring[tile % stages][place(r, c)], a + (m0 + r) * k + tile * depth + 8 * c);
        copy_async(&b_ring[tile % stages][place(r, c)], b + (n0 + r) * k + tile * depth + 8 * c);
      }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  for (int tile = 0; tile < stages - 1; ++tile)
    fetch(tile);
  float sums[8][4] = {};
#pragma unroll 1
  for (int tile = 0; tile < tiles; ++tile) {
    asm volatile("cp.async.wait_group %0;" ::"n"(stages - 2) : "memory");
    __syncthreads(); // all have the tile, and nobody reads the stage that is filled next
    fetch(tile + stages - 1);
    const bits16* a_tile = a_ring[tile % stages];
    const bits16* b_tile = b_ring[tile % stages];
    for (int step = 0; step < depth / 16; ++step) {
      unsigned left[4];
      load_matrices(left, a_tile + place(16 * warp + lane % 16, 2 * step + lane / 16));
      for (int j = 0; j < 8; j += 2) {
        unsigned right[4]; // two blocks of 8 columns, each with two halves of k
        load_matrices(right, b_tile + place(8 * j + lane % 8 + lane / 16 * 8, 2 * step + lane / 8 % 2));
        mma(sums[j], left, right[0], right[1]);
        mma(sums[j + 1], left, right[2], right[3]);
      }
    }
  }
  for (int j = 0; j < 8; ++j)
    for (int i = 0; i < 4; ++i)
      d[(m0 + 16 * warp + lane / 4 + 8 * (i / 2)) * n + n0 + 8 * j + 2 * (lane % 4) + i % 2] = sums[j][i];
}
