// How a cell names an access (see cells.h): what the bits of its entries mean. Entries of shared memory's
// cells: [split | number | thread], where numbers from `first_copies_number` on are asynchronous copies,
// those from `first_visits_number` on accesses of other blocks, and those from `first_operation_number` on
// are, with the bits of the thread, operations: [number of the operation | does it write?]. Entries of global
// memory's: [split | epoch | block | number | thread | 0: weak, or 1 and the reach], where numbers from
// `first_global_operation` on are such, too.
#pragma once

#include <cstdint>

namespace emu::race_entries {

inline constexpr unsigned thread_bits = 10;
inline constexpr std::uint32_t thread_mask = (1u << thread_bits) - 1;
inline constexpr std::uint32_t most_shared = 1u << 20;
inline constexpr std::uint32_t first_copies_number = most_shared;
inline constexpr std::uint32_t most_copies = 1u << 18;
inline constexpr std::uint32_t first_visits_number = first_copies_number + most_copies;
inline constexpr std::uint32_t most_visits = 1u << 18;
inline constexpr std::uint32_t first_operation_number = first_visits_number + most_visits;
inline constexpr std::uint32_t last_operation = 1u << (19 + thread_bits - 1);
inline constexpr unsigned number_bits = 22, block_bits = 22, epoch_bits = 7;
inline constexpr std::uint32_t first_global_operation = 1u << (number_bits - 1);
inline constexpr unsigned number_shift = thread_bits + 2, block_shift = number_shift + number_bits,
                          epoch_shift = block_shift + block_bits;
inline constexpr std::uint64_t epochs = std::uint64_t(1) << epoch_bits;

} // namespace emu::race_entries
