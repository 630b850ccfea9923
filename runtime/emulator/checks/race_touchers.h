// What an access does to the cells that it touches, by who does it and to which memory. Included by the parts
// of BlockRaces that touch cells, and by nothing else.
#pragma once

#include "emulator/checks/race_entries.h"
#include "emulator/checks/races.h"

#include <algorithm>
#include <array>

namespace emu {

using namespace race_entries;

// What happens to one cell. `old(e)`: all threads of this block know that access, or it is this thread's own.
template <class Entry> struct BlockRaces::Toucher {
  BlockRaces& races;
  RaceSink& sink;
  Entry entry;
  std::uint32_t thread;
  Touch touch;

  // The slot of the list of reads that this one takes: its thread's last, or one that is ordered before. If
  // there is none, one is forgotten; which one depends on the warp and the block, so that different ones
  // stay.
  template <class C, class Old> void add(C& cell, std::size_t victim, const Old& old) const {
    for (Entry& read : cell.reads)
      if (old(read)) {
        read = entry;
        return;
      }
    cell.reads[victim % cell.reads.size()] = entry;
  }

  template <class C, class Old, class Conflict>
  void apply(C& cell, unsigned byte, std::size_t victim, const Old& old, const Conflict& conflict) const {
    if (!old(cell.write) && conflict(cell.write, byte))
      cell.write = 0;
    if (touch == Touch::read) {
      add(cell, victim, old);
      return;
    }
    for (const Entry read : cell.reads)
      if (!old(read))
        conflict(read, byte);
    cell.write = entry;
    if (touch == Touch::write)
      cell.reads.fill(0);
    else
      add(cell, victim, old); // many threads may do so at a time: a later write must be ordered after all
  }
};

struct BlockRaces::SharedToucher : Toucher<std::uint32_t> {
  std::uint32_t below;                   // entries below are known to all
  const AsyncRef* agent = nullptr;       // an operation, not the thread
  static constexpr std::uint32_t none{}; // of entries
  // Of operations, known to be complete. The cells of a range speak of few of them.
  mutable std::array<std::uint32_t, 8> met{};

  bool old(std::uint32_t e) const {
    if (agent != nullptr)
      return e == none || is_earlier(e);
    return e < below || ((e & thread_mask) == thread && e >> thread_bits < first_copies_number);
  }

  // Of an operation that completes before this one does.
  bool is_earlier(std::uint32_t e) const {
    if (!is_operation(e) || touch != Touch::read)
      return false;
    const AsyncRef& other = operation_of(e);
    return other == nullptr || other->completes_before(**agent, wrote(e));
  }

  static bool is_operation(std::uint32_t e) { return e >> thread_bits >= first_operation_number; }
  static bool wrote(std::uint32_t e) { return (e & 1) != 0; }
  static std::uint32_t number_of(std::uint32_t e) {
    return (e - (first_operation_number << thread_bits)) >> 1;
  }
  const AsyncRef& operation_of(std::uint32_t e) const { return races.operations.get(number_of(e)); }

  // True if nobody needs to look at it again.
  bool conflict(std::uint32_t e, unsigned byte) const {
    if (is_operation(e))
      return operation_conflict(e, byte);
    const std::uint32_t number = e >> thread_bits;
    OtherAccess other{.record = {}, .block = races.block, .thread = e & thread_mask, .byte = byte};
    if (number >= first_visits_number)
      return visit_conflict(races.visits[number - first_visits_number], other);
    if (number >= first_copies_number)
      return copy_conflict(number - first_copies_number, other);
    other.record = races.shared_book.own(number);
    if (knows(other) || (other.record.strong && races.doer.strong))
      return false;
    sink.race(other);
    return false;
  }

  bool knows(OtherAccess& other) const {
    if (agent == nullptr)
      return races.clocks.knows(thread, other.thread, other.record.step);
    return races.sees(**agent, other);
  }

  bool visit_conflict(const Visit& visit, OtherAccess& other) const {
    other.record = visit.record;
    other.block = visit.block;
    const bool known = agent != nullptr
                           ? races.sees(**agent, other)
                           : races.clocks.knows(thread, visit.block, other.thread, visit.record.step);
    const bool strong = races.doer.strong && visit.record.strong;
    if (!known && !(strong && races.doer.reach != Reach::block && visit.record.reach != Reach::block))
      sink.race(other);
    return false;
  }

