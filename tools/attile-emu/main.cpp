// attile-emu: runs a kernel of a .ptx on an emulated chip.
#include "tools/attile-emu/seeds.h"

#include <CLI/CLI.hpp>
#include <cstring>
#include <emulator/include/attile_emulator.h>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

namespace attile::emu_tool {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string ptx, kernel, grid = "1", block = "1", cluster, file;
  std::string target, mode, counters, matrix, workers,
      most_instructions; ///< options of the emulator; empty: not given
  std::uint64_t seed = 0, seeds = 1;
  unsigned shared = 0, jobs = 0;
  bool cooperative = false, checks = true, json = false;
  std::vector<std::string> arguments;
};

Result<std::string> read_text(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream)
    return environment_error(fmt::format("cannot read '{}'", path));
  return text.str();
}

// {"kernel": "f", "grid": "4,1,1", "block": "128", "shared": 0, "args": ["in:x.npy", "i32:7"]}; the command
// line wins.
Result<void> read_file(const CLI::App& app, Options& options) {
  if (options.file.empty())
    return {};
  const Result<std::string> text = read_text(options.file);
  if (!text)
    return text.error();
  const Json file = Json::parse(*text, nullptr, false);
  if (!file.is_object())
    return usage_error(fmt::format("'{}' is not a JSON object", options.file));
  for (const auto& [key, value] : file.items()) {
    const std::string as_text = value.is_string() ? value.get<std::string>() : value.dump();
    if (key == "args" && value.is_array()) {
      if (options.arguments.empty())
        for (const Json& argument : value)
          options.arguments.push_back(argument.is_string() ? argument.get<std::string>() : argument.dump());
    } else if (key == "kernel" || key == "grid" || key == "block" || key == "cluster") {
      if (app.count("--" + key) == 0)
        (key == "kernel"  ? options.kernel
         : key == "grid"  ? options.grid
         : key == "block" ? options.block
                          : options.cluster) = as_text;
    } else if (key == "shared" && value.is_number_unsigned()) {
      if (app.count("--shared") == 0)
        options.shared = value.get<unsigned>();
    } else {
      return usage_error(fmt::format("'{}': unknown key '{}'", options.file, key),
                         "kernel, grid, block, cluster, shared, args");
    }
  }
  return {};
}

Result<Job> make_job(const Options& options) {
  Job job;
  Result<std::string> text = read_text(options.ptx);
  if (!text)
    return text.error();
  job.ptx = std::move(*text);
  job.kernel = options.kernel;
  job.shared = options.shared;
  job.cooperative = options.cooperative;
  const auto grid = parse_extent(options.grid), block = parse_extent(options.block);
  if (!grid || !block)
    return !grid ? grid.error() : block.error();
  job.grid = *grid;
  job.block = *block;
  if (!options.cluster.empty()) {
    const auto cluster = parse_extent(options.cluster);
    if (!cluster)
      return cluster.error();
    job.cluster = *cluster;
  }
  for (const std::string& argument : options.arguments) {
    Result<Argument> parsed = parse_argument(argument);
    if (!parsed)
      return parsed.error();
    job.arguments.push_back(std::move(*parsed));
  }
  return job;
}

Result<void> set(const char* name, const std::string& value) {
  const char* const error = value.empty() ? nullptr : attileEmuSetOption(name, value.c_str());
  if (error != nullptr)
    return usage_error(error);
  return {};
}

Result<void> set_up(const Options& options) {
  const std::pair<const char*, std::string> settings[] = {{"target", options.target},
                                                          {"mode", options.mode},
                                                          {"checks", options.checks ? "1" : "0"},
                                                          {"counters", options.counters},
                                                          {"matrix", options.matrix},
                                                          {"workers", options.workers},
                                                          {"most_instructions", options.most_instructions},
                                                          {"quiet", "1"}};
  for (const auto& [name, value] : settings)
    if (Result<void> done = set(name, value); !done)
      return done;
  return {};
}

bool same(const std::vector<Array>& a, const std::vector<Array>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].bytes != b[i].bytes)
      return false;
  return a.size() == b.size();
}

Result<void> write_outputs(const Job& job, const Run& run) {
  std::size_t next = 0;
  for (const Argument& argument : job.arguments) {
    if (!argument.is_output())
      continue;
    const Array& array = run.outputs[next++];
    if (argument.output.empty())
      continue;
    if (Result<void> written = write_array(array, argument.output); !written)
      return written;
  }
  return {};
}

void print_person(const Run& run, std::uint64_t seed) {
  const Json report = Json::parse(run.report);
  for (const auto& [name, kernel] : report["kernels"].items())
    fmt::print("{}: {}, {} warp instructions, {} thread instructions, {:.1f} emulated us (seed {})\n", name,
               run.result, kernel["warp_instructions"].get<std::uint64_t>(),
               kernel["thread_instructions"].get<std::uint64_t>(), run.microseconds, seed);
  for (const Json& launch : report.value("counters", Json::array()))
    for (const auto& [what, count] : launch["totals"].items())
      fmt::print("  {:<28}{:>16}\n", what, count.get<std::uint64_t>());
  for (const Json& failure : report["failures"])
    fmt::print("{}: {}\n", failure["result"].get<std::string>(), failure["message"].get<std::string>());
  for (const Json& finding : report["findings"])
    fmt::print("{}\n", finding["text"].get<std::string>());
  if (const auto left_out = report["findings_left_out"].get<std::uint64_t>(); left_out != 0)
    fmt::print("and {} more that are not shown\n", left_out);
}

