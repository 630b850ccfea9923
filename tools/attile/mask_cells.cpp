#include "tools/attile/mask_cells.h"

#include <algorithm>
#include <attile/random.h>
#include <numeric>

using namespace attile;
using namespace attile::cli;

namespace {

constexpr std::int64_t exact_scores = std::int64_t{1} << 26;
/// Where a cell is sampled: so many rows, and a run of so many keys in each.
constexpr std::int64_t sample_rows = 3, sample_keys = 8;

struct Place {
  std::int64_t b, h;
};

Cell::Tile class_of(std::int64_t visible, std::int64_t all) {
  return visible == 0 ? Cell::Tile::empty : visible == all ? Cell::Tile::full : Cell::Tile::partial;
}

/// Half-open range of positions that part `i` of `n` equal parts of `length` covers; never empty for n <=
/// length.
struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};
Range part(std::int64_t length, std::int64_t i, std::int64_t n) {
  return {i * length / n, (i + 1) * length / n};
}

/// Every score, a band of tiles at a time.
class Exact {
public:
  Exact(VisibleKeys& keys, const Shape& shape, Place place, TileSize tile, MaskCells& result)
      : keys(keys), shape(shape), place(place), tile(tile), result(result),
        tiles((shape.kv_len + tile.keys - 1) / tile.keys), row(static_cast<std::size_t>(shape.kv_len)),
        sums(static_cast<std::size_t>(shape.kv_len) + 1) {}

  void run(const std::function<void(double)>& progress) {
    std::vector<std::int64_t> in_cells(result.cells.size());
    for (std::int64_t first = 0; first < shape.q_len; first += tile.rows) {
      Range band{first, std::min(first + tile.rows, shape.q_len)};
      std::vector<std::int64_t> in_tiles(static_cast<std::size_t>(tiles));
      for (std::int64_t q = band.begin; q < band.end; ++q)
        add_row(q, in_cells, in_tiles);
      classify(band, in_tiles);
      progress(static_cast<double>(band.end) / static_cast<double>(shape.q_len));
    }
    for (int r = 0; r < result.rows; ++r)
      for (int c = 0; c < result.columns; ++c) {
        std::int64_t all =
            part(shape.q_len, r, result.rows).size() * part(shape.kv_len, c, result.columns).size();
        std::size_t index = static_cast<std::size_t>(r) * result.columns + c;
        result.cells[index].visible = static_cast<float>(in_cells[index]) / static_cast<float>(all);
      }
  }

private:
  std::int64_t count(Range range) const { return sums[range.end] - sums[range.begin]; }
  Range keys_of(std::int64_t t) const { return {t * tile.keys, std::min((t + 1) * tile.keys, shape.kv_len)}; }

  void add_row(std::int64_t q, std::vector<std::int64_t>& in_cells, std::vector<std::int64_t>& in_tiles) {
    keys.read(place.b, place.h, q, 0, row);
    for (std::size_t k = 0; k < row.size(); ++k)
      sums[k + 1] = sums[k] + row[k];
    std::int64_t r = ((q + 1) * result.rows - 1) / shape.q_len; // the part that holds q
    for (int c = 0; c < result.columns; ++c)
      in_cells[static_cast<std::size_t>(r * result.columns + c)] +=
          count(part(shape.kv_len, c, result.columns));
    for (std::int64_t t = 0; t < tiles; ++t)
      in_tiles[static_cast<std::size_t>(t)] += count(keys_of(t));
  }

  /// Cells get the class of the tile at their centre, or partial if they meet several classes.
  void classify(Range band, const std::vector<std::int64_t>& in_tiles) {
    for (int r = 0; r < result.rows; ++r) {
      Range cell_rows = part(shape.q_len, r, result.rows);
      if (std::max(cell_rows.begin, band.begin) >= std::min(cell_rows.end, band.end))
        continue;
      for (int c = 0; c < result.columns; ++c) {
        Range cell_keys = part(shape.kv_len, c, result.columns);
        for (std::int64_t t = cell_keys.begin / tile.keys; t <= (cell_keys.end - 1) / tile.keys; ++t) {
          Cell::Tile found = class_of(in_tiles[static_cast<std::size_t>(t)], band.size() * keys_of(t).size());
          Cell& cell = result.at(r, c);
          bool first = cell_rows.begin >= band.begin && t == cell_keys.begin / tile.keys;
          cell.tile = first || cell.tile == found ? found : Cell::Tile::partial;
        }
      }
    }
  }

  VisibleKeys& keys;
  const Shape& shape;
  Place place;
  TileSize tile;
  MaskCells& result;
  std::int64_t tiles;
  std::vector<std::uint8_t> row;
  std::vector<std::int64_t> sums;
};

void sample(VisibleKeys& keys, const Shape& shape, Place place, MaskCells& result,
            const std::function<void(double)>& progress) {
  std::uint64_t draws = 0;
  auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random_bits(0, draws++) % static_cast<std::uint64_t>(n));
  };
  for (int r = 0; r < result.rows; ++r) {
    for (int c = 0; c < result.columns; ++c) {
      Range rows = part(shape.q_len, r, result.rows), columns = part(shape.kv_len, c, result.columns);
      std::int64_t seen = 0, all = 0;
      for (std::int64_t i = 0; i < sample_rows; ++i) {
        std::uint8_t run[sample_keys] = {};
        std::int64_t n = std::min(sample_keys, columns.size());
        std::int64_t k = columns.begin + below(columns.size() - n + 1);
        keys.read(place.b, place.h, rows.begin + below(rows.size()), k,
                  std::span(run, static_cast<std::size_t>(n)));
        seen += std::accumulate(run, run + n, std::int64_t{0});
        all += n;
      }
      result.at(r, c) = {static_cast<float>(seen) / static_cast<float>(all), class_of(seen, all)};
    }
    progress(static_cast<double>(r + 1) / result.rows);
  }
}

} // namespace

Result<MaskCells> cli::mask_cells(const Reference& reference, const Shape& shape, const Operands& operands,
                                  std::int64_t b, std::int64_t h, TileSize tile, int size,
                                  const std::function<void(double)>& progress) {
  Result<VisibleKeys> keys = reference.visible_keys(shape, operands);
  if (!keys)
    return keys.error();
  MaskCells result;
  result.rows = static_cast<int>(std::min<std::int64_t>(size, shape.q_len));
  result.columns = static_cast<int>(std::min<std::int64_t>(size, shape.kv_len));
  result.cells.resize(static_cast<std::size_t>(result.rows) * result.columns);
  result.sampled = shape.q_len > exact_scores / shape.kv_len;
  if (result.sampled)
    sample(*keys, shape, {b, h}, result, progress);
  else
    Exact(*keys, shape, {b, h}, tile, result).run(progress);
  return result;
}
