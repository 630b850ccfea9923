// What is remembered of the accesses to memory, for races: a cell holds the last write and some reads since.
// A cell stands for 16 bytes as long as they are accessed together, and is split into four, and those into
// bytes, when they are not.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

namespace emu {

inline constexpr unsigned granule_bytes = 16;
inline constexpr unsigned cell_parts = 4;

/// `Entry` names an access; 0 is none; its highest bit marks a cell that is split.
template <class Entry, int readers> struct Cell {
  static constexpr Entry split_bit = Entry(1) << (8 * sizeof(Entry) - 1);
  Entry write = 0; ///< or atomic
  std::array<Entry, readers> reads{};
  bool is_split() const { return (write & split_bit) != 0; }
};

/// The parts of split cells. Not thread-safe.
template <class C> class CellParts {
public:
  using Parts = std::array<C, cell_parts>;
  Parts& of(const C& cell) { return parts[static_cast<std::size_t>(cell.write & ~C::split_bit)]; }
  Parts& split(C& cell) {
    std::size_t index = parts.size();
    if (free.empty()) {
      parts.emplace_back();
    } else {
      index = free.back();
      free.pop_back();
    }
    parts[index].fill(cell);
    cell.write = C::split_bit | static_cast<decltype(cell.write)>(index);
    return parts[index];
  }
  void merge(C& cell) {
    const auto index = static_cast<std::size_t>(cell.write & ~C::split_bit);
    cell = parts[index][0];
    free.push_back(index);
  }
  void clear() {
    parts.clear();
    free.clear();
  }

private:
  std::deque<Parts> parts;
  std::vector<std::size_t> free;
};

/// Calls visit(cell, first byte) for the cells that hold the bytes [from, to) of a cell of `size` bytes,
/// splitting it as needed. After a write (`overwrites`) to all of a split cell it is one again.
template <class C, class Visit>
void visit_cells(C& cell, CellParts<C>& parts, unsigned size, unsigned from, unsigned to, unsigned base,
                 bool overwrites, const Visit& visit) {
  const bool whole = from == 0 && to == size;
  if (whole && !cell.is_split()) {
    visit(cell, base);
    return;
  }
  auto& four = cell.is_split() ? parts.of(cell) : parts.split(cell);
  const unsigned part = size / cell_parts;
  for (unsigned i = 0; i < cell_parts; ++i) {
    const unsigned begin = i * part, end = begin + part;
    if (from < end && to > begin)
      visit_cells(four[i], parts, part, from > begin ? from - begin : 0, (to < end ? to : end) - begin,
                  base + begin, overwrites, visit);
  }
  if (whole && overwrites)
    parts.merge(cell);
}

/// Calls f(granule, from, to, before) for the granules that hold `bytes` bytes from `offset` on: its bytes
/// [from, to), with `before` bytes of the range in granules before it.
template <class F> void each_granule(std::uint64_t offset, std::uint64_t bytes, const F& f) {
  for (const std::uint64_t begin = offset, end = offset + bytes; offset < end;) {
    const std::uint64_t granule = offset / granule_bytes, left = end - granule * granule_bytes;
    const auto from = static_cast<unsigned>(offset % granule_bytes);
    const unsigned to = left < granule_bytes ? static_cast<unsigned>(left) : granule_bytes;
    f(granule, from, to, static_cast<unsigned>(offset - begin));
    offset += to - from;
  }
}

} // namespace emu
