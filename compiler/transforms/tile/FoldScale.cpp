//===- FoldScale.cpp - exp2's multiply-add scales the scores --------------------------------===//
#include "compiler/transforms/tile/FoldScale.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/SetVector.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace attile {
namespace {

std::optional<float> constantOf(Value value) {
  APFloat number(0.0F);
  if (!value.getType().isF32() || !matchPattern(value, m_ConstantFloat(&number)))
    return std::nullopt;
  return number.convertToFloat();
}

/// A generic that scales a tile in place, and keeps the greatest of each row.
struct Scaling {
  tile::GenericOp generic;
  arith::MulFOp product; ///< x * c
  float factor = 0;
};

/// What `generic` reads of `buffer`, if it reads it once.
BlockArgument elementOf(tile::GenericOp generic, Value buffer) {
  BlockArgument found;
  for (auto [input, argument] : llvm::zip(generic.getInputs(), generic.getBody().getArguments()))
    if (input == buffer) {
      if (found)
        return {};
      found = argument;
    }
  return found;
}

std::optional<Scaling> scalingOf(tile::GenericOp generic, Value buffer) {
  BlockArgument x = elementOf(generic, buffer);
  if (!x || !x.hasOneUse() || generic.getOutputs().size() != 1 || generic.getOutputs()[0] != buffer ||
      generic.getReduces().size() != 1 ||
      cast<tile::CombinerAttr>((*generic.getCombiners())[0]).getValue() != tile::Combiner::Max)
    return std::nullopt;
  Operation* yield = generic.getBody().front().getTerminator();
  Value stored = yield->getOperand(0);
  if (stored != yield->getOperand(1))
    return std::nullopt;
  if (auto select = stored.getDefiningOp<arith::SelectOp>()) {
    std::optional<float> hidden = constantOf(select.getFalseValue());
    if (!hidden || *hidden != -std::numeric_limits<float>::infinity())
      return std::nullopt;
    stored = select.getTrueValue();
  }
  auto product = stored.getDefiningOp<arith::MulFOp>();
  std::optional<float> factor =
      product && product.getLhs() == x ? constantOf(product.getRhs()) : std::nullopt;
  bool hasOtherUses = product && !llvm::all_of(product->getUsers(), [&](Operation* user) {
                        return user == yield || user == yield->getOperand(0).getDefiningOp();
                      });
  if (!factor || hasOtherUses || !(*factor > 0) || !std::isnormal(*factor))
    return std::nullopt;
  return Scaling{generic, product, *factor};
}

/// The multiply-adds by constants that are all that a generic does with the tile; none if it does more.
std::optional<SmallVector<math::FmaOp>> multiplyAddsOf(tile::GenericOp generic, Value buffer) {
  BlockArgument x = elementOf(generic, buffer);
  if (!x || llvm::is_contained(generic.getOutputs(), buffer))
    return std::nullopt;
  SmallVector<math::FmaOp> found;
  for (Operation* user : x.getUsers()) {
    auto fma = dyn_cast<math::FmaOp>(user);
    if (!fma || fma.getA() != x || fma.getC() == x || !constantOf(fma.getB()))
      return std::nullopt;
    found.push_back(fma);
  }
  return found;
}

Value number(OpBuilder& b, Location loc, float value) {
  return arith::ConstantFloatOp::create(b, loc, b.getF32Type(), APFloat(value));
}

/// The rows' greatest are found of what is not scaled, and scaled themselves.
void leaveOut(const Scaling& scaling, Value raw) {
  tile::GenericOp generic = scaling.generic;
  Location loc = generic.getLoc();
  OpBuilder b(generic);
  tile::FillOp::create(b, loc, raw, number(b, loc, -std::numeric_limits<float>::infinity()));
  Value greatest = generic.getReduces()[0];
  generic.getReducesMutable().assign(raw);
  arith::MulFOp product = scaling.product;
  product.replaceAllUsesWith(product.getLhs());
  product.erase();

  b.setInsertionPointAfter(generic);
  auto rows = tile::GenericOp::create(b, loc, generic.getRows(), Value(), ValueRange(),
                                      ValueRange{greatest, raw}, ValueRange{greatest}, ValueRange(), nullptr);
  Block* body = b.createBlock(&rows.getBody(), {}, {b.getF32Type(), b.getF32Type()}, {loc, loc});
  Value scaled = arith::MulFOp::create(b, loc, body->getArgument(1), number(b, loc, scaling.factor));
  tile::YieldOp::create(b, loc, arith::MaxNumFOp::create(b, loc, body->getArgument(0), scaled).getResult());
}

void fold(tile::AllocOp scores) {
  Value buffer = scores.getResult();
  tile::BufferType type = scores.getType();
  if (type.getRank() != 2 || !type.getElementType().isF32())
    return;
  SmallVector<Scaling> scalings;
  SmallVector<math::FmaOp> multiplyAdds;
  for (Operation* user : llvm::SetVector<Operation*>(buffer.user_begin(), buffer.user_end())) {
    if (auto dot = dyn_cast<tile::DotOp>(user); dot && dot.getAcc() == buffer && !dot.getAccumulate())
      continue;
    auto generic = dyn_cast<tile::GenericOp>(user);
    if (!generic)
      return;
    if (std::optional<Scaling> scaling = scalingOf(generic, buffer))
      scalings.push_back(*scaling);
    else if (auto found = multiplyAddsOf(generic, buffer))
      multiplyAdds.append(*found);
    else
      return;
  }
  if (scalings.empty() || multiplyAdds.empty() ||
      llvm::any_of(scalings, [&](const Scaling& s) { return s.factor != scalings[0].factor; }))
    return;
  OpBuilder b(scores);
  auto ofRows = cast<tile::BufferType>(scalings[0].generic.getReduces()[0].getType());
  Value raw = tile::AllocOp::create(b, scores.getLoc(), ofRows);
  for (const Scaling& scaling : scalings)
    leaveOut(scaling, raw);
  for (math::FmaOp fma : multiplyAdds) {
    b.setInsertionPoint(fma);
    fma.getBMutable().assign(number(b, fma.getLoc(), *constantOf(fma.getB()) * scalings[0].factor));
  }
}

struct FoldScalePass : PassWrapper<FoldScalePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FoldScalePass)
  StringRef getArgument() const override { return "fold-scale"; }
  StringRef getDescription() const override { return "exp2's multiply-add scales the scores"; }
  void runOnOperation() override { foldScale(getOperation()); }
};

} // namespace

void foldScale(ModuleOp module) {
  SmallVector<tile::AllocOp> buffers;
  module.walk([&](tile::AllocOp alloc) { buffers.push_back(alloc); });
  for (tile::AllocOp buffer : buffers)
    fold(buffer);
}

void registerFoldScalePass() { PassRegistration<FoldScalePass>(); }

} // namespace attile
