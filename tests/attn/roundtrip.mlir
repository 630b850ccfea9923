// The naive chain and the fold form of softmax print as they are read: as text, in generic form and as bytecode.
// RUN: attile-opt %s > %t
// RUN: attile-opt %t | diff %t -
// RUN: attile-opt %s -mlir-print-op-generic | attile-opt | diff %t -
// RUN: attile-opt %s -emit-bytecode | attile-opt | diff %t -
// RUN: FileCheck %s < %t

!operand = tensor<?x?x?x128xbf16>
!scores = tensor<?x?x?x?xf32>
!visible = tensor<?x?x?x?xi1>
!tensor_row = tensor<?x?x?xf32>
!row = tensor<?xf32>
!tile = tensor<?x?xf32>

// CHECK-LABEL: attn.monoid @softmax fields [#attn.field<m : row gauge>, #attn.field<l : row sum>, #attn.field<o : row_dv sum>]
// CHECK-SAME:  outputs [#attn.output<o : row_dv>, #attn.output<lse : row>]
// CHECK:       lift
// CHECK-NEXT:  ^bb0(%s: f32, %v: f32):
// CHECK:       merge
// CHECK-NEXT:  ^bb0(%a_m: f32, %a_l: f32, %a_o: f32, %b_m: f32, %b_l: f32, %b_o: f32):
// CHECK:       finalize
// CHECK-NEXT:  ^bb0(%m: f32, %l: f32, %o: f32):
attn.monoid @softmax
    fields [#attn.field<m : row gauge>, #attn.field<l : row sum>, #attn.field<o : row_dv sum>]
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
^bb0(%am: f32, %al: f32, %ao: f32, %bm: f32, %bl: f32, %bo: f32):
  %m = arith.maximumf %am, %bm : f32
  %da = arith.subf %am, %m : f32
  %db = arith.subf %bm, %m : f32
  %ea = math.exp %da : f32
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
  %ln = math.log %l : f32
  %lse = arith.addf %m, %ln : f32
  attn.yield %r, %lse : f32, f32
}

