#include "cuda/code.h"

#include "cuda/tensor_map.h"

#include <algorithm>
#include <fmt/core.h>

namespace attile::cuda {

namespace {

constexpr std::size_t log_bytes = 16384;

/// Why a GPU cannot run a section; empty if it can.
std::string objection(const CodeSection& section, const Gpu& gpu) {
  std::string code = fmt::format("{} for '{}'", section.kind, section.target);
  if (!section.is_gpu())
    return code + " is for no GPU";
  std::optional<GpuTarget> target = GpuTarget::parse(section.target);
  bool machine_code = section.kind == CodeSection::cubin;
  if (machine_code && gpu.driver.takes_ptx_only())
    return code + " is machine code, the emulator runs PTX";
  if (!target ||
      !(machine_code ? target->cubin_runs_on(gpu.capability) : target->ptx_runs_on(gpu.capability)))
    return fmt::format("{} does not run on {}", code, to_string(gpu.capability));
  return "";
}

} // namespace

Result<const CodeSection*> choose_section(const Package& package, const Gpu& gpu) {
  const CodeSection* best = nullptr;
  std::vector<std::string> notes;
  auto rank = [](const CodeSection& section) {
    GpuTarget target = *GpuTarget::parse(section.target);
    return std::tuple(section.kind == CodeSection::cubin, target.capability, target.suffix);
  };
  for (const CodeSection& section : package.code)
    if (std::string why_not = objection(section, gpu); !why_not.empty())
      notes.push_back(std::move(why_not));
    else if (!best || rank(section) > rank(*best))
      best = &section;
  if (best)
    return best;
  Error error =
      environment_error(fmt::format("package '{}' has no code for device {}, which is a {}",
                                    package.spec_name, gpu.name(), to_string(gpu.capability)),
                        fmt::format("build the package with --target={}", to_string(gpu.capability)));
  error.notes = std::move(notes);
  return error;
}

Result<std::unique_ptr<Code>> Code::load(const Package& package, const CodeSection& section, const Gpu& gpu) {
  auto code = std::make_unique<Code>(gpu);
  std::string where = fmt::format("{} for '{}'", section.kind, section.target);
  if (Result<void> result = code->load(section); !result)
    return std::move(result).error().in(where);
  for (const plan::Launch& launch : package.plan_of(section).kernels) {
    Result<Kernel> kernel = code->kernel(section.kernels.at(launch.symbol), launch.slots);
    if (!kernel)
      return std::move(kernel).error().in(fmt::format("{}: kernel '{}'", where, launch.symbol));
    code->kernels.push_back(*kernel);
  }
  return code;
}

Code::~Code() {
  if (library)
    gpu.driver.cuLibraryUnload(library);
}

Result<void> Code::load(const CodeSection& section) {
  log.assign(log_bytes, 0);
  text.assign(reinterpret_cast<const char*>(section.bytes.data()), section.bytes.size());
  int options[] = {jit_error_log, jit_error_log_bytes};
  void* values[] = {log.data(), reinterpret_cast<void*>(log_bytes - 1)};
  Status status =
      gpu.driver.cuLibraryLoadData(&library, text.c_str(), options, values, 2, nullptr, nullptr, 0);
  if (status == Status::success)
    return {};
  Error error = gpu.driver.error(status, fmt::format("device {} refuses it", gpu.name()));
  for (std::string_view rest = log.data(); !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    if (!line.empty())
      error.notes.emplace_back(line);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return error;
}

Result<Code::Kernel> Code::kernel(const GpuKernel& facts, const std::vector<plan::Slot>& slots) const {
  const Driver& driver = gpu.driver;
  Kernel kernel{nullptr, static_cast<unsigned>(facts.threads), static_cast<unsigned>(facts.shared_bytes)};
  Status status = driver.cuLibraryGetKernel(&kernel.function, library, facts.function.c_str());
  if (status == Status::not_found)
    return user_error(fmt::format("the code has no function '{}'", facts.function));
  if (status != Status::success)
    return driver.error(status, "cuLibraryGetKernel");
  Function loaded = nullptr; // now, as loading at the first launch would allocate
  if (status = driver.cuKernelGetFunction(&loaded, kernel.function); status != Status::success)
    return driver.error(status, fmt::format("device {} refuses it", gpu.name()));
  if (Result<void> result = check_resources(facts, kernel.function); !result)
    return result.error();
  if (Result<void> result = check_parameters(kernel.function, slots); !result)
    return result.error();
  return kernel;
}

Result<void> Code::check_resources(const GpuKernel& facts, Function function) const {
  const Driver& driver = gpu.driver;
  int threads = 0, shared = 0;
  for (auto [value, attribute] :
       {std::pair{&threads, attribute::max_threads}, {&shared, attribute::static_shared_bytes}})
    if (Status status = driver.cuKernelGetAttribute(value, attribute, function, gpu.device);
        status != Status::success)
      return driver.error(status, "cuKernelGetAttribute");
  if (facts.threads > threads)
    return environment_error(fmt::format("its block has {} threads, but device {} can hold {} of them",
                                         facts.threads, gpu.name(), threads));
  if (facts.shared_bytes + shared > gpu.shared_bytes)
    return environment_error(fmt::format("its block needs {} bytes of shared memory, but device {} has {}",
                                         facts.shared_bytes + shared, gpu.name(), gpu.shared_bytes),
                             fmt::format("build the package with --target={}", to_string(gpu.capability)));
  return driver.check(driver.cuKernelSetAttribute(attribute::max_dynamic_shared_bytes,
                                                  static_cast<int>(facts.shared_bytes), function, gpu.device),
                      "cuKernelSetAttribute");
}

/// A launch passes so many parameters of such sizes, and the driver reads what the code declares.
Result<void> Code::check_parameters(Function function, const std::vector<plan::Slot>& slots) const {
  if (!gpu.driver.cuKernelGetParamInfo)
    return {};
  auto size = [&](std::size_t index) {
    std::size_t offset = 0, bytes = 0;
    Status status = gpu.driver.cuKernelGetParamInfo(function, index, &offset, &bytes);
    return status == Status::success ? bytes : 0;
  };
  bool agree = size(slots.size()) == 0, maps = false;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    bool is_map = slots[i].kind == plan::Slot::Kind::map;
    agree &= size(i) == (is_map ? sizeof(TensorMap) : sizeof(std::uint64_t));
    maps |= is_map;
  }
  if (!agree)
    return user_error(fmt::format("expected {} parameters of 8 bytes{}, as the plan has slots", slots.size(),
                                  maps ? " (maps: 128)" : ""));
  return {};
}

} // namespace attile::cuda
