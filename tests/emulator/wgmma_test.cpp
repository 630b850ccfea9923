// wgmma against products of small integers in long arithmetic. Layouts are written here as the ISA's figures
// and the tensor memory accelerator have them: panels as wide as the swizzle, in which chunk c of row r lies
// at c ^ (r as the pattern says).
#include "kernel_text.h"

#include <cmath>

namespace emu::test {
namespace {

using Matrix = std::vector<int>; // row by row

enum class Major { k, mn };

/// How a matrix of m rows and k columns lies in shared memory. K-major: rows in panels; MN-major: columns.
struct Place {
  u32 begin = 0;     ///< of the panels, a multiple of 1024
  int swizzle = 128; ///< bytes; 16: none
  Major major = Major::k;
  int panel_lines = 0; ///< lines (rows, or k) that a panel has, of which the first 8 multiples are used
  int first_k = 0;     ///< where the instruction's k begins in a row, in bytes; K-major only
};

int bits_of_swizzle(int swizzle) { return swizzle == 128 ? 1 : swizzle == 64 ? 2 : swizzle == 32 ? 3 : 0; }

// Where byte b of line l lies, if lines are cut into panels of `swizzle` bytes.
u32 byte_in_panels(const Place& place, int line, int byte) {
  const int width = place.swizzle, panel = byte / width, chunk = byte % width / 16;
  const int period = line * width / 128 % (width / 16); // rows of 128 bytes
  return place.begin + static_cast<u32>(panel * place.panel_lines * width + line * width +
                                        (chunk ^ period) * 16 + byte % 16);
}

u32 byte_of(const Place& place, int row, int k, int bits) {
  if (place.major == Major::k)
    return byte_in_panels(place, row, place.first_k + k * bits / 8);
  return byte_in_panels(place, k, row * bits / 8);
}

u64 descriptor(const Place& place) {
  const u64 panel = static_cast<u64>(place.panel_lines * place.swizzle),
            eight = static_cast<u64>(8 * place.swizzle);
  u64 start = place.begin, leading = 0, stride = 0;
  if (place.major == Major::k) {
    start += static_cast<u64>(place.first_k / place.swizzle) * panel +
             static_cast<u64>(place.first_k % place.swizzle);
    stride = eight; // next 8 rows
    leading = place.swizzle == 16 ? panel : 0;
  } else if (place.swizzle == 16) { // next 8 rows of A; next 8 k
    stride = panel;
    leading = eight;
  } else { // next panel; next 8 k
    leading = panel;
    stride = eight;
  }
  return start >> 4 | leading >> 4 << 16 | stride >> 4 << 32 | u64(bits_of_swizzle(place.swizzle)) << 62;
}

enum class Sum { f32, f16, s32 };

struct Case {
  std::string name, types;
  int n, k, bits;
  u32 (*encode)(int);
  Sum sum = Sum::f32;
  Place a = {.begin = 1024, .panel_lines = 64}, b = {.begin = 1024 + 16384, .panel_lines = 256};
  bool a_in_registers = false;
  int scale_a = 1, scale_b = 1;
  bool accumulates = true;
  bool unsigned_a = false, unsigned_b = false;
};

u32 f16_of(int x) { // exact for |x| < 2048
  if (x == 0)
    return 0;
  int exponent = 0;
  std::frexp(std::abs(x), &exponent);
  const int mantissa = static_cast<int>(std::ldexp(std::abs(x), 11 - exponent)) & 1023;
  return static_cast<u32>((x < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | mantissa);
}
u32 f32_of(int x) { return std::bit_cast<u32>(static_cast<float>(x)); }
u32 bf16_of(int x) { return f32_of(x) >> 16; }
u32 e4m3_of(int x) { // |x| <= 7
  constexpr int codes[] = {0, 0x38, 0x40, 0x44, 0x48, 0x4a, 0x4c, 0x4e};
  return static_cast<u32>((x < 0 ? 0x80 : 0) | codes[std::abs(x)]);
}
u32 e5m2_of(int x) { // |x| <= 4
  constexpr int codes[] = {0, 0x3c, 0x40, 0x42, 0x44};
  return static_cast<u32>((x < 0 ? 0x80 : 0) | codes[std::abs(x)]);
}
u32 s8_of(int x) { return static_cast<u32>(x) & 255; }
u32 bit_of(int x) { return static_cast<u32>(x & 1); }

int value_of(const Case& one, int x, bool of_a) {
  const bool is_unsigned = of_a ? one.unsigned_a : one.unsigned_b;
  return one.encode == bit_of ? x & 1 : is_unsigned ? x & 255 : x;
}

void put(std::vector<std::byte>& memory, const Place& place, const Case& one, const Matrix& matrix,
         int rows) {
  for (int row = 0; row < rows; ++row)
    for (int k = 0; k < one.k; ++k) {
      const u32 bits = one.encode(matrix[static_cast<std::size_t>(row * one.k + k)]);
      const u32 at = byte_of(place, row, k, one.bits);
      for (int byte = 0; byte < std::max(1, one.bits / 8); ++byte)
        memory.at(at - 1024 + static_cast<u32>(byte)) |=
            std::byte((one.bits == 1 ? bits << k % 8 : bits >> 8 * byte) & 255);
    }
}

// PTX ISA, "Register Fragments for wgmma.mma_async": the element of A that bits i * bits of a thread's four
// registers hold.
struct At {
  int row, column;
};
At a_fragment(int thread, int i, int bits) {
  const int per_register = 32 / bits, reg = i / per_register, lane = thread % 32;
  return {thread / 32 * 16 + lane / 4 + (reg % 2 == 1 ? 8 : 0),
          lane % 4 * per_register + i % per_register + (reg >= 2 ? 4 * per_register : 0)};
}
At d_fragment(int thread, int i) {
  const int lane = thread % 32;
  return {thread / 32 * 16 + lane / 4 + (i / 2 % 2 == 1 ? 8 : 0), 8 * (i / 4) + lane % 4 * 2 + i % 2};
}

std::string list(const std::string& name, int count) {
  std::string out = "{";
  for (int i = 0; i < count; ++i)
    out += (i ? ", " : "") + name + std::to_string(i);
  return out + "}";
}

// x0: 64 KB of shared memory; x1: four words a thread for A, then sums; x2: results.
std::string text_of(const Case& one, const std::string& between = "") {
  const int sums = one.n / (one.sum == Sum::f16 ? 4 : 2);
  std::string body = ".reg .b32 %a<4>, %d<" + std::to_string(sums) +
                     ">;\n"
                     "mov.u32 %r0, %t0;\n"
                     "copy:\nmul.wide.u32 %l0, %r0, 4;\nadd.u64 %l0, %l0, %x0;\nld.global.b32 %r1, [%l0];\n"
                     "mov.u32 %r2, tile;\nmad.lo.u32 %r2, %r0, 4, %r2;\nst.shared.b32 [%r2], %r1;\n"
                     "add.u32 %r0, %r0, 128;\nsetp.lt.u32 %p0, %r0, 16384;\n@%p0 bra copy;\n"
                     "bar.sync 0;\n"
                     "mul.wide.u32 %l1, %t0, " +
                     std::to_string(4 * (4 + sums)) + ";\nadd.u64 %l2, %l1, %x2;\nadd.u64 %l1, %l1, %x1;\n";
  for (int i = 0; i < 4; ++i)
    body += "ld.global.b32 %a" + std::to_string(i) + ", [%l1+" + std::to_string(4 * i) + "];\n";
  for (int i = 0; i < sums; ++i)
    body += "ld.global.b32 %d" + std::to_string(i) + ", [%l1+" + std::to_string(16 + 4 * i) + "];\n";
  body += "mov.u64 %l3, " + std::to_string(descriptor(one.a)) + ";\nmov.u64 %l4, " +
          std::to_string(descriptor(one.b)) + ";\nsetp.eq.u32 %p1, " + (one.accumulates ? "0" : "1") +
          ", 0;\nwgmma.fence.sync.aligned;\nwgmma.mma_async.sync.aligned.m64n" + std::to_string(one.n) + "k" +
          std::to_string(one.k) + one.types + " " + list("%d", sums) + ", " +
          (one.a_in_registers ? list("%a", 4) : "%l3") + ", %l4, %p1";
  if (one.sum != Sum::s32)
    body += ", " + std::to_string(one.scale_a) + ", " + std::to_string(one.scale_b);
  if (one.bits == 16 && !one.a_in_registers)
    body += one.a.major == Major::mn ? ", 1" : ", 0";
  if (one.bits == 16)
    body += one.b.major == Major::mn ? ", 1" : ", 0";
  body += ";\nwgmma.commit_group.sync.aligned;\n" + between + "wgmma.wait_group.sync.aligned 0;\n";
  for (int i = 0; i < sums; ++i)
    body += "st.global.b32 [%l2+" + std::to_string(16 + 4 * i) + "], %d" + std::to_string(i) + ";\n";
  return kernel(body, ".shared .align 1024 .b8 tile[65536];");
}

struct Inputs {
  Matrix a, b, c;
  std::vector<std::byte> shared;
  std::vector<u32> words;
};

Inputs inputs_of(const Case& one) {
  std::mt19937_64 random(seed());
  Inputs in;
  auto draw = [&](Matrix& matrix, int count) {
    for (int i = 0; i < count; ++i)
      matrix.push_back(static_cast<int>(random() % 7) - 3);
  };
  draw(in.a, 64 * one.k);
  draw(in.b, one.n * one.k);
  draw(in.c, 64 * one.n);
  in.shared.resize(65536);
  if (!one.a_in_registers)
    put(in.shared, one.a, one, in.a, 64);
  put(in.shared, one.b, one, in.b, one.n);
  for (int thread = 0; thread < 128; ++thread) {
    std::vector<u32> words(4);
    for (int i = 0; i < 128 / one.bits; ++i) {
      const At at = a_fragment(thread, i, one.bits);
      const u32 bits = one.encode(in.a[static_cast<std::size_t>(at.row * one.k + at.column)]);
      words[static_cast<std::size_t>(i * one.bits / 32)] |= bits << i * one.bits % 32;
    }
    for (int i = 0; i < one.n / 2; ++i) {
      const At at = d_fragment(thread, i);
      const int value = in.c[static_cast<std::size_t>(at.row * one.n + at.column)];
      if (one.sum == Sum::f16 && i % 2 == 1)
        words.back() |= f16_of(value) << 16;
      else
        words.push_back(one.sum == Sum::f16   ? f16_of(value)
                        : one.sum == Sum::s32 ? static_cast<u32>(value)
                                              : f32_of(value));
    }
    in.words.insert(in.words.end(), words.begin(), words.end());
  }
  return in;
}

int expected(const Case& one, const Inputs& in, At at) {
  int sum = one.accumulates ? in.c[static_cast<std::size_t>(at.row * one.n + at.column)] : 0;
  for (int k = 0; k < one.k; ++k)
    sum += one.scale_a * one.scale_b *
           value_of(one, in.a[static_cast<std::size_t>(at.row * one.k + k)], true) *
           value_of(one, in.b[static_cast<std::size_t>(at.column * one.k + k)], false);
  return sum;
}

/// The first sum that is not as it must be; empty if all are.
std::string first_wrong(const Case& one, const Inputs& in, const std::vector<u32>& words) {
  const int sums = one.n / (one.sum == Sum::f16 ? 4 : 2);
  for (int thread = 0; thread < 128; ++thread)
    for (int i = 0; i < one.n / 2; ++i) {
      const At at = d_fragment(thread, i);
      const int wanted = expected(one, in, at);
      const auto reg = static_cast<std::size_t>(thread * (4 + sums) + 4 + (one.sum == Sum::f16 ? i / 2 : i));
      const u32 found = one.sum == Sum::f16 ? words[reg] >> i % 2 * 16 & 0xffff : words[reg];
      const u32 bits = one.sum == Sum::f16   ? f16_of(wanted)
                       : one.sum == Sum::s32 ? static_cast<u32>(wanted)
                                             : f32_of(wanted);
      if (found != bits)
        return "row " + std::to_string(at.row) + ", column " + std::to_string(at.column) + " has the bits " +
               std::to_string(found) + ", expected " + std::to_string(bits);
    }
  return "";
}

void run_case(const Case& one, Options options) {
  Machine machine;
  machine.target = "sm_90a";
  machine.threads = {128, 1, 1};
  machine.options = options;
  const Inputs in = inputs_of(one);
  const u64 result = machine.upload(std::vector<u32>(in.words.size()));
  const Outcome outcome =
      machine.run(text_of(one), {machine.upload(in.shared), machine.upload(in.words), result});
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  EXPECT_EQ(first_wrong(one, in, machine.download<u32>(result, in.words.size())), "");
}

class Wgmma : public testing::TestWithParam<Case> {};

TEST_P(Wgmma, MultipliesAsLayoutsSay) {
  run_case(GetParam(), {.workers = 1});
  run_case(GetParam(), {.workers = 1, .truncating_matrix = true}); // sums of few bits: nothing is cut off
  for (u64 i = 0; i < 4; ++i)
    run_case(GetParam(), {.mode = Options::Mode::scheduled, .seed = seed() + i});
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  const Case half = {.name = "f16", .types = ".f32.f16.f16", .n = 64, .k = 16, .bits = 16, .encode = f16_of};
  const Case bf16 = {
      .name = "bf16", .types = ".f32.bf16.bf16", .n = 256, .k = 16, .bits = 16, .encode = bf16_of};
  auto add = [&](Case one, const std::string& name) {
    one.name += "_" + name;
    cases.push_back(std::move(one));
  };
  for (int swizzle : {16, 32, 64, 128})
    for (Major a : {Major::k, Major::mn})
      for (Major b : {Major::k, Major::mn}) {
        Case one = half;
        one.n = swizzle == 128 ? 256 : swizzle == 64 ? 96 : 40;
        one.a.swizzle = one.b.swizzle = swizzle;
        one.a.major = a;
        one.b.major = b;
        one.a.panel_lines = a == Major::k ? 64 : 16;
        one.b.panel_lines = b == Major::k ? 256 : 24;
        add(one, "swizzle" + std::to_string(swizzle) + (a == Major::k ? "_k" : "_mn") +
                     (b == Major::k ? "_k" : "_mn"));
      }
  for (int step : {32, 64, 96}) {
    Case one = bf16;
    one.a.first_k = one.b.first_k = step;
    add(one, "k_step" + std::to_string(step));
  }
  for (int n = 8; n <= 256; n += 8) {
    Case one = half;
    one.n = n;
    one.a_in_registers = n % 16 == 0;
    add(one, "n" + std::to_string(n));
  }
  Case one = half;
  one.scale_a = -1;
  add(one, "minus_a");
  one.scale_b = -1;
  add(one, "minus_both");
  one = bf16;
  one.accumulates = false;
  one.scale_b = -1;
  one.a_in_registers = true;
  add(one, "without_sums");
  one = half;
  one.types = ".f16.f16.f16";
  one.sum = Sum::f16;
  add(one, "f16_sums");
  one.a_in_registers = true;
  one.b.major = Major::mn;
  one.b.panel_lines = 16;
  add(one, "f16_sums_registers");
  for (bool registers : {false, true}) {
    const std::string suffix = registers ? "registers" : "shared";
    Case tf32 = {.name = "tf32", .types = ".f32.tf32.tf32", .n = 128, .k = 8, .bits = 32, .encode = f32_of};
    tf32.a_in_registers = registers;
    tf32.scale_a = -1;
    add(tf32, suffix);
    Case fp8 = {.name = "fp8", .types = ".f32.e4m3.e4m3", .n = 64, .k = 32, .bits = 8, .encode = e4m3_of};
    fp8.a_in_registers = registers;
    fp8.scale_b = -1;
    add(fp8, "e4m3_" + suffix);
    fp8.types = ".f16.e5m2.e5m2";
    fp8.encode = e5m2_of;
    fp8.sum = Sum::f16;
    add(fp8, "e5m2_" + suffix);
    Case s8 = {
        .name = "s8", .types = ".s32.s8.s8", .n = 96, .k = 32, .bits = 8, .encode = s8_of, .sum = Sum::s32};
    s8.a_in_registers = registers;
    add(s8, suffix);
    s8.types = ".satfinite.s32.u8.s8";
    s8.unsigned_a = true;
    s8.a.swizzle = s8.b.swizzle = 64;
    add(s8, "u8_" + suffix);
    s8.types = ".s32.u8.u8";
    s8.unsigned_b = true;
    add(s8, "u8u8_" + suffix);
    Case bits = {.name = "b1",
                 .types = ".s32.b1.b1.and.popc",
                 .n = 48,
                 .k = 256,
                 .bits = 1,
                 .encode = bit_of,
                 .sum = Sum::s32};
    bits.a_in_registers = registers;
    bits.b.swizzle = 32;
    add(bits, suffix);
  }
  return cases;
}

// ---- when it reads and writes ----

const Case plain = {.name = "plain", .types = ".f32.f16.f16", .n = 16, .k = 16, .bits = 16, .encode = f16_of};

// Of so many schedules, those whose sums are wrong, if `between` stands between issue and wait.
int wrong_of(const Case& one, const std::string& between, int schedules) {
  int wrong = 0;
  for (int i = 0; i < schedules; ++i) {
    Machine machine;
    machine.target = "sm_90a";
    machine.threads = {128, 1, 1};
    machine.options = {.mode = Options::Mode::scheduled, .seed = seed() + static_cast<u64>(i)};
    const Inputs in = inputs_of(one);
    const u64 result = machine.upload(std::vector<u32>(in.words.size()));
    const Outcome outcome =
        machine.run(text_of(one, between), {machine.upload(in.shared), machine.upload(in.words), result});
    EXPECT_EQ(outcome.status, Status::success) << outcome.message;
    wrong += first_wrong(one, in, machine.download<u32>(result, in.words.size())).empty() ? 0 : 1;
  }
  return wrong;
}

TEST(WgmmaInFlight, ReadsSharedMemoryUntilTheWait) {
  const std::string overwrite =
      "mov.u32 %r0, tile;\nmad.lo.u32 %r0, %t0, 4, %r0;\nst.shared.b32 [%r0+16384], 0;\n"
      "st.shared.b32 [%r0+16896], 0;\n";
  const int wrong = wrong_of(plain, overwrite, 32);
  EXPECT_GT(wrong, 0);
  EXPECT_LT(wrong, 32);
}

TEST(WgmmaInFlight, ReadsRegistersUntilTheWait) {
  Case one = plain;
  one.a_in_registers = true;
  const int wrong = wrong_of(one, "mov.b32 %a0, 0;\nmov.b32 %a3, 0;\n", 32);
  EXPECT_GT(wrong, 0);
  EXPECT_LT(wrong, 32);
}

TEST(WgmmaInFlight, WritesItsSumsUntilTheWait) {
  const int wrong = wrong_of(plain,
                             "mov.b32 %r3, %d1;\nbar.sync 0;\nadd.f32 %r3, %r3, 0f00000000;\n"
                             "mov.b32 %d1, %r3;\n",
                             32);
  EXPECT_GT(wrong, 0); // the old sum was put back
  EXPECT_LT(wrong, 32);
}

TEST(WgmmaInFlight, IsInOrderOnTheSameSums) {
  // The sums, minus what is added, plus it again: by two more of them, without a wait.
  const std::string chain = "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 " + list("%d", 8) +
                            ", %l3, %l4, %p1, -1, 1, 0, 0;\nwgmma.commit_group.sync.aligned;\n"
                            "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 " +
                            list("%d", 8) + ", %l3, %l4, 0, 1, 1, 0, 0;\nwgmma.commit_group.sync.aligned;\n";
  Case one = plain;
  one.accumulates = false; // whatever was there: the last one overwrites it
  EXPECT_EQ(wrong_of(one, chain, 16), 0);
  EXPECT_EQ(wrong_of(one, chain + "wgmma.wait_group.sync.aligned 1;\n", 16), 0);
}

TEST(WgmmaInFlight, IsNotWaitedForBeforeItIsCommitted) {
  const std::string uncommitted =
      "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 " + list("%d", 8) + ", %l3, %l4, 1, -1, 1, 0, 0;\n";
  const int wrong =
      wrong_of(plain, uncommitted, 32); // its sums come after they were stored, in some schedules
  EXPECT_EQ(wrong_of(plain, "", 8), 0);
  EXPECT_GT(wrong, 0);
}

// ---- who executes it ----

std::string outcome_of(const std::string& body, u32 threads = 128) {
  Machine machine;
  machine.target = "sm_90a";
  machine.threads = {threads, 1, 1};
  const Outcome outcome =
      machine.run(kernel(".reg .b32 %d<4>;\nmov.u64 %l3, 0;\nsetp.lt.u32 %p0, %t0, 96;\n" + body,
                         ".shared .align 1024 .b8 tile[65536];"),
                  {});
  return outcome.status == Status::success ? "" : outcome.message;
}

const std::string smallest =
    "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%d0, %d1, %d2, %d3}, %l3, %l3, 1, 1, 1, 0, 0;\n";

TEST(WgmmaMisuse, OfPartsOfAWarpgroup) {
  EXPECT_NE(outcome_of(smallest, 96)
                .find("warp 0 belongs to no warpgroup: expected four warps from warp 0 on, the "
                      "block has 3"),
            std::string::npos);
  EXPECT_NE(outcome_of("@!%p0 exit;\nbar.warp.sync -1;\n" + smallest).find("of its warpgroup"),
            std::string::npos);
  EXPECT_NE(outcome_of("@%p0 bra wide;\nbar.sync 0;\nbra end;\nwide:\n" + smallest + "end:\n")
                .find("waits for warps 3 of its warpgroup to come to the same instruction"),
            std::string::npos);
  EXPECT_NE(outcome_of("@%p0 bra wide;\n" + smallest + "bra end;\nwide:\n" + smallest + "end:\n")
                .find("expected all four at the same instruction"),
            std::string::npos);
  EXPECT_NE(outcome_of("setp.lt.u32 %p1, %t0, 8;\n@%p1 bra end;\n" + smallest + "end:\n").find("lanes 0x"),
            std::string::npos);
}

TEST(WgmmaMisuse, OfMemoryOutsideOfSharedMemory) {
  EXPECT_NE(outcome_of("mov.u64 %l3, 16383;\n" + smallest)
                .find("the matrix descriptor's bytes at shared address 0x3fff0 "
                      "lie outside of shared memory"),
            std::string::npos);
}

TEST(WgmmaMisuse, OfOperands) {
  const auto error_of = [](const std::string& operands) {
    Machine machine;
    machine.target = "sm_90a";
    machine.load(kernel(".reg .b32 %d<4>, %a<4>;\nwgmma.mma_async.sync.aligned." + operands));
    return machine.error.message;
  };
  EXPECT_EQ(error_of("m64n8k16.f32.f16.f16 {%d0, %d1, %d2}, %l3, %l3, 1, 1, 1, 0, 0;"),
            "D has 3 registers: expected 4 for m64n8k16");
  EXPECT_EQ(error_of("m64n8k16.f32.f16.f16 {%d0, %d1, %d2, %d3}, {%a0, %a1}, %l3, 1, 1, 1, 0;"),
            "'{%a0, %a1}' is no A: expected 4 registers of 32 bits, or a descriptor of 64");
  EXPECT_EQ(error_of("m64n8k16.f32.f16.f16 {%d0, %d1, %d2, %d3}, {%a0, %a1, %a2, %p0}, %l3, 1, 1, 1, 0;"),
            "'{%a0, %a1, %a2, %p0}' is no A: expected 4 registers of 32 bits, or a descriptor of 64");
  EXPECT_EQ(error_of("m64n8k16.f32.f16.f16 {%d0, %d1, %d2, %d3}, 64, %l3, 1, 1, 1, 0, 0;"),
            "'64' is no A: expected 4 registers of 32 bits, or a descriptor of 64");
  EXPECT_EQ(error_of("m64n8k16.f32.f16.f16 {%d0, %d1, %d2, %d3}, %l3, %l3, 1, 1, 1, 0;"),
            "7 operands: expected 8");
  EXPECT_EQ(error_of("m64n8k16.f32.f16.f16 {%d0, %d1, %d2, %d3}, %l3, %l3, 1, 2, 1, 0, 0;"),
            "imm-scale-a is 2: expected 1 or -1");
  EXPECT_EQ(error_of("m64n8k16.f32.f16.f16 {%d0, %d1, %d2, %d3}, %l3, %l3, 1, 1, 1, 0, 2;"),
            "imm-trans-b is 2: expected 0 or 1");
  EXPECT_NE(error_of("m64n40k32.s32.s8.s8 {%d0, %d1, %d2, %d3}, %l3, %l3, 1;").find(".m64n40k32"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(All, Wgmma, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name; });

} // namespace
} // namespace emu::test
