//===- Passes.td - passes on the attn dialect -------------------------------===//
#ifndef ATTILE_COMPILER_TRANSFORMS_ATTN_PASSES
#define ATTILE_COMPILER_TRANSFORMS_ATTN_PASSES

include "mlir/Pass/PassBase.td"

def FuseFold : Pass<"fuse-fold", "::mlir::ModuleOp"> {
  let summary = "from the naive chain to the online form";
  let description = [{
    Every `attn.reduce`, with the scores, modifications and masks that feed it, becomes one `attn.fold`. Its regions are the
    compositions of theirs; its `step` is derived from the monoid's lift and merge, never from its name:

    ```mlir
    %s = attn.scores %q, %k : ...                       %o = attn.fold @normaliser queries(%q) keys(%k) values(%v) outputs ["o"]
    %t = attn.modify %s { x * 0.125 }                     score { x * 0.125 }
    %w = attn.mask { k <= q }                      =>     mask { k <= q }
    %o = attn.reduce @normaliser scores(%t)                  step { ^bb0(%m, %l, %o, %s, %visible, %v):
           values(%v) where(%w) outputs ["o"]                      map, row_reduce, contract }
    ```

    Precondition: verified `attn` in the naive form; scores come from attn.scores through attn.modify; one block table at
    most. Postcondition: no attn.scores, modify, mask, block_table or reduce is left.

    The proof obligation: step(state, tile) = the state merged with lift(key) for every visible key of the tile. It holds for
    monoids of linear form (see compiler/transforms/fold/Monoid.h), which the pass establishes by matching the regions; for
    others it fails with a diagnostic at the expression that is outside of the form.

    It stands first of all rewrites, since the score tensor of the naive form has q_len * kv_len elements; everything after
    it works on tiles.
  }];
  let dependentDialects = ["::attile::attn::AttnDialect", "::mlir::arith::ArithDialect"];
}

#endif
