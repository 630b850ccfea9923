// The conformance suite: one table of variants, types, shapes and layouts, against float64, on every device.
//   attile-conformance [--device NAME]... [--sample=full|pairwise|all] [--variant NAME]... [--target NAME]
//   [--seed N]
//   [--junit FILE]
#include "tests/conformance/case.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/core.h>
#include <fstream>
#include <limits>
#include <random>

using namespace attile;
using namespace attile::conformance;

namespace {

struct Options {
  std::string table = ATTILE_SOURCE "/tests/conformance/table.json", examples = ATTILE_SOURCE "/examples";
  std::string sample = "full", target = "native", junit;
  std::vector<std::string> only, devices;
  std::string export_folder, export_target;
  double export_mib = 40;
  bool machine_code = false, warpgroups = true;
  std::size_t most = std::numeric_limits<std::size_t>::max(); ///< cases
  std::uint64_t seed = std::random_device()();
};

struct Line { ///< of the summary
  int passed = 0, failed = 0;
  double worst = 0; ///< largest rel_err / bound
  std::string worst_case;
};

struct Suite {
  int passed = 0, failed = 0, skipped = 0;
  std::map<std::string, Line> lines;
  std::string junit;

  void record(const std::string& device, const std::string& name, const std::string& variant,
              const Outcome& outcome);
  void skip(const std::string& device, const std::string& why);
};

std::string escaped(std::string text) {
  for (auto [from, to] : {std::pair{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}})
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos;
         at += std::string_view(to).size())
      text.replace(at, 1, to);
  return text;
}

void Suite::record(const std::string& device, const std::string& name, const std::string& variant,
                   const Outcome& outcome) {
  if (!outcome.refusal.empty())
    return skip(device, fmt::format("{}: {}", name, outcome.refusal));
  Line& line = lines[variant];
  bool ok = outcome.failure.empty();
  (ok ? line.passed : line.failed)++;
  (ok ? passed : failed)++;
  if (outcome.accuracy && outcome.accuracy->bound > 0)
    if (double part = outcome.accuracy->rel_err / outcome.accuracy->bound; !(part <= line.worst))
      line.worst = part, line.worst_case = name;
  if (!ok)
    fmt::print("FAILED {}: {}\n", name, outcome.failure);
  junit += fmt::format("<testcase classname=\"{}\" name=\"{}\">", device, escaped(name));
  junit += ok ? "" : fmt::format("<failure message=\"{}\"/>", escaped(outcome.failure));
  junit += "</testcase>\n";
}

void Suite::skip(const std::string& device, const std::string& why) {
  skipped++;
  fmt::print("skipped: {}: {}\n", device, why);
  junit += fmt::format("<testcase name=\"{}\"><skipped/></testcase>\n", escaped(device));
}

/// The bounds are of errors that average over many numbers. One score that cancels to little, alone in a
/// small case, may be worse by chance: what is out by less than a factor of two is drawn twice more, and must
/// then be good.
Outcome run_case(Runner& runner, const Case& c, std::mt19937_64& seeds) {
  Outcome outcome = runner.run(c, seeds());
  bool near =
      !outcome.failure.empty() && outcome.accuracy && outcome.accuracy->rel_err < 2 * outcome.accuracy->bound;
  for (int again = 0; near && again < 2; ++again) {
    fmt::print("drawn again: {}: {}\n", runner.describe(c), outcome.failure);
    outcome = runner.run(c, seeds());
    near = outcome.failure.empty();
  }
  return outcome;
}

