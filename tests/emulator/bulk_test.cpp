// cp.async.bulk and cp.reduce.async.bulk: forms, sizes, reductions, groups, and what is in flight under many
// schedules.
#include "kernel_text.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

namespace emu::test {
namespace {

std::vector<u32> numbers(std::size_t count, u32 first = 1000) {
  std::vector<u32> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

// Shared memory at %r0 and %r5, an mbarrier of one arrival at %r1; %p0: the first thread.
const std::string beginning =
    ".shared .align 128 .b8 s[4096];\n.shared .align 128 .b8 q[4096];\n.shared .align 8 .b64 m;\n"
    "mov.u32 %r0, s;\nmov.u32 %r5, q;\nmov.u32 %r1, m;\n"
    "setp.eq.u32 %p0, %t0, 0;\n@%p0 mbarrier.init.shared.b64 [%r1], 1;\nfence.proxy.async;\nbar.sync 0;\n";

std::string wait(int parity, const std::string& label) {
  return label + ":\nmbarrier.try_wait.parity.shared.b64 %p1, [%r1], " + std::to_string(parity) +
         ";\n@!%p1 bra " + label + ";\n";
}

std::string expect(u32 bytes) {
  return "@%p0 mbarrier.arrive.expect_tx.shared.b64 _, [%r1], " + std::to_string(bytes) + ";\n";
}

// Loads 4096 bytes, of which each of 64 threads changes every 64th word, and stores them.
TEST(BulkCopy, LoadsAndStores) {
  const std::string loads[] = {
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%x0], %r2, [%r1];",
      "cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [%r0], [%x0], 4096, [%r1];",
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%r0], [%x0], %r2, "
      "[%r1], "
      "%l9;",
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%r0], [%x0], "
      "%r2, [%r1], "
      "1;",
      "mov.u16 %h1, 1;\ncp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster"
      ".L2::cache_hint [%r0], [%x0], %r2, [%r1], %h1, %l9;",
  };
  const std::string stores[] = {
      "cp.async.bulk.global.shared::cta.bulk_group [%x1], [%r0], %r2;",
      "cp.async.bulk.global.shared::cta.bulk_group.L2::cache_hint [%x1], [s], 4096, %l9;",
      "cp.async.bulk.global.shared::cta.bulk_group [%x1+16], [%r0+16], 4080;\n"
      "cp.async.bulk.global.shared::cta.bulk_group [%x1], [%r0], 16;",
  };
  const std::string fences[] = {
      "fence.proxy.async.shared::cta", "fence.proxy.async", "fence.proxy.async.shared::cluster",
      "fence.proxy.async.global;\nfence.proxy.async::generic.acquire.sync_restrict::shared::cluster.cluster",
      "fence.proxy.async::generic.release.sync_restrict::shared::cta.cluster"};
  const std::string prefetches[] = {"cp.async.bulk.prefetch.L2.global [%x0], %r2;",
                                    "cp.async.bulk.prefetch.L2.global.L2::cache_hint [%x0], 4096, %l9;", ""};
  for (std::size_t i = 0; i < std::size(loads); ++i) {
    const std::string &store = stores[i % std::size(stores)],
                      &prefetch = prefetches[i % std::size(prefetches)];
    const std::string& fence = fences[i];
    SCOPED_TRACE(loads[i] + store);
    const std::string text =
        kernel(beginning + "mov.u32 %r2, 4096;\nmov.u64 %l9, 0;\n@!%p0 bra W;\n" + prefetch + "\n" +
               expect(4096) + loads[i] + "\n" + wait(0, "W") +
               "mad.lo.u32 %r3, %t0, 4, %r0;\nmov.u32 %r4, 0;\n"
               "next:\nld.shared.u32 %r6, [%r3];\nmad.lo.u32 %r6, %r6, 3, %t0;\nst.shared.u32 [%r3], %r6;\n"
               "add.u32 %r3, %r3, 256;\nadd.u32 %r4, %r4, 1;\nsetp.lt.u32 %p2, %r4, 16;\n@%p2 bra next;\n"
               "" +
               fence + ";\nbar.sync 0;\n@!%p0 bra end;\n" + store +
               "\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\nend:");
    run_all_ways(
        {1}, {64}, text,
        [](Machine& machine) {
          return std::vector<u64>{machine.upload(numbers(1024)), machine.upload(std::vector<u32>(1024)), 0,
                                  0};
        },
        [](Machine& machine, const std::vector<u64>& params) {
          std::vector<u32> wanted = numbers(1024);
          for (u32 k = 0; k < wanted.size(); ++k)
            wanted[k] = wanted[k] * 3 + k % 64;
          EXPECT_EQ(machine.download<u32>(params[1], 1024), wanted);
        },
        8);
  }
}

