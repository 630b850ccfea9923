// The matrix cores against sums in wide integers: every format and shape, the exact and the truncating model.
#include "emulator/numeric/matrix.h"

#include "numeric_oracle.h"

using namespace emu::numeric;

namespace {

using Wide = __int128;

struct FormatCase {
  MatrixFormat format;
  oracle::Format values;
  int bytes;
};
const FormatCase& of(MatrixFormat format) {
  static const std::vector<FormatCase> all = {{MatrixFormat::f16, oracle::Format::of<F16>(), 2},
                                              {MatrixFormat::bf16, oracle::Format::of<BF16>(), 2},
                                              {MatrixFormat::tf32, oracle::Format::of<TF32>(), 4},
                                              {MatrixFormat::e4m3, oracle::Format::of<E4M3>(), 1},
                                              {MatrixFormat::e5m2, oracle::Format::of<E5M2>(), 1},
                                              {MatrixFormat::e3m2, oracle::Format::of<E3M2>(), 1},
                                              {MatrixFormat::e2m3, oracle::Format::of<E2M3>(), 1},
                                              {MatrixFormat::e2m1, oracle::Format::of<E2M1>(), 1}};
  return all[static_cast<int>(format)];
}

// A matrix of encodings in memory, with its values.
struct Matrix {
  std::vector<unsigned char> memory;
  std::vector<long double> values;

