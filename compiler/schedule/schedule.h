// Chooses the tiles of a kernel by an IO model, and says why.
//
// A block works on a tile of `rows` x `keys` scores. Query rows lie across vector lanes: a dot keeps
// `dot_rows` rows times `score_keys` keys (scores) or `value_cols` columns (output) of accumulators in
// registers, and walks the contracted dimension. For each candidate the model counts, per tile of scores,
// cycles of the dots' inner loops, of elementary functions and other elementwise work, of staging and
// rescaling, and bytes between the levels of memory.
#ifndef ATTILE_COMPILER_SCHEDULE_SCHEDULE_H
#define ATTILE_COMPILER_SCHEDULE_SCHEDULE_H

#include "compiler/schedule/target.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace attile::schedule {

/// What a variant computes, as far as its cost depends on it.
struct Problem {
  std::int64_t head_dim = 128, head_dim_v = 128;
  std::int64_t element_bytes = 4; ///< of q, k and v
  bool bf16 = false;              ///< 16-bit elements that targets with bf16_dot multiply as they are
  double special_per_score = 1;   ///< exp, tanh, ... evaluated for every score
  double plain_per_score = 4;     ///< other scalar operations for every score
  double mask_per_score = 0;      ///< operations of the mask that each key needs of its own
  double fetched_per_score = 0;   ///< elements of tensors and integer quotients of mask and score
  bool masked = false;            ///< not every row sees every key
  std::int64_t query_block = 0;   ///< of a block table: a tile of rows stays within one; 0 without
  std::int64_t key_block = 0;     ///< of a block table: a tile of keys divides it; 0 without
};

/// Sizes of a launch, for predictions in absolute terms.
struct Shape {
  std::int64_t batch = 1, heads = 8, kv_heads = 8, q_len = 4096, kv_len = 4096;
  std::int64_t threads = 1;
  double executed = 1; ///< fraction of the scores' tiles that are executed
};

struct Tile {
  std::int64_t rows = 0, keys = 0, dot_rows = 0, score_keys = 0, value_cols = 0;
  bool operator==(const Tile&) const = default;
};
/// "rows=128 keys=64 dot_rows=64 score_keys=64 value_cols=128"
std::string to_string(const Tile& tile);
/// Of such a text; nothing of any other.
std::optional<Tile> tile_from_string(const std::string& text);

/// What the model says about one tile size at one shape.
struct Prediction {
  double seconds = 0;
  std::string bound_by; ///< "fma", "special functions", "elementwise", "l2", "l3" or "memory"
  double flops = 0;     ///< of the dots, on executed scores
  double special = 0;   ///< elementary functions evaluated
  double l1_bytes = 0, l2_bytes = 0, memory_bytes = 0; ///< read and written from that level
  std::int64_t working_set = 0;                        ///< bytes that a worker keeps in its L2
  /// Of a GPU: cycles of an SM for a tile, by what it keeps busy, and with what of it goes on at the same
  /// time.
  std::vector<std::pair<std::string, double>> tile_units;
  double tile_cycles = 0;
  double fraction_of_peak(const TargetDescription& target, const Problem& problem, const Shape& shape) const;
};

struct Rejected {
  Tile tile;
  std::string obstacle; ///< why it is not possible, in words, with both numbers; empty: it is only slower
};

/// A tile for inputs of all sizes; it was chosen at `shape`.
struct Choice {
  Tile tile;
  Prediction prediction;          ///< at `shape`
  std::vector<Rejected> rejected; ///< the nearest ones, best first
  Shape shape;
  bool measured = false;           ///< fixed by measurements, not the fastest of the model
  std::vector<Tile> possible = {}; ///< of a GPU: all that fit, the model's best first
};

/// The model for one tile.
Prediction predict(const TargetDescription& target, const Problem& problem, const Shape& shape,
                   const Tile& tile);

/// Why `choice` and not `other`, in words: the obstacle, or both predictions at `shape`; and where these do
/// not decide, what did.
std::string reason(const TargetDescription& here, const TargetDescription& typical, const Problem& problem,
                   const Shape& shape, const Choice& choice, const Rejected& other);

/// The fastest tile for long inputs within the registers and caches of the target; `shape` enters through the
/// number of rows that there are.
Choice choose(const TargetDescription& target, const Problem& problem, const Shape& shape = {});

/// The tile for a handful of rows (decoding): half a vector of rows, so that little is computed in vain.
Choice choose_few_rows(const TargetDescription& target, const Problem& problem);

/// Rows of a kv head up to which tiles of `few` rows are faster than one of `many` that is not filled.
std::int64_t most_few_rows(const Tile& few, const Tile& many);

} // namespace attile::schedule

#endif
