// Packages: round trip, every class of damage, and what verify() refuses.
#include "tests/unit/runtime_test_package.h"

#include <attile/package.h>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

namespace attile {
namespace {

using plan::Expr;
using plan::Slot;
using plan::sym;

std::vector<std::byte> bytes_of(const Package& package) {
  Result<std::vector<std::byte>> bytes = write_package(package);
  EXPECT_TRUE(bytes) << bytes.error().text();
  return *std::move(bytes);
}

std::string read_error(std::span<const std::byte> bytes) {
  Result<Package> package = read_package(bytes);
  return package ? "" : package.error().message;
}

std::string verify_error(const Package& package) {
  Result<void> result = verify(package);
  return result ? "" : result.error().message;
}

TEST(Package, RoundTripKeepsEverything) {
  Package package = test::full_package();
  std::vector<std::byte> bytes = bytes_of(package);
  Result<Package> read = read_package(bytes);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(metadata_json(*read), metadata_json(package));
  EXPECT_EQ(bytes_of(*read), bytes);
  EXPECT_EQ(read->code[1].bytes, package.code[1].bytes);
  EXPECT_EQ(read->code[1].entries, package.code[1].entries);
  ASSERT_TRUE(read->code[2].plan);
  EXPECT_EQ(&read->plan_of(read->code[2]), &*read->code[2].plan);
  EXPECT_EQ(&read->plan_of(read->code[1]), &read->plan);
  EXPECT_EQ(read->code[2].kernels.at("main").function, "main_0");
  EXPECT_EQ(read->code[2].kernels.at("main").shared_bytes, 65536);
  EXPECT_EQ(read->code[2].plan->kernels[0].slots.back().kind, Slot::Kind::map);
  EXPECT_EQ(read->code[2].plan->kernels[0].slots.back().name, "k");
  EXPECT_EQ(read->code[2].plan->kernels[0].slots.back().rows, 64);
  EXPECT_EQ(std::get<float>(*read->scalar_params[1].default_value), 50.0f);
  EXPECT_TRUE(std::isinf(std::get<float>(*read->scalar_params[2].default_value)));
  EXPECT_EQ(to_string(read->plan.kernels[0].grid), "batch * heads * q_tiles");
  EXPECT_FALSE(read->tensor_params[0].dims[1]);
}

TEST(Package, EveryTruncationIsAnError) {
  std::vector<std::byte> bytes = bytes_of(test::full_package());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_FALSE(read_package(std::span(bytes).first(size))) << size;
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(read_package(bytes));
}

TEST(Package, EveryFlippedByteIsAnError) {
  std::vector<std::byte> bytes = bytes_of(test::full_package());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= std::byte{0x10};
    ASSERT_FALSE(read_package(bytes)) << i;
    bytes[i] ^= std::byte{0x10};
  }
}

TEST(Package, DamageIsLocated) {
  std::vector<std::byte> bytes = bytes_of(test::full_package());
  EXPECT_EQ(read_error({}), "this is not an Attile package: expected it to start with the bytes 89 'ATPKG'");
  EXPECT_EQ(read_error(std::span(bytes).first(20)),
            "damaged package: at byte 20: expected a header of 32 bytes, got the end");
  std::size_t size = bytes.size();
  EXPECT_EQ(read_error(std::span(bytes).first(size - 1)), "damaged package: at byte 16: expected " +
                                                              std::to_string(size) + " bytes, got " +
                                                              std::to_string(size - 1));
  std::vector<std::byte> future = bytes;
  future[8] = std::byte{9};
  EXPECT_EQ(read_error(future), "expected a package of format version 2, got version 9");
  std::vector<std::byte> flipped = bytes;
  flipped[40] ^= std::byte{1};
  EXPECT_NE(read_error(flipped).find("damaged package: at byte 12: expected checksum "), std::string::npos);
}

/// The package with `from` replaced by `to` in its metadata, and a checksum that fits.
std::string error_with(std::string_view from, std::string_view to) {
  std::vector<std::byte> bytes = bytes_of(test::full_package());
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data() + 24, 8);
  std::string metadata(reinterpret_cast<const char*>(bytes.data()) + 32, size);
  std::size_t at = metadata.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  metadata.replace(at, from.size(), to);
  return read_error(test::with_metadata(bytes, metadata));
}

