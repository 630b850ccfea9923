// One case per constraint of dialect/attn/AttnOps.td, under its identifier.
// RUN: attile-opt %s -split-input-file -verify-diagnostics

// (kernel_c1)
// expected-error@+1 {{'attn.kernel' op argument 0 has no attn.name}}
attn.kernel @k(%q: tensor<?x?x?x64xf32>) { attn.return }

// -----
// (kernel_c1)
// expected-error@+1 {{two arguments are named 'q'}}
attn.kernel @k(%q: f32 {attn.name = "q", attn.role = "param"}, %p: f32 {attn.name = "q", attn.role = "param"}) { attn.return }

// -----
// (kernel_c1)
// expected-error@+1 {{result 0 has no attn.name}}
attn.kernel @k(%q: f32 {attn.name = "q", attn.role = "param"}) -> f32 { attn.return %q : f32 }

// -----
// (kernel_c2)
// expected-error@+1 {{body returns (f32), expected (f32, f32)}}
attn.kernel @k(%q: f32 {attn.name = "q", attn.role = "param"}) -> (f32 {attn.name = "a"}, f32 {attn.name = "b"}) {
  // expected-note@+1 {{returned here}}
  attn.return %q : f32
}

// -----
// (kernel_c3)
// expected-error@+1 {{argument 'q' has attn.role 'inptu', expected 'input' or 'param'}}
attn.kernel @k(%q: f32 {attn.name = "q", attn.role = "inptu"}) { attn.return }

// -----
// (kernel_c4)
// expected-error@+1 {{argument 't' of type 'tensor<?x?xf32>' has attn.dims ["heads"], expected a name or an integer per dimension of a tensor}}
attn.kernel @k(%t: tensor<?x?xf32> {attn.name = "t", attn.role = "param", attn.dims = ["heads"]}) { attn.return }

// -----
// (kernel_c5)
// expected-error@+1 {{argument 'w' of type 'i64' has attn.default 1.000000e+00 : f32, expected a scalar of this type}}
attn.kernel @k(%w: i64 {attn.name = "w", attn.role = "param", attn.default = 1.0 : f32}) { attn.return }

