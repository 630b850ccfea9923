#include "compiler/backends/cuda/disassembler.h"

#include "compiler/backends/cuda/toolkit_find.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace attile::cuda {
namespace {

/// A file with the code, gone with this.
class TemporaryFile {
public:
  static Result<std::unique_ptr<TemporaryFile>> with(std::span<const std::byte> bytes) {
    std::error_code failed;
    std::filesystem::path folder = std::filesystem::temp_directory_path(failed);
    auto file = std::make_unique<TemporaryFile>();
    file->path_ = (failed ? std::filesystem::path("/tmp") : folder) / "attile-XXXXXX";
    int descriptor = mkstemp(file->path_.data());
    bool written = descriptor >= 0 &&
                   write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
    if (descriptor >= 0)
      close(descriptor);
    if (!written)
      return environment_error(fmt::format("cannot write '{}'", file->path_),
                               "set TMPDIR to a folder with space");
    return file;
  }
  TemporaryFile() = default;
  TemporaryFile(const TemporaryFile&) = delete;
  ~TemporaryFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

struct Output {
  std::string text;
  int status = -1; ///< of waitpid
};

/// Runs a program, and gives what it says on stdout and stderr.
Result<Output> run(const std::vector<std::string>& command) {
  std::array<int, 2> ends = {};
  if (pipe(ends.data()) != 0)
    return environment_error("cannot make a pipe");
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  pid_t child = 0;
  int failed = posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  Output output;
  std::array<char, 65536> buffer;
  for (ssize_t bytes = 0; !failed && (bytes = read(ends[0], buffer.data(), buffer.size())) > 0;)
    output.text.append(buffer.data(), static_cast<std::size_t>(bytes));
  close(ends[0]);
  if (failed || waitpid(child, &output.status, 0) != child)
    return environment_error(fmt::format("cannot run '{}'", command[0]));
  return output;
}

} // namespace

Result<std::string> find_disassembler() {
  std::vector<std::string> candidates = disassembler_candidates();
  for (const std::string& path : candidates)
    if (access(path.c_str(), X_OK) == 0 && !std::filesystem::is_directory(path))
      return path;
  return environment_error(
      candidates.size() == 1 ? fmt::format("there is no disassembler '{}'", candidates.front())
                             : "no disassembler for machine code of GPUs is found",
      "install a CUDA toolkit, or the wheel: python3 -m pip install nvidia-cuda-nvdisasm; or "
      "set ATTILE_DISASSEMBLER to nvdisasm or cuobjdump");
}

Result<std::string> disassemble(std::span<const std::byte> cubin) {
  Result<std::string> program = find_disassembler();
  if (!program)
    return program;
  Result<std::unique_ptr<TemporaryFile>> file = TemporaryFile::with(cubin);
  if (!file)
    return std::move(file).error();
  bool is_cuobjdump = std::filesystem::path(*program).filename().string().starts_with("cuobjdump");
  std::vector<std::string> command = {*program};
  for (const char* flag :
       is_cuobjdump ? std::vector{"--dump-sass"} : std::vector{"--print-code", "--print-line-info"})
    command.emplace_back(flag);
  command.push_back((*file)->path());
  Result<Output> output = run(command);
  if (!output)
    return std::move(output).error();
  if (output->status != 0)
    return environment_error(
        fmt::format("'{}' fails: {}", *program, output->text.substr(0, output->text.find('\n'))),
        "install the one of the newest CUDA toolkit");
  return std::move(output->text);
}

} // namespace attile::cuda
