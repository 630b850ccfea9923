// Chips, and tiles for them.
#include "compiler/schedule/gpu.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/core.h>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>

namespace attile::schedule {

static std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// ---- chips -----------------------------------------------------------------------------------------------

static std::span<const GpuDescription> chips() {
  constexpr std::int64_t kb = 1024;
  static const GpuDescription all[] = {
      // T4
      {.name = "sm_75",
       .multiprocessors = 40,
       .shared_per_block = 64 * kb,
       .shared_per_sm = 64 * kb,
       .threads_per_sm = 1024,
       .blocks_per_sm = 16,
       .bf16 = false,
       .matrix_flops = 1024,
       .ffma_flops = 128,
       .plain = 64,
       .memory_bytes = 320e9 / 40 / 1.59e9,
       .ghz = 1.59},
      // A100
      {.name = "sm_80",
       .multiprocessors = 108,
       .shared_per_block = 163 * kb,
       .shared_per_sm = 164 * kb,
       .matrix_flops = 2048,
       .ffma_flops = 128,
       .plain = 64,
       .memory_bytes = 2039e9 / 108 / 1.41e9,
       .ghz = 1.41},
      // A10
      {.name = "sm_86",
       .multiprocessors = 72,
       .shared_per_block = 99 * kb,
       .shared_per_sm = 100 * kb,
       .threads_per_sm = 1536,
       .blocks_per_sm = 16,
       .matrix_flops = 512,
       .memory_bytes = 600e9 / 72 / 1.7e9,
       .ghz = 1.7},
      // L40S
      {.name = "sm_89",
       .multiprocessors = 142,
       .shared_per_block = 99 * kb,
       .shared_per_sm = 100 * kb,
       .threads_per_sm = 1536,
       .blocks_per_sm = 24,
       .matrix_flops = 1024,
       .memory_bytes = 864e9 / 142 / 2.5e9,
       .ghz = 2.5},
      // H200; mma.sync is taken for 62 % of wgmma, which nobody measured here
      {.name = "sm_90a",
       .multiprocessors = 132,
       .shared_per_block = 227 * kb,
       .shared_per_sm = 228 * kb,
       .matrix_flops = 2560,
       .warpgroup_flops = 0.79 * 4096, // that large products reach: 770 to 800 TFLOP/s
       .memory_bytes = 4800e9 / 132 / 1.83e9,
       .ghz = 1.83},
      // B200, by mma.sync; the assembler needs more registers for the same kernels than for other chips
      {.name = "sm_100a",
       .multiprocessors = 148,
       .shared_per_block = 227 * kb,
       .shared_per_sm = 228 * kb,
       .registers_per_thread = 240,
       .matrix_flops = 2048,
       .memory_bytes = 8000e9 / 148 / 1.85e9,
       .ghz = 1.85},
      // RTX 5090
      {.name = "sm_120a",
       .multiprocessors = 170,
       .shared_per_block = 99 * kb,
       .shared_per_sm = 100 * kb,
       .threads_per_sm = 1536,
       .blocks_per_sm = 24,
       .matrix_flops = 1024,
       .memory_bytes = 1792e9 / 170 / 2.4e9,
       .ghz = 2.4}};
  return all;
}

std::optional<GpuDescription> describe_gpu(const std::string& target) {
  for (const GpuDescription& chip : chips())
    if (chip.name == target)
      return chip;
  return std::nullopt;
}

/// 90 of "sm_90a"; targets with a letter are for one chip alone.
static int number_of(std::string_view target) {
  target.remove_prefix(std::min<std::size_t>(target.size(), 3));
  int number = 0;
  std::from_chars(std::to_address(target.begin()), std::to_address(target.end()), number);
  return number;
}

std::string target_for(const std::string& chip) {
  std::string best = chips().front().name;
  for (const GpuDescription& each : chips()) { // in ascending order
    bool same = number_of(each.name) == number_of(chip), earlier = number_of(each.name) < number_of(chip);
    if (same || (earlier && !each.name.ends_with('a')))
      best = each.name;
  }
  return best;
}

std::string obstacle_of(const GpuDescription& gpu, const Problem& problem) {
  if (problem.bf16 && !gpu.bf16)
    return fmt::format("{} has no matrix products of bf16; use f16 or f32, or a target from sm_80 on",
                       gpu.name);
  if (choose_gpu(gpu, problem).tile.rows == 0)
    return fmt::format("head_dim {} and {} do not fit into the {} bytes of shared memory of a block",
                       problem.head_dim, problem.head_dim_v, gpu.shared_per_block);
  return {};
}

/// Rows of a matrix instruction.
static constexpr std::int64_t least_rows = 16;

// ---- what a tile needs -----------------------------------------------------------------------------------

std::int64_t threads_of(std::int64_t rows, std::int64_t dot_rows) {
  if (dot_rows == warpgroup_rows)
    return warpgroup_threads * (rows / dot_rows + 1);
  return rows ? 32 * (rows / dot_rows) : 32;
}

std::pair<std::int64_t, std::int64_t> role_registers(std::int64_t warpgroups, std::int64_t scalars) {
  constexpr std::int64_t few_scalars = 20; // trees have these, grids 29: by the assembler's reports
  switch (warpgroups) {
  case 2: // of 168 at the launch
    return scalars <= few_scalars ? std::pair(232, 40) : std::pair(184, 136);
  case 3: // of 128
    return {160, 32};
  default:
    return {0, 0};
  }
}

std::int64_t shared_tile_bytes(std::int64_t rows, std::int64_t columns, std::int64_t element_bytes) {
  std::int64_t chunks = round_up(round_up(columns, 8) * element_bytes, 32) / 16; // of 16 bytes
  std::int64_t pitch = 16 * (chunks % 8 == 0 ? chunks : chunks + 1); // rows begin at different banks
  return round_up(rows * pitch, 128);
}

std::int64_t panel_tile_bytes(std::int64_t rows, std::int64_t columns) {
  return (columns + 63) / 64 * rows * 128;
}

std::int64_t row_offset_bytes(std::int64_t rows) { return round_up(rows * 8, 128); }

/// Registers of a thread beside scores, weights and output: row statistics, addresses and operands of a
/// product; what expressions need at once: 2 for an operation, 16 for an elementary function, 8 for a block
/// table, 24 where rows have no greatest score and flags tell whether they see a key, and for a tensor or a
/// quotient about one for each score, as loads are started together. Found by the assembler's reports: little
/// spills at d=64 and 128.
static std::int64_t other_registers(const Problem& problem, std::int64_t rows_of_warp, std::int64_t scores) {
  const double expressions = 2 * (std::max(problem.plain_per_score - 4, 0.0) + problem.mask_per_score) +
                             16 * std::max(problem.special_per_score - 1, 0.0) + (problem.key_block ? 8 : 0) +
                             (problem.masked && problem.special_per_score < 1 ? 24 : 0) +
                             problem.fetched_per_score * static_cast<double>(scores + 12);
  return 40 + rows_of_warp / 2 + static_cast<std::int64_t>(expressions);
}

/// Of a tile whose dots are those of warpgroups, one block of which an SM holds.
static GpuNeeds warpgroup_needs(const GpuDescription& gpu, const Problem& problem, const Tile& tile) {
  constexpr std::int64_t barriers = 128; // bytes, with what they are rounded to
  GpuNeeds needs;
  needs.threads = threads_of(tile.rows, tile.dot_rows);
  needs.shared_bytes = panel_tile_bytes(tile.rows, problem.head_dim) +
                       pipeline_stages * (panel_tile_bytes(tile.keys, problem.head_dim) +
                                          panel_tile_bytes(tile.keys, problem.head_dim_v)) +
                       row_offset_bytes(tile.rows) + barriers;
  // Scores become weights in place; where products overlap, 16-bit weights live beside the next scores.
  const std::int64_t warp_rows = warpgroup_rows / 4, scores = warp_rows * tile.keys / 32,
                     output = warp_rows * round_up(problem.head_dim_v, 8) / 32,
                     weights = gpu.warpgroups.overlap ? scores / 2 : 0;
  const double addresses = problem.fetched_per_score * static_cast<double>(scores) / 2;
  needs.registers = scores + output + weights + other_registers(problem, warp_rows, scores) +
                    static_cast<std::int64_t>(addresses);
  needs.blocks_per_sm = needs.shared_bytes <= gpu.shared_per_block ? 1 : 0;
  return needs;
}

GpuNeeds needs_of(const GpuDescription& gpu, const Problem& problem, const Tile& tile) {
  if (tile.dot_rows == warpgroup_rows)
    return warpgroup_needs(gpu, problem, tile);
  GpuNeeds needs;
  needs.threads = threads_of(tile.rows, tile.dot_rows);
  needs.shared_bytes = shared_tile_bytes(tile.rows, problem.head_dim, problem.element_bytes) +
                       shared_tile_bytes(tile.keys, problem.head_dim, problem.element_bytes) +
                       shared_tile_bytes(tile.keys, problem.head_dim_v, problem.element_bytes) +
                       row_offset_bytes(tile.rows);
  // Scores, output, 16-bit weights with their residuals, and the rest.
  std::int64_t scores = tile.dot_rows * tile.keys / 32,
               output = tile.dot_rows * round_up(problem.head_dim_v, 8) / 32;
  needs.registers = scores + output + (problem.element_bytes == 2 ? scores : 0) +
                    other_registers(problem, tile.dot_rows, scores);
  std::int64_t per_block = round_up(std::min(needs.registers, gpu.registers_per_thread), 8) * needs.threads;
  if (needs.shared_bytes > gpu.shared_per_block)
    return needs;
  // The driver keeps 1 KB of shared memory for each block.
  needs.blocks_per_sm =
      std::min({gpu.shared_per_sm / (needs.shared_bytes + 1024), gpu.registers_per_sm / per_block,
                gpu.threads_per_sm / needs.threads, gpu.blocks_per_sm});
  return needs;
}

std::int64_t wanted_blocks(const GpuDescription& gpu, const Problem& problem, const Tile& tile) {
  constexpr std::int64_t enough = 8 * 32; // threads that hide each other's waiting
  GpuNeeds needs = needs_of(gpu, problem, tile);
  return std::clamp(needs.blocks_per_sm, std::int64_t(1), std::max(enough / needs.threads, std::int64_t(1)));
}

// ---- what a tile costs -----------------------------------------------------------------------------------

namespace {

struct Cost {
  std::vector<std::pair<std::string, double>> units; ///< cycles of an SM for a tile
  double tile_cycles = 0;                            ///< for all of a tile
  double cycles = 0;                                 ///< for a score
  std::string bound_by;
};

/// Which part of what is not the greatest bottleneck is not hidden behind it.
///
/// For warpgroups by FlashAttention-3's figures at head_dim 128 (table 2 of the paper, H100: 661 TFLOP/s with
/// overlap and ping-pong, 570 and 582 without one of them): 0.19 and 0.22 cycles a score, of which products
/// take 0.158. So a quarter and a half are exposed of the 0.1 of elementwise work and special functions.
double exposed_part(const GpuDescription& gpu, const Tile& tile) {
  if (tile.dot_rows != warpgroup_rows)
    return 0.5;
  const bool turns = gpu.warpgroups.overlap && gpu.warpgroups.ping_pong;
  return 0.25 + (gpu.warpgroups.overlap ? 0 : 0.25) + (turns ? 0 : 0.25);
}

/// A tile takes as long as its greatest bottleneck; what of the others is not hidden behind it shrinks with
/// the blocks that share an SM, as does the time of meeting at barriers.
Cost cost_of(const GpuDescription& gpu, const Problem& problem, const Tile& tile, const GpuNeeds& needs) {
  constexpr double barriers = 400, l2_over_memory = 2.5;
  const bool warpgroups = tile.dot_rows == warpgroup_rows;
  double rows = static_cast<double>(tile.rows), keys = static_cast<double>(tile.keys), scores = rows * keys;
  double bytes = static_cast<double>(problem.element_bytes),
         dims = static_cast<double>(problem.head_dim + problem.head_dim_v);
  double parts = rows / static_cast<double>(tile.dot_rows);
  double read = parts * keys * dims * bytes + rows * static_cast<double>(problem.head_dim) * bytes;
  Cost cost;
  cost.units = {{"matrix products", 2 * scores * dims /
                                        (problem.element_bytes != 2 ? gpu.ffma_flops
                                         : warpgroups               ? gpu.warpgroup_flops
                                                                    : gpu.matrix_flops)},
                {"special functions", scores * problem.special_per_score / gpu.special},
                {"elementwise", scores * problem.plain_per_score / gpu.plain},
                {"shared memory", (read + keys * dims * bytes) / gpu.shared_bytes},
                {"l2", keys * dims * bytes / (l2_over_memory * gpu.memory_bytes)}};
  double greatest = 0, sum = 0;
  for (const auto& [name, cycles] : cost.units) {
    bool brought = warpgroups && (name == "shared memory" || name == "l2"); // while products are made
    sum += brought ? 0 : cycles;
    if (cycles > greatest)
      greatest = cycles, cost.bound_by = name;
  }
  // Warpgroups wait for each other no more than blocks do.
  double together = warpgroups ? parts : static_cast<double>(std::max<std::int64_t>(needs.blocks_per_sm, 1));
  double exposed = exposed_part(gpu, tile) * std::max(sum - greatest, 0.0) / (warpgroups ? 1 : together);
  double waste = problem.masked ? 1 + (rows + keys) / 2048 : 1; // scores at a mask's ends that nobody sees
  cost.tile_cycles = greatest + exposed + barriers / together;
  cost.cycles = waste * cost.tile_cycles / scores;
  return cost;
}

struct GpuCandidate {
  Tile tile;
  GpuNeeds needs;
  Cost cost;
  std::string obstacle;
};

/// Registers that a thread may have which holds scores.
std::int64_t registers_of(const GpuDescription& gpu, const Tile& tile) {
  std::int64_t given = tile.dot_rows == warpgroup_rows ? role_registers(tile.rows / warpgroup_rows).first : 0;
  return given ? given : gpu.registers_per_thread;
}

std::string obstacle_to(const GpuDescription& gpu, const GpuNeeds& needs, const Tile& tile) {
  if (needs.shared_bytes > gpu.shared_per_block)
    return fmt::format("needs {} bytes of shared memory, a block of {} has {}", needs.shared_bytes, gpu.name,
                       gpu.shared_per_block);
  if (std::int64_t registers = registers_of(gpu, tile); needs.registers > registers)
    return fmt::format("needs about {} registers a thread, there are {}", needs.registers, registers);
  return {};
}

/// Large head dims that fit in no thread's registers: the compiler spills, and is told by the resource
/// report.
const GpuCandidate* least_demanding(const GpuDescription& gpu, const std::vector<GpuCandidate>& candidates) {
  auto missing = [&](const GpuCandidate& one) { return one.needs.registers - registers_of(gpu, one.tile); };
  const GpuCandidate* best = nullptr;
  for (const GpuCandidate& one : candidates) {
    bool fits = one.needs.shared_bytes <= gpu.shared_per_block;
    if (fits && (!best || missing(one) < missing(*best) ||
                 (missing(one) == missing(*best) && one.cost.cycles < best->cost.cycles)))
      best = &one;
  }
  return best;
}

/// Whether dots of so many rows can be made at all.
bool can_multiply(const GpuDescription& gpu, const Problem& problem, std::int64_t rows,
                  std::int64_t dot_rows) {
  constexpr std::int64_t widest = 256; // columns of a matrix instruction of a warpgroup
  if (dot_rows == warpgroup_rows)      // at least two, which hide each other's waiting
    return gpu.warpgroups.used && gpu.warpgroup_flops > 0 && problem.element_bytes == 2 &&
           rows >= 2 * warpgroup_rows && std::max(problem.head_dim, problem.head_dim_v) <= widest;
  if (rows > 2 * warpgroup_rows) // is for three of them
    return false;
  // Fused multiply-adds keep more operands in registers, and so do the small matrix instructions and the
  // copies through registers of chips without bf16.
  return dot_rows <= rows && (dot_rows == least_rows || (problem.element_bytes == 2 && gpu.bf16));
}

Choice choose_among(const GpuDescription& gpu, const Problem& problem,
                    const std::vector<std::int64_t>& row_sizes, const std::optional<Tile>& wanted) {
  std::vector<GpuCandidate> candidates;
  for (std::int64_t rows : row_sizes)
    for (std::int64_t dot_rows : {least_rows, 2 * least_rows, warpgroup_rows})
      for (std::int64_t keys : {16, 32, 48, 64, 80, 96, 112, 128}) {
        if (!can_multiply(gpu, problem, rows, dot_rows))
          continue;
        Tile tile{rows, keys, dot_rows, keys, problem.head_dim_v};
        GpuNeeds needs = needs_of(gpu, problem, tile);
        candidates.push_back(
            {tile, needs, cost_of(gpu, problem, tile, needs), obstacle_to(gpu, needs, tile)});
      }
  // Warpgroups first: the model flatters kernels without them (FlashAttention-2 reaches about half of
  // FlashAttention-3's rate on an H100).
  std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    auto order = [](const GpuCandidate& one) {
      return std::tuple(one.tile.dot_rows != warpgroup_rows, one.cost.cycles, one.tile.rows,
                        one.tile.dot_rows, one.tile.keys);
    };
    return order(a) < order(b);
  });
  Choice choice;
  for (const GpuCandidate& one : candidates)
    if (one.obstacle.empty())
      choice.possible.push_back(one.tile);
  auto is_meant = [&](const GpuCandidate& one) {
    return one.obstacle.empty() && (!wanted || one.tile == *wanted);
  };
  auto found = std::find_if(candidates.begin(), candidates.end(), is_meant);
  const GpuCandidate* best = found != candidates.end() ? &*found
                             : wanted                  ? nullptr
                                                       : least_demanding(gpu, candidates);
  if (best == nullptr)
    return choice; // rows == 0: nothing fits
  choice.tile = best->tile;
  choice.prediction.bound_by = best->cost.bound_by;
  constexpr std::size_t told = 8;
  for (const GpuCandidate& other : candidates) {
    if (other.tile == best->tile || choice.rejected.size() == told)
      continue;
    choice.rejected.push_back(
        {other.tile,
         other.obstacle.empty()
             ? fmt::format(
                   "predicted {:.3g} cycles of an SM for a score, bound by {}; the choice takes {:.3g}",
                   other.cost.cycles, other.cost.bound_by, best->cost.cycles)
             : other.obstacle});
  }
  return choice;
}

} // namespace