// -----
// (monoid_c1)
// expected-error@+1 {{identity region yields (i64), expected (f32)}}
attn.monoid @m fields [#attn.field<o : row_dv sum>] outputs []
identity {
  %0 = arith.constant 0 : i64
  // expected-note@+1 {{yielded here}}
  attn.yield %0 : i64
}
lift { ^bb0(%s: f32): attn.yield %s : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield }

// -----
// (monoid_c1)
// expected-error@+1 {{lift region yields (), expected (tensor<?x?xf32>)}}
attn.monoid @m fields [#attn.field<s : dk_dv sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  %1 = attn.diagonal %0 : f32 -> tensor<?x?xf32>  attn.yield %1 : tensor<?x?xf32> }
lift {
^bb0(%s: f32):
  // expected-note@+1 {{yielded here}}
  attn.yield
}
merge { ^bb0(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>): attn.yield %a : tensor<?x?xf32> }
finalize { ^bb0(%o: tensor<?x?xf32>): attn.yield }

// -----
// (monoid_c2)
// expected-error@+1 {{merge region takes (f32), expected (f32, f32)}}
attn.monoid @m fields [#attn.field<o : row_dv sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32): attn.yield %s : f32 }
merge { ^bb0(%a: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield }

// -----
// (monoid_c2)
// expected-error@+1 {{finalize region yields (), expected (f32)}}
attn.monoid @m fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32): attn.yield %s : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize {
^bb0(%o: f32):
  // expected-note@+1 {{yielded here}}
  attn.yield
}

// -----
// (monoid_c3)
// expected-error@+1 {{two fields are named 'o'}}
attn.monoid @m fields [#attn.field<o : row_dv sum>, #attn.field<o : row sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0, %0 : f32, f32 }
lift { ^bb0(%s: f32): attn.yield %s, %s : f32, f32 }
merge { ^bb0(%a: f32, %b: f32, %c: f32, %d: f32): attn.yield %a, %b : f32, f32 }
finalize { ^bb0(%o: f32, %p: f32): attn.yield }

// -----
// (monoid_c3)
// expected-error@+1 {{two outputs are named 'o'}}
attn.monoid @m fields [#attn.field<o : row sum>] outputs [#attn.output<o : row>, #attn.output<o : row>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32): attn.yield %s : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield %o, %o : f32, f32 }

// -----
// (monoid_c4), also through an operation
// expected-error@+1 {{merge of gauge field 'm' reads field 'l', expected gauge fields only}}
attn.monoid @m fields [#attn.field<m : row gauge>, #attn.field<l : row sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0, %0 : f32, f32 }
lift { ^bb0(%s: f32): attn.yield %s, %s : f32, f32 }
merge {
^bb0(%am: f32, %al: f32, %bm: f32, %bl: f32):
  %m = arith.maximumf %am, %bl : f32
  attn.yield %m, %al : f32, f32
}
finalize { ^bb0(%m: f32, %l: f32): attn.yield }

// -----
// an unknown kind of field
// expected-error@+2 {{expected ::attile::attn::FieldKind to be one of: scalar, row, row_dv, dk_dv, dk_dk}}
// expected-error@+1 {{failed to parse Attn_FieldAttr parameter 'kind'}}
attn.monoid @m fields [#attn.field<o : column sum>] outputs []
identity {} lift {} merge {} finalize {}

// -----
// (scores_c1)
func.func @f(%q: tensor<?x?x?x64xf32>, %k: tensor<?x?x?x64xf16>) {
  // expected-error@+1 {{query is 'f32', but key is 'f16'}}
  %s = attn.scores %q, %k : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf16> -> tensor<?x?x?x?xf32>
  return
}

// -----
// (scores_c1)
func.func @f(%q: tensor<?x?x?x64xf32>, %k: tensor<?x?x?x80xf32>) {
  // expected-error@+1 {{query has type 'tensor<?x?x?x64xf32>', but key has 'tensor<?x?x?x80xf32>'; their last dimension, the head_dim, must agree}}
  %s = attn.scores %q, %k : tensor<?x?x?x64xf32>, tensor<?x?x?x80xf32> -> tensor<?x?x?x?xf32>
  return
}

// -----
// (modify_c1)
func.func @f(%s: tensor<?x?x?x?xf32>) {
  // expected-error@+1 {{'attn.modify' op body region takes (f32, i64), expected (f32, i64, i64, i64, i64, i64)}}
  %t = attn.modify %s {
  ^bb0(%x: f32, %b: i64):
    attn.yield %x : f32
  } : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
  return
}

// -----
// (modify_c1)
func.func @f(%s: tensor<?x?x?x?xf32>) {
  // expected-error@+1 {{body region yields (i64), expected (f32)}}
  %t = attn.modify %s {
  ^bb0(%x: f32, %b: i64, %h: i64, %kv_h: i64, %q: i64, %k: i64):
    // expected-note@+1 {{yielded here}}
    attn.yield %b : i64
  } : tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32>
  return
}

// -----
// (mask_c1)
func.func @f() {
  // expected-error@+1 {{'attn.mask' op body region yields (i64), expected (i1)}}
  %t = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %q: i64, %k: i64):
    // expected-note@+1 {{yielded here}}
    attn.yield %b : i64
  } : tensor<?x?x?x?xi1>
  return
}

// -----
// (mask_c1)
func.func @f() {
  // expected-error@+1 {{body region does not end in attn.yield}}
  %t = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %q: i64, %k: i64):
    llvm.unreachable
  } : tensor<?x?x?x?xi1>
  return
}

// -----
// (block_table_c1)
func.func @f(%t: tensor<?x?xi32>) {
  // expected-error@+1 {{k_block is 0, expected a positive number}}
  %v = attn.block_table %t q_block = 64 k_block = 0 {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qb: i64):
    attn.yield %qb : i64
  } : tensor<?x?xi32> -> tensor<?x?x?x?xi1>
  return
}

// -----
// (block_table_c1)
func.func @f(%t: tensor<?x?xi32>) {
  // expected-error@+1 {{q_block is -64, expected a positive number}}
  %v = attn.block_table %t q_block = -64 k_block = 64 {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qb: i64):
    attn.yield %qb : i64
  } : tensor<?x?xi32> -> tensor<?x?x?x?xi1>
  return
}

// -----
// (block_table_c2)
func.func @f(%t: tensor<?x?x?xi32>) {
  // expected-error@+1 {{indices region yields (i64), expected (i64, i64)}}
  %v = attn.block_table %t q_block = 64 k_block = 64 {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qb: i64):
    // expected-note@+1 {{yielded here}}
    attn.yield %qb : i64
  } : tensor<?x?x?xi32> -> tensor<?x?x?x?xi1>
  return
}

