// What the checks find: a value with every place it concerns, and a list that counts what is found again and
// again.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace emu {

namespace ptx {
class Module;
}
struct Function;
struct Instruction;

struct Triple {
  std::uint32_t x = 0, y = 0, z = 0;
};

/// An instruction of a thread.
struct ReportPlace {
  std::string kernel;
  Triple block, thread;
  std::uint32_t line = 0, column = 0; ///< of the PTX text
  std::string text;                   ///< that line
  std::string source;                 ///< "kernel.cu:12:3, inlined at ..."; empty if unknown
  std::string source_file;            ///< the innermost; empty if unknown
  std::uint32_t source_line = 0, source_column = 0;
};

/// What was accessed.
struct ReportAddress {
  std::string_view space; ///< "global", "shared", ...
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
};

struct Report {
  enum class Kind : std::uint8_t {
    out_of_bounds,
    use_after_free,
    misaligned,
    read_only,
    undefined_branch,
    undefined_address,
    undefined_store,
    undefined_use,
    race,
    async_early,
    async_leak,
    proxy_fence,
    barrier_divergence,
    barrier_count,
    block_lifetime, ///< of a block of the cluster whose shared memory is accessed
    deadlock,
    matrix_descriptor,
    register_early,
    register_fence,
  };
  Kind kind = Kind::race;
  ReportPlace place;
  std::string message;  ///< what was found
  std::string expected; ///< "a multiple of 4"; empty: what the kind always expects
  std::optional<ReportAddress> address = {};
  std::optional<ReportPlace> other; ///< of a race: the other thread
  std::string other_what;           ///< "also written by"
  std::uint64_t count = 1;          ///< how often these two instructions met
};

std::string_view name(Report::Kind kind);
/// What its checks demand: "a value that was written before".
std::string_view expectation(Report::Kind kind);

/// Where an instruction stands: its line and text in the PTX, and the line it was compiled from.
ReportPlace place_of(const ptx::Module& module, const Function& function, const Instruction& instruction);

/// Several lines, for a person; without a final newline.
std::string render(const Report& report);
/// The same as an object of JSON: include/attile_emulator.h has its keys.
std::string json(const Report& report);

/// Thread-safe. Reports of one kind about the same instructions are one, which is counted.
class Reports {
public:
  /// The instruction, and the other one of a race.
  using Key = std::tuple<Report::Kind, const Instruction*, const Instruction*>;
  explicit Reports(unsigned most = 100) : most(most) {}
  /// Counts it. True if it is new and there is room: then the caller adds the report.
  bool first(const Key& key);
  void add(const Key& key, Report report);
  std::vector<Report> all() const;
  bool empty() const;
  /// How many different ones found no room.
  std::uint64_t left_out() const;
  void clear();

private:
  struct Entry {
    std::uint64_t count = 0;
    std::optional<Report> report;
    std::uint64_t number = 0; ///< in the order they were found
  };
  mutable std::mutex mutex;
  std::size_t most;
  std::map<Key, Entry> entries;
};

} // namespace emu
