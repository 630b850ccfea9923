// Candidates, limits, and the reasons why some lose.
#include "compiler/schedule/model.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fmt/core.h>
#include <numeric>
#include <optional>

namespace attile::schedule {

std::string to_string(const Tile& t) {
  return fmt::format("rows={} keys={} dot_rows={} score_keys={} value_cols={}", t.rows, t.keys, t.dot_rows,
                     t.score_keys, t.value_cols);
}

std::optional<Tile> tile_from_string(const std::string& text) {
  Tile tile;
  int read = 0;
  constexpr const char* format = "rows=%" SCNd64 " keys=%" SCNd64 " dot_rows=%" SCNd64 " score_keys=%" SCNd64
                                 " value_cols=%" SCNd64 "%n";
  if (std::sscanf(text.c_str(), format, &tile.rows, &tile.keys, &tile.dot_rows, &tile.score_keys,
                  &tile.value_cols, &read) != 5 ||
      text.size() != static_cast<std::size_t>(read))
    return std::nullopt;
  return tile;
}

namespace {

constexpr std::int64_t max_rows = 256, max_keys = 512;
/// Keys of a tile while decoding: short, so that keys and values stay in the first cache, and the next ones
/// are fetched meanwhile.
constexpr std::int64_t few_rows_keys = 64;

/// Register blocks with 1, 2 or 4 vectors of rows: as many keys as fit, and as many columns, evenly spread
/// over the value vector so that the last block is not a small one.
std::vector<Tile> register_blocks(const TargetDescription& target, const Problem& problem) {
  std::vector<Tile> blocks;
  for (std::int64_t vectors : {1, 2, 4}) {
    // Accumulators leave room for the rows' vectors and a broadcast number.
    auto share = static_cast<std::int64_t>(model::accumulator_share * target.registers);
    std::int64_t most = std::min(share, target.registers - vectors - 1) / vectors;
    if (most < 1)
      continue;
    std::int64_t pieces = (problem.head_dim_v + most - 1) / most;
    std::int64_t even = (problem.head_dim_v + pieces - 1) / pieces;
    for (std::int64_t keys = 1; keys <= most; ++keys)
      if (keys == most || model::key_grain % keys == 0)
        blocks.push_back({0, 0, vectors * target.lanes, keys, even});
  }
  return blocks;
}

/// Why a tile is not possible, in words; nothing if it is.
std::optional<std::string> obstacle(const TargetDescription& target, const Problem& problem,
                                    const Tile& tile) {
  std::int64_t bytes = working_set(target, problem, tile);
  double share = model::l2_share * target.l2_bytes;
  if (bytes > share)
    return fmt::format("needs {} KB, the share of L2 is {:.0f} KB", bytes >> 10, share / 1024);
  if (problem.key_block > 0 && problem.key_block % tile.keys != 0)
    return fmt::format("{} keys do not divide the blocks of {} keys of the block table", tile.keys,
                       problem.key_block);
  return std::nullopt;
}

/// Tiles of keys that a register block divides.
std::vector<std::int64_t> key_tiles(const Tile& block) {
  std::int64_t grain = std::lcm(block.score_keys, model::key_grain);
  std::vector<std::int64_t> result;
  for (std::int64_t keys = grain; keys <= std::max(max_keys, grain); keys += grain)
    result.push_back(keys);
  return result;
}

struct Candidate {
  Tile tile;
  Prediction prediction;
  std::optional<std::string> obstacle;
};

/// At most twice or half as large in each direction.
bool near(const Tile& a, const Tile& b) {
  auto close = [](std::int64_t x, std::int64_t y) { return x <= 2 * y && y <= 2 * x; };
  return close(a.rows, b.rows) && close(a.keys, b.keys);
}

/// What a tile costs at the ends of a mask, as a factor: rows see different keys there, which are computed
/// for all rows of a register block; and the tiles there, as many as the tile's rows part, evaluate the mask.
double waste(const Problem& problem, const Tile& tile) {
  if (!problem.masked)
    return 1;
  double ends =
      static_cast<double>(tile.dot_rows) + 2 * model::mask_share * static_cast<double>(tile.rows + tile.keys);
  return 1 + ends / model::visible_keys;
}

Choice best_of(const Problem& problem, const Shape& shape, std::vector<Candidate> candidates) {
  auto cost = [&](const Candidate& c) {
    return std::pair(c.prediction.seconds * waste(problem, c.tile), c.prediction.working_set);
  };
  auto fastest_first = [&](const Candidate& a, const Candidate& b) { return cost(a) < cost(b); };
  std::sort(candidates.begin(), candidates.end(), fastest_first);
  auto possible = [](const Candidate& c) { return !c.obstacle; };
  auto best = std::find_if(candidates.begin(), candidates.end(), possible);
  if (best == candidates.end()) // nothing fits: the least of them
    best = std::min_element(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      return a.prediction.working_set < b.prediction.working_set;
    });
  Choice choice{best->tile, best->prediction, {}, shape};
  // Neighbours are told, one for each size of tile: what would be faster but is not possible, and what is
  // slower.
  std::vector<std::pair<std::int64_t, std::int64_t>> told{{best->tile.rows, best->tile.keys}};
  for (const Candidate& other : candidates) {
    std::pair size{other.tile.rows, other.tile.keys};
    if (choice.rejected.size() == model::told || !near(other.tile, best->tile) ||
        std::find(told.begin(), told.end(), size) != told.end())
      continue;
    told.push_back(size);
    choice.rejected.push_back({other.tile, other.obstacle.value_or("")});
  }
  return choice;
}

Choice choose_among(const TargetDescription& target, const Problem& problem, const Shape& shape,
                    std::int64_t least_rows, std::int64_t most_rows) {
  std::vector<Candidate> candidates;
  for (const Tile& block : register_blocks(target, problem))
    for (std::int64_t rows = std::max(block.dot_rows, least_rows); rows <= most_rows; rows *= 2)
      for (std::int64_t keys : key_tiles(block)) {
        Tile tile = block;
        tile.rows = rows, tile.keys = keys;
        candidates.push_back({tile, predict(target, problem, shape, tile), obstacle(target, problem, tile)});
      }
  return best_of(problem, shape, std::move(candidates));
}

} // namespace

