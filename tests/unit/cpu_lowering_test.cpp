// What kernels compute on integers, on 16-bit floats, when rows move between memory and lanes, and which keys
// they visit: compiled for every vector width, against plain loops.
#include "tests/unit/cpu_kernels.h"

#include <attile/numeric.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace attile::test {
namespace {

using Limits = std::numeric_limits<std::int64_t>;

class CpuLowering : public testing::TestWithParam<const char*> {
protected:
  void SetUp() override {
    if (!can_run(GetParam()))
      GTEST_SKIP() << "this machine does not run " << GetParam();
  }
  static Result<CpuKernels> compiled(const std::string& text) {
    return CpuKernels::compile(text, GetParam());
  }
};
INSTANTIATE_TEST_SUITE_P(Targets, CpuLowering, testing::ValuesIn(cpu_targets));

/// `text` with every $key replaced.
std::string filled(std::string text, const std::map<std::string, std::string>& values) {
  for (const auto& [key, value] : values)
    for (std::size_t at = 0; (at = text.find("$" + key, at)) != std::string::npos; at += value.size())
      text.replace(at, key.size() + 1, value);
  return text;
}

// ---- integers
// --------------------------------------------------------------------------------------------------

std::int64_t wrap(std::uint64_t bits) { return std::bit_cast<std::int64_t>(bits); }
std::int64_t floor_div(std::int64_t x, std::int64_t y) {
  if (y == 0 || y == -1)
    return y == 0 ? 0 : wrap(0 - std::uint64_t(x));
  return x / y - (x % y != 0 && (x < 0) != (y < 0));
}
std::int64_t floor_mod(std::int64_t x, std::int64_t y) {
  return y == 0 || y == -1 ? 0 : x - floor_div(x, y) * y;
}

struct IntegerOp {
  const char* name;
  const char* body; ///< of %x and %y, both i64, to %r; %safe is %y without 0 and -1, %amount is %y in [0, 63]
  std::int64_t (*reference)(std::int64_t, std::int64_t);
};

const IntegerOp integer_ops[] = {
    {"floordiv",
     "%q = arith.floordivsi %x, %safe : i64\n %n = arith.subi %c0, %x : i64\n"
     "%m = arith.select %minus, %n, %q : i64\n %r = arith.select %zero, %c0, %m : i64",
     floor_div},
    {"floormod",
     "%q = arith.floordivsi %x, %safe : i64\n %p = arith.muli %q, %safe : i64\n %m = arith.subi %x, %p : "
     "i64\n"
     "%r = arith.select %special, %c0, %m : i64",
     floor_mod},
    {"div", "%q = arith.divsi %x, %safe : i64\n %r = arith.select %special, %c0, %q : i64",
     [](std::int64_t x, std::int64_t y) { return y == 0 || y == -1 ? 0 : x / y; }},
    {"rem", "%q = arith.remsi %x, %safe : i64\n %r = arith.select %special, %c0, %q : i64",
     [](std::int64_t x, std::int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }},
    {"shift", "%r = arith.shrsi %x, %amount : i64",
     [](std::int64_t x, std::int64_t y) { return x >> std::clamp<std::int64_t>(y, 0, 63); }},
    {"sum", "%r = arith.addi %x, %y : i64",
     [](std::int64_t x, std::int64_t y) { return wrap(std::uint64_t(x) + std::uint64_t(y)); }},
    {"product", "%r = arith.muli %x, %y : i64",
     [](std::int64_t x, std::int64_t y) { return wrap(std::uint64_t(x) * std::uint64_t(y)); }},
    {"and", "%r = arith.andi %x, %y : i64", [](std::int64_t x, std::int64_t y) { return x & y; }},
    {"less", "%c = arith.cmpi slt, %x, %y : i64\n %r = arith.extui %c : i1 to i64",
     [](std::int64_t x, std::int64_t y) { return std::int64_t(x < y); }},
    {"equal", "%c = arith.cmpi eq, %x, %y : i64\n %r = arith.extui %c : i1 to i64",
     [](std::int64_t x, std::int64_t y) { return std::int64_t(x == y); }},
    {"below", "%c = arith.cmpi ult, %x, %y : i64\n %r = arith.extui %c : i1 to i64",
     [](std::int64_t x, std::int64_t y) { return std::int64_t(std::uint64_t(x) < std::uint64_t(y)); }},
};

/// Operands vary by row (x) and by row, or not at all (y); as they are, or clamped so that 32 bits hold them.
const char* const integer_kernel = R"(
tile.kernel @$name(%xs: !tile.buffer<?xi64, global> {tile.name = "x"}, %ys: !tile.buffer<?xi64, global> {tile.name = "y"},
                   %zs: !tile.buffer<?x64xi64, global> {tile.name = "z"}) {
  %block = tile.block_index
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %cm1 = arith.constant -1 : i64
  %c63 = arith.constant 63 : i64
  %c64 = arith.constant 64 : i64
  %lo = arith.constant -2147483647 : i64
  %hi = arith.constant 2147483646 : i64
  %row0 = arith.muli %block, %c64 : i64
  %z = tile.slice %zs[%block, %c0] : !tile.buffer<?x64xi64, global> -> !tile.buffer<64xi64, global>
  tile.generic rows(64) outs(%z : !tile.buffer<64xi64, global>) {
    %i = tile.index 0
    %row = arith.addi %row0, %i : i64
    %x0 = tile.lookup %xs[$xat] : !tile.buffer<?xi64, global> -> i64
    %y0 = tile.lookup %ys[$yat] : !tile.buffer<?xi64, global> -> i64
    $clamps
    %zero = arith.cmpi eq, %y, %c0 : i64
    %minus = arith.cmpi eq, %y, %cm1 : i64
    %special = arith.ori %zero, %minus : i1
    %safe = arith.select %special, %c1, %y : i64
    %low = arith.maxsi %y, %c0 : i64
    %amount = arith.minsi %low, %c63 : i64
    $body
    tile.yield %r : i64
  }
  tile.return
}
)";

