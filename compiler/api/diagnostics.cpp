#include "compiler/api/diagnostics.h"

#include <algorithm>
#include <fmt/core.h>

using namespace attile;

Result<frontend::CompileTimeOptions> api::frontendOptions(const CompileOptions& options) {
  frontend::CompileTimeOptions result;
  if (options.dtype) {
    result.dtype = ast::dtypeNamed(attile::name(*options.dtype));
    if (!result.dtype)
      return usage_error(
          fmt::format("q, k and v cannot be {}, but f32, f16 or bf16", attile::name(*options.dtype)));
  }
  result.headDim = options.head_dim;
  result.headDimV = options.head_dim_v;
  result.attention = options.attention;
  return result;
}

std::vector<Diagnostic> api::diagnosticsOf(const frontend::Source& source,
                                           const std::vector<frontend::Diagnostic>& found) {
  std::vector<Diagnostic> result;
  for (const frontend::Diagnostic& finding : found) {
    frontend::Source::Position at = source.position(finding.range.begin);
    Diagnostic diagnostic;
    if (finding.severity == frontend::Severity::Warning)
      diagnostic.severity = Diagnostic::Severity::warning;
    frontend::Source::Position end = source.position(std::max(finding.range.begin, finding.range.end));
    diagnostic.file = source.name();
    diagnostic.line = static_cast<int>(at.line);
    diagnostic.column = static_cast<int>(at.column);
    diagnostic.end_line = static_cast<int>(end.line);
    diagnostic.end_column = static_cast<int>(end.column);
    diagnostic.message = finding.message;
    diagnostic.remedy = finding.remedy;
    diagnostic.text = render(source, finding);
    result.push_back(std::move(diagnostic));
  }
  return result;
}

Error api::errorOf(const frontend::Source& source, const std::vector<frontend::Diagnostic>& found) {
  std::optional<Error> error;
  for (const frontend::Diagnostic& finding : found) {
    if (finding.severity != frontend::Severity::Error)
      continue;
    frontend::Source::Position at = source.position(finding.range.begin);
    std::string line = fmt::format("{}:{}:{}: {}", source.name(), at.line, at.column, finding.message);
    if (!error)
      error = user_error(std::move(line), finding.remedy);
    else
      error->notes.push_back(std::move(line));
  }
  return error ? *std::move(error) : internal_error("a spec was refused without a reason");
}
