// Instructions: opcodes, and every form of an operand.
#include "ptx_test.h"

#include <bit>

using namespace emu::ptx;
using namespace emu::ptx::test;
using Kind = Operand::Kind;

namespace {

constexpr std::string_view declarations =
    R"(.reg .pred p, q; .reg .b32 %r<10>; .reg .b64 %rd<10>; .reg .f32 %f<9>;
  .reg .v4 .f32 %v; .shared .align 16 .b8 buffer[64]; .shared .v2 .b32 pairs[4];
)";

/// A module whose function has one statement.
struct One {
  explicit One(const std::string& statement)
      : module(accepted(in_function(std::string(declarations) + statement))) {}
  const Function& function() const { return module->functions.at(0); }
  const Statement& statement() const { return function().statements.at(0); }
  const Operand& operand(std::size_t i) const {
    EXPECT_LT(i, statement().operands.size());
    return statement().operands[i];
  }
  std::string reg(const Operand& operand) const {
    return std::string(function().registers.at(operand.index).name);
  }
  std::optional<Module> module;
};

std::vector<std::string> strings(std::span<const std::string_view> views) {
  return {views.begin(), views.end()};
}

TEST(PtxOperand, opcode_is_split_at_dots) {
  One one("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint "
          "[%r1], [%rd1, {%r2, %r3}], [%r4], %rd2;");
  const Opcode& opcode = *one.statement().opcode;
  EXPECT_EQ(opcode.mnemonic, "cp");
  EXPECT_EQ(strings(opcode.modifiers),
            (std::vector<std::string>{"async", "bulk", "tensor", "2d", "shared::cluster", "global",
                                      "mbarrier::complete_tx::bytes", "L2::cache_hint"}));
  EXPECT_TRUE(opcode.has("2d"));
  EXPECT_FALSE(opcode.has("3d"));
  ASSERT_EQ(one.statement().operands.size(), 4U);
  const Operand& tensor = one.operand(1);
  ASSERT_TRUE(tensor.is(Kind::address));
  ASSERT_EQ(tensor.parts.size(), 2U);
  EXPECT_EQ(one.reg(tensor.parts[0]), "%rd1");
  ASSERT_TRUE(tensor.parts[1].is(Kind::vector));
  EXPECT_EQ(one.reg(tensor.parts[1].parts[1]), "%r3");
  EXPECT_EQ(tensor.text, "[%rd1, {%r2, %r3}]");
}

TEST(PtxOperand, white_space_in_an_opcode) {
  One one("mma.sync /* a */ .aligned\n .m16n8k16 {%f1}, {%r1}, {%r2}, {%f1};");
  EXPECT_EQ(one.statement().opcode->text, "mma.sync.aligned.m16n8k16");
  EXPECT_EQ(strings(one.statement().opcode->modifiers),
            (std::vector<std::string>{"sync", "aligned", "m16n8k16"}));
}

TEST(PtxOperand, equal_opcodes_are_one) {
  auto module =
      accepted(in_function(std::string(declarations) + "add.s32 %r1, %r1, 1; add .s32 %r2, %r2, 1; ret;"));
  ASSERT_TRUE(module);
  const auto& statements = module->functions[0].statements;
  EXPECT_EQ(statements[0].opcode, statements[1].opcode);
  EXPECT_EQ(module->opcodes.size(), 2U);
  EXPECT_EQ(module->opcodes[statements[2].opcode->index], statements[2].opcode);
}

TEST(PtxOperand, guards) {
  One plain("@p add.s32 %r1, %r1, 1;"), negated("@!q add.s32 %r1, %r1, 1;");
  ASSERT_TRUE(plain.statement().guard && negated.statement().guard);
  EXPECT_FALSE(plain.statement().guard->negated);
  EXPECT_TRUE(negated.statement().guard->negated);
  EXPECT_EQ(negated.function().registers[negated.statement().guard->reg].name, "q");
  EXPECT_EQ(plain.statement().place, (Place{7, 1}));
  EXPECT_EQ(plain.operand(2).place, (Place{7, 22}));
}

