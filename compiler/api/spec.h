// What a Spec is inside.
#pragma once

#include "compiler/frontend/source.h"

#include <attile/compiler.h>

namespace attile {

struct Spec::Impl {
  frontend::Source source;
  std::vector<std::string> attentions;
};

} // namespace attile
