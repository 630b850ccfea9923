// Tiles of a GPU block: what a chip has, what a tile needs of it, which one is chosen and why.
//
// A block works on `rows` x `keys` scores. Each of its warps has `dot_rows` rows, 16 or 32: their scores,
// weights and output are fragments in its registers; queries, keys and values are in shared memory, from
// where every warp reads all keys and values: the more rows it has, the less often.
#ifndef ATTILE_COMPILER_SCHEDULE_GPU_H
#define ATTILE_COMPILER_SCHEDULE_GPU_H

#include "compiler/schedule/schedule.h"

#include <optional>
#include <utility>

namespace attile::schedule {

/// What kernels make of products of warpgroups (attile::WarpgroupOptions).
struct Warpgroups {
  bool used = true, overlap = true, ping_pong = true;
};

/// A chip, by its target's name. Rates are per SM and clock (CUDA C++ Programming Guide, "Compute
/// Capabilities", and the architectures' white papers).
struct GpuDescription {
  std::string name;                  ///< "sm_80"
  std::int64_t multiprocessors = 0;  ///< of the chip that is typical of the target
  std::int64_t shared_per_block = 0; ///< bytes that a block may ask for
  std::int64_t shared_per_sm = 0;
  std::int64_t registers_per_sm = 65536, registers_per_thread = 255;
  std::int64_t threads_per_sm = 2048, blocks_per_sm = 32;
  bool bf16 = true;           ///< has matrix products of bf16
  double matrix_flops = 0;    ///< f16 products with f32 sums, by mma.sync
  double warpgroup_flops = 0; ///< the same by wgmma; 0 where there is none
  double ffma_flops = 256;
  double special = 16; ///< ex2 and the like
  double plain = 128;  ///< other 32-bit operations
  double shared_bytes = 128;
  double memory_bytes = 0; ///< DRAM, of the SM's share
  double ghz = 1.5;
  Warpgroups warpgroups = {};
};

/// sm_75, sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a; nothing for other names.
std::optional<GpuDescription> describe_gpu(const std::string& target);

/// The best of these targets for a chip, "sm_87": its own, else an earlier one that runs on later chips, too.
std::string target_for(const std::string& chip);

/// Why no kernel for the problem can be made for a chip, with a remedy; empty if one can.
std::string obstacle_of(const GpuDescription& gpu, const Problem& problem);

/// Threads of a block whose tile has `rows` rows, `dot_rows` of them in each warp, or warpgroup_rows in each
/// warpgroup; of a kernel without a tile where `rows` is 0.
std::int64_t threads_of(std::int64_t rows, std::int64_t dot_rows);

/// Shared memory of a tile, with its padding against bank conflicts: SharedTile of
/// templates/attile/shared.cuh.
std::int64_t shared_tile_bytes(std::int64_t rows, std::int64_t columns, std::int64_t element_bytes);
/// ... and of the offsets of gathered rows.
std::int64_t row_offset_bytes(std::int64_t rows);
/// ... of a tile of 16-bit elements that warpgroups multiply: PanelTile of templates/attile/panel.cuh.
std::int64_t panel_tile_bytes(std::int64_t rows, std::int64_t columns);

/// Rows of a tile whose dots are those of warpgroups (wgmma), 16 in each of four warps. Such a block has
/// `rows / warpgroup_rows` of them, and one more that brings keys and values through a pipeline of stages.
inline constexpr std::int64_t warpgroup_rows = 64, warpgroup_threads = 128, pipeline_stages = 2;

/// Registers of a thread that multiplies, and of one that brings, once the block has divided them anew; 0
/// leaves them as they are. (Multiples of 8; all of them together are those of an SM.) Who brings has to
/// decide which tiles are visited, with so many `scalars` at hand.
std::pair<std::int64_t, std::int64_t> role_registers(std::int64_t warpgroups, std::int64_t scalars = 0);

/// What a tile needs.
struct GpuNeeds {
  std::int64_t threads = 0, shared_bytes = 0,
               registers = 0;     ///< registers of a thread: accumulators and operands
  std::int64_t blocks_per_sm = 0; ///< that fit at once; 0: not even one
};
GpuNeeds needs_of(const GpuDescription& gpu, const Problem& problem, const Tile& tile);

/// Blocks that an SM should have at once, where keys can be split into as many: eight warps, as far as they
/// fit.
std::int64_t wanted_blocks(const GpuDescription& gpu, const Problem& problem, const Tile& tile);

/// What the model says of a tile at a shape. Traffic is that of global memory, before any cache: queries and
/// outputs once, keys and values for each tile of rows.
Prediction predict_gpu(const GpuDescription& gpu, const Problem& problem, const Shape& shape,
                       const Tile& tile);

/// The fastest tile of the model that fits, for long inputs; and one of few rows, for decoding. Or the one
/// that is `wanted`; its rows are 0 if it is none of those possible.
Choice choose_gpu(const GpuDescription& gpu, const Problem& problem, const std::optional<Tile>& wanted = {});
Choice choose_gpu_few_rows(const GpuDescription& gpu, const Problem& problem,
                           const std::optional<Tile>& wanted = {});

} // namespace attile::schedule

#endif