/// Where operands are read, and which of them 32 bits hold.
struct Place {
  const char *name, *x, *y;
  bool narrow_x, narrow_y;
};
const Place places[] = {
    {"rows", "%row", "%row", false, false},       {"narrow", "%row", "%row", true, true},
    {"by_number", "%row", "%block", true, false}, {"of_number", "%block", "%row", false, true},
    {"once", "%block", "%block", false, false},
};

TEST_P(CpuLowering, IntegersAreExactInEveryWidth) {
  std::string text;
  for (const IntegerOp& op : integer_ops)
    for (const Place& place : places) {
      auto clamp = [](const std::string& v, bool narrow) {
        return narrow ? "%" + v + "1 = arith.maxsi %" + v + "0, %lo : i64\n %" + v + " = arith.minsi %" + v +
                            "1, %hi : i64\n"
                      : "%" + v + " = arith.addi %" + v + "0, %c0 : i64\n";
      };
      text += filled(integer_kernel, {{"name", std::string(op.name) + "_" + place.name},
                                      {"xat", place.x},
                                      {"yat", place.y},
                                      {"clamps", clamp("x", place.narrow_x) + clamp("y", place.narrow_y)},
                                      {"body", op.body}});
    }
  Result<CpuKernels> kernels = compiled(text);
  ASSERT_TRUE(kernels) << kernels.error().text();

  std::vector<std::int64_t> edges = {0,
                                     1,
                                     2,
                                     3,
                                     5,
                                     7,
                                     31,
                                     32,
                                     33,
                                     40,
                                     63,
                                     64,
                                     1000,
                                     46341,
                                     2147483645,
                                     2147483646,
                                     2147483647,
                                     2147483648,
                                     4294967295,
                                     4294967296,
                                     std::int64_t(1) << 53,
                                     Limits::max() - 1,
                                     Limits::max()};
  for (std::size_t i = 0, n = edges.size(); i < n; ++i)
    edges.push_back(-edges[i]);
  edges.push_back(Limits::min());
  std::vector<std::int64_t> x, y;
  for (std::int64_t a : edges)
    for (std::int64_t b : edges)
      x.push_back(a), y.push_back(b);
  std::mt19937_64 random(7);
  while (x.size() < 4096) // of all sizes
    x.push_back(wrap(random()) >> (random() % 64)), y.push_back(wrap(random()) >> (random() % 64));
  std::int64_t n = std::int64_t(x.size()), blocks = n / 64;
  std::vector<std::int64_t> z(x.size());
  auto narrowed = [](std::int64_t v, bool narrow) {
    return narrow ? std::clamp<std::int64_t>(v, -2147483647, 2147483646) : v;
  };
  for (const IntegerOp& op : integer_ops)
    for (const Place& place : places) {
      kernels->run(
          std::string(op.name) + "_" + place.name,
          {{"x", memory(x.data(), {n})}, {"y", memory(y.data(), {n})}, {"z", memory(z.data(), {blocks, 64})}},
          std::uint64_t(blocks));
      for (std::size_t i = 0; i < x.size(); ++i) {
        std::int64_t a = narrowed(x[std::string(place.x) == "%block" ? i / 64 : i], place.narrow_x);
        std::int64_t b = narrowed(y[std::string(place.y) == "%block" ? i / 64 : i], place.narrow_y);
        ASSERT_EQ(z[i], op.reference(a, b)) << op.name << " " << place.name << " of " << a << " and " << b;
      }
    }
}

// ---- 16-bit floats
// ---------------------------------------------------------------------------------------------

