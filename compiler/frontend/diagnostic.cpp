#include "compiler/frontend/diagnostic.h"

#include <algorithm>
#include <fmt/core.h>

namespace attile::frontend {
namespace {

constexpr size_t kShownBytes = 160; // of a long line, around the caret

bool isContinuation(char c) { return (c & 0xC0) == 0x80; }

/// Terminals must survive what a spec contains: control characters are shown as '?'.
std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F)
      c = '?';
  return result;
}

/// The line with the caret under it; the underline stops at the line's end.
std::string excerpt(const Source& source, SourceRange range) {
  auto [lineNumber, column] = source.position(range.begin);
  std::string_view line = source.line(lineNumber);
  size_t begin = std::min<size_t>(range.begin - source.lineStart(lineNumber), line.size());
  size_t end = std::clamp<size_t>(range.end - source.lineStart(lineNumber), begin, line.size());

  size_t from = begin > kShownBytes / 2 && line.size() > kShownBytes ? begin - kShownBytes / 2 : 0;
  while (from < begin && isContinuation(line[from]))
    ++from;
  size_t to = std::min(line.size(), from + kShownBytes);
  while (to < line.size() && isContinuation(line[to]))
    ++to;

  std::string marks;
  for (size_t i = from; i < begin; ++i)
    if (!isContinuation(line[i]))
      marks += line[i] == '\t' ? '\t' : ' ';
  marks += '^';
  for (size_t i = begin + 1; i < std::min(end, to); ++i)
    if (!isContinuation(line[i]))
      marks += '~';
  return fmt::format("  {}\n  {}\n", printable(line.substr(from, to - from)), marks);
}

std::string heading(const Source& source, SourceRange range, std::string_view kind,
                    std::string_view message) {
  auto [line, column] = source.position(range.begin);
  return fmt::format("{}:{}:{}: {}: {}\n", source.name(), line, column, kind, message);
}

} // namespace

bool hasErrors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::Error; });
}

std::string render(const Source& source, const Diagnostic& diagnostic) {
  const char* kind = diagnostic.severity == Severity::Error ? "error" : "warning";
  std::string text = heading(source, diagnostic.range, kind, diagnostic.message);
  text += excerpt(source, diagnostic.range);
  if (!diagnostic.remedy.empty())
    text += fmt::format("  remedy: {}\n", diagnostic.remedy);
  for (const Note& note : diagnostic.notes) {
    text += heading(source, note.range, "note", note.message);
    text += excerpt(source, note.range);
  }
  return text;
}

std::string render(const Source& source, const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics)
    text += render(source, diagnostic);
  return text;
}

} // namespace attile::frontend
