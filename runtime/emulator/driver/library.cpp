// Libraries: images that belong to no context. One is loaded into a context when a kernel or variable of it
// is first used there.
#include "emulator/driver/call.h"
#include "emulator/driver/function.h"
#include "emulator/driver/launch.h"
#include "emulator/driver/module.h"

namespace emu::driver {
namespace {

std::shared_ptr<Module> module_of(Driver& driver, Context& context, Library& library) {
  const auto loaded = library.modules.find(&context);
  if (loaded != library.modules.end())
    return driver.modules.find(loaded->second);
  LoadLog log;
  CUmodule handle = nullptr;
  if (const CUresult error = load_module(driver, context, library.text, log, handle); error != CUDA_SUCCESS) {
    refuse(error, log.error);
    return nullptr;
  }
  library.modules.emplace(&context, handle);
  const std::shared_ptr<Module> module = driver.modules.find(handle);
  for (const auto& [name, kernel] : library.kernels)
    for (const auto& [attribute, value] : kernel->attributes)
      set_attribute(*module->functions.at(name), attribute, value);
  return module;
}

std::shared_ptr<FunctionObject> function_of(Driver& driver, Context& context, const Kernel& kernel) {
  const std::shared_ptr<Module> module = module_of(driver, context, *kernel.owner);
  return module == nullptr ? nullptr : module->functions.at(kernel.name);
}

} // namespace

std::shared_ptr<FunctionObject> find_function(Driver& driver, Context& context, CUfunction handle) {
  if (std::shared_ptr<FunctionObject> function = driver.functions.find(handle))
    return function;
  const std::shared_ptr<Kernel> kernel = driver.kernels.find(reinterpret_cast<CUkernel>(handle));
  return kernel == nullptr ? nullptr : function_of(driver, context, *kernel);
}

} // namespace emu::driver

