// Operands of instructions.
#include "emulator/ptx/parser.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu::ptx {
namespace {

constexpr int deepest = 8;
using Kind = Operand::Kind;

/// ISA section 10, without the components; those that end with a number are ranges.
constexpr std::string_view special_registers[] = {"%tid",
                                                  "%ntid",
                                                  "%laneid",
                                                  "%warpid",
                                                  "%nwarpid",
                                                  "%ctaid",
                                                  "%nctaid",
                                                  "%smid",
                                                  "%nsmid",
                                                  "%gridid",
                                                  "%is_explicit_cluster",
                                                  "%clusterid",
                                                  "%nclusterid",
                                                  "%cluster_ctaid",
                                                  "%cluster_nctaid",
                                                  "%cluster_ctarank",
                                                  "%cluster_nctarank",
                                                  "%lanemask_eq",
                                                  "%lanemask_le",
                                                  "%lanemask_lt",
                                                  "%lanemask_ge",
                                                  "%lanemask_gt",
                                                  "%clock",
                                                  "%clock_hi",
                                                  "%clock64",
                                                  "%globaltimer",
                                                  "%globaltimer_lo",
                                                  "%globaltimer_hi",
                                                  "%reserved_smem_offset_begin",
                                                  "%reserved_smem_offset_end",
                                                  "%reserved_smem_offset_cap",
                                                  "%reserved_smem_offset_0",
                                                  "%reserved_smem_offset_1",
                                                  "%total_smem_size",
                                                  "%aggr_smem_size",
                                                  "%dynamic_smem_size",
                                                  "%current_graph_exec"};
struct NumberedRegister {
  std::string_view before, after;
  int count;
};
constexpr NumberedRegister numbered_registers[] = {{"%envreg", "", 32}, {"%pm", "", 8}, {"%pm", "_64", 8}};

bool is_special(std::string_view name) {
  if (std::find(std::begin(special_registers), std::end(special_registers), name) !=
      std::end(special_registers))
    return true;
  for (const NumberedRegister& r : numbered_registers)
    for (int i = 0; i < r.count; ++i)
      if (name.starts_with(r.before) && name == fmt::format("{}{}{}", r.before, i, r.after))
        return true;
  return false;
}

constexpr std::pair<std::string_view, Component> components[] = {
    {".x", Component::x}, {".y", Component::y}, {".z", Component::z}, {".w", Component::w},
    {".r", Component::x}, {".g", Component::y}, {".b", Component::z}, {".a", Component::w}};

// ".b3210", ".h1": the parts of video instructions' operands.
bool select_parts(std::string_view text, Operand& operand) {
  const std::string_view digits = text.substr(std::min<std::size_t>(2, text.size()));
  const bool bytes = text.starts_with(".b");
  if ((!bytes && !text.starts_with(".h")) || digits.empty() || digits.size() > 4 ||
      digits.find_first_not_of("01234567") != std::string_view::npos)
    return false;
  operand.component = bytes ? Component::bytes : Component::halves;
  operand.selected = static_cast<std::uint8_t>(digits.size());
  for (char digit : digits)
    operand.selection = static_cast<std::uint16_t>(operand.selection << 4 | (digit - '0'));
  return true;
}

} // namespace

Operand Parser::operand() {
  Token first = tokens.current();
  Operand result;
  if (first.is("{")) {
    result = group(Kind::vector, "}");
  } else if (first.is("[")) {
    result = group(Kind::address, "]");
    tokens.accept(".unified"); // a promise about generic addresses that changes nothing
  } else if (first.is("(") && mnemonic == "call") {
    result = group(Kind::list, ")");
  } else if (first.is(Token::Kind::name) && !starts_constant(first)) {
    result = pair(register_or_symbol());
  } else if ((first.is("!") || first.is("-")) && tokens.peek().is(Token::Kind::name) &&
             !starts_constant(tokens.peek())) {
    tokens.next();
    result = register_or_symbol();
    if (!result.is(Kind::reg))
      fail(result.place, fmt::format("'{}' needs a register, found '{}'", first.text, result.text));
    result.negated = true;
  } else if (starts_constant(first)) {
    result = constant();
  } else {
    tokens.unexpected("an operand");
  }
  result.place = first.place;
  if (!result.is(Kind::special))
    result.text = tokens.text_since(first);
  return result;
}

