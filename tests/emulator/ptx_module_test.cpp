// Directives of a module: header, variables and their initialisers, functions, source lines.
#include "ptx_test.h"

#include <array>
#include <cstring>

using namespace emu::ptx;
using namespace emu::ptx::test;

namespace {

/// The bytes of a variable, as its chunks say.
std::vector<int> bytes_of(const Variable& variable) {
  std::vector<int> bytes(variable.size);
  for (const Chunk& chunk : variable.chunks)
    for (std::size_t i = 0; i < chunk.bytes.size(); ++i)
      bytes.at(chunk.offset + i) = static_cast<int>(chunk.bytes[i]);
  return bytes;
}

std::vector<int> initialised(const std::string& declaration) {
  std::optional<Module> module = accepted(with_header(declaration));
  return module ? bytes_of(module->variables.back()) : std::vector<int>();
}

TEST(PtxModule, header) {
  auto module = accepted(".version 9.10 // comment\n.target sm_100a, debug, texmode_independent\n");
  ASSERT_TRUE(module);
  EXPECT_EQ(module->version.major, 9);
  EXPECT_EQ(module->version.minor, 10);
  EXPECT_EQ(module->target, "sm_100a");
  EXPECT_EQ(module->target_options, (std::vector<std::string_view>{"debug", "texmode_independent"}));
  EXPECT_EQ(module->address_size, 64);
}

TEST(PtxModule, views_survive_a_move) {
  auto module = accepted(".version 8.0 .target sm_80"); // short texts would move with their string
  Module moved = std::move(*module);
  EXPECT_EQ(moved.target, "sm_80");
  EXPECT_EQ(moved.target.data(), moved.text().data() + 21);
}

TEST(PtxModule, text_ends_at_a_nul) {
  EXPECT_TRUE(accepted(with_header(".global .u32 a;") + std::string(3, '\0')));
}

TEST(PtxModule, variables) {
  auto module = accepted(with_header(R"(
    .visible .global .attribute(.managed) .align 16 .b8 a[20];
    .const .v4 .f32 b[2][3], c;
    .extern .shared .align 8 .b8 d[];
    .weak .global .f64 e;
    .global .b128 g;)"));
  ASSERT_TRUE(module);
  ASSERT_EQ(module->variables.size(), 6U);
  const Variable& a = *module->variable("a");
  EXPECT_EQ(a.linkage, Linkage::visible);
  EXPECT_TRUE(a.managed && a.array);
  EXPECT_EQ(a.align, 16U);
  EXPECT_EQ(a.size, 20U);
  const Variable& b = *module->variable("b");
  EXPECT_EQ(b.space, Space::constant);
  EXPECT_EQ(b.vector, 4);
  EXPECT_EQ(b.align, 16U);
  EXPECT_EQ(b.size, 96U);
  EXPECT_EQ(std::vector(b.extents.begin(), b.extents.end()), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_FALSE(module->variable("c")->array);
  EXPECT_EQ(module->variable("c")->size, 16U);
  const Variable& d = *module->variable("d");
  EXPECT_TRUE(d.unsized && d.linkage == Linkage::external && d.space == Space::shared);
  EXPECT_EQ(d.size, 0U);
  EXPECT_EQ(module->variable("e")->align, 8U);
  EXPECT_EQ(module->variable("g")->size, 16U);
  EXPECT_EQ(module->variable("none"), nullptr);
}

TEST(PtxModule, an_external_variable_and_its_definition_are_one) {
  auto module =
      accepted(with_header(".extern .global .b32 a[]; .global .b32 a[2] = {1}; .extern .global .b32 a[];"));
  ASSERT_TRUE(module);
  ASSERT_EQ(module->variables.size(), 1U);
  EXPECT_EQ(module->variables[0].size, 8U);
  EXPECT_EQ(refused(with_header(".global .b32 a;\n.global .b32 a;")).place, (Place{5, 14}));
}

TEST(PtxModule, initialisers_become_bytes) {
  EXPECT_EQ(initialised(".global .u32 a = 0x01020304;"), (std::vector{4, 3, 2, 1}));
  EXPECT_EQ(initialised(".global .s16 a = -2;"), (std::vector{0xfe, 0xff}));
  EXPECT_EQ(initialised(".global .b8 a[5] = {1, 2 + 3 * 4, 0xff};"), (std::vector{1, 14, 255, 0, 0}));
  EXPECT_EQ(initialised(".global .f32 a[2] = {1.5, 0fBF800000};"),
            (std::vector{0, 0, 0xc0, 0x3f, 0, 0, 0x80, 0xbf}));
  EXPECT_EQ(initialised(".global .f32 a = -2;"), (std::vector{0, 0, 0, 0xc0}));
  EXPECT_EQ(initialised(".global .f64 a = 0d3FF0000000000000;"), (std::vector{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}));
  EXPECT_EQ(initialised(".global .f64 a = 0f3F800000;"), (std::vector{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}));
  EXPECT_EQ(initialised(".global .b8 a[3][2] = {{1}, {2, 3}};"), (std::vector{1, 0, 2, 3, 0, 0}));
  EXPECT_EQ(initialised(".global .b8 a[2][2] = {1, 2, 3,};"), (std::vector{1, 2, 3, 0}));
  EXPECT_EQ(initialised(".global .v2 .b8 a[2] = {{1, 2}, {3, 4}};"), (std::vector{1, 2, 3, 4}));
  EXPECT_EQ(initialised(".global .b16 a[] = {1, 2, 3};"), (std::vector{1, 0, 2, 0, 3, 0}));
  EXPECT_EQ(initialised(".global .b8 a[][2] = {{1, 2}, {3}};"), (std::vector{1, 2, 3, 0}));
  EXPECT_EQ(initialised(".global .b128 a = 7;")[0], 7);
}

TEST(PtxModule, a_gap_in_an_initialiser_takes_no_memory) {
  auto module = accepted(with_header(".global .b8 a[2][1000000000] = {{1}, {2}};"));
  ASSERT_TRUE(module);
  const Variable& a = module->variables[0];
  ASSERT_EQ(a.chunks.size(), 2U);
  EXPECT_EQ(a.chunks[1].offset, 1000000000U);
  EXPECT_EQ(a.chunks[1].bytes.size(), 1U);
}

TEST(PtxModule, addresses_in_initialisers) {
  auto module = accepted(with_header(R"(
    .func g();
    .global .b32 a[4];
    .global .u64 b[4] = {a+8, generic(a)-4, g, 0};
    .global .u8 c[4] = {1, 0xFF00(generic(a)+16), 0xFF(g)};)"));
  ASSERT_TRUE(module);
  const Variable& b = *module->variable("b");
  ASSERT_EQ(b.relocations.size(), 3U);
  EXPECT_EQ(b.relocations[0].addend, 8);
  EXPECT_FALSE(b.relocations[0].generic || b.relocations[0].function);
  EXPECT_EQ(b.relocations[1].offset, 8U);
  EXPECT_EQ(b.relocations[1].addend, -4);
  EXPECT_TRUE(b.relocations[1].generic);
  EXPECT_TRUE(b.relocations[2].function);
  const Variable& c = *module->variable("c");
  ASSERT_EQ(c.relocations.size(), 2U);
  EXPECT_EQ(c.relocations[0].offset, 1U);
  EXPECT_EQ(c.relocations[0].size, 1U);
  EXPECT_EQ(c.relocations[0].mask, 0xff00U);
  EXPECT_EQ(c.relocations[0].addend, 16);
  EXPECT_EQ(bytes_of(c), (std::vector{1, 0, 0, 0}));
}

TEST(PtxModule, functions_and_parameters) {
  auto module = accepted(with_header(R"(
    .extern .func (.param .b32 r) later(.param .align 8 .b8 s[24], .param .b64 p);
    .weak .func (.reg .u32 %ret) registers(.reg .u32 %x) { add.u32 %ret, %x, 1; ret; }
    .visible .entry kernel(
      .param .u64 .ptr .global .align 16 a,
      .param .align 4 .b8 b[20])
    .maxntid 256, 2
    .reqnctapercluster 2, 1, 1
    .explicitcluster
    .minnctapersm 3
    .maxnreg 64
    .pragma "nounroll", "x";
    { ret; }
    .visible .func (.param .b32 r) later(.param .align 8 .b8 s[24], .param .b64 p) .noreturn { ret; }
    .entry none { }
    .func other(.param .b32 x, .param .align 8 .b8 rest[]);
    .func twin(.param .b32 x); .alias twin, registers;)"));
  ASSERT_TRUE(module);
  EXPECT_EQ(module->functions.size(), 6U);
  const Function& later = module->functions[0];
  EXPECT_TRUE(later.defined && !later.entry && later.linkage == Linkage::visible &&
              later.directives.noreturn);
  ASSERT_EQ(later.returns().size(), 1U);
  ASSERT_EQ(later.parameters().size(), 2U);
  EXPECT_EQ(later.parameters()[0].size, 24U);
  EXPECT_EQ(later.parameters()[0].align, 8U);
  const Function& registers = *module->function("registers");
  EXPECT_EQ(registers.returns()[0].space, Space::reg);
  EXPECT_EQ(registers.statements[0].operands[0].index, registers.returns()[0].reg);
  EXPECT_EQ(registers.statements[0].operands[1].index, registers.parameters()[0].reg);
  const Function& kernel = *module->function("kernel");
  EXPECT_TRUE(kernel.entry);
  EXPECT_EQ(std::to_array(kernel.directives.maxntid), (std::array<std::uint32_t, 3>{256, 2, 1}));
  EXPECT_EQ(std::to_array(kernel.directives.reqnctapercluster), (std::array<std::uint32_t, 3>{2, 1, 1}));
  EXPECT_EQ(std::to_array(kernel.directives.reqntid), (std::array<std::uint32_t, 3>{0, 0, 0}));
  EXPECT_TRUE(kernel.directives.explicitcluster);
  EXPECT_EQ(kernel.directives.minnctapersm, 3U);
  EXPECT_EQ(kernel.directives.maxnreg, 64U);
  EXPECT_EQ(kernel.pragmas, (std::vector<std::string_view>{"nounroll", "x"}));
  ASSERT_TRUE(kernel.parameters()[0].pointee);
  EXPECT_EQ(kernel.parameters()[0].pointee->space, Space::global);
  EXPECT_EQ(kernel.parameters()[0].pointee->align, 16U);
  EXPECT_EQ(kernel.parameters()[0].align, 8U);
  EXPECT_FALSE(kernel.parameters()[1].pointee);
  EXPECT_TRUE(module->function("other")->parameters()[1].unsized);
  EXPECT_EQ(module->function("twin")->alias_of, 1U);
}

TEST(PtxModule, source_lines_and_inlining) {
  std::string text = in_function(R"(.reg .b32 %r<4>;
    mov.b32 %r1, 0;
    .loc 1 12 3
    mov.b32 %r1, 1;
    .loc 2 708 1, function_name $L__info_string1, inlined_at 1 12 3
    mov.b32 %r1, 2;
    .loc 2 99 5, function_name $L__info_string1+2, inlined_at 2 708 1
    mov.b32 %r1, 3; mov.b32 %r1, 4;)") +
                     R"(.file 1 "a.cu"
    .file 2 "dir/b.h", 12345, 678
    .section .debug_str
    {
$L__info_string0:
.b8 97,0
$L__info_string1:
.b8 95,90
.b8 98,0
    }
    .section .debug_info { .b32 .debug_abbrev .b8 1,2 .b64 f .b32 $L__info_string0-$L__info_string1 })";
  auto module = accepted(text);
  ASSERT_TRUE(module);
  const Function& f = module->functions[0];
  auto described = [&](std::size_t i) {
    return module->describe(module->source_lines[f.statements[i].source]);
  };
  EXPECT_EQ(described(0), "");
  EXPECT_EQ(described(1), "a.cu:12:3");
  EXPECT_EQ(described(2), "dir/b.h:708:1, inlined at a.cu:12:3");
  EXPECT_EQ(described(3), "dir/b.h:99:5, inlined at dir/b.h:708:1, inlined at a.cu:12:3");
  EXPECT_EQ(f.statements[3].source, f.statements[4].source);
  auto inlined = [&](std::size_t i) {
    return module->function_name(module->source_lines[f.statements[i].source]);
  };
  EXPECT_EQ(inlined(1), "");
  EXPECT_EQ(inlined(2), "_Zb");
  EXPECT_EQ(inlined(3), "b");
}

TEST(PtxModule, old_debug_lines_are_skipped) {
  EXPECT_TRUE(accepted(
      with_header("@@DWARF .section .debug_line, \"\", @progbits\n@@DWARF .byte 0x1\n.global .u32 a;")));
}

TEST(PtxModule, names_of_types_and_spaces) {
  for (int i = 0; i <= static_cast<int>(Type::pred); ++i)
    EXPECT_EQ(type_named(name(static_cast<Type>(i))), static_cast<Type>(i));
  for (int i = 1; i <= static_cast<int>(Space::shared_cluster); ++i)
    EXPECT_EQ(space_named(name(static_cast<Space>(i))), static_cast<Space>(i));
  EXPECT_EQ(type_named("f33"), std::nullopt);
  EXPECT_EQ(space_named("generic"), std::nullopt);
  EXPECT_TRUE(is_unsigned(Type::u8) && is_signed(Type::s64) && !is_signed(Type::b32) &&
              !is_unsigned(Type::u16x2));
  EXPECT_EQ(bits(Type::b128), 128);
}

} // namespace
