// Bounds and definedness, from PTX to the report.
#include "tests/emulator/checked.h"

namespace emu::test {
namespace {

// A kernel with pointers %a and %b, and the thread's number %t; addresses %x = a + 4 * t and %y = b + 4 * t.
std::string kernel(const std::string& body, const std::string& outside = "") {
  return outside + R"(
.visible .entry test(.param .u64 pa, .param .u64 pb) {
.reg .pred %p<4>; .reg .b16 %h<8>; .reg .b32 %t, %r<16>; .reg .b64 %a, %b, %x, %y, %l<8>;
ld.param.u64 %a, [pa]; ld.param.u64 %b, [pb];
mov.u32 %t, %tid.x; mad.wide.u32 %x, %t, 4, %a; mad.wide.u32 %y, %t, 4, %b;
)" + body +
         "\nret;\n}\n";
}

class Checks : public testing::Test {
protected:
  void expect(const std::string& text, std::string_view kinds) {
    EXPECT_EQ(machine.kinds(text, {a, b}), kinds) << text << machine.reported();
    EXPECT_EQ(machine.outcome.status, Status::success) << machine.outcome.message;
  }
  Checked machine;
  std::uint64_t a = 0, b = 0;

  void SetUp() override {
    machine.threads.x = 32;
    a = machine.buffer(128);
    b = machine.buffer(128);
  }
};

TEST_F(Checks, AccessesInBounds) { expect(kernel("ld.global.u32 %r0, [%x]; st.global.u32 [%y], %r0;"), ""); }

TEST_F(Checks, ReadBeyondTheEnd) {
  expect(kernel("ld.global.u32 %r0, [%x+4]; st.global.u32 [%y], %r0;"), "out-of-bounds");
  const Report report = machine.checks.reports().all().at(0);
  EXPECT_EQ(report.place.thread.x, 31u);
  EXPECT_EQ(report.count, 1u);
  EXPECT_NE(report.message.find("allocation of 128 bytes"), std::string::npos) << report.message;
  EXPECT_NE(report.place.text.find("ld.global.u32 %r0, [%x+4];"), std::string::npos) << report.place.text;
}

TEST_F(Checks, WriteOverTheEnd) {
  expect(kernel("mad.wide.u32 %l0, %t, 8, %a; st.global.u64 [%l0], %l0;"), "out-of-bounds");
  EXPECT_EQ(machine.checks.reports().all().at(0).count, 16u);
}

TEST_F(Checks, WriteOverTheEndOfAWholeAllocation) {
  a = machine.buffer(256);
  const std::uint64_t neighbour = machine.buffer(256);
  expect(kernel("mad.wide.u32 %l0, %t, 8, %a; st.global.u32 [%l0+8], %t;"), "out-of-bounds");
  EXPECT_LT(a, neighbour);
}

TEST_F(Checks, WriteAfterFree) {
  machine.memory.release(b);
  expect(kernel("st.global.u32 [%y], %t;"), "use-after-free");
}

TEST_F(Checks, MisalignedAccess) { expect(kernel("ld.global.u32 %r0, [%a+2];"), "misaligned"); }

TEST_F(Checks, WriteToConstant) {
  expect(
      kernel("setp.eq.u32 %p0, %t, 0; mov.u64 %l0, c; @%p0 st.global.u32 [%l0], %t;", ".const .u32 c = 3;"),
      "read-only");
}

TEST_F(Checks, SharedBounds) {
  const std::string outside = ".shared .b32 s[32];";
  const std::string address = "mov.u32 %r1, s; mad.lo.u32 %r1, %t, 4, %r1; ";
  expect(kernel(address + "st.shared.u32 [%r1], %t;", outside), "");
  expect(kernel(address + "st.shared.u32 [%r1+4], %t;", outside), "out-of-bounds");
  EXPECT_EQ(machine.checks.reports().all().at(0).place.thread.x, 31u);
  machine.dynamic_shared = 128;
  const std::string dynamic = ".extern .shared .b32 s[];";
  expect(kernel(address + "st.shared.u32 [%r1], %t;", dynamic), "");
  expect(kernel(address + "st.shared.u32 [%r1+4], %t;", dynamic), "out-of-bounds");
}

TEST_F(Checks, CopiesReadNoMoreThanTheirSourceHas) {
  const std::string copy = "mov.u32 %r1, s; mad.lo.u32 %r1, %t, 16, %r1; mad.wide.u32 %l0, %t, 16, %a; "
                           "sub.u32 %r2, 128, %t; mad.lo.s32 %r2, %t, -15, %r2; max.s32 %r2, %r2, 0; "
                           "min.s32 %r2, %r2, 16; ";
  const std::string outside = ".shared .align 16 .b8 s[512];", wait = "cp.async.wait_all;";
  expect(kernel(copy + "cp.async.cg.shared.global [%r1], [%l0], 16, %r2; " + wait, outside), "");
  a = machine.buffer(120);
  expect(kernel(copy + "cp.async.cg.shared.global [%r1], [%l0], 16, %r2; " + wait, outside), "out-of-bounds");
  expect(
      kernel(copy + "min.s32 %r2, %r2, 8; cp.async.cg.shared.global [%r1], [%l0], 16, %r2; " + wait, outside),
      "");
  expect(kernel(copy +
                    "sub.u32 %r2, %r2, %t; max.s32 %r2, %r2, 0; add.u64 %l0, %l0, 8; "
                    "cp.async.cg.shared.global [%r1], [%l0], 16, %r2; " +
                    wait,
                outside),
         "misaligned");
}

TEST_F(Checks, LocalBounds) {
  expect(kernel(".local .b32 v[4]; st.local.u32 [v+12], %t;"), "");
  expect(kernel(".local .b32 v[4]; st.local.u32 [v+16], %t;"), "out-of-bounds");
}

// One variable's neighbour is memory, too, but no address that is computed from the one may reach the other.
TEST_F(Checks, AddressesStayInTheirVariable) {
  const std::string outside =
      ".shared .b32 s[32]; .shared .b32 next[64]; .global .align 16 .b32 g[32] = {0}; "
      ".global .align 16 .b32 h[64] = {0}; .const .b32 c[4] = {0}; .const .b32 e[4] = {0};\n";
  const std::string use =
      "st.shared.u32 [next], 1; bar.sync 0; ld.global.u32 %r9, [h]; "; // so that they are there
  auto address = [](const std::string& variable) {
    return "mov.u32 %r1, " + variable + "; mad.lo.u32 %r1, %t, 4, %r1; ";
  };
  expect(kernel(use + address("s") + "st.shared.u32 [%r1], %t;", outside), "");
  expect(kernel(use + address("s") + "st.shared.u32 [%r1+4], %t;", outside), "out-of-bounds");
  EXPECT_EQ(machine.checks.reports().all().at(0).place.thread.x, 31u);
  EXPECT_EQ(machine.checks.reports().all().at(0).count, 1u);
  EXPECT_NE(machine.reported().find("4 bytes after the end of 's'"), std::string::npos) << machine.reported();
  expect(kernel(use + address("next") + "mov.u32 %r2, s; sub.u32 %r1, %r1, 4; ld.shared.u32 %r3, [%r1];",
                outside),
         "out-of-bounds");
  EXPECT_NE(machine.reported().find("4 bytes before the begin of 'next'"), std::string::npos)
      << machine.reported();
  // Through a loop, a guard, and generic addresses.
  expect(
      kernel(
          use + "mov.u32 %r1, s; mov.u32 %r2, 0; L: add.u32 %r1, %r1, 4; add.u32 %r2, %r2, 1; "
                "setp.lt.u32 %p0, %r2, 32; @%p0 bra L; setp.eq.u32 %p1, %t, 0; @%p1 st.shared.u32 [%r1], %t;",
          outside),
      "out-of-bounds");
  const std::string generic = "mov.u64 %l0, s; cvta.shared.u64 %l1, %l0; mad.wide.u32 %l1, %t, 4, %l1; ";
  expect(kernel(use + generic + "st.u32 [%l1], %t;", outside), "");
  expect(kernel(use + generic + "st.u32 [%l1+4], %t;", outside), "out-of-bounds");
  expect(kernel(use + "mov.u64 %l0, g; mad.wide.u32 %l0, %t, 4, %l0; st.global.u32 [%l0], %t; ", outside),
         "");
  expect(kernel(use + "mov.u64 %l0, g; mad.wide.u32 %l0, %t, 8, %l0; ld.global.u32 %r1, [%l0];", outside),
         "out-of-bounds");
  expect(kernel("ld.const.u32 %r1, [e]; ld.const.u32 %r1, [c+16];", outside), "out-of-bounds");
  expect(kernel(".local .b32 u[4]; .local .b32 v[4]; st.local.u32 [v], %t; st.local.u32 [u+12], %t;"), "");
  expect(kernel(".local .b32 u[4]; .local .b32 v[4]; st.local.u32 [v], %t; st.local.u32 [u+16], %t;"),
         "out-of-bounds");
  expect(kernel("ld.param.u64 %l0, [pa+8];"), "out-of-bounds");
  expect(kernel("ld.param.u32 %r0, [pa+4];"), "");
}

TEST_F(Checks, AddressesOfTwoVariablesAreNotGuessedAt) {
  const std::string outside = ".shared .b32 s[32]; .shared .b32 next[32];\n";
  const std::string store = "mad.lo.u32 %r3, %t, 4, %r3; st.shared.u32 [%r3], %t;";
  // Either of them; the one by its distance from the other; and what was loaded.
  expect(kernel("mov.u32 %r1, s; mov.u32 %r2, next; setp.lt.u32 %p0, %t, 16; selp.b32 %r3, %r1, %r2, %p0; " +
                    store,
                outside),
         "");
  expect(kernel("mov.u32 %r1, s; mov.u32 %r2, next; sub.u32 %r3, %r2, %r1; add.u32 %r3, %r1, %r3; " + store,
                outside),
         "");
  expect(kernel("mov.u32 %r3, s; setp.lt.u32 %p0, %t, 16; @%p0 mov.u32 %r3, next; " + store, outside), "");
  expect(kernel("mov.u32 %r1, s; st.shared.u32 [s], %r1; bar.sync 0; ld.shared.u32 %r3, [s]; bar.sync 0; "
                "add.u32 %r3, %r3, 128; mov.u32 %r2, next; " +
                    store,
                outside),
         "");
}

TEST_F(Checks, DynamicSharedMemoryBeginsAfterVariables) {
  const std::string outside = ".shared .b32 s[32]; .extern .shared .align 16 .b8 d[];\n";
  machine.dynamic_shared = 128;
  const std::string address = "mov.u32 %r1, d; mad.lo.u32 %r1, %t, 4, %r1; st.shared.u32 [s], 1; ";
  expect(kernel(address + "st.shared.u32 [%r1], %t;", outside), "");
  expect(kernel(address + "st.shared.u32 [%r1-4], %t;", outside), "out-of-bounds");
}

// ---- definedness ----

TEST_F(Checks, CopiesOfUndefinedBytesAreFine) {
  b = machine.buffer(128, false);
  expect(kernel("ld.global.u32 %r0, [%y]; st.global.u32 [%x], %r0;"), "");
  EXPECT_FALSE(machine.checks.host_reads_defined(a, 4));
  expect(kernel("st.global.u32 [%x], %t;"), "");
  EXPECT_TRUE(machine.checks.host_reads_defined(a, 128));
}

TEST_F(Checks, BranchOnUndefined) {
  b = machine.buffer(128, false);
  expect(
      kernel("ld.global.u32 %r0, [%y]; setp.eq.u32 %p0, %r0, 0; @%p0 bra END; st.global.u32 [%x], %t; END:"),
      "undefined-branch");
  EXPECT_NE(machine.reported().find("comes from line"), std::string::npos) << machine.reported();
}

TEST_F(Checks, AddressFromUndefined) {
  b = machine.buffer(128, false);
  expect(
      kernel("ld.global.u32 %r0, [%y]; mad.wide.u32 %l0, %r0, 4, %a; ld.global.u32 %r1, [%l0]; st.global.u32 "
             "[%y], %r1;"),
      "undefined-address");
  b = machine.buffer(128, false);
  expect(kernel("ld.global.u32 %r0, [%y]; mad.wide.u32 %l0, %r0, 4, %a; mad.wide.u32 %l0, %t, 4, %l0; "
                "st.global.u32 "
                "[%l0], %t;"),
         "undefined-address");
  const auto stored = machine.download<std::uint32_t>(a, 32); // as without checks
  for (std::uint32_t i = 0; i < 32; ++i)
    EXPECT_EQ(stored[i], i);
}

TEST_F(Checks, ResultFromUndefined) {
  b = machine.buffer(128, false);
  expect(kernel("ld.global.u32 %r0, [%y]; add.u32 %r0, %r0, 1; st.global.u32 [%x], %r0;"), "undefined-store");
}

TEST_F(Checks, RowsThatAreDroppedAreFine) {
  b = machine.buffer(128, false);
  machine.checks.host_writes(b, 64);
  expect(kernel("ld.global.u32 %r0, [%y]; add.u32 %r0, %r0, 1; setp.lt.u32 %p0, %t, 16; @%p0 st.global.u32 "
                "[%x], %r0;"),
         "");
  expect(kernel("ld.global.u32 %r0, [%y]; add.u32 %r0, %r0, 1; setp.lt.u32 %p0, %t, 17; @%p0 st.global.u32 "
                "[%x], %r0;"),
         "undefined-store");
}

// What && and || are compiled to, if looking at both sides does no harm: the other side decides.
TEST_F(Checks, LogicThatDoesNotDependOnUndefined) {
  b = machine.buffer(128, false);
  const std::string load = "ld.global.u32 %r0, [%y]; setp.lt.u32 %p0, %r0, 5; setp.lt.u32 %p1, %t, 99; ";
  const std::string use = "@%p2 bra END; st.global.u32 [%x], %t; END:";
  expect(kernel(load + "or.pred %p2, %p1, %p0; " + use), "");
  expect(kernel(load + "not.pred %p1, %p1; and.pred %p2, %p0, %p1; " + use), "");
  expect(kernel(load + "and.pred %p2, %p0, %p1; " + use), "undefined-branch");
  expect(kernel(load + "not.pred %p1, %p1; or.pred %p2, %p0, %p1; " + use), "undefined-branch");
  expect(kernel(load + "xor.pred %p2, %p1, %p0; " + use), "undefined-branch");
}

// Lanes that call a function leave alone what others have where its variables are, which are elsewhere in
// theirs.
TEST_F(Checks, CallsOfOtherLanesUndefineNothing) {
  const std::string fib =
      ".func (.param .b32 r) fib(.param .b32 n) {\n.reg .b32 %n, %a, %b; .reg .pred %p;\n"
      "ld.param.u32 %n, [n]; setp.lt.u32 %p, %n, 2; mov.u32 %a, %n; @%p bra DONE;\n"
      "{ .param .b32 x; .param .b32 y; sub.u32 %a, %n, 1; st.param.b32 [x], %a; call (y), fib, (x); "
      "ld.param.b32 %a, [y]; }\n"
      "{ .param .b32 x; .param .b32 y; sub.u32 %b, %n, 2; st.param.b32 [x], %b; call (y), fib, (x); "
      "ld.param.b32 %b, [y]; }\nadd.u32 %a, %a, %b;\nDONE: st.param.b32 [r], %a; ret;\n}\n"
      ".func (.param .b32 r) same(.param .b32 n) { .reg .b32 %n; ld.param.u32 %n, [n]; "
      "st.param.b32 [r], %n; ret; }\n.global .u64 table[2] = {fib, same};\n";
  const std::string text =
      fib +
      kernel(
          "and.b32 %r0, %t, 7; and.b32 %r1, %t, 1; mov.u64 %l0, table; mad.wide.u32 %l0, %r1, 8, %l0; "
          "ld.global.u64 %l1, [%l0]; { .param .b32 x; .param .b32 y; st.param.b32 [x], %r0; p: "
          ".callprototype "
          "(.param .b32 _) _ (.param .b32 _); call (y), %l1, (x), p; ld.param.b32 %r2, [y]; } st.global.u32 "
          "[%x], %r2;");
  for (std::uint64_t schedule = 0; schedule < 24; ++schedule) {
    machine.options.mode = schedule == 0 ? Options::Mode::fast : Options::Mode::scheduled;
    machine.options.seed = schedule;
    expect(text, "");
    const auto found = machine.download<std::uint32_t>(a, 8);
    EXPECT_EQ(found, (std::vector<std::uint32_t>{0, 1, 1, 3, 3, 5, 8, 7}));
  }
}

TEST_F(Checks, BytesAreFollowedThroughCopies) {
  b = machine.buffer(128, false);
  for (int i = 0; i < 32; ++i)
    machine.checks.host_writes(b + 4 * static_cast<unsigned>(i), 2); // the lower halves
  const std::string load = "ld.global.u32 %r0, [%y]; ";
  expect(kernel(load + "and.b32 %r1, %r0, 0xffff; add.u32 %r1, %r1, 1; st.global.u32 [%x], %r1;"), "");
  expect(kernel(load + "mov.b32 {%h0, %h1}, %r0; add.u16 %h0, %h0, 1; st.global.u16 [%x], %h0;"), "");
  expect(kernel(load + "mov.b32 {%h0, %h1}, %r0; add.u16 %h1, %h1, 1; st.global.u16 [%x], %h1;"),
         "undefined-store");
  expect(kernel(load + "shr.u32 %r1, %r0, 16; add.u32 %r1, %r1, 1; st.global.u32 [%x], %r1;"),
         "undefined-store");
  expect(kernel(load + "shl.b32 %r1, %r0, 16; add.u32 %r1, %r1, 1; st.global.u32 [%x], %r1;"), "");
}

TEST_F(Checks, SharedMemoryBeginsUndefined) {
  const std::string outside = ".shared .b32 s[32];";
  const std::string address = "mov.u32 %r1, s; mad.lo.u32 %r1, %t, 4, %r1; ";
  expect(kernel(address + "ld.shared.u32 %r0, [%r1]; add.u32 %r0, %r0, 1; st.global.u32 [%x], %r0;", outside),
         "undefined-store");
  expect(kernel(address + "st.shared.u32 [%r1], %t; ld.shared.u32 %r0, [%r1]; add.u32 %r0, %r0, 1; "
                          "st.global.u32 [%x], %r0;",
                outside),
         "");
}

TEST_F(Checks, TaintTravelsThroughSharedMemory) {
  const std::string outside = ".shared .b32 s[64];";
  const std::string address = "mov.u32 %r1, s; mad.lo.u32 %r1, %t, 4, %r1; ";
  expect(kernel(address + "ld.shared.u32 %r0, [%r1]; add.u32 %r0, %r0, 1; st.shared.u32 [%r1+128], %r0; "
                          "ld.shared.u32 %r2, [%r1+128]; st.global.u32 [%x], %r2;",
                outside),
         "undefined-store");
}

TEST_F(Checks, RegistersBeginUndefined) {
  expect(kernel("add.u32 %r0, %r5, 1; st.global.u32 [%x], %r0;"), "undefined-store");
  expect(
      kernel("setp.lt.u32 %p0, %t, 40; @%p0 mov.u32 %r5, 1; add.u32 %r0, %r5, 1; st.global.u32 [%x], %r0;"),
      "");
  expect(
      kernel("setp.lt.u32 %p0, %t, 20; @%p0 mov.u32 %r5, 1; add.u32 %r0, %r5, 1; st.global.u32 [%x], %r0;"),
      "undefined-store");
}

TEST_F(Checks, ArgumentsKeepTheirDefinedness) {
  const std::string outside = R"(
.func (.param .b32 result) f(.param .b32 x) {
.reg .b32 %r<2>; ld.param.u32 %r0, [x]; add.u32 %r0, %r0, 1; st.param.b32 [result], %r0; ret; }
)";
  const std::string call = "{ .param .b32 in; .param .b32 out; st.param.b32 [in], %r0; call (out), f, (in); "
                           "ld.param.b32 %r1, [out]; } st.global.u32 [%x], %r1;";
  expect(kernel("mov.u32 %r0, 3; " + call, outside), "");
  b = machine.buffer(128, false);
  expect(kernel("ld.global.u32 %r0, [%y]; " + call, outside), "undefined-store");
}

TEST_F(Checks, PrintedArgumentsAreDefined) {
  const std::string outside =
      ".extern .func (.param .b32 r) vprintf(.param .b64 f, .param .b64 a);\n"
      ".global .align 1 .b8 text[9] = {37, 100, 32, 37, 108, 102, 32, 10, 0};\n"; // "%d %lf \n"
  const std::string print = "mov.u64 %l3, text; { .param .b64 f; .param .b64 a; .param .b32 r; "
                            "st.param.b64 [f], %l3; st.param.b64 [a], %l1; call.uni (r), vprintf, (f, a); }";
  const std::string list =
      ".local .align 8 .b8 list[16]; mov.u64 %l0, list; cvta.local.u64 %l1, %l0; st.local.u32 [%l0], %t; ";
  expect(kernel(list + "st.local.u64 [%l0+8], 0; " + print, outside), "");
  expect(kernel(list + print, outside), "undefined-use");
  EXPECT_NE(machine.reported().find("printf's argument at offset 8"), std::string::npos)
      << machine.reported();
  EXPECT_EQ(machine.checks.reports().all().at(0).count, 32u);
  b = machine.buffer(128, false); // tainted, not only undefined
  expect(kernel("ld.global.u32 %r0, [%y]; add.u32 %r0, %r0, 1; " + list +
                    "st.local.u32 [%l0], %r0; st.local.u64 [%l0+8], 0; " + print,
                outside),
         "undefined-use");
}

TEST_F(Checks, ShufflesCarryTheirLane) {
  b = machine.buffer(128, false);
  machine.checks.host_writes(b, 64);
  const std::string load = "ld.global.u32 %r0, [%y]; ";
  const std::string store = "add.u32 %r1, %r1, 1; st.global.u32 [%x], %r1;";
  expect(kernel(load + "shfl.sync.idx.b32 %r1, %r0, 15, 31, -1; " + store), "");
  expect(kernel(load + "shfl.sync.idx.b32 %r1, %r0, 16, 31, -1; " + store), "undefined-store");
}

TEST_F(Checks, VotesDependOnAllLanes) {
  b = machine.buffer(128, false);
  machine.checks.host_writes(b, 124);
  expect(kernel("ld.global.u32 %r0, [%y]; setp.eq.u32 %p0, %r0, 0; vote.sync.any.pred %p1, %p0, -1; "
                "@%p1 st.global.u32 [%x], %t;"),
         "undefined-branch");
}

// A product of which rows 8 to 15 of A, or columns 4 to 7 of B, are never defined.
std::string product(const std::string& a, const std::string& b, const std::string& store) {
  const std::string outside = ".shared .align 16 .b8 s[512];";
  return kernel(
      "mov.u32 %r0, s; shl.b32 %r1, %t, 4; add.u32 %r1, %r0, %r1; mov.u32 %r2, 0; mov.u32 %r7, 0; " + a + b +
          "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r3, %r4, %r5, %r6}, [%r1]; "
          "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%r8, %r9, %r10, %r11}, {%r3, %r4, %r5, %r6}, "
          "{%r12, %r13}, {%r2, %r2, %r2, %r2}; " +
          store,
      outside);
}

TEST_F(Checks, ProductsKeepRowsAndColumnsApart) {
  const std::string all = "st.shared.v4.b32 [%r1], {%r2, %r2, %r2, %r2}; ";
  // Matrices 0 and 2 of four are rows 0 to 7.
  const std::string upper = "and.b32 %r14, %t, 8; setp.eq.u32 %p0, %r14, 0; @%p0 " + all;
  const std::string whole_b = "mov.u32 %r12, 0; mov.u32 %r13, 0; ";
  const std::string half_b = "setp.lt.u32 %p1, %t, 16; @%p1 mov.u32 %r12, 0; mov.u32 %r13, 0; ";
  const std::string top = "st.global.u32 [%x], %r8; st.global.u32 [%x], %r9;",
                    bottom = "st.global.u32 [%x], %r10;";
  const std::string left = "and.b32 %r14, %t, 2; setp.eq.u32 %p2, %r14, 0; @%p2 ",
                    right = "and.b32 %r14, %t, 2; setp.ne.u32 %p2, %r14, 0; @%p2 ";
  machine.checks.reports().clear();
  expect(product(all + "bar.warp.sync -1; ", whole_b, top + bottom), "");
  expect(product(upper + "bar.warp.sync -1; ", whole_b, top), "");
  expect(product(upper + "bar.warp.sync -1; ", whole_b, bottom), "undefined-store");
  expect(product(all + "bar.warp.sync -1; ", half_b, left + bottom), "");
  expect(product(all + "bar.warp.sync -1; ", half_b, right + bottom), "undefined-store");
}

// A shuffle moves what is undefined, also between lanes that come to it one after the other.
TEST(ChecksOfLanes, MeetWithUndefinedValues) {
  for (std::uint64_t schedule = 0; schedule < 64; ++schedule) {
    Checked machine;
    machine.threads.x = 32;
    machine.options.mode = Options::Mode::scheduled;
    machine.options.seed = schedule;
    EXPECT_EQ(machine.kinds(".visible .entry test() {\n.reg .b32 %r<4>;\n.reg .pred %p0;\n"
                            ".shared .b32 s[32];\nmov.u32 %r0, %tid.x;\nsetp.lt.u32 %p0, %r0, 16;\n"
                            "@%p0 bra over;\nadd.u32 %r2, %r0, 1;\nover:\nld.shared.u32 %r1, [s];\n"
                            "shfl.sync.up.b32 %r1, %r1, 1, 0, -1;\nshfl.sync.up.b32 %r1, %r1, 1, 0, -1;\n"
                            "ret;\n}\n",
                            {}),
              "")
        << "schedule " << schedule << machine.reported();
    ASSERT_EQ(machine.outcome.status, Status::success) << machine.outcome.message;
  }
}

// What a warp loads together is defined in all lanes, whichever came last.
TEST(ChecksOfLanes, LoadTogether) {
  for (std::uint64_t schedule = 0; schedule < 64; ++schedule) {
    Checked machine;
    machine.threads.x = 32;
    machine.options.mode = Options::Mode::scheduled;
    machine.options.seed = schedule;
    const std::uint64_t out = machine.buffer(128);
    EXPECT_EQ(
        machine.kinds(".visible .entry test(.param .u64 out) {\n.reg .b32 %r<4>;\n.reg .b64 %l0;\n"
                      ".reg .pred %p<2>;\n.shared .align 16 .b8 s[512];\nmov.u32 %r0, %tid.x;\n"
                      "mul.lo.u32 %r2, %r0, 16;\nmov.u32 %r3, s;\nadd.u32 %r3, %r3, %r2;\n"
                      "st.shared.v4.b32 [%r3], {%r0, %r0, %r0, %r0};\nbar.warp.sync -1;\n"
                      "setp.gt.u32 %p1, %r0, 99;\n@%p1 mov.u32 %r1, 0;\nadd.u32 %r1, %r1, 1;\n"
                      "setp.lt.u32 %p0, %r0, 16;\n@%p0 bra over;\nadd.u32 %r2, %r0, 1;\nover:\n"
                      "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r1}, [%r3];\nadd.u32 %r1, %r1, 1;\n"
                      "ld.param.u64 %l0, [out];\nmad.wide.u32 %l0, %r0, 4, %l0;\nst.global.b32 [%l0], %r1;\n"
                      "ret;\n}\n",
                      {out}),
        "")
        << "schedule " << schedule << machine.reported();
    ASSERT_EQ(machine.outcome.status, Status::success) << machine.outcome.message;
  }
}

} // namespace
} // namespace emu::test
