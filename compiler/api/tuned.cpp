#include "compiler/api/tuned.h"

#include "compiler/api/package_cache.h"
#include "compiler/api/selected.h"

#include <attile/disk_cache.h>
#include <fmt/core.h>
#include <span>

namespace attile {

static std::string keyOf(const CompileOptions& options, const ast::Attention& attention, bool fewRows) {
  return fmt::format("tile of attile {}\ntarget {}{}, {}\n{}", api::compilerBuild(), options.target,
                     api::leftOut(options.warpgroups), fewRows ? "few rows" : "long inputs",
                     frontend::printCanonical(attention));
}

static Result<DiskCache> openCache() {
  Result<std::string> folder = DiskCache::default_folder();
  return folder ? DiskCache::open(*folder) : Result<DiskCache>(folder.error());
}

/// The tile that was measured to be the best; nothing where none is kept.
static std::optional<schedule::Tile> tunedTile(const CompileOptions& options, const ast::Attention& attention,
                                               bool fewRows) {
  if (!options.cache || !schedule::describe_gpu(options.target))
    return std::nullopt;
  Result<DiskCache> cache = openCache();
  DiskCache::Found found = cache ? cache->get(keyOf(options, attention, fewRows)) : DiskCache::Found();
  if (!found.value)
    return std::nullopt;
  return schedule::tile_from_string(
      std::string(reinterpret_cast<const char*>(found.value->data()), found.value->size()));
}

static Result<std::optional<schedule::Tile>> tileOf(const CompileOptions& options,
                                                    const ast::Attention& attention, bool fewRows) {
  const std::string& given = fewRows ? options.few_rows_tile : options.tile;
  if (given.empty())
    return tunedTile(options, attention, fewRows);
  std::optional<schedule::Tile> tile = schedule::tile_from_string(given);
  if (!tile)
    return usage_error(
        fmt::format("'{}' is no tile", given),
        "write it as 'attile explain' does: rows=128 keys=64 dot_rows=64 score_keys=64 value_cols=128");
  if (!schedule::describe_gpu(options.target))
    return usage_error(fmt::format("a tile can be given for a GPU; the target is '{}'", options.target));
  return tile;
}

Result<PipelineOptions> api::pipelineOptions(const CompileOptions& options, const ast::Attention& attention) {
  PipelineOptions pipeline;
  pipeline.target = options.target;
  pipeline.machineCode = options.machine_code;
  pipeline.warpgroups = {.used = options.warpgroups.used,
                         .overlap = options.warpgroups.overlap,
                         .ping_pong = options.warpgroups.ping_pong};
  for (auto [tile, fewRows] : {std::pair(&pipeline.tile, false), {&pipeline.fewRowsTile, true}}) {
    Result<std::optional<schedule::Tile>> wanted = tileOf(options, attention, fewRows);
    if (!wanted)
      return wanted.error();
    *tile = *wanted;
  }
  return pipeline;
}

Result<PossibleTiles> tiles_for(const Spec& spec, const CompileOptions& options, const Shape& shape) {
  Result<api::Selected> selected = api::select(spec, options);
  if (!selected)
    return selected.error();
  if (!schedule::describe_gpu(options.target))
    return usage_error(fmt::format("target '{}' is no GPU: tiles are chosen among for those", options.target),
                       "give --device=cuda, or --target=sm_90a or another GPU's");
  Result<PipelineOptions> pipeline = api::pipelineOptions(options, *selected->attention);
  if (!pipeline)
    return pipeline.error();
  pipeline->stopAfter = "tile";
  Result<PipelineResult> tiled = compileAttention(*selected->source, *selected->attention, *pipeline);
  if (!tiled)
    return std::move(tiled).error();
  schedule::Shape at{shape.batch, shape.heads, shape.kv_heads, shape.q_len, shape.kv_len};
  const schedule::Choice& choice = tiled->choiceAt(at);
  PossibleTiles result;
  result.few_rows = &choice == &tiled->fewRows;
  for (const schedule::Tile& tile : choice.possible)
    result.tiles.push_back(schedule::to_string(tile));
  return result;
}

Result<void> remember_tile(const Spec& spec, const CompileOptions& options, const std::string& tile,
                           bool few_rows) {
  Result<api::Selected> selected = api::select(spec, options);
  if (!selected)
    return selected.error();
  Result<DiskCache> cache = openCache();
  if (!cache)
    return cache.error();
  return cache->put(keyOf(options, *selected->attention, few_rows), std::as_bytes(std::span(tile)));
}

} // namespace attile
