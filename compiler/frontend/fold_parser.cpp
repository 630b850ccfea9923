// normalize softmax | sigmoid | none | fold { state, lift, merge, finalize }

#include "compiler/frontend/parser.h"
#include "compiler/frontend/suggest.h"

#include <algorithm>

namespace attile::frontend {

using namespace ast;

/// What a fold's clauses say, before they are matched with the fields; the clauses may stand in any order.
struct Parser::FoldParts {
  std::unique_ptr<Fold> fold = std::make_unique<Fold>();
  std::vector<Assignment> state, lift, merge;
  std::map<std::string, SourceRange, std::less<>> seen;
  bool broken = false; ///< a clause had a syntax error
};

bool Parser::normalize(Attention& attention) {
  const Token kind = cursor_.peek();
  if (cursor_.acceptWord("softmax")) {
    Softmax softmax;
    bool good = !cursor_.acceptWord("sink") || expression(softmax.sink);
    attention.normalizer = std::move(softmax);
    return good;
  }
  if (cursor_.acceptWord("none")) {
    attention.normalizer = PlainSum{};
    return true;
  }
  if (cursor_.acceptWord("sigmoid")) {
    attention.normalizer = SigmoidSum{};
    return true;
  }
  if (cursor_.acceptWord("fold"))
    return fold(attention);
  if (Diagnostic* error = cursor_.unexpected("softmax, sigmoid, none or fold { ... }"))
    error->remedy = didYouMean(kind.text, {"softmax", "sigmoid", "none", "fold"});
  return false;
}

bool Parser::fold(Attention& attention) {
  SourceRange foldRange = cursor_.previous().range;
  if (!cursor_.expect("{", "after 'fold'"))
    return false;
  FoldParts parts;
  while (!cursor_.accept("}")) {
    if (cursor_.accept(";"))
      continue;
    if (cursor_.atEnd() || cursor_.peek().kind == TokenKind::Keyword) {
      cursor_.unexpected("'}' to close the fold");
      return false;
    }
    if (foldClause(parts))
      continue;
    parts.broken = true;
    auto atClause = [&] {
      return cursor_.atWord("state") || cursor_.atWord("lift") || cursor_.atWord("merge") ||
             cursor_.atWord("finalize");
    };
    while (!cursor_.atEnd() && !cursor_.at("}") && !cursor_.at("attention") && !atClause())
      cursor_.take();
  }
  if (parts.broken)
    return true; // reported; what the other clauses say would only be misread
  assemble(parts, foldRange);
  attention.normalizer = std::move(parts.fold);
  return true;
}

bool Parser::foldClause(FoldParts& parts) {
  const Token word = cursor_.peek();
  const std::vector<std::string_view> clauses{"state", "lift", "merge", "finalize"};
  if (std::find(clauses.begin(), clauses.end(), word.text) == clauses.end()) {
    if (Diagnostic* error = cursor_.unexpected("state, lift, merge or finalize"))
      error->remedy = didYouMean(word.text, clauses);
    cursor_.take();
    return false;
  }
  once(word.text, word.range, parts.seen);
  cursor_.take();
  if (word.text == "finalize")
    return finalize(*parts.fold);
  return assignments(word.text == "state" ? parts.state : word.text == "lift" ? parts.lift : parts.merge);
}

/// name = expression, ...
bool Parser::assignments(std::vector<Assignment>& into) {
  do {
    if (into.size() == kMaxArguments) {
      reporter_.error(cursor_.peek().range, fmt::format("more than {} fields", kMaxArguments));
      return false;
    }
    Assignment next;
    if (!name(next.name, next.nameRange, "a state field's name") ||
        !cursor_.expect("=", "after the field's name") || !expression(next.value))
      return false;
    into.push_back(std::move(next));
  } while (cursor_.accept(","));
  return true;
}

/// finalize o-expression | finalize o = expression, lse = expression
bool Parser::finalize(Fold& fold) {
  if (!(cursor_.peek().kind == TokenKind::Identifier && cursor_.peek(1).is("="))) {
    ExprPtr value;
    if (!expression(value))
      return false;
    SourceRange range = value->range;
    fold.finalize.push_back({OutputKind::O, range, std::move(value)});
    return true;
  }
  std::vector<Assignment> named;
  bool good = assignments(named);
  for (Assignment& next : named) {
    auto kind = outputNamed(next.name);
    auto same = [&](const Finalize& other) { return kind && other.output == *kind; };
    auto first = std::find_if(fold.finalize.begin(), fold.finalize.end(), same);
    if (!kind)
      reporter_.error(next.nameRange, fmt::format("'{}' is no output", next.name)).remedy =
          "a fold can give o, lse and max";
    else if (first != fold.finalize.end())
      reporter_.error(next.nameRange, fmt::format("output '{}' is finalized twice", next.name))
          .notes.push_back({first->range, "the first is here"});
    else
      fold.finalize.push_back({*kind, next.nameRange, std::move(next.value)});
  }
  return good;
}

void Parser::assemble(FoldParts& parts, SourceRange foldRange) {
  Fold& fold = *parts.fold;
  for (Assignment& next : parts.state) {
    auto same = [&](const auto& other) { return other->name == next.name; };
    auto first = std::find_if(fold.fields.begin(), fold.fields.end(), same);
    if (first != fold.fields.end()) {
      reporter_.error(next.nameRange, fmt::format("second state field '{}'", next.name))
          .notes.push_back({(*first)->nameRange, "the first is here"});
      continue;
    }
    auto field = std::make_unique<Field>();
    field->name = next.name;
    field->nameRange = next.nameRange;
    field->index = fold.fields.size();
    field->initExpr = std::move(next.value);
    fold.fields.push_back(std::move(field));
  }
  assign(fold, parts.lift, "lift", false);
  assign(fold, parts.merge, "merge", true);
  for (std::string_view clause : {"state", "lift", "merge", "finalize"})
    if (!parts.seen.contains(clause))
      reporter_.error(foldRange, fmt::format("the fold has no '{}'", clause)).remedy =
          "a fold is { state ... lift ... merge ... finalize ... }";
  for (const auto& field : fold.fields)
    for (bool merge : {false, true})
      if (parts.seen.contains(merge ? "merge" : "lift") && !(merge ? field->merge : field->lift))
        reporter_.error(field->nameRange,
                        fmt::format("state field '{}' has no {}", field->name, merge ? "merge" : "lift"));
}

void Parser::assign(Fold& fold, std::vector<Assignment>& from, std::string_view clause, bool merge) {
  for (Assignment& next : from) {
    auto same = [&](const auto& other) { return other->name == next.name; };
    auto found = std::find_if(fold.fields.begin(), fold.fields.end(), same);
    if (found == fold.fields.end()) {
      std::vector<std::string_view> names;
      names.reserve(fold.fields.size());
      for (const auto& field : fold.fields)
        names.push_back(field->name);
      reporter_.error(next.nameRange, fmt::format("'{}' is no state field", next.name)).remedy =
          didYouMean(next.name, names);
      continue;
    }
    ExprPtr& slot = merge ? (*found)->merge : (*found)->lift;
    if (slot)
      reporter_.error(next.nameRange, fmt::format("second {} of '{}'", clause, next.name))
          .notes.push_back({slot->range, "the first is here"});
    else if (merge)
      fold.mergeOrder.push_back(found->get());
    if (!slot)
      slot = std::move(next.value);
  }
}

} // namespace attile::frontend
