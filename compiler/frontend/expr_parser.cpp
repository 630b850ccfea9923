#include "compiler/frontend/expr_parser.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace attile::frontend {

using namespace ast;

namespace {

std::optional<BinaryOp> binaryOp(const Token& token) {
  if (token.kind != TokenKind::Punctuator)
    return std::nullopt;
  for (int i = 0; i <= static_cast<int>(BinaryOp::Or); ++i)
    if (spelling(static_cast<BinaryOp>(i)) == token.text)
      return static_cast<BinaryOp>(i);
  return std::nullopt;
}

std::optional<UnaryOp> unaryOp(const Token& token) {
  for (UnaryOp op : {UnaryOp::Neg, UnaryOp::Not, UnaryOp::BitNot})
    if (token.is(spelling(op)))
      return op;
  return std::nullopt;
}

ExprPtr make(Node node, SourceRange range) {
  auto expr = std::make_unique<Expr>();
  expr->node = std::move(node);
  expr->range = range;
  return expr;
}

/// Counts how deep the parser has recursed, so that no input overflows the stack.
struct Nesting {
  explicit Nesting(uint32_t& depth) : depth(depth) { ++depth; }
  ~Nesting() { --depth; }
  uint32_t& depth;
};

} // namespace

ExprPtr ExprParser::parse() { return ternary(); }

ExprPtr ExprParser::ternary() {
  Nesting nesting(nesting_);
  if (nesting_ > kMaxDepth && tooDeep(cursor_.peek().range))
    return nullptr;
  uint32_t begin = cursor_.peek().range.begin;
  ExprPtr condition = binary(1);
  if (!condition || !cursor_.accept("?"))
    return condition;
  auto select = make(Select{}, {});
  select->operands.push_back(std::move(condition));
  for (std::string_view separator : {":", ""}) {
    ExprPtr arm = ternary();
    if (!arm || (!separator.empty() && !cursor_.expect(separator, "between the two results of '?'")))
      return nullptr;
    select->operands.push_back(std::move(arm));
  }
  return finish(std::move(select), begin);
}

ExprPtr ExprParser::binary(int minPrecedence) {
  uint32_t begin = cursor_.peek().range.begin;
  ExprPtr left = unary();
  while (left) {
    auto op = binaryOp(cursor_.peek());
    if (!op || precedence(*op) < minPrecedence)
      return left;
    SourceRange opRange = cursor_.take().range;
    ExprPtr right = binary(precedence(*op) + 1);
    if (!right || reportChain(*left, *op, opRange))
      return nullptr;
    auto whole = make(Binary{*op, opRange}, {});
    whole->operands.push_back(std::move(left));
    whole->operands.push_back(std::move(right));
    left = finish(std::move(whole), begin);
  }
  return nullptr;
}

/// a < b < c: in C the comparison of a truth value with c, which nobody means.
bool ExprParser::reportChain(const Expr& left, BinaryOp op, SourceRange opRange) {
  auto* inner = left.as<Binary>();
  bool chained = inner && !left.parenthesised &&
                 ((isRelational(inner->op) && isRelational(op)) || (isEquality(inner->op) && isEquality(op)));
  if (!chained)
    return false;
  std::string_view middle = cursor_.source.text(left.operand(1).range);
  std::string_view last = cursor_.source.text({opRange.end, cursor_.previous().range.end});
  last.remove_prefix(std::min(last.find_first_not_of(" \t\r\n"), last.size()));
  cursor_.reporter.error(opRange, "comparisons cannot be chained").remedy =
      fmt::format("write '{} && {} {} {}'", cursor_.source.text(left.range), middle, spelling(op), last);
  return true;
}

ExprPtr ExprParser::unary() {
  auto op = unaryOp(cursor_.peek());
  if (!op)
    return primary();
  Nesting nesting(nesting_);
  if (nesting_ > kMaxDepth && tooDeep(cursor_.peek().range))
    return nullptr;
  uint32_t begin = cursor_.take().range.begin;
  ExprPtr operand = unary();
  if (!operand)
    return nullptr;
  auto expr = make(Unary{*op}, {});
  expr->operands.push_back(std::move(operand));
  return finish(std::move(expr), begin);
}

ExprPtr ExprParser::literal(Value value) { return make(Literal{value}, cursor_.take().range); }

ExprPtr ExprParser::primary() {
  const Token& token = cursor_.peek();
  if (token.kind == TokenKind::Int || token.kind == TokenKind::Float)
    return literal(token.value);
  if (token.is("true") || token.is("false"))
    return literal(token.is("true"));
  if (token.is("inf"))
    return literal(std::numeric_limits<double>::infinity());
  if (token.is("pi"))
    return literal(std::numbers::pi);
  if (token.is("("))
    return parenthesised();
  bool isCast = token.kind == TokenKind::Keyword && elementNamed(token.text) && cursor_.peek(1).is("(");
  if (token.kind == TokenKind::Identifier || isCast)
    return named();
  return missingOperand();
}

