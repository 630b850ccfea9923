#include "compiler/frontend/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/core.h>
#include <limits>

namespace attile::frontend {
namespace {

constexpr std::array<std::string_view, 22> kKeywords{
    "attention", "fn",    "let", "dtype", "param", "scale", "score", "mask", "blocks", "normalize", "output",
    "true",      "false", "inf", "pi",    "f32",   "f16",   "bf16",  "int",  "i64",    "bool",      "in"};

// Longest first, so that the first that fits is the token.
constexpr std::array<std::string_view, 32> kPunctuators{
    "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "..", "{", "}", "(", ")", "[", "]", ",",
    ";",  ":",  "=",  "+",  "-",  "*",  "/",  "%",  "<",  ">", "!", "~", "&", "^", "|", "?"};

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool isNamePart(char c) { return isNameStart(c) || isDigit(c); }

/// Length of the well-formed UTF-8 character at `text[0]`, or 0.
size_t utf8Length(std::string_view text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto continued = [&](size_t n) {
    for (size_t i = 1; i < n; ++i)
      if ((byte(i) & 0xC0) != 0x80)
        return false;
    return true;
  };
  unsigned lead = byte(0), next = byte(1);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xC2 && lead < 0xE0)
    return continued(2) ? 2 : 0;
  if (lead >= 0xE0 && lead < 0xF0) // neither overlong nor a surrogate
    return continued(3) && !(lead == 0xE0 && next < 0xA0) && !(lead == 0xED && next >= 0xA0) ? 3 : 0;
  if (lead >= 0xF0 && lead < 0xF5) // neither overlong nor beyond U+10FFFF
    return continued(4) && !(lead == 0xF0 && next < 0x90) && !(lead == 0xF4 && next >= 0x90) ? 4 : 0;
  return 0;
}

class Lexer {
public:
  Lexer(const Source& source, Reporter& reporter) : text_(source.text()), reporter_(reporter) {}

  std::vector<Token> run() {
    checkEncoding();
    for (skipSpace(); at_ < text_.size(); skipSpace())
      tokens_.push_back(next());
    tokens_.push_back({TokenKind::End, range(at_), {}, {}});
    return std::move(tokens_);
  }

private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  SourceRange range(size_t begin) const { return {static_cast<uint32_t>(begin), static_cast<uint32_t>(at_)}; }
  Token token(TokenKind kind, size_t begin) const {
    return {kind, range(begin), text_.substr(begin, at_ - begin), {}};
  }

  /// Comments are text too: the whole file has to be UTF-8. One error is enough.
  void checkEncoding() {
    for (size_t i = 0, n = 0; i < text_.size(); i += n) {
      n = utf8Length(text_.substr(i));
      auto here = static_cast<uint32_t>(i);
      if (text_[i] == '\0' || n == 0) {
        reporter_
            .error({here, here + 1}, text_[i] == '\0' ? "NUL byte in the spec" : "invalid UTF-8 in the spec")
            .remedy = "save the file as plain UTF-8 text";
        return;
      }
    }
  }

  void skipSpace() {
    while (at_ < text_.size()) {
      char c = peek();
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        ++at_;
      else if (c == '/' && peek(1) == '/')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (c == '/' && peek(1) == '*')
        skipBlockComment();
      else
        return;
    }
  }

  void skipBlockComment() {
    size_t begin = at_, end = text_.find("*/", at_ + 2);
    at_ = end == std::string_view::npos ? text_.size() : end + 2;
    if (end == std::string_view::npos)
      reporter_
          .error({static_cast<uint32_t>(begin), static_cast<uint32_t>(begin + 2)}, "comment is not closed")
          .remedy = "end it with '*/'";
  }

  Token next() {
    size_t begin = at_;
    if (isNameStart(peek())) {
      while (isNamePart(peek()))
        ++at_;
      Token name = token(TokenKind::Identifier, begin);
      if (isKeyword(name.text))
        name.kind = TokenKind::Keyword;
      return name;
    }
    if (isDigit(peek()) || (peek() == '.' && isDigit(peek(1))))
      return number();
    for (std::string_view punctuator : kPunctuators)
      if (text_.substr(at_).starts_with(punctuator)) {
        at_ += punctuator.size();
        return token(TokenKind::Punctuator, begin);
      }
    if (peek() == '.') {
      ++at_;
      return token(TokenKind::Punctuator, begin);
    }
    return invalid();
  }

