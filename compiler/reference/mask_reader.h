#pragma once

#include "compiler/reference/chain.h"

namespace attile::reference {

/// Collects what lookups clamped; one for each thread, merged at the end.
class ClampLog {
public:
  /// After a run of `frame` for keys [k, ...) of `row` (k = -1: the region does not see keys).
  void add(const Frame& frame, Row row, int64_t k);
  void add(OutOfRange entry);
  const std::vector<OutOfRange>& entries() const { return log; }

private:
  std::vector<OutOfRange> log;
};

/// Keys are taken in chunks of at most this many lanes.
inline constexpr int64_t kChunk = 128;

/// Which keys a row sees, by each VisibleNode of a chain, which must outlive it.
class VisibleEvaluator {
public:
  explicit VisibleEvaluator(const Chain& chain);

  /// Key blocks that the tables list for a row; one list for each node (empty for masks).
  using BlockLists = std::vector<std::vector<int64_t>>;
  void readTables(Row row, BlockLists& lists, ClampLog& log);
  /// out[lane] = whether `row` sees key k + lane by `node`; n at most kChunk.
  void evaluate(int node, Row row, const BlockLists& lists, int64_t k, int64_t n, uint8_t* out,
                ClampLog& log);
  /// The same by all of `nodes`; false if no lane is visible.
  bool evaluate(const std::vector<int>& nodes, Row row, const BlockLists& lists, int64_t k, int64_t n,
                uint8_t* out, ClampLog& log);

private:
  const Chain& chain;
  std::vector<Frame> frames;
  std::vector<int64_t> keys;
};

/// Sets b, h, kv_h (and q) as arguments `first`, `first` + 1, ...
void setRow(Frame& frame, size_t first, const Chain& chain, Row row, bool withQuery = true);

} // namespace attile::reference
