// Declarations: registers and variables.
#include "emulator/ptx/initialiser.h"
#include "emulator/ptx/parser.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace emu::ptx {
namespace {

constexpr std::uint64_t largest = std::uint64_t(1) << 40; ///< bytes of a variable
constexpr std::uint64_t most_registers = std::uint64_t(1) << 24;

} // namespace

/// .global .align 4 .b8 a[20] = {1, 2}, b;
void Parser::variables(Linkage linkage) {
  Variable shared = specifiers();
  shared.linkage = linkage;
  if (shared.space == Space::reg)
    fail(shared.place, "registers are declared in functions");
  do {
    Variable variable = shared;
    declarator(variable);
    if (tokens.accept("="))
      parse_initialiser(variable, tokens, scopes, storage);
    else if (variable.unsized && linkage != Linkage::external && variable.space != Space::param)
      fail(variable.place,
           fmt::format("array '{}' needs an extent, an initialiser or '.extern'", variable.name));
    declare(variable);
  } while (tokens.accept(","));
  tokens.expect(";");
}

/// .reg .b32 %r<10>, %a;
void Parser::registers() {
  Variable shape = specifiers();
  do {
    Token name = tokens.expect(Token::Kind::name, "the name of a register");
    std::uint64_t count = 0;
    if (tokens.accept("<")) {
      Token number = tokens.expect(Token::Kind::integer, "a number of registers"); // '>' ends no expression
      count = number.value;
      if (count < 1 || count > most_registers)
        fail(number.place, fmt::format("expected from 1 to {} registers, found {}", most_registers, count));
      tokens.expect(">");
    }
    scopes.declare_registers(name.text, {name.text, shape.type, shape.vector, name.place}, count);
  } while (tokens.accept(","));
  tokens.expect(";");
}

/// What comes before the name: state space, alignment, vector, type, attributes, in any order.
Variable Parser::specifiers() {
  Variable variable;
  variable.align = 0;
  bool typed = false;
  Token space = tokens.expect(Token::Kind::directive, "a state space");
  std::optional<Space> known = space_named(space.text.substr(1));
  if (!known)
    fail(space.place, fmt::format("expected a state space, found {}", space.quoted()));
  variable.space = *known;
  variable.place = space.place;
  while (tokens.current().is(Token::Kind::directive)) {
    if (tokens.current().text == ".attribute") {
      attributes(&variable);
      continue;
    }
    Token token = tokens.next();
    if (std::optional<Type> type = type_named(token.text.substr(1))) {
      variable.type = *type;
      typed = true;
    } else if (token.text == ".align") {
      variable.align = alignment();
    } else if (token.text == ".v2" || token.text == ".v4" || token.text == ".v8") {
      variable.vector = static_cast<std::uint8_t>(token.text[2] - '0');
    } else if (token.text == ".ptr") {
      pointee(variable);
    } else if (token.text == ".texref" || token.text == ".samplerref" || token.text == ".surfref") {
      fail(token.place, fmt::format("textures and surfaces are not supported, found {}", token.quoted()));
    } else {
      fail(token.place, fmt::format("expected a type or an alignment, found {}", token.quoted()));
    }
  }
  if (!typed)
    tokens.unexpected(fmt::format("a type after '{}'", space.text));
  if (variable.space != Space::reg && bits(variable.type) % 8 != 0)
    fail(space.place,
         fmt::format("a variable in '{}' cannot be of type '.{}'", space.text, name(variable.type)));
  return variable;
}

std::uint32_t Parser::alignment() {
  Place place = tokens.current().place;
  auto align = static_cast<std::uint32_t>(parse_integer(tokens, "an alignment", 1, 1 << 20));
  if (!std::has_single_bit(align))
    fail(place, fmt::format("expected an alignment that is a power of two, found {}", align));
  return align;
}

/// .ptr .global .align 8
void Parser::pointee(Variable& variable) {
  Pointee result;
  while (true) {
    const Token& token = tokens.current();
    if (token.is_directive(".align")) {
      tokens.next();
      result.align = alignment();
    } else if (std::optional<Space> space =
                   token.is(Token::Kind::directive) ? space_named(token.text.substr(1)) : std::nullopt) {
      tokens.next();
      result.space = *space;
    } else {
      break;
    }
  }
  variable.pointee = result;
}

/// name[2][3], and what follows from it and the specifiers.
void Parser::declarator(Variable& variable) {
  Token name = tokens.expect(Token::Kind::name, "a name");
  variable.name = name.text;
  variable.place = name.place;
  auto element = static_cast<std::uint64_t>(bits(variable.type)) / 8 * variable.vector;
  if (variable.align == 0)
    variable.align = std::max(static_cast<std::uint32_t>(element), 1U);
  std::vector<std::uint64_t> extents;
  variable.size = element;
  while (tokens.accept("[")) {
    variable.array = true;
    bool open = extents.empty() && tokens.current().is("]");
    variable.unsized |= open;
    std::uint64_t extent = 0;
    if (!open)
      extent = static_cast<std::uint64_t>(parse_integer(tokens, "an extent", 0, INT64_MAX));
    tokens.expect("]");
    if (extent != 0 && variable.size > largest / extent)
      fail(name.place, fmt::format("'{}' is larger than {} bytes", name.text, largest));
    variable.size *= extent;
    extents.push_back(extent);
  }
  variable.extents = storage.copy(extents);
}

void Parser::declare(const Variable& variable) {
  using Binding = Scopes::Binding;
  std::vector<Variable>& list = current ? current->variables : module.variables;
  if (const Binding* before = scopes.find(variable.name); before && !current) {
    if (before->kind != Binding::Kind::variable)
      fail(variable.place, fmt::format("'{}' is already declared as a function, in line {}", variable.name,
                                       before->place.line));
    Variable& known = list[before->index];
    bool repeats = known.linkage == Linkage::external || variable.linkage == Linkage::external;
    if (repeats && known.space == variable.space) {
      if (known.linkage == Linkage::external)
        known = variable;
      return;
    }
  }
  auto index = static_cast<std::uint32_t>(list.size());
  scopes.declare(variable.name, {Binding::Kind::variable, current != nullptr, index, variable.place});
  list.push_back(variable);
}

} // namespace emu::ptx