TEST(PtxOperand, registers_and_their_components) {
  One one("op %v.y, %v.a, %r1.b2, -%r2, !p, %v, _, %r1.h10, %r1.b7654;");
  EXPECT_EQ(one.operand(0).component, Component::y);
  EXPECT_EQ(one.operand(1).component, Component::w);
  auto selects = [&](std::size_t i, Component component, int selected, int selection) {
    const Operand& operand = one.operand(i);
    return operand.component == component && operand.selected == selected && operand.selection == selection;
  };
  EXPECT_TRUE(selects(2, Component::bytes, 1, 2));
  EXPECT_TRUE(selects(7, Component::halves, 2, 0x10));
  EXPECT_TRUE(selects(8, Component::bytes, 4, 0x7654));
  EXPECT_TRUE(one.operand(3).negated && one.operand(4).negated && !one.operand(5).negated);
  EXPECT_EQ(one.reg(one.operand(4)), "p");
  EXPECT_EQ(one.function().registers[one.operand(5).index].vector, 4);
  EXPECT_EQ(one.operand(5).component, Component::none);
  EXPECT_TRUE(one.operand(6).is(Kind::sink));
}

TEST(PtxOperand, only_registers_that_are_used_have_an_index) {
  One one("op %r7, %f8, %r7, %r0;");
  ASSERT_EQ(one.function().registers.size(), 3U);
  EXPECT_EQ(one.operand(0).index, 0U);
  EXPECT_EQ(one.operand(2).index, 0U);
  EXPECT_EQ(one.function().registers[1].type, Type::f32);
  EXPECT_EQ(one.function().registers[2].name, "%r0");
}

TEST(PtxOperand, special_registers) {
  One one("op %tid.x, %clock64, %envreg31, %nctaid.z, %pm3_64, %dynamic_smem_size;");
  EXPECT_TRUE(one.operand(0).is(Kind::special));
  EXPECT_EQ(one.operand(0).text, "%tid");
  EXPECT_EQ(one.operand(0).component, Component::x);
  EXPECT_EQ(one.operand(1).component, Component::none);
  EXPECT_EQ(one.operand(3).component, Component::z);
  for (std::size_t i : {0, 1, 2, 3, 4, 5})
    EXPECT_TRUE(one.operand(i).is(Kind::special)) << i;
}

TEST(PtxOperand, pairs) {
  One one("setp.lt.s32 p|q, _|p, %r1|_;");
  for (std::size_t i : {0, 1, 2}) {
    ASSERT_TRUE(one.operand(i).is(Kind::pair)) << i;
    ASSERT_EQ(one.operand(i).parts.size(), 2U);
  }
  EXPECT_EQ(one.reg(one.operand(0).parts[1]), "q");
  EXPECT_TRUE(one.operand(1).parts[0].is(Kind::sink));
  EXPECT_TRUE(one.operand(2).parts[1].is(Kind::sink));
}

struct Literal {
  std::string text;
  Kind kind;
  std::uint64_t bits;
  bool is_unsigned = false;
};

TEST(PtxOperand, constants) {
  const Literal literals[] = {
      {"0", Kind::integer, 0},
      {"42", Kind::integer, 42},
      {"-1", Kind::integer, ~0ULL},
      {"0x7fFF", Kind::integer, 0x7fff},
      {"0XffffffffFFFFFFFF", Kind::integer, ~0ULL, true},
      {"9223372036854775807", Kind::integer, INT64_MAX},
      {"9223372036854775808", Kind::integer, 1ULL << 63, true},
      {"-9223372036854775808", Kind::integer, 1ULL << 63, true},
      {"017", Kind::integer, 15},
      {"0b101", Kind::integer, 5},
      {"7U", Kind::integer, 7, true},
      {"WARP_SZ", Kind::integer, 32},
      {"0f3F800000", Kind::f32, 0x3f800000},
      {"0F3f800000", Kind::f32, 0x3f800000},
      {"-0f3F800000", Kind::f32, 0xbf800000},
      {"0d400921FB54442D18", Kind::f64, 0x400921FB54442D18},
      {"1.5", Kind::f64, std::bit_cast<std::uint64_t>(1.5)},
      {".5", Kind::f64, std::bit_cast<std::uint64_t>(0.5)},
      {"1e3", Kind::f64, std::bit_cast<std::uint64_t>(1000.0)},
      {"-2.5e-1", Kind::f64, std::bit_cast<std::uint64_t>(-0.25)},
      {"1.", Kind::f64, std::bit_cast<std::uint64_t>(1.0)},
  };
  for (const Literal& literal : literals) {
    One one("op " + literal.text + ";");
    ASSERT_TRUE(one.module) << literal.text;
    EXPECT_EQ(one.operand(0).kind, literal.kind) << literal.text;
    EXPECT_EQ(static_cast<std::uint64_t>(one.operand(0).value), literal.bits) << literal.text;
    EXPECT_EQ(one.operand(0).is_unsigned, literal.is_unsigned) << literal.text;
    EXPECT_EQ(one.operand(0).text, literal.text);
  }
}

