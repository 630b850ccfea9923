#include "emulator/checks/report.h"
#include "emulator/isa/program.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace emu {
namespace {

std::string_view line_of(std::string_view text, std::uint32_t line) {
  for (std::uint32_t i = 1; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos)
      return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  const std::size_t begin = text.find_first_not_of(" \t\r");
  const std::size_t last = text.find_last_not_of(" \t\r");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, last + 1 - begin);
}

std::string describe(const ReportPlace& place) {
  std::string text =
      fmt::format("thread ({},{},{}) of block ({},{},{}) at line {}: {}", place.thread.x, place.thread.y,
                  place.thread.z, place.block.x, place.block.y, place.block.z, place.line, place.text);
  return place.source.empty() ? text : fmt::format("{} ({})", text, place.source);
}

using Json = nlohmann::ordered_json;

Json json_of(const Triple& at) { return {at.x, at.y, at.z}; }

Json json_of(const ReportPlace& place) {
  Json out = {{"kernel", place.kernel}, {"block", json_of(place.block)}, {"thread", json_of(place.thread)},
              {"ptx_line", place.line}, {"ptx_column", place.column},    {"ptx", place.text}};
  if (!place.source_file.empty()) {
    out["file"] = place.source_file;
    out["line"] = place.source_line;
    out["column"] = place.source_column;
    out["source"] = place.source;
  }
  return out;
}

} // namespace

std::string_view name(Report::Kind kind) {
  constexpr std::string_view names[] = {
      "out-of-bounds",     "use-after-free",    "misaligned",         "read-only",     "undefined-branch",
      "undefined-address", "undefined-store",   "undefined-use",      "race",          "async-early",
      "async-leak",        "proxy-fence",       "barrier-divergence", "barrier-count", "block-lifetime",
      "deadlock",          "matrix-descriptor", "register-early",     "register-fence"};
  return names[static_cast<int>(kind)];
}

std::string_view expectation(Report::Kind kind) {
  switch (kind) {
  case Report::Kind::out_of_bounds:
    return "an address inside an allocation, and inside the variable it is computed from";
  case Report::Kind::use_after_free:
    return "memory that is allocated";
  case Report::Kind::misaligned:
    return "an aligned address";
  case Report::Kind::read_only:
    return "no write to constant memory";
  case Report::Kind::undefined_branch:
  case Report::Kind::undefined_address:
  case Report::Kind::undefined_store:
  case Report::Kind::undefined_use:
    return "a value that was written before";
  case Report::Kind::race:
    return "a barrier, or a release and an acquire, between";
  case Report::Kind::async_early:
  case Report::Kind::async_leak:
    return "a wait for the asynchronous copy before";
  case Report::Kind::proxy_fence:
    return "fence.proxy.async between";
  case Report::Kind::barrier_divergence:
    return "all lanes of the warp at one barrier";
  case Report::Kind::barrier_count:
    return "the same count, a multiple of a warp, from all who come";
  case Report::Kind::block_lifetime:
    return "a block that has begun, and does not leave before";
  case Report::Kind::deadlock:
    return "a thread that can go on";
  case Report::Kind::matrix_descriptor:
    return "a matrix descriptor that fits what it points at, the same in all lanes of the warpgroup";
  case Report::Kind::register_early:
    return "wgmma.wait_group before";
  case Report::Kind::register_fence:
    return "wgmma.fence before";
  }
  return {};
}

ReportPlace place_of(const ptx::Module& module, const Function& function, const Instruction& instruction) {
  ReportPlace place;
  place.line = instruction.line;
  place.text = std::string(line_of(module.text(), instruction.line));
  if (instruction.index < function.statements.size()) {
    const ptx::Statement& statement = function.source->statements[function.statements[instruction.index]];
    place.column = statement.place.column;
    if (statement.source != 0) {
      const ptx::SourceLine& source = module.source_lines[statement.source];
      place.source = module.describe(source);
      place.source_file = module.file(source.file);
      place.source_line = source.line;
      place.source_column = source.column;
    }
  }
  return place;
}

std::string render(const Report& report) {
  std::string text = fmt::format("{}: {}{}{}\n  kernel {}, {}", name(report.kind), report.message,
                                 report.expected.empty() ? "" : ": expected ", report.expected,
                                 report.place.kernel, describe(report.place));
  if (report.other)
    text += fmt::format("\n  {} {}", report.other_what, describe(*report.other));
  if (report.count > 1)
    text += fmt::format("\n  found {} times", report.count);
  return text;
}

std::string json(const Report& report) {
  Json out = {{"kind", name(report.kind)}};
  out.update(json_of(report.place));
  if (report.address) {
    out["space"] = report.address->space;
    out["address"] = fmt::format("0x{:x}", report.address->address);
    out["bytes"] = report.address->bytes;
  }
  out["expected"] = report.expected.empty() ? expectation(report.kind) : std::string_view(report.expected);
  out["actual"] = report.message;
  if (report.other) {
    out["other"] = json_of(*report.other);
    out["other"]["what"] = report.other_what;
  }
  out["count"] = report.count;
  out["text"] = render(report);
  return out.dump(-1, ' ', false, Json::error_handler_t::replace); // PTX text may hold anything
}

bool Reports::first(const Key& key) {
  const std::lock_guard lock(mutex);
  const auto [entry, is_new] = entries.try_emplace(key);
  ++entry->second.count;
  if (is_new)
    entry->second.number = entries.size();
  return is_new && entries.size() <= most;
}

void Reports::add(const Key& key, Report report) {
  const std::lock_guard lock(mutex);
  entries[key].report = std::move(report);
}

std::vector<Report> Reports::all() const {
  const std::lock_guard lock(mutex);
  std::vector<const Entry*> found;
  for (const auto& [key, entry] : entries)
    if (entry.report)
      found.push_back(&entry);
  std::ranges::sort(found, {}, &Entry::number);
  std::vector<Report> list;
  for (const Entry* entry : found) {
    list.push_back(*entry->report);
    list.back().count = entry->count;
  }
  return list;
}

bool Reports::empty() const {
  const std::lock_guard lock(mutex);
  return entries.empty();
}

std::uint64_t Reports::left_out() const {
  const std::lock_guard lock(mutex);
  return entries.size() > most ? entries.size() - most : 0;
}

void Reports::clear() {
  const std::lock_guard lock(mutex);
  entries.clear();
}

} // namespace emu
