#include "device.h"

#include "emulator/chips.h"
#include "emulator/isa/load.h"
#include "templates/templates.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace attile::test {
namespace {

Result<cuda::Nvrtc>& nvrtc() {
  static Result<cuda::Nvrtc> opened = cuda::Nvrtc::open();
  return opened;
}

int number_of(const std::string& target) { return std::stoi(target.substr(3)); }

std::string left_out(std::string text, const std::pair<std::string, int>& what) {
  std::size_t at = std::string::npos;
  for (int i = 0; i <= what.second; ++i)
    at = text.find(what.first, at + 1);
  if (!what.first.empty() && at != std::string::npos)
    text.erase(at, what.first.size());
  return text;
}

Result<cuda::NvrtcResult> compile(const Kernel& kernel, const std::string& target, bool cubin = false) {
  cuda::NvrtcOptions options;
  options.target = target;
  options.cubin = cubin;
  for (const Template& header : templates())
    options.headers.emplace_back(header.name, left_out(std::string(header.text), kernel.without));
  return nvrtc()->compile(left_out(kernel.text, kernel.without), "test.cu", options);
}

std::string ptx_of(const Kernel& kernel, const std::string& target) {
  static std::map<std::string, std::string> made;
  std::string& ptx =
      made[target + kernel.without.first + std::to_string(kernel.without.second) + kernel.text];
  if (ptx.empty()) {
    const auto result = compile(kernel, target);
    if (!result)
      ADD_FAILURE() << result.error().text();
    else
      ptx = result->ptx;
  }
  return ptx;
}

} // namespace

std::string refusal(const Kernel& kernel, const std::string& target) {
  const auto result = compile(kernel, target);
  return result ? "" : result.error().text();
}

std::vector<cuda::KernelResources> resources_of(const Kernel& kernel, const std::string& target) {
  const auto result = compile(kernel, target, true);
  return result ? result->kernels : std::vector<cuda::KernelResources>();
}

bool no_nvrtc(std::string& why) {
  if (nvrtc())
    return false;
  why = nvrtc().error().text();
  return true;
}

