// Linking: an image needs nothing from outside. And the ranges that decide what is computed in 32 bits.
#include "compiler/backends/cpu/CpuBackend.h"
#include "compiler/transforms/tile/Ranges.h"
#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <random>

namespace attile {
namespace {

class CpuImageTest : public testing::Test {
protected:
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  CpuImageTest() {
    context.loadDialect<mlir::LLVM::LLVMDialect, mlir::arith::ArithDialect, tile::TileDialect>();
  }

  Result<CpuImage> compiled(const char* text) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    return compileImage(*module, *cpuTarget("x86-64-v2"));
  }
};

TEST_F(CpuImageTest, UndefinedSymbolIsNamed) {
  Result<CpuImage> image = compiled(R"(
    llvm.func @kernel(%p: !llvm.ptr, %b: i64, %s: !llvm.ptr) {
      %x = llvm.load %p : !llvm.ptr -> f32
      %y = llvm.intr.fma(%x, %x, %x) : (f32, f32, f32) -> f32
      llvm.store %y, %p : f32, !llvm.ptr
      llvm.return
    })");
  ASSERT_FALSE(image);
  EXPECT_NE(image.error().message.find("'fmaf', which no image contains"), std::string::npos)
      << image.error().message;
}

TEST_F(CpuImageTest, GarbageIsNoObject) {
  EXPECT_FALSE(linkImage({}));
  EXPECT_FALSE(linkImage(std::vector<std::byte>(100, std::byte{0x7f})));
}

// ---- ranges
// ----------------------------------------------------------------------------------------------------

class RangesTest : public CpuImageTest {};

struct RangedOp {
  const char* name;
  std::function<std::int64_t(std::int64_t, std::int64_t)> value;
  bool divides = false, shifts = false;
};

std::int64_t floor_div(std::int64_t x, std::int64_t y) { return x / y - (x % y != 0 && (x < 0) != (y < 0)); }

/// Of small intervals, every pair of values lies in the range that is claimed.
TEST_F(RangesTest, HoldEveryValue) {
  using I = std::int64_t;
  const RangedOp ops[] = {{"arith.addi", std::plus<I>()},
                          {"arith.subi", std::minus<I>()},
                          {"arith.muli", std::multiplies<I>()},
                          {"arith.minsi", [](I x, I y) { return std::min(x, y); }},
                          {"arith.maxsi", [](I x, I y) { return std::max(x, y); }},
                          {"arith.andi", std::bit_and<I>()},
                          {"arith.ori", std::bit_or<I>()},
                          {"arith.xori", std::bit_xor<I>()},
                          {"arith.divsi", std::divides<I>(), true},
                          {"arith.floordivsi", floor_div, true},
                          {"arith.ceildivsi", [](I x, I y) { return -floor_div(-x, y); }, true},
                          {"arith.remsi", std::modulus<I>(), true},
                          {"arith.shrsi", [](I x, I y) { return x >> y; }, false, true}};
  std::mt19937_64 random(5);
  mlir::OpBuilder b(&context);
  mlir::Location loc = b.getUnknownLoc();
  for (const RangedOp& op : ops)
    for (int i = 0; i < 400; ++i) {
      auto interval = [&](bool shift) {
        I lo = I(random() % 21) - (shift ? 0 : 10);
        return IntRange{lo, lo + I(random() % 8)};
      };
      IntRange x = interval(false), y = interval(op.shifts);
      mlir::Block block;
      mlir::Value a = block.addArgument(b.getI64Type(), loc), c = block.addArgument(b.getI64Type(), loc);
      b.setInsertionPointToEnd(&block);
      mlir::OperationState state(loc, op.name, mlir::ValueRange{a, c}, {b.getI64Type()});
      Ranges ranges;
      ranges.set(a, x), ranges.set(c, y);
      IntRange range = ranges.of(b.create(state)->getResult(0));
      for (I u = x.lo; u <= x.hi; ++u)
        for (I v = y.lo; v <= y.hi; ++v)
          if (!op.divides || v != 0) {
            I value = op.value(u, v);
            ASSERT_TRUE(range.lo <= value && value <= range.hi)
                << op.name << " of " << u << " and " << v << " is not in [" << range.lo << ", " << range.hi
                << "]";
          }
    }
}

/// What leaves 64 bits wraps, so nothing is known of it.
TEST_F(RangesTest, GiveUpOnOverflow) {
  mlir::OpBuilder b(&context);
  mlir::Location loc = b.getUnknownLoc();
  mlir::Block block;
  mlir::Value a = block.addArgument(b.getI64Type(), loc);
  b.setInsertionPointToEnd(&block);
  Ranges ranges;
  ranges.set(a, {0, INT64_MAX});
  mlir::Value one = mlir::arith::ConstantIntOp::create(b, loc, 1, 64);
  EXPECT_EQ(ranges.of(mlir::arith::AddIOp::create(b, loc, a, one)).lo, INT64_MIN);
  EXPECT_EQ(ranges.of(mlir::arith::MulIOp::create(b, loc, a, a)).lo, INT64_MIN);
  EXPECT_FALSE(ranges.of(a).narrow());
  ranges.set(a, {INT32_MIN, 0});
  EXPECT_FALSE(ranges.of(a).narrow()); // one less than what a clamped scalar is told from
}

/// A visit's classification gets two positions, its body a position and a count.
TEST_F(RangesTest, KnowWhatAVisitHandsOut) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    tile.kernel @k(%n: i64 {tile.name = "param.n"}) {
      %true = arith.constant true
      %c0 = arith.constant 0 : i64
      tile.visit keys(%c0 to %n) tile 96 classify {
      ^bb0(%k0: i64, %k1: i64):
        tile.yield %true, %true : i1, i1
      } body {
      ^bb0(%k0: i64, %m: i64, %full: i1):
        tile.yield
      }
      tile.return
    })",
                                                        &context);
  ASSERT_TRUE(module);
  module->walk([&](tile::VisitOp visit) {
    Ranges ranges;
    EXPECT_EQ(ranges.of(visit.getClassify().getArgument(0)).hi, kMaxLength);
    EXPECT_EQ(ranges.of(visit.getClassify().getArgument(1)).hi, kMaxLength);
    EXPECT_EQ(ranges.of(visit.getBody().getArgument(0)).hi, kMaxLength);
    EXPECT_EQ(ranges.of(visit.getBody().getArgument(1)).hi, 96);
  });
}

} // namespace
} // namespace attile
