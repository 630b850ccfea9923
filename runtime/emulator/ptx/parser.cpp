#include "emulator/ptx/parser.h"

#include <charconv>
#include <fmt/format.h>

namespace emu::ptx {

std::optional<Module> parse(std::string_view text, Error& error) {
  while (!text.empty() && text.back() == '\0') // drivers are given C strings
    text.remove_suffix(1);
  if (text.size() > max_text) {
    error = {{1, 1}, fmt::format("the text has {} bytes, at most {} are supported", text.size(), max_text)};
    return std::nullopt;
  }
  try {
    return Parser(text).run();
  } catch (Failure& failure) {
    error = std::move(failure.error);
    return std::nullopt;
  }
}

Parser::Parser(std::string_view text)
    : module(std::make_unique<Storage>(std::string(text))), storage(*module.storage), tokens(storage.text),
      scopes(text.size()) {
  module.source_lines.emplace_back();
}

Module Parser::run() {
  header();
  while (!tokens.current().is(Token::Kind::end))
    module_directive();
  return std::move(module);
}

/// .version and .target, which come first.
void Parser::header() {
  if (!tokens.current().is_directive(".version"))
    tokens.unexpected("'.version' at the start of the module");
  tokens.next();
  Token version = tokens.expect(Token::Kind::f64, "a version such as 8.5");
  const char *begin = version.text.data(), *end = begin + version.text.size();
  const char* dot = std::from_chars(begin, end, module.version.major).ptr;
  if (dot == end || *dot != '.' || std::from_chars(dot + 1, end, module.version.minor).ptr != end)
    fail(version.place, fmt::format("expected a version such as 8.5, found {}", version.quoted()));
  if (!tokens.current().is_directive(".target"))
    tokens.unexpected("'.target' after '.version'");
  tokens.next();
  module.target_place = tokens.current().place;
  module.target = tokens.expect(Token::Kind::name, "a target such as sm_90").text;
  while (tokens.accept(","))
    module.target_options.push_back(tokens.expect(Token::Kind::name, "an option of '.target'").text);
}

void Parser::module_directive() {
  const Token& token = tokens.current();
  if (token.is("@") && tokens.peek().is("@")) { // @@DWARF of old compilers
    tokens.skip_line();
  } else if (token.is_directive(".address_size")) {
    tokens.next();
    module.address_size = static_cast<int>(parse_integer(tokens, "an address size", 32, 64));
  } else if (token.is_directive(".file")) {
    file();
  } else if (token.is_directive(".loc")) {
    location();
  } else if (token.is_directive(".section")) {
    section();
  } else if (token.is_directive(".pragma")) {
    pragma(module.pragmas);
  } else if (token.is_directive(".alias")) {
    alias();
  } else if (!tokens.accept(";")) {
    declaration();
  }
}

/// A function or variables, with their linkage.
void Parser::declaration() {
  static constexpr std::pair<std::string_view, Linkage> linkages[] = {{".extern", Linkage::external},
                                                                      {".visible", Linkage::visible},
                                                                      {".weak", Linkage::weak},
                                                                      {".common", Linkage::common}};
  Linkage linkage = Linkage::none;
  for (const auto& [name, value] : linkages)
    if (tokens.current().is_directive(name)) {
      tokens.next();
      linkage = value;
      break;
    }
  const Token& token = tokens.current();
  if (token.is_directive(".func") || token.is_directive(".entry"))
    function(linkage, token.text == ".entry");
  else if (token.is(Token::Kind::directive) && space_named(token.text.substr(1)))
    variables(linkage);
  else if (token.is(Token::Kind::directive))
    fail(token.place, fmt::format("unknown directive {}", token.quoted()));
  else
    tokens.unexpected("a directive of the module");
}

void Parser::pragma(std::vector<std::string_view>& pragmas) {
  tokens.next();
  do
    pragmas.push_back(tokens.expect(Token::Kind::string, "a string after '.pragma'").text);
  while (tokens.accept(","));
  tokens.expect(";");
}

void Parser::alias() {
  tokens.next();
  auto one = [&] {
    Token name = tokens.expect(Token::Kind::name, "the name of a function");
    const Scopes::Binding* binding = scopes.find(name.text);
    if (!binding || binding->kind != Scopes::Binding::Kind::function)
      fail(name.place, fmt::format("function {} is not declared", name.quoted()),
           "declare it by a prototype before '.alias'");
    return binding->index;
  };
  Function& alias = module.functions[one()];
  Token comma = tokens.expect(",");
  std::uint32_t target = one();
  if (alias.defined || !module.functions[target].defined)
    fail(comma.place, "'.alias' needs a function without a body, and one with a body that it stands for");
  alias.alias_of = target;
  tokens.expect(";");
}

} // namespace emu::ptx
