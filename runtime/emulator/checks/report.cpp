#include "emulator/checks/report.h"
#include "emulator/isa/program.h"

#include <algorithm>
#include <fmt/format.h>

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

} // namespace

std::string_view name(Report::Kind kind) {
  constexpr std::string_view names[] = {
      "out-of-bounds",     "use-after-free",     "misaligned",    "read-only", "undefined-branch",
      "undefined-address", "undefined-store",    "undefined-use", "race",      "async-early",
      "async-leak",        "barrier-divergence", "barrier-count", "deadlock"};
  return names[static_cast<int>(kind)];
}

ReportPlace place_of(const ptx::Module& module, const Function& function, const Instruction& instruction) {
  ReportPlace place;
  place.line = instruction.line;
  place.text = std::string(line_of(module.text(), instruction.line));
  if (instruction.index < function.statements.size()) {
    const ptx::Statement& statement = function.source->statements[function.statements[instruction.index]];
    if (statement.source != 0)
      place.source = module.describe(module.source_lines[statement.source]);
  }
  return place;
}

std::string render(const Report& report) {
  std::string text = fmt::format("{}: {}\n  kernel {}, {}", name(report.kind), report.message,
                                 report.place.kernel, describe(report.place));
  if (report.other)
    text += fmt::format("\n  {} {}", report.other_what, describe(*report.other));
  if (report.count > 1)
    text += fmt::format("\n  found {} times", report.count);
  return text;
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
