//===- State.cpp - identity, merge, sink and finalize of a row tile ----------===//

#include "compiler/conversion/attn-to-tile/State.h"
#include "compiler/transforms/fold/Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attile;
using namespace attile::attn_to_tile;

std::string attile::attn_to_tile::partialName(StringRef field) { return ("partial." + field).str(); }

SmallVector<std::pair<std::string, int64_t>> attile::attn_to_tile::storedFields(Variant& variant) {
  SmallVector<std::pair<std::string, int64_t>> stored;
  for (unsigned i = 0; i != variant.numFields(); ++i)
    stored.push_back({variant.monoid.field(i).getName().str(), variant.columns[i]});
  if (variant.tracksSeen)
    stored.push_back({"row.seen", 0});
  return stored;
}

static SmallVector<int64_t> shape(KernelBuilder& k, int64_t columns) {
  return columns ? SmallVector<int64_t>{k.rows, columns} : SmallVector<int64_t>{k.rows};
}

State attile::attn_to_tile::identityState(KernelBuilder& k) {
  State state;
  for (unsigned i = 0; i != k.variant.numFields(); ++i) {
    state.fields.push_back(k.alloc(shape(k, k.variant.columns[i]), k.f32()));
    tile::FillOp::create(k.b, k.loc, state.fields[i], k.real(k.variant.identity(i)));
  }
  if (k.variant.tracksSeen) {
    state.seen = k.alloc({k.rows}, k.f32());
    tile::FillOp::create(k.b, k.loc, state.seen, k.real(0));
  }
  return state;
}

// ---- partial states -------------------------------------------------------------------------------

State attile::attn_to_tile::partialAt(KernelBuilder& k, Value index) {
  SmallVector<Value> slices;
  for (auto& [name, columns] : storedFields(k.variant)) {
    SmallVector<int64_t> extents = shape(k, columns), all{ShapedType::kDynamic};
    llvm::append_range(all, extents);
    Value buffer = k.argument(partialName(name), KernelBuilder::global(all, k.f32()));
    SmallVector<Value> offsets(all.size(), k.number(0));
    offsets[0] = index;
    slices.push_back(tile::SliceOp::create(k.b, k.loc, KernelBuilder::global(extents, k.f32()), buffer,
                                           offsets, ValueRange{}));
  }
  State state;
  if (k.variant.tracksSeen)
    state.seen = slices.pop_back_val();
  state.fields = slices;
  return state;
}

static void spreadNan(KernelBuilder& k, const State& state);

void attile::attn_to_tile::storePartial(KernelBuilder& k, const State& state, Value index) {
  spreadNan(k, state);
  State stored = partialAt(k, index);
  for (auto [to, from] : llvm::zip(stored.fields, state.fields))
    tile::CopyOp::create(k.b, k.loc, to, from);
  if (state.seen)
    tile::CopyOp::create(k.b, k.loc, stored.seen, state.seen);
}

// ---- generics over fields ---------------------------------------------------------------------------

namespace {
/// Elements of two states inside a generic: which buffers it reads, and a value for every field.
class FieldInputs {
public:
  /// `wanted(side, field)` says whether the generic reads that field of that state.
  FieldInputs(KernelBuilder& k, ArrayRef<const State*> states,
              llvm::function_ref<bool(unsigned, unsigned)> wanted)
      : k(k) {
    for (auto [side, state] : llvm::enumerate(states))
      for (unsigned i = 0; i != k.variant.numFields(); ++i) {
        bool read = state->fields[i] && wanted(side, i);
        slots.push_back(read ? static_cast<int>(buffers.size()) : -1);
        zero.push_back(!state->fields[i]);
        if (read)
          buffers.push_back(state->fields[i]);
      }
  }

  /// One value per field and state; the identity stands for what is not read.
  SmallVector<Value> elements(OpBuilder& b, ValueRange in) const {
    Arithmetic a(b, k.loc);
    SmallVector<Value> values;
    for (auto [i, slot] : llvm::enumerate(slots))
      values.push_back(slot >= 0 ? in[slot]
                                 : a.real(zero[i] ? 0 : k.variant.identity(i % k.variant.numFields())));
    return values;
  }

  SmallVector<Value> buffers;

private:
  KernelBuilder& k;
  SmallVector<int> slots;
  SmallVector<bool> zero;
};
} // namespace

/// Whether the state with these elements is the identity: all unbounded gauges are.
static Value isIdentity(Arithmetic& a, Variant& variant, ArrayRef<Value> elements) {
  Value all;
  for (auto [field, identity] : variant.unbounded) {
    Value at =
        arith::CmpFOp::create(a.b, a.loc, arith::CmpFPredicate::OEQ, elements[field], a.real(identity));
    all = all ? a.both(all, at) : at;
  }
  return all;
}

