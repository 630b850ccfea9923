// A mask, reduced to a grid of cells: how much of each is visible, and of what class its tiles are.
#pragma once

#include <attile/mask.h>
#include <attile/reference.h>
#include <cstdint>
#include <functional>
#include <vector>

namespace attile::cli {

struct Cell {
  float visible = 0; ///< part of its scores
  /// Of the tile that it lies in (or of the tiles that it covers, where a cell is the larger one).
  enum class Tile : std::uint8_t { empty, partial, full } tile = Tile::empty;
};

struct MaskCells {
  int rows = 0, columns = 0;
  std::vector<Cell> cells;  ///< [rows, columns]
  bool sampled = false;     ///< parts are estimates, from some scores of each cell
  std::int64_t guessed = 0; ///< cells whose class is an estimate, too

  Cell& at(int row, int column) { return cells[static_cast<std::size_t>(row) * columns + column]; }
};

/// What of a mask is drawn: batch entry b and head h, in at most `size` x `size` cells.
struct MaskPlace {
  std::int64_t b = 0, h = 0;
  TileSize tile;
  int size = 768;
};

/// Up to this many scores every one is looked at.
inline constexpr std::int64_t exact_scores = std::int64_t{1} << 26;

/// Beyond `exact_scores`, parts are estimated from some scores of each cell. Classes are still exact where
/// the mask analysis decides them or a cell's scores are seen to differ; `guessed` counts the others.
Result<MaskCells> mask_cells(const Spec& spec, const CompileOptions& options, const Shape& shape,
                             const Operands& operands, const MaskPlace& place,
                             const std::function<void(double)>& progress);

} // namespace attile::cli