  void add(const FormatCase& f, std::uint32_t bits) {
    values.push_back(f.values.value(bits));
    std::uint32_t stored =
        f.format == MatrixFormat::tf32 ? bits << 13 | 0x1abc : bits; // low bits are ignored
    for (int i = 0; i < f.bytes; ++i)
      memory.push_back(static_cast<unsigned char>(stored >> 8 * i));
  }
};

// Values whose exponents lie within `spread` of each other, and some zeros and subnormals.
Matrix draw(const FormatCase& f, int count, int spread, std::mt19937_64& random) {
  Matrix result;
  int m = f.values.mantissa_bits, top = (1 << f.values.exponent_bits) - 2,
      bias = (1 << (f.values.exponent_bits - 1)) - 1;
  for (int i = 0; i < count; ++i) {
    int exponent = std::clamp(
        bias - spread / 2 + static_cast<int>(random() % static_cast<unsigned>(spread + 1)), 0, top);
    std::uint32_t bits = static_cast<std::uint32_t>(exponent) << m | (random() & ((1u << m) - 1));
    if (random() % 16 == 0)
      bits &= (1u << m) - 1;
    result.add(f, bits | (random() % 2 ? f.values.sign_bit() : 0));
  }
  return result;
}

struct Shape : MatrixShape {
  MatrixFormat format;
};
const Shape float_shapes[] = {{{8, 8, 4}, MatrixFormat::f16},      {{16, 8, 8}, MatrixFormat::f16},
                              {{16, 8, 16}, MatrixFormat::f16},    {{16, 8, 16}, MatrixFormat::bf16},
                              {{16, 8, 4}, MatrixFormat::tf32},    {{16, 8, 8}, MatrixFormat::tf32},
                              {{16, 8, 32}, MatrixFormat::e4m3},   {{16, 8, 32}, MatrixFormat::e5m2},
                              {{16, 8, 32}, MatrixFormat::e3m2},   {{16, 8, 32}, MatrixFormat::e2m3},
                              {{16, 8, 64}, MatrixFormat::e2m1},   {{64, 24, 16}, MatrixFormat::bf16},
                              {{64, 256, 16}, MatrixFormat::f16},  {{64, 40, 8}, MatrixFormat::tf32},
                              {{64, 136, 32}, MatrixFormat::e4m3}, {{16, 16, 16}, MatrixFormat::f16}};

// Exponents so near to each other that double, and long double, hold the sums exactly.
TEST(MatrixExact, SumsAreRoundedOnce) {
  auto random = oracle::generator();
  auto f16 = oracle::Format::of<F16>();
  for (const Shape& shape : float_shapes)
    for (int repeat = 0; repeat < 3; ++repeat) {
      auto& f = of(shape.format);
      Matrix a = draw(f, shape.m * shape.k, 8, random), b = draw(f, shape.n * shape.k, 8, random);
      if (shape.format == MatrixFormat::bf16 ||
          shape.format == MatrixFormat::tf32) // no subnormals, 2^-133 here
        for (Matrix* matrix : {&a, &b})
          for (std::size_t i = 0; i < matrix->values.size(); ++i)
            if (std::fabs(matrix->values[i]) < 0x1p-60L) {
              matrix->values[i] = std::copysign(0.0L, matrix->values[i]);
              for (int byte = 0; byte < f.bytes; ++byte)
                matrix->memory[i * f.bytes + byte] &= byte == f.bytes - 1 ? 0x80 : 0;
            }
      std::size_t count = static_cast<std::size_t>(shape.m) * shape.n;
      std::vector<float> c(count), d(count);
      std::vector<std::uint16_t> half_c(count), half_d(count);
      for (std::size_t i = 0; i < count; ++i) {
        c[i] = std::ldexp(static_cast<float>(static_cast<int>(random() % 65537) - 32768), -12);
        half_c[i] = static_cast<std::uint16_t>(f16.round(c[i], Round::rn));
      }
      multiply_f32(shape, f.format, a.memory.data(), f.format, b.memory.data(), c.data(), d.data());
      multiply_f16(shape, f.format, a.memory.data(), f.format, b.memory.data(), half_c.data(), half_d.data());
      for (int i = 0; i < shape.m; ++i)
        for (int j = 0; j < shape.n; ++j) {
          long double sum = 0;
          for (int l = 0; l < shape.k; ++l)
            sum += a.values[i * shape.k + l] * b.values[j * shape.k + l];
          std::size_t at = static_cast<std::size_t>(i) * shape.n + j;
          ASSERT_EQ(d[at], static_cast<float>(sum + c[at])) << i << " " << j << " format " << int(f.format);
          ASSERT_EQ(half_d[at], f16.round(sum + f16.value(half_c[at]), Round::rn)) << i << " " << j;
        }
    }
}

TEST(MatrixExact, WideRangesAreRightToTheLastPlace) {
  auto random = oracle::generator();
  auto& f = of(MatrixFormat::bf16);
  Matrix a = draw(f, 16 * 16, 60, random), b = draw(f, 8 * 16, 60, random);
  std::vector<float> c(16 * 8, 1.0f), d(16 * 8);
  multiply_f32({16, 8, 16}, f.format, a.memory.data(), f.format, b.memory.data(), c.data(), d.data());
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      long double sum = 1, size = 1;
      for (int l = 0; l < 16; ++l) {
        sum += a.values[i * 16 + l] * b.values[j * 16 + l];
        size += std::fabs(a.values[i * 16 + l] * b.values[j * 16 + l]);
      }
      ASSERT_LE(std::fabs(d[i * 8 + j] - sum), std::fabs(sum) * 0x1p-24L + size * 0x1p-48L);
    }
}

TEST(Matrix, FormatsOfTheFactorsMayDiffer) {
  auto random = oracle::generator();
  auto &fa = of(MatrixFormat::e4m3), &fb = of(MatrixFormat::e2m1);
  Matrix a = draw(fa, 16 * 32, 8, random), b = draw(fb, 8 * 32, 4, random);
  std::vector<float> d(16 * 8, 0.0f);
  multiply_f32({16, 8, 32}, fa.format, a.memory.data(), fb.format, b.memory.data(), d.data(),
               d.data()); // in place
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      long double sum = 0;
      for (int l = 0; l < 32; ++l)
        sum += a.values[i * 32 + l] * b.values[j * 32 + l];
      ASSERT_EQ(d[i * 8 + j], static_cast<float>(sum));
    }
}

