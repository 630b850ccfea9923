// attile mask: a picture of the mask and of its tiles, for one batch entry and head.
#include "tools/attile/command.h"
#include "tools/attile/inputs.h"
#include "tools/attile/mask_cells.h"
#include "tools/attile/picture.h"
#include "tools/attile/progress.h"
#include "tools/attile/spec_options.h"
#include "tools/attile/tile_counts.h"

#include <algorithm>
#include <attile/cpu_info.h>
#include <charconv>
#include <fmt/core.h>

using namespace attile;
using namespace attile::cli;

namespace {

struct MaskOptions {
  SpecOptions spec;
  InputOptions inputs;
  std::int64_t b = 0, h = 0;
  std::string tile, output;
  int size = 768;
};

// Full tiles are blue, partial tiles orange (dark where visible), empty ones nearly white.
constexpr Colour full{0x1f, 0x4e, 0x79}, seen{0xe0, 0x8a, 0x1e}, hidden{0xf7, 0xe3, 0xc5},
    empty{0xf4, 0xf4, 0xf4};

Colour colour_of(const Cell& cell) {
  switch (cell.tile) {
  case Cell::Tile::full:
    return full;
  case Cell::Tile::empty:
    return empty;
  case Cell::Tile::partial:
    return blend(hidden, seen, cell.visible);
  }
  return empty;
}

Result<TileSize> tile_size(const MaskOptions& options, const Spec& spec, const Shape& shape) {
  if (options.tile.empty()) {
    Result<Explanation> chosen = explain(spec, options.spec.compile, shape, cpu_info().threads);
    return chosen ? Result<TileSize>(chosen->tile) : chosen.error();
  }
  TileSize tile;
  const char *begin = options.tile.data(), *end = begin + options.tile.size();
  auto [x, rows_status] = std::from_chars(begin, end, tile.rows);
  auto [last, keys_status] = std::from_chars(x == end ? end : x + 1, end, tile.keys);
  bool numbers = rows_status == std::errc() && keys_status == std::errc() && tile.rows >= 1 && tile.keys >= 1;
  if (!numbers || *x != 'x' || last != end)
    return usage_error(fmt::format("--tile '{}' is not ROWSxKEYS, for example 64x128", options.tile));
  return tile;
}

Result<MaskCells> look(const MaskOptions& options, const Spec& spec, const Inputs& inputs, TileSize tile) {
  const Shape& shape = inputs.shape;
  if (options.b < 0 || options.b >= shape.batch)
    return usage_error(fmt::format("--b is {}, but has to be in 0..{}", options.b, shape.batch - 1),
                       "the batch is b of --shape");
  if (options.h < 0 || options.h >= shape.heads)
    return usage_error(fmt::format("--h is {}, but has to be in 0..{}", options.h, shape.heads - 1),
                       "the query heads are hq of --shape");
  Progress progress("reading the mask");
  return mask_cells(spec, options.spec.compile, shape, inputs.operands,
                    {options.b, options.h, tile, options.size}, [&](double part) { progress.update(part); });
}

Result<int> mask(MaskOptions& options) {
  Result<Spec> spec = options.spec.load();
  if (!spec)
    return spec.error();
  Result<Package> signature = describe(*spec, options.spec.compile);
  if (!signature)
    return signature.error();
  TensorNames needed;
  if (!signature->tensor_params.empty()) {
    Result<Package> counter = compile_counter(*spec, options.spec.compile);
    if (!counter)
      return counter.error();
    needed = tensors_read(*counter);
  }
  Result<Inputs> inputs = options.inputs.make(*signature, &needed);
  if (!inputs)
    return std::move(inputs).error();
  Result<TileSize> tile = tile_size(options, *spec, inputs->shape);
  if (!tile)
    return tile.error();
  Result<MaskCells> cells = look(options, *spec, *inputs, *tile);
  if (!cells)
    return cells.error();

  if (cells->guessed > 0)
    cli::note(fmt::format(
        "{} of {} cells are drawn by some of their scores, as looking at all {:.2g} would take too "
        "long: a partial one may look empty or full; 'attile explain' counts tiles exactly",
        cells->guessed, cells->cells.size(),
        static_cast<double>(inputs->shape.q_len) * static_cast<double>(inputs->shape.kv_len)));

  Picture picture(cells->columns, cells->rows);
  double visible = 0;
  for (int r = 0; r < cells->rows; ++r)
    for (int c = 0; c < cells->columns; ++c) {
      picture.at(c, r) = colour_of(cells->at(r, c));
      visible += cells->at(r, c).visible;
    }
  visible /= static_cast<double>(cells->cells.size());
  int scale = std::max(1, options.size / std::max(cells->rows, cells->columns));
  if (Result<void> saved = picture.save(options.output, scale); !saved)
    return saved.error();
  if (options.spec.json)
    print_json({{"ok", true},
                {"file", options.output},
                {"rows", cells->rows},
                {"columns", cells->columns},
                {"scale", scale},
                {"tile", {{"q", tile->rows}, {"k", tile->keys}}},
                {"visible", visible},
                {"sampled", cells->sampled},
                {"guessed", cells->guessed}});
  else
    fmt::print("{}: {} x {} cells of a mask of {} x {}, {:.2f} % visible{}; blue tiles are full, orange ones "
               "partial\n",
               options.output, cells->rows, cells->columns, inputs->shape.q_len, inputs->shape.kv_len,
               100 * visible, cells->sampled ? " (estimated)" : "");
  return 0;
}

} // namespace

Run cli::declare_mask(CLI::App& app) {
  auto options = std::make_shared<MaskOptions>();
  options->spec.declare(app, /*compiles=*/true);
  options->inputs.declare(app, /*tensors=*/false);
  app.add_option("--b", options->b, "which batch entry")->capture_default_str();
  app.add_option("--h", options->h, "which query head")->capture_default_str();
  app.add_option("--tile", options->tile, "ROWSxKEYS of a tile; by default what the kernel uses");
  app.add_option("--size", options->size, "of the picture in pixels, at most")
      ->check(CLI::Range(16, 8192))
      ->capture_default_str();
  app.add_option("-o,--output", options->output, "a .png or .svg file")->required();
  return [options] { return mask(*options); };
}
