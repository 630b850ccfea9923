#include "compiler/reference/monoid.h"

#include <cmath>
#include <fmt/core.h>
#include <llvm/ADT/SetVector.h>
#include <mlir/Analysis/SliceAnalysis.h>

namespace attile::reference {
namespace {

/// Whether `value` depends on block arguments, all of which `accept` holds for.
bool readsOnly(mlir::Value value, llvm::function_ref<bool(unsigned)> accept) {
  llvm::SetVector<mlir::Value> work;
  work.insert(value);
  bool any = false;
  for (size_t i = 0; i < work.size(); ++i) {
    if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(work[i])) {
      if (!accept(argument.getArgNumber()))
        return false;
      any = true;
    } else {
      work[i].getDefiningOp()->walk([&](mlir::Operation* op) { work.insert_range(op->getOperands()); });
    }
  }
  return any;
}

/// Decodes one region; a result may differ between channels only if it is of kind row_dv.
Result<void> decodeRegion(attn::MonoidOp op, std::string_view name, mlir::Region& region,
                          llvm::ArrayRef<bool> varying, llvm::ArrayRef<bool> vectorResults,
                          const Bindings& bindings, Program& program) {
  Result<Program> decoded = Program::decode(region, varying, bindings);
  if (!decoded)
    return decoded.error();
  program = std::move(*decoded);
  for (size_t i = 0; i < program.numResults(); ++i)
    if (program.resultVaries(i) && !vectorResults[i])
      return internal_error(
          fmt::format("result {} of the {} of @{} is of kind row, but it depends on the channel", i, name,
                      op.getSymName().str()));
  return {};
}

} // namespace

Result<Monoid> Monoid::decode(attn::MonoidOp op, size_t numValues, const Bindings& bindings) {
  Monoid monoid;
  monoid.symbol = op.getSymName().str();
  monoid.values = numValues;
  monoid.scores = op.getLift().front().getNumArguments() - numValues;
  llvm::SmallVector<bool> vectors; // one a field
  for (unsigned i = 0; i < op.numFields(); ++i) {
    attn::FieldAttr field = op.field(i);
    if (field.getKind() != attn::FieldKind::Row && field.getKind() != attn::FieldKind::RowDv)
      return internal_error(
          fmt::format("the reference interpreter folds row and row_dv fields; '{}' of @{} is {}",
                      field.getName().str(), monoid.symbol, attn::stringifyFieldKind(field.getKind()).str()));
    vectors.push_back(field.getKind() == attn::FieldKind::RowDv);
    monoid.stateFields.push_back(
        {field.getName().str(), vectors.back(), field.getRole() == attn::FieldRole::Gauge});
  }
  mlir::Operation* finalized = op.getFinalize().front().getTerminator();
  for (unsigned i = 0; i < op.numOutputs(); ++i)
    monoid.results.push_back(
        {op.output(i).getName().str(), op.output(i).getKind() == attn::FieldKind::RowDv,
         readsOnly(finalized->getOperand(i), [&](unsigned f) { return monoid.stateFields[f].isGauge; })});

  llvm::SmallVector<bool> lifted(monoid.scores, false), merged = vectors, outputs;
  lifted.resize(monoid.scores + numValues, true);
  merged.append(vectors);
  for (const Output& output : monoid.results)
    outputs.push_back(output.isVector);
  Program identity;
  if (Result<void> done = decodeRegion(op, "identity", op.getIdentity(), {}, vectors, bindings, identity);
      !done)
    return done.error();
  if (Result<void> done = decodeRegion(op, "lift", op.getLift(), lifted, vectors, bindings, monoid.lift);
      !done)
    return done.error();
  if (Result<void> done = decodeRegion(op, "merge", op.getMerge(), merged, vectors, bindings, monoid.merge);
      !done)
    return done.error();
  if (Result<void> done =
          decodeRegion(op, "finalize", op.getFinalize(), vectors, outputs, bindings, monoid.finalize);
      !done)
    return done.error();
  for (const Scalar& value : identity.evaluate({}))
    monoid.identity.push_back(std::get<double>(value));
  return monoid;
}

MonoidMachine::MonoidMachine(const Monoid& monoid, int64_t width)
    : monoid(&monoid), width(width), liftFrame(monoid.lift, width), mergeFrame(monoid.merge, width),
      finalizeFrame(monoid.finalize, width) {
  for (size_t f = 0; f < monoid.stateFields.size(); ++f) {
    offsets.push_back(identityState.size());
    identityState.insert(identityState.end(), fieldSize(f), monoid.identity[f]);
  }
}

void MonoidMachine::lift(std::span<const double> scores, std::span<const double* const> values,
                         State& result) {
  for (size_t i = 0; i < scores.size(); ++i)
    liftFrame.set(i, scores[i]);
  for (size_t i = 0; i < values.size(); ++i)
    liftFrame.bind(scores.size() + i, values[i]);
  liftFrame.run(width);
  store(liftFrame, result);
}

void MonoidMachine::merge(const State& a, const State& b, State& result) {
  load(mergeFrame, 0, a);
  load(mergeFrame, monoid->stateFields.size(), b);
  mergeFrame.run(width);
  store(mergeFrame, result);
}

void MonoidMachine::mergeInto(State& a, const State& b) {
  if (isEmpty(b))
    return;
  if (isEmpty(a)) {
    a = b;
    return;
  }
  merge(a, b, scratch);
  std::swap(a, scratch);
}

bool MonoidMachine::isEmpty(const State& state) const {
  for (size_t f = 0; f < monoid->stateFields.size(); ++f)
    if (monoid->stateFields[f].isGauge && std::isinf(monoid->identity[f]) &&
        state[offsets[f]] == monoid->identity[f])
      return true;
  return state == identityState;
}

void MonoidMachine::finalize(const State& state, std::vector<std::vector<double>>& results) {
  load(finalizeFrame, 0, state);
  finalizeFrame.run(width);
  results.resize(monoid->results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const double* lanes = finalizeFrame.floats(i);
    if (monoid->results[i].isVector && !monoid->finalize.resultVaries(i))
      results[i].assign(width, lanes[0]);
    else
      results[i].assign(lanes, lanes + (monoid->results[i].isVector ? width : 1));
  }
}

void MonoidMachine::load(Frame& frame, size_t firstArgument, const State& state) const {
  for (size_t f = 0; f < monoid->stateFields.size(); ++f)
    if (monoid->stateFields[f].isVector)
      frame.bind(firstArgument + f, state.data() + offsets[f]);
    else
      frame.set(firstArgument + f, state[offsets[f]]);
}

void MonoidMachine::store(const Frame& frame, State& state) const {
  state.resize(identityState.size());
  for (size_t f = 0; f < monoid->stateFields.size(); ++f) {
    const double* lanes = frame.floats(f);
    bool varies = &frame == &liftFrame ? monoid->lift.resultVaries(f) : monoid->merge.resultVaries(f);
    for (int64_t lane = 0, size = fieldSize(f); lane < size; ++lane)
      state[offsets[f] + lane] = lanes[varies ? lane : 0];
  }
}

} // namespace attile::reference
