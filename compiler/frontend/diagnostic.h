#pragma once

#include "compiler/frontend/source.h"

#include <string>
#include <vector>

namespace attile::frontend {

enum class Severity { Error, Warning };

struct Note {
  SourceRange range;
  std::string message;
};

/// One finding about a spec. Messages are lower case, without a final period, and quote what the user wrote.
struct Diagnostic {
  Severity severity = Severity::Error;
  SourceRange range;
  std::string message;
  std::vector<Note> notes; ///< what else to look at, e.g. the first of two declarations
  std::string remedy;      ///< what to write instead; may be empty
};

bool hasErrors(const std::vector<Diagnostic>& diagnostics);

/// `file:line:col: error: message`, the source line, a caret with an underline, then notes and remedy.
/// Columns stand under the right character for tabs and UTF-8 (one column for each code point).
std::string render(const Source& source, const Diagnostic& diagnostic);
std::string render(const Source& source, const std::vector<Diagnostic>& diagnostics);

} // namespace attile::frontend
