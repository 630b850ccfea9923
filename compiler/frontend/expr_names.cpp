// ExprChecker: what a name means where it stands.

#include "compiler/frontend/expr_checker.h"
#include "compiler/frontend/suggest.h"

#include <algorithm>
#include <fmt/core.h>

namespace attile::frontend {

using namespace ast;

void ExprChecker::name(Expr& e, const std::string& name) {
  if (localName(e, name))
    return;
  if (auto known = builtinNamed(name))
    return builtin(e, *known);
  if (auto found = scope_.params.find(name); found != scope_.params.end())
    return param(e, *found->second);
  if (auto found = scope_.lets.find(name); found != scope_.lets.end())
    return let(e, *found->second);
  unknown(e, name);
}

/// Sum indices, a function's arguments, and a fold's state come before the other names.
bool ExprChecker::localName(Expr& e, const std::string& name) {
  for (size_t i = sums_.size(); i-- > 0;)
    if (sums_[i]->index == name) {
      e.node = SumIndexRef{sums_[i]};
      e.type = {Scalar::Int, false};
      return true;
    }
  if (place_.function)
    for (const auto& argument : place_.function->arguments)
      if (argument->name == name) {
        e.node = ArgumentRef{argument.get()};
        e.type = {argument->type, false};
        return true;
      }
  if (!place_.fold)
    return false;
  for (const auto& field : place_.fold->fields)
    if (field->name == name && place_.fields[field->index]) {
      e.node = FieldRef{field.get(), Side::New};
      e.type = {Scalar::F32, field->perV};
      return true;
    } else if (field->name == name) {
      reporter_.error(e.range, fmt::format("field '{}' is not merged yet", name)).remedy =
          fmt::format("write a.{0} or b.{0}, or merge '{0}' earlier in the list", name);
      e.node = Invalid{};
      return true;
    }
  return false;
}

void ExprChecker::builtin(Expr& e, Builtin builtin) {
  if (!place_.builtins.test(bit(builtin)))
    return unavailable(e, builtin);
  e.node = BuiltinRef{builtin};
  e.type = typeOf(builtin);
}

void ExprChecker::unavailable(Expr& e, Builtin builtin) {
  Diagnostic& error =
      reporter_.error(e.range, fmt::format("'{}' cannot be used in {}", spelling(builtin), place_.name));
  bool isKey = builtin == Builtin::K || builtin == Builtin::S || builtin == Builtin::V;
  if (place_.function && !isSize(builtin))
    error.remedy = "a function sees its arguments only: pass it as one";
  else if (builtin == Builtin::V)
    error.remedy = "'v' is in scope only in the lift of a fold";
  else if (builtin == Builtin::QB)
    error.remedy = "'qb' is in scope only in the indices of 'blocks'; elsewhere divide q by the block's size";
  else if (place_.name == "mask")
    error.remedy =
        "a mask depends on positions only; to drop keys by their score, write 'score ... ? s : -inf'";
  else if (place_.name == "scale")
    error.remedy = "the scale is one number for each head; what depends on positions goes into 'score'";
  else if (place_.name == "finalize" && isKey)
    error.remedy = "finalize sees the state of a whole row; carry what it needs in a field";
  else if (place_.name == "merge")
    error.remedy = "merge sees two states as a.field and b.field; carry what it needs in a field";
  else if (!place_.params)
    error.remedy = "this has to be a constant";
  e.node = Invalid{};
}

void ExprChecker::param(Expr& e, const Param& param) {
  scope_.used.insert(&param);
  if (place_.params && !param.isTensor()) {
    e.node = ParamRef{&param};
    e.type = {scalarOf(param.element), false};
    return;
  }
  if (place_.params) {
    std::string dims;
    for (const Dim& dim : param.dims)
      dims +=
          (dims.empty() ? "" : ", ") + (dim.kind == Dim::Kind::Fixed ? std::to_string(dim.extent) : dim.name);
    Diagnostic& error =
        reporter_.error(e.range, fmt::format("tensor '{}' is used without indices", param.name));
    error.remedy =
        fmt::format("index it: {}[{}]", param.name, std::string(param.dims.size() > 1 ? "..., ..." : "..."));
    error.notes.push_back({param.nameRange, fmt::format("declared with dimensions [{}]", dims)});
  } else {
    Diagnostic& error =
        reporter_.error(e.range, fmt::format("param '{}' cannot be used in {}", param.name, place_.name));
    error.remedy = place_.function ? "pass it as an argument, or move the function into the attention"
                                   : "this has to be a constant";
  }
  e.node = Invalid{};
}

void ExprChecker::let(Expr& e, const Let& let) {
  scope_.used.insert(&let);
  BuiltinSet beyond = scope_.letDependencies[&let] & ~place_.builtins;
  if (place_.lets && beyond.none()) {
    e.node = LetRef{&let};
    e.type = let.value->type;
    return;
  }
  if (place_.lets) {
    size_t first = 0;
    while (!beyond.test(first))
      ++first;
    reporter_
        .error(e.range, fmt::format("'{}' cannot be used in {}: it depends on '{}'", let.name, place_.name,
                                    spelling(static_cast<Builtin>(first))))
        .notes.push_back({let.nameRange, "defined here"});
  } else {
    reporter_.error(e.range, fmt::format("let '{}' cannot be used in {}", let.name, place_.name))
        .notes.push_back({let.nameRange, "defined here"});
  }
  e.node = Invalid{};
}

void ExprChecker::unknown(Expr& e, const std::string& name) {
  e.node = Invalid{};
  if (reporter_.full() || (scope_.broken && scope_.broken->contains(name)))
    return;
  if (auto later = scope_.laterLets.find(name); later != scope_.laterLets.end()) {
    scope_.used.insert(later->second);
    Diagnostic& error = reporter_.error(e.range, fmt::format("'{}' is used before its 'let'", name));
    error.notes.push_back({later->second->nameRange, "defined here"});
    error.remedy = "a let is in scope after its statement: move it up";
    return;
  }
  if (scope_.functions.contains(name) || functionNamed(name)) {
    reporter_.error(e.range, fmt::format("'{}' is a function", name)).remedy =
        fmt::format("call it: {}(...)", name);
    return;
  }
  std::vector<std::string_view> candidates;
  for (int i = 0; i < kNumBuiltins; ++i)
    if (place_.builtins.test(i))
      candidates.push_back(spelling(static_cast<Builtin>(i)));
  for (const auto& [known, declaration] : scope_.params)
    candidates.push_back(known);
  for (const auto& [known, declaration] : scope_.lets)
    candidates.push_back(known);
  if (place_.function)
    for (const auto& argument : place_.function->arguments)
      candidates.push_back(argument->name);
  if (place_.fold)
    for (const auto& field : place_.fold->fields)
      candidates.push_back(field->name);
  reporter_.error(e.range, fmt::format("unknown name '{}'", name)).remedy = didYouMean(name, candidates);
}

/// a.field and b.field. By value, since the node is replaced.
void ExprChecker::member(Expr& e, Member member) {
  e.node = Invalid{};
  if (!place_.sides || (member.object != "a" && member.object != "b")) {
    reporter_
        .error(e.range,
               fmt::format("'{}.{}' has no meaning in {}", member.object, member.member, place_.name))
        .remedy = "a.field and b.field stand for the two states in a fold's merge; nothing else has members";
    return;
  }
  std::vector<std::string_view> candidates;
  for (const auto& field : place_.fold->fields) {
    candidates.push_back(field->name);
    if (field->name != member.member)
      continue;
    e.node = FieldRef{field.get(), member.object == "a" ? Side::A : Side::B};
    e.type = {Scalar::F32, field->perV};
    return;
  }
  reporter_.error(e.range, fmt::format("the state has no field '{}'", member.member)).remedy =
      didYouMean(member.member, candidates);
}

void ExprChecker::load(Expr& e, Load& load) {
  for (ExprPtr& index : e.operands) {
    Type type = checkAs(index, Scalar::Int, fmt::format("an index of '{}'", load.name));
    if (type.perV)
      reporter_.error(index->range, "an index cannot depend on v");
  }
  auto found = scope_.params.find(load.name);
  if (reporter_.full()) {
    e.node = Invalid{};
    return;
  }
  if (found == scope_.params.end() || !place_.params) {
    std::vector<std::string_view> tensors;
    for (const auto& [known, declaration] : scope_.params)
      if (declaration->isTensor())
        tensors.push_back(known);
    Expr probe;
    probe.range = {e.range.begin, e.range.begin + static_cast<uint32_t>(load.name.size())};
    bool isOther = builtinNamed(load.name) || scope_.lets.contains(load.name);
    if (found != scope_.params.end())
      param(probe, *found->second);
    else if (isOther)
      reporter_.error(probe.range, fmt::format("'{}' is no tensor", load.name)).remedy =
          "only tensor params have indices";
    else if (!scope_.broken || !scope_.broken->contains(load.name))
      reporter_.error(probe.range, fmt::format("unknown tensor '{}'", load.name)).remedy =
          didYouMean(load.name, tensors);
    e.node = Invalid{};
    return;
  }
  const Param& param = *found->second;
  scope_.used.insert(&param);
  if (e.operands.size() != param.dims.size()) {
    Diagnostic& error = reporter_.error(
        e.range, param.isTensor()
                     ? fmt::format("'{}' has {} dimension{}, indexed with {}", param.name, param.dims.size(),
                                   param.dims.size() == 1 ? "" : "s", e.operands.size())
                     : fmt::format("'{}' is a scalar and takes no indices", param.name));
    error.notes.push_back({param.nameRange, "declared here"});
    e.node = Invalid{};
    return;
  }
  load.param = &param;
  e.type = {scalarOf(param.element), false};
}

} // namespace attile::frontend