const char* const convert_kernels = R"(
tile.kernel @narrow(%x: !tile.buffer<?x64xf32, global> {tile.name = "x"}, %y: !tile.buffer<?x64x$type, global> {tile.name = "y"}) {
  %b = tile.block_index
  %c0 = arith.constant 0 : i64
  %xs = tile.slice %x[%b, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
  %ys = tile.slice %y[%b, %c0] : !tile.buffer<?x64x$type, global> -> !tile.buffer<64x$type, global>
  tile.generic rows(64) ins(%xs : !tile.buffer<64xf32, global>) outs(%ys : !tile.buffer<64x$type, global>) {
  ^bb0(%a: f32):
    tile.yield %a : f32
  }
  tile.return
}
tile.kernel @widen(%x: !tile.buffer<?x64x$type, global> {tile.name = "x"}, %y: !tile.buffer<?x64xf32, global> {tile.name = "y"}) {
  %b = tile.block_index
  %c0 = arith.constant 0 : i64
  %xs = tile.slice %x[%b, %c0] : !tile.buffer<?x64x$type, global> -> !tile.buffer<64x$type, global>
  %ys = tile.slice %y[%b, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
  tile.generic rows(64) ins(%xs : !tile.buffer<64x$type, global>) outs(%ys : !tile.buffer<64xf32, global>) {
  ^bb0(%a: f32):
    tile.yield %a : f32
  }
  tile.return
}
tile.kernel @widen_one(%x: !tile.buffer<?x$type, global> {tile.name = "x"}, %y: !tile.buffer<?x16xf32, global> {tile.name = "y"}) {
  %b = tile.block_index
  %c0 = arith.constant 0 : i64
  %ys = tile.slice %y[%b, %c0] : !tile.buffer<?x16xf32, global> -> !tile.buffer<16xf32, global>
  tile.generic rows(16) outs(%ys : !tile.buffer<16xf32, global>) {
    %a = tile.lookup %x[%b] : !tile.buffer<?x$type, global> -> f32
    tile.yield %a : f32
  }
  tile.return
}
)";

/// Every 16-bit float, and f32 of all sizes with the ties between neighbours.
template <class Half>
void check_conversions(const std::string& type, const char* target, Half (*narrow)(float),
                       float (*widen)(Half)) {
  Result<CpuKernels> kernels = CpuKernels::compile(filled(convert_kernels, {{"type", type}}), target);
  ASSERT_TRUE(kernels) << kernels.error().text();
  std::vector<Half> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i)
    halves[i].bits = std::uint16_t(i);
  std::vector<float> wide(65536), once(65536 * 16);
  kernels->run("widen", {{"x", memory(halves.data(), {1024, 64})}, {"y", memory(wide.data(), {1024, 64})}},
               1024);
  kernels->run("widen_one", {{"x", memory(halves.data(), {65536})}, {"y", memory(once.data(), {65536, 16})}},
               65536);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    float expected = widen(halves[i]);
    for (float got : {wide[i], once[i * 16]})
      ASSERT_TRUE(std::isnan(expected)
                      ? std::isnan(got)
                      : std::bit_cast<std::uint32_t>(got) == std::bit_cast<std::uint32_t>(expected))
          << type << " " << i << " became " << got;
  }
  std::vector<float> numbers;
  for (std::uint64_t bits = 0; bits < (std::uint64_t(1) << 32); bits += 4099)
    numbers.push_back(std::bit_cast<float>(std::uint32_t(bits)));
  for (std::size_t i = 0; i + 1 < wide.size(); ++i)
    if (float tie = (wide[i] + wide[i + 1]) / 2; true)
      numbers.insert(numbers.end(), {tie, std::nextafter(tie, 0.0f), std::nextafter(tie, 1e38f)});
  numbers.resize((numbers.size() + 63) / 64 * 64);
  std::int64_t blocks = std::int64_t(numbers.size()) / 64;
  std::vector<Half> result(numbers.size());
  kernels->run("narrow",
               {{"x", memory(numbers.data(), {blocks, 64})}, {"y", memory(result.data(), {blocks, 64})}},
               std::uint64_t(blocks));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    Half expected = narrow(numbers[i]);
    if (std::isnan(numbers[i]))
      ASSERT_TRUE(std::isnan(widen(result[i]))) << std::hexfloat << numbers[i];
    else if (std::abs(numbers[i]) >= 0x1p-126f || type == "f16") // vcvtneps2bf16 takes subnormals for 0
      ASSERT_EQ(result[i].bits, expected.bits) << type << " " << std::hexfloat << numbers[i];
  }
}

TEST_P(CpuLowering, HalvesRoundToNearestEven) { check_conversions<f16>("f16", GetParam(), to_f16, to_f32); }
TEST_P(CpuLowering, Bf16RoundsToNearestEven) { check_conversions<bf16>("bf16", GetParam(), to_bf16, to_f32); }

// ---- rows between memory and lanes
// -----------------------------------------------------------------------------

