#include "emulator/checks/registers.h"
#include "emulator/exec/state.h"
#include "emulator/isa/fragment.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace emu {
namespace {

std::span<const Slot> destinations(const Instruction& instruction) {
  return {instruction.slot, instruction.destinations};
}

std::span<const Slot> sources(const Instruction& instruction) {
  return {instruction.slot + instruction.destinations,
          static_cast<std::size_t>(instruction.slots - instruction.destinations)};
}

const Instruction* origin_of(const RegisterShadow& shadow, const Instruction& instruction) {
  for (const Slot slot : sources(instruction))
    if (shadow.bad(slot) != 0 && shadow.origin(slot) != nullptr)
      return shadow.origin(slot);
  return &instruction;
}

// What moves bits is asked which bits it moves: it is executed with the bits in question at 0, and at 1. What
// differs in the result came from them.
class Experiment {
public:
  Experiment(Group& group, const Instruction& instruction, Mask mask)
      : group(group), instruction(instruction), mask(mask) {
    for (int i = 0; i < instruction.slots; ++i)
      if (const Slot slot = instruction.slot[i]; !slot.absent)
        saved.insert(saved.end(), group.frame + slot.offset, group.frame + slot.offset + slot.size());
  }

  /// `choose(slot, lane)`: the bytes of a source in question. False if the instruction has to run again
  /// later.
  template <class Choose> bool run(const Choose& choose) {
    const Mask before = group.mask;
    std::vector<std::byte> results[3]; // at 0; at 1; and at 0 and 1 by turns, source by source
    for (int value = 0; value < 3; ++value) {
      int turn = 0;
      for (const Slot slot : sources(instruction)) {
        if (!slot.absent && !slot.constant)
          set(slot, choose, value == 2 ? turn % 2 != 0 : value != 0);
        ++turn;
      }
      flow = instruction.execute(group, instruction, mask);
      for (const Slot slot : destinations(instruction))
        if (!slot.absent)
          results[value].insert(results[value].end(), group.frame + slot.offset,
                                group.frame + slot.offset + slot.size());
      restore();
      if (flow != Flow::go)
        return false;
      mask = executed(group, mask, before); // again for all that have met
    }
    differs.resize(results[0].size());
    for (std::size_t i = 0; i < differs.size(); ++i)
      differs[i] = (results[0][i] ^ results[1][i]) | (results[0][i] ^ results[2][i]);
    return true;
  }

  /// Calls f(destination, lane, bytes that depend on what was in question).
  template <class F> void each_result(Mask lanes, const F& f) const {
    std::size_t at = 0;
    for (const Slot slot : destinations(instruction)) {
      if (slot.absent)
        continue;
      for_lanes(lanes, [&](int lane) {
        ByteBits bytes = 0;
        if (slot.bytes == 0)
          bytes =
              (std::to_integer<unsigned>(differs[at + static_cast<std::size_t>(lane) / 8]) >> lane % 8) & 1;
        for (unsigned i = 0; i < slot.bytes; ++i)
          bytes |= ByteBits(differs[at + static_cast<std::size_t>(lane) * slot.bytes + i] != std::byte(0))
                   << i;
        if (bytes != 0)
          f(slot, lane, bytes);
      });
      at += slot.size();
    }
  }

  Flow flow = Flow::go;

private:
  template <class Choose> void set(Slot slot, const Choose& choose, bool ones) {
    for (int lane = 0; lane < warp_size; ++lane) {
      const ByteBits bytes = choose(slot, lane);
      if (bytes == 0)
        continue;
      if (slot.bytes == 0) {
        Mask& bits = predicate(group.frame, slot);
        bits = ones ? bits | Mask(1) << lane : bits & ~(Mask(1) << lane);
      }
      for (unsigned i = 0; i < slot.bytes; ++i)
        if ((bytes >> i & 1) != 0)
          group.frame[slot.offset + static_cast<unsigned>(lane) * slot.bytes + i] =
              ones ? std::byte(0xff) : std::byte(0);
    }
  }

