// What is refused, where and how it is said; and that no text takes memory or stack out of proportion.
#include "ptx_test.h"

#include <random>

using namespace emu::ptx;
using namespace emu::ptx::test;

namespace {

struct Bad {
  std::string text;
  Place place;
  std::string message;
};

std::string repeated(std::string_view part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i)
    text += part;
  return text;
}

TEST(PtxError, of_the_module) {
  const Bad cases[] = {
      {"", {1, 1}, "expected '.version' at the start of the module, found the end of the text"},
      {".version 8\n", {1, 10}, "expected a version such as 8.5, found '8'"},
      {".version 8.5\n.global .u32 a;", {2, 1}, "expected '.target' after '.version', found '.global'"},
      {with_header(".nonsense 1"), {4, 1}, "unknown directive '.nonsense'"},
      {with_header("ret;"), {4, 1}, "expected a directive of the module, found 'ret'"},
      {with_header(".global a;"), {4, 9}, "expected a type after '.global', found 'a'"},
      {with_header(".global .u33 a;"), {4, 9}, "expected a type or an alignment, found '.u33'"},
      {with_header(".global .texref t;"), {4, 9}, "textures and surfaces are not supported, found '.texref'"},
      {with_header(".global .pred t;"), {4, 1}, "a variable in '.global' cannot be of type '.pred'"},
      {with_header(".reg .b32 r;"), {4, 1}, "registers are declared in functions"},
      {with_header(".global .align 3 .b32 a;"),
       {4, 16},
       "expected an alignment that is a power of two, found 3"},
      {with_header(".global .b32 a[1000000000000];"), {4, 14}, "'a' is larger than 1099511627776 bytes"},
      {with_header(".global .b32 a[];"), {4, 14}, "array 'a' needs an extent, an initialiser or '.extern'"},
      {with_header(".global .b32 a[2] = {1, 2, 3};"), {4, 28}, "'a' has more initialisers than elements"},
      {with_header(".global .b32 a[2] = {1, {2}};"),
       {4, 25},
       "the initialiser of 'a' is nested unlike its extents"},
      {with_header(".global .b32 a = 1.5;"), {4, 18}, "this constant cannot initialise 'a' of type '.b32'"},
      {with_header(".global .b64 a = b;"), {4, 18}, "'b' is not declared"},
      {with_header(".global .b8 a = 0(a);"),
       {4, 17},
       "expected a mask of an address, an integer that is not 0"},
      {with_header(".shared .b32 a = 1;"),
       {4, 14},
       "'a' in '.shared' cannot be initialised: only .const and .global can"},
      {with_header(".global .b32 a = 1 / 0;"), {4, 20}, "division by zero: the right side of '/' is 0"},
      {with_header(".global .b32 a = 1.5 % 2;"),
       {4, 22},
       "operator '%' needs integers, found a floating-point constant"},
      {with_header(".entry f() .nonsense {}"), {4, 12}, "unknown directive '.nonsense' of function 'f'"},
      {with_header(".entry f(.global .b32 a) {}"),
       {4, 10},
       "a parameter is in '.param' or '.reg', not in '.global'"},
      {with_header(".entry f() {}\n.func f() {}"),
       {5, 7},
       "'f' is declared both as '.entry' and as '.func', in line 4"},
      {with_header(".func f() {}\n.func f() {}"), {5, 7}, "function 'f' already has a body, in line 4"},
      {with_header(".global .b32 f;\n.func f() {}"),
       {5, 7},
       "'f' is already declared as a variable, in line 4"},
      {with_header(".entry f() { ret;"), {4, 18}, "the body of 'f' has no end"},
      {with_header(".section .debug_info { .b8 1"), {4, 29}, "expected '}', found the end of the text"},
      {with_header("/* no end"), {4, 1}, "comment without an end"},
      {with_header(".file 1 \"no end\n\""), {4, 9}, "string without an end on its line"},
      {with_header("\x01"), {4, 1}, "byte 0x01 does not belong to PTX"},
  };
  for (const Bad& bad : cases) {
    Error error = refused(bad.text);
    EXPECT_EQ(error.message, bad.message);
    EXPECT_EQ(error.place, bad.place)
        << bad.message << " at " << error.place.line << ":" << error.place.column;
  }
}

