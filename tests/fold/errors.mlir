// RUN: attile-opt %s --fuse-fold --split-input-file --verify-diagnostics
// Monoids outside of the linear form, and chains that cannot be fused, are refused where the reason lies.

attn.monoid @largest fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32, %v: f32):  attn.yield %v : f32 }
merge {
^bb0(%a: f32, %b: f32):
  // expected-error @below {{merge of 'o' is not linear in a.o and b.o; write it as a.o * w(a) + b.o * w(b) with factors of the gauges}}
  %0 = arith.maximumf %a, %b : f32
  attn.yield %0 : f32
} finalize { ^bb0(%o: f32):  attn.yield %o : f32 }
attn.kernel @k(%q: tensor<?x?x?x8xf32> {attn.name = "q", attn.role = "input"}, %v: tensor<?x?x?x8xf32> {attn.name = "v", attn.role = "input"}) -> (tensor<?x?x?x8xf32> {attn.name = "o"}) {
  %s = attn.scores %q, %v : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32> -> tensor<?x?x?x?xf32>
  // expected-note @below {{fused into a loop over tiles of keys here}}
  %o = attn.reduce @largest scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x8xf32>) outputs ["o"] -> tensor<?x?x?x8xf32>
  attn.return %o : tensor<?x?x?x8xf32>
}

// -----

attn.monoid @squares fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift {
^bb0(%s: f32, %v: f32):
  // expected-error @below {{lift of 'o' is not linear in v; write it as v times a function of the score}}
  %0 = arith.mulf %v, %v : f32
  attn.yield %0 : f32
} merge { ^bb0(%a: f32, %b: f32):  %0 = arith.addf %a, %b : f32  attn.yield %0 : f32 }
finalize { ^bb0(%o: f32):  attn.yield %o : f32 }
attn.kernel @k(%q: tensor<?x?x?x8xf32> {attn.name = "q", attn.role = "input"}, %v: tensor<?x?x?x8xf32> {attn.name = "v", attn.role = "input"}) -> (tensor<?x?x?x8xf32> {attn.name = "o"}) {
  %s = attn.scores %q, %v : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32> -> tensor<?x?x?x?xf32>
  // expected-note @below {{fused into a loop over tiles of keys here}}
  %o = attn.reduce @squares scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x8xf32>) outputs ["o"] -> tensor<?x?x?x8xf32>
  attn.return %o : tensor<?x?x?x8xf32>
}

// -----

// The state that is merged is scaled by the other one's gauge.
attn.monoid @crossed fields [#attn.field<m : row gauge>, #attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity {
  %m = arith.constant 0xFF800000 : f32
  %0 = arith.constant 0.0 : f32
  attn.yield %m, %0 : f32, f32
}
lift { ^bb0(%s: f32, %v: f32):  attn.yield %s, %v : f32, f32 }
merge {
^bb0(%am: f32, %ao: f32, %bm: f32, %bo: f32):
  %m = arith.maximumf %am, %bm : f32
  %x = arith.mulf %ao, %bm : f32
  %y = arith.mulf %bo, %am : f32
  // expected-error @below {{merge of 'o' scales a.o by more than a's own gauge and the merged one; write the factor as a function of these two}}
  %o = arith.addf %x, %y : f32
  attn.yield %m, %o : f32, f32
} finalize { ^bb0(%m: f32, %o: f32):  attn.yield %o : f32 }
attn.kernel @k(%q: tensor<?x?x?x8xf32> {attn.name = "q", attn.role = "input"}, %v: tensor<?x?x?x8xf32> {attn.name = "v", attn.role = "input"}) -> (tensor<?x?x?x8xf32> {attn.name = "o"}) {
  %s = attn.scores %q, %v : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32> -> tensor<?x?x?x?xf32>
  // expected-note @below {{fused into a loop over tiles of keys here}}
  %o = attn.reduce @crossed scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x8xf32>) outputs ["o"] -> tensor<?x?x?x8xf32>
  attn.return %o : tensor<?x?x?x8xf32>
}