// From one place in shared memory to another, and of each 16 bytes some.
TEST(BulkCopy, WithinSharedMemoryAndMasked) {
  const std::string text = kernel(
      beginning + expect(512) +
      "@%p0 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%x0], 512, [%r1];\n" +
      wait(0, "A") + expect(256) +
      "@%p0 cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%r5], [%r0+128], 256, "
      "[%r1];\n" +
      wait(1, "B") +
      "@!%p0 bra end;\nmov.u16 %h1, 0x0ff1;\nmov.u64 %l9, 0;\n"
      "cp.async.bulk.global.shared::cta.bulk_group.cp_mask [%x1], [%r5], 128, %h1;\n"
      "cp.async.bulk.global.shared::cta.bulk_group.L2::cache_hint.cp_mask [%x1+128], [%r5+128], 128, %l9, "
      "0x8001;\n"
      "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\nend:");
  run_all_ways(
      {1}, {32}, text,
      [](Machine& machine) {
        return std::vector<u64>{machine.upload(numbers(128, 0x01020304)),
                                machine.upload(std::vector<u8>(256, 0xcc)), 0, 0};
      },
      [](Machine& machine, const std::vector<u64>& params) {
        const std::vector<u8> from = machine.download<u8>(params[0], 512);
        const std::vector<u8> found = machine.download<u8>(params[1], 256);
        for (std::size_t k = 0; k < 256; ++k) {
          const u32 mask = k < 128 ? 0x0ff1 : 0x8001;
          EXPECT_EQ(found[k], (mask >> k % 16 & 1) != 0 ? from[k + 128] : 0xcc) << k;
        }
      },
      8);
}

// ---- reductions ----

template <class T> using Function = std::function<T(T, T)>;

// Reduces 64 elements into global memory, and, if there is such a form, into shared memory.
template <class T>
void reduces(const std::string& operation, const std::string& type, const std::vector<T>& a,
             const std::vector<T>& b, const Function<T>& wanted, bool in_shared = false) {
  SCOPED_TRACE(operation + type);
  const u32 bytes = 64 * sizeof(T);
  const std::string size = std::to_string(bytes);
  const std::string to_global = "cp.reduce.async.bulk.global.shared::cta.bulk_group." + operation + type;
  const std::string to_shared =
      "cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes." + operation + type;
  std::string body = beginning + expect(2 * bytes) +
                     "@%p0 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%x1], " +
                     size + ", [%r1];\n" +
                     "@%p0 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r5], [%x0], " +
                     size + ", [%r1];\n" + wait(0, "A");
  if (in_shared)
    body += expect(bytes) + "@%p0 " + to_shared + " [%r5], [%r0], " + size + ", [%r1];\n" + wait(1, "B") +
            "@!%p0 bra end;\ncp.async.bulk.global.shared::cta.bulk_group [%x2], [%r5], " + size + ";\n";
  else
    body += "@!%p0 bra end;\n";
  body += to_global + " [%x0], [%r0], " + size +
          ";\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\nend:";
  run_all_ways(
      {1}, {32}, kernel(body),
      [&](Machine& machine) {
        return std::vector<u64>{machine.upload(a), machine.upload(b), machine.upload(std::vector<T>(64)), 0};
      },
      [&](Machine& machine, const std::vector<u64>& params) {
        std::vector<T> result(64);
        std::ranges::transform(a, b, result.begin(), wanted);
        EXPECT_EQ(machine.download<T>(params[0], 64), result);
        if (in_shared) {
          EXPECT_EQ(machine.download<T>(params[2], 64), result);
        }
      },
      4);
}

template <class T> std::vector<T> random_values(u64 stream) {
  std::vector<T> values = interesting<T>(64, stream);
  std::mt19937_64 random(seed() + stream);
  std::ranges::shuffle(values, random);
  values.resize(64);
  return values;
}

template <class T> void reduces_integers(const std::string& type, bool in_shared) {
  const std::vector<T> a = random_values<T>(1), b = random_values<T>(2);
  using Unsigned = std::make_unsigned_t<T>;
  reduces<T>(
      "add", type, a, b, [](T x, T y) { return static_cast<T>(Unsigned(x) + Unsigned(y)); },
      sizeof(T) == 4 || std::is_unsigned_v<T>);
  reduces<T>("min", type, a, b, [](T x, T y) { return x < y ? x : y; }, in_shared);
  reduces<T>("max", type, a, b, [](T x, T y) { return x > y ? x : y; }, in_shared);
}

