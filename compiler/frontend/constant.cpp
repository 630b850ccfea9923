// Evaluation of constant expressions, with exactly the meaning that the language reference gives the
// operators.

#include "compiler/frontend/ast.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace attile::ast {
namespace {

constexpr uint32_t kMaxSteps = 4096; // lets can double the work at each step; no honest constant needs more

int64_t wrap(uint64_t bits) { return static_cast<int64_t>(bits); }
uint64_t bits(int64_t value) { return static_cast<uint64_t>(value); }

int64_t floorDiv(int64_t a, int64_t b) {
  if (b == 0)
    return 0;
  if (b == -1)
    return wrap(0 - bits(a)); // the least int / -1 wraps
  int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t floorRem(int64_t a, int64_t b) {
  if (b == 0 || b == -1)
    return 0;
  int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

int64_t toInt(double value) {
  constexpr double kLimit = 9223372036854775808.0; // 2^63
  if (std::isnan(value))
    return 0;
  if (value >= kLimit)
    return std::numeric_limits<int64_t>::max();
  if (value < -kLimit)
    return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

template <class T> std::optional<Value> compare(BinaryOp op, T a, T b) {
  switch (op) {
  case BinaryOp::Lt:
    return a < b;
  case BinaryOp::Le:
    return a <= b;
  case BinaryOp::Gt:
    return a > b;
  case BinaryOp::Ge:
    return a >= b;
  case BinaryOp::Eq:
    return a == b;
  case BinaryOp::Ne:
    return a != b;
  default:
    return std::nullopt;
  }
}

std::optional<Value> apply(BinaryOp op, int64_t a, int64_t b) {
  int shift = static_cast<int>(std::clamp<int64_t>(b, 0, 63));
  switch (op) {
  case BinaryOp::Mul:
    return wrap(bits(a) * bits(b));
  case BinaryOp::Div:
    return floorDiv(a, b);
  case BinaryOp::Rem:
    return floorRem(a, b);
  case BinaryOp::Add:
    return wrap(bits(a) + bits(b));
  case BinaryOp::Sub:
    return wrap(bits(a) - bits(b));
  case BinaryOp::Shl:
    return wrap(bits(a) << shift);
  case BinaryOp::Shr:
    return a >> shift;
  case BinaryOp::BitAnd:
    return a & b;
  case BinaryOp::BitXor:
    return a ^ b;
  case BinaryOp::BitOr:
    return a | b;
  default:
    return compare(op, a, b);
  }
}

std::optional<Value> apply(BinaryOp op, double a, double b) {
  switch (op) {
  case BinaryOp::Mul:
    return a * b;
  case BinaryOp::Div:
    return a / b; // IEEE: x / 0 is infinite or NaN
  case BinaryOp::Add:
    return a + b;
  case BinaryOp::Sub:
    return a - b;
  default:
    return compare(op, a, b);
  }
}

std::optional<Value> apply(BinaryOp op, bool a, bool b) {
  switch (op) {
  case BinaryOp::BitAnd:
  case BinaryOp::And:
    return a && b;
  case BinaryOp::BitOr:
  case BinaryOp::Or:
    return a || b;
  case BinaryOp::BitXor:
  case BinaryOp::Ne:
    return a != b;
  case BinaryOp::Eq:
    return a == b;
  default:
    return std::nullopt;
  }
}

std::optional<Value> call(Function function, const std::vector<Value>& x) {
  if (const int64_t* a = std::get_if<int64_t>(&x[0])) { // min, max, abs and clamp of ints
    auto at = [&](size_t i) { return std::get<int64_t>(x[i]); };
    switch (function) {
    case Function::Min:
      return std::min(*a, at(1));
    case Function::Max:
      return std::max(*a, at(1));
    case Function::Abs:
      return *a < 0 ? wrap(0 - bits(*a)) : *a;
    case Function::Clamp:
      return std::min(std::max(*a, at(1)), at(2));
    default:
      return std::nullopt;
    }
  }
  const double* a = std::get_if<double>(&x[0]);
  if (!a)
    return std::nullopt;
  auto at = [&](size_t i) { return std::get<double>(x[i]); };
  switch (function) {
  case Function::Min:
    return std::fmin(*a, at(1));
  case Function::Max:
    return std::fmax(*a, at(1));
  case Function::Abs:
    return std::fabs(*a);
  case Function::Clamp:
    return std::fmin(std::fmax(*a, at(1)), at(2));
  case Function::Pow:
    return std::pow(*a, at(1));
  case Function::Exp:
    return std::exp(*a);
  case Function::Exp2:
    return std::exp2(*a);
  case Function::Log:
    return std::log(*a);
  case Function::Tanh:
    return std::tanh(*a);
  case Function::Sigmoid:
    return 1 / (1 + std::exp(-*a));
  case Function::Sqrt:
    return std::sqrt(*a);
  case Function::Rsqrt:
    return 1 / std::sqrt(*a);
  case Function::Sin:
    return std::sin(*a);
  case Function::Cos:
    return std::cos(*a);
  case Function::Floor:
    return std::floor(*a);
  }
  return std::nullopt;
}

class Evaluator {
public:
  explicit Evaluator(std::optional<HeadDim> headDim) : headDim_(headDim) {}

  std::optional<Value> evaluate(const Expr& e) {
    if (++steps_ > kMaxSteps || nesting_ > kMaxDepth * 2)
      return std::nullopt;
    ++nesting_;
    auto result = std::visit([&](const auto& node) { return eval(e, node); }, e.node);
    --nesting_;
    return result;
  }

private:
  using Arguments = std::vector<Value>;

  std::optional<Arguments> operands(const Expr& e) {
    Arguments values;
    for (const ExprPtr& operand : e.operands) {
      std::optional<Value> value = evaluate(*operand);
      if (!value)
        return std::nullopt;
      values.push_back(*value);
    }
    return values;
  }

  template <class N> std::optional<Value> eval(const Expr&, const N&) { return std::nullopt; }
  std::optional<Value> eval(const Expr&, const Literal& literal) { return literal.value; }
  std::optional<Value> eval(const Expr&, const BuiltinRef& ref) {
    if (headDim_ && ref.builtin == Builtin::HeadDim)
      return headDim_->qk;
    if (headDim_ && ref.builtin == Builtin::HeadDimV)
      return headDim_->v;
    return std::nullopt;
  }
  std::optional<Value> eval(const Expr&, const LetRef& ref) { return evaluate(*ref.let->value); }
  std::optional<Value> eval(const Expr&, const ArgumentRef& ref) {
    return arguments_ ? std::optional<Value>((*arguments_)[ref.argument->index]) : std::nullopt;
  }
  std::optional<Value> eval(const Expr&, const SumIndexRef& ref) {
    for (size_t i = sums_.size(); i-- > 0;)
      if (sums_[i].first == ref.sum)
        return sums_[i].second;
    return std::nullopt;
  }

  std::optional<Value> eval(const Expr& e, const Unary& unary) {
    std::optional<Value> x = evaluate(e.operand(0));
    if (!x)
      return std::nullopt;
    if (const bool* value = std::get_if<bool>(&*x))
      return !*value;
    if (const double* value = std::get_if<double>(&*x))
      return -*value;
    int64_t value = std::get<int64_t>(*x);
    return unary.op == UnaryOp::Neg ? wrap(0 - bits(value)) : ~value;
  }

  std::optional<Value> eval(const Expr& e, const Binary& binary) {
    auto x = operands(e);
    if (!x || (*x)[0].index() != (*x)[1].index())
      return std::nullopt;
    return std::visit([&](auto a) { return apply(binary.op, a, std::get<decltype(a)>((*x)[1])); }, (*x)[0]);
  }

  std::optional<Value> eval(const Expr& e, const Select&) {
    std::optional<Value> condition = evaluate(e.operand(0));
    if (!condition || !std::holds_alternative<bool>(*condition))
      return std::nullopt;
    return evaluate(e.operand(std::get<bool>(*condition) ? 1 : 2));
  }

  std::optional<Value> eval(const Expr& e, const Call& node) {
    auto x = operands(e);
    return x ? call(node.function, *x) : std::nullopt;
  }

  std::optional<Value> eval(const Expr& e, const Apply& apply) {
    auto x = operands(e);
    if (!x || !apply.function->body)
      return std::nullopt;
    const Arguments* outer = std::exchange(arguments_, &*x);
    auto result = evaluate(*apply.function->body);
    arguments_ = outer;
    return result;
  }

  std::optional<Value> eval(const Expr& e, const Cast& cast) {
    std::optional<Value> x = evaluate(e.operand(0));
    if (!x)
      return std::nullopt;
    if (cast.to == Scalar::Int)
      return std::visit(
          [](auto value) -> Value {
            if constexpr (std::is_same_v<decltype(value), double>)
              return toInt(value);
            else
              return static_cast<int64_t>(value);
          },
          *x);
    return std::visit([](auto value) -> Value { return static_cast<double>(value); }, *x);
  }

  std::optional<Value> eval(const Expr& e, const Sum& sum) {
    Value total = e.type.scalar == Scalar::Int ? Value(int64_t{0}) : Value(0.0);
    for (int64_t i = sum.lo; i < sum.hi; ++i) {
      sums_.emplace_back(&sum, i);
      std::optional<Value> term = evaluate(*e.operands.back());
      sums_.pop_back();
      if (!term || term->index() != total.index())
        return std::nullopt;
      total =
          *std::visit([&](auto a) { return apply(BinaryOp::Add, a, std::get<decltype(a)>(*term)); }, total);
    }
    return total;
  }

  std::optional<HeadDim> headDim_;
  const Arguments* arguments_ = nullptr;
  std::vector<std::pair<const Sum*, int64_t>> sums_;
  uint32_t steps_ = 0;
  uint32_t nesting_ = 0; // lets and functions can chain
};

} // namespace

std::optional<Value> constantValue(const Expr& expr, std::optional<HeadDim> headDim) {
  return Evaluator(headDim).evaluate(expr);
}

} // namespace attile::ast
