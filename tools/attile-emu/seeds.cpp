#include "tools/attile-emu/seeds.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <emulator/include/attile_emulator.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace attile::emu_tool {
namespace {

using Json = nlohmann::json;

Result<Run> run_seed(const Job& job, std::uint64_t seed) {
  if (const char* const error = attileEmuSetOption("seed", std::to_string(seed).c_str()))
    return usage_error(error);
  return run(job);
}

// ---- a run as bytes ----

std::vector<std::uint8_t> packed(const Result<Run>& made, const std::string& printed) {
  Json record = {{"printed", Json::binary({printed.begin(), printed.end()})}};
  if (!made) {
    const Error& error = made.error();
    record["error"] = {error.exit_status(), error.message, error.notes, error.remedy};
    return Json::to_cbor(record);
  }
  record["run"] = {made->failure, made->result, made->microseconds, made->report};
  record["outputs"] = Json::array();
  for (const Array& array : made->outputs) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(array.bytes.data());
    record["outputs"].push_back(Json::binary({begin, begin + array.bytes.size()}));
  }
  return Json::to_cbor(record);
}

Result<Run> unpacked(const Job& job, const Json& record) {
  if (record.contains("error"))
    return Error{static_cast<ErrorKind>(record["error"][0].get<int>()), record["error"][1],
                 record["error"][2], record["error"][3]};
  Run made;
  made.failure = record["run"][0];
  made.result = record["run"][1];
  made.microseconds = record["run"][2];
  made.report = record["run"][3];
  auto next = record["outputs"].begin();
  for (const Argument& argument : job.arguments) {
    if (!argument.is_output() || next == record["outputs"].end())
      continue;
    Array array = *argument.array;
    const auto& bytes = (next++)->get_binary();
    if (!bytes.empty())
      std::memcpy(array.bytes.data(), bytes.data(), std::min(bytes.size(), array.bytes.size()));
    made.outputs.push_back(std::move(array));
  }
  return made;
}

// ---- processes ----

bool transfer(ssize_t (*call)(int, void*, std::size_t), int file, void* data, std::size_t size) {
  for (auto* at = static_cast<char*>(data); size > 0;) {
    const ssize_t done = call(file, at, size);
    if (done <= 0)
      return false;
    at += done;
    size -= static_cast<std::size_t>(done);
  }
  return true;
}

ssize_t write_part(int file, void* data, std::size_t size) { return write(file, data, size); }

/// A child that runs every jobs-th seed, and writes the runs to a pipe.
class Process {
public:
  Process(const Job& job, const Seeds& seeds, unsigned number) {
    int ends[2];
    if (pipe(ends) != 0)
      return;
    child = fork();
    if (child == 0) {
      close(ends[0]);
      work(job, seeds, number, ends[1]);
    }
    close(ends[1]);
    from = ends[0];
  }
  ~Process() {
    if (from >= 0)
      close(from); // a child that goes on writing ends by that
    if (child > 0)
      waitpid(child, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Of the next one of its seeds; nothing if the process has ended.
  std::optional<Json> next() const {
    std::uint64_t size = 0;
    if (child <= 0 || !transfer(read, from, &size, sizeof size))
      return std::nullopt;
    std::vector<std::uint8_t> bytes(size);
    if (!transfer(read, from, bytes.data(), size))
      return std::nullopt;
    return Json::from_cbor(bytes);
  }

private:
  [[noreturn]] static void work(const Job& job, const Seeds& seeds, unsigned number, int to) {
    const int output = memfd_create("stdout", 0); // what kernels print
    dup2(output, STDOUT_FILENO);
    for (std::uint64_t i = number; i < seeds.count; i += seeds.jobs) {
      const Result<Run> made = run_seed(job, seeds.first + i);
      std::fflush(stdout);
      std::string printed(static_cast<std::size_t>(std::max<off_t>(lseek(output, 0, SEEK_END), 0)), '\0');
      lseek(output, 0, SEEK_SET);
      const bool good = transfer(read, output, printed.data(), printed.size()) && ftruncate(output, 0) == 0;
      lseek(output, 0, SEEK_SET);
      std::vector<std::uint8_t> bytes = packed(made, printed);
      std::uint64_t size = bytes.size();
      if (!good || !transfer(write_part, to, &size, sizeof size) ||
          !transfer(write_part, to, bytes.data(), size))
        break;
    }
    _exit(0);
  }

  pid_t child = -1;
  int from = -1;
};

} // namespace

Result<void> run_seeds(const Job& job, const Seeds& seeds,
                       const std::function<Result<void>(std::uint64_t seed, Run&& run)>& made) {
  const auto jobs = static_cast<unsigned>(std::clamp<std::uint64_t>(seeds.jobs, 1, seeds.count));
  std::vector<std::unique_ptr<Process>> processes;
  std::fflush(stdout);
  if (jobs > 1 && seeds.share_cores) {
    const unsigned share = std::max(1u, std::thread::hardware_concurrency() / jobs);
    attileEmuSetOption("workers", std::to_string(share).c_str());
  }
  for (unsigned i = 0; jobs > 1 && i < jobs; ++i)
    processes.push_back(
        std::make_unique<Process>(job, Seeds{seeds.first, seeds.count, jobs, seeds.share_cores}, i));
  for (std::uint64_t i = 0; i < seeds.count; ++i) {
    const std::uint64_t seed = seeds.first + i;
    Result<Run> one = Run();
    if (jobs == 1) {
      one = run_seed(job, seed);
    } else {
      const std::optional<Json> record = processes[i % jobs]->next();
      if (!record)
        return environment_error(fmt::format("the process that runs seed {} has ended", seed));
      const auto& printed = (*record)["printed"].get_binary();
      std::fwrite(printed.data(), 1, printed.size(), stdout);
      one = unpacked(job, *record);
    }
    if (!one)
      return one.error();
    if (Result<void> done = made(seed, std::move(*one)); !done)
      return done;
  }
  return {};
}

} // namespace attile::emu_tool
