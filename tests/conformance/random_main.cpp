// Specs drawn at random: the interpreter in float64, the CPU and the emulated GPU, with all its checks,
// agree.
//   attile-random-specs [--device NAME]... [--count N] [--seconds S] [--seed N] [--keep FOLDER]
//   attile-random-specs --kept | --file SPEC
#include "tests/conformance/launch.h"
#include "tests/conformance/random_spec.h"
#include "tools/attile/emulator_report.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <attile/random.h>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <fstream>
#include <limits>
#include <random>

using namespace attile;
using namespace attile::conformance;

namespace {

constexpr const char* kept_folder = ATTILE_SOURCE "/tests/conformance/kept";

struct Options {
  std::vector<std::string> devices, files;
  std::uint64_t seed = std::random_device()();
  int count = std::numeric_limits<int>::max();
  double seconds = 0, most_work = 4e6;
  std::string keep;
  bool kept = false, verbose = false;
};

enum class Kind : std::uint8_t { passed, failed, refused, unverified };

struct Outcome {
  Kind kind = Kind::passed;
  std::string text; ///< what went wrong, or why the device or the comparison refuses
};

Outcome outcome_of(const Error& error, const Device& device) {
  bool refused = error.kind == ErrorKind::user && device.info().name != "cpu";
  return {refused ? Kind::refused : Kind::failed, error.text()};
}

Result<Accuracy> launch(const Device& device, const Kernel& kernel, const Reference& reference,
                        const RandomSpec& drawn, std::uint64_t seed) {
  cli::InputOptions how;
  how.shape = drawn.shape;
  how.params = drawn.params;
  how.seed = seed;
  Result<cli::Inputs> inputs = how.make(kernel.package());
  if (!inputs)
    return std::move(inputs).error();
  Result<std::unique_ptr<Launch>> launch = Launch::make(*std::move(inputs), kernel.package(), drawn.layout);
  if (!launch)
    return std::move(launch).error();
  return (*launch)->run(device, kernel, reference, /*threads=*/1);
}

/// Out by less than a factor of two, which one score that cancels to little may be by chance: as in the
/// conformance table, two more draws have to be good then.
bool is_near(const Accuracy& accuracy) {
  return !accuracy.ok && accuracy.unverified.empty() && !accuracy.misplaced &&
         accuracy.rel_err < 2 * accuracy.bound && accuracy.lse_err < 2 * accuracy.lse_bound;
}

/// Compiles and launches a spec. Its error says what the device, or the compiler for it, will not do.
Outcome run_on(const Device& device, const RandomSpec& drawn) {
  Result<Spec> spec = Spec::parse(drawn.text, "drawn.attn");
  if (!spec)
    return {Kind::failed, spec.error().text()};
  CompileOptions options{.target = device.info().chip.empty() ? "native" : target_for(device.info().chip),
                         .cache = false,
                         .machine_code = !cli::is_emulated(device)};
  Result<Package> package = compile(*spec, options);
  if (!package)
    return outcome_of(package.error(), device);
  Result<Kernel> kernel = device.load(*package);
  if (!kernel)
    return outcome_of(kernel.error(), device);
  Result<Reference> reference = Reference::create(*spec, options);
  if (!reference)
    return {Kind::failed, reference.error().text()};
  Result<Accuracy> accuracy = launch(device, *kernel, *reference, drawn, drawn.seed);
  for (std::uint64_t again = 1; again <= 2 && accuracy && is_near(*accuracy); ++again)
    accuracy = launch(device, *kernel, *reference, drawn, random_bits(drawn.seed, again));
  if (!accuracy)
    return {Kind::failed, accuracy.error().text()};
  if (!accuracy->unverified.empty())
    return {Kind::unverified, accuracy->unverified};
  return {accuracy->ok ? Kind::passed : Kind::failed, fmt::format("{}", fmt::join(accuracy->problems, "; "))};
}

class Suite {
public:
  Suite(const Options& options, std::vector<Device> devices)
      : options(options), devices(std::move(devices)) {}

  /// `repeat` are the options that draw the same again.
  void run(const RandomSpec& spec, const std::string& name, const std::string& repeat) {
    for (const Device& device : devices) {
      Outcome outcome = run_on(device, spec);
      counts[static_cast<std::size_t>(outcome.kind)]++;
      if (options.verbose)
        fmt::print(
            "{} on {}: {} {}\n", name, device.info().name,
            std::array{"passed", "FAILED", "refused", "unverified"}[static_cast<std::size_t>(outcome.kind)],
            outcome.text.substr(0, outcome.text.find('\n')));
      if (outcome.kind == Kind::failed)
        tell(spec, name, device.info().name, outcome.text, repeat);
    }
  }

