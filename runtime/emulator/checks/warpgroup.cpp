// wgmma: what it does to the registers of four warps, and what it reads of shared memory.
#include "emulator/checks/block_checks.h"
#include "emulator/isa/fragment.h"

#include <algorithm>
#include <bitset>
#include <fmt/format.h>

namespace emu {
namespace {

constexpr int warp_rows = 16, k_of_16_bits = 16, chunk_bytes = 16, lines_of_chunk = 8;

using Lines = std::bitset<256>;

// Rows of A or columns of B of which a byte in shared memory is not good.
Lines bad_lines(const OwnShadow& shared, std::span<const std::uint32_t> chunks, bool mn_major) {
  Lines lines;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    ByteBits bad = ~shared.defined.get(chunks[i], chunk_bytes) & all_bytes(chunk_bytes);
    if (shared.any_tainted)
      bad |= shared.tainted.get(chunks[i], chunk_bytes);
    if (bad == 0)
      continue;
    if (!mn_major)
      lines.set(i / 2);
    for (std::size_t line = 0; line < lines_of_chunk && mn_major; ++line)
      if ((bad >> 2 * line & 3) != 0)
        lines.set(i / k_of_16_bits * lines_of_chunk + line);
  }
  return lines;
}

// Rows of a warp's A that is in registers.
Lines bad_rows(const RegisterShadow& shadow, const Instruction& instruction) {
  Lines rows;
  for (int j = 0; j < instruction.parts(1); ++j)
    for_lanes(shadow.bad(instruction.operand(1, j)),
              [&](int lane) { rows.set(static_cast<std::size_t>(word_of_fragment(2, j, lane).row)); });
  return rows;
}

// The sums of a warp depend on its row of A and their column of B, and on what they were.
void define_sums(RegisterShadow& shadow, const Instruction& instruction, const Lines& rows,
                 const Lines& columns, bool accumulates, bool packed) {
  if (shadow.clean() && rows.none() && columns.none())
    return;
  for (int part = 0; part < instruction.parts(0); ++part) {
    const Slot slot = instruction.operand(0, part);
    Mask bad = accumulates ? shadow.bad(slot) : 0;
    if (rows.any() || columns.any())
      bad |= lanes_where(all_lanes, [&](int lane) {
        const Element cell = pair_of_fragment(2, packed ? part : part / 2, lane);
        const auto row = static_cast<std::size_t>(cell.row), column = static_cast<std::size_t>(cell.column);
        return rows[row] || columns[packed ? column : column + static_cast<std::size_t>(part % 2)] ||
               (packed && columns[column + 1]);
      });
    shadow.define(slot, ~bad);
    shadow.taint(slot, bad, &instruction);
  }
}

Lines part_of(const Lines& rows, std::size_t warp) {
  return rows >> warp * warp_rows & Lines((1u << warp_rows) - 1);
}

// f(offset, bytes) for what a warp reads: chunks from `first` on. Two of a row are mostly side by side.
template <class F> void each_range(std::span<const std::uint32_t> chunks, F f) {
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const bool pair = i + 1 < chunks.size() && (chunks[i] ^ chunks[i + 1]) == chunk_bytes;
    f(pair ? std::min(chunks[i], chunks[i + 1]) : chunks[i], pair ? 2 * chunk_bytes : chunk_bytes);
    i += pair ? 1 : 0;
  }
}

} // namespace

// ---- registers in flight ----

