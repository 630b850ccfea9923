// Device memory that a kernel keeps from launch to launch.
#pragma once

#include "cuda/gpu.h"
#include <vector>

namespace attile::cuda {

/// Buffers that launches on one stream share, one after the other.
class Scratch {
public:
  Scratch(const Gpu& gpu, Context context, std::size_t buffers)
      : gpu(gpu), context(context), buffers(buffers + 1) {}
  Scratch(const Scratch&) = delete;
  ~Scratch();

  /// At least `bytes`, in `context`, which must be current; what the buffer held before may be lost. While
  /// the stream is captured, a buffer that is too small is an error: graphs keep addresses, so that memory
  /// must not move. Memory that a graph may know is kept until the end.
  Result<Pointer> require(std::size_t index, std::int64_t bytes, bool captured);
  /// 64 bytes of zeros; of kernels of the same stream.
  Result<Pointer> zeros(Stream stream, bool captured);
  /// Fills all but those zeros with bytes 0xff, in the order of the stream.
  Result<void> poison(Stream stream) const;
  std::int64_t size() const;

private:
  struct Buffer {
    Pointer memory = 0;
    std::int64_t capacity = 0;
    bool in_graph = false;
  };

  Result<void> fill(const Buffer& buffer, unsigned char value, Stream stream) const;

  const Gpu& gpu;
  Context context;
  std::vector<Buffer> buffers; ///< the last has zeros
  std::vector<Buffer> kept;    ///< too small by now, but graphs use them
};

} // namespace attile::cuda
