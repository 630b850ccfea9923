// The conformance table, and which of its cases to run.
#pragma once

#include <attile/result.h>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace attile::conformance {

struct Variant {
  std::string spec; ///< a file of examples/, without .attn
  std::vector<std::string> params;
  std::map<std::string, std::vector<std::string>> only; ///< axis -> the values that make sense
};

/// Index 0 of a case is the variant; the others index the axes.
inline constexpr const char* axis_names[] = {"variant", "dtype", "head_dim", "shape",
                                             "layout",  "data",  "threads"};
inline constexpr std::size_t num_axes = std::size(axis_names);
enum Axis : std::size_t { variant, dtype, head_dim, shape, layout, data, threads };

using Case = std::vector<std::size_t>; ///< an index for every axis

struct Table {
  std::vector<Variant> variants;
  std::vector<std::vector<std::string>> axes; ///< values by axis; of the variants their names

  static Result<Table> load(const std::string& path);
  bool allows(const Case& c) const;
  const std::string& value(const Case& c, Axis axis) const { return axes[axis][c[axis]]; }

  /// Every allowed combination.
  std::vector<Case> all() const;
  /// A case for every allowed variant, dtype and shape. The other axes are drawn, so that every allowed pair
  /// of values of any two axes occurs, for which a few cases are added if need be.
  std::vector<Case> full(std::uint64_t seed) const;
  /// Few cases in which every allowed pair of values of two axes occurs.
  std::vector<Case> pairwise(std::uint64_t seed) const;
};

} // namespace attile::conformance
