// The bytes of a package, little endian:
//
//   0   8  magic
//   8   4  format version
//   12  4  CRC-32 of everything from offset 16 on
//   16  8  total length
//   24  8  length of the metadata
//   32  .  metadata: JSON
//   then, at the next multiple of 64, the code area; sections start at multiples of 64 of it.
#include <attile/package.h>

#include "core/file.h"
#include "package/metadata.h"
#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/core.h>
#include <zlib.h>

namespace attile {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr unsigned char magic[8] = {0x89, 'A', 'T',  'P',
                                    'K',  'G', '\r', '\n'}; // as PNG's, shows text-mode damage
constexpr std::uint64_t checked_from = 16, header_size = 32, code_alignment = 64;
constexpr std::uint64_t max_metadata = 1 << 26;
constexpr std::uint64_t max_package = std::uint64_t(1) << 32;

constexpr std::uint64_t aligned(std::uint64_t offset) {
  return (offset + code_alignment - 1) & -code_alignment;
}

template <class T> T load(std::span<const std::byte> bytes, std::uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

template <class T> void store(std::vector<std::byte>& bytes, std::uint64_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

std::uint32_t checksum(std::span<const std::byte> bytes) {
  auto* data = reinterpret_cast<const Bytef*>(bytes.data() + checked_from);
  return static_cast<std::uint32_t>(crc32_z(0, data, bytes.size() - checked_from));
}

Error damaged(std::uint64_t offset, std::string what) {
  return user_error(fmt::format("damaged package: at byte {}: {}", offset, what),
                    "make it again with attile build");
}

Result<void> check_header(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof magic || std::memcmp(bytes.data(), magic, sizeof magic) != 0)
    return user_error("this is not an Attile package: expected it to start with the bytes 89 'ATPKG'");
  if (bytes.size() < header_size)
    return damaged(bytes.size(), fmt::format("expected a header of {} bytes, got the end", header_size));
  if (auto version = load<std::uint32_t>(bytes, 8); version != Package::format_version)
    return user_error(fmt::format("expected a package of format version {}, got version {}",
                                  Package::format_version, version),
                      "make it again with this version of attile build");
  if (auto total = load<std::uint64_t>(bytes, 16); total != bytes.size())
    return damaged(16, fmt::format("expected {} bytes, got {}", total, bytes.size()));
  auto expected = load<std::uint32_t>(bytes, 12), actual = checksum(bytes);
  if (expected != actual)
    return damaged(12, fmt::format("expected checksum {:08x}, got {:08x}", expected, actual));
  std::uint64_t limit = std::min(max_metadata, bytes.size() - header_size);
  if (auto metadata = load<std::uint64_t>(bytes, 24); metadata > limit)
    return damaged(24, fmt::format("expected at most {} bytes of metadata, got {}", limit, metadata));
  return {};
}

} // namespace

Result<std::vector<std::byte>> write_package(const Package& package) {
  if (Result<void> result = verify(package); !result) {
    Error error = result.error();
    error.kind = ErrorKind::internal; // whoever made the package made it wrong
    return std::move(error).in("cannot write package");
  }
  std::vector<CodeExtent> extents;
  std::uint64_t code_size = 0;
  for (const CodeSection& section : package.code) {
    extents.push_back({code_size, section.bytes.size()});
    code_size = aligned(code_size + section.bytes.size());
  }
  std::string metadata = write_metadata(package, extents, -1);
  std::uint64_t code = aligned(header_size + metadata.size());
  if (metadata.size() > max_metadata || code + code_size > max_package)
    return internal_error(
        fmt::format("cannot write package: expected at most {} bytes of metadata and {} bytes in "
                    "all, got {} and {}",
                    max_metadata, max_package, metadata.size(), code + code_size));
  std::vector<std::byte> bytes(code + code_size);
  std::memcpy(bytes.data(), magic, sizeof magic);
  store(bytes, 8, Package::format_version);
  store<std::uint64_t>(bytes, 16, bytes.size());
  store<std::uint64_t>(bytes, 24, metadata.size());
  std::memcpy(bytes.data() + header_size, metadata.data(), metadata.size());
  for (std::size_t i = 0; i < extents.size(); ++i)
    if (extents[i].size)
      std::memcpy(bytes.data() + code + extents[i].offset, package.code[i].bytes.data(), extents[i].size);
  store(bytes, 12, checksum(bytes));
  return bytes;
}

Result<Package> read_package(std::span<const std::byte> bytes) {
  if (Result<void> result = check_header(bytes); !result)
    return result.error();
  auto metadata_size = load<std::uint64_t>(bytes, 24);
  std::vector<CodeExtent> extents;
  Result<Package> package = read_metadata(
      {reinterpret_cast<const char*>(bytes.data() + header_size), static_cast<std::size_t>(metadata_size)},
      extents);
  if (!package)
    return damaged(header_size, package.error().message);
  std::uint64_t code = std::min<std::uint64_t>(aligned(header_size + metadata_size), bytes.size());
  std::uint64_t available = bytes.size() - code, end = 0; // sections do not overlap, so a package cannot grow
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i].offset < end || extents[i].offset > available ||
        extents[i].size > available - extents[i].offset)
      return damaged(
          code, fmt::format("expected code section {} between bytes {} and {} of code, got offset {} and "
                            "{} bytes",
                            i, end, available, extents[i].offset, extents[i].size));
    end = extents[i].offset + extents[i].size;
    auto section = bytes.subspan(code + extents[i].offset, extents[i].size);
    package->code[i].bytes.assign(section.begin(), section.end());
  }
  if (Result<void> result = verify(*package); !result)
    return damaged(header_size, result.error().message);
  return package;
}

std::string metadata_json(const Package& package) { return write_metadata(package, {}, 2); }

Result<void> save_package(const Package& package, const std::string& path) {
  Result<std::vector<std::byte>> bytes = write_package(package);
  if (!bytes)
    return bytes.error();
  return write_file(path, {*bytes});
}

Result<Package> load_package(const std::string& path) {
  Result<std::vector<std::byte>> bytes = read_file(path);
  if (!bytes)
    return bytes.error();
  Result<Package> package = read_package(*bytes);
  if (!package)
    return std::move(package).error().in(path);
  return package;
}

} // namespace attile
