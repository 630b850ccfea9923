#include "compiler/frontend/source.h"

#include <algorithm>

namespace attile::frontend {

Source::Source(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
  if (text_.starts_with("\xEF\xBB\xBF")) // a byte order mark, as some editors write it
    text_.erase(0, 3);
  lineStarts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n')
      lineStarts_.push_back(static_cast<uint32_t>(i + 1));
}

std::string_view Source::text(SourceRange range) const {
  size_t begin = std::min<size_t>(range.begin, text_.size());
  size_t end = std::clamp<size_t>(range.end, begin, text_.size());
  return std::string_view(text_).substr(begin, end - begin);
}

Source::Position Source::position(uint32_t offset) const {
  offset = std::min<uint32_t>(offset, static_cast<uint32_t>(text_.size()));
  auto after = std::upper_bound(lineStarts_.begin(), lineStarts_.end(), offset);
  auto line = static_cast<uint32_t>(after - lineStarts_.begin());
  uint32_t column = 1;
  for (uint32_t i = lineStarts_[line - 1]; i < offset; ++i)
    column += (text_[i] & 0xC0) != 0x80; // continuation bytes belong to the character before
  return {line, column};
}

std::string_view Source::line(uint32_t line) const {
  uint32_t begin = lineStarts_[line - 1];
  size_t end = text_.find('\n', begin);
  std::string_view result =
      std::string_view(text_).substr(begin, end == std::string::npos ? end : end - begin);
  if (!result.empty() && result.back() == '\r')
    result.remove_suffix(1);
  return result;
}

} // namespace attile::frontend
