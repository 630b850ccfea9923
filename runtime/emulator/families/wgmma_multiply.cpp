// What a wgmma.mma_async does once its four warps have come, at once or while they go on.
#include "emulator/checks/checker.h"
#include "emulator/counters/counters.h"
#include "emulator/exec/access.h"
#include "emulator/exec/async.h"
#include "emulator/families/wgmma.h"
#include "emulator/isa/matrix_descriptor.h"
#include "emulator/numeric/host.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace emu {

#define EMU_DECLARE(level)                                                                                   \
  namespace level {                                                                                          \
  void multiply_warpgroup(const WarpgroupProduct& product, const Instruction& instruction,                   \
                          const WarpgroupFactors& factors, const WarpgroupFrames& frames,                    \
                          unsigned accumulates, bool truncating);                                            \
  }
EMU_FOR_EACH_HOST(EMU_DECLARE)
#undef EMU_DECLARE

namespace {

constexpr std::uint32_t chunk_bytes = MatrixDescriptor::chunk_bytes;
constexpr int k_of_16_bits = 16, elements_of_chunk = 8; // of a transposed matrix, whose elements have 16 bits
constexpr int a_operand = 1, b_operand = 2, scale_operand = 3;

/// The chunks of a matrix in shared memory, in bytes from where that begins.
struct MatrixChunks {
  std::uint32_t count = 0;
  std::array<std::uint32_t, 2 * WarpgroupFactors::most_columns> offset;
};

/// A matrix of `lines` rows of A or columns of B.
MatrixChunks chunks_of(const MatrixDescriptor& matrix, bool mn_major, int lines, std::uint64_t shared_begin) {
  MatrixChunks chunks;
  const auto count = static_cast<std::uint32_t>(lines), begin = static_cast<std::uint32_t>(shared_begin);
  for (std::uint32_t line = 0; line < count && !mn_major; ++line)
    for (std::uint32_t chunk = 0; chunk < 2; ++chunk)
      chunks.offset[chunks.count++] = matrix.k_major(line, chunk) - begin;
  for (std::uint32_t chunk = 0; chunk < count / elements_of_chunk && mn_major; ++chunk)
    for (std::uint32_t k = 0; k < k_of_16_bits; ++k)
      chunks.offset[chunks.count++] = matrix.mn_major(chunk, k) - begin;
  return chunks;
}

void take(const MatrixChunks& chunks, bool mn_major, const std::byte* shared, std::byte* lines) {
  if (!mn_major) {
    for (std::uint32_t i = 0; i < chunks.count; ++i)
      std::memcpy(lines + std::size_t(i) * chunk_bytes, shared + chunks.offset[i], chunk_bytes);
    return;
  }
  for (std::uint32_t i = 0; i < chunks.count; ++i) {
    std::uint16_t elements[elements_of_chunk];
    std::memcpy(elements, shared + chunks.offset[i], sizeof elements);
    std::byte* to = lines + std::size_t(i / k_of_16_bits) * elements_of_chunk * WarpgroupFactors::line_bytes +
                    std::size_t(i % k_of_16_bits) * sizeof elements[0];
    for (std::uint16_t element : elements) {
      std::memcpy(to, &element, sizeof element);
      to += WarpgroupFactors::line_bytes;
    }
  }
}

// Rows of A that the registers of a warp hold.
void take_registers(const Instruction& in, const std::byte* frame, std::byte* lines) {
  for (int j = 0; j < in.parts(a_operand); ++j)
    for (int lane = 0; lane < warp_size; ++lane) {
      const Element at = word_of_fragment(2, j, lane);
      std::memcpy(lines + at.row * WarpgroupFactors::line_bytes + 4 * at.column,
                  frame + in.operand(a_operand, j).offset + 4 * lane, 4);
    }
}

// A times -1.
void negate(const WarpgroupProduct& product, std::byte* lines) {
  const std::uint32_t signs = product.element_bits == 32   ? 0x80000000u
                              : product.element_bits == 16 ? 0x80008000u
                                                           : 0x80808080u;
  for (int i = 0; i < WarpgroupFactors::rows * WarpgroupFactors::line_bytes; i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, lines + i, sizeof word);
    word ^= signs;
    std::memcpy(lines + i, &word, sizeof word);
  }
}

/// One wgmma.mma_async of a warpgroup. It reads A and B some time after it was issued, and adds to the sums
/// some time after that.
class Multiplication final : public AsyncWork {
public:
  Multiplication(const WarpgroupLanes& warps, const Instruction& in)
      : in(in), block(*warps[0]->warp->block), truncating(truncating_matrix(*warps[0])) {
    for (std::size_t w = 0; w < warps.size(); ++w) {
      activations[w] = warps[w]->activation;
      frames.of[w] = warps[w]->frame;
      const Mask scale = predicate(warps[w]->frame, in.operand(scale_operand));
      const bool negated = (in.negated >> scale_operand & 1) != 0;
      accumulates |= ((scale & 1) != 0) != negated ? 1u << w : 0;
    }
  }

  unsigned accumulates = 0; ///< a bit for each warp
  /// Where A (if it is not in registers) and B lie.
  MatrixChunks a, b;

