// local, by Attile 0.1.0 for sm_90a: rows=128 keys=128 dot_rows=64 score_keys=128 value_cols=64
#include "attile/kernel.cuh"
#include "attile/hopper.cuh"

using namespace attile;

extern "C" __global__ void __launch_bounds__(384, 1)
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
    i64 splits,
    const __grid_constant__ TensorMap k_map,
    const __grid_constant__ TensorMap v_map) {
  extern __shared__ __align__(1024) unsigned char shared[];
  RowFragment<int, 16> row_q;
  RowFragment<int, 16> row_h;
  Operand<bf16, 16, 128> weights_low;
  Operand<bf16, 16, 128> weights;
  const int t = (int)kv_len;
  Fragment<float, 16, 128> tile;
  RowFragment<float, 16> row;
  RowFragment<float, 16> row_2;
  RowFragment<float, 16> row_3;
  RowFragment<float, 16> row_4;
  Fragment<float, 16, 128> scores;
  Fragment<float, 16, 64> out;
  RowFragment<float, 16> row_5;
  RowFragment<float, 16> row_6;
  const PanelTile<bf16, 128, 64> q_tile{reinterpret_cast<bf16*>(shared + 0)};
  RowFragment<int, 16> row_q_2;
  RowFragment<int, 16> row_h_2;
  const int t_1 = (int)splits;
  const i64 t_2 = (i64)blockIdx.x / splits;
  const int t_3 = (((int)q_tiles) - 1) - ((int)(t_2 % q_tiles));
  const i64 t_4 = t_2 / q_tiles;
  const i64 t_5 = t_4 / head_tiles;
  const i64 t_6 = t_5 % kv_heads;
  const i64 t_7 = t_5 / kv_heads;
  const i64 t_8 = (i64)(((int)heads) / ((int)kv_heads));
  const i64 t_9 = (t_4 % head_tiles) * heads_per_tile;
  const i64 t_10 = wrap_add(t_6 * t_8, t_9);
  const i64 t_11 = ((i64)t_3) * q_per_tile;
  const i64 t_12 = min(q_per_tile, wrap_sub(q_len, t_11));
  const i64 t_13 = wrap_mul(min(heads_per_tile, wrap_sub(t_8, t_9)), t_12);
  const i64 t_14 = wrap_sub(t_13, 1LL);
  const int t_15 = t - ((int)q_len);
  const i64 t_16 = (i64)t_15;
  const i64 t_17 = wrap_add(t_16, t_11);
  const i64 t_18 = wrap_add(t_16, wrap_sub(wrap_add(t_11, t_12), 1LL));
  const i64 t_19 = max(wrap_add(param_window, -1LL), -2305843009213693952LL);
  const i64 t_20 = wrap_sub(t_17, min(t_19, 2305843009213693952LL));
  const int t_21 = (int)(max(min(t_18, (i64)(t + (-1))), -1LL));
  const int t_22 = t_21 + 1;
  const i64 t_23 = (i64)t_22;
  const i64 t_24 = min(max(t_20, 0LL), t_23);
  const int t_25 = (((int)t_24) / 128) * 128;
  const int t_26 = ceil_div(ceil_div(max(t_22 - t_25, 0), t_1), 128);
  const i64 t_27 = (i64)(t_26 * 128);
  const i64 t_28 = wrap_add((i64)t_25, ((i64)blockIdx.x % splits) * t_27);
  const i64 t_29 = max(t_24, t_28);
  const i64 t_30 = min(t_23, wrap_add(t_28, t_27));
  const int t_31 = (int)t_30;
  const bool t_32 = (wrap_sub(t_30, t_29)) <= 512LL;
  const i64 t_33 = wrap_mul(t_29 / 128LL, 128LL);
  const int t_34 = (int)(min(t_29, t_30));
  const Staged<PanelTile<bf16, 128, 64>, 2> k_tile{reinterpret_cast<bf16*>(shared + 16384)};
  const Barriers<2> k_tile_full{shared_address(shared + 82944)};
  if (threadIdx.x == 0)
    begin_barriers(k_tile_full, 1);
  const Barriers<2> k_tile_empty{shared_address(shared + 82960)};
  if (threadIdx.x == 0)
    begin_barriers(k_tile_empty, 8);
  const Staged<PanelTile<bf16, 128, 64>, 2> v_tile{reinterpret_cast<bf16*>(shared + 49152)};
  const Barriers<2> v_tile_full{shared_address(shared + 82976)};
  if (threadIdx.x == 0)
    begin_barriers(v_tile_full, 1);
  const Barriers<2> v_tile_empty{shared_address(shared + 82992)};
  if (threadIdx.x == 0)
    begin_barriers(v_tile_empty, 8);
  __syncthreads();
  if (threadIdx.x < 256) {  // consumer
    take_registers<232>();
    const int warpgroup_index = warpgroup_of_role(0);
    const i64 t_35 = wrap_sub(1LL, (i64)warpgroup_index);
    if ((i64)warpgroup_index == 1LL) {
      signal(3 + (int)t_35, 256);
    }
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row_index = row_of<16>(m, i);
      const i64 t_36 = min((i64)row_index, t_14);
      const i64 y = wrap_add(t_10, t_36 / t_12);
      const i64 y_1 = wrap_add(t_11, t_36 % t_12);
      row_h_2.x[m][i] = y;
      row_q_2.x[m][i] = y_1;
    }
    gather_rows<256, 1>(q_tile, q + t_7 * q_stride_0, q_stride_1, q_stride_2, row_h_2, row_q_2, reinterpret_cast<i64*>(shared + 81920), (int)t_13);
    meet<1, 256>();
    fill(row_6, -infinity);
    fill(row_5, 0.0f);
    fill(out, 0.0f);
    int now = 0;
    for (int at = (int)(min(t_33, t_30)); at < t_31; at += 128) {
      const int t_37 = max(at, t_34);
      const i64 t_38 = (i64)t_37;
      const int t_39 = min(at + 128, t_31);
      const i64 t_40 = (i64)(t_39 + (-1));
      const bool t_41 = (t_38 <= t_18) && (param_window > (wrap_sub(t_17, t_40)));
      const bool t_42 = (t_40 <= t_17) && (param_window > (wrap_sub(t_18, t_38)));
      const int t_43 = t_39 - t_37;
      const i64 t_44 = (i64)t_43;
      const bool t_45 = t_43 == 128;
      int now_1;
      if (t_41) {
        const i64 t_46 = (i64)(now % 2);
        const i64 t_47 = (i64)((now / 2) % 2);
        wait_phase(k_tile_full, t_46, t_47);
        meet(3 + (int)(i64)warpgroup_index, 256);
        start_dot_nt(scores, q_tile, k_tile.stage(t_46));
        const bool t_48 = now > 0;
        if (t_48) {
          const int t_49 = now - 1;
          const i64 t_50 = (i64)(t_49 % 2);
          wait_phase(v_tile_full, t_50, (i64)((t_49 / 2) % 2));
          start_dot_nn(out, weights, v_tile.stage(t_50));
          signal(3 + (int)t_35, 256);
          wait_products<1>(scores);
        } else {
          signal(3 + (int)t_35, 256);
          wait_products<0>(scores);
        }
        arrive_warp(k_tile_empty, t_46);
        row_3 = row_6;
        if (t_42 && t_45) {
          fill(row_4, -infinity);
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            float partial = -infinity;
            #pragma unroll
            for (int j = 0; j < 16; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const float scores_x = scores.x[m][j][2 * i + c];
              scores.x[m][j][2 * i + c] = scores_x;
              partial = Max::of(partial, scores_x);
            }
            row_4.x[m][i] = Max::of(row_4.x[m][i], reduce_columns<Max>(partial));
          }
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_6_x = row_6.x[m][i];
            const float row_4_x = row_4.x[m][i];
            row_6.x[m][i] = math::maxnum(row_6_x, row_4_x * 0.125f);
          }
        } else {
          fill(row_4, -infinity);
          const i64 t_51 = max(min(param_window, 2147483647LL), -2147483648LL);
          const int t_52 = (int)t_51;
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const i64 row_q_2_x = row_q_2.x[m][i];
            const int t_53 = ((int)row_q_2_x) + t_15;  // local.attn:5
            float partial_1 = -infinity;
            #pragma unroll
            for (int j = 0; j < 16; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const int column_1 = column_of(j, c);
              const bool inside = column_1 < (int)t_44;
              const float scores_x_1 = scores.x[m][j][2 * i + c];
              const int t_54 = t_37 + (column_1);
              const float t_55 = ((t_54 <= t_53) && ((t_53 - t_54) < t_52)) ? scores_x_1 : (-infinity);
              scores.x[m][j][2 * i + c] = inside ? t_55 : 0.0f;
              partial_1 = inside ? Max::of(partial_1, t_55) : partial_1;
            }
            row_4.x[m][i] = Max::of(row_4.x[m][i], reduce_columns<Max>(partial_1));
          }
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_6_x_1 = row_6.x[m][i];
            const float row_4_x_1 = row_4.x[m][i];
            const float t_56 = math::maxnum(row_6_x_1, row_4_x_1 * 0.125f);
            row_6.x[m][i] = t_56;
          }
        }
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float row_6_x_2 = row_6.x[m][i];
          const float row_3_x = row_3.x[m][i];
          const float row_5_x = row_5.x[m][i];
          const float t_57 = (row_6_x_2 == (-infinity)) ? 0.0f : row_6_x_2;
          const float t_58 = math::exp(row_3_x - t_57);  // builtin.softmax:17
          const float y_2 = row_5_x * t_58;
          row_2.x[m][i] = t_57;
          row.x[m][i] = t_58;
          row_5.x[m][i] = y_2;
        }
        if (t_45) {
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_2_x = row_2.x[m][i];
            const float t_59 = -(row_2_x * 1.442695f);  // builtin.softmax:17
            float partial_2 = 0.0f;
            #pragma unroll
            for (int j = 0; j < 16; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const float scores_x_2 = scores.x[m][j][2 * i + c];
              const float t_60 = math::exp2(math::fma(scores_x_2, 0.18033688f, t_59));  // builtin.softmax:17
              tile.x[m][j][2 * i + c] = t_60;
              partial_2 = Add::of(partial_2, t_60);
            }
            row_5.x[m][i] = Add::of(row_5.x[m][i], reduce_columns<Add>(partial_2));
          }
        } else {
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_2_x_1 = row_2.x[m][i];
            const float t_61 = -(row_2_x_1 * 1.442695f);  // builtin.softmax:17
            float partial_3 = 0.0f;
            #pragma unroll
            for (int j = 0; j < 16; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const int column_3 = column_of(j, c);
              const bool inside_1 = column_3 < (int)t_44;
              const float scores_x_3 = scores.x[m][j][2 * i + c];
              const float t_62 = math::exp2(math::fma(scores_x_3, 0.18033688f, t_61));  // builtin.softmax:17
              tile.x[m][j][2 * i + c] = inside_1 ? t_62 : 0.0f;
              partial_3 = inside_1 ? Add::of(partial_3, t_62) : partial_3;
            }
            row_5.x[m][i] = Add::of(row_5.x[m][i], reduce_columns<Add>(partial_3));
          }
        }
        settle(tile);
        wait_products<0>(out);
        if (t_48) {
          arrive_warp(v_tile_empty, (i64)((now - 1) % 2));
        }
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float row_x = row.x[m][i];
          #pragma unroll
          for (int j = 0; j < 8; ++j)
          #pragma unroll
          for (int c = 0; c < 2; ++c) {
            const float out_x = out.x[m][j][2 * i + c];
            out.x[m][j][2 * i + c] = out_x * row_x;
          }
        }
        round(weights, tile);
        if (t_32) {
          residual(weights_low, tile);
          wait_phase(v_tile_full, t_46, t_47);
          dot_nn(out, weights_low, v_tile.stage(t_46));
        }
        now_1 = now + 1;
      } else {
        now_1 = now;
      }
      now = now_1;
    }
    if (now > 0) {
      const int t_63 = now - 1;
      const i64 t_64 = (i64)(t_63 % 2);
      wait_phase(v_tile_full, t_64, (i64)((t_63 / 2) % 2));
      dot_nn(out, weights, v_tile.stage(t_64));
      arrive_warp(v_tile_empty, t_64);
    }
    if (t_1 == 1) {
      #pragma unroll
      for (int m = 0; m < 1; ++m)
      #pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float row_5_x_1 = row_5.x[m][i];
        const float row_6_x_3 = row_6.x[m][i];
        const float t_65 = (row_5_x_1 != row_5_x_1) ? row_5_x_1 : row_6_x_3;
        row_6.x[m][i] = t_65;
      }
      #pragma unroll
      for (int m = 0; m < 1; ++m)
      #pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float row_5_x_2 = row_5.x[m][i];
        const float row_6_x_4 = row_6.x[m][i];
        const float t_66 = 1.0f / row_5_x_2;  // builtin.softmax:29
        const bool t_67 = row_6_x_4 == (-infinity);
        #pragma unroll
        for (int j = 0; j < 8; ++j)
        #pragma unroll
        for (int c = 0; c < 2; ++c) {
          const float out_x_1 = out.x[m][j][2 * i + c];
          out.x[m][j][2 * i + c] = t_67 ? 0.0f : (out_x_1 * t_66);
        }
      }
      #pragma unroll
      for (int m = 0; m < 1; ++m)
      #pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int row_index_1 = row_of<16>(m, i);
        const i64 t_68 = min((i64)row_index_1, t_14);
        const i64 y_3 = wrap_add(t_10, t_68 / t_12);
        const i64 y_4 = wrap_add(t_11, t_68 % t_12);
        row_h.x[m][i] = y_3;
        row_q.x[m][i] = y_4;
      }
      scatter_rows(o + t_7 * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, out, (int)t_13);
    } else {
      #pragma unroll
      for (int m = 0; m < 1; ++m)
      #pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float row_5_x_3 = row_5.x[m][i];
        const float row_6_x_5 = row_6.x[m][i];
        const float t_69 = (row_5_x_3 != row_5_x_3) ? row_5_x_3 : row_6_x_5;
        row_6.x[m][i] = t_69;
      }
      store(tensor_partial_m + (i64)blockIdx.x * 128LL, row_6);
      store(tensor_partial_l + (i64)blockIdx.x * 128LL, row_5);
      store(tensor_partial_o + (i64)blockIdx.x * 8192LL, out);
    }
  } else {  // producer
    keep_registers<40>();
    int now_2 = 0;
    for (int at_1 = (int)(min(t_33, t_30)); at_1 < t_31; at_1 += 128) {
      const int t_70 = max(at_1, t_34);
      const i64 t_71 = (i64)t_70;
      const int t_72 = min(at_1 + 128, t_31);
      const bool t_73 = param_window > (wrap_sub(t_17, (i64)(t_72 + (-1))));
      const i64 t_74 = (i64)(t_72 - t_70);
      int now_3;
      if ((t_71 <= t_18) && t_73) {
        const i64 t_75 = (i64)(now_2 % 2);
        const i64 t_76 = 1LL - ((i64)((now_2 / 2) % 2));
        wait_phase(k_tile_empty, t_75, t_76);
        bring_rows<2>(k_tile.stage(t_75), k_map, t_7, t_6, t_71, k + t_7 * k_stride_0 + t_6 * k_stride_1 + t_71 * k_stride_2, k_stride_2, (int)t_74, k_tile_full, t_75);
        wait_phase(v_tile_empty, t_75, t_76);
        bring_rows<2>(v_tile.stage(t_75), v_map, t_7, t_6, t_71, v + t_7 * v_stride_0 + t_6 * v_stride_1 + t_71 * v_stride_2, v_stride_2, (int)t_74, v_tile_full, t_75);
        now_3 = now_2 + 1;
      } else {
        now_3 = now_2;
      }
      now_2 = now_3;
    }
  }
}

