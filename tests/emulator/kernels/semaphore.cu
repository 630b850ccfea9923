// Blocks add their number to every element of a vector, one block at a time, in the order of their numbers: a semaphore in
// global memory, taken with acquire and given with release by thread 0 for its block.
extern "C" __global__ void semaphore(float* x, unsigned* turn, int n) {
  if (threadIdx.x == 0) {
    unsigned now;
    do
      asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(now) : "l"(turn) : "memory");
    while (now != blockIdx.x);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    x[i] = 2 * x[i] + blockIdx.x;
  __syncthreads();
  if (threadIdx.x == 0)
    asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(turn) : "memory");
}

// The last block to finish sums what all blocks wrote: fence, counter, fence.
extern "C" __global__ void last_block(const float* x, float* partial, unsigned* done, float* sum) {
  __shared__ float tile[128];
  __shared__ bool last;
  const int t = threadIdx.x;
  tile[t] = x[blockIdx.x * 128 + t];
#pragma unroll 1
  for (int step = 64; step > 0; step /= 2) {
    __syncthreads();
    if (t < step)
      tile[t] += tile[t + step];
  }
  if (t == 0) {
    partial[blockIdx.x] = tile[0];
    __threadfence();
    last = atomicAdd(done, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (last) {
    if (t == 0) {
      __threadfence();
      float total = 0;
      for (unsigned i = 0; i < gridDim.x; ++i)
        total += partial[i];
      *sum = total;
    }
  }
}
