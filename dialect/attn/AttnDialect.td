//===- AttnDialect.td - the attn dialect: the mathematics of attention ----===//
#ifndef ATTILE_DIALECT_ATTN_DIALECT
#define ATTILE_DIALECT_ATTN_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Attn_Dialect : Dialect {
  let name = "attn";
  let cppNamespace = "::attile::attn";
  let summary = "attention variants: what is computed, not how";
  let description = [{
    Two stages speak this dialect.

    * **attn**: the naive chain over symbolic shapes. `attn.scores` is the full q.k product, `attn.modify` the user's
      scale and score expressions, `attn.mask` and `attn.block_table` what is visible, and `attn.reduce` lifts every
      visible (score, value) pair into the state of an `attn.monoid`, merges the states and finalizes.
      The reference interpreter runs this form literally, in float64.
    * **fold**: after fusion, `attn.fold` holds the same scores and mask as regions of one op, and an explicit
      `step(state, tile)` that advances the state by a tile of keys.

    Indices are `i64` and named b, h, kv_h, q, k. User numbers are `f32`, `i64` and `i1`.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

// ---- monoid fields ------------------------------------------------------------------------------

def Attn_FieldKind : I32EnumAttr<"FieldKind", "extent of a state field", [
    I32EnumAttrCase<"Scalar", 0, "scalar">,   // one number per head
    I32EnumAttrCase<"Row", 1, "row">,         // one number per query row
    I32EnumAttrCase<"RowDv", 2, "row_dv">,    // a value vector per query row
    I32EnumAttrCase<"DkDv", 3, "dk_dv">,      // a matrix per head (linear family)
    I32EnumAttrCase<"DkDk", 4, "dk_dk">]> {
  let cppNamespace = "::attile::attn";
  let genSpecializedAttr = 0;
}

def Attn_FieldRole : I32EnumAttr<"FieldRole", "how a field enters the merge", [
    I32EnumAttrCase<"Gauge", 0, "gauge">,     // a choice of scale (running maximum): results do not depend on it
    I32EnumAttrCase<"Sum", 1, "sum">]> {      // accumulated, after rescaling to the common gauge
  let cppNamespace = "::attile::attn";
  let genSpecializedAttr = 0;
}

def Attn_FieldAttr : AttrDef<Attn_Dialect, "Field"> {
  let mnemonic = "field";
  let summary = "a named, typed field of a monoid's state: `#attn.field<m : row gauge>`";
  let parameters = (ins StringRefParameter<"name of the field">:$name,
                        EnumParameter<Attn_FieldKind>:$kind, EnumParameter<Attn_FieldRole>:$role);
  let assemblyFormat = "`<` custom<Name>($name) `:` $kind $role `>`";
}
def Attn_FieldArrayAttr : TypedArrayAttrBase<Attn_FieldAttr, "state fields">;

def Attn_OutputAttr : AttrDef<Attn_Dialect, "Output"> {
  let mnemonic = "output";
  let summary = "a named result of a monoid's finalize: `#attn.output<lse : row>`";
  let parameters = (ins StringRefParameter<"name of the output">:$name, EnumParameter<Attn_FieldKind>:$kind);
  let assemblyFormat = "`<` custom<Name>($name) `:` $kind `>`";
}
def Attn_OutputArrayAttr : TypedArrayAttrBase<Attn_OutputAttr, "finalized outputs">;

#endif
