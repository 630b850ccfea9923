// cuTensorMapEncodeTiled: a map that a kernel uses, and all that cuda.h says maps must fulfil.
#include "tests/emulator/driver_test.h"

#include <functional>
#include <numeric>

namespace {

class DriverTensorMap : public DriverTest {};

/// The arguments of cuTensorMapEncodeTiled: a matrix of 64 x 100 floats, in boxes of 32 x 8.
struct Encode {
  CUtensorMap map{};
  CUtensorMap* object = &map;
  CUtensorMapDataType type = CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  cuuint32_t rank = 2;
  CUdeviceptr address = 0x10000;
  std::vector<cuuint64_t> dims = {64, 100}, strides = {256};
  std::vector<cuuint32_t> box = {32, 8}, steps = {1, 1};
  CUtensorMapInterleave interleave = CU_TENSOR_MAP_INTERLEAVE_NONE;
  CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_128B;
  CUtensorMapL2promotion promotion = CU_TENSOR_MAP_L2_PROMOTION_L2_128B;
  CUtensorMapFloatOOBfill fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;

  CUresult operator()() {
    const auto data = [](auto& values) { return values.empty() ? nullptr : values.data(); };
    return api().cuTensorMapEncodeTiled(object, type, rank, reinterpret_cast<void*>(address), data(dims),
                                        data(strides), data(box), data(steps), interleave, swizzle, promotion,
                                        fill);
  }
};

// y = the box at (x, y) of the tensor, without swizzle; the map is a parameter.
const std::string box_kernel = R"(
.visible .entry box(.param .align 64 .b8 map[128], .param .u64 out, .param .u32 x, .param .u32 y)
{
  .reg .pred %p<2>;
  .reg .b32 %r<9>;
  .reg .b64 %rd<5>;
  .shared .align 1024 .b8 tile[1024];
  .shared .align 8 .b64 full;
  mov.u32 %r1, tile;
  mov.u32 %r2, full;
  ld.param.u32 %r3, [x];
  ld.param.u32 %r4, [y];
  ld.param.u64 %rd1, [out];
  mov.b64 %rd2, map;
  cvta.param.u64 %rd3, %rd2;
  mbarrier.init.shared.b64 [%r2], 1;
  fence.proxy.async;
  mbarrier.arrive.expect_tx.shared.b64 _, [%r2], 1024;
  cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%rd3, {%r3, %r4}], [%r2];
again:
  mbarrier.try_wait.parity.shared.b64 %p1, [%r2], 0;
  @!%p1 bra again;
  cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r1], 1024;
  cp.async.bulk.commit_group;
  cp.async.bulk.wait_group 0;
  ret;
}
)";

TEST_F(DriverTensorMap, is_used_by_a_kernel) {
  std::vector<float> values(64 * 100);
  std::iota(values.begin(), values.end(), 1.0F);
  Encode encode;
  encode.address = upload(values);
  encode.swizzle = CU_TENSOR_MAP_SWIZZLE_NONE;
  ASSERT_CU(encode());
  const CUfunction box = load(module_text(box_kernel, "sm_90"), "box");
  CUdeviceptr out = upload(std::vector<float>(256));
  unsigned x = 48, y = 96;
  ASSERT_CU(launch(box, 1, 1, {&encode.map, &out, &x, &y}));
  const auto expect_box = [&](const std::vector<float>& from) {
    const auto found = download<float>(out, 256);
    for (unsigned i = 0; i < 256; ++i) {
      const unsigned column = x + i % 32, row = y + i / 32;
      ASSERT_EQ(found[i], column < 64 && row < 100 ? from[row * 64 + column] : 0) << i;
    }
  };
  expect_box(values);
  // Another tensor of that shape; and CUTLASS clears a bit of the map.
  std::vector<float> others(values.rbegin(), values.rend());
  ASSERT_CU(api().cuTensorMapReplaceAddress(&encode.map, reinterpret_cast<void*>(upload(others))));
  encode.map.opaque[1] &= ~(cuuint64_t(1) << 21);
  ASSERT_CU(launch(box, 1, 1, {&encode.map, &out, &x, &y}));
  expect_box(others);
  encode.map.opaque[3] ^= 1;
  EXPECT_CU(launch(box, 1, 1, {&encode.map, &out, &x, &y}));
  EXPECT_REFUSED(api().cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_INSTRUCTION);
  EXPECT_SAYS("there is no tensor map");
}