  void restore() {
    const std::byte* from = saved.data();
    for (int i = 0; i < instruction.slots; ++i)
      if (const Slot slot = instruction.slot[i]; !slot.absent) {
        std::memcpy(group.frame + slot.offset, from, slot.size());
        from += slot.size();
      }
  }

  Group& group;
  const Instruction& instruction;
  Mask mask;
  std::vector<std::byte> saved, differs;
};

Flow copy(RegisterShadow& shadow, Group& group, const Instruction& instruction, Mask mask) {
  const Mask before = group.mask;
  bool any_undefined = false, any_tainted = false;
  for (const Slot slot : sources(instruction)) {
    any_undefined |= shadow.undefined(slot) != 0;
    any_tainted |= shadow.tainted(slot) != 0;
  }
  struct Result {
    Slot slot;
    int lane;
    ByteBits bytes;
  };
  std::vector<Result> undefined, tainted;
  const Instruction* origin = origin_of(shadow, instruction);
  auto find = [&](std::vector<Result>& results, const auto& choose) {
    Experiment experiment(group, instruction, mask);
    if (experiment.run(choose)) {
      mask = executed(group, mask, before);
      experiment.each_result(
          mask, [&](Slot slot, int lane, ByteBits bytes) { results.push_back({slot, lane, bytes}); });
    }
    return experiment.flow;
  };
  if (any_undefined)
    if (const Flow flow =
            find(undefined, [&](Slot slot, int lane) { return shadow.undefined_bytes(slot, lane); });
        flow != Flow::go)
      return flow;
  if (any_tainted)
    if (const Flow flow = find(
            tainted,
            [&](Slot slot, int lane) { return (shadow.tainted(slot) >> lane & 1) != 0 ? ~ByteBits(0) : 0; });
        flow != Flow::go)
      return flow;
  const Flow flow = instruction.execute(group, instruction, mask);
  if (flow != Flow::go)
    return flow;
  for (const Slot slot : destinations(instruction))
    shadow.define(slot, executed(group, mask, before));
  for (const Result& result : undefined)
    shadow.undefine(result.slot, result.lane, result.bytes, origin);
  for (const Result& result : tainted)
    shadow.taint(result.slot, Mask(1) << result.lane, origin);
  return flow;
}

// ---- matrix products ----

// A row of D depends on that row of A, a column on that column of B, an element on that of C.

const ProductFragments& fragments_of(const Instruction& instruction) {
  return static_cast<const ProductFragments&>(*instruction.extra);
}

// Rows of A, or columns of B, that are not good.
std::uint32_t bad_lines(const RegisterShadow& shadow, const Instruction& instruction, int operand,
                        int blocks) {
  std::uint32_t lines = 0;
  for (int part = 0; part < instruction.parts(operand); ++part)
    for_lanes(shadow.bad(instruction.operand(operand, part)),
              [&](int lane) { lines |= 1u << word_of_fragment(blocks, part, lane).row; });
  return lines;
}

// Lanes whose part `part` of D, if it is packed or not, has an element that C does not give a good value.
Mask bad_sums(const RegisterShadow& shadow, const Instruction& instruction, const ProductFragments& fragments,
              int part) {
  if (fragments.packed_d == fragments.packed_c)
    return shadow.bad(instruction.operand(3, part));
  if (fragments.packed_c)
    return shadow.bad(instruction.operand(3, part / 2));
  return shadow.bad(instruction.operand(3, 2 * part)) | shadow.bad(instruction.operand(3, 2 * part + 1));
}

void taint_products(RegisterShadow& shadow, const Instruction& instruction, Mask mask,
                    const Instruction* origin) {
  const ProductFragments& fragments = fragments_of(instruction);
  std::uint32_t rows = bad_lines(shadow, instruction, 1, fragments.row_blocks);
  if (fragments.metadata_lanes != 0)
    for_lanes(shadow.bad(instruction.operand(4)) & fragments.metadata_lanes,
              [&](int lane) { rows |= 0x101u << lane / 4; });
  const std::uint32_t columns = bad_lines(shadow, instruction, 2, fragments.column_blocks);
  std::array<Mask, 8> before{}; // D may be C
  for (int part = 0; part < instruction.parts(0); ++part)
    before[part] = bad_sums(shadow, instruction, fragments, part);
  for (int part = 0; part < instruction.parts(0); ++part) {
    const Slot slot = instruction.operand(0, part);
    const Mask products = lanes_where(mask, [&](int lane) {
      const Element cell = pair_of_fragment(fragments.row_blocks, fragments.packed_d ? part : part / 2, lane);
      const std::uint32_t elements = fragments.packed_d ? 3u : 1u << part % 2;
      return (rows >> cell.row & 1) != 0 || (columns >> cell.column & elements) != 0;
    });
    shadow.define(slot, mask);
    shadow.taint(slot, (products | before[part]) & mask, origin);
  }
}

} // namespace

