#include "emulator/ptx/constants.h"

#include <bit>
#include <fmt/format.h>

namespace emu::ptx {
namespace {

using Kind = Constant::Kind;
constexpr int deepest = 200;

Constant of(double value) { return {Kind::f64, std::bit_cast<std::uint64_t>(value)}; }
Constant of(bool value) { return {Kind::s64, value}; }

bool is_true(const Constant& a) { return a.is_integer() ? a.bits != 0 : a.as_double() != 0; }

struct Operator {
  std::string_view text;
  int precedence;
};
/// All associate to the left.
constexpr Operator operators[] = {
    {"||", 1}, {"&&", 2}, {"|", 3},  {"^", 4},  {"&", 5}, {"==", 6}, {"!=", 6}, {"<", 7},  {"<=", 7},
    {">", 7},  {">=", 7}, {"<<", 8}, {">>", 8}, {"+", 9}, {"-", 9},  {"*", 10}, {"/", 10}, {"%", 10},
};

/// 0 if `token` is no binary operator.
int precedence(const Token& token) {
  if (!token.is(Token::Kind::punctuation) ||
      std::string_view(",;]})").find(token.text[0]) != std::string_view::npos)
    return 0; // what usually ends an expression
  for (const Operator& op : operators)
    if (op.text == token.text)
      return op.precedence;
  return 0;
}

template <class T> bool compare(std::string_view op, T a, T b) {
  return op == "=="   ? a == b
         : op == "!=" ? a != b
         : op == "<"  ? a < b
         : op == "<=" ? a <= b
         : op == ">"  ? a > b
                      : a >= b;
}

Constant floating(const Token& op, double a, double b) {
  std::string_view o = op.text;
  if (o == "+" || o == "-" || o == "*" || o == "/")
    return of(o == "+" ? a + b : o == "-" ? a - b : o == "*" ? a * b : a / b);
  if (o == "==" || o == "!=" || o[0] == '<' || o[0] == '>')
    if (o != "<<" && o != ">>")
      return of(compare(o, a, b));
  fail(op.place, fmt::format("operator '{}' needs integers, found a floating-point constant", o));
}

std::uint64_t shift(std::string_view op, const Constant& a, std::uint64_t by) {
  bool arithmetic = a.kind == Kind::s64 && op == ">>" && static_cast<std::int64_t>(a.bits) < 0;
  if (by > 63)
    return arithmetic ? ~0ULL : 0;
  if (op == "<<")
    return a.bits << by;
  return arithmetic ? ~(~a.bits >> by) : a.bits >> by;
}

std::uint64_t divide(const Token& op, bool is_unsigned, std::uint64_t a, std::uint64_t b) {
  if (b == 0)
    fail(op.place, fmt::format("division by zero: the right side of '{}' is 0", op.text));
  bool remainder = op.text == "%";
  if (is_unsigned)
    return remainder ? a % b : a / b;
  auto x = static_cast<std::int64_t>(a), y = static_cast<std::int64_t>(b);
  if (y == -1) // the least number has no opposite: it wraps
    return remainder ? 0 : 0 - a;
  return static_cast<std::uint64_t>(remainder ? x % y : x / y);
}

/// What the operators other than || and && give.
Constant binary(const Token& op, const Constant& a, const Constant& b) {
  if (!a.is_integer() || !b.is_integer())
    return floating(op, a.as_double(), b.as_double());
  std::string_view o = op.text;
  std::uint64_t x = a.bits, y = b.bits;
  if (o == "<<" || o == ">>")
    return {a.kind, shift(o, a, y)};
  Kind kind = a.kind == Kind::u64 || b.kind == Kind::u64 ? Kind::u64 : Kind::s64;
  switch (o[0]) {
  case '+':
    return {kind, x + y};
  case '-':
    return {kind, x - y};
  case '*':
    return {kind, x * y};
  case '/':
  case '%':
    return {kind, divide(op, kind == Kind::u64, x, y)};
  case '|':
    return {kind, x | y};
  case '^':
    return {kind, x ^ y};
  case '&':
    return {kind, x & y};
  default:
    break;
  }
  if (kind == Kind::u64)
    return of(compare(o, x, y));
  return of(compare(o, static_cast<std::int64_t>(x), static_cast<std::int64_t>(y)));
}

Constant negated(const Constant& a) {
  switch (a.kind) {
  case Kind::f32:
    return {Kind::f32, a.bits ^ 0x80000000U};
  case Kind::f64:
    return {Kind::f64, a.bits ^ (1ULL << 63)};
  default:
    return {a.kind, 0 - a.bits};
  }
}

class Reader {
public:
  explicit Reader(Tokens& tokens) : tokens(tokens) {}