TEST(Package, WrongMetadataIsLocated) {
  const std::string where = "damaged package: at byte 32: ";
  EXPECT_EQ(error_with("{\"spec\"", "[\"spec\""), where + "metadata: expected JSON");
  EXPECT_EQ(error_with("\"head_dim\":64", "\"head_dim\":\"64\""),
            where + "metadata: head_dim: expected an integer, got \"64\"");
  EXPECT_EQ(error_with("\"head_dim\":64", "\"head_dim\":1e99"),
            where + "metadata: head_dim: expected an integer, got 1e+99");
  EXPECT_EQ(error_with("\"head_dim\":64", "\"head_dim\":9223372036854775808"),
            where + "metadata: head_dim: expected a 64-bit integer, got 9223372036854775808");
  EXPECT_EQ(error_with("\"head_dim\":64", "\"head_dim\":9223372036854775807"),
            where + "head_dim: expected 1 to 65536, got 9223372036854775807");
  EXPECT_EQ(error_with("\"plan\"", "\"plane\""), where + "metadata: plan: expected an object, got nothing");
  EXPECT_EQ(error_with("[\"ceildiv\",\"q_len\",64]", "[\"ceildiv\",\"q_len\"]"),
            where + "metadata: plan.values[0].expr: expected an integer, a symbol or [operation, "
                    "operands...], got array");
  EXPECT_EQ(error_with("\"dtype\":\"bf16\"", "\"dtype\":\"f8\""),
            where + "metadata: dtype: expected a dtype, got \"f8\"");
  EXPECT_EQ(error_with("\"threads\":128", "\"threads\":[]"),
            where + "metadata: code[2].kernels.main.threads: expected an integer, got array");
  EXPECT_EQ(error_with("\"offset\":0", "\"offset\":4096").substr(0, 68),
            "damaged package: at byte " + error_with("\"offset\":0", "\"offset\":4096").substr(25, 4) +
                ": expected code section 0 between bytes");
  EXPECT_EQ(error_with("\"size\":16", "\"size\":9223372036854775807").find("damaged package"), 0u);
}

TEST(Package, DeepMetadataIsAnError) {
  std::string deep(100000, '[');
  EXPECT_NE(error_with("\"head_dim\":64", "\"head_dim\":" + deep), "");
  EXPECT_NE(error_with("\"head_dim\":64", "\"head_dim\":" + deep + std::string(100000, ']')), "");
  std::string expr = "1";
  for (int i = 0; i < 300; ++i)
    expr = "[\"add\"," + expr + ",1]";
  EXPECT_NE(error_with("[\"ceildiv\",\"q_len\",64]", expr).find("expected a less deep expression"),
            std::string::npos);
}

