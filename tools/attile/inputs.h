// What a kernel is called with: from .npy files, or random, as `run`, `bench`, `explain` and `mask` take it.
#pragma once

#include <CLI/CLI.hpp>
#include <attile/compiler.h>
#include <attile/device.h>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace attile::cli {

/// "b=1,hq=8,hkv=2,q=128,kv=4096"; what is left out comes from files, or is 1, and hkv = hq, kv = q.
struct PartialShape {
  std::optional<std::int64_t> batch, heads, kv_heads, q_len, kv_len;
};
Result<PartialShape> parse_shape(const std::string& text);

/// Tensors and scalars that belong together, with the memory they lie in. Views are [batch, heads, len, dim].
struct Inputs {
  Shape shape;
  /// Scores of the launch, masked ones included.
  double scores() const {
    return static_cast<double>(shape.batch) * static_cast<double>(shape.heads) *
           static_cast<double>(shape.q_len) * static_cast<double>(shape.kv_len);
  }

  Operands operands;
  std::deque<Tensor> memory;
  std::vector<std::string> notes; ///< what was rounded or assumed

  /// For Kernel::launch; refers to the names in `operands`.
  Arguments arguments() const;
};

using TensorNames = std::set<std::string, std::less<>>;

struct InputOptions {
  std::string shape, layout = "bhsd";
  std::string q, k, v; ///< .npy files
  std::vector<std::string> params;
  std::uint64_t seed = 0;
  std::int64_t default_len = 1024; ///< q_len, if nothing says it

  /// --shape, --param, --seed; and --q, --k, --v, --layout, for commands that read tensors.
  void declare(CLI::App& app, bool tensors);
  bool heads_last() const { return layout == "bshd"; }
  /// Reads or draws every input of the package. Where only the mask matters, `needed` has the tensor params
  /// that it reads: q, k and v are left out then, and of other params there is one element for all.
  Result<Inputs> make(const Package& package, const TensorNames* needed = nullptr) const;
};

} // namespace attile::cli
