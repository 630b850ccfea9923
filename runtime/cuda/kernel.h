// A package loaded on a GPU.
#pragma once

#include "cuda/code.h"
#include "cuda/scratch.h"
#include "cuda/tensor_map.h"
#include "launch/kernel_impl.h"
#include <deque>

namespace attile::cuda {

class CudaKernel : public KernelImpl {
public:
  CudaKernel(Chosen chosen, std::shared_ptr<const Gpu> gpu, std::unique_ptr<Code> code);
  ~CudaKernel() override;

private:
  /// What the launches of one stream share.
  struct Lane {
    Context context = nullptr;
    unsigned long long stream = 0; ///< its id, which no later stream has
    std::unique_ptr<Scratch> scratch;
  };

  int thread_count(int /*asked*/) const override { return gpu->multiprocessors; }
  std::int64_t most_blocks() const override { return INT32_MAX; }
  Result<void> enter(const Arguments& arguments) override;
  void leave() override;
  Result<void> check_memory(const Binding& binding) override;
  Result<const void*> zeros() override;
  Result<void*> buffer(int index, std::int64_t bytes) override;
  Result<void> make_map(int kernel, std::size_t slot, const Mapped& operand) override;
  Result<void> run(int threads, bool poison, LaunchStats* stats) override;
  std::int64_t scratch_bytes() const override;

  Result<Scratch*> scratch();
  Result<void> find_capture();
  Result<void> launch_all();
  Result<void> launch_timed(LaunchStats& stats);
  Result<void> launch(const Step& step);
  Result<void> check_memory(const std::string& operand, const void* pointer) const;

  std::shared_ptr<const Gpu> gpu;
  std::unique_ptr<Code> code;
  std::vector<std::vector<void*>> params; ///< by kernel: where its slots are
  std::deque<TensorMap> maps;             ///< of slots that are maps
  std::vector<Lane> lanes;

  // Of the call of this moment.
  std::optional<Current> current;
  Stream stream = nullptr;
  Scratch* lane = nullptr;  ///< null until it is asked for
  bool is_captured = false; ///< known once `lane` is
};

} // namespace attile::cuda
