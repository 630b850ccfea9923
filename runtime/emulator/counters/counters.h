// What a launch did: traffic by path, instruction mix, matrix and special-function work, divergence; for the
// kernel and for each line. The compiler's IO model is judged against these numbers.
#pragma once

#include "emulator/counters/touched.h"
#include "emulator/exec/access.h"
#include "emulator/isa/table.h"
#include <array>
#include <deque>
#include <map>
#include <mutex>

namespace emu {

struct BulkCopy;

inline constexpr int classes = static_cast<int>(Class::other) + 1;
std::string_view name(Class counted);

struct Counts {
  std::uint64_t warps = 0;     ///< executions by a warp, or a part of one
  std::uint64_t threads = 0;   ///< executions by a thread
  std::uint64_t divergent = 0; ///< executions by a part of the warp's lanes that have not left
  std::uint64_t global_read = 0, global_written = 0;               ///< bytes, as lanes ask for them
  std::uint64_t global_read_sectors = 0, global_write_sectors = 0; ///< of 32 bytes, counted once an execution
  std::uint64_t shared_read = 0, shared_written = 0;               ///< bytes
  std::uint64_t shared_wavefronts = 0;                             ///< passes over the 32 banks of 4 bytes
  std::uint64_t shared_conflicts = 0; ///< wavefronts beyond what the bytes need without bank conflicts
  std::uint64_t peer_read = 0,
                peer_written = 0; ///< bytes of the shared memory of other blocks of the cluster
  std::uint64_t local_read = 0, local_written = 0; ///< bytes: spills, arrays, calls
  std::uint64_t atomics = 0;                       ///< by a thread, in any space
  std::uint64_t bulk_loaded = 0, bulk_stored = 0,
                bulk_reduced = 0; ///< bytes, by cp(.reduce).async.bulk; those
                                  ///< of global memory count there, too
  std::uint64_t bulk_shared = 0;  ///< bytes, from one shared memory to another, or reduced there
  std::uint64_t tensor_flops = 0; ///< multiplies and adds of matrix instructions
  /// Bytes of shared memory that wgmma reads, with A there, and with A in registers; part of `shared_read`.
  std::uint64_t wgmma_read_ss = 0, wgmma_read_rs = 0;
  Counts& operator+=(const Counts& other);
};

/// Compulsory traffic: bytes of global memory that at least one thread read, or wrote.
struct UniqueBytes {
  std::uint64_t read = 0, written = 0;
};

/// The counts of one instruction, with the lines it comes from.
struct LineCounts {
  std::uint32_t ptx_line = 0;
  std::string source;     ///< "kernel.cu:12:3", and where that was inlined; empty if unknown
  std::string file;       ///< "kernel.cu"; empty if unknown
  std::uint32_t line = 0; ///< of the file
  std::string opcode;
  Class counted = Class::other;
  Counts counts;
  UniqueBytes unique;
  std::uint32_t function = 0, instruction = 0; ///< in the program
};

/// The counts of all instructions that were made of a line of CUDA, by `.loc`, wherever it was inlined.
struct SourceCounts {
  std::string file; ///< "<unknown file>" if the number of the file is all that is known
  std::uint32_t line = 0;
  Counts counts;
  UniqueBytes unique; ///< of all of them together
};

class Counters;

/// One host thread's part.
class CounterShard {
public:
  /// `mask` is 0 if the guard holds for no lane.
  void executed(const Group& group, const Instruction& instruction, Mask mask) {
    Counts& counts = at(group, instruction);
    ++counts.warps;
    counts.threads += static_cast<std::uint32_t>(__builtin_popcount(mask));
    counts.divergent += group.mask != group.warp->alive;
    counts.tensor_flops += mask != 0 ? instruction.flops : 0;
  }
  /// `access` is resolved.
  void accessed(const Group& group, const Instruction& instruction, const Access& access);
  void copied(const Group& group, const Instruction& instruction, const BulkCopy& copy);

  /// What a warpgroup's wgmma reads of shared memory, without bank conflicts.
  void reads_matrices(const Group& group, const Instruction& instruction, std::uint64_t bytes,
                      bool a_in_registers);

private:
  friend class Counters;
  Counts& at(const Group& group, const Instruction& instruction);
  static void count_global(Counts& counts, Touched& touched, const Access& access, Mask lanes);
  static void count_shared(Counts& counts, const Access& access, Mask lanes, const std::byte* shared);
  static void count_pieces(Counts& counts, Touched& touched, const BulkCopy& copy);
  std::vector<std::vector<Counts>> by_function;                       ///< by function number and instruction
  std::map<std::pair<std::uint32_t, std::uint32_t>, Touched> touched; ///< likewise
};

/// Of one launch.
class Counters {
public:
  Counters(std::shared_ptr<const Program> program, const Function& kernel);
  /// For a host thread that runs blocks; valid as long as the counters. Thread-safe.
  CounterShard& shard();

  // After the launch:
  Counts totals() const;
  std::array<std::uint64_t, classes> threads_by_class() const;
  UniqueBytes unique() const;
  /// Instructions that were executed, in the order of the text.
  std::vector<LineCounts> lines() const;
  /// Lines of CUDA, by file and number; nothing for PTX without `.loc`.
  std::vector<SourceCounts> sources() const;
  /// {"kernel", "totals": {...}, "mix": {...}, "lines": [...], "sources": [...]}; a stable order of keys.
  std::string json() const;
  /// A page that a person can read: with the lines of CUDA that took most.
  std::string summary() const;

private:
  Counts counts_of(std::uint32_t function, std::uint32_t instruction) const;
  /// What an instruction touched in all blocks is added to `to`.
  void gather(const LineCounts& line, Touched& to) const;
  std::shared_ptr<const Program> program_;
  const Function& kernel_;
  mutable std::mutex mutex_;
  std::deque<CounterShard> shards_;
};

} // namespace emu