const char* const rows_kernel = R"(
tile.kernel @rows_$cols(%q: !tile.buffer<?x?x?x$colsx$type, global> {tile.name = "q"}, %o: !tile.buffer<?x?x?x$colsx$type, global> {tile.name = "o"},
                  %l: !tile.buffer<?x?x?x$type, global> {tile.name = "l"}, %count: i64 {tile.name = "param.count"})
    attributes {schedule = #tile.schedule<rows = 32, keys = 16, dot_rows = 32, score_keys = 4, value_cols = 4>} {
  %b = tile.block_index
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c2 = arith.constant 2 : i64
  %n = arith.constant $cols : i64
  %last = arith.subi %count, %c1 : i64
  %row_h = tile.alloc : !tile.buffer<32xi64, local>
  %row_q = tile.alloc : !tile.buffer<32xi64, local>
  tile.generic rows(32) outs(%row_h, %row_q : !tile.buffer<32xi64, local>, !tile.buffer<32xi64, local>) {
    %r = tile.index 0
    %i = arith.minsi %r, %last : i64
    %h = arith.remsi %i, %c2 : i64
    %p = arith.divsi %i, %c2 : i64
    tile.yield %h, %p : i64, i64
  }
  %t = tile.alloc : !tile.buffer<32x$colsxf32, local, col_major>
  %sum = tile.alloc : !tile.buffer<32xf32, local>
  %zero = arith.constant 0.0 : f32
  tile.fill %sum, %zero : !tile.buffer<32xf32, local>, f32
  tile.gather %t, %q[%b, %row_h, %row_q] count(%count) : !tile.buffer<32x$colsxf32, local, col_major>, !tile.buffer<?x?x?x$colsx$type, global>, !tile.buffer<32xi64, local>
  tile.generic rows(32) cols(%n) ins(%t : !tile.buffer<32x$colsxf32, local, col_major>) outs(%t : !tile.buffer<32x$colsxf32, local, col_major>) reduces(%sum : !tile.buffer<32xf32, local>) combiners [#tile.combiner<add>] {
  ^bb0(%x: f32):
    %y = arith.negf %x : f32
    tile.yield %y, %x : f32, f32
  }
  tile.scatter %o[%b, %row_h, %row_q], %t count(%count) : !tile.buffer<?x?x?x$colsx$type, global>, !tile.buffer<32x$colsxf32, local, col_major>, !tile.buffer<32xi64, local>
  tile.scatter %l[%b, %row_h, %row_q], %sum count(%count) : !tile.buffer<?x?x?x$type, global>, !tile.buffer<32xf32, local>, !tile.buffer<32xi64, local>
  tile.return
}
)";

template <class T> T number(std::int64_t x);
template <> float number(std::int64_t x) { return float(x); }
template <> f16 number(std::int64_t x) { return to_f16(float(x)); }
template <> bf16 number(std::int64_t x) { return to_bf16(float(x)); }
float value(float x) { return x; }
template <class T> float value(T x) { return to_f32(x); }

/// Gathers `count` rows, negates them, sums them, and scatters both; memory around the rows stays as it was.
template <class T> void check_rows(const CpuKernels& kernels, std::int64_t cols, std::int64_t count) {
  // [batch 2, heads 2, len 16, cols] with odd strides, as [batch, len, heads, cols] lies in memory.
  std::vector<std::int64_t> strides = {(cols + 3) * 2 * 17, cols + 3, (cols + 3) * 2, 1},
                            stat_strides = {41, 19, 1};
  std::size_t size = std::size_t(2 * strides[0]);
  std::vector<T> q(size), o(size, number<T>(-7)), l(82, number<T>(-7));
  for (std::size_t i = 0; i < size; ++i) // small integers: exact in every type, sums too
    q[i] = number<T>(std::int64_t(i * 5 % 3) - 1);
  kernels.run("rows_" + std::to_string(cols),
              {{"q", memory(q.data(), {2, 2, 16, cols}, strides)},
               {"o", memory(o.data(), {2, 2, 16, cols}, strides)},
               {"l", memory(l.data(), {2, 2, 16}, stat_strides)},
               {"count", {std::uint64_t(count)}}},
              2);
  std::vector<float> expected(size, -7), sums(82, -7);
  for (std::int64_t b = 0; b < 2; ++b)
    for (std::int64_t r = 0; r < count; ++r) {
      std::size_t row = std::size_t(b * strides[0] + r % 2 * strides[1] + r / 2 * strides[2]);
      float sum = 0;
      for (std::size_t c = 0; c < std::size_t(cols); ++c)
        expected[row + c] = -value(q[row + c]), sum += value(q[row + c]);
      sums[std::size_t(b * 41 + r % 2 * 19 + r / 2)] = sum;
    }
  for (std::size_t i = 0; i < size; ++i)
    ASSERT_EQ(value(o[i]), expected[i]) << cols << " columns, " << count << " rows, at " << i;
  for (std::size_t i = 0; i < l.size(); ++i)
    ASSERT_EQ(value(l[i]), sums[i]) << cols << " columns, " << count << " rows, statistic " << i;
}

