// Happens-before by sets: every thread has the set of the accesses that it knows. Slow, and nothing like
// clocks.
#pragma once

#include "emulator/checks/clocks.h"

#include <cstdlib>
#include <map>
#include <random>
#include <set>

namespace emu::test {

using Known = std::set<int>;

inline void join(Known& to, const Known& from) { to.insert(from.begin(), from.end()); }

struct OracleThread {
  Known known, fenced[reaches], pending[reaches];
  void join(const OracleThread& other) {
    test::join(known, other.known);
    for (int i = 0; i < reaches; ++i) {
      test::join(fenced[i], other.fenced[i]);
      test::join(pending[i], other.pending[i]);
    }
  }
};

struct OracleLocation {
  Known released;
  std::map<std::uint32_t, Known> in_block;
};

inline void fence(OracleThread& thread, Reach reach, bool acquires, bool releases) {
  for (int i = 0; i <= static_cast<int>(reach) && acquires; ++i) {
    join(thread.known, thread.pending[i]);
    thread.pending[i].clear();
  }
  for (int i = 0; i <= static_cast<int>(reach) && releases; ++i)
    thread.fenced[i] = thread.known;
}

inline void release(OracleThread& thread, OracleLocation& location, std::uint32_t block, Reach reach,
                    bool ordered) {
  for (int i = 0; i < reaches; ++i) {
    Known told = thread.fenced[i];
    if (ordered && i <= static_cast<int>(reach))
      join(told, thread.known);
    if (i == 0)
      join(location.in_block[block], told);
    else if (reach == Reach::device)
      join(location.released, told);
  }
}

inline void acquire(OracleThread& thread, const OracleLocation& location, std::uint32_t block, Reach reach,
                    bool ordered) {
  if (const auto own = location.in_block.find(block); own != location.in_block.end())
    join(ordered ? thread.known : thread.pending[0], own->second);
  if (reach == Reach::device)
    join(ordered ? thread.known : thread.pending[1], location.released);
}

/// Random numbers whose seed a failing test prints.
struct Dice {
  std::uint64_t seed = next_seed();
  std::mt19937_64 engine{seed};
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(engine() % bound); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  /// SEED=... in the environment repeats a failure.
  static std::uint64_t next_seed() {
    const char* given = std::getenv("SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  }
};

} // namespace emu::test
