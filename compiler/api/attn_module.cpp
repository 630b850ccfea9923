#include "compiler/api/attn_module.h"

#include "compiler/api/diagnostics.h"
#include "compiler/api/selected.h"
#include "compiler/irgen/irgen.h"

namespace attile::api {

Result<std::shared_ptr<const AttnModule>> AttnModule::create(const Spec& spec,
                                                             const CompileOptions& options) {
  Result<Selected> selected = select(spec, options);
  if (!selected)
    return selected.error();
  auto result = std::make_shared<AttnModule>();
  irgen::Generated generated = irgen::generate(result->context, *selected->source, *selected->attention);
  if (!generated.ok())
    return errorOf(*selected->source, generated.diagnostics);
  result->module = std::move(generated.module);
  result->kernel = *result->module->getOps<attn::KernelOp>().begin();
  return std::shared_ptr<const AttnModule>(std::move(result));
}

static reference::Scalar widened(const Scalar& scalar) {
  return std::visit(
      [](auto value) -> reference::Scalar {
        if constexpr (std::is_same_v<decltype(value), float>)
          return static_cast<double>(value);
        else
          return value;
      },
      scalar);
}

reference::Arguments argumentsOf(const Operands& operands) {
  reference::Arguments arguments;
  arguments.tensors = operands.tensors;
  for (const auto& [name, scalar] : operands.scalars)
    arguments.scalars[name] = widened(scalar);
  return arguments;
}

} // namespace attile::api
