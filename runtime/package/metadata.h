// The metadata of a package as JSON text.
#pragma once

#include <attile/package.h>

namespace attile {

/// Where a section's bytes lie, counted from the start of the code area.
struct CodeExtent {
  std::uint64_t offset = 0, size = 0;
};

/// `extents` by section, or none to leave them out. `indent` < 0 is compact.
std::string write_metadata(const Package& package, const std::vector<CodeExtent>& extents, int indent);

/// A package without the bytes of its code, which lie in `extents`. The Error names the place in the JSON.
Result<Package> read_metadata(std::string_view json, std::vector<CodeExtent>& extents);

} // namespace attile
