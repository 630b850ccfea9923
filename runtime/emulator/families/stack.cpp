// alloca, stacksave, stackrestore (PTX ISA, "Stack Manipulation Instructions"). What a thread allocates lies
// in its local memory after the variables of the call, and goes with the call. The stack grows upwards here.
#include "emulator/checks/checker.h"
#include "emulator/exec/groups.h"
#include "emulator/families/modifiers.h"
#include "emulator/memory/spaces.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace emu {
namespace {

constexpr std::int64_t least_align = 8;

// The lanes' stack pointers: offsets in local memory.
std::array<std::uint64_t, warp_size>& pointers(Frame& frame) {
  if (frame.stack == nullptr) {
    frame.stack = std::make_unique<std::array<std::uint64_t, warp_size>>();
    frame.stack->fill(frame.local_base + frame.function->local_bytes);
  }
  return *frame.stack;
}

template <class T> Flow allocate(Group& group, const Instruction& instruction, Mask mask) {
  Warp& warp = *group.warp;
  auto& stack = pointers(*group.activation);
  const auto align = static_cast<std::uint64_t>(instruction.immediate);
  T* ptr = lanes<T>(group.frame, instruction.operand(0));
  const T* size = lanes<T>(group.frame, instruction.operand(1));
  for (Mask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const std::uint64_t begin = (local_begin + stack[lane] + align - 1) / align * align - local_begin;
    if (begin > most_local_bytes || size[lane] > most_local_bytes - begin)
      return fault(group, instruction, lane, Status::hardware_stack_error,
                   fmt::format("no room for {} bytes: the stack has {}, of which {} are taken", size[lane],
                               most_local_bytes, stack[lane]));
    const std::uint64_t bytes = size[lane];
    stack[lane] = begin + bytes;
    reserve_local(warp, stack[lane]);
    if (Checker* checker = warp.block->launch->checker)
      checker->local_allocated(warp, lane, begin, bytes);
    ptr[lane] = static_cast<T>(local_begin + begin);
  }
  return Flow::go;
}

template <class T> Flow save(Group& group, const Instruction& instruction, Mask mask) {
  const auto& stack = pointers(*group.activation);
  each_lane(lanes<T>(group.frame, instruction.operand(0)), mask,
            [&](int lane) { return static_cast<T>(local_begin + stack[lane]); });
  return Flow::go;
}

template <class T> Flow restore(Group& group, const Instruction& instruction, Mask mask) {
  const Frame& frame = *group.activation;
  auto& stack = pointers(*group.activation);
  const T* saved = lanes<T>(group.frame, instruction.operand(0));
  const std::uint64_t least = local_begin + frame.local_base + frame.function->local_bytes;
  for (Mask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    if (saved[lane] < least || saved[lane] > local_begin + stack[lane])
      return fault(group, instruction, lane, Status::hardware_stack_error,
                   fmt::format("stack pointer 0x{:x}: this call's lie between 0x{:x} and 0x{:x}", saved[lane],
                               least, local_begin + stack[lane]));
    stack[lane] = saved[lane] - local_begin;
  }
  return Flow::go;
}

void decode_allocate(Decoding& d) {
  d.out.immediate = d.out.parts(2) > 0 ? std::max(constant_operand(d, 2), least_align) : least_align;
  if (!std::has_single_bit(static_cast<std::uint64_t>(d.out.immediate)) || d.out.immediate > 1 << 23)
    return d.fail(fmt::format("an alignment of {}: expected a power of two up to 2^23", d.out.immediate));
  d.out.execute = d.type() == ptx::Type::u64 ? allocate<std::uint64_t> : allocate<std::uint32_t>;
}
void decode_save(Decoding& d) {
  d.out.execute = d.type() == ptx::Type::u64 ? save<std::uint64_t> : save<std::uint32_t>;
}
void decode_restore(Decoding& d) {
  d.out.execute = d.type() == ptx::Type::u64 ? restore<std::uint64_t> : restore<std::uint32_t>;
}

} // namespace

std::span<const Entry> stack_entries() {
  static constexpr Entry entries[] = {
      {"alloca(.u32|.u64)", "=t0 t0 b32?", decode_allocate, Kind::compute, Class::other},
      {"stacksave(.u32|.u64)", "=t0", decode_save, Kind::compute, Class::other},
      {"stackrestore(.u32|.u64)", "t0", decode_restore, Kind::compute, Class::other},
  };
  return entries;
}

} // namespace emu
