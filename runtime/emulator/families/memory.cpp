// ld, st: between registers and memory.
#include "emulator/exec/access.h"
#include "emulator/isa/table.h"

#include <cstring>

namespace emu {
namespace {

// A register may be wider than what is loaded: the rest is filled with zeros, or with the sign.
void extend(std::byte* to, std::uint32_t bytes, const std::byte* from, std::uint32_t width, bool is_signed) {
  std::memcpy(to, from, width);
  if (bytes > width)
    std::memset(to + width, is_signed && (std::to_integer<int>(from[width - 1]) & 0x80) ? 0xff : 0,
                bytes - width);
}

enum Flag : std::uint64_t { sign_extends = 1 };

Access access_of(Group& group, const Instruction& instruction, int operand, Mask mask, Doing doing) {
  Access access;
  access.space = static_cast<Space>(instruction.space);
  access.doing = doing;
  access.order = static_cast<Order>(instruction.order);
  access.scope = static_cast<Scope>(instruction.scope);
  access.bytes = std::uint32_t(instruction.width) * instruction.vector;
  access.mask = mask;
  addresses(group, instruction, operand, access);
  return access;
}

Flow load(Group& group, const Instruction& instruction, Mask mask) {
  Access access = access_of(group, instruction, 1, mask, Doing::read);
  if (!resolve(group, instruction, access))
    return Flow::fault;
  for (int part = 0; part < instruction.vector; ++part) {
    const Slot slot = instruction.operand(0, part);
    for_lanes(access.mask, [&](int lane) {
      extend(group.frame + slot.offset + lane * slot.bytes, slot.bytes,
             access.host[lane] + part * instruction.width, instruction.width,
             instruction.flags & sign_extends);
    });
  }
  return Flow::go;
}

Flow store(Group& group, const Instruction& instruction, Mask mask) {
  Access access = access_of(group, instruction, 0, mask, Doing::write);
  if (!resolve(group, instruction, access))
    return Flow::fault;
  for (int part = 0; part < instruction.vector; ++part) {
    const Slot slot = instruction.operand(1, part);
    for_lanes(access.mask, [&](int lane) {
      std::memcpy(access.host[lane] + part * instruction.width, group.frame + slot.offset + lane * slot.bytes,
                  instruction.width);
    });
  }
  return Flow::go;
}

Space space_of(const Decoding& d) {
  const int space = d.which({"global", "shared", "shared::cta", "shared::cluster", "local", "const", "param",
                             "param::entry", "param::func"});
  constexpr Space spaces[] = {Space::global, Space::shared, Space::shared,
                              Space::shared, Space::local,  Space::constant};
  if (space < 0)
    return Space::generic;
  if (space < 6)
    return spaces[space];
  // Parameters of kernels have a bank of their own; all others lie in local memory.
  const ptx::Operand& base = d.statement.operands[d.statement.opcode->mnemonic == "st" ? 0 : 1].parts[0];
  const bool of_kernel = d.function.entry && (d.in_kernel_params || base.is(ptx::Operand::Kind::reg));
  return of_kernel ? Space::param : Space::local;
}

template <Execute execute> void decode_access(Decoding& d) {
  const ptx::Type type = d.type();
  d.out.execute = execute;
  d.out.width = static_cast<std::uint8_t>(ptx::bits(type) / 8);
  d.out.vector = d.has("v8") ? 8 : d.has("v4") ? 4 : d.has("v2") ? 2 : 1;
  d.out.space = static_cast<std::uint8_t>(space_of(d));
  d.out.flags = ptx::is_signed(type) ? sign_extends : 0;
}

} // namespace

std::span<const Entry> memory_entries() {
#define SPACE                                                                                                \
  "{.const|.global|.local|.param|.param::entry|.param::func|.shared|.shared::cta|.shared::cluster}"
#define TYPE "(.b8|.b16|.b32|.b64|.b128|.u8|.u16|.u32|.u64|.s8|.s16|.s32|.s64|.f32|.f64)"
  static constexpr Entry entries[] = {
      {"ld" SPACE "{.v2|.v4|.v8}" TYPE, "=v*r0 mem", decode_access<load>, Kind::memory, Class::memory},
      {"st" SPACE "{.v2|.v4|.v8}" TYPE, "mem v*r0", decode_access<store>, Kind::memory, Class::memory},
  };
  return entries;
}

} // namespace emu
