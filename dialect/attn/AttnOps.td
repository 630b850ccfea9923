//===- AttnOps.td - operations of the attn dialect -------------------------===//
#ifndef ATTILE_DIALECT_ATTN_OPS
#define ATTILE_DIALECT_ATTN_OPS

include "dialect/attn/AttnDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Attn_Op<string mnemonic, list<Trait> traits = []> : Op<Attn_Dialect, mnemonic, traits>;

// Region arguments and results are printed under the names that a spec uses: %s, %q, %k, %visible, %kv_len.
defvar Attn_NamesArguments = DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>;
defvar Attn_NamesResults = DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>;
defvar Attn_NamesBoth = DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames", "getAsmResultNames"]>;

def Attn_Scores : TensorRankOf<[F32], [4]>;    // [batch, heads, q_len, kv_len]
def Attn_Visible : TensorRankOf<[I1], [4]>;    // [batch, heads, q_len, kv_len]
def Attn_Operand : TensorRankOf<[F32, F16, BF16], [4]>; // [batch, heads | kv_heads, len, head_dim]
def Attn_Table : AnyTypeOf<[TensorOf<[I32, I64]>]>;
def Attn_Scalar : AnyTypeOf<[F32, I64, I1]>;
def Attn_Tile : TensorRankOf<[F32, I1], [1, 2]>;
def Attn_Row : TensorRankOf<[F32], [1]>;
def Attn_Matrix : TensorRankOf<[F32], [2]>;

// ================================================================ structure ======================

def Attn_KernelOp : Attn_Op<"kernel", [FunctionOpInterface, IsolatedFromAbove, OpAsmOpInterface]> {
  let summary = "one compiled attention variant";
  let description = [{
    A function from tensors and scalars to tensors. Every argument carries `attn.name` and `attn.role`:
    `input` (q, k, v: `[batch, heads|kv_heads, len, head_dim]`) or `param` (a run-time scalar, with an optional
    `attn.default`, or a tensor, with `attn.dims`: an array of size names, integers, or "_" for any extent).
    Every result carries `attn.name` (o, lse, max, ...).

    Constraints: (kernel_c1) every argument and result has a name, names of arguments are distinct; (kernel_c2) the
    body ends in `attn.return` whose types are the result types; (kernel_c3) the role is `input` or `param`;
    (kernel_c4) dims are given for tensors, one name or integer per dimension; (kernel_c5) a default is given for scalars,
    and has the argument's type.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::mlir::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region* getCallableRegion() { return &getBody(); }
    /// The `attn.name` of argument or result `i` (empty if missing).
    ::llvm::StringRef argumentName(unsigned i);
    ::llvm::StringRef resultName(unsigned i);
    /// `input` or `param`.
    ::llvm::StringRef argumentRole(unsigned i);
    /// Arguments are printed under their names.
    void getAsmBlockArgumentNames(::mlir::Region &region, ::mlir::OpAsmSetValueNameFn setName);
  }];
}

def Attn_ReturnOp : Attn_Op<"return", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "results of an attention kernel";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Attn_YieldOp : Attn_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "results of a region";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange{}); }]>];
}

