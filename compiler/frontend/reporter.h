#pragma once

#include "compiler/frontend/diagnostic.h"

#include <string>
#include <utility>
#include <vector>

namespace attile::frontend {

/// Collects diagnostics; stops after a hundred, since nobody reads more.
class Reporter {
public:
  explicit Reporter(std::vector<Diagnostic>& diagnostics) : diagnostics_(diagnostics) {}

  Diagnostic& error(SourceRange range, std::string message) {
    return add(Severity::Error, range, std::move(message));
  }
  Diagnostic& warning(SourceRange range, std::string message) {
    return add(Severity::Warning, range, std::move(message));
  }

  /// Nothing more will be shown: no need to look for remedies.
  bool full() const { return diagnostics_.size() > kLimit; }

private:
  static constexpr size_t kLimit = 100;

  Diagnostic& add(Severity severity, SourceRange range, std::string message) {
    if (diagnostics_.size() == kLimit)
      diagnostics_.push_back({Severity::Error, range, "too many diagnostics, the rest is left out", {}, {}});
    if (diagnostics_.size() > kLimit)
      return overflow_ = {};
    return diagnostics_.emplace_back(Diagnostic{severity, range, std::move(message), {}, {}});
  }

  std::vector<Diagnostic>& diagnostics_;
  Diagnostic overflow_; // written to once the limit is reached, never shown
};

} // namespace attile::frontend
