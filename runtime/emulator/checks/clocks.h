// Happens-before between threads, by vector clocks. A thread counts its own steps; a step ends where other
// threads may learn of it. What a thread knows (a View) is immutable and shared, since threads that meet at a
// barrier know the same.
#pragma once

#include "emulator/exec/lanes.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace emu {

using Clock = std::uint32_t;

/// Steps of the threads of one block: each one's up to `base`, and more of some warps.
class ThreadTimes {
public:
  Clock base = 0;
  Clock of(std::uint32_t thread) const {
    const WarpTimes* warp = find(thread / warp_size);
    return warp == nullptr ? base : std::max(base, warp->at[thread % warp_size]);
  }
  void raise(std::uint32_t thread, Clock clock);
  void join(const ThreadTimes& other);
  bool covers(const ThreadTimes& other) const;

private:
  struct WarpTimes {
    std::uint32_t index = 0;
    std::array<Clock, warp_size> at{};
  };
  const WarpTimes* find(std::uint32_t index) const {
    for (const WarpTimes& warp : warps)
      if (warp.index == index)
        return &warp;
    return nullptr;
  }
  WarpTimes& make(std::uint32_t index);
  std::vector<WarpTimes> warps;
};

/// When an asynchronous operation is complete: when so many phases of an mbarrier are, or so many groups.
struct Completion {
  enum class What : std::uint8_t { mbarrier, bulk, bulk_reads, matrix };
  std::uint32_t block = 0; ///< whose mbarrier, or who issued the groups
  std::uint32_t channel = 0;
  Clock count = 0;  ///< 0: it has not signalled yet
  Mask threads = 1; ///< of bulk groups: whose, from the channel's thread on
  /// `index`: an mbarrier's address in shared memory, a thread, a warpgroup.
  static constexpr std::uint32_t channel_of(What what, std::uint64_t index) {
    return static_cast<std::uint32_t>(what) << 24 | static_cast<std::uint32_t>(index);
  }
};

/// What is known of one block.
class BlockClock {
public:
  ThreadTimes known;   ///< accesses of its threads
  ThreadTimes proxied; ///< those that asynchronous operations see, too (fence.proxy.async)
  Clock of(std::uint32_t thread) const { return known.of(thread); }
  /// Phases or groups of a channel that are complete.
  Clock completed(std::uint32_t channel) const;
  void complete(std::uint32_t channel, Clock count);
  void join(const BlockClock& other);
  /// All but the accesses known.
  void join_asynchronous(const BlockClock& other);
  bool covers(const BlockClock& other) const;

private:
  std::vector<std::pair<std::uint32_t, Clock>> channels; ///< in order
};

/// What is known of several blocks. Copies are cheap; they share what is equal.
class GridClock {
public:
  bool empty() const { return blocks == nullptr; }
  Clock of(std::uint32_t block, std::uint32_t thread) const {
    const BlockClock* clock = find(block);
    return clock == nullptr ? 0 : clock->of(thread);
  }
  const BlockClock* find(std::uint32_t block) const;
  void join(const GridClock& other);
  void join(std::uint32_t block, const BlockClock& clock);
  /// Shares its parts: a cheap way to see that nothing is to be learned.
  bool same(const GridClock& other) const { return blocks == other.blocks; }
  /// Asynchronous operations see all that is known.
  void pass_proxy();

private:
  struct Part {
    std::uint32_t block = 0;
    std::shared_ptr<const BlockClock> clock;
  };
  std::shared_ptr<const std::vector<Part>> blocks; ///< by block
};

/// To whom a fence or an operation speaks: its own block, its cluster, or more than that.
enum class Reach : std::uint8_t { block, cluster, device };
inline constexpr int reaches = 3;

/// How much a block has recorded of its accesses to shared and to global memory (see races.h).
using Recorded = std::array<std::uint32_t, 2>;

/// What a thread knows. What it has fenced goes with the strong writes that it does later; what strong reads
/// have seen is known after the next fence (PTX ISA, "Release and Acquire Patterns"). Both travel through
/// barriers: one thread may fence for its block, or signal what others have fenced.
struct View {
  BlockClock own;   ///< its block
  GridClock others; ///< other blocks (its own may be among them)
  GridClock fenced[reaches];
  GridClock pending[reaches];
  Recorded ordered_below{}; ///< what the block recorded below these numbers is known to all its threads
  void join(const View& other);
  /// Is it complete, for one of the threads of `viewer`?
  bool knows(std::uint32_t viewer, const Completion& completion) const {
    const BlockClock* clock = completion.block == viewer ? &own : others.find(completion.block);
    if (completion.count == 0 || clock == nullptr)
      return false;
    std::uint32_t i = 0;
    for (Mask rest = completion.threads; rest != 0; rest >>= 1, ++i)
      if ((rest & 1) != 0 && completion.count > clock->completed(completion.channel + i))
        return false;
    return true;
  }
  /// What a thread of block `block` knows, told to other blocks: its own block is one among others.
  void join_abroad(std::uint32_t block, const View& other);
};

