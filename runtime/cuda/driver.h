// The CUDA driver, or the emulator in its place: opened when it is needed, never linked.
#pragma once

#include "cuda/abi.h"
#include <attile/result.h>
#include <memory>
#include <string>
#include <string_view>

namespace attile::cuda {

/// The driver's functions by their names.
struct Functions {
#define ATTILE_CUDA_FUNCTION(name, parameters) Status(*name) parameters = nullptr;
#include "cuda/functions.def"
#undef ATTILE_CUDA_FUNCTION
  /// Since CUDA 12.4; null before.
  Status (*cuKernelGetParamInfo)(Function kernel, std::size_t index, std::size_t* offset,
                                 std::size_t* size) = nullptr;
  /// Of drivers that know sm_90; dimensions innermost first, strides in bytes from the second on.
  Status (*cuTensorMapEncodeTiled)(void* map, int type, unsigned rank, void* address,
                                   const unsigned long long* dims, const unsigned long long* strides,
                                   const unsigned* box, const unsigned* element_strides, int interleave,
                                   int swizzle, int l2_promotion, int fill) = nullptr;
};

/// An initialised driver. One is opened once in a process and never closed, as kernels may run until its end.
class Driver : public Functions {
public:
  static constexpr int oldest = 12000; ///< CUDA 12.0

  /// libcuda.so.1, or the file that $ATTILE_CUDA_DRIVER names. Environment errors say what is missing.
  static Result<const Driver*> open();
  /// libattile_emulator.so as a chip ("sm_90a"): the file that $ATTILE_EMULATOR names, or beside this
  /// library. Every chip has a driver of its own.
  static Result<const Driver*> open_emulator(const std::string& chip);
  /// Where the emulator is, or an environment error.
  static Result<std::string> find_emulator();

  /// An error of a call; `status` is no success.
  Error error(Status status, std::string_view call) const;
  Result<void> check(Status status, std::string_view call) const {
    return status == Status::success ? Result<void>() : error(status, call);
  }
  /// A function by its name; null if there is none.
  void* function(const char* name) const;

  int version() const { return version_; }            ///< 12040 is CUDA 12.4
  bool is_emulator() const { return !chip_.empty(); } ///< opened as such
  /// The emulator, also where $ATTILE_CUDA_DRIVER names it.
  bool takes_ptx_only() const { return function("attileEmuGetReport") != nullptr; }
  std::string device_name(int ordinal) const; ///< "cuda:1", "emulator:sm_90a"

private:
  /// `chip`: of the emulator, else empty.
  static Result<std::unique_ptr<Driver>> load(const std::string& path, void* library,
                                              const std::string& chip);
  Result<void> find_functions();
  Result<void> choose_chip() const;
  Result<void> initialise();

  void* library_ = nullptr;
  std::string path_, chip_;
  int version_ = 0;
};

/// "CUDA 12.4"
std::string version_text(int version);

} // namespace attile::cuda
