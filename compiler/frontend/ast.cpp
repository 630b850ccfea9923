#include "compiler/frontend/ast.h"

#include <unordered_set>

namespace attile::ast {
namespace {

/// Visits an expression and, once each, the lets and functions that it reaches.
class Reach {
public:
  explicit Reach(const std::function<void(const Expr&)>& visit) : visit_(visit) {}

  /// Chains of lets and functions can be long, so the work list is explicit.
  void run(const Expr& root) {
    add(root);
    while (!pending_.empty()) {
      const Expr* next = pending_.back();
      pending_.pop_back();
      walk(*next, [this](const Expr& e) { follow(e); });
    }
  }

private:
  void add(const Expr& expr) {
    if (seen_.insert(&expr).second)
      pending_.push_back(&expr);
  }

  void follow(const Expr& e) {
    visit_(e);
    if (auto* ref = e.as<LetRef>(); ref && ref->let->value)
      add(*ref->let->value);
    else if (auto* apply = e.as<Apply>(); apply && apply->function && apply->function->body)
      add(*apply->function->body);
  }

  const std::function<void(const Expr&)>& visit_;
  std::unordered_set<const Expr*> seen_;
  std::vector<const Expr*> pending_;
};

} // namespace

void walk(const Expr& expr, const std::function<void(const Expr&)>& visit) {
  visit(expr);
  for (const ExprPtr& operand : expr.operands)
    walk(*operand, visit);
}

void forEachExpr(const Attention& attention, const std::function<void(const Expr&)>& visit) {
  auto add = [&](const ExprPtr& expr) {
    if (expr)
      visit(*expr);
  };
  add(attention.scale);
  for (const Step& step : attention.steps)
    add(std::holds_alternative<Score>(step) ? std::get<Score>(step).value
                                            : std::get<std::unique_ptr<Let>>(step)->value);
  for (const ExprPtr& mask : attention.masks)
    add(mask);
  if (attention.blocks)
    for (const ExprPtr& index : attention.blocks->index)
      add(index);
  if (auto* softmax = std::get_if<Softmax>(&attention.normalizer))
    add(softmax->sink);
  if (auto* fold = std::get_if<std::unique_ptr<Fold>>(&attention.normalizer)) {
    for (const auto& field : (*fold)->fields)
      add(field->lift), add(field->merge);
    for (const Finalize& finalize : (*fold)->finalize)
      add(finalize.value);
  }
}

BuiltinSet dependencies(const Expr& expr) {
  BuiltinSet set;
  std::function<void(const Expr&)> collect = [&](const Expr& e) {
    auto* ref = e.as<BuiltinRef>();
    if (!ref)
      return;
    set.set(bit(ref->builtin));
    if (ref->builtin == Builtin::QPos)
      set.set(bit(Builtin::Q)).set(bit(Builtin::QLen)).set(bit(Builtin::KvLen));
  };
  Reach(collect).run(expr);
  return set;
}

bool dependsOn(const Expr& expr, Builtin builtin) { return dependencies(expr).test(bit(builtin)); }

bool uses(const Expr& expr, const Param& param) {
  bool found = false;
  std::function<void(const Expr&)> look = [&](const Expr& e) {
    if (auto* ref = e.as<ParamRef>())
      found |= ref->param == &param;
    else if (auto* load = e.as<Load>())
      found |= load->param == &param;
  };
  Reach(look).run(expr);
  return found;
}

const Attention* File::find(std::string_view name) const {
  for (const auto& attention : attentions)
    if (attention->name == name)
      return attention.get();
  return nullptr;
}

} // namespace attile::ast
