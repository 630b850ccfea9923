//===- TileOps.td - operations of the tile dialect --------------------------===//
#ifndef ATTILE_DIALECT_TILE_OPS
#define ATTILE_DIALECT_TILE_OPS

include "dialect/tile/TileDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;

// Region arguments and results are printed under telling names: %k0, %row, %kv_len.
defvar Tile_NamesArguments = DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>;
defvar Tile_NamesResults = DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>;

def Tile_Scalar : AnyTypeOf<[F32, I64, I1]>;

// ================================================================ plan ============================

def Tile_PlanOp : Tile_Op<"plan", [Symbol, NoTerminator, SingleBlock]> {
  let summary = "what a launch does: named values, scratch buffers, kernels in order";
  let description = [{
    Everything is a symbolic expression of `tile.size`s: one plan serves all shapes. One kernel is the plan of length one.
    Constraints: (plan_c1) values and scratch buffers have distinct names; (plan_c2) a size that is read is one of the launch
    or a value named earlier.

    ```mlir
    tile.kernel @copy_rows() { tile.return }
    tile.plan @example {
      %q = tile.size "q_len"
      %c64 = arith.constant 64 : i64
      %tiles = arith.ceildivsi %q, %c64 : i64
      tile.value "q_tiles" = %tiles
      %c4096 = arith.constant 4096 : i64
      %bytes = arith.muli %tiles, %c4096 : i64
      tile.scratch "partial" bytes %bytes
      tile.launch @copy_rows grid(%tiles)
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def Tile_SizeOp : Tile_Op<"size", [Pure, Tile_NamesResults]> {
  let summary = "a run-time size: batch, heads, kv_heads, q_len, kv_len, head_dim, head_dim_v, threads, q.stride.2, table.dim.0, or a value of the plan";
  let arguments = (ins StrAttr:$name);
  let results = (outs I64:$result);
  let assemblyFormat = "$name attr-dict";
}

def Tile_ValueOp : Tile_Op<"value", [HasParent<"PlanOp">]> {
  let summary = "names an expression, so that later ones and the kernels can read it with tile.size";
  let arguments = (ins StrAttr:$name, I64:$value);
  let assemblyFormat = "$name `=` $value attr-dict";
}

def Tile_ScratchOp : Tile_Op<"scratch", [HasParent<"PlanOp">]> {
  let summary = "a global buffer that lives for one launch; kernels take it as the argument of this name";
  let arguments = (ins StrAttr:$name, I64:$bytes);
  let assemblyFormat = "$name `bytes` $bytes attr-dict";
}

def Tile_LaunchOp : Tile_Op<"launch", [HasParent<"PlanOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "launches a kernel on `grid` blocks, unless `when` is false";
  let description = [{ Constraint: (launch_c1) the symbol is a tile.kernel. }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, I64:$grid, Optional<I1>:$when);
  let assemblyFormat = "$kernel `grid` `(` $grid `)` (`when` `(` $when^ `)`)? attr-dict";
  let hasCanonicalizeMethod = 1;
}

// ================================================================ kernel ==========================

def Tile_KernelOp : Tile_Op<"kernel", [FunctionOpInterface, IsolatedFromAbove, OpAsmOpInterface]> {
  let summary = "what one block executes";
  let description = [{
    Arguments are global buffers and scalars, each with `tile.name`: the operand, scratch or parameter it is bound
    to ("q", "partials", "param.window"). No results. Constraint: (kernel_c1) every argument has a distinct name;
    (kernel_c2) buffers among the arguments are global; (kernel_c3) there are no results; (kernel_c4) the body ends in `tile.return`.

    Sums of values over the keys of a query's document, one block per 8 queries:

    ```mlir
    tile.kernel @same_document(%v: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "v"},
                               %document: !tile.buffer<?xi32, global> {tile.name = "document"},
                               %summary: !tile.buffer<?x?x2xi64, global> {tile.name = "document.summary"},
                               %o: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "o"}) {
      %c0 = arith.constant 0 : i64
      %c1 = arith.constant 1 : i64
      %count = arith.constant 8 : i64
      %zero = arith.constant 0.0 : f32
      %one = arith.constant 1.0 : f32
      %kv_len = tile.size "kv_len"
      %block = tile.block_index
      %q0 = arith.muli %block, %count : i64
      %row_h = tile.alloc : !tile.buffer<8xi64, local>
      %row_q = tile.alloc : !tile.buffer<8xi64, local>
      %mine = tile.alloc : !tile.buffer<8xi64, local>
      tile.fill %row_h, %c0 : !tile.buffer<8xi64, local>, i64
      tile.generic rows(8) outs(%row_q, %mine : !tile.buffer<8xi64, local>, !tile.buffer<8xi64, local>) {
        %i = tile.index 0
        %q = arith.addi %q0, %i : i64
        %id = tile.lookup %document[%q] : !tile.buffer<?xi32, global> -> i64
        tile.yield %q, %id : i64, i64
      }
      %acc = tile.alloc : !tile.buffer<8x64xf32, local>
      %w = tile.alloc : !tile.buffer<8x32xf32, local>
      %same = tile.alloc : !tile.buffer<8x32xi1, local>
      tile.fill %acc, %zero : !tile.buffer<8x64xf32, local>, f32
      %first = tile.lookup %document[%q0] : !tile.buffer<?xi32, global> -> i64
      tile.visit keys(%c0 to %kv_len) tile 32 classify {
      ^bb0(%k0: i64, %k1: i64):
        %last = arith.subi %k1, %c1 : i64
        %min, %max = tile.range_of %summary of %document[] from %k0 to %last block 64 : !tile.buffer<?x?x2xi64, global>, !tile.buffer<?xi32, global>
        %any = arith.cmpi sle, %first, %max : i64
        %all = arith.constant false
        tile.yield %any, %all : i1, i1
      } body {
      ^bb0(%k0: i64, %n: i64, %full: i1):
        tile.generic rows(8) cols(%n) ins(%mine : !tile.buffer<8xi64, local>)
            outs(%w, %same : !tile.buffer<8x32xf32, local>, !tile.buffer<8x32xi1, local>) {
        ^bb0(%id: i64):
          %j = tile.index 1
          %k = arith.addi %k0, %j : i64
          %other = tile.lookup %document[%k] : !tile.buffer<?xi32, global> -> i64
          %eq = arith.cmpi eq, %id, %other : i64
          %weight = arith.select %eq, %one, %zero : f32
          tile.yield %weight, %eq : f32, i1
        }
        %any, %all = tile.any_all %same cols(%n) : !tile.buffer<8x32xi1, local>
        scf.if %any {
          %tile = tile.slice %v[%c0, %c0, %k0, %c0] sizes(%n) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
          tile.dot %acc, %w, %tile accumulate : !tile.buffer<8x64xf32, local>, !tile.buffer<8x32xf32, local>, !tile.buffer<?x64xbf16, global>
        }
        tile.yield
      }
      tile.scatter %o[%c0, %row_h, %row_q], %acc count(%count) : !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<8x64xf32, local>, !tile.buffer<8xi64, local>
      tile.return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs,
                       OptionalAttr<Tile_ScheduleAttr>:$schedule);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::mlir::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region* getCallableRegion() { return &getBody(); }
    /// The `tile.name` of argument `i` (empty if missing).
    ::llvm::StringRef argumentName(unsigned i);
    /// Arguments are printed under their names.
    void getAsmBlockArgumentNames(::mlir::Region &region, ::mlir::OpAsmSetValueNameFn setName);
  }];
}

