// Reports: what is found again is counted, and what finds no room, too.
#include "tests/emulator/checked.h"

#include <algorithm>
#include <nlohmann/json.hpp>

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

// One kernel for each kind: what a program reads of its report.
class ReportJson : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(ReportJson, HasWhatThePersonIsTold) {
  const auto [kind, body] = GetParam();
  Checked machine;
  machine.threads.x = 64;
  machine.options.mode = Options::Mode::scheduled;
  machine.options.most_instructions = 1'000'000;
  const std::uint64_t a = machine.buffer(256), freed = machine.buffer(256),
                      undefined = machine.buffer(256, false);
  machine.memory.release(freed);
  const std::string text = R"(.file 1 "/kernels/a kernel.cu"
.const .u32 c = 3;
.shared .b32 s[64];
.visible .entry test(.param .u64 pa, .param .u64 pf, .param .u64 pu) {
.reg .pred %p<4>; .reg .b32 %t, %s, %r<8>; .reg .b64 %a, %f, %u, %l<4>;
ld.param.u64 %a, [pa]; ld.param.u64 %f, [pf]; ld.param.u64 %u, [pu]; mov.u32 %t, %tid.x;
mov.u32 %s, s; setp.eq.u32 %p0, %t, 33; setp.lt.u32 %p1, %t, 32; setp.lt.u32 %p3, %t, 16;
.loc 1 7 5
  )" + std::string(body) + "\nret;\n}\n";
  const std::string kinds = machine.kinds(text, {a, freed, undefined});
  EXPECT_NE((", " + kinds + ",").find(", " + std::string(kind) + ","), std::string::npos)
      << machine.reported();
  for (const Report& report : machine.checks.reports().all()) {
    if (name(report.kind) != kind)
      continue;
    const nlohmann::json found = nlohmann::json::parse(json(report));
    EXPECT_EQ(found["kind"], kind);
    EXPECT_EQ(found["kernel"], "test");
    EXPECT_EQ(found["block"], nlohmann::json({0, 0, 0}));
    EXPECT_EQ(found["thread"], nlohmann::json({report.place.thread.x, 0, 0}));
    EXPECT_EQ(found["ptx_line"], report.place.line);
    EXPECT_EQ(found["ptx"], body);
    const auto column =
        found["ptx_column"].get<std::size_t>(); // of the instruction, two spaces before the line
    ASSERT_TRUE(column > 2 && column < std::string_view(body).size() + 2) << found;
    EXPECT_TRUE(column == 3 || body[column - 4] == ' ') << found;
    EXPECT_EQ(found["file"], "/kernels/a kernel.cu");
    EXPECT_EQ(found["line"], 7);
    EXPECT_EQ(found["column"], 5);
    EXPECT_FALSE(found["expected"].get<std::string>().empty());
    EXPECT_FALSE(found["actual"].get<std::string>().empty());
    EXPECT_EQ(found["text"], render(report));
    if (std::string_view(body).find("st.global") != std::string_view::npos) {
      EXPECT_EQ(found["space"], "global");
      EXPECT_EQ(found["address"].get<std::string>().substr(0, 2), "0x");
      EXPECT_EQ(found["bytes"], 4);
    }
    EXPECT_EQ(found.contains("other"), report.kind == Report::Kind::race ||
                                           report.kind == Report::Kind::async_early ||
                                           report.kind == Report::Kind::proxy_fence);
    return;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ReportJson,
    testing::Values(
        std::pair("out-of-bounds", "@%p0 st.global.u32 [%a+256], 1;"),
        std::pair("use-after-free", "@%p0 st.global.u32 [%f], 1;"),
        std::pair("misaligned", "@%p0 st.global.u32 [%a+2], 1;"),
        std::pair("read-only", "mov.u64 %l0, c; @%p0 st.global.u32 [%l0], 1;"),
        std::pair("undefined-branch", "ld.global.u32 %r0, [%u]; setp.eq.u32 %p2, %r0, 0; @%p2 bra E; E:"),
        std::pair("undefined-address", "ld.global.u64 %l0, [%u]; ld.global.u32 %r0, [%l0];"),
        std::pair("undefined-store",
                  "ld.global.u32 %r0, [%u]; add.u32 %r0, %r0, 1; @%p0 st.global.u32 [%a], %r0;"),
        std::pair("undefined-use", "red.global.add.u32 [%u], 1;"),
        std::pair("race", "st.global.u32 [%a], %t;"),
        std::pair("async-early",
                  "cp.async.ca.shared.global [%s], [%a], 4; ld.shared.u32 %r0, [%s]; cp.async.wait_all;"),
        std::pair("async-leak", "cp.async.ca.shared.global [%s], [%a], 4; ret;"),
        std::pair("proxy-fence",
                  "@%p0 st.shared.u32 [%s], 1; @%p0 cp.async.bulk.global.shared::cta.bulk_group "
                  "[%a], [%s], 16;"),
        std::pair("barrier-divergence", "@%p3 bra B; bar.sync 1; bra E; B: bar.sync 1; E:"),
        std::pair("barrier-count", "@%p1 bar.sync 1, 64; @!%p1 bar.sync 1, 96;"),
        std::pair("deadlock", "@%p1 bar.sync 1, 64;")),
    [](const auto& kind) {
      std::string name = kind.param.first;
      std::ranges::replace(name, '-', '_');
      return name;
    });

} // namespace
} // namespace emu::test
