//===- Passes.td - the conversion from attn to tile -------------------------===//
#ifndef ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_PASSES
#define ATTILE_COMPILER_CONVERSION_ATTN_TO_TILE_PASSES

include "mlir/Pass/PassBase.td"

def ConvertAttnToTile : Pass<"convert-attn-to-tile", "::mlir::ModuleOp"> {
  let summary = "from folds to plans of tiled kernels";
  let description = [{
    Every attn.kernel becomes a plan and kernels that hold one tile of scores at a time:

    ```mlir
    attn.kernel @f(...) {                tile.plan @f { ... tile.launch @f_main ...  tile.launch @f_merge ... }
      %o = attn.fold ...           =>    tile.kernel @f_main(%q, %k, %v, %o) {
      attn.return %o                       // decode the block index; gather q; state = identity
    }                                      tile.visit keys(%lo to %hi) tile 96 classify {...} body {
                                             tile.dot %s, %q, %k ; tile.generic ... ; tile.dot %o, %p, %v rescale(%alpha)
                                           }
                                           // finalize and scatter, or store the state for f_merge
                                         }
    ```

    * Rows: a tile packs the query rows of heads that share keys and values.
    * Keys: the mask analysis gives the range and the classes of tiles; a partial tile evaluates its mask before any dot. A block
      table drives an outer loop.
    * The step region's maps and reductions are grouped into one tile.generic per phase (see Step.h).
    * Where row tiles are fewer than threads, blocks share a row tile's keys and a second kernel merges by the monoid's merge.
    * Captured tensors that the mask analysis asks about by ranges are summarized by a kernel that runs first.

    Precondition: fuse-fold; static head dims; one stream of scores. Postcondition: no attn op is left. Buffers are `local` in
    the default layout: layouts, staging and instructions are a target's business, after this pass.

    It stands between the mathematics and all targets: what it writes is the same for each of them, up to the schedule.
  }];
  let options = [
    Option<"rows", "rows", "int64_t", "64", "query rows of a tile">,
    Option<"keys", "keys", "int64_t", "96", "keys of a tile">,
    Option<"dotRows", "dot-rows", "int64_t", "64", "rows that a dot works on at once">,
    Option<"scoreKeys", "score-keys", "int64_t", "6", "keys with accumulators in registers, of the scores' dot">,
    Option<"valueCols", "value-cols", "int64_t", "6", "columns with accumulators in registers, of the output's dot">,
    Option<"fewRows", "few-rows", "int64_t", "0", "rows of a smaller tile for decoding; 0: none">,
    Option<"mostFewRows", "most-few-rows", "int64_t", "0", "rows of a kv head up to which it is used; 0: as many as it holds">,
    Option<"splitKeys", "split-keys", "int64_t", "1024", "keys that are worth a block of their own">,
    Option<"ascendingTiles", "ascending-tiles", "int64_t", "1", "row tiles next to each other that come in ascending order">,
    Option<"count", "count", "bool", "false", "write the counting plan instead">
  ];
  let dependentDialects = ["::attile::tile::TileDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

#endif
