#include "compiler/irgen/fold.h"
#include "compiler/reference/laws.h"

#include <fmt/core.h>
#include <limits>
#include <mlir/Dialect/Arith/IR/Arith.h>

namespace attile::irgen {

using namespace ast;

namespace {

// ---- which fields are gauges -----------------------------------------------------------------------------

/// How an expression depends on a.f, b.f and the merged f of one field.
enum class Degree { None, Linear, Other };

Degree degree(const Expr& expr, const Field& field) {
  if (const auto* ref = expr.as<FieldRef>())
    return ref->field == &field ? Degree::Linear : Degree::None;
  std::vector<Degree> operands;
  for (const ExprPtr& operand : expr.operands)
    operands.push_back(degree(*operand, field));
  if (std::all_of(operands.begin(), operands.end(), [](Degree d) { return d == Degree::None; }))
    return Degree::None;
  auto is = [&](size_t operand, Degree d) { return operands[operand] == d; };
  if (const auto* op = expr.as<Binary>()) {
    bool bothLinear = is(0, Degree::Linear) && is(1, Degree::Linear);
    bool oneLinear = is(0, Degree::Linear) && is(1, Degree::None);
    bool otherLinear = is(0, Degree::None) && is(1, Degree::Linear);
    bool linear = (op->op == BinaryOp::Add || op->op == BinaryOp::Sub) ? bothLinear
                  : op->op == BinaryOp::Mul                            ? oneLinear || otherLinear
                                                                       : op->op == BinaryOp::Div && oneLinear;
    return linear ? Degree::Linear : Degree::Other;
  }
  if (const auto* op = expr.as<Unary>(); op && op->op == UnaryOp::Neg)
    return operands[0];
  if (expr.as<Select>())
    return is(0, Degree::None) && is(1, Degree::Linear) && is(2, Degree::Linear) ? Degree::Linear
                                                                                 : Degree::Other;
  return Degree::Other;
}

/// One flag a field. Starts from the row fields whose merge is not linear, and drops those that read others.
std::vector<bool> gaugeCandidates(const Fold& fold) {
  std::vector<bool> gauge;
  for (const auto& field : fold.fields)
    gauge.push_back(!field->perV && degree(*field->merge, *field) == Degree::Other);
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& field : fold.fields) {
      bool reads = false;
      walk(*field->merge, [&](const Expr& e) {
        if (const auto* ref = e.as<FieldRef>())
          reads |= !gauge[ref->field->index];
      });
      if (gauge[field->index] && reads) {
        gauge[field->index] = false;
        changed = true;
      }
    }
  }
  return gauge;
}

// ---- regions ----------------------------------------------------------------------------------------------

class FoldBuilder {
public:
  FoldBuilder(mlir::ModuleOp module, const AttentionScope& scope, const Fold& fold,
              std::vector<frontend::Diagnostic>& diagnostics)
      : module(module), scope(scope), builder(scope.builder), fold(fold), diagnostics(diagnostics) {}

  /// Builds the monoid, then checks its laws unless it has errors already.
  UserFold build() {
    mlir::OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(module.getBody());
    result.monoid =
        attn::MonoidOp::create(builder, at(), builder.getStringAttr(scope.attention.name + ".fold"),
                               builder.getArrayAttr({}), outputAttrs());
    carry();
    identity();
    lift();
    merge();
    finalize();
    result.monoid.setFieldsAttr(fieldAttrs(gaugeCandidates(fold)));
    if (!hasErrors(diagnostics))
      checkLaws();
    return std::move(result);
  }

private:
  void checkLaws() {
    const reference::LawOptions options{.rowConstants = carried.size()};
    Result<reference::LawReport> report = reference::checkLaws(result.monoid, options);
    if (report && report->gaugeDependence) {
      result.monoid.setFieldsAttr(fieldAttrs(std::vector<bool>(fold.fields.size(), false)));
      report = reference::checkLaws(result.monoid, options);
    }
    if (!report) {
      error(scope.attention.normalizerRange, report.error().message);
    } else if (report->violation) {
      frontend::Diagnostic& diagnostic = error(scope.attention.normalizerRange, report->violation->message);
      std::string states = "counterexample:";
      for (const std::string& note : report->violation->notes)
        states += "\n    " + note;
      diagnostic.notes.push_back({scope.attention.normalizerRange, states});
      diagnostic.remedy =
          "keys are merged in tiles and in any grouping, so (a b) c must equal a (b c), and the "
          "initial state must change nothing";
    }
  }

  mlir::Location at() const { return scope.at(scope.attention.normalizerRange); }

  frontend::Diagnostic& error(frontend::SourceRange range, std::string message) {
    diagnostics.push_back({.severity = frontend::Severity::Error,
                           .range = range,
                           .message = std::move(message),
                           .notes = {},
                           .remedy = {}});
    return diagnostics.back();
  }

