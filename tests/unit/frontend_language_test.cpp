// The language reference and the examples are specs too.

#include "frontend_util.h"

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace attile;
using namespace attile::frontend;

namespace {

const std::filesystem::path kRoot = ATTILE_SOURCE_DIR;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A fenced block of the reference: ```attn [fragment] [error]
struct Block {
  size_t line;
  std::string info, text;
};

std::vector<Block> codeBlocks(const std::string& markdown) {
  std::vector<Block> blocks;
  std::istringstream lines(markdown);
  std::string line;
  bool inside = false, ours = false;
  for (size_t number = 1; std::getline(lines, line); ++number) {
    if (line.starts_with("```")) {
      inside = !inside;
      ours = inside && line.starts_with("```attn");
      if (ours)
        blocks.push_back({number, line.substr(7), ""});
    } else if (ours && inside) {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

void expectRoundTrip(const ast::Attention& attention) {
  std::string text = printCanonical(attention);
  Checked again(text);
  ASSERT_TRUE(again.diagnostics().empty()) << text << again.rendered();
  EXPECT_EQ(printCanonical(again.attention()), text);
}

TEST(Language, everyExampleOfTheReference) {
  std::vector<Block> blocks = codeBlocks(read(kRoot / "docs/language.md"));
  ASSERT_GT(blocks.size(), 15u);
  for (const Block& block : blocks) {
    bool fragment = block.info.find("fragment") != std::string::npos; // statements without their attention
    Checked checked(fragment ? inAttention(block.text) : block.text, {}, "docs/language.md");
    SCOPED_TRACE("docs/language.md:" + std::to_string(block.line));
    if (block.info.find("error") != std::string::npos) {
      EXPECT_FALSE(checked.ok()) << block.text;
      continue;
    }
    EXPECT_TRUE(checked.diagnostics().empty()) << checked.rendered();
    if (checked.ok())
      for (const auto& attention : checked.result.file.attentions)
        expectRoundTrip(*attention);
  }
}

TEST(Language, everyExampleFile) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kRoot / "examples")) {
    if (entry.path().extension() != ".attn")
      continue;
    ++count;
    std::string text = read(entry.path());
    SCOPED_TRACE(entry.path().string());
    EXPECT_TRUE(text.starts_with("// ")) << "begins with a line that says what it is";
    CompileTimeOptions options;
    if (text.find("dtype ") == std::string::npos || text.find("  dtype") == std::string::npos) {
      options.dtype = ast::DType::F32;
      options.headDim = 64;
    }
    Checked checked(text, options, entry.path().string());
    EXPECT_TRUE(checked.diagnostics().empty()) << checked.rendered();
    ASSERT_EQ(checked.result.file.attentions.size(), 1u);
    EXPECT_EQ(checked.attention().name, entry.path().stem().string());
    expectRoundTrip(checked.attention());
  }
  EXPECT_GE(count, 28u);
}

} // namespace
