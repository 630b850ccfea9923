// Inclusive prefix sums of n integers, n a multiple of 256, in one pass over the data: each block takes the next tile,
// scans it, and waits for the sum of the tile before (a chain of blocks, ordered by fences).
extern "C" __global__ void scan(const int* x, int* y, unsigned* ticket, volatile int* state, int* prefix) {
  __shared__ int tile[256];
  __shared__ int base;
  __shared__ unsigned taken;
  const int t = threadIdx.x;
  if (t == 0)
    taken = atomicAdd(ticket, 1u);
  __syncthreads();
  const unsigned mine = taken;
  tile[t] = x[mine * 256 + t];
  __syncthreads();
#pragma unroll 1
  for (int step = 1; step < 256; step *= 2) {
    const int before = t >= step ? tile[t - step] : 0;
    __syncthreads();
    tile[t] += before;
    __syncthreads();
  }
  if (t == 0) {
    int sum = 0;
    if (mine > 0) {
      while (state[mine - 1] == 0)
        ;
      __threadfence();
      sum = prefix[mine - 1];
    }
    prefix[mine] = sum + tile[255];
    __threadfence();
    state[mine] = 1;
    base = sum;
  }
  __syncthreads();
  y[mine * 256 + t] = base + tile[t];
}