  Constant conditional() {
    Nesting nesting(*this);
    Constant condition = operation(1);
    if (!tokens.accept("?"))
      return condition;
    Constant yes = conditional();
    tokens.expect(":");
    Constant no = conditional();
    Constant chosen = is_true(condition) ? yes : no;
    if (yes.is_integer() != no.is_integer())
      return of(chosen.as_double());
    if (yes.is_integer() && yes.kind != no.kind)
      chosen.kind = Kind::u64;
    return chosen;
  }

private:
  struct Nesting {
    explicit Nesting(Reader& reader) : reader(reader) {
      if (++reader.depth > deepest)
        fail(reader.tokens.current().place, fmt::format("expression is nested deeper than {}", deepest));
    }
    ~Nesting() { --reader.depth; }
    Reader& reader;
  };

  /// Operators of at least this precedence, and their operands.
  Constant operation(int least) {
    Constant left = unary();
    for (int level; (level = precedence(tokens.current())) >= least;) {
      Token op = tokens.next();
      Constant right = operation(level + 1);
      if (op.text == "||" || op.text == "&&")
        left = of(op.text == "||" ? is_true(left) || is_true(right) : is_true(left) && is_true(right));
      else
        left = binary(op, left, right);
    }
    return left;
  }

  Constant unary() {
    if (!tokens.current().is(Token::Kind::punctuation))
      return literal();
    Nesting nesting(*this);
    Token op = tokens.current();
    if (tokens.accept("-"))
      return negated(unary());
    if (tokens.accept("+"))
      return unary();
    if (tokens.accept("!"))
      return of(!is_true(unary()));
    if (tokens.accept("~")) {
      Constant a = unary();
      if (!a.is_integer())
        fail(op.place, "operator '~' needs an integer, found a floating-point constant");
      return {a.kind, ~a.bits};
    }
    if (tokens.accept("("))
      return parenthesis();
    tokens.unexpected("a constant");
  }

  /// (expression), or a cast: (.s64) operand.
  Constant parenthesis() {
    Token inner = tokens.current();
    bool cast = inner.is_directive(".s64") || inner.is_directive(".u64");
    if (cast)
      tokens.next();
    Constant value = cast ? Constant{} : conditional();
    tokens.expect(")");
    if (!cast)
      return value;
    value = unary();
    if (!value.is_integer())
      fail(inner.place, fmt::format("the cast '({})' needs an integer", inner.text));
    value.kind = inner.text == ".s64" ? Kind::s64 : Kind::u64;
    return value;
  }

  Constant literal() {
    if (!starts_constant(tokens.current()))
      tokens.unexpected("a constant");
    Token token = tokens.next();
    switch (token.kind) {
    case Token::Kind::integer:
      return {token.is_unsigned ? Kind::u64 : Kind::s64, token.value};
    case Token::Kind::f32:
      return {Kind::f32, token.value};
    case Token::Kind::f64:
      return {Kind::f64, token.value};
    default:
      return {Kind::s64, 32}; // WARP_SZ
    }
  }

  Tokens& tokens;
  int depth = 0;
};

} // namespace

double Constant::as_double() const {
  switch (kind) {
  case Kind::s64:
    return static_cast<double>(static_cast<std::int64_t>(bits));
  case Kind::u64:
    return static_cast<double>(bits);
  case Kind::f32:
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  default:
    return std::bit_cast<double>(bits);
  }
}

bool starts_constant(const Token& token) {
  switch (token.kind) {
  case Token::Kind::integer:
  case Token::Kind::f32:
  case Token::Kind::f64:
    return true;
  case Token::Kind::name:
    return token.text == "WARP_SZ";
  case Token::Kind::punctuation:
    return token.text.size() == 1 && std::string_view("-+!~(").find(token.text[0]) != std::string_view::npos;
  default:
    return false;
  }
}

Constant parse_constant(Tokens& tokens) { return Reader(tokens).conditional(); }

std::int64_t parse_integer(Tokens& tokens, std::string_view what, std::int64_t least, std::int64_t most) {
  Place place = tokens.current().place;
  Constant value = parse_constant(tokens);
  auto number = static_cast<std::int64_t>(value.bits);
  bool wraps = value.kind == Kind::u64 && number < 0;
  if (!value.is_integer() || wraps || number < least || number > most)
    fail(place, fmt::format("expected {} from {} to {}", what, least, most));
  return number;
}

} // namespace emu::ptx
