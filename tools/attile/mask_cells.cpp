#include "tools/attile/mask_cells.h"

#include <algorithm>
#include <attile/random.h>
#include <numeric>
#include <optional>

using namespace attile;
using namespace attile::cli;

namespace {

/// Random places in a cell: so many rows, and a run of so many keys in each.
constexpr std::int64_t sample_rows = 3, sample_keys = 8;

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
  Exact(VisibleKeys& keys, const Shape& shape, const MaskPlace& place, MaskCells& result)
      : keys(keys), shape(shape), place(place), tile(place.tile), result(result),
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
  const MaskPlace& place;
  TileSize tile;
  MaskCells& result;
  std::int64_t tiles;
  std::vector<std::uint8_t> row;
  std::vector<std::int64_t> sums;
};

/// Some scores of each cell. A cell is empty or full if the mask analysis says so, and partial if both kinds
/// of scores are seen, at random places and where masks have their ends: at the corners of its tiles and
/// where the diagonals k = q and k = q_pos enter and leave them. What is left is halved until it is decided,
/// down to tiles that are read, as long as that does not take too long.
class Sampled {
public:
  Sampled(VisibleKeys& keys, MaskBoxes& boxes, const Shape& shape, const MaskPlace& place, MaskCells& result)
      : keys(keys), boxes(boxes), shape(shape), place(place), tile(place.tile), result(result) {}

  void run(const std::function<void(double)>& progress) {
    std::int64_t partial = 0;
    for (int r = 0; r < result.rows; ++r) {
      Range rows = part(shape.q_len, r, result.rows);
      classify(tiles_of(rows, tile.rows, shape.q_len));
      for (int c = 0; c < result.columns; ++c) {
        result.at(r, c) =
            look(rows, part(shape.kv_len, c, result.columns), classes[static_cast<std::size_t>(c)]);
        partial += result.at(r, c).tile == Cell::Tile::partial;
      }
      progress(static_cast<double>(r + 1) / result.rows);
    }
    std::int64_t width = shape.kv_len / result.columns + 1;
    std::int64_t rows =
        std::min(max_measured_rows, measured_keys / (width * std::max<std::int64_t>(partial, 1)));
    for (int r = 0; r < result.rows && rows > 0; ++r)
      for (int c = 0; c < result.columns; ++c)
        if (Cell& cell = result.at(r, c); cell.tile == Cell::Tile::partial)
          cell.visible =
              measure(part(shape.q_len, r, result.rows), part(shape.kv_len, c, result.columns), rows);
  }

private:
  using Class = MaskBoxes::Class;
  /// Of partial cells, so many whole rows are read, as long as there are not too many keys in all.
  static constexpr std::int64_t max_measured_rows = 16, measured_keys = std::int64_t{1} << 27;
  /// What deciding the rest may cost: boxes that are classified one by one, and scores that are read.
  static constexpr std::int64_t max_boxes = std::int64_t{1} << 22, max_scores = std::int64_t{1} << 28;

  struct Seen {
    std::int64_t visible = 0, all = 0;
  };

