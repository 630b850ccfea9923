#include "cpu/image.h"

#include <algorithm>
#include <attile/cpu_info.h>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <utility>

namespace attile::cpu {

#if defined(__clang__)
__attribute__((no_sanitize("function")))
#endif
void call(KernelFunction kernel, const std::uint64_t* slots, std::uint64_t block, void* worker_scratch) {
  kernel(slots, block, worker_scratch);
}

Result<Image> Image::map(const CodeSection& section) {
  // A page boundary meets every alignment that verify() admits. At least a page, as mmap refuses none.
  std::size_t size = std::max<std::size_t>(section.bytes.size(), 1);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return environment_error(fmt::format("cannot map {} bytes of code: {}", size, std::strerror(errno)));
  Image image(memory, size);
  std::copy(section.bytes.begin(), section.bytes.end(), static_cast<std::byte*>(memory));
  if (mprotect(memory, size, PROT_READ | PROT_EXEC) != 0)
    return environment_error(
        fmt::format("cannot make {} bytes of code executable: {}", size, std::strerror(errno)),
        "allow this process to map executable memory (SELinux: execmem)");
  __builtin___clear_cache(static_cast<char*>(memory), static_cast<char*>(memory) + size);
  return image;
}

Image::Image(Image&& other) noexcept : memory(std::exchange(other.memory, nullptr)), size(other.size) {}

Image& Image::operator=(Image&& other) noexcept {
  std::swap(memory, other.memory);
  std::swap(size, other.size);
  return *this;
}

Image::~Image() {
  if (memory)
    munmap(memory, size);
}

KernelFunction Image::entry(std::uint64_t offset) const {
  return std::bit_cast<KernelFunction>(static_cast<std::byte*>(memory) + offset);
}

Result<const CodeSection*> choose_section(const Package& package) {
  const CpuInfo& cpu = cpu_info();
  const CodeSection* best = nullptr;
  std::vector<std::string> notes;
  for (const CodeSection& section : package.code) {
    if (section.kind != CodeSection::cpu_image)
      continue;
    std::vector<std::string> missing;
    std::copy_if(section.features.begin(), section.features.end(), std::back_inserter(missing),
                 [&](const std::string& feature) { return !cpu.has(feature); });
    if (section.arch != cpu.arch)
      notes.push_back(
          fmt::format("code for '{}' is for {}, this CPU is {}", section.target, section.arch, cpu.arch));
    else if (!missing.empty())
      notes.push_back(fmt::format("code for '{}' needs {}, which this CPU lacks", section.target,
                                  fmt::join(missing, ", ")));
    else if (!best || section.features.size() > best->features.size())
      best = &section;
  }
  if (best)
    return best;
  Error error =
      environment_error(fmt::format("package '{}' has no code that this CPU can run", package.spec_name),
                        "build the package for another --target, such as native");
  error.notes = std::move(notes);
  return error;
}

} // namespace attile::cpu
