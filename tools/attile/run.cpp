// attile run: compiles a spec, runs it once on random inputs or the user's own, and can check the result.
#include "tools/attile/command.h"
#include "tools/attile/counters.h"
#include "tools/attile/prediction.h"
#include "tools/attile/progress.h"
#include "tools/attile/session.h"
#include "tools/attile/staged.h"

#include <attile/cpu_info.h>
#include <attile/npy.h>
#include <attile/reference.h>
#include <filesystem>
#include <fmt/core.h>
#include <map>

using namespace attile;
using namespace attile::cli;

namespace {

struct RunOptions : SessionOptions {
  bool check = false;
  bool counters = false;
  std::map<std::string, std::string> out; ///< output -> .npy file
};

Result<void> write_outputs(const Session& session, const RunOptions& options) {
  for (const auto& [name, path] : options.out) {
    if (path.empty())
      continue;
    auto output = session.outputs.find(name);
    if (output == session.outputs.end())
      return user_error(fmt::format("--out-{}: '{}' has no output {}", name, session.package.spec_name, name),
                        fmt::format("add '{}' to the spec's output statement", name));
    if (Result<void> written = write_npy(output->second.view(), path); !written)
      return written.error();
    if (session.package.dtype == DType::bf16 && name == "o" && !options.spec.json)
      note(fmt::format("'{}' holds the bits of bf16 as uint16", path));
  }
  return {};
}

Result<Accuracy> check(const Session& session, const RunOptions& options) {
  Progress progress("checking against float64");
  Result<Reference> reference = Reference::create(session.spec, options.spec.compile);
  if (!reference)
    return reference.error();
  CheckOptions how;
  how.seed = options.inputs.seed;
  how.threads = options.threads;
  how.progress = [&progress](double fraction) { progress.update(fraction); };
  return reference->check(session.inputs.operands, session.output_views(options.inputs), how);
}

void report_problems(const Accuracy& accuracy) {
  if (accuracy.unverified.empty())
    for (const std::string& problem : accuracy.problems)
      fmt::print(stderr, "wrong result: {}\n", problem);
  else
    fmt::print(stderr, "error: {}\nremedy: keep scores and sums small, by scale, clamp or the inputs\n",
               accuracy.unverified);
}

/// Of a checked run: what lies in the spec and its inputs is the user's, a wrong result is ours.
int exit_status(const Accuracy& accuracy) {
  if (accuracy.ok)
    return 0;
  return static_cast<int>(accuracy.unverified.empty() ? ErrorKind::internal : ErrorKind::user);
}

Json number(const std::optional<Accuracy>& accuracy, double Accuracy::* field) {
  return accuracy ? Json((*accuracy).*field) : Json(nullptr);
}

Json json_of(const Session& session, const std::optional<Accuracy>& accuracy, double ms) {
  const Shape& shape = session.inputs.shape;
  Json json = {{"ok", !accuracy || accuracy->ok},
               {"rel_err", number(accuracy, &Accuracy::rel_err)},
               {"bound", number(accuracy, &Accuracy::bound)},
               {"max_abs_err", number(accuracy, &Accuracy::max_abs_err)},
               {"lse_err", number(accuracy, &Accuracy::lse_err)},
               {"ms", ms},
               {"compile_ms", session.compile_ms},
               {"spec", session.package.spec_name},
               {"dtype", name(session.package.dtype)},
               {"target", session.kernel.target()},
               {"shape",
                {{"b", shape.batch},
                 {"hq", shape.heads},
                 {"hkv", shape.kv_heads},
                 {"q", shape.q_len},
                 {"kv", shape.kv_len}}}};
  if (accuracy) {
    json["lse_bound"] = accuracy->lse_bound;
    json["rows_checked"] = accuracy->rows;
    json["rows"] = accuracy->total_rows;
    json["verified"] = accuracy->unverified.empty();
    json["problems"] = accuracy->problems;
    json["clamped"] = accuracy->clamped;
    json["nan_rows"] = accuracy->nan_rows;
  }
  return json;
}

void print(const Session& session, const std::optional<Accuracy>& accuracy, double ms) {
  const Shape& shape = session.inputs.shape;
  fmt::print("{}: b={} hq={} hkv={} q={} kv={}, {}, {}: {:.3g} ms (compiled in {:.0f} ms)\n",
             session.package.spec_name, shape.batch, shape.heads, shape.kv_heads, shape.q_len, shape.kv_len,
             name(session.package.dtype), session.kernel.target(), ms, session.compile_ms);
  if (!accuracy)
    return;
  fmt::print("{}: rel_err {:.2e} (bound {:.2e}), max_abs_err {:.2e}, lse_err {:.2e}; {} of {} rows against "
             "float64\n",
             accuracy->ok                   ? "ok"
             : accuracy->unverified.empty() ? "WRONG"
                                            : "not verified",
             accuracy->rel_err, accuracy->bound, accuracy->max_abs_err, accuracy->lse_err, accuracy->rows,
             accuracy->total_rows);
}

/// Two outputs in one file would be one.
Result<void> check_paths(const RunOptions& options) {
  std::map<std::filesystem::path, std::string> taken;
  for (const auto& [name, path] : options.out) {
    if (path.empty())
      continue;
    std::error_code unknown; // then the path as it is written has to do
    std::filesystem::path place = std::filesystem::weakly_canonical(path, unknown);
    auto [first, isNew] = taken.emplace(unknown ? std::filesystem::path(path) : place, name);
    if (!isNew)
      return usage_error(fmt::format("--out-{} and --out-{} are both '{}'", first->second, name, path));
  }
  return {};
}

/// What was counted, with what was predicted beside it.
struct Counts {
  Counted counted;
  double predicted_bytes = 0;
};

Result<std::optional<Counts>> read_counts(const Session& session, const RunOptions& options) {
  if (!options.counters)
    return std::optional<Counts>();
  Result<Counted> counted = cli::counted(session.device);
  if (!counted)
    return std::move(counted).error();
  Result<Package> counter = compile_counter(session.spec, options.spec.compile);
  if (!counter)
    return counter.error();
  Result<Prediction> prediction =
      predict(session.spec, options.spec.compile, *counter, session.inputs, cpu_info().threads);
  if (!prediction)
    return prediction.error();
  return std::optional(Counts{*std::move(counted), prediction->explanation.memory_bytes});
}

Result<void> start_counting(const RunOptions& options) {
  if (!options.counters)
    return {};
  Result<Device> device = Device::open(options.device);
  if (!device)
    return device.error();
  Result<void> counting = count(*device);
  return counting ? counting : std::move(counting).error().in("--counters");
}

Result<int> run(RunOptions& options) {
  if (Result<void> distinct = check_paths(options); !distinct)
    return distinct.error();
  if (Result<void> counting = start_counting(options); !counting)
    return counting.error();
  Result<Session> session = Session::open(options);
  if (!session)
    return std::move(session).error();
  LaunchStats stats;
  {
    Progress progress("running");
    Result<Staged> staged = Staged::to(session->device, session->arguments);
    if (!staged)
      return staged.error();
    if (Result<void> launched = session->kernel.launch(staged->arguments(), &stats); !launched)
      return launched.error();
    if (Result<void> read = staged->back(); !read)
      return read.error();
  }
  if (Result<void> written = write_outputs(*session, options); !written)
    return written.error();
  Result<std::optional<Counts>> counts = read_counts(*session, options);
  if (!counts)
    return std::move(counts).error();

  std::optional<Accuracy> accuracy;
  if (options.check) {
    Result<Accuracy> checked = check(*session, options);
    if (!checked)
      return checked.error();
    accuracy = std::move(*checked);
    report_problems(*accuracy);
    for (const std::string& clamped : accuracy->clamped)
      note(clamped);
    if (accuracy->nan_rows > 0)
      note(fmt::format(
          "{} of the rows compared see scores or values that are NaN or infinite; NaN is right there",
          accuracy->nan_rows));
  }
  if (options.spec.json) {
    Json json = json_of(*session, accuracy, stats.ms);
    if (*counts)
      json["counters"] = json_of((*counts)->counted, (*counts)->predicted_bytes);
    print_json(json);
  } else {
    print(*session, accuracy, stats.ms);
    if (*counts)
      print((*counts)->counted, (*counts)->predicted_bytes);
  }
  return accuracy ? exit_status(*accuracy) : 0;
}

} // namespace

Run cli::declare_run(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  options->declare(app);
  app.add_flag("--check", options->check,
               "compare with float64: all rows up to 2^24 scores, a sample beyond");
  app.add_flag("--counters", options->counters,
               "on the emulated GPU: traffic, bank conflicts and instructions of each kernel");
  app.add_option("-o,--out-o", options->out["o"], "write o to this .npy file");
  app.add_option("--out-lse", options->out["lse"], "write lse to this .npy file");
  app.add_option("--out-max", options->out["max"], "write the row maxima to this .npy file");
  return [options] { return run(*options); };
}
