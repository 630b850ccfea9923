// local, by Attile 0.1.0 for sm_80: rows=64 keys=48 dot_rows=64 score_keys=48 value_cols=64
#include "attile/kernel.cuh"

using namespace attile;

extern "C" __global__ void __launch_bounds__(128)
local_main(const bf16* q,
    i64 q_stride_0,
    i64 q_stride_1,
    i64 q_stride_2,
    const bf16* k,
    i64 k_stride_0,
    i64 k_stride_1,
    i64 k_stride_2,
    const bf16* v,
    i64 v_stride_0,
    i64 v_stride_1,
    i64 v_stride_2,
    bf16* o,
    i64 o_stride_0,
    i64 o_stride_1,
    i64 o_stride_2,
    i64 param_window,
    float* tensor_partial_m,
    float* tensor_partial_l,
    float* tensor_partial_o,
    i64 kv_len,
    i64 q_len,
    i64 q_per_tile,
    i64 heads_per_tile,
    i64 heads,
    i64 kv_heads,
    i64 head_tiles,
    i64 q_tiles,
    i64 splits) {
  extern __shared__ __align__(1024) unsigned char shared[];
  Operand<bf16, 16, 48> weights_low;
  Operand<bf16, 16, 48> weights;
  const SharedTile<bf16, 48, 64> v_tile{reinterpret_cast<bf16*>(shared + 0)};
  const SharedTile<bf16, 48, 64> k_tile{reinterpret_cast<bf16*>(shared + 6144)};
  Fragment<float, 16, 48> tile;
  RowFragment<float, 16> factor;
  RowFragment<float, 16> row;
  RowFragment<float, 16> row_2;
  Fragment<bool, 16, 48> visible;
  Fragment<float, 16, 48> scores;
  Fragment<float, 16, 64> out;
  RowFragment<float, 16> row_3;
  RowFragment<float, 16> row_4;
  const SharedTile<bf16, 64, 64> q_tile{reinterpret_cast<bf16*>(shared + 12288)};
  RowFragment<i64, 16> row_q;
  RowFragment<i64, 16> row_h;
  const i64 t = (i64)blockIdx.x / splits;
  const i64 t_1 = t / q_tiles;
  const i64 t_2 = t_1 / head_tiles;
  const i64 t_3 = t_2 % kv_heads;
  const i64 t_4 = t_2 / kv_heads;
  const i64 t_5 = heads / kv_heads;
  const i64 t_6 = (t_1 % head_tiles) * heads_per_tile;
  const i64 t_7 = wrap_add(t_3 * t_5, t_6);
  const i64 t_8 = ((q_tiles - 1LL) - (t % q_tiles)) * q_per_tile;
  const i64 t_9 = min(q_per_tile, wrap_sub(q_len, t_8));
  const i64 t_10 = wrap_mul(min(heads_per_tile, wrap_sub(t_5, t_6)), t_9);
  const i64 t_11 = wrap_sub(t_10, 1LL);
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const i64 row_index = row_of<16>(m, i);
    const i64 t_12 = min(row_index, t_11);
    const i64 y = wrap_add(t_7, t_12 / t_9);
    const i64 y_1 = wrap_add(t_8, t_12 % t_9);
    row_h.x[m][i] = y;
    row_q.x[m][i] = y_1;
  }
  gather_rows(q_tile, q + t_4 * q_stride_0, q_stride_1, q_stride_2, row_h, row_q, reinterpret_cast<i64*>(shared + 20480), (int)t_10);
  fill(row_4, -infinity);
  fill(row_3, 0.0f);
  fill(out, 0.0f);
  const i64 t_13 = kv_len - q_len;
  const i64 t_14 = wrap_add(t_13, t_8);
  const i64 t_15 = wrap_add(t_13, wrap_sub(wrap_add(t_8, t_9), 1LL));
  const i64 t_16 = max(wrap_add(param_window, -1LL), -2305843009213693952LL);
  const i64 t_17 = wrap_sub(t_14, min(t_16, 2305843009213693952LL));
  const i64 t_18 = wrap_add(max(min(t_15, kv_len + (-1LL)), -1LL), 1LL);
  const i64 t_19 = min(max(t_17, 0LL), t_18);
  const i64 t_20 = wrap_mul(t_19 / 48LL, 48LL);
  const i64 t_21 = ceil_div(max(wrap_sub(t_18, t_20), 0LL), splits);
  const i64 t_22 = wrap_mul(ceil_div(t_21, 48LL), 48LL);
  const i64 t_23 = wrap_add(t_20, wrap_mul((i64)blockIdx.x % splits, t_22));
  const i64 t_24 = max(t_19, t_23);
  const i64 t_25 = min(t_18, wrap_add(t_23, t_22));
  const bool t_26 = (wrap_sub(t_25, t_24)) <= 512LL;
  for (i64 at = wrap_mul(t_24 / 48LL, 48LL); at < t_25; at += 48LL) {
    const i64 t_27 = max(at, t_24);
    const i64 t_28 = min(at + 48LL, t_25);
    const i64 t_29 = wrap_add(t_28, -1LL);
    const bool t_30 = (t_27 <= t_15) && (param_window > (wrap_sub(t_14, t_29)));
    const bool t_31 = (t_29 <= t_14) && (param_window > (wrap_sub(t_15, t_27)));
    const i64 t_32 = wrap_sub(t_28, t_27);
    const bool t_33 = t_32 == 48LL;
    if (t_30) {
      const bool t_34 = t_31 && t_33;
      if (!t_34) {
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const i64 row_q_x = row_q.x[m][i];
          #pragma unroll
          for (int j = 0; j < 6; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const i64 column = column_of(j, c);
            const bool inside = column < t_32;
            const i64 t_35 = wrap_add(t_27, column);
            const i64 t_36 = row_q_x + t_13;  // local.attn:5
            const bool t_37 = (t_35 <= t_36) && ((wrap_sub(t_36, t_35)) < param_window);  // local.attn:5
            visible.x[m][j][2 * i + c] = inside ? t_37 : false;
          }
        }
      }
      copy_rows_async<4>(k_tile, k + t_4 * k_stride_0 + t_3 * k_stride_1 + t_27 * k_stride_2, k_stride_2, (int)t_32);
      commit_copies();
      copy_rows_async<4>(v_tile, v + t_4 * v_stride_0 + t_3 * v_stride_1 + t_27 * v_stride_2, v_stride_2, (int)t_32);
      commit_copies();
      wait_copies<1>();
      __syncthreads();
      dot_nt(scores, q_tile, k_tile);
      row_2 = row_4;
      if (t_34) {
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          float partial = -infinity;
          #pragma unroll
          for (int j = 0; j < 6; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const float scores_x = scores.x[m][j][2 * i + c];
            const float t_38 = scores_x * 0.125f;
            scores.x[m][j][2 * i + c] = t_38;
            partial = Max::of(partial, t_38);
          }
          row_4.x[m][i] = Max::of(row_4.x[m][i], reduce_columns<Max>(partial));
        }
      } else {
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          float partial_1 = -infinity;
          #pragma unroll
          for (int j = 0; j < 6; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const i64 column_2 = column_of(j, c);
            const bool inside_1 = column_2 < t_32;
            const float scores_x_1 = scores.x[m][j][2 * i + c];
            const bool visible_x = visible.x[m][j][2 * i + c];
            const float t_39 = visible_x ? (scores_x_1 * 0.125f) : (-infinity);
            scores.x[m][j][2 * i + c] = inside_1 ? t_39 : 0.0f;
            partial_1 = inside_1 ? Max::of(partial_1, t_39) : partial_1;
          }
          row_4.x[m][i] = Max::of(row_4.x[m][i], reduce_columns<Max>(partial_1));
        }
      }
      #pragma unroll
      for (int m = 0; m < 1; ++m)
      #pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float row_4_x = row_4.x[m][i];
        const float row_2_x = row_2.x[m][i];
        const float row_3_x = row_3.x[m][i];
        const float t_40 = (row_4_x == (-infinity)) ? 0.0f : row_4_x;
        const float t_41 = math::exp(row_2_x - t_40);  // builtin.softmax:17
        const float y_2 = row_3_x * t_41;
        row.x[m][i] = t_40;
        factor.x[m][i] = t_41;
        row_3.x[m][i] = y_2;
      }
      if (t_33) {
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float row_x = row.x[m][i];
          float partial_2 = 0.0f;
          #pragma unroll
          for (int j = 0; j < 6; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const float scores_x_2 = scores.x[m][j][2 * i + c];
            const float t_42 = math::exp(scores_x_2 - row_x);  // builtin.softmax:17
            tile.x[m][j][2 * i + c] = t_42;
            partial_2 = Add::of(partial_2, t_42);
          }
          row_3.x[m][i] = Add::of(row_3.x[m][i], reduce_columns<Add>(partial_2));
        }
      } else {
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float row_x_1 = row.x[m][i];
          float partial_3 = 0.0f;
          #pragma unroll
          for (int j = 0; j < 6; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const i64 column_4 = column_of(j, c);
            const bool inside_2 = column_4 < t_32;
            const float scores_x_3 = scores.x[m][j][2 * i + c];
            const float t_43 = math::exp(scores_x_3 - row_x_1);  // builtin.softmax:17
            tile.x[m][j][2 * i + c] = inside_2 ? t_43 : 0.0f;
            partial_3 = inside_2 ? Add::of(partial_3, t_43) : partial_3;
          }
          row_3.x[m][i] = Add::of(row_3.x[m][i], reduce_columns<Add>(partial_3));
        }
      }
      round(weights, tile);
      wait_copies<0>();
      __syncthreads();
      scale_rows(out, factor);
      dot_nn(out, weights, v_tile);
      if (t_26) {
        residual(weights_low, tile);
        dot_nn(out, weights_low, v_tile);
      }
      __syncthreads();
    }
  }
  if (splits == 1LL) {
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_3_x_1 = row_3.x[m][i];
      const float row_4_x_1 = row_4.x[m][i];
      const float t_44 = (row_3_x_1 != row_3_x_1) ? row_3_x_1 : row_4_x_1;
      row_4.x[m][i] = t_44;
    }
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_3_x_2 = row_3.x[m][i];
      const float row_4_x_2 = row_4.x[m][i];
      #pragma unroll
      for (int j = 0; j < 8; ++j)
      #pragma unroll
      for (int c = 0; c < 2; ++c) {
        const float out_x = out.x[m][j][2 * i + c];
        const float t_45 = (row_4_x_2 == (-infinity)) ? 0.0f : (out_x / row_3_x_2);
        out.x[m][j][2 * i + c] = t_45;
      }
    }
    scatter_rows(o + t_4 * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, out, (int)t_10);
  } else {
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_3_x_3 = row_3.x[m][i];
      const float row_4_x_3 = row_4.x[m][i];
      const float t_46 = (row_3_x_3 != row_3_x_3) ? row_3_x_3 : row_4_x_3;
      row_4.x[m][i] = t_46;
    }
    store(tensor_partial_m + (i64)blockIdx.x * 64LL, row_4);
    store(tensor_partial_l + (i64)blockIdx.x * 64LL, row_3);
    store(tensor_partial_o + (i64)blockIdx.x * 4096LL, out);
  }
}