TEST(PtxError, of_statements) {
  const Bad cases[] = {
      {"add.s32 %r9, 1;", {5, 9}, "register '%r9' is not declared"},
      {"call missing;", {5, 6}, "'missing' is not declared"},
      {"bra nowhere;", {5, 5}, "'nowhere' is not declared"},
      {"{ L: } bra L;", {5, 12}, "'L' is not declared"},
      {"L: ret; L: ret;", {5, 9}, "label 'L' is already declared in this scope, in line 5"},
      {"@p ret;", {5, 2}, "predicate 'p' is not declared"},
      {".reg .b32 a; .reg .f32 a;", {5, 24}, "'a' is already declared in this scope, in line 5"},
      {".reg .b32 %r<0>;", {5, 14}, "expected from 1 to 16777216 registers, found 0"},
      {".nonsense;", {5, 1}, "unknown directive '.nonsense' in the body of 'f'"},
      {"ret", {6, 1}, "expected an operand, found '}'"},
      {"op 1 2;", {5, 6}, "expected ',' or ';' after the operands of 'op', found '2'"},
      {"op [1;", {5, 6}, "expected ']', found ';'"},
      {"op {};", {5, 5}, "expected an operand, found '}'"},
      {"op [missing];", {5, 5}, "'missing' is not declared"},
      {"op 0f123;", {5, 4}, "'0f123' has 3 digits, expected 8"},
      {"op 12abc;", {5, 4}, "malformed integer constant of base 10"},
      {"op 08;", {5, 4}, "malformed integer constant of base 8"},
      {"op 99999999999999999999;", {5, 4}, "integer constant does not fit 64 bits"},
      {"op %tid.q;", {5, 8}, "'.q' is no component of a register"},
      {"op -f;", {5, 5}, "'-' needs a register, found 'f'"},
      {"%r1 = 5;", {5, 1}, "expected an instruction, found '%r1'"},
  };
  for (const Bad& bad : cases) {
    Error error = refused(in_function(bad.text));
    EXPECT_EQ(error.message, bad.message);
    EXPECT_EQ(error.place, bad.place)
        << bad.message << " at " << error.place.line << ":" << error.place.column;
  }
}

TEST(PtxError, rendering) {
  std::string text = in_function(".reg .b32 %r<4>;\n\tadd.s32\t%r4, %r1, 1;\r");
  EXPECT_EQ(render(text, "kernel.ptx", refused(text)),
            "kernel.ptx:6:10: error: register '%r4' is not declared\n"
            "  \tadd.s32\t%r4, %r1, 1;\n"
            "  \t       \t^\n"
            "remedy: line 5 declares '%r<4>', which ends with %r3");
}

TEST(PtxError, nesting_is_bounded) {
  EXPECT_EQ(refused(in_function(repeated("{", 1000))).message, "scopes are nested deeper than 256");
  EXPECT_EQ(refused(in_function("op " + repeated("(", 100000))).message,
            "expression is nested deeper than 200");
  EXPECT_EQ(refused(in_function("op " + repeated("- ", 100000))).message,
            "expression is nested deeper than 200");
  EXPECT_EQ(refused(in_function("op " + repeated("1?", 100000))).message,
            "expression is nested deeper than 200");
  EXPECT_EQ(refused(in_function("op " + repeated("[", 100000))).message, "operands are nested deeper than 8");
}

TEST(PtxError, registers_that_nothing_uses_take_no_memory) {
  std::string text;
  for (int i = 0; i < 300; ++i)
    text += "{ .reg .b32 %r<16777216>; op %r16777215; }";
  EXPECT_NE(refused(in_function(text)).message.find("declares more registers than this text can use"),
            std::string::npos);
}

/// Truncated and spoilt texts: any result will do, but there has to be one.
TEST(PtxError, spoilt_texts) {
  const std::string whole = with_header(R"(.global .align 8 .u64 a[2] = {generic(a0), 1 + (2 << 3)};
.visible .entry f(.param .u64 .ptr .global .align 16 p) .maxntid 32, 1, 1 {
  .reg .pred %p<2>; .reg .b32 %r<5>; .reg .b64 %rd<3>;
  .loc 1 2 3, function_name x, inlined_at 1 1 1
L: @!%p1 ld.global.v2.u32 {%r1, %r2}, [%rd1+8];
  { .param .b32 q; call (q), f, (q, %r1), t; t: .callprototype (.param .b32 _) _ (); }
  setp.ne.s32 %p1|_, %r1, 0x7f; bra L; }
.section .debug_str { l: .b8 1,2 })")
                                .replace(60, 0, ".global .b32 a0;");
  std::random_device device;
  unsigned seed = device();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const std::string bytes = ".%${}[]();:,|@!~0x9fd \n\"/*ab_<>";
  for (int i = 0; i < 20000; ++i) {
    std::string text = whole;
    for (unsigned n = random() % 4; n-- > 0;)
      text[random() % text.size()] = bytes[random() % bytes.size()];
    if (random() % 2)
      text.resize(random() % text.size());
    Error error;
    if (!parse(text, error)) {
      EXPECT_FALSE(error.message.empty());
      EXPECT_GT(error.place.line, 0);
      EXPECT_GT(error.place.column, 0);
    }
  }
}

} // namespace
