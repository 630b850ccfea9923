// What the lanes of a warp do together: shuffles, votes, matches, reductions, and their barrier.
#include "emulator/exec/rendezvous.h"
#include "emulator/families/lanewise.h"

#include <algorithm>
#include <cstring>

namespace emu {
namespace {

using u32 = std::uint32_t;
using s32 = std::int32_t;

/// f(group, instruction, lanes) for the lanes of each member mask, once they have come.
template <auto f> Flow together(Group& group, const Instruction& instruction, Mask mask) {
  const Flow flow = gather(group, instruction, mask);
  if (flow == Flow::go)
    for_gathered(group, instruction, [&](Mask members) { f(group, instruction, members); });
  return flow;
}

template <class T> void give(Group& group, const Instruction& instruction, Mask members, T value) {
  each_lane(lanes<T>(group.frame, instruction.operand(0)), members, [=](int) { return value; });
}

// ---- shfl ----

enum class Shuffle : std::uint8_t { up, down, butterfly, index };

struct Source {
  int lane;
  bool inside;
};

// PTX ISA, "shfl.sync": b and c as it names them.
template <Shuffle how> Source source_of(int lane, u32 b, u32 c) {
  const int by = static_cast<int>(b & 31), clamp = static_cast<int>(c & 31),
            segment = static_cast<int>(c >> 8 & 31);
  const int last = (lane & segment) | (clamp & ~segment), first = lane & segment;
  const int from = how == Shuffle::up          ? lane - by
                   : how == Shuffle::down      ? lane + by
                   : how == Shuffle::butterfly ? lane ^ by
                                               : (first | (by & ~segment));
  const bool inside = how == Shuffle::up ? from >= last : from <= last;
  return {inside ? from : lane, inside};
}

template <Shuffle how>
constexpr auto shuffle = [](Group& group, const Instruction& instruction, Mask members) {
  u32 a[warp_size]; // d may be a
  std::memcpy(a, lanes<u32>(group.frame, instruction.operand(1)), sizeof a);
  const u32* b = lanes<u32>(group.frame, instruction.operand(2));
  const u32* c = lanes<u32>(group.frame, instruction.operand(3));
  u32 from[warp_size];
  Mask inside = 0;
  for (int i = 0; i < warp_size; ++i) {
    const Source source = source_of<how>(i, b[i], c[i]);
    from[i] = a[source.lane];
    inside |= Mask(source.inside ? 1 : 0) << i;
  }
  each_lane(lanes<u32>(group.frame, instruction.operand(0)), members, [&](int i) { return from[i]; });
  write_predicate(group, instruction.operand(0, 1), members, inside);
};

// ---- vote, match, elect ----

enum class Vote : std::uint8_t { all, any, uniform };

template <Vote what>
constexpr auto vote = [](Group& group, const Instruction& instruction, Mask members) {
  const Mask votes = source_predicate(group, instruction, 1) & members;
  const bool holds = what == Vote::all   ? votes == members
                     : what == Vote::any ? votes != 0
                                         : votes == 0 || votes == members;
  write_predicate(group, instruction.operand(0), members, holds ? all_lanes : 0);
};

constexpr auto ballot = [](Group& group, const Instruction& instruction, Mask members) {
  give<u32>(group, instruction, members, source_predicate(group, instruction, 1) & members);
};

template <class T>
constexpr auto match_any = [](Group& group, const Instruction& instruction, Mask members) {
  const T* a = lanes<T>(group.frame, instruction.operand(1));
  u32 same[warp_size] = {};
  for_lanes(members, [&](int i) { same[i] = lanes_where(members, [=](int k) { return a[k] == a[i]; }); });
  each_lane(lanes<u32>(group.frame, instruction.operand(0)), members, [&](int i) { return same[i]; });
};

template <class T>
constexpr auto match_all = [](Group& group, const Instruction& instruction, Mask members) {
  const T* a = lanes<T>(group.frame, instruction.operand(1));
  const T first = a[__builtin_ctz(members)];
  const bool equal = lanes_where(members, [=](int i) { return a[i] == first; }) == members;
  give<u32>(group, instruction, members, equal ? members : 0);
  write_predicate(group, instruction.operand(0, 1), members, equal ? all_lanes : 0);
};

// The lowest lane is as good as any.
constexpr auto elect = [](Group& group, const Instruction& instruction, Mask members) {
  give<u32>(group, instruction, members, static_cast<u32>(__builtin_ctz(members)));
  write_predicate(group, instruction.operand(0, 1), members, members & (~members + 1));
};

// ---- redux ----

template <auto op, class T>
constexpr auto reduce = [](Group& group, const Instruction& instruction, Mask members) {
  const T* a = lanes<T>(group.frame, instruction.operand(1));
  T result = a[__builtin_ctz(members)];
  for_lanes(members & (members - 1), [&](int i) { result = op(result, a[i]); });
  give<T>(group, instruction, members, result);
};

constexpr auto sum = [](auto a, auto b) { return a + b; };
constexpr auto least = [](auto a, auto b) { return std::min(a, b); };
constexpr auto greatest = [](auto a, auto b) { return std::max(a, b); };
constexpr auto conjunction = [](u32 a, u32 b) { return a & b; };
constexpr auto disjunction = [](u32 a, u32 b) { return a | b; };
constexpr auto exclusive = [](u32 a, u32 b) { return a ^ b; };

enum Flag : std::uint64_t { absolute = 1, keeps_nan = 2 };

// Of floats: numbers win over NaN, without .NaN; +0 is greater than -0.
template <bool maximum>
constexpr auto reduce_float = [](Group& group, const Instruction& instruction, Mask members) {
  constexpr u32 canonical = 0x7fffffff;
  const u32* a = lanes<u32>(group.frame, instruction.operand(1));
  auto is_nan = [](u32 x) { return (x & 0x7fffffff) > 0x7f800000; };
  auto order = [](u32 x) { return x >> 31 ? ~x : x | 0x80000000; }; // unsigned, as the floats are ordered
  u32 result = canonical;
  bool nan = false;
  for_lanes(members, [&](int i) {
    const u32 x = instruction.flags & absolute ? a[i] & 0x7fffffff : a[i];
    nan |= is_nan(x);
    if (!is_nan(x) && (is_nan(result) || (maximum ? order(x) > order(result) : order(x) < order(result))))
      result = x;
  });
  give<u32>(group, instruction, members, nan && (instruction.flags & keeps_nan) ? canonical : result);
};

template <bool maximum> void decode_reduce_float(Decoding& d) {
  d.out.execute = together<reduce_float<maximum>>;
  d.out.flags = (d.has("abs") ? std::uint64_t(absolute) : 0) | (d.has("NaN") ? std::uint64_t(keeps_nan) : 0);
}

// ---- without a member mask ----

Flow active_mask(Group& group, const Instruction& instruction, Mask mask) {
  give<u32>(group, instruction, mask, mask);
  return Flow::go;
}

template <auto f> void decode_together(Decoding& d) { d.out.execute = together<f>; }

} // namespace

std::span<const Entry> warp_entries() {
#define SHUFFLE "=b32|pred b32 b32 b32 b32"
#define VOTE Kind::sync, Class::warp
#define REDUCE Kind::sync, Class::warp
  static constexpr Entry entries[] = {
      {"shfl.sync.up.b32", SHUFFLE, decode_together<shuffle<Shuffle::up>>, Kind::copy, Class::warp},
      {"shfl.sync.down.b32", SHUFFLE, decode_together<shuffle<Shuffle::down>>, Kind::copy, Class::warp},
      {"shfl.sync.bfly.b32", SHUFFLE, decode_together<shuffle<Shuffle::butterfly>>, Kind::copy, Class::warp},
      {"shfl.sync.idx.b32", SHUFFLE, decode_together<shuffle<Shuffle::index>>, Kind::copy, Class::warp},
      // ptxas takes both orders, and CUB writes the second.
      {"vote.sync.all.pred", "=pred pred b32", decode_together<vote<Vote::all>>, VOTE},
      {"vote.all.sync.pred", "=pred pred b32", decode_together<vote<Vote::all>>, VOTE},
      {"vote.sync.any.pred", "=pred pred b32", decode_together<vote<Vote::any>>, VOTE},
      {"vote.any.sync.pred", "=pred pred b32", decode_together<vote<Vote::any>>, VOTE},
      {"vote.sync.uni.pred", "=pred pred b32", decode_together<vote<Vote::uniform>>, VOTE},
      {"vote.uni.sync.pred", "=pred pred b32", decode_together<vote<Vote::uniform>>, VOTE},
      {"vote.sync.ballot.b32", "=b32 pred b32", decode_together<ballot>, VOTE},
      {"vote.ballot.sync.b32", "=b32 pred b32", decode_together<ballot>, VOTE},
      {"match.any.sync.b32", "=b32 b32 b32", decode_together<match_any<u32>>, REDUCE},
      {"match.any.sync.b64", "=b32 b64 b32", decode_together<match_any<std::uint64_t>>, REDUCE},
      {"match.all.sync.b32", "=b32|pred b32 b32", decode_together<match_all<u32>>, REDUCE},
      {"match.all.sync.b64", "=b32|pred b64 b32", decode_together<match_all<std::uint64_t>>, REDUCE},
      {"redux.sync.add(.u32|.s32)", "=t0 t0 b32", decode_together<reduce<sum, u32>>, REDUCE},
      {"redux.sync.min.u32", "=t0 t0 b32", decode_together<reduce<least, u32>>, REDUCE},
      {"redux.sync.max.u32", "=t0 t0 b32", decode_together<reduce<greatest, u32>>, REDUCE},
      {"redux.sync.min.s32", "=t0 t0 b32", decode_together<reduce<least, s32>>, REDUCE},
      {"redux.sync.max.s32", "=t0 t0 b32", decode_together<reduce<greatest, s32>>, REDUCE},
      {"redux.sync.and.b32", "=t0 t0 b32", decode_together<reduce<conjunction, u32>>, REDUCE},
      {"redux.sync.or.b32", "=t0 t0 b32", decode_together<reduce<disjunction, u32>>, REDUCE},
      {"redux.sync.xor.b32", "=t0 t0 b32", decode_together<reduce<exclusive, u32>>, REDUCE},
      {"redux.sync.min{.abs}{.NaN}.f32", "=t0 t0 b32", decode_reduce_float<false>, REDUCE},
      {"redux.sync.max{.abs}{.NaN}.f32", "=t0 t0 b32", decode_reduce_float<true>, REDUCE},
      {"activemask.b32", "=b32", decode_as<active_mask>, REDUCE},
      {"elect.sync", "=b32|pred b32", decode_together<elect>, VOTE},
      {"bar.warp.sync", "b32", decode_as<synchronise>, VOTE},
  };
  return entries;
#undef SHUFFLE
#undef VOTE
#undef REDUCE
}

} // namespace emu
