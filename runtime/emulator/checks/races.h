// Data races in shared and global memory: two accesses to a byte, one of them a write, not both strong, of
// which neither thread knows the other's (PTX ISA, "Data Races"; clocks.h).
#pragma once

#include "emulator/checks/cells.h"
#include "emulator/checks/clocks.h"
#include "emulator/checks/operations.h"

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace emu {

struct Instruction;
struct Function;

enum class Touch : std::uint8_t { read, write, atomic };

/// Accesses of one instruction at one step of some threads.
struct AccessRecord {
  const Instruction* instruction = nullptr;
  const Function* function = nullptr;
  Clock step = 0;
  bool strong = false;
  Reach reach = Reach::block; ///< of a strong one
  bool wrote = false;
  bool operator==(const AccessRecord&) const = default;
};

/// The other access of a race.
struct OtherAccess {
  AccessRecord record;
  std::uint32_t block = 0, thread = 0;
  bool asynchronous = false; ///< a copy; of it, what it wrote or, if not record.wrote, what it read
  bool pending = false;      ///< ... that has not been waited for
  AsyncRef operation = {};   ///< which one did it, and may still do it; null: a thread, or its cp.async
  bool unfenced = false;     ///< an operation knows the access, but no fence.proxy.async is between
  bool before = false;       ///< by the launch before this one, which may not be done yet
  unsigned byte = 0;         ///< of the access that found it, where they meet
};

class RaceSink {
public:
  virtual ~RaceSink() = default;
  virtual void race(const OtherAccess& other) = 0;
};

/// Numbers access records. The block that owns it adds; others look up.
class RecordBook {
public:
  explicit RecordBook(std::uint32_t most) : most(most), records(1) {}
  /// 0 if there is no room.
  std::uint32_t number(const AccessRecord& record);
  AccessRecord get(std::uint32_t number) const; ///< from any thread
  const AccessRecord& own(std::uint32_t number) const { return records[number]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(records.size()); }
  bool nearly_full() const { return records.size() > most / 2; }
  void clear();
  /// Of asynchronous operations. From any thread.
  std::uint32_t number(const AsyncRef& operation);
  AsyncRef operation(std::uint32_t number) const;

private:
  struct Known {
    AccessRecord record;
    std::uint32_t number = 0;
  };
  std::uint32_t most;
  std::deque<AccessRecord> records; ///< [0] is none
  std::array<Known, 256> recent{};
  OperationBook operations;
  mutable std::mutex mutex;
};

/// Remembers accesses to global memory, for all blocks.
class GlobalCells {
public:
  GlobalCells(std::uint64_t base, std::uint64_t bytes);
  ~GlobalCells();
  GlobalCells(const GlobalCells&) = delete;
  GlobalCells& operator=(const GlobalCells&) = delete;
  /// What was before is ordered before what comes; but for the last launch, if they overlap: of that, only
  /// for threads that know `launch_before`.
  void launch_begins(bool overlaps = false);
  /// Stands for all of the launch before in clocks; its one step is its end.
  static constexpr std::uint32_t launch_before = (1u << 22) - 1;
  /// Of the blocks of this launch.
  RecordBook& book(std::uint32_t block);

private:
  friend class BlockRaces;
  using Books = std::unordered_map<std::uint32_t, std::unique_ptr<RecordBook>>;
  using GlobalCell = Cell<std::uint64_t, 2>;
  struct alignas(64) Stripe {
    std::atomic_flag busy;
    CellParts<GlobalCell> parts;
  };
  static constexpr std::size_t stripe_count = 1024;
  static constexpr std::uint64_t stripe_bytes = 4096;
  Stripe& stripe(std::uint64_t offset) { return stripes[offset / stripe_bytes % stripe_count]; }
  std::uint64_t base, bytes;
  GlobalCell* cells = nullptr; ///< lazily mapped
  std::uint64_t epoch = 0;
  bool overlaps = false; ///< with the launch before
  std::unique_ptr<Stripe[]> stripes;
  std::mutex mutex;
  Books books, books_before; ///< by block
};

/// The accesses of one block, and the clocks of its threads.
class BlockRaces {
public:
  /// The blocks of a cluster: all of their numbers.
  using Peers = std::vector<std::uint32_t>;
  BlockRaces(std::uint32_t block, std::uint32_t threads, std::size_t shared_bytes, GlobalCells* global,
             Peers peers = {});

  ThreadClocks clocks;

  /// What the accesses that follow have in common; then shared() or global() for each lane.
  struct Doer {
    const Instruction* instruction = nullptr;
    const Function* function = nullptr;
    std::uint32_t warp = 0;
    Touch touch = Touch::read;
    bool strong = false;
    Reach reach = Reach::block;
    /// A copy, which is done when its thread has waited for it: first what it reads, if anything, and then
    /// what it writes.
    bool asynchronous = false;
  };
  void begin(const Doer& doer, Mask mask);
  void shared(int lane, std::uint64_t offset, unsigned bytes, RaceSink& sink);
  void global(int lane, std::uint64_t address, unsigned bytes, RaceSink& sink);
  /// In the shared memory of another block of the cluster.
  void shared_of(BlockRaces& owner, int lane, std::uint64_t offset, unsigned bytes, RaceSink& sink);

  // ---- asynchronous operations, of whatever block; bytes in this block's shared memory, or in global ----
  void shared(const AsyncRef& operation, Touch touch, std::uint64_t offset, std::uint64_t bytes,
              RaceSink& sink);
  void global(const AsyncRef& operation, Touch touch, std::uint64_t address, std::uint64_t bytes,
              RaceSink& sink);
  /// One that touches this block's shared memory of which nobody who has left knows that it is complete; null
  /// if there is none.
  const AsyncOperation* left_behind() const;
  void leave(std::uint32_t warp, Mask mask);
  std::uint32_t number() const { return block; }

  // ---- cp.async ----
  void commit(std::uint32_t warp, Mask mask);
  /// All but the latest `keep` groups of each lane are done.
  void wait(std::uint32_t warp, Mask mask, std::uint32_t keep);
  void wait_all(std::uint32_t warp, Mask mask);
  /// An instruction whose copies some of the lanes have not waited for, and those lanes; null if there is
  /// none.
  const Instruction* in_flight(std::uint32_t warp, Mask mask, Mask& lanes) const;

  // ---- barriers ----
  void meet(std::span<const Mask> lanes, const View* arrived, bool without_left);
  void meet(std::uint32_t warp, Mask mask);

private:
  using SharedCell = Cell<std::uint32_t, 7>;
  struct Visit { // an access by a thread of another block
    AccessRecord record;
    std::uint32_t block = 0;
    bool operator==(const Visit&) const = default;
  };
  struct Copies { // of one instruction of a warp
    const Instruction* instruction = nullptr;
    const Function* function = nullptr;
    std::uint32_t warp = 0;
    Mask pending = 0;
    std::array<Clock, warp_size> done{};
    std::array<std::uint64_t, warp_size> source{}; ///< in global memory; 0: none
    std::array<std::uint8_t, warp_size> source_bytes{};
  };
  struct OldCopies { // that all threads know
    const Instruction* instruction = nullptr;
    const Function* function = nullptr;
    Clock done = 0; ///< of the lane that was first
  };
  /// Lanes of a copy that read from one chunk of global memory.
  struct Source {
    std::uint32_t copies = 0; ///< number
    Mask lanes = 0;
  };
  static constexpr std::uint64_t chunk_bytes = 512;
  struct Issue {
    std::uint32_t copies = 0; ///< number
    std::uint32_t group = 0;  ///< commits of its lanes before it
    Mask lanes = 0;
  };
  struct WarpCopies {
    std::array<std::uint32_t, warp_size> commits{};
    std::vector<Issue> issues; ///< not waited for
  };
  template <class Entry> struct Toucher;
  struct SharedToucher;
  struct VisitToucher;
  struct GlobalToucher;
  void begin(const AsyncOperation& operation, Touch touch);
  void tell_copy(std::uint32_t number, OtherAccess& other) const;
  static bool sees(const AsyncOperation& agent, OtherAccess& other);
  bool meet_operation(const AsyncRef& other, bool wrote, const AsyncOperation* agent, std::uint32_t thread,
                      unsigned byte, RaceSink& sink) const;
  void sweep_operations();
  template <class T>
  void touch_shared(const T& toucher, std::uint64_t offset, std::uint64_t bytes, std::size_t victim);
  void touch_global(const GlobalToucher& toucher, std::uint64_t offset, std::uint64_t bytes);

  std::uint32_t number(RecordBook& book, int lane);
  AccessRecord record(int lane) const;
  std::uint32_t number_visit(const Visit& visit);
  bool is_peer(std::uint32_t other_block) const {
    return std::ranges::find(peers, other_block) != peers.end();
  }
  std::uint32_t number_copies(Mask mask);
  void note_sources(std::uint32_t number, Mask mask);
  void find_sources(std::uint32_t thread, std::uint64_t address, unsigned bytes, RaceSink& sink);
  void met(bool all);
  template <class Ready> void complete(std::uint32_t warp, Mask mask, Ready ready);
  void forget_shared();

  std::uint32_t block;
  Peers peers;
  GlobalCells* memory;
  std::vector<SharedCell> cells;
  CellParts<SharedCell> parts;
  RecordBook shared_book;
  std::deque<Visit> visits;
  RecordBook* global_book = nullptr;
  Doer doer;
  struct Memo {
    const RecordBook* book = nullptr;
    Clock step = 0;
    std::uint32_t number = 0;
  } memo;
  std::deque<Copies> copies;
  std::vector<OldCopies> old_copies; ///< before those
  std::uint32_t first_copies = 0;    ///< number of copies.front()
  std::uint32_t current_copies = 0;
  struct { // of the copy whose reads were told, and whose writes are to come
    const Instruction* instruction = nullptr;
    std::uint32_t warp = 0;
    std::array<std::uint64_t, warp_size> address{};
    std::array<std::uint8_t, warp_size> bytes{};
  } read_sources;
  std::unordered_map<std::uint64_t, std::vector<Source>> sources; ///< by chunk
  OperationBook operations;                                       ///< that touch its shared memory
  std::size_t most_operations = 4096;                             ///< of those, before a sweep
  View last_known;                                                ///< of the threads that have left
  std::vector<WarpCopies> warps;
};

} // namespace emu
