// One GPU: what it is, its context, its memory.
#pragma once

#include "cuda/driver.h"
#include "package/gpu_target.h"
#include <cstdint>
#include <mutex>

namespace attile::cuda {

class Gpu {
public:
  static Result<std::shared_ptr<const Gpu>> open(const Driver& driver, int ordinal);
  Gpu(const Driver& driver, int ordinal) : driver(driver), ordinal(ordinal) {}
  Gpu(const Gpu&) = delete;
  ~Gpu();

  const Driver& driver;
  const int ordinal;
  int device = 0; ///< CUdevice
  std::string model;
  Capability capability;
  int multiprocessors = 0;
  std::int64_t shared_bytes = 0; ///< that a block may have
  std::size_t memory_bytes = 0;

  std::string name() const { return driver.device_name(ordinal); }
  std::string description() const;
  /// The context that is this device's in the whole process, held until the Gpu goes.
  Result<Context> primary() const;

  /// Memory of the current context, also while another stream is captured. 256-byte aligned.
  Result<Pointer> allocate(std::int64_t bytes) const;
  void release(Pointer memory) const;

private:
  mutable std::mutex mutex;
  mutable Context primary_ = nullptr;
};

/// Makes a context of a GPU current in this thread for as long as it lives: the stream's; without a stream,
/// the caller's if it is of this GPU, else the primary one.
class Current {
public:
  static Result<Current> enter(const Gpu& gpu, Stream stream = nullptr);
  /// That context itself.
  static Result<Current> enter(const Gpu& gpu, Context context);
  Current(Current&& other) noexcept;
  Current& operator=(Current&&) = delete;
  ~Current();

  Context context() const { return context_; }

private:
  Current(const Gpu& gpu, Context context, bool pushed) : gpu(&gpu), context_(context), pushed(pushed) {}
  const Gpu* gpu;
  Context context_;
  bool pushed;
};

} // namespace attile::cuda
