// An asynchronous operation as the detector of races sees it (async_operation.h says what the executor tells
// of it), and those that a block remembers.
#pragma once

#include "emulator/checks/async_operation.h"
#include "emulator/checks/clocks.h"

#include <atomic>
#include <deque>
#include <vector>

namespace emu {

struct Instruction;
struct Function;

class AsyncOperation {
public:
  enum class Sees : std::uint8_t { nothing, unfenced, all };

  const Instruction* instruction = nullptr;
  const Function* function = nullptr;
  Block* issuer = nullptr; ///< as long as the instruction is executed that issued it
  std::uint32_t block = 0, thread = 0;
  AsyncIssue issue;
  std::shared_ptr<const View> view; ///< of its issuer when it began
  Clock proxied = 0;                ///< of the issuer's own accesses, those that it sees

  /// An access that a thread has made at a step.
  Sees sees(std::uint32_t of_block, std::uint32_t of_thread, Clock step, bool wrote) const;
  /// Has the other one completed what it read or wrote?
  bool knows(const AsyncOperation& other, bool wrote) const {
    return &other == this || view->knows(block, other.completion(wrote));
  }

  /// Of what it writes, or of what it reads.
  Completion completion(bool wrote) const {
    if (issue.by != AsyncBy::mbarrier)
      return wrote ? writes : reads;
    return signalled.load(std::memory_order_acquire) ? writes : Completion();
  }
  /// It completes with groups.
  void completes(Completion of_reads, Completion of_writes) {
    reads = of_reads;
    writes = of_writes;
  }
  /// It completes with a phase of an mbarrier.
  void signals(Completion phase) {
    writes = phase;
    signalled.store(true, std::memory_order_release);
  }
  /// A later one completes only after this one has, as groups do.
  bool completes_before(const AsyncOperation& later, bool wrote) const;

private:
  Completion reads, writes;
  std::atomic<bool> signalled{false}; ///< other host threads may look
};

/// Numbers operations, in the order of their issue.
class OperationBook {
public:
  /// Of the one that was numbered last, or a new one.
  std::uint32_t number(const AsyncRef& operation);
  /// Null if it was forgotten: then all threads know that it is complete.
  const AsyncRef& get(std::uint32_t number) const {
    static const AsyncRef none;
    return number < first ? none : operations[number - first];
  }
  /// Drops the first ones as long as drop(operation) holds.
  template <class Drop> void retire(Drop drop) {
    while (!operations.empty() && (operations.front() == nullptr || drop(*operations.front()))) {
      operations.pop_front();
      ++first;
    }
  }
  template <class F> void each(F f) const {
    for (const AsyncRef& operation : operations)
      if (operation != nullptr)
        f(*operation);
  }
  /// Forgets those whose number is not among `kept`, which are in order.
  void keep(const std::vector<std::uint32_t>& kept);
  bool empty() const { return operations.empty(); }
  std::size_t size() const { return operations.size(); }

private:
  std::deque<AsyncRef> operations;
  std::uint32_t first = 0;
};

} // namespace emu
