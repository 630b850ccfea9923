// The tokens of a PTX text, one at a time.
#pragma once

#include "emulator/ptx/module.h"

#include <string>
#include <string_view>

namespace emu::ptx {

/// Thrown inside the parser by whatever finds an error, and caught by parse().
struct Failure {
  Error error;
};
[[noreturn]] void fail(Place place, std::string message, std::string remedy = {});

struct Token {
  enum class Kind : std::uint8_t { end, name, directive, integer, f32, f64, string, punctuation };
  Kind kind = Kind::end;
  bool is_unsigned = false; ///< of an integer: has a U, or exceeds .s64
  Place place;
  std::string_view text;   ///< as written; of a string without the quotes, of a directive with the dot
  std::uint64_t value = 0; ///< of an integer; or the bits of an f32 or f64

  bool is(Kind k) const { return kind == k; }
  bool is(std::string_view punctuation) const { return kind == Kind::punctuation && text == punctuation; }
  bool is_name(std::string_view name) const { return kind == Kind::name && text == name; }
  bool is_directive(std::string_view name) const { return kind == Kind::directive && text == name; }
  /// For messages: "'add'" or "the end of the file".
  std::string quoted() const;
  /// Whether `other` starts where this ends: %tid and .x of %tid.x.
  bool touches(const Token& other) const { return text.data() + text.size() == other.text.data(); }
};

class Tokens {
public:
  explicit Tokens(std::string_view text);

  const Token& current() const { return token; }
  Token peek() const; ///< the one after the current
  Token next();       ///< goes on, and returns what was the current one

  /// Goes on if the current token is this punctuation.
  bool accept(std::string_view punctuation);
  Token expect(std::string_view punctuation);
  /// `what` is for the message: "the name of a function".
  Token expect(Token::Kind kind, std::string_view what);
  [[noreturn]] void unexpected(std::string_view expected) const;

  /// The current name with the modifiers that follow it: "ld.shared::cta.v2.f32". It lies in the text, or in
  /// `buffer` if the text has white space in it.
  std::string_view opcode(std::string& buffer);
  /// What follows the current token, up to the next `close` outside of comments, which becomes the current
  /// one.
  std::string_view raw_until(char close);
  /// Goes on with the next line.
  void skip_line();
  /// The text from the start of `first` to the end of the last token that was passed.
  std::string_view text_since(const Token& first) const;

private:
  Token scan();
  void skip_space();
  void skip_comment();
  Token number(Token token);
  Token float_bits(Token token, std::size_t digits);
  Token string(Token token);
  Token finish(Token token, Token::Kind kind, std::size_t length);
  std::size_t modifier_end(std::size_t from) const;
  char at(std::size_t offset) const { return offset < text.size() ? text[offset] : '\0'; }

  std::string_view text;
  std::size_t position = 0;
  std::size_t line_start = 0;
  std::size_t passed = 0; ///< end of the last token that was passed
  int line = 1;
  Token token;
};

} // namespace emu::ptx
