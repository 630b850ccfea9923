// local, by Attile 0.1.0 for sm_90a: rows=192 keys=80 dot_rows=64 score_keys=80 value_cols=64
#include "attile/kernel.cuh"
#include "attile/hopper.cuh"

using namespace attile;

extern "C" __global__ void __launch_bounds__(512, 1)
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
  Operand<bf16, 16, 80> weights_low;
  Operand<bf16, 16, 80> weights;
  const int t = (int)kv_len;
  Fragment<float, 16, 80> tile;
  RowFragment<float, 16> row;
  RowFragment<float, 16> row_2;
  RowFragment<float, 16> row_3;
  RowFragment<float, 16> row_4;
  Fragment<float, 16, 80> scores;
  Fragment<float, 16, 64> out;
  RowFragment<float, 16> row_5;
  RowFragment<float, 16> row_6;
  const PanelTile<bf16, 192, 64> q_tile{reinterpret_cast<bf16*>(shared + 0)};
  RowFragment<int, 16> row_q_2;
  RowFragment<int, 16> row_h_2;
  const int t_1 = (int)q_len;
  const int t_2 = (int)kv_heads;
  const int t_3 = (int)head_tiles;
  const int t_4 = (int)q_tiles;
  const int t_5 = (int)splits;
  const int t_6 = blockIdx.x;
  const int t_7 = t_6 / t_5;
  const int t_8 = t_7 / t_4;
  const int t_9 = t_8 / t_3;
  const i64 t_10 = (i64)(t_9 % t_2);
  const i64 t_11 = (i64)(t_9 / t_2);
  const int t_12 = ((int)heads) / t_2;
  const i64 t_13 = (i64)t_12;
  const i64 t_14 = min(((i64)(t_8 % t_3)) * heads_per_tile, t_13);
  const int t_15 = (int)t_14;
  const i64 t_16 = (i64)(min((int)heads_per_tile, t_12 - t_15));
  const int t_17 = ((int)(min(t_10 * t_13, heads))) + t_15;
  const i64 t_18 = ((i64)((t_4 - 1) - (t_7 % t_4))) * q_per_tile;
  const int t_19 = (int)(max(min(t_18, q_len), 0LL));
  const int t_20 = min((int)q_per_tile, t_1 - t_19);
  const i64 t_21 = max(min(t_16 * ((i64)t_20), 192LL), 0LL);
  const int t_22 = ((int)t_21) - 1;
  const int t_23 = t - t_1;
  const int t_24 = t_23 + t_19;
  const int t_25 = t_23 + ((t_19 + t_20) - 1);
  const i64 t_26 = max(wrap_add(param_window, -1LL), -2305843009213693952LL);
  const i64 t_27 = wrap_sub((i64)t_24, min(t_26, 2305843009213693952LL));
  const int t_28 = (max(min(t_25, t + (-1)), -1)) + 1;
  const i64 t_29 = (i64)t_28;
  const i64 t_30 = min(max(t_27, 0LL), t_29);
  const int t_31 = (((int)t_30) / 80) * 80;
  const int t_32 = ceil_div(ceil_div(max(t_28 - t_31, 0), t_5), 80);
  const i64 t_33 = (i64)(t_32 * 80);
  const i64 t_34 = wrap_add((i64)t_31, ((i64)(t_6 % t_5)) * t_33);
  const i64 t_35 = max(t_30, t_34);
  const i64 t_36 = min(t_29, wrap_add(t_34, t_33));
  const int t_37 = (int)t_36;
  const bool t_38 = (wrap_sub(t_36, t_35)) <= 512LL;
  const i64 t_39 = wrap_mul(t_35 / 80LL, 80LL);
  const int t_40 = (int)(min(t_35, t_36));
  const Staged<PanelTile<bf16, 80, 64>, 2> k_tile{reinterpret_cast<bf16*>(shared + 24576)};
  const Barriers<2> k_tile_full{shared_address(shared + 67072)};
  if (threadIdx.x == 0)
    begin_barriers(k_tile_full, 1);
  const Barriers<2> k_tile_empty{shared_address(shared + 67088)};
  if (threadIdx.x == 0)
    begin_barriers(k_tile_empty, 12);
  const Staged<PanelTile<bf16, 80, 64>, 2> v_tile{reinterpret_cast<bf16*>(shared + 45056)};
  const Barriers<2> v_tile_full{shared_address(shared + 67104)};
  if (threadIdx.x == 0)
    begin_barriers(v_tile_full, 1);
  const Barriers<2> v_tile_empty{shared_address(shared + 67120)};
  if (threadIdx.x == 0)
    begin_barriers(v_tile_empty, 12);
  __syncthreads();
  if (threadIdx.x < 384) {  // consumer
    take_registers<160>();
    const int warpgroup_index = warpgroup_of_role(0);
    const bool t_41 = (i64)warpgroup_index == 2LL;
    const i64 t_42 = t_41 ? 0LL : (wrap_add((i64)warpgroup_index, 1LL));
    if (t_41) {
      signal(3 + (int)t_42, 256);
    }
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row_index = row_of<16>(m, i);
      const int t_43 = min(row_index, t_22);
      const i64 y = (i64)(t_17 + (t_43 / t_20));
      const i64 y_1 = (i64)(t_19 + (t_43 % t_20));
      row_h_2.x[m][i] = y;
      row_q_2.x[m][i] = y_1;
    }
    gather_rows<384, 1>(q_tile, q + t_11 * q_stride_0, q_stride_1, q_stride_2, row_h_2, row_q_2, reinterpret_cast<i64*>(shared + 65536), (int)t_21);
    meet<1, 384>();
    fill(row_6, -infinity);
    fill(row_5, 0.0f);
    fill(out, 0.0f);
    int now = 0;
    for (int at = (int)(min(t_39, t_36)); at < t_37; at += 80) {
      const int t_44 = max(at, t_40);
      const int t_45 = min(at + 80, t_37);
      const int t_46 = t_45 + (-1);
      const bool t_47 = (t_44 <= t_25) && (param_window > ((i64)(t_24 - t_46)));
      const bool t_48 = (t_46 <= t_24) && (param_window > ((i64)(t_25 - t_44)));
      const int t_49 = t_45 - t_44;
      const i64 t_50 = (i64)t_49;
      const bool t_51 = t_49 == 80;
      int now_1;
      if (t_47) {
        const i64 t_52 = (i64)(now % 2);
        const i64 t_53 = (i64)((now / 2) % 2);
        wait_phase(k_tile_full, t_52, t_53);
        meet(3 + (int)(i64)warpgroup_index, 256);
        start_dot_nt(scores, q_tile, k_tile.stage(t_52));
        const bool t_54 = now > 0;
        if (t_54) {
          const int t_55 = now - 1;
          const i64 t_56 = (i64)(t_55 % 2);
          wait_phase(v_tile_full, t_56, (i64)((t_55 / 2) % 2));
          start_dot_nn(out, weights, v_tile.stage(t_56));
          signal(3 + (int)t_42, 256);
          wait_products<1>(scores);
        } else {
          signal(3 + (int)t_42, 256);
          wait_products<0>(scores);
        }
        arrive_warp(k_tile_empty, t_52);
        row_3 = row_6;
        if (t_48 && t_51) {
          fill(row_4, -infinity);
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            float partial = -infinity;
            #pragma unroll
            for (int j = 0; j < 10; ++j)
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
          const i64 t_57 = max(min(param_window, 2147483647LL), -2147483648LL);
          const int t_58 = (int)t_57;
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const i64 row_q_2_x = row_q_2.x[m][i];
            const int t_59 = ((int)row_q_2_x) + t_23;  // local.attn:5
            float partial_1 = -infinity;
            #pragma unroll
            for (int j = 0; j < 10; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const int column_1 = column_of(j, c);
              const bool inside = column_1 < (int)t_50;
              const float scores_x_1 = scores.x[m][j][2 * i + c];
              const int t_60 = t_44 + (column_1);
              const float t_61 = ((t_60 <= t_59) && ((t_59 - t_60) < t_58)) ? scores_x_1 : (-infinity);
              scores.x[m][j][2 * i + c] = inside ? t_61 : 0.0f;
              partial_1 = inside ? Max::of(partial_1, t_61) : partial_1;
            }
            row_4.x[m][i] = Max::of(row_4.x[m][i], reduce_columns<Max>(partial_1));
          }
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_6_x_1 = row_6.x[m][i];
            const float row_4_x_1 = row_4.x[m][i];
            const float t_62 = math::maxnum(row_6_x_1, row_4_x_1 * 0.125f);
            row_6.x[m][i] = t_62;
          }
        }
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float row_6_x_2 = row_6.x[m][i];
          const float row_3_x = row_3.x[m][i];
          const float row_5_x = row_5.x[m][i];
          const float t_63 = (row_6_x_2 == (-infinity)) ? 0.0f : row_6_x_2;
          const float t_64 = math::exp(row_3_x - t_63);  // builtin.softmax:17
          const float y_2 = row_5_x * t_64;
          row_2.x[m][i] = t_63;
          row.x[m][i] = t_64;
          row_5.x[m][i] = y_2;
        }
        if (t_51) {
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_2_x = row_2.x[m][i];
            const float t_65 = -(row_2_x * 1.442695f);  // builtin.softmax:17
            float partial_2 = 0.0f;
            #pragma unroll
            for (int j = 0; j < 10; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const float scores_x_2 = scores.x[m][j][2 * i + c];
              const float t_66 = math::exp2(math::fma(scores_x_2, 0.18033688f, t_65));  // builtin.softmax:17
              tile.x[m][j][2 * i + c] = t_66;
              partial_2 = Add::of(partial_2, t_66);
            }
            row_5.x[m][i] = Add::of(row_5.x[m][i], reduce_columns<Add>(partial_2));
          }
        } else {
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_2_x_1 = row_2.x[m][i];
            const float t_67 = -(row_2_x_1 * 1.442695f);  // builtin.softmax:17
            float partial_3 = 0.0f;
            #pragma unroll
            for (int j = 0; j < 10; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const int column_3 = column_of(j, c);
              const bool inside_1 = column_3 < (int)t_50;
              const float scores_x_3 = scores.x[m][j][2 * i + c];
              const float t_68 = math::exp2(math::fma(scores_x_3, 0.18033688f, t_67));  // builtin.softmax:17
              tile.x[m][j][2 * i + c] = inside_1 ? t_68 : 0.0f;
              partial_3 = inside_1 ? Add::of(partial_3, t_68) : partial_3;
            }
            row_5.x[m][i] = Add::of(row_5.x[m][i], reduce_columns<Add>(partial_3));
          }
        }
        settle(tile);
        wait_products<0>(out);
        if (t_54) {
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
        if (t_38) {
          residual(weights_low, tile);
          wait_phase(v_tile_full, t_52, t_53);
          dot_nn(out, weights_low, v_tile.stage(t_52));
        }
        now_1 = now + 1;
      } else {
        now_1 = now;
      }
      now = now_1;
    }
    if (now > 0) {
      const int t_69 = now - 1;
      const i64 t_70 = (i64)(t_69 % 2);
      wait_phase(v_tile_full, t_70, (i64)((t_69 / 2) % 2));
      dot_nn(out, weights, v_tile.stage(t_70));
      arrive_warp(v_tile_empty, t_70);
    }
    if (t_5 == 1) {
      #pragma unroll
      for (int m = 0; m < 1; ++m)
      #pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float row_5_x_1 = row_5.x[m][i];
        const float row_6_x_3 = row_6.x[m][i];
        const float t_71 = (row_5_x_1 != row_5_x_1) ? row_5_x_1 : row_6_x_3;
        row_6.x[m][i] = t_71;
      }
      #pragma unroll
      for (int m = 0; m < 1; ++m)
      #pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float row_5_x_2 = row_5.x[m][i];
        const float row_6_x_4 = row_6.x[m][i];
        const float t_72 = math::inverse(row_5_x_2);  // builtin.softmax:29
        const bool t_73 = row_6_x_4 == (-infinity);
        #pragma unroll
        for (int j = 0; j < 8; ++j)
        #pragma unroll
        for (int c = 0; c < 2; ++c) {
          const float out_x_1 = out.x[m][j][2 * i + c];
          out.x[m][j][2 * i + c] = t_73 ? 0.0f : (out_x_1 * t_72);
        }
      }
      #pragma unroll
      for (int m = 0; m < 1; ++m)
      #pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int row_index_1 = row_of<16>(m, i);
        const int t_74 = min(row_index_1, t_22);
        const i64 y_3 = (i64)(t_17 + (t_74 / t_20));
        const i64 y_4 = (i64)(t_19 + (t_74 % t_20));
        row_h.x[m][i] = y_3;
        row_q.x[m][i] = y_4;
      }
      scatter_rows(o + t_11 * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, out, (int)t_21);
    } else {
      #pragma unroll
      for (int m = 0; m < 1; ++m)
      #pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float row_5_x_3 = row_5.x[m][i];
        const float row_6_x_5 = row_6.x[m][i];
        const float t_75 = (row_5_x_3 != row_5_x_3) ? row_5_x_3 : row_6_x_5;
        row_6.x[m][i] = t_75;
      }
      store(tensor_partial_m + (i64)blockIdx.x * 192LL, row_6);
      store(tensor_partial_l + (i64)blockIdx.x * 192LL, row_5);
      store(tensor_partial_o + (i64)blockIdx.x * 12288LL, out);
    }
  } else {  // producer
    keep_registers<32>();
    int now_2 = 0;
    for (int at_1 = (int)(min(t_39, t_36)); at_1 < t_37; at_1 += 80) {
      const int t_76 = max(at_1, t_40);
      const i64 t_77 = (i64)t_76;
      const int t_78 = min(at_1 + 80, t_37);
      const bool t_79 = param_window > ((i64)(t_24 - (t_78 + (-1))));
      const i64 t_80 = (i64)(t_78 - t_76);
      int now_3;
      if ((t_76 <= t_25) && t_79) {
        const i64 t_81 = (i64)(now_2 % 2);
        const i64 t_82 = 1LL - ((i64)((now_2 / 2) % 2));
        wait_phase(k_tile_empty, t_81, t_82);
        bring_rows<2>(k_tile.stage(t_81), k_map, t_11, t_10, t_77, k + t_11 * k_stride_0 + t_10 * k_stride_1 + t_77 * k_stride_2, k_stride_2, (int)t_80, k_tile_full, t_81);
        wait_phase(v_tile_empty, t_81, t_82);
        bring_rows<2>(v_tile.stage(t_81), v_map, t_11, t_10, t_77, v + t_11 * v_stride_0 + t_10 * v_stride_1 + t_77 * v_stride_2, v_stride_2, (int)t_80, v_tile_full, t_81);
        now_3 = now_2 + 1;
      } else {
        now_3 = now_2;
      }
      now_2 = now_3;
    }
  }
}

