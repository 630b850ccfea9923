// At a million keys a launch needs O(q_len + kv_len) memory a head beyond its inputs and outputs: measured as
// the growth of this process's peak resident set.
#include <attile/attile.h>

#include <fstream>
#include <gtest/gtest.h>
#include <malloc.h>
#include <numeric>
#include <vector>

using namespace attile;

namespace {

constexpr std::int64_t million = 1'000'000, dim = 16, heads = 2;

/// A line of /proc/self/status, "VmRSS" or "VmHWM" (its peak), in bytes; 0 where there is none.
std::int64_t status_bytes(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field + ":"))
      return std::stoll(line.substr(field.size() + 1)) * 1024;
  return 0;
}

bool reset_peak() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

/// Keys and values of a million rows that are one row: what is measured is not buried under inputs.
ConstTensorView repeated(const std::vector<float>& row) {
  ConstTensorView view(row.data(), {1, heads, million, dim});
  view.stride = {0, 0, 0, 1};
  return view;
}

struct Memory {
  std::int64_t grown = 0, scratch = 0;
};

/// The first launch of `text` with `q_len` queries a head, all of them equal too.
Memory launch(const char* text, std::int64_t q_len, std::vector<Param> params = {}) {
  Result<Spec> spec = Spec::parse(text);
  EXPECT_TRUE(spec) << spec.error().text();
  Result<Package> package = compile(*spec);
  EXPECT_TRUE(package) << package.error().text();
  Result<Kernel> kernel = Device::open("cpu")->load(*package);
  EXPECT_TRUE(kernel) << kernel.error().text();

  std::vector<float> row(dim);
  std::iota(row.begin(), row.end(), -3.0f);
  std::vector<float> o(static_cast<std::size_t>(heads * q_len * dim), -1.0f); // written, so resident
  Arguments arguments;
  arguments.k = arguments.v = repeated(row);
  arguments.q = repeated(row).slice(2, 0, q_len);
  arguments.o = TensorView(o.data(), {1, heads, q_len, dim});
  arguments.params = std::move(params);
  arguments.threads = 2;
  LaunchStats stats;
  malloc_trim(0); // memory that compiling has freed would hide what the launch takes
  std::int64_t before = status_bytes("VmRSS");
  EXPECT_TRUE(reset_peak());
  Result<void> launched = kernel->launch(arguments, &stats);
  Memory memory{status_bytes("VmHWM") - before, stats.scratch_bytes};
  EXPECT_TRUE(launched) << launched.error().text();
  for (std::size_t i = 0; i < o.size(); i += 4099) // the mean of equal values
    EXPECT_NEAR(o[i], row[i % dim], 1e-4);
  std::printf("q_len %lld: peak grew by %lld bytes, scratch %lld\n", static_cast<long long>(q_len),
              static_cast<long long>(memory.grown), static_cast<long long>(memory.scratch));
  return memory;
}

/// `bytes` for each row and key of each head, and what does not grow with them: tiles and stacks of two
/// workers, pages of code.
void expect_linear(const Memory& memory, std::int64_t q_len, std::int64_t bytes) {
  constexpr std::int64_t fixed = 4 << 20;
  std::int64_t most = heads * (q_len + million) * bytes + fixed;
  EXPECT_LE(memory.scratch, most);
  EXPECT_LE(memory.grown, most);
}

TEST(ExtraMemory, OfDecodingAMillionKeys) {
  expect_linear(launch("attention decode { dtype f32  head_dim 16  output o }", 1), 1, 4);
}

TEST(ExtraMemory, OfAWindowOverAMillionKeys) {
  constexpr std::int64_t q_len = 1 << 17;
  expect_linear(launch(R"(attention window {
      dtype f32  head_dim 16
      mask k <= q_pos && q_pos - k < 1024
      output o
    })",
                       q_len),
                q_len, 4);
}

/// Documents are found by summaries of their ids, which are scratch.
TEST(ExtraMemory, OfDocumentsInAMillionKeys) {
  constexpr std::int64_t q_len = 1 << 17;
  std::vector<std::int32_t> ids(million);
  for (std::size_t k = 0; k < ids.size(); ++k)
    ids[k] = static_cast<std::int32_t>(k / 1024);
  Memory memory = launch(R"(attention documents {
      dtype f32  head_dim 16
      param doc : int[kv_len]
      mask doc[q_pos] == doc[k]
      output o
    })",
                         q_len, {{"doc", ConstTensorView(ids.data(), {million})}});
  EXPECT_GT(memory.scratch, 0);
  expect_linear(memory, q_len, 4);
}

} // namespace
