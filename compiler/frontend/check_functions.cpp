// Functions: bodies, recursion, and how large their expansion gets.

#include "compiler/frontend/checker.h"

#include <algorithm>
#include <fmt/core.h>

namespace attile::frontend {

using namespace ast;

void declare(Scope& scope, Reporter& reporter, const std::string& name, SourceRange range,
             std::string_view kind) {
  if (builtinNamed(name) || functionNamed(name) || name == "sum" || name == "_") {
    reporter.error(range, fmt::format("'{}' is built in and cannot name a {}", name, kind)).remedy =
        "choose another name";
    return;
  }
  if (kind == "param" && (name == "v" || name == "o" || name == "lse")) { // q, k and max are built in
    reporter.error(range, fmt::format("'{}' is an operand of every attention and cannot name a param", name))
        .remedy = "choose another name";
    return;
  }
  auto [first, isNew] = scope.declared.emplace(name, range);
  if (!isNew)
    reporter.error(range, fmt::format("second declaration of '{}'", name))
        .notes.push_back({first->second, "the first is here"});
}

void checkFunction(const Source& source, Reporter& reporter, Scope& scope, UserFunction& function,
                   bool local) {
  for (const auto& argument : function.arguments)
    for (const auto& other : function.arguments)
      if (other->index < argument->index && other->name == argument->name)
        reporter.error(argument->nameRange, fmt::format("second argument '{}'", argument->name))
            .notes.push_back({other->nameRange, "the first is here"});
  ExprChecker(source, reporter, scope, places::function(function, local))
      .checkAs(function.body, function.result, fmt::format("the result of '{}'", function.name));
}

void Expansion::add(const std::vector<std::unique_ptr<UserFunction>>& functions) {
  for (const auto& function : functions)
    visit(*function);
}

/// Depth first over calls. The callees are collected before going down, so that the stack holds one frame for
/// each function and not one for each expression node.
void Expansion::visit(const UserFunction& function) {
  if (states_[&function].done)
    return;
  path_.push_back(&function);
  std::vector<std::pair<const UserFunction*, SourceRange>> callees;
  walk(*function.body, [&](const Expr& e) {
    if (auto* apply = e.as<Apply>(); apply && apply->function)
      callees.emplace_back(apply->function, e.range);
  });
  for (auto [callee, call] : callees) {
    if (std::find(path_.begin(), path_.end(), callee) != path_.end())
      reportCycle(*callee, call);
    else
      visit(*callee);
  }
  path_.pop_back();
  Cost whole = cost(*function.body);
  states_[&function] = {true, whole};
  if (whole.depth > kMaxDepth)
    reporter_
        .error(function.nameRange, fmt::format("'{}' is more than {} levels deep once calls are expanded",
                                               function.name, kMaxDepth))
        .remedy = "call fewer functions from functions";
}

void Expansion::reportCycle(const UserFunction& again, SourceRange call) {
  auto begin = std::find(path_.begin(), path_.end(), &again);
  std::string cycle;
  for (auto at = begin; at != path_.end(); ++at)
    cycle += (*at)->name + " -> ";
  Diagnostic& error = reporter_.error(call, fmt::format("recursion: {}{}", cycle, again.name));
  for (auto at = begin; at != path_.end() && at - begin < 8; ++at)
    error.notes.push_back({(*at)->nameRange, fmt::format("'{}' is defined here", (*at)->name)});
  error.remedy =
      "functions are expanded where they are called; repeat with sum(i in 0..n, ...) or unroll by hand";
}

Expansion::Cost Expansion::cost(const Expr& expr) const {
  Cost total;
  for (const ExprPtr& operand : expr.operands) {
    Cost part = cost(*operand);
    total.size = std::min(total.size + part.size, kMaxExpandedSize * 2);
    total.depth = std::max(total.depth, part.depth + 1);
  }
  if (auto* sum = expr.as<Sum>())
    total.size = std::min(total.size * static_cast<uint64_t>(std::max<int64_t>(sum->hi - sum->lo, 1)),
                          kMaxExpandedSize * 2);
  if (auto* apply = expr.as<Apply>(); apply && apply->function)
    if (auto state = states_.find(apply->function); state != states_.end()) {
      total.size = std::min(total.size + state->second.cost.size, kMaxExpandedSize * 2);
      total.depth = std::min(total.depth + state->second.cost.depth, kMaxDepth * 4);
    }
  return total;
}

} // namespace attile::frontend