/// A place in memory through which threads synchronise.
struct SyncLocation {
  using ByNumber = std::vector<std::pair<std::uint32_t, GridClock>>;
  GridClock released;            ///< to the whole device
  ByNumber in_cluster, in_block; ///< to the threads of one cluster or block, by its number
};

/// The clocks of a block's threads.
class ThreadClocks {
public:
  ThreadClocks(std::uint32_t block, std::uint32_t threads, std::uint32_t cluster = 0);

  std::uint32_t block_number() const { return block; }
  Clock now(std::uint32_t thread) const { return steps[thread]; }
  const View& view(std::uint32_t thread) const { return *views[thread]; }
  std::shared_ptr<const View> share_view(std::uint32_t thread) const { return views[thread]; }
  /// Does `viewer` know that threads of that block have begun?
  bool knows_of(std::uint32_t viewer, std::uint32_t other_block) const {
    return views[viewer]->others.find(other_block) != nullptr;
  }
  /// What the lanes have fenced as far as `reach` becomes part of `to`.
  void publish_fenced(std::uint32_t warp, Mask mask, Reach reach, GridClock& to) const;
  /// What any thread of the block knows of others.
  GridClock known_to_any() const;
  /// Does `viewer` know that step of a thread of its block?
  bool knows(std::uint32_t viewer, std::uint32_t thread, Clock step) const {
    return viewer == thread || step <= views[viewer]->own.of(thread);
  }
  bool knows(std::uint32_t viewer, std::uint32_t other_block, std::uint32_t thread, Clock step) const {
    return step <= views[viewer]->others.of(other_block, thread);
  }

  /// The thread's own accesses that asynchronous operations see.
  Clock proxied(std::uint32_t thread) const { return own_proxied[thread]; }

  /// What the lanes of a warp know becomes part of `to`.
  void publish(std::uint32_t warp, Mask mask, View& to);
  /// They learn what `from` holds.
  void learn(std::uint32_t warp, Mask mask, const View& from);
  /// The same for threads of other blocks: what is told names blocks, as `others` of a view does.
  void publish_abroad(std::uint32_t warp, Mask mask, View& to);
  void learn_abroad(std::uint32_t warp, Mask mask, const View& from);
  /// Threads, as lanes by warp, wait for each other, and for what `arrived` holds (null: for nobody else).
  /// `recorded` is what the block has recorded so far; `without_left`: threads that have left are not waited
  /// for, and what they did is known. True if those were all threads of the block: then all know all of it.
  bool meet(std::span<const Mask> lanes, const View* arrived, Recorded recorded, bool without_left);
  /// The same for lanes of one warp.
  bool meet(std::uint32_t warp, Mask mask, Recorded recorded);
  /// The lanes have left.
  void leave(std::uint32_t warp, Mask mask) { left[warp] |= mask; }

  /// What strong reads saw is known (an acquire fence); strong writes that follow tell what is known (a
  /// release fence).
  void fence(std::uint32_t thread, Reach reach, bool acquires = true, bool releases = true);
  /// Asynchronous operations see what the lanes know.
  void fence_proxy(std::uint32_t warp, Mask mask);
  /// They know that so much of a channel of their block is complete.
  void complete(std::uint32_t warp, Mask mask, std::uint32_t channel, Clock count);
  /// The lanes' strong writes to one place; `ordered`: with release semantics of their own.
  void release(std::uint32_t warp, Mask mask, SyncLocation& location, Reach reach, bool ordered);
  /// Their strong reads of one place; `ordered`: with acquire semantics of their own.
  void acquire(std::uint32_t warp, Mask mask, SyncLocation& location, Reach reach, bool ordered);
  /// Would a relaxed write tell anything?
  bool has_fenced(std::uint32_t thread) const { return !views[thread]->fenced[0].empty(); }

private:
  using Ref = std::shared_ptr<const View>;
  template <class Change> void change(std::uint32_t warp, Mask mask, Change change);
  BlockClock past(std::uint32_t thread) const;
  GridClock everything(std::uint32_t thread) const;
  bool is_all(std::span<const Mask> lanes, bool without_left) const;
  void meet_all(Recorded recorded);

  std::uint32_t block, threads, cluster;
  std::vector<Clock> steps;
  std::vector<Clock> own_proxied; ///< steps
  std::vector<Ref> views;
  std::vector<Mask> left; ///< by warp
  Mask absent = 0;        ///< lanes of the last warp that never were
};

} // namespace emu
