#include "emulator/exec/passing.h"
#include "emulator/checks/checker.h"
#include "emulator/exec/groups.h"
#include "emulator/exec/launch.h"

#include <algorithm>
#include <cstring>

namespace emu {
namespace {

const std::byte* find(Warp& warp, const PassedValue& value, int lane) {
  if (value.constant != nullptr)
    return value.constant;
  if (value.slot)
    return value.frame->registers + value.slot->offset + lane * value.slot->bytes;
  return local_memory(warp, lane) + value.at;
}

} // namespace

void pass(Warp& warp, Mask lanes, const PassedValue& to, const PassedValue& from) {
  if (to.slot && to.slot->absent)
    return;
  const std::uint64_t bytes = std::min(to.bytes, from.bytes);
  for_lanes(lanes, [&](int lane) {
    std::byte* place = to.slot ? to.frame->registers + to.slot->offset + lane * to.slot->bytes
                               : local_memory(warp, lane) + to.at;
    std::memcpy(place, find(warp, from, lane), bytes);
  });
  if (Checker* checker = warp.block->launch->checker)
    checker->passed(warp, lanes, to, from);
}

} // namespace emu
