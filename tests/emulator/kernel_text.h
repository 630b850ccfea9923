// A kernel `test` around a body, for tests of instructions that threads execute together. %i is the number of
// the thread in the grid, %t0 in its block, %t2 its block, %x0 to %x3 are four parameters; registers by type
// and number, as in run_ptx.h.
#pragma once

#include "run_ptx.h"

namespace emu::test {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

inline std::string kernel(const std::string& body, const std::string& outside = "") {
  return outside +
         "\n.visible .entry test(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d) {\n"
         ".reg .pred %p<8>;\n.reg .b8 %b<8>;\n.reg .b16 %h<16>;\n.reg .b32 %r<32>, %i, %t<3>;\n"
         ".reg .b64 %l<32>, %x<4>;\n.reg .b128 %w<4>;\n"
         "mov.u32 %t0, %tid.x;\nmov.u32 %t1, %ntid.x;\nmov.u32 %t2, %ctaid.x;\n"
         "mad.lo.u32 %i, %t2, %t1, %t0;\n"
         "ld.param.u64 %x0, [a];\nld.param.u64 %x1, [b];\nld.param.u64 %x2, [c];\nld.param.u64 %x3, [d];\n" +
         body + "\nret;\n}\n";
}

/// Runs a kernel in the fast mode and by many schedules, each of them twice: `check` is called after each
/// run, and a schedule is the same when it is repeated. `prepare` makes the parameters.
template <class Prepare, class Check>
void run_all_ways(Dim3 grid, Dim3 threads, const std::string& text, Prepare prepare, Check check,
                  int schedules = 32) {
  auto run = [&](Options options) {
    Machine machine;
    machine.grid = grid;
    machine.threads = threads;
    machine.options = options;
    machine.options.most_instructions = 50'000'000;
    const std::vector<u64> params = prepare(machine);
    const Outcome outcome = machine.run(text, params);
    EXPECT_EQ(outcome.status, Status::success) << outcome.message;
    if (outcome.status == Status::success)
      check(machine, params);
    return outcome;
  };
  for (unsigned workers : {1u, 3u})
    run({.workers = workers});
  for (int i = 0; i < schedules && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("schedule " + std::to_string(i));
    const Options options = {.mode = Options::Mode::scheduled, .seed = seed() + static_cast<u64>(i)};
    const Outcome once = run(options), again = run(options);
    EXPECT_EQ(once.warp_instructions, again.warp_instructions);
    EXPECT_EQ(once.thread_instructions, again.thread_instructions);
  }
}

} // namespace emu::test