def Tile_ReturnOp : Tile_Op<"return", [Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "end of a kernel";
  let assemblyFormat = "attr-dict";
}

def Tile_YieldOp : Tile_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "results of a region";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange{}); }]>];
}

def Tile_BlockIndexOp : Tile_Op<"block_index", [Pure, Tile_NamesResults]> {
  let summary = "linear index of this block in the grid";
  let results = (outs I64:$result);
  let assemblyFormat = "attr-dict";
}

// ================================================================ memory ==========================

def Tile_AllocOp : Tile_Op<"alloc", [MemoryEffects<[MemAlloc]>]> {
  let summary = "a block's own buffer: shared, local or register; uninitialised; static shape";
  let description = [{
    Constraints: (alloc_c1) the space is not global and not another block's (cluster); (alloc_c2) the shape is static.
  }];
  let results = (outs Tile_BufferType:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_SliceOp : Tile_Op<"slice", [Pure, AttrSizedOperandSegments]> {
  let summary = "a window into a buffer";
  let description = [{
    One offset per dimension of the source; the result keeps the last dimensions, as many as its rank (leading ones are
    indexed away). `sizes` gives one value for each `?` of the result. Constraints: (slice_c1) offsets, (slice_c2)
    sizes, (slice_c3) same element type and space, and a static extent of the result is at most the source's.
  }];
  let arguments = (ins Tile_BufferType:$source, Variadic<I64>:$offsets, Variadic<I64>:$sizes);
  let results = (outs Tile_BufferType:$result);
  let assemblyFormat = "$source `[` $offsets `]` (`sizes` `(` $sizes^ `)`)? attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tile_LookupOp : Tile_Op<"lookup", [MemoryEffects<[MemRead]>]> {
  let summary = "one element of a global buffer; each index is clamped into range";
  let description = [{ Integers are widened to i64, floats to f32, i8 is a bool; an empty dimension reads as 0.
    Constraints: (lookup_c1) one index per dimension; (lookup_c2) the result is the widened element type. }];
  let arguments = (ins Tile_BufferType:$buffer, Variadic<I64>:$indices);
  let results = (outs Tile_Scalar:$result);
  let assemblyFormat = "$buffer `[` $indices `]` attr-dict `:` type($buffer) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_FillOp : Tile_Op<"fill", [MemoryEffects<[MemWrite]>]> {
  let summary = "every element becomes `value`";
  let description = [{ Constraint: (fill_c1) the value is the widened element type (see `tile.generic`). }];
  let arguments = (ins Tile_BufferType:$dest, Tile_Scalar:$value);
  let assemblyFormat = "$dest `,` $value attr-dict `:` type($dest) `,` type($value)";
  let hasVerifier = 1;
}

def Tile_CopyOp : Tile_Op<"copy", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "dest = source, converting element type and layout; elements past the source's extents become 0";
  let description = [{
    Constraints: (copy_c1) same rank, and no static extent of the source exceeds that of dest; (copy_c2) element types are
    equal or both floats.
  }];
  let arguments = (ins Tile_BufferType:$dest, Tile_BufferType:$source);
  let assemblyFormat = "$dest `,` $source attr-dict `:` type($dest) `,` type($source)";
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Tile_ResidualOp : Tile_Op<"residual", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "dest = source - round(source): what rounding to dest's element type leaves, itself rounded";
  let description = [{
    A weight and its residual make a product in 16-bit dots as exact as one in f32: w * v = round(w) * v + residual(w) * v.

    Constraints: (residual_c1) dest has 16-bit float elements, source f32 ones; (residual_c2) both have rank 2.

    ```mlir
    tile.kernel @weights(%n: i64 {tile.name = "param.n"}) {
      %w = tile.alloc : !tile.buffer<64x96xf32, local, col_major>
      %low = tile.alloc : !tile.buffer<64x96xbf16, local, col_pairs>
      tile.residual %low, %w : !tile.buffer<64x96xbf16, local, col_pairs>, !tile.buffer<64x96xf32, local, col_major>
      tile.return
    }
    ```
  }];
  let arguments = (ins Tile_BufferType:$dest, Tile_BufferType:$source);
  let assemblyFormat = "$dest `,` $source attr-dict `:` type($dest) `,` type($source)";
  let hasVerifier = 1;
}

def Tile_GatherOp : Tile_Op<"gather", [MemoryEffects<[MemRead, MemWrite]>, AllTypesMatch<["row_h", "row_q"]>]> {
  let summary = "dest[r, :] = source[batch, row_h[r], row_q[r], :]; rows past count repeat a valid row, or are 0";
  let description = [{
    Constraints: (gather_c1) dest has rank 2 and source rank 4; (gather_c2) row_h and row_q are integers of rank 1;
    (gather_c3) element types as in `tile.copy`.

    ```mlir
    tile.kernel @query_rows(%q: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "q"},
                            %row_h: !tile.buffer<32xi64, global> {tile.name = "row_h"},
                            %row_q: !tile.buffer<32xi64, global> {tile.name = "row_q"}) {
      %batch = tile.block_index
      %count = arith.constant 24 : i64
      %rows = tile.alloc : !tile.buffer<32x64xbf16, local>
      tile.gather %rows, %q[%batch, %row_h, %row_q] count(%count) : !tile.buffer<32x64xbf16, local>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<32xi64, global>
      %wide = tile.alloc : !tile.buffer<32x64xf32, local, col_major>
      tile.copy %wide, %rows : !tile.buffer<32x64xf32, local, col_major>, !tile.buffer<32x64xbf16, local>
      tile.return
    }
    ```
  }];
  let arguments = (ins Tile_BufferType:$dest, Tile_BufferType:$source, I64:$batch, Tile_BufferType:$row_h,
                       Tile_BufferType:$row_q, I64:$count);
  let assemblyFormat = "$dest `,` $source `[` $batch `,` $row_h `,` $row_q `]` `count` `(` $count `)` attr-dict `:` type($dest) `,` type($source) `,` type($row_h)";
  let hasVerifier = 1;
}

def Tile_ScatterOp : Tile_Op<"scatter", [MemoryEffects<[MemRead, MemWrite]>, AllTypesMatch<["row_h", "row_q"]>]> {
  let summary = "dest[batch, row_h[r], row_q[r](, :)] = source[r(, :)] for r < count";
  let description = [{
    Constraints: (scatter_c1) dest has rank 4 and source rank 2, or dest rank 3 and source rank 1; (scatter_c2) row_h and
    row_q are integers of rank 1; (scatter_c3) element types as in `tile.copy`.
  }];
  let arguments = (ins Tile_BufferType:$dest, I64:$batch, Tile_BufferType:$row_h, Tile_BufferType:$row_q,
                       Tile_BufferType:$source, I64:$count);
  let assemblyFormat = "$dest `[` $batch `,` $row_h `,` $row_q `]` `,` $source `count` `(` $count `)` attr-dict `:` type($dest) `,` type($source) `,` type($row_h)";
  let hasVerifier = 1;
}

// ================================================================ compute =========================

def Tile_DotOp : Tile_Op<"dot", [MemoryEffects<[MemRead, MemWrite]>, AttrSizedOperandSegments]> {
  let summary = "acc = a . b, or acc * rescale[row] + a . b";
  let description = [{
    a is [rows, n], b is [n, cols], or [cols, n] with `transpose_b`; acc is f32 [rows, cols]. With `accumulate` the old
    value is kept; `rescale` (one factor per row) multiplies it first. An extent that is dynamic in b bounds the
    loop; columns of acc past it are left unspecified. `within` is (first, last) of a `tile.spans`: row r needs only the keys
    first[r] <= key < last[r], which are the columns of acc with `transpose_b`, else those of a. Other columns of acc are
    left unspecified, other weights are 0; a lowering may work on more than the span. Constraints: (dot_c1) static extents
    agree; (dot_c2) acc is f32, and rescale f32 of rank 1; (dot_c3) ranks are 2 and elements are floats; (dot_c4) rescale comes
    with accumulate; (dot_c5) within are two buffers of i64, one element per row.
  }];
  let arguments = (ins Tile_BufferType:$acc, Tile_BufferType:$lhs, Tile_BufferType:$rhs, Optional<Tile_BufferType>:$rescale,
                       Variadic<Tile_BufferType>:$within, UnitAttr:$accumulate, UnitAttr:$transpose_b);
  let assemblyFormat = [{
    $acc `,` $lhs `,` $rhs (`rescale` `(` $rescale^ `:` type($rescale) `)`)? (`within` `(` $within^ `:` type($within) `)`)?
    (`accumulate` $accumulate^)? (`transpose_b` $transpose_b^)?
    attr-dict `:` type($acc) `,` type($lhs) `,` type($rhs)
  }];
  let hasVerifier = 1;
}

def Tile_GenericOp : Tile_Op<"generic", [MemoryEffects<[MemRead, MemWrite]>, AttrSizedOperandSegments]> {
  let summary = "elementwise work over a tile, with reductions along its second dimension";
  let description = [{
    The domain is [rows] or, with `cols`, [rows, cols]. Inputs have rank 2, or rank 1 (rows, broadcast along cols).
    The region takes one element per input and yields one element per output (stored) and then one per
    reduction. Elements are read as f32, i64 or i1 (i8 is a bool), and converted back when they are stored. `reduces` are buffers of rank 1: each row's yielded elements are combined into its old value.
    `tile.index` gives the position. Scalars from outside may be used. Elements are independent: no order is promised.
    `within` is (first, last) of a `tile.spans`: row r needs only the columns first[r] <= column < last[r], which contain all
    that its reductions would see anything in; columns of outputs outside of the span are left unspecified, or computed.
    Constraints: (generic_c1) signature of the region; (generic_c2) one combiner per reduction; (generic_c3) ranks, and
    no static first extent is less than `rows`; (generic_c4) within comes with cols, as two buffers of i64, one element per row.

    ```mlir
    tile.kernel @row_max(%n: i64 {tile.name = "param.n"}) {
      %s = tile.alloc : !tile.buffer<64x96xf32, local, col_major>
      %m = tile.alloc : !tile.buffer<64xf32, local>
      tile.generic rows(64) cols(%n) ins(%s : !tile.buffer<64x96xf32, local, col_major>) reduces(%m : !tile.buffer<64xf32, local>) combiners [#tile.combiner<max>] {
      ^bb0(%x: f32):
        tile.yield %x : f32
      }
      tile.return
    }
    ```
  }];
  let arguments = (ins I64Attr:$rows, Optional<I64>:$cols, Variadic<Tile_BufferType>:$within, Variadic<Tile_BufferType>:$inputs,
                       Variadic<Tile_BufferType>:$outputs, Variadic<Tile_BufferType>:$reduces,
                       OptionalAttr<Tile_CombinerArrayAttr>:$combiners);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `rows` `(` $rows `)` (`cols` `(` $cols^ `)`)? (`within` `(` $within^ `:` type($within) `)`)? (`ins` `(` $inputs^ `:` type($inputs) `)`)? (`outs` `(` $outputs^ `:` type($outputs) `)`)?
    (`reduces` `(` $reduces^ `:` type($reduces) `)` `combiners` $combiners)? attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Tile_IndexOp : Tile_Op<"index", [Pure, Tile_NamesResults]> {
  let summary = "position in the enclosing generic's domain: 0 is the row, 1 the column";
  let description = [{ Constraint: (index_c1) inside a generic that has this dimension. }];
  let arguments = (ins I64Attr:$dim);
  let results = (outs I64:$result);
  let assemblyFormat = "$dim attr-dict";
  let hasVerifier = 1;
}

def Tile_AnyAllOp : Tile_Op<"any_all", [MemoryEffects<[MemRead]>]> {
  let summary = "whether any and whether all of the first `cols` columns of an i1 tile are true";
  let description = [{ Constraint: (any_all_c1) the tile is i1 of rank 2. }];
  let arguments = (ins Tile_BufferType:$tile, I64:$cols);
  let results = (outs I1:$any, I1:$all);
  let assemblyFormat = "$tile `cols` `(` $cols `)` attr-dict `:` type($tile)";
  let hasVerifier = 1;
}

def Tile_SpansOp : Tile_Op<"spans", [MemoryEffects<[MemRead, MemWrite]>, AllTypesMatch<["first", "last"]>]> {
  let summary = "the columns [first, last) of an i1 tile, among the first `cols`, between which the true elements of each group of rows lie";
  let description = [{
    Rows [i * group, (i + 1) * group) share the shortest such span, and each of them gets it; a group without a true element
    gets (0, 0). Dots that take `group` rows at once leave out the columns that none of these needs (`within`).

    Constraints: (spans_c1) the tile is i1 of rank 2; (spans_c2) first and last are i64 of rank 1, one element per row of the
    tile; (spans_c3) `group` divides the rows.

    ```mlir
    tile.kernel @visible_scores(%n: i64 {tile.name = "param.n"}) {
      %q = tile.alloc : !tile.buffer<64x128xf32, local>
      %k = tile.alloc : !tile.buffer<96x128xf32, local>
      %s = tile.alloc : !tile.buffer<64x96xf32, local>
      %visible = tile.alloc : !tile.buffer<64x96xi1, local>
      %first = tile.alloc : !tile.buffer<64xi64, local>
      %last = tile.alloc : !tile.buffer<64xi64, local>
      tile.spans %first, %last of %visible cols(%n) group 32 : !tile.buffer<64xi64, local>, !tile.buffer<64x96xi1, local>
      tile.dot %s, %q, %k within(%first, %last : !tile.buffer<64xi64, local>, !tile.buffer<64xi64, local>) transpose_b : !tile.buffer<64x96xf32, local>, !tile.buffer<64x128xf32, local>, !tile.buffer<96x128xf32, local>
      tile.return
    }
    ```
  }];
  let arguments = (ins Tile_BufferType:$first, Tile_BufferType:$last, Tile_BufferType:$tile, I64:$cols, I64Attr:$group);
  let assemblyFormat = "$first `,` $last `of` $tile `cols` `(` $cols `)` `group` $group attr-dict `:` type($first) `,` type($tile)";
  let hasVerifier = 1;
}

// ================================================================ which keys ======================

def Tile_VisitOp : Tile_Op<"visit", [RecursiveMemoryEffects, Tile_NamesArguments]> {
  let summary = "visits the tiles of keys in [lo, hi) that are not empty";
  let description = [{
    Tiles lie on the grid of multiples of `tile`; the first and the last are cut to [lo, hi). `classify` takes any range of keys
    [k0, k1) and yields (any, all): any = false promises that no pair of this block's rows and these keys is visible,
    all = true that every pair is. It must be cheap: a lowering may call it on large ranges first and descend, so that finding
    the tiles costs a logarithm. `body` takes the first key k0, the number of keys n <= tile, and full (classify's
    all). Constraints: (visit_c1) signatures of the regions; (visit_c2) `tile` is positive.
  }];
  let arguments = (ins I64:$lo, I64:$hi, I64Attr:$tile);
  let regions = (region SizedRegion<1>:$classify, SizedRegion<1>:$body);
  let assemblyFormat = "`keys` `(` $lo `to` $hi `)` `tile` $tile attr-dict-with-keyword `classify` $classify `body` $body";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Tile_SummarizeOp : Tile_Op<"summarize", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "writes the minimum and maximum of each block of `block` elements along the last dimension, and of blocks of blocks";
  let description = [{
    One call handles one row (the leading indices of the block index) of `source`. `summary` is i64 [rows, slots, 2]: level 0
    first (ceil(n / block) slots), then level 1 (ceil of that / block), until one slot is left. Constraint: (summarize_c1) summary is i64 of rank 3, source holds integers, block is at least 2.

    ```mlir
    tile.kernel @summarize_documents(%document: !tile.buffer<?x?xi32, global> {tile.name = "document"},
                                     %summary: !tile.buffer<?x?x2xi64, global> {tile.name = "document.summary"}) {
      %row = tile.block_index
      tile.summarize %summary, %document row %row block 64 : !tile.buffer<?x?x2xi64, global>, !tile.buffer<?x?xi32, global>
      tile.return
    }
    ```
  }];
  let arguments = (ins Tile_BufferType:$summary, Tile_BufferType:$source, I64:$row, I64Attr:$block);
  let assemblyFormat = "$summary `,` $source `row` $row `block` $block attr-dict `:` type($summary) `,` type($source)";
  let hasVerifier = 1;
}

def Tile_RangeOfOp : Tile_Op<"range_of", [MemoryEffects<[MemRead]>]> {
  let summary = "bounds of source[indices..., i] for i in [lo, hi] (both included, clamped as a lookup is), from its summary";
  let description = [{
    The bounds are those of the smallest set of whole blocks that covers the range: they may be wider, never narrower.
    Constraints: (range_of_c1) one index less than the source's rank; (range_of_c2) summary, source and block as in `tile.summarize`.
  }];
  let arguments = (ins Tile_BufferType:$summary, Tile_BufferType:$source, Variadic<I64>:$indices, I64:$lo, I64:$hi, I64Attr:$block);
  let results = (outs I64:$min, I64:$max);
  let assemblyFormat = "$summary `of` $source `[` $indices `]` `from` $lo `to` $hi `block` $block attr-dict `:` type($summary) `,` type($source)";
  let hasVerifier = 1;
}

// ================================================================ asynchrony and roles ============

def Tile_RolesOp : Tile_Op<"roles", [RecursiveMemoryEffects]> {
  let summary = "divides a block's threads: region i is what role i executes";
  let description = [{
    Buffers and barriers from above are shared by all roles. Each region ends in
    `tile.yield` without values. Constraint: (roles_c1) one region per role, names distinct, counts positive.

    One warp brings tiles of keys into two stages of shared memory while two warpgroups multiply:

    ```mlir
    tile.kernel @two_stages(%k: !tile.buffer<?x64xbf16, global> {tile.name = "k"},
                            %tiles: i64 {tile.name = "param.tiles"}) {
      %c0 = arith.constant 0 : i64
      %c1 = arith.constant 1 : i64
      %c2 = arith.constant 2 : i64
      %c64 = arith.constant 64 : i64
      %bytes = arith.constant 8192 : i64
      %stages = tile.alloc : !tile.buffer<2x64x64xbf16, shared, swizzle_128>
      %q = tile.alloc : !tile.buffer<128x64xbf16, shared, swizzle_128>
      %full = tile.barrier_alloc arrivals 1 : !tile.barrier<2>
      %empty = tile.barrier_alloc arrivals 2 : !tile.barrier<2>
      tile.sync block
      tile.roles [#tile.role<producer : 1 warp, registers = 24>, #tile.role<consumer : 2 warpgroup, registers = 240>] {
        scf.for %i = %c0 to %tiles step %c1 : i64 {
          %stage = arith.remsi %i, %c2 : i64
          %round = arith.divsi %i, %c2 : i64
          %parity = arith.remsi %round, %c2 : i64
          %other = arith.subi %c1, %parity : i64
          %k0 = arith.muli %i, %c64 : i64
          %from = tile.slice %k[%k0, %c0] : !tile.buffer<?x64xbf16, global> -> !tile.buffer<64x64xbf16, global>
          %to = tile.slice %stages[%stage, %c0, %c0] : !tile.buffer<2x64x64xbf16, shared, swizzle_128> -> !tile.buffer<64x64xbf16, shared, swizzle_128>
          tile.barrier_wait %empty[%stage] parity %other : !tile.barrier<2>
          tile.barrier_arrive %full[%stage] expect %bytes : !tile.barrier<2>
          tile.copy_async %to, %from signals %full[%stage] : !tile.barrier<2> : !tile.buffer<64x64xbf16, shared, swizzle_128>, !tile.buffer<64x64xbf16, global>
        }
        tile.yield
      }, {
        %who = tile.role_index
        %row = arith.muli %who, %c64 : i64
        %mine = tile.slice %q[%row, %c0] : !tile.buffer<128x64xbf16, shared, swizzle_128> -> !tile.buffer<64x64xbf16, shared, swizzle_128>
        %s = tile.alloc : !tile.buffer<64x64xf32, register, fragment>
        scf.for %i = %c0 to %tiles step %c1 : i64 {
          %stage = arith.remsi %i, %c2 : i64
          %round = arith.divsi %i, %c2 : i64
          %parity = arith.remsi %round, %c2 : i64
          %tile = tile.slice %stages[%stage, %c0, %c0] : !tile.buffer<2x64x64xbf16, shared, swizzle_128> -> !tile.buffer<64x64xbf16, shared, swizzle_128>
          tile.barrier_wait %full[%stage] parity %parity : !tile.barrier<2>
          %done = tile.dot_async %s, %mine, %tile transpose_b : !tile.buffer<64x64xf32, register, fragment>, !tile.buffer<64x64xbf16, shared, swizzle_128>, !tile.buffer<64x64xbf16, shared, swizzle_128> -> !tile.token
          tile.wait %done : !tile.token
          tile.barrier_arrive %empty[%stage] : !tile.barrier<2>
        }
        tile.yield
      }
      tile.return
    }
    ```
  }];
  let arguments = (ins Tile_RoleArrayAttr:$roles);
  let regions = (region VariadicRegion<SizedRegion<1>>:$bodies);
  let assemblyFormat = "$roles attr-dict-with-keyword $bodies";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Tile_RoleIndexOp : Tile_Op<"role_index", [Pure]> {
  let summary = "which of the `count` groups of the enclosing role this is";
  let description = [{ Constraint: (role_index_c1) inside a region of `tile.roles`. }];
  let results = (outs I64:$result);
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def Tile_BarrierAllocOp : Tile_Op<"barrier_alloc", [MemoryEffects<[MemAlloc]>]> {
  let summary = "barriers (one per stage) that complete a phase after `arrivals` arrivals and all expected bytes";
  let description = [{ Constraint: (barrier_alloc_c1) arrivals and stages are positive. }];
  let arguments = (ins I64Attr:$arrivals);
  let results = (outs Tile_BarrierType:$result);
  let assemblyFormat = "`arrivals` $arrivals attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
}

class Tile_BarrierUse<string mnemonic> : Tile_Op<mnemonic, [MemoryEffects<[MemRead, MemWrite]>]>;

def Tile_BarrierArriveOp : Tile_BarrierUse<"barrier_arrive"> {
  let summary = "one arrival; `expect` announces bytes that asynchronous copies will bring in this phase";
  let arguments = (ins Tile_BarrierType:$barrier, I64:$stage, Optional<I64>:$expect);
  let assemblyFormat = "$barrier `[` $stage `]` (`expect` $expect^)? attr-dict `:` qualified(type($barrier))";
}
def Tile_BarrierWaitOp : Tile_BarrierUse<"barrier_wait"> {
  let summary = "waits until the phase of this parity has completed";
  let arguments = (ins Tile_BarrierType:$barrier, I64:$stage, I64:$parity);
  let assemblyFormat = "$barrier `[` $stage `]` `parity` $parity attr-dict `:` qualified(type($barrier))";
}
def Tile_SyncOp : Tile_Op<"sync", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "all threads of the scope meet; `id` (`plus` an index) names one of the block's hardware barriers, `arrive` does not wait";
  let description = [{
    Of a role with several groups, `groups` of them meet at such a barrier (all if it is not said), those that arrive included.
    Constraint: (sync_c1) plus, groups and arrive come with id.
  }];
  let arguments = (ins Tile_ScopeAttr:$scope, OptionalAttr<I64Attr>:$id, Optional<I64>:$plus, OptionalAttr<I64Attr>:$groups,
                       UnitAttr:$arrive);
  let assemblyFormat = "custom<Scope>($scope) (`id` $id^)? (`plus` $plus^)? (`groups` $groups^)? (`arrive` $arrive^)? attr-dict";
  let hasVerifier = 1;
}

def Tile_CopyAsyncOp : Tile_Op<"copy_async", [MemoryEffects<[MemRead, MemWrite]>, AttrSizedOperandSegments]> {
  let summary = "a copy that completes later: it signals a barrier's stage, or the returned token";
  let description = [{ Constraint: (copy_async_c1) a barrier with its stage, or a token, not both; (copy_async_c2) as `tile.copy`. }];
  let arguments = (ins Tile_BufferType:$dest, Tile_BufferType:$source, Optional<Tile_BarrierType>:$barrier, Optional<I64>:$stage);
  let results = (outs Optional<Tile_TokenType>:$token);
  let assemblyFormat = [{
    $dest `,` $source (`signals` $barrier^ `[` $stage `]` `:` qualified(type($barrier)))? attr-dict `:` type($dest) `,` type($source) (`->` type($token)^)?
  }];
  let hasVerifier = 1;
}

def Tile_DotAsyncOp : Tile_Op<"dot_async", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "a dot that completes when its token, or its acc, is waited for; operands may be read until then";
  let description = [{ Dots on one acc add in the order in which they started. Constraint: (dot_async_c1) as `tile.dot`. }];
  let arguments = (ins Tile_BufferType:$acc, Tile_BufferType:$lhs, Tile_BufferType:$rhs, UnitAttr:$accumulate, UnitAttr:$transpose_b);
  let results = (outs Optional<Tile_TokenType>:$token);
  let assemblyFormat = [{
    $acc `,` $lhs `,` $rhs (`accumulate` $accumulate^)? (`transpose_b` $transpose_b^)? attr-dict
    `:` type($acc) `,` type($lhs) `,` type($rhs) (`->` type($token)^)?
  }];
  let hasVerifier = 1;
}

def Tile_WaitOp : Tile_Op<"wait", [MemoryEffects<[MemRead, MemWrite]>, AttrSizedOperandSegments]> {
  let summary = "waits for asynchronous operations; for all that were started if none is named";
  let description = [{
    Named are tokens, or the accs `of` dots, whichever path has started them. `computed` are buffers in registers whose
    elements are computed before the wait: work that is to go on beside a dot, and which a compiler would else be free to
    move behind it. Constraint: (wait_c1) tokens or `of`, not both; (wait_c2) computed comes with `of`.
  }];
  let arguments = (ins Variadic<Tile_TokenType>:$tokens, Variadic<Tile_BufferType>:$of, Variadic<Tile_BufferType>:$computed);
  let assemblyFormat = [{
    ($tokens^ `:` type($tokens))? (`of` `(` $of^ `:` type($of) `)`)? (`computed` `(` $computed^ `:` type($computed) `)`)? attr-dict
  }];
  let hasVerifier = 1;
}

#endif
