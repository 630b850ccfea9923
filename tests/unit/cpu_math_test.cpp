// Elementary functions as the CPU lowering emits them, against double, over sweeps of all f32.
#include "tests/unit/cpu_kernels.h"

#include <bit>
#include <cmath>
#include <cstdio>
#include <functional>
#include <gtest/gtest.h>
#include <limits>

namespace attile::test {
namespace {

constexpr int rows = 64;
constexpr double inf = std::numeric_limits<double>::infinity();

struct Function {
  const char* name;
  const char* body; ///< of %a to %r
  double (*reference)(double);
  double ulps;                ///< allowed error, in units in the last place of the exact result
  double lo = -inf, hi = inf; ///< where that is promised; elsewhere only that NaN stays NaN
};

/// Powers that would be subnormal are 0.
double flushed(double power) { return std::abs(power) < 0x1p-126 ? 0 : power; }

const Function functions[] = {
    {"exp", "%r = math.exp %a : f32", [](double x) { return flushed(std::exp(x)); }, 2},
    {"exp2", "%r = math.exp2 %a : f32", [](double x) { return flushed(std::exp2(x)); }, 2},
    {"log", "%r = math.log %a : f32", [](double x) { return std::log(x); }, 2},
    {"tanh", "%r = math.tanh %a : f32", [](double x) { return std::tanh(x); }, 8},
    {"sigmoid",
     "%n = arith.negf %a : f32\n %e = math.exp %n : f32\n %one = arith.constant 1.0 : f32\n"
     "%d = arith.addf %one, %e : f32\n %r = arith.divf %one, %d : f32",
     [](double x) { return 1 / (1 + std::exp(-x)); }, 4, -87, inf},
    {"sqrt", "%r = math.sqrt %a : f32", [](double x) { return std::sqrt(x); }, 0.5001},
    {"rsqrt", "%r = math.rsqrt %a : f32", [](double x) { return 1 / std::sqrt(x); }, 1.5},
    {"floor", "%r = math.floor %a : f32", [](double x) { return std::floor(x); }, 0},
    {"sin", "%r = math.sin %a : f32", [](double x) { return std::sin(x); }, 4, -65536, 65536},
    {"cos", "%r = math.cos %a : f32", [](double x) { return std::cos(x); }, 4, -65536, 65536},
};

/// Each function on the lanes of a vector, and on a scalar that all rows share.
std::string kernels_of(const Function& f) {
  std::string name = f.name, body = f.body;
  return "tile.kernel @" + name + R"(_rows(%x: !tile.buffer<?x64xf32, global> {tile.name = "x"},
                    %y: !tile.buffer<?x64xf32, global> {tile.name = "y"}) {
    %b = tile.block_index
    %c0 = arith.constant 0 : i64
    %xs = tile.slice %x[%b, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    %ys = tile.slice %y[%b, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    tile.generic rows(64) ins(%xs : !tile.buffer<64xf32, global>) outs(%ys : !tile.buffer<64xf32, global>) {
    ^bb0(%a: f32):
      )" +
         body + R"(
      tile.yield %r : f32
    }
    tile.return
  }
  tile.kernel @)" +
         name + R"(_once(%x: !tile.buffer<?xf32, global> {tile.name = "x"},
                    %y: !tile.buffer<?x64xf32, global> {tile.name = "y"}) {
    %b = tile.block_index
    %c0 = arith.constant 0 : i64
    %ys = tile.slice %y[%b, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    tile.generic rows(64) outs(%ys : !tile.buffer<64xf32, global>) {
      %a = tile.lookup %x[%b] : !tile.buffer<?xf32, global> -> f32
      )" +
         body + R"(
      tile.yield %r : f32
    }
    tile.return
  }
  )";
}

/// In units in the last place of `exact` as an f32; 0 if both are NaN or the same infinity.
double ulps(float got, double exact) {
  float rounded = float(exact);
  if (std::isnan(got) || std::isnan(rounded))
    return std::isnan(got) == std::isnan(rounded) ? 0 : inf;
  if (got == rounded)
    return std::isinf(got) || exact == got
               ? 0
               : std::abs(double(got) - exact) * std::exp2(149 - std::max(0, std::ilogb(exact) + 126));
  double value = std::isinf(got) ? std::copysign(0x1p128, got) : got; // just past the largest number
  if (std::isinf(rounded) && std::abs(exact) > 0x1.00001p128)
    return inf;
  return std::abs(value - exact) * std::exp2(149 - std::max(0, std::ilogb(exact) + 126));
}