template <class T> void reduces_bits(const std::string& type, bool in_shared) {
  const std::vector<T> a = random_values<T>(3), b = random_values<T>(4);
  reduces<T>("and", type, a, b, std::bit_and<T>(), in_shared);
  reduces<T>("or", type, a, b, std::bit_or<T>(), in_shared);
  reduces<T>("xor", type, a, b, std::bit_xor<T>(), in_shared);
}

TEST(BulkReduce, Integers) {
  reduces_integers<u32>(".u32", true);
  reduces_integers<std::int32_t>(".s32", true);
  reduces_integers<u64>(".u64", false);
  const auto a = random_values<std::int64_t>(1), b = random_values<std::int64_t>(2);
  reduces<std::int64_t>("min", ".s64", a, b, [](auto x, auto y) { return x < y ? x : y; });
  reduces<std::int64_t>("max", ".s64", a, b, [](auto x, auto y) { return x > y ? x : y; });
  reduces_bits<u32>(".b32", true);
  reduces_bits<u64>(".b64", false);
  const auto x = random_values<u32>(5), limits = random_values<u32>(6);
  reduces<u32>("inc", ".u32", x, limits, [](u32 old, u32 limit) { return old >= limit ? 0 : old + 1; }, true);
  reduces<u32>(
      "dec", ".u32", x, limits, [](u32 old, u32 limit) { return old == 0 || old > limit ? limit : old - 1; },
      true);
}

// Small whole numbers and halves, which every type has exactly; as bits, by a function that the types share.
template <class Bits> std::vector<Bits> of_floats(const std::vector<float>& values, Bits (*bits)(float)) {
  std::vector<Bits> all;
  for (float value : values)
    all.push_back(bits(value));
  return all;
}

u16 bf16_of(float value) {
  u32 bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<u16>(bits >> 16);
}

u16 f16_of(float value) { // of what it has exactly
  if (value == 0)
    return 0;
  int exponent = 0;
  const float fraction = std::frexp(std::abs(value), &exponent);
  return static_cast<u16>((value < 0 ? 0x8000 : 0) | (exponent + 14) << 10 |
                          (static_cast<int>(std::ldexp(fraction, 11)) & 0x3ff));
}

TEST(BulkReduce, Floats) {
  std::vector<float> a, b, sum, least, most;
  for (int i = 0; i < 64; ++i) {
    a.push_back(static_cast<float>(i * 7 % 41 - 20) / 2);
    b.push_back(static_cast<float>(i * 11 % 37 - 18));
    sum.push_back(a.back() + b.back());
    least.push_back(std::min(a.back(), b.back()));
    most.push_back(std::max(a.back(), b.back()));
  }
  const auto nth = [](auto values) {
    return [values, i = std::size_t(0)](auto, auto) mutable { return values[i++ % 64]; };
  };
  for (const auto& [type, bits] : {std::pair(".f16", &f16_of), std::pair(".bf16", &bf16_of)}) {
    const std::vector<u16> x = of_floats(a, bits), y = of_floats(b, bits);
    reduces<u16>("add.noftz", type, x, y, nth(of_floats(sum, bits)));
    reduces<u16>("min", type, x, y, nth(of_floats(least, bits)));
    reduces<u16>("max", type, x, y, nth(of_floats(most, bits)));
  }
  reduces<float>("add", ".f32", a, b, nth(sum));
  const std::vector<double> x(a.begin(), a.end()), y(b.begin(), b.end()), z(sum.begin(), sum.end());
  reduces<double>("add", ".f64", x, y, nth(z));
  // Subnormal numbers are zeros, as for red.global.
  reduces<float>("add", ".f32", std::vector<float>(64, 1e-40F), std::vector<float>(64, 2e-40F),
                 [](float, float) { return 0.0F; });
}

// Many blocks at once: each adds 1 to 1024 counters, in any form.
TEST(BulkReduce, IsAtomic) {
  const std::string text = kernel(
      beginning +
      "mad.lo.u32 %r3, %t0, 16, %r0;\nmov.u32 %r4, 1;\nst.shared.v4.u32 [%r3], {%r4, %r4, %r4, %r4};\n"
      "fence.proxy.async.shared::cta;\nbar.sync 0;\n@!%p0 bra end;\nmov.u64 %l9, 0;\n"
      "cp.reduce.async.bulk.global.shared::cta.bulk_group.L2::cache_hint.add.u32 [%x0], [%r0], 4096, %l9;\n"
      "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group.read 0;\nend:");
  run_all_ways(
      {23}, {256}, text,
      [](Machine& machine) { return std::vector<u64>{machine.upload(std::vector<u32>(1024)), 0, 0, 0}; },
      [](Machine& machine, const std::vector<u64>& params) {
        EXPECT_EQ(machine.download<u32>(params[0], 1024), std::vector<u32>(1024, 23));
      },
      4);
}