TEST_F(DriverTensorMap, refuses_what_cuda_h_forbids) {
  struct Refusal {
    std::function<void(Encode&)> change;
    const char* message;
  };
  const Refusal refusals[] = {
      {[](Encode& e) { e.object = nullptr; }, "tensorMap is null"},
      {[](Encode& e) { e.object = reinterpret_cast<CUtensorMap*>(reinterpret_cast<char*>(e.object) + 32); },
       "expected a multiple of 64"},
      {[](Encode& e) { e.type = CUtensorMapDataType{16}; }, "tensorDataType is no enumerator"},
      {[](Encode& e) { e.interleave = CUtensorMapInterleave{3}; }, "interleave is no enumerator"},
      {[](Encode& e) { e.swizzle = CUtensorMapSwizzle{7}; }, "swizzle is no enumerator"},
      {[](Encode& e) { e.promotion = CUtensorMapL2promotion{4}; }, "l2Promotion is no enumerator"},
      {[](Encode& e) { e.fill = CUtensorMapFloatOOBfill{2}; }, "oobFill is no enumerator"},
      {[](Encode& e) { e.rank = 0; }, "a rank of 0: expected 1 to 5"},
      {[](Encode& e) { e.rank = 6; }, "a rank of 6: expected 1 to 5"},
      {[](Encode& e) { e.address = 0; }, "globalAddress is null"},
      {[](Encode& e) { e.dims.clear(); }, "globalDim is null"},
      {[](Encode& e) { e.strides.clear(); }, "globalStrides is null"},
      {[](Encode& e) { e.box.clear(); }, "boxDim is null"},
      {[](Encode& e) { e.steps.clear(); }, "elementStrides is null"},
      {[](Encode& e) { e.address += 8; }, "global address 0x10008: expected a multiple of 16"},
      {[](Encode& e) { e.dims[1] = 0; }, "globalDim[1] of 0: expected 1 to 4294967296"},
      {[](Encode& e) { e.dims[0] = (cuuint64_t(1) << 32) + 1; }, "globalDim[0] of 4294967297"},
      {[](Encode& e) { e.strides[0] = 264; }, "globalStrides[0] of 264 bytes: expected a multiple of 16"},
      {[](Encode& e) { e.strides[0] = cuuint64_t(1) << 40; }, "globalStrides[0] of 1099511627776 bytes"},
      {[](Encode& e) { e.box[0] = 0; }, "boxDim[0] of 0: expected 1 to 256"},
      {[](Encode& e) { e.box[1] = 257; }, "boxDim[1] of 257: expected 1 to 256"},
      {[](Encode& e) { e.box[0] = 6; }, "boxDim[0] of 6 elements, 24 bytes: expected a multiple of 16"},
      {[](Encode& e) { e.box[0] = 36; }, "144 bytes: expected at most 128, the span of its swizzle"},
      {[](Encode& e) { e.swizzle = CU_TENSOR_MAP_SWIZZLE_64B; }, "128 bytes: expected at most 64"},
      {[](Encode& e) { e.swizzle = CU_TENSOR_MAP_SWIZZLE_32B; }, "128 bytes: expected at most 32"},
      {[](Encode& e) { e.steps[1] = 0; }, "elementStrides[1] of 0: expected 1 to 8"},
      {[](Encode& e) { e.steps[1] = 9; }, "elementStrides[1] of 9: expected 1 to 8"},
      {[](Encode& e) { e.swizzle = CU_TENSOR_MAP_SWIZZLE_128B_ATOM_32B; },
       "sm_90a swizzles chunks of 16 bytes only"},
      {[](Encode& e) {
         e.type = CU_TENSOR_MAP_DATA_TYPE_INT32;
         e.fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA;
       },
       "NaN for what lies out of bounds of integers"},
  };
  for (const Refusal& refusal : refusals) {
    Encode encode;
    refusal.change(encode);
    EXPECT_REFUSED(encode(), CUDA_ERROR_INVALID_VALUE) << refusal.message;
    EXPECT_SAYS(refusal.message);
  }
  const std::function<void(Encode&)> accepted[] = {
      [](Encode&) {},
      [](Encode& e) { e.dims = {cuuint64_t(1) << 32, 1}; },
      [](Encode& e) { e.strides[0] = (cuuint64_t(1) << 40) - 16; },
      [](Encode& e) { e.steps = {0, 8}; }, // the first one is ignored
      [](Encode& e) {
        e.swizzle = CU_TENSOR_MAP_SWIZZLE_NONE;
        e.box = {256, 256};
      },
      [](Encode& e) {
        e.rank = 1;
        e.strides.clear();
      },
      [](Encode& e) { e.fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA; },
      [](Encode& e) {
        e.type = CU_TENSOR_MAP_DATA_TYPE_UINT8;
        e.box[0] = 128;
      },
  };
  for (const auto& change : accepted) {
    Encode encode;
    change(encode);
    EXPECT_CU(encode());
  }
}

TEST_F(DriverTensorMap, says_what_it_does_not_have) {
  Encode interleaved, packed;
  interleaved.interleave = CU_TENSOR_MAP_INTERLEAVE_16B;
  EXPECT_REFUSED(interleaved(), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_SAYS("an interleaved layout, which the emulator does not have");
  packed.type = CU_TENSOR_MAP_DATA_TYPE_16U4_ALIGN8B;
  EXPECT_REFUSED(packed(), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_SAYS("elements of 4 or 6 bits");
  CUtensorMap map;
  EXPECT_REFUSED(api().cuTensorMapEncodeIm2col(
                     &map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4, nullptr, nullptr, nullptr, nullptr, nullptr,
                     64, 64, nullptr, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_NONE,
                     CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
                 CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_SAYS("the emulator has no im2col mode");
  EXPECT_REFUSED(
      api().cuTensorMapEncodeIm2colWide(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4, nullptr, nullptr, nullptr,
                                        0, 0, 64, 64, nullptr, CU_TENSOR_MAP_INTERLEAVE_NONE,
                                        CU_TENSOR_MAP_IM2COL_WIDE_MODE_W, CU_TENSOR_MAP_SWIZZLE_NONE,
                                        CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
      CUDA_ERROR_NOT_SUPPORTED);
}

TEST_F(DriverTensorMap, replaces_the_address_of_a_map_only) {
  Encode encode;
  EXPECT_REFUSED(api().cuTensorMapReplaceAddress(&encode.map, reinterpret_cast<void*>(0x20000)),
                 CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("tensorMap is none that cuTensorMapEncodeTiled made");
  ASSERT_CU(encode());
  EXPECT_REFUSED(api().cuTensorMapReplaceAddress(&encode.map, reinterpret_cast<void*>(0x20004)),
                 CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAYS("global address 0x20004: expected a multiple of 16");
  EXPECT_REFUSED(api().cuTensorMapReplaceAddress(&encode.map, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(api().cuTensorMapReplaceAddress(&encode.map, reinterpret_cast<void*>(0x20000)));
}

} // namespace