Mask executed(const Group& group, Mask mask, Mask before) { return (mask | ~before) & group.mask; }

// ---- RegisterShadow ----

RegisterShadow::RegisterShadow(const Function& function) : state(function.constants_begin / unit + 1) {
  for (const Slot slot : function.maybe_undefined)
    for (int lane = 0; lane < warp_size; ++lane)
      undefine(slot, lane, ~ByteBits(0), nullptr);
}

ByteBits RegisterShadow::undefined_bytes(Slot slot, int lane) const {
  if ((undefined(slot) >> lane & 1) == 0)
    return 0;
  const auto found = partly.find(key(slot, lane));
  return found != partly.end() ? found->second : all_bytes(std::max<unsigned>(slot.bytes, 1));
}

template <class F> void RegisterShadow::change(Slot slot, F f) {
  if (!tracked(slot))
    return;
  State& one = state[slot.offset / unit];
  const bool before = (one.undefined | one.tainted) != 0;
  f(one);
  bad_count += ((one.undefined | one.tainted) != 0 ? 1 : 0) - (before ? 1 : 0);
}

void RegisterShadow::define(Slot slot, Mask lanes) {
  change(slot, [&](State& one) {
    if (!partly.empty())
      for_lanes(one.undefined & lanes, [&](int lane) { partly.erase(key(slot, lane)); });
    one.undefined &= ~lanes;
    one.tainted &= ~lanes;
  });
}

void RegisterShadow::taint(Slot slot, Mask lanes, const Instruction* origin) {
  if (lanes == 0)
    return;
  define(slot, lanes);
  change(slot, [&](State& one) {
    one.tainted |= lanes;
    one.origin = origin;
  });
}

void RegisterShadow::undefine(Slot slot, int lane, ByteBits bytes, const Instruction* origin) {
  const ByteBits all = all_bytes(std::max<unsigned>(slot.bytes, 1));
  bytes &= all;
  if (bytes == 0)
    return;
  define(slot, Mask(1) << lane);
  change(slot, [&](State& one) {
    one.undefined |= Mask(1) << lane;
    one.origin = origin;
    if (bytes != all)
      partly[key(slot, lane)] = bytes;
  });
}

Flow execute_shadowed(RegisterShadow& shadow, Group& group, const Instruction& instruction, Mask mask) {
  Mask bad = 0;
  for (const Slot slot : sources(instruction))
    bad |= shadow.bad(slot);
  if (bad != 0 && instruction.kind == Kind::copy)
    return copy(shadow, group, instruction, mask);
  const Instruction* origin = origin_of(shadow, instruction);
  const bool fragments =
      bad != 0 && instruction.kind == Kind::matrix && fragments_of(instruction).row_blocks != 0;
  const Mask before = group.mask;
  const Flow flow = instruction.execute(group, instruction, mask);
  if (flow != Flow::go || instruction.destinations == 0)
    return flow;
  mask = executed(group, mask, before);
  if (fragments) {
    taint_products(shadow, instruction, mask, origin);
    return flow;
  }
  // A vote's result, or a product's of unknown layout, depends on all lanes.
  const bool across = instruction.kind == Kind::sync || instruction.kind == Kind::matrix;
  const Mask tainted = across && (bad & mask) != 0 ? mask : bad & mask;
  for (const Slot slot : destinations(instruction)) {
    shadow.define(slot, mask);
    shadow.taint(slot, tainted, origin);
  }
  return flow;
}

} // namespace emu
