// Normalisers: the sink of softmax, and the user's own monoid.

#include "compiler/frontend/checker.h"

#include <algorithm>
#include <fmt/core.h>

namespace attile::frontend {

using namespace ast;

void AttentionChecker::normalizer() {
  if (auto* softmax = std::get_if<Softmax>(&attention_.normalizer); softmax && softmax->sink)
    real(softmax->sink, places::sink(), "a sink");
  if (auto* own = std::get_if<std::unique_ptr<Fold>>(&attention_.normalizer))
    fold(**own);
}

void AttentionChecker::fold(Fold& fold) {
  for (const auto& field : fold.fields) {
    if (builtinNamed(field->name) || scope_.declared.contains(field->name))
      reporter_.error(field->nameRange, fmt::format("state field '{}' hides another name", field->name))
          .remedy = "choose another name";
    std::string what = fmt::format("the initial value of '{}'", field->name);
    if (auto value = at(places::init()).constant(field->initExpr, Scalar::F32, what))
      field->init = std::get<double>(*value);
  }
  for (const auto& field : fold.fields)
    if (field->lift)
      field->perV = real(field->lift, places::lift(), fmt::format("the lift of '{}'", field->name)).perV;
  merge(fold);
  finalize(fold);
}

/// A field is in scope by its plain name, meaning the merged value, once it has been assigned.
void AttentionChecker::merge(Fold& fold) {
  ExprChecker checker = at(places::merge(fold));
  for (const Field* assigned : fold.mergeOrder) {
    Field& field = *fold.fields[assigned->index];
    Type type = checker.checkAs(field.merge, Scalar::F32, fmt::format("the merge of '{}'", field.name));
    if (type.perV && !field.perV) {
      Diagnostic& error = reporter_.error(
          field.merge->range,
          fmt::format("'{}' is one number for each row, but its merge depends on v", field.name));
      error.notes.push_back(
          {field.lift ? field.lift->range : field.nameRange, "its lift does not mention v"});
      error.remedy = "a field has a value for each component of v if its lift does";
    }
    checker.place().fields[field.index] = true;
  }
}

void AttentionChecker::finalize(Fold& fold) {
  bool givesO = false;
  for (Finalize& finalize : fold.finalize) {
    std::string_view name = spelling(finalize.output);
    Type type = real(finalize.value, places::finalize(fold), fmt::format("output '{}'", name));
    bool isO = finalize.output == OutputKind::O;
    givesO |= isO;
    if (type.scalar == Scalar::Invalid || type.perV == isO)
      continue;
    reporter_
        .error(finalize.value->range,
               isO ? "output 'o' has to have a value for each component of v"
                   : fmt::format("output '{}' is one number for each row, but this depends on v", name))
        .remedy = isO ? "use a field whose lift mentions v" : "";
  }
  if (!fold.finalize.empty() && !givesO)
    reporter_.error(fold.finalize.front().range, "finalize gives no 'o'").remedy = "add 'o = ...'";
}

} // namespace attile::frontend
