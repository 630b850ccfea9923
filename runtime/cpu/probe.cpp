#include <attile/probe.h>

#include "cpu/buffer.h"
#include "cpu/probe_loops.h"
#include <algorithm>
#include <attile/cpu_info.h>
#include <barrier>
#include <chrono>
#include <cstring>
#include <fmt/core.h>
#include <functional>
#include <system_error>
#include <thread>
#include <vector>

namespace attile {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

constexpr int repetitions = 6; ///< of a measurement, of which the best counts

/// A set of threads that run the same work at the same time.
class Team {
public:
  explicit Team(int size) : size(size) {}

  /// The fastest of several runs of work(thread) on all threads, in seconds from the first start to the last
  /// end.
  double best_seconds(const std::function<void(int thread)>& work, int repetitions) const {
    std::vector<Clock::time_point> starts(size), ends(size);
    std::barrier gate(size);
    double best = 1e300;
    auto member = [&](int thread) {
      for (int i = 0; i < repetitions; ++i) {
        gate.arrive_and_wait();
        starts[thread] = Clock::now();
        work(thread);
        ends[thread] = Clock::now();
        gate.arrive_and_wait();
        if (thread == 0)
          best = std::min(best, seconds_between(*std::min_element(starts.begin(), starts.end()),
                                                *std::max_element(ends.begin(), ends.end())));
      }
    };
    std::vector<std::jthread> others;
    for (int thread = 1; thread < size; ++thread)
      others.emplace_back(member, thread);
    member(0);
    others.clear(); // joins
    return best;
  }

  const int size;
};

double gflops(const Team& team, const cpu::ComputeLoop& loop, double ms) {
  if (!loop.run)
    return 0;
  // How many rounds take a repetition's time; the first runs also let the clock rise.
  std::int64_t rounds = 1000;
  for (double seconds = 0; seconds < 1e-3;) {
    rounds *= 2;
    Clock::time_point start = Clock::now();
    loop.run(rounds);
    seconds = seconds_between(start, Clock::now());
    if (seconds >= 1e-3)
      rounds =
          std::max<std::int64_t>(1, static_cast<std::int64_t>(rounds * (ms * 1e-3 / repetitions) / seconds));
  }
  double seconds = team.best_seconds([&](int) { loop.run(rounds); }, repetitions);
  return loop.flops_per_round * static_cast<double>(rounds) * team.size / seconds * 1e-9;
}

Result<double> read_gbps(const Team& team) {
  constexpr std::int64_t unit = 1 << 20;
  std::int64_t total =
      std::max<std::int64_t>(256 * unit, 4 * cpu_info().l3_bytes); // far more than caches hold
  std::int64_t part = std::max<std::int64_t>(8, total / team.size / unit) * unit;
  cpu::Buffer buffer;
  Result<void*> memory = buffer.require(part * team.size);
  if (!memory)
    return std::move(memory).error().in("memory bandwidth probe");
  auto* data = static_cast<std::byte*>(*memory);
  std::vector<std::uint64_t> sinks(team.size);
  bool filled = false;
  auto work = [&](int thread) {
    if (!filled) // by the thread that reads it: near its core; untouched pages would all be one page of zeros
      std::memset(data + thread * part, thread + 1, static_cast<std::size_t>(part));
    else
      sinks[thread] = cpu::read_memory(data + thread * part, static_cast<std::size_t>(part));
  };
  team.best_seconds(work, 1);
  filled = true;
  double seconds = team.best_seconds(work, repetitions);
  return static_cast<double>(part) * team.size / seconds * 1e-9;
}

} // namespace

Result<CpuPeaks> probe_cpu(int threads, double ms) try {
  if (threads < 0 || threads > 4096)
    return user_error(fmt::format("threads: expected 0 (all) to 4096, got {}", threads));
  Team team(threads ? threads : cpu_info().threads);
  cpu::ComputeLoop f32 = cpu::f32_loop(), bf16 = cpu::bf16_loop();
  CpuPeaks peaks;
  peaks.threads = team.size;
  peaks.f32_instructions = f32.instructions, peaks.bf16_instructions = bf16.instructions;
  peaks.f32_gflops = gflops(team, f32, ms);
  peaks.bf16_gflops = gflops(team, bf16, ms);
  Result<double> gbps = read_gbps(team);
  if (!gbps)
    return gbps.error();
  peaks.read_gbps = *gbps;
  return peaks;
} catch (const std::system_error& failure) {
  return environment_error(fmt::format("cannot start {} threads: {}", threads, failure.what()));
}

} // namespace attile
