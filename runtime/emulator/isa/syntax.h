// The small notation of table.h: a mnemonic's modifiers as a sequence of choices.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace emu {

/// "add{.rn|.rz}{.ftz}.f32": the mnemonic and, in order, the sets of modifiers of which one must or may be
/// there.
class Syntax {
public:
  explicit Syntax(std::string_view text);
  std::string_view mnemonic() const { return name; }
  bool matches(std::span<const std::string_view> modifiers, std::size_t& furthest) const;
  /// Likewise, but modifiers may stand in any order; types, and layouts, keep theirs among themselves. ptxas
  /// takes them so, and public code writes them so: atom.add.release.gpu.u32, ldmatrix.sync.aligned.x4.m8n8.
  bool matches_in_any_order(std::span<const std::string_view> modifiers) const;
  /// Some spelling has all of them, in any order.
  bool has_all(std::span<const std::string_view> modifiers) const;
  /// What could stand after the first `count` modifiers of a spelling that got that far; for messages.
  std::vector<std::string_view> expected(std::span<const std::string_view> modifiers,
                                         std::size_t count) const;

private:
  static constexpr std::size_t most_modifiers = 24; ///< no instruction has so many
  struct Choice {
    std::vector<std::string_view> modifiers;
    bool optional = false;
  };
  bool match(std::size_t choice, std::span<const std::string_view> modifiers, std::size_t at,
             std::size_t& furthest) const;
  bool match_any(std::size_t choice, std::span<const std::string_view> modifiers, std::uint64_t used,
                 bool all_optional) const;
  void collect(std::size_t choice, std::span<const std::string_view> modifiers, std::size_t at,
               std::size_t count, std::vector<std::string_view>& out) const;
  std::string_view name;
  std::vector<Choice> choices;
};

} // namespace emu
