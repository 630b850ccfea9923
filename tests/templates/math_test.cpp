// math.cuh against float64.
#include "device.h"

#include <cmath>

namespace attile::test {
namespace {

struct Function {
  std::string name;
  double (*exact)(double);
  double low, high; ///< where it is tried
};

// In units of 2^-24 of the result: half a unit in the last place, at most.
constexpr double bound = 4e-7;

std::vector<float> between(double low, double high, int count) {
  std::vector<float> x = {static_cast<float>(low), static_cast<float>(high)};
  std::uniform_real_distribution<double> uniform(low, high);
  for (int i = 0; i < count; ++i) {
    const double value = uniform(random());
    x.push_back(static_cast<float>(value));
    const double small = std::ldexp(value, -static_cast<int>(random()() % 30)); // near zero, too
    if (small >= low && small <= high)
      x.push_back(static_cast<float>(small));
  }
  return x;
}

std::string unary_kernel(const std::vector<std::string>& names) {
  std::string text = R"(#include "attile/math.cuh"
extern "C" __global__ void test(const float* x, long long n, float* y) {
  for (long long i = threadIdx.x; i < n; i += blockDim.x) {
)";
  for (std::size_t f = 0; f < names.size(); ++f)
    text += "    y[" + std::to_string(f) + " * n + i] = attile::math::" + names[f] + "(x[" +
            std::to_string(f) + " * n + i]);\n";
  return text + "  }\n}\n";
}

TEST(Math, IsAccurate) {
  NEEDS_NVRTC;
  const std::vector<Function> functions = {
      {"exp2", [](double x) { return std::exp2(x); }, -125.5, 128},
      {"inverse", [](double x) { return 1 / x; }, -1e30, 1e30},
      {"exp", [](double x) { return std::exp(x); }, -87, 88.7},
      {"log", [](double x) { return std::log(x); }, 1e-38, 10},
      {"log2", [](double x) { return std::log2(x); }, 1e-38, 1e30},
      {"tanh", [](double x) { return std::tanh(x); }, -12, 12},
      {"sqrt", [](double x) { return std::sqrt(x); }, 0, 1e30},
      {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, 1e-30, 1e30},
      {"sin", [](double x) { return std::sin(x); }, -1e6, 1e6},
      {"cos", [](double x) { return std::cos(x); }, -1e6, 1e6},
      {"floor", [](double x) { return std::floor(x); }, -100, 100},
      {"ceil", [](double x) { return std::ceil(x); }, -100, 100},
      {"trunc", [](double x) { return std::trunc(x); }, -100, 100},
      {"roundeven", [](double x) { return std::nearbyint(x); }, -100, 100},
      {"abs", [](double x) { return std::abs(x); }, -100, 100},
  };
  std::vector<std::string> names;
  std::vector<std::vector<float>> inputs;
  std::size_t n = 0;
  for (const Function& f : functions) {
    names.push_back(f.name);
    inputs.push_back(between(f.low, f.high, 2000));
    n = std::max(n, inputs.back().size());
  }
  std::vector<float> x;
  for (auto& input : inputs) {
    input.resize(n, input.back());
    x.insert(x.end(), input.begin(), input.end());
  }
  everywhere({unary_kernel(names)}, [&](Device& device) {
    const u64 out = device.output<float>(x.size());
    device.run({device.upload(x), n, out});
    const auto y = device.download<float>(out, x.size());
    for (std::size_t f = 0; f < functions.size(); ++f) {
      double worst = 0, where = 0;
      for (std::size_t i = f * n; i < (f + 1) * n; ++i) {
        const double exact = functions[f].exact(x[i]);
        double error = std::abs(y[i] - exact) / std::max(std::abs(exact), 1e-37);
        if (std::isinf(y[i]) && std::abs(exact) > 3.4028235e38)
          error = 0;
        if (!(error <= worst))
          worst = error, where = x[i];
      }
      EXPECT_LE(worst, bound) << functions[f].name << " of " << where;
    }
  });
}

TEST(Math, PowersAndPairs) {
  NEEDS_NVRTC;
  const Kernel kernel = {R"(#include "attile/math.cuh"
extern "C" __global__ void test(const float* a, const float* b, long long n, float* y) {
  for (long long i = threadIdx.x; i < n; i += blockDim.x) {
    y[i] = attile::math::pow(a[i], b[i]);
    y[n + i] = attile::math::maximum(a[i], b[i]);
    y[2 * n + i] = attile::math::minimum(a[i], b[i]);
    y[3 * n + i] = attile::math::maxnum(a[i], b[i]);
    y[4 * n + i] = attile::math::minnum(a[i], b[i]);
    y[5 * n + i] = attile::math::copysign(a[i], b[i]);
  }
})"};
  std::vector<float> a = between(-20, 20, 1000), b = between(-20, 20, 1000);
  for (float special : {0.0f, 1.0f, -1.0f, INFINITY, -INFINITY, NAN, 2.5f, -3.0f})
    for (float other : {0.0f, 1.0f, INFINITY, NAN, -2.0f, 3.0f, 0.5f})
      a.push_back(special), b.push_back(other);
  for (int i = 0; i < 200; ++i)
    a.push_back(a[static_cast<std::size_t>(i)]), b.push_back(std::floor(b[static_cast<std::size_t>(i)]));
  const std::size_t n = std::min(a.size(), b.size());
  a.resize(n), b.resize(n);
  everywhere(kernel, [&](Device& device) {
    const u64 out = device.output<float>(6 * n);
    device.run({device.upload(a), device.upload(b), n, out});
    const auto y = device.download<float>(out, 6 * n);
    const auto same = [](float x, float other) { return x == other || (std::isnan(x) && std::isnan(other)); };
    for (std::size_t i = 0; i < n; ++i) {
      const double power = std::pow(double(a[i]), double(b[i]));
      if (std::isfinite(power) && std::abs(power) < 3e38)
        ASSERT_LE(std::abs(y[i] - power), 5e-7 * std::abs(power) + 1e-44) << a[i] << " ^ " << b[i];
      else
        ASSERT_TRUE(same(y[i], static_cast<float>(power))) << a[i] << " ^ " << b[i];
      const bool nan = std::isnan(a[i]) || std::isnan(b[i]);
      ASSERT_TRUE(same(y[n + i], nan ? NAN : std::fmax(a[i], b[i])));
      ASSERT_TRUE(same(y[2 * n + i], nan ? NAN : std::fmin(a[i], b[i])));
      ASSERT_TRUE(same(y[3 * n + i], std::fmax(a[i], b[i])));
      ASSERT_TRUE(same(y[4 * n + i], std::fmin(a[i], b[i])));
      ASSERT_TRUE(same(y[5 * n + i], std::copysign(a[i], b[i])));
    }
  });
}

TEST(Math, SpecialValues) {
  NEEDS_NVRTC;
  const std::vector<std::string> names = {"exp2", "exp",   "log", "log2", "tanh",
                                          "sqrt", "rsqrt", "sin", "cos",  "inverse"};
  const std::vector<float> values = {0.0f, -INFINITY, INFINITY, NAN, -1e30f, 1e30f, 1e-45f, -0.0f};
  const float inf = INFINITY, nan = NAN, any = -12345; // any: not looked at
  const std::vector<std::vector<float>> wanted = {
      {1, 0, inf, nan, 0, inf, 1, 1},
      {1, 0, inf, nan, 0, inf, 1, 1},
      {-inf, nan, inf, nan, nan, any, any, -inf},
      {-inf, nan, inf, nan, nan, any, -149, -inf},
      {0, -1, 1, nan, -1, 1, any, 0},
      {0, nan, inf, nan, nan, any, any, 0},
      {inf, nan, 0, nan, nan, any, any, any},
      {0, nan, nan, nan, any, any, any, 0},
      {1, nan, nan, nan, any, any, 1, 1},
      {inf, -0.0f, 0, nan, any, any, inf, -inf},
  };
  const std::size_t n = values.size();
  std::vector<float> x;
  for (std::size_t f = 0; f < names.size(); ++f)
    x.insert(x.end(), values.begin(), values.end());
  everywhere({unary_kernel(names)}, [&](Device& device) {
    const u64 out = device.output<float>(x.size());
    device.run({device.upload(x), n, out});
    const auto y = device.download<float>(out, x.size());
    for (std::size_t f = 0; f < names.size(); ++f)
      for (std::size_t i = 0; i < n; ++i) {
        if (const float expected = wanted[f][i]; std::isnan(expected)) {
          EXPECT_TRUE(std::isnan(y[f * n + i])) << names[f] << " of " << values[i] << " is " << y[f * n + i];
        } else if (expected != any) {
          EXPECT_EQ(y[f * n + i], expected) << names[f] << " of " << values[i];
        }
      }
  });
}

} // namespace
} // namespace attile::test
