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

    Softmax with ALiBi in a sliding window, at the stage attn:

    ```mlir
    attn.monoid @softmax fields [#attn.field<m : row gauge>, #attn.field<l : row sum>, #attn.field<o : row_dv sum>]
        outputs [#attn.output<o : row_dv>, #attn.output<lse : row>]
    identity {
      %ninf = arith.constant 0xFF800000 : f32
      %zero = arith.constant 0.0 : f32
      attn.yield %ninf, %zero, %zero : f32, f32, f32
    } lift {
    ^bb0(%s: f32, %v: f32):
      %one = arith.constant 1.0 : f32
      attn.yield %s, %one, %v : f32, f32, f32
    } merge {
    ^bb0(%a_m: f32, %a_l: f32, %a_o: f32, %b_m: f32, %b_l: f32, %b_o: f32):
      %m = arith.maximumf %a_m, %b_m : f32
      %a_d = arith.subf %a_m, %m : f32
      %b_d = arith.subf %b_m, %m : f32
      %a_w = math.exp %a_d : f32
      %b_w = math.exp %b_d : f32
      %l_a = arith.mulf %a_l, %a_w : f32
      %l_b = arith.mulf %b_l, %b_w : f32
      %l = arith.addf %l_a, %l_b : f32
      %o_a = arith.mulf %a_o, %a_w : f32
      %o_b = arith.mulf %b_o, %b_w : f32
      %o = arith.addf %o_a, %o_b : f32
      attn.yield %m, %l, %o : f32, f32, f32
    } finalize {
    ^bb0(%m: f32, %l: f32, %o: f32):
      %mean = arith.divf %o, %l : f32
      %log = math.log %l : f32
      %lse = arith.addf %m, %log : f32
      attn.yield %mean, %lse : f32, f32
    }

    attn.kernel @local(%q: tensor<?x?x?x64xf16> {attn.name = "q", attn.role = "input"},
                       %k: tensor<?x?x?x64xf16> {attn.name = "k", attn.role = "input"},
                       %v: tensor<?x?x?x64xf16> {attn.name = "v", attn.role = "input"},
                       %window: i64 {attn.name = "window", attn.role = "param", attn.default = 4096 : i64},
                       %slope: tensor<?xf32> {attn.name = "slope", attn.role = "param", attn.dims = ["heads"]})
        -> (tensor<?x?x?x64xf16> {attn.name = "o"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
      %s = attn.scores %q, %k : tensor<?x?x?x64xf16>, tensor<?x?x?x64xf16> -> tensor<?x?x?x?xf32>
      %t = attn.modify %s {
      ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
        %scale = arith.constant 0.125 : f32
        %y = arith.mulf %x, %scale : f32
        %slope_h = attn.lookup %slope[%h] : tensor<?xf32> -> f32
        %d = arith.subi %qi, %ki : i64
        %distance = arith.sitofp %d : i64 to f32
        %bias = arith.mulf %slope_h, %distance : f32
        %z = arith.subf %y, %bias : f32
        attn.yield %z : f32
      } : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
      %visible = attn.mask {
      ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
        %q_len = attn.size "q_len"
        %kv_len = attn.size "kv_len"
        %shift = arith.subi %kv_len, %q_len : i64
        %q_pos = arith.addi %qi, %shift : i64
        %d = arith.subi %q_pos, %ki : i64
        %past = arith.cmpi sle, %ki, %q_pos : i64
        %near = arith.cmpi slt, %d, %window : i64
        %both = arith.andi %past, %near : i1
        attn.yield %both : i1
      } : tensor<?x?x?x?xi1>
      %o, %lse = attn.reduce @softmax scores(%t : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x64xf16>)
          where(%visible : tensor<?x?x?x?xi1>) outputs ["o", "lse"] -> tensor<?x?x?x64xf16>, tensor<?x?x?xf32>
      attn.return %o, %lse : tensor<?x?x?x64xf16>, tensor<?x?x?xf32>
    }
    ```
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