TEST(Matrix, InfinitiesAndNaN) {
  for (Accumulation model : {Accumulation{}, Accumulation::of_mma(80, MatrixFormat::f16, 16)}) {
    std::vector<std::uint16_t> a(16 * 16, 0x3c00), b(8 * 16, 0x3c00);
    std::vector<float> c(16 * 8, 0.0f), d(16 * 8);
    a[0] = 0x7c00;                              // row 0: infinity
    a[16] = 0xffff;                             // row 1: NaN
    a[2 * 16] = 0x7c00, a[2 * 16 + 1] = 0xfc00; // row 2: infinity - infinity
    b[1 * 16] = 0;                              // column 1: infinity * 0
    c[3 * 8] = -INFINITY;
    c[3 * 8 + 1] = -NAN;
    multiply_f32({16, 8, 16}, MatrixFormat::f16, a.data(), MatrixFormat::f16, b.data(), c.data(), d.data(),
                 model);
    EXPECT_EQ(d[0], INFINITY);
    EXPECT_EQ(oracle::bits(d[1]), 0x7fffffffu);
    EXPECT_EQ(oracle::bits(d[8]), 0x7fffffffu);
    EXPECT_EQ(oracle::bits(d[16]), 0x7fffffffu);
    EXPECT_EQ(d[3 * 8], -INFINITY);
    EXPECT_EQ(oracle::bits(d[3 * 8 + 1]), 0x7fffffffu);
    EXPECT_EQ(d[3 * 8 + 2], 16.0f);
    EXPECT_EQ(d[4 * 8 + 1], 15.0f);
  }
}

// ---- the truncating model ----------------------------------------------------------------------------

// x as an integer times a power of two, with the exponent of its encoding (the least normal one for
// subnormals).
struct Scaled {
  Wide integer;
  int power, exponent;
};
Scaled scaled(long double x, int least) {
  if (x == 0)
    return {0, 0, INT32_MIN / 4};
  int exponent = 0;
  long double fraction = std::frexp(x, &exponent); // |fraction| in [1/2, 1)
  return {static_cast<Wide>(std::ldexp(fraction, 30)), exponent - 30, std::max(exponent - 1, least)};
}

// Sum of the terms, each cut off toward zero at 2^(largest exponent - fraction_bits), in units of that.
long double truncated_sum(const std::vector<Scaled>& terms, int fraction_bits) {
  int largest = INT32_MIN / 4;
  for (auto& term : terms)
    largest = std::max(largest, term.exponent);
  Wide sum = 0;
  for (auto& term : terms) {
    int shift = term.power - (largest - fraction_bits);
    Wide size = term.integer < 0 ? -term.integer : term.integer;
    if (size != 0)
      size = shift >= 0 ? size << shift : shift < -120 ? 0 : size >> -shift;
    sum += term.integer < 0 ? -size : size;
  }
  return sum == 0 ? 0 : std::ldexp(static_cast<long double>(sum), largest - fraction_bits);
}

