// A grid of blocks on several threads.
#pragma once

#include <attile/result.h>
#include <cstdint>
#include <functional>
#include <memory>

namespace attile::cpu {

/// Up to a fixed number of threads, the caller's among them.
class Workers {
public:
  explicit Workers(int threads);
  ~Workers();

  int threads() const { return count; }
  /// Calls body(worker, block) for every block in [0, grid). A free worker takes the lowest block that is
  /// left, so blocks start in ascending order: put the longest first. Calls with one `worker` < threads()
  /// never overlap. Results of float arithmetic in `body` that would be subnormal are 0 (subnormals.h).
  Result<void> run(std::int64_t grid, const std::function<void(int worker, std::int64_t block)>& body);

private:
  struct Pool;
  int count;
  std::unique_ptr<Pool> pool; ///< none for one thread
};

} // namespace attile::cpu
