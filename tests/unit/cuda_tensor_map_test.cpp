// Tensor maps: what the driver is asked for, and when there is none.
#include "cuda/tensor_map.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace attile::cuda {
namespace {

/// What cuTensorMapEncodeTiled was given.
struct Asked {
  int calls = 0, type = 0, swizzle = 0, fill = 0;
  const void* address = nullptr;
  std::array<unsigned long long, 4> dims = {};
  std::array<unsigned long long, 3> strides = {};
  std::array<unsigned, 4> box = {};
  Status answer = Status::success;
} asked;

Status encode(void* map, int type, unsigned rank, void* address, const unsigned long long* dims,
              const unsigned long long* strides, const unsigned* box, const unsigned* /*steps*/,
              int /*interleave*/, int swizzle, int /*promotion*/, int fill) {
  EXPECT_EQ(rank, 4u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(map) % 64, 0u);
  ++asked.calls;
  asked.type = type, asked.swizzle = swizzle, asked.fill = fill, asked.address = address;
  std::copy_n(dims, 4, asked.dims.begin());
  std::copy_n(strides, 3, asked.strides.begin());
  std::copy_n(box, 4, asked.box.begin());
  if (asked.answer == Status::success)
    static_cast<TensorMap*>(map)->words.fill(7);
  return asked.answer;
}

/// [batch 2, heads 3, rows 100, columns 96] of a tensor [2, 100, 3, 96].
Mapped operand() {
  static std::array<std::uint16_t, 8> memory;
  return {reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(memory.data()) / 16 * 16),
          DType::bf16,
          {2, 3, 100, 96},
          {28800, 96, 288, 1},
          64};
}

class TensorMaps : public testing::Test {
protected:
  TensorMaps() {
    asked = {};
    driver.cuTensorMapEncodeTiled = encode;
  }
  bool is_made(const Mapped& operand) {
    Result<TensorMap> map = make_tensor_map(driver, operand);
    EXPECT_TRUE(map) << map.error().text();
    return map && map->words[0] == 7;
  }
  Driver driver;
};

TEST_F(TensorMaps, DescribeTheOperand) {
  const Mapped tensor = operand();
  EXPECT_TRUE(is_made(tensor));
  EXPECT_EQ(asked.address, tensor.data);
  EXPECT_EQ(asked.type, 9); // CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
  EXPECT_EQ(asked.dims, (std::array<unsigned long long, 4>{96, 100, 3, 2}));
  EXPECT_EQ(asked.strides, (std::array<unsigned long long, 3>{576, 192, 57600}));
  EXPECT_EQ(asked.box, (std::array<unsigned, 4>{64, 64, 1, 1}));
  EXPECT_EQ(asked.swizzle, 3); // CU_TENSOR_MAP_SWIZZLE_128B
  EXPECT_EQ(asked.fill, 0);    // zeros
  Mapped half = operand();
  half.dtype = DType::f16;
  EXPECT_TRUE(is_made(half));
  EXPECT_EQ(asked.type, 6); // CU_TENSOR_MAP_DATA_TYPE_FLOAT16
}

TEST_F(TensorMaps, AreZerosWhereThereCanBeNone) {
  const auto made = [this](auto change) {
    Mapped changed = operand();
    change(changed);
    return is_made(changed);
  };
  EXPECT_FALSE(made([](Mapped& o) { o.data = static_cast<const char*>(o.data) + 2; }));
  EXPECT_FALSE(made([](Mapped& o) { o.extents[2] = 0; }));
  EXPECT_FALSE(made([](Mapped& o) { o.strides[2] = 290; })); // 580 bytes
  EXPECT_FALSE(made([](Mapped& o) { o.strides[1] = 0; }));
  EXPECT_FALSE(made([](Mapped& o) { o.strides[1] = -96; }));
  EXPECT_FALSE(made([](Mapped& o) { o.strides[3] = 2; }));
  EXPECT_EQ(asked.calls, 0);
  EXPECT_TRUE(made([](Mapped& o) { o.extents[1] = 1, o.strides[1] = 3; })); // of one head, any stride
  asked.answer = Status::invalid_value;
  EXPECT_FALSE(is_made(operand()));
  driver.cuTensorMapEncodeTiled = nullptr;
  EXPECT_FALSE(is_made(operand()));
}

} // namespace
} // namespace attile::cuda
