// Several score streams into one fold, and separate weights for the sum and the output.
// RUN: attile-opt %s > %t
// RUN: attile-opt %t | diff %t -
// RUN: attile-opt %s -mlir-print-op-generic | attile-opt | diff %t -
// RUN: FileCheck %s < %t

!operand = tensor<?x?x?x64xf16>
!scores = tensor<?x?x?x?xf32>
!row = tensor<?xf32>
!tile = tensor<?x?xf32>

// ---- differential attention: softmax(q1 k1) v - lambda softmax(q2 k2) v, in one pass over the keys ----

// CHECK-LABEL: attn.monoid @difference
attn.monoid @difference
    fields [#attn.field<m1 : row gauge>, #attn.field<l1 : row sum>, #attn.field<o1 : row_dv sum>,
            #attn.field<m2 : row gauge>, #attn.field<l2 : row sum>, #attn.field<o2 : row_dv sum>]
    outputs [#attn.output<o : row_dv>]
identity {
  %ninf = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  attn.yield %ninf, %zero, %zero, %ninf, %zero, %zero : f32, f32, f32, f32, f32, f32
} lift {
^bb0(%s1: f32, %s2: f32, %v: f32):
  %one = arith.constant 1.0 : f32
  attn.yield %s1, %one, %v, %s2, %one, %v : f32, f32, f32, f32, f32, f32
} merge {
^bb0(%am1: f32, %al1: f32, %ao1: f32, %am2: f32, %al2: f32, %ao2: f32,
     %bm1: f32, %bl1: f32, %bo1: f32, %bm2: f32, %bl2: f32, %bo2: f32):
  %m1 = arith.maximumf %am1, %bm1 : f32
  %m2 = arith.maximumf %am2, %bm2 : f32
  %da1 = arith.subf %am1, %m1 : f32
  %db1 = arith.subf %bm1, %m1 : f32
  %da2 = arith.subf %am2, %m2 : f32
  %db2 = arith.subf %bm2, %m2 : f32
  %ea1 = math.exp %da1 : f32
  %eb1 = math.exp %db1 : f32
  %ea2 = math.exp %da2 : f32
  %eb2 = math.exp %db2 : f32
  %l1a = arith.mulf %al1, %ea1 : f32
  %l1 = math.fma %bl1, %eb1, %l1a : f32
  %o1a = arith.mulf %ao1, %ea1 : f32
  %o1 = math.fma %bo1, %eb1, %o1a : f32
  %l2a = arith.mulf %al2, %ea2 : f32
  %l2 = math.fma %bl2, %eb2, %l2a : f32
  %o2a = arith.mulf %ao2, %ea2 : f32
  %o2 = math.fma %bo2, %eb2, %o2a : f32
  attn.yield %m1, %l1, %o1, %m2, %l2, %o2 : f32, f32, f32, f32, f32, f32
} finalize {
^bb0(%m1: f32, %l1: f32, %o1: f32, %m2: f32, %l2: f32, %o2: f32):
  %lambda = arith.constant 0.8 : f32
  %p1 = arith.divf %o1, %l1 : f32
  %p2 = arith.divf %o2, %l2 : f32
  %scaled = arith.mulf %lambda, %p2 : f32
  %o = arith.subf %p1, %scaled : f32
  attn.yield %o : f32
}

// CHECK-LABEL: attn.kernel @differential
attn.kernel @differential(%q1: !operand {attn.name = "q1", attn.role = "input"}, %q2: !operand {attn.name = "q2", attn.role = "input"},
                          %k1: !operand {attn.name = "k1", attn.role = "input"}, %k2: !operand {attn.name = "k2", attn.role = "input"},
                          %v: tensor<?x?x?x128xf16> {attn.name = "v", attn.role = "input"})
    -> (tensor<?x?x?x128xf16> {attn.name = "o"}) {
  // CHECK: attn.fold @difference queries(%q1, %q2 : {{.*}}) keys(%k1, %k2 : {{.*}}) values(%v : {{.*}})
  // CHECK-NEXT: ^bb0(%s0: f32, %s1: f32, %b: i64, %h: i64, %kv_h: i64, %q: i64, %k: i64):
  %o = attn.fold @difference queries(%q1, %q2 : !operand, !operand) keys(%k1, %k2 : !operand, !operand)
      values(%v : tensor<?x?x?x128xf16>) outputs ["o"]
  score {
  ^bb0(%s1: f32, %s2: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %c = arith.constant 0.125 : f32
    %t1 = arith.mulf %s1, %c : f32
    %t2 = arith.mulf %s2, %c : f32
    attn.yield %t1, %t2 : f32, f32
  } step {
  ^bb0(%m1: !row, %l1: !row, %o1: !tile, %m2: !row, %l2: !row, %o2: !tile,
       %s1: !tile, %s2: !tile, %visible: tensor<?x?xi1>, %v_tile: !tile):
    // Scores bounded by construction keep the gauge that they started with.
    %p1 = attn.map %s1, %m1 {
    ^bb0(%x: f32, %m: f32):
      %d = arith.subf %x, %m : f32
      %e = math.exp %d : f32
      attn.yield %e : f32
    } : !tile, !row -> !tile
    %p2 = attn.map %s2, %m2 {
    ^bb0(%x: f32, %m: f32):
      %d = arith.subf %x, %m : f32
      %e = math.exp %d : f32
      attn.yield %e : f32
    } : !tile, !row -> !tile
    %sum1 = attn.row_reduce %p1 identity 0.0 {
    ^bb0(%x: f32, %y: f32):
      %z = arith.addf %x, %y : f32
      attn.yield %z : f32
    } : !tile -> !row
    %sum2 = attn.row_reduce %p2 identity 0.0 {
    ^bb0(%x: f32, %y: f32):
      %z = arith.addf %x, %y : f32
      attn.yield %z : f32
    } : !tile -> !row
    %l1_new = arith.addf %l1, %sum1 : !row
    %l2_new = arith.addf %l2, %sum2 : !row
    %o1_new = attn.contract %p1, %v_tile, %o1 : !tile, !tile, !tile -> !tile
    %o2_new = attn.contract %p2, %v_tile, %o2 : !tile, !tile, !tile -> !tile
    attn.yield %m1, %l1_new, %o1_new, %m2, %l2_new, %o2_new : !row, !row, !tile, !row, !row, !tile
  } -> tensor<?x?x?x128xf16>
  attn.return %o : tensor<?x?x?x128xf16>
}

// ---- dropout: a dropped key leaves o, not l --------------------------------------------------------

// CHECK-LABEL: attn.monoid @dropout
// CHECK: lift
// CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32):
attn.monoid @dropout
    fields [#attn.field<l : row sum>, #attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity {
  %zero = arith.constant 0.0 : f32
  attn.yield %zero, %zero : f32, f32
} lift {
^bb0(%s: f32, %keep: f32, %v: f32):
  %l = math.exp %s : f32
  %w = arith.mulf %l, %keep : f32
  %o = arith.mulf %w, %v : f32
  attn.yield %l, %o : f32, f32
} merge {
^bb0(%al: f32, %ao: f32, %bl: f32, %bo: f32):
  %l = arith.addf %al, %bl : f32
  %o = arith.addf %ao, %bo : f32
  attn.yield %l, %o : f32, f32
} finalize {
^bb0(%l: f32, %o: f32):
  %r = arith.divf %o, %l : f32
  attn.yield %r : f32
}

// CHECK-LABEL: attn.kernel @with_dropout
attn.kernel @with_dropout(%q: !operand {attn.name = "q", attn.role = "input"}, %k: !operand {attn.name = "k", attn.role = "input"},
                          %v: !operand {attn.name = "v", attn.role = "input"},
                          %kept: tensor<?x?xi8> {attn.name = "kept", attn.role = "param", attn.dims = ["q_len", "kv_len"]})
    -> (!operand {attn.name = "o"}, !operand {attn.name = "fused"}) {
  %s = attn.scores %q, %k : !operand, !operand -> !scores
  // CHECK: %[[KEEP:.*]] = attn.modify %s
  %keep = attn.modify %s {
  ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %zero = arith.constant 0.0 : f32
    %weight = arith.constant 1.25 : f32
    %see = attn.lookup %kept[%qi, %ki] : tensor<?x?xi8> -> i1
    %w = arith.select %see, %weight, %zero : f32
    attn.yield %w : f32
  } : !scores -> !scores
  // CHECK: attn.reduce @dropout scores(%s, %[[KEEP]] :
  %o = attn.reduce @dropout scores(%s, %keep : !scores, !scores) values(%v : !operand) outputs ["o"] -> !operand
  // CHECK: attn.fold @dropout
  %fused = attn.fold @dropout queries(%q : !operand) keys(%k : !operand) values(%v : !operand) outputs ["o"]
  score {
  ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %zero = arith.constant 0.0 : f32
    %weight = arith.constant 1.25 : f32
    %see = attn.lookup %kept[%qi, %ki] : tensor<?x?xi8> -> i1
    %w = arith.select %see, %weight, %zero : f32
    attn.yield %x, %w : f32, f32
  } step {
  // CHECK: step
  // CHECK-NEXT: ^bb0(%{{.*}}: tensor<?xf32>, %{{.*}}: tensor<?x?xf32>, %{{.*}}: tensor<?x?xf32>, %[[W:.*]]: tensor<?x?xf32>, %{{.*}}: tensor<?x?xi1>, %{{.*}}: tensor<?x?xf32>):
  ^bb0(%l: !row, %o_acc: !tile, %s_tile: !tile, %w_tile: !tile, %visible: tensor<?x?xi1>, %v_tile: !tile):
    %p = math.exp %s_tile : !tile
    %p_sum = attn.row_reduce %p identity 0.0 {
    ^bb0(%x: f32, %y: f32):
      %z = arith.addf %x, %y : f32
      attn.yield %z : f32
    } : !tile -> !row
    %l_new = arith.addf %l, %p_sum : !row
    // CHECK: %[[PO:.*]] = arith.mulf %{{.*}}, %[[W]]
    // CHECK: attn.contract %[[PO]]
    %p_o = arith.mulf %p, %w_tile : !tile
    %o_new = attn.contract %p_o, %v_tile, %o_acc : !tile, !tile, !tile -> !tile
    attn.yield %l_new, %o_new : !row, !tile
  } -> !operand
  attn.return %o, %fused : !operand, !operand
}