std::vector<float> special_values() {
  std::vector<float> values;
  for (float x : {0.0f,
                  0x1p-149f,
                  0x1p-130f,
                  0x1p-126f,
                  0x1.fffffep-127f,
                  0x1p-30f,
                  0.25f,
                  0.5f,
                  1.0f,
                  1.5f,
                  2.0f,
                  10.0f,
                  87.3f,
                  88.72283f,
                  88.73f,
                  89.1f,
                  103.9f,
                  104.1f,
                  127.5f,
                  128.0f,
                  149.0f,
                  150.4f,
                  151.0f,
                  8388607.5f,
                  0x1p24f,
                  1e10f,
                  0x1.fffffep127f,
                  std::numeric_limits<float>::infinity()})
    for (float near : {x, std::nextafter(x, 0.0f), std::nextafter(x, 1e38f)})
      values.insert(values.end(), {near, -near});
  values.push_back(std::numeric_limits<float>::quiet_NaN());
  values.push_back(-std::numeric_limits<float>::quiet_NaN());
  return values;
}

/// Every `step`-th bit pattern, and the special values, in whole rows.
std::vector<float> sweep(std::uint64_t step) {
  std::vector<float> values = special_values();
  for (std::uint64_t bits = 0; bits < (std::uint64_t(1) << 32); bits += step)
    values.push_back(std::bit_cast<float>(std::uint32_t(bits)));
  values.resize((values.size() + rows - 1) / rows * rows);
  return values;
}

class CpuMath : public testing::TestWithParam<const char*> {
protected:
  void SetUp() override {
    if (!can_run(GetParam()))
      GTEST_SKIP() << "this machine does not run " << GetParam();
  }
  static Result<CpuKernels> compiled(const std::string& text) {
    return CpuKernels::compile(text, GetParam());
  }
};
INSTANTIATE_TEST_SUITE_P(Targets, CpuMath, testing::ValuesIn(cpu_targets));

void check(const Function& f, const std::string& where, const std::vector<float>& x,
           const std::vector<float>& y, std::size_t stride) {
  double worst = 0;
  float at = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    float got = y[i * stride];
    bool promised = x[i] >= f.lo && x[i] <= f.hi;
    double error = std::isnan(x[i]) || promised ? ulps(got, f.reference(x[i])) : 0;
    if (error > worst)
      worst = error, at = x[i];
  }
  std::printf("%-8s %-16s worst %.3g ulp at %a\n", f.name, where.c_str(), worst, double(at));
  EXPECT_LE(worst, f.ulps) << f.name << " " << where << " at " << at;
}

TEST_P(CpuMath, FunctionsOfOneNumber) {
  std::string text;
  for (const Function& f : functions)
    text += kernels_of(f);
  Result<CpuKernels> kernels = compiled(text);
  ASSERT_TRUE(kernels) << kernels.error().text();
  std::vector<float> x = sweep(4099), few = sweep(1048583), y(x.size()), all(few.size() * rows);
  for (const Function& f : functions) {
    std::int64_t blocks = std::int64_t(x.size()) / rows;
    kernels->run(std::string(f.name) + "_rows",
                 {{"x", memory(x.data(), {blocks, rows})}, {"y", memory(y.data(), {blocks, rows})}},
                 std::uint64_t(blocks));
    check(f, std::string(GetParam()) + " rows", x, y, 1);
    std::int64_t count = std::int64_t(few.size());
    kernels->run(std::string(f.name) + "_once",
                 {{"x", memory(few.data(), {count})}, {"y", memory(all.data(), {count, rows})}},
                 std::uint64_t(count));
    check(f, std::string(GetParam()) + " once", few, all, rows);
  }
}

struct Binary {
  const char* name;
  const char* op;
  double (*reference)(double, double);
  double ulps;
};

/// fmax, but NaN if either is.
double maximum(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::fmax(a, b); }
double minimum(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::fmin(a, b); }

const Binary binaries[] = {
    {"maxnum", "arith.maxnumf", [](double a, double b) { return std::fmax(a, b); }, 0},
    {"minnum", "arith.minnumf", [](double a, double b) { return std::fmin(a, b); }, 0},
    {"maximum", "arith.maximumf", maximum, 0},
    {"minimum", "arith.minimumf", minimum, 0},
};

