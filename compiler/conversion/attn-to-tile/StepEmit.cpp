//===- StepEmit.cpp - the generics and dots of one tile -----------------------===//

#include "compiler/conversion/attn-to-tile/Step.h"
#include "compiler/transforms/fold/Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn_to_tile;

namespace {
/// Values of the step inside one generic: computed there, or read from a buffer.
class Elements {
public:
  Elements(KernelBuilder& k, const DenseMap<Value, Value>& buffers) : k(k), buffers(buffers) {}

  /// Makes the buffer of `value` an input, unless the generic computes the value itself.
  void require(Value value) {
    if (local.insert(value).second)
      inputs.push_back(value);
  }
  void provide(Value value) { local.insert(value); }
  SmallVector<Value> ins() const {
    return llvm::map_to_vector(inputs, [&](Value value) { return buffers.lookup(value); });
  }
  void bind(ValueRange elements) {
    for (auto [value, element] : llvm::zip(inputs, elements))
      known[value] = element;
  }
  void set(Value value, Value element) { known[value] = element; }
  Value get(Value value) const { return known.lookup(value); }

  /// The element of a map, from those of its inputs.
  Value compute(OpBuilder& b, attn::MapOp map) {
    SmallVector<Value> arguments =
        llvm::map_to_vector(map.getInputs(), [&](Value input) { return get(input); });
    return k.inlineScalars(b, map.getBody(), arguments).front();
  }

private:
  KernelBuilder& k;
  const DenseMap<Value, Value>& buffers;
  llvm::SmallPtrSet<Value, 8> local;
  SmallVector<Value> inputs;
  DenseMap<Value, Value> known;
};
} // namespace

Value StepLowering::slice(Value source, const Tile& tile) {
  auto type = cast<tile::BufferType>(source.getType());
  Type window = KernelBuilder::global({ShapedType::kDynamic, type.getShape().back()}, type.getElementType());
  return tile::SliceOp::create(k.b, k.loc, window, source, ValueRange{rows.b, rows.kvH, tile.k0, k.number(0)},
                               tile.n);
}