def Attn_MonoidOp : Attn_Op<"monoid", [Symbol, IsolatedFromAbove, Attn_NamesArguments]> {
  let summary = "a state with identity, lift, merge and finalize";
  let description = [{
    Attention is a fold over keys into the state of a monoid. `lift(scores..., values...)` makes the state of one
    key; `merge(a, b)` is associative with `identity` as its neutral element; `finalize(state)` yields the named outputs.
    A field of kind row or scalar is an f32; a row_dv field is an f32 too, its regions being written for one element
    of the value vector; dk_dv and dk_dk fields are `tensor<?x?xf32>` (the delta rule multiplies matrices).

    The merge of a *gauge* field reads gauge fields only. Results do not depend on the gauge chosen.

    Semantics that every consumer keeps: a key that is not visible is not lifted; merging with the identity changes
    nothing (it is skipped, so no (-inf) - (-inf) is ever formed); for a row without any visible key row_dv outputs
    are 0 and row outputs are those of finalize(identity).

    Constraints: (monoid_c1) identity, lift and merge yield one value per field, of the field's type; (monoid_c2) merge
    takes all fields of a, then all of b; finalize takes all fields and yields one value per output; (monoid_c3) field
    and output names are distinct; (monoid_c4) the merge of a gauge field depends on gauge fields only.

    ```mlir
    attn.monoid @sum fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
    identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
    lift { ^bb0(%s: f32, %v: f32):  %0 = arith.mulf %s, %v : f32  attn.yield %0 : f32 }
    merge { ^bb0(%a: f32, %b: f32):  %0 = arith.addf %a, %b : f32  attn.yield %0 : f32 }
    finalize { ^bb0(%o: f32):  attn.yield %o : f32 }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Attn_FieldArrayAttr:$fields, Attn_OutputArrayAttr:$outputs);
  let regions = (region SizedRegion<1>:$identity, SizedRegion<1>:$lift, SizedRegion<1>:$merge, SizedRegion<1>:$finalize);
  let assemblyFormat = [{
    $sym_name `fields` $fields `outputs` $outputs attr-dict-with-keyword
    `identity` $identity `lift` $lift `merge` $merge `finalize` $finalize
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    FieldAttr field(unsigned i) { return ::mlir::cast<FieldAttr>(getFields()[i]); }
    OutputAttr output(unsigned i) { return ::mlir::cast<OutputAttr>(getOutputs()[i]); }
    unsigned numFields() { return getFields().size(); }
    unsigned numOutputs() { return getOutputs().size(); }
    /// Index of the output called `name`, or -1.
    int outputIndex(::llvm::StringRef name);
  }];
}

// ================================================================ the naive chain ================

def Attn_ScoresOp : Attn_Op<"scores", [Pure, Attn_NamesResults]> {
  let summary = "every query times every key";
  let description = [{
    s[b,h,q,k] = sum_c query[b,h,q,c] * key[b, h / (heads / kv_heads), k, c].
    Constraint: (scores_c1) query and key agree in element type and in the static head_dim.
  }];
  let arguments = (ins Attn_Operand:$query, Attn_Operand:$key);
  let results = (outs Attn_Scores:$result);
  let assemblyFormat = "$query `,` $key attr-dict `:` type($query) `,` type($key) `->` type($result)";
  let hasVerifier = 1;
}

def Attn_ModifyOp : Attn_Op<"modify", [Pure, Attn_NamesBoth]> {
  let summary = "a new score from old scores and indices";
  let description = [{
    The region takes one f32 per input score, then b, h, kv_h, q, k as i64, and yields the new score.
    Constraints: (modify_c1) block arguments and yield have these types; (modify_c2) there is a score.
  }];
  let arguments = (ins Variadic<Attn_Scores>:$scores);
  let results = (outs Attn_Scores:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$scores attr-dict-with-keyword $body `:` type($scores) `->` type($result)";
  let hasRegionVerifier = 1;
  let hasFolder = 1;
}

def Attn_MaskOp : Attn_Op<"mask", [Pure, Attn_NamesBoth]> {
  let summary = "which keys a query sees, from indices and captured tensors";
  let description = [{
    The region takes b, h, kv_h, q, k and yields i1: true is visible. Constraint: (mask_c1) block arguments and yield.
  }];
  let results = (outs Attn_Visible:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "attr-dict-with-keyword $body `:` type($result)";
  let hasRegionVerifier = 1;
}

def Attn_BlockTableOp : Attn_Op<"block_table", [Pure, Attn_NamesBoth]> {
  let summary = "visibility by a table that lists, per query block, the key blocks to visit";
  let description = [{
    The region takes b, h, kv_h and the query block index qb = q / q_block, and yields the table's leading indices; the
    last dimension of the table are its slots. Slots are read in order and must ascend: a negative entry ends the list,
    an entry that is not greater than its predecessor is ignored. Key k is visible iff k / k_block is listed.
    Constraints: (block_table_c1) block sizes are positive; (block_table_c2) the region yields rank - 1 indices.

    ```mlir
    func.func @listed(%table: tensor<?x?x?xi32>) -> tensor<?x?x?x?xi1> { // [heads, query blocks, slots]
      %visible = attn.block_table %table q_block = 64 k_block = 128 {
      ^bb0(%b: i64, %h: i64, %kv_h: i64, %qb: i64):
        attn.yield %h, %qb : i64, i64
      } : tensor<?x?x?xi32> -> tensor<?x?x?x?xi1>
      return %visible : tensor<?x?x?x?xi1>
    }
    ```
  }];
  let arguments = (ins Attn_Table:$table, I64Attr:$q_block, I64Attr:$k_block);
  let results = (outs Attn_Visible:$result);
  let regions = (region SizedRegion<1>:$indices);
  let assemblyFormat = "$table `q_block` `=` $q_block `k_block` `=` $k_block attr-dict-with-keyword $indices `:` type($table) `->` type($result)";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Attn_TransformOp : Attn_Op<"transform", [Pure, Attn_NamesArguments]> {
  let summary = "an elementwise hook on q, k, v as they are loaded, or on an output";
  let description = [{
    The region takes the element as f32 and its indices b, h, position, channel, and yields the new element as f32.
    Constraint: (transform_c1) block arguments and yield have these types.

    ```mlir
    func.func @squared_relu(%k: tensor<?x?x?x64xbf16>) -> tensor<?x?x?x64xbf16> {
      %feature = attn.transform %k {
      ^bb0(%x: f32, %b: i64, %h: i64, %i: i64, %c: i64):
        %zero = arith.constant 0.0 : f32
        %y = arith.maximumf %x, %zero : f32
        %z = arith.mulf %y, %y : f32
        attn.yield %z : f32
      } : tensor<?x?x?x64xbf16> -> tensor<?x?x?x64xbf16>
      return %feature : tensor<?x?x?x64xbf16>
    }
    ```
  }];
  let arguments = (ins Attn_Operand:$input);
  let results = (outs Attn_Operand:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$input attr-dict-with-keyword $body `:` type($input) `->` type($result)";
  let hasRegionVerifier = 1;
  let hasFolder = 1;
}

def Attn_ReduceOp : Attn_Op<"reduce", [Pure, AttrSizedOperandSegments, Attn_NamesBoth, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "lift every visible key, merge over keys, finalize";
  let description = [{
    One result per name in `outputs`, finalized per query row: row outputs are `tensor<?x?x?xf32>` [batch, heads, q_len],
    row_dv outputs `[batch, heads, q_len, dv]`. `scores` and `values` are the arguments of the monoid's lift, in order.
    A key is visible iff every tensor of `where` says so. The optional `sink` region (b, h, kv_h) yields one
    score per entry of `scores`; its state, lift(sink, value = 0), is merged once per row.

    Constraints: (reduce_c1) the symbol is a monoid whose lift takes these scores and values; (reduce_c2) results match
    the kinds of the named outputs; (reduce_c3) the monoid's fields are of kind row or row_dv; (reduce_c4) the sink's signature.
  }];
  let arguments = (ins FlatSymbolRefAttr:$monoid, Variadic<Attn_Scores>:$scores, Variadic<Attn_Operand>:$values,
                       Variadic<Attn_Visible>:$where, StrArrayAttr:$outputs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region AnyRegion:$sink);
  let assemblyFormat = [{
    $monoid `scores` `(` $scores `:` type($scores) `)` (`values` `(` $values^ `:` type($values) `)`)?
    (`where` `(` $where^ `:` type($where) `)`)? `outputs` $outputs (`sink` $sink^)? attr-dict-with-keyword (`->` type($results)^)?
  }];
  let hasRegionVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

// ================================================================ scalars in regions =============

def Attn_SizeOp : Attn_Op<"size", [Pure, Attn_NamesResults]> {
  let summary = "a run-time size: batch, heads, kv_heads, q_len or kv_len";
  let description = [{ Constraint: (size_c1) the name is one of these. }];
  let arguments = (ins StrAttr:$name);
  let results = (outs I64:$result);
  let assemblyFormat = "$name attr-dict";
  let hasVerifier = 1;
}

def Attn_LookupOp : Attn_Op<"lookup", [Pure]> {
  let summary = "an element of a captured tensor; each index is clamped into range";
  let description = [{
    Integers are widened to i64, floats to f32, i8 is a bool (i1: not zero). A tensor with an empty dimension reads as 0.
    Constraints: (lookup_c1) one index per dimension; (lookup_c2) the result is the widened element type.
  }];
  let arguments = (ins TensorOf<[F32, F16, BF16, I32, I64, I8]>:$tensor, Variadic<I64>:$indices);
  let results = (outs Attn_Scalar:$result);
  let assemblyFormat = "$tensor `[` $indices `]` attr-dict `:` type($tensor) `->` type($result)";
  let hasVerifier = 1;
}

class Attn_IntBinary<string mnemonic> : Attn_Op<mnemonic, [Pure]> {
  let arguments = (ins I64:$lhs, I64:$rhs);
  let results = (outs I64:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict";
  let hasFolder = 1;
}
def Attn_FloorDivOp : Attn_IntBinary<"floordiv"> {
  let summary = "integer quotient rounded down; x / 0 = 0 (a kernel never traps)";
}
def Attn_FloorModOp : Attn_IntBinary<"floormod"> {
  let summary = "x - floordiv(x, y) * y: the sign of y; x mod 0 = 0";
  let description = [{
    ```mlir
    func.func @on_a_grid(%i: i64, %width: i64) -> (i64, i64) {
      %row = attn.floordiv %i, %width
      %column = attn.floormod %i, %width
      return %row, %column : i64, i64
    }
    ```
  }];
}

// ================================================================ the fold form ==================

def Attn_FoldOp : Attn_Op<"fold", [Pure, AttrSizedOperandSegments, Attn_NamesBoth, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the fused, online form of a reduce";
  let description = [{
    queries[i] . keys[i] are the score streams (differential attention has two). The regions:

    * `score` (one f32 per stream, then b, h, kv_h, q, k): yields the scores that the monoid lifts;
    * `mask` (b, h, kv_h, q, k): visible or not; absent: everything is visible;
    * `blocks` (b, h, kv_h, qb): with `table`, its leading indices (see `attn.block_table`);
    * `sink` (b, h, kv_h): as in `attn.reduce`;
    * `step`: advances the state by one tile of keys. Arguments: the fields (row: `tensor<?xf32>` [rows]; row_dv:
      `tensor<?x?xf32>` [rows, dv]), the scores (`tensor<?x?xf32>` [rows, keys]), visible (`tensor<?x?xi1>`), and the values
      (`tensor<?x?xf32>` [keys, dv]); yields the new fields. That it equals lift-then-merge over the tile is the
      obligation of the pass that writes it (fuse-fold).

    Constraints: (fold_c1) the symbol is a monoid; (fold_c2) as many queries as keys; (fold_c3) the score region's signature;
    (fold_c4) the step region's signature; (fold_c5) table, q_block, k_block and blocks come together, as in `attn.block_table`;
    (fold_c6) the mask region's and the sink region's signatures; (fold_c7) monoid and results are as in `attn.reduce`.

    Sigmoid attention, causal, at the stage fold:

    ```mlir
    attn.monoid @sum fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
    identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
    lift { ^bb0(%s: f32, %v: f32):  %0 = arith.mulf %s, %v : f32  attn.yield %0 : f32 }
    merge { ^bb0(%a: f32, %b: f32):  %0 = arith.addf %a, %b : f32  attn.yield %0 : f32 }
    finalize { ^bb0(%o: f32):  attn.yield %o : f32 }

    func.func @sigmoid(%q: tensor<?x?x?x64xf32>, %k: tensor<?x?x?x64xf32>, %v: tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32> {
      %o = attn.fold @sum queries(%q : tensor<?x?x?x64xf32>) keys(%k : tensor<?x?x?x64xf32>) values(%v : tensor<?x?x?x64xf32>)
          outputs ["o"]
      score {
      ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
        %one = arith.constant 1.0 : f32
        %n = arith.negf %s : f32
        %e = math.exp %n : f32
        %d = arith.addf %one, %e : f32
        %w = arith.divf %one, %d : f32
        attn.yield %w : f32
      } mask {
      ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
        %past = arith.cmpi sle, %ki, %qi : i64
        attn.yield %past : i1
      } step {
      ^bb0(%acc: tensor<?x?xf32>, %s: tensor<?x?xf32>, %visible: tensor<?x?xi1>, %v_tile: tensor<?x?xf32>):
        %p = attn.map %s, %visible {
        ^bb0(%x: f32, %see: i1):
          %zero = arith.constant 0.0 : f32
          %w = arith.select %see, %x, %zero : f32
          attn.yield %w : f32
        } : tensor<?x?xf32>, tensor<?x?xi1> -> tensor<?x?xf32>
        %sum = attn.contract %p, %v_tile, %acc : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32> -> tensor<?x?xf32>
        attn.yield %sum : tensor<?x?xf32>
      } -> tensor<?x?x?x64xf32>
      return %o : tensor<?x?x?x64xf32>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$monoid, Variadic<Attn_Operand>:$queries, Variadic<Attn_Operand>:$keys,
                       Variadic<Attn_Operand>:$values, Optional<Attn_Table>:$table,
                       OptionalAttr<I64Attr>:$q_block, OptionalAttr<I64Attr>:$k_block, StrArrayAttr:$outputs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$score, AnyRegion:$mask, AnyRegion:$blocks, AnyRegion:$sink, SizedRegion<1>:$step);
  let assemblyFormat = [{
    $monoid `queries` `(` $queries `:` type($queries) `)` `keys` `(` $keys `:` type($keys) `)` (`values` `(` $values^ `:` type($values) `)`)?
    (`table` `(` $table^ `:` type($table) `)`)? `outputs` $outputs attr-dict-with-keyword
    `score` $score (`mask` $mask^)? (`blocks` $blocks^)? (`sink` $sink^)? `step` $step (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Attn_MapOp : Attn_Op<"map", [Pure]> {
  let summary = "elementwise over a tile; rank-1 inputs are rows, broadcast along the second dimension";
  let description = [{
    The region takes one element per input (f32 or i1) and yields one element of the result.
    The result's rank is the greatest rank of the inputs. Constraints: (map_c1) signature of the region, and the
    result's rank; (map_c2) there is an input.
  }];
  let arguments = (ins Variadic<Attn_Tile>:$inputs);
  let results = (outs Attn_Tile:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$inputs attr-dict-with-keyword $body `:` type($inputs) `->` type($result)";
  let hasRegionVerifier = 1;
}

def Attn_RowReduceOp : Attn_Op<"row_reduce", [Pure]> {
  let summary = "reduce each row of a tile by an associative combiner, starting from `identity`";
  let description = [{
    Constraint: (row_reduce_c1) the combiner takes two f32 and yields one.

    ```mlir
    func.func @row_max(%s: tensor<?x?xf32>) -> tensor<?xf32> {
      %m = attn.row_reduce %s identity 0xFF800000 {
      ^bb0(%x: f32, %y: f32):
        %z = arith.maximumf %x, %y : f32
        attn.yield %z : f32
      } : tensor<?x?xf32> -> tensor<?xf32>
      return %m : tensor<?xf32>
    }
    ```
  }];
  let arguments = (ins Attn_Matrix:$input, F32Attr:$identity);
  let results = (outs Attn_Row:$result);
  let regions = (region SizedRegion<1>:$combiner);
  let assemblyFormat = "$input `identity` $identity attr-dict-with-keyword $combiner `:` type($input) `->` type($result)";
  let hasRegionVerifier = 1;
}

def Attn_ContractOp : Attn_Op<"contract", [Pure]> {
  let summary = "weighted sum of values: acc[r, c] + sum_k weights[r, k] * values[k, c]";
  let arguments = (ins Attn_Matrix:$weights, Attn_Matrix:$values, Attn_Matrix:$acc);
  let results = (outs Attn_Matrix:$result);
  let description = [{ Constraint: (contract_c1) static extents agree, and the result has acc's type. }];
  let hasVerifier = 1;
  let assemblyFormat = "$weights `,` $values `,` $acc attr-dict `:` type($weights) `,` type($values) `,` type($acc) `->` type($result)";
}

// ================================================================ the linear family ==============

def Attn_ScanOp : Attn_Op<"scan", [Pure, AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a prefix fold: each position reads the state of the keys before and at it";
  let description = [{
    For each head, state_t = merge(state_{t-1}, lift(key_t, value_t, extras_t...)) from the optional `initial` state, and
    o_t = read(query_t, state_t). The region `read` takes the query row (`tensor<?xf32>`) and the fields, and yields
    the output row (`tensor<?xf32>`). `extras` are per-position gates and decays, `[batch, heads, len]` or
    `[batch, heads, len, channels]`. The results are the output and, optionally, the
    final fields. The monoid's lift takes the key row and the value row (`tensor<?xf32>`), then per extra an f32 or, of one
    with channels, a `tensor<?xf32>`.

    Constraints: (scan_c1) the symbol is a monoid without row fields; (scan_c2) the read region's signature; (scan_c3) lift's
    signature; (scan_c4) as many initial tensors as fields, or none; (scan_c5) one result, or one more than fields;
    (scan_c6) extras have rank 3 or 4.

    The delta rule, S_t = (I - beta k k^T) S_{t-1} + beta k v^T, whose merge multiplies matrices:

    ```mlir
    attn.monoid @delta_rule fields [#attn.field<a : dk_dk sum>, #attn.field<s : dk_dv sum>] outputs []
    identity {
      %one = arith.constant 1.0 : f32
      %zero = arith.constant 0.0 : f32
      %a = attn.diagonal %one : f32 -> tensor<?x?xf32>
      %s = attn.diagonal %zero : f32 -> tensor<?x?xf32>
      attn.yield %a, %s : tensor<?x?xf32>, tensor<?x?xf32>
    } lift {
    ^bb0(%k: tensor<?xf32>, %v: tensor<?xf32>, %beta: f32):
      %one = arith.constant 1.0 : f32
      %i = attn.diagonal %one : f32 -> tensor<?x?xf32>
      %kk = attn.outer %k, %k : tensor<?xf32>, tensor<?xf32> -> tensor<?x?xf32>
      %kv = attn.outer %k, %v : tensor<?xf32>, tensor<?xf32> -> tensor<?x?xf32>
      %a = attn.map %i, %kk {
      ^bb0(%x: f32, %y: f32):
        %z = arith.mulf %beta, %y : f32
        %w = arith.subf %x, %z : f32
        attn.yield %w : f32
      } : tensor<?x?xf32>, tensor<?x?xf32> -> tensor<?x?xf32>
      %s = attn.map %kv {
      ^bb0(%x: f32):
        %y = arith.mulf %beta, %x : f32
        attn.yield %y : f32
      } : tensor<?x?xf32> -> tensor<?x?xf32>
      attn.yield %a, %s : tensor<?x?xf32>, tensor<?x?xf32>
    } merge {
    ^bb0(%a_a: tensor<?x?xf32>, %a_s: tensor<?x?xf32>, %b_a: tensor<?x?xf32>, %b_s: tensor<?x?xf32>):
      %a = attn.matmul %b_a, %a_a : tensor<?x?xf32>, tensor<?x?xf32> -> tensor<?x?xf32>
      %carried = attn.matmul %b_a, %a_s : tensor<?x?xf32>, tensor<?x?xf32> -> tensor<?x?xf32>
      %s = arith.addf %carried, %b_s : tensor<?x?xf32>
      attn.yield %a, %s : tensor<?x?xf32>, tensor<?x?xf32>
    } finalize {
    ^bb0(%a: tensor<?x?xf32>, %s: tensor<?x?xf32>):
      attn.yield
    }

    func.func @delta_net(%q: tensor<?x?x?x64xf32>, %k: tensor<?x?x?x64xf32>, %v: tensor<?x?x?x64xf32>,
                         %beta: tensor<?x?x?xf32>) -> tensor<?x?x?x64xf32> {
      %o = attn.scan @delta_rule(%q, %k, %v : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>)
          extras(%beta : tensor<?x?x?xf32>)
      read {
      ^bb0(%row: tensor<?xf32>, %a: tensor<?x?xf32>, %s: tensor<?x?xf32>):
        %r = attn.vecmat %row, %s : tensor<?xf32>, tensor<?x?xf32> -> tensor<?xf32>
        attn.yield %r : tensor<?xf32>
      } -> tensor<?x?x?x64xf32>
      return %o : tensor<?x?x?x64xf32>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$monoid, Attn_Operand:$query, Attn_Operand:$key, Attn_Operand:$value,
                       Variadic<AnyRankedTensor>:$extras, Variadic<AnyRankedTensor>:$initial);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$read);
  let assemblyFormat = [{
    $monoid `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)? (`initial` `(` $initial^ `:` type($initial) `)`)? attr-dict-with-keyword
    `read` $read `->` type($results)
  }];
  let hasRegionVerifier = 1;
}

def Attn_DiagonalOp : Attn_Op<"diagonal", [Pure]> {
  let summary = "a state matrix with this scalar, or this row, on its diagonal and zero elsewhere";
  let description = [{
    The scalar 1 gives the identity matrix, 0 the zero matrix; a matrix of a scalar has the extents of the field that it
    becomes part of.
  }];
  let arguments = (ins AnyTypeOf<[F32, Attn_Row]>:$value);
  let results = (outs Attn_Matrix:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
}

def Attn_MatmulOp : Attn_Op<"matmul", [Pure]> {
  let summary = "matrix product of two state matrices (merge of the delta rule)";
  let arguments = (ins Attn_Matrix:$lhs, Attn_Matrix:$rhs);
  let results = (outs Attn_Matrix:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
}

def Attn_OuterOp : Attn_Op<"outer", [Pure]> {
  let summary = "outer product of two rows: result[i, j] = lhs[i] * rhs[j]";
  let arguments = (ins Attn_Row:$lhs, Attn_Row:$rhs);
  let results = (outs Attn_Matrix:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
}

def Attn_VecmatOp : Attn_Op<"vecmat", [Pure]> {
  let summary = "row times matrix: result[j] = sum_i row[i] * matrix[i, j] (the read of a linear state)";
  let arguments = (ins Attn_Row:$row, Attn_Matrix:$matrix);
  let results = (outs Attn_Row:$result);
  let assemblyFormat = "$row `,` $matrix attr-dict `:` type($row) `,` type($matrix) `->` type($result)";
}

#endif
