// Scans: monoids with matrix fields, whose prefix each position reads.
// RUN: attile-opt %s > %t
// RUN: attile-opt %t | diff %t -
// RUN: attile-opt %s -mlir-print-op-generic | attile-opt | diff %t -
// RUN: FileCheck %s < %t

!operand = tensor<?x?x?x64xbf16>
!row = tensor<?xf32>
!matrix = tensor<?x?xf32>

// ---- delta rule: S_t = (I - beta k k^T) S_{t-1} + beta k v^T ; the merge multiplies matrices ----------

// CHECK-LABEL: attn.monoid @delta_rule fields [#attn.field<a : dk_dk sum>, #attn.field<s : dk_dv sum>]
attn.monoid @delta_rule
    fields [#attn.field<a : dk_dk sum>, #attn.field<s : dk_dv sum>]
    outputs [#attn.output<s : dk_dv>]
identity {
  // CHECK: attn.diagonal %{{.*}} : f32 -> tensor<?x?xf32>
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0.0 : f32
  %a = attn.diagonal %one : f32 -> !matrix
  %s = attn.diagonal %zero : f32 -> !matrix
  attn.yield %a, %s : !matrix, !matrix
} lift {
^bb0(%k: !row, %v: !row, %beta: f32):
  // CHECK: attn.outer
  %kk = attn.outer %k, %k : !row, !row -> !matrix
  %kv = attn.outer %k, %v : !row, !row -> !matrix
  %one = arith.constant 1.0 : f32
  %i = attn.diagonal %one : f32 -> !matrix
  %a = attn.map %i, %kk {
  ^bb0(%x: f32, %y: f32):
    %z = arith.mulf %beta, %y : f32
    %w = arith.subf %x, %z : f32
    attn.yield %w : f32
  } : !matrix, !matrix -> !matrix
  %s = attn.map %kv {
  ^bb0(%x: f32):
    %y = arith.mulf %beta, %x : f32
    attn.yield %y : f32
  } : !matrix -> !matrix
  attn.yield %a, %s : !matrix, !matrix
} merge {
^bb0(%a1: !matrix, %s1: !matrix, %a2: !matrix, %s2: !matrix):
  // CHECK: attn.matmul %b_a, %a_a
  // CHECK: attn.matmul %b_a, %a_s
  %a = attn.matmul %a2, %a1 : !matrix, !matrix -> !matrix
  %carried = attn.matmul %a2, %s1 : !matrix, !matrix -> !matrix
  %s = arith.addf %carried, %s2 : !matrix
  attn.yield %a, %s : !matrix, !matrix
} finalize {
^bb0(%a: !matrix, %s: !matrix):
  attn.yield %s : !matrix
}

// The state goes in and comes out: one call per chunk of a long sequence, one per token when decoding.
// CHECK-LABEL: attn.kernel @delta_net
attn.kernel @delta_net(%q: !operand {attn.name = "q", attn.role = "input"}, %k: !operand {attn.name = "k", attn.role = "input"},
                       %v: !operand {attn.name = "v", attn.role = "input"},
                       %beta: tensor<?x?x?xf32> {attn.name = "beta", attn.role = "input"},
                       %a0: tensor<?x?x64x64xf32> {attn.name = "a0", attn.role = "input"},
                       %s0: tensor<?x?x64x64xf32> {attn.name = "s0", attn.role = "input"})
    -> (!operand {attn.name = "o"}, tensor<?x?x64x64xf32> {attn.name = "a"}, tensor<?x?x64x64xf32> {attn.name = "s"}) {
  // CHECK: attn.scan @delta_rule(%q, %k, %v : {{.*}}) extras(%beta : {{.*}}) initial(%a0, %s0 : {{.*}}) read {
  // CHECK: attn.vecmat
  %o, %a, %s = attn.scan @delta_rule(%q, %k, %v : !operand, !operand, !operand) extras(%beta : tensor<?x?x?xf32>)
      initial(%a0, %s0 : tensor<?x?x64x64xf32>, tensor<?x?x64x64xf32>)
  read {
  ^bb0(%q_row: !row, %a_t: !matrix, %s_t: !matrix):
    %r = attn.vecmat %q_row, %s_t : !row, !matrix -> !row
    attn.yield %r : !row
  } -> !operand, tensor<?x?x64x64xf32>, tensor<?x?x64x64xf32>
  attn.return %o, %a, %s : !operand, tensor<?x?x64x64xf32>, tensor<?x?x64x64xf32>
}

// ---- gated linear attention: a decay per channel of the key, in logarithms ---------------------------

// CHECK-LABEL: attn.monoid @gated
attn.monoid @gated
    fields [#attn.field<a : dk_dk sum>, #attn.field<s : dk_dv sum>] outputs []
identity {
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0.0 : f32
  %a = attn.diagonal %one : f32 -> !matrix
  %s = attn.diagonal %zero : f32 -> !matrix
  attn.yield %a, %s : !matrix, !matrix
} lift {
^bb0(%k: !row, %v: !row, %log_decay: !row):
  %decay = math.exp %log_decay : !row
  // CHECK: attn.diagonal %{{.*}} : tensor<?xf32> -> tensor<?x?xf32>
  %a = attn.diagonal %decay : !row -> !matrix
  %s = attn.outer %k, %v : !row, !row -> !matrix
  attn.yield %a, %s : !matrix, !matrix
} merge {
^bb0(%a1: !matrix, %s1: !matrix, %a2: !matrix, %s2: !matrix):
  %a = attn.matmul %a2, %a1 : !matrix, !matrix -> !matrix
  %carried = attn.matmul %a2, %s1 : !matrix, !matrix -> !matrix
  %s = arith.addf %carried, %s2 : !matrix
  attn.yield %a, %s : !matrix, !matrix
} finalize {
^bb0(%a: !matrix, %s: !matrix):
  attn.yield
}

// CHECK-LABEL: attn.kernel @gla
attn.kernel @gla(%q: !operand {attn.name = "q", attn.role = "input"}, %k: !operand {attn.name = "k", attn.role = "input"},
                 %v: !operand {attn.name = "v", attn.role = "input"},
                 %g: tensor<?x?x?x64xf32> {attn.name = "g", attn.role = "input"}) -> (!operand {attn.name = "o"}) {
  // CHECK: attn.scan @gated(%q, %k, %v : {{.*}}) extras(%g : tensor<?x?x?x64xf32>) read {
  %o = attn.scan @gated(%q, %k, %v : !operand, !operand, !operand) extras(%g : tensor<?x?x?x64xf32>)
  read {
  ^bb0(%q_row: !row, %a_t: !matrix, %s_t: !matrix):
    %r = attn.vecmat %q_row, %s_t : !row, !matrix -> !row
    attn.yield %r : !row
  } -> !operand
  attn.return %o : !operand
}

// ---- mLSTM-like: an exponential gate, its running maximum a gauge per head ---------------------------

// CHECK-LABEL: attn.monoid @mlstm fields [#attn.field<m : scalar gauge>, #attn.field<f : scalar gauge>, #attn.field<s : dk_dv sum>]
attn.monoid @mlstm
    fields [#attn.field<m : scalar gauge>, #attn.field<f : scalar gauge>, #attn.field<s : dk_dv sum>] outputs []
identity {
  %ninf = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %s = attn.diagonal %zero : f32 -> !matrix
  attn.yield %ninf, %zero, %s : f32, f32, !matrix
} lift {
^bb0(%k: !row, %v: !row, %in: f32, %forget: f32):
  %s = attn.outer %k, %v : !row, !row -> !matrix
  attn.yield %in, %forget, %s : f32, f32, !matrix
} merge {
^bb0(%am: f32, %af: f32, %as: !matrix, %bm: f32, %bf: f32, %bs: !matrix):
  %f = arith.addf %af, %bf : f32
  %carried = arith.addf %am, %bf : f32
  %m = arith.maximumf %carried, %bm : f32
  %da = arith.subf %carried, %m : f32
  %db = arith.subf %bm, %m : f32
  %ea = math.exp %da : f32
  %eb = math.exp %db : f32
  %s = attn.map %as, %bs {
  ^bb0(%x: f32, %y: f32):
    %sx = arith.mulf %x, %ea : f32
    %sum = math.fma %y, %eb, %sx : f32
    attn.yield %sum : f32
  } : !matrix, !matrix -> !matrix
  attn.yield %m, %f, %s : f32, f32, !matrix
} finalize {
^bb0(%m: f32, %f: f32, %s: !matrix):
  attn.yield
}