static bool readsYielded(Region& region, unsigned result, unsigned argument) {
  Value root = region.front().getTerminator()->getOperand(result), leaf = region.getArgument(argument);
  return fold::reads(root, [&](Value value) { return value == leaf; });
}

/// The merged value of `field` for one element, with the identities skipped.
static Value mergedElement(OpBuilder& b, KernelBuilder& k, ArrayRef<Value> elements, ArrayRef<Value> merged,
                           unsigned field) {
  Arithmetic a(b, k.loc);
  unsigned n = k.variant.numFields();
  ArrayRef<Value> left = elements.take_front(n), right = elements.take_back(n);
  if (k.variant.unbounded.empty())
    return merged[field];
  Value keepLeft = a.select(isIdentity(a, k.variant, right), left[field], merged[field]);
  return a.select(isIdentity(a, k.variant, left), right[field], keepLeft);
}

/// A row with a NaN among its scores has it in its sums, but a maximum passes over it: such a gauge becomes
/// NaN too, so that the row is not taken for one without keys.
static void spreadNan(KernelBuilder& k, const State& state) {
  SmallVector<Value> gauges, buffers;
  for (auto [field, identity] : k.variant.unbounded)
    gauges.push_back(state.fields[field]);
  for (unsigned i = 0; i != k.variant.numFields(); ++i)
    if (k.variant.isRow(i) && state.fields[i] && !llvm::is_contained(gauges, state.fields[i]))
      buffers.push_back(state.fields[i]);
  unsigned sums = buffers.size();
  if (gauges.empty() || !sums)
    return;
  llvm::append_range(buffers, gauges);
  k.generic({.ins = buffers, .outs = gauges}, [&](OpBuilder& b, ValueRange in) {
    Arithmetic a(b, k.loc);
    SmallVector<Value> results(in.drop_front(sums));
    for (Value sum : in.take_front(sums)) {
      Value nan = arith::CmpFOp::create(b, k.loc, arith::CmpFPredicate::UNO, sum, sum);
      for (Value& gauge : results)
        gauge = a.select(nan, sum, gauge);
    }
    return results;
  });
}

void attile::attn_to_tile::mergeState(KernelBuilder& k, State& state, const State& incoming) {
  Region& merge = k.variant.monoid.getMerge();
  unsigned n = k.variant.numFields();
  auto isGauge = [&](unsigned i) {
    return llvm::any_of(k.variant.unbounded, [&](auto gauge) { return gauge.first == i; });
  };
  // Vectors first: they read the rows' old gauges.
  for (unsigned field = 0; field != n; ++field) {
    if (k.variant.isRow(field))
      continue;
    FieldInputs inputs(k, {&state, &incoming}, [&](unsigned side, unsigned i) {
      return i == field || isGauge(i) || (k.variant.isRow(i) && readsYielded(merge, field, side * n + i));
    });
    k.generic(
        {.cols = k.number(k.variant.columns[field]), .ins = inputs.buffers, .outs = {state.fields[field]}},
        [&](OpBuilder& b, ValueRange in) -> SmallVector<Value> {
          SmallVector<Value> elements = inputs.elements(b, in);
          return {mergedElement(b, k, elements, k.inlineScalars(b, merge, elements), field)};
        });
  }
  SmallVector<unsigned> rows;
  for (unsigned i = 0; i != n; ++i)
    if (k.variant.isRow(i))
      rows.push_back(i);
  FieldInputs inputs(k, {&state, &incoming}, [&](unsigned, unsigned i) { return k.variant.isRow(i); });
  SmallVector<Value> ins = inputs.buffers, outs;
  for (unsigned i : rows)
    outs.push_back(state.fields[i]);
  bool seen = state.seen && incoming.seen;
  if (seen) {
    ins.append({state.seen, incoming.seen});
    outs.push_back(state.seen);
  }
  if (outs.empty())
    return;
  k.generic({.ins = ins, .outs = outs}, [&](OpBuilder& b, ValueRange in) {
    SmallVector<Value> elements = inputs.elements(b, in), merged = k.inlineScalars(b, merge, elements),
                       results;
    for (unsigned i : rows)
      results.push_back(mergedElement(b, k, elements, merged, i));
    if (seen)
      results.push_back(arith::MaximumFOp::create(b, k.loc, in[in.size() - 2], in.back()));
    return results;
  });
}

