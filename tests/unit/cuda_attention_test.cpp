// A hand-written attention of two kernels, compiled by NVRTC, in a package: what the compiler makes goes the
// same way. $ATTILE_TEST_DEVICE (cuda:0) runs it on a GPU, from machine code.
#include "tests/unit/cuda_test_package.h"

#include "compiler/backends/cuda/nvrtc.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

namespace attile {
namespace {

using plan::Slot;
using plan::sym;

constexpr int dim = 32, splits = 3, threads = 64;
constexpr std::int64_t shared_bytes = 64 * 1024; // more than a kernel has without asking

// Each block takes a row of queries and a third of the keys; the second kernel merges the thirds.
const char* const kernels = R"(
constexpr int dim = 32;
__device__ float infinity() { return __int_as_float(0x7f800000); }
struct Slot { float low, high; };  // an f32 parameter lies in the low half of its slot

extern "C" __global__ void attend(const float* q, const float* k, const float* v, float* partial, long long heads,
                                  long long q_len, long long kv_len, Slot scale) {
  extern __shared__ float weights[];  // of this part's keys, then the largest score and the sum
  const long long row = blockIdx.x / 3, part = blockIdx.x % 3, bh = row / q_len;
  const long long begin = kv_len * part / 3, end = kv_len * (part + 1) / 3, keys = end - begin;
  const float* key = k + (bh * kv_len + begin) * dim;
  const float* value = v + (bh * kv_len + begin) * dim;
  for (long long j = threadIdx.x; j < keys; j += blockDim.x) {
    float s = 0;
    for (int d = 0; d < dim; ++d)
      s += q[row * dim + d] * key[j * dim + d];
    weights[j] = s * scale.low;
  }
  __syncthreads();
  float most = -infinity(), sum = 0;
  for (long long j = 0; j < keys; ++j)
    most = fmaxf(most, weights[j]);
  for (long long j = 0; j < keys; ++j)
    sum += expf(weights[j] - most);
  float* out = partial + blockIdx.x * (dim + 2);
  if (threadIdx.x == 0)
    out[dim] = most, out[dim + 1] = sum;
  for (int d = threadIdx.x; d < dim; d += blockDim.x) {
    float o = 0;
    for (long long j = 0; j < keys; ++j)
      o += expf(weights[j] - most) * value[j * dim + d];
    out[d] = o;
  }
}

extern "C" __global__ void merge(const float* partial, float* o, float* lse) {
  const float* part = partial + blockIdx.x * 3 * (dim + 2);
  float most = -infinity(), sum = 0, value = 0;
  for (int i = 0; i < 3; ++i)
    most = fmaxf(most, part[i * (dim + 2) + dim]);
  for (int i = 0; i < 3; ++i) {
    const float* p = part + i * (dim + 2);
    const float factor = p[dim + 1] == 0 ? 0 : expf(p[dim] - most);
    sum += factor * p[dim + 1];
    value += threadIdx.x < dim ? factor * p[threadIdx.x] : 0;
  }
  if (threadIdx.x < dim)
    o[blockIdx.x * (long long)dim + threadIdx.x] = value / sum;
  if (threadIdx.x == 0)
    lse[blockIdx.x] = most + logf(sum);
}
)";

Package attention_package() {
  Package p;
  p.spec_name = "by_hand", p.dtype = DType::f32, p.head_dim = dim, p.head_dim_v = dim;
  p.inputs = standard_inputs(p.dtype);
  p.outputs = {output_spec("o", p.dtype), row_output_spec("lse")};
  p.scalar_params = {{"scale", ScalarParam::Type::f32, 0.25f}};
  p.plan.values = {{"rows", sym("batch") * sym("heads") * sym("q_len")}};
  p.plan.scratch = {{"partial", sym("rows") * (splits * (dim + 2) * 4)}};
  p.plan.kernels = {
      {"main",
       sym("rows") * splits,
       0,
       {Slot::pointer("q"), Slot::pointer("k"), Slot::pointer("v"), Slot::scratch("partial"),
        Slot::value(sym("heads")), Slot::value(sym("q_len")), Slot::value(sym("kv_len")),
        Slot::param("scale")},
       {}},
      {"merge", sym("rows"), 0, {Slot::scratch("partial"), Slot::pointer("o"), Slot::pointer("lse")}, {}}};
  return p;
}

CodeSection section(std::string_view kind, const std::string& target, std::vector<std::byte> bytes) {
  return {.kind = std::string(kind),
          .target = target,
          .kernels = {{"main", {"attend", threads, shared_bytes}}, {"merge", {"merge", threads}}},
          .bytes = std::move(bytes)};
}

/// o and lse of one row in double.
std::pair<std::vector<double>, double> reference(const float* q, const float* k, const float* v,
                                                 std::int64_t keys) {
  std::vector<double> o(dim), weights;
  double sum = 0;
  for (std::int64_t j = 0; j < keys; ++j) {
    double s = 0;
    for (int d = 0; d < dim; ++d)
      s += static_cast<double>(q[d]) * static_cast<double>(k[j * dim + d]);
    weights.push_back(std::exp(0.25 * s));
    sum += weights.back();
  }
  for (std::int64_t j = 0; j < keys; ++j)
    for (int d = 0; d < dim; ++d)
      o[static_cast<std::size_t>(d)] +=
          weights[static_cast<std::size_t>(j)] * static_cast<double>(v[j * dim + d]) / sum;
  return {o, std::log(sum)};
}

class CudaAttention : public testing::TestWithParam<const char*> {
protected:
  void SetUp() override {
    Result<cuda::Nvrtc> opened = cuda::Nvrtc::open();
    if (!opened)
      GTEST_SKIP() << "no NVRTC: " << opened.error().text();
    nvrtc = std::move(*opened);
  }
  std::optional<cuda::Nvrtc> nvrtc;
};

TEST_P(CudaAttention, IsWhatAReferenceSays) {
  const char* real = std::getenv("ATTILE_TEST_DEVICE");
  const std::string target = GetParam(), name = real ? real : "emulator:" + target;
  cuda::NvrtcOptions options;
  options.target = target;
  Result<cuda::NvrtcResult> code = nvrtc->compile(kernels, "attention.cu", options);
  ASSERT_TRUE(code) << code.error().text();
  Package package = attention_package();
  package.code = {section(CodeSection::ptx, target, test::bytes_of(code->ptx)),
                  section(CodeSection::cubin, target, code->cubin)};
  Result<std::vector<std::byte>> bytes = write_package(package);
  ASSERT_TRUE(bytes) << bytes.error().text();
  Result<Package> read = read_package(*bytes);
  ASSERT_TRUE(read) << read.error().text();
  Result<Device> device = Device::open(name);
  ASSERT_TRUE(device) << device.error().text();
  Result<Kernel> kernel = device->load(*read);
  if (real && !kernel && kernel.error().kind == ErrorKind::environment)
    GTEST_SKIP() << kernel.error().text();
  ASSERT_TRUE(kernel) << kernel.error().text();

  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (std::int64_t q_len : {1, 5}) {
    const std::int64_t batch = 2, heads = 2, kv_len = 1 + static_cast<std::int64_t>(random() % 100);
    auto filled = [&](std::int64_t rows) {
      std::vector<float> values(static_cast<std::size_t>(rows * dim));
      std::generate(values.begin(), values.end(), [&] { return normal(random); });
      return values;
    };
    auto upload = [&](const std::vector<float>& values) {
      DeviceBuffer buffer =
          test::DeviceOperands::allocate(*device, static_cast<std::int64_t>(values.size() * 4));
      test::DeviceOperands::write(buffer, values);
      return buffer;
    };
    const std::int64_t rows = batch * heads * q_len;
    std::vector<float> q = filled(rows), k = filled(batch * heads * kv_len),
                       v = filled(batch * heads * kv_len);
    std::vector<float> o(q.size()), lse(static_cast<std::size_t>(rows));
    DeviceBuffer on_q = upload(q), on_k = upload(k), on_v = upload(v), on_o = upload(o), on_lse = upload(lse);
    Arguments arguments{.q = ConstTensorView(on_q.data(), DType::f32, {batch, heads, q_len, dim}),
                        .k = ConstTensorView(on_k.data(), DType::f32, {batch, heads, kv_len, dim}),
                        .v = ConstTensorView(on_v.data(), DType::f32, {batch, heads, kv_len, dim}),
                        .o = TensorView(on_o.data(), DType::f32, {batch, heads, q_len, dim}),
                        .lse = TensorView(on_lse.data(), DType::f32, {batch, heads, q_len}),
                        .poison_scratch = true};
    Result<void> launched = kernel->launch(arguments);
    ASSERT_TRUE(launched) << launched.error().text();
    ASSERT_TRUE(on_o.read(std::as_writable_bytes(std::span(o))));
    ASSERT_TRUE(on_lse.read(std::as_writable_bytes(std::span(lse))));
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t keys = row / q_len * kv_len * dim;
      auto [expected, expected_lse] =
          reference(&q[static_cast<std::size_t>(row * dim)], &k[static_cast<std::size_t>(keys)],
                    &v[static_cast<std::size_t>(keys)], kv_len);
      ASSERT_NEAR(static_cast<double>(lse[static_cast<std::size_t>(row)]), expected_lse, 1e-5) << kv_len;
      for (int d = 0; d < dim; ++d)
        ASSERT_NEAR(static_cast<double>(o[static_cast<std::size_t>(row * dim + d)]),
                    expected[static_cast<std::size_t>(d)], 1e-5)
            << "row " << row << ", kv_len " << kv_len;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, CudaAttention, testing::Values("sm_80", "sm_90a"));

} // namespace
} // namespace attile
