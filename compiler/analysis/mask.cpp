#include "compiler/analysis/mask.h"

#include "compiler/analysis/mask_solve.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attile::analysis;
using namespace attile::analysis::detail;

namespace attile::analysis::detail {
/// Everything about one box: what was emitted for its rows is found by later evaluators.
class RowState {
public:
  RowState(const MaskTree& tree, Location loc, const RowBox& box, MaskHost& host)
      : tree(tree), loc(loc), box(box), host(host) {}

  const MaskTree& tree;
  Location loc;
  RowBox box;
  MaskHost& host;
  Known rows;
  Value keyCount;
};
} // namespace attile::analysis::detail

// ---- RowFacts -----------------------------------------------------------------------------------

RowFacts::RowFacts(std::unique_ptr<RowState> state) : state(std::move(state)) {}
RowFacts::~RowFacts() = default;
RowFacts::RowFacts(RowFacts&&) noexcept = default;
RowFacts& RowFacts::operator=(RowFacts&&) noexcept = default;

KeyRange RowFacts::emitKeyRange(OpBuilder& builder) {
  Emit emit(builder, state->loc);
  Value count = state->keyCount, zero = emit.i64(0), last = emit.add(count, -1);
  Evaluator forward(emit, state->box, state->host, {zero, emit.max(last, zero)}, &state->rows);
  Solver::Keys keys = Solver(forward, last).solve(state->tree.root(), true);
  // hi + 1 cannot wrap: hi is cut to the last key first.
  Value hi = keys.hi ? emit.add(emit.max(emit.min(keys.hi, last), emit.i64(-1)), 1) : count;
  Value lo = keys.lo ? emit.min(emit.max(keys.lo, zero), hi) : zero;
  return {lo, hi};
}

TileClass RowFacts::emitClassify(OpBuilder& builder, Value k0, Value k1) {
  Emit emit(builder, state->loc);
  Evaluator evaluator(emit, state->box, state->host, {k0, emit.add(k1, -1)}, &state->rows);
  return evaluator.truth(state->tree.root());
}

// ---- MaskAnalysis -------------------------------------------------------------------------------

MaskAnalysis::MaskAnalysis(Region& mask, MaskOptions options)
    : tree(std::make_unique<MaskTree>(mask, options)) {}
MaskAnalysis::~MaskAnalysis() = default;

ArrayRef<Value> MaskAnalysis::summarizedTensors() const { return tree->summarized().getArrayRef(); }

bool MaskAnalysis::alwaysVisible() const {
  return tree->root()->kind == Kind::Constant && tree->root()->constant;
}

/// Emits what depends on the rows only and is read by something that depends on the key, or is the result.
static void emitRows(const MaskTree& tree, Evaluator& evaluator) {
  auto visit = [&](const Expr* expr) {
    if (expr->usesKey || expr->isConstant())
      return;
    if (expr->type.isInteger(64))
      evaluator.integer(expr);
    else if (expr->type.isInteger(1))
      evaluator.truth(expr);
    else
      evaluator.real(expr);
  };
  for (const Expr& expr : tree.nodes()) {
    if (!expr.usesKey)
      continue;
    if (expr.kind == Kind::Affine) // its terms are read through their sum
      evaluator.modular(expr.rowPart);
    else
      llvm::for_each(expr.operands, visit);
  }
  visit(tree.root());
}

RowFacts MaskAnalysis::emitRowFacts(OpBuilder& builder, Location loc, const RowBox& box,
                                    MaskHost& host) const {
  auto state = std::make_unique<RowState>(*tree, loc, box, host);
  state->keyCount = host.size(builder, loc, "kv_len");
  Evaluator evaluator(Emit(builder, loc), state->box, host, {}, nullptr);
  emitRows(*tree, evaluator);
  state->rows = std::move(evaluator.known);
  return RowFacts(std::move(state));
}
