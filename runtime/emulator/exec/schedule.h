// Which group runs next, and for how long.
#pragma once

#include "emulator/exec/groups.h"

namespace emu {

/// A small generator (splitmix64): schedules must be the same on every host.
class Random {
public:
  explicit Random(std::uint64_t seed) : state(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// From 0 to below - 1.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

private:
  std::uint64_t state;
};

enum class Progress : std::uint8_t {
  finished, ///< nothing is left to run
  ran,      ///< some instructions were executed
  waiting,  ///< every group waits for something
};

/// Runs the warp's groups for about `budget` instructions in the order that makes lanes meet again soon.
Progress run_warp(Warp& warp, std::uint32_t budget);
/// Runs one group of the warp, chosen by `random`, for `budget` instructions at most.
Progress run_warp_randomly(Warp& warp, std::uint32_t budget, Random& random);

/// One turn of every warp of a block.
Progress run_block(Block& block, std::uint32_t budget);

/// All blocks, in parallel; and by one schedule.
void run_fast(Launch& launch);
void run_scheduled(Launch& launch);

/// Ends the launch because no group of the cluster can go on, and says who waits for what.
void report_deadlock(const Cluster& cluster);

} // namespace emu
