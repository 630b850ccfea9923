#include "emulator/exec/tensor_box.h"

#include <algorithm>

namespace emu {

// Of the row's element of coordinate 0. False: it lies outside of the tensor.
bool TensorBox::address_of(const Index& index, std::uint64_t& address) const {
  address = map.address;
  for (std::uint32_t i = 1; i < map.rank; ++i) {
    const std::int64_t coordinate = at[i] + std::int64_t(index[i]) * map.steps[i];
    if (coordinate < 0 || coordinate >= static_cast<std::int64_t>(map.dims[i]))
      return false;
    address += static_cast<std::uint64_t>(coordinate) * map.strides[i - 1];
  }
  return true;
}

bool TensorBox::next(Index& index) const {
  for (std::uint32_t i = 1; i < map.rank; ++i) {
    if (++index[i] < map.count(i))
      return true;
    index[i] = 0;
  }
  return false;
}

bool TensorBox::find(Group& group, const Instruction& instruction, int lane, Doing doing) {
  const auto dim = static_cast<std::int64_t>(map.dims[0]);
  const auto first = std::clamp<std::int64_t>(-at[0], 0, map.box[0]);
  const auto last = std::clamp<std::int64_t>(dim - at[0], first, map.box[0]);
  Index index{};
  for (bool more = true; more; more = next(index)) {
    Row row;
    std::uint64_t address = 0;
    if (first != last && address_of(index, address)) {
      const BulkRange range =
          bulk_range(group, instruction, lane,
                     {.space = Space::global,
                      .doing = doing,
                      .address = address + static_cast<std::uint64_t>(at[0] + first) * map.element_bytes(),
                      .bytes = static_cast<std::uint64_t>(last - first) * map.element_bytes(),
                      .align = 1});
      if (range.is == BulkRange::Is::fault)
        return false;
      if (range.is == BulkRange::Is::there)
        row = {range.host, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)};
    }
    all.push_back(row);
  }
  return true;
}

// The pieces of elements [first, last) of a row, in order: f(bytes from the beginning of the row, place,
// bytes).
template <class F>
void TensorBox::along(const SharedBox& box, std::uint64_t row, std::uint32_t first, std::uint32_t last,
                      F f) const {
  const std::uint32_t unit = map.swizzle == TensorMap::Swizzle::none        ? ~0u
                             : map.atom == TensorMap::Atom::bytes_32_flip_8 ? 8
                                                                            : 16;
  const std::uint32_t end = last * map.element_bytes();
  for (std::uint32_t begin = first * map.element_bytes(); begin < end;) {
    const std::uint32_t bytes = std::min(end - begin, unit - begin % unit);
    const std::uint64_t place = box.address + row * map.row_pitch() + begin;
    f(begin, box.host + (map.swizzled(place) - box.address), bytes);
    begin += bytes;
  }
}

std::vector<BulkPiece> TensorBox::to_shared(const SharedBox& to) const {
  std::vector<BulkPiece> pieces;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Row& row = all[i];
    const auto filled = [&](std::uint32_t, std::byte* there, std::uint32_t bytes) {
      pieces.push_back({.to = there, .from = nullptr, .bytes = bytes});
    };
    along(to, i, 0, row.first, filled);
    along(to, i, row.first, row.last, [&](std::uint32_t begin, std::byte* there, std::uint32_t bytes) {
      pieces.push_back({there, row.global + (begin - row.first * map.element_bytes()), bytes});
    });
    along(to, i, row.last, map.box[0], filled);
  }
  return pieces;
}

std::vector<BulkPiece> TensorBox::from_shared(const SharedBox& from) const {
  std::vector<BulkPiece> pieces;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Row& row = all[i];
    along(from, i, row.first, row.last, [&](std::uint32_t begin, std::byte* there, std::uint32_t bytes) {
      pieces.push_back({row.global + (begin - row.first * map.element_bytes()), there, bytes});
    });
  }
  return pieces;
}

} // namespace emu
