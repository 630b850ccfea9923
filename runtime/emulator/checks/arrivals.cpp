#include "emulator/checks/arrivals.h"
#include "emulator/isa/instruction.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <utility>

namespace emu {
namespace {

// "warp 3", "warps 0, 4 to 7"
std::string warps_text(std::uint32_t warps) {
  std::string text = std::popcount(warps) == 1 ? "warp " : "warps ";
  bool first = true;
  for (std::uint32_t warp = 0; warp < 32; ++warp) {
    if ((warps >> warp & 1) == 0)
      continue;
    std::uint32_t last = warp;
    while (last < 31 && (warps >> (last + 1) & 1) != 0)
      ++last;
    text += first ? "" : ", ";
    text += last == warp ? fmt::format("{}", warp) : fmt::format("{} to {}", warp, last);
    first = false;
    warp = last;
  }
  return text;
}

} // namespace

void Arrivals::come(const Instruction& instruction, std::uint32_t rank, std::uint32_t warp, bool bytes) {
  const auto at = std::ranges::find_if(now, [&](const One& one) {
    return one.instruction == &instruction && one.rank == rank && one.bytes == bytes;
  });
  One& one = at != now.end() ? *at : now.emplace_back(One{&instruction, bytes, rank, 0});
  one.warps |= 1u << warp % 32;
}

void Arrivals::complete_phase() {
  before = std::move(now);
  now.clear();
}

std::string Arrivals::list(const std::vector<One>& phase) {
  std::string text;
  for (const One& one : phase)
    text += fmt::format("{}{} of line {} ({}{})", text.empty() ? "" : ", ", one.bytes ? "bytes" : "arrivals",
                        one.instruction->line,
                        one.rank == 0 ? "" : fmt::format("block {} of the cluster, ", one.rank),
                        warps_text(one.warps));
  return text;
}

std::string Arrivals::text() const {
  std::string text;
  if (!now.empty())
    text += "; of this phase: " + list(now);
  if (!before.empty())
    text += "; of the phase before: " + list(before);
  return text;
}

} // namespace emu
