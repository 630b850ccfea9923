// Documents: a tensor read at ranges needs a summary, and the rows' own range is asked for once, before any tile.
// A table read at points is read as it is.
// RUN: attile-opt %s --test-mask-analysis --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @mask_0
// CHECK-SAME: %[[B:arg0]]: i64, %[[H:arg1]]: i64
// CHECK-SAME: %[[DOC:arg8]]: tensor<?x?xi32> {attn.summarized}, %[[LIMIT:arg9]]: tensor<?xi64>)
// CHECK-DAG:  %[[ROWS:.*]]:2 = call @bounds_of_8(%[[DOC]], %[[B]], %arg4, %arg5)
// CHECK-DAG:  %[[L:.*]] = attn.lookup %[[LIMIT]][%[[H]]]
// CHECK:      %[[KLAST:.*]] = arith.addi %arg7, %c-1
// CHECK:      %[[KEYS:.*]]:2 = call @bounds_of_8(%[[DOC]], %[[B]], %arg6, %[[KLAST]])
// CHECK-DAG:  arith.cmpi sle, %[[ROWS]]#0, %[[KEYS]]#1
// CHECK-DAG:  arith.cmpi sle, %[[KEYS]]#0, %[[ROWS]]#1
// CHECK:      return
attn.kernel @documents(%doc: tensor<?x?xi32> {attn.name = "doc", attn.role = "param"},
                       %limit: tensor<?xi64> {attn.name = "limit", attn.role = "param"}) {
  %0 = attn.mask {
  ^bb0(%b: i64, %h: i64, %kv_h: i64, %q: i64, %k: i64):
    %1 = attn.lookup %doc[%b, %q] : tensor<?x?xi32> -> i64
    %2 = attn.lookup %doc[%b, %k] : tensor<?x?xi32> -> i64
    %3 = arith.cmpi eq, %1, %2 : i64
    %4 = attn.lookup %limit[%h] : tensor<?xi64> -> i64
    %5 = arith.cmpi slt, %k, %4 : i64
    %6 = arith.andi %3, %5 : i1
    attn.yield %6 : i1
  } : tensor<?x?x?x?xi1>
  attn.return
}
