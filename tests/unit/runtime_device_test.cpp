// Loading and launching hand-assembled kernels: slots, grids, scratch, threads, and the choice of code.
#include "runtime/cpu/workers.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <attile/cpu_info.h>
#include <attile/device.h>
#include <gtest/gtest.h>
#include <numeric>

namespace attile {
namespace {

using plan::Slot;
using plan::sym;

/// out[block] = slots[1] + block
constexpr std::array<unsigned char, 15> write_sum = {0x48, 0x8b, 0x07,       // mov rax, [rdi]
                                                     0x48, 0x8b, 0x4f, 0x08, // mov rcx, [rdi + 8]
                                                     0x48, 0x01, 0xf1,       // add rcx, rsi
                                                     0x48, 0x89, 0x0c, 0xf0, // mov [rax + 8*rsi], rcx
                                                     0xc3};                  // ret
/// out[block] = (what was in the worker's memory at first) & (-64 & its address misalignment); then writes to
/// it
constexpr std::array<unsigned char, 21> use_scratch = {0x48, 0x8b, 0x07,       // mov rax, [rdi]
                                                       0x48, 0x89, 0x32,       // mov [rdx], rsi
                                                       0x48, 0x8b, 0x0a,       // mov rcx, [rdx]
                                                       0x48, 0x83, 0xe2, 0x3f, // and rdx, 63
                                                       0x48, 0x01, 0xd1,       // add rcx, rdx
                                                       0x48, 0x89, 0x0c, 0xf0, // mov [rax + 8*rsi], rcx
                                                       0xc3};                  // ret
/// out[0..n) = slots[1..n]
std::vector<unsigned char> copy_slots(unsigned char n) {
  return {0x48, 0x89, 0xf8,          // mov rax, rdi
          0x48, 0x8b, 0x38,          // mov rdi, [rax]
          0x48, 0x8d, 0x70, 0x08,    // lea rsi, [rax + 8]
          0xb9, n,    0,    0,    0, // mov ecx, n
          0xf3, 0x48, 0xa5,          // rep movsq
          0xc3};                     // ret
}

template <class Code> std::vector<std::byte> bytes(const Code& code) {
  std::vector<std::byte> result;
  std::transform(code.begin(), code.end(), std::back_inserter(result),
                 [](unsigned char c) { return std::byte(c); });
  return result;
}

/// A package of one kernel 'main' that writes int64s to o[batch, heads, q_len].
Package package_of(std::vector<std::byte> code, std::vector<Slot> slots) {
  Package p;
  p.spec_name = "test", p.dtype = DType::f32, p.head_dim = 4, p.head_dim_v = 4;
  p.inputs = standard_inputs(p.dtype);
  p.outputs = {row_output_spec("o")};
  p.outputs[0].dtype = DType::i64;
  slots.insert(slots.begin(), Slot::pointer("o"));
  p.plan.kernels = {{"main", sym("batch") * sym("heads") * sym("q_len"), 0, std::move(slots), {}}};
  p.code.resize(1);
  p.code[0].target = "x86-64", p.code[0].entries = {{"main", 0}}, p.code[0].bytes = std::move(code);
  return p;
}

struct Operands {
  std::vector<float> q, k, v;
  std::vector<std::int64_t> o;
  Arguments arguments;

