// mov in all its forms, special registers, generic addresses.
#include "run_ptx.h"

namespace emu::test {
namespace {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

TEST(Move, Scalars) {
  const std::vector<u16> a16 = interesting<u16>();
  const std::vector<u32> a32 = interesting<u32>();
  const std::vector<u64> a64 = interesting<u64>();
  EXPECT_EQ(each<u16>("mov.b16 %d, %a;", a16), a16);
  EXPECT_EQ(each<u32>("mov.f32 %d, %a;", a32), a32);
  EXPECT_EQ(each<u64>("mov.s64 %d, %a;", a64), a64);
  EXPECT_EQ(each<u32>("mov.u32 %d, -1;", a32), std::vector<u32>(a32.size(), 0xffffffff));
  EXPECT_EQ(each<u32>("mov.f32 %d, 0f3F800000;", a32), std::vector<u32>(a32.size(), 0x3f800000));
  EXPECT_EQ(each<u64>("mov.f64 %d, 0d3FF0000000000000;", a64),
            std::vector<u64>(a64.size(), 0x3ff0000000000000));
}

TEST(Move, Packs) {
  using Halves = std::array<u16, 2>;
  using Words = std::array<u32, 2>;
  using Quarters = std::array<u16, 4>;
  const std::vector<Halves> h = {{1, 2}, {0xffff, 0x8000}};
  EXPECT_EQ(each<u32>("mov.b32 %d, {%a0, %a1};", h), (std::vector<u32>{0x00020001, 0x8000ffff}));
  EXPECT_EQ(each<u32>("mov.b32 %d, {%a1, 7};", h), (std::vector<u32>{0x00070002, 0x00078000}));
  const std::vector<Words> w = {{1, 2}, {0xffffffff, 0x80000000}};
  EXPECT_EQ(each<u64>("mov.b64 %d, {%a0, %a1};", w), (std::vector<u64>{0x200000001, 0x80000000ffffffff}));
  const std::vector<Quarters> q = {{1, 2, 3, 0xffff}};
  EXPECT_EQ(each<u64>("mov.b64 %d, {%a0, %a1, %a2, %a3};", q), (std::vector<u64>{0xffff000300020001}));
}

TEST(Move, Unpacks) {
  using Halves = std::array<u16, 2>;
  using Words = std::array<u32, 2>;
  using Quarters = std::array<u16, 4>;
  const std::vector<u32> a = {0x00020001, 0x8000ffff};
  EXPECT_EQ(each<Halves>("mov.b32 {%d0, %d1}, %a;", a), (std::vector<Halves>{{1, 2}, {0xffff, 0x8000}}));
  EXPECT_EQ(each<u16>("mov.b32 {_, %d}, %a;", a), (std::vector<u16>{2, 0x8000}));
  const std::vector<u64> b = {0xffff000300020001};
  EXPECT_EQ(each<Words>("mov.b64 {%d0, %d1}, %a;", b), (std::vector<Words>{{0x00020001, 0xffff0003}}));
  EXPECT_EQ(each<Quarters>("mov.b64 {%d0, %d1, %d2, %d3}, %a;", b),
            (std::vector<Quarters>{{1, 2, 3, 0xffff}}));
}

TEST(Move, Bytes) {
  const std::vector<u32> a = {0x04030201, 0xfffe8000};
  EXPECT_EQ(
      each<u32>(".reg .b8 %y<4>;\n mov.b32 {%y0, %y1, %y2, %y3}, %a;\n mov.b32 %d, {%y3, %y2, %y1, %y0};", a),
      (std::vector<u32>{0x01020304, 0x0080feff}));
  const std::vector<u16> h = {0x0201, 0xff80};
  EXPECT_EQ(each<u16>(".reg .b8 %y<2>;\n mov.b16 {%y0, %y1}, %a;\n mov.b16 %d, {%y1, %y0};", h),
            (std::vector<u16>{0x0102, 0x80ff}));
}

TEST(Move, Of128Bits) {
  using Words = std::array<u64, 2>;
  const std::vector<Words> a = {{1, 2}, {~u64(0), 3}};
  EXPECT_EQ(each<Words>(".reg .b128 %w<2>;\n mov.b128 %w0, {%a0, %a1};\n mov.b128 %w1, %w0;\n"
                        "mov.b128 {%d1, %d0}, %w1;",
                        a),
            (std::vector<Words>{{2, 1}, {3, ~u64(0)}}));
}

TEST(Move, RefusesOddVectors) {
  Machine machine;
  for (const char* wrong :
       {"mov.b32 {%r0, %r1}, %r2;", "mov.b32 %r0, {%h0, %h1, %h2};", "mov.b64 %l0, {%h0, %h1};",
        "mov.b32 {%h0, %h1}, {%h2, %h3};", "mov.b32 %r0, %l0;"})
    EXPECT_EQ(machine.load(Wrapping().text(wrong)), nullptr) << wrong;
}

TEST(Specials, PlacesOfThreads) {
  const std::vector<u32> a(300);
  const std::vector<u32> lanes = each<u32>("mov.u32 %d, %laneid;", a);
  const std::vector<u32> warps = each<u32>("mov.u32 %d, %warpid;", a);
  const std::vector<u32> below = each<u32>("mov.u32 %d, %lanemask_lt;", a);
  const std::vector<u32> sums =
      each<u32>("mov.u32 %r0, %tid.x;\n mov.u32 %r1, %ctaid.x;\n mov.u32 %r2, %ntid.x;\n"
                "mad.lo.u32 %d, %r1, %r2, %r0;",
                a);
  for (u32 i = 0; i < a.size(); ++i) {
    EXPECT_EQ(lanes[i], i % 32);
    EXPECT_EQ(warps[i], i % 128 / 32);
    EXPECT_EQ(below[i], (1u << i % 32) - 1);
    EXPECT_EQ(sums[i], i);
  }
}

TEST(Specials, ClocksAdvance) {
  const std::vector<u32> a(40);
  for (const char* clock : {"%clock64", "%globaltimer"}) {
    const std::vector<u64> d =
        each<u64>(std::string("mov.u64 %l0, ") + clock + ";\n add.u32 %r0, %i, 1;\n mov.u64 %l1, " + clock +
                      ";\n sub.u64 %d, %l1, %l0;",
                  a);
    EXPECT_EQ(d, std::vector<u64>(40, 2)) << clock; // instructions
  }
  EXPECT_EQ(each<u32>("mov.u32 %r0, %clock;\n mov.u32 %r1, %clock;\n sub.u32 %d, %r1, %r0;", a),
            std::vector<u32>(40, 1));
  EXPECT_EQ(each<u32>("mov.u32 %d, %clock_hi;", a), std::vector<u32>(40, 0));
}

TEST(Specials, RefusesAClockThatIsNotMoved) {
  Machine machine;
  EXPECT_EQ(machine.load(Wrapping().text("add.u32 %r0, %clock, 1;")), nullptr);
  EXPECT_NE(machine.error.message.find("mov"), std::string::npos) << machine.error.message;
}

// ---- addresses ----

// What is written through the space is read through the generic address, and back.
TEST(Addresses, EverySpaceHasAWindow) {
  const std::vector<u32> a = {5, 6, 7, 8};
  EXPECT_EQ(each<u32>(".shared .align 4 .b32 s[4];\n mov.u64 %l0, s;\n mul.wide.u32 %l1, %i, 4;\n"
                      "add.u64 %l0, %l0, %l1;\n st.shared.u32 [%l0], %a;\n cvta.shared.u64 %l2, %l0;\n"
                      "ld.u32 %d, [%l2];",
                      a),
            a);
  EXPECT_EQ(each<u32>(".local .align 4 .b32 x[4];\n mov.u64 %l0, x;\n cvta.local.u64 %l1, %l0;\n"
                      "st.u32 [%l1+4], %a;\n cvta.to.local.u64 %l2, %l1;\n ld.local.u32 %d, [%l2+4];",
                      a),
            a);
  EXPECT_EQ(each<u32>("mov.u64 %l0, count;\n cvta.param.u64 %l1, %l0;\n ld.u32 %d, [%l1];", a),
            (std::vector<u32>{4, 4, 4, 4}));
  EXPECT_EQ(each<u64>("ld.param.u64 %l0, [p_a];\n cvta.to.global.u64 %l1, %l0;\n cvta.global.u64 %l2, %l1;\n"
                      "sub.u64 %d, %l2, %l0;",
                      a),
            std::vector<u64>(4, 0));
}

TEST(Addresses, KnowTheirSpace) {
  const std::string outside = ".const .align 4 .b32 c[1] = {3};\n.global .align 4 .b32 g[1];";
  const std::string body =
      ".shared .align 4 .b32 s[4];\n.local .align 4 .b32 x[4];\n"
      "mov.u64 %l0, g;\n cvta.global.u64 %l0, %l0;\n mov.u64 %l1, c;\n cvta.const.u64 %l1, %l1;\n"
      "mov.u64 %l2, s;\n cvta.shared.u64 %l2, %l2;\n mov.u64 %l3, x;\n cvta.local.u64 %l3, %l3;\n"
      "mov.u64 %l4, count;\n cvta.param::entry.u64 %l4, %l4;\n mov.u32 %d, 0;\n";
  const char* spaces[] = {"global", "const", "shared", "local", "param"};
  std::string asks;
  for (int space = 0; space < 5; ++space)
    for (int address = 0; address < 5; ++address)
      asks += std::string("isspacep.") + spaces[space] + " %p0, %l" + std::to_string(address) +
              ";\n @%p0 or.b32 %d, %d, " + std::to_string(1u << (5 * space + address)) + ";\n";
  Machine machine;
  Outcome outcome;
  const std::vector<u32> a(3);
  const std::vector<u32> d = each_on<u32>(machine, outcome, body + asks, outside, a);
  EXPECT_EQ(outcome.status, Status::success) << outcome.message;
  EXPECT_EQ(d, std::vector<u32>(3, 1u | 1u << 6 | 1u << 12 | 1u << 18 | 1u << 24));
}

TEST(Addresses, OfFunctionsCallThem) {
  Machine machine;
  Outcome outcome;
  const std::string outside =
      ".func (.param .b32 r) twice(.param .b32 x) {\n .reg .b32 %q;\n ld.param.u32 %q, [x];\n"
      "add.u32 %q, %q, %q;\n st.param.u32 [r], %q;\n ret;\n}\n";
  const std::vector<u32> a = {1, 2, 3};
  const std::vector<u32> d =
      each_on<u32>(machine, outcome,
                   ".param .b32 x;\n.param .b32 r;\n mov.u64 %l0, twice;\n st.param.u32 [x], %a;\n"
                   "shape: .callprototype (.param .b32 _) _ (.param .b32 _);\n call (r), %l0, (x), shape;\n "
                   "ld.param.u32 %d, [r];",
                   outside, a);
  EXPECT_EQ(outcome.status, Status::success) << outcome.message;
  EXPECT_EQ(d, (std::vector<u32>{2, 4, 6}));
}

} // namespace
} // namespace emu::test