extern "C" __global__ void __launch_bounds__(128)
local_merge(bf16* o,
    i64 o_stride_0,
    i64 o_stride_1,
    i64 o_stride_2,
    const float* tensor_partial_m,
    const float* tensor_partial_l,
    const float* tensor_partial_o,
    i64 splits,
    i64 q_len,
    i64 q_per_tile,
    i64 heads_per_tile,
    i64 heads,
    i64 kv_heads,
    i64 head_tiles,
    i64 q_tiles) {
  RowFragment<float, 16> row;
  RowFragment<float, 16> row_2;
  Fragment<float, 16, 64> tile;
  RowFragment<float, 16> row_3;
  Fragment<float, 16, 64> tile_2;
  RowFragment<float, 16> row_4;
  RowFragment<float, 16> row_5;
  RowFragment<i64, 16> row_q;
  RowFragment<i64, 16> row_h;
  const i64 t = (q_tiles - 1LL) - ((i64)blockIdx.x % q_tiles);
  const i64 t_1 = (i64)blockIdx.x / q_tiles;
  const i64 t_2 = t_1 / head_tiles;
  const i64 t_3 = heads / kv_heads;
  const i64 t_4 = (t_1 % head_tiles) * heads_per_tile;
  const i64 t_5 = wrap_add((t_2 % kv_heads) * t_3, t_4);
  const i64 t_6 = t * q_per_tile;
  const i64 t_7 = min(q_per_tile, wrap_sub(q_len, t_6));
  const i64 t_8 = wrap_mul(min(heads_per_tile, wrap_sub(t_3, t_4)), t_7);
  const i64 t_9 = wrap_sub(t_8, 1LL);
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const i64 row_index = row_of<16>(m, i);
    const i64 t_10 = min(row_index, t_9);
    const i64 y = wrap_add(t_5, t_10 / t_7);
    const i64 y_1 = wrap_add(t_6, t_10 % t_7);
    row_h.x[m][i] = y;
    row_q.x[m][i] = y_1;
  }
  fill(row_5, -infinity);
  fill(row_4, 0.0f);
  fill(tile_2, 0.0f);
  const i64 t_11 = (i64)blockIdx.x * splits;
  for (i64 at = t_11; at < (wrap_add(t_11, splits)); at += 1LL) {
    load(row_3, tensor_partial_m + at * 64LL);
    load(tile, tensor_partial_o + at * 4096LL);
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_5_x = row_5.x[m][i];
      const float row_3_x = row_3.x[m][i];
      #pragma unroll
      for (int j = 0; j < 8; ++j)
      #pragma unroll
      for (int c = 0; c < 2; ++c) {
        const float tile_2_x = tile_2.x[m][j][2 * i + c];
        const float tile_x = tile.x[m][j][2 * i + c];
        const float t_12 = math::maxnum(row_5_x, row_3_x);  // builtin.softmax:15
        const float t_13 = (tile_2_x * (math::exp(row_5_x - t_12))) + (tile_x * (math::exp(row_3_x - t_12)));  // builtin.softmax:25
        const float t_14 = (row_3_x == (-infinity)) ? tile_2_x : t_13;
        tile_2.x[m][j][2 * i + c] = (row_5_x == (-infinity)) ? tile_x : t_14;
      }
    }
    load(row_2, tensor_partial_m + at * 64LL);
    load(row, tensor_partial_l + at * 64LL);
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_5_x_1 = row_5.x[m][i];
      const float row_4_x = row_4.x[m][i];
      const float row_2_x = row_2.x[m][i];
      const float row_x = row.x[m][i];
      const float t_15 = math::maxnum(row_5_x_1, row_2_x);  // builtin.softmax:15
      const float t_16 = (row_4_x * (math::exp(row_5_x_1 - t_15))) + (row_x * (math::exp(row_2_x - t_15)));  // builtin.softmax:22
      const bool t_17 = row_2_x == (-infinity);
      const bool t_18 = row_5_x_1 == (-infinity);
      const float t_19 = t_18 ? row_2_x : (t_17 ? row_5_x_1 : t_15);
      const float y_2 = t_18 ? row_x : (t_17 ? row_4_x : t_16);
      row_5.x[m][i] = t_19;
      row_4.x[m][i] = y_2;
    }
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_1 = row_4.x[m][i];
    const float row_5_x_2 = row_5.x[m][i];
    const float t_20 = (row_4_x_1 != row_4_x_1) ? row_4_x_1 : row_5_x_2;
    row_5.x[m][i] = t_20;
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_2 = row_4.x[m][i];
    const float row_5_x_3 = row_5.x[m][i];
    #pragma unroll
    for (int j = 0; j < 8; ++j)
    #pragma unroll
    for (int c = 0; c < 2; ++c) {
      const float tile_2_x_1 = tile_2.x[m][j][2 * i + c];
      const float t_21 = (row_5_x_3 == (-infinity)) ? 0.0f : (tile_2_x_1 / row_4_x_2);
      tile_2.x[m][j][2 * i + c] = t_21;
    }
  }
  scatter_rows(o + (t_2 / kv_heads) * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, tile_2, (int)t_8);
}

