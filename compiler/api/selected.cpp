#include "compiler/api/selected.h"

#include "compiler/api/diagnostics.h"
#include "compiler/api/spec.h"

#include <fmt/core.h>

using namespace attile;

namespace {

Error which(const Spec& spec, const std::string& wanted) {
  std::string names;
  for (const std::string& name : spec.attentions())
    names += (names.empty() ? "" : ", ") + name;
  if (names.empty())
    return user_error(fmt::format("'{}' has no attention", spec.name()), "write 'attention name { ... }'");
  if (wanted.empty())
    return user_error(fmt::format("'{}' has {} attentions: {}", spec.name(), spec.attentions().size(), names),
                      "choose one with --attention, or CompileOptions::attention");
  return user_error(fmt::format("'{}' has no attention '{}'", spec.name(), wanted), "it has: " + names);
}

} // namespace

Result<api::Selected> api::select(const Spec& spec, const CompileOptions& options) {
  Result<frontend::CompileTimeOptions> given = frontendOptions(options);
  if (!given)
    return given.error();
  Selected selected;
  selected.source = &spec.impl->source;
  selected.checked = frontend::analyze(*selected.source, *given);
  if (!selected.checked.ok())
    return errorOf(*selected.source, selected.checked.diagnostics);
  const ast::File& file = selected.checked.file;
  if (options.attention.empty() && file.attentions.size() == 1)
    selected.attention = file.attentions.front().get();
  else if (!options.attention.empty())
    selected.attention = file.find(options.attention);
  if (!selected.attention)
    return which(spec, options.attention);
  return selected;
}
