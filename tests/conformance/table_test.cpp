// The samples of the conformance table cover what they promise.
#include "tests/conformance/table.h"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <set>

namespace attile::conformance {
namespace {

using Pair = std::array<std::size_t, 4>;
using Triple = std::array<std::size_t, 3>;

std::set<Pair> pairs_of(const std::vector<Case>& cases) {
  std::set<Pair> pairs;
  for (const Case& c : cases)
    for (std::size_t a = 0; a < num_axes; ++a)
      for (std::size_t b = a + 1; b < num_axes; ++b)
        pairs.insert({a, c[a], b, c[b]});
  return pairs;
}

std::set<Triple> products_of(const std::vector<Case>& cases) {
  std::set<Triple> products;
  for (const Case& c : cases)
    products.insert({c[variant], c[dtype], c[shape]});
  return products;
}

class Samples : public testing::TestWithParam<std::uint64_t> {
protected:
  Table table = *Table::load(ATTILE_SOURCE "/tests/conformance/table.json");

  bool all_allowed(const std::vector<Case>& cases) const {
    return std::all_of(cases.begin(), cases.end(), [&](const Case& c) { return table.allows(c); });
  }
};

TEST_P(Samples, PairwiseHasEveryAllowedPairInFewCases) {
  std::vector<Case> cases = table.pairwise(GetParam());
  EXPECT_TRUE(all_allowed(cases));
  EXPECT_EQ(pairs_of(cases), pairs_of(table.all()));
  EXPECT_LT(cases.size(), 400u);
}

TEST_P(Samples, FullHasEveryVariantTypeAndShapeAndEveryPair) {
  std::vector<Case> cases = table.full(GetParam());
  std::set<Triple> products = products_of(table.all());
  EXPECT_EQ(products.size(), table.variants.size() * table.axes[dtype].size() * table.axes[shape].size());
  EXPECT_TRUE(all_allowed(cases));
  EXPECT_EQ(products_of(cases), products);
  EXPECT_EQ(pairs_of(cases), pairs_of(table.all()));
  EXPECT_LT(cases.size(), products.size() + 40); // hardly anything has to be added
}

TEST_P(Samples, AreTheSameForTheSameSeedAndOthersForAnother) {
  EXPECT_EQ(table.full(GetParam()), table.full(GetParam()));
  EXPECT_NE(table.full(GetParam()), table.full(GetParam() + 1));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Samples, testing::Values(1, 2, 20261130));

} // namespace
} // namespace attile::conformance
