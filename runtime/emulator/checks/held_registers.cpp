#include "emulator/checks/held_registers.h"

#include <algorithm>

namespace emu {

namespace {

// m64nNkK: the sums say what N is, the work what K is.
bool same_shape(const Instruction& a, const Instruction& b) {
  return a.parts(0) == b.parts(0) && a.flops == b.flops;
}

} // namespace

using What = HeldRegisters::Problem::What;

std::vector<HeldRegisters::State>& HeldRegisters::states_of(const Group& group) {
  if (!activations.empty() && activations.back().frame == group.activation)
    return activations.back().states;
  const auto found = std::ranges::find(activations, group.activation, &Activation::frame);
  if (found != activations.end()) {
    std::rotate(found, found + 1, activations.end());
  } else {
    constexpr std::size_t most = 8; // calls in each other that have a wgmma: the oldest are forgotten
    if (activations.size() == most)
      activations.erase(activations.begin());
    activations.push_back({group.activation, {}});
    activations.back().states.resize(group.activation->function->constants_begin / unit);
  }
  return activations.back().states;
}

HeldRegisters::Problem HeldRegisters::touch(const Group& group, const Instruction& instruction) {
  std::vector<State>& states = states_of(group);
  Problem problem;
  for (int i = 0; i < instruction.slots; ++i) {
    const Slot slot = instruction.slot[i];
    if (slot.constant || slot.absent || slot.bytes == 0)
      continue;
    State& state = states[slot.offset / unit];
    const bool writes = i < instruction.destinations;
    if (problem.what == What::none && state.sums > done)
      problem = {What::sums_in_flight, state.adds};
    if (problem.what == What::none && writes && state.a > done)
      problem = {What::a_in_flight, state.reads};
    state.accessed = fences + 1;
    state.accessor = &instruction;
    if (writes)
      state.written = fences + 1;
  }
  return problem;
}

// What is in flight of one shape is added to in order, without a fence.
HeldRegisters::Problem HeldRegisters::issue_sums(State& state, const Instruction& instruction) {
  Problem problem;
  if (state.a > done)
    problem = {What::a_in_flight, state.reads};
  else if (state.accessed == fences + 1)
    problem = {What::no_fence, state.accessor};
  else if (state.sums > done && state.fences == fences && !same_shape(*state.adds, instruction))
    problem = {What::other_shape, state.adds};
  state.sums = latest_group;
  state.adds = &instruction;
  state.fences = fences;
  return problem;
}

HeldRegisters::Problem HeldRegisters::issue_a(State& state, const Instruction& instruction) {
  Problem problem;
  if (state.sums > done)
    problem = {What::sums_in_flight, state.adds};
  else if (state.written == fences + 1)
    problem = {What::no_fence, state.accessor};
  state.a = latest_group;
  state.reads = &instruction;
  return problem;
}

HeldRegisters::Problem HeldRegisters::issue(const Group& group, const Instruction& instruction) {
  std::vector<State>& states = states_of(group);
  latest = &instruction;
  latest_group = committed + 1;
  Problem problem;
  if (fences == 0)
    problem = {What::no_fence, nullptr};
  auto each = [&](int operand, auto issue) {
    for (int part = 0; part < instruction.parts(operand); ++part) {
      const Slot slot = instruction.operand(operand, part);
      if (slot.constant || slot.absent)
        continue;
      const Problem found = (this->*issue)(states[slot.offset / unit], instruction);
      if (problem.what == What::none)
        problem = found;
    }
  };
  if (instruction.parts(1) > 1)
    each(1, &HeldRegisters::issue_a);
  each(0, &HeldRegisters::issue_sums);
  return problem;
}

} // namespace emu