namespace emu::abi {

using namespace emu::driver;

namespace {

struct LibraryCall : ContextCall {
  explicit LibraryCall(CUlibrary handle) {
    if (error != CUDA_SUCCESS)
      return;
    lib = driver->libraries.find(handle);
    if (lib == nullptr)
      error = CUDA_ERROR_INVALID_HANDLE;
  }
  std::shared_ptr<Library> lib;
};

struct KernelCall : ContextCall {
  explicit KernelCall(CUkernel handle) {
    if (error != CUDA_SUCCESS)
      return;
    kernel = driver->kernels.find(handle);
    function = kernel == nullptr ? nullptr : function_of(*driver, *context, *kernel);
    if (function == nullptr)
      error = CUDA_ERROR_INVALID_HANDLE;
  }
  std::shared_ptr<Kernel> kernel;
  std::shared_ptr<FunctionObject> function;
};

} // namespace

CUresult cuLibraryLoadData(CUlibrary* handle, const void* image, CUjit_option* options, void** values,
                           unsigned int count, CUlibraryOption*, void**, unsigned int) {
  const JitOptions jit(count, options, values);
  if (handle == nullptr || image == nullptr || !jit.valid())
    return CUDA_ERROR_INVALID_VALUE;
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  LoadLog log;
  auto library = std::make_shared<Library>();
  CUmodule module = nullptr;
  CUresult result = text_of(image, call.chip(), library->text, log);
  if (result == CUDA_SUCCESS)
    result = load_module(*call.driver, *call.context, library->text, log, module);
  jit.write(log);
  if (result != CUDA_SUCCESS)
    return refuse(result, log.error);
  library->modules.emplace(call.context.get(), module);
  for (const auto& [name, function] : call->modules.find(module)->functions) {
    auto kernel = std::make_shared<Kernel>();
    kernel->owner = library.get();
    kernel->name = name;
    call->kernels.add(kernel);
    library->kernels.emplace(name, std::move(kernel));
  }
  *handle = call->libraries.add(std::move(library));
  return CUDA_SUCCESS;
}

CUresult cuLibraryLoadFromFile(CUlibrary* handle, const char* path, CUjit_option* options, void** values,
                               unsigned int count, CUlibraryOption* library_options, void** library_values,
                               unsigned int library_count) {
  if (path == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  std::string image;
  const CUresult result = read_file(path, image);
  return result != CUDA_SUCCESS ? result
                                : cuLibraryLoadData(handle, image.data(), options, values, count,
                                                    library_options, library_values, library_count);
}

CUresult cuLibraryUnload(CUlibrary handle) {
  LibraryCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  call.lock.unlock();
  call->queue.drain_context(nullptr);
  call.lock.lock();
  for (const auto& [context, module] : call.lib->modules)
    unload_module(*call.driver, module);
  for (const auto& [name, kernel] : call.lib->kernels)
    call->kernels.take(call->kernels.handle_of(*kernel));
  call->libraries.take(handle);
  return CUDA_SUCCESS;
}

CUresult cuLibraryGetKernel(CUkernel* kernel, CUlibrary handle, const char* name) {
  const LibraryCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (kernel == nullptr || name == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const auto found = call.lib->kernels.find(std::string_view(name));
  if (found == call.lib->kernels.end())
    return CUDA_ERROR_NOT_FOUND;
  *kernel = call->kernels.handle_of(*found->second);
  return CUDA_SUCCESS;
}

CUresult cuLibraryGetKernelCount(unsigned int* count, CUlibrary handle) {
  const LibraryCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (count == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *count = static_cast<unsigned>(call.lib->kernels.size());
  return CUDA_SUCCESS;
}

CUresult cuLibraryEnumerateKernels(CUkernel* kernels, unsigned int count, CUlibrary handle) {
  const LibraryCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (kernels == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  for (const auto& [name, kernel] : call.lib->kernels)
    if (count > 0) {
      *kernels++ = call->kernels.handle_of(*kernel);
      --count;
    }
  return CUDA_SUCCESS;
}

CUresult cuLibraryGetModule(CUmodule* module, CUlibrary handle) {
  const LibraryCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (module == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const std::shared_ptr<Module> loaded = module_of(*call.driver, *call.context, *call.lib);
  if (loaded == nullptr)
    return CUDA_ERROR_NOT_FOUND;
  *module = call->modules.handle_of(*loaded);
  return CUDA_SUCCESS;
}

CUresult cuLibraryGetGlobal(CUdeviceptr* pointer, std::size_t* bytes, CUlibrary handle, const char* name) {
  const LibraryCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (name == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const std::shared_ptr<Module> module = module_of(*call.driver, *call.context, *call.lib);
  if (module == nullptr)
    return CUDA_ERROR_NOT_FOUND;
  const auto found = module->program->globals.find(std::string_view(name));
  if (found == module->program->globals.end())
    return CUDA_ERROR_NOT_FOUND;
  if (pointer != nullptr)
    *pointer = found->second;
  if (bytes != nullptr)
    *bytes = module->program->global_sizes.find(std::string_view(name))->second;
  return CUDA_SUCCESS;
}

CUresult cuLibraryGetManaged(CUdeviceptr* pointer, std::size_t* bytes, CUlibrary library, const char* name) {
  return cuLibraryGetGlobal(pointer, bytes, library, name);
}

CUresult cuLibraryGetUnifiedFunction(void** function, CUlibrary library, const char* name) {
  return CUDA_ERROR_NOT_FOUND;
}

CUresult cuKernelGetFunction(CUfunction* function, CUkernel handle) {
  const KernelCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (function == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *function = call->functions.handle_of(*call.function);
  return CUDA_SUCCESS;
}

CUresult cuKernelGetLibrary(CUlibrary* library, CUkernel handle) {
  const KernelCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (library == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *library = call->libraries.handle_of(*call.kernel->owner);
  return CUDA_SUCCESS;
}

CUresult cuKernelGetAttribute(int* value, CUfunction_attribute attribute, CUkernel handle, CUdevice device) {
  const KernelCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (call->device(device) == nullptr)
    return CUDA_ERROR_INVALID_DEVICE;
  return value == nullptr ? CUDA_ERROR_INVALID_VALUE : get_attribute(*call.function, attribute, *value);
}

// For all devices, which are alike.
CUresult cuKernelSetAttribute(CUfunction_attribute attribute, int value, CUkernel handle, CUdevice device) {
  const KernelCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (call->device(device) == nullptr)
    return CUDA_ERROR_INVALID_DEVICE;
  if (const CUresult error = set_attribute(*call.function, attribute, value); error != CUDA_SUCCESS)
    return error;
  call.kernel->attributes[attribute] = value;
  for (const auto& [context, module] : call.kernel->owner->modules)
    set_attribute(*call->modules.find(module)->functions.at(call.kernel->name), attribute, value);
  return CUDA_SUCCESS;
}

CUresult cuKernelSetCacheConfig(CUkernel handle, CUfunc_cache config, CUdevice device) {
  const KernelCall call(handle);
  return call.error;
}

CUresult cuKernelGetName(const char** name, CUkernel handle) {
  const KernelCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (name == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *name = call.kernel->name.c_str();
  return CUDA_SUCCESS;
}

CUresult cuKernelGetParamInfo(CUkernel handle, std::size_t index, std::size_t* offset, std::size_t* size) {
  const KernelCall call(handle);
  return call.error != CUDA_SUCCESS ? call.error : param_info(*call.function, index, offset, size);
}

} // namespace emu::abi
