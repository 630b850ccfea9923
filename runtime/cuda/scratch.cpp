#include "cuda/scratch.h"

#include <algorithm>
#include <fmt/core.h>

namespace attile::cuda {

namespace {
constexpr std::int64_t zero_bytes = 64;
}

Scratch::~Scratch() {
  Result<Current> current = Current::enter(gpu, context);
  if (!current) // the context has gone, and its memory with it
    return;
  for (const std::vector<Buffer>* list : {&buffers, &kept})
    for (const Buffer& buffer : *list)
      if (buffer.memory)
        gpu.release(buffer.memory);
}

Result<Pointer> Scratch::require(std::size_t index, std::int64_t bytes, bool captured) {
  Buffer& buffer = buffers[index];
  if (bytes > buffer.capacity) {
    if (captured)
      return user_error(
          fmt::format(
              "expected {} bytes from an earlier launch, got {}: a launch that is captured in a graph "
              "cannot allocate",
              bytes, buffer.capacity),
          "call reserve() with the same arguments and the same stream before the capture");
    if (buffer.in_graph)
      kept.push_back(buffer);
    else if (buffer.memory)
      gpu.release(buffer.memory); // waits for launches that use it
    // Lengths that grow by one from launch to launch must not allocate each time.
    std::int64_t capacity = std::max(bytes, buffer.capacity + buffer.capacity / 4);
    buffer = {};
    Result<Pointer> memory = gpu.allocate(capacity);
    if (!memory)
      return memory.error();
    buffer.memory = *memory;
    buffer.capacity = capacity;
  }
  buffer.in_graph |= captured;
  return buffer.memory;
}

Result<Pointer> Scratch::zeros(Stream stream, bool captured) {
  bool is_new = buffers.back().capacity == 0;
  Result<Pointer> memory = require(buffers.size() - 1, zero_bytes, captured);
  if (!memory || !is_new)
    return memory;
  if (Result<void> result = fill(buffers.back(), 0, stream); !result)
    return result.error();
  return memory;
}

Result<void> Scratch::poison(Stream stream) const {
  for (std::size_t i = 0; i + 1 < buffers.size(); ++i)
    if (Result<void> result = fill(buffers[i], 0xff, stream); !result)
      return result;
  return {};
}

Result<void> Scratch::fill(const Buffer& buffer, unsigned char value, Stream stream) const {
  if (buffer.capacity == 0)
    return {};
  auto bytes = static_cast<std::size_t>(buffer.capacity);
  return gpu.driver.check(gpu.driver.cuMemsetD8Async(buffer.memory, value, bytes, stream), "cuMemsetD8Async");
}

std::int64_t Scratch::size() const {
  std::int64_t bytes = 0;
  for (const std::vector<Buffer>* list : {&buffers, &kept})
    for (const Buffer& buffer : *list)
      bytes += buffer.capacity;
  return bytes;
}

} // namespace attile::cuda
