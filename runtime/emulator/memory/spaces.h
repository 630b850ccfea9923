// Addresses. Global memory lies at host addresses (memory.h); the other spaces have addresses of their own,
// and windows in the generic space.
#pragma once

#include <cstdint>

namespace emu {

inline constexpr std::uint64_t shared_window = std::uint64_t(1) << 48; ///< + address in shared memory
inline constexpr std::uint64_t local_window = std::uint64_t(2) << 48;  ///< + address in local memory
inline constexpr std::uint64_t param_window = std::uint64_t(3) << 48; ///< + offset in the kernel's parameters
inline constexpr std::uint64_t function_window = std::uint64_t(4) << 48; ///< + 16 times the function's number
inline constexpr std::uint64_t window_bytes = std::uint64_t(1) << 32;

/// Blocks of a cluster reach each other's shared memory in the window shared::cluster: there the block of
/// rank r has its shared addresses plus (r + 1) times this, and lower addresses are the block's own.
inline constexpr std::uint64_t rank_stride = std::uint64_t(1) << 24;

/// The first bytes of shared memory belong to the system, as on chips since sm_80: address 0 is never a
/// variable.
inline constexpr std::uint64_t shared_base = 1024;
/// Of them, what cooperative groups use for tiles of several warps: the last ones. All zero when a block
/// begins.
inline constexpr std::uint32_t tile_scratch_bytes = 288;
/// Local addresses begin here, so that 0 is none.
inline constexpr std::uint64_t local_begin = 64;
/// Of a thread, as hardware has.
inline constexpr std::uint64_t most_local_bytes = 512 << 10;

} // namespace emu