std::string reason(const TargetDescription& here, const TargetDescription& typical, const Problem& problem,
                   const Shape& shape, const Choice& choice, const Rejected& other) {
  if (!other.obstacle.empty())
    return other.obstacle;
  Prediction theirs = predict(here, problem, shape, other.tile),
             ours = predict(here, problem, shape, choice.tile);
  std::string text = fmt::format("predicted {:.3g} ms, bound by {}; the choice takes {:.3g} ms",
                                 1e3 * theirs.seconds, theirs.bound_by, 1e3 * ours.seconds);
  if (choice.measured)
    return text + "; for few rows the choice is fixed, by measurements";
  if (!problem.masked && theirs.seconds > ours.seconds)
    return text;
  // One tile serves all shapes: the numbers that decided are those of the shape that it was chosen at.
  text += fmt::format(
      "; chosen for {} heads, q={} kv={} on a typical machine: {:.3g} ms, the choice {:.3g} ms",
      choice.shape.heads, choice.shape.q_len, choice.shape.kv_len,
      1e3 * predict(typical, problem, choice.shape, other.tile).seconds, 1e3 * choice.prediction.seconds);
  if (problem.masked)
    text += fmt::format(", and at the mask's ends {:.1f} % more, the choice {:.1f} %",
                        100 * (waste(problem, other.tile) - 1), 100 * (waste(problem, choice.tile) - 1));
  return text;
}

Choice choose(const TargetDescription& target, const Problem& problem, const Shape& shape) {
  std::int64_t rows = problem.query_block > 0 ? std::min(problem.query_block, max_rows) : max_rows;
  return choose_among(target, problem, shape, target.lanes, std::max(rows, target.lanes));
}

// Both do about as much in a row's time: where the larger tile would be half empty, smaller ones are faster.
std::int64_t most_few_rows(const Tile& few, const Tile& many) { return std::max(few.rows, many.rows / 2); }

Choice choose_few_rows(const TargetDescription& target, const Problem& problem) {
  Shape decoding{.heads = target.lanes, .kv_heads = 1, .q_len = 1, .kv_len = 32768};
  Choice modelled = choose_among(target, problem, decoding, target.lanes, target.lanes);
  // Fixed: measured, it beats what the model would take. The model has no notion of rows that are repeated
  // for keys and values in lanes, nor of fetching the next tile while one is multiplied.
  std::int64_t rows = target.lanes / 2, vectors = target.registers / 2 / rows;
  std::int64_t keys = problem.key_block % few_rows_keys ? few_rows_keys / 2 : few_rows_keys;
  Tile tile{rows, keys, rows, target.registers / 2, vectors * target.lanes};
  Choice fixed{tile, predict(target, problem, decoding, tile), {{modelled.tile, ""}}, decoding, true};
  for (const Rejected& other : modelled.rejected)
    if (fixed.rejected.size() < model::told)
      fixed.rejected.push_back(other);
  return fixed;
}

} // namespace attile::schedule
