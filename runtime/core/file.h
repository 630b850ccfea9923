// Whole files.
#pragma once

#include <attile/result.h>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace attile {

/// An Error of kind `user` if the file is not there, cannot be read, or does not fit memory.
Result<std::vector<std::byte>> read_file(const std::string& path);

/// Writes the parts one after the other, in place of what was there.
Result<void> write_file(const std::string& path, std::initializer_list<std::span<const std::byte>> parts);

} // namespace attile