extern "C" __global__ void __launch_bounds__(32)
local_few_main(const bf16* q,
    i64 q_stride_0,
    i64 q_stride_1,
    i64 q_stride_2,
    const bf16* k,
    i64 k_stride_0,
    i64 k_stride_1,
    i64 k_stride_2,
    const bf16* v,
    i64 v_stride_0,
    i64 v_stride_1,
    i64 v_stride_2,
    bf16* o,
    i64 o_stride_0,
    i64 o_stride_1,
    i64 o_stride_2,
    i64 param_window,
    float* tensor_partial_m,
    float* tensor_partial_l,
    float* tensor_partial_o,
    i64 kv_len,
    i64 q_len,
    i64 q_per_tile,
    i64 heads_per_tile,
    i64 heads,
    i64 kv_heads,
    i64 head_tiles,
    i64 q_tiles,
    i64 splits) {
  extern __shared__ __align__(1024) unsigned char shared[];
  Operand<bf16, 16, 32> weights_low;
  Operand<bf16, 16, 32> weights;
  const SharedTile<bf16, 32, 64> v_tile{reinterpret_cast<bf16*>(shared + 0)};
  const SharedTile<bf16, 32, 64> k_tile{reinterpret_cast<bf16*>(shared + 4096)};
  Fragment<float, 16, 32> tile;
  RowFragment<float, 16> factor;
  RowFragment<float, 16> row;
  RowFragment<float, 16> row_2;
  Fragment<bool, 16, 32> visible;
  Fragment<float, 16, 32> scores;
  Fragment<float, 16, 64> out;
  RowFragment<float, 16> row_3;
  RowFragment<float, 16> row_4;
  const SharedTile<bf16, 16, 64> q_tile{reinterpret_cast<bf16*>(shared + 8192)};
  RowFragment<i64, 16> row_q;
  RowFragment<i64, 16> row_h;
  const i64 t = (i64)blockIdx.x / splits;
  const i64 t_1 = t / q_tiles;
  const i64 t_2 = t_1 / head_tiles;
  const i64 t_3 = t_2 % kv_heads;
  const i64 t_4 = t_2 / kv_heads;
  const i64 t_5 = heads / kv_heads;
  const i64 t_6 = (t_1 % head_tiles) * heads_per_tile;
  const i64 t_7 = wrap_add(t_3 * t_5, t_6);
  const i64 t_8 = ((q_tiles - 1LL) - (t % q_tiles)) * q_per_tile;
  const i64 t_9 = min(q_per_tile, wrap_sub(q_len, t_8));
  const i64 t_10 = wrap_mul(min(heads_per_tile, wrap_sub(t_5, t_6)), t_9);
  const i64 t_11 = wrap_sub(t_10, 1LL);
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const i64 row_index = row_of<16>(m, i);
    const i64 t_12 = min(row_index, t_11);
    const i64 y = wrap_add(t_7, t_12 / t_9);
    const i64 y_1 = wrap_add(t_8, t_12 % t_9);
    row_h.x[m][i] = y;
    row_q.x[m][i] = y_1;
  }
  gather_rows(q_tile, q + t_4 * q_stride_0, q_stride_1, q_stride_2, row_h, row_q, reinterpret_cast<i64*>(shared + 10240), (int)t_10);
  fill(row_4, -infinity);
  fill(row_3, 0.0f);
  fill(out, 0.0f);
  const i64 t_13 = kv_len - q_len;
  const i64 t_14 = wrap_add(t_13, t_8);
  const i64 t_15 = wrap_add(t_13, wrap_sub(wrap_add(t_8, t_9), 1LL));
  const i64 t_16 = max(wrap_add(param_window, -1LL), -2305843009213693952LL);
  const i64 t_17 = wrap_sub(t_14, min(t_16, 2305843009213693952LL));
  const i64 t_18 = wrap_add(max(min(t_15, kv_len + (-1LL)), -1LL), 1LL);
  const i64 t_19 = min(max(t_17, 0LL), t_18);
  const i64 t_20 = wrap_mul(t_19 / 32LL, 32LL);
  const i64 t_21 = ceil_div(max(wrap_sub(t_18, t_20), 0LL), splits);
  const i64 t_22 = wrap_mul(ceil_div(t_21, 32LL), 32LL);
  const i64 t_23 = wrap_add(t_20, wrap_mul((i64)blockIdx.x % splits, t_22));
  const i64 t_24 = max(t_19, t_23);
  const i64 t_25 = min(t_18, wrap_add(t_23, t_22));
  const bool t_26 = (wrap_sub(t_25, t_24)) <= 4096LL;
  for (i64 at = wrap_mul(t_24 / 32LL, 32LL); at < t_25; at += 32LL) {
    const i64 t_27 = max(at, t_24);
    const i64 t_28 = min(at + 32LL, t_25);
    const i64 t_29 = wrap_add(t_28, -1LL);
    const bool t_30 = (t_27 <= t_15) && (param_window > (wrap_sub(t_14, t_29)));
    const bool t_31 = (t_29 <= t_14) && (param_window > (wrap_sub(t_15, t_27)));
    const i64 t_32 = wrap_sub(t_28, t_27);
    const bool t_33 = t_32 == 32LL;
    if (t_30) {
      const bool t_34 = t_31 && t_33;
      if (!t_34) {
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const i64 row_q_x = row_q.x[m][i];
          #pragma unroll
          for (int j = 0; j < 4; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const i64 column = column_of(j, c);
            const bool inside = column < t_32;
            const i64 t_35 = wrap_add(t_27, column);
            const i64 t_36 = row_q_x + t_13;  // local.attn:5
            const bool t_37 = (t_35 <= t_36) && ((wrap_sub(t_36, t_35)) < param_window);  // local.attn:5
            visible.x[m][j][2 * i + c] = inside ? t_37 : false;
          }
        }
      }
      copy_rows_async<1>(k_tile, k + t_4 * k_stride_0 + t_3 * k_stride_1 + t_27 * k_stride_2, k_stride_2, (int)t_32);
      commit_copies();
      copy_rows_async<1>(v_tile, v + t_4 * v_stride_0 + t_3 * v_stride_1 + t_27 * v_stride_2, v_stride_2, (int)t_32);
      commit_copies();
      wait_copies<1>();
      __syncthreads();
      dot_nt(scores, q_tile, k_tile);
      row_2 = row_4;
      if (t_34) {
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          float partial = -infinity;
          #pragma unroll
          for (int j = 0; j < 4; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const float scores_x = scores.x[m][j][2 * i + c];
            const float t_38 = scores_x * 0.125f;
            scores.x[m][j][2 * i + c] = t_38;
            partial = Max::of(partial, t_38);
          }
          row_4.x[m][i] = Max::of(row_4.x[m][i], reduce_columns<Max>(partial));
        }
      } else {
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          float partial_1 = -infinity;
          #pragma unroll
          for (int j = 0; j < 4; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const i64 column_2 = column_of(j, c);
            const bool inside_1 = column_2 < t_32;
            const float scores_x_1 = scores.x[m][j][2 * i + c];
            const bool visible_x = visible.x[m][j][2 * i + c];
            const float t_39 = visible_x ? (scores_x_1 * 0.125f) : (-infinity);
            scores.x[m][j][2 * i + c] = inside_1 ? t_39 : 0.0f;
            partial_1 = inside_1 ? Max::of(partial_1, t_39) : partial_1;
          }
          row_4.x[m][i] = Max::of(row_4.x[m][i], reduce_columns<Max>(partial_1));
        }
      }
      #pragma unroll
      for (int m = 0; m < 1; ++m)
      #pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float row_4_x = row_4.x[m][i];
        const float row_2_x = row_2.x[m][i];
        const float row_3_x = row_3.x[m][i];
        const float t_40 = (row_4_x == (-infinity)) ? 0.0f : row_4_x;
        const float t_41 = math::exp(row_2_x - t_40);  // builtin.softmax:17
        const float y_2 = row_3_x * t_41;
        row.x[m][i] = t_40;
        factor.x[m][i] = t_41;
        row_3.x[m][i] = y_2;
      }
      if (t_33) {
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float row_x = row.x[m][i];
          float partial_2 = 0.0f;
          #pragma unroll
          for (int j = 0; j < 4; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const float scores_x_2 = scores.x[m][j][2 * i + c];
            const float t_42 = math::exp(scores_x_2 - row_x);  // builtin.softmax:17
            tile.x[m][j][2 * i + c] = t_42;
            partial_2 = Add::of(partial_2, t_42);
          }
          row_3.x[m][i] = Add::of(row_3.x[m][i], reduce_columns<Add>(partial_2));
        }
      } else {
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float row_x_1 = row.x[m][i];
          float partial_3 = 0.0f;
          #pragma unroll
          for (int j = 0; j < 4; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const i64 column_4 = column_of(j, c);
            const bool inside_2 = column_4 < t_32;
            const float scores_x_3 = scores.x[m][j][2 * i + c];
            const float t_43 = math::exp(scores_x_3 - row_x_1);  // builtin.softmax:17
            tile.x[m][j][2 * i + c] = inside_2 ? t_43 : 0.0f;
            partial_3 = inside_2 ? Add::of(partial_3, t_43) : partial_3;
          }
          row_3.x[m][i] = Add::of(row_3.x[m][i], reduce_columns<Add>(partial_3));
        }
      }
      round(weights, tile);
      wait_copies<0>();
      __syncthreads();
      scale_rows(out, factor);
      dot_nn(out, weights, v_tile);
      if (t_26) {
        residual(weights_low, tile);
        dot_nn(out, weights_low, v_tile);
      }
      __syncthreads();
    }
  }
  if (splits == 1LL) {
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_3_x_1 = row_3.x[m][i];
      const float row_4_x_1 = row_4.x[m][i];
      const float t_44 = (row_3_x_1 != row_3_x_1) ? row_3_x_1 : row_4_x_1;
      row_4.x[m][i] = t_44;
    }
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_3_x_2 = row_3.x[m][i];
      const float row_4_x_2 = row_4.x[m][i];
      #pragma unroll
      for (int j = 0; j < 8; ++j)
      #pragma unroll
      for (int c = 0; c < 2; ++c) {
        const float out_x = out.x[m][j][2 * i + c];
        const float t_45 = (row_4_x_2 == (-infinity)) ? 0.0f : (out_x / row_3_x_2);
        out.x[m][j][2 * i + c] = t_45;
      }
    }
    scatter_rows(o + t_4 * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, out, (int)t_10);
  } else {
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_3_x_3 = row_3.x[m][i];
      const float row_4_x_3 = row_4.x[m][i];
      const float t_46 = (row_3_x_3 != row_3_x_3) ? row_3_x_3 : row_4_x_3;
      row_4.x[m][i] = t_46;
    }
    store(tensor_partial_m + (i64)blockIdx.x * 16LL, row_4);
    store(tensor_partial_l + (i64)blockIdx.x * 16LL, row_3);
    store(tensor_partial_o + (i64)blockIdx.x * 1024LL, out);
  }
}

