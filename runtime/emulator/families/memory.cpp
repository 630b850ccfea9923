// ld, ldu, st: between registers and memory. What they say of caches has no effect (PTX ISA, "Cache
// Operators", "Cache Eviction Priority Hints").
#include "emulator/exec/spin.h"
#include "emulator/exec/wide.h"
#include "emulator/families/modifiers.h"
#include "emulator/isa/table.h"

#include <atomic>
#include <cstring>

namespace emu {
namespace {

// One element of each lane, between a register of type R and memory of type M. A register may be wider than
// what is loaded: the rest is filled with zeros, or with the sign (M is signed then).
using Part = void (*)(std::byte* registers, const Access& access, std::uint32_t offset);

template <class R, class M> void load_part(std::byte* registers, const Access& access, std::uint32_t offset) {
  R* to = reinterpret_cast<R*>(registers);
  if (access.mask == all_lanes) {
    for (int lane = 0; lane < warp_size; ++lane)
      to[lane] = static_cast<R>(load_element<M>(access.host[lane] + offset));
  } else {
    for_lanes(access.mask,
              [&](int lane) { to[lane] = static_cast<R>(load_element<M>(access.host[lane] + offset)); });
  }
}

template <class R, class M>
void store_part(std::byte* registers, const Access& access, std::uint32_t offset) {
  const R* from = reinterpret_cast<const R*>(registers);
  for_lanes(access.mask,
            [&](int lane) { store_element<M>(access.host[lane] + offset, static_cast<M>(from[lane])); });
}

struct Parts {
  Part load, store;
};

template <class M> Parts parts_of(std::uint32_t register_bytes) {
  switch (register_bytes) {
  case 1:
    return {load_part<std::uint8_t, M>, store_part<std::uint8_t, M>};
  case 2:
    return {load_part<std::uint16_t, M>, store_part<std::uint16_t, M>};
  case 4:
    return {load_part<std::uint32_t, M>, store_part<std::uint32_t, M>};
  case 8:
    return {load_part<std::uint64_t, M>, store_part<std::uint64_t, M>};
  default:
    return {load_part<Wide, M>, store_part<Wide, M>};
  }
}

Parts parts_of(ptx::Type type, std::uint32_t register_bytes) {
  const bool is_signed = ptx::is_signed(type);
  switch (ptx::bits(type)) {
  case 8:
    return is_signed ? parts_of<std::int8_t>(register_bytes) : parts_of<std::uint8_t>(register_bytes);
  case 16:
    return is_signed ? parts_of<std::int16_t>(register_bytes) : parts_of<std::uint16_t>(register_bytes);
  case 32:
    return is_signed ? parts_of<std::int32_t>(register_bytes) : parts_of<std::uint32_t>(register_bytes);
  case 64:
    return parts_of<std::uint64_t>(register_bytes);
  default:
    return parts_of<Wide>(register_bytes);
  }
}

/// How each part of an instruction's vector moves: registers may be of different widths.
struct Moves : Extra {
  Part parts[8] = {};
};

Flow load(Group& group, const Instruction& instruction, Mask mask) {
  Access access = access_of(group, instruction, 1, mask, Doing::read);
  if (!resolve(group, instruction, access))
    return Flow::fault;
  const auto& moves = static_cast<const Moves&>(*instruction.extra);
  for (std::uint32_t part = 0; part < instruction.vector; ++part)
    moves.parts[part](group.frame + instruction.operand(0, static_cast<int>(part)).offset, access,
                      part * instruction.width);
  if (access.order == Order::weak)
    return Flow::go;
  if (access.order == Order::acquire)
    std::atomic_thread_fence(std::memory_order_acquire);
  return look(group, instruction, access); // perhaps for what another thread writes
}

Flow store(Group& group, const Instruction& instruction, Mask mask) {
  Access access = access_of(group, instruction, 0, mask, Doing::write);
  if (!resolve(group, instruction, access))
    return Flow::fault;
  if (access.order == Order::release)
    std::atomic_thread_fence(std::memory_order_release);
  ++group.warp->block->changes;
  const auto& moves = static_cast<const Moves&>(*instruction.extra);
  for (std::uint32_t part = 0; part < instruction.vector; ++part)
    moves.parts[part](group.frame + instruction.operand(1, static_cast<int>(part)).offset, access,
                      part * instruction.width);
  return Flow::go;
}

template <bool loads> void decode_access(Decoding& d) {
  const ptx::Type type = d.type();
  decode_access_modifiers(d, loads ? 1 : 0);
  d.out.execute = loads ? load : store;
  d.out.width = static_cast<std::uint8_t>(ptx::bits(type) / 8);
  d.out.vector = d.has("v8") ? 8 : d.has("v4") ? 4 : d.has("v2") ? 2 : 1;
  Moves moves;
  for (int part = 0; part < d.out.vector; ++part) {
    const Parts both = parts_of(type, d.slot(loads ? 0 : 1, part).bytes);
    moves.parts[part] = loads ? both.load : both.store;
  }
  d.attach(moves);
}

} // namespace

std::span<const Entry> memory_entries() {
#define SPACE                                                                                                \
  "{.const|.global|.local|.param|.param::entry|.param::func|.shared|.shared::cta|.shared::cluster}"
#define EVICTION                                                                                             \
  "{.L1::evict_normal|.L1::evict_unchanged|.L1::evict_first|.L1::evict_last|.L1::no_allocate}"               \
  "{.L2::evict_normal|.L2::evict_first|.L2::evict_last}{.L2::cache_hint}"
#define PREFETCH "{.L2::64B|.L2::128B|.L2::256B}"
#define TYPE "{.v2|.v4|.v8}(.b8|.b16|.b32|.b64|.b128|.u8|.u16|.u32|.u64|.s8|.s16|.s32|.s64|.f32|.f64)"
#define LOAD "=v*r0 mem b64?", decode_access<true>, Kind::memory, Class::memory
#define STORE "mem v*r0 b64?", decode_access<false>, Kind::memory, Class::memory
  static constexpr Entry entries[] = {
      {"ld{.weak}" SPACE "{.ca|.cg|.cs|.lu|.cv}" EVICTION PREFETCH TYPE, LOAD},
      {"ld.volatile" SPACE PREFETCH TYPE, LOAD},
      {"ld(.relaxed|.acquire)" EMU_SCOPE SPACE EVICTION PREFETCH TYPE, LOAD},
      {"ld.mmio.relaxed.sys{.global}" TYPE, LOAD},
      {"ld.global{.ca|.cg|.cs}.nc" EVICTION PREFETCH TYPE, LOAD},
      {"ldu{.global}" TYPE, LOAD},
      {"st{.weak}" SPACE "{.wb|.cg|.cs|.wt}" EVICTION TYPE, STORE},
      {"st.volatile" SPACE TYPE, STORE},
      {"st(.relaxed|.release)" EMU_SCOPE SPACE EVICTION TYPE, STORE},
      {"st.mmio.relaxed.sys{.global}" TYPE, STORE},
  };
  return entries;
#undef SPACE
#undef EVICTION
#undef PREFETCH
#undef TYPE
#undef LOAD
#undef STORE
}

} // namespace emu