template <class T> void check_rows_of(const std::string& type, const char* target) {
  const std::int64_t columns[] = {1, 3, 16, 17, 40, 65};
  std::string text;
  for (std::int64_t cols : columns)
    text += filled(filled(rows_kernel, {{"cols", std::to_string(cols)}}), {{"type", type}});
  Result<CpuKernels> kernels = CpuKernels::compile(text, target);
  ASSERT_TRUE(kernels) << kernels.error().text();
  for (std::int64_t cols : columns)
    for (std::int64_t count : {1, 2, 15, 16, 17, 31, 32})
      check_rows<T>(*kernels, cols, count);
}

TEST_P(CpuLowering, RowsComeAndGoUnharmedF32) { check_rows_of<float>("f32", GetParam()); }
TEST_P(CpuLowering, RowsComeAndGoUnharmedF16) { check_rows_of<f16>("f16", GetParam()); }
TEST_P(CpuLowering, RowsComeAndGoUnharmedBf16) { check_rows_of<bf16>("bf16", GetParam()); }

// ---- keys that rows need
// ----------------------------------------------------------------------------------------

/// Row r sees the keys [lo[r], hi[r]) of the first n: o = sum over them of (q . k) v, by dots within spans.
const char* const spans_kernel = R"(
tile.kernel @spans(%lo: !tile.buffer<?xi64, global> {tile.name = "lo"}, %hi: !tile.buffer<?xi64, global> {tile.name = "hi"},
                   %k: !tile.buffer<?x5xf32, global> {tile.name = "k"}, %v: !tile.buffer<?x6xf32, global> {tile.name = "v"},
                   %n: i64 {tile.name = "param.n"}, %firsts: !tile.buffer<64xi64, global> {tile.name = "first"},
                   %lasts: !tile.buffer<64xi64, global> {tile.name = "last"},
                   %sums: !tile.buffer<64xf32, global> {tile.name = "sums"}, %o: !tile.buffer<?x?x?x6xf32, global> {tile.name = "o"})
    attributes {schedule = #tile.schedule<rows = 64, keys = 40, dot_rows = 32, score_keys = 4, value_cols = 4>} {
  %c0 = arith.constant 0 : i64
  %c64 = arith.constant 64 : i64
  %zero = arith.constant 0.0 : f32
  %row_h = tile.alloc : !tile.buffer<64xi64, local>
  %row_q = tile.alloc : !tile.buffer<64xi64, local>
  %first = tile.alloc : !tile.buffer<64xi64, local>
  %last = tile.alloc : !tile.buffer<64xi64, local>
  %q = tile.alloc : !tile.buffer<64x5xf32, local, col_major>
  %s = tile.alloc : !tile.buffer<64x40xf32, local, col_major>
  %seen = tile.alloc : !tile.buffer<64x40xi1, local, col_major>
  %acc = tile.alloc : !tile.buffer<64x6xf32, local, col_major>
  %total = tile.alloc : !tile.buffer<64xf32, local>
  tile.fill %acc, %zero : !tile.buffer<64x6xf32, local, col_major>, f32
  tile.fill %total, %zero : !tile.buffer<64xf32, local>, f32
  %c5 = arith.constant 5 : i64
  tile.generic rows(64) cols(%c5) outs(%q : !tile.buffer<64x5xf32, local, col_major>) {
    %r = tile.index 0
    %c = tile.index 1
    %sum = arith.addi %r, %c : i64
    %x = arith.sitofp %sum : i64 to f32
    tile.yield %x : f32
  }
  tile.generic rows(64) outs(%row_h, %row_q : !tile.buffer<64xi64, local>, !tile.buffer<64xi64, local>) {
    %r = tile.index 0
    tile.yield %c0, %r : i64, i64
  }
  tile.generic rows(64) cols(%n) outs(%seen : !tile.buffer<64x40xi1, local, col_major>) {
    %r = tile.index 0
    %c = tile.index 1
    %from = tile.lookup %lo[%r] : !tile.buffer<?xi64, global> -> i64
    %to = tile.lookup %hi[%r] : !tile.buffer<?xi64, global> -> i64
    %after = arith.cmpi sle, %from, %c : i64
    %before = arith.cmpi slt, %c, %to : i64
    %both = arith.andi %after, %before : i1
    tile.yield %both : i1
  }
  tile.spans %first, %last of %seen cols(%n) group 32 : !tile.buffer<64xi64, local>, !tile.buffer<64x40xi1, local, col_major>
  tile.generic rows(64) ins(%first, %last : !tile.buffer<64xi64, local>, !tile.buffer<64xi64, local>) outs(%firsts, %lasts : !tile.buffer<64xi64, global>, !tile.buffer<64xi64, global>) {
  ^bb0(%a: i64, %z: i64):
    tile.yield %a, %z : i64, i64
  }
  %keys = tile.slice %k[%c0, %c0] sizes(%n) : !tile.buffer<?x5xf32, global> -> !tile.buffer<?x5xf32, global>
  %values = tile.slice %v[%c0, %c0] sizes(%n) : !tile.buffer<?x6xf32, global> -> !tile.buffer<?x6xf32, global>
  tile.dot %s, %q, %keys within(%first, %last : !tile.buffer<64xi64, local>, !tile.buffer<64xi64, local>) transpose_b : !tile.buffer<64x40xf32, local, col_major>, !tile.buffer<64x5xf32, local, col_major>, !tile.buffer<?x5xf32, global>
  tile.generic rows(64) cols(%n) within(%first, %last : !tile.buffer<64xi64, local>, !tile.buffer<64xi64, local>) ins(%s, %seen : !tile.buffer<64x40xf32, local, col_major>, !tile.buffer<64x40xi1, local, col_major>) outs(%s : !tile.buffer<64x40xf32, local, col_major>) reduces(%total : !tile.buffer<64xf32, local>) combiners [#tile.combiner<add>] {
  ^bb0(%x: f32, %see: i1):
    %w = arith.select %see, %x, %zero : f32
    tile.yield %w, %w : f32, f32
  }
  tile.generic rows(64) ins(%total : !tile.buffer<64xf32, local>) outs(%sums : !tile.buffer<64xf32, global>) {
  ^bb0(%x: f32):
    tile.yield %x : f32
  }
  tile.dot %acc, %s, %values within(%first, %last : !tile.buffer<64xi64, local>, !tile.buffer<64xi64, local>) accumulate : !tile.buffer<64x6xf32, local, col_major>, !tile.buffer<64x40xf32, local, col_major>, !tile.buffer<?x6xf32, global>
  tile.scatter %o[%c0, %row_h, %row_q], %acc count(%c64) : !tile.buffer<?x?x?x6xf32, global>, !tile.buffer<64x6xf32, local, col_major>, !tile.buffer<64xi64, local>
  tile.return
}
)";

