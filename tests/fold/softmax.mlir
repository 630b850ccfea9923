// RUN: attile-opt %s --fuse-fold --split-input-file | FileCheck %s
// The step is read off the monoid's regions: change a region here and it changes.

attn.monoid @softmax fields [#attn.field<m : row gauge>, #attn.field<l : row sum>, #attn.field<o : row_dv sum>]
  outputs [#attn.output<o : row_dv>, #attn.output<lse : row>]
identity {
  %m = arith.constant 0xFF800000 : f32
  %z = arith.constant 0.0 : f32
  attn.yield %m, %z, %z : f32, f32, f32
} lift {
^bb0(%s: f32, %v: f32):
  %one = arith.constant 1.0 : f32
  attn.yield %s, %one, %v : f32, f32, f32
} merge {
^bb0(%am: f32, %al: f32, %ao: f32, %bm: f32, %bl: f32, %bo: f32):
  %m = arith.maximumf %am, %bm : f32
  %da = arith.subf %am, %m : f32
  %ea = math.exp %da : f32
  %db = arith.subf %bm, %m : f32
  %eb = math.exp %db : f32
  %la = arith.mulf %al, %ea : f32
  %lb = arith.mulf %bl, %eb : f32
  %l = arith.addf %la, %lb : f32
  %oa = arith.mulf %ao, %ea : f32
  %ob = arith.mulf %bo, %eb : f32
  %o = arith.addf %oa, %ob : f32
  attn.yield %m, %l, %o : f32, f32, f32
} finalize {
^bb0(%m: f32, %l: f32, %o: f32):
  %r = arith.divf %o, %l : f32
  %log = math.log %l : f32
  %lse = arith.addf %m, %log : f32
  attn.yield %r, %lse : f32, f32
}

// The chain of two modifications and two masks, with a sink.
// CHECK-LABEL: attn.kernel @variant
attn.kernel @variant(%q: tensor<?x?x?x64xf32> {attn.name = "q", attn.role = "input"},
                     %k: tensor<?x?x?x64xf32> {attn.name = "k", attn.role = "input"},
                     %v: tensor<?x?x?x32xf32> {attn.name = "v", attn.role = "input"},
                     %slope: tensor<?xf32> {attn.name = "slope", attn.role = "param", attn.dims = ["heads"]})
    -> (tensor<?x?x?x32xf32> {attn.name = "o"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
  // CHECK-NOT: attn.{{scores|modify|mask|reduce}}
  // CHECK: attn.fold @softmax queries(%{{.*}} : tensor<?x?x?x64xf32>) keys(%{{.*}}) values(%{{.*}}) outputs ["o", "lse"]
  %s = attn.scores %q, %k : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32> -> tensor<?x?x?x?xf32>
  // CHECK-SAME: score {
  // CHECK-NEXT: ^bb0(%[[S:.*]]: f32, %{{.*}}: i64, %[[H:.*]]: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64):
  // CHECK: %[[X:.*]] = arith.mulf %[[S]]
  // CHECK: %[[A:.*]] = attn.lookup %{{.*}}[%[[H]]]
  // CHECK: %[[Y:.*]] = arith.subf %[[X]], %[[A]]
  // CHECK: attn.yield %[[Y]] : f32
  %t = attn.modify %s {
  ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %scale = arith.constant 0.125 : f32
    %y = arith.mulf %x, %scale : f32
    attn.yield %y : f32
  } : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
  %u = attn.modify %t {
  ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %a = attn.lookup %slope[%h] : tensor<?xf32> -> f32
    %y = arith.subf %x, %a : f32
    attn.yield %y : f32
  } : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
  // CHECK: mask {
  // CHECK: %[[C0:.*]] = arith.cmpi sle
  // CHECK: %[[C1:.*]] = arith.cmpi sge
  // CHECK: %[[C:.*]] = arith.andi %[[C0]], %[[C1]]
  // CHECK: attn.yield %[[C]] : i1
  %causal = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %c = arith.cmpi sle, %ki, %qi : i64
    attn.yield %c : i1
  } : tensor<?x?x?x?xi1>
  %near = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %w = arith.constant 100 : i64
    %lo = arith.subi %qi, %w : i64
    %c = arith.cmpi sge, %ki, %lo : i64
    attn.yield %c : i1
  } : tensor<?x?x?x?xi1>
  // CHECK: sink {
  // CHECK: attn.lookup
  // CHECK: step {
  // CHECK-NEXT: ^bb0(%[[M:.*]]: tensor<?xf32>, %[[L:.*]]: tensor<?xf32>, %[[O:.*]]: tensor<?x?xf32>, %[[T:.*]]: tensor<?x?xf32>, %[[VIS:.*]]: tensor<?x?xi1>, %[[V:.*]]: tensor<?x?xf32>):
  // CHECK: %[[G:.*]] = attn.map %[[T]], %[[VIS]] {
  // CHECK: arith.select
  // CHECK: %[[GT:.*]] = attn.row_reduce %[[G]] identity 0xFF800000
  // CHECK: arith.maximumf
  // CHECK: %[[M1:.*]] = attn.map %[[M]], %[[GT]]
  // CHECK: arith.maximumf
  // No difference of infinities: the reference of an empty row is 0.
  // CHECK: %[[REF:.*]] = attn.map %[[M1]]
  // CHECK: arith.cmpf oeq
  // CHECK: arith.select
  // exp(-inf - x) = 0: neither the old state nor a masked key needs a guard of its own.
  // CHECK: %[[ALPHA:.*]] = attn.map %[[M]], %[[REF]] {
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: arith.subf
  // CHECK-NEXT: math.exp
  // CHECK-NEXT: attn.yield
  // CHECK: %[[P:.*]] = attn.map %[[G]], %[[REF]] {
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: arith.subf
  // CHECK-NEXT: math.exp
  // CHECK-NEXT: attn.yield
  // CHECK: %[[LT:.*]] = attn.row_reduce %[[P]] identity 0.0
  // CHECK: %[[L1:.*]] = attn.map %[[L]], %[[ALPHA]], %[[LT]]
  // CHECK: %[[OA:.*]] = attn.map %[[O]], %[[ALPHA]]
  // One map serves the sum and the output.
  // CHECK-NOT: attn.map
  // CHECK: %[[O1:.*]] = attn.contract %[[P]], %[[V]], %[[OA]]
  // CHECK-NEXT: attn.yield %[[M1]], %[[L1]], %[[O1]]
  %o, %lse = attn.reduce @softmax scores(%u : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x32xf32>)
    where(%causal, %near : tensor<?x?x?x?xi1>, tensor<?x?x?x?xi1>) outputs ["o", "lse"] sink {
  ^bb0(%b: i64, %h: i64, %kv_h: i64):
    %a = attn.lookup %slope[%h] : tensor<?xf32> -> f32
    attn.yield %a : f32
  } -> tensor<?x?x?x32xf32>, tensor<?x?x?xf32>
  attn.return %o, %lse : tensor<?x?x?x32xf32>, tensor<?x?x?xf32>
}

// Without a mask nothing is selected, and the scores themselves are the gauge.
// CHECK-LABEL: attn.kernel @full
attn.kernel @full(%q: tensor<?x?x?x64xf32> {attn.name = "q", attn.role = "input"},
                  %k: tensor<?x?x?x64xf32> {attn.name = "k", attn.role = "input"},
                  %v: tensor<?x?x?x32xf32> {attn.name = "v", attn.role = "input"}) -> (tensor<?x?x?x32xf32> {attn.name = "o"}) {
  // CHECK: step {
  // CHECK-NEXT: ^bb0(%{{.*}}, %{{.*}}, %{{.*}}, %[[T:.*]]: tensor<?x?xf32>, %[[VIS:.*]]: tensor<?x?xi1>, %{{.*}}):
  // CHECK-NEXT: attn.row_reduce %[[T]] identity
  // CHECK-NOT: %[[VIS]]
  // CHECK: attn.contract
  %s = attn.scores %q, %k : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32> -> tensor<?x?x?x?xf32>
  %o = attn.reduce @softmax scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x32xf32>) outputs ["o"] -> tensor<?x?x?x32xf32>
  attn.return %o : tensor<?x?x?x32xf32>
}