void Checker::Data::report_held(Group& group, const Instruction& instruction,
                                const HeldRegisters::Problem& problem) {
  using What = HeldRegisters::Problem::What;
  if (problem.what == What::none)
    return;
  const bool early = problem.what == What::sums_in_flight || problem.what == What::a_in_flight;
  const std::uint32_t line = problem.other != nullptr ? problem.other->line : 0;
  std::string text;
  switch (problem.what) {
  case What::sums_in_flight:
    text = fmt::format("accesses a register that the wgmma of line {} adds to, which has not been waited for",
                       line);
    break;
  case What::a_in_flight:
    text =
        fmt::format("writes a register that the wgmma of line {} reads, which has not been waited for", line);
    break;
  case What::no_fence:
    text = line == 0
               ? std::string("no wgmma.fence comes before the warp's first wgmma")
               : fmt::format("accesses a register that the thread accessed in line {}, without a wgmma.fence "
                             "between",
                             line);
    break;
  case What::other_shape:
    text = fmt::format("adds to a register that the wgmma of line {}, of another shape, adds to, without a "
                       "wgmma.fence between",
                       line);
    break;
  case What::none:
    break;
  }
  report(early ? Report::Kind::register_early : Report::Kind::register_fence, group, instruction,
         __builtin_ctz(group.mask), {std::move(text)});
}

void Checker::Data::touch_held(Group& group, const Instruction& instruction) {
  report_held(group, instruction, checks_of(group).held[group.warp->index].touch(group, instruction));
}

// ---- calls ----

void Checker::finds(Report::Kind kind, Group& group, const Instruction& instruction, int lane,
                    std::string actual, std::string expected) {
  data->report(kind, group, instruction, lane, {std::move(actual), std::move(expected)});
}

void Checker::matrix_operands(std::span<Group* const> warps, const Instruction& instruction) {
  for (Group* warp : warps) {
    if (const std::uint32_t own = warp->warp->matrix_groups, first = warps[0]->warp->matrix_groups;
        own != first)
      data->report(
          Report::Kind::barrier_divergence, *warp, instruction, 0,
          {fmt::format("the warp has committed {} groups of wgmma, the warpgroup's first one {}", own, first),
           "as many by all warps of the warpgroup"});
    for (int operand = instruction.parts(1) > 1 ? 2 : 1; operand <= 3 && data->options.defined; ++operand) {
      const Slot slot = instruction.operand(operand);
      const RegisterShadow& shadow = *shadow_of(*warp);
      const bool scale = slot.bytes == 0;
      if (const Mask bad = shadow.bad(slot); bad != 0)
        data->report(scale ? Report::Kind::undefined_branch : Report::Kind::undefined_address, *warp,
                     instruction, __builtin_ctz(bad),
                     {fmt::format("{} depends on a value that was never defined{}",
                                  scale ? "scale-d" : "the matrix descriptor",
                                  data->origin(*warp, shadow.origin(slot)))});
    }
  }
}

void Checker::matrix_issues(std::span<Group* const> warps, const Instruction& instruction,
                            const MatrixReads& reads) {
  BlockChecks& block = checks_of(*warps[0]);
  for (Group* warp : warps)
    data->report_held(*warp, instruction, block.held[warp->warp->index].issue(*warp, instruction));
  for (std::size_t w = 0; w < warps.size() && data->options.races; ++w) {
    const AsyncRef operation = async_begins(*warps[w], instruction, 0, {AsyncBy::matrix_group});
    auto read = [&](std::uint32_t offset, std::uint32_t bytes) {
      data->touch(operation, Touch::read, {warps[w]->warp->block, offset, bytes});
    };
    const std::size_t own = reads.a.size() / warps.size(); // a warp has 16 rows of A, one after the other
    each_range(reads.a.subspan(w * own, own), read);
    each_range(reads.b, read);
  }
  if (!data->options.defined)
    return;
  const Lines rows = bad_lines(block.shared, reads.a, reads.a_mn_major),
              columns = bad_lines(block.shared, reads.b, reads.b_mn_major);
  const auto& fragments = static_cast<const ProductFragments&>(*instruction.extra);
  for (std::size_t w = 0; w < warps.size(); ++w) {
    RegisterShadow& shadow = *shadow_of(*warps[w]);
    const bool registers = instruction.parts(1) > 1;
    define_sums(shadow, instruction, registers ? bad_rows(shadow, instruction) : part_of(rows, w), columns,
                (reads.accumulates >> w & 1) != 0, fragments.packed_d);
  }
}

void Checker::matrix_fence(Group& group) { checks_of(group).held[group.warp->index].fence(); }

} // namespace emu