ExprPtr ExprParser::missingOperand() {
  const Token& before = cursor_.previous();
  bool power = cursor_.at("*") && before.is("*") && before.range.end == cursor_.peek().range.begin;
  if (Diagnostic* error = cursor_.unexpected("an expression")) {
    if (power)
      error->remedy = "a power is written pow(a, b)";
    else if (cursor_.at("+"))
      error->remedy = "there is no unary '+'; drop it";
    else if (binaryOp(before) && !unaryOp(cursor_.peek()))
      error->remedy = fmt::format("'{}' lacks its right side", before.text);
    else if (cursor_.peek().kind == TokenKind::Keyword)
      error->remedy = fmt::format("'{}' is a keyword and cannot name a value", cursor_.peek().text);
  }
  return nullptr;
}

ExprPtr ExprParser::parenthesised() {
  uint32_t begin = cursor_.take().range.begin;
  ExprPtr inner = ternary();
  if (!inner || !cursor_.expect(")", "to close the parenthesis"))
    return nullptr;
  inner->parenthesised = true;
  inner->range = {begin, cursor_.previous().range.end};
  return inner;
}

/// A name, and what may follow it: (arguments), [indices], .field.
ExprPtr ExprParser::named() {
  const Token& token = cursor_.take();
  std::string name(token.text);
  uint32_t begin = token.range.begin;
  if (name == "sum" && cursor_.at("("))
    return sum();
  if (cursor_.accept("(")) {
    auto call = make(Apply{nullptr, name}, {});
    return arguments(*call, ")") ? finish(std::move(call), begin) : nullptr;
  }
  if (cursor_.accept("[")) {
    auto load = make(Load{nullptr, name}, {});
    if (!arguments(*load, "]"))
      return nullptr;
    if (cursor_.at("[")) {
      cursor_.reporter.error(cursor_.peek().range, fmt::format("'{}' is indexed twice", name)).remedy =
          fmt::format("separate indices by commas: {}[i, j]", name);
      return nullptr;
    }
    return finish(std::move(load), begin);
  }
  if (cursor_.accept(".")) {
    if (cursor_.peek().kind != TokenKind::Identifier) {
      cursor_.unexpected("the name of a state field after '.'");
      return nullptr;
    }
    return finish(make(Member{name, std::string(cursor_.take().text)}, {}), begin);
  }
  return make(Name{name}, token.range);
}

bool ExprParser::arguments(Expr& into, std::string_view close) {
  if (cursor_.accept(close))
    return true;
  do {
    ExprPtr argument = ternary();
    if (!argument)
      return false;
    into.operands.push_back(std::move(argument));
  } while (cursor_.accept(","));
  return cursor_.expect(close, close == ")" ? "after the arguments" : "after the indices");
}

ExprPtr ExprParser::sum() {
  uint32_t begin = cursor_.previous().range.begin;
  cursor_.take(); // (
  const Token& index = cursor_.peek();
  if (index.kind != TokenKind::Identifier) {
    cursor_.unexpected("an index name: sum(i in 0..8, ...)");
    return nullptr;
  }
  cursor_.take();
  auto expr = make(Sum{std::string(index.text), index.range}, {});
  for (auto [before, where] :
       {std::pair<std::string_view, std::string_view>{"in", "after the index of sum(i in 0..8, ...)"},
        {"..", "between the bounds of sum(i in 0..8, ...)"},
        {",", "after the range of sum(i in 0..8, ...)"}}) {
    ExprPtr part = cursor_.expect(before, where) ? ternary() : nullptr;
    if (!part)
      return nullptr;
    expr->operands.push_back(std::move(part));
  }
  return cursor_.expect(")", "to close the sum") ? finish(std::move(expr), begin) : nullptr;
}

ExprPtr ExprParser::finish(ExprPtr expr, uint32_t begin) {
  expr->range = {begin, cursor_.previous().range.end};
  for (const ExprPtr& operand : expr->operands)
    expr->depth = std::max(expr->depth, operand->depth + 1);
  return expr->depth > kMaxDepth && tooDeep(expr->range) ? nullptr : std::move(expr);
}

bool ExprParser::tooDeep(SourceRange range) {
  if (!depthReported_)
    cursor_.reporter.error(range, fmt::format("expression is more than {} levels deep", kMaxDepth)).remedy =
        "name a part of it with 'let'";
  depthReported_ = true;
  return true;
}

} // namespace attile::frontend
