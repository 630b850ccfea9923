#include "tests/conformance/table.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

namespace attile::conformance {

Result<Table> Table::load(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    return environment_error("cannot open '" + path + "'");
  auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false, /*ignore_comments=*/true);
  if (json.is_discarded())
    return internal_error("'" + path + "' is not JSON");
  Table table;
  table.axes.emplace_back();
  for (const auto& entry : json["variants"]) {
    Variant& variant = table.variants.emplace_back();
    variant.spec = entry["spec"].get<std::string>();
    for (const auto& [name, value] : entry.value("params", std::map<std::string, std::string>()))
      variant.params.push_back(std::string(name).append("=").append(value));
    variant.only = entry.value("only", std::map<std::string, std::vector<std::string>>());
    table.axes.front().push_back(variant.spec);
  }
  for (std::size_t axis = 1; axis < num_axes; ++axis)
    table.axes.push_back(json[axis_names[axis]].get<std::vector<std::string>>());
  return table;
}

bool Table::allows(const Case& c) const {
  return std::all_of(variants[c[0]].only.begin(), variants[c[0]].only.end(), [&](const auto& rule) {
    std::size_t axis = static_cast<std::size_t>(
        std::find(std::begin(axis_names), std::end(axis_names), rule.first) - std::begin(axis_names));
    return std::find(rule.second.begin(), rule.second.end(), axes[axis][c[axis]]) != rule.second.end();
  });
}

std::vector<Case> Table::all() const {
  std::vector<Case> cases;
  Case c(num_axes, 0);
  for (;;) {
    if (allows(c))
      cases.push_back(c);
    std::size_t axis = num_axes;
    while (axis > 0 && ++c[axis - 1] == axes[axis - 1].size())
      c[--axis] = 0;
    if (axis == 0)
      return cases;
  }
}

namespace {

using Pair = std::array<std::size_t, 4>; ///< axis, value, axis, value

std::vector<Pair> pairs_of(const Case& c) {
  std::vector<Pair> pairs;
  for (std::size_t a = 0; a < num_axes; ++a)
    for (std::size_t b = a + 1; b < num_axes; ++b)
      pairs.push_back({a, c[a], b, c[b]});
  return pairs;
}

/// Draws cases that cover pairs of values which none has covered yet.
class Cover {
public:
  Cover(const Table& table, std::uint64_t seed) : table(table), random(seed) {
    for (const Case& c : table.all())
      for (const Pair& pair : pairs_of(c))
        missing.insert(pair);
  }

  /// Some allowed case that has `fixed` values (an index for an axis), the one of many that covers most. The
  /// table must allow one.
  Case draw(const std::map<std::size_t, std::size_t>& fixed) {
    constexpr int completions = 40;
    Case best;
    std::ptrdiff_t most = -1;
    for (int i = 0; i < completions || most < 0; ++i) {
      Case c(num_axes);
      for (std::size_t axis = 0; axis < num_axes; ++axis)
        c[axis] = static_cast<std::size_t>(random() % table.axes[axis].size());
      for (auto [axis, value] : fixed)
        c[axis] = value;
      if (!table.allows(c))
        continue;
      auto pairs = pairs_of(c);
      std::ptrdiff_t covered =
          std::count_if(pairs.begin(), pairs.end(), [&](const Pair& pair) { return missing.contains(pair); });
      if (covered > most)
        most = covered, best = c;
    }
    for (const Pair& pair : pairs_of(best))
      missing.erase(pair);
    return best;
  }

  /// Adds cases until nothing is missing.
  void complete(std::vector<Case>& cases) {
    while (!missing.empty()) {
      const Pair wanted = *missing.begin();
      cases.push_back(draw({{wanted[0], wanted[1]}, {wanted[2], wanted[3]}}));
    }
  }

private:
  const Table& table;
  std::mt19937_64 random;
  std::set<Pair> missing;
};

} // namespace

std::vector<Case> Table::full(std::uint64_t seed) const {
  std::set<Case> products; // indices of the three axes
  for (const Case& c : all())
    products.insert({c[variant], c[dtype], c[shape]});
  std::vector<Case> order(products.begin(), products.end());
  std::shuffle(order.begin(), order.end(), std::mt19937_64(seed)); // or the last variants had all leftovers
  Cover cover(*this, seed);
  std::vector<Case> cases;
  cases.reserve(order.size());
  for (const Case& product : order)
    cases.push_back(cover.draw({{variant, product[0]}, {dtype, product[1]}, {shape, product[2]}}));
  cover.complete(cases);
  return cases;
}

std::vector<Case> Table::pairwise(std::uint64_t seed) const {
  std::vector<Case> cases;
  Cover(*this, seed).complete(cases);
  return cases;
}

} // namespace attile::conformance
