#include "cache/entry.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <fmt/core.h>
#include <zlib.h>

namespace attile::cache {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr unsigned char magic[8] = {0x89, 'A', 'T', 'C', 'A', 'C', 'H', '1'};
constexpr std::size_t checked_from = 16, header_size = 32;
constexpr std::string_view suffix = ".entry";
constexpr std::size_t hash_digits = 16;

template <class T> T load(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <class T> void store(std::vector<std::byte>& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

std::uint32_t checksum(std::span<const std::byte> bytes) {
  auto* data = reinterpret_cast<const Bytef*>(bytes.data() + checked_from);
  return static_cast<std::uint32_t>(crc32_z(0, data, bytes.size() - checked_from));
}

} // namespace

std::vector<std::byte> write_entry(std::string_view key, std::span<const std::byte> value) {
  std::vector<std::byte> bytes(header_size + key.size() + value.size());
  std::memcpy(bytes.data(), magic, sizeof magic);
  store<std::uint64_t>(bytes, 16, key.size());
  store<std::uint64_t>(bytes, 24, value.size());
  if (!key.empty())
    std::memcpy(bytes.data() + header_size, key.data(), key.size());
  if (!value.empty())
    std::memcpy(bytes.data() + header_size + key.size(), value.data(), value.size());
  store(bytes, 8, checksum(bytes));
  return bytes;
}

Result<EntryView> read_entry(std::span<const std::byte> bytes) {
  if (bytes.size() < header_size)
    return environment_error(fmt::format("expected at least {} bytes, got {}", header_size, bytes.size()));
  if (std::memcmp(bytes.data(), magic, sizeof magic) != 0 || load<std::uint32_t>(bytes, 12) != 0)
    return environment_error("expected it to start with the bytes 89 'ATCACH1'");
  auto key = load<std::uint64_t>(bytes, 16), value = load<std::uint64_t>(bytes, 24);
  std::uint64_t rest = bytes.size() - header_size;
  if (key > rest || value != rest - key)
    return environment_error(
        fmt::format("expected {} and {} bytes after the header, got {}", key, value, rest));
  if (auto expected = load<std::uint32_t>(bytes, 8), actual = checksum(bytes); expected != actual)
    return environment_error(fmt::format("expected checksum {:08x}, got {:08x}", expected, actual));
  return EntryView{{reinterpret_cast<const char*>(bytes.data()) + header_size, static_cast<std::size_t>(key)},
                   bytes.subspan(header_size + key)};
}

std::string file_of(std::string_view key) {
  std::uint64_t hash = 0xcbf29ce484222325; // FNV-1a
  for (char c : key)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}{}", hash, suffix);
}

bool is_entry(std::string_view file) {
  return file.size() == hash_digits + suffix.size() && file.ends_with(suffix) &&
         file.find_first_not_of("0123456789abcdef") == hash_digits;
}

} // namespace attile::cache
