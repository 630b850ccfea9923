// Integer expressions over the sizes of a launch: what a plan says about grids, offsets and buffers.
#pragma once

#include <attile/result.h>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace attile::plan {

/// An immutable expression over 64-bit integers, cheap to copy. Built as it reads:
///
///     Expr blocks = sym("batch") * sym("heads") * ceildiv(sym("q_len"), 64);
///
/// Division and modulo floor (towards minus infinity); comparisons, `both` and `either` give 0 or 1;
/// `select`, `both` and `either` evaluate only what they need. Overflow and division by zero are errors,
/// never wrong numbers. A package holds 64, "q_len", ["mul", "batch", ["ceildiv", "q_len", 64]]; sharing is
/// not kept there: name what is used often as a value of the plan.
class Expr {
public:
  enum class Op : std::uint8_t {
    literal,
    symbol,
    add,
    sub,
    mul,
    floordiv,
    ceildiv,
    mod,
    min,
    max,
    lt,
    le,
    eq,
    both,
    either,
    select
  };
  static constexpr int max_depth = 200;     ///< of an expression in a package
  static constexpr int max_nodes = 1 << 16; ///< the same, counted as a tree

  Expr(std::int64_t literal = 0);
  static Expr symbol(std::string name);
  static Expr make(Op op, Expr a, Expr b);
  static Expr select(Expr condition, Expr then, Expr otherwise);

  Op op() const;
  std::int64_t literal() const;         ///< of a literal
  const std::string& name() const;      ///< of a symbol
  const Expr& operand(int index) const; ///< of the rest
  int operands() const;                 ///< 0, 2 or 3

private:
  struct Node;
  explicit Expr(std::shared_ptr<const Node> node) : node(std::move(node)) {}
  std::shared_ptr<const Node> node;
};

inline Expr sym(std::string name) { return Expr::symbol(std::move(name)); }
inline Expr operator+(Expr a, Expr b) { return Expr::make(Expr::Op::add, std::move(a), std::move(b)); }
inline Expr operator-(Expr a, Expr b) { return Expr::make(Expr::Op::sub, std::move(a), std::move(b)); }
inline Expr operator*(Expr a, Expr b) { return Expr::make(Expr::Op::mul, std::move(a), std::move(b)); }
inline Expr floordiv(Expr a, Expr b) { return Expr::make(Expr::Op::floordiv, std::move(a), std::move(b)); }
inline Expr ceildiv(Expr a, Expr b) { return Expr::make(Expr::Op::ceildiv, std::move(a), std::move(b)); }
inline Expr mod(Expr a, Expr b) { return Expr::make(Expr::Op::mod, std::move(a), std::move(b)); }
inline Expr min(Expr a, Expr b) { return Expr::make(Expr::Op::min, std::move(a), std::move(b)); }
inline Expr max(Expr a, Expr b) { return Expr::make(Expr::Op::max, std::move(a), std::move(b)); }
inline Expr lt(Expr a, Expr b) { return Expr::make(Expr::Op::lt, std::move(a), std::move(b)); }
inline Expr le(Expr a, Expr b) { return Expr::make(Expr::Op::le, std::move(a), std::move(b)); }
inline Expr eq(Expr a, Expr b) { return Expr::make(Expr::Op::eq, std::move(a), std::move(b)); }
inline Expr both(Expr a, Expr b) { return Expr::make(Expr::Op::both, std::move(a), std::move(b)); }
inline Expr either(Expr a, Expr b) { return Expr::make(Expr::Op::either, std::move(a), std::move(b)); }
inline Expr select(Expr condition, Expr then, Expr otherwise) {
  return Expr::select(std::move(condition), std::move(then), std::move(otherwise));
}
/// `value` rounded up to a multiple of `unit`.
inline Expr round_up(Expr value, std::int64_t unit) { return ceildiv(std::move(value), unit) * unit; }

/// The operation's name in a package: "add", "floordiv", "and" (both), "or" (either), ...
std::string_view op_name(Expr::Op op);

/// Readable infix, e.g. "batch * ceildiv(q_len, 64)".
std::string to_string(const Expr& expr);

using Symbols = std::map<std::string, std::int64_t, std::less<>>;
/// The value of `expr`, or an Error: an unknown symbol, overflow, or division by zero.
Result<std::int64_t> evaluate(const Expr& expr, const Symbols& symbols);

} // namespace attile::plan
