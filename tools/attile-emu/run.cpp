#include "tools/attile-emu/run.h"

#include <cstring>
#include <emulator/driver/abi.h>
#include <emulator/include/attile_emulator.h>
#include <fmt/format.h>

namespace attile::emu_tool {
namespace {

using namespace ::emu::abi;

std::string name_of(CUresult result) {
  const char* text = nullptr;
  cuGetErrorName(result, &text);
  return text == nullptr ? "an unknown error" : text;
}

std::string fetch(std::size_t (*get)(char*, std::size_t)) {
  std::string text(get(nullptr, 0), '\0');
  get(text.data(), text.size() + 1);
  return text;
}

Error failed(const std::string& what, CUresult result) {
  const std::string why = fetch(attileEmuGetLastFailure);
  return user_error(fmt::format("{}: {}{}{}", what, name_of(result), why.empty() ? "" : ": ", why));
}

/// A context, what is allocated in it, and the events around the launch; gone with the object.
class Session {
public:
  ~Session() {
    if (context != nullptr)
      cuCtxDestroy_v2(context);
  }

  Result<void> open(const Job& job) {
    attileEmuClearReport();
    CUresult error = cuInit(0);
    if (error == CUDA_SUCCESS)
      error = cuCtxCreate_v2(&context, 0, 0);
    if (error != CUDA_SUCCESS)
      return failed("the emulator does not start", error);
    CUmodule module = nullptr;
    error = cuModuleLoadData(&module, job.ptx.c_str());
    if (error != CUDA_SUCCESS)
      return failed("the PTX is not loaded", error);
    return find(module, job.kernel);
  }

  Result<void> bind(const Job& job) {
    std::size_t offset = 0, size = 0, count = 0;
    while (cuFuncGetParamInfo(function, count, &offset, &size) == CUDA_SUCCESS)
      ++count;
    if (count != job.arguments.size())
      return usage_error(fmt::format("'{}' has {} parameters, but {} arguments are given", kernel, count,
                                     job.arguments.size()));
    for (std::size_t i = 0; i < count; ++i) {
      const Argument& argument = job.arguments[i];
      cuFuncGetParamInfo(function, i, &offset, &size);
      const std::size_t given = argument.array ? sizeof(CUdeviceptr) : argument.scalar.size();
      if (given != size)
        return usage_error(fmt::format("argument '{}' has {} bytes, but parameter {} of '{}' has {}",
                                       argument.text, given, i, kernel, size));
      if (Result<void> done = argument.array ? upload(argument) : keep(argument); !done)
        return done;
    }
    for (std::vector<std::byte>& value : values)
      pointers.push_back(value.data());
    return {};
  }

  CUresult launch(const Job& job, float& microseconds) {
    if (job.shared > 48 * 1024)
      if (const CUresult error = cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                                    static_cast<int>(job.shared));
          error != CUDA_SUCCESS)
        return error;
    CUlaunchAttribute attributes[2]{};
    CUlaunchConfig config{job.grid[0],  job.grid[1], job.grid[2], job.block[0], job.block[1],
                          job.block[2], job.shared,  nullptr,     attributes,   0};
    if (job.cluster) {
      attributes[config.numAttrs].id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
      attributes[config.numAttrs++].value.clusterDim = {(*job.cluster)[0], (*job.cluster)[1],
                                                        (*job.cluster)[2]};
    }
    if (job.cooperative) {
      attributes[config.numAttrs].id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE;
      attributes[config.numAttrs++].value.cooperative = 1;
    }
    CUevent begin = nullptr, end = nullptr;
    cuEventCreate(&begin, 0);
    cuEventCreate(&end, 0);
    cuEventRecord(begin, nullptr);
    CUresult error = cuLaunchKernelEx(&config, function, pointers.data(), nullptr);
    if (error == CUDA_SUCCESS)
      error = cuEventRecord(end, nullptr);
    if (error == CUDA_SUCCESS)
      error = cuCtxSynchronize();
    if (error == CUDA_SUCCESS && cuEventElapsedTime(&microseconds, begin, end) == CUDA_SUCCESS)
      microseconds *= 1000;
    return error;
  }

  Result<std::vector<Array>> outputs(const Job& job) {
    std::vector<Array> all;
    for (std::size_t i = 0; i < job.arguments.size(); ++i) {
      const Argument& argument = job.arguments[i];
      if (!argument.is_output())
        continue;
      Array array = *argument.array;
      CUdeviceptr address = 0;
      std::memcpy(&address, values[i].data(), sizeof address);
      if (const CUresult error = cuMemcpyDtoH_v2(array.bytes.data(), address, array.bytes.size());
          error != CUDA_SUCCESS)
        return failed("an output is not read", error);
      all.push_back(std::move(array));
    }
    return all;
  }

private:
  Result<void> find(CUmodule module, const std::string& name) {
    unsigned count = 0;
    cuModuleGetFunctionCount(&count, module);
    std::vector<CUfunction> functions(count);
    cuModuleEnumerateFunctions(functions.data(), count, module);
    std::string known;
    for (const CUfunction candidate : functions) {
      const char* text = nullptr;
      cuFuncGetName(&text, candidate);
      known += fmt::format("{}{}", known.empty() ? "" : ", ", text);
      if (name == text || (name.empty() && count == 1)) {
        function = candidate;
        kernel = text;
      }
    }
    if (function != nullptr)
      return {};
    return usage_error(name.empty() ? fmt::format("the module has {} kernels; choose one", count)
                                    : fmt::format("the module has no kernel '{}'", name),
                       "its kernels: " + known);
  }

  Result<void> keep(const Argument& argument) {
    values.push_back(argument.scalar);
    return {};
  }

  Result<void> upload(const Argument& argument) {
    CUdeviceptr address = 0;
    const std::vector<std::byte>& bytes = argument.array->bytes;
    CUresult error = cuMemAlloc_v2(&address, bytes.size());
    if (error == CUDA_SUCCESS && argument.defined)
      error = cuMemcpyHtoD_v2(address, bytes.data(), bytes.size());
    if (error != CUDA_SUCCESS)
      return failed(fmt::format("argument '{}'", argument.text), error);
    values.emplace_back(sizeof address);
    std::memcpy(values.back().data(), &address, sizeof address);
    return {};
  }

  CUcontext context = nullptr;
  CUfunction function = nullptr;
  std::string kernel;
  std::vector<std::vector<std::byte>> values;
  std::vector<void*> pointers;
};

} // namespace

Result<Run> run(const Job& job) {
  Session session;
  if (Result<void> opened = session.open(job); !opened)
    return opened.error();
  if (Result<void> bound = session.bind(job); !bound)
    return bound.error();
  Run made;
  const CUresult result = session.launch(job, made.microseconds);
  made.result = name_of(result);
  made.report = fetch(attileEmuGetReport);
  if (result != CUDA_SUCCESS) {
    made.failure = fetch(attileEmuGetLastFailure);
    return made;
  }
  Result<std::vector<Array>> outputs = session.outputs(job);
  if (!outputs)
    return outputs.error();
  made.outputs = std::move(*outputs);
  return made;
}

} // namespace attile::emu_tool
