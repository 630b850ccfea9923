#include "tests/emulator/mutants.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>

namespace emu::test {
namespace {

bool starts_with_any(const std::string& text, std::initializer_list<const char*> beginnings) {
  return std::ranges::any_of(beginnings, [&](const char* one) { return text.rfind(one, 0) == 0; });
}

// A statement in a line: what stands before it (labels, braces, a guard), it, and the rest.
struct Statement {
  std::string before, guard, text, after;

  // Nothing if there is none that may be a mutant.
  static Statement in(const std::string& line) {
    Statement found;
    std::size_t begin = line.find_first_not_of(" \t{");
    if (begin == std::string::npos || line.compare(begin, 2, "//") == 0)
      return found;
    const std::size_t end = line.find(';', begin);
    if (end == std::string::npos)
      return found;
    found.before = line.substr(0, begin);
    if (line[begin] == '@') {
      const std::size_t next = line.find_first_not_of(" \t", line.find_first_of(" \t", begin));
      found.guard = line.substr(begin, next - begin);
      begin = next;
    }
    found.text = line.substr(begin, end + 1 - begin);
    found.after = line.substr(end + 1);
    return found;
  }
  bool is(std::initializer_list<const char*> mnemonics) const { return starts_with_any(text, mnemonics); }
  bool has(const char* part) const { return text.find(part) != std::string::npos; }

  // The operands, by commas that are not in brackets or braces.
  std::vector<std::string> operands() const {
    const std::size_t begin = text.find_first_of(" \t");
    std::vector<std::string> all(1);
    int depth = 0;
    for (char c : begin == std::string::npos ? "" : text.substr(begin, text.size() - 1 - begin)) {
      depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
      if (c == ',' && depth == 0)
        all.emplace_back();
      else if (c != ' ' && c != '\t')
        all.back() += c;
    }
    return all;
  }

  std::string with(const std::string& instead) const { return before + instead + after; }
  // Operand `which` becomes `operation` of it and a number.
  std::string changed(std::size_t which, const std::string& operation, int number) const {
    std::vector<std::string> all = operands();
    std::string calls = text.substr(0, text.find_first_of(" \t"));
    const std::string was = all[which];
    all[which] = "%mutated";
    for (std::size_t i = 0; i < all.size(); ++i)
      calls += (i == 0 ? " " : ", ") + all[i];
    return with("{ .reg .b32 %mutated; " + operation + " %mutated, " + was + ", " + std::to_string(number) +
                "; " + guard + calls + "; }");
  }
};

bool may_be_left_out(const Statement& one) {
  return one.is({"bar.sync", "bar.arrive", "barrier.sync", "barrier.arrive", "barrier.cluster.",
                 "bar.warp.sync", "membar", "fence.", "cp.async.wait", "cp.async.commit", "cp.async.mbarrier",
                 "cp.async.bulk.commit", "cp.async.bulk.wait", "wgmma.fence", "wgmma.commit", "wgmma.wait",
                 "mbarrier.arrive", "mbarrier.expect_tx"});
}

// What becomes of a line, each with a name.
std::vector<std::pair<std::string, std::string>> mutations(const std::string& line) {
  const Statement one = Statement::in(line);
  std::vector<std::pair<std::string, std::string>> all;
  if (one.text.empty())
    return all;
  const std::vector<std::string> operands = one.operands();
  if (may_be_left_out(one))
    all.push_back({"left out", one.with("")});
  if (one.is({"mbarrier.try_wait", "mbarrier.test_wait"})) {
    all.push_back({"not waited for", one.with("setp.eq.u32 " + operands[0] + ", 0, 0;")});
    if (one.has(".parity"))
      all.push_back({"other parity", one.changed(2, "xor.b32", 1)});
  }
  if (one.has(".expect_tx")) {
    all.push_back({"more bytes", one.changed(operands.size() - 1, "add.u32", 16)});
    all.push_back({"fewer bytes", one.changed(operands.size() - 1, "sub.u32", 16)});
  }
  if (one.is({"mbarrier.init"})) {
    all.push_back({"one more", one.changed(1, "add.u32", 1)});
    all.push_back({"one less", one.changed(1, "sub.u32", 1)});
  }
  if (one.is({"cp.async.wait_group", "cp.async.bulk.wait_group", "wgmma.wait_group"}))
    all.push_back(
        {"one group fewer", one.with(one.guard + one.text.substr(0, one.text.find_first_of(" \t")) + " " +
                                     std::to_string(std::atoi(operands[0].c_str()) + 1) + ";")});
  return all;
}

} // namespace

std::vector<Mutant> mutants_of(const std::string& ptx, const std::string& kernel) {
  std::vector<std::string> lines;
  std::istringstream text(ptx);
  for (std::string line; std::getline(text, line);)
    lines.push_back(line);
  std::vector<Mutant> mutants;
  bool inside = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find(".entry") != std::string::npos)
      inside = lines[i].find(".entry " + kernel + "(") != std::string::npos;
    if (!inside)
      continue;
    for (const auto& [name, line] : mutations(lines[i])) {
      Mutant mutant = {std::to_string(i + 1) + ": " + lines[i] + " " + name, ""};
      for (std::size_t j = 0; j < lines.size(); ++j)
        mutant.ptx += (j == i ? line : lines[j]) + "\n";
      mutants.push_back(std::move(mutant));
    }
  }
  return mutants;
}

} // namespace emu::test
