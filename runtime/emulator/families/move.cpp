// mov, cvta.
#include "emulator/exec/state.h"
#include "emulator/isa/table.h"
#include "emulator/memory/spaces.h"

namespace emu {
namespace {

template <class T> Flow move(Group& group, const Instruction& instruction, Mask mask) {
  const T* a = lanes<T>(group.frame, instruction.operand(1));
  each_lane(lanes<T>(group.frame, instruction.operand(0)), mask, [=](int i) { return a[i]; });
  return Flow::go;
}

void decode_move(Decoding& d) {
  switch (d.slot(0).bytes) {
  case 2:
    d.out.execute = move<std::uint16_t>;
    break;
  case 4:
    d.out.execute = move<std::uint32_t>;
    break;
  default:
    d.out.execute = move<std::uint64_t>;
    break;
  }
}

} // namespace

std::span<const Entry> move_entries() {
  static constexpr Entry entries[] = {
      {"mov(.b16|.b32|.b64|.u16|.u32|.u64|.s16|.s32|.s64|.f32|.f64)", "=t0 t0", decode_move, Kind::copy,
       Class::move},
  };
  return entries;
}

} // namespace emu
