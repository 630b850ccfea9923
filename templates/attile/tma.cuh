// Rows of a tensor to a stage of a pipeline, by the tensor memory accelerator (PTX ISA,
// "cp.async.bulk.tensor"), or by hand where it cannot be used.
#pragma once

#include "attile/mbarrier.cuh"
#include "attile/panel.cuh"

namespace attile {

/// What the driver's cuTensorMapEncodeTiled makes of a tensor [batch, heads, rows, columns]: boxes of 64
/// columns and a tile's rows, with the 128-byte swizzle; or zeros, where it cannot be made. A parameter of
/// the kernel, `const __grid_constant__`.
struct alignas(64) TensorMap {
  unsigned long long words[16];
};

__device__ __forceinline__ bool is_there(const TensorMap& map) {
  unsigned long long any = 0;
#pragma unroll
  for (int i = 0; i < 16; ++i)
    any |= map.words[i];
  return any != 0;
}

/// The tile becomes rows [row, row + Rows) of a head; those past the tensor's end become 0, and by hand those
/// past `rows`. By a warpgroup, which meets at hardware barrier Id where it copies by hand. The barrier of
/// the stage, which expects one arrival, ends its phase when all is there. Whoever read the tile before has
/// been waited for. `first_row` is where the first row is. (Whether there is a map is the same all along.)
template <int Id, int Columns = 0, class T, int Rows, int Cols, int Stages>
__device__ __forceinline__ void bring_rows(const PanelTile<T, Rows, Cols>& to, const TensorMap& map,
                                           i64 batch, i64 head, i64 row, const T* first_row, i64 row_stride,
                                           int rows, const Barriers<Stages>& full, int stage) {
  using Tile = PanelTile<T, Rows, Cols>;
  const int thread = thread_again() % warpgroup;
  if (is_there(map)) {
    if (thread == 0) {
      asm volatile("{\n.reg .b64 state;\nmbarrier.arrive.expect_tx.shared::cta.b64 state, [%0], %1;\n}" ::"r"(
                       full.at(stage)),
                   "r"(Tile::bytes)
                   : "memory");
#pragma unroll
      for (int panel = 0; panel < Tile::panels; ++panel)
        asm volatile(
            "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
            "[%0], [%1, {%2, %3, %4, %5}], [%6];" ::"r"(shared_address(to.base) + panel * Tile::panel_bytes),
            "l"(&map), "r"(64 * panel), "r"(int(row)), "r"(int(head)), "r"(int(batch)), "r"(full.at(stage))
            : "memory");
    }
  } else {
    detail::fill_panels<warpgroup, Columns == 0 ? Cols : Columns>(
        to, [=](int r) { return first_row + r * row_stride; }, detail::aligned_to(16, first_row, row_stride),
        thread, rows);
    fence_async();
    meet<Id, warpgroup>();
    if (thread == 0)
      detail::arrive(full.at(stage));
  }
}

} // namespace attile
