#include "emulator/exec/mbarrier.h"
#include "emulator/checks/checker.h"
#include "emulator/exec/access.h"
#include "emulator/memory/spaces.h"

#include <cstring>
#include <fmt/format.h>

namespace emu {
namespace {

constexpr int count_bits = 20, transaction_bits = 21;
constexpr int expected_at = count_bits, transactions_at = 2 * count_bits;
constexpr int mark_at = transactions_at + transaction_bits, parity_at = 63;
constexpr std::uint64_t count_mask = (1u << count_bits) - 1, transaction_mask = (1u << transaction_bits) - 1;

} // namespace

Mbarrier Mbarrier::from(std::uint64_t bits) {
  const auto transactions = static_cast<std::int64_t>(bits >> transactions_at & transaction_mask);
  return {.pending = static_cast<std::int64_t>(bits & count_mask),
          .expected = static_cast<std::int64_t>(bits >> expected_at & count_mask),
          .transactions = transactions > most ? transactions - (1 << transaction_bits) : transactions,
          .parity = bits >> parity_at != 0};
}

bool Mbarrier::is_valid(std::uint64_t bits) { return (bits >> mark_at & 3) == 1; }

std::uint64_t Mbarrier::bits() const {
  return static_cast<std::uint64_t>(pending) | static_cast<std::uint64_t>(expected) << expected_at |
         (static_cast<std::uint64_t>(transactions) & transaction_mask) << transactions_at |
         std::uint64_t(1) << mark_at | std::uint64_t(parity ? 1 : 0) << parity_at;
}

std::string change(Block& block, std::byte* at, const MbarrierChange& change) {
  const auto bits = load_element<std::uint64_t>(at);
  if (!Mbarrier::is_valid(bits))
    return std::string(no_mbarrier);
  Mbarrier object = Mbarrier::from(bits);
  object.transactions += change.expect_transactions - change.complete_transactions;
  object.pending += change.add_pending;
  if (object.transactions > Mbarrier::most || object.transactions < -Mbarrier::most)
    return fmt::format("the transaction count becomes {}: expected at most {} of either sign",
                       object.transactions, Mbarrier::most);
  if (change.arrivals > object.pending)
    return fmt::format("{} arrivals, but the phase needs only {} more (of {})", change.arrivals,
                       object.pending, object.expected);
  if (object.pending > Mbarrier::most)
    return fmt::format("{} pending arrivals: expected at most {}", object.pending, Mbarrier::most);
  object.pending -= change.arrivals;
  object.expected -= change.drops ? change.arrivals : 0;
  const bool completes = object.pending == 0 && object.transactions == 0;
  if (completes && !change.may_complete)
    return "an arrival with .noComplete completes the phase";
  if (completes) {
    object.parity = !object.parity;
    object.pending = object.expected;
  }
  store_element(at, object.bits());
  ++block.changes;
  if (!completes)
    return {};
  if (Checker* checker = block.launch->checker)
    checker->mbarrier_completes(block, shared_address(block, at));
  wake_async(block);
  return {};
}

std::uint64_t shared_address(const Block& block, const std::byte* at) {
  return static_cast<std::uint64_t>(at - block.shared.data()) + block.shared_begin;
}

std::string describe_mbarrier(const Block& block, std::uint64_t address) {
  const auto bits = load_element<std::uint64_t>(block.shared.data() + (address - block.shared_begin));
  if (!Mbarrier::is_valid(bits))
    return fmt::format("an mbarrier at shared address 0x{:x}, which is none", address);
  const Mbarrier object = Mbarrier::from(bits);
  return fmt::format(
      "the mbarrier at shared address 0x{:x}: {} of {} arrivals and {} bytes of transactions of "
      "the phase of parity {} are missing",
      address, object.pending, object.expected, object.transactions, object.parity ? 1 : 0);
}

} // namespace emu
