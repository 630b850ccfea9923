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

Flow move_predicate(Group& group, const Instruction& instruction, Mask mask) {
  Mask& d = predicate(group.frame, instruction.operand(0));
  d = (d & ~mask) | (predicate(group.frame, instruction.operand(1)) & mask);
  return Flow::go;
}

void decode_move(Decoding& d) {
  switch (d.slot(0).bytes) {
  case 0:
    d.out.execute = move_predicate;
    break;
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

std::vector<Entry> move_entries() {
  return {
      {"mov.pred", "=pred pred", decode_move, Kind::copy, Class::move},
      {"mov(.b16|.b32|.b64|.u16|.u32|.u64|.s16|.s32|.s64|.f32|.f64)", "=t0 t0", decode_move, Kind::copy,
       Class::move},
  };
}

} // namespace emu
