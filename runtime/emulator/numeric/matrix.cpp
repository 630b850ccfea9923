#include "emulator/numeric/matrix.h"

#include "emulator/numeric/arithmetic.h"
#include "emulator/numeric/matrix_kernel.h"

namespace emu::numeric {
inline namespace EMU_HOST {
namespace {

constexpr int max_m = 64, max_k = 64, max_k_integers = 256, block_panels = 4, block_n = block_panels * panel;

// ---- elements to float ------------------------------------------------------------------------------

// `count` is a multiple of 8.
template <class F, class T> void widen_all(const void* elements, int count, T* values) {
  const auto* bits = static_cast<const F::Bits*>(elements);
  for (int i = 0; i < count; ++i)
    values[i] = widen<F>(bits[i]);
}

#ifdef __F16C__
template <class T> void widen_f16(const void* elements, int count, T* values) {
  const auto* bits = static_cast<const std::uint16_t*>(elements);
  for (int i = 0; i < count; i += 8) {
    auto eight =
        (Vector<float, 8>)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bits + i)));
    auto wide = __builtin_convertvector(eight, Vector<T, 8>);
    __builtin_memcpy(values + i, &wide, sizeof wide);
  }
}
#else
template <class T> void widen_f16(const void* elements, int count, T* values) {
  widen_all<F16>(elements, count, values);
}
#endif

template <class T> void widen_tf32(const void* elements, int count, T* values) {
  const auto* bits = static_cast<const std::uint32_t*>(elements);
  for (int i = 0; i < count; ++i)
    values[i] = as<float>(bits[i] & 0xffffe000u);
}

template <class T> void widen_all(MatrixFormat format, const void* elements, int count, T* values) {
  switch (format) {
  case MatrixFormat::f16:
    return widen_f16(elements, count, values);
  case MatrixFormat::bf16:
    return widen_all<BF16>(elements, count, values);
  case MatrixFormat::tf32:
    return widen_tf32(elements, count, values);
  case MatrixFormat::e4m3:
    return widen_all<E4M3>(elements, count, values);
  case MatrixFormat::e5m2:
    return widen_all<E5M2>(elements, count, values);
  case MatrixFormat::e3m2:
    return widen_all<E3M2>(elements, count, values);
  case MatrixFormat::e2m3:
    return widen_all<E2M3>(elements, count, values);
  case MatrixFormat::e2m1:
    return widen_all<E2M1>(elements, count, values);
  }
}

int bytes_of(MatrixFormat format) {
  return format == MatrixFormat::tf32                                  ? 4
         : format == MatrixFormat::f16 || format == MatrixFormat::bf16 ? 2
                                                                       : 1;
}

// The value of the least normal exponent: what is subnormal is aligned as if it had that exponent.
double least_normal(MatrixFormat format) {
  switch (format) {
  case MatrixFormat::f16:
  case MatrixFormat::e5m2:
    return 0x1p-14;
  case MatrixFormat::bf16:
  case MatrixFormat::tf32:
    return 0x1p-126;
  case MatrixFormat::e4m3:
    return 0x1p-6;
  case MatrixFormat::e3m2:
    return 0x1p-2;
  case MatrixFormat::e2m3:
  case MatrixFormat::e2m1:
    return 1.0;
  }
  return 1.0;
}

// ---- the types of d ---------------------------------------------------------------------------------