TEST(PtxOperand, constant_expressions) {
  const Literal expressions[] = {
      {"1 + 2 * 3 - 4", Kind::integer, 3},
      {"(1 + 2) * 3", Kind::integer, 9},
      {"10 - 4 - 3", Kind::integer, 3},
      {"7 / 2 * 2 + 7 % 4", Kind::integer, 9},
      {"-7 / 2", Kind::integer, static_cast<std::uint64_t>(-3)},
      {"-7 % 4", Kind::integer, static_cast<std::uint64_t>(-3)},
      {"-7 / 2U", Kind::integer, (0 - 7ULL) / 2, true},
      {"(.s64)0x8000000000000000 / -1", Kind::integer, 1ULL << 63},
      {"1 << 4 | 3 & 6 ^ 5", Kind::integer, (1 << 4) | ((3 & 6) ^ 5)},
      {"-16 >> 2", Kind::integer, static_cast<std::uint64_t>(-4)},
      {"-16U >> 2", Kind::integer, (0 - 16ULL) >> 2, true},
      {"1 << 64", Kind::integer, 0},
      {"-1 >> 99", Kind::integer, ~0ULL},
      {"~0 == -1 && 3 != 4", Kind::integer, 1},
      {"-1 < 0", Kind::integer, 1},
      {"-1 < 0U", Kind::integer, 0},
      {"2 <= 2 || 1 / 1", Kind::integer, 1},
      {"!5 + !0", Kind::integer, 1},
      {"1 ? 2 : 3", Kind::integer, 2},
      {"0 ? 2 : 1 ? 4 : 5", Kind::integer, 4},
      {"1 ? 2 : 3U", Kind::integer, 2, true},
      {"0 ? 1.5 : 2", Kind::f64, std::bit_cast<std::uint64_t>(2.0)},
      {"(.u64)-1", Kind::integer, ~0ULL, true},
      {"(.s64)1U - 2", Kind::integer, ~0ULL},
      {"WARP_SZ - 1", Kind::integer, 31},
      {"1.5 * 2 + 1", Kind::f64, std::bit_cast<std::uint64_t>(4.0)},
      {"1.5 > 1", Kind::integer, 1},
      {"- - 3", Kind::integer, 3},
  };
  for (const Literal& expression : expressions) {
    One one("op " + expression.text + ";");
    ASSERT_TRUE(one.module) << expression.text;
    EXPECT_EQ(one.operand(0).kind, expression.kind) << expression.text;
    EXPECT_EQ(static_cast<std::uint64_t>(one.operand(0).value), expression.bits) << expression.text;
    EXPECT_EQ(one.operand(0).is_unsigned, expression.is_unsigned) << expression.text;
  }
}

