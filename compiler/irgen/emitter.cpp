#include "compiler/irgen/emitter.h"

#include "dialect/attn/Attn.h"

#include <limits>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Math/IR/Math.h>

namespace attile::irgen {

using namespace ast;
namespace arith = mlir::arith;
namespace math = mlir::math;

// ---- what the regions share ----------------------------------------------------------------------------

AttentionScope::AttentionScope(mlir::OpBuilder& builder, const frontend::Source& source,
                               const Attention& attention)
    : builder(builder), attention(attention), source(source), file(builder.getStringAttr(source.name())) {
  for (const Step& step : attention.steps)
    if (const auto* let = std::get_if<std::unique_ptr<Let>>(&step))
      versions[let->get()] = scoreStatements;
    else
      ++scoreStatements;
}

mlir::Location AttentionScope::at(frontend::SourceRange range) const {
  frontend::Source::Position position = source.position(range.begin);
  return mlir::FileLineColLoc::get(file, position.line, position.column);
}

mlir::Location AttentionScope::at(llvm::StringRef name, frontend::SourceRange range) const {
  return mlir::NameLoc::get(builder.getStringAttr(name), at(range));
}

const Env* AttentionScope::call(const Expr& apply, const Env* env) const {
  auto& chain = environments[{&apply, env, 0}];
  if (!chain) {
    const UserFunction& function = *apply.as<Apply>()->function;
    chain = std::make_unique<std::vector<Env>>(function.arguments.size());
    for (size_t i = 0; i < chain->size(); ++i)
      (*chain)[i] = {.outer = i == 0 ? nullptr : &(*chain)[i - 1],
                     .key = function.arguments[i].get(),
                     .operand = &apply.operand(i),
                     .operandEnv = env,
                     .index = 0};
  }
  return chain->empty() ? nullptr : &chain->back();
}

const Env* AttentionScope::term(const Sum& sum, int64_t index, const Env* env) const {
  auto& entry = environments[{&sum, env, index}];
  if (!entry)
    entry = std::make_unique<std::vector<Env>>(
        1, Env{.outer = env, .key = &sum, .operand = nullptr, .operandEnv = nullptr, .index = index});
  return &entry->front();
}

std::set<size_t> AttentionScope::versionsRead(Closure closure, size_t version) const {
  std::set<size_t> found;
  std::set<Closure> seen;
  auto visit = [&](auto& self, const Expr& expr, const Env* env, size_t version) -> void {
    if (!seen.insert({&expr, env}).second)
      return;
    if (const auto* ref = expr.as<BuiltinRef>(); ref && ref->builtin == Builtin::S)
      found.insert(version);
    if (const auto* ref = expr.as<LetRef>())
      self(self, *ref->let->value, nullptr, versionOf(*ref->let));
    if (const auto* ref = expr.as<ArgumentRef>()) {
      const Env* bound = Env::find(env, ref->argument);
      self(self, *bound->operand, bound->operandEnv, version);
    }
    if (const auto* apply = expr.as<Apply>())
      self(self, *apply->function->body, call(expr, env), version);
    else if (const auto* sum = expr.as<Sum>())
      self(self, expr.operand(0), term(*sum, sum->lo, env), version);
    else
      for (const ExprPtr& operand : expr.operands)
        self(self, *operand, env, version);
  };
  visit(visit, *closure.first, closure.second, version);
  return found;
}

// ---- expressions ---------------------------------------------------------------------------------------

mlir::Value Emitter::emit(const Expr& expr, const Env* env) {
  if (intercept)
    if (mlir::Value value = intercept({&expr, env}))
      return value;
  if (!expr.operands.empty()) {
    auto [known, isNew] = constants.try_emplace(&expr);
    if (isNew)
      known->second = constantValue(expr, scope.attention.headDim);
    if (std::optional<Value> value = known->second)
      return cast(constant(*value, scope.at(expr.range)), expr.type.scalar, scope.at(expr.range));
  }
  return node(expr, env);
}

mlir::Value Emitter::node(const Expr& expr, const Env* env) {
  mlir::Location loc = scope.at(expr.range);
  if (const auto* literal = expr.as<Literal>())
    return cast(constant(literal->value, loc), expr.type.scalar, loc);
  if (const auto* ref = expr.as<BuiltinRef>())
    return builtin(ref->builtin, loc);
  if (const auto* ref = expr.as<ParamRef>())
    return scope.params.lookup(ref->param);
  if (const auto* ref = expr.as<LetRef>())
    return let(*ref->let);
  if (const auto* ref = expr.as<FieldRef>())
    return fields.at({ref->field, ref->side});
  if (const auto* ref = expr.as<SumIndexRef>())
    return constant(Env::find(env, ref->sum)->index, loc);
  if (const auto* ref = expr.as<ArgumentRef>()) {
    const Env* bound = Env::find(env, ref->argument);
    if (mlir::Value known = arguments.lookup(bound))
      return known;
    mlir::Value value = emit(*bound->operand, bound->operandEnv);
    return arguments[bound] = value;
  }
  if (const auto* apply = expr.as<Apply>())
    return emit(*apply->function->body, scope.call(expr, env));
  if (const auto* sum = expr.as<Sum>()) {
    mlir::Value total;
    for (int64_t i = sum->lo; i < sum->hi; ++i) {
      mlir::Value term = emit(expr.operand(0), scope.term(*sum, i, env));
      total = total ? binary(expr, BinaryOp::Add, total, term) : term;
    }
    return total ? total : cast(constant(int64_t{0}, loc), expr.type.scalar, loc);
  }
  llvm::SmallVector<mlir::Value> operands;
  for (const ExprPtr& operand : expr.operands)
    operands.push_back(emit(*operand, env));
  if (const auto* load = expr.as<Load>()) {
    mlir::Value tensor = scope.params.lookup(load->param);
    Scalar element = scalarOf(load->param->element);
    mlir::Type type = element == Scalar::F32    ? mlir::Type(builder.getF32Type())
                      : element == Scalar::Bool ? mlir::Type(builder.getI1Type())
                                                : mlir::Type(builder.getI64Type());
    return attn::LookupOp::create(builder, loc, type, tensor, operands);
  }
  if (const auto* op = expr.as<Unary>())
    return unary(expr, op->op, operands[0]);
  if (const auto* op = expr.as<Binary>())
    return binary(expr, op->op, operands[0], operands[1]);
  if (const auto* op = expr.as<Cast>())
    return cast(operands[0], op->to, loc);
  if (expr.as<Select>())
    return builder.createOrFold<arith::SelectOp>(loc, operands[0], operands[1], operands[2]);
  if (const auto* op = expr.as<Call>())
    return call(expr, op->function, operands);
  llvm_unreachable("a checked tree has no Invalid, Name or Member nodes");
}

mlir::Value Emitter::constant(const Value& value, mlir::Location loc) {
  if (const double* number = std::get_if<double>(&value))
    return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(static_cast<float>(*number)));
  if (const int64_t* number = std::get_if<int64_t>(&value))
    return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(*number));
  return arith::ConstantOp::create(builder, loc, builder.getBoolAttr(std::get<bool>(value)));
}

