// Expressions with their symbols resolved to indices, so that a launch evaluates them in nanoseconds.
#pragma once

#include <attile/expr.h>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace attile::plan {

class CompiledExpr {
public:
  using Resolve = std::function<std::optional<int>(const std::string&)>;
  /// An Error if `resolve` knows no index for a symbol, or the expression is absurdly large.
  static Result<CompiledExpr> compile(const Expr& expr, const Resolve& resolve);
  /// An Error on overflow or division by zero.
  Result<std::int64_t> evaluate(std::span<const std::int64_t> symbols) const;

private:
  enum class Outcome : std::uint8_t { good, overflow, division };
  struct Node {
    Expr::Op op;
    int operand[3];
    std::int64_t number; ///< a literal, or a symbol's index
  };
  Result<int> add(const Expr& expr, const Resolve& resolve, int depth);
  static Outcome apply(Expr::Op op, std::int64_t a, std::int64_t b, std::int64_t& result);
  static Outcome floor_divide(std::int64_t a, std::int64_t b, std::int64_t& quotient,
                              std::int64_t& remainder);
  Outcome run(int index, std::span<const std::int64_t> symbols, std::int64_t& value) const;

  std::vector<Node> nodes; ///< operands before their users; the last is the root
  Expr source;             ///< for messages
};

} // namespace attile::plan
