// The accesses of a block's threads; race_copies.cpp has those of cp.async, race_operations.cpp those of the
// asynchronous proxy.
#include "emulator/checks/races.h"
#include "emulator/checks/race_touchers.h"

#include <utility>

namespace emu {

BlockRaces::BlockRaces(std::uint32_t block, std::uint32_t threads, std::size_t shared_bytes,
                       GlobalCells* global, Peers peers)
    : clocks(block & ((1u << block_bits) - 1), threads, peers.empty() ? block : peers.front()),
      block(block & ((1u << block_bits) - 1)), peers(std::move(peers)), memory(global),
      cells((shared_bytes + granule_bytes - 1) / granule_bytes), shared_book(most_shared),
      global_book(global == nullptr ? nullptr : &global->book(this->block)),
      warps((threads + warp_size - 1) / warp_size) {}

void BlockRaces::begin(const Doer& next, Mask mask) {
  doer = next;
  memo = {};
  if (!doer.asynchronous)
    return;
  if (doer.touch == Touch::read) {
    if (read_sources.instruction != doer.instruction || read_sources.warp != doer.warp)
      read_sources = {.instruction = doer.instruction, .warp = doer.warp}; // else more lanes of the same
    return;
  }
  current_copies = number_copies(mask);
  if (current_copies != 0 && read_sources.instruction == doer.instruction && read_sources.warp == doer.warp)
    note_sources(current_copies - first_copies_number, mask);
  read_sources = {};
}

std::uint32_t BlockRaces::number(RecordBook& book, int lane) {
  const Clock step = clocks.now(doer.warp * warp_size + static_cast<std::uint32_t>(lane));
  if (memo.book != &book || memo.step != step) {
    memo = {&book, step, 0};
    memo.number = book.number(record(lane));
  }
  return memo.number;
}

AccessRecord BlockRaces::record(int lane) const {
  return {.instruction = doer.instruction,
          .function = doer.function,
          .step = clocks.now(doer.warp * warp_size + static_cast<std::uint32_t>(lane)),
          .strong = doer.strong,
          .reach = doer.reach,
          .wrote = doer.touch != Touch::read};
}

// Lanes that do the same at the same step follow each other.
std::uint32_t BlockRaces::number_visit(const Visit& visit) {
  if (visits.empty() || visits.back() != visit) {
    if (visits.size() == most_visits)
      return 0;
    visits.push_back(visit);
  }
  return first_visits_number + static_cast<std::uint32_t>(visits.size()) - 1;
}

void BlockRaces::shared(int lane, std::uint64_t offset, unsigned bytes, RaceSink& sink) {
  const std::uint32_t thread = doer.warp * warp_size + static_cast<std::uint32_t>(lane);
  const bool copy = doer.asynchronous && doer.touch == Touch::write;
  const std::uint32_t number = copy ? current_copies : this->number(shared_book, lane);
  if (number == 0)
    return;
  const SharedToucher toucher{{.races = *this,
                               .sink = sink,
                               .entry = number << thread_bits | thread,
                               .thread = thread,
                               .touch = doer.touch},
                              std::max(clocks.view(thread).ordered_below[0], 1u) << thread_bits};
  touch_shared(toucher, offset, bytes, doer.warp);
}

void BlockRaces::shared_of(BlockRaces& owner, int lane, std::uint64_t offset, unsigned bytes,
                           RaceSink& sink) {
  const std::uint32_t number = owner.number_visit({record(lane), block});
  if (number == 0)
    return;
  const std::uint32_t thread = doer.warp * warp_size + static_cast<std::uint32_t>(lane);
  const VisitToucher toucher{{.races = owner,
                              .sink = sink,
                              .entry = number << thread_bits | thread,
                              .thread = thread,
                              .touch = doer.touch},
                             *this};
  owner.touch_shared(toucher, offset, bytes, doer.warp + block);
}

void BlockRaces::global(int lane, std::uint64_t address, unsigned bytes, RaceSink& sink) {
  const std::uint64_t offset = address - memory->base;
  const std::uint32_t thread = doer.warp * warp_size + static_cast<std::uint32_t>(lane);
  const std::uint32_t number = this->number(*global_book, lane);
  if (number == 0 || offset >= memory->bytes || bytes > memory->bytes - offset)
    return;
  if (doer.asynchronous) {
    read_sources.bytes[static_cast<std::size_t>(lane)] = static_cast<std::uint8_t>(bytes);
    read_sources.address[static_cast<std::size_t>(lane)] = address;
  } else if (doer.touch != Touch::read && !sources.empty()) {
    find_sources(thread, address, bytes, sink);
  }
  const std::uint64_t here = memory->epoch << epoch_shift | std::uint64_t(block) << block_shift;
  const std::uint64_t entry = here | std::uint64_t(number) << number_shift | std::uint64_t(thread) << 2 |
                              (doer.strong ? 1 + static_cast<std::uint64_t>(doer.reach) : 0);
  touch_global({{.races = *this, .sink = sink, .entry = entry, .thread = thread, .touch = doer.touch},
                here,
                clocks.view(thread).ordered_below[1]},
               offset, bytes);
}

// ---- barriers ----

void BlockRaces::meet(std::span<const Mask> lanes, const View* arrived, bool without_left) {
  met(clocks.meet(lanes, arrived, {shared_book.size(), global_book == nullptr ? 0 : global_book->size()},
                  without_left));
}

void BlockRaces::meet(std::uint32_t warp, Mask mask) {
  met(clocks.meet(warp, mask, {shared_book.size(), global_book == nullptr ? 0 : global_book->size()}));
}

// Copies that were waited for before all threads met need not be looked at any more.
void BlockRaces::met(bool all) {
  if (!all)
    return;
  while (!copies.empty() && copies.front().pending == 0) {
    const Copies& of = copies.front();
    Clock done = ~Clock(0);
    for (const Clock lane : of.done)
      done = lane == 0 ? done : std::min(done, lane); // 0: not among those that copied
    old_copies.push_back({of.instruction, of.function, done});
    copies.pop_front();
    ++first_copies;
  }
  if (copies.empty())
    sources.clear();
  const View& common = clocks.view(0);
  const bool full =
      shared_book.nearly_full() || first_copies > most_copies / 2 || visits.size() > most_visits / 2;
  // Peers may come here who do not know of it: what they must know is forgotten only for want of room.
  if (peers.size() < 2 || full)
    operations.retire([&](const AsyncOperation& one) { return common.knows(block, one.completion(false)); });
  if (full && copies.empty() && operations.empty())
    forget_shared();
}

// Numbers start anew. All threads know everything, and only views that say so are left. (What threads of
// other blocks did here may be forgotten too early.)
void BlockRaces::forget_shared() {
  std::ranges::fill(cells, SharedCell());
  parts.clear();
  shared_book.clear();
  visits.clear();
  first_copies = 0;
  old_copies.clear();
  const std::vector<Mask> everybody(warps.size(), all_lanes);
  clocks.meet(everybody, nullptr, {shared_book.size(), global_book == nullptr ? 0 : global_book->size()},
              true);
}

} // namespace emu