/// Rows that see some of n keys at random: few of them, or none, so that spans end anywhere in the tile.
void check_spans(const CpuKernels& kernels, std::int64_t n, std::mt19937_64& random) {
  std::vector<std::int64_t> lo(64), hi(64), first(64, -1), last(64, -1);
  std::int64_t start[2], width[2];
  for (int g = 0; g < 2; ++g)
    start[g] = std::int64_t(random() % std::uint64_t(n)), width[g] = std::int64_t(random() % 9);
  for (std::size_t r = 0; r < 64; ++r) {
    lo[r] = start[r / 32] + std::int64_t(random() % 4);
    hi[r] = std::min(n, lo[r] + std::int64_t(random() % std::uint64_t(1 + width[r / 32])));
  }
  std::vector<float> k(std::size_t(n * 5)), v(std::size_t(n * 6)), o(64 * 6, -7), sums(64); // integers: exact
  for (float& x : k)
    x = float(random() % 5) - 2;
  for (float& x : v)
    x = float(random() % 5) - 2;
  kernels.run("spans", {{"lo", memory(lo.data(), {64})},
                        {"hi", memory(hi.data(), {64})},
                        {"k", memory(k.data(), {n, 5})},
                        {"v", memory(v.data(), {n, 6})},
                        {"n", {std::uint64_t(n)}},
                        {"first", memory(first.data(), {64})},
                        {"last", memory(last.data(), {64})},
                        {"sums", memory(sums.data(), {64})},
                        {"o", memory(o.data(), {1, 1, 64, 6})}});
  for (std::size_t r = 0; r < 64; ++r) {
    std::int64_t a = n, z = 0;
    for (std::size_t other = r / 32 * 32; other < r / 32 * 32 + 32; ++other)
      if (lo[other] < hi[other])
        a = std::min(a, lo[other]), z = std::max(z, hi[other]);
    ASSERT_EQ(first[r], std::min(a, z)) << "row " << r << " of " << n << " keys";
    ASSERT_EQ(last[r], z) << "row " << r << " of " << n << " keys";
    float total = 0, expected[6] = {};
    for (std::size_t key = std::size_t(lo[r]); key < std::size_t(std::max(lo[r], hi[r])); ++key) {
      float score = 0;
      for (std::size_t i = 0; i < 5; ++i)
        score += float(r + i) * k[key * 5 + i];
      total += score;
      for (std::size_t c = 0; c < 6; ++c)
        expected[c] += score * v[key * 6 + c];
    }
    ASSERT_EQ(sums[r], total) << "row " << r << " of " << n << " keys";
    for (std::size_t c = 0; c < 6; ++c)
      ASSERT_EQ(o[r * 6 + c], expected[c]) << "row " << r << ", column " << c << " of " << n << " keys";
  }
}

