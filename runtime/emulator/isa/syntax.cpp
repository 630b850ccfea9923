#include "emulator/isa/syntax.h"
#include "emulator/ptx/types.h"

#include <algorithm>

namespace emu {
namespace {

// A modifier ends at the next character of the notation; "::" belongs to it.
std::string_view take_modifier(std::string_view& rest) {
  const std::size_t end = std::min(rest.find_first_of(".|{}()", 1), rest.size());
  std::string_view modifier = rest.substr(1, end - 1);
  rest.remove_prefix(end);
  return modifier;
}

bool is_layout(std::string_view modifier) { return modifier == "row" || modifier == "col"; }

// What they say depends on which comes first; of equal ones either may.
bool keep_order(std::string_view a, std::string_view b) {
  return a == b || (is_layout(a) && is_layout(b)) || (ptx::type_named(a) && ptx::type_named(b));
}

} // namespace

Syntax::Syntax(std::string_view text) {
  const std::size_t end = std::min(text.find_first_of(".{("), text.size());
  name = text.substr(0, end);
  text.remove_prefix(end);
  while (!text.empty()) {
    Choice choice;
    if (text[0] == '.') {
      choice.modifiers.push_back(take_modifier(text));
    } else {
      choice.optional = text[0] == '{';
      text.remove_prefix(1);
      while (text[0] == '.' || text[0] == '|') {
        if (text[0] == '|')
          text.remove_prefix(1);
        choice.modifiers.push_back(take_modifier(text));
      }
      text.remove_prefix(1);
    }
    choices.push_back(std::move(choice));
  }
}

bool Syntax::match(std::size_t choice, std::span<const std::string_view> modifiers, std::size_t at,
                   std::size_t& furthest) const {
  furthest = std::max(furthest, at);
  if (choice == choices.size())
    return at == modifiers.size();
  const Choice& here = choices[choice];
  const bool taken = at < modifiers.size() && std::ranges::count(here.modifiers, modifiers[at]) > 0;
  if (taken && match(choice + 1, modifiers, at + 1, furthest))
    return true;
  return here.optional && match(choice + 1, modifiers, at, furthest);
}

bool Syntax::matches(std::span<const std::string_view> modifiers, std::size_t& furthest) const {
  return match(0, modifiers, 0, furthest);
}

bool Syntax::match_any(std::size_t choice, std::span<const std::string_view> modifiers, std::uint64_t used,
                       bool all_optional) const {
  if (choice == choices.size())
    return used + 1 == std::uint64_t(1) << modifiers.size();
  const Choice& here = choices[choice];
  const auto is_used = [&](std::size_t i) { return (used >> i & 1) != 0; };
  for (std::size_t i = 0; i < modifiers.size(); ++i) {
    if (is_used(i) || std::ranges::count(here.modifiers, modifiers[i]) == 0)
      continue;
    bool first = true;
    for (std::size_t j = 0; j < i; ++j)
      first &= is_used(j) || !keep_order(modifiers[j], modifiers[i]);
    if (first && match_any(choice + 1, modifiers, used | std::uint64_t(1) << i, all_optional))
      return true;
  }
  return (here.optional || all_optional) && match_any(choice + 1, modifiers, used, all_optional);
}

bool Syntax::matches_in_any_order(std::span<const std::string_view> modifiers) const {
  return modifiers.size() <= most_modifiers && match_any(0, modifiers, 0, false);
}

bool Syntax::has_all(std::span<const std::string_view> modifiers) const {
  return modifiers.size() <= most_modifiers && match_any(0, modifiers, 0, true);
}

void Syntax::collect(std::size_t choice, std::span<const std::string_view> modifiers, std::size_t at,
                     std::size_t count, std::vector<std::string_view>& out) const {
  if (choice == choices.size())
    return;
  const Choice& here = choices[choice];
  if (at == count)
    out.insert(out.end(), here.modifiers.begin(), here.modifiers.end());
  else if (std::ranges::count(here.modifiers, modifiers[at]) > 0)
    collect(choice + 1, modifiers, at + 1, count, out);
  if (here.optional)
    collect(choice + 1, modifiers, at, count, out);
}

std::vector<std::string_view> Syntax::expected(std::span<const std::string_view> modifiers,
                                               std::size_t count) const {
  std::vector<std::string_view> out;
  collect(0, modifiers, 0, count, out);
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace emu
