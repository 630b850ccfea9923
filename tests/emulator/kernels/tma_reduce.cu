// C += A B, of which each block has a part of the inner dimension: it adds its product to C by a reduction of the copy
// engine.
#include "async.cuh"

constexpr int size = 32, part = 16;

extern "C" __global__ void __launch_bounds__(128) tma_reduce(const __grid_constant__ TensorMap c, const float* a, const float* b, int inner) {
  __shared__ alignas(128) float product[size * size];
  const int t = threadIdx.x, first = blockIdx.x * part;
  for (int i = t; i < size * size; i += 128) {
    float sum = 0;
    for (int k = first; k < first + part; ++k)
      sum += a[i / size * inner + k] * b[k * size + i % size];
    product[i] = sum;
  }
  fence_async();
  __syncthreads();
  if (t == 0) {
    reduce_add(&c, 0, 0, product);
    commit();
    wait_group<0>();
  }
}
