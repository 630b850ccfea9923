// Calls whose parameters and results are in registers, or in .param on one side only.
#include "checked.h"

#include <functional>

namespace emu::test {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

std::vector<u32> numbers(u32 count) {
  std::vector<u32> all(count);
  for (u32 i = 0; i < count; ++i)
    all[i] = i;
  return all;
}

// Runs `body` for 100 threads, and compares with f of the thread's number.
void expect_each(const std::string& outside, const std::string& body, const std::function<u32(u32)>& f) {
  Machine machine;
  Outcome outcome;
  const std::vector<u32> a = numbers(100);
  const std::vector<u32> d = each_on<u32>(machine, outcome, body, outside, a);
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  for (u32 i = 0; i < a.size(); ++i)
    ASSERT_EQ(d[i], f(i)) << i;
}

TEST(Call, ParametersInRegisters) {
  expect_each(".func (.reg .b32 r) f(.reg .b32 x, .reg .b32 y) { mad.lo.u32 r, x, 10, y; ret; }",
              "call (%d), f, (%a, %i);", [](u32 i) { return 11 * i; });
  expect_each(".func (.reg .f64 q, .reg .b32 r) f(.reg .f64 x, .reg .b16 y) {\n"
              "add.f64 q, x, x; cvt.u32.u16 r, y; ret; }",
              "cvt.u16.u32 %h0, %a; mov.f64 %l0, 0d3FF8000000000000; call (%l1, %r0), f, (%l0, %h0);\n"
              "cvt.rzi.u32.f64 %r1, %l1; mad.lo.u32 %d, %r1, 1000, %r0;",
              [](u32 i) { return 3000 + i; });
  expect_each(".func f(.reg .b64 p, .reg .b32 x) { st.local.u32 [p], x; }", // text may end without ret
              ".local .b32 v; mov.u64 %l0, v; call f, (%l0, %a); ld.local.u32 %d, [v];",
              [](u32 i) { return i; });
}

TEST(Call, ConstantsOfTheParametersType) {
  const std::string f = ".func (.reg .b32 r) f(.reg .f32 x, .reg .f64 y, .param .b32 z) {\n"
                        ".reg .b32 %r<3>; .reg .f32 %f; ld.param.u32 %r0, [z]; cvt.rzi.u32.f32 %r1, x;\n"
                        "cvt.rzi.u32.f64 %r2, y; add.u32 r, %r0, %r1; add.u32 r, r, %r2; ret; }";
  expect_each(f, "call (%d), f, (2.5, 0f42C80000, 1000);", [](u32) { return 1102; });
  expect_each(f, "call (%d), f, (0d4024000000000000, 3.0, 0xffffffff);", [](u32) { return 12; });
}

TEST(Call, RegistersForParamsAndParamsForRegisters) {
  const std::string f =
      ".func (.param .b32 r) f(.param .b32 x, .reg .b32 y) {\n"
      ".reg .b32 %t; ld.param.u32 %t, [x]; mad.lo.u32 %t, %t, 7, y; st.param.b32 [r], %t; }";
  expect_each(f, "call (%d), f, (%a, 5);", [](u32 i) { return 7 * i + 5; });
  expect_each(f,
              ".param .b32 x; .param .b32 y; .param .b32 r; st.param.b32 [x], %a; st.param.b32 [y], 9;\n"
              "call (r), f, (x, y); ld.param.u32 %d, [r];",
              [](u32 i) { return 7 * i + 9; });
  expect_each(f, "mov.u32 %d, 1; call (_), f, (%a, 5);", [](u32) { return 1; });
}

TEST(Call, EachActivationHasItsOwnRegisters) {
  expect_each(".func (.reg .b32 r) sum(.reg .b32 n) {\n.reg .pred p; .reg .b32 m; mov.u32 r, 0;\n"
              "setp.eq.u32 p, n, 0; @p ret; sub.u32 m, n, 1; call (r), sum, (m); add.u32 r, r, n; ret; }",
              "and.b32 %r0, %a, 15; call (%d), sum, (%r0);", [](u32 i) { return i % 16 * (i % 16 + 1) / 2; });
}

// The parameter is written in a loop that begins with the function's first instruction.
TEST(Call, AParameterMayChangeInALoop) {
  expect_each(".func (.reg .b32 r) f(.reg .b32 n, .reg .b32 unused, .reg .b32 all) {\n.reg .pred p;\n"
              "again: add.u32 all, all, n; sub.u32 n, n, 1; setp.gt.s32 p, n, 0; @p bra again; mov.u32 r, "
              "all; ret; }",
              "add.u32 %r0, %a, 1; call (%d), f, (%r0, 77, 1000);",
              [](u32 i) { return 1000 + (i + 1) * (i + 2) / 2; });
}

TEST(Call, ByAddressWithAPrototype) {
  const std::string two = ".func (.reg .b32 r) twice(.reg .b32 x) { add.u32 r, x, x; }\n"
                          ".func (.param .b32 r) thrice(.param .b32 x) { .reg .b32 t; ld.param.u32 t, [x];\n"
                          "mul.lo.u32 t, t, 3; st.param.u32 [r], t; }";
  // Lanes that call different functions, and a result in the register of an argument.
  expect_each(two,
              "shape: .callprototype (.reg .b32 _) _ (.reg .b32 _);\n"
              "mov.u64 %l0, twice; mov.u64 %l1, thrice; and.b32 %r0, %a, 1; setp.eq.u32 %p0, %r0, 0;\n"
              "selp.b64 %l2, %l0, %l1, %p0; mov.u32 %r1, %a; call (%r1), %l2, (%r1), shape; mov.u32 %d, %r1;",
              [](u32 i) { return i % 2 == 0 ? 2 * i : 3 * i; });
}

TEST(Call, AKernelIsNoFunctionToCall) {
  Machine machine;
  const Outcome outcome =
      machine.run(".visible .entry test(.param .u64 p) {\n.reg .b64 %l<2>; mov.u64 %l0, test;\n"
                  "shape: .callprototype _ (.param .b64 _);\n"
                  ".param .b64 q; st.param.b64 [q], 1; call %l0, (q), shape; ret; }",
                  {0});
  EXPECT_EQ(outcome.status, Status::invalid_pc) << outcome.message;
}

TEST(Call, GuardedCallsLeaveOtherLanesResults) {
  expect_each(".func (.reg .b32 r) f(.reg .b32 x) { add.u32 r, x, 100; }",
              "mov.u32 %d, 7; setp.lt.u32 %p0, %a, 50; @%p0 call (%d), f, (%a);",
              [](u32 i) { return i < 50 ? i + 100 : 7; });
}

TEST(Call, TheSystemsFunctionsTakeRegisters) {
  Machine machine;
  Outcome outcome;
  const std::vector<u32> d =
      each_on<u32>(machine, outcome, "mov.u64 %l0, text; call (%d), vprintf, (%l0, 0);",
                   ".extern .func (.param .b32 r) vprintf(.param .b64 f, .param .b64 a);\n"
                   ".global .align 1 .b8 text[3] = {72, 105, 0};",
                   numbers(2));
  EXPECT_EQ(outcome.status, Status::success) << outcome.message;
  EXPECT_EQ(machine.printed, "HiHi");
  EXPECT_EQ(d, std::vector<u32>(2, 0));
}

TEST(Call, WhatDoesNotFitIsRefused) {
  const std::string f = ".func (.reg .b32 r) f(.reg .b32 x) { mov.b32 r, x; }";
  const std::pair<std::string, std::string> cases[] = {
      {"call (%r0), f, (%l0);", "'%l0' has 64 bits, expected 32, as parameter 'x' has"},
      {"call (%l0), f, (%r0);", "'%l0' has 64 bits, expected 32, as parameter 'r' has"},
      {"call (%r0), f, (%p0);", "'%p0' is a predicate, which cannot be passed"},
      {"call (%r0), f, (%tid.x);", "cannot be passed"},
      {"call (1), f, (%r0);", "'1' cannot be passed: expected a .param variable, a register or _"},
      {"call (%r0), f, (%r0, %r0);", "'f' is called with 2 arguments and 1 results, expected 1 and 1"},
      {".shared .b32 s; call (%r0), f, (s);", "'s' cannot be passed: expected a .param variable"},
      {".local .b32 s; call (s), f, (%r0);", "'s' cannot be passed: expected a .param variable"},
      {"call (%r0), f, (count);", "'count' cannot be passed: expected a .param variable"}, // of the kernel
      {"call test, (%l0, %l0);", "'test' is a kernel: expected a function (.func)"},
      {"call f, (%r0);", "'f' is called with 1 arguments and 0 results, expected 1 and 1"},
  };
  for (const auto& [body, message] : cases) {
    Machine machine;
    EXPECT_EQ(machine.load(Wrapping().text(body, f)), nullptr) << body;
    EXPECT_NE(machine.error.message.find(message), std::string::npos) << body << machine.error.message;
    EXPECT_GT(machine.error.place.line, 4) << body;
  }
  const std::pair<std::string, std::string> heads[] = {
      {".entry k(.reg .b32 x) { ret; }", "parameter 'x' is in a register: those of a kernel are in .param"},
      {".func f(.reg .v2 .b32 x) { ret; }", "parameter 'x' is a vector in registers: expected a scalar"},
      {".func f(.reg .pred x) { ret; }", "parameter 'x' is a predicate: expected a register"},
  };
  for (const auto& [text, message] : heads) {
    Machine machine;
    EXPECT_EQ(machine.load(text), nullptr) << text;
    EXPECT_NE(machine.error.message.find(message), std::string::npos) << machine.error.message;
  }
}

TEST(Call, DefinednessGoesWithTheValue) {
  const std::string outside = ".func (.reg .b32 r) f(.reg .b32 x, .param .b32 y) {\n"
                              ".reg .b32 t; ld.param.u32 t, [y]; add.u32 r, x, t; }\n"
                              ".func (.reg .b32 r) nothing(.reg .b32 x) { ret; }";
  const auto found = [&](const std::string& body) {
    Checked machine;
    return machine.kinds(outside +
                             ".entry test(.param .u64 p) {\n.reg .b64 %x; .reg .b32 %r<4>;\n"
                             "ld.param.u64 %x, [p];\n" +
                             body + " st.global.u32 [%x], %r0; ret; }",
                         {machine.buffer(128)});
  };
  EXPECT_EQ(found("mov.u32 %r1, 3; call (%r0), f, (%r1, 5);"), "");
  EXPECT_EQ(found("call (%r0), f, (%r1, 5);"), "undefined-store");
  EXPECT_EQ(found("call (%r0), f, (5, %r1);"), "undefined-store");
  EXPECT_EQ(found("call (%r0), nothing, (5); add.u32 %r0, %r0, 1;"), "undefined-store");
  EXPECT_EQ(found("call (%r2), f, (5, %r1); mov.u32 %r0, 1;"), ""); // handed on, not used
}

} // namespace
} // namespace emu::test
