// Every entry of the table of instructions is run by a unit test, with every type that it names: names what
// is in none of the files, which the tests' programs have written to (run_ptx.h): an entry's syntax and a
// spelling a line.
//
// usage: unused_entries FILE...
#include "emulator/isa/table.h"
#include "emulator/ptx/types.h"

#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

using Words = std::vector<std::string>;

/// ".rn.f32", "(.f16|.f32)": the modifiers.
Words modifiers(std::string_view text) {
  Words words;
  for (std::size_t at = text.find('.'); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(".|{}()", at + 1), text.size());
    words.emplace_back(text.substr(at + 1, end - at - 1));
    at = text.find('.', end);
  }
  return words;
}

bool is_type(const std::string& modifier) { return emu::ptx::type_named(modifier).has_value(); }

/// The choices of a syntax that are between types, in order.
std::vector<Words> type_choices(std::string_view syntax) {
  std::vector<Words> choices;
  while (!syntax.empty()) {
    const std::size_t begin = std::min(syntax.find_first_of(".{("), syntax.size());
    syntax.remove_prefix(begin);
    if (syntax.empty())
      break;
    const std::size_t end =
        syntax[0] == '.' ? syntax.find_first_of(".{(", 1) : syntax.find_first_of("})") + 1;
    if (Words words = modifiers(syntax.substr(0, end)); is_type(words.front()))
      choices.push_back(std::move(words));
    syntax.remove_prefix(std::min(end, syntax.size()));
  }
  return choices;
}

} // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::set<std::string>, std::less<>> used;
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i]);
    if (!file) {
      std::fprintf(stderr, "%s is not there: run the unit tests of instructions first\n", argv[i]);
      return 2;
    }
    for (std::string syntax, spelling; file >> syntax >> spelling;)
      used[syntax].insert(spelling);
  }
  int unused = 0;
  for (const emu::Entry& entry : emu::Table::instance().all()) {
    const auto found = used.find(entry.syntax);
    if (found == used.end()) {
      std::printf("no unit test runs %s\n", std::string(entry.syntax).c_str());
      ++unused;
      continue;
    }
    const std::vector<Words> choices = type_choices(entry.syntax);
    std::vector<std::set<std::string>> seen(choices.size());
    for (const std::string& spelling : found->second) {
      std::size_t choice = 0; // types keep their order in every spelling
      for (const std::string& modifier : modifiers(spelling))
        if (is_type(modifier) && choice < choices.size())
          seen[choice++].insert(modifier);
    }
    for (std::size_t i = 0; i < choices.size(); ++i)
      for (const std::string& type : choices[i])
        if (!seen[i].contains(type)) {
          std::printf("no unit test runs %s with .%s as type %zu\n", std::string(entry.syntax).c_str(),
                      type.c_str(), i + 1);
          ++unused;
        }
  }
  return unused == 0 ? 0 : 1;
}
