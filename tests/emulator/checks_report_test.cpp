// Reports: what is found again is counted, and what finds no room, too.
#include "tests/emulator/checked.h"

namespace emu::test {
namespace {

Report numbered(std::ptrdiff_t number) {
  Report report;
  report.message = std::to_string(number);
  return report;
}

TEST(Reports, AreCountedAndCapped) {
  const std::array<Instruction, 4> instructions;
  Reports reports(2);
  EXPECT_TRUE(reports.empty());
  for (int round = 0; round < 3; ++round)
    for (const Instruction& one : instructions) {
      const Reports::Key key(Report::Kind::race, &one, nullptr);
      const bool first = reports.first(key);
      EXPECT_EQ(first, round == 0 && &one < &instructions[2]);
      if (first)
        reports.add(key, numbered(&one - instructions.data()));
    }
  const std::vector<Report> all = reports.all();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].message, "0");
  EXPECT_EQ(all[1].message, "1");
  EXPECT_EQ(all[0].count, 3u);
  EXPECT_EQ(reports.left_out(), 2u);
  // Another kind, or another partner, is another report.
  EXPECT_FALSE(reports.first({Report::Kind::deadlock, instructions.data(), nullptr}));
  EXPECT_FALSE(reports.first({Report::Kind::race, instructions.data(), &instructions[1]}));
  EXPECT_EQ(reports.left_out(), 4u);
  reports.clear();
  EXPECT_TRUE(reports.empty());
  EXPECT_EQ(reports.left_out(), 0u);
}

TEST(Reports, OfALaunchAreCapped) {
  Checked machine;
  machine.threads.x = 32;
  Checker few(machine.memory, {.most_reports = 3});
  machine.checker = &few;
  std::string body;
  for (int i = 0; i < 10; ++i)
    body += "ld.global.u32 %r0, [" + std::to_string(64 + 4 * i) + "];\n";
  machine.run(".visible .entry test() {\n.reg .b32 %r<2>;\n" + body + "ret;\n}\n", {});
  const std::vector<Report> all = few.reports().all();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(few.reports().left_out(), 7u);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].place.line, all[0].place.line + i);
    EXPECT_EQ(all[i].count, 32u);
  }
}

} // namespace
} // namespace emu::test
