// cp.async: copies that are done once their threads have waited for them.
#include "emulator/checks/race_entries.h"
#include "emulator/checks/races.h"

#include <algorithm>

namespace emu {

using namespace race_entries;

std::uint32_t BlockRaces::number_copies(Mask mask) {
  const std::uint32_t number = first_copies + static_cast<std::uint32_t>(copies.size());
  if (number >= most_copies)
    return 0;
  copies.push_back(
      {.instruction = doer.instruction, .function = doer.function, .warp = doer.warp, .pending = mask});
  WarpCopies& warp = warps[doer.warp];
  for (Mask rest = mask; rest != 0;) { // lanes that have committed equally often
    const std::uint32_t group = warp.commits[__builtin_ctz(rest)];
    const Mask same = lanes_where(rest, [&](int lane) { return warp.commits[lane] == group; });
    warp.issues.push_back({number, group, same});
    rest &= ~same;
  }
  return first_copies_number + number;
}

// ---- what copies read: until they are waited for, nobody may write there ----

void BlockRaces::note_sources(std::uint32_t number, Mask mask) {
  Copies& of = copies[number - first_copies];
  of.source = read_sources.address;
  of.source_bytes = read_sources.bytes;
  for_lanes(mask, [&](int lane) {
    const std::uint64_t address = of.source[static_cast<std::size_t>(lane)];
    if (address == 0)
      return;
    auto& chunk = sources[address / chunk_bytes]; // a copy is aligned, so it lies in one
    if (chunk.empty() || chunk.back().copies != number)
      chunk.push_back({number, 0});
    chunk.back().lanes |= Mask(1) << lane;
  });
}

void BlockRaces::find_sources(std::uint32_t thread, std::uint64_t address, unsigned bytes, RaceSink& sink) {
  const auto chunk = sources.find(address / chunk_bytes);
  if (chunk == sources.end())
    return;
  std::erase_if(chunk->second, [&](const Source& source) { return source.copies < first_copies; });
  for (const Source& source : chunk->second) {
    const Copies& of = copies[source.copies - first_copies];
    for_lanes(source.lanes, [&](int lane) {
      const auto i = static_cast<std::size_t>(lane);
      const std::uint64_t from = of.source[i];
      const std::uint32_t reader = of.warp * warp_size + static_cast<std::uint32_t>(lane);
      const bool pending = (of.pending >> lane & 1) != 0;
      if (from >= address + bytes || address >= from + of.source_bytes[i] ||
          (!pending && clocks.knows(thread, reader, of.done[i])))
        return;
      sink.race({.record = {.instruction = of.instruction, .function = of.function, .step = of.done[i]},
                 .block = block,
                 .thread = reader,
                 .asynchronous = true,
                 .pending = pending,
                 .byte = static_cast<unsigned>(std::max(from, address) - address)});
    });
  }
}

// The write of a lane that is told by `other.thread`, of copies that are still remembered.
void BlockRaces::tell_copy(std::uint32_t number, OtherAccess& other) const {
  const Copies& of = copies[number - first_copies];
  const std::uint32_t lane = other.thread % warp_size;
  other.record = {
      .instruction = of.instruction, .function = of.function, .step = of.done[lane], .wrote = true};
  other.asynchronous = true;
  other.pending = (of.pending >> lane & 1) != 0;
}

void BlockRaces::commit(std::uint32_t warp, Mask mask) {
  for_lanes(mask, [&](int lane) { ++warps[warp].commits[lane]; });
}

template <class Ready> void BlockRaces::complete(std::uint32_t warp, Mask mask, Ready ready) {
  for (Issue& issue : warps[warp].issues) {
    const Mask done = lanes_where(issue.lanes & mask, [&](int lane) { return ready(issue, lane); });
    Copies& of = copies[issue.copies - first_copies];
    for_lanes(done, [&](int lane) {
      of.done[lane] = clocks.now(warp * warp_size + static_cast<std::uint32_t>(lane));
    });
    of.pending &= ~done;
    issue.lanes &= ~done;
  }
  std::erase_if(warps[warp].issues, [](const Issue& issue) { return issue.lanes == 0; });
}

void BlockRaces::wait(std::uint32_t warp, Mask mask, std::uint32_t keep) {
  complete(warp, mask, [&](const Issue& issue, int lane) {
    return std::uint64_t(issue.group) + keep < warps[warp].commits[lane];
  });
}

void BlockRaces::wait_all(std::uint32_t warp, Mask mask) {
  complete(warp, mask, [](const Issue&, int) { return true; });
}

const Instruction* BlockRaces::in_flight(std::uint32_t warp, Mask mask, Mask& lanes) const {
  for (const Issue& issue : warps[warp].issues)
    if ((issue.lanes & mask) != 0) {
      lanes = issue.lanes & mask;
      return copies[issue.copies - first_copies].instruction;
    }
  return nullptr;
}

} // namespace emu