TEST(MatrixTruncating, FollowsTheModel) {
  auto random = oracle::generator();
  auto f16 = oracle::Format::of<F16>();
  int unlike_exact = 0;
  for (const Shape& shape : float_shapes)
    for (int sm : {75, 80, 89, 90, 120}) {
      if (shape.n > 64)
        continue;
      auto& f = of(shape.format);
      int spread = std::min(24, (1 << f.values.exponent_bits) - 2);
      int least = 2 - (1 << (f.values.exponent_bits - 1));
      Matrix a = draw(f, shape.m * shape.k, spread, random), b = draw(f, shape.n * shape.k, spread, random);
      std::vector<float> c(shape.m * shape.n), d(c.size()), exact(c.size());
      std::vector<std::uint16_t> half_c(c.size()), half_d(c.size());
      for (std::size_t i = 0; i < c.size(); ++i) {
        c[i] = std::ldexp(static_cast<float>(static_cast<std::int32_t>(random())),
                          -24 - static_cast<int>(random() % 20));
        half_c[i] = static_cast<std::uint16_t>(f16.round(c[i], Round::rn));
      }
      auto model = Accumulation::of_mma(sm, f.format, shape.k);
      multiply_f32(shape, f.format, a.memory.data(), f.format, b.memory.data(), c.data(), d.data(), model);
      multiply_f32(shape, f.format, a.memory.data(), f.format, b.memory.data(), c.data(), exact.data());
      multiply_f16(shape, f.format, a.memory.data(), f.format, b.memory.data(), half_c.data(), half_d.data(),
                   model);
      for (int i = 0; i < shape.m; ++i)
        for (int j = 0; j < shape.n; ++j) {
          int at = i * shape.n + j;
          long double sum = c[at], half_sum = f16.value(half_c[at]);
          for (int begin = 0; begin < shape.k; begin += model.group) {
            std::vector<Scaled> terms = {scaled(sum, -126)},
                                half_terms = {scaled(std::isfinite(half_sum) ? half_sum : 0, -14)};
            for (int l = begin; l < begin + model.group; ++l) {
              Scaled x = scaled(a.values[i * shape.k + l], least),
                     y = scaled(b.values[j * shape.k + l], least);
              terms.push_back({x.integer * y.integer, x.power + y.power, x.exponent + y.exponent});
              half_terms.push_back(terms.back());
            }
            float rounded = oracle::round_to<float>(truncated_sum(terms, model.fraction_bits), Round::rz);
            sum = oracle::float_of(oracle::bits(rounded) & ~0u << (23 - model.result_bits));
            if (std::isfinite(half_sum)) // what overflowed stays infinite
              half_sum = f16.value(f16.round(truncated_sum(half_terms, model.fraction_bits), Round::rn));
          }
          ASSERT_EQ(d[at], static_cast<float>(sum))
              << i << " " << j << " format " << int(f.format) << " sm " << sm;
          ASSERT_EQ(f16.value(half_d[at]), half_sum)
              << i << " " << j << " format " << int(f.format) << " sm " << sm;
          unlike_exact += d[at] != exact[at];
        }
    }
  EXPECT_GT(unlike_exact, 1000);
}

TEST(MatrixTruncating, CutsWhatLiesBelowTheKeptBits) {
  std::vector<std::uint16_t> a(16 * 16, 0), b(8 * 16, 0x3c00);
  std::vector<float> c(16 * 8, 0x1p24f), d(16 * 8);
  a[0] = 0x3800; // 2^24 + 0.5: kept for 25 bits below the largest exponent, not for 24
  a[1] = 0x3800;
  multiply_f32({16, 8, 16}, MatrixFormat::f16, a.data(), MatrixFormat::f16, b.data(), c.data(), d.data(),
               {16, 24});
  EXPECT_EQ(d[0], 0x1p24f);
  c[0] = -0x1p24f;
  multiply_f32({16, 8, 16}, MatrixFormat::f16, a.data(), MatrixFormat::f16, b.data(), c.data(), d.data(),
               {16, 25});
  EXPECT_EQ(d[0], -0x1.fffffep23f); // 2^24 - 1
}

// ---- double and integers -----------------------------------------------------------------------------

TEST(MatrixDouble, IsAChainOfFusedMultiplyAdds) {
  auto random = oracle::generator();
  for (MatrixShape shape : {MatrixShape{8, 8, 4}, MatrixShape{16, 8, 4}, MatrixShape{16, 8, 16}}) {
    std::normal_distribution<double> normal;
    std::vector<double> a(shape.m * shape.k), b(shape.n * shape.k), c(shape.m * shape.n), d(c.size()),
        up(c.size());
    for (auto* matrix : {&a, &b, &c})
      for (double& x : *matrix)
        x = normal(random);
    multiply_f64(shape, a.data(), b.data(), c.data(), d.data());
    multiply_f64(shape, a.data(), b.data(), c.data(), up.data(), Round::rp);
    for (int i = 0; i < shape.m; ++i)
      for (int j = 0; j < shape.n; ++j) {
        double sum = c[i * shape.n + j];
        for (int l = 0; l < shape.k; ++l)
          sum = std::fma(a[i * shape.k + l], b[j * shape.k + l], sum);
        ASSERT_EQ(oracle::bits(d[i * shape.n + j]), oracle::bits(sum));
        ASSERT_GE(up[i * shape.n + j], sum);
      }
    EXPECT_NE(up, d);
  }
}

