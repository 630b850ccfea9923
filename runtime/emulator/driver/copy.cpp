// Copies and fills. An address that is not the device's is the host's; a range that is the device's must lie
// in one allocation.
#include "emulator/driver/copy.h"
#include "emulator/driver/call.h"

#include <fmt/format.h>

namespace emu::driver {
namespace {

enum class Side { any, device };

bool is_device(const Driver& driver, std::uint64_t address) {
  return address - driver.memory->base() < driver.memory->capacity();
}

// `bytes` from `address`; `what` names it in the message.
CUresult check(const Driver& driver, std::uint64_t address, std::uint64_t bytes, Side side,
               const char* what) {
  if (is_device(driver, address)) {
    const std::optional<Allocation> found = driver.memory->find(address);
    if (found && bytes <= found->end() - address)
      return CUDA_SUCCESS;
    if (found)
      return refuse(
          CUDA_ERROR_INVALID_VALUE,
          fmt::format(
              "the {} of a copy, {} bytes at {:#x}, ends {} bytes after its allocation of {} bytes at {:#x}",
              what, bytes, address, bytes - (found->end() - address), found->size, found->address));
    const std::optional<Allocation> freed = driver.memory->find_freed(address);
    return refuse(CUDA_ERROR_INVALID_VALUE,
                  fmt::format("the {} of a copy, {} bytes at {:#x}, lies in no allocation{}", what, bytes,
                              address, freed ? "; it was freed" : ""));
  }
  if (side == Side::device)
    return refuse(CUDA_ERROR_INVALID_VALUE,
                  fmt::format("the {} of a copy, {:#x}, is not a device address", what, address));
  return address != 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

bool is_pageable(Driver& driver, std::uint64_t address) {
  return !is_device(driver, address) && driver.buffer(address) == driver.buffers.end();
}

std::size_t span_of(const Copy& copy, std::size_t pitch, std::size_t slice) {
  return (copy.depth - 1) * slice + (copy.height - 1) * pitch + copy.width;
}

// Gives it to the stream. Copies of pageable memory are done when the call returns, as drivers do, since the
// program may use that memory again at once.
CUresult start(StreamCall& call, Copy copy, Side dst, Side src, bool wait) {
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (copy.width == 0 || copy.height == 0 || copy.depth == 0)
    return CUDA_SUCCESS;
  if (const CUresult error = check_copy(*call.driver, copy, dst == Side::device, src == Side::device);
      error != CUDA_SUCCESS)
    return error;
  const bool pageable = is_pageable(*call.driver, copy.dst) || is_pageable(*call.driver, copy.src);
  if (wait || (pageable && call.stream->capture == nullptr))
    return call.complete(copy);
  return call.submit(copy);
}

CUresult start_flat(CUstream stream, std::uint64_t dst, Side dst_side, std::uint64_t src, Side src_side,
                    std::size_t bytes, bool wait) {
  StreamCall call(stream);
  return start(call, {.dst = dst, .src = src, .width = bytes}, dst_side, src_side, wait);
}

} // namespace

CUresult check_copy(Driver& driver, Copy& copy, bool dst_on_device, bool src_on_device) {
  copy.to_host = !is_device(driver, copy.dst);
  copy.from_host = !is_device(driver, copy.src);
  const CUresult error = check(driver, copy.dst, span_of(copy, copy.dst_pitch, copy.dst_slice),
                               dst_on_device ? Side::device : Side::any, "destination");
  if (error != CUDA_SUCCESS)
    return error;
  return check(driver, copy.src, span_of(copy, copy.src_pitch, copy.src_slice),
               src_on_device ? Side::device : Side::any, "source");
}

CUresult check_fill(const Driver& driver, const Fill& fill) {
  if (fill.dst % fill.element != 0 || (fill.height > 1 && fill.pitch < fill.width * fill.element))
    return CUDA_ERROR_INVALID_VALUE;
  if (fill.width == 0 || fill.height == 0)
    return CUDA_SUCCESS;
  return check(driver, fill.dst, (fill.height - 1) * fill.pitch + fill.width * fill.element, Side::device,
               "destination");
}

CUresult copy_of(const CUDA_MEMCPY3D& c, Copy& copy) {
  const auto side = [&](CUmemorytype type, const void* host, CUdeviceptr device, std::uint64_t& address) {
    if (type == CU_MEMORYTYPE_HOST)
      address = reinterpret_cast<std::uint64_t>(host);
    else if (type == CU_MEMORYTYPE_DEVICE || type == CU_MEMORYTYPE_UNIFIED)
      address = device;
    else
      return refuse(CUDA_ERROR_NOT_SUPPORTED, "the emulator has no arrays");
    return CUDA_SUCCESS;
  };
  const auto extent = [&](std::size_t x, std::size_t& pitch, std::size_t& height) {
    pitch = pitch == 0 ? x + c.WidthInBytes : pitch;
    height = height == 0 ? c.Height : height;
    return (c.Height <= 1 && c.Depth <= 1) ||
           (pitch >= x + c.WidthInBytes && (c.Depth <= 1 || height >= c.Height));
  };
  copy.width = c.WidthInBytes;
  copy.height = c.Height;
  copy.depth = c.Depth;
  std::size_t dst_pitch = c.dstPitch, dst_height = c.dstHeight, src_pitch = c.srcPitch,
              src_height = c.srcHeight;
  if (!extent(c.dstXInBytes, dst_pitch, dst_height) || !extent(c.srcXInBytes, src_pitch, src_height))
    return CUDA_ERROR_INVALID_VALUE;
  if (const CUresult error = side(c.dstMemoryType, c.dstHost, c.dstDevice, copy.dst); error != CUDA_SUCCESS)
    return error;
  if (const CUresult error = side(c.srcMemoryType, c.srcHost, c.srcDevice, copy.src); error != CUDA_SUCCESS)
    return error;
  copy.dst_pitch = dst_pitch;
  copy.dst_slice = dst_pitch * dst_height;
  copy.src_pitch = src_pitch;
  copy.src_slice = src_pitch * src_height;
  copy.dst += c.dstZ * copy.dst_slice + c.dstY * dst_pitch + c.dstXInBytes;
  copy.src += c.srcZ * copy.src_slice + c.srcY * src_pitch + c.srcXInBytes;
  return CUDA_SUCCESS;
}

namespace {

CUresult start_3d(const CUDA_MEMCPY3D* description, CUstream stream, bool wait) {
  if (description == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  StreamCall call(stream);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  Copy copy;
  if (const CUresult error = copy_of(*description, copy); error != CUDA_SUCCESS)
    return error;
  const auto side = [](CUmemorytype type) { return type == CU_MEMORYTYPE_DEVICE ? Side::device : Side::any; };
  return start(call, copy, side(description->dstMemoryType), side(description->srcMemoryType), wait);
}

CUresult start_2d(const CUDA_MEMCPY2D* c, CUstream stream, bool wait) {
  if (c == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  CUDA_MEMCPY3D whole{};
  whole.srcXInBytes = c->srcXInBytes;
  whole.srcY = c->srcY;
  whole.srcMemoryType = c->srcMemoryType;
  whole.srcHost = c->srcHost;
  whole.srcDevice = c->srcDevice;
  whole.srcPitch = c->srcPitch;
  whole.dstXInBytes = c->dstXInBytes;
  whole.dstY = c->dstY;
  whole.dstMemoryType = c->dstMemoryType;
  whole.dstHost = c->dstHost;
  whole.dstDevice = c->dstDevice;
  whole.dstPitch = c->dstPitch;
  whole.WidthInBytes = c->WidthInBytes;
  whole.Height = c->Height;
  whole.Depth = 1;
  return start_3d(&whole, stream, wait);
}

CUresult start_fill(CUstream stream, Fill fill, bool wait) {
  StreamCall call(stream);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (const CUresult error = check_fill(*call.driver, fill); error != CUDA_SUCCESS)
    return error;
  return wait ? call.complete(fill) : call.submit(fill);
}

std::uint64_t address(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

} // namespace
} // namespace emu::driver

namespace emu::abi {

using namespace emu::driver;

CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, std::size_t bytes) {
  return start_flat(nullptr, dst, Side::any, src, Side::any, bytes, true);
}
CUresult cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, std::size_t bytes, CUstream stream) {
  return start_flat(stream, dst, Side::any, src, Side::any, bytes, false);
}
CUresult cuMemcpyHtoD_v2(CUdeviceptr dst, const void* src, std::size_t bytes) {
  return start_flat(nullptr, dst, Side::device, address(src), Side::any, bytes, true);
}
CUresult cuMemcpyDtoH_v2(void* dst, CUdeviceptr src, std::size_t bytes) {
  return start_flat(nullptr, address(dst), Side::any, src, Side::device, bytes, true);
}
CUresult cuMemcpyDtoD_v2(CUdeviceptr dst, CUdeviceptr src, std::size_t bytes) {
  return start_flat(nullptr, dst, Side::device, src, Side::device, bytes, true);
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void* src, std::size_t bytes, CUstream stream) {
  return start_flat(stream, dst, Side::device, address(src), Side::any, bytes, false);
}
CUresult cuMemcpyDtoHAsync_v2(void* dst, CUdeviceptr src, std::size_t bytes, CUstream stream) {
  return start_flat(stream, address(dst), Side::any, src, Side::device, bytes, false);
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, std::size_t bytes, CUstream stream) {
  return start_flat(stream, dst, Side::device, src, Side::device, bytes, false);
}
CUresult cuMemcpyPeer(CUdeviceptr dst, CUcontext, CUdeviceptr src, CUcontext, std::size_t bytes) {
  return start_flat(nullptr, dst, Side::device, src, Side::device, bytes, true);
}
CUresult cuMemcpyPeerAsync(CUdeviceptr dst, CUcontext, CUdeviceptr src, CUcontext, std::size_t bytes,
                           CUstream stream) {
  return start_flat(stream, dst, Side::device, src, Side::device, bytes, false);
}
CUresult cuMemcpy2D_v2(const CUDA_MEMCPY2D* copy) { return start_2d(copy, nullptr, true); }
CUresult cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D* copy) { return start_2d(copy, nullptr, true); }
CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D* copy, CUstream stream) {
  return start_2d(copy, stream, false);
}
CUresult cuMemcpy3D_v2(const CUDA_MEMCPY3D* copy) { return start_3d(copy, nullptr, true); }
CUresult cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D* copy, CUstream stream) {
  return start_3d(copy, stream, false);
}

