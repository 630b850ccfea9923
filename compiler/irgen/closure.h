#pragma once

#include "compiler/frontend/ast.h"

#include <utility>
#include <vector>

/// Expressions inside functions and sums, whose meaning depends on where they are expanded.
namespace attile::irgen {

/// What stands for the arguments of a function being expanded, and the indices of sums being unrolled: a
/// linked list, innermost first. A function's body sees its own arguments only.
struct Env {
  const Env* outer = nullptr;
  const void* key = nullptr;          ///< the ast::Argument, or the ast::Sum
  const ast::Expr* operand = nullptr; ///< of an argument, to be read in `operandEnv`
  const Env* operandEnv = nullptr;
  int64_t index = 0; ///< of a sum

  static const Env* find(const Env* env, const void* key) {
    while (env->key != key)
      env = env->outer;
    return env;
  }
};

/// An expression with what its arguments and indices stand for.
using Closure = std::pair<const ast::Expr*, const Env*>;

/// Whether two expressions are written alike once arguments are put in. Never true for different values.
bool alike(Closure a, Closure b);
/// The position of an expression like `closure`, or the size of the list.
size_t indexOf(const std::vector<Closure>& list, Closure closure);

} // namespace attile::irgen
