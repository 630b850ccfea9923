// A box of a tensor: where its rows lie in global memory, and where in shared memory.
#pragma once

#include "emulator/exec/bulk.h"
#include "emulator/exec/tensor_map.h"

namespace emu {

/// Of its first element; elements outside of the tensor are filled when they are loaded, and not stored.
using BoxCoordinates = std::array<std::int64_t, TensorMap::most_rank>;

/// Where a box lies in shared memory.
struct SharedBox {
  std::byte* host = nullptr;
  std::uint64_t address = 0; ///< of the block: swizzles follow it
};

class TensorBox {
public:
  TensorBox(const TensorMap& map, const BoxCoordinates& at) : map(map), at(at) {}

  /// Finds its rows for a lane. False: a fault has been reported.
  bool find(Group& group, const Instruction& instruction, int lane, Doing doing);
  std::size_t rows() const { return all.size(); }
  std::vector<BulkPiece> to_shared(const SharedBox& to) const;
  std::vector<BulkPiece> from_shared(const SharedBox& from) const;

private:
  /// Along the first dimension: elements [first, last) are inside of the tensor.
  struct Row {
    std::byte* global = nullptr; ///< where element `first` lies
    std::uint32_t first = 0, last = 0;
  };
  using Index = std::array<std::uint32_t, TensorMap::most_rank>;

  bool address_of(const Index& index, std::uint64_t& address) const;
  bool next(Index& index) const;
  template <class F>
  void along(const SharedBox& box, std::uint64_t row, std::uint32_t first, std::uint32_t last, F f) const;

  const TensorMap& map;
  BoxCoordinates at;
  std::vector<Row> all; ///< in the order in which they lie in shared memory
};

} // namespace emu
