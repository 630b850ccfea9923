// RUN: attile-opt %s --fuse-fold | FileCheck %s
// Steps of other monoids: no gauge, a minimum as gauge, two gauges, two vectors with weights of their own.

// ---- a sum: weights are the lifted scores, masked element by element ---------------------------------
attn.monoid @sigmoid fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift {
^bb0(%s: f32, %v: f32):
  %one = arith.constant 1.0 : f32
  %n = arith.negf %s : f32
  %e = math.exp %n : f32
  %d = arith.addf %e, %one : f32
  %p = arith.divf %one, %d : f32
  %r = arith.mulf %p, %v : f32
  attn.yield %r : f32
} merge {
^bb0(%a: f32, %b: f32):
  %0 = arith.addf %a, %b : f32
  attn.yield %0 : f32
} finalize { ^bb0(%o: f32):  attn.yield %o : f32 }

// CHECK-LABEL: attn.kernel @pointwise
// CHECK: step {
// CHECK-NEXT: ^bb0(%[[O:.*]]: tensor<?x?xf32>, %[[S:.*]]: tensor<?x?xf32>, %[[VIS:.*]]: tensor<?x?xi1>, %[[V:.*]]: tensor<?x?xf32>):
// CHECK-NEXT: %[[P:.*]] = attn.map %[[S]], %[[VIS]] {
// CHECK: math.exp
// CHECK: arith.divf
// CHECK: arith.select
// CHECK-NOT: attn.map
// CHECK: %[[NEW:.*]] = attn.contract %[[P]], %[[V]], %[[O]]
// CHECK-NEXT: attn.yield %[[NEW]]
attn.kernel @pointwise(%q: tensor<?x?x?x64xf32> {attn.name = "q", attn.role = "input"},
                       %k: tensor<?x?x?x64xf32> {attn.name = "k", attn.role = "input"},
                       %v: tensor<?x?x?x32xf32> {attn.name = "v", attn.role = "input"}) -> (tensor<?x?x?x32xf32> {attn.name = "o"}) {
  %s = attn.scores %q, %k : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32> -> tensor<?x?x?x?xf32>
  %near = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %c = arith.cmpi sle, %ki, %qi : i64
    attn.yield %c : i1
  } : tensor<?x?x?x?xi1>
  %o = attn.reduce @sigmoid scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x32xf32>) where(%near : tensor<?x?x?x?xi1>) outputs ["o"] -> tensor<?x?x?x32xf32>
  attn.return %o : tensor<?x?x?x32xf32>
}

// ---- a minimum as gauge, sums written the other way round ----------------------------------------------
attn.monoid @softmin fields [#attn.field<m : row gauge>, #attn.field<l : row sum>, #attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity {
  %m = arith.constant 0x7F800000 : f32
  %z = arith.constant 0.0 : f32
  attn.yield %m, %z, %z : f32, f32, f32
} lift {
^bb0(%s: f32, %v: f32):
  %one = arith.constant 1.0 : f32
  attn.yield %s, %one, %v : f32, f32, f32
} merge {
^bb0(%am: f32, %al: f32, %ao: f32, %bm: f32, %bl: f32, %bo: f32):
  %m = arith.minimumf %bm, %am : f32
  %da = arith.subf %m, %am : f32
  %ea = math.exp %da : f32
  %db = arith.subf %m, %bm : f32
  %eb = math.exp %db : f32
  %la = arith.mulf %ea, %al : f32
  %lb = arith.mulf %bl, %eb : f32
  %l = arith.addf %lb, %la : f32
  %oa = arith.mulf %ao, %ea : f32
  %ob = arith.mulf %eb, %bo : f32
  %o = arith.addf %oa, %ob : f32
  attn.yield %m, %l, %o : f32, f32, f32
} finalize {
^bb0(%m: f32, %l: f32, %o: f32):
  %r = arith.divf %o, %l : f32
  attn.yield %r : f32
}

// CHECK-LABEL: attn.kernel @least
// CHECK: step {
// CHECK-NEXT: ^bb0(%[[M:.*]]: tensor<?xf32>, %{{.*}}: tensor<?xf32>, %{{.*}}: tensor<?x?xf32>, %[[S:.*]]: tensor<?x?xf32>,
// CHECK: attn.row_reduce %[[S]] identity 0x7F800000
// CHECK: arith.minimumf
// CHECK: attn.map %[[M]],
// CHECK: arith.minimumf
// CHECK: arith.subf %[[TO:.*]], %[[FROM:.*]] : f32
// CHECK: attn.contract
attn.kernel @least(%q: tensor<?x?x?x64xf32> {attn.name = "q", attn.role = "input"},
                   %k: tensor<?x?x?x64xf32> {attn.name = "k", attn.role = "input"},
                   %v: tensor<?x?x?x32xf32> {attn.name = "v", attn.role = "input"}) -> (tensor<?x?x?x32xf32> {attn.name = "o"}) {
  %s = attn.scores %q, %k : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32> -> tensor<?x?x?x?xf32>
  %o = attn.reduce @softmin scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x32xf32>) outputs ["o"] -> tensor<?x?x?x32xf32>
  attn.return %o : tensor<?x?x?x32xf32>
}

