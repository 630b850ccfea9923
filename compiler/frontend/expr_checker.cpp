// ExprChecker: types of operators and calls.

#include "compiler/frontend/expr_checker.h"
#include "compiler/frontend/suggest.h"

#include <algorithm>
#include <fmt/core.h>

namespace attile::frontend {

using namespace ast;

namespace {

constexpr size_t kQuotable = 48; // bytes of source that a remedy repeats

bool isInvalid(const Expr& e) { return e.type.scalar == Scalar::Invalid; }

bool anyPerV(const Expr& e) {
  return std::any_of(e.operands.begin(), e.operands.end(), [](const ExprPtr& o) { return o->type.perV; });
}

bool isLogic(BinaryOp op) { return op == BinaryOp::And || op == BinaryOp::Or; }
bool isBits(BinaryOp op) { return op == BinaryOp::BitAnd || op == BinaryOp::BitOr || op == BinaryOp::BitXor; }
bool isShift(BinaryOp op) { return op == BinaryOp::Shl || op == BinaryOp::Shr; }

} // namespace

std::string describe(Type type) {
  return fmt::format("{}{}", spelling(type.scalar), type.perV ? " for each component of v" : "");
}

std::string ExprChecker::quoted(const Expr& e) const {
  std::string_view text = source_.text(e.range);
  bool plain = text.size() <= kQuotable && text.find('\n') == std::string_view::npos;
  if (!plain)
    return "...";
  return e.operands.empty() || e.parenthesised || e.as<Load>() || e.as<Call>() ? std::string(text)
                                                                               : fmt::format("({})", text);
}

// ---- entry points --------------------------------------------------------------------------------------

Type ExprChecker::check(ExprPtr& expr) {
  visit(*expr);
  return expr->type;
}

Type ExprChecker::checkAs(ExprPtr& expr, Scalar wanted, std::string_view what) {
  Type type = check(expr);
  if (type.scalar == wanted || type.scalar == Scalar::Invalid)
    return type;
  if (wanted == Scalar::F32 && type.scalar == Scalar::Int) {
    convert(expr, Scalar::F32, /*implicit=*/true);
    return expr->type;
  }
  Diagnostic& error = reporter_.error(expr->range, fmt::format("{} has to be {}, but this is {}", what,
                                                               spelling(wanted), spelling(type.scalar)));
  if (wanted == Scalar::Bool)
    error.remedy = fmt::format("compare it: {} != 0", quoted(*expr));
  else if (type.scalar == Scalar::Bool)
    error.remedy = fmt::format("write {} ? 1 : 0", quoted(*expr));
  else
    error.remedy = fmt::format("write int({}), which truncates", source_.text(expr->range).size() <= kQuotable
                                                                     ? source_.text(expr->range)
                                                                     : std::string_view("..."));
  expr->type = {};
  return {};
}

std::optional<Value> ExprChecker::constant(ExprPtr& expr, Scalar wanted, std::string_view what) {
  if (checkAs(expr, wanted, what).scalar == Scalar::Invalid)
    return std::nullopt;
  auto value = constantValue(*expr, scope_.headDim);
  if (!value)
    reporter_.error(expr->range, fmt::format("{} has to be a constant", what)).remedy =
        "only literals, head_dim and what is computed from them are known when a spec is compiled";
  return value;
}

void ExprChecker::convert(ExprPtr& expr, Scalar to, bool implicit) {
  auto cast = std::make_unique<Expr>();
  cast->node = Cast{to, implicit};
  cast->range = expr->range;
  cast->type = {to, expr->type.perV};
  cast->depth = expr->depth + 1;
  cast->operands.push_back(std::move(expr));
  expr = std::move(cast);
}

void ExprChecker::visit(Expr& e) {
  bool ownOrder = e.as<Sum>() || e.as<Load>();
  if (!ownOrder)
    for (ExprPtr& operand : e.operands)
      visit(*operand);
  if (auto* node = e.as<Literal>())
    e.type = {scalarOf(node->value), false};
  else if (auto* node = e.as<Name>())
    name(e, std::string(node->name));
  else if (auto* node = e.as<Member>())
    member(e, *node);
  else if (auto* node = e.as<Load>())
    load(e, *node);
  else if (auto* node = e.as<Unary>())
    unary(e, node->op);
  else if (auto* node = e.as<Binary>())
    binary(e, *node);
  else if (e.as<Select>())
    select(e);
  else if (e.as<Apply>())
    apply(e);
  else if (e.as<Sum>())
    sum(e);
}

// ---- operators -----------------------------------------------------------------------------------------

/// "'+' needs a number, found bool", with what to write instead.
void ExprChecker::needs(const Expr& operand, std::string_view who, std::string_view wanted, SourceRange at) {
  Diagnostic& error = reporter_.error(at, fmt::format("'{}' needs {}, but {} is {}", who, wanted,
                                                      quoted(operand), spelling(operand.type.scalar)));
  if (operand.type.scalar == Scalar::Bool)
    error.remedy = fmt::format("a truth value is no number: write {} ? 1 : 0", quoted(operand));
  else if (wanted == "bool")
    error.remedy = fmt::format("compare it: {} != 0", quoted(operand));
  else
    error.remedy = fmt::format("convert it: int({})", quoted(operand));
}

bool ExprChecker::unify(Expr& e, size_t from, std::string_view who, SourceRange at) {
  bool real = false;
  for (size_t i = from; i < e.operands.size(); ++i) {
    const Expr& operand = *e.operands[i];
    if (isInvalid(operand))
      return false;
    if (!operand.type.isNumber())
      return needs(operand, who, "a number", at), false;
    real |= operand.type.scalar == Scalar::F32;
  }
  for (size_t i = from; i < e.operands.size(); ++i)
    if (real && e.operands[i]->type.scalar == Scalar::Int)
      convert(e.operands[i], Scalar::F32, /*implicit=*/true);
  return true;
}

void ExprChecker::unary(Expr& e, UnaryOp op) {
  const Expr& x = *e.operands[0];
  Scalar type = x.type.scalar;
  if (isInvalid(x))
    return;
  SourceRange at{e.range.begin, e.range.begin + 1};
  if (op == UnaryOp::Not && type != Scalar::Bool)
    return needs(x, "!", "bool", at);
  if (op == UnaryOp::BitNot && type != Scalar::Int)
    return needs(x, "~", "int", at);
  if (op == UnaryOp::Neg && type == Scalar::Bool)
    return needs(x, "-", "a number", at);
  e.type = x.type;
}

void ExprChecker::binary(Expr& e, const Binary& binary) {
  const Expr &x = *e.operands[0], &y = *e.operands[1];
  if (isInvalid(x) || isInvalid(y))
    return;
  std::string_view symbol = spelling(binary.op);
  bool perV = anyPerV(e), bothBool = x.type.scalar == Scalar::Bool && y.type.scalar == Scalar::Bool;

  auto wantBoth = [&](Scalar wanted) {
    for (const Expr* operand : {&x, &y})
      if (operand->type.scalar != wanted) {
        if (!precedenceTrap(x, y, binary))
          needs(*operand, symbol, spelling(wanted), binary.opRange);
        return false;
      }
    return true;
  };

  if (isLogic(binary.op)) {
    if (wantBoth(Scalar::Bool))
      e.type = {Scalar::Bool, perV};
  } else if (bothBool && (isBits(binary.op) || isEquality(binary.op))) {
    e.type = {Scalar::Bool, perV};
  } else if (isBits(binary.op) || isShift(binary.op)) {
    if (wantBoth(Scalar::Int))
      e.type = {Scalar::Int, perV};
  } else if (unify(e, 0, symbol, binary.opRange)) {
    Scalar operands = e.operands[0]->type.scalar;
    bool compares = isEquality(binary.op) || isRelational(binary.op);
    if (binary.op == BinaryOp::Rem && operands == Scalar::F32)
      reporter_.error(binary.opRange, "'%' needs int, but an operand is f32").remedy =
          "write x - y * floor(x / y)";
    else
      e.type = {compares ? Scalar::Bool : operands, perV};
    divisionNotes(e, binary);
  }
}

/// k & 1 == 0 is k & (1 == 0), as in C, and never what was meant.
bool ExprChecker::precedenceTrap(const Expr& x, const Expr& y, const Binary& binary) {
  auto* inner = y.as<Binary>();
  if (!isBits(binary.op) || !inner || y.parenthesised || y.type.scalar != Scalar::Bool)
    return false;
  std::string_view outerOp = spelling(binary.op), innerOp = spelling(inner->op);
  reporter_.error(binary.opRange, fmt::format("'{}' mixes {} and bool", outerOp, spelling(x.type.scalar)))
      .remedy = fmt::format("'{1}' binds tighter than '{0}', as in C: write ({2} {0} {3}) {1} {4}", outerOp,
                            innerOp, quoted(x), quoted(y.operand(0)), quoted(y.operand(1)));
  return true;
}

/// 1 / 2 is 0: legal, and hardly ever meant.
void ExprChecker::divisionNotes(const Expr& e, const Binary& binary) {
  auto* x = e.operand(0).as<Literal>();
  auto* y = e.operand(1).as<Literal>();
  bool ofInts = binary.op == BinaryOp::Div && e.type.scalar == Scalar::Int && x && y;
  if (!ofInts)
    return;
  int64_t a = std::get<int64_t>(x->value), b = std::get<int64_t>(y->value);
  if (b == 0 || a % b != 0)
    reporter_.warning(e.range, fmt::format("{} / {} is the integer {}", a, b, b == 0 ? 0 : a / b)).remedy =
        fmt::format("write {}.0 / {} for a real quotient", a, b);
}

void ExprChecker::select(Expr& e) {
  if (!isInvalid(*e.operands[0]) && e.operands[0]->type.scalar != Scalar::Bool)
    return needs(*e.operands[0], "?:", "bool", e.operands[0]->range);
  const Expr &x = *e.operands[1], &y = *e.operands[2];
  if (isInvalid(*e.operands[0]) || isInvalid(x) || isInvalid(y))
    return;
  bool bothBool = x.type.scalar == Scalar::Bool && y.type.scalar == Scalar::Bool;
  if (!bothBool && !x.type.isNumber() != !y.type.isNumber()) {
    reporter_.error(e.range, fmt::format("the two results of '?:' differ: {} and {}", spelling(x.type.scalar),
                                         spelling(y.type.scalar)));
    return;
  }
  if (bothBool || unify(e, 1, "?:", e.range))
    e.type = {e.operands[1]->type.scalar, anyPerV(e)};
}

// ---- calls ---------------------------------------------------------------------------------------------

void ExprChecker::apply(Expr& e) {
  Apply& apply = *e.as<Apply>();
  if (auto element = elementNamed(apply.name)) {
    Scalar to = scalarOf(*element);
    if (spelling(to) == apply.name && to != Scalar::Bool)
      return cast(e, to);
    Diagnostic& error = reporter_.error(e.range, fmt::format("there is no conversion '{}'", apply.name));
    error.remedy = to == Scalar::Bool ? "compare: x != 0" : "conversions are f32(x) and int(x)";
    e.node = Invalid{};
    return;
  }
  if (auto function = functionNamed(apply.name))
    return call(e, *function);
  if (auto found = scope_.functions.find(apply.name); found != scope_.functions.end())
    return userCall(e, apply, *found->second);

  if (reporter_.full()) {
    e.node = Invalid{};
    return;
  }
  SourceRange at{e.range.begin, e.range.begin + static_cast<uint32_t>(apply.name.size())};
  std::vector<std::string_view> candidates{"f32", "int", "sum"};
  for (int i = 0; i <= static_cast<int>(Function::Floor); ++i)
    candidates.push_back(spelling(static_cast<Function>(i)));
  for (const auto& [known, declaration] : scope_.functions)
    candidates.push_back(known);
  if (auto found = scope_.params.find(apply.name); found != scope_.params.end()) {
    scope_.used.insert(found->second);
    reporter_.error(at, fmt::format("param '{}' is called like a function", apply.name)).remedy =
        fmt::format("index a tensor with [ ]: {}[...]", apply.name);
  } else if (!scope_.broken || !scope_.broken->contains(apply.name)) {
    reporter_.error(at, fmt::format("unknown function '{}'", apply.name)).remedy =
        didYouMean(apply.name, candidates);
  }
  e.node = Invalid{};
}

bool ExprChecker::arity(const Expr& e, std::string_view name, size_t wanted) {
  if (e.operands.size() == wanted)
    return true;
  reporter_.error(e.range, fmt::format("'{}' takes {} argument{}, given {}", name, wanted,
                                       wanted == 1 ? "" : "s", e.operands.size()));
  return false;
}

void ExprChecker::cast(Expr& e, Scalar to) {
  bool good = arity(e, spelling(to), 1) && !isInvalid(*e.operands[0]);
  e.node = good ? Node(Cast{to}) : Node(Invalid{});
  if (good)
    e.type = {to, e.operands[0]->type.perV};
}

void ExprChecker::call(Expr& e, Function function) {
  std::string_view name = spelling(function);
  e.node = Call{function};
  if (!arity(e, name, ast::arity(function)) || !unify(e, 0, name, e.range))
    return;
  bool keepsInt = function == Function::Min || function == Function::Max || function == Function::Abs ||
                  function == Function::Clamp;
  if (!keepsInt)
    for (ExprPtr& operand : e.operands)
      if (operand->type.scalar == Scalar::Int)
        convert(operand, Scalar::F32, /*implicit=*/true);
  e.type = {e.operands[0]->type.scalar, anyPerV(e)};
}

void ExprChecker::userCall(Expr& e, Apply& apply, const UserFunction& function) {
  scope_.used.insert(&function);
  if (!arity(e, function.name, function.arguments.size()))
    return;
  apply.function = &function;
  for (size_t i = 0; i < e.operands.size(); ++i) {
    ExprPtr& operand = e.operands[i];
    const Argument& argument = *function.arguments[i];
    if (isInvalid(*operand))
      return;
    if (argument.type == Scalar::F32 && operand->type.scalar == Scalar::Int)
      convert(operand, Scalar::F32, /*implicit=*/true);
    if (operand->type.scalar != argument.type) {
      reporter_
          .error(operand->range,
                 fmt::format("argument '{}' of '{}' is {}, given {}", argument.name, function.name,
                             spelling(argument.type), spelling(operand->type.scalar)))
          .notes.push_back({argument.nameRange, "declared here"});
      return;
    }
  }
  e.type = {function.result, anyPerV(e)};
}

std::optional<int64_t> ExprChecker::bound(ExprPtr& expr) {
  auto value = constant(expr, Scalar::Int, "a bound of sum");
  return value ? std::optional(std::get<int64_t>(*value)) : std::nullopt;
}

/// sum(i in lo..hi, body): evaluates the bounds and leaves the body as the only operand.
void ExprChecker::sum(Expr& e) {
  Sum& sum = *e.as<Sum>();
  auto lo = bound(e.operands[0]), hi = bound(e.operands[1]);
  bool good = lo && hi;
  if (good && (*hi < *lo || static_cast<uint64_t>(*hi) - static_cast<uint64_t>(*lo) > kMaxSumRange)) {
    reporter_.error(join(e.operands[0]->range, e.operands[1]->range),
                    fmt::format("sum over {}..{}: a range is ascending and has at most {} terms", *lo, *hi,
                                kMaxSumRange));
    good = false;
  }
  if (builtinNamed(sum.index) || scope_.declared.contains(sum.index))
    reporter_.error(sum.indexRange, fmt::format("the index '{}' hides another name", sum.index)).remedy =
        "choose another name";
  sum.lo = lo.value_or(0);
  sum.hi = hi.value_or(0);
  sums_.push_back(&sum);
  visit(*e.operands[2]);
  sums_.pop_back();
  e.operands.erase(e.operands.begin(), e.operands.begin() + 2);
  const Expr& body = *e.operands[0];
  if (isInvalid(body) || !good)
    return;
  if (!body.type.isNumber())
    return needs(body, "sum", "a number", body.range);
  e.type = body.type;
}

} // namespace attile::frontend
