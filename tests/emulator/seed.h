// The seed of a test's random numbers: fresh, and printed; ATTILE_SEED sets it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace emu::test {

inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("ATTILE_SEED");
    const std::uint64_t chosen = given ? std::strtoull(given, nullptr, 0) : std::random_device()();
    std::printf("ATTILE_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return value;
}

} // namespace emu::test