TEST(MatrixInteger, BytesWrapOrSaturate) {
  auto random = oracle::generator();
  for (MatrixShape shape : {MatrixShape{8, 8, 16}, MatrixShape{16, 8, 32}, MatrixShape{16, 8, 64},
                            MatrixShape{64, 72, 32}, MatrixShape{64, 256, 256}})
    for (int kind = 0; kind < 8; ++kind) {
      bool a_signed = kind & 1, b_signed = kind & 2, satfinite = kind & 4;
      std::vector<std::uint8_t> a(shape.m * shape.k), b(shape.n * shape.k);
      std::vector<std::int32_t> c(shape.m * shape.n), d(c.size());
      for (auto* matrix : {&a, &b})
        for (auto& x : *matrix)
          x = static_cast<std::uint8_t>(random() % 4 ? random() : random() % 2 ? 255 : 128);
      for (auto& x : c)
        x = random() % 2 ? static_cast<std::int32_t>(random()) : random() % 2 ? INT32_MAX : INT32_MIN;
      for (int l = 0; l < shape.k; ++l)
        a[l] = b[l] = 255; // the largest sums
      multiply_s8(shape, a_signed, a.data(), b_signed, b.data(), c.data(), d.data(), satfinite);
      for (int i = 0; i < shape.m; ++i)
        for (int j = 0; j < shape.n; ++j) {
          std::int64_t sum = c[i * shape.n + j];
          for (int l = 0; l < shape.k; ++l) {
            int x = a[i * shape.k + l], y = b[j * shape.k + l];
            sum += (a_signed && x > 127 ? x - 256 : x) * (b_signed && y > 127 ? y - 256 : y);
          }
          std::int64_t limited = std::clamp<std::int64_t>(sum, INT32_MIN, INT32_MAX);
          ASSERT_EQ(d[i * shape.n + j], static_cast<std::int32_t>(satfinite ? limited : sum))
              << i << " " << j << " " << kind;
        }
    }
}

TEST(MatrixInteger, Nibbles) {
  const std::uint8_t packed[] = {0x80, 0x7f};
  std::uint8_t bytes[4];
  unpack_nibbles(packed, 4, true, bytes);
  EXPECT_EQ(std::vector<int>(bytes, bytes + 4), (std::vector<int>{0, 0xf8, 0xff, 7}));
  unpack_nibbles(packed, 4, false, bytes);
  EXPECT_EQ(std::vector<int>(bytes, bytes + 4), (std::vector<int>{0, 8, 15, 7}));
}

TEST(MatrixInteger, Bits) {
  auto random = oracle::generator();
  MatrixShape shape{16, 8, 256};
  std::vector<std::uint32_t> a(16 * 8), b(8 * 8);
  for (auto* matrix : {&a, &b})
    for (auto& x : *matrix)
      x = static_cast<std::uint32_t>(random());
  std::vector<std::int32_t> c(16 * 8, INT32_MAX - 60), d(16 * 8);
  for (auto operation : {BitOperation::and_popc, BitOperation::xor_popc}) {
    multiply_b1(shape, operation, a.data(), b.data(), c.data(), d.data());
    for (int i = 0; i < 16; ++i)
      for (int j = 0; j < 8; ++j) {
        std::uint32_t sum = INT32_MAX - 60;
        for (int bit = 0; bit < 256; ++bit) {
          bool x = a[i * 8 + bit / 32] >> bit % 32 & 1, y = b[j * 8 + bit / 32] >> bit % 32 & 1;
          sum += operation == BitOperation::and_popc ? x && y : x != y;
        }
        ASSERT_EQ(d[i * 8 + j], static_cast<std::int32_t>(sum));
      }
  }
}

} // namespace
