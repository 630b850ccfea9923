//===- TileDialect.td - the tile dialect: how, over explicit memory -------===//
#ifndef ATTILE_DIALECT_TILE_DIALECT
#define ATTILE_DIALECT_TILE_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::attile::tile";
  let summary = "tiled kernels over explicit memory spaces, for any target";
  let description = [{
    A `tile.plan` lists kernels with symbolic launch geometry and scratch sizes. A `tile.kernel` is what one block
    (a GPU thread block, a CPU task) executes. Data lives in typed buffers in explicit memory spaces; operations write
    their destinations. There are no vectors, threads or lanes here: a conversion chooses those, guided by
    the `schedule` of the kernel and the `layout` of each buffer.

    Control flow is `scf`, scalars are `arith` and `math` on i64, i1 and f32.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
}

class Tile_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::attile::tile";
  let genSpecializedAttr = 0;
}

def Tile_Space : Tile_Enum<"Space", "memory space", [
    I32EnumAttrCase<"Global", 0, "global">,      // operands, results, plan scratch
    I32EnumAttrCase<"Cluster", 1, "cluster">,    // shared memory of a peer block
    I32EnumAttrCase<"Shared", 2, "shared">,      // shared by a block's threads
    I32EnumAttrCase<"Local", 3, "local">,        // private to a CPU worker, meant for its caches
    I32EnumAttrCase<"Register", 4, "register">]>;

def Tile_Scope : Tile_Enum<"Scope", "who takes part", [
    I32EnumAttrCase<"Thread", 0, "thread">, I32EnumAttrCase<"Warp", 1, "warp">,
    I32EnumAttrCase<"Warpgroup", 2, "warpgroup">, I32EnumAttrCase<"Block", 3, "block">,
    I32EnumAttrCase<"Cluster", 4, "cluster">,
    I32EnumAttrCase<"Role", 5, "role">]>;        // all groups of the enclosing role

def Tile_Combiner : Tile_Enum<"Combiner", "associative combiner of a reduction", [
    I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Max", 1, "max">,
    I32EnumAttrCase<"Min", 2, "min">, I32EnumAttrCase<"Mul", 3, "mul">]>;
def Tile_CombinerAttr : EnumAttr<Tile_Dialect, Tile_Combiner, "combiner"> { let assemblyFormat = "`<` $value `>`"; }
def Tile_CombinerArrayAttr : TypedArrayAttrBase<Tile_CombinerAttr, "combiners">;
def Tile_ScopeAttr : EnumAttr<Tile_Dialect, Tile_Scope, "scope">;

def Tile_LayoutKind : Tile_Enum<"LayoutKind", "order of a buffer's elements", [
    I32EnumAttrCase<"RowMajor", 0, "row_major">,    // the last dimension is contiguous
    I32EnumAttrCase<"ColMajor", 1, "col_major">,    // the first dimension is contiguous (CPU: rows across vector lanes)
    I32EnumAttrCase<"ColPairs", 2, "col_pairs">,    // col_major with pairs along the second dimension kept together (16-bit dots)
    I32EnumAttrCase<"RowPairs", 3, "row_pairs">,    // row_major with pairs along the first dimension kept together (16-bit dots)
    I32EnumAttrCase<"ColWords", 8, "col_words">,    // col_major with 64 bits along the second dimension kept together (dots of few rows)
    I32EnumAttrCase<"Swizzle128", 4, "swizzle_128">,
    I32EnumAttrCase<"Swizzle64", 5, "swizzle_64">,
    I32EnumAttrCase<"Swizzle32", 6, "swizzle_32">,
    I32EnumAttrCase<"Fragment", 7, "fragment">]>;   // distributed over threads as the target's matrix unit wants it

// ---- attributes ------------------------------------------------------------------------------------

def Tile_ScheduleAttr : AttrDef<Tile_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "what the cost model chose for a kernel";
  let description = [{
    `rows` x `keys` is the tile of scores that a block works on; a dot works on `dot_rows` rows at once and keeps
    `score_keys` keys (scores) or `value_cols` output columns (weighted sum) of accumulators in registers.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$keys, "int64_t":$dot_rows, "int64_t":$score_keys, "int64_t":$value_cols);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Tile_RoleAttr : AttrDef<Tile_Dialect, "Role"> {
  let mnemonic = "role";
  let summary = "a part that some of a block's threads play: `#tile.role<producer : 1 warp, registers = 24>`";
  let parameters = (ins StringRefParameter<"name">:$name, "int64_t":$count, EnumParameter<Tile_Scope>:$scope,
                        DefaultValuedParameter<"int64_t", "0">:$registers);
  let assemblyFormat = "`<` custom<Name>($name) `:` $count $scope (`,` `registers` `=` $registers^)? `>`";
}
def Tile_RoleArrayAttr : TypedArrayAttrBase<Tile_RoleAttr, "roles">;

// ---- types -----------------------------------------------------------------------------------------

class Tile_Type<string name, string typeMnemonic> : TypeDef<Tile_Dialect, name> { let mnemonic = typeMnemonic; }

def Tile_BufferType : Tile_Type<"Buffer", "buffer"> {
  let summary = "elements in a memory space: `!tile.buffer<64x128xf32, local, col_major>`";
  let description = [{
    `?` is a run-time extent. Global buffers may have any strides except that the last dimension's is 1 for operands of
    rank 4; row_major is the default layout and is not printed.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        "Space":$space, "LayoutKind":$layout);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let builders = [TypeBuilderWithInferredContext<(ins "::llvm::ArrayRef<int64_t>":$shape, "::mlir::Type":$elementType, "Space":$space,
                               CArg<"LayoutKind", "LayoutKind::RowMajor">:$layout), [{
    return $_get(elementType.getContext(), shape, elementType, space, layout);
  }]>];
  let extraClassDeclaration = [{
    int64_t getRank() const { return getShape().size(); }
    bool isDynamicDim(unsigned i) const { return ::mlir::ShapedType::isDynamic(getShape()[i]); }
  }];
}
def Tile_BarrierType : Tile_Type<"Barrier", "barrier"> {
  let summary = "one or more (by stage) phase barriers in shared memory (PTX mbarrier)";
  let parameters = (ins DefaultValuedParameter<"int64_t", "1">:$stages);
  let assemblyFormat = "(`<` $stages^ `>`)?";
}
def Tile_TokenType : Tile_Type<"Token", "token"> { let summary = "an asynchronous operation in flight"; }

#endif
