// Asynchronous work: what a thread begins and goes on beside (cp.async, bulk copies, matrix operations of a
// warpgroup). It reads its sources some time after it was issued, writes its destinations some time after
// that, and is complete at the latest when its thread has waited for it.
//
// In the fast mode nothing is in flight: work is done when it is issued. In the scheduled mode the schedule
// chooses both times, counted in instructions of the block. What is waited for is done by the wait at the
// latest, which is the latest that a program can tell.
#pragma once

#include "emulator/exec/schedule.h"

#include <memory>
#include <vector>

namespace emu {

class AsyncWork {
public:
  virtual ~AsyncWork() = default;
  virtual void read() {}    ///< takes what is copied
  virtual void write() = 0; ///< puts it where it goes, or signals that it is done
};

/// Whose groups a thread commits and waits for separately. Matrix operations of a thread are done in the
/// order of their issue, all others in any.
enum class Chain : std::uint8_t { copies, bulk, matrix };

/// What a piece of work belongs to: a group of a thread; of matrix operations, of a warpgroup.
struct AsyncOwner {
  /// For what no thread can wait for but through an mbarrier.
  static constexpr std::uint32_t no_group = ~0u;
  std::uint32_t thread = 0; ///< of the block, or warpgroup
  Chain chain = Chain::copies;
  std::uint32_t group = no_group;
};

/// The work of a block that is in flight, in the order of its issue.
class AsyncQueue {
public:
  void issue(Block& block, const AsyncOwner& owner, std::unique_ptr<AsyncWork> work);
  /// Work to be done once all that the thread has issued in that chain is complete.
  void issue_after(Block& block, std::uint32_t thread, Chain chain, std::unique_ptr<AsyncWork> work);
  /// Does what is due.
  void advance(std::uint64_t now);
  /// A thread waits for its groups below `group`.
  void finish(std::uint32_t thread, Chain chain, std::uint32_t group);
  /// ... until they have read their sources.
  void finish_reads(std::uint32_t thread, Chain chain, std::uint32_t group);
  /// Does what is due next, now: nothing else goes on. False if there is nothing.
  bool finish_next();
  void finish_all();
  bool empty() const { return flying.empty(); }

private:
  struct InFlight {
    AsyncOwner owner;
    std::uint64_t read_at = 0, write_at = 0;
    bool has_read = false;
    std::unique_ptr<AsyncWork> work;
    void run(std::uint64_t now);
    bool of(std::uint32_t thread, Chain chain, std::uint32_t below) const {
      return owner.thread == thread && owner.chain == chain && owner.group < below;
    }
  };
  template <class Which> void run_where(std::uint64_t now, Which which);
  std::vector<InFlight> flying;
  std::uint64_t next = ~std::uint64_t(0); ///< nothing is due before
};

} // namespace emu
