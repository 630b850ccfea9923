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
  std::optional<InlinedName> name;
  while (tokens.accept(",")) {
    Token what = tokens.expect(Token::Kind::name, "'function_name' or 'inlined_at'");
    if (what.text == "function_name") {
      name = {0, tokens.expect(Token::Kind::name, "a label").text, 0};
      if (tokens.accept("+"))
        name->offset = line_number(tokens, "an offset");
    } else if (what.text == "inlined_at") {
      line.inlined_at = inlined_at();
    } else {
      fail(what.place, fmt::format("expected 'function_name' or 'inlined_at', found {}", what.quoted()));
    }
  }
  source = static_cast<std::uint32_t>(module.source_lines.size());
  if (name)
    inlined_names.push_back({source, name->label, name->offset});
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
  tokens.expect("{");
  if (name.text == ".debug_str")
    return debug_strings();
  while (!tokens.current().is("}") && !tokens.current().is(Token::Kind::end))
    tokens.next();
  tokens.expect("}");
}

/// Labels, and lists of bytes: each label names the string that starts there.
void Parser::debug_strings() {
  std::string bytes;
  std::vector<std::pair<std::string_view, std::size_t>> labels;
  while (!tokens.accept("}")) {
    if (tokens.current().is(Token::Kind::name)) {
      labels.emplace_back(tokens.next().text, bytes.size());
      tokens.expect(":");
    } else if (tokens.current().is_directive(".b8")) {
      do {
        tokens.next();
        bytes.push_back(static_cast<char>(parse_integer(tokens, "a byte", -128, 255)));
      } while (tokens.current().is(","));
    } else {
      tokens.unexpected("a label or '.b8' in '.debug_str'");
    }
  }
  std::string_view kept = storage.copy(bytes);
  for (const auto& [label, offset] : labels)
    debug_labels[label] = kept.substr(offset);
}

void Parser::name_inlined_functions() {
  for (const InlinedName& name : inlined_names) {
    auto label = debug_labels.find(name.label);
    if (label == debug_labels.end() || name.offset > label->second.size())
      continue;
    std::string_view bytes = label->second.substr(name.offset);
    module.source_lines[name.source].function_name = bytes.substr(0, bytes.find('\0'));
  }
}

} // namespace emu::ptx
