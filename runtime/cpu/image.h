// Machine code from a package, mapped so that it can run.
#pragma once

#include <attile/package.h>

namespace attile::cpu {

using KernelFunction = void (*)(const std::uint64_t* slots, std::uint64_t block, void* worker_scratch);

/// Calls a kernel. In a function of its own, as mapped code has no type for -fsanitize=function to check.
void call(KernelFunction kernel, const std::uint64_t* slots, std::uint64_t block, void* worker_scratch);

/// A cpu_image in executable memory. Pages are written first and made executable after, never both at once.
class Image {
public:
  static Result<Image> map(const CodeSection& section);
  Image(Image&& other) noexcept;
  Image& operator=(Image&& other) noexcept;
  ~Image();

  /// The kernel at `offset`, which must lie inside the image.
  KernelFunction entry(std::uint64_t offset) const;

private:
  Image(void* memory, std::size_t size) : memory(memory), size(size) {}
  void* memory = nullptr;
  std::size_t size = 0;
};

/// The section that this CPU runs best: of the cpu_images whose architecture and features it has, the one
/// that asks for most. An environment error names the features that are missing otherwise.
Result<const CodeSection*> choose_section(const Package& package);

} // namespace attile::cpu