extern "C" __global__ void __launch_bounds__(384, 1)
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
  const int t = (int)kv_heads;
  const int t_1 = (int)head_tiles;
  const int t_2 = (int)q_tiles;
  const int t_3 = blockIdx.x;
  const int t_4 = t_3 / t_2;
  const int t_5 = t_4 / t_1;
  const int t_6 = ((int)heads) / t;
  const i64 t_7 = (i64)t_6;
  const i64 t_8 = min(((i64)(t_4 % t_1)) * heads_per_tile, t_7);
  const int t_9 = (int)t_8;
  const i64 t_10 = (i64)(min((int)heads_per_tile, t_6 - t_9));
  const int t_11 = (int)(min(((i64)(t_5 % t)) * t_7, heads));
  const int t_12 = t_11 + t_9;
  const i64 t_13 = ((i64)((t_2 - 1) - (t_3 % t_2))) * q_per_tile;
  const int t_14 = (int)(max(min(t_13, q_len), 0LL));
  const int t_15 = min((int)q_per_tile, ((int)q_len) - t_14);
  const i64 t_16 = max(min(t_10 * ((i64)t_15), 192LL), 0LL);
  const int t_17 = ((int)t_16) - 1;
  fill(row_5, -infinity);
  fill(row_4, 0.0f);
  fill(tile_2, 0.0f);
  const i64 t_18 = (i64)blockIdx.x * splits;
  for (i64 at = t_18; at < (wrap_add(t_18, splits)); at += 1LL) {
    load(row_3, tensor_partial_m + at * 192LL);
    load(tile, tensor_partial_o + at * 12288LL);
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_5_x = row_5.x[m][i];
      const float row_3_x = row_3.x[m][i];
      const float t_19 = math::maxnum(row_5_x, row_3_x);  // builtin.softmax:15
      const float t_20 = math::exp(row_5_x - t_19);  // builtin.softmax:17
      const float t_21 = math::exp(row_3_x - t_19);  // builtin.softmax:19
      const bool t_22 = row_3_x == (-infinity);
      const bool t_23 = row_5_x == (-infinity);
      #pragma unroll
      for (int j = 0; j < 8; ++j)
      #pragma unroll
      for (int c = 0; c < 2; ++c) {
        const float tile_2_x = tile_2.x[m][j][2 * i + c];
        const float tile_x = tile.x[m][j][2 * i + c];
        const float t_24 = t_22 ? tile_2_x : ((tile_2_x * t_20) + (tile_x * t_21));
        tile_2.x[m][j][2 * i + c] = t_23 ? tile_x : t_24;
      }
    }
    load(row_2, tensor_partial_m + at * 192LL);
    load(row, tensor_partial_l + at * 192LL);
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_5_x_1 = row_5.x[m][i];
      const float row_4_x = row_4.x[m][i];
      const float row_2_x = row_2.x[m][i];
      const float row_x = row.x[m][i];
      const float t_25 = math::maxnum(row_5_x_1, row_2_x);  // builtin.softmax:15
      const float t_26 = (row_4_x * (math::exp(row_5_x_1 - t_25))) + (row_x * (math::exp(row_2_x - t_25)));  // builtin.softmax:22
      const bool t_27 = row_2_x == (-infinity);
      const bool t_28 = row_5_x_1 == (-infinity);
      const float t_29 = t_28 ? row_2_x : (t_27 ? row_5_x_1 : t_25);
      const float y = t_28 ? row_x : (t_27 ? row_4_x : t_26);
      row_5.x[m][i] = t_29;
      row_4.x[m][i] = y;
    }
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_1 = row_4.x[m][i];
    const float row_5_x_2 = row_5.x[m][i];
    const float t_30 = (row_4_x_1 != row_4_x_1) ? row_4_x_1 : row_5_x_2;
    row_5.x[m][i] = t_30;
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_2 = row_4.x[m][i];
    const float row_5_x_3 = row_5.x[m][i];
    const float t_31 = math::inverse(row_4_x_2);  // builtin.softmax:29
    const bool t_32 = row_5_x_3 == (-infinity);
    #pragma unroll
    for (int j = 0; j < 8; ++j)
    #pragma unroll
    for (int c = 0; c < 2; ++c) {
      const float tile_2_x_1 = tile_2.x[m][j][2 * i + c];
      tile_2.x[m][j][2 * i + c] = t_32 ? 0.0f : (tile_2_x_1 * t_31);
    }
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row_index = row_of<16>(m, i);
    const int t_33 = min(row_index, t_17);
    const i64 y_1 = (i64)(t_12 + (t_33 / t_15));
    const i64 y_2 = (i64)(t_14 + (t_33 % t_15));
    row_h.x[m][i] = y_1;
    row_q.x[m][i] = y_2;
  }
  scatter_rows(o + ((i64)(t_5 / t)) * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, tile_2, (int)t_16);
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
  const int t_1 = (int)q_len;
  const int t_2 = (int)kv_heads;
  const int t_3 = (int)head_tiles;
  const int t_4 = (int)q_tiles;
  const int t_5 = (int)splits;
  const int t_6 = blockIdx.x;
  const int t_7 = t_6 / t_5;
  const int t_8 = t_7 / t_4;
  const int t_9 = t_8 / t_3;
  const i64 t_10 = (i64)(t_9 % t_2);
  const i64 t_11 = (i64)(t_9 / t_2);
  const int t_12 = ((int)heads) / t_2;
  const i64 t_13 = (i64)t_12;
  const i64 t_14 = min(((i64)(t_8 % t_3)) * heads_per_tile, t_13);
  const int t_15 = (int)t_14;
  const i64 t_16 = (i64)(min((int)heads_per_tile, t_12 - t_15));
  const int t_17 = ((int)(min(t_10 * t_13, heads))) + t_15;
  const i64 t_18 = ((i64)((t_4 - 1) - (t_7 % t_4))) * q_per_tile;
  const int t_19 = (int)(max(min(t_18, q_len), 0LL));
  const int t_20 = min((int)q_per_tile, t_1 - t_19);
  const i64 t_21 = max(min(t_16 * ((i64)t_20), 16LL), 0LL);
  const int t_22 = ((int)t_21) - 1;
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row_index = row_of<16>(m, i);
    const int t_23 = min(row_index, t_22);
    const i64 y = (i64)(t_17 + (t_23 / t_20));
    const i64 y_1 = (i64)(t_19 + (t_23 % t_20));
    row_h_2.x[m][i] = y;
    row_q_2.x[m][i] = y_1;
  }
  gather_rows(q_tile, q + t_11 * q_stride_0, q_stride_1, q_stride_2, row_h_2, row_q_2, reinterpret_cast<i64*>(shared + 14336), (int)t_21);
  fill(row_5, -infinity);
  fill(row_4, 0.0f);
  fill(out, 0.0f);
  const int t_24 = t - t_1;
  const int t_25 = t_24 + t_19;
  const int t_26 = t_24 + ((t_19 + t_20) - 1);
  const i64 t_27 = (i64)t_26;
  const i64 t_28 = max(wrap_add(param_window, -1LL), -2305843009213693952LL);
  const i64 t_29 = wrap_sub((i64)t_25, min(t_28, 2305843009213693952LL));
  const int t_30 = (max(min(t_26, t + (-1)), -1)) + 1;
  const i64 t_31 = (i64)t_30;
  const i64 t_32 = min(max(t_29, 0LL), t_31);
  const int t_33 = (((int)t_32) / 48) * 48;
  const int t_34 = ceil_div(ceil_div(max(t_30 - t_33, 0), t_5), 48);
  const i64 t_35 = (i64)(t_34 * 48);
  const i64 t_36 = wrap_add((i64)t_33, ((i64)(t_6 % t_5)) * t_35);
  const i64 t_37 = max(t_32, t_36);
  const i64 t_38 = min(t_31, wrap_add(t_36, t_35));
  const int t_39 = (int)t_38;
  const bool t_40 = (wrap_sub(t_38, t_37)) <= 4096LL;
  const i64 t_41 = wrap_mul(t_37 / 48LL, 48LL);
  const i64 t_42 = min(t_37, t_38);
  const int t_43 = (int)t_42;
  if (t_41 < t_38) {
    const i64 t_44 = max(t_41, t_42);
    const i64 t_45 = min(wrap_add(t_41, 48LL), t_38);
    const bool t_46 = param_window > ((i64)(t_25 - (((int)t_45) + (-1))));
    const i64 t_47 = wrap_sub(t_45, t_44);
    if ((t_44 <= t_27) && t_46) {
      copy_rows_async<1>(k_tile, k + t_11 * k_stride_0 + t_10 * k_stride_1 + t_44 * k_stride_2, k_stride_2, (int)t_47);
      commit_copies();
    }
    for (int at = (int)(min(t_41, t_38)); at < t_39; at += 48) {
      const int t_48 = max(at, t_43);
      const i64 t_49 = (i64)t_48;
      const int t_50 = at + 48;
      const int t_51 = min(t_50, t_39);
      const int t_52 = t_51 + (-1);
      const bool t_53 = (t_48 <= t_26) && (param_window > ((i64)(t_25 - t_52)));
      const bool t_54 = (t_52 <= t_25) && (param_window > ((i64)(t_26 - t_48)));
      const int t_55 = t_51 - t_48;
      const i64 t_56 = (i64)t_55;
      const bool t_57 = t_55 == 48;
      if (t_53) {
        wait_copies<0>();
        __syncthreads();
        copy_rows_async<1>(v_tile, v + t_11 * v_stride_0 + t_10 * v_stride_1 + t_49 * v_stride_2, v_stride_2, (int)t_56);
        commit_copies();
        dot_nt(scores, q_tile, k_tile);
        row_2 = row_5;
        if (t_54 && t_57) {
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
          const i64 t_58 = max(min(param_window, 2147483647LL), -2147483648LL);
          const int t_59 = (int)t_58;
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const i64 row_q_2_x = row_q_2.x[m][i];
            const int t_60 = ((int)row_q_2_x) + t_24;  // local.attn:5
            float partial_1 = -infinity;
            #pragma unroll
            for (int j = 0; j < 6; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const int column_1 = column_of(j, c);
              const bool inside = column_1 < (int)t_56;
              const float scores_x_1 = scores.x[m][j][2 * i + c];
              const int t_61 = t_48 + (column_1);
              const float t_62 = ((t_61 <= t_60) && ((t_60 - t_61) < t_59)) ? scores_x_1 : (-infinity);
              scores.x[m][j][2 * i + c] = inside ? t_62 : 0.0f;
              partial_1 = inside ? Max::of(partial_1, t_62) : partial_1;
            }
            row_3.x[m][i] = Max::of(row_3.x[m][i], reduce_columns<Max>(partial_1));
          }
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_5_x_1 = row_5.x[m][i];
            const float row_3_x_1 = row_3.x[m][i];
            const float t_63 = math::maxnum(row_5_x_1, row_3_x_1 * 0.125f);
            row_5.x[m][i] = t_63;
          }
        }
        #pragma unroll
        for (int m = 0; m < 1; ++m)
        #pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float row_5_x_2 = row_5.x[m][i];
          const float row_2_x = row_2.x[m][i];
          const float row_4_x = row_4.x[m][i];
          const float t_64 = (row_5_x_2 == (-infinity)) ? 0.0f : row_5_x_2;
          const float t_65 = math::exp(row_2_x - t_64);  // builtin.softmax:17
          const float y_2 = row_4_x * t_65;
          row.x[m][i] = t_64;
          factor.x[m][i] = t_65;
          row_4.x[m][i] = y_2;
        }
        if (t_57) {
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_x = row.x[m][i];
            const float t_66 = -(row_x * 1.442695f);  // builtin.softmax:17
            float partial_2 = 0.0f;
            #pragma unroll
            for (int j = 0; j < 6; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const float scores_x_2 = scores.x[m][j][2 * i + c];
              const float t_67 = math::exp2(math::fma(scores_x_2, 0.18033688f, t_66));  // builtin.softmax:17
              tile.x[m][j][2 * i + c] = t_67;
              partial_2 = Add::of(partial_2, t_67);
            }
            row_4.x[m][i] = Add::of(row_4.x[m][i], reduce_columns<Add>(partial_2));
          }
        } else {
          #pragma unroll
          for (int m = 0; m < 1; ++m)
          #pragma unroll
          for (int i = 0; i < 2; ++i) {
            const float row_x_1 = row.x[m][i];
            const float t_68 = -(row_x_1 * 1.442695f);  // builtin.softmax:17
            float partial_3 = 0.0f;
            #pragma unroll
            for (int j = 0; j < 6; ++j)
            #pragma unroll
            for (int c = 0; c < 2; ++c) {
              const int column_3 = column_of(j, c);
              const bool inside_1 = column_3 < (int)t_56;
              const float scores_x_3 = scores.x[m][j][2 * i + c];
              const float t_69 = math::exp2(math::fma(scores_x_3, 0.18033688f, t_68));  // builtin.softmax:17
              tile.x[m][j][2 * i + c] = inside_1 ? t_69 : 0.0f;
              partial_3 = inside_1 ? Add::of(partial_3, t_69) : partial_3;
            }
            row_4.x[m][i] = Add::of(row_4.x[m][i], reduce_columns<Add>(partial_3));
          }
        }
        round(weights, tile);
        if (t_40) {
          residual(weights_low, tile);
        }
        wait_copies<0>();
        __syncthreads();
        const bool t_70 = t_50 < t_39;
        const int t_71 = t_70 ? t_50 : at;
        const int t_72 = max(t_71, t_43);
        const i64 t_73 = (i64)t_72;
        const int t_74 = min(t_71 + 48, t_39);
        const bool t_75 = param_window > ((i64)(t_25 - (t_74 + (-1))));
        const i64 t_76 = (i64)(t_74 - t_72);
        if (t_70 && ((t_72 <= t_26) && t_75)) {
          copy_rows_async<1>(k_tile, k + t_11 * k_stride_0 + t_10 * k_stride_1 + t_73 * k_stride_2, k_stride_2, (int)t_76);
          commit_copies();
        }
        scale_rows(out, factor);
        dot_nn(out, weights, v_tile);
        if (t_40) {
          dot_nn(out, weights_low, v_tile);
        }
      } else {
        const bool t_77 = t_50 < t_39;
        const int t_78 = t_77 ? t_50 : at;
        const int t_79 = max(t_78, t_43);
        const i64 t_80 = (i64)t_79;
        const int t_81 = min(t_78 + 48, t_39);
        const bool t_82 = param_window > ((i64)(t_25 - (t_81 + (-1))));
        const i64 t_83 = (i64)(t_81 - t_79);
        if (t_77 && ((t_79 <= t_26) && t_82)) {
          copy_rows_async<1>(k_tile, k + t_11 * k_stride_0 + t_10 * k_stride_1 + t_80 * k_stride_2, k_stride_2, (int)t_83);
          commit_copies();
        }
      }
    }
  }
  if (t_5 == 1) {
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_4_x_1 = row_4.x[m][i];
      const float row_5_x_3 = row_5.x[m][i];
      const float t_84 = (row_4_x_1 != row_4_x_1) ? row_4_x_1 : row_5_x_3;
      row_5.x[m][i] = t_84;
    }
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_4_x_2 = row_4.x[m][i];
      const float row_5_x_4 = row_5.x[m][i];
      const float t_85 = math::inverse(row_4_x_2);  // builtin.softmax:29
      const bool t_86 = row_5_x_4 == (-infinity);
      #pragma unroll
      for (int j = 0; j < 8; ++j)
      #pragma unroll
      for (int c = 0; c < 2; ++c) {
        const float out_x = out.x[m][j][2 * i + c];
        out.x[m][j][2 * i + c] = t_86 ? 0.0f : (out_x * t_85);
      }
    }
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row_index_1 = row_of<16>(m, i);
      const int t_87 = min(row_index_1, t_22);
      const i64 y_3 = (i64)(t_17 + (t_87 / t_20));
      const i64 y_4 = (i64)(t_19 + (t_87 % t_20));
      row_h.x[m][i] = y_3;
      row_q.x[m][i] = y_4;
    }
    scatter_rows(o + t_11 * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, out, (int)t_21);
  } else {
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_4_x_3 = row_4.x[m][i];
      const float row_5_x_5 = row_5.x[m][i];
      const float t_88 = (row_4_x_3 != row_4_x_3) ? row_4_x_3 : row_5_x_5;
      row_5.x[m][i] = t_88;
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
  const int t = (int)kv_heads;
  const int t_1 = (int)head_tiles;
  const int t_2 = (int)q_tiles;
  const int t_3 = blockIdx.x;
  const int t_4 = t_3 / t_2;
  const int t_5 = t_4 / t_1;
  const int t_6 = ((int)heads) / t;
  const i64 t_7 = (i64)t_6;
  const i64 t_8 = min(((i64)(t_4 % t_1)) * heads_per_tile, t_7);
  const int t_9 = (int)t_8;
  const i64 t_10 = (i64)(min((int)heads_per_tile, t_6 - t_9));
  const int t_11 = (int)(min(((i64)(t_5 % t)) * t_7, heads));
  const int t_12 = t_11 + t_9;
  const i64 t_13 = ((i64)((t_2 - 1) - (t_3 % t_2))) * q_per_tile;
  const int t_14 = (int)(max(min(t_13, q_len), 0LL));
  const int t_15 = min((int)q_per_tile, ((int)q_len) - t_14);
  const i64 t_16 = max(min(t_10 * ((i64)t_15), 16LL), 0LL);
  const int t_17 = ((int)t_16) - 1;
  fill(row_5, -infinity);
  fill(row_4, 0.0f);
  fill(tile_2, 0.0f);
  const i64 t_18 = (i64)blockIdx.x * splits;
  for (i64 at = t_18; at < (wrap_add(t_18, splits)); at += 1LL) {
    load(row_3, tensor_partial_m + at * 16LL);
    load(tile, tensor_partial_o + at * 1024LL);
    #pragma unroll
    for (int m = 0; m < 1; ++m)
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float row_5_x = row_5.x[m][i];
      const float row_3_x = row_3.x[m][i];
      const float t_19 = math::maxnum(row_5_x, row_3_x);  // builtin.softmax:15
      const float t_20 = math::exp(row_5_x - t_19);  // builtin.softmax:17
      const float t_21 = math::exp(row_3_x - t_19);  // builtin.softmax:19
      const bool t_22 = row_3_x == (-infinity);
      const bool t_23 = row_5_x == (-infinity);
      #pragma unroll
      for (int j = 0; j < 8; ++j)
      #pragma unroll
      for (int c = 0; c < 2; ++c) {
        const float tile_2_x = tile_2.x[m][j][2 * i + c];
        const float tile_x = tile.x[m][j][2 * i + c];
        const float t_24 = t_22 ? tile_2_x : ((tile_2_x * t_20) + (tile_x * t_21));
        tile_2.x[m][j][2 * i + c] = t_23 ? tile_x : t_24;
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
      const float t_25 = math::maxnum(row_5_x_1, row_2_x);  // builtin.softmax:15
      const float t_26 = (row_4_x * (math::exp(row_5_x_1 - t_25))) + (row_x * (math::exp(row_2_x - t_25)));  // builtin.softmax:22
      const bool t_27 = row_2_x == (-infinity);
      const bool t_28 = row_5_x_1 == (-infinity);
      const float t_29 = t_28 ? row_2_x : (t_27 ? row_5_x_1 : t_25);
      const float y = t_28 ? row_x : (t_27 ? row_4_x : t_26);
      row_5.x[m][i] = t_29;
      row_4.x[m][i] = y;
    }
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_1 = row_4.x[m][i];
    const float row_5_x_2 = row_5.x[m][i];
    const float t_30 = (row_4_x_1 != row_4_x_1) ? row_4_x_1 : row_5_x_2;
    row_5.x[m][i] = t_30;
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float row_4_x_2 = row_4.x[m][i];
    const float row_5_x_3 = row_5.x[m][i];
    const float t_31 = math::inverse(row_4_x_2);  // builtin.softmax:29
    const bool t_32 = row_5_x_3 == (-infinity);
    #pragma unroll
    for (int j = 0; j < 8; ++j)
    #pragma unroll
    for (int c = 0; c < 2; ++c) {
      const float tile_2_x_1 = tile_2.x[m][j][2 * i + c];
      tile_2.x[m][j][2 * i + c] = t_32 ? 0.0f : (tile_2_x_1 * t_31);
    }
  }
  #pragma unroll
  for (int m = 0; m < 1; ++m)
  #pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row_index = row_of<16>(m, i);
    const int t_33 = min(row_index, t_17);
    const i64 y_1 = (i64)(t_12 + (t_33 / t_15));
    const i64 y_2 = (i64)(t_14 + (t_33 % t_15));
    row_h.x[m][i] = y_1;
    row_q.x[m][i] = y_2;
  }
  scatter_rows(o + ((i64)(t_5 / t)) * o_stride_0, o_stride_1, o_stride_2, row_h, row_q, tile_2, (int)t_16);
}
