// A mask, reduced to a grid of cells: how much of each is visible, and of what class its tiles are.
#pragma once

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
  std::vector<Cell> cells; ///< [rows, columns]
  bool sampled = false;    ///< cells were looked at in some places only

  Cell& at(int row, int column) { return cells[static_cast<std::size_t>(row) * columns + column]; }
};

/// For batch entry b and head h, at most `size` x `size` cells. Up to 2^26 scores every one is looked at;
/// beyond, some of each cell: classes are right for causal masks, windows, sorted documents and prefixes (see
/// mask_cells.cpp), parts are estimates.
Result<MaskCells> mask_cells(const Reference& reference, const Shape& shape, const Operands& operands,
                             std::int64_t b, std::int64_t h, TileSize tile, int size,
                             const std::function<void(double)>& progress);

} // namespace attile::cli