/// A partial tile first finds out what it holds: no dot is spent on an empty one, no mask on a full one.
void StepLowering::emit(Value k0, Value n, Value full) {
  if (!k.variant.masked)
    return emitPhases({k0, n, {}});
  Visibility seen = evaluateMask(k, rows, k0, n, full, mask);
  auto branch = scf::IfOp::create(k.b, k.loc, seen.any, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  emitPhases({k0, n, seen.all});
}

void StepLowering::emitPhases(const Tile& tile) {
  Value keys = slice(k.operand(k.variant.fold.getKeys().front()), tile);
  tile::DotOp::create(k.b, k.loc, scores, queries, keys, Value(), mask.spans(), /*accumulate=*/false,
                      /*transpose_b=*/true);
  for (auto [to, from] : before)
    tile::CopyOp::create(k.b, k.loc, to, from);
  for (int current = -1; current <= lastPhase; ++current) {
    if (current % 2 == 0)
      emitTilePhase(current, tile);
    else
      emitRowPhase(current);
    for (auto contract : step.getOps<attn::ContractOp>())
      if (contractPhase[contract] == current)
        emitContract(contract, tile);
  }
  for (auto [to, from] : after)
    tile::CopyOp::create(k.b, k.loc, to, from);
}

void StepLowering::emitContract(attn::ContractOp contract, const Tile& tile) {
  auto values = cast<BlockArgument>(contract.getValues());
  unsigned index = values.getArgNumber() - cast<BlockArgument>(visibleArgument()).getArgNumber() - 1;
  Value window = slice(k.operand(k.variant.fold.getValues()[index]), tile);
  Value factors = rescale.contains(contract) ? buffers[rescale[contract]] : Value();
  tile::DotOp::create(k.b, k.loc, state.fields[target[contract]], buffers[contract.getWeights()], window,
                      factors, mask.spans(),
                      /*accumulate=*/true, /*transpose_b=*/false);
}

// ---- rows -------------------------------------------------------------------------------------------

/// The rows of this phase, and what the reductions of the next one start from.
void StepLowering::emitRowPhase(int current) {
  Elements elements(k, buffers);
  SmallVector<attn::MapOp> maps;
  SmallVector<std::pair<Accumulation, Value>> starts; // and where they go
  SmallVector<std::pair<Value, double>> fills;
  for (Operation& op : step.without_terminator()) {
    auto map = dyn_cast<attn::MapOp>(op);
    if (map && !isTile(map.getResult()) && !accumulated.count(map) && phase[map.getResult()] == current) {
      for (Value input : map.getInputs())
        elements.require(input);
      elements.provide(map.getResult());
      maps.push_back(map);
    }
    auto reduce = dyn_cast<attn::RowReduceOp>(op);
    if (!reduce || phase[reduce.getResult()] != current + 1)
      continue;
    if (!accumulations.count(reduce)) {
      fills.push_back({buffers[reduce.getResult()], reduce.getIdentity().convertToDouble()});
      continue;
    }
    Accumulation& sum = accumulations[reduce];
    Value to = buffers[sum.map.getResult()];
    auto argument = dyn_cast<BlockArgument>(sum.start);
    Value input = argument ? sum.map.getInputs()[argument.getArgNumber()] : Value();
    bool inPlace =
        input && isa<BlockArgument>(input) && state.fields[cast<BlockArgument>(input).getArgNumber()] == to;
    if (!inPlace)
      starts.push_back({sum, to});
  }
  for (auto& [sum, to] : starts)
    for (auto [input, inner] : llvm::zip(sum.map.getInputs(), sum.map.getBody().getArguments()))
      if (fold::reads(sum.start, [&, inner = inner](Value value) { return value == inner; }))
        elements.require(input);
  for (auto [buffer, identity] : fills)
    tile::FillOp::create(k.b, k.loc, buffer, k.real(identity));

  SmallVector<Value> outs;
  for (attn::MapOp map : maps)
    outs.push_back(buffers[map.getResult()]);
  for (auto& [sum, to] : starts)
    outs.push_back(to);
  if (outs.empty())
    return;
  k.generic({.ins = elements.ins(), .outs = outs}, [&](OpBuilder& b, ValueRange in) {
    elements.bind(in);
    SmallVector<Value> results;
    for (attn::MapOp map : maps) {
      elements.set(map.getResult(), elements.compute(b, map));
      results.push_back(elements.get(map.getResult()));
    }
    for (auto& [sum, to] : starts)
      results.push_back(fold::copyExpression(b, sum.start, [&, map = sum.map](Value value) mutable -> Value {
        auto argument = dyn_cast<BlockArgument>(value);
        return argument ? elements.get(map.getInputs()[argument.getArgNumber()]) : Value();
      }));
    return results;
  });
}

// ---- tiles ------------------------------------------------------------------------------------------

void StepLowering::emitTilePhase(int current, const Tile& tile) {
  bool reads = llvm::any_of(step.without_terminator(), [&](Operation& op) {
    auto map = dyn_cast<attn::MapOp>(op);
    return map && !absorbed.contains(map) && isTile(map.getResult()) && phase[map.getResult()] == current &&
           llvm::is_contained(map.getInputs(), visibleArgument());
  });
  reads |= current == 0 && state.seen;
  if (!reads || !tile.allVisible)
    return emitTileGeneric(current, tile, /*masked=*/false);
  auto branch = scf::IfOp::create(k.b, k.loc, tile.allVisible, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  emitTileGeneric(current, tile, false);
  k.b.setInsertionPointToStart(branch.elseBlock());
  emitTileGeneric(current, tile, true);
}

void StepLowering::emitTileGeneric(int current, const Tile& tile, bool masked) {
  Elements elements(k, buffers);
  KernelBuilder::Generic shape{.cols = tile.n, .within = mask.spans()};
  SmallVector<Value> stored, reduced; // in the order in which they are yielded
  SmallVector<attn::MapOp> maps;
  Region& score = k.variant.fold.getScore();
  auto produce = [&](Value value) {
    elements.provide(value);
    if (Value buffer = buffers.lookup(value)) {
      stored.push_back(value);
      shape.outs.push_back(buffer);
    }
  };
  SmallVector<Value> scoreArguments(step.getArguments().slice(k.variant.numFields(), yieldedScores()));
  elements.provide(visibleArgument());
  if (current == 0)
    llvm::for_each(scoreArguments, produce);
  for (Operation& op : step.without_terminator()) {
    if (auto map = dyn_cast<attn::MapOp>(op);
        map && !absorbed.contains(map) && isTile(map.getResult()) && phase[map.getResult()] == current) {
      for (Value input : map.getInputs())
        elements.require(input);
      produce(map.getResult());
      maps.push_back(map);
    }
    if (auto reduce = dyn_cast<attn::RowReduceOp>(op); reduce && phase[reduce.getResult()] == current) {
      elements.require(reduce.getInput());
      reduced.push_back(reduce.getInput());
      shape.reduces.push_back(accumulations.count(reduce) ? buffers[accumulations[reduce].map.getResult()]
                                                          : buffers[reduce.getResult()]);
      shape.combiners.push_back(*combinerOf(reduce));
    }
  }
  bool seen = current == 0 && state.seen;
  if (seen) {
    shape.reduces.push_back(state.seen);
    shape.combiners.push_back(tile::Combiner::Max);
  }
  if (shape.outs.empty() && shape.reduces.empty())
    return;

  RowInputs indices(k, rows, score, /*firstIndex=*/1);
  shape.ins = elements.ins();
  size_t fromStep = shape.ins.size();
  if (current == 0) {
    shape.ins.push_back(scores);
    llvm::append_range(shape.ins, indices.buffers);
  }
  if (masked)
    shape.ins.push_back(mask.visible);
  k.generic(shape, [&](OpBuilder& b, ValueRange in) {
    Arithmetic a(b, k.loc);
    elements.bind(in.take_front(fromStep));
    elements.set(visibleArgument(), masked ? in.back() : a.flag(true));
    if (current == 0) {
      SmallVector<Value> arguments{in[fromStep]};
      llvm::append_range(arguments,
                         indices.indices(b, in.slice(fromStep + 1, indices.buffers.size()), tile.k0));
      for (auto [argument, value] : llvm::zip(scoreArguments, k.inlineScalars(b, score, arguments)))
        elements.set(argument, value);
    }
    for (attn::MapOp map : maps)
      elements.set(map.getResult(), elements.compute(b, map));
    SmallVector<Value> results =
        llvm::map_to_vector(stored, [&](Value value) { return elements.get(value); });
    for (Value value : reduced)
      results.push_back(elements.get(value));
    if (seen)
      results.push_back(a.select(elements.get(visibleArgument()), a.real(1), a.real(0)));
    return results;
  });
}