  void read(Seen& seen, std::int64_t q, std::int64_t k, std::int64_t n) {
    row.resize(static_cast<std::size_t>(n));
    keys.read(place.b, place.h, q, k, row);
    seen.visible += std::accumulate(row.begin(), row.end(), std::int64_t{0});
    seen.all += n;
  }

  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_bits(0, draws++) % static_cast<std::uint64_t>(n));
  }

  /// The tiles that meet a range.
  static Range tiles_of(Range range, std::int64_t size, std::int64_t length) {
    return {range.begin / size * size, std::min((range.end + size - 1) / size * size, length)};
  }

  /// The tiles of each cell of a row of them, at once.
  void classify(Range rows) {
    std::vector<std::int64_t> begins, ends;
    for (int c = 0; c < result.columns; ++c) {
      Range range = tiles_of(part(shape.kv_len, c, result.columns), tile.keys, shape.kv_len);
      begins.push_back(range.begin), ends.push_back(range.end);
    }
    classes.resize(begins.size());
    boxes.classify(place.b, place.h, rows.begin, rows.end, begins, ends, classes);
  }

  Cell look(Range rows, Range columns, Class known) {
    if (known != Class::unknown)
      return known == Class::full ? Cell{1, Cell::Tile::full} : Cell{0, Cell::Tile::empty};
    Seen random;
    for (std::int64_t i = 0; i < sample_rows; ++i) {
      std::int64_t n = std::min(sample_keys, columns.size());
      std::int64_t q = rows.begin + below(rows.size());
      read(random, q, columns.begin + below(columns.size() - n + 1), n);
    }
    Seen seen = random;
    Range qs = tiles_of(rows, tile.rows, shape.q_len), ks = tiles_of(columns, tile.keys, shape.kv_len);
    for (std::int64_t q : {qs.begin, qs.end - 1})
      for (std::int64_t k : {ks.begin, ks.end - 1})
        read(seen, q, k, 1);
    for (std::int64_t offset : {std::int64_t{0}, shape.kv_len - shape.q_len}) {
      std::int64_t first = std::max(qs.begin, ks.begin - offset);
      std::int64_t last = std::min(qs.end, ks.end - offset) - 1;
      if (first <= last)
        for (std::int64_t q : {first, last})
          read(seen, q, q + offset, 1);
    }
    Cell::Tile found = class_of(seen.visible, seen.all);
    if (found != Cell::Tile::partial) {
      std::optional<Cell::Tile> exact = decide(qs, ks);
      result.guessed += !exact;
      found = exact.value_or(found);
    }
    return {static_cast<float>(random.visible) / static_cast<float>(random.all), found};
  }

  /// Of a box of whole tiles; nothing if it would take too long.
  std::optional<Cell::Tile> decide(Range qs, Range ks) {
    if (--boxes_left < 0)
      return std::nullopt;
    Class known;
    boxes.classify(place.b, place.h, qs.begin, qs.end, {&ks.begin, 1}, {&ks.end, 1}, {&known, 1});
    if (known != Class::unknown)
      return known == Class::full ? Cell::Tile::full : Cell::Tile::empty;
    std::int64_t tall = (qs.size() + tile.rows - 1) / tile.rows,
                 wide = (ks.size() + tile.keys - 1) / tile.keys;
    if (tall == 1 && wide == 1) {
      Seen seen;
      for (std::int64_t q = qs.begin; q < qs.end; ++q) {
        scores_left -= ks.size();
        if (scores_left < 0)
          return std::nullopt;
        read(seen, q, ks.begin, ks.size());
        if (class_of(seen.visible, seen.all) == Cell::Tile::partial)
          break;
      }
      return class_of(seen.visible, seen.all);
    }
    Range q2 = qs, k2 = ks;
    if (tall >= wide)
      q2.begin = qs.end = qs.begin + tall / 2 * tile.rows;
    else
      k2.begin = ks.end = ks.begin + wide / 2 * tile.keys;
    std::optional<Cell::Tile> first = decide(qs, ks);
    if (!first || *first == Cell::Tile::partial)
      return first;
    std::optional<Cell::Tile> second = decide(q2, k2);
    return !second || *second == *first ? second : Cell::Tile::partial;
  }

  float measure(Range rows, Range columns, std::int64_t n) {
    Seen seen;
    for (std::int64_t i = 0; i < std::min(n, rows.size()); ++i) { // one of each n-th part
      Range stratum = part(rows.size(), i, std::min(n, rows.size()));
      read(seen, rows.begin + stratum.begin + below(stratum.size()), columns.begin, columns.size());
    }
    return static_cast<float>(seen.visible) / static_cast<float>(seen.all);
  }

  VisibleKeys& keys;
  MaskBoxes& boxes;
  const Shape& shape;
  const MaskPlace& place;
  TileSize tile;
  MaskCells& result;
  std::vector<std::uint8_t> row;
  std::vector<Class> classes; ///< of a row of cells
  std::uint64_t draws = 0;
  std::int64_t boxes_left = max_boxes, scores_left = max_scores;
};

} // namespace

Result<MaskCells> cli::mask_cells(const Spec& spec, const CompileOptions& options, const Shape& shape,
                                  const Operands& operands, const MaskPlace& place,
                                  const std::function<void(double)>& progress) {
  Result<Reference> reference = Reference::create(spec, options);
  if (!reference)
    return reference.error();
  Result<VisibleKeys> keys = reference->visible_keys(shape, operands);
  if (!keys)
    return keys.error();
  MaskCells result;
  result.rows = static_cast<int>(std::min<std::int64_t>(place.size, shape.q_len));
  result.columns = static_cast<int>(std::min<std::int64_t>(place.size, shape.kv_len));
  result.cells.resize(static_cast<std::size_t>(result.rows) * result.columns);
  result.sampled = shape.q_len > exact_scores / shape.kv_len;
  if (!result.sampled) {
    Exact(*keys, shape, place, result).run(progress);
    return result;
  }
  Result<MaskBoxes> boxes = MaskBoxes::create(spec, options, shape, operands);
  if (!boxes)
    return boxes.error();
  Sampled(*keys, *boxes, shape, place, result).run(progress);
  return result;
}