  int finish() const {
    fmt::print("random specs: {} passed, {} failed, {} refused by the target, {} cannot be verified in f32\n",
               counts[0], counts[1], counts[2], counts[3]);
    return counts[1] ? 1 : 0;
  }

private:
  void tell(const RandomSpec& spec, const std::string& name, const std::string& device,
            const std::string& why, const std::string& repeat) const {
    fmt::print("FAILED {} on {}: {}\n{}repeat with: attile-random-specs --device {} {}\n\n", name, device,
               why, spec.file(), device, repeat);
    std::fflush(stdout);
    if (!options.keep.empty() &&
        !(std::ofstream(fmt::format("{}/{}.attn", options.keep, name)) << spec.file()))
      fmt::print("not kept: {}/{}.attn cannot be written\n\n", options.keep, name);
  }

  const Options& options;
  std::vector<Device> devices;
  std::array<int, 4> counts{};
};

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void run_fresh(const Options& options, Suite& suite) {
  fmt::print("seed {} (repeat with --seed {})\n", options.seed, options.seed);
  for (int i = 0; i < options.count && (options.seconds == 0 || cpu_seconds() < options.seconds); ++i) {
    std::uint64_t seed = i == 0 ? options.seed : random_bits(options.seed, static_cast<std::uint64_t>(i));
    suite.run(random_spec(seed, options.most_work), fmt::format("{}", seed),
              fmt::format("--seed {} --count 1 --most-work {}", seed, options.most_work));
  }
}

int run_files(const std::vector<std::string>& files, Suite& suite) {
  for (const std::string& path : files) {
    std::ifstream file(path);
    std::string text((std::istreambuf_iterator<char>(file)), {});
    if (text.empty())
      return fmt::print(stderr, "error: cannot read '{}'\n", path), 2;
    suite.run(RandomSpec::from_file(text), std::filesystem::path(path).stem().string(), "--file " + path);
  }
  return suite.finish();
}

/// Why kernels for a device cannot be compiled here; empty if they can.
std::string obstacle_to(const std::string& device) {
  for (const GpuTool& tool : gpu_tools())
    if (device != "cpu" && tool.name == "nvrtc")
      return tool.missing;
  return {};
}

int run(Options& options) {
  constexpr int skipped = 77; // as ctest is told
  std::vector<Device> devices;
  for (const std::string& name : options.devices) {
    if (std::string missing = obstacle_to(name); !missing.empty())
      return fmt::print("skipped: {}: {}\n", name, missing), skipped;
    Result<Device> device = Device::open(name);
    if (!device)
      return fmt::print(stderr, "{}\n", device.error().text()), device.error().exit_status();
    devices.push_back(*device);
  }
  Suite suite(options, std::move(devices));
  if (options.kept)
    for (const auto& entry : std::filesystem::directory_iterator(kept_folder))
      if (entry.path().extension() == ".attn")
        options.files.push_back(entry.path().string());
  if (options.kept || !options.files.empty()) {
    std::sort(options.files.begin(), options.files.end());
    return run_files(options.files, suite);
  }
  run_fresh(options, suite);
  return suite.finish();
}

} // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Draws specs, and compares their kernels with float64.");
  app.add_option("--device", options.devices, "cpu, emulator:sm_XX, cuda; may be repeated");
  app.add_option("--count", options.count, "specs to draw");
  app.add_option("--seconds", options.seconds, "of CPU time to spend, instead of a count");
  app.add_option("--seed", options.seed, "fresh if left out");
  app.add_option("--most-work", options.most_work, "multiply-adds of a launch")->capture_default_str();
  app.add_option("--keep", options.keep, "write specs that fail into this folder")
      ->check(CLI::ExistingDirectory);
  app.add_option("--file", options.files, "run this spec, as --keep writes it");
  app.add_flag("--kept", options.kept, "run those that failed once: tests/conformance/kept");
  app.add_flag("--verbose", options.verbose, "a line for each");
  CLI11_PARSE(app, argc, argv);
  if (options.devices.empty())
    options.devices = {"cpu"};
  if (options.count == std::numeric_limits<int>::max() && options.seconds == 0)
    options.count = 100;
  return run(options);
}