extern "C" __global__ void __launch_bounds__(256, 1)
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
  RowFragment<int, 16> row_q;
  RowFragment<int, 16> row_h;
  RowFragment<float, 16> row;
  RowFragment<float, 16> row_2;
  Fragment<float, 16, 64> tile;
  RowFragment<float, 16> row_3;
  Fragment<float, 16, 64> tile_2;
  RowFragment<float, 16> row_4;
  RowFragment<float, 16> row_5;
  const int t = (((int)q_tiles) - 1) - ((int)((i64)blockIdx.x % q_tiles));
  const i64 t_1 = (i64)blockIdx.x / q_tiles;
  const i64 t_2 = t_1 / head_tiles;
  const i64 t_3 = (i64)(((int)heads) / ((int)kv_heads));
  const i64 t_4 = (t_1 % head_tiles) * heads_per_tile;
  const i64 t_5 = wrap_add((t_2 % kv_heads) * t_3, t_4);
  const i64 t_6 = ((i64)t) * q_per_tile;
  const i64 t_7 = min(q_per_tile, wrap_sub(q_len, t_6));
  const i64 t_8 = wrap_mul(min(heads_per_tile, wrap_sub(t_3, t_4)), t_7);
  const i64 t_9 = wrap_sub(t_8, 1LL);
  fill(row_5, -infinity);
  fill(row_4, 0.0f);
  fill(tile_2, 0.0f);
  const i64 t_10 = (i64)blockIdx.x * splits;
  for (i64 at = t_10; at < (wrap_add(t_10, splits)); at += 1LL) {
    load(row_3, tensor_partial_m + at * 128LL);
    load(tile, tensor_partial_o + at * 8192LL);
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_5_x = row_5.x[m][i];
      const float row_3_x = row_3.x[m][i];
      const float t_11 = math::maxnum(row_5_x, row_3_x);  // builtin.softmax:15
      const float t_12 = math::exp(row_5_x - t_11);  // builtin.softmax:17
      const float t_13 = math::exp(row_3_x - t_11);  // builtin.softmax:19
      const bool t_14 = row_3_x == (-infinity);
      const bool t_15 = row_5_x == (-infinity);
      #pragma unroll
      for (int j = 0; j < 8; ++j)
      #pragma unroll
      for (int c = 0; c < 2; ++c) {
        const float tile_2_x = tile_2.x[m][j][2 * i + c];
        const float tile_x = tile.x[m][j][2 * i + c];
        const float t_16 = t_14 ? tile_2_x : ((tile_2_x * t_12) + (tile_x * t_13));
        tile_2.x[m][j][2 * i + c] = t_15 ? tile_x : t_16;
      }
    }
    load(row_2, tensor_partial_m + at * 128LL);
    load(row, tensor_partial_l + at * 128LL);
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_5_x_1 = row_5.x[m][i];
      const float row_4_x = row_4.x[m][i];
      const float row_2_x = row_2.x[m][i];
      const float row_x = row.x[m][i];
      const float t_17 = math::maxnum(row_5_x_1, row_2_x);  // builtin.softmax:15
      const float t_18 = (row_4_x * (math::exp(row_5_x_1 - t_17))) + (row_x * (math::exp(row_2_x - t_17)));  // builtin.softmax:22
      const bool t_19 = row_2_x == (-infinity);
      const bool t_20 = row_5_x_1 == (-infinity);
      const float t_21 = t_20 ? row_2_x : (t_19 ? row_5_x_1 : t_17);
      const float y = t_20 ? row_x : (t_19 ? row_4_x : t_18);
      row_5.x[m][i] = t_21;
      row_4.x[m][i] = y;
    }
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_1 = row_4.x[m][i];
    const float row_5_x_2 = row_5.x[m][i];
    const float t_22 = (row_4_x_1 != row_4_x_1) ? row_4_x_1 : row_5_x_2;
    row_5.x[m][i] = t_22;
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_2 = row_4.x[m][i];
    const float row_5_x_3 = row_5.x[m][i];
    const float t_23 = 1.0f / row_4_x_2;  // builtin.softmax:29
    const bool t_24 = row_5_x_3 == (-infinity);
    #pragma unroll
    for (int j = 0; j < 8; ++j)
    #pragma unroll
    for (int c = 0; c < 2; ++c) {
      const float tile_2_x_1 = tile_2.x[m][j][2 * i + c];
      tile_2.x[m][j][2 * i + c] = t_24 ? 0.0f : (tile_2_x_1 * t_23);
    }
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row_index = row_of<16>(m, i);
    const i64 t_25 = min((i64)row_index, t_9);
    const i64 y_1 = wrap_add(t_5, t_25 / t_7);
    const i64 y_2 = wrap_add(t_6, t_25 % t_7);
    row_h.x[m][i] = y_1;
    row_q.x[m][i] = y_2;
  }
  scatter_rows(o + (t_2 / kv_heads) * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, tile_2, (int)t_8);
}

