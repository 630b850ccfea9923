// Operations of the asynchronous proxy (operations.h): what they touch, and when they are forgotten.
#include "emulator/checks/race_touchers.h"

#include <algorithm>
#include <vector>

namespace emu {

bool BlockRaces::sees(const AsyncOperation& agent, OtherAccess& other) {
  const auto seen = agent.sees(other.block, other.thread, other.record.step, other.record.wrote);
  other.unfenced = seen == AsyncOperation::Sees::unfenced;
  return seen == AsyncOperation::Sees::all;
}

// A thread, or an operation `agent`, touches what another operation has touched, or will. False: a race.
bool BlockRaces::meet_operation(const AsyncRef& other, bool wrote, const AsyncOperation* agent,
                                std::uint32_t thread, unsigned byte, RaceSink& sink) const {
  const bool knows = agent != nullptr ? agent->knows(*other, wrote)
                                      : clocks.view(thread).knows(block, other->completion(wrote));
  if (knows)
    return true;
  sink.race({.record = {.instruction = other->instruction, .function = other->function, .wrote = wrote},
             .block = other->block,
             .thread = other->thread,
             .asynchronous = true,
             .pending = true,
             .operation = other,
             .byte = byte});
  return false;
}

void BlockRaces::begin(const AsyncOperation& operation, Touch touch) {
  doer = {.instruction = operation.instruction,
          .function = operation.function,
          .touch = touch,
          .strong = touch == Touch::atomic,
          .reach = Reach::device};
}

void BlockRaces::shared(const AsyncRef& operation, Touch touch, std::uint64_t offset, std::uint64_t bytes,
                        RaceSink& sink) {
  if (operations.size() > most_operations)
    sweep_operations();
  const std::uint32_t number = operations.number(operation);
  if (number >= last_operation)
    return;
  begin(*operation, touch);
  const std::uint32_t entry =
      (first_operation_number << thread_bits) + (number << 1 | (touch == Touch::read ? 0 : 1));
  touch_shared<SharedToucher>(
      {{.races = *this, .sink = sink, .entry = entry, .thread = operation->thread, .touch = touch},
       0,
       &operation},
      offset, bytes, operation->thread / warp_size);
}

void BlockRaces::global(const AsyncRef& operation, Touch touch, std::uint64_t address, std::uint64_t bytes,
                        RaceSink& sink) {
  const std::uint64_t offset = address - memory->base;
  if (offset >= memory->bytes || bytes > memory->bytes - offset)
    return;
  if (touch != Touch::read && !sources.empty())
    find_sources(operation->thread, address, static_cast<unsigned>(bytes), sink);
  const std::uint32_t number = global_book->number(operation) << 1 | (touch == Touch::read ? 0 : 1);
  if (number >> thread_bits >= first_global_operation)
    return;
  begin(*operation, touch);
  const std::uint64_t here = memory->epoch << epoch_shift | std::uint64_t(block) << block_shift;
  const std::uint64_t entry =
      here | std::uint64_t(first_global_operation + (number >> thread_bits)) << number_shift |
      std::uint64_t(number & thread_mask) << 2 |
      (doer.strong ? 1 + static_cast<std::uint64_t>(doer.reach) : 0);
  touch_global({{.races = *this, .sink = sink, .entry = entry, .thread = operation->thread, .touch = touch},
                here,
                0,
                &operation},
               offset, bytes);
}

// Where warps of several roles never meet, operations are forgotten when no cell speaks of them any more:
// what did in their place has waited for them.
void BlockRaces::sweep_operations() {
  std::vector<std::uint32_t> kept;
  const auto note = [&](std::uint32_t entry) {
    if (SharedToucher::is_operation(entry))
      kept.push_back(SharedToucher::number_of(entry));
  };
  const auto look = [&](const auto& again, SharedCell& cell) -> void {
    if (cell.is_split()) {
      for (SharedCell& part : parts.of(cell))
        again(again, part);
      return;
    }
    note(cell.write);
    std::ranges::for_each(cell.reads, note);
  };
  for (SharedCell& cell : cells)
    look(look, cell);
  std::ranges::sort(kept);
  operations.keep(kept);
  most_operations = std::max<std::size_t>(most_operations, 2 * operations.size());
}

void BlockRaces::leave(std::uint32_t warp, Mask mask) {
  clocks.leave(warp, mask);
  if (!operations.empty())
    clocks.publish(warp, mask, last_known);
}

// What is done to shared memory: a bulk group's operations only read it, and others complete at once.
const AsyncOperation* BlockRaces::left_behind() const {
  const AsyncOperation* found = nullptr;
  operations.each([&](const AsyncOperation& one) {
    if (found == nullptr && !last_known.knows(block, one.completion(false)))
      found = &one;
  });
  return found;
}

} // namespace emu
