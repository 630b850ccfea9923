//===- Step.cpp - phases and buffers of a step region ------------------------===//

#include "compiler/conversion/attn-to-tile/Step.h"
#include "compiler/transforms/fold/Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn_to_tile;

static std::optional<tile::Combiner> combinerOf(Operation* op) {
  if (isa_and_nonnull<arith::MaximumFOp, arith::MaxNumFOp>(op))
    return tile::Combiner::Max;
  if (isa_and_nonnull<arith::MinimumFOp, arith::MinNumFOp>(op))
    return tile::Combiner::Min;
  if (isa_and_nonnull<arith::AddFOp>(op))
    return tile::Combiner::Add;
  if (isa_and_nonnull<arith::MulFOp>(op))
    return tile::Combiner::Mul;
  return std::nullopt;
}

static Value yielded(Region& region) { return region.front().getTerminator()->getOperand(0); }

std::optional<tile::Combiner> attile::attn_to_tile::combinerOf(attn::RowReduceOp reduce) {
  return ::combinerOf(yielded(reduce.getCombiner()).getDefiningOp());
}

StepLowering::StepLowering(KernelBuilder& k, const RowTile& rows, State& state, Value queries)
    : k(k), rows(rows), state(state), queries(queries), step(k.variant.fold.getStep().front()) {}

unsigned StepLowering::yieldedScores() const {
  return k.variant.fold.getScore().front().getTerminator()->getNumOperands();
}

Value StepLowering::visibleArgument() const {
  return step.getArgument(k.variant.numFields() + yieldedScores());
}

bool StepLowering::isTile(Value value) const {
  return cast<RankedTensorType>(value.getType()).getRank() == 2;
}

static int nextTilePhase(int after) { return after < 0 ? 0 : after + (after % 2 == 0 ? 2 : 1); }
static int nextRowPhase(int after) { return after < 0 ? -1 : after % 2 == 0 ? after + 1 : after; }

// ---- phases -----------------------------------------------------------------------------------------

/// A sum that starts from what the old row contributes needs no pass of its own.
void StepLowering::findAccumulation(attn::RowReduceOp reduce) {
  Value result = reduce.getResult();
  auto map = result.hasOneUse() ? dyn_cast<attn::MapOp>(*result.user_begin()) : attn::MapOp();
  if (!map || isTile(map.getResult()))
    return;
  Value argument = map.getBody().getArgument(result.use_begin()->getOperandNumber());
  Operation* combine = yielded(map.getBody()).getDefiningOp();
  if (!combine || ::combinerOf(combine) != combinerOf(reduce) || combine->getNumOperands() != 2)
    return;
  Value start = combine->getOperand(0) == argument ? combine->getOperand(1) : combine->getOperand(0);
  bool other = combine->getOperand(0) == argument || combine->getOperand(1) == argument;
  if (!other || fold::reads(start, [&](Value value) { return value == argument; }))
    return;
  for (auto [input, inner] : llvm::zip(map.getInputs(), map.getBody().getArguments()))
    if (input != result && phase.lookup(input) >= phase[result] && !inner.use_empty())
      return; // not there yet when the reduction starts
  accumulations[reduce] = {map, start};
  accumulated[map] = reduce;
}

LogicalResult StepLowering::assignContract(attn::ContractOp contract) {
  Value acc = contract.getAcc();
  int when = phase[contract.getWeights()];
  if (auto map = acc.getDefiningOp<attn::MapOp>()) {
    // old * factor, the factor one per row
    Operation* scale = yielded(map.getBody()).getDefiningOp();
    bool fits = acc.hasOneUse() && isa_and_nonnull<arith::MulFOp>(scale) && map.getInputs().size() == 2 &&
                scale->getOperand(0) != scale->getOperand(1) &&
                llvm::all_of(scale->getOperands(), [](Value v) { return isa<BlockArgument>(v); });
    unsigned tile = fits && isTile(map.getInputs()[1]) ? 1 : 0;
    if (!fits || isTile(map.getInputs()[1 - tile]))
      return contract.emitError("acc is not the old field times a factor per row, which is not compiled yet");
    rescale[contract] = map.getInputs()[1 - tile];
    when = std::max(when, phase[map.getInputs()[1 - tile]]);
    absorbed.insert(map);
    acc = map.getInputs()[tile];
  }
  if (auto earlier = acc.getDefiningOp<attn::ContractOp>()) {
    when = std::max(when, contractPhase[earlier]);
    target[contract] = target[earlier];
  } else {
    auto argument = dyn_cast<BlockArgument>(acc);
    if (!argument || argument.getArgNumber() >= k.variant.numFields())
      return contract.emitError("acc is not a field of the state, which is not compiled yet");
    target[contract] = argument.getArgNumber();
  }
  contractPhase[contract] = when;
  lastPhase = std::max(lastPhase, when);
  return success();
}

/// Whether the map works on [rows, dv] instead of on scores.
static bool isOverValues(attn::MapOp map, unsigned fields) {
  return llvm::any_of(map.getInputs(), [&](Value input) {
    auto argument = dyn_cast<BlockArgument>(input);
    return cast<RankedTensorType>(input.getType()).getRank() == 2 &&
           ((argument && argument.getArgNumber() < fields) || input.getDefiningOp<attn::ContractOp>());
  });
}