// ---- what is in flight ----

// What schedules of one thread leave in the first `count` words of the result.
std::set<std::vector<u32>> seen(const std::string& body, std::size_t count, int schedules = 96) {
  std::set<std::vector<u32>> all;
  for (u64 i = 0; i < static_cast<u64>(schedules); ++i) {
    Machine machine;
    machine.threads.x = 1;
    machine.options = {.mode = Options::Mode::scheduled, .seed = seed() + i};
    const u64 source = machine.upload(std::vector<u32>(256, 1)),
              to = machine.upload(std::vector<u32>(256, 0));
    const u64 result = machine.upload(std::vector<u32>(count));
    const Outcome outcome = machine.run(kernel(beginning + body), {source, to, result, 0});
    EXPECT_EQ(outcome.status, Status::success) << outcome.message;
    all.insert(machine.download<u32>(result, count));
  }
  return all;
}

constexpr const char* load_kilobyte =
    "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%x0], 1024, [%r1];\n";
const std::string store_kilobyte =
    "cp.async.bulk.global.shared::cta.bulk_group [%x1], [%r0], 1024;\ncp.async.bulk.commit_group;\n";

// Before the phase is complete its bytes are there or not, each part for itself.
TEST(BulkCopy, PartsArriveAtTheirOwnTimes) {
  const auto found =
      seen("st.shared.u32 [%r0], 7;\nst.shared.u32 [%r0+1020], 7;\n" + expect(1024) + load_kilobyte +
               "ld.shared.u32 %r10, [%r0];\nld.shared.u32 %r11, [%r0+1020];\n" + wait(0, "W") +
               "ld.shared.u32 %r12, [%r0];\nld.shared.u32 %r13, [%r0+1020];\n"
               "st.global.v4.u32 [%x2], {%r10, %r11, %r12, %r13};",
           4);
  EXPECT_EQ(found, (std::set<std::vector<u32>>{{7, 7, 1, 1}, {7, 1, 1, 1}, {1, 7, 1, 1}, {1, 1, 1, 1}}));
}

// A source in global memory may be read until the phase is complete.
TEST(BulkCopy, SourcesAreReadLate) {
  const auto found = seen(expect(1024) + load_kilobyte +
                              "st.global.u32 [%x0], 2;\nst.global.u32 [%x0+1020], 2;\n" + wait(0, "W") +
                              "ld.shared.u32 %r10, [%r0];\nld.shared.u32 %r11, [%r0+1020];\n"
                              "st.global.v2.u32 [%x2], {%r10, %r11};",
                          2);
  EXPECT_EQ(found, (std::set<std::vector<u32>>{{1, 1}, {1, 2}, {2, 1}, {2, 2}}));
}

const std::string filled = expect(1024) + load_kilobyte + wait(0, "W");
constexpr const char* overwrite_and_look = "st.shared.u32 [%r0], 9;\nld.global.u32 %r10, [%x1];\n";
constexpr const char* finish =
    "cp.async.bulk.wait_group 0;\nld.global.u32 %r11, [%x1];\nst.global.v2.u32 [%x2], {%r10, %r11};";

// A store's source may be read until the wait for its reads, and its destination be written until the wait
// for all of it.
TEST(BulkGroups, StoresAreLate) {
  // Rarely is the source read after it is overwritten, and all written before the look: one instruction
  // later.
  const auto some = [](const std::string& body) {
    std::set<std::vector<u32>> found = seen(filled + body + overwrite_and_look + finish, 2);
    found.erase({9, 9});
    return found;
  };
  const std::set<std::vector<u32>> late = {{0, 1}, {0, 9}, {1, 1}};
  EXPECT_EQ(some(store_kilobyte), late);
  EXPECT_EQ(
      seen(filled + store_kilobyte + "cp.async.bulk.wait_group.read 0;\n" + overwrite_and_look + finish, 2),
      (std::set<std::vector<u32>>{{0, 1}, {1, 1}}));
  EXPECT_EQ(seen(filled + store_kilobyte + "cp.async.bulk.wait_group 0;\n" + overwrite_and_look + finish, 2),
            (std::set<std::vector<u32>>{{1, 1}}));
  // All but the latest group; and a group that was not committed is not waited for.
  EXPECT_EQ(seen(filled + store_kilobyte + "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 1;\n" +
                     overwrite_and_look + finish,
                 2),
            (std::set<std::vector<u32>>{{1, 1}}));
  const std::string uncommitted = "cp.async.bulk.global.shared::cta.bulk_group [%x1], [%r0], 1024;\n"
                                  "cp.async.bulk.wait_group.read 0;\n";
  std::set<std::vector<u32>> found =
      seen(filled + uncommitted + overwrite_and_look + "cp.async.bulk.commit_group;\n" + finish, 2);
  found.erase({9, 9});
  EXPECT_EQ(found, late);
  // The groups of cp.async are others.
  EXPECT_EQ(some(store_kilobyte + "cp.async.commit_group;\ncp.async.wait_all;\n"), late);
}

