#include <attile/expr.h>

#include "package/compiled_expr.h"
#include <array>
#include <fmt/core.h>

namespace attile::plan {

struct Expr::Node {
  Op op = Op::literal;
  int operands = 0;
  std::int64_t literal = 0;
  std::string name;
  std::array<Expr, 3> operand;

  Node(std::int64_t literal) : literal(literal), operand{Expr(nullptr), Expr(nullptr), Expr(nullptr)} {}
  Node(std::string name) : Node(0) { op = Op::symbol, this->name = std::move(name); }
  Node(Op op, Expr a, Expr b) : Node(0) {
    this->op = op, operands = 2;
    operand[0] = std::move(a), operand[1] = std::move(b);
  }
};

Expr::Expr(std::int64_t literal) : node(std::make_shared<const Node>(literal)) {}

Expr Expr::symbol(std::string name) { return Expr(std::make_shared<const Node>(std::move(name))); }

Expr Expr::make(Op op, Expr a, Expr b) {
  assert(op > Op::symbol && op < Op::select);
  return Expr(std::make_shared<const Node>(op, std::move(a), std::move(b)));
}

Expr Expr::select(Expr condition, Expr then, Expr otherwise) {
  auto node = std::make_shared<Node>(Op::select, std::move(condition), std::move(then));
  node->operands = 3;
  node->operand[2] = std::move(otherwise);
  return Expr(std::move(node));
}

Expr::Op Expr::op() const { return node->op; }
std::int64_t Expr::literal() const { return node->literal; }
const std::string& Expr::name() const { return node->name; }
int Expr::operands() const { return node->operands; }
const Expr& Expr::operand(int index) const {
  assert(index < node->operands);
  return node->operand[index];
}

namespace {
struct OpFact {
  std::string_view name, infix;
  int precedence; ///< of the infix form; calls bind tightest
};
constexpr OpFact op_facts[] = {
    {"literal", "", 9}, {"symbol", "", 9},   {"add", " + ", 5},  {"sub", " - ", 5},
    {"mul", " * ", 6},  {"floordiv", "", 9}, {"ceildiv", "", 9}, {"mod", "", 9},
    {"min", "", 9},     {"max", "", 9},      {"lt", " < ", 4},   {"le", " <= ", 4},
    {"eq", " == ", 3},  {"and", " && ", 2},  {"or", " || ", 1},  {"select", " ? ", 0}};

const OpFact& fact(Expr::Op op) { return op_facts[static_cast<int>(op)]; }

/// `expr`, in parentheses if it binds less than `precedence`.
std::string print(const Expr& expr, int precedence) {
  if (expr.op() == Expr::Op::literal)
    return std::to_string(expr.literal());
  if (expr.op() == Expr::Op::symbol)
    return expr.name();
  const OpFact& op = fact(expr.op());
  std::string text;
  if (expr.op() == Expr::Op::select)
    text = print(expr.operand(0), 1) + " ? " + print(expr.operand(1), 1) + " : " + print(expr.operand(2), 0);
  else if (op.infix.empty())
    return fmt::format("{}({}, {})", op.name, print(expr.operand(0), 0), print(expr.operand(1), 0));
  else
    text = fmt::format("{}{}{}", print(expr.operand(0), op.precedence), op.infix,
                       print(expr.operand(1), op.precedence + 1));
  return op.precedence < precedence ? "(" + text + ")" : text;
}
} // namespace

std::string_view op_name(Expr::Op op) { return fact(op).name; }

std::string to_string(const Expr& expr) { return print(expr, 0); }

CompiledExpr::Outcome CompiledExpr::floor_divide(std::int64_t a, std::int64_t b, std::int64_t& quotient,
                                                 std::int64_t& remainder) {
  if (b == 0)
    return Outcome::division;
  if (a == INT64_MIN && b == -1)
    return Outcome::overflow;
  quotient = a / b, remainder = a % b;
  if (remainder != 0 && (remainder < 0) != (b < 0))
    --quotient, remainder += b;
  return Outcome::good;
}

CompiledExpr::Outcome CompiledExpr::apply(Expr::Op op, std::int64_t a, std::int64_t b, std::int64_t& result) {
  std::int64_t other = 0;
  auto checked = [](bool overflow) { return overflow ? Outcome::overflow : Outcome::good; };
  switch (op) {
  case Expr::Op::add:
    return checked(__builtin_add_overflow(a, b, &result));
  case Expr::Op::sub:
    return checked(__builtin_sub_overflow(a, b, &result));
  case Expr::Op::mul:
    return checked(__builtin_mul_overflow(a, b, &result));
  case Expr::Op::floordiv:
    return floor_divide(a, b, result, other);
  case Expr::Op::mod:
    return b == -1 ? (result = 0, Outcome::good) : floor_divide(a, b, other, result);
  case Expr::Op::ceildiv: {
    Outcome outcome = floor_divide(a, b, result, other);
    if (outcome == Outcome::good && other != 0)
      ++result; // cannot overflow: an inexact quotient is below the maximum
    return outcome;
  }
  case Expr::Op::min:
    return result = a < b ? a : b, Outcome::good;
  case Expr::Op::max:
    return result = a > b ? a : b, Outcome::good;
  case Expr::Op::lt:
    return result = a < b, Outcome::good;
  case Expr::Op::le:
    return result = a <= b, Outcome::good;
  case Expr::Op::eq:
    return result = a == b, Outcome::good;
  default:
    __builtin_unreachable();
  }
}

Result<CompiledExpr> CompiledExpr::compile(const Expr& expr, const Resolve& resolve) {
  CompiledExpr compiled;
  compiled.source = expr;
  Result<int> root = compiled.add(expr, resolve, 0);
  if (!root)
    return root.error();
  return compiled;
}

Result<int> CompiledExpr::add(const Expr& expr, const Resolve& resolve, int depth) {
  if (depth > Expr::max_depth || nodes.size() >= static_cast<std::size_t>(Expr::max_nodes))
    return user_error(
        fmt::format("expression is too large: expected a depth of at most {} and at most {} operations",
                    Expr::max_depth, Expr::max_nodes));
  Node node{expr.op(), {-1, -1, -1}, 0};
  if (node.op == Expr::Op::literal) {
    node.number = expr.literal();
  } else if (node.op == Expr::Op::symbol) {
    std::optional<int> index = resolve(expr.name());
    if (!index)
      return user_error(fmt::format("unknown symbol '{}' in an expression", expr.name()));
    node.number = *index;
  }
  for (int i = 0; i < expr.operands(); ++i) {
    Result<int> operand = add(expr.operand(i), resolve, depth + 1);
    if (!operand)
      return operand;
    node.operand[i] = *operand;
  }
  nodes.push_back(node);
  return static_cast<int>(nodes.size()) - 1;
}

Result<std::int64_t> CompiledExpr::evaluate(std::span<const std::int64_t> symbols) const {
  std::int64_t value = 0;
  switch (run(static_cast<int>(nodes.size()) - 1, symbols, value)) {
  case Outcome::good:
    return value;
  case Outcome::overflow:
    return user_error(fmt::format("{} does not fit 64 bits", to_string(source)));
  case Outcome::division:
    return user_error(fmt::format("division by zero in {}", to_string(source)));
  }
  __builtin_unreachable();
}

CompiledExpr::Outcome CompiledExpr::run(int index, std::span<const std::int64_t> symbols,
                                        std::int64_t& value) const {
  const Node& node = nodes[index];
  if (node.op == Expr::Op::literal)
    return value = node.number, Outcome::good;
  if (node.op == Expr::Op::symbol)
    return value = symbols[node.number], Outcome::good;
  std::int64_t a = 0, b = 0;
  if (Outcome outcome = run(node.operand[0], symbols, a); outcome != Outcome::good)
    return outcome;
  if (node.op == Expr::Op::select)
    return run(node.operand[a ? 1 : 2], symbols, value);
  if (node.op == Expr::Op::both || node.op == Expr::Op::either) {
    if ((a != 0) == (node.op == Expr::Op::either))
      return value = a != 0, Outcome::good;
    Outcome outcome = run(node.operand[1], symbols, b);
    return value = b != 0, outcome;
  }
  if (Outcome outcome = run(node.operand[1], symbols, b); outcome != Outcome::good)
    return outcome;
  return apply(node.op, a, b, value);
}

Result<std::int64_t> evaluate(const Expr& expr, const Symbols& symbols) {
  std::vector<std::int64_t> values;
  Result<CompiledExpr> compiled =
      CompiledExpr::compile(expr, [&](const std::string& name) -> std::optional<int> {
        auto found = symbols.find(name);
        if (found == symbols.end())
          return std::nullopt;
        values.push_back(found->second);
        return static_cast<int>(values.size()) - 1;
      });
  if (!compiled)
    return compiled.error();
  return compiled->evaluate(values);
}

} // namespace attile::plan