CUresult cuMemsetD8_v2(CUdeviceptr dst, unsigned char value, std::size_t count) {
  return start_fill(nullptr, {dst, 0, value, 1, count}, true);
}
CUresult cuMemsetD16_v2(CUdeviceptr dst, unsigned short value, std::size_t count) {
  return start_fill(nullptr, {dst, 0, value, 2, count}, true);
}
CUresult cuMemsetD32_v2(CUdeviceptr dst, unsigned int value, std::size_t count) {
  return start_fill(nullptr, {dst, 0, value, 4, count}, true);
}
CUresult cuMemsetD2D8_v2(CUdeviceptr dst, std::size_t pitch, unsigned char value, std::size_t width,
                         std::size_t height) {
  return start_fill(nullptr, {dst, pitch, value, 1, width, height}, true);
}
CUresult cuMemsetD2D16_v2(CUdeviceptr dst, std::size_t pitch, unsigned short value, std::size_t width,
                          std::size_t height) {
  return start_fill(nullptr, {dst, pitch, value, 2, width, height}, true);
}
CUresult cuMemsetD2D32_v2(CUdeviceptr dst, std::size_t pitch, unsigned int value, std::size_t width,
                          std::size_t height) {
  return start_fill(nullptr, {dst, pitch, value, 4, width, height}, true);
}
CUresult cuMemsetD8Async(CUdeviceptr dst, unsigned char value, std::size_t count, CUstream stream) {
  return start_fill(stream, {dst, 0, value, 1, count}, false);
}
CUresult cuMemsetD16Async(CUdeviceptr dst, unsigned short value, std::size_t count, CUstream stream) {
  return start_fill(stream, {dst, 0, value, 2, count}, false);
}
CUresult cuMemsetD32Async(CUdeviceptr dst, unsigned int value, std::size_t count, CUstream stream) {
  return start_fill(stream, {dst, 0, value, 4, count}, false);
}
CUresult cuMemsetD2D8Async(CUdeviceptr dst, std::size_t pitch, unsigned char value, std::size_t width,
                           std::size_t height, CUstream stream) {
  return start_fill(stream, {dst, pitch, value, 1, width, height}, false);
}
CUresult cuMemsetD2D16Async(CUdeviceptr dst, std::size_t pitch, unsigned short value, std::size_t width,
                            std::size_t height, CUstream stream) {
  return start_fill(stream, {dst, pitch, value, 2, width, height}, false);
}
CUresult cuMemsetD2D32Async(CUdeviceptr dst, std::size_t pitch, unsigned int value, std::size_t width,
                            std::size_t height, CUstream stream) {
  return start_fill(stream, {dst, pitch, value, 4, width, height}, false);
}

} // namespace emu::abi