struct ResultF32 {
  using Element = float;
  static constexpr double least = 0x1p-126;
  EMU_INLINE static double load(float c) { return c; }
  EMU_INLINE static float store(double sum, float) { return canonical(static_cast<float>(sum)); }
  EMU_INLINE static double truncated(double sum, int result_bits) {
    std::uint32_t bits = narrow<F32>(sum, size_of(sum) < 0x1p128 ? Round::rz : Round::rn);
    bool number = (bits & Layout<float>::infinity) != Layout<float>::infinity;
    return as<float>(number ? bits & ~0u << (23 - result_bits) : bits);
  }
};
struct ResultF16 {
  using Element = std::uint16_t;
  static constexpr double least = 0x1p-14;
  EMU_INLINE static double load(std::uint16_t c) { return widen<F16>(c); }
  EMU_INLINE static std::uint16_t store(double sum, std::uint16_t) { return narrow<F16>(sum); }
#ifdef __F16C__
  EMU_INLINE static void load_all(const std::uint16_t* c, double (&values)[panel]) {
    widen_f16(c, panel, values);
  }
  // To float, whose last bit says whether anything was cut off, and from that to the nearest: it has more
  // than enough bits.
  EMU_INLINE static void store_all(const double (&sums)[panel], std::uint16_t* d) {
    using Bits = Vector<std::uint64_t, panel>;
    constexpr std::uint64_t last = std::uint64_t{1} << 29, below = last - 1;
    const Bits bits = numeric::load<Bits>(sums);
    const Bits odd = (bits & ~below) | ((Bits)((bits & below) != 0) & last);
    const auto floats = __builtin_convertvector((Vector<double, panel>)odd, Vector<float, panel>);
    const auto halves =
        (Vector<std::uint16_t, panel>)_mm256_cvtps_ph((__m256)floats, _MM_FROUND_TO_NEAREST_INT);
    const auto nan =
        (Vector<std::uint16_t, panel>)__builtin_convertvector(floats != floats, Vector<std::int16_t, panel>);
    const Vector<std::uint16_t, panel> result = (halves & ~nan) | (nan & F16::canonical_nan);
    __builtin_memcpy(d, &result, sizeof result);
  }
#endif
  EMU_INLINE static double truncated(double sum, int) { return widen<F16>(narrow<F16>(sum)); }
};

// ---- the truncating model ---------------------------------------------------------------------------

// The power of two of x's exponent, at least `least`; zero for zero.
EMU_INLINE double exponent_of(double x, double least) {
  double power = as<double>(bits_of(x) & Layout<double>::infinity);
  power = power > least ? power : least;
  return x == 0 ? 0.0 : power;
}

void exponents_of(const double* values, int count, double least, double* powers) {
  for (int i = 0; i < count; ++i)
    powers[i] = exponent_of(values[i], least); // NOLINT(clang-analyzer-core.*): as many as were widened
}

bool all_finite(const double* values, int count) {
  std::uint64_t largest = 0;
  for (int i = 0; i < count; ++i) {
    std::uint64_t size = magnitude_bits(values[i]); // NOLINT(clang-analyzer-core.*): as many as were widened
    largest = size > largest ? size : largest;
  }
  return largest < Layout<double>::infinity;
}

// Eight columns of a row of d, the accumulator, by one row of a and a panel of b, with the exponents of both.
template <class Result>
void truncating_row(int k, const double* a, const double* a_powers, const double* b, const double* b_powers,
                    Accumulation model, double (&row)[panel]) {
  double one = as<double>((std::uint64_t{1023} + model.fraction_bits) << 52);
  for (int begin = 0; begin < k; begin += model.group) {
    int end = begin + model.group < k ? begin + model.group : k;
    double largest[panel], scale[panel], aligned[panel];
    for (int j = 0; j < panel; ++j)
      largest[j] = exponent_of(row[j], Result::least);
    for (int l = begin; l < end; ++l)
      for (int j = 0; j < panel; ++j) {
        double power = a_powers[l] * b_powers[l * panel + j];
        largest[j] = power > largest[j] ? power : largest[j];
      }
    for (int j = 0; j < panel; ++j) { // in units of 2^-fraction_bits of the largest
      largest[j] = largest[j] > 0 ? largest[j] : 1.0;
      scale[j] = one / largest[j];
      aligned[j] = __builtin_trunc(row[j] * scale[j]);
    }
    for (int l = begin; l < end; ++l)
      for (int j = 0; j < panel; ++j)
        aligned[j] += __builtin_trunc(a[l] * b[l * panel + j] * scale[j]);
    for (int j = 0; j < panel; ++j) { // an accumulator that overflowed stays infinite
      double sum = size_of(row[j]) < infinity<double>() ? aligned[j] / scale[j] : row[j];
      row[j] = Result::truncated(sum, model.result_bits);
    }
  }
}

