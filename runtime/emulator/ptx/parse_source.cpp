// Where the PTX text comes from: .file, .loc, and the debug sections, of which only the names of inlined
// functions are read.
#include "emulator/ptx/parser.h"

#include <fmt/format.h>

namespace emu::ptx {
namespace {

constexpr std::int64_t most_line = 0xffffffff;

std::uint32_t line_number(Tokens& tokens, std::string_view what) {
  return static_cast<std::uint32_t>(parse_integer(tokens, what, 0, most_line));
}

} // namespace

/// .file number "name" {, timestamp, size}
void Parser::file() {
  tokens.next();
  std::uint32_t number = line_number(tokens, "the number of a file");
  module.files.emplace_back(number, tokens.expect(Token::Kind::string, "the name of a file").text);
  while (tokens.accept(","))
    parse_constant(tokens);
}

/// .loc file line column {, function_name label {+ offset}, inlined_at file line column}
void Parser::location() {
  tokens.next();
  SourceLine line;
  line.file = line_number(tokens, "the number of a file");
  line.line = line_number(tokens, "a line");
  line.column = line_number(tokens, "a column");
  while (tokens.accept(",")) {
    Token what = tokens.expect(Token::Kind::name, "'function_name' or 'inlined_at'");
    if (what.text == "function_name") {
      line.function_label = tokens.expect(Token::Kind::name, "a label").text;
      if (tokens.accept("+"))
        line.function_label_offset = line_number(tokens, "an offset");
    } else if (what.text == "inlined_at") {
      line.inlined_at = inlined_at();
    } else {
      fail(what.place, fmt::format("expected 'function_name' or 'inlined_at', found {}", what.quoted()));
    }
  }
  source = static_cast<std::uint32_t>(module.source_lines.size());
  source_index[{line.file, line.line, line.column}] = source;
  module.source_lines.push_back(line);
}

/// The last .loc of this function with that place, which knows where it was inlined itself.
std::uint32_t Parser::inlined_at() {
  SourceLine line;
  line.file = line_number(tokens, "the number of a file");
  line.line = line_number(tokens, "a line");
  line.column = line_number(tokens, "a column");
  auto next = static_cast<std::uint32_t>(module.source_lines.size());
  auto [entry, added] = source_index.try_emplace({line.file, line.line, line.column}, next);
  if (added)
    module.source_lines.push_back(line);
  return entry->second;
}

void Parser::section() {
  tokens.next();
  Token name = tokens.expect(Token::Kind::directive, "the name of a section");
  if (!tokens.current().is("{"))
    tokens.unexpected("'{'");
  std::string_view content = tokens.raw_until('}');
  tokens.expect("}");
  if (name.text == ".debug_str")
    module.debug_strings = content;
}

/// In .debug_str a label stands before the lists of bytes that it names, which end with a 0.
std::string Module::function_name(const SourceLine& source) const {
  std::string_view label = source.function_label;
  std::string bytes;
  try {
    for (std::size_t at = debug_strings.find(label); !label.empty() && at < debug_strings.size();
         at = debug_strings.find(label, at + 1)) {
      Tokens tokens(debug_strings.substr(at));
      if (tokens.next().text != label || !tokens.accept(":"))
        continue;
      while (tokens.current().is_directive(".b8"))
        do {
          tokens.next();
          bytes.push_back(static_cast<char>(tokens.current().value));
        } while (tokens.next().is(Token::Kind::integer) && tokens.current().is(","));
      break;
    }
  } catch (const Failure&) { // the section is not what compilers write
    return {};
  }
  bytes.erase(0, source.function_label_offset);
  return bytes.substr(0, bytes.find('\0'));
}

} // namespace emu::ptx
