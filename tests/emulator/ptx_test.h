// Parsing in tests: what has to be accepted, and what has to be refused.
#pragma once

#include "emulator/ptx/module.h"

#include <gtest/gtest.h>

namespace emu::ptx::test {

inline std::string with_header(std::string_view rest) {
  return ".version 8.5\n.target sm_90a\n.address_size 64\n" + std::string(rest);
}

/// A function `f` around `body`, which starts in line 5; `before` has no newline.
inline std::string in_function(std::string_view body, std::string_view before = {}) {
  return with_header(std::string(before) + ".visible .entry f(.param .u64 out, .param .u32 n) {\n" +
                     std::string(body) + "\n}\n");
}

/// Without a value the test has failed already.
inline std::optional<Module> accepted(const std::string& text) {
  Error error;
  std::optional<Module> module = parse(text, error);
  EXPECT_TRUE(module) << render(text, "test.ptx", error);
  return module;
}

inline Error refused(const std::string& text) {
  Error error;
  EXPECT_FALSE(parse(text, error)) << text;
  return error;
}

} // namespace emu::ptx::test
