#include "emulator/isa/registers.h"

#include <algorithm>
#include <map>

namespace emu {
namespace {

using Bits = std::vector<std::uint64_t>;

void set(Bits& bits, std::uint32_t i) { bits[i / 64] |= std::uint64_t(1) << (i % 64); }
bool test(const Bits& bits, std::uint32_t i) { return bits[i / 64] >> (i % 64) & 1; }

template <class F> void for_bits(const Bits& bits, F f) {
  for (std::size_t w = 0; w < bits.size(); ++w)
    for (std::uint64_t rest = bits[w]; rest != 0; rest &= rest - 1)
      f(static_cast<std::uint32_t>(64 * w) + static_cast<std::uint32_t>(__builtin_ctzll(rest)));
}

struct Segment { // a basic block
  std::uint32_t begin = 0, end = 0;
  std::vector<std::uint32_t> successors;
  Bits read_first, written, live_in, live_out;
};

std::vector<Segment> find_segments(const FlowGraph& graph) {
  const auto count = static_cast<std::uint32_t>(graph.uses.size());
  std::vector<bool> leader(count + 1, false);
  leader[0] = true;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::uint32_t target : graph.branch_targets[i])
      leader[std::min(target, count)] = true;
    if (!graph.branch_targets[i].empty() || !graph.falls_through[i])
      leader[i + 1] = true;
  }
  std::vector<Segment> segments;
  std::vector<std::uint32_t> segment_of(count + 1, 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (leader[i]) {
      segments.emplace_back();
      segments.back().begin = i;
    }
    segments.back().end = i + 1;
    segment_of[i] = static_cast<std::uint32_t>(segments.size() - 1);
  }
  for (std::uint32_t s = 0; s < segments.size(); ++s) {
    const std::uint32_t last = segments[s].end - 1;
    for (std::uint32_t target : graph.branch_targets[last])
      if (target < count)
        segments[s].successors.push_back(segment_of[target]);
    if (graph.falls_through[last] && s + 1 < segments.size())
      segments[s].successors.push_back(s + 1);
  }
  return segments;
}

void find_local(Segment& segment, const FlowGraph& graph, std::size_t words) {
  segment.read_first.resize(words);
  segment.written.resize(words);
  segment.live_out.resize(words);
  for (std::uint32_t i = segment.begin; i < segment.end; ++i) {
    for (const RegisterUse& use : graph.uses[i])
      if ((!use.write || use.partial) && !test(segment.written, use.reg))
        set(segment.read_first, use.reg);
    for (const RegisterUse& use : graph.uses[i])
      if (use.write && !use.partial)
        set(segment.written, use.reg);
  }
  segment.live_in = segment.read_first;
}

void find_liveness(std::vector<Segment>& segments, std::size_t words) {
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t s = segments.size(); s-- > 0;) {
      Segment& segment = segments[s];
      for (std::size_t w = 0; w < words; ++w) {
        std::uint64_t out = 0;
        for (std::uint32_t successor : segment.successors)
          out |= segments[successor].live_in[w];
        const std::uint64_t in = segment.read_first[w] | (out & ~segment.written[w]);
        changed |= in != segment.live_in[w];
        segment.live_out[w] = out;
        segment.live_in[w] = in;
      }
    }
  }
}

struct Interval {
  std::uint32_t reg = 0, begin = ~0u, end = 0;
  void add(std::uint32_t at) {
    begin = std::min(begin, at);
    end = std::max(end, at);
  }
};

std::vector<Interval> find_intervals(const FlowGraph& graph, const std::vector<Segment>& segments,
                                     std::uint32_t registers) {
  std::vector<Interval> intervals(registers);
  for (std::uint32_t r = 0; r < registers; ++r)
    intervals[r].reg = r;
  for (std::uint32_t r : graph.given)
    intervals[r].add(0);
  for (const Segment& segment : segments) {
    for_bits(segment.live_in, [&](std::uint32_t r) { intervals[r].add(segment.begin); });
    for_bits(segment.live_out, [&](std::uint32_t r) { intervals[r].add(segment.end); });
    for (std::uint32_t i = segment.begin; i < segment.end; ++i)
      for (const RegisterUse& use : graph.uses[i]) {
        intervals[use.reg].add(use.held ? 0 : i);
        intervals[use.reg].add(use.held ? static_cast<std::uint32_t>(graph.uses.size()) : i);
      }
  }
  std::erase_if(intervals, [](const Interval& interval) { return interval.begin == ~0u; });
  std::ranges::sort(intervals, {}, &Interval::begin);
  return intervals;
}

} // namespace

RegisterPlaces place_registers(const FlowGraph& graph, const std::vector<std::uint32_t>& sizes) {
  RegisterPlaces places;
  const auto registers = static_cast<std::uint32_t>(sizes.size());
  places.offsets.assign(registers, ~0u);
  if (graph.uses.empty())
    return places;
  const std::size_t words = (registers + 63) / 64;
  std::vector<Segment> segments = find_segments(graph);
  for (Segment& segment : segments)
    find_local(segment, graph, words);
  find_liveness(segments, words);
  for_bits(segments[0].live_in, [&](std::uint32_t r) {
    if (std::ranges::find(graph.given, r) == graph.given.end())
      places.maybe_undefined.push_back(r);
  });

  // Linear scan; an instruction's results never share a place with its operands.
  std::multimap<std::uint32_t, Interval> active;            // by end
  std::map<std::uint32_t, std::vector<std::uint32_t>> free; // by size
  for (const Interval& interval : find_intervals(graph, segments, registers)) {
    while (!active.empty() && active.begin()->first < interval.begin) {
      const std::uint32_t reg = active.begin()->second.reg;
      free[sizes[reg]].push_back(places.offsets[reg]);
      active.erase(active.begin());
    }
    const std::uint32_t size = sizes[interval.reg];
    if (std::vector<std::uint32_t>& reusable = free[size]; !reusable.empty()) {
      places.offsets[interval.reg] = reusable.back();
      reusable.pop_back();
    } else {
      const std::uint32_t align = size < 64 ? 4 : 64;
      places.offsets[interval.reg] = (places.bytes + align - 1) / align * align;
      places.bytes = places.offsets[interval.reg] + size;
    }
    active.emplace(interval.end, interval);
  }
  places.bytes = (places.bytes + 63) / 64 * 64;
  return places;
}

} // namespace emu