  bool copy_conflict(std::uint32_t number, OtherAccess& other) const {
    if (number < races.first_copies)
      return agent == nullptr || old_copy_conflict(number, other);
    races.tell_copy(number, other);
    if (!other.pending && knows(other))
      return agent == nullptr && other.record.step <= races.clocks.view(thread).own.known.base;
    sink.race(other);
    return false;
  }

  // All threads know it, but an operation may still not see it.
  bool old_copy_conflict(std::uint32_t number, OtherAccess& other) const {
    const OldCopies& copies = races.old_copies[number];
    other.asynchronous = true;
    other.record = {
        .instruction = copies.instruction, .function = copies.function, .step = copies.done, .wrote = true};
    if (!knows(other))
      sink.race(other);
    return false;
  }

  bool operation_conflict(std::uint32_t e, unsigned byte) const {
    std::uint32_t& known = met[number_of(e) % met.size()];
    if (known == e)
      return false;
    const AsyncRef& other = operation_of(e);
    if (other == nullptr)
      return true;
    if (races.meet_operation(other, wrote(e), agent == nullptr ? nullptr : agent->get(), thread, byte, sink))
      known = e;
    return false;
  }
};

// An access by a thread of another block, whose clocks say what it knows.
struct BlockRaces::VisitToucher : Toucher<std::uint32_t> {
  const BlockRaces& visitor;

  bool old(std::uint32_t e) const {
    const std::uint32_t number = e >> thread_bits;
    return e == 0 ||
           ((e & thread_mask) == thread && number >= first_visits_number && number < first_operation_number &&
            races.visits[number - first_visits_number].block == visitor.block);
  }

  bool conflict(std::uint32_t e, unsigned byte) const {
    const std::uint32_t number = e >> thread_bits;
    OtherAccess other{.record = {}, .block = races.block, .thread = e & thread_mask, .byte = byte};
    if (SharedToucher::is_operation(e)) {
      const AsyncRef& operation = races.operations.get(SharedToucher::number_of(e));
      if (operation != nullptr)
        visitor.meet_operation(operation, SharedToucher::wrote(e), nullptr, thread, byte, sink);
      return operation == nullptr;
    }
    if (number >= first_visits_number) {
      other.record = races.visits[number - first_visits_number].record;
      other.block = races.visits[number - first_visits_number].block;
    } else if (number >= first_copies_number) {
      if (number - first_copies_number < races.first_copies)
        return true;
      races.tell_copy(number - first_copies_number, other);
    } else {
      other.record = races.shared_book.own(number);
    }
    const bool knows = other.block == visitor.block
                           ? visitor.clocks.knows(thread, other.thread, other.record.step)
                           : visitor.clocks.knows(thread, other.block, other.thread, other.record.step);
    const bool strong = visitor.doer.strong && other.record.strong;
    const bool reach = other.block == visitor.block ||
                       (visitor.doer.reach != Reach::block && other.record.reach != Reach::block);
    if (other.pending || (!knows && !(strong && reach)))
      sink.race(other);
    return false;
  }
};

struct BlockRaces::GlobalToucher : Toucher<std::uint64_t> {
  std::uint64_t here; // epoch and block
  std::uint32_t below;
  const AsyncRef* agent = nullptr;

  static std::uint32_t number_of(std::uint64_t e) {
    return static_cast<std::uint32_t>(e >> number_shift) & ((1u << number_bits) - 1);
  }
  static std::uint32_t thread_of(std::uint64_t e) { return static_cast<std::uint32_t>(e >> 2) & thread_mask; }
  static bool is_operation(std::uint64_t e) { return number_of(e) >= first_global_operation; }

  bool old(std::uint64_t e) const {
    if (e >> epoch_shift != here >> epoch_shift)
      return !is_before(e) ||
             (agent != nullptr ? (*agent)->view->others.of(GlobalCells::launch_before, 0) != 0
                               : races.clocks.knows(thread, GlobalCells::launch_before, 0, 1));
    return agent == nullptr && e >> block_shift == here >> block_shift && !is_operation(e) &&
           (number_of(e) < below || thread_of(e) == thread);
  }