  static attn::FieldKind kind(bool perV) { return perV ? attn::FieldKind::RowDv : attn::FieldKind::Row; }

  mlir::ArrayAttr fieldAttrs(const std::vector<bool>& gauge) {
    llvm::SmallVector<mlir::Attribute> attributes;
    for (const auto& field : fold.fields)
      attributes.push_back(
          attn::FieldAttr::get(builder.getContext(), field->name, kind(field->perV),
                               gauge[field->index] ? attn::FieldRole::Gauge : attn::FieldRole::Sum));
    for (size_t i = 0; i < carried.size(); ++i)
      attributes.push_back(attn::FieldAttr::get(builder.getContext(), fmt::format("row.{}", i),
                                                attn::FieldKind::Row, attn::FieldRole::Sum));
    return builder.getArrayAttr(attributes);
  }
  mlir::ArrayAttr outputAttrs() {
    llvm::SmallVector<mlir::Attribute> attributes;
    for (const Finalize& finalize : fold.finalize)
      attributes.push_back(attn::OutputAttr::get(builder.getContext(), spelling(finalize.output),
                                                 kind(finalize.output == OutputKind::O)));
    return builder.getArrayAttr(attributes);
  }

  mlir::Block* begin(mlir::Region& region, size_t arguments) {
    mlir::Block* block = builder.createBlock(&region);
    for (size_t i = 0; i < arguments; ++i)
      block->addArgument(builder.getF32Type(), at());
    return block;
  }
  void yield(llvm::ArrayRef<mlir::Value> values) { attn::YieldOp::create(builder, at(), values); }

