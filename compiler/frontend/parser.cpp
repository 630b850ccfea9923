#include "compiler/frontend/parser.h"

#include "compiler/frontend/frontend.h"
#include "compiler/frontend/suggest.h"

#include <algorithm>
#include <array>

namespace attile::frontend {

using namespace ast;

namespace {

constexpr std::array<std::string_view, 11> kStatements{
    "dtype", "head_dim", "param", "fn", "let", "scale", "score", "mask", "normalize", "blocks", "output"};

} // namespace

// ---- file and attention --------------------------------------------------------------------------------

File Parser::file() {
  File result;
  while (!cursor_.atEnd()) {
    if (cursor_.accept(";"))
      continue;
    bool good = false;
    if (result.functions.size() + result.attentions.size() >= kMaxStatements) {
      reporter_.error(cursor_.peek().range,
                      fmt::format("more than {} declarations in one file", kMaxStatements));
      break;
    }
    if (cursor_.at("attention"))
      good = attention(result);
    else if (cursor_.at("fn"))
      good = function(result.functions);
    else {
      Diagnostic* error = cursor_.unexpected("'attention' or 'fn'");
      if (error && atStatement())
        error->remedy = "put statements inside 'attention NAME { ... }'";
      cursor_.take();
    }
    if (!good)
      skipToStatement(/*topLevel=*/true);
  }
  result.broken = std::move(broken_);
  return result;
}

bool Parser::attention(File& file) {
  cursor_.take();
  auto result = std::make_unique<Attention>();
  if (!name(result->name, result->nameRange, "the attention's name"))
    return false;
  SourceRange open = cursor_.peek().range;
  if (!cursor_.expect("{", "to open the attention"))
    return false;
  seen_.clear();
  Attention& attention = *result;
  file.attentions.push_back(std::move(result));
  for (size_t count = 0; !cursor_.accept("}"); ++count) {
    if (cursor_.accept(";"))
      continue;
    if (cursor_.atEnd() || cursor_.at("attention")) {
      if (Diagnostic* error = cursor_.unexpected(fmt::format("'}}' to close attention '{}'", attention.name)))
        error->notes.push_back({open, "opened here"});
      return true; // what follows is read as another attention
    }
    if (count >= kMaxStatements) {
      reporter_.error(cursor_.peek().range,
                      fmt::format("more than {} statements in one attention", kMaxStatements));
      return false;
    }
    if (!statement(attention))
      skipToStatement(/*topLevel=*/false);
  }
  return true;
}

bool Parser::statement(Attention& attention) {
  const Token first = cursor_.peek();
  if (first.is("fn"))
    return function(attention.functions);
  if (first.is("let"))
    return let(attention);
  if (first.is("param"))
    return param(attention);
  if (first.is("mask"))
    return cursor_.take(),
           statementValue(attention.masks.emplace_back()) || (attention.masks.pop_back(), false);
  if (first.is("score")) {
    cursor_.take();
    Score score;
    if (!statementValue(score.value))
      return false;
    score.range = join(first.range, score.value->range);
    attention.steps.emplace_back(std::move(score));
    return true;
  }
  if (!atStatement() && !cursor_.atWord("head_dim")) {
    if (Diagnostic* error = cursor_.unexpected("a statement")) {
      if (first.kind == TokenKind::Identifier)
        error->remedy = first.text == "and" || first.text == "or"
                            ? fmt::format("write '{}'", first.text == "and" ? "&&" : "||")
                            : didYouMean(first.text, {kStatements.begin(), kStatements.end()});
    }
    cursor_.take();
    return false;
  }
  once(first.text, first.range, seen_);
  cursor_.take();
  if (first.is("dtype"))
    return dtype(attention);
  if (first.text == "head_dim")
    return attention.headDimRange = first.range, headDim(attention);
  if (first.is("scale"))
    return statementValue(attention.scale);
  if (first.is("blocks"))
    return blocks(attention);
  if (first.is("normalize"))
    return attention.normalizerRange = first.range, normalize(attention);
  return output(attention);
}

bool Parser::atStatement() const {
  const Token& token = cursor_.peek();
  if (token.text == "head_dim") { // also a size: `head_dim 64` is a statement, `head_dim)` is not
    const Token& next = cursor_.peek(1);
    return next.kind == TokenKind::Int || next.kind == TokenKind::Invalid || next.text == "qk" ||
           next.text == "v";
  }
  return token.kind == TokenKind::Keyword &&
         std::find(kStatements.begin(), kStatements.end(), token.text) != kStatements.end();
}

/// Braces are balanced on the way, so that an error inside a fold does not end the attention.
void Parser::skipToStatement(bool topLevel) {
  for (int open = 0; !cursor_.atEnd(); cursor_.take()) {
    if (cursor_.at("attention") || (open == 0 && (topLevel ? cursor_.at("fn") : atStatement())))
      return;
    if (cursor_.at("}") && open-- == 0 && !topLevel)
      return;
    open = std::max(open, 0) + cursor_.at("{");
  }
}

void Parser::once(std::string_view keyword, SourceRange range,
                  std::map<std::string, SourceRange, std::less<>>& seen) {
  auto [first, isNew] = seen.emplace(keyword, range);
  if (!isNew)
    reporter_.error(range, fmt::format("second '{}'", keyword))
        .notes.push_back({first->second, "the first is here"});
}

// ---- pieces --------------------------------------------------------------------------------------------

bool Parser::name(std::string& into, SourceRange& range, std::string_view what) {
  const Token& token = cursor_.peek();
  if (token.kind != TokenKind::Identifier) {
    Diagnostic* error = cursor_.unexpected(what);
    if (error && token.kind == TokenKind::Keyword)
      error->remedy = fmt::format("'{}' is a keyword; choose another name", token.text);
    const Token& next = cursor_.peek(1);
    if (next.is(":") || next.is("=") || next.is("("))
      cursor_.take(); // it was meant as a name, not as the next statement
    return false;
  }
  into = token.text;
  range = cursor_.take().range;
  return true;
}

bool Parser::expression(ExprPtr& into) {
  into = exprs_.parse();
  return into != nullptr;
}

/// The expression of mask, score or scale. `mask q = k` is one mistake, not a statement `q` and a stray `=`.
bool Parser::statementValue(ExprPtr& into) {
  if (!expression(into))
    return false;
  if (!cursor_.at("="))
    return true;
  cursor_.unexpected("a statement")->remedy = "equality is '=='";
  return false;
}

/// `word = expression`
bool Parser::assigned(std::string_view word, ExprPtr& into) {
  return cursor_.expectWord(word, "here") && cursor_.expect("=", fmt::format("after '{}'", word)) &&
         expression(into);
}

bool Parser::function(std::vector<std::unique_ptr<UserFunction>>& into) {
  cursor_.take();
  auto result = std::make_unique<UserFunction>();
  if (!name(result->name, result->nameRange, "the function's name"))
    return false;
  if (!functionArguments(*result) || !cursor_.expect(":", "and the result's type after the arguments"))
    return broken(result->name);
  auto type = elementNamed(cursor_.peek().text);
  if (!type || spelling(scalarOf(*type)) != cursor_.peek().text) {
    cursor_.unexpected("the result's type: int, f32 or bool");
    return broken(result->name);
  }
  result->result = scalarOf(*type);
  cursor_.take();
  if (!cursor_.expect("=", "before the function's body") || !expression(result->body))
    return broken(result->name);
  into.push_back(std::move(result));
  return true;
}

bool Parser::functionArguments(UserFunction& function) {
  if (!cursor_.expect("(", "after the function's name"))
    return false;
  if (cursor_.accept(")"))
    return true;
  do {
    if (function.arguments.size() == kMaxArguments) {
      reporter_.error(cursor_.peek().range, fmt::format("more than {} arguments", kMaxArguments));
      return false;
    }
    auto argument = std::make_unique<Argument>();
    if (!name(argument->name, argument->nameRange, "an argument's name") ||
        !cursor_.expect(":", "and a type after the argument's name"))
      return false;
    auto type = elementNamed(cursor_.peek().text);
    if (!type || spelling(scalarOf(*type)) != cursor_.peek().text) {
      cursor_.unexpected("the argument's type: int, f32 or bool");
      return false;
    }
    cursor_.take();
    argument->type = scalarOf(*type);
    argument->index = function.arguments.size();
    function.arguments.push_back(std::move(argument));
  } while (cursor_.accept(","));
  return cursor_.expect(")", "after the arguments");
}

// ---- statements ----------------------------------------------------------------------------------------

bool Parser::let(Attention& attention) {
  cursor_.take();
  auto result = std::make_unique<Let>();
  if (!name(result->name, result->nameRange, "a name after 'let'"))
    return false;
  if (!cursor_.expect("=", "after the name") || !expression(result->value))
    return broken(result->name);
  attention.steps.emplace_back(std::move(result));
  return true;
}

bool Parser::dtype(Attention& attention) {
  attention.dtypeRange = cursor_.peek().range;
  attention.dtype = dtypeNamed(cursor_.peek().text);
  if (!attention.dtype)
    return cursor_.unexpected("f32, f16 or bf16"), false;
  cursor_.take();
  return true;
}

/// head_dim N | head_dim qk = N, v = N
bool Parser::headDim(Attention& attention) {
  bool byName = (cursor_.atWord("qk") || cursor_.atWord("v")) && cursor_.peek(1).is("=");
  if (!byName)
    return expression(attention.headDimQkExpr);
  return assigned("qk", attention.headDimQkExpr) && cursor_.expect(",", "and 'v = ...' after qk") &&
         assigned("v", attention.headDimVExpr);
}

/// param NAME : TYPE [dims] = default
bool Parser::param(Attention& attention) {
  cursor_.take();
  auto result = std::make_unique<Param>();
  if (!name(result->name, result->nameRange, "a name after 'param'"))
    return false;
  if (!cursor_.expect(":", "and a type after the param's name"))
    return broken(result->name);
  auto element = elementNamed(cursor_.peek().text);
  if (!element) {
    cursor_.unexpected(
        "a type: int, f32, bool, or f32[...], f16[...], bf16[...], int[...], i64[...], bool[...]");
    return broken(result->name);
  }
  const Token type = cursor_.take();
  result->element = *element;
  if (cursor_.at("[")) {
    if (!dims(*result))
      return broken(result->name);
  } else if (spelling(scalarOf(*element)) != type.text) {
    reporter_.error(type.range, fmt::format("'{}' is a type of tensors, not of scalars", type.text)).remedy =
        fmt::format("write {0}, or {1}[...] for a tensor", spelling(scalarOf(*element)), type.text);
  } else if (*element == Element::I32) {
    result->element = Element::I64;
  }
  if (cursor_.accept("=") && !expression(result->defaultExpr))
    return broken(result->name);
  attention.params.push_back(std::move(result));
  return true;
}

bool Parser::dims(Param& param) {
  SourceRange open = cursor_.take().range;
  if (cursor_.at("]")) {
    reporter_.error(join(open, cursor_.take().range), "a tensor needs at least one dimension").remedy =
        "leave out [] for a scalar";
    return false;
  }
  do {
    if (!dim(param))
      return false;
  } while (cursor_.accept(","));
  return cursor_.expect("]", "after the dimensions");
}

bool Parser::dim(Param& param) {
  const Token token = cursor_.peek();
  Dim result;
  result.range = token.range;
  if (token.kind == TokenKind::Int) {
    result.kind = Dim::Kind::Fixed;
    result.extent = std::get<int64_t>(token.value);
    if (result.extent < 1)
      reporter_.error(token.range, "a dimension is at least 1");
  } else if (token.kind == TokenKind::Identifier) {
    auto builtin = builtinNamed(token.text);
    result.kind = builtin ? Dim::Kind::Size : token.text == "_" ? Dim::Kind::Any : Dim::Kind::Named;
    result.name = token.text;
    if (builtin && !isSize(*builtin))
      reporter_.error(token.range, fmt::format("'{}' is no size", token.text)).remedy =
          "sizes are batch, heads, kv_heads, q_len, kv_len, head_dim, head_dim_v";
    result.size = builtin.value_or(Builtin::Batch);
  } else {
    cursor_.unexpected("a dimension: a size, an integer, or a new name or '_' for any extent");
    return false;
  }
  cursor_.take();
  param.dims.push_back(result);
  return true;
}

/// blocks TABLE[index, ...] q_block = N, k_block = N
bool Parser::blocks(Attention& attention) {
  Blocks result;
  SourceRange begin = cursor_.previous().range;
  if (!name(result.tableName, result.tableRange, "the block table's name") ||
      !cursor_.expect("[", "and the indices of a query block's list after the table's name"))
    return false;
  do {
    if (!expression(result.index.emplace_back()))
      return false;
  } while (cursor_.accept(","));
  if (!cursor_.expect("]", "after the indices") || !assigned("q_block", result.qBlockExpr) ||
      !cursor_.expect(",", "and 'k_block = ...' after q_block") || !assigned("k_block", result.kBlockExpr))
    return false;
  result.range = {begin.begin, cursor_.previous().range.end};
  attention.blocks = std::move(result);
  return true;
}

bool Parser::output(Attention& attention) {
  attention.outputs.clear();
  do {
    const Token token = cursor_.peek();
    auto kind = outputNamed(token.text);
    if (!kind)
      return cursor_.unexpected("an output: o, lse or max"), false;
    cursor_.take();
    auto first = std::find_if(attention.outputs.begin(), attention.outputs.end(),
                              [&](const Attention::Output& other) { return other.kind == *kind; });
    if (first != attention.outputs.end())
      reporter_.error(token.range, fmt::format("output '{}' is named twice", token.text))
          .notes.push_back({first->range, "the first is here"});
    else
      attention.outputs.push_back({*kind, token.range});
  } while (cursor_.accept(","));
  return true;
}

// ---- entry ---------------------------------------------------------------------------------------------

Result parse(const Source& source) {
  Result result;
  Reporter reporter(result.diagnostics);
  if (source.text().size() > kMaxFileSize)
    reporter.error(
        {0, 0}, fmt::format("file of {} bytes; a spec has at most {}", source.text().size(), kMaxFileSize));
  else
    result.file = Parser(source, reporter).file();
  return result;
}

} // namespace attile::frontend
