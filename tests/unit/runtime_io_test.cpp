// .npy files, random tensors, and what the machine says about itself.
#include <attile/cpu_info.h>
#include <attile/npy.h>
#include <attile/probe.h>
#include <attile/random.h>
#include <cmath>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>

namespace attile {
namespace {

template <class T> std::vector<std::byte> npy(std::string dict, const std::vector<T>& data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {static_cast<char>(version), '\0'};
  std::uint32_t size = static_cast<std::uint32_t>(dict.size());
  bytes.append(reinterpret_cast<const char*>(&size), version == 1 ? 2 : 4);
  bytes += dict;
  bytes.append(reinterpret_cast<const char*>(data.data()), data.size() * sizeof(T));
  auto span = std::as_bytes(std::span(bytes));
  return {span.begin(), span.end()};
}

std::string dict(std::string descr, std::string shape, std::string order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

std::string error_of(std::span<const std::byte> bytes) {
  Result<Tensor> tensor = parse_npy(bytes);
  if (tensor)
    return "";
  EXPECT_EQ(tensor.error().kind, ErrorKind::user);
  return tensor.error().message;
}

template <class T> std::vector<T> elements(const Tensor& tensor) {
  return {tensor.data<T>(), tensor.data<T>() + tensor.view().elements()};
}

TEST(Npy, ReadsEveryVersion) {
  std::vector<float> data = {1, 2, 3, 4, 5, 6};
  for (int version : {1, 2, 3}) {
    Result<Tensor> tensor = parse_npy(npy(dict("<f4", "(2, 3)"), data, version));
    ASSERT_TRUE(tensor) << tensor.error().text();
    EXPECT_EQ(shape_text(tensor->view()), "[2, 3]");
    EXPECT_EQ(elements<float>(*tensor), data);
  }
  EXPECT_TRUE(parse_npy(npy("{\"shape\": (6,), 'descr':'<f4','fortran_order':False}", data)));
  EXPECT_TRUE(parse_npy(npy(dict("<f4", "(2L, 3L)"), data)));
  EXPECT_TRUE(parse_npy(npy(dict("<f4", "()"), std::vector<float>{1})));
  EXPECT_TRUE(parse_npy(npy(dict("<f4", "(0, 9000000000000000000)"), std::vector<float>{})));
}

TEST(Npy, ConvertsElementTypes) {
  EXPECT_EQ(elements<float>(*parse_npy(npy(dict("<f8", "(2,)"), std::vector<double>{0.1, -2}))),
            (std::vector<float>{0.1f, -2}));
  EXPECT_EQ(elements<std::int32_t>(*parse_npy(npy(dict("|i1", "(2,)"), std::vector<std::int8_t>{-1, 2}))),
            (std::vector<std::int32_t>{-1, 2}));
  EXPECT_EQ(elements<std::int32_t>(*parse_npy(npy(dict("<i2", "(2,)"), std::vector<std::int16_t>{-300, 2}))),
            (std::vector<std::int32_t>{-300, 2}));
  EXPECT_EQ(
      elements<std::int64_t>(*parse_npy(npy(dict("<u4", "(1,)"), std::vector<std::uint32_t>{4000000000}))),
      (std::vector<std::int64_t>{4000000000}));
  EXPECT_EQ(elements<std::int64_t>(*parse_npy(npy(dict("<u8", "(1,)"), std::vector<std::uint64_t>{7}))),
            (std::vector<std::int64_t>{7}));
  EXPECT_EQ(error_of(npy(dict("<u8", "(1,)"), std::vector<std::uint64_t>{UINT64_MAX})),
            "expected integers below 2^63, got 1 larger ones in a .npy file of 'u8'");
  EXPECT_EQ(parse_npy(npy(dict("<u2", "(1,)"), std::vector<std::uint16_t>{0x3f80}))->view().dtype,
            DType::bf16);
  EXPECT_EQ(parse_npy(npy(dict("|b1", "(1,)"), std::vector<std::uint8_t>{1}))->view().dtype, DType::u8);
  EXPECT_EQ(parse_npy(npy(dict("<f2", "(1,)"), std::vector<std::uint16_t>{0x3c00}))->view().dtype,
            DType::f16);
}

TEST(Npy, FortranOrderIsTransposed) {
  std::vector<std::int32_t> data = {1, 4, 2, 5, 3, 6}; // [[1, 2, 3], [4, 5, 6]] by columns
  Result<Tensor> tensor = parse_npy(npy(dict("<i4", "(2, 3)", "True"), data));
  ASSERT_TRUE(tensor);
  EXPECT_EQ(shape_text(tensor->view()), "[2, 3]");
  EXPECT_EQ(elements<std::int32_t>(*tensor), (std::vector<std::int32_t>{1, 2, 3, 4, 5, 6}));
}

TEST(Npy, BadFilesAreErrors) {
  std::vector<float> data(6);
  EXPECT_EQ(error_of({}), "this is not a .npy file: expected it to start with the bytes 93 'NUMPY'");
  EXPECT_EQ(error_of(npy(dict("<f4", "(2, 3)"), data, 4)),
            "expected a .npy file of version 1, 2 or 3, got version 4");
  Result<Tensor> big_endian = parse_npy(npy(dict(">f4", "(2, 3)"), data));
  ASSERT_FALSE(big_endian);
  EXPECT_EQ(big_endian.error().text(), "error: expected a little-endian .npy file, got element type '>f4'\n"
                                       "remedy: convert it: numpy.save(path, a.astype('<f4'))");
  EXPECT_EQ(error_of(npy(dict("<c8", "(3,)"), data)),
            "expected .npy elements of type f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or b1, got '<c8'");
  EXPECT_EQ(error_of(npy(dict("<f4", "(2, 4)"), data)),
            "truncated .npy file: expected 32 bytes for shape [2, 4] of '<f4', got 24");
  EXPECT_EQ(error_of(npy(dict("<f4", "(5,)"), data)),
            "damaged .npy file: expected 20 bytes for shape [5] of '<f4', got 24");
  EXPECT_EQ(error_of(npy(dict("<f4", "(4611686018427387904, 4)"), data)),
            "the shape [4611686018427387904, 4] of this .npy file spans more than 2^63 bytes");
  EXPECT_EQ(error_of(npy(dict("<f4", "(99999999999999999999,)"), data)),
            "damaged .npy header: at character 69: expected an extent below 2^63");
  EXPECT_EQ(error_of(npy(dict("<f4", "(-2, 3)"), data)),
            "damaged .npy header: at character 51: expected an extent");
  EXPECT_EQ(error_of(npy(dict("<f4", "(1,1,1,1,1,1,1,1,6)"), data)),
            "expected a .npy file of rank at most 8, got rank 9");
  EXPECT_EQ(error_of(npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (6,)}", data)),
            "damaged .npy header: at character 10: expected '''");
  EXPECT_EQ(error_of(npy("{'descr': '<f4', 'shape': (6,)}", data)),
            "damaged .npy header: at character 31: expected the keys 'descr', 'fortran_order' and 'shape'");
}

TEST(Npy, EveryTruncationIsAnError) {
  std::vector<std::byte> bytes = npy(dict("<f4", "(2, 3)"), std::vector<float>(6));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_FALSE(parse_npy(std::span(bytes).first(size))) << size;
}

TEST(Npy, WritesWhatItReads) {
  std::string path = testing::TempDir() + "/attile_io_test.npy";
  for (DType dtype : {DType::f32, DType::f16, DType::bf16, DType::i32, DType::i64, DType::u8}) {
    std::int64_t shape[] = {3, 5};
    Tensor tensor = *random_integers(dtype, shape, 0, 100, 1);
    ASSERT_TRUE(write_npy(tensor.view().transposed(0, 1), path));
    Result<Tensor> read = read_npy(path);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->view().dtype, dtype);
    EXPECT_EQ(shape_text(read->view()), "[5, 3]");
    Tensor expected = *converted(std::as_const(tensor).view().transposed(0, 1), dtype);
    EXPECT_EQ(std::memcmp(read->bytes().data(), expected.bytes().data(), expected.bytes().size()), 0);
    std::vector<std::byte> bytes = *format_npy(tensor.view());
    EXPECT_EQ(read_npy_header(bytes)->data_offset % 64, 0u);
  }
  for (auto shape : {std::vector<std::int64_t>{}, {7}, {0, 3}})
    EXPECT_TRUE(parse_npy(*format_npy(Tensor::zeros(DType::f32, shape)->view()))) << shape_text(shape);
  EXPECT_EQ(read_npy("/nonexistent.npy").error().message,
            "cannot read '/nonexistent.npy': No such file or directory");
  EXPECT_EQ(read_npy("/").error().message, "cannot read '/': Is a directory");
  std::ofstream(path) << "text";
  EXPECT_EQ(read_npy(path).error().message,
            path + ": this is not a .npy file: expected it to start with the bytes 93 'NUMPY'");
}

TEST(Random, DependsOnSeedAndPositionAlone) {
  std::int64_t shape[] = {1000, 100};
  Tensor a = *random_normals(DType::f32, shape, 1), b = *random_normals(DType::f32, shape, 1);
  EXPECT_EQ(elements<float>(a), elements<float>(b));
  EXPECT_EQ(a.data<float>()[12345], static_cast<float>(random_normal(1, 12345)));
  EXPECT_NE(elements<float>(*random_normals(DType::f32, shape, 2)), elements<float>(a));
  EXPECT_NE(named_seed(1, "q"), named_seed(1, "k"));
  EXPECT_EQ(random_bits(0, 0), random_bits(0, 0));
}

TEST(Random, NormalsHaveTheirMoments) {
  std::int64_t shape[] = {1 << 20};
  std::vector<float> x = elements<float>(*random_normals(DType::f32, shape, 7));
  double mean = 0, square = 0, fourth = 0, neighbour = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    mean += x[i], square += x[i] * x[i], fourth += std::pow(x[i], 4),
        neighbour += x[i] * x[(i + 1) % x.size()];
  double n = static_cast<double>(x.size());
  EXPECT_NEAR(mean / n, 0, 5e-3); // five standard errors each
  EXPECT_NEAR(square / n, 1, 7e-3);
  EXPECT_NEAR(fourth / n, 3, 5e-2);
  EXPECT_NEAR(neighbour / n, 0, 5e-3);
}

TEST(Random, IntegersCoverTheirRange) {
  std::int64_t shape[] = {9000};
  std::vector<int> count(9);
  for (std::int32_t x : elements<std::int32_t>(*random_integers(DType::i32, shape, -1, 8, 3)))
    ++count.at(static_cast<std::size_t>(x + 1));
  for (int c : count)
    EXPECT_NEAR(c, 1000, 160); // five standard deviations
  EXPECT_EQ(random_integers(DType::u8, shape, -1, 8, 3).error().message,
            "expected a range low:high of u8 with low < high, got -1:8");
  EXPECT_FALSE(random_integers(DType::i32, shape, 5, 5, 3));
  EXPECT_TRUE(random_integers(DType::i64, shape, INT64_MIN, INT64_MAX, 3));
  EXPECT_FALSE(random_floats(DType::i32, shape, 0, 1, 3));
  EXPECT_FALSE(random_floats(DType::f32, shape, 0, INFINITY, 3));
  for (float x : elements<float>(*random_floats(DType::f32, shape, 2, 3, 3)))
    ASSERT_TRUE(x >= 2 && x <= 3);
}

TEST(CpuInfo, KnowsThisMachine) {
  const CpuInfo& cpu = cpu_info();
  EXPECT_GE(cpu.threads, 1);
  EXPECT_GE(cpu.cores, 1);
  EXPECT_EQ(cpu.level().substr(0, cpu.arch.size()), cpu.arch);
  EXPECT_FALSE(cpu.has("quantum"));
#if defined(__x86_64__)
  EXPECT_EQ(cpu.arch, "x86-64");
  EXPECT_TRUE(cpu.has("sse2"));
  EXPECT_EQ(cpu.vendor == "GenuineIntel", __builtin_cpu_is("intel") != 0);
  EXPECT_EQ(cpu.vendor == "AuthenticAMD", __builtin_cpu_is("amd") != 0);
  EXPECT_EQ(cpu.has("avx2"), __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(cpu.has("fma"), __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(cpu.has("avx512f"), __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(cpu.has("avx512vbmi2"), __builtin_cpu_supports("avx512vbmi2") != 0);
  EXPECT_EQ(cpu.has("avx512bf16"), __builtin_cpu_supports("avx512bf16") != 0);
#endif
}

TEST(Probe, MeasuresPlausiblePeaks) {
  if (cpu_info().arch != "x86-64")
    GTEST_SKIP() << "the probe is written for x86-64";
  Result<CpuPeaks> peaks = probe_cpu(1, 3);
  ASSERT_TRUE(peaks) << peaks.error().text();
  // At least 1 GHz times two vectors of multiply-adds, unless others keep the CPU busy; below 10 GHz.
  double width = peaks->f32_instructions == "avx512" ? 16 : peaks->f32_instructions == "avx2" ? 8 : 4;
  EXPECT_GT(peaks->f32_gflops, 0.5 * width);
  EXPECT_LT(peaks->f32_gflops, 10.0 * width * 4);
  EXPECT_EQ(peaks->bf16_gflops > 0, cpu_info().has("avx512bf16"));
  EXPECT_GT(peaks->read_gbps, 0.1);
  EXPECT_FALSE(probe_cpu(-1));
}

} // namespace
} // namespace attile
