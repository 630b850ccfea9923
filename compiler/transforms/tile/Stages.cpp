//===- Stages.cpp - where in a pipeline of stages a run of its body is ------------------===//
#include "compiler/transforms/tile/Stages.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace attile {

Value wholeNumber(OpBuilder& b, Location loc, int64_t value, unsigned bits) {
  return arith::ConstantIntOp::create(b, loc, value, bits);
}

StageAt::StageAt(OpBuilder& b, Location loc, Value count, int64_t stages) {
  Value many = wholeNumber(b, loc, stages, 32), two = wholeNumber(b, loc, 2, 32);
  auto position = [&](Value value) { return arith::ExtSIOp::create(b, loc, b.getI64Type(), value); };
  Value round = arith::DivSIOp::create(b, loc, count, many);
  stage = position(arith::RemSIOp::create(b, loc, count, many));
  parity = position(arith::RemSIOp::create(b, loc, round, two));
}

Value StageAt::countOf(Value stage) {
  auto position = stage.getDefiningOp<arith::ExtSIOp>();
  auto rest = position ? position.getIn().getDefiningOp<arith::RemSIOp>() : nullptr;
  return rest ? rest.getLhs() : Value();
}

Value tileOfStage(OpBuilder& b, Location loc, Value buffers, Value stage, Type tile) {
  Value zero = wholeNumber(b, loc, 0);
  return tile::SliceOp::create(b, loc, tile, buffers, ValueRange{stage, zero, zero}, ValueRange());
}

} // namespace attile
