// Counters as JSON and as a page for a person.
#include "emulator/counters/counters.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <tuple>

namespace emu {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Counts& counts) {
  return {{"warp_instructions", counts.warps},
          {"thread_instructions", counts.threads},
          {"divergent_warp_instructions", counts.divergent},
          {"global_read_bytes", counts.global_read},
          {"global_written_bytes", counts.global_written},
          {"global_read_sectors", counts.global_read_sectors},
          {"global_write_sectors", counts.global_write_sectors},
          {"shared_read_bytes", counts.shared_read},
          {"shared_written_bytes", counts.shared_written},
          {"shared_wavefronts", counts.shared_wavefronts},
          {"shared_bank_conflicts", counts.shared_conflicts},
          {"peer_read_bytes", counts.peer_read},
          {"peer_written_bytes", counts.peer_written},
          {"local_read_bytes", counts.local_read},
          {"local_written_bytes", counts.local_written},
          {"atomics", counts.atomics},
          {"bulk_load_bytes", counts.bulk_loaded},
          {"bulk_store_bytes", counts.bulk_stored},
          {"bulk_reduce_bytes", counts.bulk_reduced},
          {"bulk_shared_bytes", counts.bulk_shared},
          {"tensor_flops", counts.tensor_flops},
          {"wgmma_ss_shared_read_bytes", counts.wgmma_read_ss},
          {"wgmma_rs_shared_read_bytes", counts.wgmma_read_rs}};
}

// A line without what is 0, so that a file of them can be read.
Json with_counts(Json line, const Counts& of, const UniqueBytes& unique) {
  Json counts = json_of(of); // items() refers to it
  counts["unique_read_bytes"] = unique.read;
  counts["unique_written_bytes"] = unique.written;
  for (const auto& [key, value] : counts.items())
    if (value != 0)
      line[key] = value;
  return line;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

} // namespace

std::string Counters::json() const {
  Json mix, by_line = Json::array(), by_source = Json::array();
  const auto threads = threads_by_class();
  for (int i = 0; i < classes; ++i)
    mix[std::string(name(static_cast<Class>(i)))] = threads[static_cast<std::size_t>(i)];
  for (const LineCounts& line : lines())
    by_line.push_back(
        with_counts({{"ptx_line", line.ptx_line}, {"source", line.source}, {"opcode", line.opcode}},
                    line.counts, line.unique));
  for (const SourceCounts& source : sources())
    by_source.push_back(
        with_counts({{"file", source.file}, {"line", source.line}}, source.counts, source.unique));
  Json totals_json = json_of(totals());
  const UniqueBytes all = unique();
  totals_json["unique_read_bytes"] = all.read;
  totals_json["unique_written_bytes"] = all.written;
  return Json{{"kernel", kernel_.name},
              {"totals", totals_json},
              {"mix", mix},
              {"lines", by_line},
              {"sources", by_source}}
      .dump(2);
}

std::string Counters::summary() const {
  const Counts sum = totals();
  const UniqueBytes all = unique();
  std::string out = fmt::format(
      "kernel {}: {} warp instructions, {} thread instructions ({:.1f} lanes, {:.1f} % divergent)\n",
      kernel_.name, sum.warps, sum.threads,
      sum.warps ? static_cast<double>(sum.threads) / static_cast<double>(sum.warps) : 0.0,
      share(sum.divergent, sum.warps));
  out += fmt::format(
      "  global  read {:>12} bytes ({} unique, {} sectors), written {} bytes ({} unique, {} sectors)\n",
      sum.global_read, all.read, sum.global_read_sectors, sum.global_written, all.written,
      sum.global_write_sectors);
  out += fmt::format("  shared  read {:>12} bytes, written {} bytes, {} wavefronts, {} from bank conflicts\n",
                     sum.shared_read, sum.shared_written, sum.shared_wavefronts, sum.shared_conflicts);
  if (sum.peer_read + sum.peer_written != 0)
    out += fmt::format("  peers   read {:>12} bytes, written {} bytes\n", sum.peer_read, sum.peer_written);
  out += fmt::format("  local   read {:>12} bytes, written {} bytes\n", sum.local_read, sum.local_written);
  if (sum.bulk_loaded + sum.bulk_stored + sum.bulk_reduced + sum.bulk_shared > 0)
    out += fmt::format(
        "  bulk    loaded {:>10} bytes, stored {} bytes, reduced {} bytes, within shared {} bytes\n",
        sum.bulk_loaded, sum.bulk_stored, sum.bulk_reduced, sum.bulk_shared);
  out += fmt::format("  tensor  {} FLOP; atomics {}\n", sum.tensor_flops, sum.atomics);
  if (sum.wgmma_read_ss + sum.wgmma_read_rs > 0)
    out += fmt::format("  wgmma   of shared read {:>12} bytes with A there, {} with A in registers\n",
                       sum.wgmma_read_ss, sum.wgmma_read_rs);
  out += "  mix    ";
  const auto threads = threads_by_class();
  for (int i = 0; i < classes; ++i)
    if (threads[static_cast<std::size_t>(i)] > 0)
      out += fmt::format(" {} {:.1f} %", name(static_cast<Class>(i)),
                         share(threads[static_cast<std::size_t>(i)], sum.threads));
  out += "\n";
  std::vector<SourceCounts> places = sources();
  std::sort(places.begin(), places.end(), [](const SourceCounts& a, const SourceCounts& b) {
    return std::tuple(b.counts.warps, a.file, a.line) < std::tuple(a.counts.warps, b.file, b.line);
  });
  constexpr std::size_t told = 5;
  for (std::size_t i = 0; i < std::min(told, places.size()); ++i)
    out += fmt::format(
        "  {:<7}{:5.1f} % of warp instructions, global {} bytes ({} unique), shared {} bytes: {}:{}\n",
        i == 0 ? "lines" : "", share(places[i].counts.warps, sum.warps),
        places[i].counts.global_read + places[i].counts.global_written,
        places[i].unique.read + places[i].unique.written,
        places[i].counts.shared_read + places[i].counts.shared_written, places[i].file, places[i].line);
  return out;
}

} // namespace emu