LogicalResult StepLowering::assignPhase(Operation& op) {
  if (auto contract = dyn_cast<attn::ContractOp>(op))
    return assignContract(contract);
  if (auto reduce = dyn_cast<attn::RowReduceOp>(op)) {
    if (!combinerOf(reduce))
      return reduce.emitError("combiner is none of max, min, add and mul of two floats");
    phase[reduce.getResult()] = phase[reduce.getInput()];
    findAccumulation(reduce);
    return success();
  }
  auto map = dyn_cast<attn::MapOp>(op);
  if (!map)
    return op.emitError() << op.getName() << " in a step is not compiled yet";
  if (isTile(map.getResult()) && isOverValues(map, k.variant.numFields()))
    return success(); // must end up as the rescale of a contract; checked there
  int when = -1;
  if (Operation* reduce = accumulated.lookup(map)) {
    when = phase[reduce->getResult(0)];
  } else {
    for (Value input : map.getInputs()) {
      int ready = phase[input];
      when = std::max(when, !isTile(map.getResult()) ? nextRowPhase(ready)
                            : isTile(input)          ? ready
                                                     : nextTilePhase(ready));
    }
    if (isTile(map.getResult()))
      when = std::max(when, 0);
  }
  phase[map.getResult()] = when;
  lastPhase = std::max(lastPhase, when);
  return success();
}

// ---- buffers ----------------------------------------------------------------------------------------

/// Rows that outlive their phase. A field's new row takes the place of the old one where it accumulates.
void StepLowering::assignRow(Value value) {
  Operation* end = step.getTerminator();
  auto map = value.getDefiningOp<attn::MapOp>();
  auto reduce = map ? accumulated.lookup(map) : nullptr;
  auto field = llvm::find(end->getOperands(), value);
  if (!reduce || field == end->operand_end()) {
    buffers[value] = k.alloc({k.rows}, k.f32());
    return;
  }
  unsigned index = field - end->operand_begin();
  buffers[value] = state.fields[index];
  Value old = step.getArgument(index);
  // Others still read the old row after the reduction has begun to overwrite it.
  bool shared = llvm::any_of(old.getUsers(), [&](Operation* user) { return user != map && user != end; });
  if (shared) {
    buffers[old] = k.alloc({k.rows}, k.f32());
    before.push_back({buffers[old], state.fields[index]});
  }
}

/// Tiles that outlive their phase: scores stay where the dot has put them, weights get a buffer of their own,
/// since a target may keep them in another format.
void StepLowering::assignTile(Value value) {
  bool weights = llvm::any_of(value.getUsers(), [](Operation* user) { return isa<attn::ContractOp>(user); });
  bool later = llvm::any_of(value.getUsers(), [&](Operation* user) {
    return isa<attn::MapOp>(user) && phase[user->getResult(0)] > phase[value];
  });
  if (!weights && !later)
    return;
  bool free = llvm::none_of(buffers, [&](auto& entry) { return entry.second == scores; });
  buffers[value] = free && !weights && phase[value] == 0 ? scores : k.alloc({k.rows, k.keys}, k.f32());
}

void StepLowering::assignBuffers() {
  scores = k.alloc({k.rows, k.keys}, k.f32());
  if (k.variant.masked)
    mask = MaskBuffers::allocate(k);
  for (unsigned i = 0; i != k.variant.numFields(); ++i)
    buffers.try_emplace(step.getArgument(i), state.fields[i]);
  for (unsigned i = 0; i != yieldedScores(); ++i)
    assignTile(step.getArgument(k.variant.numFields() + i));
  for (Operation& op : step.without_terminator()) {
    if (auto map = dyn_cast<attn::MapOp>(op); map && !absorbed.contains(map))
      isTile(map.getResult()) ? assignTile(map.getResult()) : assignRow(map.getResult());
    if (isa<attn::RowReduceOp>(op) && !accumulations.count(&op))
      buffers[op.getResult(0)] = k.alloc({k.rows}, k.f32());
  }
  for (auto [i, value] : llvm::enumerate(step.getTerminator()->getOperands()))
    if (!isTile(value) && value != step.getArgument(i) && buffers[value] != state.fields[i])
      after.push_back({state.fields[i], buffers[value]});
}

LogicalResult StepLowering::prepare() {
  for (BlockArgument argument : step.getArguments())
    phase[argument] = argument.getArgNumber() < k.variant.numFields() ? -1 : 0;
  for (Operation& op : step.without_terminator())
    if (failed(assignPhase(op)))
      return failure();
  for (auto [i, value] : llvm::enumerate(step.getTerminator()->getOperands())) {
    auto contract = value.getDefiningOp<attn::ContractOp>();
    if (isTile(value) && value != step.getArgument(i) && (!contract || target[contract] != i))
      return emitError(value.getLoc()) << "step does not advance '" << k.variant.monoid.field(i).getName()
                                       << "' by contracting into its old value, which is not compiled yet";
  }
  assignBuffers();
  return success();
}