// ---- two gauges of two scores, two vectors: each vector has its own weights -----------------------------
attn.monoid @pair fields [#attn.field<m : row gauge>, #attn.field<g : row gauge>, #attn.field<o : row_dv sum>, #attn.field<u : row_dv sum>] outputs [#attn.output<o : row_dv>, #attn.output<u : row_dv>]
identity {
  %m = arith.constant 0xFF800000 : f32
  %z = arith.constant 0.0 : f32
  attn.yield %m, %m, %z, %z : f32, f32, f32, f32
} lift {
^bb0(%s: f32, %t: f32, %v: f32):
  %two = arith.constant 2.0 : f32
  %w = arith.mulf %v, %two : f32
  attn.yield %s, %t, %v, %w : f32, f32, f32, f32
} merge {
^bb0(%am: f32, %ag: f32, %ao: f32, %au: f32, %bm: f32, %bg: f32, %bo: f32, %bu: f32):
  %m = arith.maximumf %am, %bm : f32
  %g = arith.maxnumf %ag, %bg : f32
  %da = arith.subf %am, %m : f32
  %ea = math.exp %da : f32
  %db = arith.subf %bm, %m : f32
  %eb = math.exp %db : f32
  %ca = arith.subf %ag, %g : f32
  %fa = math.exp2 %ca : f32
  %cb = arith.subf %bg, %g : f32
  %fb = math.exp2 %cb : f32
  %oa = arith.mulf %ao, %ea : f32
  %ob = arith.mulf %bo, %eb : f32
  %o = arith.addf %oa, %ob : f32
  %ua = arith.mulf %au, %fa : f32
  %ub = arith.mulf %bu, %fb : f32
  %u = arith.addf %ua, %ub : f32
  attn.yield %m, %g, %o, %u : f32, f32, f32, f32
} finalize {
^bb0(%m: f32, %g: f32, %o: f32, %u: f32):
  attn.yield %o, %u : f32, f32
}

// CHECK-LABEL: attn.kernel @two
// CHECK: score {
// CHECK: attn.yield %{{.*}}, %{{.*}} : f32, f32
// CHECK: step {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<?xf32>, %{{.*}}: tensor<?xf32>, %[[O:.*]]: tensor<?x?xf32>, %[[U:.*]]: tensor<?x?xf32>, %[[S:.*]]: tensor<?x?xf32>, %[[T:.*]]: tensor<?x?xf32>,
// CHECK: attn.row_reduce %[[S]]
// CHECK: arith.maximumf
// CHECK: attn.row_reduce %[[T]]
// CHECK: arith.maxnumf
// CHECK: %[[P:.*]] = attn.map %[[S]],
// CHECK: math.exp %
// CHECK: attn.contract %[[P]],
// CHECK: %[[R:.*]] = attn.map %[[T]],
// CHECK: math.exp2 %
// CHECK: arith.mulf %{{.*}}, %{{.*}} : f32
// CHECK: attn.contract %[[R]],
attn.kernel @two(%q: tensor<?x?x?x64xf32> {attn.name = "q", attn.role = "input"},
                 %k: tensor<?x?x?x64xf32> {attn.name = "k", attn.role = "input"},
                 %v: tensor<?x?x?x32xf32> {attn.name = "v", attn.role = "input"})
    -> (tensor<?x?x?x32xf32> {attn.name = "o"}, tensor<?x?x?x32xf32> {attn.name = "u"}) {
  %s = attn.scores %q, %k : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32> -> tensor<?x?x?x?xf32>
  %t = attn.modify %s {
  ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %y = arith.mulf %x, %x : f32
    attn.yield %y : f32
  } : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
  %o, %u = attn.reduce @pair scores(%s, %t : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x32xf32>) outputs ["o", "u"] -> tensor<?x?x?x32xf32>, tensor<?x?x?x32xf32>
  attn.return %o, %u : tensor<?x?x?x32xf32>, tensor<?x?x?x32xf32>
}
