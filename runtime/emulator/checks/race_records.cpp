// What is remembered of accesses for races: records by number, and the cells of global memory.
#include "emulator/checks/race_entries.h"
#include "emulator/checks/races.h"

#include <new>
#include <sys/mman.h>
#include <utility>

namespace emu {

using namespace race_entries;

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

} // namespace emu
