// The CUDA device on the emulator: devices by name, the choice of code, slots, streams, graphs, and bad
// inputs. $ATTILE_TEST_DEVICE (cuda:0) runs what is not about the emulator on a GPU.
#include "tests/unit/cuda_test_package.h"

#include "emulator/driver/abi.h"
#include "runtime/package/gpu_target.h"
#include <array>
#include <bit>
#include <cstdlib>
#include <numeric>

namespace attile {
namespace {

using namespace emu::abi;
using plan::Slot;
using plan::sym;
using test::DeviceOperands;
using test::slots_package;

/// Before a driver is opened: the emulator has two devices, as tests want memory of another one.
const int two_devices = setenv("ATTILE_EMU_DEVICES", "2", 1);

std::string device_name() {
  const char* name = std::getenv("ATTILE_TEST_DEVICE");
  return name ? name : "emulator:sm_80";
}

/// Functions of the driver that these tests call by themselves.
struct Driver {
  explicit Driver(const Device& device) {
    auto find = [&](const char* name, auto& function) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(device.driver_function(name));
      EXPECT_NE(function, nullptr) << name;
    };
    find("cuStreamCreate", cuStreamCreate);
    find("cuStreamDestroy_v2", cuStreamDestroy_v2);
    find("cuStreamBeginCapture_v2", cuStreamBeginCapture_v2);
    find("cuStreamEndCapture", cuStreamEndCapture);
    find("cuGraphInstantiateWithFlags", cuGraphInstantiateWithFlags);
    find("cuGraphLaunch", cuGraphLaunch);
    find("cuCtxCreate_v2", cuCtxCreate_v2);
    find("cuCtxDestroy_v2", cuCtxDestroy_v2);
    find("cuCtxGetCurrent", cuCtxGetCurrent);
    find("cuCtxSetCurrent", cuCtxSetCurrent);
    find("cuDevicePrimaryCtxRetain", cuDevicePrimaryCtxRetain);
    find("cuMemAllocHost_v2", cuMemAllocHost_v2);
    find("cuMemAlloc_v2", cuMemAlloc_v2);
  }
  decltype(&emu::abi::cuStreamCreate) cuStreamCreate = nullptr;
  decltype(&emu::abi::cuStreamDestroy_v2) cuStreamDestroy_v2 = nullptr;
  decltype(&emu::abi::cuStreamBeginCapture_v2) cuStreamBeginCapture_v2 = nullptr;
  decltype(&emu::abi::cuStreamEndCapture) cuStreamEndCapture = nullptr;
  decltype(&emu::abi::cuGraphInstantiateWithFlags) cuGraphInstantiateWithFlags = nullptr;
  decltype(&emu::abi::cuGraphLaunch) cuGraphLaunch = nullptr;
  decltype(&emu::abi::cuCtxCreate_v2) cuCtxCreate_v2 = nullptr;
  decltype(&emu::abi::cuCtxDestroy_v2) cuCtxDestroy_v2 = nullptr;
  decltype(&emu::abi::cuCtxGetCurrent) cuCtxGetCurrent = nullptr;
  decltype(&emu::abi::cuCtxSetCurrent) cuCtxSetCurrent = nullptr;
  decltype(&emu::abi::cuDevicePrimaryCtxRetain) cuDevicePrimaryCtxRetain = nullptr;
  decltype(&emu::abi::cuMemAllocHost_v2) cuMemAllocHost_v2 = nullptr;
  decltype(&emu::abi::cuMemAlloc_v2) cuMemAlloc_v2 = nullptr;
};

class CudaDevice : public testing::Test {
protected:
  static Device open(const std::string& name) {
    Result<Device> device = Device::open(name);
    EXPECT_TRUE(device) << device.error().text();
    return *std::move(device);
  }
  Kernel load(const Package& package) const {
    Result<Kernel> kernel = device.load(package);
    EXPECT_TRUE(kernel) << kernel.error().text();
    return *std::move(kernel);
  }
  static std::string text(const Result<void>& result) { return result ? "" : result.error().text(); }
  static std::string text(const Result<Kernel>& result) { return result ? "" : result.error().text(); }

