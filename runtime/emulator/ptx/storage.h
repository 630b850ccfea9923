// What a Module's views point to: its text, and arrays that live as long as it does.
#pragma once

#include "emulator/ptx/module.h"

#include <algorithm>
#include <memory_resource>
#include <string>
#include <type_traits>
#include <vector>

namespace emu::ptx {

struct Storage {
  std::string text;
  std::pmr::monotonic_buffer_resource arena;

  template <class T> std::span<T> copy(std::span<const T> items) {
    static_assert(std::is_trivially_destructible_v<T>, "the arena destroys nothing");
    if (items.empty())
      return {};
    T* memory = static_cast<T*>(arena.allocate(items.size_bytes(), alignof(T)));
    std::uninitialized_copy(items.begin(), items.end(), memory);
    return {memory, items.size()};
  }
  template <class T> std::span<T> copy(const std::vector<T>& items) {
    return copy(std::span<const T>(items));
  }
  template <class T> T* copy_one(const T& item) { return copy(std::span<const T>(&item, 1)).data(); }
  std::string_view copy(std::string_view item) {
    std::span<char> bytes = copy(std::span<const char>(item));
    return {bytes.data(), bytes.size()};
  }
};

} // namespace emu::ptx