  explicit Operands(std::int64_t q_len, std::int64_t kv_len = 3) {
    q.resize(2 * 4 * q_len * 4), k.resize(2 * 2 * kv_len * 4), v.resize(k.size()),
        o.resize(2 * 4 * q_len, -1);
    arguments.q = ConstTensorView(q.data(), {2, 4, q_len, 4});
    arguments.k = ConstTensorView(k.data(), {2, 2, kv_len, 4});
    arguments.v = ConstTensorView(v.data(), {2, 2, kv_len, 4});
    arguments.o = TensorView(o.data(), {2, 4, q_len});
  }
};

class DeviceTest : public testing::Test {
protected:
  void SetUp() override {
    if (cpu_info().arch != "x86-64")
      GTEST_SKIP() << "the kernels of this test are x86-64 code";
  }
  Kernel load(const Package& package) {
    Result<Kernel> kernel = Device::open("cpu")->load(package);
    EXPECT_TRUE(kernel) << kernel.error().text();
    return *std::move(kernel);
  }
};

TEST_F(DeviceTest, RunsEveryBlockOnce) {
  Kernel kernel = load(package_of(bytes(write_sum), {Slot::value(sym("q_len") * 1000)}));
  EXPECT_EQ(kernel.target(), "x86-64");
  EXPECT_TRUE(kernel.package().code.empty());
  for (std::int64_t q_len : {1, 7, 500})
    for (int threads : {1, 2, 5, 0}) {
      Operands operands(q_len);
      operands.arguments.threads = threads;
      LaunchStats stats;
      Result<void> result = kernel.launch(operands.arguments, &stats);
      ASSERT_TRUE(result) << result.error().text();
      for (std::size_t i = 0; i < operands.o.size(); ++i)
        ASSERT_EQ(operands.o[i], q_len * 1000 + static_cast<std::int64_t>(i)) << threads;
      EXPECT_GT(stats.ms, 0);
      EXPECT_GT(stats.kernel_ms.at(0), 0);
    }
}

TEST_F(DeviceTest, EmptyShapesLaunchNothing) {
  Kernel kernel = load(package_of(bytes(write_sum), {Slot::value(0)}));
  Operands no_queries(0), no_keys(3, 0);
  no_queries.arguments.q.data = nullptr, no_queries.arguments.o.data = nullptr;
  EXPECT_TRUE(kernel.launch(no_queries.arguments));
  no_keys.arguments.k.data = nullptr, no_keys.arguments.v.data = nullptr;
  EXPECT_TRUE(kernel.launch(no_keys.arguments));
  EXPECT_EQ(no_keys.o[5], 5); // blocks run where there are no keys
}

TEST_F(DeviceTest, SlotsHoldWhatThePlanSays) {
  std::vector<Slot> slots = {Slot::value(sym("twice")),
                             Slot::value(sym("k.stride.1")),
                             Slot::value(sym("slope.dim.1") * 100 + sym("slope.stride.0")),
                             Slot::param("window"),
                             Slot::param("cap"),
                             Slot::param("causal"),
                             Slot::value(sym("param.window") + sym("param.causal")),
                             Slot::pointer("k"),
                             Slot::pointer("slope"),
                             Slot::scratch("buffer"),
                             Slot::value(sym("threads"))};
  Package p = package_of(bytes(copy_slots(static_cast<unsigned char>(slots.size()))), slots);
  p.tensor_params = {{"slope", DType::f32, {sym("heads"), std::nullopt}}};
  p.scalar_params = {{"window", ScalarParam::Type::integer, std::int64_t(-5)},
                     {"cap", ScalarParam::Type::f32, 50.0f},
                     {"causal", ScalarParam::Type::boolean, {}}};
  p.plan.values = {{"rows", sym("batch") * sym("q_len")}, {"twice", sym("rows") * 2}};
  p.plan.scratch = {{"buffer", sym("twice") * 1000}};
  p.plan.kernels[0].grid = 1;
  Kernel kernel = load(p);
  Operands operands(9);
  std::vector<float> slope(4 * 3);
  operands.arguments.params = {
      {"slope", ConstTensorView(slope.data(), {4, 3})}, {"causal", true}, {"cap", 1.5}};
  operands.arguments.threads = 2;
  LaunchStats stats;
  Result<void> result = kernel.launch(operands.arguments, &stats);
  ASSERT_TRUE(result) << result.error().text();
  auto address = [](const void* p) { return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(p)); };
  std::vector<std::int64_t> expected = {36,
                                        12,
                                        303,
                                        -5,
                                        std::bit_cast<std::int32_t>(1.5f),
                                        1,
                                        -4,
                                        address(operands.k.data()),
                                        address(slope.data())};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(operands.o[i], expected[i]) << i;
  EXPECT_NE(operands.o[9], 0);
  EXPECT_EQ(operands.o[9] % 64, 0);
  EXPECT_EQ(operands.o[10], 2);
  EXPECT_GE(stats.scratch_bytes, 36000);
  std::int64_t buffer = operands.o[9];
  ASSERT_TRUE(kernel.launch(operands.arguments));
  EXPECT_EQ(operands.o[9], buffer) << "scratch memory is kept";
}

TEST_F(DeviceTest, WorkersHaveMemoryOfTheirOwn) {
  Package p = package_of(bytes(use_scratch), {});
  p.plan.kernels[0].worker_scratch = 64;
  Kernel kernel = load(p);
  for (bool poison : {false, true})
    for (int threads : {1, 3}) {
      Operands operands(300);
      operands.arguments.threads = threads, operands.arguments.poison_scratch = poison;
      ASSERT_TRUE(kernel.launch(operands.arguments));
      for (std::size_t i = 0; i < operands.o.size(); ++i)
        ASSERT_EQ(operands.o[i], static_cast<std::int64_t>(i));
    }
}

TEST_F(DeviceTest, PlansKnowTheAlignmentOfAddresses) {
  Package p =
      package_of(bytes(copy_slots(3)), {Slot::value(sym("q.alignment")), Slot::value(sym("k.alignment")),
                                        Slot::value(sym("lse.alignment"))});
  p.outputs.push_back(row_output_spec("lse")); // is left out
  p.plan.kernels[0].grid = 1;
  Kernel kernel = load(p);
  Operands operands(9, 0); // k is empty
  alignas(128) std::array<float, 2 * 4 * 9 * 4 + 32> memory{};
  for (std::int64_t offset : {4, 8, 12, 16, 32, 64, 128}) {
    operands.arguments.q.data = memory.data() + offset / 4;
    ASSERT_TRUE(kernel.launch(operands.arguments));
    EXPECT_EQ(operands.o[0], std::min<std::int64_t>(offset & -offset, 64)) << offset;
    EXPECT_EQ(operands.o[1], 64);
    EXPECT_EQ(operands.o[2], 64);
  }
}

TEST_F(DeviceTest, ConditionsSkipLaunches) {
  Package p = package_of(bytes(write_sum), {Slot::value(0)});
  p.plan.kernels[0].when = lt(sym("q_len"), 5);
  p.plan.kernels[0].worker_scratch = floordiv(1, lt(sym("q_len"), 5)); // makes no sense where skipped
  Kernel kernel = load(p);
  Operands few(4), many(5);
  ASSERT_TRUE(kernel.launch(few.arguments));
  EXPECT_EQ(few.o[1], 1);
  ASSERT_TRUE(kernel.launch(many.arguments));
  EXPECT_EQ(many.o[1], -1);
}

TEST_F(DeviceTest, OutputsThatAreLeftOutGoToScratch) {
  Package p = package_of(bytes(write_sum), {Slot::value(sym("lse.stride.0"))});
  p.outputs.push_back(row_output_spec("lse"));
  p.outputs[1].dtype = DType::i64;
  p.plan.kernels.push_back(p.plan.kernels[0]);
  p.plan.kernels[1].slots[0] = Slot::pointer("lse");
  Kernel kernel = load(p);
  Operands operands(10);
  LaunchStats stats;
  ASSERT_TRUE(kernel.launch(operands.arguments, &stats));
  EXPECT_EQ(operands.o[0], 40); // strides of a dense [2, 4, 10]
  EXPECT_GE(stats.scratch_bytes, 2 * 4 * 10 * 8);
}

TEST_F(DeviceTest, ChoosesTheBestCodeForThisCpu) {
  Package p = package_of(bytes(write_sum), {Slot::value(0)});
  CodeSection other = p.code[0];
  other.target = "x86-64-sse2", other.features = {"sse2"};
  p.code.push_back(other);
  other.target = "future", other.features = {"sse2", "sse", "quantum", "warp"};
  p.code.push_back(other);
  other.kind = "fpga", other.target = "f1", other.entries.clear();
  p.code.push_back(other);
  EXPECT_EQ(load(p).target(), "x86-64-sse2");
  p.code.erase(p.code.begin(), p.code.begin() + 2);
  p.code.back().kind = "cpu_image", p.code.back().entries = {{"main", 0}}, p.code.back().arch = "sparc";
  Result<Kernel> refused = Device::open("cpu")->load(p);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(), "error: package 'test' has no code that this CPU can run\n"
                                    "note: code for 'future' needs quantum, warp, which this CPU lacks\n"
                                    "note: code for 'f1' is for sparc, this CPU is x86-64\n"
                                    "remedy: build the package for another --target, such as native");
  EXPECT_EQ(refused.error().kind, ErrorKind::environment);
}