  /// As a program does that uses CUDA by itself.
  void make_primary_current() const {
    CUcontext context = nullptr;
    ASSERT_EQ(driver.cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    ASSERT_EQ(driver.cuCtxSetCurrent(context), CUDA_SUCCESS);
  }
  void TearDown() override { driver.cuCtxSetCurrent(nullptr); }

  Device device = open(device_name());
  Driver driver{device};
};

TEST_F(CudaDevice, RunsEveryBlockWithItsSlots) {
  std::vector<Slot> slots = {Slot::value(sym("twice")), Slot::value(sym("k.stride.1")), Slot::param("window"),
                             Slot::param("cap"),        Slot::param("causal"),          Slot::pointer("k"),
                             Slot::scratch("buffer")};
  Package p = slots_package(slots);
  p.scalar_params = {{"window", ScalarParam::Type::integer, std::int64_t(-5)},
                     {"cap", ScalarParam::Type::f32, 1.5f},
                     {"causal", ScalarParam::Type::boolean, true}};
  p.plan.values = {{"twice", sym("q_len") * 2}};
  p.plan.scratch = {{"buffer", sym("q_len") * 1000}};
  Kernel kernel = load(p);
  EXPECT_EQ(kernel.target(), "sm_75");
  for (std::int64_t q_len : {1, 5, 100}) {
    DeviceOperands operands(device, 8, q_len);
    LaunchStats stats;
    ASSERT_EQ(text(kernel.launch(operands.arguments, &stats)), "");
    EXPECT_GT(stats.kernel_ms.at(0), 0);
    std::vector<std::int64_t> o = operands.output();
    for (std::int64_t row = 0; row < operands.rows; ++row) {
      const std::int64_t* written = &o[static_cast<std::size_t>(8 * row)];
      ASSERT_EQ(written[0], 2 * q_len);
      ASSERT_EQ(written[1], 12);
      ASSERT_EQ(written[2], -5);
      ASSERT_EQ(written[3], std::bit_cast<std::int32_t>(1.5f));
      ASSERT_EQ(written[4], 1);
      ASSERT_EQ(written[5], reinterpret_cast<std::int64_t>(operands.k.data()));
      ASSERT_NE(written[6], 0);
      ASSERT_EQ(written[6] % 64, 0);
      ASSERT_EQ(written[7], row);
    }
    EXPECT_GE(stats.scratch_bytes, q_len * 1000);
  }
}

TEST_F(CudaDevice, EmptyShapes) {
  Kernel kernel = load(slots_package({Slot::pointer("k")}));
  DeviceOperands no_keys(device, 2, 5, 0), no_queries(device, 2, 0);
  no_keys.arguments.k.data = nullptr, no_keys.arguments.v.data = nullptr;
  ASSERT_EQ(text(kernel.launch(no_keys.arguments)), "");
  std::vector<std::int64_t> o = no_keys.output();
  EXPECT_GT(o[0], 0) << "a kernel that looks into an empty tensor finds zeros";
  EXPECT_EQ(o[3], 1);
  EXPECT_EQ(text(kernel.launch(no_queries.arguments)), "");
}

TEST_F(CudaDevice, ScratchIsKeptByStream) {
  make_primary_current();
  Package p = slots_package({Slot::scratch("buffer")});
  p.plan.scratch = {{"buffer", sym("q_len") * 1000}};
  Kernel kernel = load(p);
  CUstream stream = nullptr;
  ASSERT_EQ(driver.cuStreamCreate(&stream, 1), CUDA_SUCCESS);
  DeviceOperands operands(device, 2);
  std::vector<std::int64_t> addresses;
  for (CUstream s : {CUstream(nullptr), stream, CUstream(nullptr), stream}) {
    operands.arguments.stream = s;
    ASSERT_EQ(text(kernel.launch(operands.arguments)), "");
    addresses.push_back(operands.output()[0]);
  }
  EXPECT_EQ(addresses[0], addresses[2]);
  EXPECT_EQ(addresses[1], addresses[3]);
  EXPECT_NE(addresses[0], addresses[1]) << "streams run at once";
  EXPECT_EQ(driver.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
}

TEST_F(CudaDevice, TheCallersContextIsKept) {
  Kernel kernel = load(slots_package({}));
  CUcontext before = nullptr;
  ASSERT_EQ(driver.cuCtxGetCurrent(&before), CUDA_SUCCESS);
  EXPECT_EQ(before, nullptr) << "the runtime leaves no context behind";
  DeviceOperands operands(device, 1);
  ASSERT_EQ(text(kernel.launch(operands.arguments)), "");
  EXPECT_EQ(operands.output()[3], 3);
  ASSERT_EQ(driver.cuCtxGetCurrent(&before), CUDA_SUCCESS);
  EXPECT_EQ(before, nullptr);

  CUcontext context = nullptr, after = nullptr;
  ASSERT_EQ(driver.cuCtxCreate_v2(&context, 0, 0), CUDA_SUCCESS);
  {
    DeviceOperands own(device, 1); // of that context, in which the kernel runs as well
    ASSERT_EQ(text(kernel.launch(own.arguments)), "");
    EXPECT_EQ(own.output()[3], 3);
    ASSERT_EQ(driver.cuCtxGetCurrent(&after), CUDA_SUCCESS);
    EXPECT_EQ(after, context);
  }
  ASSERT_EQ(driver.cuCtxDestroy_v2(context), CUDA_SUCCESS);
}

TEST_F(CudaDevice, GraphsAreCapturedAndReplayed) {
  make_primary_current();
  Package p = slots_package({Slot::scratch("buffer")});
  p.plan.scratch = {{"buffer", sym("q_len") * 1000}};
  p.plan.kernels.push_back(
      p.plan.kernels[0]); // two kernels, one after the other; the first writes to the scratch
  p.plan.kernels[0].slots[0] = Slot::scratch("buffer");
  Kernel kernel = load(p);
  CUstream stream = nullptr;
  CUgraph graph = nullptr;
  CUgraphExec executable = nullptr;
  ASSERT_EQ(driver.cuStreamCreate(&stream, 1), CUDA_SUCCESS);
  DeviceOperands operands(device, 2), larger(device, 2, 500);
  operands.arguments.stream = larger.arguments.stream = stream;

  ASSERT_EQ(driver.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL), CUDA_SUCCESS);
  std::string refused = text(kernel.launch(operands.arguments));
  EXPECT_NE(
      refused.find("scratch 'buffer': expected 5000 bytes from an earlier launch, got 0: a launch that is "
                   "captured in a graph cannot allocate"),
      std::string::npos)
      << refused;
  EXPECT_NE(refused.find("remedy: call reserve()"), std::string::npos) << refused;
  LaunchStats stats;
  ASSERT_EQ(driver.cuStreamEndCapture(stream, &graph), CUDA_SUCCESS)
      << "the refusal leaves the capture alone";

  ASSERT_EQ(text(kernel.reserve(operands.arguments)), "");
  EXPECT_EQ(operands.output()[1], -1) << "reserving launches nothing";
  ASSERT_EQ(driver.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL), CUDA_SUCCESS);
  EXPECT_NE(text(kernel.launch(operands.arguments, &stats)).find("has no times"), std::string::npos);
  ASSERT_EQ(text(kernel.launch(operands.arguments)), "");
  ASSERT_EQ(driver.cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
  EXPECT_EQ(operands.output()[1], -1) << "it was captured, not run";
  ASSERT_EQ(driver.cuGraphInstantiateWithFlags(&executable, graph, 0), CUDA_SUCCESS);
  ASSERT_EQ(driver.cuGraphLaunch(executable, stream), CUDA_SUCCESS);
  std::vector<std::int64_t> first = operands.output();
  EXPECT_EQ(first[1], 0);
  EXPECT_EQ(first[3], 1);

  // What a graph knows is not freed when a later launch needs more.
  ASSERT_EQ(text(kernel.launch(larger.arguments)), "");
  EXPECT_NE(larger.output()[0], first[0]);
  operands.clear();
  ASSERT_EQ(driver.cuGraphLaunch(executable, stream), CUDA_SUCCESS);
  EXPECT_EQ(operands.output(), first);
}

TEST_F(CudaDevice, AllocatesWhileAnotherStreamIsCaptured) {
  make_primary_current();
  Package p = slots_package({Slot::scratch("buffer")});
  p.plan.scratch = {{"buffer", sym("q_len") * 1000}};
  Kernel kernel = load(p);
  CUstream captured = nullptr, other = nullptr;
  CUgraph graph = nullptr;
  ASSERT_EQ(driver.cuStreamCreate(&captured, 1), CUDA_SUCCESS);
  ASSERT_EQ(driver.cuStreamCreate(&other, 1), CUDA_SUCCESS);
  DeviceOperands operands(device, 2);
  ASSERT_EQ(driver.cuStreamBeginCapture_v2(captured, CU_STREAM_CAPTURE_MODE_GLOBAL), CUDA_SUCCESS);
  operands.arguments.stream = other;
  EXPECT_EQ(text(kernel.launch(operands.arguments)), "");
  ASSERT_EQ(driver.cuStreamEndCapture(captured, &graph), CUDA_SUCCESS);
  EXPECT_EQ(operands.output()[3], 1);
}

TEST_F(CudaDevice, OperandsMustLieInItsMemory) {
  Kernel kernel = load(slots_package({}));
  std::vector<float> host(2 * 4 * 5 * 4);
  DeviceOperands operands(device, 1);
  Arguments arguments = operands.arguments;
  arguments.q.data = host.data();
  std::string refused = text(kernel.launch(arguments));
  EXPECT_EQ(refused.find("error: q: expected memory of device " + device_name() + ", got host memory at 0x"),
            0u)
      << refused;
  EXPECT_NE(refused.find("remedy: copy it to that device"), std::string::npos) << refused;
  EXPECT_EQ(kernel.launch(arguments).error().kind, ErrorKind::user);
  EXPECT_NE(text(kernel.check(arguments)), "");
  arguments = operands.arguments;
  std::vector<std::int64_t> host_output(2 * 4 * 5);
  arguments.o.data = host_output.data();
  EXPECT_EQ(text(kernel.launch(arguments)).find("error: o: expected memory of device"), 0u);

  DeviceOperands rest(device, 1);
  void* pinned = nullptr;
  CUcontext context = nullptr;
  ASSERT_EQ(driver.cuCtxCreate_v2(&context, 0, 0), CUDA_SUCCESS);
  ASSERT_EQ(driver.cuMemAllocHost_v2(&pinned, 4096), CUDA_SUCCESS);
  arguments = rest.arguments;
  arguments.k.data = pinned;
  EXPECT_NE(text(kernel.launch(arguments))
                .find("k: expected memory of device " + device_name() + ", got pinned host memory"),
            std::string::npos)
      << text(kernel.launch(arguments));
  ASSERT_EQ(driver.cuCtxDestroy_v2(context), CUDA_SUCCESS);

  if (driver.cuCtxCreate_v2(&context, 0, 1) == CUDA_SUCCESS) { // there is a second device
    CUdeviceptr memory = 0;
    ASSERT_EQ(driver.cuMemAlloc_v2(&memory, 4096), CUDA_SUCCESS);
    arguments = rest.arguments;
    arguments.v.data = reinterpret_cast<void*>(memory);
    EXPECT_EQ(
        text(kernel.launch(arguments))
            .find("error: v: expected memory of device " + device_name() + ", got memory of device 1 at 0x"),
        0u)
        << text(kernel.launch(arguments));
    ASSERT_EQ(driver.cuCtxDestroy_v2(context), CUDA_SUCCESS);
  }

  arguments = rest.arguments;
  arguments.q.data = static_cast<const char*>(arguments.q.data) + 2;
  EXPECT_NE(text(kernel.launch(arguments)).find("q: expected data aligned to 4 bytes"), std::string::npos);
  EXPECT_EQ(text(kernel.launch(rest.arguments)), "") << "nothing of this leaves an error behind";
  EXPECT_EQ(rest.output()[3], 3);
}

TEST_F(CudaDevice, SkipsAndTimesKernels) {
  Package p = slots_package({Slot::value(sym("threads"))});
  p.plan.kernels.push_back(p.plan.kernels[0]);
  p.plan.kernels[0].when = 0;
  Kernel kernel = load(p);
  DeviceOperands operands(device, 2);
  operands.arguments.threads = 1; // of a CPU
  LaunchStats stats;
  ASSERT_EQ(text(kernel.launch(operands.arguments, &stats)), "");
  EXPECT_GT(operands.output()[0], 1) << "a plan knows the multiprocessors";
  ASSERT_EQ(stats.kernel_ms.size(), 2u);
  EXPECT_EQ(stats.kernel_ms[0], 0);
  EXPECT_GT(stats.kernel_ms[1], 0);
}

TEST_F(CudaDevice, BuffersRefuseMoreThanTheyHold) {
  DeviceBuffer buffer = DeviceOperands::allocate(device, 8);
  std::array<std::byte, 9> bytes{};
  EXPECT_EQ(text(buffer.write(bytes)), "error: cannot write to a buffer of 8 bytes: expected no more, got 9");
  EXPECT_EQ(text(buffer.read(bytes)), "error: cannot read from a buffer of 8 bytes: expected no more, got 9");
  EXPECT_FALSE(device.allocate(-1));
  EXPECT_EQ(device.allocate(std::int64_t(1) << 60).error().kind, ErrorKind::environment);
  EXPECT_EQ(text(device.synchronize()), "") << "a lack of memory leaves no error behind";
}

TEST_F(CudaDevice, AKernelsErrorIsToldAtTheNextCall) {
  if (device_name() != "emulator:sm_80")
    GTEST_SKIP() << "a GPU is of no use to the process afterwards";
  Device other = open("emulator:sm_86"); // whose driver is not that of the other tests
  Package p = slots_package({});
  p.plan.scratch = {{"nothing", 0}};
  p.plan.kernels[0].slots[0] = Slot::scratch("nothing"); // which it writes to
  Result<Kernel> kernel = other.load(p);
  ASSERT_EQ(text(kernel), "");
  DeviceOperands operands(other, 1);
  ASSERT_EQ(text(kernel->launch(operands.arguments)), "");
  Result<void> told = other.synchronize();
  EXPECT_EQ(text(told).find("error: a kernel that was launched before has failed: cuCtxSynchronize: "
                            "CUDA_ERROR_ILLEGAL_ADDRESS 700 (an illegal memory access was encountered)\n"
                            "note: emulator: "),
            0u)
      << text(told);
  EXPECT_NE(text(told).find("kernel work"), std::string::npos) << text(told);
  std::string next = text(kernel->launch(operands.arguments));
  EXPECT_NE(next.find("a kernel that was launched before has failed"), std::string::npos) << next;
}

TEST_F(CudaDevice, GridsBeyondTheDriverAreRefused) {
  Package p = slots_package({});
  p.plan.kernels[0].grid = sym("q_len") * (std::int64_t(1) << 30);
  Kernel kernel = load(p);
  DeviceOperands operands(device, 1);
  EXPECT_EQ(text(kernel.launch(operands.arguments)),
            "error: kernel 'main': expected at most 2147483647 blocks, got 5368709120\n"
            "remedy: launch it on fewer heads or batches at a time");
}

TEST_F(CudaDevice, ChoosesTheCodeForTheChip) {
  if (device_name() != "emulator:sm_80")
    GTEST_SKIP() << "about the emulator as sm_80";
  Package p = slots_package({});
  p.code.push_back(test::ptx_section(test::slots_ptx("work", 1, "sm_80"), "sm_80"));
  p.code.push_back(test::ptx_section(test::slots_ptx("work", 1, "sm_90a"), "sm_90a"));
  EXPECT_EQ(load(p).target(), "sm_80");
  Result<Kernel> on_90 = open("emulator:sm_90a").load(p);
  ASSERT_EQ(text(on_90), "");
  EXPECT_EQ(on_90->target(), "sm_90a");
  Device sm_75 = open("emulator:sm_75");
  ASSERT_EQ(text(sm_75.load(p)), "");
  p.code.erase(p.code.begin());
  CodeSection cubin = p.code[0];
  cubin.kind = "cubin", cubin.target = "sm_75", cubin.bytes = test::bytes_of("\177ELF");
  p.code.push_back(cubin);
  p.code.push_back({.target = "x86-64-v4", .entries = {{"main", 0}}, .bytes = test::bytes_of("\xc3")});
  Result<Kernel> refused = sm_75.load(p);
  EXPECT_EQ(text(refused), "error: package 'test' has no code for device emulator:sm_75, which is a sm_75\n"
                           "note: ptx for 'sm_80' does not run on sm_75\n"
                           "note: ptx for 'sm_90a' does not run on sm_75\n"
                           "note: cubin for 'sm_75' is machine code, the emulator runs PTX\n"
                           "note: cpu_image for 'x86-64-v4' is for no GPU\n"
                           "remedy: build the package with --target=sm_75");
  EXPECT_EQ(refused.error().kind, ErrorKind::environment);
}

TEST_F(CudaDevice, SectionsHavePlansOfTheirOwn) {
  Package p = slots_package({Slot::value(1)});
  p.code[0].plan = p.plan;
  p.code[0].plan->kernels[0].slots[1] = Slot::value(2);
  p.plan.kernels[0].slots.push_back(Slot::value(3));
  Result<std::vector<std::byte>> bytes = write_package(p);
  ASSERT_TRUE(bytes) << bytes.error().text();
  Kernel kernel = load(*read_package(*bytes));
  EXPECT_EQ(kernel.package().plan.kernels[0].slots.size(), 2u);
  DeviceOperands operands(device, 2);
  ASSERT_EQ(text(kernel.launch(operands.arguments)), "");
  EXPECT_EQ(operands.output()[0], 2);
}

TEST_F(CudaDevice, CodeThatDoesNotFitThePlanIsRefused) {
  auto error = [&](auto change) {
    Package p = slots_package({});
    change(p);
    return text(device.load(p));
  };
  auto facts = [](Package& p) -> GpuKernel& { return p.code[0].kernels.at("main"); };
  const std::string where = "error: package 'test': ptx for 'sm_75': kernel 'main': ";
  EXPECT_EQ(error([&](Package& p) { facts(p).function = "other"; }),
            where + "the code has no function 'other'");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].slots.push_back(Slot::value(0)); }),
            where + "expected 2 parameters of 8 bytes, as the plan has slots");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].slots.clear(); }),
            where + "expected 0 parameters of 8 bytes, as the plan has slots");
  EXPECT_EQ(
      error([&](Package& p) {
        facts(p).shared_bytes = 1 << 19;
      }).find(where + "its block needs 524288 bytes of shared memory, but device " + device_name() + " has "),
      0u);
  std::string log = error([](Package& p) { p.code[0].bytes = test::bytes_of(".version 7.8\nnonsense\n"); });
  EXPECT_EQ(log.find("error: package 'test': ptx for 'sm_75': device " + device_name() +
                     " refuses it: CUDA_ERROR_INVALID_PTX 218"),
            0u)
      << log;
  EXPECT_NE(log.find("nonsense"), std::string::npos) << log;
}

