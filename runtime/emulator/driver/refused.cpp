// What the emulator does not have: memory shared with other processes, and textures.
#include "emulator/driver/report.h"

namespace emu::abi {

namespace {

CUresult no_sharing() {
  return driver::refuse(CUDA_ERROR_NOT_SUPPORTED, "the emulator shares no memory with other processes");
}

CUresult no_textures() {
  return driver::refuse(CUDA_ERROR_NOT_SUPPORTED, "the emulator has no arrays, textures or surfaces");
}

} // namespace

CUresult cuIpcGetMemHandle(CUipcMemHandle*, CUdeviceptr) { return no_sharing(); }
CUresult cuIpcOpenMemHandle_v2(CUdeviceptr*, CUipcMemHandle, unsigned int) { return no_sharing(); }
CUresult cuIpcCloseMemHandle(CUdeviceptr) { return no_sharing(); }
CUresult cuIpcGetEventHandle(CUipcEventHandle*, CUevent) { return no_sharing(); }
CUresult cuIpcOpenEventHandle(CUevent*, CUipcEventHandle) { return no_sharing(); }

CUresult cuArrayCreate_v2(CUarray*, const void*) { return no_textures(); }
CUresult cuArray3DCreate_v2(CUarray*, const void*) { return no_textures(); }
CUresult cuArrayDestroy(CUarray) { return no_textures(); }
CUresult cuTexObjectCreate(unsigned long long*, const void*, const void*, const void*) {
  return no_textures();
}
CUresult cuTexObjectDestroy(unsigned long long) { return no_textures(); }
CUresult cuSurfObjectCreate(unsigned long long*, const void*) { return no_textures(); }
CUresult cuSurfObjectDestroy(unsigned long long) { return no_textures(); }

// There is no profiler to start.
CUresult cuProfilerStart() { return CUDA_SUCCESS; }
CUresult cuProfilerStop() { return CUDA_SUCCESS; }

} // namespace emu::abi
