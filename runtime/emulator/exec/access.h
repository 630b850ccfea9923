// Accesses to memory: one instruction's, for all its lanes. Every load, store, atomic and asynchronous copy
// finds its bytes through resolve(), which is where addresses are checked, traced and counted.
#pragma once

#include "emulator/exec/cluster.h"
#include "emulator/exec/launch.h"

namespace emu {

/// What is done to the bytes. Asynchronous copies (cp.async) read or write them later than the instruction
/// that names them. The last two are operations of the asynchronous proxy: only their bounds are checked
/// here, all else is told to the checker and the counters by the operation.
enum class Doing : std::uint8_t { read, write, atomic, async_read, async_write, agent_read, agent_write };
constexpr bool by_agent(Doing doing) { return doing == Doing::agent_read || doing == Doing::agent_write; }

/// PTX ISA, "Memory Consistency Model".
enum class Order : std::uint8_t { weak, relaxed, acquire, release, acq_rel, volatile_, mmio };
enum class Scope : std::uint8_t { none, cta, cluster, gpu, sys };

struct Access {
  Space space = Space::generic;
  Doing doing = Doing::read;
  Order order = Order::weak;
  Scope scope = Scope::none;
  std::uint32_t bytes = 0; ///< a lane, one after the other
  std::uint32_t align = 0; ///< that the instruction needs; 0: `bytes`
  Mask mask = 0;
  std::uint64_t address[warp_size]; ///< in `space`
  std::byte* host[warp_size];       ///< where the bytes are, once resolved
  Mask remote = 0;                  ///< lanes whose bytes are another block's shared memory, once resolved
  Space found[warp_size];           ///< never generic, once resolved
};

/// The addresses of a slot (registers of 32 or 64 bits), plus an offset, for the lanes of access.mask; the
/// others get the address of one of them, so that loops over all lanes do no harm.
void addresses(const Group& group, Slot base, std::int64_t offset, Access& access);
/// Of an instruction's operand `operand`, plus the immediate.
void addresses(const Group& group, const Instruction& instruction, int operand, Access& access);

/// What the instruction says of its access, with the addresses of operand `operand`; not resolved yet.
Access access_of(const Group& group, const Instruction& instruction, int operand, Mask mask, Doing doing);

/// Fills `host` and `found`. False if a lane's address is not allowed; then a fault has been reported. With
/// checks on, lanes whose access is reported but cannot be done are taken out of `mask`.
bool resolve(Group& group, const Instruction& instruction, Access& access);

/// The block in whose shared memory the bytes of a lane are, once resolved.
Block& owner(const Group& group, const Access& access, int lane);

/// Bytes that other host threads may access at the same time (blocks run on several): elements are relaxed
/// atomics of the host, which cost nothing, and fences order them.
template <class T> T load_element(const std::byte* from) {
  return __atomic_load_n(reinterpret_cast<const T*>(from), __ATOMIC_RELAXED);
}
template <class T> void store_element(std::byte* to, T value) {
  __atomic_store_n(reinterpret_cast<T*>(to), value, __ATOMIC_RELAXED);
}

} // namespace emu