u64 seed() {
  static const u64 value = [] {
    const char* given = std::getenv("ATTILE_SEED");
    const u64 chosen = given ? std::strtoull(given, nullptr, 0) : std::random_device()();
    std::printf("ATTILE_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return value;
}

std::mt19937_64& random() {
  static std::string test;
  static std::mt19937_64 generator(seed());
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  if (const std::string name = std::string(info->test_suite_name()) + info->name(); name != test) {
    test = name;
    generator.seed(seed() + std::hash<std::string>()(name));
  }
  return generator;
}

const std::vector<std::string>& targets() {
  static const std::vector<std::string> all = {"sm_75",  "sm_80",   "sm_86",  "sm_89",
                                               "sm_90a", "sm_100a", "sm_120a"};
  return all;
}

std::string some_target(int oldest) {
  std::string target;
  do
    target = targets()[random()() % targets().size()];
  while (number_of(target) < oldest);
  return target;
}

Device::Device(std::shared_ptr<emu::Program> program, std::unique_ptr<emu::Memory> memory, std::string target,
               unsigned threads, unsigned shared, u64 schedule)
    : target(std::move(target)), schedule(schedule), program(std::move(program)), memory(std::move(memory)),
      checker(std::make_unique<emu::Checker>(*this->memory)), threads(threads), shared(shared) {}

u64 Device::allocate(u64 bytes, u64 skip) { return memory->allocate(std::max<u64>(bytes, 1) + skip) + skip; }
void Device::wrote(u64 at, u64 bytes) { checker->host_writes(at, bytes); }

u64 Device::tensor(const std::string& type, const std::vector<float>& values, u64 skip) {
  if (type == "float")
    return upload(values, skip);
  std::vector<u16> bits;
  bits.reserve(values.size());
  for (float x : values)
    bits.push_back(narrowed(type, x));
  return upload(bits, skip);
}

std::vector<float> Device::elements(const std::string& type, u64 at, std::size_t count) const {
  if (type == "float")
    return download<float>(at, count);
  std::vector<float> values;
  values.reserve(count);
  for (u16 bits : download<u16>(at, count))
    values.push_back(widened(type, bits));
  return values;
}

bool Device::launch(const std::vector<u64>& parameters, unsigned blocks) {
  emu::Launch launch;
  launch.program = program;
  launch.kernel = program->find("test");
  emu::Counters counters(program, *launch.kernel);
  launch.grid = {blocks, 1, 1};
  launch.threads = {threads, 1, 1};
  launch.dynamic_shared = shared;
  launch.params.resize(launch.kernel->param_bytes);
  EXPECT_EQ(launch.params.size(), 8 * parameters.size()) << "parameters of the kernel";
  std::memcpy(launch.params.data(), parameters.data(), std::min(launch.params.size(), 8 * parameters.size()));
  launch.memory = memory.get();
  launch.chip = emu::chip_named(target);
  launch.options = {.seed = schedule, .workers = 1, .most_instructions = 20'000'000};
  if (schedule != 0)
    launch.options.mode = emu::Options::Mode::scheduled;
  launch.checker = checker.get();
  launch.counters = &counters;
  outcome = emu::run(launch);
  counts = counters.totals();
  reports = checker->reports().all();
  checker->reports().clear();
  return outcome.status == emu::Status::success && reports.empty();
}

void Device::run(const std::vector<u64>& parameters, unsigned blocks) {
  if (launch(parameters, blocks))
    return;
  std::string text = outcome.message;
  for (std::size_t i = 0; i < std::min<std::size_t>(reports.size(), 3); ++i)
    text += "\n" + render(reports[i]);
  ADD_FAILURE() << target << ": " << text;
}

void on(const Kernel& kernel, const std::string& target, u64 schedule,
        const std::function<void(Device&)>& use) {
  SCOPED_TRACE(target + ", schedule " + std::to_string(schedule));
  const std::string ptx = ptx_of(kernel, target);
  auto memory = std::make_unique<emu::Memory>(u64(64) << 20);
  emu::ptx::Error error;
  std::shared_ptr<emu::Program> program = ptx.empty() ? nullptr : emu::load(ptx, *memory, error);
  if (program == nullptr) {
    ADD_FAILURE() << target << ":" << error.place.line << ": " << error.message;
    return;
  }
  Device device(std::move(program), std::move(memory), target, kernel.threads, kernel.shared, schedule);
  use(device);
}

void everywhere(const Kernel& kernel, const std::function<void(Device&)>& use) {
  std::vector<std::string> able;
  for (const std::string& target : kernel.only.empty() ? targets() : kernel.only)
    if (number_of(target) >= kernel.oldest)
      able.push_back(target);
  for (const std::string& target : able) {
    on(kernel, target, 0, use);
    if (testing::Test::HasFailure())
      return;
  }
  const std::string& one = able[random()() % able.size()];
  for (int i = 0; i < 2; ++i)
    on(kernel, one, random()() | 1, use);
}

std::string with(std::string pattern, const std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& [name, value] : values)
    for (std::size_t at = 0; (at = pattern.find("$" + name, at)) != std::string::npos; at += value.size())
      pattern.replace(at, name.size() + 1, value);
  return pattern;
}

float widened(const std::string& type, u16 bits) {
  const int mantissa_bits = type == "bf16" ? 7 : 10, bias = type == "bf16" ? 127 : 15;
  const int exponent = (bits & 0x7fff) >> mantissa_bits, fraction = bits & ((1 << mantissa_bits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 2 * bias + 1)
    return static_cast<float>(fraction ? NAN : sign * INFINITY);
  const double size = exponent == 0
                          ? std::ldexp(fraction, 1 - bias - mantissa_bits)
                          : std::ldexp((1 << mantissa_bits) + fraction, exponent - bias - mantissa_bits);
  return static_cast<float>(sign * size);
}

u16 narrowed(const std::string& type, float x) {
  const u16 sign = std::signbit(x) ? 0x8000 : 0, infinity = type == "bf16" ? 0x7f80 : 0x7c00;
  if (std::isnan(x))
    return 0x7fff;
  const double size = std::abs(double(x));
  // The largest that is not larger; then the nearer one of it and the next, where infinity stands for twice
  // the greatest power of two.
  u16 low = 0, high = infinity;
  while (high - low > 1) {
    const u16 middle = static_cast<u16>((low + high) / 2);
    (double(widened(type, middle)) <= size ? low : high) = middle;
  }
  const double below = widened(type, low);
  const double above =
      high == infinity ? std::ldexp(1.0, type == "bf16" ? 128 : 16) : double(widened(type, high));
  const bool up = size - below != above - size ? size - below > above - size : low % 2 == 1;
  return static_cast<u16>(sign | (up ? high : low));
}

std::vector<float> exact_values(std::size_t count) {
  std::vector<float> values(count);
  for (float& x : values)
    x = static_cast<float>(static_cast<int>(random()() % 33) - 16) / 8;
  return values;
}

} // namespace attile::test
