// wmma.load, wmma.mma, wmma.store against products of integers: every shape and type, all layouts, in global
// and shared memory and through generic addresses. Matrices are laid out in memory here, fragments are never
// looked into.
#include "tests/emulator/checked.h"

#include <cmath>

namespace emu::test {
namespace {

using u8 = std::uint8_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

u64 f16_of(int x) { // exact for |x| < 2048
  if (x == 0)
    return 0;
  int exponent = 0;
  std::frexp(std::abs(x), &exponent);
  const int mantissa = static_cast<int>(std::ldexp(std::abs(x), 11 - exponent)) & 1023;
  return static_cast<u64>((x < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | mantissa);
}

u64 encode(const std::string& type, int x) {
  if (type == "f16")
    return f16_of(x);
  if (type == "f64")
    return std::bit_cast<u64>(double(x));
  if (type == "bf16")
    return std::bit_cast<u32>(static_cast<float>(x)) >> 16;
  if (type == "f32" || type == "tf32")
    return std::bit_cast<u32>(static_cast<float>(x));
  return static_cast<u64>(x);
}

int bits_of(const std::string& type) {
  return type == "tf32" ? 32 : type == "bf16" ? 16 : std::atoi(type.substr(1).c_str());
}

/// A matrix of small integers, and how it lies in memory.
struct Matrix {
  int rows, columns;
  std::string type, layout;
  int padding; ///< elements between lines
  std::vector<int> values = std::vector<int>(static_cast<std::size_t>(rows * columns));

  int& at(int row, int column) { return values[static_cast<std::size_t>(row * columns + column)]; }
  int line() const { return layout == "row" ? columns : rows; }
  int stride() const { return line() + padding; }
  std::size_t bytes() const {
    return static_cast<std::size_t>(stride() * (layout == "row" ? rows : columns) * bits_of(type) / 8);
  }
  std::size_t bit(int row, int column) const {
    return static_cast<std::size_t>((layout == "row" ? row * stride() + column : column * stride() + row) *
                                    bits_of(type));
  }
  void randomise(std::mt19937_64& random) {
    const bool is_signed = type[0] != 'u' && type[0] != 'b';
    const int range = type == "b1" ? 2 : 15;
    for (int& value : values)
      value = static_cast<int>(random() % static_cast<unsigned>(range)) - (is_signed ? 7 : 0);
  }
  std::vector<u8> image() {
    std::vector<u8> bytes(this->bytes());
    for (int row = 0; row < rows; ++row)
      for (int column = 0; column < columns; ++column)
        for (int i = 0; i < bits_of(type); ++i)
          bytes[(bit(row, column) + static_cast<std::size_t>(i)) / 8] |=
              static_cast<u8>((encode(type, at(row, column)) >> i & 1)
                              << (bit(row, column) + static_cast<std::size_t>(i)) % 8);
    return bytes;
  }
  u64 read(const std::vector<u8>& bytes, int row, int column) const {
    u64 value = 0;
    std::memcpy(&value, &bytes[bit(row, column) / 8], static_cast<std::size_t>(bits_of(type) / 8));
    return value;
  }
};

struct Case {
  int m, n, k;
  std::string type, d, c;     ///< of A and B; of D; of C
  std::string spelled;        ///< the types of wmma.mma
  std::string operation = {}; ///< of b1
  bool any_layout = true;
};

std::string list(const std::string& name, int count) {
  std::string out = "{";
  for (int i = 0; i < count; ++i)
    out += (i != 0 ? ", " : "") + name + std::to_string(i);
  return out + "}";
}

// Registers of a fragment (PTX ISA, "Matrix Fragments for WMMA").
int registers(const Case& one, char matrix) {
  const std::string& type = matrix == 'd' ? one.d : matrix == 'c' ? one.c : one.type;
  const int elements = matrix == 'a' ? one.m * one.k : matrix == 'b' ? one.n * one.k : one.m * one.n;
  if (type == "f16" && (matrix == 'a' || matrix == 'b'))
    return 8;
  return elements * bits_of(type) / (type == "f64" ? 64 * 32 : 32 * 32);
}

std::string shape(const Case& one) {
  return ".m" + std::to_string(one.m) + "n" + std::to_string(one.n) + "k" + std::to_string(one.k);
}

/// "wmma.load.a.sync.aligned.row.m16n16k16.global.f16 {%a0, ...}, [%pa], 24;"
std::string access(const Case& one, char which, const Matrix& matrix, const std::string& space) {
  const std::string name(1, which),
      stride = matrix.padding != 0 ? ", " + std::to_string(matrix.stride()) : "";
  const std::string head = std::string("wmma.") + (which == 'd' ? "store" : "load") + "." + name +
                           ".sync.aligned." + matrix.layout + shape(one) + space + "." + matrix.type + " ";
  const std::string registers = list("%" + name, test::registers(one, which)), address = "[%p" + name + "]";
  return head + (which == 'd' ? address + ", " + registers : registers + ", " + address) + stride + ";\n";
}

std::string declare(const Case& one) {
  const std::string wide = one.type == "f64" ? ".reg .f64 " : ".reg .b32 ";
  return wide + "%a<8>, %b<8>, %c<8>, %d<8>;\n.reg .b64 %pa, %pb, %pc, %pd, %q<2>;\n.reg .b32 %t, %i, "
                "%v;\n.reg .pred %more;\n"
                "mov.u32 %t, %tid.x;\n";
}

/// Words between global memory and shared memory: `%q0` is the one, `%pX` the other.
std::string copy(char name, std::size_t bytes, bool to_shared) {
  const std::string label = std::string("copy_") + name;
  return "mul.wide.u32 %q1, %t, 4;\nadd.u64 %q0, %q0, %q1;\nadd.u64 %q1, %q1, %p" + std::string(1, name) +
         ";\nmov.u32 %i, %t;\n" + label + ":\n" +
         (to_shared ? "ld.global.u32 %v, [%q0];\nst.shared.u32 [%q1], %v;\n"
                    : "ld.shared.u32 %v, [%q1];\nst.global.u32 [%q0], %v;\n") +
         "add.u64 %q0, %q0, 128;\nadd.u64 %q1, %q1, 128;\nadd.u32 %i, %i, 32;\nsetp.lt.u32 %more, %i, " +
         std::to_string(bytes / 4) + ";\n@%more bra " + label + ";\nbar.warp.sync -1;\n";
}

void multiply(const Case& one, const std::string& a_layout, const std::string& b_layout,
              const std::string& c_layout, const std::string& d_layout, const std::string& space, int padding,
              std::mt19937_64& random) {
  const bool shared = space == ".shared" || space == "shared and generic";
  Matrix a{one.m, one.k, one.type, a_layout, padding}, b{one.k, one.n, one.type, b_layout, padding},
      c{one.m, one.n, one.c, c_layout, one.any_layout ? padding : 0},
      d{one.m, one.n, one.d, d_layout, one.any_layout ? padding : 0};
  std::string text = shared ? ".shared .align 32 .b8 buffer[32768];\n" : "";
  text +=
      ".visible .entry test(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d) {\n" + declare(one);
  int place = 0;
  for (Matrix* matrix : {&a, &b, &c, &d}) {
    const char name = "abcd"[place];
    matrix->randomise(random);
    if (!shared) {
      text += std::string("ld.param.u64 %p") + name + ", [" + name + "];\n";
    } else {
      text += std::string("mov.u64 %p") + name + ", buffer;\nadd.u64 %p" + name + ", %p" + name + ", " +
              std::to_string(8192 * place) + ";\nld.param.u64 %q0, [" + name + "];\n" +
              copy(name, matrix->bytes(), true);
    }
    ++place;
  }
  std::string used = space;
  if (space == "shared and generic") {
    used = "";
    for (char name : {'a', 'b', 'c', 'd'})
      text += std::string("cvta.shared.u64 %p") + name + ", %p" + name + ";\n";
  }
  text += access(one, 'a', a, used) + access(one, 'b', b, used) + access(one, 'c', c, used);
  text += "wmma.mma" + one.operation + ".sync.aligned." + a_layout + "." + b_layout + shape(one) + "." +
          one.spelled + " " + list("%d", registers(one, 'd')) + ", " + list("%a", registers(one, 'a')) +
          ", " + list("%b", registers(one, 'b')) + ", " + list("%c", registers(one, 'c')) + ";\n" +
          access(one, 'd', d, used);
  if (shared)
    text += "bar.warp.sync -1;\nmov.u64 %pd, buffer;\nadd.u64 %pd, %pd, 24576;\nld.param.u64 %q0, [d];\n" +
            copy('e', d.bytes(), false);
  for (std::size_t at = 0; (at = text.find("%pe", at)) != std::string::npos;)
    text.replace(at, 3, "%pd");
  Checked machine;
  machine.threads = {32, 1, 1};
  std::vector<u64> params;
  for (Matrix* matrix : {&a, &b, &c, &d}) {
    const std::vector<u8> image = matrix->image();
    params.push_back(machine.buffer(image.size()));
    std::memcpy(reinterpret_cast<void*>(params.back()), image.data(), image.size());
  }
  ASSERT_EQ(machine.kinds(text + "ret;\n}\n", params), "") << machine.reported() << "\n" << text;
  ASSERT_EQ(machine.outcome.status, Status::success) << machine.outcome.message << "\n" << text;
  const std::vector<u8> result = machine.download<u8>(params[3], d.bytes());
  for (int i = 0; i < one.m; ++i)
    for (int j = 0; j < one.n; ++j) {
      int sum = c.at(i, j);
      for (int l = 0; l < one.k; ++l)
        sum += one.operation == ".xor.popc" ? a.at(i, l) ^ b.at(l, j) : a.at(i, l) * b.at(l, j);
      const u64 mask = bits_of(one.d) == 64 ? ~u64(0) : (u64(1) << bits_of(one.d)) - 1;
      ASSERT_EQ(d.read(result, i, j), encode(one.d, sum) & mask) << i << ", " << j << ": " << sum << "\n"
                                                                 << text;
    }
}

class Wmma : public testing::TestWithParam<Case> {};

TEST_P(Wmma, MultipliesMatricesInMemory) {
  const Case& one = GetParam();
  std::mt19937_64 random(seed());
  const std::string layouts[] = {"row", "col"};
  for (const char* space : {"", ".global", ".shared", "shared and generic"})
    for (int padding : {0, bits_of(one.type) < 8 ? 128 : 16})
      for (int variant = 0; variant < 4; ++variant) {
        const std::string &a = one.any_layout ? layouts[variant & 1] : "row",
                          &b = one.any_layout ? layouts[variant >> 1] : "col";
        multiply(one, a, b, layouts[variant & 1], layouts[variant >> 1], space, padding, random);
        if (HasFatalFailure())
          return;
      }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& [m, n] : {std::pair(16, 16), std::pair(8, 32), std::pair(32, 8)}) {
    for (const char* d : {"f16", "f32"})
      for (const char* c : {"f16", "f32"})
        all.push_back({m, n, 16, "f16", d, c, std::string(d) + "." + c});
    all.push_back({m, n, 16, "bf16", "f32", "f32", "f32.bf16.bf16.f32"});
    all.push_back({m, n, 16, "s8", "s32", "s32", "s32.s8.s8.s32"});
    all.push_back({m, n, 16, "u8", "s32", "s32", "s32.u8.u8.s32.satfinite"});
  }
  all.push_back({16, 16, 8, "tf32", "f32", "f32", "f32.tf32.tf32.f32"});
  all.push_back({8, 8, 4, "f64", "f64", "f64", "f64.f64.f64.f64.rn"});
  all.push_back({8, 8, 32, "u4", "s32", "s32", "s32.u4.u4.s32", "", false});
  all.push_back({8, 8, 32, "s4", "s32", "s32", "s32.s4.s4.s32.satfinite", "", false});
  all.push_back({8, 8, 128, "b1", "s32", "s32", "s32.b1.b1.s32", ".xor.popc", false});
  all.push_back({8, 8, 128, "b1", "s32", "s32", "s32.b1.b1.s32", ".and.popc", false});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Shapes, Wmma, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = shape(info.param) + "_" + info.param.spelled + info.param.operation;
  std::erase_if(name, [](char c) { return c == '.'; });
  return name;
});

// ---- what a program may do with a fragment, and what it may not ----

const std::string head =
    ".visible .entry test(.param .u64 in, .param .u64 out) {\n.reg .b32 %a<8>, %b<8>, %t, %s;\n.reg .b64 "
    "%l<4>;\n"
    ".reg .pred %p;\nld.param.u64 %l0, [in];\nld.param.u64 %l1, [out];\nmov.u32 %t, %tid.x;\n";

std::string on_all(const std::string& instruction, int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += instruction + " %a" + std::to_string(i) + ", %a" + std::to_string(i) + ", %a" +
            std::to_string(i) + ";\n";
  return text;
}

TEST(WmmaFragment, ElementsAreChangedOneByOne) {
  std::mt19937_64 random(seed());
  Matrix a{16, 16, "f16", "row", 0}, one{16, 16, "f16", "row", 0};
  a.randomise(random);
  for (int i = 0; i < 16; ++i)
    one.at(i, i) = 1;
  Checked machine;
  machine.threads = {32, 1, 1};
  std::vector<u8> images = a.image();
  const std::vector<u8> unit = one.image();
  images.insert(images.end(), unit.begin(), unit.end());
  const u64 in = machine.upload(images), out = machine.buffer(1024);
  machine.checks.host_writes(in, images.size());
  const std::string text =
      head + "wmma.load.a.sync.aligned.m16n16k16.row.f16 " + list("%a", 8) + ", [%l0];\n" +
      on_all("add.f16x2", 8) + "wmma.load.b.sync.aligned.m16n16k16.row.f16 " + list("%b", 8) +
      ", [%l0+512];\n.reg .b32 %z<8>;\n" +
      "mov.u32 %z0, 0;\nwmma.mma.sync.aligned.m16n16k16.row.row.f32.f32 " + list("%a", 8) + ", " +
      list("%a", 8) + ", " + list("%b", 8) + ", {%z0, %z0, %z0, %z0, %z0, %z0, %z0, %z0};\n" +
      on_all("add.f32", 8) + "wmma.store.d.sync.aligned.m16n16k16.row.f32 [%l1], " + list("%a", 8) +
      ", 16;\nret;\n}\n";
  ASSERT_EQ(machine.kinds(text, {in, out}), "") << machine.reported();
  const auto result = machine.download<float>(out, 256);
  for (std::size_t i = 0; i < 256; ++i)
    EXPECT_EQ(result[i], 4.0f * static_cast<float>(a.values[i]));
}

std::string load_a(const std::string& address, const std::string& stride) {
  return "wmma.load.a.sync.aligned.row.m16n16k16.global.f16 " + list("%a", 8) + ", " + address + stride +
         ";\n";
}

std::string message_of(const std::string& body, u64 offset = 0) {
  Machine machine;
  machine.threads = {32, 1, 1};
  const u64 in = machine.upload(std::vector<u32>(1024));
  const Outcome outcome = machine.run(head + body + "ret;\n}\n", {in + offset, in});
  EXPECT_NE(outcome.status, Status::success);
  return outcome.message;
}

TEST(WmmaFragment, LanesMustAgreeOnTheMatrix) {
  EXPECT_NE(
      message_of("mad.wide.u32 %l0, %t, 32, %l0;\n" + load_a("[%l0]", ", 16")).find("the same in all lanes"),
      std::string::npos);
  EXPECT_NE(message_of("add.u32 %s, %t, 16;\n" + load_a("[%l0]", ", %s")).find("lane 0 has"),
            std::string::npos);
  EXPECT_NE(message_of(load_a("[%l0]", ", 8")).find("expected at least 16"), std::string::npos);
  EXPECT_NE(message_of(load_a("[%l0]", ", 17")).find("misaligned"), std::string::npos);
  EXPECT_NE(message_of(load_a("[%l0]", ""), 8).find("misaligned"), std::string::npos);
  EXPECT_NE(message_of("setp.lt.u32 %p, %t, 31;\n@%p " + load_a("[%l0]", "")).find("expected all 32"),
            std::string::npos);
}

TEST(WmmaFragment, WhatTheIsaDoesNotHaveIsRefused) {
  const auto refusal = [](const std::string& instruction) {
    Machine machine;
    EXPECT_EQ(machine.load(head + instruction + "\nret;\n}\n"), nullptr) << instruction;
    return machine.error.message;
  };
  EXPECT_NE(refusal("wmma.load.a.sync.aligned.row.m16n16k16.f16 {%a0, %a1}, [%l0];").find("expected 8"),
            std::string::npos);
  EXPECT_NE(refusal("wmma.load.a.sync.aligned.row.m16n16k16.f32 {%a0, %a1}, [%l0];").find("'.f32'"),
            std::string::npos);
  EXPECT_NE(refusal("wmma.load.a.sync.aligned.col.m8n8k32.u4 {%a0}, [%l0];").find("'.m8n8k32' cannot follow"),
            std::string::npos);
  EXPECT_NE(refusal("wmma.mma.sync.aligned.row.col.m16n16k16.s32.s8.u8.s32 " + list("%a", 8) +
                    ", {%a0, %a1}, {%b0, %b1}, " + list("%a", 8) + ";")
                .find("expected the same"),
            std::string::npos);
}

// ---- checks ----

// Rows from `defined` on of A are undefined; those of D that depend on them are, too, and no others.
std::string products_of_rows(int defined, int stored, const std::string& layout) {
  Checked machine;
  machine.threads = {32, 1, 1};
  const u64 in = machine.buffer(1024, false), out = machine.buffer(1024, false);
  if (layout == "row")
    machine.checks.host_writes(in, static_cast<u64>(32 * defined));
  else
    for (u64 column = 0; column < 16; ++column)
      machine.checks.host_writes(in + 32 * column, static_cast<u64>(2 * defined));
  machine.checks.host_writes(in + 512, 512);
  const std::string text =
      ".shared .align 32 .b8 tile[1024];\n" + head + "wmma.load.a.sync.aligned." + layout +
      ".m16n16k16.f16 " + list("%a", 8) + ", [%l0];\nwmma.load.b.sync.aligned.row.m16n16k16.f16 " +
      list("%b", 8) + ", [%l0+512];\nmov.u32 %s, 0;\n" + "wmma.mma.sync.aligned." + layout +
      ".row.m16n16k16.f32.f32 " + list("%a", 8) + ", " + list("%a", 8) + ", " + list("%b", 8) +
      ", {%s, %s, %s, %s, %s, %s, %s, %s};\nmov.u64 %l2, "
      "tile;\nwmma.store.d.sync.aligned.col.m16n16k16.shared.f32 [%l2], " +
      list("%a", 8) + ";\nbar.warp.sync -1;\nsetp.ge.u32 %p, %t, " + std::to_string(stored) +
      ";\n@%p exit;\n" +
      "mul.wide.u32 %l3, %t, 4;\nadd.u64 %l2, %l2, %l3;\nadd.u64 %l1, %l1, %l3;\nld.shared.u32 %s, "
      "[%l2];\nst.global.u32 [%l1], %s;\nret;\n}\n";
  const std::string kinds = machine.kinds(text, {in, out});
  EXPECT_EQ(machine.outcome.status, Status::success) << machine.reported();
  return kinds;
}

TEST(WmmaChecks, RowsAreUndefinedOneByOne) {
  for (const char* layout : {"row", "col"})
    for (int defined :
         {3, 11}) { // the first column of D, of which the rows that are defined are stored, or one more
      EXPECT_EQ(products_of_rows(defined, defined, layout), "") << layout;
      EXPECT_EQ(products_of_rows(defined, defined + 1, layout), "undefined-store") << layout;
    }
}

TEST(WmmaChecks, ATileOrdersNothing) {
  const auto kinds = [](const std::string& barrier) {
    Checked machine;
    machine.threads = {32, 1, 1};
    const u64 in = machine.buffer(1024), out = machine.buffer(1024, false);
    const std::string text =
        ".shared .align 32 .b8 tile[1024];\n" + head + "wmma.load.c.sync.aligned.row.m16n16k16.f32 " +
        list("%a", 8) +
        ", [%l0];\nmov.u64 %l2, tile;\nwmma.store.d.sync.aligned.row.m16n16k16.shared.f32 [%l2], " +
        list("%a", 8) + ";\n" + barrier +
        "sub.u32 %t, 31, %t;\nmul.wide.u32 %l3, %t, 32;\nadd.u64 %l2, %l2, %l3;\n" +
        "ld.shared.u32 %s, [%l2];\nmul.wide.u32 %l3, %t, 4;\nadd.u64 %l1, %l1, %l3;\nst.global.u32 [%l1], "
        "%s;\nret;\n}\n";
    return machine.kinds(text, {in, out});
  };
  EXPECT_EQ(kinds(""), "race");
  EXPECT_EQ(kinds("bar.warp.sync -1;\n"), "");
}

TEST(WmmaChecks, AMatrixEndsWithItsAllocation) {
  Checked machine;
  machine.threads = {32, 1, 1};
  const u64 in = machine.buffer(512), out = machine.buffer(4);
  EXPECT_EQ(machine.kinds(head + load_a("[%l0]", ", 24") + "ret;\n}\n", {in, out}), "out-of-bounds");
  EXPECT_EQ(machine.kinds(head + load_a("[%l0]", "") + "ret;\n}\n", {in, out}), "");
}

} // namespace
} // namespace emu::test
