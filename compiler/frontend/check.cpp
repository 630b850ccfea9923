// What an attention says, statement by statement.

#include "compiler/frontend/checker.h"
#include "compiler/frontend/suggest.h"

#include <algorithm>
#include <fmt/core.h>
#include <tuple>

namespace attile::frontend {

using namespace ast;

void AttentionChecker::run() {
  scope_.broken = &file_.broken;
  dtype();
  headDim();
  declarations();
  params();
  functions();
  steps();
  scale();
  masks();
  blocks();
  normalizer();
  outputs();
  expansionCost();
}

Type AttentionChecker::real(ExprPtr& expr, Place place, std::string_view what) {
  return at(std::move(place)).checkAs(expr, Scalar::F32, what);
}

// ---- what may be given at compile time -----------------------------------------------------------------

void AttentionChecker::dtype() {
  if (attention_.dtype && options_.dtype && *attention_.dtype != *options_.dtype) {
    reporter_
        .error(attention_.dtypeRange, fmt::format("the spec says dtype {}, --dtype says {}",
                                                  spelling(*attention_.dtype), spelling(*options_.dtype)))
        .remedy = "leave dtype out of the spec to choose it when compiling";
    return;
  }
  if (attention_.dtype)
    return;
  attention_.dtype = options_.dtype;
  bool tried = attention_.dtypeRange.end != 0; // a broken statement has been reported
  if (!attention_.dtype && !tried)
    reporter_.error(attention_.nameRange, fmt::format("attention '{}' has no dtype", attention_.name))
        .remedy = "write 'dtype f32', f16 or bf16, or give --dtype";
}

std::optional<int64_t> AttentionChecker::dimension(ExprPtr& expr, std::string_view what) {
  auto value = at(places::constant(what)).constant(expr, Scalar::Int, what);
  if (!value)
    return std::nullopt;
  int64_t dim = std::get<int64_t>(*value);
  if (dim >= 1 && dim <= kMaxHeadDim)
    return dim;
  reporter_.error(expr->range, fmt::format("{} is {}, but has to be in 1..{}", what, dim, kMaxHeadDim));
  return std::nullopt;
}

/// The option's value if it is legal, else nothing, reported.
std::optional<int64_t> AttentionChecker::optionDim(int64_t value, std::string_view flag, SourceRange at) {
  if (value >= 1 && value <= kMaxHeadDim)
    return value;
  reporter_.error(at, fmt::format("{} is {}, but has to be in 1..{}", flag, value, kMaxHeadDim));
  return std::nullopt;
}

/// What the options say together with the spec: --head-dim-v alone leaves q and k to the spec. Nothing if
/// they do not say it, or if it is `wrong`, which has been reported.
std::optional<HeadDim> AttentionChecker::optionHeadDim(const std::optional<HeadDim>& stated, bool& wrong) {
  SourceRange range = stated ? attention_.headDimRange : attention_.nameRange;
  std::optional<int64_t> qk = stated ? std::optional(stated->qk) : std::nullopt;
  if (options_.headDim)
    qk = optionDim(*options_.headDim, "--head-dim", range);
  std::optional<int64_t> v = qk;
  if (options_.headDimV)
    v = optionDim(*options_.headDimV, "--head-dim-v", range);
  wrong = (options_.headDim && !qk) || (options_.headDimV && !v);
  return qk && v ? std::optional(HeadDim{*qk, *v}) : std::nullopt;
}

void AttentionChecker::headDim() {
  std::optional<HeadDim> stated, given;
  if (attention_.headDimQkExpr) {
    bool both = attention_.headDimVExpr != nullptr;
    auto qk = dimension(attention_.headDimQkExpr, both ? "head_dim qk" : "head_dim");
    auto v = both ? dimension(attention_.headDimVExpr, "head_dim v") : qk;
    if (!qk || !v)
      return;
    stated = HeadDim{*qk, *v};
  }
  if (options_.headDim || options_.headDimV) {
    bool wrong = false;
    given = optionHeadDim(stated, wrong);
    if (wrong)
      return;
  }
  std::string_view flags = !options_.headDimV  ? "--head-dim says"
                           : !options_.headDim ? "--head-dim-v says"
                                               : "--head-dim and --head-dim-v say";
  if (stated && given && (stated->qk != given->qk || stated->v != given->v))
    reporter_
        .error(attention_.headDimRange,
               fmt::format("the spec says head_dim qk = {}, v = {}, {} qk = {}, v = {}", stated->qk,
                           stated->v, flags, given->qk, given->v))
        .remedy = "leave head_dim out of the spec to choose it when compiling";
  attention_.headDim = stated ? stated : given;
  scope_.headDim = attention_.headDim;
  bool tried = attention_.headDimRange.end != 0; // a broken statement has been reported
  if (!attention_.headDim && !tried)
    reporter_.error(attention_.nameRange, fmt::format("attention '{}' has no head_dim", attention_.name))
        .remedy = "write 'head_dim 128' or 'head_dim qk = 192, v = 128', or give --head-dim";
}

// ---- declarations --------------------------------------------------------------------------------------

void AttentionChecker::declarations() {
  for (const auto& function : file_.functions) {
    scope_.declared.emplace(function->name, function->nameRange);
    scope_.functions.emplace(function->name, function.get());
  }
  for (const auto& param : attention_.params) {
    declare(scope_, reporter_, param->name, param->nameRange, "param");
    scope_.params.emplace(param->name, param.get());
  }
  for (const auto& function : attention_.functions) {
    declare(scope_, reporter_, function->name, function->nameRange, "function");
    scope_.functions.emplace(function->name, function.get());
  }
  for (const Step& step : attention_.steps)
    if (auto* let = std::get_if<std::unique_ptr<Let>>(&step)) {
      declare(scope_, reporter_, (*let)->name, (*let)->nameRange, "let");
      scope_.laterLets.emplace((*let)->name, let->get());
    }
}

void AttentionChecker::params() {
  for (const auto& param : attention_.params) {
    paramDims(*param);
    if (!param->defaultExpr)
      continue;
    if (param->isTensor()) {
      reporter_
          .error(param->defaultExpr->range, fmt::format("tensor '{}' cannot have a default", param->name))
          .remedy = "only scalars have defaults; tensors are given when the kernel is launched";
      continue;
    }
    std::string what = fmt::format("the default of '{}'", param->name);
    param->defaultValue =
        at(places::constant(what)).constant(param->defaultExpr, scalarOf(param->element), what);
  }
}

void AttentionChecker::paramDims(const Param& param) {
  if (param.dims.size() > kMaxRank)
    reporter_.error(param.dims[kMaxRank].range,
                    fmt::format("'{}' has {} dimensions; at most {} are supported", param.name,
                                param.dims.size(), kMaxRank));
  std::vector<std::string_view> sizes;
  for (int i = static_cast<int>(Builtin::Batch); i < kNumBuiltins; ++i)
    sizes.push_back(spelling(static_cast<Builtin>(i)));
  for (const Dim& dim : param.dims) {
    std::string meant = dim.kind == Dim::Kind::Named ? closest(dim.name, sizes) : "";
    if (!meant.empty())
      reporter_.warning(dim.range, fmt::format("'{}' is a new name, which allows any extent", dim.name))
          .remedy = fmt::format("did you mean '{}'?", meant);
  }
}

void AttentionChecker::functions() {
  for (const auto& function : attention_.functions)
    checkFunction(source_, reporter_, scope_, *function, /*local=*/true);
  expansion_.add(attention_.functions);
}

// ---- statements ----------------------------------------------------------------------------------------

void AttentionChecker::steps() {
  for (Step& step : attention_.steps) {
    if (auto* score = std::get_if<Score>(&step)) {
      real(score->value, places::score(), "score");
      continue;
    }
    Let& let = *std::get<std::unique_ptr<Let>>(step);
    at(places::let()).check(let.value);
    BuiltinSet depends;
    walk(*let.value, [&](const Expr& e) {
      if (auto* ref = e.as<BuiltinRef>())
        depends.set(bit(ref->builtin));
      else if (auto* other = e.as<LetRef>())
        depends |= scope_.letDependencies[other->let];
    });
    scope_.letDependencies.emplace(&let, depends);
    if (auto later = scope_.laterLets.find(let.name);
        later != scope_.laterLets.end() && later->second == &let)
      scope_.laterLets.erase(later);
    scope_.lets.emplace(let.name, &let);
  }
}

/// The default is built as if the user had written it.
void AttentionChecker::scale() {
  if (!attention_.scale) {
    auto node = [&](Node kind, std::vector<ExprPtr> operands) {
      auto expr = std::make_unique<Expr>();
      expr->range = attention_.nameRange;
      expr->node = std::move(kind);
      for (ExprPtr& operand : operands)
        expr->depth = std::max(expr->depth, operand->depth + 1);
      expr->operands = std::move(operands);
      return expr;
    };
    auto list = [](auto... exprs) {
      std::vector<ExprPtr> result;
      (result.push_back(std::move(exprs)), ...);
      return result;
    };
    auto root = node(Apply{nullptr, "sqrt"}, list(node(Name{"head_dim"}, {})));
    auto one = node(Literal{int64_t{1}}, {});
    attention_.scale =
        node(Binary{BinaryOp::Div, attention_.nameRange}, list(std::move(one), std::move(root)));
  }
  real(attention_.scale, places::scale(), "scale");
}

void AttentionChecker::masks() {
  for (ExprPtr& mask : attention_.masks)
    at(places::mask()).checkAs(mask, Scalar::Bool, "mask");
}

void AttentionChecker::blocks() {
  if (!attention_.blocks)
    return;
  Blocks& blocks = *attention_.blocks;
  for (auto [expr, size, what] : {std::tuple{&blocks.qBlockExpr, &blocks.qBlock, "q_block"},
                                  std::tuple{&blocks.kBlockExpr, &blocks.kBlock, "k_block"}}) {
    auto value = at(places::constant(what)).constant(*expr, Scalar::Int, what);
    *size = value ? std::get<int64_t>(*value) : 1;
    if (*size < 1 || *size > kMaxBlock)
      reporter_.error((*expr)->range,
                      fmt::format("{} is {}, but has to be in 1..{}", what, *size, kMaxBlock));
  }
  for (ExprPtr& index : blocks.index)
    at(places::blocks()).checkAs(index, Scalar::Int, fmt::format("an index of '{}'", blocks.tableName));

  auto found = scope_.params.find(blocks.tableName);
  if (found == scope_.params.end()) {
    std::vector<std::string_view> names;
    names.reserve(scope_.params.size());
    for (const auto& [name, param] : scope_.params)
      names.push_back(name);
    if (!file_.broken.contains(blocks.tableName))
      reporter_.error(blocks.tableRange, fmt::format("unknown block table '{}'", blocks.tableName)).remedy =
          didYouMean(blocks.tableName, names);
    return;
  }
  blocks.table = found->second;
  scope_.used.insert(blocks.table);
  bool isTable = blocks.table->isTensor() && scalarOf(blocks.table->element) == Scalar::Int &&
                 blocks.table->dims.size() == blocks.index.size() + 1;
  if (!isTable) {
    Diagnostic& error = reporter_.error(
        blocks.tableRange, fmt::format("block table '{}' has to be an int tensor with {} dimensions",
                                       blocks.tableName, blocks.index.size() + 1));
    error.notes.push_back({blocks.table->nameRange, "declared here"});
    error.remedy = "give an index for each dimension but the last, which lists the key blocks";
  }
}

void AttentionChecker::outputs() {
  if (attention_.outputs.empty())
    attention_.outputs.push_back({OutputKind::O, attention_.nameRange});
  std::vector<OutputKind> available{OutputKind::O};
  if (std::holds_alternative<Softmax>(attention_.normalizer))
    available = {OutputKind::O, OutputKind::Lse, OutputKind::Max};
  if (auto* fold = std::get_if<std::unique_ptr<Fold>>(&attention_.normalizer))
    for (const Finalize& finalize : (*fold)->finalize)
      available.push_back(finalize.output);
  for (const Attention::Output& output : attention_.outputs)
    if (std::find(available.begin(), available.end(), output.kind) == available.end())
      reporter_.error(output.range, fmt::format("the normaliser has no output '{}'", spelling(output.kind)))
          .remedy = "lse and max come with softmax, and with a fold that finalizes them";
}

/// Bounds what later stages have to expand: some bytes of nested calls can stand for 2^1000 nodes.
void AttentionChecker::expansionCost() {
  uint64_t size = 0;
  forEachExpr(attention_, [&](const Expr& expr) {
    Expansion::Cost cost = expansion_.cost(expr);
    if (cost.depth > kMaxDepth && size <= kMaxExpandedSize)
      reporter_.error(expr.range, fmt::format("more than {} levels deep once calls are expanded", kMaxDepth))
          .remedy = "name a part of it with 'let'";
    bool before = size > kMaxExpandedSize;
    size += cost.size;
    if (size > kMaxExpandedSize && !before)
      reporter_
          .error(expr.range,
                 fmt::format("the expressions of '{}' have more than {} operations once functions "
                             "and sums are expanded",
                             attention_.name, kMaxExpandedSize))
          .remedy = "name what is computed repeatedly with 'let', or shorten the ranges of sums";
  });
}

void AttentionChecker::unused() {
  auto warn = [&](const void* what, std::string_view kind, const std::string& name, SourceRange range) {
    if (!scope_.used.contains(what))
      reporter_.warning(range, fmt::format("{} '{}' is not used", kind, name));
  };
  for (const auto& param : attention_.params)
    warn(param.get(), "param", param->name, param->nameRange);
  for (const auto& function : attention_.functions)
    warn(function.get(), "function", function->name, function->nameRange);
  for (const Step& step : attention_.steps)
    if (auto* let = std::get_if<std::unique_ptr<Let>>(&step))
      warn(let->get(), "let", (*let)->name, (*let)->nameRange);
}

// ---- file ----------------------------------------------------------------------------------------------

void check(const Source& source, const CompileTimeOptions& options, Result& result) {
  Reporter reporter(result.diagnostics);
  File& file = result.file;
  Expansion expansion(reporter);
  Scope top;
  top.broken = &file.broken;
  for (const auto& function : file.functions) {
    declare(top, reporter, function->name, function->nameRange, "function");
    top.functions.emplace(function->name, function.get());
  }
  for (const auto& function : file.functions)
    checkFunction(source, reporter, top, *function, /*local=*/false);
  expansion.add(file.functions);

  std::map<std::string, SourceRange, std::less<>> names;
  std::vector<AttentionChecker> checkers;
  checkers.reserve(file.attentions.size());
  bool one = !options.attention.empty();
  for (const auto& attention : file.attentions) {
    auto [first, isNew] = names.emplace(attention->name, attention->nameRange);
    if (!isNew)
      reporter.error(attention->nameRange, fmt::format("second attention '{}'", attention->name))
          .notes.push_back({first->second, "the first is here"});
    if (one && attention->name != options.attention)
      continue;
    AttentionChecker& checker = checkers.emplace_back(source, options, reporter, file, *attention, expansion);
    checker.run();
    top.used.insert(checker.scope().used.begin(), checker.scope().used.end());
  }
  if (file.attentions.empty() && !hasErrors(result.diagnostics))
    reporter.error({0, 0}, "the file has no attention").remedy = "write 'attention NAME { ... }'";
  if (!hasErrors(result.diagnostics)) { // else what went wrong may be the use
    for (AttentionChecker& checker : checkers)
      checker.unused();
    for (const auto& function : file.functions)
      if (!one && !top.used.contains(function.get())) // else another attention may use it
        reporter.warning(function->nameRange, fmt::format("function '{}' is not used", function->name));
  }
  std::sort(result.diagnostics.begin(), result.diagnostics.end(),
            [](const Diagnostic& a, const Diagnostic& b) {
              return std::tie(a.range.begin, a.severity, a.message) <
                     std::tie(b.range.begin, b.severity, b.message);
            });
}

Result analyze(const Source& source, const CompileTimeOptions& options) {
  Result result = parse(source);
  check(source, options, result);
  return result;
}

} // namespace attile::frontend