std::string kernel_of(const std::string& name, const std::string& body) {
  return "tile.kernel @" + name + R"((%x: !tile.buffer<?x64xf32, global> {tile.name = "x"},
                    %y: !tile.buffer<?x64xf32, global> {tile.name = "y"},
                    %z: !tile.buffer<?x64xf32, global> {tile.name = "z"}) {
    %n = tile.block_index
    %c0 = arith.constant 0 : i64
    %one = arith.constant 1.0 : f32
    %xs = tile.slice %x[%n, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    %ys = tile.slice %y[%n, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    %zs = tile.slice %z[%n, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    tile.generic rows(64) ins(%xs, %ys : !tile.buffer<64xf32, global>, !tile.buffer<64xf32, global>) outs(%zs : !tile.buffer<64xf32, global>) {
    ^bb0(%a: f32, %b: f32):
      )" +
         body + R"(
      tile.yield %r : f32
    }
    tile.return
  }
  )";
}

/// All pairs of special values.
struct Pairs {
  std::vector<float> x, y, z;
  explicit Pairs(const std::vector<float>& values) {
    for (float a : values)
      for (float b : values)
        x.push_back(a), y.push_back(b);
    x.resize((x.size() + rows - 1) / rows * rows);
    y.resize(x.size());
    z.resize(x.size());
  }
  void run(const CpuKernels& kernels, const std::string& kernel) {
    std::int64_t blocks = std::int64_t(x.size()) / rows;
    kernels.run(kernel,
                {{"x", memory(x.data(), {blocks, rows})},
                 {"y", memory(y.data(), {blocks, rows})},
                 {"z", memory(z.data(), {blocks, rows})}},
                std::uint64_t(blocks));
  }
};

TEST_P(CpuMath, ExtremaOfAllPairsAndOfConstants) {
  std::string text;
  for (const Binary& f : binaries) {
    std::string op = f.op;
    text += kernel_of(f.name, "%r = " + op + " %a, %b : f32");
    text += kernel_of(std::string(f.name) + "_left", "%r = " + op + " %one, %b : f32");
    text += kernel_of(std::string(f.name) + "_right", "%r = " + op + " %a, %one : f32");
  }
  Result<CpuKernels> kernels = compiled(text);
  ASSERT_TRUE(kernels) << kernels.error().text();
  Pairs pairs(special_values());
  for (const Binary& f : binaries)
    for (std::string side : {"", "_left", "_right"}) {
      pairs.run(*kernels, f.name + side);
      for (std::size_t i = 0; i < pairs.x.size(); ++i) {
        double a = side == "_left" ? 1 : pairs.x[i], b = side == "_right" ? 1 : pairs.y[i];
        ASSERT_EQ(ulps(pairs.z[i], f.reference(a, b)), 0) << f.name << side << " of " << a << " and " << b;
      }
    }
}

/// a / b of rows a and divisors b, which `divisor` gives, with one column.
std::string quotient_of(const std::string& name, const std::string& divisor, const std::string& result) {
  return "tile.kernel @" + name + R"((%x: !tile.buffer<?x64xf32, global> {tile.name = "x"},
                    %y: !tile.buffer<?x64xf32, global> {tile.name = "y"},
                    %z: !tile.buffer<?x64xf32, global> {tile.name = "z"}) {
    %n = tile.block_index
    %c0 = arith.constant 0 : i64
    %c1 = arith.constant 1 : i64
    %zero = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : f32
    %t = tile.alloc : !tile.buffer<64x2xf32, local, col_major>
    %sum = tile.alloc : !tile.buffer<64xf32, local>
    tile.fill %sum, %zero : !tile.buffer<64xf32, local>, f32
    %xs = tile.slice %x[%n, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    %ys = tile.slice %y[%n, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    %zs = tile.slice %z[%n, %c0] : !tile.buffer<?x64xf32, global> -> !tile.buffer<64xf32, global>
    tile.generic rows(64) cols(%c1) ins(%xs, %ys : !tile.buffer<64xf32, global>, !tile.buffer<64xf32, global>) outs(%t : !tile.buffer<64x2xf32, local, col_major>) reduces(%sum : !tile.buffer<64xf32, local>) combiners [#tile.combiner<add>] {
    ^bb0(%row: f32, %byrow: f32):
      %j = tile.index 1
      %column = arith.sitofp %j : i64 to f32
      %factor = arith.addf %one, %column : f32
      %a = arith.mulf %row, %factor : f32
      %uniform = tile.lookup %y[%n, %c0] : !tile.buffer<?x64xf32, global> -> f32
      %q = arith.divf %a, )" +
         divisor + " : f32\n" + result + R"(
      tile.yield %r, %r : f32, f32
    }
    tile.copy %zs, %sum : !tile.buffer<64xf32, global>, !tile.buffer<64xf32, local>
    tile.return
  }
  )";
}

