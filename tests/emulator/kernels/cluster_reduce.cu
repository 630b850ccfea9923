// The sum of a cluster's numbers, and each number's place among those of the blocks before: every block reads the
// sums of all others through distributed shared memory, between barriers of the cluster.
__device__ void arrive() { asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory"); }
__device__ void wait() { asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"); }

// A generic address in the shared memory of a block of the cluster.
template <class T> __device__ T* at_rank(T* own, unsigned rank) {
  T* there;
  asm("mapa.u64 %0, %1, %2;" : "=l"(there) : "l"(own), "r"(rank));
  return there;
}

extern "C" __global__ void cluster_reduce(const int* x, int* sums, int* before, int rounds) {
  __shared__ int own, highest;
  unsigned rank, size;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
  const int t = threadIdx.x, blocks = gridDim.x;
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
    if (t == 0)
      own = highest = 0;
    __syncthreads();
    const int value = x[(round * blocks + blockIdx.x) * blockDim.x + t];
    atomicAdd(&own, value);
    arrive();
    wait();
    int all = 0, earlier = 0;
    for (unsigned r = t; r < size; r += blockDim.x) {
      all += *at_rank(&own, r);
      if (r < rank)
        earlier += *at_rank(&own, r);
      atomicMax(at_rank(&highest, r), value);
    }
    for (int lane = 16; lane > 0; lane /= 2) {
      all += __shfl_down_sync(-1u, all, lane);
      earlier += __shfl_down_sync(-1u, earlier, lane);
    }
    arrive();
    wait();
    if (t == 0) {
      sums[round * blocks + blockIdx.x] = all + highest;
      before[round * blocks + blockIdx.x] = earlier;
    }
  }
}
