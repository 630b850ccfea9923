// Every entry of the table of instructions is run by a unit test: names those that are in none of the files,
// which the tests' programs have written their entries to (run_ptx.h).
//
// usage: unused_entries FILE...
#include "emulator/isa/table.h"

#include <cstdio>
#include <fstream>
#include <set>
#include <string>

int main(int argc, char** argv) {
  std::set<std::string, std::less<>> used;
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i]);
    if (!file) {
      std::fprintf(stderr, "%s is not there: run the unit tests of instructions first\n", argv[i]);
      return 2;
    }
    for (std::string line; std::getline(file, line);)
      used.insert(line);
  }
  int unused = 0;
  for (const emu::Entry& entry : emu::Table::instance().all())
    if (!used.contains(entry.syntax)) {
      std::printf("no unit test runs %.*s\n", static_cast<int>(entry.syntax.size()), entry.syntax.data());
      ++unused;
    }
  return unused == 0 ? 0 : 1;
}
