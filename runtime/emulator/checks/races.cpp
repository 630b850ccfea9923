#include "emulator/checks/races.h"

#include <algorithm>
#include <new>
#include <sys/mman.h>
#include <utility>

namespace emu {
namespace {

// Entries of shared memory's cells: [split | number | thread], where numbers from `first_copies_number` on
// are asynchronous copies, those from `first_visits_number` on accesses of other blocks, and those from
// `first_operation_number` on are, with the bits of the thread, operations: [number of the operation | does
// it write?]. Entries of global memory's: [split | epoch | block | number | thread | 0: weak, or 1 and the
// reach], where numbers from `first_global_operation` on are such, too.
constexpr unsigned thread_bits = 10;
constexpr std::uint32_t thread_mask = (1u << thread_bits) - 1;
constexpr std::uint32_t most_shared = 1u << 20;
constexpr std::uint32_t first_copies_number = most_shared;
constexpr std::uint32_t most_copies = 1u << 18;
constexpr std::uint32_t first_visits_number = first_copies_number + most_copies;
constexpr std::uint32_t most_visits = 1u << 18;
constexpr std::uint32_t first_operation_number = first_visits_number + most_visits;
constexpr std::uint32_t last_operation = 1u << (19 + thread_bits - 1);
constexpr unsigned number_bits = 22, block_bits = 22, epoch_bits = 7;
constexpr std::uint32_t first_global_operation = 1u << (number_bits - 1);
constexpr unsigned number_shift = thread_bits + 2, block_shift = number_shift + number_bits,
                   epoch_shift = block_shift + block_bits;
constexpr std::uint64_t epochs = std::uint64_t(1) << epoch_bits;

} // namespace

// ---- RecordBook ----

std::uint32_t RecordBook::number(const AccessRecord& record) {
  const std::size_t hash = reinterpret_cast<std::uintptr_t>(record.instruction) / 64 * 31 + record.step * 7 +
                           (record.wrote ? 1 : 0);
  Known& known = recent[hash % recent.size()];
  if (known.number != 0 && known.record == record)
    return known.number;
  if (records.size() >= most)
    return 0;
  const std::lock_guard lock(mutex);
  known = {record, size()};
  records.push_back(record);
  return known.number;
}

AccessRecord RecordBook::get(std::uint32_t number) const {
  const std::lock_guard lock(mutex);
  return records[number];
}

std::uint32_t RecordBook::number(const AsyncRef& operation) {
  const std::lock_guard lock(mutex);
  return operations.number(operation);
}

AsyncRef RecordBook::operation(std::uint32_t number) const {
  const std::lock_guard lock(mutex);
  return operations.get(number);
}

void RecordBook::clear() {
  const std::lock_guard lock(mutex);
  records.resize(1);
  recent.fill({});
}

// ---- GlobalCells ----

GlobalCells::GlobalCells(std::uint64_t base, std::uint64_t bytes)
    : base(base), bytes(bytes), stripes(std::make_unique<Stripe[]>(stripe_count)) {
  void* range = mmap(nullptr, bytes / granule_bytes * sizeof(GlobalCell), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED)
    throw std::bad_alloc();
  cells = static_cast<GlobalCell*>(range);
}

GlobalCells::~GlobalCells() { munmap(cells, bytes / granule_bytes * sizeof(GlobalCell)); }

void GlobalCells::launch_begins(bool overlaps_before) {
  overlaps = overlaps_before;
  books_before = overlaps ? std::exchange(books, {}) : Books();
  books.clear();
  if (++epoch < epochs)
    return;
  epoch = 1;
  overlaps = false; // what was is forgotten
  madvise(cells, bytes / granule_bytes * sizeof(GlobalCell), MADV_DONTNEED);
  for (std::size_t i = 0; i < stripe_count; ++i)
    stripes[i].parts.clear();
}

RecordBook& GlobalCells::book(std::uint32_t block) {
  const std::lock_guard lock(mutex);
  auto& book = books[block];
  if (book == nullptr)
    book = std::make_unique<RecordBook>(first_global_operation);
  return *book;
}

// ---- touching cells ----

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
    const Copies& copies = races.copies[number - races.first_copies];
    const std::uint32_t lane = other.thread % warp_size;
    other.record = {.instruction = copies.instruction,
                    .function = copies.function,
                    .step = copies.done[lane],
                    .wrote = true};
    other.asynchronous = true;
    other.pending = (copies.pending >> lane & 1) != 0;
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
    const AsyncRef& other = operation_of(e);
    if (other == nullptr)
      return true;
    races.meet_operation(other, wrote(e), agent == nullptr ? nullptr : agent->get(), thread, byte, sink);
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
      const Copies& copies = races.copies[number - first_copies_number - races.first_copies];
      other.record = {.instruction = copies.instruction,
                      .function = copies.function,
                      .step = copies.done[other.thread % warp_size],
                      .wrote = true};
      other.asynchronous = true;
      other.pending = (copies.pending >> other.thread % warp_size & 1) != 0;
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

// ---- BlockRaces ----

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

template <class T>
void BlockRaces::touch_shared(const T& toucher, std::uint64_t offset, std::uint64_t bytes,
                              std::size_t victim) {
  const auto old = [&](std::uint32_t e) { return toucher.old(e); };
  const auto conflict = [&](std::uint32_t e, unsigned byte) { return toucher.conflict(e, byte); };
  for (const std::uint64_t begin = offset, end = offset + bytes; offset < end;) {
    const std::uint64_t granule = offset / granule_bytes;
    const auto from = static_cast<unsigned>(offset % granule_bytes);
    const auto to =
        static_cast<unsigned>(std::min<std::uint64_t>(granule_bytes, end - granule * granule_bytes));
    const auto before = static_cast<unsigned>(offset - begin);
    visit_cells(cells[granule], parts, granule_bytes, from, to, 0, toucher.touch == Touch::write,
                [&](SharedCell& cell, unsigned byte) {
                  toucher.apply(cell, before + std::max(byte, from) - from, victim, old, conflict);
                });
    offset += to - from;
  }
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

void BlockRaces::touch_global(const GlobalToucher& toucher, std::uint64_t offset, std::uint64_t bytes) {
  const auto old = [&](std::uint64_t e) { return toucher.old(e); };
  const auto conflict = [&](std::uint64_t e, unsigned byte) { return toucher.conflict(e, byte); };
  for (const std::uint64_t begin = offset, end = offset + bytes; offset < end;) {
    const std::uint64_t granule = offset / granule_bytes;
    const auto from = static_cast<unsigned>(offset % granule_bytes);
    const auto to =
        static_cast<unsigned>(std::min<std::uint64_t>(granule_bytes, end - granule * granule_bytes));
    const auto before = static_cast<unsigned>(offset - begin);
    GlobalCells::Stripe& stripe = memory->stripe(offset);
    while (stripe.busy.test_and_set(std::memory_order_acquire)) {
    }
    visit_cells(memory->cells[granule], stripe.parts, granule_bytes, from, to, 0,
                toucher.touch == Touch::write, [&](GlobalCells::GlobalCell& cell, unsigned byte) {
                  toucher.apply(cell, before + std::max(byte, from) - from, block, old, conflict);
                });
    stripe.busy.clear(std::memory_order_release);
    offset += to - from;
  }
}

// ---- cp.async ----

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

// ---- asynchronous operations ----

bool BlockRaces::sees(const AsyncOperation& agent, OtherAccess& other) {
  const auto seen = agent.sees(other.block, other.thread, other.record.step, other.record.wrote);
  other.unfenced = seen == AsyncOperation::Sees::unfenced;
  return seen == AsyncOperation::Sees::all;
}

// A thread, or an operation `agent`, touches what another operation has touched, or will.
void BlockRaces::meet_operation(const AsyncRef& other, bool wrote, const AsyncOperation* agent,
                                std::uint32_t thread, unsigned byte, RaceSink& sink) const {
  const bool knows = agent != nullptr ? agent->knows(*other, wrote)
                                      : clocks.view(thread).knows(block, other->completion(wrote));
  if (knows)
    return;
  sink.race({.record = {.instruction = other->instruction, .function = other->function, .wrote = wrote},
             .block = other->block,
             .thread = other->thread,
             .asynchronous = true,
             .pending = true,
             .operation = other,
             .byte = byte});
}

void BlockRaces::shared(const AsyncRef& operation, Touch touch, std::uint64_t offset, std::uint64_t bytes,
                        RaceSink& sink) {
  if (operations.size() > most_operations)
    sweep_operations();
  const std::uint32_t number = operations.number(operation);
  if (number >= last_operation)
    return;
  doer = {.instruction = operation->instruction,
          .function = operation->function,
          .touch = touch,
          .strong = touch == Touch::atomic,
          .reach = Reach::device};
  const std::uint32_t entry =
      (first_operation_number << thread_bits) + (number << 1 | (touch == Touch::read ? 0 : 1));
  touch_shared<SharedToucher>(
      {{.races = *this, .sink = sink, .entry = entry, .thread = operation->thread, .touch = touch},
       0,
       &operation},
      offset, bytes, operation->thread / warp_size);
}

void BlockRaces::global(const AsyncRef& operation, Touch touch, std::uint64_t address, std::uint64_t bytes,
                        RaceSink& sink) {
  const std::uint64_t offset = address - memory->base;
  if (offset >= memory->bytes || bytes > memory->bytes - offset)
    return;
  if (touch != Touch::read && !sources.empty())
    find_sources(operation->thread, address, static_cast<unsigned>(bytes), sink);
  const std::uint32_t number = global_book->number(operation) << 1 | (touch == Touch::read ? 0 : 1);
  if (number >> thread_bits >= first_global_operation)
    return;
  doer = {.instruction = operation->instruction,
          .function = operation->function,
          .touch = touch,
          .strong = touch == Touch::atomic,
          .reach = Reach::device};
  const std::uint64_t here = memory->epoch << epoch_shift | std::uint64_t(block) << block_shift;
  const std::uint64_t entry =
      here | std::uint64_t(first_global_operation + (number >> thread_bits)) << number_shift |
      std::uint64_t(number & thread_mask) << 2 |
      (doer.strong ? 1 + static_cast<std::uint64_t>(doer.reach) : 0);
  touch_global({{.races = *this, .sink = sink, .entry = entry, .thread = operation->thread, .touch = touch},
                here,
                0,
                &operation},
               offset, bytes);
}

// Where warps of several roles never meet, operations are forgotten when no cell speaks of them any more:
// what did in their place has waited for them.
void BlockRaces::sweep_operations() {
  std::vector<std::uint32_t> kept;
  const auto note = [&](std::uint32_t entry) {
    if (SharedToucher::is_operation(entry))
      kept.push_back(SharedToucher::number_of(entry));
  };
  const auto look = [&](const auto& again, SharedCell& cell) -> void {
    if (cell.is_split()) {
      for (SharedCell& part : parts.of(cell))
        again(again, part);
      return;
    }
    note(cell.write);
    std::ranges::for_each(cell.reads, note);
  };
  for (SharedCell& cell : cells)
    look(look, cell);
  std::ranges::sort(kept);
  operations.keep(kept);
  most_operations = std::max<std::size_t>(most_operations, 2 * operations.size());
}

void BlockRaces::leave(std::uint32_t warp, Mask mask) {
  clocks.leave(warp, mask);
  if (!operations.empty())
    clocks.publish(warp, mask, last_known);
}

// What is done to shared memory: a bulk group's operations only read it, and others complete at once.
const AsyncOperation* BlockRaces::left_behind() const {
  const AsyncOperation* found = nullptr;
  operations.each([&](const AsyncOperation& one) {
    if (found == nullptr && !last_known.knows(block, one.completion(false)))
      found = &one;
  });
  return found;
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
  operations.retire([&](const AsyncOperation& one) { return common.knows(block, one.completion(false)); });
  if (copies.empty() && operations.empty() &&
      (shared_book.nearly_full() || first_copies > most_copies / 2 || visits.size() > most_visits / 2))
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