mlir::Value Emitter::builtin(Builtin builtin, mlir::Location loc) {
  if (builtin == Builtin::S)
    return scores.at(version);
  if (mlir::Value known = builtins[builtin])
    return known;
  mlir::Value value;
  if (builtin == Builtin::HeadDim || builtin == Builtin::HeadDimV)
    value =
        constant(builtin == Builtin::HeadDim ? scope.attention.headDim->qk : scope.attention.headDim->v, loc);
  else if (builtin == Builtin::QPos)
    value = arith::AddIOp::create(builder, loc, this->builtin(Builtin::Q, loc),
                                  arith::SubIOp::create(builder, loc, this->builtin(Builtin::KvLen, loc),
                                                        this->builtin(Builtin::QLen, loc)));
  else
    value = attn::SizeOp::create(builder, loc, builder.getI64Type(), spelling(builtin));
  return builtins[builtin] = value;
}

/// The operations of a let carry its name.
mlir::Value Emitter::let(const Let& let) {
  if (mlir::Value known = lets.lookup(&let))
    return known;
  size_t outer = std::exchange(version, scope.versionOf(let));
  mlir::Value value = emit(*let.value);
  version = outer;
  if (mlir::Operation* op = value.getDefiningOp())
    op->setLoc(scope.at(let.name, let.value->range));
  return lets[&let] = value;
}

