#include "emulator/checks/operations.h"

namespace emu {

AsyncOperation::Sees AsyncOperation::sees(std::uint32_t of_block, std::uint32_t of_thread, Clock step,
                                          bool wrote) const {
  const bool own = of_block == block && of_thread == thread;
  const BlockClock* clock = of_block == block ? &view->own : view->others.find(of_block);
  if (!own && (clock == nullptr || step > clock->known.of(of_thread)))
    return Sees::nothing;
  if (!wrote || issue.generic)
    return Sees::all;
  const bool fenced = (own && step <= proxied) || (clock != nullptr && step <= clock->proxied.of(of_thread));
  return fenced ? Sees::all : Sees::unfenced;
}

bool AsyncOperation::completes_before(const AsyncOperation& later, bool wrote) const {
  const Completion mine = completion(wrote), other = later.completion(wrote);
  return mine.count != 0 && mine.block == other.block && mine.channel == other.channel &&
         (mine.threads & ~other.threads) == 0 && mine.count <= other.count;
}

std::uint32_t OperationBook::number(const AsyncRef& operation) {
  if (operations.empty() || operations.back() != operation)
    operations.push_back(operation);
  return first + static_cast<std::uint32_t>(operations.size()) - 1;
}

void OperationBook::keep(const std::vector<std::uint32_t>& kept) {
  auto next = kept.begin();
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const std::uint32_t number = first + static_cast<std::uint32_t>(i);
    while (next != kept.end() && *next < number)
      ++next;
    if (next == kept.end() || *next != number)
      operations[i] = nullptr;
  }
  retire([](const AsyncOperation&) { return false; });
}

} // namespace emu
