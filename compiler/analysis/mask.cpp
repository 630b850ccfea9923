#include "compiler/analysis/mask.h"

#include "compiler/analysis/mask_solve.h"

#include "llvm/ADT/STLExtras.h"

#include <array>

using namespace mlir;
using namespace attile::analysis;
using namespace attile::analysis::detail;

namespace attile::analysis::detail {
/// Rows of a box (or of a part of it), and what was emitted for them.
struct Rows {
  RowBox box;
  Known known;
};

class RowState {
public:
  RowState(const MaskTree& tree, Location loc, const RowBox& box, MaskHost& host)
      : tree(tree), loc(loc), host(host), whole{box, Known()} {}

  const MaskTree& tree;
  Location loc;
  MaskHost& host;
  Rows whole;
  SmallVector<Rows, 3> parts; ///< empty unless the rows are split
  Value keyCount;
};
} // namespace attile::analysis::detail

Known Known::withoutRows() const {
  Known result;
  auto keep = [](const auto& from, auto& to) {
    for (const auto& entry : from)
      if (!entry.first->usesRow)
        to.insert(entry);
  };
  keep(exact, result.exact);
  keep(modular, result.modular);
  keep(integers, result.integers);
  keep(reals, result.reals);
  keep(truths, result.truths);
  return result;
}

/// Cuts a range where the quotient of `split` changes: the first run, whole runs, the last run. The parts may
/// overlap but cover the range and nothing else.
static std::array<Interval, 3> cut(Evaluator& points, const Split& split, Interval range) {
  Emit& emit = points.emit;
  Value offset = points.exact(split.offset), divisor = emit.max(points.exact(split.divisor), emit.i64(1));
  Value first = emit.floorDiv(emit.add(range.lo, offset), divisor);
  Value last = emit.floorDiv(emit.add(range.hi, offset), divisor);
  // Dividends are below the limit: a greater divisor acts like it, and its multiples do not wrap.
  Value step = emit.min(divisor, emit.i64(kSafe / 2));
  Value firstEnd = emit.min(range.hi, emit.add(emit.sub(emit.mul(emit.add(first, 1), step), offset), -1));
  Value lastBegin = emit.max(range.lo, emit.sub(emit.mul(last, step), offset));
  Value lo = emit.add(firstEnd, 1), hi = emit.add(lastBegin, -1), some = emit.lessEqual(lo, hi);
  return {Interval{range.lo, firstEnd},
          Interval{emit.select(some, lo, range.lo), emit.select(some, hi, range.lo)},
          Interval{lastBegin, range.hi}};
}

// ---- RowFacts -----------------------------------------------------------------------------------

RowFacts::RowFacts(std::unique_ptr<RowState> state) : state(std::move(state)) {}
RowFacts::~RowFacts() = default;
RowFacts::RowFacts(RowFacts&&) noexcept = default;
RowFacts& RowFacts::operator=(RowFacts&&) noexcept = default;

KeyRange RowFacts::emitKeyRange(OpBuilder& builder) {
  Emit emit(builder, state->loc);
  Value count = state->keyCount, zero = emit.i64(0), last = emit.add(count, -1);
  Evaluator forward(emit, state->whole.box, state->host, {zero, emit.max(last, zero)}, &state->whole.known);
  Solver::Keys keys = Solver(forward, last).solve(state->tree.root(), true);
  // hi + 1 cannot wrap: hi is cut to the last key first.
  Value hi = keys.hi ? emit.add(emit.max(emit.min(keys.hi, last), emit.i64(-1)), 1) : count;
  Value lo = keys.lo ? emit.min(emit.max(keys.lo, zero), hi) : zero;
  return {lo, hi};
}

TileClass RowFacts::emitClassify(OpBuilder& builder, Value k0, Value k1) {
  Emit emit(builder, state->loc);
  auto evaluator = [&](const Rows& rows, Interval keys) {
    return Evaluator(emit, rows.box, state->host, keys, &rows.known);
  };
  SmallVector<Interval, 3> keys{{k0, emit.add(k1, -1)}};
  if (auto& split = state->tree.keySplit()) {
    Evaluator points = evaluator(state->whole, keys[0]);
    auto parts = cut(points, *split, keys[0]);
    keys.assign(parts.begin(), parts.end());
  }
  TileClass result;
  for (Interval part : keys) {
    Known shared; // what depends on the keys alone
    for (const Rows& rows :
         state->parts.empty() ? ArrayRef<Rows>(state->whole) : ArrayRef<Rows>(state->parts)) {
      Evaluator cell = evaluator(rows, part);
      cell.known = std::move(shared);
      Truth truth = cell.truth(state->tree.root());
      shared = cell.known.withoutRows();
      result.any = result.any ? emit.either(result.any, truth.any) : truth.any;
      result.all = result.all ? emit.both(result.all, truth.all) : truth.all;
    }
  }
  return result;
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
  if (auto& split = tree.keySplit()) {
    evaluator.exact(split->offset);
    evaluator.exact(split->divisor);
  }
}

RowFacts MaskAnalysis::emitRowFacts(OpBuilder& builder, Location loc, const RowBox& box,
                                    MaskHost& host) const {
  auto state = std::make_unique<RowState>(*tree, loc, box, host);
  state->keyCount = host.size(builder, loc, "kv_len");
  Emit emit(builder, loc);
  Evaluator whole(emit, state->whole.box, host, {}, nullptr);
  emitRows(*tree, whole);
  bool isSplit = tree->rowSplit() && box.qLo != box.qHi;
  if (isSplit)
    for (Interval part : cut(whole, *tree->rowSplit(), {box.qLo, box.qHi}))
      state->parts.push_back({{box.b, box.hLo, box.hHi, box.kvH, part.lo, part.hi}, Known()});
  for (Rows& rows : state->parts) {
    Evaluator evaluator(emit, rows.box, host, {}, nullptr);
    evaluator.known = whole.known.withoutRows();
    emitRows(*tree, evaluator);
    rows.known = std::move(evaluator.known);
  }
  state->whole.known = std::move(whole.known);
  return RowFacts(std::move(state));
}
