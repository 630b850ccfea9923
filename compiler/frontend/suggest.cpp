#include "compiler/frontend/suggest.h"

#include <algorithm>
#include <cctype>
#include <fmt/core.h>

namespace attile::frontend {
namespace {

constexpr size_t kLongest = 64; // names beyond are not compared: the table is quadratic

/// Edits (insert, delete, replace, swap neighbours) between a and b; case does not count.
size_t distance(std::string_view a, std::string_view b) {
  auto same = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  };
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + !same(a[i - 1], b[j - 1])});
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

} // namespace

std::string closest(std::string_view name, const std::vector<std::string_view>& candidates) {
  if (name.size() > kLongest)
    return {};
  std::string_view best;
  size_t bestDistance =
      name.size() < 3 ? 1 : name.size() / 3 + 1; // must be smaller: short names are not typos
  for (std::string_view candidate : candidates) {
    if (candidate.size() > kLongest)
      continue;
    size_t edits = distance(name, candidate);
    if (edits < bestDistance || (edits == bestDistance && !best.empty() && candidate < best))
      best = candidate, bestDistance = edits;
  }
  return std::string(best);
}

std::string didYouMean(std::string_view name, const std::vector<std::string_view>& candidates) {
  std::string best = closest(name, candidates);
  return best.empty() ? best : fmt::format("did you mean '{}'?", best);
}

} // namespace attile::frontend