TEST_P(CpuMath, QuotientsByUniformsAndByRows) {
  const std::string same = "%r = arith.mulf %q, %one : f32", floor = "%r = math.floor %q : f32";
  std::string text;
  for (std::string divisor : {"uniform", "byrow"})
    text += quotient_of(divisor, "%" + divisor, same) + quotient_of(divisor + "_floor", "%" + divisor, floor);
  Result<CpuKernels> kernels = compiled(text);
  ASSERT_TRUE(kernels) << kernels.error().text();
  // Blocks of one divisor: beside all special values, multiples of it, whose quotients are whole.
  Pairs pairs({});
  std::vector<float> values = special_values();
  for (float x : {1e38f, -1e38f, 3e38f, 1e-38f, 0x1p-127f, 7.0f, 49.0f, 50.0f, 1e20f, 1e-20f})
    values.push_back(x);
  values.resize((values.size() + rows - 1) / rows * rows, 1.0f);
  for (float divisor : values) {
    pairs.x.insert(pairs.x.end(), values.begin(), values.end());
    for (int factor = 1; factor <= rows; ++factor)
      pairs.x.push_back(float(factor) * divisor);
    pairs.y.resize(pairs.x.size(), divisor);
  }
  pairs.z.resize(pairs.x.size());
  for (std::string divisor : {"uniform", "byrow"}) {
    double worst = 0;
    pairs.run(*kernels, divisor);
    for (std::size_t i = 0; i < pairs.x.size(); ++i) {
      double error = ulps(pairs.z[i], double(pairs.x[i]) / double(pairs.y[i]));
      ASSERT_LE(error, 1.5) << divisor << " " << pairs.x[i] << " / " << pairs.y[i] << " is not "
                            << pairs.z[i];
      worst = std::max(worst, error);
    }
    std::printf("/ %-8s %-14s worst %.3g ulp\n", divisor.c_str(), GetParam(), worst);
    pairs.run(*kernels, divisor + "_floor");
    for (std::size_t i = 0; i < pairs.x.size(); ++i)
      ASSERT_EQ(ulps(pairs.z[i], std::floor(double(pairs.x[i] / pairs.y[i]))), 0)
          << divisor << " floor of " << pairs.x[i] << " / " << pairs.y[i] << " is not " << pairs.z[i];
  }
}

TEST_P(CpuMath, Powers) {
  Result<CpuKernels> kernels = compiled(kernel_of("pow", "%r = math.powf %a, %b : f32"));
  ASSERT_TRUE(kernels) << kernels.error().text();
  std::vector<float> values = {0.0f,   0x1p-149f, 1e-30f, 0.001f, 0.5f,  0.7f,  0.999f, 1.0f,
                               1.001f, 1.7f,      2.0f,   3.0f,   10.0f, 63.0f, 1e5f,   1e20f};
  for (std::size_t i = 0, n = values.size(); i < n; ++i)
    values.push_back(-values[i]);
  values.push_back(std::numeric_limits<float>::quiet_NaN());
  Pairs pairs(values);
  pairs.run(*kernels, "pow");
  double worst = 0;
  for (std::size_t i = 0; i < pairs.x.size(); ++i) {
    if (pairs.x[i] == 0 && std::signbit(pairs.x[i]))
      continue; // taken for +0
    double a = pairs.x[i], b = pairs.y[i], exact = flushed(std::pow(a, b));
    // The logarithm is rounded to f32 before it is multiplied: the error grows with that of the result.
    double size = std::isfinite(float(exact)) && exact != 0 ? std::abs(std::log2(std::abs(exact))) : 0;
    double error = ulps(pairs.z[i], exact);
    ASSERT_LE(error, 4 + 2 * size) << a << " ^ " << b << " is " << exact << ", not " << pairs.z[i];
    worst = std::max(worst, error);
  }
  std::printf("pow      %-16s worst %.3g ulp\n", GetParam(), worst);
}

} // namespace
} // namespace attile::test
