#include "emulator/ptx/scopes.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace emu::ptx {
namespace {

constexpr std::size_t deepest = 256;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// `name` without the digits at its end.
std::string_view without_number(std::string_view name) {
  while (!name.empty() && is_digit(name.back()))
    name.remove_suffix(1);
  return name;
}

/// The number that `digits` write, if a range makes such a name: no leading zero.
std::optional<std::uint64_t> number_of(std::string_view digits) {
  std::uint64_t number = 0;
  if (digits.empty() || (digits[0] == '0' && digits.size() > 1))
    return std::nullopt;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc())
    return std::nullopt;
  return number;
}

} // namespace

// A slot is 4 bytes, and the registers of real code are dense.
Scopes::Scopes(std::size_t text_size) : slots_left(text_size * 8 + (1 << 20)), scopes(1) {}

void Scopes::open(Place place) {
  if (scopes.size() >= deepest)
    fail(place, fmt::format("scopes are nested deeper than {}", deepest));
  scopes.push_back({undo.size(), pending.size()});
}

void Scopes::close() {
  Scope& scope = scopes.back();
  auto resolved = [&](Operand* operand) {
    auto label = scope.labels.find(operand->text);
    if (label == scope.labels.end())
      return false;
    operand->index = label->second.statement;
    return true;
  };
  if (!scope.labels.empty()) {
    auto first = pending.begin() + static_cast<std::ptrdiff_t>(scope.pending_mark);
    pending.erase(std::remove_if(first, pending.end(), resolved), pending.end());
  }
  for (; undo.size() > scope.undo_mark; undo.pop_back()) {
    Undo& last = undo.back();
    if (last.before)
      (*last.names)[last.name] = *last.before;
    else
      last.names->erase(last.name);
  }
  scopes.pop_back();
  if (at_module_level())
    declarations.clear();
}

void Scopes::declare_in(Names& names, std::string_view name, Binding binding) {
  binding.depth = static_cast<std::uint32_t>(scopes.size());
  auto [entry, added] = names.try_emplace(name, binding);
  if (!added && entry->second.depth == binding.depth)
    fail(binding.place,
         fmt::format("'{}' is already declared in this scope, in line {}", name, entry->second.place.line));
  if (!at_module_level())
    undo.push_back({&names, name, added ? std::nullopt : std::optional(entry->second)});
  entry->second = binding;
}

void Scopes::declare(std::string_view name, Binding binding) { declare_in(exact, name, binding); }

const Scopes::Binding* Scopes::find(std::string_view name) const {
  auto entry = exact.find(name);
  if (entry == exact.end() || entry->second.kind == Binding::Kind::registers)
    return nullptr;
  return &entry->second;
}

void Scopes::declare_registers(std::string_view name, Register shape, std::uint64_t count) {
  bool range = count != 0;
  Registers declaration{name, shape, range ? count : 1, static_cast<std::uint32_t>(depth())};
  auto index = static_cast<std::uint32_t>(declarations.size());
  if (auto outer = ranges.find(name); range && outer != ranges.end())
    declaration.hidden = outer->second.index;
  declare_in(range ? ranges : exact, name, {Binding::Kind::registers, true, index, shape.place});
  range_ends_in_digit |= range && is_digit(name.back());
  declarations.push_back(std::move(declaration));
}

/// The innermost declaration that has `prefix` with this number.
const Scopes::Registers* Scopes::range_with(std::string_view prefix, std::uint64_t number) const {
  auto range = ranges.find(prefix);
  if (range == ranges.end())
    return nullptr;
  const Registers* declaration = &declarations[range->second.index];
  while (number >= declaration->count) {
    if (declaration->hidden == unused)
      return nullptr;
    declaration = &declarations[declaration->hidden];
  }
  return declaration;
}

std::uint32_t& Scopes::slot(Registers& declaration, std::size_t number) {
  std::vector<std::uint32_t>& indices = declaration.indices;
  if (number >= indices.size()) {
    std::size_t wanted = std::min<std::size_t>(std::max(number + 1, indices.size() * 2), declaration.count);
    if (wanted - indices.size() > slots_left)
      fail(declaration.shape.place, fmt::format("'{}<{}>' declares more registers than this text can use",
                                                declaration.name, declaration.count));
    slots_left -= wanted - indices.size();
    indices.resize(wanted, unused);
  }
  return indices[number];
}

std::optional<std::uint32_t> Scopes::find_register(std::string_view name, std::vector<Register>& registers) {
  std::uint32_t depth = 0;
  const Registers* found = nullptr;
  std::size_t number = 0;
  if (auto entry = exact.find(name); entry != exact.end()) {
    depth = entry->second.depth;
    if (entry->second.kind == Binding::Kind::registers)
      found = &declarations[entry->second.index];
  }
  // Of %r12, the prefix %r; and %r1 if such a range was ever declared.
  for (std::string_view prefix = without_number(name); prefix.size() < name.size();
       prefix = name.substr(0, prefix.size() + 1)) {
    std::optional<std::uint64_t> n = number_of(name.substr(prefix.size()));
    const Registers* range = n ? range_with(prefix, *n) : nullptr;
    if (range && range->depth > depth) {
      depth = range->depth;
      found = range;
      number = *n;
    }
    if (!range_ends_in_digit)
      break;
  }
  if (!found)
    return std::nullopt;
  std::uint32_t& index = slot(declarations[static_cast<std::size_t>(found - declarations.data())], number);
  if (index == unused) {
    index = static_cast<std::uint32_t>(registers.size());
    registers.push_back(found->shape);
    registers.back().name = name;
  }
  return index;
}

std::string Scopes::near_miss(std::string_view name) const {
  auto range = ranges.find(without_number(name));
  if (range == ranges.end())
    return {};
  const Registers& declaration = declarations[range->second.index];
  return fmt::format("line {} declares '{}<{}>', which ends with {}{}", declaration.shape.place.line,
                     declaration.name, declaration.count, declaration.name, declaration.count - 1);
}

void Scopes::declare_label(std::string_view name, std::uint32_t statement, Place place) {
  auto [label, added] = scopes.back().labels.try_emplace(name, Label{name, statement, place});
  if (!added)
    fail(place, fmt::format("label '{}' is already declared in this scope, in line {}", name,
                            label->second.place.line));
}

void Scopes::resolve_later(Operand& operand) { pending.push_back(&operand); }

const Operand* Scopes::unresolved() const { return pending.empty() ? nullptr : pending.front(); }

} // namespace emu::ptx
