// Hints for caches: they change nothing that a program can see.
#include "emulator/families/modifiers.h"

#include <algorithm>

namespace emu {
namespace {

Flow nothing(Group&, const Instruction&, Mask) { return Flow::go; }

// A policy is opaque to programs; here it is 0.
Flow make_policy(Group& group, const Instruction& instruction, Mask mask) {
  each_lane(lanes<std::uint64_t>(group.frame, instruction.operand(0)), mask,
            [](int) { return std::uint64_t(0); });
  return Flow::go;
}

} // namespace

std::span<const Entry> cache_entries() {
#define HINT decode_as<nothing>, Kind::memory, Class::memory
#define POLICY decode_as<make_policy>, Kind::compute, Class::other
#define PRIMARY "(.L2::evict_last|.L2::evict_normal|.L2::evict_first|.L2::evict_unchanged)"
#define SECONDARY "{.L2::evict_first|.L2::evict_unchanged}"
  static constexpr Entry entries[] = {
      {"prefetch{.global|.local}(.L1|.L2)", "mem", HINT},
      {"prefetch.global(.L2::evict_last|.L2::evict_normal)", "mem", HINT},
      {"prefetchu.L1", "mem", HINT},
      {"applypriority{.global}.L2::evict_normal", "mem u32", HINT},
      {"discard{.global}.L2", "mem u32", HINT},
      {"createpolicy.fractional" PRIMARY SECONDARY ".b64", "=b64 f32?", POLICY},
      {"createpolicy.range{.global}" PRIMARY SECONDARY ".b64", "=b64 mem u32 u32", POLICY},
      {"createpolicy.cvt.L2.b64", "=b64 b64", POLICY},
  };
  return entries;
#undef HINT
#undef POLICY
#undef PRIMARY
#undef SECONDARY
}

} // namespace emu
