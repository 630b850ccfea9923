// A CUDA driver that does nothing: what a launch costs on the host, and what drivers are like that cannot be
// had. $FAKE_CUDA_VERSION (12040), $FAKE_CUDA_INIT (what cuInit returns) and $FAKE_CUDA_DEVICES (1) are read
// at every call. Built with FAKE_CUDA_INCOMPLETE, it lacks cuLibraryLoadData.
#include "runtime/cuda/abi.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace attile::cuda {

namespace {

int number(const char* variable, int otherwise) {
  const char* value = std::getenv(variable);
  return value ? std::atoi(value) : otherwise;
}

template <class Handle> Handle some_handle() { return reinterpret_cast<Handle>(std::size_t(0x1000)); }

Context current = nullptr;

} // namespace

extern "C" {
#define ATTILE_CUDA_FUNCTION(name, parameters) Status name parameters;
#include "runtime/cuda/functions.def"
#undef ATTILE_CUDA_FUNCTION

Status cuInit(unsigned) { return static_cast<Status>(number("FAKE_CUDA_INIT", 0)); }
Status cuDriverGetVersion(int* version) {
  return *version = number("FAKE_CUDA_VERSION", 12040), Status::success;
}
Status cuGetErrorName(Status, const char** name) { return *name = "CUDA_ERROR_FAKE", Status::success; }
Status cuGetErrorString(Status, const char** text) { return *text = "of a fake driver", Status::success; }

Status cuDeviceGetCount(int* count) { return *count = number("FAKE_CUDA_DEVICES", 1), Status::success; }
Status cuDeviceGet(int* device, int ordinal) { return *device = ordinal, Status::success; }
Status cuDeviceGetName(char* name, int, int) { return std::strcpy(name, "Fake GPU"), Status::success; }
Status cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == attribute::capability_major     ? 9
           : attribute == attribute::capability_minor   ? 0
           : attribute == attribute::shared_bytes_optin ? 232448
                                                        : 132;
  return Status::success;
}
Status cuDeviceTotalMem_v2(std::size_t* bytes, int) { return *bytes = std::size_t(1) << 37, Status::success; }
Status cuDevicePrimaryCtxRetain(Context* context, int) {
  return *context = some_handle<Context>(), Status::success;
}
Status cuDevicePrimaryCtxRelease_v2(int) { return Status::success; }

Status cuCtxGetCurrent(Context* context) { return *context = current, Status::success; }
Status cuCtxGetDevice(int* device) { return *device = 0, Status::success; }
Status cuCtxPushCurrent_v2(Context context) { return current = context, Status::success; }
Status cuCtxPopCurrent_v2(Context*) { return current = nullptr, Status::success; }
Status cuCtxSynchronize() { return Status::success; }

Status cuStreamGetCtx(Stream, Context* context) { return *context = some_handle<Context>(), Status::success; }
Status cuStreamGetId(Stream stream, unsigned long long* id) {
  return *id = reinterpret_cast<unsigned long long>(stream), Status::success;
}
Status cuStreamIsCapturing(Stream, int* status) { return *status = capture_none, Status::success; }
Status cuThreadExchangeStreamCaptureMode(int*) { return Status::success; }

Status cuMemAlloc_v2(Pointer* pointer, std::size_t bytes) {
  *pointer = reinterpret_cast<Pointer>(::operator new(bytes, std::align_val_t(256), std::nothrow));
  return *pointer ? Status::success : Status::out_of_memory;
}
Status cuMemFree_v2(Pointer pointer) {
  ::operator delete(reinterpret_cast<void*>(pointer), std::align_val_t(256));
  return Status::success;
}
Status cuMemcpyHtoD_v2(Pointer, const void*, std::size_t) { return Status::success; }
Status cuMemcpyDtoH_v2(void*, Pointer, std::size_t) { return Status::success; }
Status cuMemsetD8Async(Pointer, unsigned char, std::size_t, Stream) { return Status::success; }
Status cuPointerGetAttributes(unsigned, int*, void** data, Pointer) {
  *static_cast<unsigned*>(data[0]) = memory_device;
  *static_cast<int*>(data[2]) = 0;
  return Status::success;
}

#ifndef FAKE_CUDA_INCOMPLETE
Status cuLibraryLoadData(Library* library, const void*, int*, void**, unsigned, int*, void**, unsigned) {
  return *library = some_handle<Library>(), Status::success;
}
#endif
Status cuLibraryUnload(Library) { return Status::success; }
Status cuLibraryGetKernel(Function* kernel, Library, const char*) {
  return *kernel = some_handle<Function>(), Status::success;
}
Status cuKernelGetFunction(Function* function, Function kernel) {
  return *function = kernel, Status::success;
}
Status cuKernelGetAttribute(int* value, int attribute, Function, int) {
  return *value = attribute == attribute::max_threads ? 1024 : 0, Status::success;
}
Status cuKernelSetAttribute(int, int, Function, int) { return Status::success; }
Status cuLaunchKernel(Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream,
                      void**, void**) {
  return Status::success;
}

Status cuEventCreate(Event* event, unsigned) { return *event = some_handle<Event>(), Status::success; }
Status cuEventDestroy_v2(Event) { return Status::success; }
Status cuEventRecord(Event, Stream) { return Status::success; }
Status cuEventSynchronize(Event) { return Status::success; }
Status cuEventElapsedTime(float* ms, Event, Event) { return *ms = 1, Status::success; }
}

} // namespace attile::cuda
