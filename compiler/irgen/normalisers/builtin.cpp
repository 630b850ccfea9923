#include "compiler/irgen/normalisers/builtin.h"

#include <mlir/Parser/Parser.h>

namespace attile::irgen {
namespace {

/// The online softmax: m is the running maximum, l and o are sums of e^(s-m) and e^(s-m) v.
constexpr const char* kSoftmax = R"mlir(
attn.monoid @builtin.softmax
  fields [#attn.field<m : row gauge>, #attn.field<l : row sum>, #attn.field<o : row_dv sum>]
  outputs [#attn.output<o : row_dv>, #attn.output<lse : row>, #attn.output<max : row>]
identity {
  %minus_inf = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  attn.yield %minus_inf, %zero, %zero : f32, f32, f32
} lift {
^bb0(%s: f32, %v: f32):
  %one = arith.constant 1.0 : f32
  attn.yield %s, %one, %v : f32, f32, f32
} merge {
^bb0(%am: f32, %al: f32, %ao: f32, %bm: f32, %bl: f32, %bo: f32):
  %m = arith.maxnumf %am, %bm : f32
  %a_below = arith.subf %am, %m : f32
  %a_scale = math.exp %a_below : f32
  %b_below = arith.subf %bm, %m : f32
  %b_scale = math.exp %b_below : f32
  %al_scaled = arith.mulf %al, %a_scale : f32
  %bl_scaled = arith.mulf %bl, %b_scale : f32
  %l = arith.addf %al_scaled, %bl_scaled : f32
  %ao_scaled = arith.mulf %ao, %a_scale : f32
  %bo_scaled = arith.mulf %bo, %b_scale : f32
  %o = arith.addf %ao_scaled, %bo_scaled : f32
  attn.yield %m, %l, %o : f32, f32, f32
} finalize {
^bb0(%m: f32, %l: f32, %o: f32):
  %mean = arith.divf %o, %l : f32
  %log = math.log %l : f32
  %lse = arith.addf %m, %log : f32
  attn.yield %mean, %lse, %m : f32, f32, f32
})mlir";

/// o = sum sigmoid(s) v
constexpr const char* kSigmoid = R"mlir(
attn.monoid @builtin.sigmoid fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity {
  %zero = arith.constant 0.0 : f32
  attn.yield %zero : f32
} lift {
^bb0(%s: f32, %v: f32):
  %one = arith.constant 1.0 : f32
  %negative = arith.negf %s : f32
  %exp = math.exp %negative : f32
  %denominator = arith.addf %exp, %one : f32
  %weight = arith.divf %one, %denominator : f32
  %o = arith.mulf %weight, %v : f32
  attn.yield %o : f32
} merge {
^bb0(%a: f32, %b: f32):
  %o = arith.addf %a, %b : f32
  attn.yield %o : f32
} finalize {
^bb0(%o: f32):
  attn.yield %o : f32
})mlir";

/// o = sum s v
constexpr const char* kNone = R"mlir(
attn.monoid @builtin.none fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity {
  %zero = arith.constant 0.0 : f32
  attn.yield %zero : f32
} lift {
^bb0(%s: f32, %v: f32):
  %o = arith.mulf %s, %v : f32
  attn.yield %o : f32
} merge {
^bb0(%a: f32, %b: f32):
  %o = arith.addf %a, %b : f32
  attn.yield %o : f32
} finalize {
^bb0(%o: f32):
  attn.yield %o : f32
})mlir";

/// Symbols with a dot cannot clash with the name of an attention.
struct Entry {
  const char *symbol, *text;
};
constexpr Entry kTable[] = {
    {"builtin.softmax", kSoftmax}, {"builtin.sigmoid", kSigmoid}, {"builtin.none", kNone}};

} // namespace

attn::MonoidOp builtinMonoid(mlir::ModuleOp module, Normaliser normaliser) {
  const Entry& entry = kTable[static_cast<size_t>(normaliser)];
  if (auto known = module.lookupSymbol<attn::MonoidOp>(entry.symbol))
    return known;
  mlir::OwningOpRef<mlir::ModuleOp> parsed =
      mlir::parseSourceString<mlir::ModuleOp>(entry.text, module.getContext(), entry.symbol);
  attn::MonoidOp monoid = *parsed->getOps<attn::MonoidOp>().begin();
  monoid->remove();
  module.push_back(monoid);
  return monoid;
}

} // namespace attile::irgen