// d = c + a b for m rows and one panel. Sums to which anything contributes that is not finite are as in the
// exact model.
template <class Result>
void truncating_panel(int m, int k, const double* a, const double* a_powers, const double* b,
                      const double* b_powers, const typename Result::Element* c, typename Result::Element* d,
                      int stride, Accumulation model) {
  bool finite[panel];
  for (int j = 0; j < panel; ++j) {
    finite[j] = true;
    for (int l = 0; l < k; ++l)
      finite[j] &= size_of(b[l * panel + j]) < infinity<double>();
  }
  for (int i = 0; i < m; ++i) {
    double row[panel];
    bool truncates[panel], all = true;
    const bool finite_row = all_finite(a + i * k, k);
    for (int j = 0; j < panel; ++j) {
      row[j] = Result::load(c[i * stride + j]);
      truncates[j] = finite_row && finite[j] && size_of(row[j]) < infinity<double>();
      all &= truncates[j];
    }
    if (!all)
      multiply_tile<1, 1, Result>(k, a + i * k, b, c + i * stride, d + i * stride, stride);
    if (!finite_row)
      continue;
    truncating_row<Result>(k, a + i * k, a_powers + i * k, b, b_powers, model, row);
    for (int j = 0; j < panel; ++j)
      if (truncates[j])
        d[i * stride + j] = Result::store(row[j], {});
  }
}

// ---- floating point ---------------------------------------------------------------------------------

template <class Result>
void multiply(MatrixShape shape, MatrixFormat a_format, const void* a, MatrixFormat b_format, const void* b,
              const typename Result::Element* c, typename Result::Element* d, Accumulation model) {
  alignas(64) double a_wide[max_m * max_k], b_wide[max_k * block_n], a_powers[max_m * max_k],
      b_powers[max_k * block_n];
  alignas(64) float b_columns[block_n * max_k];
  int a_count = shape.m * shape.k;
  widen_all(a_format, a, a_count, a_wide);
  if (model.group != 0)
    exponents_of(a_wide, a_count, least_normal(model.by_halves ? MatrixFormat::f16 : a_format), a_powers);

  int panel_count = shape.k * panel;
  const char* b_next = static_cast<const char*>(b);
  for (int begin = 0; begin < shape.n; begin += block_n) {
    int panels = (shape.n - begin < block_n ? shape.n - begin : block_n) / panel;
    widen_all(b_format, b_next, panels * panel_count, b_columns);
    b_next += static_cast<std::int64_t>(panels) * panel_count * bytes_of(b_format);
    for (int p = 0; p < panels; ++p)
      make_panel(shape.k, b_columns + p * panel_count, b_wide + p * panel_count);
    if (model.group == 0) {
      multiply_panels<Result>(shape.m, panels, shape.k, a_wide, b_wide, c + begin, d + begin, shape.n);
      continue;
    }
    exponents_of(b_wide, panels * panel_count, least_normal(model.by_halves ? MatrixFormat::f16 : b_format),
                 b_powers);
    for (int p = 0; p < panels; ++p)
      truncating_panel<Result>(shape.m, shape.k, a_wide, a_powers, b_wide + p * panel_count,
                               b_powers + p * panel_count, c + begin + p * panel, d + begin + p * panel,
                               shape.n, model);
  }
}

} // namespace

void multiply_f32(MatrixShape shape, MatrixFormat a_format, const void* a, MatrixFormat b_format,
                  const void* b, const float* c, float* d, Accumulation model) {
  multiply<ResultF32>(shape, a_format, a, b_format, b, c, d, model);
}

void multiply_f16(MatrixShape shape, MatrixFormat a_format, const void* a, MatrixFormat b_format,
                  const void* b, const std::uint16_t* c, std::uint16_t* d, Accumulation model) {
  multiply<ResultF16>(shape, a_format, a, b_format, b, c, d, model);
}

namespace {

struct ResultF64 {
  EMU_INLINE static double load(double c) { return c; }
  EMU_INLINE static double store(double sum, double) { return sum; }
};

} // namespace

