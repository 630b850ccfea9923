// A ring of blocks in a cluster: in each step an element becomes the sum of its neighbours, of which the outermost
// are another block's. Blocks write their edges into their neighbours' shared memory, and arrive at the neighbours'
// mbarriers. Of buffers and mbarriers there are two, so that nobody overwrites what is still read, or is a phase ahead.
constexpr int width = 64; // elements of a block, one a thread

__device__ unsigned shared_address(const void* at) { return (unsigned)__cvta_generic_to_shared(at); }

__device__ unsigned at_rank(unsigned address, unsigned rank) {
  unsigned there;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(rank));
  return there;
}

__device__ void store_at(unsigned address, int value) {
  asm volatile("st.shared::cluster.s32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}

__device__ void arrive_at(unsigned barrier) {
  asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(barrier) : "memory");
}

__device__ void wait(unsigned barrier, unsigned parity) {
  asm volatile("{ .reg .pred p;\nagain: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%0], %1;\n"
               "@!p bra again; }" ::"r"(barrier),
               "r"(parity)
               : "memory");
}

// All blocks have begun; nothing else is ordered but what was fenced.
__device__ void cluster_begins() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
  asm volatile("barrier.cluster.wait.aligned;" ::: "memory");
}

__device__ void cluster_sync() {
  asm volatile("barrier.cluster.arrive.aligned;" ::: "memory");
  asm volatile("barrier.cluster.wait.aligned;" ::: "memory");
}

extern "C" __global__ void cluster_stencil(const int* x, int* y, int steps) {
  __shared__ int values[2][width + 2];
  __shared__ unsigned long long filled[2];
  unsigned rank, size;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
  const unsigned before = (rank + size - 1) % size, after = (rank + 1) % size;
  const int t = threadIdx.x, i = blockIdx.x * width + t;
  if (t == 0) {
    asm volatile("mbarrier.init.shared.b64 [%0], 2;" ::"r"(shared_address(&filled[0])) : "memory");
    asm volatile("mbarrier.init.shared.b64 [%0], 2;" ::"r"(shared_address(&filled[1])) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  int value = x[i];
  cluster_begins();
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    int* const now = values[step % 2];
    const unsigned barrier = shared_address(&filled[step % 2]);
    now[t + 1] = value;
    if (t == 0) {
      store_at(at_rank(shared_address(&now[width + 1]), before), value);
      arrive_at(at_rank(barrier, before));
    }
    if (t == width - 1) {
      store_at(at_rank(shared_address(&now[0]), after), value);
      arrive_at(at_rank(barrier, after));
    }
    wait(barrier, step / 2 & 1);
    __syncthreads();
    value = now[t] + now[t + 2];
  }
  y[i] = value;
  cluster_sync();
}
