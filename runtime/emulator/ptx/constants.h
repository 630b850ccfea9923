// Constant expressions of PTX (ISA section 4.5), evaluated as they are read.
#pragma once

#include "emulator/ptx/tokens.h"

namespace emu::ptx {

/// Integers are .s64 or .u64. An f32 is an 0f... literal, which takes part in no arithmetic but its sign.
struct Constant {
  enum class Kind : std::uint8_t { s64, u64, f32, f64 };
  Kind kind = Kind::s64;
  std::uint64_t bits = 0;

  bool is_integer() const { return kind == Kind::s64 || kind == Kind::u64; }
  double as_double() const; ///< of any kind
};

/// Reads the longest expression at the current token.
Constant parse_constant(Tokens& tokens);
/// One that is an integer in [least, most]; `what` is for messages: "an alignment".
std::int64_t parse_integer(Tokens& tokens, std::string_view what, std::int64_t least, std::int64_t most);
/// Whether an operand that starts with this token is a constant.
bool starts_constant(const Token& token);

} // namespace emu::ptx