void attile::attn_to_tile::mergeSink(KernelBuilder& k, State& state, const RowTile& rows) {
  Region& sink = k.variant.fold.getSink();
  if (sink.empty())
    return;
  State incoming;
  SmallVector<unsigned> fields;
  SmallVector<Value> outs;
  for (unsigned i = 0; i != k.variant.numFields(); ++i) {
    incoming.fields.push_back(k.variant.isRow(i) ? k.alloc({k.rows}, k.f32()) : Value());
    if (!k.variant.isRow(i))
      continue; // linear in the value, which is 0
    fields.push_back(i);
    outs.push_back(incoming.fields[i]);
  }
  if (!outs.empty()) {
    RowInputs inputs(k, rows, sink, 0);
    k.generic({.ins = inputs.buffers, .outs = outs}, [&](OpBuilder& b, ValueRange in) {
      SmallVector<Value> arguments = k.inlineScalars(b, sink, inputs.indices(b, in, {}));
      Arithmetic a(b, k.loc);
      Region& lift = k.variant.monoid.getLift();
      arguments.resize(lift.getNumArguments(), a.real(0));
      SmallVector<Value> lifted = k.inlineScalars(b, lift, arguments), results;
      for (unsigned i : fields)
        results.push_back(lifted[i]);
      return results;
    });
  }
  mergeState(k, state, incoming);
}

// ---- outputs ----------------------------------------------------------------------------------------

namespace {
/// Writes the outputs of finalize.
class Finalizer {
public:
  Finalizer(KernelBuilder& k, State& state) : k(k), state(state), finalize(k.variant.monoid.getFinalize()) {}

  /// The buffer that holds output `index` afterwards.
  Value row(unsigned index);
  Value vector(unsigned index, int64_t columns, bool inPlace);

private:
  FieldInputs inputs(unsigned index, int64_t columns) {
    return FieldInputs(k, {&state}, [&, columns](unsigned, unsigned i) {
      return (k.variant.isRow(i) || k.variant.columns[i] == columns) && readsYielded(finalize, index, i);
    });
  }
  Value emptyRow(Arithmetic& a, ValueRange extra);

  KernelBuilder& k;
  State& state;
  Region& finalize;
};
} // namespace

Value Finalizer::row(unsigned index) {
  FieldInputs in = inputs(index, /*columns=*/-1);
  Value result = k.alloc({k.rows}, k.f32());
  k.generic({.ins = in.buffers, .outs = {result}},
            [&](OpBuilder& b, ValueRange values) -> SmallVector<Value> {
              return {k.inlineScalars(b, finalize, in.elements(b, values))[index]};
            });
  return result;
}

/// Whether the row has seen no key, from the extra inputs: `seen`, or the unbounded gauges.
Value Finalizer::emptyRow(Arithmetic& a, ValueRange extra) {
  if (state.seen)
    return arith::CmpFOp::create(a.b, a.loc, arith::CmpFPredicate::OEQ, extra[0], a.real(0));
  SmallVector<Value> elements(k.variant.numFields());
  for (auto [gauge, value] : llvm::zip(k.variant.unbounded, extra))
    elements[gauge.first] = value;
  return isIdentity(a, k.variant, elements);
}

Value Finalizer::vector(unsigned index, int64_t columns, bool inPlace) {
  FieldInputs in = inputs(index, columns);
  SmallVector<Value> buffers = in.buffers, extra;
  Value result;
  for (Value buffer : buffers)
    if (inPlace && !result && cast<tile::BufferType>(buffer.getType()).getRank() == 2)
      result = buffer;
  if (!result)
    result = k.alloc({k.rows, columns}, k.f32());
  if (state.seen)
    extra.push_back(state.seen);
  else
    for (auto [field, identity] : k.variant.unbounded)
      extra.push_back(state.fields[field]);
  llvm::append_range(buffers, extra);
  k.generic({.cols = k.number(columns), .ins = buffers, .outs = {result}},
            [&](OpBuilder& b, ValueRange values) -> SmallVector<Value> {
              Arithmetic a(b, k.loc);
              Value y = k.inlineScalars(b, finalize, in.elements(b, values))[index];
              Value empty = emptyRow(a, values.take_back(extra.size()));
              return {empty ? a.select(empty, a.real(0), y) : y};
            });
  return result;
}

void attile::attn_to_tile::finalizeState(KernelBuilder& k, State& state, const RowTile& rows) {
  spreadNan(k, state);
  mergeSink(k, state, rows);
  Finalizer finalizer(k, state);
  attn::FoldOp fold = k.variant.fold;
  unsigned count = fold.getNumResults(), vectors = 0;
  SmallVector<Value> sources(count);
  auto kind = [&](unsigned i) { return k.variant.monoid.output(k.variant.output(i)).getKind(); };
  for (unsigned i = 0; i != count; ++i) {
    if (kind(i) == attn::FieldKind::Row)
      sources[i] = finalizer.row(k.variant.output(i));
    else
      ++vectors;
  }
  for (unsigned i = 0; i != count; ++i) {
    if (kind(i) != attn::FieldKind::Row) {
      int64_t columns = cast<RankedTensorType>(fold.getResult(i).getType()).getDimSize(3);
      sources[i] = finalizer.vector(k.variant.output(i), columns, /*inPlace=*/vectors == 1);
    }
    tile::ScatterOp::create(k.b, k.loc, k.output(i), rows.b, rows.rowH, rows.rowQ, sources[i], rows.count);
  }
}