extern "C" __global__ void __launch_bounds__(32, 1)
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
  RowFragment<int, 16> row_q;
  RowFragment<int, 16> row_h;
  Operand<bf16, 16, 48> weights_low;
  Operand<bf16, 16, 48> weights;
  const SharedTile<bf16, 48, 64> v_tile{reinterpret_cast<bf16*>(shared + 0)};
  const SharedTile<bf16, 48, 64> k_tile{reinterpret_cast<bf16*>(shared + 6144)};
  const int t = (int)kv_len;
  Fragment<float, 16, 48> tile;
  RowFragment<float, 16> factor;
  RowFragment<float, 16> row;
  RowFragment<float, 16> row_2;
  RowFragment<float, 16> row_3;
  Fragment<float, 16, 48> scores;
  Fragment<float, 16, 64> out;
  RowFragment<float, 16> row_4;
  RowFragment<float, 16> row_5;
  const SharedTile<bf16, 16, 64> q_tile{reinterpret_cast<bf16*>(shared + 12288)};
  RowFragment<int, 16> row_q_2;
  RowFragment<int, 16> row_h_2;
  const int t_1 = (int)splits;
  const i64 t_2 = (i64)blockIdx.x / splits;
  const int t_3 = (((int)q_tiles) - 1) - ((int)(t_2 % q_tiles));
  const i64 t_4 = t_2 / q_tiles;
  const i64 t_5 = t_4 / head_tiles;
  const i64 t_6 = t_5 % kv_heads;
  const i64 t_7 = t_5 / kv_heads;
  const i64 t_8 = (i64)(((int)heads) / ((int)kv_heads));
  const i64 t_9 = (t_4 % head_tiles) * heads_per_tile;
  const i64 t_10 = wrap_add(t_6 * t_8, t_9);
  const i64 t_11 = ((i64)t_3) * q_per_tile;
  const i64 t_12 = min(q_per_tile, wrap_sub(q_len, t_11));
  const i64 t_13 = wrap_mul(min(heads_per_tile, wrap_sub(t_8, t_9)), t_12);
  const i64 t_14 = wrap_sub(t_13, 1LL);
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row_index = row_of<16>(m, i);
    const i64 t_15 = min((i64)row_index, t_14);
    const i64 y = wrap_add(t_10, t_15 / t_12);
    const i64 y_1 = wrap_add(t_11, t_15 % t_12);
    row_h_2.x[m][i] = y;
    row_q_2.x[m][i] = y_1;
  }
  gather_rows(q_tile, q + t_7 * q_stride_0, q_stride_1, q_stride_2, row_h_2, row_q_2, reinterpret_cast<i64*>(shared + 14336), (int)t_13);
  fill(row_5, -infinity);
  fill(row_4, 0.0f);
  fill(out, 0.0f);
  const int t_16 = t - ((int)q_len);
  const i64 t_17 = (i64)t_16;
  const i64 t_18 = wrap_add(t_17, t_11);
  const i64 t_19 = wrap_add(t_17, wrap_sub(wrap_add(t_11, t_12), 1LL));
  const i64 t_20 = max(wrap_add(param_window, -1LL), -2305843009213693952LL);
  const i64 t_21 = wrap_sub(t_18, min(t_20, 2305843009213693952LL));
  const int t_22 = (int)(max(min(t_19, (i64)(t + (-1))), -1LL));
  const int t_23 = t_22 + 1;
  const i64 t_24 = (i64)t_23;
  const i64 t_25 = min(max(t_21, 0LL), t_24);
  const int t_26 = (((int)t_25) / 48) * 48;
  const int t_27 = ceil_div(ceil_div(max(t_23 - t_26, 0), t_1), 48);
  const i64 t_28 = (i64)(t_27 * 48);
  const i64 t_29 = wrap_add((i64)t_26, ((i64)blockIdx.x % splits) * t_28);
  const i64 t_30 = max(t_25, t_29);
  const i64 t_31 = min(t_24, wrap_add(t_29, t_28));
  const int t_32 = (int)t_31;
  const bool t_33 = (wrap_sub(t_31, t_30)) <= 4096LL;
  const i64 t_34 = wrap_mul(t_30 / 48LL, 48LL);
  const i64 t_35 = min(t_30, t_31);
  const int t_36 = (int)t_35;
  if (t_34 < t_31) {
    const i64 t_37 = max(t_34, t_35);
    const i64 t_38 = min(wrap_add(t_34, 48LL), t_31);
    const i64 t_39 = wrap_sub(t_18, (i64)(((int)t_38) + (-1)));
    const i64 t_40 = wrap_sub(t_38, t_37);
    if ((t_37 <= t_19) && (param_window > t_39)) {
      copy_rows_async<1>(k_tile, k + t_7 * k_stride_0 + t_6 * k_stride_1 + t_37 * k_stride_2, k_stride_2, (int)t_40);
      commit_copies();
    }
    for (int at = (int)(min(t_34, t_31)); at < t_32; at += 48) {
      const int t_41 = max(at, t_36);
      const i64 t_42 = (i64)t_41;
      const int t_43 = at + 48;
      const int t_44 = min(t_43, t_32);
      const i64 t_45 = (i64)(t_44 + (-1));
      const bool t_46 = (t_42 <= t_19) && (param_window > (wrap_sub(t_18, t_45)));
      const bool t_47 = (t_45 <= t_18) && (param_window > (wrap_sub(t_19, t_42)));
      const int t_48 = t_44 - t_41;
      const i64 t_49 = (i64)t_48;
      const bool t_50 = t_48 == 48;
      if (t_46) {
        wait_copies<0>();
        __syncthreads();
        copy_rows_async<1>(v_tile, v + t_7 * v_stride_0 + t_6 * v_stride_1 + t_42 * v_stride_2, v_stride_2, (int)t_49);
        commit_copies();
        dot_nt(scores, q_tile, k_tile);
        row_2 = row_5;
        if (t_47 && t_50) {
          fill(row_3, -infinity);
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
              scores.x[m][j][2 * i + c] = scores_x;
              partial = Max::of(partial, scores_x);
            }
            row_3.x[m][i] = Max::of(row_3.x[m][i], reduce_columns<Max>(partial));
          }
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_5_x = row_5.x[m][i];
            const float row_3_x = row_3.x[m][i];
            row_5.x[m][i] = math::maxnum(row_5_x, row_3_x * 0.125f);
          }
        } else {
          fill(row_3, -infinity);
          const i64 t_51 = max(min(param_window, 2147483647LL), -2147483648LL);
          const int t_52 = (int)t_51;
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const i64 row_q_2_x = row_q_2.x[m][i];
            const int t_53 = ((int)row_q_2_x) + t_16;  // local.attn:5
            float partial_1 = -infinity;
            #pragma unroll
            for (int j = 0; j < 6; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const int column_1 = column_of(j, c);
              const bool inside = column_1 < (int)t_49;
              const float scores_x_1 = scores.x[m][j][2 * i + c];
              const int t_54 = t_41 + (column_1);
              const float t_55 = ((t_54 <= t_53) && ((t_53 - t_54) < t_52)) ? scores_x_1 : (-infinity);
              scores.x[m][j][2 * i + c] = inside ? t_55 : 0.0f;
              partial_1 = inside ? Max::of(partial_1, t_55) : partial_1;
            }
            row_3.x[m][i] = Max::of(row_3.x[m][i], reduce_columns<Max>(partial_1));
          }
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_5_x_1 = row_5.x[m][i];
            const float row_3_x_1 = row_3.x[m][i];
            const float t_56 = math::maxnum(row_5_x_1, row_3_x_1 * 0.125f);
            row_5.x[m][i] = t_56;
          }
        }
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float row_5_x_2 = row_5.x[m][i];
          const float row_2_x = row_2.x[m][i];
          const float row_4_x = row_4.x[m][i];
          const float t_57 = (row_5_x_2 == (-infinity)) ? 0.0f : row_5_x_2;
          const float t_58 = math::exp(row_2_x - t_57);  // builtin.softmax:17
          const float y_2 = row_4_x * t_58;
          row.x[m][i] = t_57;
          factor.x[m][i] = t_58;
          row_4.x[m][i] = y_2;
        }
        if (t_50) {
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_x = row.x[m][i];
            const float t_59 = -(row_x * 1.442695f);  // builtin.softmax:17
            float partial_2 = 0.0f;
            #pragma unroll
            for (int j = 0; j < 6; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const float scores_x_2 = scores.x[m][j][2 * i + c];
              const float t_60 = math::exp2(math::fma(scores_x_2, 0.18033688f, t_59));  // builtin.softmax:17
              tile.x[m][j][2 * i + c] = t_60;
              partial_2 = Add::of(partial_2, t_60);
            }
            row_4.x[m][i] = Add::of(row_4.x[m][i], reduce_columns<Add>(partial_2));
          }
        } else {
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_x_1 = row.x[m][i];
            const float t_61 = -(row_x_1 * 1.442695f);  // builtin.softmax:17
            float partial_3 = 0.0f;
            #pragma unroll
            for (int j = 0; j < 6; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const int column_3 = column_of(j, c);
              const bool inside_1 = column_3 < (int)t_49;
              const float scores_x_3 = scores.x[m][j][2 * i + c];
              const float t_62 = math::exp2(math::fma(scores_x_3, 0.18033688f, t_61));  // builtin.softmax:17
              tile.x[m][j][2 * i + c] = inside_1 ? t_62 : 0.0f;
              partial_3 = inside_1 ? Add::of(partial_3, t_62) : partial_3;
            }
            row_4.x[m][i] = Add::of(row_4.x[m][i], reduce_columns<Add>(partial_3));
          }
        }
        round(weights, tile);
        if (t_33) {
          residual(weights_low, tile);
        }
        wait_copies<0>();
        __syncthreads();
        const bool t_63 = t_43 < t_32;
        const int t_64 = t_63 ? t_43 : at;
        const int t_65 = max(t_64, t_36);
        const i64 t_66 = (i64)t_65;
        const int t_67 = min(t_64 + 48, t_32);
        const bool t_68 = param_window > (wrap_sub(t_18, (i64)(t_67 + (-1))));
        const i64 t_69 = (i64)(t_67 - t_65);
        if (t_63 && ((t_66 <= t_19) && t_68)) {
          copy_rows_async<1>(k_tile, k + t_7 * k_stride_0 + t_6 * k_stride_1 + t_66 * k_stride_2, k_stride_2, (int)t_69);
          commit_copies();
        }
        scale_rows(out, factor);
        dot_nn(out, weights, v_tile);
        if (t_33) {
          dot_nn(out, weights_low, v_tile);
        }
      } else {
        const bool t_70 = t_43 < t_32;
        const int t_71 = t_70 ? t_43 : at;
        const int t_72 = max(t_71, t_36);
        const i64 t_73 = (i64)t_72;
        const int t_74 = min(t_71 + 48, t_32);
        const bool t_75 = param_window > (wrap_sub(t_18, (i64)(t_74 + (-1))));
        const i64 t_76 = (i64)(t_74 - t_72);
        if (t_70 && ((t_73 <= t_19) && t_75)) {
          copy_rows_async<1>(k_tile, k + t_7 * k_stride_0 + t_6 * k_stride_1 + t_73 * k_stride_2, k_stride_2, (int)t_76);
          commit_copies();
        }
      }
    }
  }
  if (t_1 == 1) {
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_4_x_1 = row_4.x[m][i];
      const float row_5_x_3 = row_5.x[m][i];
      const float t_77 = (row_4_x_1 != row_4_x_1) ? row_4_x_1 : row_5_x_3;
      row_5.x[m][i] = t_77;
    }
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_4_x_2 = row_4.x[m][i];
      const float row_5_x_4 = row_5.x[m][i];
      const float t_78 = 1.0f / row_4_x_2;  // builtin.softmax:29
      const bool t_79 = row_5_x_4 == (-infinity);
      #pragma unroll
      for (int j = 0; j < 8; ++j)
      #pragma unroll
      for (int c = 0; c < 2; ++c) {
        const float out_x = out.x[m][j][2 * i + c];
        out.x[m][j][2 * i + c] = t_79 ? 0.0f : (out_x * t_78);
      }
    }
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row_index_1 = row_of<16>(m, i);
      const i64 t_80 = min((i64)row_index_1, t_14);
      const i64 y_3 = wrap_add(t_10, t_80 / t_12);
      const i64 y_4 = wrap_add(t_11, t_80 % t_12);
      row_h.x[m][i] = y_3;
      row_q.x[m][i] = y_4;
    }
    scatter_rows(o + t_7 * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, out, (int)t_13);
  } else {
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_4_x_3 = row_4.x[m][i];
      const float row_5_x_5 = row_5.x[m][i];
      const float t_81 = (row_4_x_3 != row_4_x_3) ? row_4_x_3 : row_5_x_5;
      row_5.x[m][i] = t_81;
    }
    store(tensor_partial_m + (i64)blockIdx.x * 16LL, row_5);
    store(tensor_partial_l + (i64)blockIdx.x * 16LL, row_4);
    store(tensor_partial_o + (i64)blockIdx.x * 1024LL, out);
  }
}

