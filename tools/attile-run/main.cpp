// attile-run: packages on a GPU, without a compiler.
//   attile-run check CASES.json   compare with what is expected of each case
//   attile-run time CASES.json    how long each takes, by events
//   attile-run peaks              what the GPU reaches: a copy, matrix instructions
//   attile-run device             what it is
#include "tools/attile-run/commands.h"
#include "tools/attile/gpu_peaks.h"

#include <cstdlib>
#include <exception>
#include <fmt/core.h>

using namespace attile;
using namespace attile::runner;

namespace {

constexpr const char* usage =
    "usage: attile-run check|time CASES.json | peaks | device   [--device cuda:0|emulator:sm_90a]\n"
    "       [--only PART_OF_A_NAME] [--seconds S]\n";

struct Line {
  std::string command, file;
  Options options;
};

Result<Line> parse(int argc, char** argv) {
  Line line;
  auto wrong = [](std::string why) { return usage_error(std::move(why), usage); };
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (!word.starts_with("--")) {
      (line.command.empty() ? line.command : line.file) = word;
      continue;
    }
    if (i + 1 == argc)
      return wrong(fmt::format("{} needs a value", word));
    std::string value = argv[++i];
    if (word == "--device")
      line.options.device = value;
    else if (word == "--only")
      line.options.only = value;
    else if (word == "--seconds")
      line.options.seconds = std::strtod(value.c_str(), nullptr);
    else
      return wrong(fmt::format("there is no option {}", word));
  }
  bool lists = line.command == "check" || line.command == "time";
  if (!lists && line.command != "peaks" && line.command != "device")
    return wrong(fmt::format("there is no command '{}'", line.command));
  if (lists == line.file.empty())
    return wrong(lists ? "no file of cases is given"
                       : fmt::format("'{}' is one argument too many", line.file));
  return line;
}

Result<int> peaks(const Device& device) {
  for (DType dtype : {DType::bf16, DType::f32}) {
    Result<cli::GpuPeaks> found = cli::probe_gpu(device, dtype);
    if (!found)
      return found.error();
    fmt::print("{}\n", Json{{"instructions", found->instructions},
                            {"tflops", found->tflops},
                            {"copy_gbps", found->copy_gbps}}
                           .dump());
  }
  return 0;
}

Result<int> run(int argc, char** argv) {
  Result<Line> line = parse(argc, argv);
  if (!line)
    return line.error();
  Result<Device> device = Device::open(line->options.device);
  if (!device)
    return device.error();
  if (line->command == "device") {
    fmt::print("{}\n",
               Json{{"description", device->info().description}, {"chip", device->info().chip}}.dump());
    return 0;
  }
  if (line->command == "peaks")
    return peaks(*device);
  Result<CaseList> list = read_cases(line->file);
  if (!list)
    return std::move(list).error();
  return line->command == "check" ? check(*list, *device, line->options)
                                  : time(*list, *device, line->options);
}

} // namespace

int main(int argc, char** argv) {
  Result<int> status = internal_error("");
  try {
    status = run(argc, argv);
  } catch (const std::exception& error) { // JSON that is not what it should be
    status = user_error(error.what());
  }
  if (status)
    return *status;
  fmt::print(stderr, "{}\n", status.error().text());
  return status.error().exit_status();
}
