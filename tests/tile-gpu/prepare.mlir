// RUN: attile-opt %s --prepare-for-emission | FileCheck %s
// Parameters, shared memory, names and waits are written down for the printer.

tile.plan @p {
  %c8 = arith.constant 8 : i64
  tile.scratch "partial.m" bytes %c8
  tile.launch @kernel grid(%c8)
}

// CHECK-LABEL: tile.kernel @kernel
// Two tiles of 16 rows of 128 bytes, and 16 offsets.
// CHECK-SAME: tile.shared_bytes = 4224 : i64
// The last stride of q is 1, of a looked-up tensor all extents and strides count; scratch is dense.
// CHECK-SAME: tile.slots = ["pointer:q", "value:q.stride.0", "value:q.stride.1", "value:q.stride.2", "pointer:param.slope", "value:param.slope.dim.0", "value:param.slope.stride.0", "param:window", "scratch:partial.m", "value:kv_len"]
// CHECK-SAME: tile.threads = 32 : i64
tile.kernel @kernel(%q: !tile.buffer<?x?x?x64xbf16, global> {tile.name = "q"},
                    %slope: !tile.buffer<?xf32, global> {tile.name = "param.slope"},
                    %window: i64 {tile.name = "param.window"},
                    %partial: !tile.buffer<?x16xf32, global> {tile.name = "partial.m"})
    attributes {schedule = #tile.schedule<rows = 16, keys = 16, dot_rows = 16, score_keys = 16, value_cols = 64>} {
  %n = tile.size "kv_len"
  %x = tile.lookup %slope[%n] : !tile.buffer<?xf32, global> -> f32
  // CHECK: tile.alloc {tile.id = "q_tile", tile.offset = 0 : i64}
  %qt = tile.alloc : !tile.buffer<16x64xbf16, shared, swizzle_128>
  // CHECK: tile.alloc {tile.id = "k_tile", tile.offset = 2048 : i64}
  %kt = tile.alloc : !tile.buffer<16x64xbf16, shared, swizzle_128>
  // CHECK: tile.alloc {tile.id = "row_h"}
  %h = tile.alloc : !tile.buffer<16xi32, register>
  // CHECK: tile.alloc {tile.id = "scores"}
  %s = tile.alloc : !tile.buffer<16x16xf32, register, fragment>
  // CHECK: tile.gather {{.*}} {tile.offset = 4096 : i64}
  tile.gather %qt, %q[%n, %h, %h] count(%n) : !tile.buffer<16x64xbf16, shared, swizzle_128>, !tile.buffer<?x?x?x64xbf16, global>, !tile.buffer<16xi32, register>
  %k = tile.slice %q[%n, %n, %n, %n] sizes(%n) : !tile.buffer<?x?x?x64xbf16, global> -> !tile.buffer<?x64xbf16, global>
  %0 = tile.copy_async %kt, %k : !tile.buffer<16x64xbf16, shared, swizzle_128>, !tile.buffer<?x64xbf16, global> -> !tile.token
  %1 = tile.copy_async %qt, %k : !tile.buffer<16x64xbf16, shared, swizzle_128>, !tile.buffer<?x64xbf16, global> -> !tile.token
  // CHECK: tile.wait %{{.*}} {tile.pending = 1 : i64}
  tile.wait %0 : !tile.token
  // CHECK: tile.wait %{{.*}} {tile.pending = 0 : i64}
  tile.wait %1 : !tile.token
  tile.dot %s, %qt, %kt transpose_b : !tile.buffer<16x16xf32, register, fragment>, !tile.buffer<16x64xbf16, shared, swizzle_128>, !tile.buffer<16x64xbf16, shared, swizzle_128>
  tile.return
}
