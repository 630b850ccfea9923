// Integer expressions of a plan: values, the edges of 64 bits, and how they read.
#include <attile/expr.h>
#include <cmath>
#include <gtest/gtest.h>

namespace attile::plan {
namespace {

const Symbols symbols = {{"x", 7}, {"y", -3}, {"zero", 0}, {"low", INT64_MIN}, {"high", INT64_MAX}};

std::int64_t value(const Expr& expr) {
  Result<std::int64_t> result = evaluate(expr, symbols);
  EXPECT_TRUE(result) << to_string(expr) << ": " << result.error().message;
  return result ? *result : 0;
}

std::string error(const Expr& expr) {
  Result<std::int64_t> result = evaluate(expr, symbols);
  EXPECT_FALSE(result) << to_string(expr);
  return result ? "" : result.error().message;
}

TEST(Expr, DivisionFloors) {
  for (std::int64_t a = -13; a <= 13; ++a)
    for (std::int64_t b : {-5, -1, 1, 2, 5}) {
      double exact = static_cast<double>(a) / static_cast<double>(b);
      EXPECT_EQ(value(floordiv(a, b)), static_cast<std::int64_t>(std::floor(exact))) << a << "/" << b;
      EXPECT_EQ(value(ceildiv(a, b)), static_cast<std::int64_t>(std::ceil(exact))) << a << "/" << b;
      EXPECT_EQ(value(mod(a, b)), a - b * static_cast<std::int64_t>(std::floor(exact))) << a << "%" << b;
    }
  EXPECT_EQ(value(round_up(sym("x"), 4)), 8);
}

TEST(Expr, ComparesAndSelects) {
  EXPECT_EQ(value(sym("x") - sym("y") * 2 + 1), 14);
  EXPECT_EQ(value(min(sym("x"), sym("y"))), -3);
  EXPECT_EQ(value(max(sym("x"), sym("y"))), 7);
  EXPECT_EQ(value(lt(sym("y"), sym("x"))), 1);
  EXPECT_EQ(value(le(sym("x"), 7)), 1);
  EXPECT_EQ(value(eq(sym("x"), 8)), 0);
  EXPECT_EQ(value(select(lt(sym("x"), 0), 10, 20)), 20);
  EXPECT_EQ(value(both(sym("x"), sym("y"))), 1);
  EXPECT_EQ(value(both(sym("x"), sym("zero"))), 0);
  EXPECT_EQ(value(either(sym("zero"), sym("zero"))), 0);
  EXPECT_EQ(value(either(sym("zero"), sym("y"))), 1);
}

TEST(Expr, EvaluatesOnlyWhatIsNeeded) {
  Expr bad = floordiv(1, sym("zero"));
  EXPECT_EQ(value(select(1, 5, bad)), 5);
  EXPECT_EQ(value(select(0, bad, 6)), 6);
  EXPECT_EQ(value(both(0, bad)), 0);
  EXPECT_EQ(value(either(2, bad)), 1);
  EXPECT_EQ(error(both(1, bad)), "division by zero in 1 && floordiv(1, zero)");
}

TEST(Expr, OverflowIsAnError) {
  EXPECT_EQ(error(sym("high") + 1), "high + 1 does not fit 64 bits");
  EXPECT_EQ(error(sym("low") - 1), "low - 1 does not fit 64 bits");
  EXPECT_EQ(error(sym("high") * 2), "high * 2 does not fit 64 bits");
  EXPECT_EQ(error(floordiv(sym("low"), -1)), "floordiv(low, -1) does not fit 64 bits");
  EXPECT_EQ(error(ceildiv(sym("low"), -1)), "ceildiv(low, -1) does not fit 64 bits");
  EXPECT_EQ(value(mod(sym("low"), -1)), 0);
  EXPECT_EQ(error(mod(1, 0)), "division by zero in mod(1, 0)");
  EXPECT_EQ(value(ceildiv(sym("high"), 2)), INT64_MAX / 2 + 1);
}

TEST(Expr, UnknownSymbolsAndAbsurdSizesAreErrors) {
  EXPECT_EQ(error(sym("nobody")), "unknown symbol 'nobody' in an expression");
  Expr deep = 1;
  for (int i = 0; i < 1000; ++i)
    deep = deep + 1;
  EXPECT_NE(error(deep).find("expression is too large"), std::string::npos);
  Expr wide = sym("zero"); // a tree of 2^60 nodes, shared
  for (int i = 0; i < 60; ++i)
    wide = wide + wide;
  Result<std::int64_t> result = evaluate(wide, symbols);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("expression is too large"), std::string::npos);
}

TEST(Expr, ReadsAsWritten) {
  Expr x = sym("x"), y = sym("y");
  EXPECT_EQ(to_string(x * (y + 1) - (x - y)), "x * (y + 1) - (x - y)");
  EXPECT_EQ(to_string(select(lt(x, y), ceildiv(x, 64), 0)), "x < y ? ceildiv(x, 64) : 0");
  EXPECT_EQ(to_string(both(either(x, y), eq(x, 1))), "(x || y) && x == 1");
  EXPECT_EQ(to_string(select(x, 1, 2) + 1), "(x ? 1 : 2) + 1");
}

} // namespace
} // namespace attile::plan