TEST_F(DeviceTest, PlansThatGoWrongAreErrors) {
  auto error = [&](auto change) {
    Package p = package_of(bytes(write_sum), {Slot::value(0)});
    change(p);
    Operands operands(10);
    Result<void> result = load(p).launch(operands.arguments);
    EXPECT_EQ(operands.o[0], -1);
    return result ? "" : result.error().message;
  };
  EXPECT_EQ(error([](Package& p) { p.plan.values = {{"x", floordiv(1, sym("q_len") - 10)}}; }),
            "plan value 'x': division by zero in floordiv(1, q_len - 10)");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].grid = 0 - sym("q_len"); }),
            "kernel 'main': expected a size, got -10");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].slots[1] = Slot::value(sym("q_len") * INT64_MAX); }),
            "kernel 'main': q_len * 9223372036854775807 does not fit 64 bits");
  EXPECT_EQ(error([](Package& p) { p.plan.scratch = {{"big", sym("q_len") * (std::int64_t(1) << 50)}}; }),
            "scratch 'big': not enough memory for 11258999068426240 bytes");
  EXPECT_EQ(error([](Package& p) { p.plan.scratch = {{"big", INT64_MAX}}; }),
            "scratch 'big': not enough memory for 9223372036854775807 bytes");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].worker_scratch = std::int64_t(1) << 60; }),
            "scratch of a worker: not enough memory for 1152921504606846976 bytes");
}

