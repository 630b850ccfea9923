// What a Checker keeps: of the memory and of a launch (Checker::Data), and of each block that runs.
#pragma once

#include "emulator/checks/arrivals.h"
#include "emulator/checks/checker.h"
#include "emulator/checks/held_registers.h"
#include "emulator/checks/races.h"
#include "emulator/checks/registers.h"
#include "emulator/checks/shadow.h"
#include "emulator/exec/launch.h"

#include <unordered_map>

namespace emu {

struct FragmentLines;

/// Places that threads synchronise through, by host address. Most atomics synchronise nothing: a filter knows
/// most of them.
class SyncTable {
public:
  bool may_hold(std::uint64_t address) const {
    return (filter[hash(address) / 64].load(std::memory_order_acquire) >> hash(address) % 64 & 1) != 0;
  }
  /// f(SyncLocation&), which is made if it does not exist.
  template <class F> void at(std::uint64_t address, F f) {
    const std::lock_guard lock(mutex);
    f(locations[address]);
    filter[hash(address) / 64].fetch_or(std::uint64_t(1) << hash(address) % 64, std::memory_order_release);
  }
  void clear();

private:
  static std::size_t hash(std::uint64_t address) { return address / 4 * 0x9e3779b97f4a7c15 >> 52; } // 12 bits
  std::array<std::atomic<std::uint64_t>, 64> filter{};
  std::mutex mutex;
  std::unordered_map<std::uint64_t, SyncLocation> locations;
};

/// Definedness of a memory that one block, or one thread, has for itself.
struct OwnShadow {
  OwnBits defined, tainted;
  bool any_tainted = false;
  explicit OwnShadow(std::uint64_t bytes = 0) : defined(bytes), tainted(bytes) {}
  void grow(std::uint64_t bytes) {
    defined.grow(bytes);
    tainted.grow(bytes);
  }
};

struct BarrierState {
  std::uint32_t count = 0;                   ///< as the first one to come says; 0: all
  const Instruction* first = nullptr;        ///< that one's instruction; null: nobody has come
  std::array<Mask, 32> waiting{}, arrived{}; ///< lanes by warp
  std::array<const Instruction*, 32> where{};
  std::array<bool, 32> aligned{};
  std::unique_ptr<View> told; ///< by those that do not wait
};

/// The cluster's barrier, as far as one block goes.
struct ClusterBarrierState {
  View phase; ///< what those that came and release told: of this block
  View done;  ///< of all blocks, in the phases that are complete
  std::array<Mask, 32> arrived{};
  std::array<const Instruction*, 32> where{}; ///< of the first of each warp
};

struct MbarrierState {
  View phase, done;               ///< what arrivals of this phase told; of all that are complete
  View phase_abroad, done_abroad; ///< the same of arrivals from other blocks of the cluster
  Clock completed = 0;            ///< phases
  AccessRecord initialised;       ///< by mbarrier.init; no instruction: not seen
  std::uint32_t initialiser = 0;  ///< thread
  bool init_fenced = false;       ///< fence.mbarrier_init came after it
  Arrivals arrivals;
};

/// What an access leaves to do once it is done, and what an asynchronous copy reads.
struct AccessEffects {
  bool todo = false;
  Mask loaded_bad = 0; ///< lanes that loaded a byte that is undefined or tainted
  std::array<ByteBits, warp_size> loaded_undefined{}, loaded_tainted{};
  std::uint32_t bytes = 0;
  Mask acquires = 0;
  std::array<SyncTable*, warp_size> table{}; ///< of what is acquired
  Reach reach = Reach::block;
  bool ordered = false;
  std::array<std::uint64_t, warp_size> address{};
  Mask copied = 0; ///< lanes of a copy whose source is not all defined
  std::array<ByteBits, warp_size> copied_undefined{};
  void clear() {
    todo = false;
    loaded_bad = acquires = copied = 0;
  }
};

struct BlockChecks {
  BlockChecks(Block& block, GlobalCells* cells);
  BlockRaces races;
  OwnShadow shared;
  std::vector<std::array<OwnShadow, warp_size>> local; ///< by warp
  SyncTable sync;                                      ///< in shared memory
  std::array<BarrierState, 16> barriers;
  ClusterBarrierState cluster;
  std::unordered_map<std::uint64_t, MbarrierState> mbarriers;
  std::vector<std::uint32_t> bulk_groups;   ///< by thread, that it has committed
  std::vector<std::uint32_t> matrix_groups; ///< by warp
  /// The one that what is issued now becomes part of. `index`: thread, or warp.
  Completion group_of(Completion::What what, std::uint32_t index);
  /// The last access of a thread of another block.
  struct Visit {
    Clock step = 0;
    const Instruction* instruction = nullptr;
    const Function* function = nullptr;
  };
  std::vector<std::vector<Visit>> visitors; ///< by rank and thread
  AccessEffects effects;
  std::vector<HeldRegisters> held;                        ///< by warp
  std::uint64_t allocation_begin = 0, allocation_end = 0; ///< the one that was accessed last
  bool allocation_read_only = false;
};

inline BlockChecks& checks_of(const Block& block) { return *static_cast<BlockChecks*>(block.checks.get()); }
inline BlockChecks& checks_of(const Group& group) {
  return *static_cast<BlockChecks*>(group.warp->block->checks.get());
}
inline RegisterShadow* shadow_of(const Group& group) {
  return static_cast<RegisterShadow*>(group.activation->checks.get());
}

/// What goes into a Report.
struct Found {
  std::string actual;
  std::string expected = {};      ///< empty: what the kind always expects
  const Access* access = nullptr; ///< of whose lane the address is told
};

/// Who does what is reported: a thread, or an operation that it has issued.
struct Doer {
  const Instruction* instruction = nullptr;
  const Function* function = nullptr;
  std::uint32_t thread = 0;
  const AsyncOperation* operation = nullptr;
  bool writes = false;
};

std::string_view name(Space space);
ReportAddress address_of(const Access& access, int lane);
std::string_view what_is(const AsyncOperation& operation);
/// What must come before bytes are used that it reads, or writes.
std::string_view wait_for(const AsyncOperation& operation, bool wrote);
ReportPlace report_place(const Block& block, const Doer& doer);

/// What is known of a launch while the next one may overlap it.
struct LaunchFacts {
  std::shared_ptr<const Program> program;
  const Function* kernel = nullptr;
  Dim3 grid, threads;
};

struct Checker::Data {
  Data(Memory& memory, const CheckOptions& options);