Choice choose_gpu(const GpuDescription& gpu, const Problem& problem, const std::optional<Tile>& wanted) {
  std::vector<std::int64_t> rows;
  for (std::int64_t size : {16, 32, 64, 128, 192})
    if (problem.query_block == 0 || size <= std::max(problem.query_block, least_rows))
      rows.push_back(size);
  return choose_among(gpu, problem, rows, wanted);
}

Choice choose_gpu_few_rows(const GpuDescription& gpu, const Problem& problem,
                           const std::optional<Tile>& wanted) {
  return choose_among(gpu, problem, {least_rows}, wanted);
}

Prediction predict_gpu(const GpuDescription& gpu, const Problem& problem, const Shape& shape,
                       const Tile& tile) {
  auto real = [](std::int64_t x) { return static_cast<double>(x); };
  std::int64_t group = shape.heads / std::max<std::int64_t>(shape.kv_heads, 1);
  double row_tiles =
      real(shape.batch * shape.kv_heads) * std::ceil(real(group * shape.q_len) / real(tile.rows));
  double scores = row_tiles * real(tile.rows) * real(shape.kv_len) * shape.executed;
  double dims = real(problem.head_dim + problem.head_dim_v), bytes = real(problem.element_bytes);
  GpuNeeds needs = needs_of(gpu, problem, tile);
  Cost cost = cost_of(gpu, problem, tile, needs);
  Prediction result;
  result.bound_by = cost.bound_by;
  result.tile_units = cost.units;
  result.tile_cycles = cost.tile_cycles;
  result.flops = 2 * scores * dims;
  result.special = scores * problem.special_per_score;
  result.memory_bytes = real(shape.batch * shape.heads * shape.q_len) * dims * bytes +
                        row_tiles * real(shape.kv_len) * shape.executed * dims * bytes;
  result.working_set = needs.shared_bytes;
  double busy =
      std::min(1.0, row_tiles / real(gpu.multiprocessors)); // fewer tiles than SMs, unless keys are split
  double tiles = scores / real(tile.rows * tile.keys);      // executed: what a mask wastes is among them
  result.seconds = std::max(tiles * cost.tile_cycles / (real(gpu.multiprocessors) * busy * gpu.ghz * 1e9),
                            real(shape.batch * shape.kv_heads * shape.kv_len) * dims * bytes /
                                (gpu.memory_bytes * real(gpu.multiprocessors) * gpu.ghz * 1e9));
  return result;
}

} // namespace attile::schedule