// Hooks on q, k, v and the output; sliding window; block table; ALiBi from a captured tensor; a sink per head.
// CHECK-LABEL: attn.kernel @naive(%q: tensor<?x?x?x128xbf16> {attn.name = "q", attn.role = "input"}
// CHECK-SAME:  %window: i64 {attn.default = 4096 : i64, attn.name = "window", attn.role = "param"}
// CHECK-SAME:  -> (tensor<?x?x?x128xbf16> {attn.name = "o"}, tensor<?x?x?xf32> {attn.name = "lse"})
attn.kernel @naive(%q: !operand {attn.name = "q", attn.role = "input"}, %k: !operand {attn.name = "k", attn.role = "input"},
                   %v: !operand {attn.name = "v", attn.role = "input"},
                   %window: i64 {attn.name = "window", attn.role = "param", attn.default = 4096 : i64},
                   %slope: tensor<?xf32> {attn.name = "slope", attn.role = "param", attn.dims = ["heads"]},
                   %blocks: tensor<?x?x?xi32> {attn.name = "blocks", attn.role = "param", attn.dims = ["batch", "_", 16 : i64]},
                   %sink: tensor<?xbf16> {attn.name = "sink", attn.role = "param", attn.dims = ["heads"]})
    -> (!operand {attn.name = "o"}, !tensor_row {attn.name = "lse"}) {
  // CHECK: attn.transform %q
  // CHECK-NEXT: ^bb0(%x: f32, %b: i64, %h: i64, %i: i64, %c: i64):
  %q2 = attn.transform %q {
  ^bb0(%x: f32, %b: i64, %h: i64, %i: i64, %c: i64):
    %y = math.tanh %x : f32
    attn.yield %y : f32
  } : !operand -> !operand
  // CHECK: attn.transform %k
  %k2 = attn.transform %k {
  ^bb0(%x: f32, %b: i64, %h: i64, %i: i64, %c: i64):
    %y = math.tanh %x : f32
    attn.yield %y : f32
  } : !operand -> !operand
  // CHECK: attn.transform %v
  %v2 = attn.transform %v {
  ^bb0(%x: f32, %b: i64, %h: i64, %i: i64, %c: i64):
    %y = arith.mulf %x, %x : f32
    attn.yield %y : f32
  } : !operand -> !operand
  // CHECK: %s = attn.scores
  %s = attn.scores %q2, %k2 : !operand, !operand -> !scores
  // CHECK: attn.modify %s
  // CHECK-NEXT: ^bb0(%s_{{[0-9]+}}: f32, %b: i64, %h: i64, %kv_h: i64, %q_{{[0-9]+}}: i64, %k_{{[0-9]+}}: i64):
  // CHECK: %kv_len = attn.size "kv_len"
  // CHECK: attn.lookup %slope[%h] : tensor<?xf32> -> f32
  // CHECK: attn.floordiv
  // CHECK: attn.floormod
  %t = attn.modify %s {
  ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %kv_len = attn.size "kv_len"
    %q_len = attn.size "q_len"
    %slope_h = attn.lookup %slope[%h] : tensor<?xf32> -> f32
    %shift = arith.subi %kv_len, %q_len : i64
    %pos = arith.addi %qi, %shift : i64
    %d = arith.subi %pos, %ki : i64
    %dq = attn.floordiv %d, %kv_len
    %dm = attn.floormod %dq, %kv_len
    %df = arith.sitofp %dm : i64 to f32
    %bias = arith.mulf %slope_h, %df : f32
    %y = arith.addf %x, %bias : f32
    attn.yield %y : f32
  } : !scores -> !scores
  // CHECK: %visible = attn.mask
  // CHECK-NEXT: ^bb0(%b: i64, %h: i64, %kv_h: i64, %q_{{[0-9]+}}: i64, %k_{{[0-9]+}}: i64):
  %near = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %d = arith.subi %qi, %ki : i64
    %y = arith.cmpi slt, %d, %window : i64
    attn.yield %y : i1
  } : !visible
  // CHECK: attn.block_table %blocks q_block = 64 k_block = 128
  // CHECK-NEXT: ^bb0(%b: i64, %h: i64, %kv_h: i64, %qb: i64):
  %listed = attn.block_table %blocks q_block = 64 k_block = 128 {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qb: i64):
    attn.yield %b, %qb : i64, i64
  } : tensor<?x?x?xi32> -> !visible
  // CHECK: %o, %lse = attn.reduce @softmax scores({{.*}}) values({{.*}}) where(%visible, %visible_{{[0-9]+}} : {{.*}}) outputs ["o", "lse"] sink {
  // CHECK-NEXT: ^bb0(%b: i64, %h: i64, %kv_h: i64):
  %o, %lse = attn.reduce @softmax scores(%t : !scores) values(%v2 : !operand)
      where(%near, %listed : !visible, !visible) outputs ["o", "lse"]
  sink {
  ^bb0(%b: i64, %h: i64, %kv_h: i64):
    %x = attn.lookup %sink[%h] : tensor<?xbf16> -> f32
    attn.yield %x : f32
  } -> !operand, !tensor_row
  // CHECK: attn.transform %o
  %o2 = attn.transform %o {
  ^bb0(%x: f32, %b: i64, %h: i64, %i: i64, %c: i64):
    %y = arith.negf %x : f32
    attn.yield %y : f32
  } : !operand -> !operand
  // CHECK: attn.return
  attn.return %o2, %lse : !operand, !tensor_row
}

