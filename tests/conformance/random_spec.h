// Specs drawn at random: valid, and smooth in the scores, so that f32 and float64 can be compared.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace attile::conformance {

/// A spec and a launch of it. As text it is a spec file whose first line has the rest, in a comment.
struct RandomSpec {
  std::string text;                ///< without that line
  std::string shape, layout;       ///< as `attile run --shape`, and as the axis of the conformance table
  std::uint64_t seed = 0;          ///< of the inputs
  std::vector<std::string> params; ///< as `attile run --param`

  std::string file() const;
  static RandomSpec from_file(const std::string& text);
};

/// The same for the same seed. `most_work`: of multiply-adds in its dots, as far as shapes can be made small.
RandomSpec random_spec(std::uint64_t seed, double most_work);

} // namespace attile::conformance
