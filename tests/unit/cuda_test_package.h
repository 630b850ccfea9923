// Packages with PTX, and operands in device memory, for tests of the CUDA device.
#pragma once

#include <attile/device.h>
#include <gtest/gtest.h>
#include <string>

namespace attile::test {

/// PTX of a kernel of `slots` parameters: block b writes parameters 1 ... and then b to o[b*slots ...], where
/// o is parameter 0.
inline std::string slots_ptx(const std::string& function, int slots, const std::string& target = "sm_75") {
  std::string params, stores;
  for (int i = 0; i < slots; ++i) {
    std::string number = std::to_string(i);
    params += (i ? ", .param .u64 p" : ".param .u64 p") + number;
    if (i > 0)
      stores += "  ld.param.u64 %rd3, [p" + number + "];\n  st.global.u64 [%rd1+" +
                std::to_string(8 * (i - 1)) + "], %rd3;\n";
  }
  std::string last = std::to_string(8 * (slots - 1)), row = std::to_string(8 * slots);
  return ".version 7.8\n.target " + target + "\n.address_size 64\n.visible .entry " + function + "(" +
         params +
         ")\n{\n  .reg .pred %p<2>;\n  .reg .b32 %r<3>;\n  .reg .b64 %rd<5>;\n"
         "  mov.u32 %r1, %ctaid.x;\n  mov.u32 %r2, %tid.x;\n  setp.ne.u32 %p1, %r2, 0;\n  @%p1 bra done;\n"
         "  ld.param.u64 %rd1, [p0];\n  mul.wide.u32 %rd2, %r1, " +
         row + ";\n  add.s64 %rd1, %rd1, %rd2;\n" + stores +
         "  cvt.u64.u32 %rd4, %r1;\n  st.global.u64 [%rd1+" + last + "], %rd4;\ndone:\n  ret;\n}\n";
}

inline std::vector<std::byte> bytes_of(std::string_view text) {
  auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

/// A section of PTX with one kernel 'main', whose function is called `work`.
inline CodeSection ptx_section(std::string_view text, const std::string& target = "sm_75") {
  return {.kind = std::string(CodeSection::ptx),
          .target = target,
          .kernels = {{"main", {.function = "work", .threads = 32}}},
          .bytes = bytes_of(text)};
}

/// A package whose kernel 'main' writes its slots but the first, and its block, to o[batch, heads, q_len,
/// slots], with a block for each row.
inline Package slots_package(std::vector<plan::Slot> slots) {
  using plan::sym;
  Package p;
  p.spec_name = "test", p.dtype = DType::f32, p.head_dim = 4, p.head_dim_v = 4;
  p.inputs = standard_inputs(p.dtype);
  slots.insert(slots.begin(), plan::Slot::pointer("o"));
  auto count = static_cast<int>(slots.size());
  p.outputs = {{"o", DType::i64, {sym("batch"), sym("heads"), sym("q_len"), count}}};
  p.plan.kernels = {{"main", sym("batch") * sym("heads") * sym("q_len"), 0, std::move(slots), {}}};
  p.code = {ptx_section(slots_ptx("work", count))};
  return p;
}

/// Operands of such a package in memory of a device: q[2, 4, q_len, 4], k and v[2, 2, kv_len, 4].
class DeviceOperands {
public:
  DeviceOperands(const Device& device, int slots, std::int64_t q_len = 5, std::int64_t kv_len = 3)
      : rows(2 * 4 * q_len), slots(slots), q(allocate(device, rows * 16)),
        k(allocate(device, 2 * 2 * kv_len * 16)), v(allocate(device, 2 * 2 * kv_len * 16)),
        o(allocate(device, rows * slots * 8)) {
    arguments.q = ConstTensorView(static_cast<const float*>(q.data()), {2, 4, q_len, 4});
    arguments.k = ConstTensorView(static_cast<const float*>(k.data()), {2, 2, kv_len, 4});
    arguments.v = ConstTensorView(static_cast<const float*>(v.data()), {2, 2, kv_len, 4});
    arguments.o = TensorView(static_cast<std::int64_t*>(o.data()), {2, 4, q_len, slots});
    clear();
  }

  void clear() const { write(o, std::vector<std::int64_t>(static_cast<std::size_t>(rows * slots), -1)); }
  std::vector<std::int64_t> output() const {
    std::vector<std::int64_t> values(static_cast<std::size_t>(rows * slots));
    Result<void> result = o.read(std::as_writable_bytes(std::span(values)));
    EXPECT_TRUE(result) << result.error().text();
    return values;
  }

  static DeviceBuffer allocate(const Device& device, std::int64_t bytes) {
    Result<DeviceBuffer> buffer = device.allocate(bytes);
    EXPECT_TRUE(buffer) << buffer.error().text();
    return *std::move(buffer);
  }
  template <class T> static void write(const DeviceBuffer& buffer, const std::vector<T>& values) {
    Result<void> result = buffer.write(std::as_bytes(std::span(values)));
    EXPECT_TRUE(result) << result.error().text();
  }

  std::int64_t rows, slots;
  DeviceBuffer q, k, v, o;
  Arguments arguments;
};

} // namespace attile::test
