#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attile::frontend {

/// Half-open byte range [begin, end) in a Source. An empty range points between two characters.
struct SourceRange {
  uint32_t begin = 0, end = 0;

  bool operator==(const SourceRange&) const = default;
};

/// The smallest range that covers both.
inline SourceRange join(SourceRange a, SourceRange b) {
  return {a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
}

/// A spec's text with its name (a path, or "<string>") and a table of lines.
class Source {
public:
  /// A byte order mark at the start of the text is dropped.
  Source(std::string name, std::string text);

  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }
  std::string_view text(SourceRange range) const;

  /// 1-based; the column counts characters (UTF-8 code points), a tab being one.
  struct Position {
    uint32_t line = 1, column = 1;
  };
  Position position(uint32_t offset) const;
  /// The text of a 1-based line, without its line break.
  std::string_view line(uint32_t line) const;
  /// Byte offset at which a 1-based line starts.
  uint32_t lineStart(uint32_t line) const { return lineStarts_[line - 1]; }

private:
  std::string name_, text_;
  std::vector<uint32_t> lineStarts_;
};

} // namespace attile::frontend
