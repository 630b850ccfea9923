// How fast the emulator is: instructions a second and core, matrix instructions, the price of checks,
// loading.
//
//     build/bin/emulator-speed
//
// Each figure is the best of several runs, by the CPU time of one thread, so that other work on the machine
// counts little.
#include "kernel_cases.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>

namespace emu::test {
namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double best_of(int runs, const std::function<void()>& work) {
  double best = 1e9;
  for (int i = 0; i < runs; ++i) {
    const double begin = cpu_seconds();
    work();
    best = std::min(best, cpu_seconds() - begin);
  }
  return best;
}

std::string kernel(const std::string& body, const std::string& target = "sm_80") {
  return ".version 8.0\n.target " + target + "\n.address_size 64\n.visible .entry k(.param .u64 p)\n{\n" +
         body + "ret;\n}\n";
}

// A loop of `count` rounds around the instructions.
std::string loop(const std::string& declarations, const std::string& body, int count,
                 const std::string& target = "sm_80") {
  return kernel(".reg .pred %q;\n.reg .b32 %i;\n" + declarations + "mov.u32 %i, 0;\nagain:\n" + body +
                    "add.u32 %i, %i, 1;\nsetp.lt.u32 %q, %i, " + std::to_string(count) +
                    ";\n@%q bra again;\n",
                target);
}

Outcome launch(const std::string& ptx, std::uint32_t threads) {
  Memory memory(std::uint64_t(16) << 20);
  ptx::Error error;
  Launch launch;
  launch.program = load(ptx, memory, error);
  if (launch.program == nullptr) {
    std::printf("%d: %s\n", error.place.line, error.message.c_str());
    std::exit(1);
  }
  launch.kernel = launch.program->find("k");
  launch.threads = {threads, 1, 1};
  launch.params.resize(8);
  launch.memory = &memory;
  launch.chip = chip_named(launch.program->target);
  launch.options.workers = 1;
  return run(launch);
}

void instructions(const char* name, const std::string& declarations, const std::string& body) {
  const std::string ptx = loop(declarations, body, 20000);
  Outcome outcome;
  const double seconds = best_of(5, [&] { outcome = launch(ptx, 128); });
  std::printf("%-44s %8.0f million thread-instructions/s\n", name,
              1e-6 * static_cast<double>(outcome.thread_instructions) / seconds);
}

void matrices(const char* name, const std::string& instruction, double flops) {
  constexpr int rounds = 5000, unrolled = 4;
  std::string body;
  for (int i = 0; i < unrolled; ++i)
    body += instruction;
  const std::string ptx =
      loop(".reg .b32 %a<4>, %b<2>, %d<4>;\nmov.b32 %a0, 0x3c003c00;\nmov.b32 %a1, %a0;\nmov.b32 %a2, %a0;\n"
           "mov.b32 %a3, %a0;\nmov.b32 %b0, %a0;\nmov.b32 %b1, %a0;\nmov.b32 %d0, 0;\nmov.b32 %d1, 0;\n"
           "mov.b32 %d2, 0;\nmov.b32 %d3, 0;\n",
           body, rounds);
  const double seconds = best_of(5, [&] { launch(ptx, 32); });
  std::printf("%-44s %8.1f GFLOP/s\n", name, 1e-9 * flops * rounds * unrolled / seconds);
}

// m64n256 by a warpgroup, of which `types` says k and the elements; `sums` registers a thread.
void warpgroup_matrices(const char* name, const std::string& types, bool a_in_registers,
                        const std::string& scales, int sums, double k) {
  constexpr int rounds = 500, unrolled = 4;
  std::string registers = "{";
  for (int i = 0; i < sums; ++i)
    registers += (i > 0 ? ", %d" : "%d") + std::to_string(i);
  std::string body = "wgmma.fence.sync.aligned;\n";
  for (int i = 0; i < unrolled; ++i)
    body += "wgmma.mma_async.sync.aligned.m64n256" + types + " " + registers + "}, " +
            (a_in_registers ? "{%a0, %a1, %a2, %a3}" : "%l") + ", %l, 1" + scales + ";\n";
  const std::string ptx = loop(
      ".shared .align 1024 .b8 tile[32768];\n.reg .b32 %a<4>, %s, %d<128>;\n.reg .b64 %l;\nmov.u32 %s, "
      "tile;\n"
      "shr.u32 %s, %s, 4;\nmov.b64 %l, {%s, 0x40000040};\nmov.b32 %a0, 0;\nmov.b32 %a1, 0;\nmov.b32 %a2, 0;\n"
      "mov.b32 %a3, 0;\n",
      body + "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n", rounds, "sm_90a");
  const double seconds = best_of(5, [&] { launch(ptx, 128); });
  std::printf("%-44s %8.1f GFLOP/s\n", name, 1e-9 * 2 * 64 * 256 * k * rounds * unrolled / seconds);
}

// 1024 x 1024 x 1024, in bf16, with tiles that ordinary stores bring to shared memory.
void large_product() {
  constexpr std::size_t n = 1024;
  const std::vector<KernelCase> cases = wgmma_cases();
  KernelCase one = *std::ranges::find(cases, "matmul_wgmma_bf16", &KernelCase::name);
  one.grid = {n / 64, n / 64, 1};
  one.prepare = [](Arguments& arguments, std::mt19937_64&) {
    arguments.input(std::vector<std::uint16_t>(n * n, 0x3f80));
    arguments.input(std::vector<std::uint16_t>(n * n, 0x3f00));
    const float* d = arguments.output<float>(n * n);
    arguments.pass(static_cast<int>(n));
    arguments.pass(static_cast<int>(2 * n));
    arguments.verify = [=] { return d[0] == n / 2 && d[n * n - 1] == n / 2 ? "" : "the result is wrong"; };
  };
  std::string missing;
  const std::string& ptx = ptx_of(one, one.oldest, missing);
  if (ptx.empty())
    return void(std::printf("matmul_wgmma_bf16: %s\n", missing.c_str()));
  std::string wrong;
  const auto run = [&](bool checks) {
    const KernelRun result = run_kernel(one, ptx, one.oldest, {.workers = 1}, checks, 1);
    wrong += result.outcome.message + result.wrong;
  };
  const double plain = best_of(3, [&] { run(false); }), checked = best_of(2, [&] { run(true); });
  std::printf("%-44s %8.2f s on one core, with checks %.2f s: %.1f times %s\n",
              "wgmma, 1024 x 1024 x 1024 in bf16", plain, checked, checked / plain, wrong.c_str());
}

void price_of_checks(const KernelCase& one) {
  std::string missing;
  const std::string target = one.oldest < "sm_80" ? "sm_80" : one.oldest;
  const std::string& ptx = ptx_of(one, target, missing);
  if (ptx.empty()) {
    std::printf("%s: %s\n", one.name.c_str(), missing.c_str());
    return;
  }
  const auto run = [&](bool checks) { run_kernel(one, ptx, target, {.workers = 1}, checks, 1); };
  const double plain = best_of(7, [&] { run(false); }), checked = best_of(7, [&] { run(true); });
  std::printf("%-44s %8.2f ms, with checks %.2f ms: %.1f times\n", one.name.c_str(), 1e3 * plain,
              1e3 * checked, checked / plain);
}

void loading() {
  std::string body = ".reg .b32 %r<4001>;\n.reg .pred %p<2>;\nmov.u32 %r0, %tid.x;\n";
  int lines = 8;
  for (int i = 0; lines < 12000; ++i, lines += 3)
    body += "add.s32 %r" + std::to_string(i % 4000 + 1) + ", %r" + std::to_string(i % 4000) + ", " +
            std::to_string(i) + ";\nsetp.eq.s32 %p1, %r" + std::to_string(i % 4000 + 1) +
            ", 7;\n@%p1 st.global.u32 [%r" + std::to_string(i % 4000 + 1) + "], %r0;\n";
  const std::string ptx = kernel(body);
  Memory memory(std::uint64_t(16) << 20);
  ptx::Error error;
  const double seconds = best_of(7, [&] {
    if (load(ptx, memory, error) == nullptr)
      std::printf("%d: %s\n", error.place.line, error.message.c_str());
  });
  std::printf("%-44s %8.1f ms\n", "loading a text of 12,000 lines", 1e3 * seconds);
}

int main_of_speed() {
  instructions("integers (add, xor, mad, shl)", ".reg .b32 %r<4>;\nmov.u32 %r0, %tid.x;\nmov.u32 %r1, 3;\n",
               "add.u32 %r1, %r1, %r0;\nxor.b32 %r2, %r1, %r0;\nmad.lo.u32 %r1, %r2, %r0, %r1;\nshl.b32 %r3, "
               "%r1, 3;\nadd.u32 %r1, %r1, %r3;\n");
  instructions(
      "floats (fma, mul, add)",
      ".reg .f32 %f<4>;\nmov.f32 %f0, 0f3F800000;\nmov.f32 %f1, 0f3F000000;\nmov.f32 %f2, 0f3F000000;\n",
      "fma.rn.f32 %f2, %f0, %f1, %f2;\nmul.f32 %f3, %f2, %f1;\nadd.f32 %f2, %f3, %f1;\nfma.rn.f32 %f2, %f0, "
      "%f1, %f3;\n");
  instructions("shared memory (ld, st, fma)",
               ".reg .f32 %f<4>;\n.reg .b32 %s;\n.shared .b8 tile[1024];\nmov.u32 %s, tile;\n.reg .b32 "
               "%t;\nmov.u32 %t, %tid.x;\nmad.lo.u32 %s, %t, 4, %s;\nmov.f32 %f1, 0f3F000000;\n",
               "st.shared.f32 [%s], %f1;\nld.shared.f32 %f2, [%s];\nfma.rn.f32 %f1, %f2, %f1, %f1;\n");
  matrices("mma m16n8k16 f16, sums in f32",
           "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%d0,%d1,%d2,%d3}, {%a0,%a1,%a2,%a3}, "
           "{%b0,%b1}, {%d0,%d1,%d2,%d3};\n",
           4096);
  matrices("mma m16n8k16 bf16, sums in f32",
           "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%d0,%d1,%d2,%d3}, {%a0,%a1,%a2,%a3}, "
           "{%b0,%b1}, {%d0,%d1,%d2,%d3};\n",
           4096);
  matrices("mma m16n8k32 s8, sums in s32",
           "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%d0,%d1,%d2,%d3}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, "
           "{%d0,%d1,%d2,%d3};\n",
           8192);
  warpgroup_matrices("wgmma m64n256k16 bf16", "k16.f32.bf16.bf16", false, ", 1, 1, 0, 0", 128, 16);
  warpgroup_matrices("wgmma m64n256k16 bf16, A in registers", "k16.f32.bf16.bf16", true, ", 1, 1, 0", 128,
                     16);
  warpgroup_matrices("wgmma m64n256k16 f16, sums in f16", "k16.f16.f16.f16", false, ", 1, 1, 0, 0", 64, 16);
  warpgroup_matrices("wgmma m64n256k8 tf32", "k8.f32.tf32.tf32", false, ", 1, 1", 128, 8);
  warpgroup_matrices("wgmma m64n256k32 e4m3", "k32.f32.e4m3.e4m3", false, ", 1, 1", 128, 32);
  warpgroup_matrices("wgmma m64n256k32 s8", "k32.s32.s8.s8", false, "", 128, 32);
  large_product();
  for (const KernelCase& one : kernel_cases())
    if (one.name.starts_with("matmul"))
      price_of_checks(one);
  loading();
  return 0;
}

} // namespace
} // namespace emu::test

int main() { return emu::test::main_of_speed(); }
