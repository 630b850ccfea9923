#include "emulator/ptx/tokens.h"

#include <array>
#include <bit>
#include <charconv>
#include <fmt/format.h>

namespace emu::ptx {
namespace {

enum CharClass : std::uint8_t {
  letter = 1,
  digit = 2,
  mark = 4,
  space = 8,
  hex = 16,
  single = 32,
  doubled = 64
};

constexpr std::array<std::uint8_t, 256> char_classes = [] {
  std::array<std::uint8_t, 256> classes{};
  for (int c = 'a'; c <= 'z'; ++c)
    classes[c] = classes[c - 'a' + 'A'] = letter | (c <= 'f' ? hex : 0);
  for (int c = '0'; c <= '9'; ++c)
    classes[c] = digit | hex;
  for (char c : {'_', '$', '%'})
    classes[static_cast<unsigned char>(c)] = mark;
  for (char c : {' ', '\t', '\r', '\n', '\f', '\v'})
    classes[static_cast<unsigned char>(c)] = space;
  for (char c : std::string_view("(){}[],;:@~+-*/%^?!=<>&|"))
    classes[static_cast<unsigned char>(c)] |= single;
  for (char c : std::string_view("<>=!&|"))
    classes[static_cast<unsigned char>(c)] |= doubled;
  return classes;
}();

bool is(char c, int classes) { return char_classes[static_cast<unsigned char>(c)] & classes; }
bool continues_name(char c) { return is(c, letter | digit) || c == '_' || c == '$'; }

constexpr std::string_view pairs[] = {"<<", ">>", "<=", ">=", "==", "!=", "&&", "||"};

std::string printable(char c) {
  if (c >= ' ' && c <= '~')
    return fmt::format("'{}'", c);
  return fmt::format("byte 0x{:02x}", static_cast<unsigned char>(c));
}

} // namespace

void fail(Place place, std::string message, std::string remedy) {
  throw Failure{{place, std::move(message), std::move(remedy)}};
}

std::string Token::quoted() const {
  constexpr std::size_t longest = 60;
  if (kind == Kind::end)
    return "the end of the text";
  if (kind == Kind::string)
    return "a string";
  return fmt::format("'{}{}'", text.substr(0, longest), text.size() > longest ? "..." : "");
}

Tokens::Tokens(std::string_view text) : text(text) { token = scan(); }

Token Tokens::next() {
  Token result = token;
  passed = position;
  token = scan();
  return result;
}

Token Tokens::peek() const { return Tokens(*this).scan(); }

bool Tokens::accept(std::string_view punctuation) {
  if (!token.is(punctuation))
    return false;
  passed = position;
  token = scan();
  return true;
}

Token Tokens::expect(std::string_view punctuation) {
  if (!token.is(punctuation))
    unexpected(fmt::format("'{}'", punctuation));
  return next();
}

Token Tokens::expect(Token::Kind kind, std::string_view what) {
  if (!token.is(kind))
    unexpected(what);
  return next();
}

void Tokens::unexpected(std::string_view expected) const {
  fail(token.place, fmt::format("expected {}, found {}", expected, token.quoted()));
}

std::string_view Tokens::text_since(const Token& first) const {
  std::size_t start = static_cast<std::size_t>(first.text.data() - text.data());
  return text.substr(start, passed - start);
}

std::string_view Tokens::raw_until(char close) {
  std::size_t start = position;
  for (skip_space(); position < text.size() && text[position] != close; skip_space())
    ++position;
  std::string_view result = text.substr(start, position - start);
  token = scan();
  return result;
}

void Tokens::skip_line() {
  while (position < text.size() && text[position] != '\n')
    ++position;
  next();
}

/// The end of the modifier whose dot is at `from`; `from` itself if there is none.
std::size_t Tokens::modifier_end(std::size_t from) const {
  std::size_t end = from;
  for (std::size_t dot = 1; at(end) == (dot == 1 ? '.' : ':'); dot = 2) {
    std::size_t start = end + dot, word = start;
    if (dot == 2 && at(end + 1) != ':')
      break;
    while (continues_name(at(word)))
      ++word;
    if (word == start)
      break;
    end = word;
  }
  return end;
}

std::string_view Tokens::opcode(std::string& buffer) {
  std::size_t start = position - token.text.size();
  auto take_modifiers = [&] {
    for (std::size_t end; (end = modifier_end(position)) != position;)
      position = end;
  };
  take_modifiers();
  std::string_view result = text.substr(start, position - start);
  passed = position;
  for (skip_space(); at(position) == '.' && is(at(position + 1), letter); skip_space()) {
    if (result.data() != buffer.data())
      buffer = result;
    std::size_t from = position;
    take_modifiers();
    buffer += text.substr(from, position - from);
    result = buffer;
    passed = position;
  }
  token = scan();
  return result;
}

void Tokens::skip_comment() {
  if (at(position + 1) == '/') {
    position = std::min(text.find('\n', position), text.size());
    return;
  }
  Place place{line, static_cast<int>(position - line_start) + 1};
  for (position += 2; !(at(position) == '*' && at(position + 1) == '/'); ++position) {
    if (position >= text.size())
      fail(place, "comment without an end", "close it with '*/'");
    if (text[position] == '\n') {
      ++line;
      line_start = position + 1;
    }
  }
  position += 2;
}

void Tokens::skip_space() {
  while (true) {
    char c = at(position);
    if (c == '\n') {
      ++line;
      line_start = ++position;
    } else if (is(c, space)) {
      ++position;
    } else if (c == '/' && (at(position + 1) == '/' || at(position + 1) == '*')) {
      skip_comment();
    } else {
      return;
    }
  }
}

Token Tokens::finish(Token token, Token::Kind kind, std::size_t length) {
  token.kind = kind;
  token.text = text.substr(position, length);
  position += length;
  return token;
}

Token Tokens::scan() {
  skip_space();
  Token token;
  token.place = {line, static_cast<int>(position - line_start) + 1};
  char c = at(position);
  if (position >= text.size())
    return finish(token, Token::Kind::end, 0);
  bool dotted = c == '.' && (is(at(position + 1), letter) || at(position + 1) == '_');
  if (dotted || is(c, letter) || (is(c, mark) && (c != '%' || continues_name(at(position + 1))))) {
    std::size_t end = position + 1;
    while (continues_name(at(end)))
      ++end;
    return finish(token, dotted ? Token::Kind::directive : Token::Kind::name, end - position);
  }
  if (is(c, digit) || (c == '.' && is(at(position + 1), digit)))
    return number(token);
  if (c == '"')
    return string(token);
  if (is(c, doubled))
    for (std::string_view pair : pairs)
      if (c == pair[0] && at(position + 1) == pair[1])
        return finish(token, Token::Kind::punctuation, 2);
  if (!is(c, single))
    fail(token.place, fmt::format("{} does not belong to PTX", printable(c)));
  return finish(token, Token::Kind::punctuation, 1);
}

/// 0f3F800000 or 0d3FF0000000000000.
Token Tokens::float_bits(Token token, std::size_t digits) {
  std::size_t end = position + 2;
  while (is(at(end), hex))
    ++end;
  token = finish(token, digits == 8 ? Token::Kind::f32 : Token::Kind::f64, end - position);
  if (token.text.size() != digits + 2 || continues_name(at(position)))
    fail(token.place, fmt::format("'{}' has {} digits, expected {}", token.text.substr(0, 40),
                                  token.text.size() - 2, digits));
  std::from_chars(token.text.data() + 2, token.text.data() + token.text.size(), token.value, 16);
  return token;
}

Token Tokens::number(Token token) {
  char second = static_cast<char>(at(position + 1) | 0x20); // lower case
  if (at(position) == '0' && (second == 'f' || second == 'd'))
    return float_bits(token, second == 'f' ? 8 : 16);
  const char* first = text.data() + position;
  const char* last = text.data() + text.size();
  std::size_t digits = position;
  while (is(at(digits), digit))
    ++digits;
  if (char c = at(digits); c == '.' || ((c | 0x20) == 'e' && second != 'x')) {
    double value = 0;
    auto [end, error] = std::from_chars(first, last, value);
    token = finish(token, Token::Kind::f64, static_cast<std::size_t>(end - first));
    token.value = std::bit_cast<std::uint64_t>(value);
    if (error != std::errc() || continues_name(at(position)))
      fail(token.place, "malformed floating-point number, or one that .f64 cannot hold");
    return token;
  }
  int base = 10, prefix = 0;
  if (at(position) == '0' && (second == 'x' || second == 'b'))
    base = second == 'x' ? 16 : 2, prefix = 2;
  else if (at(position) == '0')
    base = 8;
  auto [end, error] = std::from_chars(first + prefix, last, token.value, base);
  bool suffix = end != last && *end == 'U';
  token = finish(token, Token::Kind::integer, static_cast<std::size_t>(end - first) + suffix);
  token.is_unsigned = suffix || token.value >> 63;
  if (error == std::errc::result_out_of_range)
    fail(token.place, "integer constant does not fit 64 bits");
  if (error != std::errc() || continues_name(at(position)))
    fail(token.place, fmt::format("malformed integer constant of base {}", base));
  return token;
}

Token Tokens::string(Token token) {
  std::size_t end = ++position;
  while (at(end) != '"' && at(end) != '\n' && end < text.size())
    end += at(end) == '\\' && at(end + 1) != '\n' ? 2 : 1;
  if (at(end) != '"')
    fail(token.place, "string without an end on its line");
  token = finish(token, Token::Kind::string, end - position);
  ++position;
  return token;
}

} // namespace emu::ptx