Operand Parser::constant() {
  Constant value = parse_constant(tokens);
  Operand result;
  result.kind = value.is_integer()                  ? Kind::integer
                : value.kind == Constant::Kind::f32 ? Kind::f32
                                                    : Kind::f64;
  result.is_unsigned = value.kind == Constant::Kind::u64;
  result.value = static_cast<std::int64_t>(value.bits);
  return result;
}

/// p|q, if a bar follows.
Operand Parser::pair(Operand first) {
  if (!tokens.current().is("|"))
    return first;
  std::size_t start = operand_stack.size();
  operand_stack.push_back(first);
  tokens.next();
  Token token = tokens.current();
  if (!token.is(Token::Kind::name))
    tokens.unexpected("a register after '|'");
  operand_stack.push_back(register_or_symbol());
  Operand result;
  result.kind = Kind::pair;
  result.parts = take(start);
  for (const Operand& part : result.parts)
    if (!part.is(Kind::reg) && !part.is(Kind::sink))
      fail(part.place, fmt::format("'{}' of a pair is no register", part.text));
  return result;
}

/// Anything that has a name: a register with its component, a special register, a symbol, a label, or a sink.
Operand Parser::register_or_symbol() {
  Token name = tokens.next();
  Operand result;
  result.text = name.text;
  result.place = name.place;
  if (name.text == "_")
    return result;
  result.kind = Kind::label; // perhaps one that comes later
  if (mnemonic == "bra")
    return result;
  if (std::optional<std::uint32_t> reg = scopes.find_register(name.text, current->registers)) {
    result.kind = Kind::reg;
    result.index = *reg;
    component(name, result);
  } else if (const Scopes::Binding* binding = scopes.find(name.text)) {
    bool variable = binding->kind == Scopes::Binding::Kind::variable;
    result.kind = variable ? Kind::variable : Kind::function;
    result.index = binding->index;
    result.local = binding->local;
    if (variable)
      element(result);
    offset(result);
  } else if (is_special(name.text)) {
    result.kind = Kind::special;
    component(name, result);
  } else if (name.text[0] == '%') {
    fail(name.place, fmt::format("register {} is not declared", name.quoted()), scopes.near_miss(name.text));
  }
  return result;
}

/// .x, if it follows the name of a register.
void Parser::component(const Token& name, Operand& operand) {
  Token token = tokens.current();
  if (!token.is(Token::Kind::directive) || !name.touches(token))
    return;
  const auto* found =
      std::ranges::find(components, token.text, &std::pair<std::string_view, Component>::first);
  if (found != std::end(components))
    operand.component = found->second;
  else if (!select_parts(token.text, operand))
    fail(token.place, fmt::format("{} is no component of a register", token.quoted()));
  tokens.next();
}

/// array[3], an element of a variable.
void Parser::element(Operand& operand) {
  if (!tokens.accept("["))
    return;
  const Variable& variable = module.variable(*current, operand);
  std::int64_t index = parse_integer(tokens, "a constant index", 0, INT32_MAX);
  operand.value = index * (bits(variable.type) / 8) * variable.vector;
  tokens.expect("]");
}

/// +8 or -8.
void Parser::offset(Operand& operand) {
  bool plus = tokens.accept("+");
  if (plus || tokens.current().is("-"))
    operand.value += parse_integer(tokens, "an offset", INT32_MIN, INT64_C(1) << 40);
}

/// Operands between brackets. The first of an address may have an offset.
Operand Parser::group(Kind kind, std::string_view close) {
  Token open = tokens.next();
  if (++operand_depth > deepest)
    fail(open.place, fmt::format("operands are nested deeper than {}", deepest));
  std::size_t first = operand_stack.size();
  while (!tokens.current().is(close)) {
    Operand part = operand();
    if (kind == Kind::address && part.is(Kind::reg))
      offset(part);
    operand_stack.push_back(part);
    if (!tokens.accept(","))
      break;
  }
  if (operand_stack.size() == first && kind != Kind::list)
    tokens.unexpected("an operand");
  tokens.expect(close);
  --operand_depth;
  Operand result;
  result.kind = kind;
  result.parts = take(first);
  return result;
}

/// The operands from `first` on, as parts of another.
std::span<const Operand> Parser::take(std::size_t first) {
  std::span<const Operand> parts = storage.copy(std::span<const Operand>(operand_stack).subspan(first));
  operand_stack.resize(first);
  for (const Operand& part : parts)
    if (part.is(Kind::label))
      fail(part.place, fmt::format("'{}' is not declared", part.text),
           "declare the variable or the function (by a prototype) before its use");
  return parts;
}

} // namespace emu::ptx
