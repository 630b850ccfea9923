// Views, owned tensors, and conversions of 16-bit floats against the compiler's own.
#include <attile/tensor.h>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

namespace attile {
namespace {

TEST(Numeric, EveryF16IsExact) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    auto native = std::bit_cast<_Float16>(static_cast<std::uint16_t>(bits));
    float ours = to_f32(f16{static_cast<std::uint16_t>(bits)}), theirs = static_cast<float>(native);
    if (std::isnan(theirs)) {
      ASSERT_TRUE(std::isnan(ours)) << bits;
      ASSERT_TRUE(std::isnan(to_f32(to_f16(ours)))) << bits;
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint32_t>(ours), std::bit_cast<std::uint32_t>(theirs)) << bits;
    ASSERT_EQ(to_f16(ours).bits, bits);
  }
}

void expect_f16(float x) {
  _Float16 native = static_cast<_Float16>(x);
  ASSERT_EQ(to_f16(x).bits, std::bit_cast<std::uint16_t>(native)) << std::hexfloat << x;
}

TEST(Numeric, F16RoundsToNearestEven) {
  // Around every f16: the value, the middle to the next, and their neighbours in f32.
  for (unsigned bits = 0; bits < 0x7c00; ++bits) {
    float low = to_f32(f16{static_cast<std::uint16_t>(bits)});
    float high = bits == 0x7bff ? 65536.0f : to_f32(f16{static_cast<std::uint16_t>(bits + 1)});
    float middle = (low + high) / 2;
    for (float x : {low, std::nextafter(low, INFINITY), std::nextafter(middle, 0.0f), middle,
                    std::nextafter(middle, INFINITY)})
      for (float sign : {1.0f, -1.0f})
        expect_f16(sign * x);
  }
  std::mt19937 random(1);
  for (int i = 0; i < 1000000; ++i)
    if (float x = std::bit_cast<float>(static_cast<std::uint32_t>(random())); !std::isnan(x))
      expect_f16(x);
}

TEST(Numeric, Bf16RoundsToNearestEven) {
  for (std::uint64_t step = 0; step < 0x100000000; step += 251) { // odd: reaches every tail
    auto bits = static_cast<std::uint32_t>(step);
    float x = std::bit_cast<float>(bits);
    std::uint16_t ours = to_bf16(x).bits;
    if (std::isnan(x)) {
      ASSERT_TRUE(std::isnan(to_f32(bf16{ours}))) << bits;
      continue;
    }
    // The nearer of the neighbours, the even one in the middle; past the largest, infinity.
    std::uint32_t tail = bits & 0xffffu, low = bits >> 16;
    std::uint32_t expected = low + (tail > 0x8000u || (tail == 0x8000u && (low & 1)));
    ASSERT_EQ(ours, expected) << bits;
  }
  for (unsigned bits = 0; bits < 0x10000; ++bits)
    if (float x = to_f32(bf16{static_cast<std::uint16_t>(bits)}); !std::isnan(x)) {
      ASSERT_EQ(to_bf16(x).bits, bits);
    }
}

TEST(TensorView, DescribesMemory) {
  float data[24] = {};
  TensorView view(data, {2, 3, 4});
  EXPECT_EQ(view.dtype, DType::f32);
  EXPECT_EQ(view.elements(), 24);
  EXPECT_TRUE(view.is_contiguous());
  TensorView swapped = view.transposed(0, 2);
  EXPECT_EQ(shape_text(swapped), "[4, 3, 2]");
  EXPECT_EQ(swapped.stride[0], 1);
  EXPECT_FALSE(swapped.is_contiguous());
  TensorView part = view.slice(1, 1, 3);
  EXPECT_EQ(part.data, data + 4);
  EXPECT_EQ(shape_text(part), "[2, 2, 4]");
  ConstTensorView constant = part;
  EXPECT_EQ(constant.stride[0], 12);
  EXPECT_TRUE(TensorView(data, {1, 1, 4}).transposed(0, 2).transposed(0, 1).is_contiguous());
}

TEST(TensorView, ByteRangeCoversNegativeStrides) {
  float data[24] = {};
  TensorView view(data, {2, 3});
  view.stride[0] = -10;
  Result<ByteRange> range = byte_range(view);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->begin, -40);
  EXPECT_EQ(range->end, 12);
  EXPECT_EQ(byte_range(TensorView(data, {5, 0}))->end, 0);
  TensorView absurd(data, {INT64_MAX, INT64_MAX});
  EXPECT_FALSE(byte_range(absurd));
  TensorView wide(data, {2, 3});
  wide.stride[0] = INT64_MAX / 2;
  Result<ByteRange> refused = byte_range(wide);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "shape [2, 3] with stride [4611686018427387903, 1] spans more than 2^63 bytes");
}

TEST(Tensor, IsZeroedAndRefusesAbsurdShapes) {
  Result<Tensor> tensor = Tensor::zeros(DType::bf16, {3, 5});
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->bytes().size(), 30u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor->view().data) % 64, 0u);
  for (std::byte b : tensor->bytes())
    EXPECT_EQ(b, std::byte{0});
  EXPECT_TRUE(Tensor::zeros(DType::f32, {0, 4}));
  EXPECT_TRUE(Tensor::zeros(DType::f32, {}));
  EXPECT_EQ(Tensor::zeros(DType::f32, {-1}).error().message, "negative extent in tensor shape [-1]");
  EXPECT_FALSE(Tensor::zeros(DType::f32, {INT64_MAX, 2}));
  EXPECT_FALSE(Tensor::zeros(DType::f32, {INT64_MAX / 4}));
  EXPECT_FALSE(Tensor::zeros(DType::f32, {1, 1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST(Tensor, ConvertsStridedViews) {
  float data[6] = {1.5f, -2.0f, 3.25f, NAN, 1e30f, -1e30f};
  Result<Tensor> half = converted(ConstTensorView(data, {2, 3}).transposed(0, 1), DType::f16);
  ASSERT_TRUE(half);
  EXPECT_EQ(shape_text(half->view()), "[3, 2]");
  EXPECT_EQ(to_f32(half->data<f16>()[0]), 1.5f);
  EXPECT_TRUE(std::isnan(to_f32(half->data<f16>()[1])));
  EXPECT_EQ(to_f32(half->data<f16>()[3]), INFINITY);
  Result<Tensor> integers = converted(ConstTensorView(data, {6}), DType::i32);
  ASSERT_TRUE(integers);
  const std::int32_t expected[] = {1, -2, 3, 0, INT32_MAX, INT32_MIN};
  EXPECT_EQ(std::memcmp(integers->data<std::int32_t>(), expected, sizeof expected), 0);
  EXPECT_EQ(to_f32(converted(integers->view(), DType::bf16)->data<bf16>()[1]), -2.0f);
}

TEST(DType, NamesRoundTrip) {
  for (DType dtype : {DType::f32, DType::f16, DType::bf16, DType::i32, DType::i64, DType::u8})
    EXPECT_EQ(dtype_from_name(name(dtype)), dtype);
  EXPECT_FALSE(dtype_from_name("f64"));
}

TEST(Error, ReadsWell) {
  Error error = user_error("k: expected rank 4, got rank 3", "reshape it");
  error.notes.push_back("q has rank 4");
  EXPECT_EQ(std::move(error).in("launch").text(),
            "error: launch: k: expected rank 4, got rank 3\nnote: q has rank 4\nremedy: reshape it");
  EXPECT_EQ(environment_error("x").exit_status(), 3);
}

} // namespace
} // namespace attile