TEST_P(CpuLowering, WorkWithinSpansMissesNoKey) {
  Result<CpuKernels> kernels = CpuKernels::compile(spans_kernel, GetParam());
  ASSERT_TRUE(kernels) << kernels.error().text();
  std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (std::int64_t n : {1, 2, 7, 31, 32, 33, 39, 40})
    for (int i = 0; i < 20; ++i)
      check_spans(*kernels, n, random);
}

// ---- which keys
// ------------------------------------------------------------------------------------------------

const char* const summary_kernels = R"(
tile.kernel @summarize(%x: !tile.buffer<?x?x$type, global> {tile.name = "x"}, %s: !tile.buffer<?x?x2xi64, global> {tile.name = "s"}) {
  %row = tile.block_index
  tile.summarize %s, %x row %row block 4 : !tile.buffer<?x?x2xi64, global>, !tile.buffer<?x?x$type, global>
  tile.return
}
tile.kernel @query(%x: !tile.buffer<?x?x$type, global> {tile.name = "x"}, %s: !tile.buffer<?x?x2xi64, global> {tile.name = "s"},
                   %lo: !tile.buffer<?xi64, global> {tile.name = "lo"}, %hi: !tile.buffer<?xi64, global> {tile.name = "hi"},
                   %row: i64 {tile.name = "param.row"}, %out: !tile.buffer<?x2x16xi64, global> {tile.name = "out"}) {
  %i = tile.block_index
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %a = tile.lookup %lo[%i] : !tile.buffer<?xi64, global> -> i64
  %z = tile.lookup %hi[%i] : !tile.buffer<?xi64, global> -> i64
  %min, %max = tile.range_of %s of %x[%row] from %a to %z block 4 : !tile.buffer<?x?x2xi64, global>, !tile.buffer<?x?x$type, global>
  %least = tile.slice %out[%i, %c0, %c0] : !tile.buffer<?x2x16xi64, global> -> !tile.buffer<16xi64, global>
  %most = tile.slice %out[%i, %c1, %c0] : !tile.buffer<?x2x16xi64, global> -> !tile.buffer<16xi64, global>
  tile.generic rows(16) outs(%least, %most : !tile.buffer<16xi64, global>, !tile.buffer<16xi64, global>) {
    tile.yield %min, %max : i64, i64
  }
  tile.return
}
)";

/// Answers must be the bounds of whole blocks of 4 that cover [lo, hi], clamped.
template <class T> void check_summaries(const CpuKernels& kernels, std::int64_t n, std::mt19937_64& random) {
  std::int64_t rows = 3, stride = n + 5, slots = 1; // levels above 0, and room for one pair where n is 0
  for (std::int64_t count = n; count > 1; count = (count + 3) / 4)
    slots += (count + 3) / 4;
  std::vector<T> x(std::size_t(rows * stride));
  for (T& v : x)
    v = T(std::int64_t(random()) >> (random() % 32 + (sizeof(T) == 4 ? 32 : 0)));
  std::vector<std::int64_t> s(std::size_t(rows * slots * 2), 77);
  Argument source = memory(x.data(), {rows, n}, {stride, 1}), summary = memory(s.data(), {rows, slots, 2});
  kernels.run("summarize", {{"x", source}, {"s", summary}}, std::uint64_t(rows));
  std::vector<std::int64_t> lo, hi;
  for (int i = 0; i < 60; ++i) {
    std::int64_t a = std::int64_t(random() % std::uint64_t(n + 4)) - 2,
                 b = std::int64_t(random() % std::uint64_t(n + 4)) - 2;
    lo.push_back(std::min(a, b)), hi.push_back(std::max(a, b));
  }
  std::int64_t queries = std::int64_t(lo.size());
  std::vector<std::int64_t> out(std::size_t(queries * 32));
  for (std::int64_t row = 0; row < rows; ++row) {
    kernels.run("query",
                {{"x", source},
                 {"s", summary},
                 {"lo", memory(lo.data(), {queries})},
                 {"hi", memory(hi.data(), {queries})},
                 {"row", {std::uint64_t(row)}},
                 {"out", memory(out.data(), {queries, 2, 16})}},
                std::uint64_t(queries));
    for (std::size_t i = 0; i < lo.size(); ++i) {
      std::int64_t last = std::max<std::int64_t>(n - 1, 0),
                   first = std::clamp<std::int64_t>(lo[i], 0, last) / 4 * 4;
      std::int64_t past = std::min(std::clamp<std::int64_t>(hi[i], 0, last) / 4 * 4 + 4, n),
                   least = n ? Limits::max() : 0, most = n ? Limits::min() : 0;
      for (std::int64_t k = first; k < past; ++k) {
        least = std::min<std::int64_t>(least, x[std::size_t(row * stride + k)]);
        most = std::max<std::int64_t>(most, x[std::size_t(row * stride + k)]);
      }
      ASSERT_EQ(out[i * 32], least) << n << " elements, [" << lo[i] << ", " << hi[i] << "]";
      ASSERT_EQ(out[i * 32 + 16], most) << n << " elements, [" << lo[i] << ", " << hi[i] << "]";
    }
  }
}

