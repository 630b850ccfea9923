// Modules: PTX text that has been loaded into a context.
#include "emulator/driver/module.h"
#include "emulator/driver/call.h"
#include "emulator/driver/capture.h"
#include "emulator/driver/launch.h"
#include "emulator/isa/load.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace emu::driver {

void** JitOptions::value(CUjit_option option) const {
  for (unsigned i = 0; i < count; ++i)
    if (options[i] == option)
      return &values[i];
  return nullptr;
}

void JitOptions::write(const std::string& text, CUjit_option buffer, CUjit_option size) const {
  void** const to = value(buffer);
  void** const bytes = value(size);
  if (to == nullptr || *to == nullptr || bytes == nullptr)
    return;
  const std::size_t room = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(*bytes));
  const std::size_t used = room == 0 ? 0 : std::min(text.size(), room - 1);
  if (room != 0) {
    std::memcpy(*to, text.data(), used);
    static_cast<char*>(*to)[used] = '\0';
  }
  *bytes = reinterpret_cast<void*>(used);
}

void JitOptions::write(const LoadLog& log) const {
  write(log.error, CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
  write(log.info, CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES);
}

CUresult load_module(Driver& driver, Context& context, const std::string& text, LoadLog& log,
                     CUmodule& handle) {
  const Chip& chip = *driver.devices[context.device].chip;
  if (const CUresult error = check_target(text, chip, log); error != CUDA_SUCCESS)
    return error;
  ptx::Error error;
  const std::shared_ptr<const Program> program = load(text, *driver.memory, error);
  if (program == nullptr) {
    log.error = ptx::render(text, "ptx", error);
    return CUDA_ERROR_INVALID_PTX;
  }
  if (Checker* const checks = driver.checks())
    for (const auto& [name, address] : program->globals)
      checks->host_writes(address, program->global_sizes.at(name));
  auto module = std::make_shared<Module>();
  module->context = &context;
  module->program = program;
  for (const std::unique_ptr<Function>& function : program->functions) {
    if (!function->entry)
      continue;
    auto object = std::make_shared<FunctionObject>();
    object->module = module;
    object->program = program;
    object->function = function.get();
    object->chip = &chip;
    object->max_dynamic_shared = static_cast<std::uint32_t>(
        std::max<std::int64_t>(chip.shared_per_block - static_cast<std::int64_t>(function->shared_bytes), 0));
    driver.functions.add(object);
    log.info +=
        fmt::format("{}: {} bytes shared, {} bytes local, {} bytes of parameters; registers {}\n",
                    function->name, function->shared_bytes, function->local_bytes, function->param_bytes,
                    registers_of(*function) == 0 ? "unknown" : fmt::format("{}", registers_of(*function)));
    module->functions.emplace(function->name, std::move(object));
  }
  handle = driver.modules.add(std::move(module));
  return CUDA_SUCCESS;
}

void unload_module(Driver& driver, CUmodule handle) {
  const std::shared_ptr<Module> module = driver.modules.take(handle);
  if (module == nullptr)
    return;
  for (const auto& [name, object] : module->functions)
    driver.functions.take(driver.functions.handle_of(*object));
  release_variables(*module->program, *driver.memory);
}

} // namespace emu::driver

namespace emu::abi {

using namespace emu::driver;

namespace {

CUresult load_image(CUmodule* module, const void* image, const JitOptions& options) {
  if (module == nullptr || image == nullptr || !options.valid())
    return CUDA_ERROR_INVALID_VALUE;
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (capture_forbids_waiting(*call.driver))
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  LoadLog log;
  std::string text;
  CUresult result = text_of(image, call.chip(), text, log);
  if (result == CUDA_SUCCESS)
    result = load_module(*call.driver, *call.context, text, log, *module);
  options.write(log);
  return result == CUDA_SUCCESS ? result : refuse(result, log.error);
}

struct ModuleCall : ContextCall {
  explicit ModuleCall(CUmodule handle) {
    if (error != CUDA_SUCCESS)
      return;
    module = driver->modules.find(handle);
    if (module == nullptr)
      error = CUDA_ERROR_INVALID_HANDLE;
  }
  std::shared_ptr<Module> module;
};

} // namespace

CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned int count, CUjit_option* options,
                            void** values) {
  return load_image(module, image, JitOptions(count, options, values));
}

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

CUresult cuModuleLoadFatBinary(CUmodule* module, const void* image) {
  return cuModuleLoadData(module, image);
}

CUresult cuModuleLoad(CUmodule* module, const char* path) {
  if (module == nullptr || path == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  std::string image;
  const CUresult result = read_file(path, image);
  return result == CUDA_SUCCESS ? cuModuleLoadData(module, image.data()) : result;
}

CUresult cuModuleUnload(CUmodule handle) {
  ModuleCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  call.lock.unlock();
  call->queue.drain_context(call.module->context);
  call.lock.lock();
  unload_module(*call.driver, handle);
  return CUDA_SUCCESS;
}

CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode* mode) {
  if (mode == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *mode = CUmoduleLoadingMode{1}; // eager
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule handle, const char* name) {
  const ModuleCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (function == nullptr || name == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const auto found = call.module->functions.find(std::string_view(name));
  if (found == call.module->functions.end())
    return CUDA_ERROR_NOT_FOUND;
  *function = call->functions.handle_of(*found->second);
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunctionCount(unsigned int* count, CUmodule handle) {
  const ModuleCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (count == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *count = static_cast<unsigned>(call.module->functions.size());
  return CUDA_SUCCESS;
}

CUresult cuModuleEnumerateFunctions(CUfunction* functions, unsigned int count, CUmodule handle) {
  const ModuleCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (functions == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  for (const auto& [name, object] : call.module->functions)
    if (count > 0) {
      *functions++ = call->functions.handle_of(*object);
      --count;
    }
  return CUDA_SUCCESS;
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr* pointer, std::size_t* bytes, CUmodule handle, const char* name) {
  const ModuleCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (name == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const Program& program = *call.module->program;
  const auto found = program.globals.find(std::string_view(name));
  if (found == program.globals.end())
    return CUDA_ERROR_NOT_FOUND;
  if (pointer != nullptr)
    *pointer = found->second;
  if (bytes != nullptr)
    *bytes = program.global_sizes.find(std::string_view(name))->second;
  return CUDA_SUCCESS;
}

// ---- the linker, which makes machine code: refused ----

CUresult cuLinkCreate_v2(unsigned int count, CUjit_option* options, void** values, CUlinkState* state) {
  LoadLog log;
  log.error = "the emulator has no linker: it runs PTX, and makes no cubins";
  JitOptions(count, options, values).write(log);
  return refuse(CUDA_ERROR_NOT_SUPPORTED, log.error);
}
CUresult cuLinkAddData_v2(CUlinkState, CUjitInputType, void*, std::size_t, const char*, unsigned int,
                          CUjit_option*, void**) {
  return CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuLinkAddFile_v2(CUlinkState, CUjitInputType, const char*, unsigned int, CUjit_option*, void**) {
  return CUDA_ERROR_INVALID_HANDLE;
}
CUresult cuLinkComplete(CUlinkState, void**, std::size_t*) { return CUDA_ERROR_INVALID_HANDLE; }
CUresult cuLinkDestroy(CUlinkState) { return CUDA_ERROR_INVALID_HANDLE; }

} // namespace emu::abi
