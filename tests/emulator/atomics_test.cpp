// atom and red: each operation and type against the host, then threads that meet at one place.
#include "kernel_text.h"

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

namespace emu::test {
namespace {

// `operation` on a word that holds a, with operands b and c: what was there and what is there afterwards, in
// every space, by atom and by red.
template <class T>
void check_atomic(const std::string& operation, T (*expected)(T a, T b, T c), bool swaps = false) {
  const std::vector<T> values = interesting<T>(10);
  std::vector<T> a, b, c;
  for (T x : values)
    for (T y : values) {
      a.push_back(x);
      b.push_back(y);
      c.push_back(values[(a.size() * 5) % values.size()]);
    }
  const std::string bits = std::to_string(8 * sizeof(T)), bytes = std::to_string(sizeof(T));
  const std::string operands = std::string("%b") + (swaps ? ", %c" : "");
  const std::pair<std::string, std::string> spaces[] = {
      {".global", "%l0"}, {".shared", "%l1"}, {"", "%l2"}, {"", "%l0"}};
  for (const auto& [space, at] : spaces) {
    const std::string text = ".shared .align 8 .b8 s[1024];\nmov.u64 %l0, g;\nmov.u32 %r0, %tid.x;\n"
                             "mul.wide.u32 %l3, %r0, " +
                             bytes + ";\nmul.wide.u32 %l4, %i, " + bytes +
                             ";\nadd.u64 %l0, %l0, %l4;\n"
                             "mov.u64 %l1, s;\nadd.u64 %l1, %l1, %l3;\ncvta.shared.u64 %l2, %l1;\n"
                             "st" +
                             space + ".b" + bits + " [" + at + "], %a;\n";
    const std::string atom = "atom" + space + operation, address = ", [" + at + "], ";
    const std::string load = "ld" + space + ".b" + bits + " %d, [" + at + "];";
    const std::string outside = ".global .align 8 .b8 g[" + std::to_string(8 * a.size()) + "];";
    auto run = [&](const std::string& body) {
      Machine machine;
      Outcome outcome;
      std::vector<T> d = each_on<T>(machine, outcome, text + body, outside, a, b, c);
      EXPECT_EQ(outcome.status, Status::success) << outcome.message;
      d.resize(a.size());
      return d;
    };
    const std::vector<T> before = run(atom + " %d" + address + operands + ";"),
                         after = run(atom + " _" + address + operands + ";\n" + load);
    EXPECT_EQ(before, a) << atom;
    const std::vector<T> reduced =
        swaps || operation.find("exch") != std::string::npos
            ? after
            : run("red" + space + operation + " [" + at + "], " + operands + ";\n" + load);
    int shown = 0;
    for (std::size_t i = 0; i < a.size() && shown < 4; ++i)
      if (const T wanted = expected(a[i], b[i], c[i]); after[i] != wanted || reduced[i] != wanted) {
        ++shown;
        ADD_FAILURE() << atom << " of " << +a[i] << ", " << +b[i] << ", " << +c[i] << " leaves " << +after[i]
                      << ", red " << +reduced[i] << ", expected " << +wanted;
      }
  }
}

template <class T> void check_integers(const std::string& type) {
  check_atomic<T>(".add" + type, [](T a, T b, T) { return static_cast<T>(u64(a) + u64(b)); });
  check_atomic<T>(".min" + type, [](T a, T b, T) { return a < b ? a : b; });
  check_atomic<T>(".max" + type, [](T a, T b, T) { return a < b ? b : a; });
}

TEST(Atomics, Integers) {
  check_integers<u32>(".u32");
  check_integers<std::int32_t>(".s32");
  check_integers<u64>(".u64");
  check_integers<std::int64_t>(".s64");
  check_atomic<u32>(".inc.u32", [](u32 a, u32 b, u32) { return a >= b ? 0 : a + 1; });
  check_atomic<u32>(".dec.u32", [](u32 a, u32 b, u32) { return a == 0 || a > b ? b : a - 1; });
}

template <class T> void check_bits(const std::string& type) {
  check_atomic<T>(".and" + type, [](T a, T b, T) { return T(a & b); });
  check_atomic<T>(".or" + type, [](T a, T b, T) { return T(a | b); });
  check_atomic<T>(".xor" + type, [](T a, T b, T) { return T(a ^ b); });
  check_atomic<T>(".exch" + type, [](T, T b, T) { return b; });
  check_atomic<T>(".cas" + type, [](T a, T b, T c) { return a == b ? c : a; }, true);
}

TEST(Atomics, Bits) {
  check_bits<u32>(".b32");
  check_bits<u64>(".b64");
  check_atomic<u16>(".cas.b16", [](u16 a, u16 b, u16 c) { return a == b ? c : a; }, true);
}

// Two of three lanes find what they expect.
TEST(Atomics, WideExchanges) {
  Machine machine;
  machine.threads.x = 96;
  std::vector<u64> words(2 * 96);
  std::iota(words.begin(), words.end(), 1);
  const u64 at = machine.upload(words), old = machine.upload(std::vector<u64>(2 * 96));
  const Outcome outcome = machine.run(
      kernel(
          "mad.wide.u32 %x0, %i, 16, %x0;\nmad.wide.u32 %x1, %i, 16, %x1;\n"
          "ld.global.v2.u64 {%l0, %l1}, [%x0];\nrem.u32 %r0, %i, 3;\nsetp.eq.u32 %p0, %r0, 0;\n"
          "@%p0 add.u64 %l1, %l1, 1;\nmov.b128 %w0, {%l0, %l1};\nmov.u64 %l2, 7;\nmov.b128 %w1, {%l2, %l0};\n"
          "atom.global.cas.b128 %w2, [%x0], %w0, %w1;\nmov.b128 {%l4, %l5}, %w2;\n"
          "mov.b128 %w3, {%l5, %l4};\natom.exch.b128 _, [%x1], %w3;"),
      {at, old, 0, 0});
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  const std::vector<u64> now = machine.download<u64>(at, 2 * 96),
                         swapped = machine.download<u64>(old, 2 * 96);
  for (std::size_t i = 0; i < 96; ++i) {
    EXPECT_EQ(swapped[2 * i], words[2 * i + 1]);
    EXPECT_EQ(swapped[2 * i + 1], words[2 * i]);
    EXPECT_EQ(now[2 * i], i % 3 == 0 ? words[2 * i] : 7);
    EXPECT_EQ(now[2 * i + 1], i % 3 == 0 ? words[2 * i + 1] : words[2 * i]);
  }
}

bool is_subnormal(float x) { return std::fpclassify(x) == FP_SUBNORMAL; }
float flushed(float x) { return is_subnormal(x) ? std::copysign(0.0f, x) : x; }

// Global memory flushes subnormal numbers, shared memory does not.
TEST(Atomics, Floats) {
  using limits = std::numeric_limits<float>;
  const float values[] = {0.0f,
                          -0.0f,
                          1.0f,
                          -1.5f,
                          3e38f,
                          -3e38f,
                          limits::infinity(),
                          -limits::infinity(),
                          limits::quiet_NaN(),
                          limits::denorm_min(),
                          -limits::denorm_min(),
                          limits::min(),
                          -limits::min() * 1.5f,
                          0x1.fffffep-127f};
  std::vector<u32> a, b;
  for (float x : values)
    for (float y : values) {
      a.push_back(std::bit_cast<u32>(x));
      b.push_back(std::bit_cast<u32>(y));
    }
  for (const bool shared : {false, true}) {
    const std::string space = shared ? ".shared" : ".global";
    Machine machine;
    Outcome outcome;
    const std::vector<u32> d =
        each_on<u32>(machine, outcome,
                     ".shared .align 4 .b8 s[512];\nmov.u64 %l0, " + std::string(shared ? "s" : "g") +
                         ";\nmov.u32 %r0, %tid.x;\n" + (shared ? "" : "mov.u32 %r0, %i;\n") +
                         "mad.wide.u32 %l0, %r0, 4, %l0;\nst" + space + ".b32 [%l0], %a;\nred" + space +
                         ".add.f32 [%l0], %b;\nld" + space + ".b32 %d, [%l0];",
                     ".global .align 4 .b8 g[8192];", a, b);
    ASSERT_EQ(outcome.status, Status::success) << outcome.message;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const float x = std::bit_cast<float>(a[i]), y = std::bit_cast<float>(b[i]);
      const float sum = shared ? x + y : flushed(flushed(x) + flushed(y));
      const u32 wanted = std::isnan(sum) ? 0x7fffffff : std::bit_cast<u32>(sum);
      EXPECT_EQ(d[i], wanted) << space << " " << x << " + " << y;
    }
  }
}

TEST(Atomics, Doubles) {
  const std::vector<u64> a = {std::bit_cast<u64>(1.5), std::bit_cast<u64>(-0.0), std::bit_cast<u64>(5e-324)};
  const std::vector<u64> b = {std::bit_cast<u64>(1e300), std::bit_cast<u64>(0.0), std::bit_cast<u64>(5e-324)};
  Machine machine;
  Outcome outcome;
  const std::vector<u64> d =
      each_on<u64>(machine, outcome,
                   "mov.u64 %l0, g;\nmad.wide.u32 %l0, %i, 8, %l0;\nst.b64 [%l0], %a;\n"
                   "atom.global.add.f64 %l1, [%l0], %b;\nld.b64 %d, [%l0];",
                   ".global .align 8 .b8 g[64];", a, b);
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(d[i], std::bit_cast<u64>(std::bit_cast<double>(a[i]) + std::bit_cast<double>(b[i])));
}

// Small integers and halves are exact in both 16-bit formats.
u16 f16_of(float x) {
  const u32 bits = std::bit_cast<u32>(x);
  return x == 0 ? 0
                : static_cast<u16>((bits >> 16 & 0x8000) | (((bits >> 23 & 255) - 112) << 10) |
                                   (bits >> 13 & 0x3ff));
}
u16 bf16_of(float x) { return static_cast<u16>(std::bit_cast<u32>(x) >> 16); }

TEST(Atomics, HalvesAndVectors) {
  struct Case {
    std::string operation;
    int elements;
    u16 (*encode)(float);
    float (*expected)(float, float);
  };
  auto sum = [](float a, float b) { return a + b; };
  auto smaller = [](float a, float b) { return std::min(a, b); };
  auto larger = [](float a, float b) { return std::max(a, b); };
  const Case cases[] = {
      {".add.noftz.f16", 1, f16_of, sum},         {".add.noftz.bf16", 1, bf16_of, sum},
      {".add.noftz.f16x2", 2, f16_of, sum},       {".add.noftz.bf16x2", 2, bf16_of, sum},
      {".add.noftz.v2.f16", 2, f16_of, sum},      {".add.noftz.v4.bf16", 4, bf16_of, sum},
      {".min.noftz.v8.f16", 8, f16_of, smaller},  {".max.noftz.v8.bf16", 8, bf16_of, larger},
      {".max.noftz.v4.f16x2", 8, f16_of, larger}, {".min.noftz.v2.bf16x2", 4, bf16_of, smaller},
      {".add.noftz.v4.f16x2", 8, f16_of, sum},
  };
  for (const Case& one : cases) {
    const int word = one.operation.ends_with("x2") ? 4 : 2, parts = one.elements * 2 / word;
    const std::string reg = word == 4 ? "%r" : "%h";
    std::string vector, sinks;
    for (int i = 0; i < parts; ++i) {
      vector += (i ? ", " : "") + reg + std::to_string(i);
      sinks += i ? ", _" : "_";
    }
    std::string load;
    for (int i = 0; i < parts; ++i)
      load += "ld.global.b" + std::to_string(8 * word) + " " + reg + std::to_string(i) + ", [%x1+" +
              std::to_string(word * i) + "];\n";
    if (parts > 1) {
      vector = "{" + vector + "}";
      sinks = "{" + sinks + "}";
    }
    for (const bool returns : {false, true}) {
      Machine machine;
      machine.threads.x = 1;
      std::vector<u16> a, b, wanted;
      for (int i = 0; i < one.elements; ++i) {
        const float x = 1.5f * static_cast<float>(i) - 4, y = 3.0f - static_cast<float>(i);
        a.push_back(one.encode(x));
        b.push_back(one.encode(y));
        wanted.push_back(one.encode(one.expected(x, y)));
      }
      const u64 at = machine.upload(a), from = machine.upload(b);
      const Outcome outcome = machine.run(
          kernel(load + (returns ? "atom.global" + one.operation + " " + sinks + ", [%x0], " + vector + ";"
                                 : "red.global" + one.operation + " [%x0], " + vector + ";")),
          {at, from, 0, 0});
      ASSERT_EQ(outcome.status, Status::success) << outcome.message << one.operation;
      EXPECT_EQ(machine.download<u16>(at, a.size()), wanted) << one.operation;
    }
  }
}

TEST(Atomics, FloatVectors) {
  Machine machine;
  machine.threads.x = 64;
  const u64 at = machine.upload(std::vector<float>{1, 2, 3, 4}), old = machine.upload(std::vector<float>(2));
  const Outcome outcome =
      machine.run(kernel("mov.b32 %r0, 0f3f800000;\nmov.b32 %r1, 0f40000000;\n"
                         "red.global.add.v4.f32 [%x0], {%r0, %r1, %r0, %r1};\nbar.sync 0;\n"
                         "setp.eq.u32 %p0, %i, 0;\n@!%p0 exit;\n"
                         "atom.global.add.v2.f32 {%r2, _}, [%x0+8], {%r0, %r0};\n"
                         "st.global.b32 [%x1], %r2;"),
                  {at, old, 0, 0});
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  EXPECT_EQ(machine.download<float>(at, 4), (std::vector<float>{65, 130, 68, 133}));
  EXPECT_EQ(machine.download<float>(old, 1)[0], 67);
}

// libcu++ names the operation before the order.
TEST(Atomics, OrdersMayFollow) {
  Machine machine;
  machine.threads.x = 32;
  const u64 at = machine.upload(std::vector<u32>(1));
  const Outcome outcome = machine.run(
      kernel("atom.add.release.gpu.u32 %r0, [%x0], 1;\nred.add.release.cta.global.u32 [%x0], 2;\n"
             "red.global.relaxed.sys.add.u32 [%x0], 3;\natom.global.add.acq_rel.gpu.u32 %r0, [%x0], 4;"),
      {at, 0, 0, 0});
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  EXPECT_EQ(machine.download<u32>(at, 1)[0], 320u);
}

// Many threads, many bins, all ways; what atom returns is a permutation.
TEST(Atomics, Histogram) {
  constexpr u32 blocks = 6, threads = 96, bins = 7, count = blocks * threads;
  std::vector<u32> expected(bins);
  for (u32 i = 0; i < count; ++i)
    ++expected[i * 2654435761u % bins];
  run_all_ways(
      {blocks}, {threads},
      kernel(".shared .b32 s[7];\nsetp.lt.u32 %p0, %t0, 7;\nmov.u32 %r5, s;\nmad.lo.u32 %r0, %t0, 4, %r5;\n"
             "@%p0 st.shared.u32 [%r0], 0;\nbar.sync 0;\n"
             "mul.lo.u32 %r1, %i, 2654435761;\nrem.u32 %r1, %r1, 7;\nmad.lo.u32 %r2, %r1, 4, %r5;\n"
             "red.shared.add.u32 [%r2], 1;\nbar.sync 0;\n"
             "@%p0 ld.shared.u32 %r3, [%r0];\nmad.wide.u32 %l0, %t0, 4, %x0;\n@%p0 red.global.add.u32 [%l0], "
             "%r3;\n"
             "atom.global.inc.u32 %r4, [%x1], 1000000;\nmad.wide.u32 %l1, %r4, 4, %x2;\n"
             "red.global.or.b32 [%l1], 1;"),
      [&](Machine& machine) {
        return std::vector<u64>{machine.upload(std::vector<u32>(bins)), machine.upload(std::vector<u32>(1)),
                                machine.upload(std::vector<u32>(count)), 0};
      },
      [&](Machine& machine, const std::vector<u64>& params) {
        EXPECT_EQ(machine.download<u32>(params[0], bins), expected);
        EXPECT_EQ(machine.download<u32>(params[1], 1)[0], count);
        EXPECT_EQ(machine.download<u32>(params[2], count), std::vector<u32>(count, 1));
      },
      8);
}

// A lock taken with cas, data that it guards without atomics, and the lock's release by exch.
TEST(Atomics, LocksBetweenBlocks) {
  constexpr u32 blocks = 8, times = 5;
  run_all_ways(
      {blocks}, {32},
      kernel("setp.ne.u32 %p0, %t0, 0;\n@%p0 bra done;\nmov.u32 %r0, 0;\n"
             "again:\natom.acquire.gpu.global.cas.b32 %r1, [%x0], 0, 1;\nsetp.ne.u32 %p1, %r1, 0;\n@%p1 bra "
             "again;\n"
             "ld.global.u32 %r2, [%x1];\nadd.u32 %r2, %r2, %t2;\nadd.u32 %r2, %r2, 1;\nst.global.u32 [%x1], "
             "%r2;\n"
             "atom.release.gpu.global.exch.b32 %r3, [%x0], 0;\nadd.u32 %r0, %r0, 1;\n"
             "setp.lt.u32 %p1, %r0, 5;\n@%p1 bra again;\ndone:"),
      [](Machine& machine) {
        return std::vector<u64>{machine.upload(std::vector<u32>(1)), machine.upload(std::vector<u32>(1)), 0,
                                0};
      },
      [](Machine& machine, const std::vector<u64>& params) {
        EXPECT_EQ(machine.download<u32>(params[1], 1)[0], times * blocks * (blocks + 1) / 2);
      },
      8);
}

// Blocks go one after the other: each waits for its number with volatile loads, with membar as the fence.
TEST(Atomics, SemaphoreBetweenBlocks) {
  constexpr u32 blocks = 12;
  run_all_ways(
      {blocks}, {64},
      kernel("setp.ne.u32 %p0, %t0, 0;\n@%p0 bra wait;\n"
             "again:\nld.volatile.global.u32 %r1, [%x0];\nsetp.ne.u32 %p1, %r1, %t2;\n@%p1 bra "
             "again;\nmembar.gl;\n"
             "wait:\nbar.sync 0;\nmad.wide.u32 %l0, %t0, 4, %x1;\nld.global.u32 %r2, [%l0];\n"
             "mad.lo.u32 %r2, %r2, 3, %t2;\nst.global.u32 [%l0], %r2;\nbar.sync 0;\nmembar.gl;\n"
             "add.u32 %r3, %t2, 1;\n@!%p0 st.volatile.global.u32 [%x0], %r3;"),
      [](Machine& machine) {
        return std::vector<u64>{machine.upload(std::vector<u32>(1)), machine.upload(std::vector<u32>(64)), 0,
                                0};
      },
      [](Machine& machine, const std::vector<u64>& params) {
        u32 expected = 0;
        for (u32 block = 0; block < blocks; ++block)
          expected = expected * 3 + block;
        EXPECT_EQ(machine.download<u32>(params[1], 64), std::vector<u32>(64, expected));
      },
      8);
}

// The order in which the lanes of a warp reach one place is the schedule's.
TEST(Atomics, LanesComeInAnyOrder) {
  std::set<std::vector<u32>> orders;
  for (u64 seed = 0; seed < 8; ++seed) {
    Machine machine;
    machine.threads.x = 32;
    machine.options.mode = Options::Mode::scheduled;
    machine.options.seed = seed;
    const u64 counter = machine.upload(std::vector<u32>(1)), result = machine.upload(std::vector<u32>(32));
    const Outcome outcome = machine.run(
        kernel(
            "atom.global.add.u32 %r0, [%x0], 1;\nmad.wide.u32 %x1, %i, 4, %x1;\nst.global.u32 [%x1], %r0;"),
        {counter, result, 0, 0});
    ASSERT_EQ(outcome.status, Status::success) << outcome.message;
    orders.insert(machine.download<u32>(result, 32));
  }
  EXPECT_GT(orders.size(), 4u);
}

} // namespace
} // namespace emu::test
