#include "tests/unit/mask_check.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace attile::test {

Inputs randomSizes(std::mt19937_64& random, int64_t limit) {
  Inputs inputs;
  int64_t group = pick(random, 1, 3), kvHeads = pick(random, 1, 2);
  inputs.sizes = {{"batch", pick(random, 1, 2)},
                  {"kv_heads", kvHeads},
                  {"heads", kvHeads * group},
                  {"q_len", pick(random, 1, limit)},
                  {"kv_len", std::max<int64_t>(0, pick(random, -limit / 20, limit))}};
  inputs.summaryBlock = int64_t(1) << pick(random, 0, 4);
  inputs.singlePrecision = pick(random, 0, 1);
  return inputs;
}

namespace {
/// Visibility of one box: how many of its rows see each key.
struct Seen {
  std::vector<int64_t> before; ///< before[k] = visible pairs with keys < k
  int64_t rows = 0;

  int64_t count(int64_t k0, int64_t k1) const { return before[k1] - before[k0]; }
};

Seen look(Machine& machine, const Box& box, int64_t kvLen) {
  Seen seen;
  seen.rows = (box.h1 - box.h0 + 1) * (box.q1 - box.q0 + 1);
  seen.before.assign(kvLen + 1, 0);
  for (int64_t k = 0; k != kvLen; ++k) {
    int64_t count = 0;
    for (int64_t h = box.h0; h <= box.h1; ++h)
      for (int64_t q = box.q0; q <= box.q1; ++q)
        count += machine.visible(box.b, h, box.kvH, q, k);
    seen.before[k + 1] = seen.before[k] + count;
  }
  return seen;
}

std::string describe(const Box& box, int64_t k0, int64_t k1) {
  return fmt::format("b={} h={}..{} q={}..{} keys [{}, {})", box.b, box.h0, box.h1, box.q0, box.q1, k0, k1);
}
} // namespace

/// False when a claim is wrong.
static bool checkBox(Machine& machine, const Box& box, int64_t kvLen, int64_t keys, Tally& tally,
                     const std::string& context) {
  Seen seen = look(machine, box, kvLen);
  machine.enter(box);
  auto [lo, hi] = machine.keyRange();
  bool contained = 0 <= lo && lo <= hi && hi <= kvLen && seen.count(0, lo) == 0 && seen.count(hi, kvLen) == 0;
  EXPECT_TRUE(contained) << "key range [" << lo << ", " << hi << ") for " << describe(box, 0, kvLen) << "\n"
                         << context;
  if (!contained)
    return false;
  ++tally.ranges;
  bool tight = lo == hi || (seen.count(lo, lo + 1) > 0 && seen.count(hi - 1, hi) > 0);
  tally.looseRanges += !tight;
  for (int64_t k0 = 0; k0 < kvLen; k0 += keys) {
    int64_t k1 = std::min(k0 + keys, kvLen), count = seen.count(k0, k1);
    bool any = count > 0, all = count == seen.rows * (k1 - k0);
    Verdict verdict = machine.classify(k0, k1);
    bool sound = (verdict.any || !any) && (!verdict.all || all) && (verdict.any || !verdict.all);
    EXPECT_TRUE(sound) << "any=" << verdict.any << " all=" << verdict.all << ", but " << count
                       << " pairs are visible: " << describe(box, k0, k1) << "\n"
                       << context;
    if (!sound)
      return false;
    ++tally.tiles;
    ++(!any ? tally.empty : all ? tally.full : tally.partial);
    tally.missedEmpty += !any && verdict.any;
    tally.missedFull += all && !verdict.all;
  }
  return true;
}

Tally check(Machine& machine, const Inputs& inputs, int64_t rows, int64_t keys, int64_t headsPerBox,
            const std::string& context) {
  machine.bind(inputs);
  Tally tally;
  int64_t heads = inputs.sizes.at("heads"), group = heads / inputs.sizes.at("kv_heads");
  int64_t qLen = inputs.sizes.at("q_len"), kvLen = inputs.sizes.at("kv_len");
  for (int64_t b = 0; b != inputs.sizes.at("batch"); ++b)
    for (int64_t kvH = 0; kvH != inputs.sizes.at("kv_heads"); ++kvH)
      for (int64_t h = kvH * group; h < (kvH + 1) * group; h += headsPerBox)
        for (int64_t q = 0; q < qLen; q += rows) {
          Box box{b,   h, std::min(h + headsPerBox, (kvH + 1) * group) - 1,
                  kvH, q, std::min(q + rows, qLen) - 1};
          if (!checkBox(machine, box, kvLen, keys, tally, context))
            return tally;
        }
  return tally;
}

} // namespace attile::test
