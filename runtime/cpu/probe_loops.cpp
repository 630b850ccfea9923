// Written in assembly: a compiler would fold, spill or reorder what these loops are there to do.
#include "cpu/probe_loops.h"

#include <attile/cpu_info.h>

namespace attile::cpu {

namespace {

#if defined(__x86_64__)

/// Independent chains of operations: a latency of 4 and two units ask for 8; 12 fit into 16 registers with
/// operands.
#define ATTILE_CHAINS "0,1,2,3,4,5,6,7,8,9,10,11"
constexpr int chains = 12, unrolled = 4;
/// Factor, addend and first value: x = x * factor + addend stays a normal number that changes.
constexpr float constants[] = {0.875f, 0.3f, 1.7f};

#define ATTILE_LOOP(setup, step)                                                                             \
  asm volatile(setup ".p2align 6\n"                                                                          \
                     "1:\n"                                                                                  \
                     ".rept 4\n"                                                                             \
                     ".irp i," ATTILE_CHAINS "\n" step ".endr\n"                                             \
                     ".endr\n"                                                                               \
                     "dec %[n]\n"                                                                            \
                     "jnz 1b\n"                                                                              \
               : [n] "+r"(rounds)                                                                            \
               : [c] "r"(constants)                                                                          \
               : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",     \
                 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")

void sse2(std::int64_t rounds) {
  ATTILE_LOOP("movss 0(%[c]), %%xmm14\n shufps $0, %%xmm14, %%xmm14\n"
              "movss 4(%[c]), %%xmm15\n shufps $0, %%xmm15, %%xmm15\n"
              ".irp i," ATTILE_CHAINS "\n movaps %%xmm15, %%xmm\\i\n .endr\n",
              "mulps %%xmm14, %%xmm\\i\n addps %%xmm15, %%xmm\\i\n");
}

void avx2(std::int64_t rounds) {
  ATTILE_LOOP("vbroadcastss 0(%[c]), %%ymm14\n vbroadcastss 4(%[c]), %%ymm15\n"
              ".irp i," ATTILE_CHAINS "\n vbroadcastss 8(%[c]), %%ymm\\i\n .endr\n",
              "vfmadd213ps %%ymm15, %%ymm14, %%ymm\\i\n");
  asm volatile("vzeroupper");
}

void avx512(std::int64_t rounds) {
  ATTILE_LOOP("vbroadcastss 0(%[c]), %%zmm14\n vbroadcastss 4(%[c]), %%zmm15\n"
              ".irp i," ATTILE_CHAINS "\n vbroadcastss 8(%[c]), %%zmm\\i\n .endr\n",
              "vfmadd213ps %%zmm15, %%zmm14, %%zmm\\i\n");
  asm volatile("vzeroupper");
}

void avx512bf16(std::int64_t rounds) {
  ATTILE_LOOP("vbroadcastss 0(%[c]), %%zmm14\n vbroadcastss 4(%[c]), %%zmm15\n"
              ".irp i," ATTILE_CHAINS "\n vbroadcastss 8(%[c]), %%zmm\\i\n .endr\n",
              "vdpbf16ps %%zmm15, %%zmm14, %%zmm\\i\n");
  asm volatile("vzeroupper");
}

constexpr double steps = chains * unrolled; ///< in a round

#endif

} // namespace

ComputeLoop f32_loop() {
#if defined(__x86_64__)
  const CpuInfo& cpu = cpu_info();
  if (cpu.has("avx512f"))
    return {"avx512", steps * 16 * 2, avx512};
  if (cpu.has("avx2") && cpu.has("fma"))
    return {"avx2", steps * 8 * 2, avx2};
  return {"sse2", steps * 4 * 2, sse2};
#else
  return {};
#endif
}

ComputeLoop bf16_loop() {
#if defined(__x86_64__)
  if (cpu_info().has("avx512bf16"))
    return {"avx512bf16", steps * 32 * 2, avx512bf16};
#endif
  return {};
}

namespace {

/// Inlined into functions that may use wider instructions, which then read with them.
[[gnu::always_inline]] inline std::uint64_t read_streams(const std::byte* data, std::size_t bytes) {
  using Vector [[gnu::vector_size(64)]] = std::uint64_t;
  constexpr int streams = 4; // more than one page at a time: hardware prefetchers stop at the end of a page
  Vector sum[streams] = {};
  std::size_t part = bytes / streams;
  for (std::size_t offset = 0; offset < part; offset += sizeof(Vector))
    for (int s = 0; s < streams; ++s)
      sum[s] ^= *reinterpret_cast<const Vector*>(data + s * part + offset);
  Vector all = sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
  return all[0] ^ all[1] ^ all[2] ^ all[3] ^ all[4] ^ all[5] ^ all[6] ^ all[7];
}

#if defined(__x86_64__)
[[gnu::target("avx512f")]] std::uint64_t read_avx512(const std::byte* data, std::size_t bytes) {
  return read_streams(data, bytes);
}
[[gnu::target("avx2")]] std::uint64_t read_avx2(const std::byte* data, std::size_t bytes) {
  return read_streams(data, bytes);
}
#endif

} // namespace

std::uint64_t read_memory(const std::byte* data, std::size_t bytes) {
#if defined(__x86_64__)
  if (cpu_info().has("avx512f"))
    return read_avx512(data, bytes);
  if (cpu_info().has("avx2"))
    return read_avx2(data, bytes);
#endif
  return read_streams(data, bytes);
}

} // namespace attile::cpu