TEST(Package, VerifyRefuses) {
  auto error = [](auto change) {
    Package package = test::full_package();
    change(package);
    EXPECT_FALSE(write_package(package));
    return verify_error(package);
  };
  EXPECT_EQ(error([](Package& p) { p.inputs.pop_back(); }), "inputs: expected q, k, v in this order");
  EXPECT_EQ(error([](Package& p) { p.inputs[1].dtype = DType::f16; }),
            "input 'k': expected rank 4 and dtype bf16, got rank 4 and dtype f16");
  EXPECT_EQ(error([](Package& p) { p.inputs[1].dims[2] = std::nullopt, p.inputs[2].dims[2] = std::nullopt; }),
            "inputs: expected a dimension that is 'kv_len'");
  EXPECT_EQ(error([](Package& p) { p.outputs.clear(); }), "outputs: expected at least one");
  EXPECT_EQ(error([](Package& p) { p.outputs[0].dims[0] = std::nullopt; }),
            "output 'o': expected an expression for every dimension");
  EXPECT_EQ(error([](Package& p) { p.head_dim = 0; }), "head_dim: expected 1 to 65536, got 0");
  EXPECT_EQ(error([](Package& p) { p.tensor_params[0].name = "o"; }), "outputs: the name 'o' is used twice");
  EXPECT_EQ(error([](Package& p) { p.tensor_params[0].name = "a b"; }),
            "tensor params: expected an identifier as a name, got 'a b'");
  EXPECT_EQ(error([](Package& p) { p.scalar_params[0].default_value = 1.0f; }),
            "param 'window': its default has another type");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels.clear(); }), "plan: expected at least one kernel");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].grid = sym("nonsense"); }),
            "kernel 'main': unknown symbol 'nonsense' in an expression");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].slots.push_back(Slot::pointer("x")); }),
            "kernel 'main': there is no operand 'x'");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].slots.push_back(Slot::param("x")); }),
            "kernel 'main': there is no scalar param 'x'");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].slots.push_back(Slot::scratch("x")); }),
            "kernel 'main': there is no scratch buffer 'x'");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].slots.push_back(Slot::map("x", 64)); }),
            "kernel 'main': there is no operand 'x'");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].slots.push_back(Slot::map("slope", 64)); }),
            "kernel 'main': a map is of four dimensions and 16-bit elements, 'slope' has 3 and f32");
  EXPECT_EQ(error([](Package& p) { p.plan.kernels[0].slots.push_back(Slot::map("k", 257)); }),
            "kernel 'main': a map of 'k' has boxes of 1 to 256 rows, got 257");
  EXPECT_EQ(error([](Package& p) { p.plan.values[0].expr = sym("q_tiles"); }),
            "value 'q_tiles': unknown symbol 'q_tiles' in an expression");
  EXPECT_EQ(error([](Package& p) { p.plan.values[0].name = "batch"; }), "'batch' is defined twice");
  EXPECT_EQ(error([](Package& p) { p.tensor_params[0].dims[0] = sym("o.stride.0"); }),
            "dimensions of 'slope': unknown symbol 'o.stride.0' in an expression");
  EXPECT_EQ(error([](Package& p) { p.code.clear(); }), "code: expected at least one section");
  EXPECT_EQ(error([](Package& p) { p.code[0].entries["main"] = 16; }),
            "code for 'x86-64': expected the entry of 'main' inside 16 bytes of code, got offset 16");
  EXPECT_EQ(error([](Package& p) { p.code[1].entries.erase("main"); }),
            "code for 'x86-64-v4': there is no entry for kernel 'main'");
  EXPECT_EQ(error([](Package& p) { p.code[1].alignment = 48; }),
            "code for 'x86-64-v4': expected an alignment that is a power of two up to 4096, got 48");
  auto gpu_kernel = [](Package& p) -> GpuKernel& { return p.code[2].kernels.at("main"); };
  EXPECT_EQ(error([](Package& p) { p.code[2].target = "sm_9"; }),
            "code for 'sm_9': expected a GPU's target such as sm_80 or sm_90a");
  EXPECT_EQ(error([](Package& p) { p.code[2].bytes[0] = std::byte{0}; }),
            "code for 'sm_90a': expected a cubin, which starts with the bytes 7f 'ELF'");
  EXPECT_EQ(error([](Package& p) { p.code[2].plan.reset(); }),
            "code for 'sm_90a': there is no entry for kernel 'merge'");
  EXPECT_EQ(error([](Package& p) { p.code[2].plan->kernels[0].grid = sym("nonsense"); }),
            "code for 'sm_90a': kernel 'main': unknown symbol 'nonsense' in an expression");
  EXPECT_EQ(error([&](Package& p) { gpu_kernel(p).threads = 1025; }),
            "code for 'sm_90a': kernel 'main': expected 1 to 1024 threads, got 1025");
  EXPECT_EQ(error([&](Package& p) { gpu_kernel(p).shared_bytes = -1; }),
            "code for 'sm_90a': kernel 'main': expected 0 to 1048576 bytes of shared memory, got -1");
  EXPECT_EQ(error([&](Package& p) { gpu_kernel(p).function = "a b"; }),
            "code for 'sm_90a': kernel 'main': expected an identifier as its function, got 'a b'");
}

TEST(Package, FilesRoundTrip) {
  std::string path = testing::TempDir() + "/attile_package_test.pkg";
  ASSERT_TRUE(save_package(test::full_package(), path));
  Result<Package> package = load_package(path);
  ASSERT_TRUE(package) << package.error().text();
  EXPECT_EQ(metadata_json(*package), metadata_json(test::full_package()));
  Result<Package> missing = load_package("/nonexistent/x.pkg");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "cannot read '/nonexistent/x.pkg': No such file or directory");
  EXPECT_FALSE(load_package("/"));
  EXPECT_FALSE(save_package(test::full_package(), "/nonexistent/x.pkg"));
}

} // namespace
} // namespace attile
