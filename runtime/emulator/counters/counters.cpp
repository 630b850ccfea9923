#include "emulator/counters/counters.h"
#include "emulator/exec/bulk.h"

#include <algorithm>
#include <bit>

namespace emu {
namespace {

constexpr std::uint64_t sector_bytes = 32, bank_bytes = 4, banks = 32;

// Lanes of `phase` that are served together: the banks deliver 128 bytes at a time.
std::uint64_t wavefronts_of(const Access& access, Mask phase, const std::byte* shared) {
  std::array<std::uint64_t, banks * 32> words{}; // by bank: the distinct words that lanes ask of it
  std::array<std::uint32_t, banks> counts{};
  std::uint32_t most = 0;
  for_lanes(phase, [&](int lane) {
    const auto offset = static_cast<std::uint64_t>(access.host[lane] - shared);
    const std::uint64_t first = offset / bank_bytes, last = (offset + access.bytes - 1) / bank_bytes;
    for (std::uint64_t word = first; word <= last; ++word) {
      const std::uint64_t bank = word % banks;
      auto* begin = &words[bank * 32];
      if (std::find(begin, begin + counts[bank], word) == begin + counts[bank]) {
        begin[counts[bank]++] = word;
        most = std::max(most, counts[bank]);
      }
    }
  });
  return most;
}

} // namespace

std::string_view name(Class counted) {
  constexpr std::string_view names[classes] = {
      "integer", "floating", "half",          "special", "convert", "move", "compare", "control",
      "memory",  "atomic",   "shared_matrix", "tensor",  "warp",    "sync", "async",   "other"};
  return names[static_cast<int>(counted)];
}

Counts& Counts::operator+=(const Counts& other) {
  constexpr std::uint64_t Counts::* fields[] = {&Counts::warps,
                                                &Counts::threads,
                                                &Counts::divergent,
                                                &Counts::global_read,
                                                &Counts::global_written,
                                                &Counts::global_read_sectors,
                                                &Counts::global_write_sectors,
                                                &Counts::shared_read,
                                                &Counts::shared_written,
                                                &Counts::shared_wavefronts,
                                                &Counts::shared_conflicts,
                                                &Counts::peer_read,
                                                &Counts::peer_written,
                                                &Counts::local_read,
                                                &Counts::local_written,
                                                &Counts::atomics,
                                                &Counts::bulk_loaded,
                                                &Counts::bulk_stored,
                                                &Counts::bulk_reduced,
                                                &Counts::bulk_shared,
                                                &Counts::tensor_flops,
                                                &Counts::wgmma_read_ss,
                                                &Counts::wgmma_read_rs};
  static_assert(sizeof fields / sizeof fields[0] * sizeof(std::uint64_t) == sizeof(Counts));
  for (auto field : fields)
    this->*field += other.*field;
  return *this;
}

Counts& CounterShard::at(const Group& group, const Instruction& instruction) {
  const Function& function = *group.activation->function;
  if (by_function.size() <= function.number)
    by_function.resize(function.number + 1);
  std::vector<Counts>& counts = by_function[function.number];
  if (counts.empty())
    counts.resize(function.code.size());
  return counts[instruction.index];
}

void CounterShard::count_global(Counts& counts, Touched& touched, const Access& access, Mask lanes) {
  const bool reads = access.doing != Doing::write && access.doing != Doing::async_write;
  const bool writes = access.doing != Doing::read && access.doing != Doing::async_read;
  std::array<std::uint64_t, warp_size * 8> sectors; // of 32 lanes with at most 128 bytes each, unaligned
  std::size_t count = 0;
  for_lanes(lanes, [&](int lane) {
    const std::uint64_t first = reinterpret_cast<std::uintptr_t>(access.host[lane]) / sector_bytes;
    const std::uint64_t last =
        (reinterpret_cast<std::uintptr_t>(access.host[lane]) + access.bytes - 1) / sector_bytes;
    for (std::uint64_t sector = first; sector <= last && count < sectors.size(); ++sector)
      if (count == 0 || sectors[count - 1] != sector)
        sectors[count++] = sector;
    if (reads)
      touched.read.add(reinterpret_cast<std::uintptr_t>(access.host[lane]), access.bytes);
    if (writes)
      touched.written.add(reinterpret_cast<std::uintptr_t>(access.host[lane]), access.bytes);
  });
  std::sort(sectors.begin(), sectors.begin() + static_cast<std::ptrdiff_t>(count));
  const auto distinct = static_cast<std::uint64_t>(
      std::unique(sectors.begin(), sectors.begin() + static_cast<std::ptrdiff_t>(count)) - sectors.begin());
  const std::uint64_t bytes = access.bytes * static_cast<std::uint64_t>(std::popcount(lanes));
  if (reads) {
    counts.global_read += bytes;
    counts.global_read_sectors += distinct;
  }
  if (writes) {
    counts.global_written += bytes;
    counts.global_write_sectors += distinct;
  }
}

// 4 bytes a lane are served for 32 lanes at a time, 8 bytes for 16, 16 bytes for 8.
void CounterShard::count_shared(Counts& counts, const Access& access, Mask lanes, const std::byte* shared) {
  const std::uint64_t bytes = access.bytes * static_cast<std::uint64_t>(std::popcount(lanes));
  const bool writes = access.doing == Doing::write || access.doing == Doing::async_write;
  (writes ? counts.shared_written : counts.shared_read) += bytes;
  if (access.doing == Doing::atomic)
    counts.shared_written += bytes;
  const int together =
      std::clamp(static_cast<int>(banks * bank_bytes / std::max<std::uint64_t>(access.bytes, 4)), 1, 32);
  for (int first = 0; first < warp_size; first += together) {
    const Mask phase = lanes & (together == 32 ? all_lanes : ((Mask(1) << together) - 1) << first);
    if (phase == 0)
      continue;
    const std::uint64_t wavefronts = wavefronts_of(access, phase, shared);
    counts.shared_wavefronts += wavefronts;
    counts.shared_conflicts += wavefronts - 1;
  }
}

void CounterShard::accessed(const Group& group, const Instruction& instruction, const Access& access) {
  Counts& counts = at(group, instruction);
  std::array<Mask, 6> lanes{};
  for_lanes(access.mask,
            [&](int lane) { lanes[static_cast<std::size_t>(access.found[lane])] |= Mask(1) << lane; });
  auto in = [&](Space space) { return lanes[static_cast<std::size_t>(space)]; };
  if (access.doing == Doing::atomic)
    counts.atomics += static_cast<std::uint64_t>(std::popcount(access.mask));
  if (const Mask global = in(Space::global) | in(Space::constant))
    count_global(counts, touched[{group.activation->function->number, instruction.index}], access, global);
  if (access.remote != 0) {
    const std::uint64_t bytes = access.bytes * static_cast<std::uint64_t>(std::popcount(access.remote));
    const bool writes = access.doing == Doing::write || access.doing == Doing::async_write;
    (writes ? counts.peer_written : counts.peer_read) += bytes;
    counts.peer_written += access.doing == Doing::atomic ? bytes : 0;
  }
  if (const Mask shared = in(Space::shared) & ~access.remote)
    count_shared(counts, access, shared, group.warp->block->shared.data());
  if (const Mask local = in(Space::local)) {
    const std::uint64_t bytes = access.bytes * static_cast<std::uint64_t>(std::popcount(local));
    (access.doing == Doing::write ? counts.local_written : counts.local_read) += bytes;
  }
}

void CounterShard::reads_matrices(const Group& group, const Instruction& instruction, std::uint64_t bytes,
                                  bool a_in_registers) {
  Counts& counts = at(group, instruction);
  (a_in_registers ? counts.wgmma_read_rs : counts.wgmma_read_ss) += bytes;
  counts.shared_read += bytes;
  counts.shared_wavefronts += bytes / (banks * bank_bytes);
}

// Pieces that follow each other share a sector.
void CounterShard::count_pieces(Counts& counts, Touched& touched, const BulkCopy& copy) {
  std::uint64_t last_read = 0, last_written = 0;
  const auto sectors = [](std::uint64_t at, std::uint32_t bytes, std::uint64_t& last) {
    const std::uint64_t first = at / sector_bytes, end = (at + bytes - 1) / sector_bytes;
    const std::uint64_t count = end - first + (first != last ? 1 : 0);
    last = end;
    return count;
  };
  for (const BulkPiece& piece : copy.pieces) {
    if (piece.bytes == 0)
      continue;
    const auto to = reinterpret_cast<std::uintptr_t>(piece.to),
               from = reinterpret_cast<std::uintptr_t>(piece.from);
    if (copy.from == nullptr && piece.from != nullptr && !copy.shares_source) {
      counts.global_read += piece.bytes;
      counts.global_read_sectors += sectors(from, piece.bytes, last_read);
      touched.read.add(from, piece.bytes);
    }
    if (copy.to == nullptr) {
      counts.global_written += piece.bytes;
      counts.global_write_sectors += sectors(to, piece.bytes, last_written);
      touched.written.add(to, piece.bytes);
    }
  }
}

void CounterShard::copied(const Group& group, const Instruction& instruction, const BulkCopy& copy) {
  Counts& counts = at(group, instruction);
  const std::uint64_t bytes = copy.bytes();
  count_pieces(counts, touched[{group.activation->function->number, instruction.index}], copy);
  if (copy.to == nullptr)
    (copy.update != nullptr ? counts.bulk_reduced : counts.bulk_stored) += bytes;
  else
    (copy.from != nullptr ? counts.bulk_shared : counts.bulk_loaded) += bytes;
  if (copy.to != nullptr)
    counts.shared_written += bytes;
  if (copy.from != nullptr)
    counts.shared_read += bytes;
}

Counters::Counters(std::shared_ptr<const Program> program, const Function& kernel)
    : program_(std::move(program)), kernel_(kernel) {}

CounterShard& Counters::shard() {
  const std::lock_guard lock(mutex_);
  return shards_.emplace_back();
}

Counts Counters::totals() const {
  Counts totals;
  for (const LineCounts& line : lines())
    totals += line.counts;
  return totals;
}

std::array<std::uint64_t, classes> Counters::threads_by_class() const {
  std::array<std::uint64_t, classes> threads{};
  for (const LineCounts& line : lines())
    threads[static_cast<std::size_t>(line.counted)] += line.counts.threads;
  return threads;
}

Counts Counters::counts_of(std::uint32_t function, std::uint32_t instruction) const {
  const std::lock_guard lock(mutex_);
  Counts counts;
  for (const CounterShard& shard : shards_)
    if (function < shard.by_function.size() && !shard.by_function[function].empty())
      counts += shard.by_function[function][instruction];
  return counts;
}

void Counters::gather(const LineCounts& line, Touched& to) const {
  const std::lock_guard lock(mutex_);
  for (const CounterShard& shard : shards_)
    if (const auto found = shard.touched.find({line.function, line.instruction});
        found != shard.touched.end())
      to.add(found->second);
}

UniqueBytes Counters::unique() const {
  Touched all;
  for (const LineCounts& line : lines())
    gather(line, all);
  return {all.read.bytes(), all.written.bytes()};
}

std::vector<LineCounts> Counters::lines() const {
  const ptx::Module& module = *program_->module;
  std::vector<LineCounts> all;
  for (const auto& function : program_->functions)
    for (const Instruction& instruction : function->code) {
      LineCounts line;
      line.function = function->number;
      line.instruction = instruction.index;
      line.counts = counts_of(function->number, instruction.index);
      if (line.counts.warps == 0)
        continue;
      Touched touched;
      gather(line, touched);
      line.unique = {touched.read.bytes(), touched.written.bytes()};
      line.ptx_line = instruction.line;
      if (instruction.entry != Table::no_entry) {
        const ptx::Statement& statement =
            function->source->statements[function->statements[instruction.index]];
        line.counted = Table::instance()[instruction.entry].counted;
        line.opcode = std::string(statement.opcode->text);
        if (statement.source != 0) {
          const ptx::SourceLine& from = module.source_lines[statement.source];
          const std::string_view file = module.file(from.file);
          line.source = module.describe(from);
          line.file = file.empty() ? "<unknown file>" : file;
          line.line = static_cast<std::uint32_t>(from.line);
        }
      }
      all.push_back(std::move(line));
    }
  return all;
}

std::vector<SourceCounts> Counters::sources() const {
  struct Here {
    Counts counts;
    Touched touched;
  };
  std::map<std::pair<std::string, std::uint32_t>, Here> by_place;
  for (const LineCounts& line : lines()) {
    if (line.file.empty())
      continue;
    Here& here = by_place[{line.file, line.line}];
    here.counts += line.counts;
    gather(line, here.touched);
  }
  std::vector<SourceCounts> all;
  all.reserve(by_place.size());
  for (const auto& [place, here] : by_place)
    all.push_back(
        {place.first, place.second, here.counts, {here.touched.read.bytes(), here.touched.written.bytes()}});
  return all;
}

} // namespace emu
