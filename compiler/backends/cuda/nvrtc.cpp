#include "compiler/backends/cuda/nvrtc.h"
#include "compiler/backends/cuda/toolkit_find.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace attile::cuda {
namespace {

using Program = struct _nvrtcProgram*;
constexpr int success = 0;

} // namespace

// The functions that we use, as nvrtc.h declares them; an enumeration of results is an int.
struct Nvrtc::Library {
  void* handle = nullptr;
  int (*version)(int*, int*) = nullptr;
  const char* (*error_string)(int) = nullptr;
  int (*count_targets)(int*) = nullptr;
  int (*get_targets)(int*) = nullptr;
  int (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*) = nullptr;
  int (*destroy)(Program*) = nullptr;
  int (*compile)(Program, int, const char* const*) = nullptr;
  int (*ptx_size)(Program, std::size_t*) = nullptr;
  int (*ptx)(Program, char*) = nullptr;
  int (*cubin_size)(Program, std::size_t*) = nullptr;
  int (*cubin)(Program, char*) = nullptr;
  int (*log_size)(Program, std::size_t*) = nullptr;
  int (*log)(Program, char*) = nullptr;

  template <class F> bool find(F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(handle, name));
    return function != nullptr;
  }

  // What is loaded stays; what is no NVRTC that we know is closed again.
  bool load(const std::string& path) {
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr)
      return false;
    if (complete())
      return true;
    dlclose(handle);
    return false;
  }

  bool complete() {
    return find(version, "nvrtcVersion") && find(error_string, "nvrtcGetErrorString") &&
           find(count_targets, "nvrtcGetNumSupportedArchs") && find(get_targets, "nvrtcGetSupportedArchs") &&
           find(create, "nvrtcCreateProgram") && find(destroy, "nvrtcDestroyProgram") &&
           find(compile, "nvrtcCompileProgram") && find(ptx_size, "nvrtcGetPTXSize") &&
           find(ptx, "nvrtcGetPTX") && find(cubin_size, "nvrtcGetCUBINSize") &&
           find(cubin, "nvrtcGetCUBIN") && find(log_size, "nvrtcGetProgramLogSize") &&
           find(log, "nvrtcGetProgramLog");
  }

  // Text that NVRTC gives with its length, which counts the final NUL.
  template <class Size, class Get> std::string text(Size size, Get get, Program program) const {
    std::size_t bytes = 0;
    if (size(program, &bytes) != success || bytes <= 1)
      return {};
    std::string out(bytes, '\0');
    if (get(program, out.data()) != success)
      return {};
    out.resize(bytes - 1);
    return out;
  }
};

Result<Nvrtc> Nvrtc::open() {
  std::vector<std::string> tried;
  for (const std::string& candidate : nvrtc_candidates()) {
    auto library = std::make_shared<Library>();
    Nvrtc nvrtc;
    if (library->load(candidate) &&
        library->version(&nvrtc.version_.first, &nvrtc.version_.second) == success) {
      nvrtc.loaded_ = std::move(library);
      nvrtc.path_ = candidate;
      return nvrtc;
    }
    tried.push_back(candidate);
  }
  Error error = environment_error(
      "NVRTC, the CUDA run-time compiler, is not found",
      "install a CUDA toolkit, or the wheel: python3 -m pip install nvidia-cuda-nvrtc; or set "
      "ATTILE_NVRTC to libnvrtc.so");
  for (const std::string& path : tried)
    error.notes.push_back("tried " + path);
  return error;
}

std::vector<std::string> Nvrtc::targets() const {
  int count = 0;
  std::vector<std::string> out;
  if (loaded_->count_targets(&count) != success || count <= 0)
    return out;
  std::vector<int> numbers(static_cast<std::size_t>(count));
  if (loaded_->get_targets(numbers.data()) == success)
    for (int number : numbers)
      out.push_back(fmt::format("sm_{}", number));
  return out;
}

Result<NvrtcResult> Nvrtc::compile(const std::string& source, const std::string& name,
                                   const NvrtcOptions& options) const {
  std::vector<const char*> header_names, header_texts;
  for (const auto& [header, text] : options.headers) {
    header_names.push_back(header.c_str());
    header_texts.push_back(text.c_str());
  }
  Program program = nullptr;
  if (const int status =
          loaded_->create(&program, source.c_str(), name.c_str(), static_cast<int>(header_names.size()),
                          header_texts.data(), header_names.data());
      status != success)
    return internal_error(fmt::format("NVRTC: {}", loaded_->error_string(status)));
  const std::unique_ptr<Program, int (*)(Program*)> owner(&program, loaded_->destroy);

  std::string target = options.target;
  if (!options.cubin && target.starts_with("sm_"))
    target.replace(0, 3, "compute_");
  std::vector<std::string> flags = {"--gpu-architecture=" + target, "--std=c++17"};
  if (options.line_info)
    flags.emplace_back("--generate-line-info");
  if (options.cubin)
    flags.emplace_back("--ptxas-options=-v");
  flags.insert(flags.end(), options.flags.begin(), options.flags.end());
  std::vector<const char*> pointers;
  pointers.reserve(flags.size());
  for (const std::string& flag : flags)
    pointers.push_back(flag.c_str());

  const int status = loaded_->compile(program, static_cast<int>(pointers.size()), pointers.data());
  NvrtcResult result;
  result.log = loaded_->text(loaded_->log_size, loaded_->log, program);
  if (status != success)
    return user_error(fmt::format("NVRTC refuses {} for {}: {}\n{}", name, options.target,
                                  loaded_->error_string(status), result.log));
  result.ptx = loaded_->text(loaded_->ptx_size, loaded_->ptx, program);
  if (std::size_t bytes = 0; options.cubin && loaded_->cubin_size(program, &bytes) == success && bytes > 0) {
    result.cubin.resize(bytes);
    if (loaded_->cubin(program, reinterpret_cast<char*>(result.cubin.data())) != success)
      result.cubin.clear();
  }
  read_log(result.log, result);
  return result;
}

} // namespace attile::cuda
