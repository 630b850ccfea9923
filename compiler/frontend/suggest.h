#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attile::frontend {

/// The candidate that `name` is most likely a misspelling of, or "" if none is close.
std::string closest(std::string_view name, const std::vector<std::string_view>& candidates);

/// "did you mean 'x'?", or "" if none is close.
std::string didYouMean(std::string_view name, const std::vector<std::string_view>& candidates);

} // namespace attile::frontend