  /// A run of characters that start no token is one error. Broken UTF-8 has been reported already.
  Token invalid() {
    size_t begin = at_;
    bool wellFormed = true;
    do {
      size_t length = utf8Length(text_.substr(at_));
      wellFormed &= length > 0 && peek() != '\0';
      at_ += std::max<size_t>(length, 1);
    } while (at_ < text_.size() && static_cast<unsigned char>(peek()) >= 0x80);
    Token bad = token(TokenKind::Invalid, begin);
    if (wellFormed) {
      Diagnostic& error = reporter_.error(bad.range, fmt::format("unexpected character '{}'", bad.text));
      constexpr std::pair<std::string_view, std::string_view> kLookalikes[] = {
          {"≤", "<="}, {"≥", ">="}, {"≠", "!="},  {"·", "*"},
          {"×", "*"},  {"−", "-"},  {"∞", "inf"}, {"π", "pi"}};
      for (auto [seen, meant] : kLookalikes)
        if (bad.text == seen)
          error.remedy = fmt::format("write '{}'", meant);
    }
    return bad;
  }

  Token number() {
    size_t begin = at_;
    if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) {
      at_ += 2;
      while (isNamePart(peek()))
        ++at_;
      return integer(begin, 2, 16);
    }
    bool isFloat = false;
    skipDigits();
    if (peek() == '.' && peek(1) != '.') { // but 0..8 is a range
      isFloat = true;
      ++at_;
      skipDigits();
    }
    size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
    if ((peek() == 'e' || peek() == 'E') && isDigit(peek(sign))) {
      isFloat = true;
      at_ += sign;
      skipDigits();
    }
    if (isNamePart(peek())) {
      while (isNamePart(peek()))
        ++at_;
      Token bad = token(TokenKind::Invalid, begin);
      reporter_.error(bad.range, fmt::format("malformed number '{}'", bad.text)).remedy =
          "numbers take no suffix; a name cannot start with a digit";
      return bad;
    }
    return isFloat ? floating(begin) : integer(begin, 0, 10);
  }

  void skipDigits() {
    while (isDigit(peek()))
      ++at_;
  }

  Token integer(size_t begin, size_t prefix, int base) {
    Token result = token(TokenKind::Int, begin);
    int64_t value = 0;
    std::string_view digits = result.text.substr(prefix);
    auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (status == std::errc::result_out_of_range)
      reporter_.error(result.range, fmt::format("integer '{}' does not fit in 64 bits", result.text)).remedy =
          "for a real number, write a decimal point";
    else if (status != std::errc() || end != digits.data() + digits.size())
      reporter_.error(result.range, fmt::format("malformed number '{}'", result.text));
    else if (base == 10 && digits.size() > 1 && digits[0] == '0')
      reporter_.error(result.range, fmt::format("integer '{}' starts with 0", result.text)).remedy =
          "there are no octal numbers; drop the zero";
    if (status != std::errc())
      result.kind = TokenKind::Invalid; // has no value that others could judge
    result.value = value;
    return result;
  }

  Token floating(size_t begin) {
    Token result = token(TokenKind::Float, begin);
    double value = 0;
    auto [end, status] = std::from_chars(result.text.data(), result.text.data() + result.text.size(), value);
    if (status != std::errc() || value > std::numeric_limits<float>::max()) {
      reporter_.error(result.range, fmt::format("number '{}' does not fit in f32", result.text)).remedy =
          "write 'inf' for infinity";
      value = 0;
    }
    result.value = value;
    return result;
  }

  std::string_view text_;
  Reporter& reporter_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

} // namespace

bool isKeyword(std::string_view text) {
  return std::find(kKeywords.begin(), kKeywords.end(), text) != kKeywords.end();
}

std::vector<Token> lex(const Source& source, Reporter& reporter) { return Lexer(source, reporter).run(); }

} // namespace attile::frontend
