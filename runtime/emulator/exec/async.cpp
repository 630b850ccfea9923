#include "emulator/exec/async.h"

#include <algorithm>
#include <utility>

namespace emu {
namespace {

constexpr std::uint64_t never = ~std::uint64_t(0);

// Short times and long ones are equally likely: a few instructions, or many turns of the whole block.
std::uint64_t delay(Random& random) {
  constexpr std::uint64_t longest = 14; // bits
  return random.below(std::uint64_t(1) << random.below(longest + 1));
}

} // namespace

void AsyncQueue::InFlight::run(std::uint64_t now) {
  if (!has_read && read_at <= now) {
    work->read();
    has_read = true;
  }
  if (has_read && write_at <= now)
    work->write();
}

// In the order of issue, so that a schedule can be repeated.
template <class Which> void AsyncQueue::run_where(std::uint64_t now, Which which) {
  std::vector<InFlight> rest;
  std::vector<InFlight> work = std::exchange(flying, {});
  next = never;
  for (InFlight& one : work) {
    const bool chosen = which(one);
    if (chosen)
      one.run(now);
    if (chosen && one.has_read && one.write_at <= now)
      continue;
    next = std::min(next, one.has_read ? one.write_at : one.read_at);
    rest.push_back(std::move(one));
  }
  flying = std::move(rest);
}

void AsyncQueue::issue(Block& block, const AsyncOwner& owner, std::unique_ptr<AsyncWork> work) {
  Random& random = *block.launch->random;
  const std::uint64_t read_at = block.executed + (random.below(2) != 0 ? delay(random) : 0);
  std::uint64_t write_at = read_at + (random.below(2) != 0 ? delay(random) : 0);
  if (owner.chain == Chain::matrix)
    for (const InFlight& one : flying)
      if (one.owner.thread == owner.thread && one.owner.chain == owner.chain)
        write_at = std::max(write_at, one.write_at);
  InFlight one = {.owner = owner, .read_at = read_at, .write_at = write_at, .work = std::move(work)};
  one.run(block.executed);
  if (one.has_read && write_at <= block.executed)
    return;
  next = std::min(next, one.has_read ? write_at : read_at);
  flying.push_back(std::move(one));
}

void AsyncQueue::issue_after(Block& block, std::uint32_t thread, Chain chain,
                             std::unique_ptr<AsyncWork> work) {
  std::uint64_t last = block.executed;
  for (const InFlight& one : flying)
    if (one.owner.thread == thread && one.owner.chain == chain)
      last = std::max(last, one.write_at);
  InFlight one = {.owner = {.thread = thread, .chain = chain},
                  .read_at = last,
                  .write_at = last,
                  .work = std::move(work)};
  next = std::min(next, last);
  flying.push_back(std::move(one));
}

void AsyncQueue::advance(std::uint64_t now) {
  if (now >= next)
    run_where(now, [&](const InFlight&) { return true; });
}

void AsyncQueue::finish(std::uint32_t thread, Chain chain, std::uint32_t group) {
  auto waited_for = [&](const InFlight& one) { return one.of(thread, chain, group); };
  if (std::ranges::any_of(flying, waited_for))
    run_where(never, waited_for);
}

void AsyncQueue::finish_reads(std::uint32_t thread, Chain chain, std::uint32_t group) {
  for (InFlight& one : flying)
    if (!one.has_read && one.of(thread, chain, group)) {
      one.work->read();
      one.has_read = true;
      next = std::min(next, one.write_at);
    }
}

bool AsyncQueue::finish_next() {
  if (flying.empty())
    return false;
  advance(next);
  return true;
}

void AsyncQueue::finish_all() {
  run_where(never, [](const InFlight&) { return true; });
}

} // namespace emu