// -----
// (block_table_c2)
func.func @f(%t: tensor<i32>) {
  // expected-error@+1 {{table has type 'tensor<i32>', expected a ranked tensor with a dimension of slots}}
  %v = attn.block_table %t q_block = 64 k_block = 64 {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %qb: i64):
    attn.yield
  } : tensor<i32> -> tensor<?x?x?x?xi1>
  return
}

// -----
// (transform_c1)
func.func @f(%q: tensor<?x?x?x64xf16>) {
  // expected-error@+1 {{'attn.transform' op body region takes (f16, i64, i64, i64, i64), expected (f32, i64, i64, i64, i64)}}
  %t = attn.transform %q {
  ^bb0(%x: f16, %b: i64, %h: i64, %i: i64, %c: i64):
    attn.yield %x : f16
  } : tensor<?x?x?x64xf16> -> tensor<?x?x?x64xf16>
  return
}

// -----
// (reduce_c1)
attn.kernel @not_a_monoid() { attn.return }
func.func @f(%s: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{@not_a_monoid is not an attn.monoid}}
  %o = attn.reduce @not_a_monoid scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x64xf32>) outputs ["o"] -> tensor<?x?x?x64xf32>
  return
}

// -----
// (reduce_c1)
// expected-note@+1 {{defined here}}
attn.monoid @sum fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32, %v: f32): attn.yield %v : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield %o : f32 }
func.func @f(%s: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{has 2 scores and 1 values, but lift of @sum takes (f32, f32)}}
  %o = attn.reduce @sum scores(%s, %s : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x64xf32>) outputs ["o"] -> tensor<?x?x?x64xf32>
  return
}

// -----
// (reduce_c2)
attn.monoid @sum fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32, %v: f32): attn.yield %v : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield %o : f32 }
func.func @f(%s: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{output 'o' of kind row_dv has type 'tensor<?x?x?xf32>', expected a float tensor [batch, heads, q_len, dv]}}
  %o = attn.reduce @sum scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x64xf32>) outputs ["o"] -> tensor<?x?x?xf32>
  return
}

// -----
// (reduce_c2)
// expected-note@+1 {{defined here}}
attn.monoid @sum fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32, %v: f32): attn.yield %v : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield %o : f32 }
func.func @f(%s: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{@sum has no output 'lse'}}
  %o = attn.reduce @sum scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x64xf32>) outputs ["lse"] -> tensor<?x?x?xf32>
  return
}

// -----
// (reduce_c2)
attn.monoid @sum fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32, %v: f32): attn.yield %v : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield %o : f32 }
func.func @f(%s: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{names 2 outputs, but has 1 results}}
  %o = attn.reduce @sum scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x64xf32>) outputs ["o", "o"] -> tensor<?x?x?x64xf32>
  return
}

// -----
// (reduce_c3)
// expected-note@+1 {{defined here}}
attn.monoid @state fields [#attn.field<n : scalar sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32, %v: f32): attn.yield %v : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield }
func.func @f(%s: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{field 'n' of @state is of kind scalar, expected row or row_dv; attn.scan reads a state per head}}
  attn.reduce @state scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x64xf32>) outputs []
  return
}

// -----
// (reduce_c4)
attn.monoid @sum fields [#attn.field<o : row_dv sum>] outputs [#attn.output<o : row_dv>]
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32, %v: f32): attn.yield %v : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield %o : f32 }
func.func @f(%s: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{sink region takes (i64), expected (i64, i64, i64)}}
  %o = attn.reduce @sum scores(%s : tensor<?x?x?x?xf32>) values(%v : tensor<?x?x?x64xf32>) outputs ["o"]
  sink {
  ^bb0(%b: i64):
    %0 = arith.constant 0.0 : f32
    attn.yield %0 : f32
  } -> tensor<?x?x?x64xf32>
  return
}

// -----
// (size_c1)
func.func @f() {
  // expected-error@+1 {{name is 'queries', expected batch, heads, kv_heads, q_len or kv_len}}
  %s = attn.size "queries"
  return
}

