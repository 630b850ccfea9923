#pragma once

#include "compiler/frontend/frontend.h"

#include <gtest/gtest.h>
#include <string>

/// What the frontend tests share.
namespace attile::frontend {

/// A diagnosed spec; the Source lives with it.
struct Checked {
  Source source;
  Result result;

  explicit Checked(std::string text, const CompileTimeOptions& options = {}, std::string name = "t.attn")
      : source(std::move(name), std::move(text)), result(analyze(source, options)) {}

  bool ok() const { return result.ok(); }
  const std::vector<Diagnostic>& diagnostics() const { return result.diagnostics; }
  std::string rendered() const { return render(source, result.diagnostics); }
  const ast::Attention& attention(size_t i = 0) const { return *result.file.attentions.at(i); }

  /// "line: message" of each diagnostic, warnings marked, one a line.
  std::string messages() const {
    std::string text;
    for (const Diagnostic& d : diagnostics())
      text += std::to_string(source.position(d.range.begin).line) + ": " +
              (d.severity == Severity::Warning ? "warning: " : "") + d.message + "\n";
    return text;
  }
};

/// Statements inside an attention with dtype and head_dim, on line 1, so that lines of `statements` start
/// at 2.
inline std::string inAttention(const std::string& statements) {
  return "attention t { dtype f32 head_dim 64\n" + statements + "\n}\n";
}

/// Expects exactly this diagnostic, at the given line of `statements` (from 1), with a remedy that contains
/// `remedy`.
inline void expectOne(const std::string& statements, const std::string& message,
                      const std::string& remedy = "", uint32_t line = 1) {
  Checked checked(inAttention(statements));
  ASSERT_EQ(checked.diagnostics().size(), 1u) << statements << "\n" << checked.rendered();
  const Diagnostic& only = checked.diagnostics()[0];
  EXPECT_EQ(only.message, message);
  EXPECT_EQ(checked.source.position(only.range.begin).line, line + 1) << checked.rendered();
  EXPECT_NE(only.remedy.find(remedy), std::string::npos) << "remedy: " << only.remedy;
}

inline void expectClean(const std::string& statements) {
  Checked checked(inAttention(statements));
  EXPECT_TRUE(checked.diagnostics().empty()) << statements << "\n" << checked.rendered();
}

} // namespace attile::frontend
