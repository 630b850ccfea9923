// Scalar regions: each operation has one meaning for all inputs, also where arith leaves it open.
#include "compiler/reference/program.h"
#include "tests/unit/reference_support.h"

#include <cmath>
#include <fmt/core.h>
#include <limits>

using namespace attile;
using namespace attile::reference;

namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();

/// Decodes a region over (%a: i64, %b: i64, %x: f32, %y: f32) that defines %r of `type`.
Result<Program> decode(const std::string& body, const std::string& type) {
  static std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules; // regions live as long as their programs
  modules.push_back(attile::testing::parse(fmt::format(
      R"mlir("test.region"() ({{ ^bb0(%a: i64, %b: i64, %x: f32, %y: f32): {} attn.yield %r : {} }}) : () -> ())mlir",
      body, type)));
  return Program::decode(modules.back()->front().getRegion(0), {true, false, true, true}, Bindings());
}
Scalar run(const std::string& body, const std::string& type, int64_t a, int64_t b, double x = 0,
           double y = 0) {
  Result<Program> program = decode(body, type);
  if (!program) {
    ADD_FAILURE() << program.error().text();
    return {};
  }
  return program->evaluate(std::vector<Scalar>{a, b, x, y})[0];
}
int64_t integer(const std::string& op, int64_t a, int64_t b) {
  return std::get<int64_t>(run("%r = " + op, "i64", a, b));
}
double number(const std::string& op, double x, double y = 0) {
  return std::get<double>(run("%r = " + op, "f32", 0, 0, x, y));
}

TEST(Program, DivisionFloorsAndNeverTraps) {
  EXPECT_EQ(integer("attn.floordiv %a, %b", -7, 2), -4);
  EXPECT_EQ(integer("attn.floordiv %a, %b", 7, -2), -4);
  EXPECT_EQ(integer("attn.floordiv %a, %b", 7, 0), 0);
  EXPECT_EQ(integer("attn.floordiv %a, %b", kMin, -1), kMin);
  EXPECT_EQ(integer("attn.floormod %a, %b", -7, 3), 2);
  EXPECT_EQ(integer("attn.floormod %a, %b", 7, -3), -2);
  EXPECT_EQ(integer("attn.floormod %a, %b", 7, 0), 0);
  EXPECT_EQ(integer("attn.floormod %a, %b", kMin, -1), 0);
  EXPECT_EQ(integer("arith.divsi %a, %b : i64", -7, 2), -3);
  EXPECT_EQ(integer("arith.remsi %a, %b : i64", -7, 2), -1);
  EXPECT_EQ(integer("arith.ceildivsi %a, %b : i64", 7, 2), 4);
}

TEST(Program, DivisionAgreesWithTheDialect) {
  for (int64_t a : {kMin, int64_t{-9}, int64_t{-1}, int64_t{0}, int64_t{5}, kMax})
    for (int64_t b : {kMin, int64_t{-4}, int64_t{-1}, int64_t{0}, int64_t{3}, kMax}) {
      EXPECT_EQ(integer("attn.floordiv %a, %b", a, b), attn::floorDiv(a, b)) << a << ' ' << b;
      EXPECT_EQ(integer("attn.floormod %a, %b", a, b), attn::floorMod(a, b)) << a << ' ' << b;
    }
}

TEST(Program, IntegersWrapAround) {
  EXPECT_EQ(integer("arith.addi %a, %b : i64", kMax, 1), kMin);
  EXPECT_EQ(integer("arith.muli %a, %b : i64", kMax, 2), -2);
  EXPECT_EQ(integer("math.absi %a : i64", kMin, 0), kMin);
}

TEST(Program, ConversionsSaturate) {
  auto convert = [](double x) {
    return std::get<int64_t>(run("%r = arith.fptosi %x : f32 to i64", "i64", 0, 0, x));
  };
  EXPECT_EQ(convert(-2.9), -2);
  EXPECT_EQ(convert(1e30), kMax);
  EXPECT_EQ(convert(-INFINITY), kMin);
  EXPECT_EQ(convert(NAN), 0);
  EXPECT_EQ(std::get<bool>(run("%r = arith.trunci %a : i64 to i1", "i1", 3, 0)), true);
}

TEST(Program, MaximaAndNaN) {
  EXPECT_EQ(number("arith.maxnumf %x, %y : f32", NAN, 2), 2);
  EXPECT_EQ(number("arith.maxnumf %x, %y : f32", 2, NAN), 2);
  EXPECT_EQ(number("arith.minnumf %x, %y : f32", 3, 2), 2);
  EXPECT_TRUE(std::isnan(number("arith.maximumf %x, %y : f32", 2, NAN)));
}

TEST(Program, ComparisonsOfFloats) {
  auto compare = [](const char* predicate, double x, double y) {
    return std::get<bool>(run(fmt::format("%r = arith.cmpf {}, %x, %y : f32", predicate), "i1", 0, 0, x, y));
  };
  const char* const ordered[] = {"oeq", "ogt", "oge", "olt", "ole", "one"};
  const char* const unordered[] = {"ueq", "ugt", "uge", "ult", "ule", "une"};
  const bool less[] = {false, false, false, true, true, true},
             equal[] = {true, false, true, false, true, false};
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(compare(ordered[i], 1, 2), less[i]) << ordered[i];
    EXPECT_EQ(compare(unordered[i], 1, 2), less[i]) << unordered[i];
    EXPECT_EQ(compare(ordered[i], 2, 2), equal[i]) << ordered[i];
    EXPECT_EQ(compare(unordered[i], 2, 2), equal[i]) << unordered[i];
    EXPECT_FALSE(compare(ordered[i], NAN, 2)) << ordered[i];
    EXPECT_TRUE(compare(unordered[i], NAN, 2)) << unordered[i];
  }
  EXPECT_TRUE(compare("uno", NAN, 1));
  EXPECT_FALSE(compare("uno", 1, 1));
  EXPECT_TRUE(compare("ord", 1, 1));
}

TEST(Program, Branches) {
  const char* body = R"mlir(%c = arith.cmpi slt, %a, %b : i64
    %r = scf.if %c -> (f32) { scf.yield %x : f32 } else { %z = arith.negf %y : f32  scf.yield %z : f32 })mlir";
  EXPECT_EQ(std::get<double>(run(body, "f32", 1, 2, 5, 6)), 5);
  EXPECT_EQ(std::get<double>(run(body, "f32", 2, 1, 5, 6)), -6);
}

TEST(Program, UniformValuesReachEveryLane) {
  // %b is uniform: (b * b) is computed once and read by all lanes.
  Result<Program> program = decode("%s = arith.muli %b, %b : i64\n %r = arith.addi %a, %s : i64", "i64");
  ASSERT_TRUE(program);
  Frame frame(*program, 8);
  std::vector<int64_t> a = {1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<double> x(8);
  frame.bind(0, a.data());
  frame.bind(2, x.data());
  frame.bind(3, x.data());
  for (int64_t b : {3, 4}) {
    frame.set(1, b);
    frame.run(8);
    for (int64_t lane = 0; lane < 8; ++lane)
      EXPECT_EQ(frame.ints(0)[lane], a[lane] + b * b);
  }
}

TEST(Program, SaysWhatItDoesNotKnow) {
  Result<Program> program = decode("%r = math.cbrt %x : f32", "f32");
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().message, "the reference interpreter does not know 'math.cbrt'");
  program = decode("%t = arith.trunci %a : i64 to i32\n %r = arith.extsi %t : i32 to i64", "i64");
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().message, "the reference interpreter has no values of type i32 ('arith.trunci')");
}

} // namespace