mlir::Value Emitter::cast(mlir::Value value, Scalar to, mlir::Location loc) {
  mlir::Type type = value.getType();
  if (to == Scalar::F32 && type.isInteger(1))
    return builder.createOrFold<arith::UIToFPOp>(loc, builder.getF32Type(), value);
  if (to == Scalar::F32 && type.isInteger(64))
    return builder.createOrFold<arith::SIToFPOp>(loc, builder.getF32Type(), value);
  if (to == Scalar::Int && type.isInteger(1))
    return builder.createOrFold<arith::ExtUIOp>(loc, builder.getI64Type(), value);
  if (to == Scalar::Int && type.isF32())
    return toInteger(value, loc);
  return value;
}

/// arith.fptosi is poison out of range, so x is brought into it first: NaN to 0, then to the ends of what f32
/// can say of 64 bits.
mlir::Value Emitter::toInteger(mlir::Value x, mlir::Location loc) {
  mlir::Value ordered = builder.createOrFold<arith::CmpFOp>(loc, arith::CmpFPredicate::ORD, x, x);
  x = builder.createOrFold<arith::SelectOp>(loc, ordered, x, constant(0.0, loc));
  x = builder.createOrFold<arith::MaxNumFOp>(loc, x, constant(-0x1p63, loc));
  x = builder.createOrFold<arith::MinNumFOp>(loc, x, constant(0x1.fffffep62, loc));
  return builder.createOrFold<arith::FPToSIOp>(loc, builder.getI64Type(), x);
}

mlir::Value Emitter::unary(const Expr& expr, UnaryOp op, mlir::Value a) {
  mlir::Location loc = scope.at(expr.range);
  switch (op) {
  case UnaryOp::Neg:
    if (a.getType().isF32())
      return builder.createOrFold<arith::NegFOp>(loc, a);
    return builder.createOrFold<arith::SubIOp>(loc, constant(int64_t{0}, loc), a);
  case UnaryOp::Not:
    return builder.createOrFold<arith::XOrIOp>(loc, a, constant(true, loc));
  case UnaryOp::BitNot:
    return builder.createOrFold<arith::XOrIOp>(loc, a, constant(int64_t{-1}, loc));
  }
  llvm_unreachable("all unary operators are handled");
}

mlir::Value Emitter::binary(const Expr& expr, BinaryOp op, mlir::Value a, mlir::Value b) {
  mlir::Location loc = scope.at(expr.range);
  const bool isFloat = a.getType().isF32(), isBool = a.getType().isInteger(1);
  using I = arith::CmpIPredicate;
  using F = arith::CmpFPredicate;
  auto compare = [&](I integer, F number) -> mlir::Value {
    if (isFloat)
      return builder.createOrFold<arith::CmpFOp>(loc, number, a, b);
    return builder.createOrFold<arith::CmpIOp>(loc, integer, a, b);
  };
  // A shift by 64 or more is poison in arith: the amount is clamped, as the language says.
  auto amount = [&]() -> mlir::Value {
    mlir::Value low = builder.createOrFold<arith::MaxSIOp>(loc, b, constant(int64_t{0}, loc));
    return builder.createOrFold<arith::MinSIOp>(loc, low, constant(int64_t{63}, loc));
  };
  switch (op) {
  case BinaryOp::Mul:
    return isFloat ? builder.createOrFold<arith::MulFOp>(loc, a, b)
                   : builder.createOrFold<arith::MulIOp>(loc, a, b);
  case BinaryOp::Div:
    return isFloat ? builder.createOrFold<arith::DivFOp>(loc, a, b)
                   : builder.createOrFold<attn::FloorDivOp>(loc, builder.getI64Type(), a, b);
  case BinaryOp::Rem:
    return builder.createOrFold<attn::FloorModOp>(loc, builder.getI64Type(), a, b);
  case BinaryOp::Add:
    return isFloat ? builder.createOrFold<arith::AddFOp>(loc, a, b)
                   : builder.createOrFold<arith::AddIOp>(loc, a, b);
  case BinaryOp::Sub:
    return isFloat ? builder.createOrFold<arith::SubFOp>(loc, a, b)
                   : builder.createOrFold<arith::SubIOp>(loc, a, b);
  case BinaryOp::Shl:
    return builder.createOrFold<arith::ShLIOp>(loc, a, amount());
  case BinaryOp::Shr:
    return builder.createOrFold<arith::ShRSIOp>(loc, a, amount());
  case BinaryOp::Lt:
    return compare(isBool ? I::ult : I::slt, F::OLT);
  case BinaryOp::Le:
    return compare(isBool ? I::ule : I::sle, F::OLE);
  case BinaryOp::Gt:
    return compare(isBool ? I::ugt : I::sgt, F::OGT);
  case BinaryOp::Ge:
    return compare(isBool ? I::uge : I::sge, F::OGE);
  case BinaryOp::Eq:
    return compare(I::eq, F::OEQ);
  case BinaryOp::Ne:
    return compare(I::ne, F::UNE);
  case BinaryOp::BitAnd:
  case BinaryOp::And:
    return builder.createOrFold<arith::AndIOp>(loc, a, b);
  case BinaryOp::BitXor:
    return builder.createOrFold<arith::XOrIOp>(loc, a, b);
  case BinaryOp::BitOr:
  case BinaryOp::Or:
    return builder.createOrFold<arith::OrIOp>(loc, a, b);
  }
  llvm_unreachable("all binary operators are handled");
}