  void read() override {
    const std::byte* shared = block.shared.data();
    if (product().a_in_registers)
      for (std::size_t w = 0; w < warps_of_warpgroup; ++w)
        take_registers(in, frames.of[w], factors.a + w * sizeof factors.a / warps_of_warpgroup);
    else
      take(a, product().a_mn_major, shared, factors.a);
    take(b, product().b_mn_major, shared, factors.b);
    if (product().negated)
      negate(product(), factors.a);
  }

  void write() override {
    EMU_CHOOSE_HOST(multiply_warpgroup)(product(), in, factors, frames, accumulates, truncating);
  }

private:
  const WarpgroupProduct& product() const { return static_cast<const WarpgroupProduct&>(*in.extra); }

  const Instruction& in;
  Block& block;
  bool truncating;
  std::array<std::shared_ptr<Frame>, warps_of_warpgroup> activations;
  WarpgroupFrames frames{};
  WarpgroupFactors factors;
};

std::uint64_t descriptor_bits(const Group& group, const Instruction& in, int operand) {
  return lanes<std::uint64_t>(group.frame, in.operand(operand))[0];
}

// Whether all chunks lie in shared memory. If not, `flow` says how the launch goes on.
bool inside(Group& group, const Instruction& in, const MatrixChunks& chunks, Flow& flow) {
  const Block& block = *group.warp->block;
  for (std::uint32_t i = 0; i < chunks.count; ++i) {
    const std::uint64_t offset = chunks.offset[i], size = block.shared.size();
    if (size >= chunk_bytes && offset <= size - chunk_bytes)
      continue;
    Access access;
    access.space = access.found[0] = Space::shared;
    access.doing = Doing::async_read;
    access.bytes = chunk_bytes;
    access.mask = 1;
    access.address[0] = static_cast<std::uint32_t>(offset + block.shared_begin);
    if (Checker* checker = block.launch->checker;
        checker != nullptr && checker->refused(group, in, access, 0, Status::illegal_address))
      return false;
    flow = fault(
        group, in, 0, Status::illegal_address,
        fmt::format("the matrix descriptor's bytes at shared address 0x{:x} lie outside of shared memory",
                    access.address[0]));
    return false;
  }
  return true;
}

// What is wrong with the descriptor in an operand of the four warps.
void check_descriptor(Checker& checker, const WarpgroupLanes& warps, const Instruction& in, int operand) {
  const std::uint64_t bits = descriptor_bits(*warps[0], in, operand);
  if (const std::string fault = MatrixDescriptor(bits).fault(); !fault.empty())
    checker.finds(Report::Kind::matrix_descriptor, *warps[0], in, 0, fault, "");
  for (Group* warp : warps) {
    const auto* own = lanes<std::uint64_t>(warp->frame, in.operand(operand));
    if (const Mask others = lanes_where(all_lanes, [&](int lane) { return own[lane] != bits; });
        others != 0) {
      const int lane = __builtin_ctz(others);
      return checker.finds(
          Report::Kind::matrix_descriptor, *warp, in, lane,
          fmt::format("matrix descriptor 0x{:x}, and 0x{:x} in the warpgroup's first lane", own[lane], bits),
          "the same in all lanes of the warpgroup");
    }
  }
}

void tell(Checker& checker, const WarpgroupLanes& warps, const Instruction& in,
          const WarpgroupProduct& product, const Multiplication& work) {
  checker.matrix_issues(warps, in,
                        {.a = {work.a.offset.data(), work.a.count},
                         .b = {work.b.offset.data(), work.b.count},
                         .a_mn_major = product.a_mn_major,
                         .b_mn_major = product.b_mn_major,
                         .accumulates = work.accumulates});
}

} // namespace

Flow multiply_by_warpgroup(Group& group, const Instruction& in, Mask mask) {
  Flow flow = whole_warp(group, in, mask);
  WarpgroupLanes warps{};
  if (flow == Flow::go)
    flow = meet_warpgroup(group, in, warps);
  if (flow != Flow::go)
    return flow;
  Block& block = *group.warp->block;
  const auto& product = static_cast<const WarpgroupProduct&>(*in.extra);
  if (Checker* checker = block.launch->checker) {
    checker->matrix_operands(warps, in);
    check_descriptor(*checker, warps, in, b_operand);
    if (!product.a_in_registers)
      check_descriptor(*checker, warps, in, a_operand);
  }
  auto work = std::make_unique<Multiplication>(warps, in);
  work->b = chunks_of(MatrixDescriptor(descriptor_bits(*warps[0], in, b_operand)), product.b_mn_major,
                      product.shape.n, block.shared_begin);
  if (!product.a_in_registers)
    work->a = chunks_of(MatrixDescriptor(descriptor_bits(*warps[0], in, a_operand)), product.a_mn_major,
                        product.shape.m, block.shared_begin);
  if (!inside(*warps[0], in, work->a, flow) || !inside(*warps[0], in, work->b, flow))
    return flow;
  if (block.counts != nullptr)
    block.counts->reads_matrices(group, in, std::uint64_t(work->a.count + work->b.count) * chunk_bytes,
                                 product.a_in_registers);
  if (Checker* checker = block.launch->checker)
    tell(*checker, warps, in, product, *work);
  if (block.launch->random != nullptr) {
    block.async->issue(block,
                       {.thread = group.warp->index / warps_of_warpgroup,
                        .chain = Chain::matrix,
                        .group = warps[0]->warp->matrix_groups},
                       std::move(work));
    return Flow::go;
  }
  work->read();
  work->write();
  return Flow::go;
}

} // namespace emu