// -----
// (lookup_c1)
func.func @f(%t: tensor<?x?xf32>, %i: i64) {
  // expected-error@+1 {{has 1 indices for a tensor of type 'tensor<?x?xf32>', expected one index per dimension}}
  %s = attn.lookup %t[%i] : tensor<?x?xf32> -> f32
  return
}

// -----
// (lookup_c2)
func.func @f(%t: tensor<?xbf16>, %u: tensor<?xi32>, %w: tensor<?xi8>, %i: i64) {
  %0 = attn.lookup %t[%i] : tensor<?xbf16> -> f32
  %1 = attn.lookup %u[%i] : tensor<?xi32> -> i64
  %2 = attn.lookup %w[%i] : tensor<?xi8> -> i1
  // expected-error@+1 {{result has type 'i64', but an element of 'tensor<?xi8>' is read as 'i1'}}
  %3 = attn.lookup %w[%i] : tensor<?xi8> -> i64
  return
}

// -----
// (fold_c1)
func.func @f(%q: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{@missing is not an attn.monoid}}
  attn.fold @missing queries(%q : tensor<?x?x?x64xf32>) keys(%q : tensor<?x?x?x64xf32>) outputs []
  score { ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64): attn.yield %s : f32 }
  step { attn.yield }
  return
}

// -----
// (fold_c2)
func.func @f(%q: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{has 2 queries, but 1 keys}}
  attn.fold @m queries(%q, %q : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) keys(%q : tensor<?x?x?x64xf32>) outputs []
  score { ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64): attn.yield %s : f32 }
  step { attn.yield }
  return
}

// -----
// (fold_c3)
func.func @f(%q: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{score region takes (f32, f32, i64, i64, i64, i64, i64), expected (f32, i64, i64, i64, i64, i64)}}
  attn.fold @m queries(%q : tensor<?x?x?x64xf32>) keys(%q : tensor<?x?x?x64xf32>) outputs []
  score { ^bb0(%s: f32, %t: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64): attn.yield %s : f32 }
  step { attn.yield }
  return
}

// -----
// (fold_c3)
func.func @f(%q: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{score region yields (i64), expected (f32)}}
  attn.fold @m queries(%q : tensor<?x?x?x64xf32>) keys(%q : tensor<?x?x?x64xf32>) outputs []
  // expected-note@+1 {{yielded here}}
  score { ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64): attn.yield %b : i64 }
  step { attn.yield }
  return
}

// -----
// (fold_c4)
attn.monoid @count fields [#attn.field<n : row sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32): attn.yield %s : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield }
func.func @f(%q: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{step region takes (tensor<?xf32>, tensor<?x?xf32>), expected (tensor<?xf32>, tensor<?x?xf32>, tensor<?x?xi1>)}}
  attn.fold @count queries(%q : tensor<?x?x?x64xf32>) keys(%q : tensor<?x?x?x64xf32>) outputs []
  score { ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64): attn.yield %s : f32 }
  step { ^bb0(%n: tensor<?xf32>, %s: tensor<?x?xf32>): attn.yield %n : tensor<?xf32> }
  return
}

// -----
// (fold_c5)
func.func @f(%q: tensor<?x?x?x64xf32>, %t: tensor<?x?xi32>) {
  // expected-error@+1 {{has some of table, q_block, k_block and blocks; they come together}}
  attn.fold @m queries(%q : tensor<?x?x?x64xf32>) keys(%q : tensor<?x?x?x64xf32>) table(%t : tensor<?x?xi32>)
      outputs [] attributes {q_block = 64 : i64, k_block = 64 : i64}
  score { ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64): attn.yield %s : f32 }
  step { attn.yield }
  return
}

// -----
// (fold_c6)
func.func @f(%q: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{mask region takes (i64), expected (i64, i64, i64, i64, i64)}}
  attn.fold @m queries(%q : tensor<?x?x?x64xf32>) keys(%q : tensor<?x?x?x64xf32>) outputs []
  score { ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64): attn.yield %s : f32 }
  mask { ^bb0(%b: i64): %t = arith.constant true  attn.yield %t : i1 }
  step { attn.yield }
  return
}

