// D = A B^T in bf16 with sums in f32: one thread feeds a ring of three stages with boxes of A and B, a warpgroup
// multiplies them with one stage in flight, and the copy engine stores the result.
#include "async.cuh"

constexpr int stages = 3, rows = 64, columns = 32, depth = 64, step = 16; // of a tile; of one instruction

struct alignas(1024) Stage {
  unsigned short a[rows * depth], b[columns * depth];
};

// Of rows of 128 bytes, swizzled: eight of them are 1024 bytes.
__device__ unsigned long long descriptor(const void* at) {
  return (shared_address(at) & 0x3ffff) / 16 | 1024ull / 16 << 32 | 1ull << 62;
}

__device__ void multiply(float (&d)[16], unsigned long long a, unsigned long long b, int accumulate) {
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %18, 0;\nwgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
               "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15}, %16, %17, p, 1, 1, 0, 0;\n}"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]),
                 "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15])
               : "l"(a), "l"(b), "r"(accumulate));
}

extern "C" __global__ void __launch_bounds__(160)
    matmul_tma_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, const __grid_constant__ TensorMap d, int tiles) {
  __shared__ Stage ring[stages];
  __shared__ alignas(128) float result[rows * columns];
  __shared__ Barrier full[stages], empty[stages];
  const int t = threadIdx.x, lane = t % 32;
  if (t == 0) {
    for (int s = 0; s < stages; ++s) {
      init(&full[s], 1);
      init(&empty[s], 4);
    }
    fence_async();
  }
  __syncthreads();
  if (t >= 128) {
    if (t != 128)
      return;
#pragma unroll 1
    for (int i = 0; i < tiles; ++i) {
      const int s = i % stages, round = i / stages;
      wait(&empty[s], (round & 1) ^ 1);
      arrive_expecting(&full[s], sizeof(Stage));
      load(ring[s].a, &a, i * depth, blockIdx.y * rows, &full[s]);
      load(ring[s].b, &b, i * depth, blockIdx.x * columns, &full[s]);
    }
    return;
  }
  float sums[16];
#pragma unroll 1
  for (int i = 0; i < tiles; ++i) {
    const int s = i % stages, round = i / stages;
    wait(&full[s], round & 1);
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
    for (int k = 0; k < depth; k += step)
      multiply(sums, descriptor(ring[s].a + k), descriptor(ring[s].b + k), i + k);
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
    if (i > 0 && lane == 0)
      arrive(&empty[(i - 1) % stages]);
  }
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
  for (int i = 0; i < 16; ++i)
    result[(t / 32 * 16 + lane / 4 + i / 2 % 2 * 8) * columns + i / 4 * 8 + lane % 4 * 2 + i % 2] = sums[i];
  fence_async();
  asm volatile("bar.sync 1, 128;" ::: "memory");
  if (t == 0) {
    store(&d, blockIdx.x * columns, blockIdx.y * rows, result);
    commit();
    wait_group_read<0>();
  }
}
