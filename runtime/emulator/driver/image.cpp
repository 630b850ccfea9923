// Images of modules: PTX text, fat binaries, cubins; and which chips run which code.
#include "emulator/driver/module.h"
#include "emulator/isa/target.h"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>

namespace emu::driver {
namespace {

constexpr std::uint32_t wrapper_magic = 0x466243b1, fat_magic = 0xba55ed50;
constexpr int newest_major = 9, newest_minor = 0; // of the PTX ISA

struct Wrapper {
  std::uint32_t magic, version;
  const void* data;
};

struct FatHeader {
  std::uint32_t magic;
  std::uint16_t version, header_bytes;
  std::uint64_t bytes; // after the header
};

struct FatEntry {
  std::uint16_t kind, version; // kind 1 is PTX
  std::uint32_t header_bytes;
  std::uint64_t bytes; // after this header
  std::uint32_t compressed_bytes, options_offset;
  std::uint16_t minor, major;
  std::uint32_t architecture; // 90 of sm_90
  std::uint32_t name_offset, name_bytes;
  std::uint64_t flags;
};

// Words of PTX text that begin before its first function: enough to find its first directives.
std::string_view directive(std::string_view text, std::string_view name) {
  std::size_t i = 0;
  const auto skip = [&](std::string_view end) {
    const std::size_t found = text.find(end, i + 2);
    i = found == std::string_view::npos ? text.size() : found + end.size();
  };
  const auto is_space = [&](std::size_t at) {
    return std::string_view(" \t\r\n").find(text[at]) != std::string_view::npos;
  };
  while (i < text.size()) {
    if (text.substr(i, 2) == "//") {
      skip("\n");
    } else if (text.substr(i, 2) == "/*") {
      skip("*/");
    } else if (is_space(i)) {
      ++i;
    } else {
      std::size_t end = i;
      while (end < text.size() && !is_space(end))
        ++end;
      if (text.substr(i, end - i) == name) {
        while (end < text.size() && is_space(end))
          ++end;
        i = end;
        while (end < text.size() && !is_space(end) && text[end] != ',' && text[end] != '/')
          ++end;
        return text.substr(i, end - i);
      }
      i = end;
    }
  }
  return {};
}

bool is_text(const void* image) {
  const auto* bytes = static_cast<const unsigned char*>(image);
  return bytes[0] == '/' || bytes[0] == '.' || bytes[0] == ' ' || bytes[0] == '\n' || bytes[0] == '\r' ||
         bytes[0] == '\t';
}

CUresult text_of_fat(const std::byte* fat, const Chip& chip, std::string& text, LoadLog& log) {
  FatHeader header;
  std::memcpy(&header, fat, sizeof header);
  const std::byte* entry = fat + header.header_bytes;
  const std::byte* const end = entry + header.bytes;
  std::uint32_t best = 0;
  bool compressed = false;
  while (entry + sizeof(FatEntry) <= end) {
    FatEntry e;
    std::memcpy(&e, entry, sizeof e);
    const auto left = static_cast<std::uint64_t>(end - entry);
    if (e.header_bytes < sizeof e || e.header_bytes > left || e.bytes > left - e.header_bytes) {
      log.error = "the fat binary is damaged: an entry ends after it";
      return CUDA_ERROR_INVALID_IMAGE;
    }
    const bool fits = static_cast<int>(e.architecture) <= chip.major * 10 + chip.minor;
    if (e.kind == 1 && fits && e.compressed_bytes != 0)
      compressed = true;
    else if (e.kind == 1 && fits && e.architecture >= best) {
      best = e.architecture;
      text.assign(reinterpret_cast<const char*>(entry) + e.header_bytes, e.bytes);
      text.resize(std::strlen(text.c_str()));
    }
    entry += e.header_bytes + e.bytes;
  }
  if (best != 0)
    return CUDA_SUCCESS;
  log.error = compressed
                  ? "the PTX of the fat binary is compressed; make it with nvcc --no-compress"
                  : fmt::format("the fat binary has no PTX for {}; the emulator runs PTX only", chip.target);
  return CUDA_ERROR_NO_BINARY_FOR_GPU;
}

} // namespace

CUresult text_of(const void* image, const Chip& chip, std::string& text, LoadLog& log) {
  if (is_text(image)) {
    text = static_cast<const char*>(image);
    return CUDA_SUCCESS;
  }
  const auto* bytes = static_cast<const std::byte*>(image);
  std::uint32_t magic = 0;
  for (unsigned i = 0; i < 4 && (i == 0 || bytes[i - 1] != std::byte{0}); ++i) // it may be a short text
    magic |= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
  if (magic == wrapper_magic) {
    Wrapper wrapper;
    std::memcpy(&wrapper, image, sizeof wrapper);
    return text_of(wrapper.data, chip, text, log);
  }
  if (magic == fat_magic)
    return text_of_fat(bytes, chip, text, log);
  if (magic == 0x464c457f) {
    log.error =
        "the image is a cubin: the emulator runs PTX only; compile with -arch=compute_XX or nvcc --ptx";
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  log.error = "the image is neither PTX text nor a fat binary";
  return CUDA_ERROR_INVALID_IMAGE;
}

CUresult check_target(std::string_view text, const Chip& chip, LoadLog& log) {
  const std::string_view version = directive(text, ".version");
  int major = 0, minor = 0;
  const auto [dot, error] = std::from_chars(version.data(), version.data() + version.size(), major);
  if (error == std::errc() && dot != version.data() + version.size() && *dot == '.')
    std::from_chars(dot + 1, version.data() + version.size(), minor);
  if (major > newest_major || (major == newest_major && minor > newest_minor)) {
    log.error = fmt::format("PTX of version {}; the emulator knows versions up to {}.{}", version,
                            newest_major, newest_minor);
    return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
  }
  const std::string_view name = directive(text, ".target");
  const std::optional<Target> target = parse_target(name);
  if (target && !parse_target(chip.target).value().has(*target)) {
    log.error = fmt::format("PTX for {} does not run on {}{}", name, chip.target,
                            target->suffix == 'a'
                                ? "; code for an 'a' target runs on that chip only"
                                : "; compile for an older target, or choose the chip by the option 'target'");
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  return CUDA_SUCCESS; // what is no PTX at all, the parser says better
}

CUresult read_file(const char* path, std::string& content) {
  std::FILE* const file = std::fopen(path, "rb");
  if (file == nullptr)
    return CUDA_ERROR_FILE_NOT_FOUND;
  char buffer[65536];
  for (std::size_t got = sizeof buffer; got == sizeof buffer;) { // less is the end, or an error
    got = std::fread(buffer, 1, sizeof buffer, file);
    content.append(buffer, got);
  }
  std::fclose(file);
  content.append(8, '\0'); // the beginning of any image can be looked at
  return CUDA_SUCCESS;
}

} // namespace emu::driver