// -----
// (fold_c6)
func.func @f(%q: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{sink region yields (f32, f32), expected (f32)}}
  attn.fold @m queries(%q : tensor<?x?x?x64xf32>) keys(%q : tensor<?x?x?x64xf32>) outputs []
  score { ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64): attn.yield %s : f32 }
  // expected-note@+1 {{yielded here}}
  sink { ^bb0(%b: i64, %h: i64, %kv_h: i64): %t = arith.constant 0.0 : f32  attn.yield %t, %t : f32, f32 }
  step { attn.yield }
  return
}

// -----
// (fold_c7)
// expected-note@+1 {{defined here}}
attn.monoid @count fields [#attn.field<n : row sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%s: f32): attn.yield %s : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield }
func.func @f(%q: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{'attn.fold' op has 2 scores and 0 values, but lift of @count takes (f32)}}
  attn.fold @count queries(%q : tensor<?x?x?x64xf32>) keys(%q : tensor<?x?x?x64xf32>) outputs []
  score { ^bb0(%s: f32, %b: i64, %h: i64, %kv_h: i64, %qi: i64, %ki: i64): attn.yield %s, %s : f32, f32 }
  step { attn.yield }
  return
}

// -----
// (map_c1)
func.func @f(%s: tensor<?x?xf32>, %v: tensor<?x?xi1>) {
  // expected-error@+1 {{body region takes (f32, f32), expected (f32, i1)}}
  %t = attn.map %s, %v {
  ^bb0(%x: f32, %y: f32):
    attn.yield %x : f32
  } : tensor<?x?xf32>, tensor<?x?xi1> -> tensor<?x?xf32>
  return
}

// -----
// (map_c1)
func.func @f(%s: tensor<?x?xf32>, %r: tensor<?xf32>) {
  // expected-error@+1 {{result has rank 1, expected 2, the greatest rank of the inputs}}
  %t = attn.map %r, %s {
  ^bb0(%x: f32, %y: f32):
    attn.yield %x : f32
  } : tensor<?xf32>, tensor<?x?xf32> -> tensor<?xf32>
  return
}

// -----
// (row_reduce_c1)
func.func @f(%s: tensor<?x?xf32>) {
  // expected-error@+1 {{combiner region takes (f32), expected (f32, f32)}}
  %t = attn.row_reduce %s identity 0.0 {
  ^bb0(%x: f32):
    attn.yield %x : f32
  } : tensor<?x?xf32> -> tensor<?xf32>
  return
}

// -----
// (contract_c1)
func.func @f(%p: tensor<8x4xf32>, %v: tensor<5x16xf32>, %o: tensor<8x16xf32>) {
  // expected-error@+1 {{do not fit: expected [r, k], [k, c] and [r, c]}}
  %t = attn.contract %p, %v, %o : tensor<8x4xf32>, tensor<5x16xf32>, tensor<8x16xf32> -> tensor<8x16xf32>
  return
}

// -----
// (contract_c1)
func.func @f(%p: tensor<8x4xf32>, %v: tensor<4x16xf32>, %o: tensor<8x16xf32>) {
  // expected-error@+1 {{result has type 'tensor<?x?xf32>', expected acc's 'tensor<8x16xf32>'}}
  %t = attn.contract %p, %v, %o : tensor<8x4xf32>, tensor<4x16xf32>, tensor<8x16xf32> -> tensor<?x?xf32>
  return
}