// ---- errors ----

void fails(const std::string& body, Status status, const std::string& message) {
  for (const auto mode : {Options::Mode::fast, Options::Mode::scheduled}) {
    Machine machine;
    machine.threads.x = 32;
    machine.options.mode = mode;
    const Outcome outcome =
        machine.run(kernel(beginning + "mov.u32 %r9, 24;\n@!%p0 bra end;\n" + body + "\nend:"),
                    {machine.upload(std::vector<u32>(64)), machine.upload(std::vector<u32>(64)), 0, 0});
    EXPECT_EQ(outcome.status, status) << body << outcome.message;
    EXPECT_NE(outcome.message.find(message), std::string::npos) << outcome.message;
  }
}

TEST(BulkCopy, Errors) {
  const std::string load = "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes ";
  const std::string store = "cp.async.bulk.global.shared::cta.bulk_group ";
  fails(load + "[%r0], [%x0], %r9, [%r1];", Status::illegal_instruction,
        "24 bytes: expected a multiple of 16");
  fails("cp.async.bulk.prefetch.L2.global [%x0], %r9;", Status::illegal_instruction, "a multiple of 16");
  fails(load + "[%r0+8], [%x0], 16, [%r1];", Status::misaligned_address, "misaligned shared address");
  fails(load + "[%r0], [%x0+8], 16, [%r1];", Status::misaligned_address, "misaligned global address");
  fails(load + "[%r0], [%x0], 16, [%r1+4];", Status::misaligned_address, "expected a multiple of 8");
  fails(load + "[%r0], [%x0], 16, [%r5];", Status::illegal_instruction, "there is no mbarrier object");
  fails(load + "[%r0+131072], [%x0], 16, [%r1];", Status::illegal_address, "lie outside all memory");
  fails(load + "[%r0], [%x2], 16, [%r1];", Status::illegal_address, "16 bytes at global address 0x0");
  fails("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%r0], [%x0], "
        "16, [%r1], "
        "5;",
        Status::illegal_instruction, "a copy to block 2 of the cluster, which has 1");
  fails(store + "[%x0], [%r0+4], 16;", Status::misaligned_address, "misaligned shared address");
  fails(store + "[%x0+4], [%r0], 16;", Status::misaligned_address, "misaligned global address");
  fails(store + "[%x0], [%r0+131072], 16;", Status::illegal_address, "lie outside all memory");
  // More bytes than were expected: the count becomes negative, and stays so.
  fails(expect(48) + load + "[%r0], [%x0], 64, [%r1];\n" + wait(0, "W"), Status::deadlock, "deadlock");
  fails(expect(80) + load + "[%r0], [%x0], 64, [%r1];\n" + wait(0, "W"), Status::deadlock, "deadlock");
  fails("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%r1], 1048575;\n"
        "mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%r1], 16;",
        Status::illegal_instruction, "the transaction count becomes 1048591");
}

TEST(BulkCopy, RefusedAtLoad) {
  const std::pair<const char*, const char*> refused[] = {
      {"cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%l0], 24, [%r1];",
       "a size of 24 bytes: expected a multiple of 16"},
      {"cp.async.bulk.prefetch.L2.global [%l0], 8;", "a size of 8 bytes"},
      {"cp.async.bulk.wait_group %r0;", "no integer constant"},
      {"cp.async.bulk.global.shared.bulk_group [%l0], [%r0], 16;", "cannot follow"},
      {"cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f16 [%l0], [%r0], 16;", "cannot follow"},
      {"cp.reduce.async.bulk.global.shared::cta.bulk_group.add.s64 [%l0], [%r0], 16;", "cannot follow"},
      {"cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.add.f32 [%r0], [%r1], "
       "16, [%r2];",
       "cannot follow"},
  };
  for (const auto& [text, message] : refused) {
    Machine machine;
    EXPECT_EQ(machine.load(kernel(text)), nullptr) << text;
    EXPECT_NE(machine.error.message.find(message), std::string::npos) << machine.error.message;
  }
}

} // namespace
} // namespace emu::test
