// The bytes of an entry of the cache, little endian:
//
//   0   8  magic
//   8   4  CRC-32 of everything from offset 16 on
//   12  4  zero
//   16  8  length of the key
//   24  8  length of the value
//   32  .  key, value
#pragma once

#include <attile/result.h>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attile::cache {

std::vector<std::byte> write_entry(std::string_view key, std::span<const std::byte> value);

struct EntryView {
  std::string_view key;
  std::span<const std::byte> value;
};
/// Views into `bytes`, or an Error that says what is wrong with them.
Result<EntryView> read_entry(std::span<const std::byte> bytes);

/// The file of a key.
std::string file_of(std::string_view key);
bool is_entry(std::string_view file);

} // namespace attile::cache
