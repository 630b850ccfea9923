// Matrix products with wgmma, of every type, whose tiles ordinary stores bring to shared memory.
#include "kernel_cases.h"
#include "kernel_data.h"

namespace emu::test {
namespace {

std::uint32_t f32_of(float x) { return std::bit_cast<std::uint32_t>(x); }
std::uint8_t e4m3_of(float x) { // of whole numbers up to 8
  constexpr std::uint8_t codes[] = {0, 0x38, 0x40, 0x44, 0x48, 0x4a, 0x4c, 0x4e, 0x50};
  return static_cast<std::uint8_t>((x < 0 ? 0x80 : 0) | codes[static_cast<int>(std::abs(x))]);
}
std::uint8_t s8_of(float x) { return static_cast<std::uint8_t>(static_cast<int>(x)); }

constexpr std::size_t m = 64, n = 128;

// `k` elements in a row; B has columns (of k), or rows.
template <class Sum, auto encode, std::size_t k, bool b_by_rows>
void prepare(Arguments& arguments, std::mt19937_64& random) {
  const std::vector<float> a = whole_floats(m * k, random), b = whole_floats(n * k, random);
  using Element = decltype(encode(0.0f));
  std::vector<Element> a_bits, b_bits(b.size());
  for (float x : a)
    a_bits.push_back(encode(x));
  for (std::size_t column = 0; column < n; ++column)
    for (std::size_t l = 0; l < k; ++l)
      b_bits[b_by_rows ? l * n + column : column * k + l] = encode(b[column * k + l]);
  arguments.input(a_bits);
  arguments.input(b_bits);
  const Sum* d = arguments.output<Sum>(m * n);
  arguments.pass(static_cast<int>(n));
  arguments.pass(static_cast<int>(k * sizeof(Element)));
  std::vector<Sum> wanted(m * n);
  for (std::size_t row = 0; row < m; ++row)
    for (std::size_t column = 0; column < n; ++column)
      for (std::size_t l = 0; l < k; ++l)
        wanted[row * n + column] += static_cast<Sum>(a[row * k + l] * b[column * k + l]);
  arguments.verify = [=] { return differs(d, wanted); };
}

KernelCase product(const std::string& name, const std::string& define,
                   void (*prepare)(Arguments&, std::mt19937_64&)) {
  return {"matmul_wgmma_" + name,
          "matmul_wgmma.cu",
          "matmul_wgmma",
          "sm_90a",
          {2, 1, 1},
          {128, 1, 1},
          prepare,
          define};
}

} // namespace

std::vector<KernelCase> wgmma_cases() {
  return {
      product("f16", "-DTYPE_f16", prepare<float, f16_of, 192, false>),
      product("f16_mn", "-DTYPE_f16 -DB_MN", prepare<float, f16_of, 192, true>),
      product("f16_rs_mn", "-DTYPE_f16 -DA_REGISTERS -DB_MN", prepare<float, f16_of, 128, true>),
      product("bf16", "-DTYPE_bf16", prepare<float, bf16_of, 192, false>),
      product("bf16_mn", "-DTYPE_bf16 -DB_MN", prepare<float, bf16_of, 192, true>),
      product("bf16_rs", "-DTYPE_bf16 -DA_REGISTERS", prepare<float, bf16_of, 128, false>),
      product("tf32", "-DTYPE_tf32", prepare<float, f32_of, 96, false>),
      product("tf32_rs", "-DTYPE_tf32 -DA_REGISTERS", prepare<float, f32_of, 64, false>),
      product("fp8", "-DTYPE_e4m3", prepare<float, e4m3_of, 384, false>),
      product("fp8_rs", "-DTYPE_e4m3 -DA_REGISTERS", prepare<float, e4m3_of, 256, false>),
      product("int8", "-DTYPE_s8", prepare<int, s8_of, 384, false>),
      product("int8_rs", "-DTYPE_s8 -DA_REGISTERS", prepare<int, s8_of, 256, false>),
  };
}

} // namespace emu::test
