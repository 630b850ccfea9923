#include "compiler/irgen/closure.h"

#include <algorithm>
#include <tuple>

namespace attile::irgen {

using namespace ast;

namespace {

/// What a node says apart from its operands.
std::tuple<size_t, const void*, int64_t, Value> payload(const Expr& expr, const Env* env) {
  const void* object = nullptr;
  int64_t number = 0;
  Value value = false;
  if (const auto* literal = expr.as<Literal>())
    value = literal->value;
  else if (const auto* ref = expr.as<BuiltinRef>())
    number = static_cast<int64_t>(ref->builtin);
  else if (const auto* ref = expr.as<ParamRef>())
    object = ref->param;
  else if (const auto* load = expr.as<Load>())
    object = load->param;
  else if (const auto* ref = expr.as<LetRef>())
    object = ref->let;
  else if (const auto* ref = expr.as<SumIndexRef>())
    number = Env::find(env, ref->sum)->index;
  else if (const auto* op = expr.as<Unary>())
    number = static_cast<int64_t>(op->op);
  else if (const auto* op = expr.as<Binary>())
    number = static_cast<int64_t>(op->op);
  else if (const auto* op = expr.as<Call>())
    number = static_cast<int64_t>(op->function);
  else if (const auto* apply = expr.as<Apply>())
    object = apply->function;
  else if (const auto* op = expr.as<Cast>())
    number = static_cast<int64_t>(op->to);
  return {expr.node.index(), object, number, value};
}

} // namespace

bool alike(Closure a, Closure b) {
  for (Closure* closure : {&a, &b})
    while (const auto* ref = closure->first->as<ArgumentRef>()) {
      const Env* bound = Env::find(closure->second, ref->argument);
      *closure = {bound->operand, bound->operandEnv};
    }
  if (a == b)
    return true;
  if (a.first->as<Sum>() || payload(*a.first, a.second) != payload(*b.first, b.second))
    return false;
  for (size_t i = 0; i < a.first->operands.size(); ++i)
    if (!alike({&a.first->operand(i), a.second}, {&b.first->operand(i), b.second}))
      return false;
  return true;
}

size_t indexOf(const std::vector<Closure>& list, Closure closure) {
  return std::find_if(list.begin(), list.end(), [&](Closure known) { return alike(known, closure); }) -
         list.begin();
}

} // namespace attile::irgen