TEST(Device, BuffersAreMemory) {
  Result<DeviceBuffer> buffer = Device::open("cpu")->allocate(16);
  ASSERT_TRUE(buffer) << buffer.error().text();
  std::array<std::int64_t, 2> in = {1, 2}, out = {};
  ASSERT_TRUE(buffer->write(std::as_bytes(std::span(in))));
  DeviceBuffer moved = *std::move(buffer);
  EXPECT_EQ(static_cast<std::int64_t*>(moved.data())[1], 2);
  EXPECT_EQ(moved.size(), 16);
  ASSERT_TRUE(moved.read(std::as_writable_bytes(std::span(out))));
  EXPECT_EQ(out, in);
}

TEST(Device, OpensByName) {
  ASSERT_TRUE(Device::open("cpu"));
  EXPECT_EQ(Device::open("cpu")->info().name, "cpu");
  EXPECT_EQ(Device::open("tpu").error().message,
            "there is no device 'tpu': expected one of: cpu, cuda, emulator");
  EXPECT_EQ(Device::open("tpu").error().kind, ErrorKind::usage);
  EXPECT_FALSE(Device::open("cpu:1"));
  std::vector<DeviceInfo> devices = Device::list();
  ASSERT_FALSE(devices.empty());
  EXPECT_TRUE(devices[0].available);
  EXPECT_TRUE(devices.back().available) << devices.back().missing; // the emulator
  for (const DeviceInfo& device : devices) {
    EXPECT_EQ(device.missing.empty(), device.available) << device.name;
    if (!device.available) {
      EXPECT_EQ(Device::open(device.name).error().kind, ErrorKind::environment) << device.name;
    }
  }
}

TEST(Device, RefusesPackagesThatAreNotConsistent) {
  Package p = package_of(bytes(write_sum), {});
  p.code[0].entries["main"] = 1000;
  EXPECT_FALSE(Device::open("cpu")->load(p));
}

TEST(Workers, StartBlocksInAscendingOrder) {
  cpu::Workers workers(4);
  std::vector<std::int64_t> last(4, -1);
  std::array<std::atomic<int>, 1000> seen{};
  std::atomic<bool> ordered = true;
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::fill(last.begin(), last.end(), -1);
    ASSERT_TRUE(workers.run(1000, [&](int worker, std::int64_t block) {
      if (block <= last[worker])
        ordered = false;
      last[worker] = block;
      ++seen[static_cast<std::size_t>(block)];
    }));
  }
  EXPECT_TRUE(ordered);
  for (auto& count : seen)
    ASSERT_EQ(count, 3);
  EXPECT_TRUE(workers.run(0, [&](int, std::int64_t) { FAIL(); }));
}

#if defined(__x86_64__)
/// Kernels that pass through subnormal sums are slow on some CPUs; the caller's own arithmetic keeps them.
TEST(Workers, FlushSubnormalResults) {
  volatile float least_normal = 0x1p-126F;
  auto half = [&] { return least_normal * 0.5F; };
  for (int threads : {1, 3}) {
    cpu::Workers workers(threads);
    std::atomic<int> kept = 0;
    ASSERT_TRUE(workers.run(100, [&](int, std::int64_t) { kept += half() != 0; }));
    EXPECT_EQ(kept, 0) << threads << " threads";
    EXPECT_EQ(half(), 0x1p-127F) << "the caller's mode is changed";
  }
}
#endif

} // namespace
} // namespace attile
