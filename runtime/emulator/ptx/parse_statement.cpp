// Bodies of functions: statements and scopes.
#include "emulator/ptx/parser.h"

#include <fmt/format.h>

namespace emu::ptx {

void Parser::body() {
  std::size_t outside = scopes.depth();
  do {
    Token token = tokens.current();
    if (token.is(Token::Kind::end))
      fail(token.place, fmt::format("the body of '{}' has no end", current->name), "close it with '}'");
    if (tokens.accept("{"))
      scopes.open(token.place);
    else if (tokens.accept("}"))
      scopes.close();
    else
      statement();
  } while (scopes.depth() > outside);
}

void Parser::statement() {
  Token token = tokens.current();
  if (tokens.accept(";"))
    return;
  if (token.is(Token::Kind::directive))
    return body_directive();
  if (token.is("@") && tokens.peek().is("@")) // @@DWARF of old compilers
    return tokens.skip_line();
  Statement result;
  result.place = token.place;
  result.source = source;
  result.guard = guard();
  Token name = tokens.current();
  if (!name.is(Token::Kind::name))
    tokens.unexpected("an instruction");
  std::string_view text = tokens.opcode(buffer);
  if (result.guard || text != name.text || !tokens.current().is(":"))
    return instruction(result, text);
  tokens.next();
  auto index = static_cast<std::uint32_t>(current->statements.size());
  scopes.declare_label(name.text, index, name.place);
  current->labels.push_back({name.text, index, name.place});
  special_statement(name.place);
}

void Parser::body_directive() {
  Token token = tokens.current();
  std::optional<Space> space = space_named(token.text.substr(1));
  if (space == Space::reg)
    registers();
  else if (space)
    variables(Linkage::none);
  else if (token.text == ".loc")
    location();
  else if (token.text == ".file")
    file();
  else if (token.text == ".pragma")
    pragma(current->pragmas);
  else
    fail(token.place, fmt::format("unknown directive {} in the body of '{}'", token.quoted(), current->name));
}

/// What only a label can stand before.
void Parser::special_statement(Place place) {
  static constexpr std::pair<std::string_view, Statement::Kind> kinds[] = {
      {".branchtargets", Statement::Kind::branch_targets},
      {".calltargets", Statement::Kind::call_targets},
      {".callprototype", Statement::Kind::call_prototype}};
  for (const auto& [name, kind] : kinds) {
    if (!tokens.current().is_directive(name))
      continue;
    tokens.next();
    Statement result;
    result.kind = kind;
    result.place = place;
    result.source = source;
    mnemonic = kind == Statement::Kind::branch_targets ? "bra" : "";
    if (kind == Statement::Kind::call_prototype)
      prototype(result);
    else
      operands(result);
    tokens.expect(";");
    current->statements.push_back(result);
  }
}

/// (returns) _ (parameters) .noreturn
void Parser::prototype(Statement& statement) {
  Prototype result;
  if (tokens.current().is("("))
    result.returns = storage.copy(parameters());
  tokens.expect(Token::Kind::name, "'_' in place of the name of a function");
  if (tokens.current().is("("))
    result.parameters = storage.copy(parameters());
  Function header;
  header.name = "_";
  directives(header);
  result.noreturn = header.directives.noreturn;
  statement.prototype = storage.copy_one(result);
}

std::optional<Guard> Parser::guard() {
  if (!tokens.accept("@"))
    return std::nullopt;
  Guard result;
  result.negated = tokens.accept("!");
  Token name = tokens.expect(Token::Kind::name, "a predicate");
  std::optional<std::uint32_t> reg = scopes.find_register(name.text, current->registers);
  if (!reg)
    fail(name.place, fmt::format("predicate {} is not declared", name.quoted()),
         "declare it with '.reg .pred' before its use");
  result.reg = *reg;
  return result;
}

void Parser::instruction(Statement statement, std::string_view text) {
  if (text[0] < 'a' || text[0] > 'z')
    fail(statement.place, fmt::format("expected an instruction, found '{}'", text));
  statement.opcode = intern(text);
  mnemonic = statement.opcode->mnemonic;
  if (!tokens.current().is(";"))
    operands(statement);
  if (!tokens.current().is(";"))
    tokens.unexpected(fmt::format("',' or ';' after the operands of '{}'", statement.opcode->text));
  tokens.next();
  current->statements.push_back(statement);
}

/// A list without brackets. Labels of it may not be known yet.
void Parser::operands(Statement& statement) {
  std::size_t first = operand_stack.size();
  do
    operand_stack.push_back(operand());
  while (tokens.accept(","));
  std::span<const Operand> stack(operand_stack);
  std::span<Operand> stored = storage.copy(stack.subspan(first));
  operand_stack.resize(first);
  for (Operand& operand : stored)
    if (operand.is(Operand::Kind::label))
      scopes.resolve_later(operand);
  statement.operands = stored;
}

const Opcode* Parser::intern(std::string_view text) {
  auto known = opcodes.find(text);
  if (known != opcodes.end())
    return known->second;
  if (text.data() == buffer.data())
    text = storage.copy(text);
  Opcode result;
  result.index = static_cast<std::uint32_t>(module.opcodes.size());
  result.text = text;
  result.mnemonic = text.substr(0, text.find('.'));
  std::vector<std::string_view> modifiers;
  for (std::size_t dot = text.find('.'); dot != std::string_view::npos;) {
    std::size_t end = text.find('.', dot + 1);
    modifiers.push_back(text.substr(dot + 1, end - dot - 1));
    dot = end;
  }
  result.modifiers = storage.copy(modifiers);
  const Opcode* stored = storage.copy_one(result);
  module.opcodes.push_back(stored);
  opcodes.emplace(text, stored);
  return stored;
}

} // namespace emu::ptx
