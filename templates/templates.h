// The device library as text: what `#include "attile/kernel.cuh"` means to the compiler of generated kernels.
#pragma once

#include <span>
#include <string_view>

namespace attile {

struct Template {
  std::string_view name; ///< as in #include
  std::string_view text;
};

std::span<const Template> templates();
/// Differs where any name or text differs; in hexadecimal.
std::string_view templates_hash();

} // namespace attile
