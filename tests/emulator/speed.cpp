// How fast the emulator is: instructions a second and core, matrix instructions, the price of checks,
// loading.
//
//     build/bin/emulator-speed
//
// Each figure is the best of several runs, by the CPU time of one thread, so that other work on the machine
// counts little.
#include "kernel_cases.h"

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

std::string kernel(const std::string& body) {
  return ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 p)\n{\n" + body +
         "ret;\n}\n";
}

// A loop of `count` rounds around the instructions.
std::string loop(const std::string& declarations, const std::string& body, int count) {
  return kernel(".reg .pred %q;\n.reg .b32 %i;\n" + declarations + "mov.u32 %i, 0;\nagain:\n" + body +
                "add.u32 %i, %i, 1;\nsetp.lt.u32 %q, %i, " + std::to_string(count) + ";\n@%q bra again;\n");
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
  launch.chip = chip_named("sm_80");
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

void price_of_checks(const KernelCase& one) {
  std::string missing;
  const std::string& ptx = ptx_of(one, "sm_80", missing);
  if (ptx.empty()) {
    std::printf("%s: %s\n", one.name.c_str(), missing.c_str());
    return;
  }
  const auto run = [&](bool checks) { run_kernel(one, ptx, "sm_80", {.workers = 1}, checks, 1); };
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
  for (const KernelCase& one : kernel_cases())
    if (one.name.starts_with("matmul"))
      price_of_checks(one);
  loading();
  return 0;
}

} // namespace
} // namespace emu::test

int main() { return emu::test::main_of_speed(); }