  mlir::Value constant(double value, mlir::Location loc) {
    return mlir::arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(static_cast<float>(value)));
  }

  // ---- what comes from outside ----

  /// Whether an isolated region gets this expression from outside, whole: it reads the context, but no s, v
  /// or field of the region.
  bool fromContext(Closure closure) {
    Reads found = reads(closure);
    return found.context && !found.own;
  }

  /// Collects the largest such expressions of merge and finalize. They are the same for all keys of a row,
  /// and are carried in fields of their own, which merge by max.
  void carry() {
    std::set<Closure> seen;
    for (const auto& field : fold.fields)
      carry({field->merge.get(), nullptr}, seen);
    for (const Finalize& finalize : fold.finalize)
      carry({finalize.value.get(), nullptr}, seen);
  }
  void carry(Closure closure, std::set<Closure>& seen) {
    if (!seen.insert(closure).second)
      return;
    auto [expr, env] = closure;
    if (fromContext(closure)) {
      if (indexOf(carried, closure) == carried.size())
        carried.push_back(closure);
    } else if (const auto* ref = expr->as<ArgumentRef>()) {
      carry({Env::find(env, ref->argument)->operand, Env::find(env, ref->argument)->operandEnv}, seen);
    } else if (const auto* apply = expr->as<Apply>()) {
      carry({apply->function->body.get(), scope.call(*expr, env)}, seen);
    } else if (const auto* sum = expr->as<Sum>()) {
      for (int64_t i = sum->lo; i < sum->hi; ++i)
        carry({&expr->operand(0), scope.term(*sum, i, env)}, seen);
    } else {
      for (const ExprPtr& operand : expr->operands)
        carry({operand.get(), env}, seen);
    }
  }

  /// Inside a region, `argument` stands for an expression from outside; bools travel as 0 or 1.
  mlir::Value received(const Expr& expr, mlir::Value argument) {
    mlir::Location loc = scope.at(expr.range);
    if (expr.type.scalar == Scalar::Bool)
      return mlir::arith::CmpFOp::create(builder, loc, mlir::arith::CmpFPredicate::UNE, argument,
                                         constant(0, loc));
    if (expr.type.scalar == Scalar::F32)
      return argument;
    error(expr.range, "a fold takes an int from outside only where it becomes a float").remedy =
        "convert it with f32(...)";
    return mlir::arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(0));
  }
  /// The same for what is carried; `argument(i)` stands for carried[i].
  void receiveCarried(Emitter& emitter, std::function<mlir::Value(size_t)> argument) {
    emitter.intercept = [this, argument](Closure closure) -> mlir::Value {
      size_t found = fromContext(closure) ? indexOf(carried, closure) : carried.size();
      return found == carried.size() ? nullptr : received(*closure.first, argument(found));
    };
  }

  // ---- the regions ----

  void identity() {
    begin(result.monoid.getIdentity(), 0);
    llvm::SmallVector<mlir::Value> values;
    for (const auto& field : fold.fields)
      values.push_back(constant(field->init, scope.at(field->nameRange)));
    for (Closure row : carried)
      values.push_back(constant(-std::numeric_limits<double>::infinity(), scope.at(row.first->range)));
    yield(values);
  }

  /// Largest subexpressions that read the context but not v become arguments between s and v.
  void lift() {
    mlir::Block* block = begin(result.monoid.getLift(), 2);
    Emitter emitter(scope, scope.finalVersion());
    emitter.bindScore(scope.finalVersion(), block->getArgument(0));
    emitter.bind(Builtin::V, block->getArgument(1));
    auto addStream = [&](Closure closure) -> mlir::Value {
      result.streams.push_back(closure);
      return block->insertArgument(block->getNumArguments() - 1, builder.getF32Type(),
                                   scope.at(closure.first->range));
    };
    emitter.intercept = [&](Closure closure) -> mlir::Value {
      if (!fromContext(closure))
        return nullptr;
      size_t known = indexOf(result.streams, closure);
      return received(*closure.first,
                      known < result.streams.size() ? block->getArgument(1 + known) : addStream(closure));
    };
    llvm::SmallVector<mlir::Value> values;
    for (const auto& field : fold.fields)
      values.push_back(emitter.emit(*field->lift));
    for (Closure row : carried)
      values.push_back(addStream(row));
    yield(values);
  }

  void merge() {
    const size_t own = fold.fields.size(), all = own + carried.size();
    mlir::Block* block = begin(result.monoid.getMerge(), 2 * all);
    Emitter emitter(scope, 0);
    for (const auto& field : fold.fields) {
      emitter.bindField(*field, Side::A, block->getArgument(field->index));
      emitter.bindField(*field, Side::B, block->getArgument(all + field->index));
    }
    llvm::SmallVector<mlir::Value> values(own);
    for (size_t i = own; i < all; ++i)
      values.push_back(
          mlir::arith::MaxNumFOp::create(builder, at(), block->getArgument(i), block->getArgument(all + i)));
    receiveCarried(emitter, [&](size_t i) { return values[own + i]; });
    for (const Field* field : fold.mergeOrder) {
      values[field->index] = emitter.emit(*field->merge);
      emitter.bindField(*field, Side::New, values[field->index]);
    }
    yield(values);
  }

  void finalize() {
    mlir::Block* block = begin(result.monoid.getFinalize(), fold.fields.size() + carried.size());
    Emitter emitter(scope, 0);
    for (const auto& field : fold.fields)
      emitter.bindField(*field, Side::New, block->getArgument(field->index));
    receiveCarried(emitter, [&](size_t i) { return block->getArgument(fold.fields.size() + i); });
    llvm::SmallVector<mlir::Value> values;
    for (const Finalize& finalize : fold.finalize)
      values.push_back(emitter.emit(*finalize.value));
    yield(values);
  }

  /// What an expression reads, besides sizes and constants.
  struct Reads {
    bool own = false;     ///< v or a field
    bool score = false;   ///< s
    bool context = false; ///< params, indices, and lets that saw s before the last score statement
  };
  Reads reads(Closure closure) {
    if (auto known = readsOf.find(closure); known != readsOf.end())
      return known->second;
    auto [expr, env] = closure;
    Reads found;
    auto add = [&](Reads other) {
      found.own |= other.own, found.score |= other.score, found.context |= other.context;
    };
    if (const auto* ref = expr->as<BuiltinRef>())
      found = {.own = ref->builtin == Builtin::V,
               .score = ref->builtin == Builtin::S,
               .context = ref->builtin != Builtin::V && ref->builtin != Builtin::S && !isSize(ref->builtin)};
    found.own |= expr->as<FieldRef>() != nullptr;
    found.context |= expr->as<ParamRef>() || expr->as<Load>();
    if (const auto* ref = expr->as<LetRef>()) {
      add(reads({ref->let->value.get(), nullptr}));
      found.context |= found.score && scope.versionOf(*ref->let) != scope.finalVersion();
    }
    if (const auto* ref = expr->as<ArgumentRef>())
      add(reads({Env::find(env, ref->argument)->operand, Env::find(env, ref->argument)->operandEnv}));
    if (const auto* apply = expr->as<Apply>())
      add(reads({apply->function->body.get(), scope.call(*expr, env)}));
    else if (const auto* sum = expr->as<Sum>())
      add(reads({&expr->operand(0), scope.term(*sum, sum->lo, env)}));
    else
      for (const ExprPtr& operand : expr->operands)
        add(reads({operand.get(), env}));
    return readsOf[closure] = found;
  }

  mlir::ModuleOp module;
  const AttentionScope& scope;
  mlir::OpBuilder& builder;
  const Fold& fold;
  std::vector<frontend::Diagnostic>& diagnostics;
  UserFold result;
  std::vector<Closure> carried; ///< what merge and finalize read of the context
  std::map<Closure, Reads> readsOf;
};

} // namespace

UserFold buildFold(mlir::ModuleOp module, const AttentionScope& scope, const Fold& fold,
                   std::vector<frontend::Diagnostic>& diagnostics) {
  return FoldBuilder(module, scope, fold, diagnostics).build();
}

} // namespace attile::irgen
