#include "emulator/isa/table.h"
#include "emulator/isa/syntax.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace emu {
namespace {

OperandSpec parse_operand(std::string_view word) {
  using What = OperandSpec::What;
  OperandSpec spec;
  auto take = [&](std::string_view prefix) {
    const bool found = word.starts_with(prefix);
    if (found)
      word.remove_prefix(prefix.size());
    return found;
  };
  spec.destination = take("=");
  if (word.ends_with('?')) {
    spec.optional = true;
    word.remove_suffix(1);
  }
  if (const std::size_t star = word.find('*'); star != std::string_view::npos) {
    const std::string_view count = word.substr(0, star);
    spec.parts = count == "v"   ? 0
                 : count == "n" ? -1
                                : static_cast<std::int8_t>(std::stoi(std::string(count)));
    word.remove_prefix(star + 1);
  }
  if (word.ends_with("|pred")) {
    spec.pair = true;
    word.remove_suffix(5);
  } else if (word.ends_with("/pred")) {
    spec.or_predicate = true;
    word.remove_suffix(5);
  }
  if (word == "pred") {
    spec.what = What::predicate;
  } else if (word == "cc") {
    spec.what = What::carry;
  } else if (word == "mem") {
    spec.what = What::address;
  } else if (word == "label") {
    spec.what = What::label;
  } else if (word == "any") {
    spec.what = What::any;
  } else if (word == "sel") {
    spec.what = What::typed;
    spec.type = ptx::Type::b32;
    spec.selects = true;
  } else if (word.size() == 2 && std::string_view("twrp").find(word[0]) != std::string_view::npos &&
             word[1] >= '0' && word[1] <= '2') {
    spec.what = What::typed;
    spec.modifier_type = static_cast<std::int8_t>(word[1] - '0');
    spec.widen = word[0] == 'w' ? 2 : 1;
    spec.at_least = word[0] == 'r';
    spec.packs = word[0] == 'p';
  } else {
    spec.what = What::typed;
    spec.type = ptx::type_named(word).value();
  }
  return spec;
}

std::vector<OperandSpec> parse_operands(std::string_view words) {
  std::vector<OperandSpec> specs;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (end > 0)
      specs.push_back(parse_operand(words.substr(0, end)));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return specs;
}

} // namespace

const Table& Table::instance() {
  static const Table table;
  return table;
}

Table::Table() {
  for (auto family :
       {arithmetic_entries, bit_entries,           compare_entries,     float_entries,      half_entries,
        convert_entries,    move_entries,          control_entries,     call_entries,       memory_entries,
        cache_entries,      atomic_entries,        warp_entries,        barrier_entries,    mma_entries,
        sparse_mma_entries, shared_matrix_entries, wmma_entries,        wgmma_entries,      stack_entries,
        async_entries,      bulk_entries,          bulk_tensor_entries, tensor_map_entries, mbarrier_entries,
        video_entries,      cluster_entries,       grid_entries,        async_store_entries})
    for (const Entry& entry : family())
      entries.push_back(entry);
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    syntaxes.emplace_back(entries[i].syntax);
    specs.push_back(parse_operands(entries[i].operands));
    by_mnemonic[syntaxes.back().mnemonic()].push_back(i);
  }
}

ptx::Type Decoding::type(int i) const {
  for (std::string_view modifier : statement.opcode->modifiers)
    if (const std::optional<ptx::Type> type = ptx::type_named(modifier); type && i-- == 0)
      return *type;
  return ptx::Type::b32;
}

bool Decoding::has(std::string_view modifier) const { return statement.opcode->has(modifier); }

void Decoding::fail(std::string_view message) { error = message; }

int Decoding::which(std::initializer_list<std::string_view> choices) const {
  int index = 0;
  for (std::string_view choice : choices) {
    if (has(choice))
      return index;
    ++index;
  }
  return -1;
}

const Entry* Table::find(std::string_view mnemonic, std::span<const std::string_view> modifiers,
                         std::string& why) const {
  const auto found = by_mnemonic.find(mnemonic);
  if (found == by_mnemonic.end()) {
    why = fmt::format("unknown instruction '{}'", mnemonic);
    return nullptr;
  }
  std::size_t furthest = 0;
  for (std::uint32_t index : found->second)
    if (syntaxes[index].matches(modifiers, furthest))
      return &entries[index];
  for (std::uint32_t index : found->second)
    if (syntaxes[index].matches_in_any_order(modifiers))
      return &entries[index];
  // At fault is the first modifier that no spelling has beside those before it; if there is none, that which
  // stands where none has it.
  const auto any_has = [&](std::size_t count) {
    return std::ranges::any_of(
        found->second, [&](std::uint32_t index) { return syntaxes[index].has_all(modifiers.first(count)); });
  };
  std::size_t together = furthest;
  while (together < modifiers.size() && any_has(together + 1))
    ++together;
  if (together < modifiers.size())
    furthest = together;
  std::vector<std::string_view> expected;
  for (std::uint32_t index : found->second)
    for (std::string_view modifier : syntaxes[index].expected(modifiers, furthest))
      if (std::ranges::find(expected, modifier) == expected.end())
        expected.push_back(modifier);
  const std::string so_far = fmt::format("{}{}{}", mnemonic, furthest ? "." : "",
                                         fmt::join(std::span(modifiers).first(furthest), "."));
  if (furthest == modifiers.size())
    why = fmt::format("'{}' is not complete: expected one of .{}", so_far, fmt::join(expected, ", ."));
  else if (expected.empty())
    why = fmt::format("'.{}' cannot follow '{}'", modifiers[furthest], so_far);
  else
    why = fmt::format("'.{}' cannot follow '{}': expected one of .{}", modifiers[furthest], so_far,
                      fmt::join(expected, ", ."));
  return nullptr;
}

} // namespace emu
