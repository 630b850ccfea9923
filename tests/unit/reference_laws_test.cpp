// The law check finds every mutant of a right monoid.
#include "compiler/reference/laws.h"
#include "tests/unit/reference_support.h"

#include <fmt/core.h>

using namespace attile;
using namespace attile::reference;

namespace {

/// Parts of the online softmax that a mutant replaces.
struct Softmax {
  std::string initM = "0xFF800000", initL = "0.0";
  std::string max = "%m = arith.maxnumf %am, %bm : f32";
  std::string scaleA = "%a = math.exp %ad : f32";
  std::string scaleB = "%b = math.exp %bd : f32";
  std::string out = "%out = arith.divf %o, %l : f32";
  std::string roleL = "sum";
};

std::string text(const Softmax& m) {
  return fmt::format(R"mlir(
attn.monoid @user fields [#attn.field<m : row gauge>, #attn.field<l : row {}>, #attn.field<o : row_dv sum>]
                  outputs [#attn.output<o : row_dv>, #attn.output<max : row>]
identity {{
  %m = arith.constant {} : f32
  %l = arith.constant {} : f32
  %o = arith.constant 0.0 : f32
  attn.yield %m, %l, %o : f32, f32, f32
}} lift {{
^bb0(%s: f32, %v: f32):
  %one = arith.constant 1.0 : f32
  attn.yield %s, %one, %v : f32, f32, f32
}} merge {{
^bb0(%am: f32, %al: f32, %ao: f32, %bm: f32, %bl: f32, %bo: f32):
  {}
  %ad = arith.subf %am, %m : f32
  {}
  %bd = arith.subf %bm, %m : f32
  {}
  %l0 = arith.mulf %al, %a : f32
  %l1 = arith.mulf %bl, %b : f32
  %l = arith.addf %l0, %l1 : f32
  %o0 = arith.mulf %ao, %a : f32
  %o1 = arith.mulf %bo, %b : f32
  %o = arith.addf %o0, %o1 : f32
  attn.yield %m, %l, %o : f32, f32, f32
}} finalize {{
^bb0(%m: f32, %l: f32, %o: f32):
  {}
  attn.yield %out, %m : f32, f32
}})mlir",
                     m.roleL, m.initM, m.initL, m.max, m.scaleA, m.scaleB, m.out);
}

LawReport check(const Softmax& mutant) {
  auto module = attile::testing::parse(text(mutant));
  Result<LawReport> report = checkLaws(attile::testing::firstMonoid(*module));
  EXPECT_TRUE(report);
  return *report;
}

TEST(Laws, SoftmaxHasThem) {
  LawReport report = check({});
  EXPECT_FALSE(report.violation) << report.violation->message;
  EXPECT_FALSE(report.gaugeDependence) << report.gaugeDependence->message;
  EXPECT_TRUE(report.commutative);
}

TEST(Laws, AFiniteInitialMaximumMustBeBelowAllScores) {
  EXPECT_FALSE(check({.initM = "-1.0e30"}).violation);
  EXPECT_TRUE(check({.initM = "-3.0"}).violation); // shows in the output `max`
}

TEST(Laws, ForgottenRescaleIsNotAssociative) {
  LawReport report = check({.scaleB = "%b = arith.constant 1.0 : f32"});
  ASSERT_TRUE(report.violation);
  EXPECT_EQ(report.violation->message, "merge is not associative");
  ASSERT_EQ(report.violation->notes.size(), 5u);
  EXPECT_EQ(report.violation->notes[0].substr(0, 7), "a: m = ") << report.violation->notes[0];
}

TEST(Laws, AnInitialSumThatIsNotZeroIsNotNeutral) {
  LawReport report = check({.initM = "-3.0", .initL = "1.0"});
  ASSERT_TRUE(report.violation);
  EXPECT_EQ(report.violation->message,
            "the initial state is not neutral: merging with it must change nothing");
}

TEST(Laws, AverageIsNotAssociative) {
  EXPECT_TRUE(check({.max = "%sum = arith.addf %am, %bm : f32\n  %half = arith.constant 0.5 : f32\n"
                            "  %m = arith.mulf %sum, %half : f32",
                     .scaleA = "%a = arith.constant 1.0 : f32",
                     .scaleB = "%b = arith.constant 1.0 : f32",
                     .out = "%out = arith.mulf %o, %m : f32"})
                  .violation);
}

TEST(Laws, OutputsThatReadTheGaugeAreFound) {
  LawReport report = check({.out = "%out = arith.addf %o, %m : f32"});
  EXPECT_FALSE(report.violation);
  ASSERT_TRUE(report.gaugeDependence);
  EXPECT_EQ(report.gaugeDependence->message, "outputs depend on the gauge");
}

TEST(Laws, KeepingTheLastIsAssociativeButNotCommutative) {
  LawReport report = check({.max = "%m = arith.addf %bm, %bm : f32",
                            .scaleA = "%a = arith.constant 0.0 : f32",
                            .scaleB = "%b = arith.constant 1.0 : f32"});
  EXPECT_TRUE(report.violation); // m doubles
  report = check({.max = "%zero = arith.constant 0.0 : f32\n  %m = arith.addf %bm, %zero : f32",
                  .scaleA = "%a = arith.constant 0.0 : f32",
                  .scaleB = "%b = arith.constant 1.0 : f32"});
  EXPECT_FALSE(report.commutative);
}

} // namespace