// 0: all went well; 1: a kernel failed, a check found something, or seeds gave different outputs.
Result<int> run_all(const Options& options) {
  if (Result<void> done = set_up(options); !done)
    return done.error();
  Result<Job> job = make_job(options);
  if (!job)
    return job.error();
  Json all = Json::array();
  std::optional<Run> first;
  bool bad = false;
  std::uint64_t differing = 0;
  const bool writes_counters = options.counters.size() > 1; // a file, by the one process
  if (writes_counters &&
      !std::ofstream(options.counters, std::ios::app)) // it is written when the process ends
    return user_error(fmt::format("cannot write the counters to '{}'", options.counters));
  const unsigned jobs = options.jobs != 0 ? options.jobs : std::thread::hardware_concurrency();
  const bool workers_given = !options.workers.empty() || std::getenv("ATTILE_EMU_WORKERS") != nullptr;
  const Seeds seeds{options.seed, options.seeds, writes_counters ? 1 : jobs, !workers_given};
  const Result<void> ran = run_seeds(*job, seeds, [&](std::uint64_t seed, Run&& made) -> Result<void> {
    const Json report = Json::parse(made.report);
    bad = bad || !made.failure.empty() || !report["findings"].empty();
    if (options.json)
      all.push_back(
          {{"seed", seed}, {"result", made.result}, {"emulated_us", made.microseconds}, {"report", report}});
    else if (!first || !made.failure.empty() || !report["findings"].empty())
      print_person(made, seed);
    if (!first)
      first = std::move(made);
    else
      differing += !same(first->outputs, made.outputs);
    return {};
  });
  if (!ran)
    return ran.error();
  if (first->failure.empty())
    if (Result<void> written = write_outputs(*job, *first); !written)
      return written.error();
  if (options.json)
    fmt::print("{}\n",
               Json{{"ok", !bad && differing == 0}, {"differing_outputs", differing}, {"runs", all}}.dump());
  else if (options.seeds > 1)
    fmt::print("{} seeds, {} of them with outputs other than the first's\n", options.seeds, differing);
  return bad || differing != 0 ? 1 : 0;
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("ptx", options.ptx, "the PTX file")->required();
  app.add_option("--kernel", options.kernel, "which kernel (default: the only one)");
  app.add_option("--grid", options.grid, "blocks: x,y,z (default 1)");
  app.add_option("--block", options.block, "threads of a block: x,y,z (default 1)");
  app.add_option("--cluster", options.cluster, "blocks of a cluster: x,y,z (default: no clusters)");
  app.add_option("--shared", options.shared, "dynamic shared memory, in bytes (default 0)");
  app.add_flag("--cooperative", options.cooperative, "a cooperative launch");
  app.add_option("--arg", options.arguments,
                 "once for each parameter: TYPE:VALUE, in:FILE, inout:FILE=FILE, TYPE:@FILE[=FILE], "
                 "out:TYPE[SHAPE]=FILE, zeros:TYPE[SHAPE], full:TYPE[SHAPE]:VALUE, random:TYPE[SHAPE]:SEED. "
                 "TYPE is one of " +
                     element_names())
      ->allow_extra_args(false);
  app.add_option("--args", options.file, "a JSON file with kernel, grid, block, cluster, shared, args");
  app.add_option("--target", options.target, "the chip: sm_75, sm_80, ... (default sm_90a)");
  app.add_option("--mode", options.mode,
                 "fast (default), or scheduled: one reproducible schedule for each seed");
  app.add_option(
      "--seed", options.seed,
      "of the schedule, of approximate instructions (0: the nearest value, else one within the bound of "
      "the ISA), of undefined values (default 0)");
  app.add_option("--seeds", options.seeds,
                 "runs with that many seeds, from --seed on, and compares outputs (default 1)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
  app.add_option("--jobs", options.jobs, "seeds at a time, in processes (default 0: one for each core)");
  app.add_option("--workers", options.workers,
                 "host threads of the fast mode (default 0: one for each core, shared by --jobs)");
  app.add_option("--matrix", options.matrix,
                 "accumulation of matrix instructions: exact (default), or truncating as hardware");
  app.add_option("--most-instructions", options.most_instructions,
                 "warp instructions of a worker after which the launch is given up (default 0: no limit)");
  app.add_flag("--checks,!--no-checks", options.checks, "checks on (default) or off");
  app.add_option("--counters", options.counters, "1, or a JSON file for what was counted (default 0: off)");
  app.add_flag("--json", options.json, "JSON on standard output");
}

} // namespace
} // namespace attile::emu_tool

int main(int argc, char** argv) {
  using namespace attile;
  emu_tool::Options options;
  CLI::App app{"Runs a kernel of a PTX file on an emulated GPU, checks and measures it."};
  emu_tool::add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  Result<void> read = emu_tool::read_file(app, options);
  const Result<int> status = read ? emu_tool::run_all(options) : Result<int>(read.error());
  if (status)
    return *status;
  fmt::print(stderr, "{}\n", status.error().text());
  if (options.json)
    fmt::print("{}\n", nlohmann::ordered_json{{"ok", false}, {"error", status.error().message}}.dump());
  return status.error().exit_status();
}