extern "C" __global__ void __launch_bounds__(32, 1)
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
  RowFragment<int, 16> row_q;
  RowFragment<int, 16> row_h;
  RowFragment<float, 16> row;
  RowFragment<float, 16> row_2;
  Fragment<float, 16, 64> tile;
  RowFragment<float, 16> row_3;
  Fragment<float, 16, 64> tile_2;
  RowFragment<float, 16> row_4;
  RowFragment<float, 16> row_5;
  const int t = (((int)q_tiles) - 1) - ((int)((i64)blockIdx.x % q_tiles));
  const i64 t_1 = (i64)blockIdx.x / q_tiles;
  const i64 t_2 = t_1 / head_tiles;
  const i64 t_3 = (i64)(((int)heads) / ((int)kv_heads));
  const i64 t_4 = (t_1 % head_tiles) * heads_per_tile;
  const i64 t_5 = wrap_add((t_2 % kv_heads) * t_3, t_4);
  const i64 t_6 = ((i64)t) * q_per_tile;
  const i64 t_7 = min(q_per_tile, wrap_sub(q_len, t_6));
  const i64 t_8 = wrap_mul(min(heads_per_tile, wrap_sub(t_3, t_4)), t_7);
  const i64 t_9 = wrap_sub(t_8, 1LL);
  fill(row_5, -infinity);
  fill(row_4, 0.0f);
  fill(tile_2, 0.0f);
  const i64 t_10 = (i64)blockIdx.x * splits;
  for (i64 at = t_10; at < (wrap_add(t_10, splits)); at += 1LL) {
    load(row_3, tensor_partial_m + at * 16LL);
    load(tile, tensor_partial_o + at * 1024LL);
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_5_x = row_5.x[m][i];
      const float row_3_x = row_3.x[m][i];
      const float t_11 = math::maxnum(row_5_x, row_3_x);  // builtin.softmax:15
      const float t_12 = math::exp(row_5_x - t_11);  // builtin.softmax:17
      const float t_13 = math::exp(row_3_x - t_11);  // builtin.softmax:19
      const bool t_14 = row_3_x == (-infinity);
      const bool t_15 = row_5_x == (-infinity);
      #pragma unroll
      for (int j = 0; j < 8; ++j)
      #pragma unroll
      for (int c = 0; c < 2; ++c) {
        const float tile_2_x = tile_2.x[m][j][2 * i + c];
        const float tile_x = tile.x[m][j][2 * i + c];
        const float t_16 = t_14 ? tile_2_x : ((tile_2_x * t_12) + (tile_x * t_13));
        tile_2.x[m][j][2 * i + c] = t_15 ? tile_x : t_16;
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
      const float t_17 = math::maxnum(row_5_x_1, row_2_x);  // builtin.softmax:15
      const float t_18 = (row_4_x * (math::exp(row_5_x_1 - t_17))) + (row_x * (math::exp(row_2_x - t_17)));  // builtin.softmax:22
      const bool t_19 = row_2_x == (-infinity);
      const bool t_20 = row_5_x_1 == (-infinity);
      const float t_21 = t_20 ? row_2_x : (t_19 ? row_5_x_1 : t_17);
      const float y = t_20 ? row_x : (t_19 ? row_4_x : t_18);
      row_5.x[m][i] = t_21;
      row_4.x[m][i] = y;
    }
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_1 = row_4.x[m][i];
    const float row_5_x_2 = row_5.x[m][i];
    const float t_22 = (row_4_x_1 != row_4_x_1) ? row_4_x_1 : row_5_x_2;
    row_5.x[m][i] = t_22;
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_2 = row_4.x[m][i];
    const float row_5_x_3 = row_5.x[m][i];
    const float t_23 = 1.0f / row_4_x_2;  // builtin.softmax:29
    const bool t_24 = row_5_x_3 == (-infinity);
    #pragma unroll
    for (int j = 0; j < 8; ++j)
    #pragma unroll
    for (int c = 0; c < 2; ++c) {
      const float tile_2_x_1 = tile_2.x[m][j][2 * i + c];
      tile_2.x[m][j][2 * i + c] = t_24 ? 0.0f : (tile_2_x_1 * t_23);
    }
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row_index = row_of<16>(m, i);
    const i64 t_25 = min((i64)row_index, t_9);
    const i64 y_1 = wrap_add(t_5, t_25 / t_7);
    const i64 y_2 = wrap_add(t_6, t_25 % t_7);
    row_h.x[m][i] = y_1;
    row_q.x[m][i] = y_2;
  }
  scatter_rows(o + (t_2 / kv_heads) * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, tile_2, (int)t_8);
}