extern "C" __global__ void __launch_bounds__(32)
local_few_merge(bf16* o,
    i64 o_stride_0,
    i64 o_stride_1,
    i64 o_stride_2,
    const float* tensor_partial_m,
    const float* tensor_partial_l,
    const float* tensor_partial_o,
    i64 splits,
    i64 q_len,
    i64 q_per_tile,
    i64 heads_per_tile,
    i64 heads,
    i64 kv_heads,
    i64 head_tiles,
    i64 q_tiles) {
  RowFragment<float, 16> row;
  RowFragment<float, 16> row_2;
  Fragment<float, 16, 64> tile;
  RowFragment<float, 16> row_3;
  Fragment<float, 16, 64> tile_2;
  RowFragment<float, 16> row_4;
  RowFragment<float, 16> row_5;
  RowFragment<i64, 16> row_q;
  RowFragment<i64, 16> row_h;
  const i64 t = (q_tiles - 1LL) - ((i64)blockIdx.x % q_tiles);
  const i64 t_1 = (i64)blockIdx.x / q_tiles;
  const i64 t_2 = t_1 / head_tiles;
  const i64 t_3 = heads / kv_heads;
  const i64 t_4 = (t_1 % head_tiles) * heads_per_tile;
  const i64 t_5 = wrap_add((t_2 % kv_heads) * t_3, t_4);
  const i64 t_6 = t * q_per_tile;
  const i64 t_7 = min(q_per_tile, wrap_sub(q_len, t_6));
  const i64 t_8 = wrap_mul(min(heads_per_tile, wrap_sub(t_3, t_4)), t_7);
  const i64 t_9 = wrap_sub(t_8, 1LL);
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const i64 row_index = row_of<16>(m, i);
    const i64 t_10 = min(row_index, t_9);
    const i64 y = wrap_add(t_5, t_10 / t_7);
    const i64 y_1 = wrap_add(t_6, t_10 % t_7);
    row_h.x[m][i] = y;
    row_q.x[m][i] = y_1;
  }
  fill(row_5, -infinity);
  fill(row_4, 0.0f);
  fill(tile_2, 0.0f);
  const i64 t_11 = (i64)blockIdx.x * splits;
  for (i64 at = t_11; at < (wrap_add(t_11, splits)); at += 1LL) {
    load(row_3, tensor_partial_m + at * 16LL);
    load(tile, tensor_partial_o + at * 1024LL);
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_5_x = row_5.x[m][i];
      const float row_3_x = row_3.x[m][i];
      #pragma unroll
      for (int j = 0; j < 8; ++j)
      #pragma unroll
      for (int c = 0; c < 2; ++c) {
        const float tile_2_x = tile_2.x[m][j][2 * i + c];
        const float tile_x = tile.x[m][j][2 * i + c];
        const float t_12 = math::maxnum(row_5_x, row_3_x);  // builtin.softmax:15
        const float t_13 = (tile_2_x * (math::exp(row_5_x - t_12))) + (tile_x * (math::exp(row_3_x - t_12)));  // builtin.softmax:25
        const float t_14 = (row_3_x == (-infinity)) ? tile_2_x : t_13;
        tile_2.x[m][j][2 * i + c] = (row_5_x == (-infinity)) ? tile_x : t_14;
      }
    }
    load(row_2, tensor_partial_m + at * 16LL);
    load(row, tensor_partial_l + at * 16LL);
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_5_x_1 = row_5.x[m][i];
      const float row_4_x = row_4.x[m][i];
      const float row_2_x = row_2.x[m][i];
      const float row_x = row.x[m][i];
      const float t_15 = math::maxnum(row_5_x_1, row_2_x);  // builtin.softmax:15
      const float t_16 = (row_4_x * (math::exp(row_5_x_1 - t_15))) + (row_x * (math::exp(row_2_x - t_15)));  // builtin.softmax:22
      const bool t_17 = row_2_x == (-infinity);
      const bool t_18 = row_5_x_1 == (-infinity);
      const float t_19 = t_18 ? row_2_x : (t_17 ? row_5_x_1 : t_15);
      const float y_2 = t_18 ? row_x : (t_17 ? row_4_x : t_16);
      row_5.x[m][i] = t_19;
      row_4.x[m][i] = y_2;
    }
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_1 = row_4.x[m][i];
    const float row_5_x_2 = row_5.x[m][i];
    const float t_20 = (row_4_x_1 != row_4_x_1) ? row_4_x_1 : row_5_x_2;
    row_5.x[m][i] = t_20;
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_2 = row_4.x[m][i];
    const float row_5_x_3 = row_5.x[m][i];
    #pragma unroll
    for (int j = 0; j < 8; ++j)
    #pragma unroll
    for (int c = 0; c < 2; ++c) {
      const float tile_2_x_1 = tile_2.x[m][j][2 * i + c];
      const float t_21 = (row_5_x_3 == (-infinity)) ? 0.0f : (tile_2_x_1 / row_4_x_2);
      tile_2.x[m][j][2 * i + c] = t_21;
    }
  }
  scatter_rows(o + (t_2 / kv_heads) * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, tile_2, (int)t_8);
}
