#include <attile/reference.h>

#include "compiler/api/attn_module.h"
#include "compiler/reference/accuracy.h"
#include "compiler/reference/interpreter.h"

#include <algorithm>
#include <fmt/core.h>

namespace attile {

struct Reference::Impl {
  std::shared_ptr<const api::AttnModule> attention;
  attn::KernelOp kernel = attention->kernel;
};

struct VisibleKeys::Impl {
  reference::Interpreter interpreter;
  std::unique_ptr<reference::MaskReader> reader;
};

namespace {

/// Rows whose scores are about max_scores in all, but never fewer than this.
constexpr int64_t kMinRows = 64;

std::vector<reference::Row> chooseRows(const reference::Interpreter& interpreter,
                                       const CheckOptions& options) {
  const reference::Sizes& sizes = interpreter.sizes();
  int64_t rows = sizes.batch * sizes.heads * sizes.qLen;
  int64_t affordable = std::max(kMinRows, options.max_scores / std::max<int64_t>(sizes.kvLen, 1));
  return rows <= affordable ? interpreter.allRows() : interpreter.sampledRows(affordable, options.seed);
}

Accuracy report(const reference::Accuracy& found, const reference::RowResults& results) {
  Accuracy accuracy{.ok = found.ok(),
                    .rel_err = found.relErr,
                    .bound = found.bound,
                    .max_abs_err = found.maxAbsErr,
                    .lse_err = found.lseErr,
                    .lse_bound = found.lseBound,
                    .misplaced = found.nonFiniteMismatch.has_value(),
                    .unverified = found.unverified};
  if (!found.unverified.empty())
    accuracy.problems.push_back(found.unverified);
  if (!(found.relErr <= found.bound))
    accuracy.problems.push_back(
        fmt::format("rel_err {:.3e} is beyond its bound {:.3e}", found.relErr, found.bound));
  if (!(found.lseErr <= found.lseBound))
    accuracy.problems.push_back(
        fmt::format("lse_err {:.3e} is beyond its bound {:.3e}", found.lseErr, found.lseBound));
  if (found.nonFiniteMismatch)
    accuracy.problems.push_back(
        fmt::format("b={} h={} q={}: infinities or NaNs are not where the reference has them",
                    found.nonFiniteMismatch->b, found.nonFiniteMismatch->h, found.nonFiniteMismatch->q));
  for (const reference::OutOfRange& entry : results.outOfRange)
    accuracy.clamped.push_back(entry.text());
  return accuracy;
}

} // namespace

Result<Reference> Reference::create(const Spec& spec, const CompileOptions& options) {
  Result<std::shared_ptr<const api::AttnModule>> attention = api::AttnModule::create(spec, options);
  if (!attention)
    return attention.error();
  return Reference(std::make_shared<Impl>(Impl{*attention}));
}

Result<Accuracy> Reference::check(const Operands& operands,
                                  const std::map<std::string, ConstTensorView, std::less<>>& outputs,
                                  const CheckOptions& options) const {
  reference::Arguments arguments = api::argumentsOf(operands);
  Result<reference::Sizes> sizes = reference::sizesOf(impl->kernel, arguments);
  if (!sizes)
    return sizes.error();
  Result<reference::Interpreter> interpreter =
      reference::Interpreter::create(impl->kernel, *sizes, arguments);
  if (!interpreter)
    return interpreter.error();
  std::vector<reference::Row> rows = chooseRows(*interpreter, options);
  std::function<void(int64_t)> progress;
  if (options.progress)
    progress = [&](int64_t done) {
      options.progress(static_cast<double>(done) / static_cast<double>(rows.size()));
    };
  Result<reference::RowResults> results = interpreter->evaluate(rows, options.threads, progress);
  if (!results)
    return results.error();
  Result<reference::Accuracy> found = reference::compare(*results, rows, outputs);
  if (!found)
    return found.error();
  Accuracy accuracy = report(*found, *results);
  accuracy.rows = static_cast<int64_t>(rows.size());
  accuracy.nan_rows = std::count(results->mayBeNaN.begin(), results->mayBeNaN.end(), uint8_t{1});
  accuracy.total_rows = sizes->batch * sizes->heads * sizes->qLen;
  return accuracy;
}

Result<std::map<std::string, Tensor, std::less<>>> Reference::evaluate(const Operands& operands,
                                                                       int threads) const {
  reference::Arguments arguments = api::argumentsOf(operands);
  Result<reference::Sizes> sizes = reference::sizesOf(impl->kernel, arguments);
  if (!sizes)
    return sizes.error();
  Result<reference::Interpreter> interpreter =
      reference::Interpreter::create(impl->kernel, *sizes, arguments);
  if (!interpreter)
    return interpreter.error();
  Result<reference::RowResults> results = interpreter->evaluate(interpreter->allRows(), threads);
  if (!results)
    return results.error();
  std::map<std::string, Tensor, std::less<>> outputs;
  for (const reference::RowResults::Output& output : results->outputs) {
    std::vector<int64_t> shape = {sizes->batch, sizes->heads, sizes->qLen};
    if (output.name == "o") // a row of one channel is a row, too
      shape.push_back(output.width);
    Result<Tensor> tensor = Tensor::zeros(DType::f32, shape);
    if (!tensor)
      return std::move(tensor).error();
    std::transform(output.values.begin(), output.values.end(), tensor->data<float>(),
                   [](double value) { return static_cast<float>(value); });
    outputs.emplace(output.name, *std::move(tensor));
  }
  return outputs;
}

Result<VisibleKeys> Reference::visible_keys(const Shape& shape, const Operands& operands) const {
  reference::Sizes sizes{shape.batch, shape.heads, shape.kv_heads, shape.q_len, shape.kv_len};
  Result<reference::Interpreter> interpreter =
      reference::Interpreter::create(impl->kernel, sizes, api::argumentsOf(operands));
  if (!interpreter)
    return interpreter.error();
  auto visible = std::make_shared<VisibleKeys::Impl>(VisibleKeys::Impl{std::move(*interpreter), nullptr});
  visible->reader = std::make_unique<reference::MaskReader>(visible->interpreter);
  return VisibleKeys(std::move(visible));
}

void VisibleKeys::read(std::int64_t b, std::int64_t h, std::int64_t q, std::int64_t k,
                       std::span<std::uint8_t> out) {
  impl->reader->visible({b, h, q}, k, out);
}

} // namespace attile
