// The accuracy measure: what it accepts and what it does not.
#include "compiler/reference/accuracy.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attile;
using namespace attile::reference;

namespace {

/// Two rows of two channels, with lse.
struct Case {
  RowResults reference;
  std::vector<Row> rows = {{0, 0, 0}, {0, 0, 1}};
  std::vector<float> o = {1, -2, 3, 4}, lse = {0.5f, -INFINITY};

  Case() {
    reference.outputs = {{"o", 2, {1, -2, 3, 4}}, {"lse", 1, {0.5, -INFINITY}}};
    reference.maxAbsScore = {1, 2};
  }
  Accuracy compare() {
    Result<Accuracy> result = reference::compare(
        reference, rows,
        {{"o", ConstTensorView(o.data(), {1, 1, 2, 2})}, {"lse", ConstTensorView(lse.data(), {1, 1, 2})}});
    EXPECT_TRUE(result);
    return *result;
  }
};

TEST(Accuracy, ExactIsGood) {
  Accuracy accuracy = Case().compare();
  EXPECT_EQ(accuracy.relErr, 0);
  EXPECT_EQ(accuracy.lseErr, 0);
  EXPECT_DOUBLE_EQ(accuracy.bound, 2e-6);
  EXPECT_TRUE(accuracy.ok());
}

TEST(Accuracy, MeasuresTheNormOfTheError) {
  Case c;
  c.o[0] = 1.25f;
  Accuracy accuracy = c.compare();
  EXPECT_NEAR(accuracy.relErr, 0.25 / std::sqrt(30.0), 1e-12);
  EXPECT_DOUBLE_EQ(accuracy.maxAbsErr, 0.25);
  EXPECT_FALSE(accuracy.ok());
}

TEST(Accuracy, LargeScoresAllowMore) {
  Case c;
  c.reference.maxAbsScore = {1, 1600};
  c.o[0] = 1 + 1e-4f;
  EXPECT_DOUBLE_EQ(c.compare().bound, 2e-4);
  EXPECT_TRUE(c.compare().ok());
}

TEST(Accuracy, SixteenBitOutputsAreBoundByTheirRounding) {
  Case c;
  c.reference.outputs[0].values = {1.001, -2.002, 3.003, 4.004};
  std::vector<bf16> stored;
  double rounding = 0, norm = 0;
  for (double x : c.reference.outputs[0].values) {
    stored.push_back(to_bf16(static_cast<float>(x)));
    rounding += std::pow(to_f32(stored.back()) - x, 2);
    norm += x * x;
  }
  auto compare = [&] {
    return *reference::compare(c.reference, c.rows, {{"o", ConstTensorView(stored.data(), {1, 1, 2, 2})}});
  };
  EXPECT_NEAR(compare().relErr, std::sqrt(rounding / norm), 1e-12);
  EXPECT_NEAR(compare().bound, 1.5 * std::sqrt(rounding / norm) + 2e-6, 1e-12);
  EXPECT_TRUE(compare().ok());
  stored[3].bits += 1; // one unit in the last place off
  EXPECT_FALSE(compare().ok());
}

TEST(Accuracy, InfinitiesAndNaNMustMatch) {
  Case c;
  c.lse[1] = -1e30f;
  ASSERT_TRUE(c.compare().nonFiniteMismatch);
  EXPECT_EQ(c.compare().nonFiniteMismatch->q, 1);
  EXPECT_FALSE(c.compare().ok());
  Case d;
  d.o[2] = NAN;
  EXPECT_FALSE(d.compare().ok());
}

TEST(Accuracy, ABoundThatAcceptsAnythingVerifiesNothing) {
  Case c;
  c.reference.maxAbsScore = {1, 5e22};
  Accuracy accuracy = c.compare();
  EXPECT_TRUE(accuracy.agrees());
  EXPECT_FALSE(accuracy.ok());
  EXPECT_NE(accuracy.unverified.find("scores reach 5.0e+22"), std::string::npos) << accuracy.unverified;
  c.reference.maxAbsScore = {1, 7.9e4}; // not quite 1e-2
  EXPECT_TRUE(c.compare().ok());
}

TEST(Accuracy, NumbersBeyondF32AreNotOurs) {
  Case c;
  c.o[1] = INFINITY;
  EXPECT_TRUE(c.compare().unverified.empty()); // a wrong result
  c.reference.maxAbsState = {1, 1e44};
  EXPECT_NE(c.compare().unverified.find("reach 1.0e+44"), std::string::npos);
  c.o[1] = -2;
  EXPECT_TRUE(c.compare().ok()); // they do not matter
}

TEST(Accuracy, RefusesTheWrongShape) {
  Case c;
  std::vector<float> o(6);
  Result<Accuracy> result =
      reference::compare(c.reference, c.rows, {{"o", ConstTensorView(o.data(), {1, 1, 2, 3})}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "output 'o' has shape [1, 1, 2, 3], expected 2 channels");
}

} // namespace