TEST_F(CudaDevice, OpensByName) {
  EXPECT_EQ(device.info().name, device_name());
  EXPECT_TRUE(device.info().available);
  auto error = [](const char* name) {
    Result<Device> opened = Device::open(name);
    return opened ? "" : opened.error().text();
  };
  EXPECT_EQ(error("emulator"),
            "error: cannot open device 'emulator': expected 'emulator:sm_XX', such as emulator:sm_90a");
  EXPECT_EQ(
      error("emulator:sm_1").find("error: cannot open device 'emulator:sm_1': no chip is called 'sm_1'"), 0u);
  EXPECT_EQ(error("cuda:x"),
            "error: cannot open device 'cuda:x': expected 'cuda' or 'cuda:N' with a device's "
            "number N");
}

TEST(GpuTarget, SaysWhatRunsWhere) {
  auto cubin = [](const char* target, Capability chip) {
    return GpuTarget::parse(target)->cubin_runs_on(chip);
  };
  auto ptx = [](const char* target, Capability chip) { return GpuTarget::parse(target)->ptx_runs_on(chip); };
  EXPECT_TRUE(cubin("sm_80", {8, 6}));
  EXPECT_FALSE(cubin("sm_86", {8, 0}));
  EXPECT_FALSE(cubin("sm_80", {9, 0}));
  EXPECT_TRUE(cubin("sm_90a", {9, 0}));
  EXPECT_FALSE(cubin("sm_100a", {10, 3}));
  EXPECT_TRUE(cubin("sm_100f", {10, 3}));
  EXPECT_TRUE(ptx("sm_75", {12, 0}));
  EXPECT_FALSE(ptx("sm_90a", {10, 0}));
  EXPECT_FALSE(ptx("sm_90", {8, 9}));
  for (const char* wrong : {"sm_", "sm_9", "sm_90b", "sm_90aa", "compute_90", "", "sm_-90", "x86-64"})
    EXPECT_FALSE(GpuTarget::parse(wrong)) << wrong;
}

} // namespace
} // namespace attile
