// The IO model: cycles and bytes of one tile of scores, times the tiles.
#include "compiler/schedule/model.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

namespace attile::schedule {

std::int64_t element_bytes_staged(const TargetDescription& target, const Problem& problem) {
  return target.bf16_dot && problem.bf16 ? 2 : 4;
}

std::int64_t working_set(const TargetDescription& target, const Problem& p, const Tile& t) {
  std::int64_t staged = element_bytes_staged(target, p);
  std::int64_t queries = t.rows * p.head_dim * staged, output = t.rows * p.head_dim_v * 4;
  std::int64_t scores = t.rows * t.keys * 4, weights = t.rows * t.keys * (staged == 4 ? 4 : 6);
  std::int64_t keys = t.keys * (p.head_dim + p.head_dim_v) * staged;
  return queries + output + scores + weights + keys;
}

namespace {

/// Cycles of a register-blocked product: `blocks` times, `depth` steps of vectors x numbers multiply-adds.
struct InnerLoop {
  double vectors, numbers, depth;

  double cycles(const TargetDescription& t, bool rows_in_l1) const {
    double fma = vectors * numbers / t.fma_per_cycle;
    double loads = (vectors + numbers) / t.loads_per_cycle;
    double refill = rows_in_l1 ? 0 : vectors * t.lanes * 4 / t.l2_bytes_per_cycle;
    return depth * std::max({fma, loads, refill, model::fma_latency}) + model::block_overhead_cycles +
           model::exposed_stores * vectors * numbers / t.stores_per_cycle;
  }
};

struct TileCost {
  double fma = 0, special = 0, plain = 0, l2_bytes = 0, l1_bytes = 0;
};

/// Cycles of the products of a tile with fewer rows than a vector has lanes: keys and values are widened
/// once, multiply-adds are issued as often as the CPU does them, and all else is hidden behind them.
double few_rows_products(const TargetDescription& target, const Problem& p, const Tile& t) {
  double pairs = element_bytes_staged(target, p) == 2 ? 2 : 1, lanes = static_cast<double>(target.lanes);
  bool tiles = target.bf16_tiles && p.bf16;
  double columns = static_cast<double>(p.head_dim_v) + (tiles ? 0.0 : static_cast<double>(p.head_dim));
  double products = columns / pairs * static_cast<double>(t.rows) / lanes;
  double widened = p.element_bytes == 4 ? 0 : (pairs == 2 ? p.head_dim_v / 2.0 : columns) / lanes;
  double tiled = tiles ? model::tile_cycles_per_key_channel * static_cast<double>(p.head_dim) : 0;
  return static_cast<double>(t.keys) * (tiled + (products + widened) / target.fma_per_cycle);
}

TileCost cost_of(const TargetDescription& target, const Problem& p, const Tile& t) {
  double staged = static_cast<double>(element_bytes_staged(target, p)), pairs = staged == 2 ? 2 : 1;
  double lanes = static_cast<double>(target.lanes), vectors = t.dot_rows / lanes;
  double panels = std::ceil(static_cast<double>(t.rows) / t.dot_rows);
  double l1 = model::l1_share * target.l1_bytes;
  bool few = t.rows < target.lanes;

  InnerLoop score{vectors, static_cast<double>(t.score_keys), p.head_dim / pairs};
  bool queries_stay = t.dot_rows * p.head_dim * staged + t.score_keys * p.head_dim * staged <= l1;
  InnerLoop output{vectors, static_cast<double>(t.value_cols), t.keys / pairs};
  bool weights_stay = t.dot_rows * t.keys * staged <= l1;
  double whole = std::floor(static_cast<double>(p.head_dim_v) / t.value_cols),
         rest = p.head_dim_v - whole * t.value_cols;

  TileCost cost;
  cost.fma = panels * (t.keys / static_cast<double>(t.score_keys)) * score.cycles(target, queries_stay);
  cost.fma += panels * whole * output.cycles(target, weights_stay);
  if (few)
    cost.fma = few_rows_products(target, p, t);
  else if (rest > 0)
    cost.fma += panels * InnerLoop{vectors, rest, output.depth}.cycles(target, weights_stay);

  double score_vectors = t.rows * t.keys / lanes, output_vectors = t.rows * p.head_dim_v / lanes;
  cost.special = (score_vectors * p.special_per_score + t.rows / lanes * model::specials_per_row) *
                 target.special_cycles;
  cost.plain = (score_vectors * (p.plain_per_score + model::passes_over_scores) +
                output_vectors * model::rescale_ops) *
               target.plain_cycles / target.fma_per_cycle;
  // f32 are read where they lie; the first rows that meet a key wait for it about as long.
  double staged_elements = t.keys * (p.head_dim + (p.element_bytes == 4 ? 0.0 : p.head_dim_v));
  if (!few)
    cost.plain += staged_elements / lanes * model::staging_cycles;
  cost.plain += model::tile_overhead_cycles;

  // Every panel reads the tile's keys and values, and its own scores, weights and output.
  cost.l2_bytes = panels * t.keys * (p.head_dim + p.head_dim_v) * staged + 2.0 * t.rows * p.head_dim_v * 4 +
                  2.0 * t.rows * t.keys * 4;
  cost.l1_bytes = panels * (t.keys / static_cast<double>(t.score_keys)) * (p.head_dim / pairs) *
                      (vectors * lanes + t.score_keys) * 4 +
                  panels * (p.head_dim_v / static_cast<double>(t.value_cols)) * (t.keys / pairs) *
                      (vectors * lanes + t.value_cols) * 4;
  return cost;
}

} // namespace

Prediction predict(const TargetDescription& target, const Problem& p, const Shape& s, const Tile& t) {
  double group = static_cast<double>(s.heads) / std::max<std::int64_t>(s.kv_heads, 1);
  double rows_per_kv_head = group * s.q_len;
  double row_tiles = s.batch * s.kv_heads * std::ceil(rows_per_kv_head / t.rows);
  double tiles = row_tiles * std::ceil(static_cast<double>(s.kv_len) / t.keys) * s.executed;
  TileCost cost = cost_of(target, p, t);
  double scores = static_cast<double>(s.batch) * s.heads * s.q_len * s.kv_len * s.executed;

  Prediction result;
  result.working_set = working_set(target, p, t);
  result.flops = 2 * scores * (p.head_dim + p.head_dim_v);
  result.special = scores * p.special_per_score;
  result.l1_bytes = tiles * cost.l1_bytes;
  result.l2_bytes = tiles * cost.l2_bytes;

  // Keys and values of one head come from memory once while they stay in the shared cache, else once per row
  // tile.
  double head_bytes = static_cast<double>(s.kv_len) * (p.head_dim + p.head_dim_v) * p.element_bytes;
  bool stay =
      head_bytes * std::min<double>(s.threads, s.batch * s.kv_heads) <= model::l3_share * target.l3_bytes;
  double reads = stay ? s.batch * s.kv_heads : row_tiles * s.executed;
  double row_bytes =
      static_cast<double>(s.batch) * s.heads * s.q_len * (p.head_dim + p.head_dim_v) * p.element_bytes;
  result.memory_bytes = head_bytes * reads + row_bytes;

  double cycle = 1 / (target.ghz * 1e9) / std::max<std::int64_t>(s.threads, 1);
  double fma = tiles * cost.fma * cycle, special = tiles * cost.special * cycle,
         plain = tiles * cost.plain * cycle;
  double l2 = result.l2_bytes / target.l2_bytes_per_cycle * cycle;
  double memory = result.memory_bytes / (target.memory_gbps * 1e9) /
                  std::min<double>(s.threads, model::cores_that_saturate_memory);
  // Every row tile reads the keys and values anew, from the shared cache at best.
  double l3 = row_tiles * s.executed * head_bytes / target.l3_bytes_per_cycle * cycle;
  double compute = fma + special + plain;
  double greatest = std::max({compute, l2, l3, memory});
  result.seconds = greatest + model::overlap_loss * (compute + l2 + l3 + memory - greatest);
  if (memory >= std::max({compute, l2, l3}))
    result.bound_by = "memory";
  else if (l3 >= std::max(compute, l2))
    result.bound_by = "l3";
  else if (l2 >= compute)
    result.bound_by = "l2";
  else
    result.bound_by = fma >= std::max(special, plain) ? "fma"
                      : special >= plain              ? "special functions"
                                                      : "elementwise";
  return result;
}

double Prediction::fraction_of_peak(const TargetDescription& target, const Problem& problem,
                                    const Shape& shape) const {
  double peak = target.peak_gflops(problem.bf16) * 1e9 * std::max<std::int64_t>(shape.threads, 1);
  return seconds > 0 ? flops / seconds / peak : 0;
}

} // namespace attile::schedule
