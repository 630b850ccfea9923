#include "compiler/api/selected.h"

#include "compiler/api/diagnostics.h"
#include "compiler/api/spec.h"

using namespace attile;

Result<api::Selected> api::select(const Spec& spec, const CompileOptions& options) {
  Result<std::string> name = spec.attention(options.attention);
  if (!name)
    return name.error();
  CompileOptions chosen = options;
  chosen.attention = *name;
  Result<frontend::CompileTimeOptions> given = frontendOptions(chosen);
  if (!given)
    return given.error();
  Selected selected;
  selected.source = &spec.impl->source;
  selected.checked = frontend::analyze(*selected.source, *given);
  if (!selected.checked.ok())
    return errorOf(*selected.source, selected.checked.diagnostics);
  selected.attention = selected.checked.file.find(*name);
  return selected;
}
