// Functions: what comes before their bodies.
#include "emulator/ptx/parser.h"

#include <fmt/format.h>

namespace emu::ptx {

void Parser::function(Linkage linkage, bool entry) {
  tokens.next();
  Function header;
  header.entry = entry;
  header.linkage = linkage;
  attributes(nullptr);
  if (!entry && tokens.current().is("("))
    header.variables = parameters();
  header.return_count = static_cast<std::uint32_t>(header.variables.size());
  Token name = tokens.expect(Token::Kind::name, "the name of a function");
  header.name = name.text;
  header.place = name.place;
  if (tokens.current().is("(")) {
    std::vector<Variable> list = parameters();
    header.parameter_count = static_cast<std::uint32_t>(list.size());
    header.variables.insert(header.variables.end(), list.begin(), list.end());
  }
  directives(header);
  header.defined = tokens.current().is("{");
  bool defined = header.defined;
  if (!defined && !tokens.current().is(";"))
    tokens.unexpected(fmt::format("the body of '{}' or ';'", name.text));
  Function& installed = install(std::move(header));
  if (defined)
    definition(installed);
  else
    tokens.next();
}

/// The body; the parameters are known in it.
void Parser::definition(Function& function) {
  current = &function;
  source = 0;
  source_index.clear();
  scopes.open(function.place);
  for (std::uint32_t i = 0; i < function.variables.size(); ++i) {
    Variable& variable = function.variables[i];
    if (variable.name == "_")
      continue;
    if (variable.space == Space::reg) {
      scopes.declare_registers(variable.name, {variable.name, variable.type, variable.vector, variable.place},
                               0);
      variable.reg = *scopes.find_register(variable.name, function.registers);
    } else {
      scopes.declare(variable.name, {Scopes::Binding::Kind::variable, true, i, variable.place});
    }
  }
  body();
  scopes.close();
  if (const Operand* unknown = scopes.unresolved())
    fail(unknown->place, fmt::format("'{}' is not declared", unknown->text),
         "declare a variable or a function (by a prototype) before its use, a label in a scope around its "
         "use");
  current = nullptr;
}

/// What the module has of this name from now on.
Function& Parser::install(Function&& header) {
  using Binding = Scopes::Binding;
  const Binding* before = scopes.find(header.name);
  auto index = static_cast<std::uint32_t>(module.functions.size());
  if (!before) {
    scopes.declare(header.name, {Binding::Kind::function, false, index, header.place});
    return module.functions.emplace_back(std::move(header));
  }
  if (before->kind != Binding::Kind::function)
    fail(header.place,
         fmt::format("'{}' is already declared as a variable, in line {}", header.name, before->place.line));
  Function& known = module.functions[before->index];
  if (known.entry != header.entry)
    fail(header.place, fmt::format("'{}' is declared both as '.entry' and as '.func', in line {}",
                                   header.name, known.place.line));
  if (known.defined && header.defined)
    fail(header.place,
         fmt::format("function '{}' already has a body, in line {}", header.name, known.place.line));
  if (!known.defined)
    known = std::move(header);
  return known;
}

/// ( .param .b32 a, .reg .u32 b )
std::vector<Variable> Parser::parameters() {
  std::vector<Variable> list;
  tokens.expect("(");
  while (!tokens.current().is(")")) {
    Variable variable = specifiers();
    if (variable.space != Space::param && variable.space != Space::reg)
      fail(variable.place,
           fmt::format("a parameter is in '.param' or '.reg', not in '.{}'", name(variable.space)));
    declarator(variable);
    list.push_back(variable);
    if (!tokens.accept(","))
      break;
  }
  tokens.expect(")");
  return list;
}

void Parser::directives(Function& header) {
  while (tokens.current().is(Token::Kind::directive)) {
    Token name = tokens.current();
    if (name.text == ".pragma") {
      pragma(header.pragmas);
    } else if (name.text == ".attribute") {
      attributes(nullptr);
    } else {
      tokens.next();
      if (!performance_directive(name.text, header.directives))
        fail(name.place, fmt::format("unknown directive {} of function '{}'", name.quoted(), header.name));
    }
  }
}

bool Parser::performance_directive(std::string_view name, Directives& directives) {
  static constexpr std::pair<std::string_view, std::uint32_t (Directives::*)[3]> triples[] = {
      {".maxntid", &Directives::maxntid},
      {".reqntid", &Directives::reqntid},
      {".reqnctapercluster", &Directives::reqnctapercluster}};
  static constexpr std::pair<std::string_view, std::uint32_t Directives::*> numbers[] = {
      {".minnctapersm", &Directives::minnctapersm},
      {".maxnctapersm", &Directives::maxnctapersm},
      {".maxnreg", &Directives::maxnreg},
      {".maxclusterrank", &Directives::maxclusterrank},
      {".abi_preserve", &Directives::abi_preserve},
      {".abi_preserve_control", &Directives::abi_preserve_control}};
  static constexpr std::pair<std::string_view, bool Directives::*> flags[] = {
      {".explicitcluster", &Directives::explicitcluster},
      {".blocksareclusters", &Directives::blocksareclusters},
      {".noreturn", &Directives::noreturn}};
  for (const auto& [known, member] : triples)
    if (name == known)
      return triple(directives.*member), true;
  for (const auto& [known, member] : numbers)
    if (name == known) {
      directives.*member = static_cast<std::uint32_t>(parse_integer(tokens, "a number", 0, INT32_MAX));
      return true;
    }
  for (const auto& [known, member] : flags)
    if (name == known)
      return directives.*member = true;
  return false;
}

/// One to three extents; what is left out is 1.
void Parser::triple(std::uint32_t (&values)[3]) {
  values[0] = values[1] = values[2] = 1;
  for (std::uint32_t& value : values) {
    value = static_cast<std::uint32_t>(parse_integer(tokens, "an extent", 0, INT32_MAX));
    if (!tokens.accept(","))
      break;
  }
}

/// .attribute(.managed, .unified(1, 2)), if it is there.
void Parser::attributes(Variable* variable) {
  if (!tokens.current().is_directive(".attribute"))
    return;
  tokens.next();
  tokens.expect("(");
  do {
    Token name = tokens.expect(Token::Kind::directive, "an attribute");
    if (name.text == ".managed" && variable) {
      variable->managed = true;
    } else if (name.text == ".unified") { // identifies an object for the linker
      tokens.expect("(");
      do
        parse_constant(tokens);
      while (tokens.accept(","));
      tokens.expect(")");
    } else {
      fail(name.place, fmt::format("unknown attribute {}", name.quoted()));
    }
  } while (tokens.accept(","));
  tokens.expect(")");
}

} // namespace emu::ptx