TEST_P(CpuLowering, SummariesAnswerLikeALoop) {
  std::mt19937_64 random(3);
  Result<CpuKernels> narrow = compiled(filled(summary_kernels, {{"type", "i32"}}));
  Result<CpuKernels> wide = compiled(filled(summary_kernels, {{"type", "i64"}}));
  ASSERT_TRUE(narrow && wide);
  for (std::int64_t n : {0, 1, 3, 4, 5, 16, 17, 63, 64, 65, 257, 1031})
    check_summaries<std::int32_t>(*narrow, n, random), check_summaries<std::int64_t>(*wide, n, random);
}

const char* const visit_kernel = R"(
tile.kernel @visit(%lo: i64 {tile.name = "param.lo"}, %hi: i64 {tile.name = "param.hi"}, %a: i64 {tile.name = "param.a"}, %z: i64 {tile.name = "param.z"},
                   %out: !tile.buffer<?x3x16xi64, global> {tile.name = "out"}) {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %c2 = arith.constant 2 : i64
  %c8 = arith.constant 8 : i64
  tile.visit keys(%lo to %hi) tile 8 classify {
  ^bb0(%k0: i64, %k1: i64):
    %before = arith.cmpi slt, %k0, %z : i64
    %after = arith.cmpi sgt, %k1, %a : i64
    %any = arith.andi %before, %after : i1
    %from = arith.cmpi sge, %k0, %a : i64
    %to = arith.cmpi sle, %k1, %z : i64
    %all = arith.andi %from, %to : i1
    tile.yield %any, %all : i1, i1
  } body {
  ^bb0(%k0: i64, %n: i64, %full: i1):
    %t = arith.divsi %k0, %c8 : i64
    %is_full = arith.extui %full : i1 to i64
    %first = tile.slice %out[%t, %c0, %c0] : !tile.buffer<?x3x16xi64, global> -> !tile.buffer<16xi64, global>
    %many = tile.slice %out[%t, %c1, %c0] : !tile.buffer<?x3x16xi64, global> -> !tile.buffer<16xi64, global>
    %class = tile.slice %out[%t, %c2, %c0] : !tile.buffer<?x3x16xi64, global> -> !tile.buffer<16xi64, global>
    tile.generic rows(16) outs(%first, %many, %class : !tile.buffer<16xi64, global>, !tile.buffer<16xi64, global>, !tile.buffer<16xi64, global>) {
      tile.yield %k0, %n, %is_full : i64, i64, i64
    }
    tile.yield
  }
  tile.return
}
)";

TEST_P(CpuLowering, VisitsExactlyTheTilesThatAreNotEmpty) {
  Result<CpuKernels> kernels = compiled(visit_kernel);
  ASSERT_TRUE(kernels) << kernels.error().text();
  std::mt19937_64 random(11);
  for (int i = 0; i < 300; ++i) {
    std::int64_t n = std::int64_t(random() % (i % 3 == 0 ? 100000 : 700)) + 1, tiles = n / 8 + 1;
    auto below = [&](std::int64_t bound) { return std::int64_t(random() % std::uint64_t(bound)); };
    std::int64_t lo = below(n), hi = lo + below(n - lo + 1), a = below(n),
                 z = a + below(std::min<std::int64_t>(n - a, 90) + 1);
    std::vector<std::int64_t> out(std::size_t(tiles * 48), -1);
    kernels->run("visit", {{"lo", {std::uint64_t(lo)}},
                           {"hi", {std::uint64_t(hi)}},
                           {"a", {std::uint64_t(a)}},
                           {"z", {std::uint64_t(z)}},
                           {"out", memory(out.data(), {tiles, 3, 16})}});
    for (std::int64_t t = 0; t < tiles; ++t) {
      std::int64_t k0 = std::max(lo, t * 8), k1 = std::min(hi, t * 8 + 8), expected[3] = {-1, -1, -1};
      if (k0 < k1 && k0 < z && k1 > a)
        expected[0] = k0, expected[1] = k1 - k0, expected[2] = k0 >= a && k1 <= z;
      for (int j = 0; j < 3; ++j)
        ASSERT_EQ(out[std::size_t(t * 48 + j * 16)], expected[j])
            << "tile " << t << " of [" << lo << ", " << hi << "), visible [" << a << ", " << z << ")";
    }
  }
}

} // namespace
} // namespace attile::test
