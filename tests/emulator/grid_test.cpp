// setmaxnreg and griddepcontrol.
#include "kernel_text.h"

namespace emu::test {
namespace {

// A kernel of two warpgroups with 40 registers a thread.
std::string with_registers(const std::string& body, const std::string& directives = ".maxnreg 40") {
  std::string text = kernel(body);
  return text.replace(text.find(") {"), 3, ") " + directives + " {");
}

Outcome run(const std::string& text, Options::Mode mode, u64 seed_offset = 0) {
  Machine machine;
  machine.target = "sm_90a";
  machine.threads.x = 256;
  machine.options.mode = mode;
  machine.options.seed = seed() + seed_offset;
  machine.options.most_instructions = 1'000'000;
  const u64 out = machine.upload(std::vector<u32>(256));
  const Outcome outcome = machine.run(text, {out, 0, 0, 0});
  if (outcome.status == Status::success) {
    for (const u32 value : machine.download<u32>(out, 256))
      EXPECT_EQ(value, 7u);
  }
  return outcome;
}

const std::string first = "setp.lt.u32 %p0, %t0, 128;\n@%p0 bra first;\n",
                  out = "join:\nmad.wide.u32 %l0, %i, 4, "
                        "%x0;\nst.global.u32 [%l0], 7;\n";

void expect_status(const std::string& body, Status status, const std::string& message = "",
                   const std::string& directives = ".maxnreg 40") {
  SCOPED_TRACE(body);
  const Outcome fast = run(with_registers(body + out, directives), Options::Mode::fast);
  EXPECT_EQ(fast.status, status) << fast.message;
  EXPECT_NE(fast.message.find(message), std::string::npos) << fast.message;
  bool found = false; // not by every schedule, perhaps
  for (u64 schedule = 0; schedule < 8; ++schedule) {
    const Outcome outcome = run(with_registers(body + out, directives), Options::Mode::scheduled, schedule);
    found |= outcome.status == status && outcome.message.find(message) != std::string::npos;
    if (status == Status::success) {
      EXPECT_EQ(outcome.status, status) << outcome.message;
    }
  }
  EXPECT_TRUE(found);
}

TEST(SetMaxNReg, GivesAndTakes) {
  // What one warpgroup gives back, the other one waits for: 24 + 56 = 2 * 40.
  expect_status(
      first + "setmaxnreg.inc.sync.aligned.u32 56;\nbra join;\nfirst:\nsetmaxnreg.dec.sync.aligned.u32 24;\n",
      Status::success);
  // And once more.
  expect_status(first +
                    "setmaxnreg.inc.sync.aligned.u32 56;\nbar.sync 0;\nsetmaxnreg.dec.sync.aligned.u32 32;\n"
                    "bra join;\nfirst:\nsetmaxnreg.dec.sync.aligned.u32 24;\nbar.sync 0;\n"
                    "setmaxnreg.inc.sync.aligned.u32 48;\n",
                Status::success);
  expect_status(
      first + "setmaxnreg.inc.sync.aligned.u32 64;\nbra join;\nfirst:\nsetmaxnreg.dec.sync.aligned.u32 24;\n",
      Status::deadlock, "64 registers a thread, 768 of the warp more than it has: of the block's pool");
  expect_status("setmaxnreg.inc.sync.aligned.u32 48;\n", Status::deadlock, "of the block's pool 0 are free");
}

// 256 threads of one block a multiprocessor have 256 each at entry; without a directive it has no effect.
TEST(SetMaxNReg, RegistersAtEntry) {
  const std::string one = first + "setmaxnreg.inc.sync.aligned.u32 ";
  const std::string two = ";\nbra join;\nfirst:\nsetmaxnreg.dec.sync.aligned.u32 240;\n";
  const std::string bounds = ".maxntid 256 .minnctapersm 1";
  expect_status("setmaxnreg.dec.sync.aligned.u32 256;\n", Status::success, "", bounds);
  expect_status("setmaxnreg.inc.sync.aligned.u32 136;\n", Status::deadlock, "256 of the",
                ".maxntid 256 .minnctapersm 2");
  expect_status("setmaxnreg.inc.sync.aligned.u32 240;\n", Status::success, "", "");
  expect_status("setmaxnreg.inc.sync.aligned.u32 240;\n", Status::success, "", ".maxntid 256");
  const auto at_entry = [](const std::string& directives) {
    Machine machine;
    const auto program = machine.load(with_registers("", directives));
    return program == nullptr ? ~0u : registers_at_entry(*program->find("test"), machine.chip);
  };
  // As ptxas 13.0 gives them.
  EXPECT_EQ(at_entry(".maxntid 384 .minnctapersm 1"), 168u);
  EXPECT_EQ(at_entry(".maxntid 200 .minnctapersm 2"), 128u);
  EXPECT_EQ(at_entry(".reqntid 64, 2, 4 .minnctapersm 1"), 128u);
  EXPECT_EQ(at_entry(".maxntid 128 .minnctapersm 1"), 256u); // it says 255, and allocates in units of 8
  EXPECT_EQ(at_entry(".maxnreg 72"), 72u);
  EXPECT_EQ(at_entry(".maxntid 384"), 0u);
}

TEST(SetMaxNReg, Misuse) {
  const std::string warp = "shr.u32 %r0, %t0, 5;\nsetp.eq.u32 %p1, %r0, 1;\n";
  expect_status("setmaxnreg.dec.sync.aligned.u32 48;\n", Status::illegal_instruction,
                "expected at most so many");
  expect_status("setmaxnreg.inc.sync.aligned.u32 32;\n", Status::illegal_instruction,
                "expected at least so many");
  expect_status(warp + "@%p1 bra other;\nsetmaxnreg.dec.sync.aligned.u32 24;\nbra join;\nother:\n"
                       "setmaxnreg.dec.sync.aligned.u32 32;\n",
                Status::illegal_instruction, "expected the same of all");
  expect_status(warp + "@%p1 bra join;\nsetmaxnreg.dec.sync.aligned.u32 24;\n", Status::illegal_instruction,
                "");
  expect_status("setmaxnreg.dec.sync.aligned.u32 32;\nsetmaxnreg.dec.sync.aligned.u32 24;\n",
                Status::illegal_instruction, "expected a barrier of the warpgroup between");
}

TEST(SetMaxNReg, RefusedAtLoad) {
  const std::pair<const char*, const char*> refused[] = {
      {"setmaxnreg.inc.sync.aligned.u32 20;", "20 registers: expected 24 to 256, a multiple of 8"},
      {"setmaxnreg.inc.sync.aligned.u32 264;", "264 registers: expected 24 to 256"},
      {"setmaxnreg.dec.sync.aligned.u32 42;", "a multiple of 8"},
      {"setmaxnreg.dec.sync.aligned.u32 %r0;", "no integer constant"},
  };
  for (const auto& [text, message] : refused) {
    Machine machine;
    EXPECT_EQ(machine.load(kernel(text)), nullptr) << text;
    EXPECT_NE(machine.error.message.find(message), std::string::npos) << machine.error.message;
  }
}

TEST(GridDependencies, OrderNothingHere) {
  expect_status("griddepcontrol.wait;\ngriddepcontrol.launch_dependents;\n", Status::success);
}

} // namespace
} // namespace emu::test
