#include "tools/attile-emu/arguments.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace attile::emu_tool {
namespace {

template <class T> bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// "f32[4]:1.5" into the two sides of the colon; nothing right of it if there is none.
std::pair<std::string_view, std::string_view> split(std::string_view text, char at) {
  const std::size_t found = std::min(text.find(at), text.size());
  return {text.substr(0, found), found < text.size() ? text.substr(found + 1) : std::string_view()};
}

/// out, zeros, full and random: arrays that no file gives.
Result<Array> made(std::string_view kind, std::string_view text) {
  const auto [type, value] = split(text, ':');
  Result<Array> array = parse_type(type, true);
  if (!array)
    return array;
  Result<void> done;
  std::uint64_t seed = 0;
  if (kind == "full" && !value.empty())
    done = fill(*array, value);
  else if (kind == "random" && (value.empty() || parse(value, seed)))
    randomise(*array, seed);
  else if (kind == "full" || kind == "random" || !value.empty())
    done = usage_error(kind == "full"     ? "a value is missing"
                       : kind == "random" ? fmt::format("'{}' is not a seed", value)
                                          : fmt::format("'{}' is too much", value),
                       "write out:TYPE[SHAPE], zeros:TYPE[SHAPE], full:TYPE[SHAPE]:VALUE or "
                       "random:TYPE[SHAPE]:SEED");
  if (!done)
    return done.error();
  return array;
}

Result<Array> array_of(std::string_view kind, std::string_view text) {
  if (kind == "out" || kind == "zeros" || kind == "full" || kind == "random")
    return made(kind, text);
  if (kind == "in" || kind == "inout")
    return read_array(std::string(text));
  Result<Array> expected = parse_type(kind, false);
  if (!expected)
    return expected;
  return read_array(std::string(text.substr(1)), *expected);
}

} // namespace

Result<Argument> parse_argument(const std::string& text) {
  Argument argument;
  argument.text = text;
  const std::string context = fmt::format("argument '{}'", text);
  const auto [kind, value] = split(text, ':');
  constexpr std::string_view arrays[] = {"in", "inout", "out", "zeros", "full", "random"};
  if (std::ranges::find(arrays, kind) != std::end(arrays) || value.starts_with('@')) {
    const std::size_t equals = kind == "in" ? value.size() : std::min(value.rfind('='), value.size());
    Result<Array> array = array_of(kind, value.substr(0, equals));
    if (!array)
      return std::move(array).error().in(context);
    argument.array = *std::move(array);
    argument.output = value.substr(std::min(equals + 1, value.size()));
    argument.defined = kind != "out";
    return argument;
  }
  const ElementType* type = element_named(kind);
  if (type == nullptr || text.size() == kind.size())
    return usage_error(
        fmt::format("{}: '{}' is no kind of argument", context, kind),
        "write in:FILE, inout:FILE=FILE, TYPE:@FILE, out:, zeros:, full: or random:TYPE[SHAPE], or "
        "TYPE:VALUE; types are " +
            element_names());
  if (type->in_byte > 1)
    return usage_error(fmt::format("{}: a parameter has no type of 4 bits", context),
                       fmt::format("arrays have: {}:@FILE, zeros:{}[64]", type->name, type->name));
  Result<std::vector<std::byte>> scalar = encode(*type, value);
  if (!scalar)
    return std::move(scalar).error().in(context);
  argument.scalar = *std::move(scalar);
  return argument;
}

Result<std::array<unsigned, 3>> parse_extent(const std::string& text) {
  std::array<unsigned, 3> extent{1, 1, 1};
  std::string_view rest = text;
  for (unsigned& value : extent) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (!parse(rest.substr(0, comma), value))
      break;
    rest.remove_prefix(comma);
    if (rest.empty())
      return extent;
    rest.remove_prefix(1);
  }
  return usage_error(fmt::format("'{}' is not an extent", text), "write x, x,y or x,y,z");
}

} // namespace attile::emu_tool
