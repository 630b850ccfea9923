// What a name means where it stands.
#include "ptx_test.h"

using namespace emu::ptx;
using namespace emu::ptx::test;

namespace {

TEST(PtxScope, inner_names_hide_outer_ones) {
  auto module = accepted(in_function(R"(.reg .b32 r, %q<4>;
    op r, %q1;
    { .reg .f32 r; .reg .f64 %q<2>; op r, %q1; op %q3; { .reg .b16 %q1; op %q1, %q0; } }
    op r, %q1;
    { .reg .f32 r; op r; })"));
  ASSERT_TRUE(module);
  const Function& f = module->functions[0];
  auto type = [&](std::size_t statement, std::size_t operand) {
    return f.registers[f.statements[statement].operands[operand].index].type;
  };
  EXPECT_EQ(type(0, 0), Type::b32);
  EXPECT_EQ(type(1, 0), Type::f32);
  EXPECT_EQ(type(1, 1), Type::f64);
  EXPECT_EQ(type(2, 0), Type::b32); // %q3 is only in the outer range
  EXPECT_EQ(type(3, 0), Type::b16);
  EXPECT_EQ(type(3, 1), Type::f64);
  EXPECT_EQ(type(4, 0), Type::b32);
  EXPECT_EQ(f.statements[4].operands[0].index, f.statements[0].operands[0].index);
  EXPECT_NE(f.statements[5].operands[0].index, f.statements[1].operands[0].index);
}

TEST(PtxScope, ranges_make_names_without_leading_zeros) {
  auto module = accepted(in_function(".reg .b32 a1<20>, a<3>; op a10, a119, a2;"));
  ASSERT_TRUE(module);
  EXPECT_EQ(module->functions[0].registers.size(), 3U);
  EXPECT_EQ(refused(in_function(".reg .b32 %r<20>; op %r01;")).message, "register '%r01' is not declared");
}

TEST(PtxScope, variables_of_inner_scopes) {
  auto module = accepted(with_header(R"(.global .b32 x;
.func g(.param .b32 p);
.entry f() {
  .reg .b32 %r<3>;
  st.global.b32 [x], %r1;
  { .param .b32 p; st.param.b32 [p], %r1; call g, (p); }
  { .param .b64 p; .local .b32 x; st.param.b32 [p], %r1; st.local.b32 [x], %r1; }
  st.global.b32 [x], %r1;
})"));
  ASSERT_TRUE(module);
  const Function& f = *module->function("f");
  ASSERT_EQ(f.locals().size(), 3U);
  auto variable = [&](std::size_t statement) -> const Variable& {
    return module->variable(f, f.statements[statement].operands[0].parts[0]);
  };
  EXPECT_EQ(variable(0).space, Space::global);
  EXPECT_EQ(variable(1).size, 4U);
  EXPECT_EQ(variable(3).size, 8U);
  EXPECT_EQ(variable(4).space, Space::local);
  EXPECT_EQ(variable(5).space, Space::global);
}

TEST(PtxScope, labels) {
  auto module = accepted(in_function(R"(.reg .pred p;
    { @p bra L; bra end; ret; L: }
    { @p bra L; L: ret; }
    top: ret;
    { { bra top; bra done; } L: done: bra L; }
    end:)"));
  ASSERT_TRUE(module);
  const Function& f = module->functions[0];
  auto target = [&](std::size_t i) { return f.statements[i].operands[0].index; };
  ASSERT_EQ(f.statements.size(), 9U);
  EXPECT_EQ(target(0), 3U);
  EXPECT_EQ(target(1), 9U);
  EXPECT_EQ(target(3), 4U);
  EXPECT_EQ(target(6), 5U);
  EXPECT_EQ(target(7), 8U);
  EXPECT_EQ(target(8), 8U);
  EXPECT_EQ(f.labels.size(), 6U);
  EXPECT_EQ(f.labels[0].name, "L");
}

TEST(PtxScope, a_branch_goes_to_a_label_whatever_else_has_its_name) {
  auto module = accepted(in_function(".reg .b32 L; bra L; mov.b32 L, 1; L: ret;"));
  ASSERT_TRUE(module);
  EXPECT_EQ(module->functions[0].statements[0].operands[0].index, 2U);
}

TEST(PtxScope, functions_know_themselves_and_what_came_before) {
  EXPECT_TRUE(accepted(with_header(".func f() { call f; ret; } .func g() { call f; }")));
  EXPECT_EQ(refused(with_header(".func f() {\n call g; }\n.func g() { ret; }")).message,
            "'g' is not declared");
}

} // namespace