// CHECK-LABEL: attn.kernel @fused
attn.kernel @fused(%q: !operand {attn.name = "q", attn.role = "input"}, %k: !operand {attn.name = "k", attn.role = "input"},
                   %v: !operand {attn.name = "v", attn.role = "input"},
                   %blocks: tensor<?x?x?xi32> {attn.name = "blocks", attn.role = "param", attn.dims = ["batch", "_", "_"]})
    -> (!operand {attn.name = "o"}) {
  // CHECK: %o = attn.fold @softmax queries(%q : {{.*}}) keys(%k : {{.*}}) values(%v : {{.*}}) table(%blocks : {{.*}}) outputs ["o"]
  // CHECK-SAME: attributes {k_block = 128 : i64, q_block = 64 : i64} score {
  // CHECK: mask {
  // CHECK: blocks {
  // CHECK: sink {
  // CHECK: step {
  // CHECK: attn.row_reduce {{.*}} identity 0xFF800000
  // CHECK: attn.contract
  %o = attn.fold @softmax queries(%q : !operand) keys(%k : !operand) values(%v : !operand)
      table(%blocks : tensor<?x?x?xi32>) outputs ["o"] attributes {q_block = 64 : i64, k_block = 128 : i64}
  score {
  ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %c = arith.constant 0.125 : f32
    %t = arith.mulf %s, %c : f32
    attn.yield %t : f32
  } mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64):
    %y = arith.cmpi sle, %ki, %qi : i64
    attn.yield %y : i1
  } blocks {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qb: i64):
    attn.yield %b, %qb : i64, i64
  } sink {
  ^bb0(%b: i64, %h: i64, %kv_h: i64):
    %zero = arith.constant 0.0 : f32
    attn.yield %zero : f32
  } step {
  ^bb0(%m: !row, %l: !row, %o: !tile, %s: !tile, %visible: tensor<?x?xi1>, %v_tile: !tile):
    %ninf = arith.constant 0xFF800000 : f32
    %masked = attn.map %s, %visible {
    ^bb0(%x: f32, %see: i1):
      %y = arith.select %see, %x, %ninf : f32
      attn.yield %y : f32
    } : !tile, tensor<?x?xi1> -> !tile
    %tile_max = attn.row_reduce %masked identity 0xFF800000 {
    ^bb0(%x: f32, %y: f32):
      %z = arith.maximumf %x, %y : f32
      attn.yield %z : f32
    } : !tile -> !row
    %new_m = attn.map %m, %tile_max {
    ^bb0(%x: f32, %y: f32):
      %z = arith.maximumf %x, %y : f32
      attn.yield %z : f32
    } : !row, !row -> !row
    %alpha = attn.map %m, %new_m {
    ^bb0(%x: f32, %y: f32):
      %d = arith.subf %x, %y : f32
      %e = math.exp %d : f32
      attn.yield %e : f32
    } : !row, !row -> !row
    %p = attn.map %masked, %new_m {
    ^bb0(%x: f32, %y: f32):
      %d = arith.subf %x, %y : f32
      %e = math.exp %d : f32
      attn.yield %e : f32
    } : !tile, !row -> !tile
    %tile_sum = attn.row_reduce %p identity 0.0 {
    ^bb0(%x: f32, %y: f32):
      %z = arith.addf %x, %y : f32
      attn.yield %z : f32
    } : !tile -> !row
    %new_l = attn.map %l, %alpha, %tile_sum {
    ^bb0(%x: f32, %a: f32, %y: f32):
      %z = arith.mulf %x, %a : f32
      %w = arith.addf %z, %y : f32
      attn.yield %w : f32
    } : !row, !row, !row -> !row
    %scaled = attn.map %o, %alpha {
    ^bb0(%x: f32, %a: f32):
      %z = arith.mulf %x, %a : f32
      attn.yield %z : f32
    } : !tile, !row -> !tile
    %new_o = attn.contract %p, %v_tile, %scaled : !tile, !tile, !tile -> !tile
    attn.yield %new_m, %new_l, %new_o : !row, !row, !tile
  } -> !operand
  attn.return %o : !operand
}