mlir::Value Emitter::call(const Expr& expr, Function function, llvm::ArrayRef<mlir::Value> x) {
  mlir::Location loc = scope.at(expr.range);
  const bool isFloat = x[0].getType().isF32();
  auto least = [&](mlir::Value a, mlir::Value b) {
    return isFloat ? builder.createOrFold<arith::MinNumFOp>(loc, a, b)
                   : builder.createOrFold<arith::MinSIOp>(loc, a, b);
  };
  auto greatest = [&](mlir::Value a, mlir::Value b) {
    return isFloat ? builder.createOrFold<arith::MaxNumFOp>(loc, a, b)
                   : builder.createOrFold<arith::MaxSIOp>(loc, a, b);
  };
  switch (function) {
  case Function::Min:
    return least(x[0], x[1]);
  case Function::Max:
    return greatest(x[0], x[1]);
  case Function::Abs:
    return isFloat ? builder.createOrFold<math::AbsFOp>(loc, x[0])
                   : builder.createOrFold<math::AbsIOp>(loc, x[0]);
  case Function::Clamp:
    return least(greatest(x[0], x[1]), x[2]);
  case Function::Pow:
    return builder.createOrFold<math::PowFOp>(loc, x[0], x[1]);
  case Function::Exp:
    return builder.createOrFold<math::ExpOp>(loc, x[0]);
  case Function::Exp2:
    return builder.createOrFold<math::Exp2Op>(loc, x[0]);
  case Function::Log:
    return builder.createOrFold<math::LogOp>(loc, x[0]);
  case Function::Tanh:
    return builder.createOrFold<math::TanhOp>(loc, x[0]);
  case Function::Sigmoid: {
    mlir::Value one = constant(1.0, loc);
    mlir::Value exp = builder.createOrFold<math::ExpOp>(loc, builder.createOrFold<arith::NegFOp>(loc, x[0]));
    return builder.createOrFold<arith::DivFOp>(loc, one, builder.createOrFold<arith::AddFOp>(loc, exp, one));
  }
  case Function::Sqrt:
    return builder.createOrFold<math::SqrtOp>(loc, x[0]);
  case Function::Rsqrt:
    return builder.createOrFold<math::RsqrtOp>(loc, x[0]);
  case Function::Sin:
    return builder.createOrFold<math::SinOp>(loc, x[0]);
  case Function::Cos:
    return builder.createOrFold<math::CosOp>(loc, x[0]);
  case Function::Floor:
    return builder.createOrFold<math::FloorOp>(loc, x[0]);
  }
  llvm_unreachable("all functions are handled");
}

} // namespace attile::irgen
