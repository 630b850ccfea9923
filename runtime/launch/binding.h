// The arguments of a launch, checked against a package and turned into numbers.
#pragma once

#include "package/compiled_plan.h"
#include <attile/device.h>

namespace attile {

struct Binding {
  std::vector<std::int64_t> symbols;  ///< all but the plan's values, which are 0 still
  std::vector<const void*> pointers;  ///< by operand; null for an empty one, or one that was left out
  std::vector<std::uint64_t> scalars; ///< by scalar param, as its slot
  /// By output: the bytes that must be provided for one that was left out, whose strides are then dense. Else
  /// 0.
  std::vector<std::int64_t> missing_bytes;
  std::vector<ByteRange> ranges; ///< by operand: the addresses that it covers; nothing if it is empty
};

/// Checks everything about `arguments` and fills `binding`, whose memory is reused. `threads` is at least 1.
Result<void> bind(const Package& package, const plan::CompiledPlan& plan, const Arguments& arguments,
                  int threads, Binding& binding);

} // namespace attile