  Memory& memory;
  CheckOptions options;
  Reports reports;
  SharedBits defined;
  GlobalCells cells;
  SyncTable sync;
  LaunchFacts current, before;
  std::atomic<bool> triggered{false};  ///< the current launch lets the next one begin before it is done
  std::vector<Allocation> allocations; ///< when the launch began, by address
  std::uint64_t last_serial = 0;       ///< of the allocations that were seen

  /// Reports, or counts, what an instruction does in a lane.
  void report(Report::Kind kind, const Group& group, const Instruction& instruction, int lane, Found found);
  void report_race(const Block& block, const Doer& doer, const ReportAddress& address,
                   const OtherAccess& other);
  /// " (from line 12: ld.shared.f32 ...)"; empty if unknown.
  std::string origin(const Group& group, const Instruction* origin) const;

  const Allocation* allocation(std::uint64_t address, std::optional<Allocation>& late) const;
  /// The variable that the access's address is computed from, if it is known.
  const Extent* pointee(const Group& group, const Instruction& instruction, const Access& access) const;
  void check_variable(Group& group, const Instruction& instruction, Access& access, const Extent& extent);
  void check_bounds(Group& group, const Instruction& instruction, Access& access, Mask lanes);
  bool check_lane(Group& group, const Instruction& instruction, const Access& access, int lane);
  void check_local(Group& group, const Instruction& instruction, Access& access, Mask lanes);
  void refused_at_peer(Group& group, const Instruction& instruction, const Access& access, int lane);

  // ---- what asynchronous operations touch and copy ----
  class Meetings;
  void touch(const AsyncRef& operation, Touch touch, const AsyncRange& range);
  void check_initialised(const AsyncOperation& operation, const Block& owner, std::uint64_t mbarrier);
  void report_undefined_sum(const AsyncOperation& operation, const AsyncRange& range);
  ByteBits defined_bytes(const AsyncRange& range, std::uint64_t offset, unsigned bytes) const;
  bool all_defined(const AsyncRange& range) const;
  void define(const AsyncRange& range, const AsyncRange* from);

  void follow_global(Group& group, const Instruction& instruction, const Access& access, Mask lanes);
  void follow_own(Group& group, const Instruction& instruction, const Access& access, int lane,
                  OwnShadow& shadow, std::uint64_t at);
  void load(BlockChecks& block, const Access& access, int lane, ByteBits undefined, ByteBits tainted);
  void find_races(Group& group, const Instruction& instruction, const Access& access, Mask lanes,
                  Space space);
  void visit(Group& group, const Instruction& instruction, const Access& access, int lane, const Block& of);
  void check_visits(const Group& group, const Instruction& instruction, int lane);
  void report_visit(const Block& block, const Doer& leaving, const BlockChecks::Visit& visit,
                    const Block& from, std::uint32_t thread);
  void release(Group& group, const Access& access, Mask lanes, Space space);
  void note_acquire(Group& group, const Access& access, Mask lanes, Space space);
  void finish(Group& group, const Instruction& instruction, Mask mask);
  void finish_load(Group& group, const Instruction& instruction, Mask mask);
  void touch_held(Group& group, const Instruction& instruction);
  void report_held(Group& group, const Instruction& instruction, const HeldRegisters::Problem& problem);
  Mask check_guard(Group& group, const Instruction& instruction, Mask guarded);
  void check_sources(Group& group, const Instruction& instruction, Mask mask);
};

/// Bytes that are undefined or tainted of the data that a lane stores.
struct StoredData {
  ByteBits undefined = 0, tainted = 0;
  const Instruction* origin = nullptr;
};
StoredData stored_data(const RegisterShadow& shadow, const Group& group, const Instruction& instruction,
                       int lane, std::uint32_t bytes);
/// What wmma.load and wmma.store move; null for all other instructions.
const FragmentLines* fragment_lines(const Instruction& instruction);
/// Its registers are what was loaded.
void load_fragment(RegisterShadow& shadow, const Instruction& instruction, const FragmentLines& matrix,
                   const AccessEffects& effects);
/// Of the bytes that lane `chunk` stores.
StoredData stored_fragment(const RegisterShadow& shadow, const Instruction& instruction,
                           const FragmentLines& matrix, int chunk);
/// The instruction as the text has it; null for the end of a function.
const ptx::Statement* statement_of(const Group& group, const Instruction& instruction);
/// Which operand is an address, or holds what is stored; -1 if none does.
int address_operand(const Instruction& instruction, int from = 0);
int data_operand(const Instruction& instruction);

} // namespace emu
