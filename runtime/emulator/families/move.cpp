// mov, conversion of addresses, and what else moves or names things.
#include "emulator/exec/cluster.h"
#include "emulator/families/lanewise.h"
#include "emulator/isa/specials.h"
#include "emulator/memory/spaces.h"

namespace emu {
namespace {

using u128 = unsigned __int128;

// ---- mov ----

constexpr auto same = [](auto a) { return a; };

// {parts} = whole, and whole = {parts}; the first part is the lowest.
template <class Whole, class Part> Flow unpack(Group& group, const Instruction& instruction, Mask mask) {
  const Whole* whole = lanes<Whole>(group.frame, instruction.operand(1));
  for (int part = 0; part < instruction.parts(0); ++part) {
    const int shift = 8 * static_cast<int>(sizeof(Part)) * part;
    each_lane(lanes<Part>(group.frame, instruction.operand(0, part)), mask,
              [=](int i) { return static_cast<Part>(whole[i] >> shift); });
  }
  return Flow::go;
}

template <class Whole, class Part> Flow pack(Group& group, const Instruction& instruction, Mask mask) {
  Whole* whole = lanes<Whole>(group.frame, instruction.operand(0));
  for (int part = 0; part < instruction.parts(1); ++part) {
    const int shift = 8 * static_cast<int>(sizeof(Part)) * part;
    const Part* from = lanes<Part>(group.frame, instruction.operand(1, part));
    each_lane(whole, mask, [=](int i) {
      const Whole lower = part == 0 ? Whole(0) : whole[i];
      return static_cast<Whole>(lower | static_cast<Whole>(static_cast<Whole>(from[i]) << shift));
    });
  }
  return Flow::go;
}

template <class Whole, class Part> constexpr Execute repack(bool packs) {
  return packs ? pack<Whole, Part> : unpack<Whole, Part>;
}

Execute repacking(int whole, int part, bool packs) {
  switch (whole * 16 + part) {
  case 2 * 16 + 1:
    return repack<std::uint16_t, std::uint8_t>(packs);
  case 4 * 16 + 1:
    return repack<std::uint32_t, std::uint8_t>(packs);
  case 4 * 16 + 2:
    return repack<std::uint32_t, std::uint16_t>(packs);
  case 8 * 16 + 2:
    return repack<std::uint64_t, std::uint16_t>(packs);
  case 8 * 16 + 4:
    return repack<std::uint64_t, std::uint32_t>(packs);
  case 16 * 16 + 8:
    return repack<u128, std::uint64_t>(packs);
  default:
    return nullptr;
  }
}

// A warp's clock counts its instructions; a cycle, and a nanosecond, are one.
template <class T, int shift> Flow read_clock(Group& group, const Instruction& instruction, Mask mask) {
  const auto now = static_cast<T>(group.warp->executed >> shift);
  ++group.warp->block->changes; // what comes next depends on it
  each_lane(lanes<T>(group.frame, instruction.operand(0)), mask, [=](int) { return now; });
  return Flow::go;
}

void decode_clock(Decoding& d, Clock clock) {
  const bool upper = clock == Clock::clock_hi || clock == Clock::globaltimer_hi;
  if (d.slot(0).bytes == 8)
    d.out.execute = read_clock<std::uint64_t, 0>;
  else
    d.out.execute = upper ? read_clock<std::uint32_t, 32> : read_clock<std::uint32_t, 0>;
}

void decode_move(Decoding& d) {
  const ptx::Operand& from = d.statement.operands[1];
  if (from.is(ptx::Operand::Kind::special))
    if (const std::optional<Clock> clock = clock_named(from.text))
      return decode_clock(d, *clock);
  const int destinations = d.out.parts(0), sources = d.out.parts(1);
  const int bytes = ptx::bits(d.type()) / 8;
  if (destinations == 1 && sources == 1) {
    d.out.execute = bytes == 16 ? lanewise<same, u128, u128>
                                : with_bits(d.type(), []<class T>() { return uniform<same, T, 1>(); });
    return;
  }
  const int parts = destinations * sources;
  if (destinations == 1 || sources == 1)
    d.out.execute = repacking(bytes, bytes / parts, sources > 1);
  if (d.out.execute == nullptr)
    d.fail("no such vector: expected 2 or 4 parts of 8, 16, 32 or 64 bits on one side");
}

// ---- generic addresses ----

// The space that is named, as the offset of its window in generic addresses. Global memory and constants lie
// at their generic addresses.
std::uint64_t window(const Decoding& d) {
  if (d.has("shared") || d.has("shared::cta") || d.has("shared::cluster"))
    return shared_window;
  if (d.has("local"))
    return local_window;
  return d.has("param") || d.has("param::entry") ? param_window : 0;
}

Flow add_window(Group& group, const Instruction& instruction, Mask mask) {
  const auto offset = static_cast<std::uint64_t>(instruction.immediate);
  const auto* a = lanes<std::uint64_t>(group.frame, instruction.operand(1));
  each_lane(lanes<std::uint64_t>(group.frame, instruction.operand(0)), mask,
            [=](int i) { return a[i] + offset; });
  return Flow::go;
}

template <bool to_generic> void decode_cvta(Decoding& d) {
  d.out.execute = add_window;
  d.out.immediate = static_cast<std::int64_t>(to_generic ? window(d) : 0 - window(d));
}

enum class Region : std::uint8_t { global, constant, shared, local, param, cluster };

Region region_of(const Memory& memory, std::uint64_t address) {
  switch (address & ~(window_bytes - 1)) {
  case shared_window:
    return Region::shared;
  case local_window:
    return Region::local;
  case param_window:
    return Region::param;
  default:
    const std::optional<Allocation> found = memory.find(address);
    return found && found->read_only ? Region::constant : Region::global;
  }
}

Flow is_space(Group& group, const Instruction& instruction, Mask mask) {
  const auto* a = lanes<std::uint64_t>(group.frame, instruction.operand(1));
  const auto region = static_cast<Region>(instruction.immediate);
  const Memory& memory = *group.warp->block->launch->memory;
  Mask holds = 0;
  Block& block = *group.warp->block;
  for_lanes(mask, [&](int i) {
    bool is = region_of(memory, a[i]) == (region == Region::cluster ? Region::shared : region);
    if (region == Region::shared) // the block's own
      is = is && owner_of(block, a[i] % window_bytes) == &block;
    holds |= Mask(is ? 1 : 0) << i;
  });
  write_predicate(group, instruction.operand(0), mask, holds);
  return Flow::go;
}

void decode_is_space(Decoding& d) {
  const int which = d.which(
      {"global", "const", "shared", "local", "param", "param::entry", "shared::cta", "shared::cluster"});
  d.out.execute = is_space;
  d.out.immediate = static_cast<std::int64_t>(which < 5    ? static_cast<Region>(which)
                                              : which == 5 ? Region::param
                                              : which == 6 ? Region::shared
                                                           : Region::cluster);
}

} // namespace

std::span<const Entry> move_entries() {
#define SPACE "(.const|.global|.local|.shared|.shared::cta|.shared::cluster|.param|.param::entry)"
  static constexpr Entry entries[] = {
      {"mov(.b16|.b32|.b64|.b128|.u16|.u32|.u64|.s16|.s32|.s64|.f32|.f64)", "=p0 p0", decode_move, Kind::copy,
       Class::move},
      {"cvta" SPACE ".u64", "=u64 u64", decode_cvta<true>, Kind::compute, Class::move},
      {"cvta.to" SPACE ".u64", "=u64 u64", decode_cvta<false>, Kind::compute, Class::move},
      {"isspacep" SPACE, "=pred u64", decode_is_space, Kind::compute, Class::compare},
  };
  return entries;
#undef SPACE
}

} // namespace emu