void multiply_f64(MatrixShape shape, const double* a, const double* b, const double* c, double* d,
                  Round mode) {
#ifdef __FMA__ // without, the vectors of multiply_panels round the products
  if (mode == Round::rn) {
    alignas(64) double panel_of_b[max_k * panel];
    for (int j = 0; j < shape.n; j += panel) {
      make_panel(shape.k, b + j * shape.k, panel_of_b);
      multiply_panels<ResultF64>(shape.m, 1, shape.k, a, panel_of_b, c + j, d + j, shape.n);
    }
    return;
  }
#endif
  for (int i = 0; i < shape.m; ++i)
    for (int j = 0; j < shape.n; ++j) {
      double sum = c[i * shape.n + j];
      for (int l = 0; l < shape.k; ++l)
        sum = fma(a[i * shape.k + l], b[j * shape.k + l], sum, mode);
      d[i * shape.n + j] = sum;
    }
}

// ---- integers ---------------------------------------------------------------------------------------

namespace {

// Products and their sums are exact in float: at most 2^16 each, 256 of them.
template <class Byte> void widen_bytes(const std::uint8_t* bytes, int count, float* values) {
  for (int i = 0; i < count; ++i)
    values[i] = static_cast<Byte>(bytes[i]);
}
void widen_bytes(bool is_signed, const std::uint8_t* bytes, int count, float* values) {
  is_signed ? widen_bytes<std::int8_t>(bytes, count, values)
            : widen_bytes<std::uint8_t>(bytes, count, values);
}

template <bool Saturate> struct ResultS32 {
  EMU_INLINE static float load(std::int32_t) { return 0; }
  EMU_INLINE static std::int32_t store(float product, std::int32_t c) {
    auto x = static_cast<std::uint32_t>(static_cast<std::int32_t>(product)),
         y = static_cast<std::uint32_t>(c);
    std::uint32_t sum = x + y;
    bool overflow = ((sum ^ x) & (sum ^ y)) >> 31 != 0; // both have the sign that the sum lacks
    std::uint32_t limit = 0x7fffffffu + (y >> 31);
    return static_cast<std::int32_t>(Saturate && overflow ? limit : sum);
  }
};

} // namespace

void multiply_s8(MatrixShape shape, bool a_signed, const std::uint8_t* a, bool b_signed,
                 const std::uint8_t* b, const std::int32_t* c, std::int32_t* d, bool satfinite) {
  alignas(64) float a_wide[max_m * max_k_integers], b_columns[block_n * max_k_integers];
  alignas(64) float b_wide[max_k_integers * block_n];
  widen_bytes(a_signed, a, shape.m * shape.k, a_wide);
  int panel_count = shape.k * panel;
  for (int begin = 0; begin < shape.n; begin += block_n) {
    int panels = (shape.n - begin < block_n ? shape.n - begin : block_n) / panel;
    widen_bytes(b_signed, b + static_cast<std::int64_t>(begin) * shape.k, panels * panel_count, b_columns);
    for (int p = 0; p < panels; ++p)
      make_panel(shape.k, b_columns + p * panel_count, b_wide + p * panel_count);
    auto* multiply = satfinite ? multiply_panels<ResultS32<true>, float, std::int32_t>
                               : multiply_panels<ResultS32<false>, float, std::int32_t>;
    multiply(shape.m, panels, shape.k, a_wide, b_wide, c + begin, d + begin, shape.n);
  }
}

void multiply_b1(MatrixShape shape, BitOperation operation, const std::uint32_t* a, const std::uint32_t* b,
                 const std::int32_t* c, std::int32_t* d) {
  int words = shape.k / 32;
  for (int i = 0; i < shape.m; ++i)
    for (int j = 0; j < shape.n; ++j) {
      auto sum = static_cast<std::uint32_t>(c[i * shape.n + j]);
      for (int l = 0; l < words; ++l) {
        std::uint32_t x = a[i * words + l], y = b[j * words + l];
        sum += __builtin_popcount(operation == BitOperation::and_popc ? x & y : x ^ y);
      }
      d[i * shape.n + j] = static_cast<std::int32_t>(sum);
    }
}

} // namespace EMU_HOST
} // namespace emu::numeric