void run_on(const std::string& name, const Table& table, const std::vector<Case>& cases,
            const Options& options, Suite& suite) {
  Result<Device> device = Device::open(name);
  if (!device)
    return suite.skip(name, device.error().message);
  Runner runner(table, options.examples, *device,
                device->info().chip.empty() ? options.target : target_for(device->info().chip));
  Exporter exporter(options.export_folder, options.export_target, options.export_mib * 1024 * 1024);
  if (options.machine_code)
    runner.make_machine_code();
  if (!options.warpgroups)
    runner.leave_out_warpgroups();
  if (!options.export_folder.empty())
    runner.export_to(&exporter);
  std::mt19937_64 seeds(options.seed);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    suite.record(name, runner.describe(cases[i]), table.value(cases[i], variant),
                 run_case(runner, cases[i], seeds));
    if ((i + 1) % 100 == 0)
      fmt::print(stderr, "{}: {} of {} cases\n", name, i + 1, cases.size());
  }
  if (Result<void> written = exporter.finish(); !written)
    suite.record(name, "export", "export", {written.error().text(), {}, {}});
}

void print_summary(const Suite& suite) {
  fmt::print("\n{:<20}{:>8}{:>8}{:>16}  {}\n", "variant", "passed", "failed", "error/bound", "at worst in");
  for (const auto& [variant, line] : suite.lines)
    fmt::print("{:<20}{:>8}{:>8}{:>16.2f}  {}\n", variant, line.passed, line.failed, line.worst,
               line.worst_case);
  fmt::print("\nconformance: {} passed, {} failed, {} skipped\n", suite.passed, suite.failed, suite.skipped);
}

int run(const Options& options) {
  Result<Table> table = Table::load(options.table);
  if (!table)
    return fmt::print(stderr, "{}\n", table.error().text()), table.error().exit_status();
  std::vector<Case> cases = options.sample == "pairwise" ? table->pairwise(options.seed)
                            : options.sample == "full"   ? table->full(options.seed)
                                                         : table->all();
  std::erase_if(cases, [&](const Case& c) {
    return !options.only.empty() &&
           !std::count(options.only.begin(), options.only.end(), table->value(c, variant));
  });
  if (cases.size() > options.most) {
    std::mt19937_64 random(options.seed);
    std::shuffle(cases.begin(), cases.end(), random);
    cases.resize(options.most);
  }
  std::sort(cases.begin(), cases.end()); // cases of one compilation together
  fmt::print("{} cases, seed {} (repeat with --seed {})\n", cases.size(), options.seed, options.seed);

  Suite suite;
  for (const std::string& device : options.devices)
    run_on(device, *table, cases, options, suite);
  print_summary(suite);
  if (!options.junit.empty())
    std::ofstream(options.junit) << "<testsuite name=\"conformance\">\n" << suite.junit << "</testsuite>\n";
  return suite.failed ? 1 : 0;
}

} // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Runs the conformance table on every device that is here.");
  app.add_option("--sample", options.sample,
                 "full: every variant, dtype and shape, the rest drawn; pairwise: every pair of values; all: "
                 "every combination, which takes hours")
      ->check(CLI::IsMember({"full", "pairwise", "all"}))
      ->capture_default_str();
  app.add_option("--device", options.devices,
                 "cpu, emulator:sm_XX, cuda; may be repeated; cpu and cuda if left out");
  app.add_option("--most", options.most, "no more than so many cases of the sample");
  app.add_option("--variant", options.only, "this one alone; may be repeated");
  app.add_option("--target", options.target, "what to compile for; this machine must be able to run it");
  app.add_flag("--machine-code", options.machine_code,
               "assemble kernels for the emulated GPU, too, which reads PTX");
  app.add_flag("--warpgroups,!--no-warpgroups", options.warpgroups,
               "products of warpgroups where the target has them (default)");
  app.add_option("--seed", options.seed, "of the inputs and of the sample; fresh if left out");
  app.add_option("--export", options.export_folder,
                 "write cases that are right into this folder, with what is expected, for attile-run");
  app.add_option("--export-target", options.export_target, "what to build their packages for: sm_80,sm_90a");
  app.add_option("--export-mib", options.export_mib, "stop adding cases at this size")->capture_default_str();
  app.add_option("--junit", options.junit, "write results to this file");
  CLI11_PARSE(app, argc, argv);
  if (options.devices.empty())
    options.devices = {"cpu", "cuda"};
  return run(options);
}