  // By the launch before this one, which it overlaps.
  bool is_before(std::uint64_t e) const {
    return races.memory->overlaps && (e >> epoch_shift) + 1 == here >> epoch_shift;
  }

  bool conflict_before(std::uint64_t e, OtherAccess& other) const {
    const auto book = races.memory->books_before.find(other.block);
    if (book == races.memory->books_before.end() || (races.doer.strong && (e & 3) == 3))
      return false;
    if (is_operation(e)) {
      const std::uint32_t number = (number_of(e) - first_global_operation) << thread_bits | other.thread;
      const AsyncRef operation = book->second->operation(number >> 1);
      if (operation == nullptr)
        return false;
      other.thread = operation->thread;
      other.record = {
          .instruction = operation->instruction, .function = operation->function, .wrote = (number & 1) != 0};
    } else {
      other.record = book->second->get(number_of(e));
    }
    other.before = true;
    sink.race(other);
    return false;
  }

  bool conflict(std::uint64_t e, unsigned byte) const {
    const bool same_block = e >> block_shift == here >> block_shift;
    OtherAccess other{.record = {},
                      .block = static_cast<std::uint32_t>(e >> block_shift) & ((1u << block_bits) - 1),
                      .thread = thread_of(e),
                      .byte = byte};
    if (is_before(e))
      return conflict_before(e, other);
    if (races.doer.strong && (e & 3) != 0) {
      const Reach reach = std::min(races.doer.reach, static_cast<Reach>((e & 3) - 1)); // of both
      if (same_block || reach == Reach::device || (reach == Reach::cluster && races.is_peer(other.block)))
        return false;
    }
    RecordBook& book = same_block ? *races.global_book : races.memory->book(other.block);
    if (is_operation(e)) {
      const std::uint32_t number = (number_of(e) - first_global_operation) << thread_bits | other.thread;
      races.meet_operation(book.operation(number >> 1), (number & 1) != 0,
                           agent == nullptr ? nullptr : agent->get(), thread, byte, sink);
      return false;
    }
    other.record = same_block ? book.own(number_of(e)) : book.get(number_of(e));
    if (!knows(other, same_block))
      sink.race(other);
    return false;
  }

  bool knows(OtherAccess& other, bool same_block) const {
    if (agent != nullptr)
      return races.sees(**agent, other);
    return same_block ? races.clocks.knows(thread, other.thread, other.record.step)
                      : races.clocks.knows(thread, other.block, other.thread, other.record.step);
  }
};

template <class T>
void BlockRaces::touch_shared(const T& toucher, std::uint64_t offset, std::uint64_t bytes,
                              std::size_t victim) {
  const auto old = [&](std::uint32_t e) { return toucher.old(e); };
  const auto conflict = [&](std::uint32_t e, unsigned byte) { return toucher.conflict(e, byte); };
  each_granule(offset, bytes, [&](std::uint64_t granule, unsigned from, unsigned to, unsigned before) {
    visit_cells(cells[granule], parts, granule_bytes, from, to, 0, toucher.touch == Touch::write,
                [&](SharedCell& cell, unsigned byte) {
                  toucher.apply(cell, before + std::max(byte, from) - from, victim, old, conflict);
                });
  });
}

inline void BlockRaces::touch_global(const GlobalToucher& toucher, std::uint64_t offset,
                                     std::uint64_t bytes) {
  const auto old = [&](std::uint64_t e) { return toucher.old(e); };
  const auto conflict = [&](std::uint64_t e, unsigned byte) { return toucher.conflict(e, byte); };
  each_granule(offset, bytes, [&](std::uint64_t granule, unsigned from, unsigned to, unsigned before) {
    GlobalCells::Stripe& stripe = memory->stripe(granule * granule_bytes);
    while (stripe.busy.test_and_set(std::memory_order_acquire)) {
    }
    visit_cells(memory->cells[granule], stripe.parts, granule_bytes, from, to, 0,
                toucher.touch == Touch::write, [&](GlobalCells::GlobalCell& cell, unsigned byte) {
                  toucher.apply(cell, before + std::max(byte, from) - from, block, old, conflict);
                });
    stripe.busy.clear(std::memory_order_release);
  });
}

} // namespace emu
