// One warp fills a ring of tiles, three warps sum them: full and empty mbarriers of each stage, with parity.
constexpr int stages = 2, tile = 128;

__device__ unsigned shared_address(const void* at) { return (unsigned)__cvta_generic_to_shared(at); }

__device__ void arrive(unsigned long long* barrier) {
  asm volatile("{ .reg .b64 t; mbarrier.arrive.shared.b64 t, [%0]; }" ::"r"(shared_address(barrier)) : "memory");
}

__device__ void wait(unsigned long long* barrier, unsigned parity) {
#if __CUDA_ARCH__ >= 900
  asm volatile("{ .reg .pred p;\nagain: mbarrier.try_wait.parity.shared.b64 p, [%0], %1;\n@!p bra again; }" ::"r"(shared_address(barrier)),
               "r"(parity)
               : "memory");
#else
  asm volatile("{ .reg .pred p;\nagain: mbarrier.test_wait.parity.shared.b64 p, [%0], %1;\n@!p bra again; }" ::"r"(shared_address(barrier)),
               "r"(parity)
               : "memory");
#endif
}

extern "C" __global__ void mbarrier_pipeline(const float* x, float* sums, int tiles) {
  __shared__ float ring[stages][tile];
  __shared__ unsigned long long full[stages], empty[stages];
  const int t = threadIdx.x;
  if (t == 0)
    for (int s = 0; s < stages; ++s) {
      asm volatile("mbarrier.init.shared.b64 [%0], 32;" ::"r"(shared_address(&full[s])) : "memory");
      asm volatile("mbarrier.init.shared.b64 [%0], 96;" ::"r"(shared_address(&empty[s])) : "memory");
    }
  __syncthreads();
  if (t < 32) {
#pragma unroll 1
    for (int i = 0; i < tiles; ++i) {
      const int s = i % stages, round = i / stages;
      wait(&empty[s], (round & 1) ^ 1);
      for (int j = t; j < tile; j += 32)
        ring[s][j] = x[i * tile + j];
      arrive(&full[s]);
    }
  } else {
    float sum = 0;
#pragma unroll 1
    for (int i = 0; i < tiles; ++i) {
      const int s = i % stages, round = i / stages;
      wait(&full[s], round & 1);
      for (int j = t - 32; j < tile; j += 96)
        sum += ring[s][j];
      arrive(&empty[s]);
    }
    sums[t - 32] = sum;
  }
}
