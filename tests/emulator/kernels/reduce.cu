// Sum of n floats: shared memory and warp shuffles in a block, one atomic a block.
extern "C" __global__ void reduce(const float* x, float* sum, int n) {
  __shared__ float partial[32];
  float value = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    value += x[i];
  for (int step = 16; step > 0; step /= 2)
    value += __shfl_xor_sync(0xffffffffu, value, step);
  if (threadIdx.x % 32 == 0)
    partial[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x < 32) {
    value = threadIdx.x < blockDim.x / 32 ? partial[threadIdx.x] : 0;
    for (int step = 16; step > 0; step /= 2)
      value += __shfl_down_sync(0xffffffffu, value, step);
    if (threadIdx.x == 0)
      atomicAdd(sum, value);
  }
}

// The same by a tree in shared memory whose last steps are a warp's own, ordered by __syncwarp.
extern "C" __global__ void reduce_tree(const float* x, float* sums) {
  __shared__ float tile[256];
  const int t = threadIdx.x;
  tile[t] = x[blockIdx.x * 256 + t];
  __syncthreads();
#pragma unroll 1
  for (int step = 128; step >= 64; step /= 2) {
    if (t < step)
      tile[t] += tile[t + step];
    __syncthreads();
  }
  if (t < 32) {
    tile[t] += tile[t + 32];
#pragma unroll 1
    for (int step = 16; step > 0; step /= 2) {
      __syncwarp();
      const float other = tile[t + step];
      __syncwarp();
      tile[t] += other;
    }
    if (t == 0)
      sums[blockIdx.x] = tile[0];
  }
}