// -----
// (scan_c1)
// expected-note@+1 {{defined here}}
attn.monoid @rows fields [#attn.field<n : row sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%k: tensor<?xf32>, %v: tensor<?xf32>, %g: f32): attn.yield %g : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield }
func.func @f(%q: tensor<?x?x?x64xf32>, %g: tensor<?x?x?xf32>) {
  // expected-error@+1 {{field 'n' of @rows is of kind row, expected a state per head: scalar, dk_dv or dk_dk}}
  %o = attn.scan @rows(%q, %q, %q : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) extras(%g : tensor<?x?x?xf32>)
  read { ^bb0(%r: tensor<?xf32>, %n: f32): attn.yield %r : tensor<?xf32> } -> tensor<?x?x?x64xf32>
  return
}

// -----
// (scan_c2)
attn.monoid @m fields [#attn.field<n : scalar sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%k: tensor<?xf32>, %v: tensor<?xf32>, %g: f32): attn.yield %g : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield }
func.func @f(%q: tensor<?x?x?x64xf32>, %g: tensor<?x?x?xf32>) {
  // expected-error@+1 {{read region takes (tensor<?xf32>), expected (tensor<?xf32>, f32)}}
  %o = attn.scan @m(%q, %q, %q : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) extras(%g : tensor<?x?x?xf32>)
  read { ^bb0(%r: tensor<?xf32>): attn.yield %r : tensor<?xf32> } -> tensor<?x?x?x64xf32>
  return
}

// -----
// (scan_c3)
// expected-note@+1 {{defined here}}
attn.monoid @m fields [#attn.field<n : scalar sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%k: tensor<?xf32>, %v: tensor<?xf32>, %g: f32): attn.yield %g : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield }
func.func @f(%q: tensor<?x?x?x64xf32>, %g: tensor<?x?x?x64xf32>) {
  // expected-error@+1 {{lift of @m takes (tensor<?xf32>, tensor<?xf32>, f32), expected (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>)}}
  %o = attn.scan @m(%q, %q, %q : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) extras(%g : tensor<?x?x?x64xf32>)
  read { ^bb0(%r: tensor<?xf32>, %n: f32): attn.yield %r : tensor<?xf32> } -> tensor<?x?x?x64xf32>
  return
}

// -----
// (scan_c4)
// expected-note@+1 {{defined here}}
attn.monoid @m fields [#attn.field<n : scalar sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%k: tensor<?xf32>, %v: tensor<?xf32>, %g: f32): attn.yield %g : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield }
func.func @f(%q: tensor<?x?x?x64xf32>, %g: tensor<?x?x?xf32>, %n0: tensor<?x?xf32>) {
  // expected-error@+1 {{has 2 initial tensors for 1 fields of @m}}
  %o = attn.scan @m(%q, %q, %q : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) extras(%g : tensor<?x?x?xf32>)
      initial(%n0, %n0 : tensor<?x?xf32>, tensor<?x?xf32>)
  read { ^bb0(%r: tensor<?xf32>, %n: f32): attn.yield %r : tensor<?xf32> } -> tensor<?x?x?x64xf32>
  return
}

// -----
// (scan_c5)
// expected-note@+1 {{defined here}}
attn.monoid @m fields [#attn.field<n : scalar sum>] outputs []
identity { %0 = arith.constant 0.0 : f32  attn.yield %0 : f32 }
lift { ^bb0(%k: tensor<?xf32>, %v: tensor<?xf32>, %g: f32): attn.yield %g : f32 }
merge { ^bb0(%a: f32, %b: f32): attn.yield %a : f32 }
finalize { ^bb0(%o: f32): attn.yield }
func.func @f(%q: tensor<?x?x?x64xf32>, %g: tensor<?x?x?xf32>) {
  // expected-error@+1 {{has 3 results, expected the output alone or with the 1 final fields}}
  %o:3 = attn.scan @m(%q, %q, %q : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) extras(%g : tensor<?x?x?xf32>)
  read { ^bb0(%r: tensor<?xf32>, %n: f32): attn.yield %r : tensor<?xf32> } -> tensor<?x?x?x64xf32>, tensor<?x?xf32>, tensor<?x?xf32>
  return
}

// -----
// (scan_c6)
func.func @f(%q: tensor<?x?x?x64xf32>, %g: tensor<?x?xf32>) {
  // expected-error@+1 {{extra 0 has type 'tensor<?x?xf32>', expected [batch, heads, len] or [batch, heads, len, channels]}}
  %o = attn.scan @m(%q, %q, %q : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) extras(%g : tensor<?x?xf32>)
  read { ^bb0(%r: tensor<?xf32>, %n: f32): attn.yield %r : tensor<?xf32> } -> tensor<?x?x?x64xf32>
  return
}

// -----
// (modify_c2)
func.func @f() {
  // expected-error@+1 {{'attn.modify' op has no scores}}
  %t = "attn.modify"() ({
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %q: i64, %k: i64):
    %x = arith.constant 0.0 : f32
    attn.yield %x : f32
  }) : () -> tensor<?x?x?x?xf32>
  return
}

// -----
// (map_c2)
func.func @f() {
  // expected-error@+1 {{'attn.map' op has no inputs}}
  %t = "attn.map"() ({
    %x = arith.constant 0.0 : f32
    attn.yield %x : f32
  }) : () -> tensor<?xf32>
  return
}
