// The emulator on whole kernels: right results under every target and many schedules without a report; and
// mutants (mutants.h), of which the checks report nearly all.
#include "kernel_cases.h"
#include "mutants.h"
#include "seed.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <set>

namespace emu::test {
namespace {

const std::vector<std::string> targets = {"sm_75", "sm_80", "sm_86", "sm_89", "sm_90a"};

int number(const std::string& target) { return std::atoi(target.c_str() + 3); }

Options scheduled(std::uint64_t schedule) {
  return {.mode = Options::Mode::scheduled, .seed = schedule, .most_instructions = 3'000'000};
}

std::string what(const KernelRun& run) {
  std::string text = run.outcome.message + "\n" + run.wrong;
  for (const Report& report : run.reports)
    text += "\n" + render(report);
  return text;
}

class Kernels : public testing::TestWithParam<KernelCase> {};

TEST_P(Kernels, AreRightOnEveryTarget) {
  const KernelCase& one = GetParam();
  for (const std::string& target : targets) {
    const bool ends = target == one.oldest || target == targets.back();
    if (number(target) < number(one.oldest) || (one.toolkit_headers && !ends)) // they take long
      continue;
    std::string missing;
    const std::string& ptx = ptx_of(one, target, missing);
    if (ptx.empty())
      GTEST_SKIP() << missing;
    const KernelRun plain = run_kernel(one, ptx, target, {.workers = 2}, false, seed());
    EXPECT_FALSE(plain.reported() || !plain.wrong.empty()) << target << ": " << what(plain);
    const KernelRun checked = run_kernel(one, ptx, target, {.workers = 2}, true, seed());
    EXPECT_FALSE(checked.reported() || !checked.wrong.empty())
        << target << ", with checks: " << what(checked);
  }
}

// ATTILE_SCHEDULES=32: so many of each, on every target.
std::uint64_t schedules(std::uint64_t usual) {
  const char* given = std::getenv("ATTILE_SCHEDULES");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : usual;
}

TEST_P(Kernels, AreRightUnderManySchedules) {
  const KernelCase& one = GetParam();
  for (const std::string& target : targets) {
    if (number(target) < number(one.oldest) ||
        (target != one.oldest && std::getenv("ATTILE_SCHEDULES") == nullptr))
      continue;
    std::string missing;
    const std::string& ptx = ptx_of(one, target, missing);
    if (ptx.empty())
      GTEST_SKIP() << missing;
    bool right = true;
    for (std::uint64_t schedule = 0; right && schedule < schedules(8); ++schedule) {
      const KernelRun run = run_kernel(one, ptx, target, scheduled(seed() + schedule), true, seed());
      right = !run.reported() && run.wrong.empty();
      EXPECT_TRUE(right) << target << ", schedule " << seed() + schedule << ": " << what(run);
    }
  }
}

TEST_P(Kernels, RunTheSameWayFromTheSameSeed) {
  const KernelCase& one = GetParam();
  std::string missing;
  const std::string& ptx = ptx_of(one, one.oldest, missing);
  if (ptx.empty())
    GTEST_SKIP() << missing;
  const KernelRun first = run_kernel(one, ptx, one.oldest, scheduled(seed()), false, seed());
  const KernelRun again = run_kernel(one, ptx, one.oldest, scheduled(seed()), false, seed());
  EXPECT_EQ(first.outcome.warp_instructions, again.outcome.warp_instructions);
  EXPECT_EQ(first.outcome.thread_instructions, again.outcome.thread_instructions);
}

// ---- mutants ----

enum class Verdict { missed, reported, at_limit };

// By some schedule: a check or an error of the kernel. That it does not end is none.
Verdict judge(const KernelCase& one, const Mutant& mutant, const std::string& target) {
  Verdict verdict = Verdict::missed;
  for (std::uint64_t schedule = 0; schedule < schedules(4); ++schedule) {
    const KernelRun run = run_kernel(one, mutant.ptx, target, scheduled(seed() + schedule), true, seed());
    const bool limit = run.outcome.status == Status::too_long;
    if (!run.reports.empty() || (run.reported() && !limit))
      return Verdict::reported;
    if (limit)
      verdict = Verdict::at_limit;
  }
  return verdict;
}

// On a kernel's oldest target all mutants, on others every fourth; ATTILE_MUTANTS=all: all of them.
TEST(Mutants, NearlyAllAreReported) {
  const char* const given = std::getenv("ATTILE_MUTANTS");
  const bool every = given != nullptr && std::string(given) == "all";
  int all = 0, reported = 0, at_limit = 0;
  std::string missed, missing;
  for (const KernelCase& one : kernel_cases())
    for (const std::string& target : std::set<std::string>{one.oldest, "sm_80", "sm_90a"}) {
      if (one.barriers_of_library || number(target) < number(one.oldest))
        continue;
      std::size_t index = seed() % 4;
      for (const Mutant& mutant : mutants_of(ptx_of(one, target, missing), one.kernel)) {
        if (++index % 4 != 0 && target != one.oldest && !every)
          continue;
        ++all;
        const Verdict verdict = judge(one, mutant, target);
        reported += verdict == Verdict::reported;
        at_limit += verdict == Verdict::at_limit;
        if (verdict != Verdict::reported)
          missed += "\n  " + one.name + " for " + target + ", line " + mutant.what +
                    (verdict == Verdict::at_limit ? " (ends at the limit of instructions)" : "");
      }
    }
  if (all == 0)
    GTEST_SKIP() << missing;
  std::printf("%d of %d mutants are reported; %d others end at the limit of instructions\n", reported, all,
              at_limit);
  EXPECT_GE(all, 40);
  EXPECT_GE(reported, 0.95 * all) << "missed:" << missed;
}

INSTANTIATE_TEST_SUITE_P(All, Kernels, testing::ValuesIn(kernel_cases()),
                         [](const auto& info) { return info.param.name; });

} // namespace
} // namespace emu::test