TEST(PtxOperand, addresses) {
  One one(
      "op [%rd1], [%rd2+16], [%rd3+-8], [%rd3-8+2], [buffer], [buffer+4], [64], [buffer+4*WARP_SZ], [out];");
  auto base = [&](std::size_t i) -> const Operand& {
    EXPECT_TRUE(one.operand(i).is(Kind::address));
    return one.operand(i).parts[0];
  };
  EXPECT_EQ(base(0).value, 0);
  EXPECT_EQ(base(1).value, 16);
  EXPECT_EQ(one.reg(base(1)), "%rd2");
  EXPECT_EQ(base(2).value, -8);
  EXPECT_EQ(base(3).value, -6);
  ASSERT_TRUE(base(4).is(Kind::variable));
  EXPECT_EQ(one.module->variable(one.function(), base(4)).name, "buffer");
  EXPECT_EQ(base(5).value, 4);
  EXPECT_TRUE(base(6).is(Kind::integer));
  EXPECT_EQ(base(6).value, 64);
  EXPECT_EQ(base(7).value, 128);
  EXPECT_EQ(one.module->variable(one.function(), base(8)).space, Space::param);
}

TEST(PtxOperand, symbols) {
  auto module = accepted(in_function(std::string(declarations) + "op a+8, g, buffer, a[2], pairs[1];",
                                     ".global .b32 a[4]; .func g(); "));
  ASSERT_TRUE(module);
  const Function& f = *module->function("f");
  auto operands = f.statements[0].operands;
  EXPECT_TRUE(operands[0].is(Kind::variable) && !operands[0].local);
  EXPECT_EQ(operands[0].value, 8);
  EXPECT_TRUE(operands[1].is(Kind::function));
  EXPECT_EQ(module->functions[operands[1].index].name, "g");
  EXPECT_TRUE(operands[2].local);
  EXPECT_EQ(module->variable(f, operands[2]).name, "buffer");
  EXPECT_EQ(operands[3].value, 8);
  EXPECT_EQ(operands[4].value, 8);
}

TEST(PtxOperand, calls) {
  auto module = accepted(with_header(R"(.func (.param .b32 r) g(.param .b32 a);
.func h();
.entry f() { .reg .b64 %rd<3>; .reg .b32 %r<3>; .param .b32 x; .param .b32 y;
  call (y), g, (x);
  call.uni h;
  call (%r1), %rd1, (%r2, 1), shape;
  call %rd1, targets;
shape: .callprototype (.param .b32 _) _ (.param .b32 _, .param .align 8 .b8 _[16]) .noreturn;
targets: .calltargets g, h;
})"));
  ASSERT_TRUE(module);
  const Function& f = *module->function("f");
  auto call = [&](std::size_t i) { return call_of(f.statements.at(i)).value(); };
  EXPECT_TRUE(call(0).callee->is(Kind::function));
  EXPECT_EQ(call(0).returns.size(), 1U);
  EXPECT_EQ(module->variable(f, call(0).arguments[0]).name, "x");
  EXPECT_EQ(call(1).callee->index, 1U);
  EXPECT_TRUE(call(1).arguments.empty() && !call(1).targets);
  EXPECT_TRUE(call(2).callee->is(Kind::reg));
  EXPECT_EQ(call(2).arguments.size(), 2U);
  const Operand* by_shape = call(2).targets;
  ASSERT_NE(by_shape, nullptr);
  const Statement& shape = f.statements[by_shape->index];
  ASSERT_EQ(shape.kind, Statement::Kind::call_prototype);
  EXPECT_EQ(shape.prototype->returns.size(), 1U);
  ASSERT_EQ(shape.prototype->parameters.size(), 2U);
  EXPECT_EQ(shape.prototype->parameters[1].size, 16U);
  EXPECT_TRUE(shape.prototype->noreturn);
  const Operand* by_list = call(3).targets;
  ASSERT_NE(by_list, nullptr);
  const Statement& targets = f.statements[by_list->index];
  ASSERT_EQ(targets.kind, Statement::Kind::call_targets);
  EXPECT_EQ(targets.operands[1].index, 1U);
  EXPECT_FALSE(call_of(shape));
}

TEST(PtxOperand, indexed_branches) {
  One one("brx.idx %r1, table; a: ret; table: .branchtargets a, b, a; b: ;");
  const auto& statements = one.function().statements;
  ASSERT_EQ(statements.size(), 3U);
  const Statement& table = statements[one.operand(1).index];
  ASSERT_EQ(table.kind, Statement::Kind::branch_targets);
  EXPECT_EQ(table.operands[0].index, 1U);
  EXPECT_EQ(table.operands[1].index, 3U); // past the last
}

} // namespace
