// Every argument that a launch refuses, and its words.
#include "tests/unit/runtime_test_package.h"

#include <attile/cpu_info.h>
#include <attile/device.h>
#include <gtest/gtest.h>

namespace attile {
namespace {

using plan::sym;

/// A spec with params of all types: f32, head_dim 64, v 32. Its code is one `ret`.
Package arguments_package() {
  Package p = test::full_package();
  p.spec_name = "local", p.dtype = DType::f32, p.head_dim = 64, p.head_dim_v = 32;
  p.inputs = standard_inputs(p.dtype);
  p.outputs = {output_spec("o", p.dtype), row_output_spec("lse")};
  p.tensor_params = {{"slope", DType::f32, {sym("heads")}},
                     {"table", DType::i32, {sym("batch"), sym("param.n") + 1}}};
  p.scalar_params = {{"n", ScalarParam::Type::integer, std::int64_t(2)},
                     {"cap", ScalarParam::Type::f32, {}},
                     {"causal", ScalarParam::Type::boolean, false}};
  p.plan = {};
  p.plan.kernels = {{"main", sym("batch"), 0, {}, {}}};
  p.code.resize(1);
  p.code[0].features.clear(), p.code[0].entries = {{"main", 0}};
  return p;
}

constexpr std::int64_t b = 2, hq = 8, hkv = 4, lq = 5, lkv = 7;

struct Operands {
  std::vector<float> q = std::vector<float>(b * hq * lq * 64), k = std::vector<float>(b * hkv * lkv * 64),
                     v = std::vector<float>(b * hkv * lkv * 32), o = std::vector<float>(b * hq * lq * 32),
                     lse = std::vector<float>(b * hq * lq), slope = std::vector<float>(hq);
  std::vector<std::int32_t> table = std::vector<std::int32_t>(b * 3);

  Arguments good() {
    Arguments a;
    a.q = ConstTensorView(q.data(), {b, hq, lq, 64}), a.k = ConstTensorView(k.data(), {b, hkv, lkv, 64});
    a.v = ConstTensorView(v.data(), {b, hkv, lkv, 32}), a.o = TensorView(o.data(), {b, hq, lq, 32});
    a.lse = TensorView(lse.data(), {b, hq, lq});
    a.params = {{"slope", ConstTensorView(slope.data(), {hq})},
                {"table", ConstTensorView(table.data(), {b, 3})},
                {"cap", 30}};
    return a;
  }
};

class ArgumentsTest : public testing::Test {
protected:
  void SetUp() override {
    if (cpu_info().arch != "x86-64")
      GTEST_SKIP() << "the package of this test is x86-64 code";
    kernel.emplace(*Device::open("cpu")->load(arguments_package()));
  }
  /// What check and launch say about the good arguments after `change`; "" if nothing.
  template <class Change> std::string error(Change change) {
    Arguments arguments = operands.good();
    change(arguments);
    Result<void> launched = kernel->launch(arguments), checked = kernel->check(arguments);
    EXPECT_EQ(launched.ok(), checked.ok());
    if (launched)
      return "";
    EXPECT_EQ(launched.error().text(), checked.error().text());
    EXPECT_EQ(launched.error().kind, ErrorKind::user);
    return launched.error().text().substr(7);
  }

  Operands operands;
  std::optional<Kernel> kernel;
};

TEST_F(ArgumentsTest, GoodOnesPass) {
  EXPECT_EQ(error([](Arguments&) {}), "");
  EXPECT_EQ(error([](Arguments& a) { a.lse = {}; }), "");
  EXPECT_EQ(error([](Arguments& a) { a.o = {}; }), "");
  EXPECT_EQ(error([&](Arguments& a) {
              a.lse = {}, a.outputs = {{"lse", TensorView(operands.lse.data(), {b, hq, lq})}};
            }),
            "");
  EXPECT_EQ(error([&](Arguments& a) { a.v = ConstTensorView(operands.k.data(), {b, hkv, lkv, 32}); }), "")
      << "inputs may overlap";
  EXPECT_EQ(error([](Arguments& a) { a.k.stride[0] = 0, a.v.stride[0] = 0; }), "") << "broadcast";
  EXPECT_EQ(error([](Arguments& a) { a.params[2].value = 30.5; }), "");
  EXPECT_EQ(error([&](Arguments& a) { // [batch, len, heads, dim]
              a.q = ConstTensorView(operands.q.data(), {b, lq, hq, 64}).transposed(1, 2);
              a.o = TensorView(operands.o.data(), {b, lq, hq, 32}).transposed(1, 2);
            }),
            "");
}

TEST_F(ArgumentsTest, Shapes) {
  EXPECT_EQ(error([](Arguments& a) { a.q = {}; }),
            "input 'q' is missing: expected a tensor [batch, heads, q_len, head_dim] of f32");
  EXPECT_EQ(error([&](Arguments& a) { a.q = ConstTensorView(operands.q.data(), {b, hq, lq * 64}); }),
            "q: expected rank 4 as in [batch, heads, q_len, head_dim], got rank 3: shape [2, 8, 320]");
  EXPECT_EQ(error([](Arguments& a) { a.k.shape[0] = 1; }),
            "k: expected batch = 2 in dimension 0 (as in q), got 1: shape [1, 4, 7, 64]");
  EXPECT_EQ(error([](Arguments& a) { a.v.shape[1] = 2; }),
            "v: expected kv_heads = 4 in dimension 1 (as in k), got 2: shape [2, 2, 7, 32]");
  EXPECT_EQ(error([](Arguments& a) { a.v.shape[2] = 6; }),
            "v: expected kv_len = 7 in dimension 2 (as in k), got 6: shape [2, 4, 6, 32]");
  EXPECT_EQ(error([](Arguments& a) { a.q.shape[3] = 63; }),
            "q: expected head_dim = 64 in dimension 3, got 63: shape [2, 8, 5, 63]\n"
            "remedy: compile 'local' for this head dimension");
  EXPECT_EQ(error([](Arguments& a) { a.o.shape[3] = 16; }),
            "o: expected head_dim_v = 32 in dimension 3, got 16: shape [2, 8, 5, 16]\n"
            "remedy: compile 'local' for this head dimension");
  EXPECT_EQ(error([](Arguments& a) { a.k.shape[1] = 3, a.v.shape[1] = 3; }),
            "q: expected heads to be a multiple of kv_heads 3 (as in k), got 8: shape [2, 8, 5, 64]");
  EXPECT_EQ(error([](Arguments& a) { a.k.shape[1] = 0, a.v.shape[1] = 0; }),
            "q: expected heads to be a multiple of kv_heads 0 (as in k), got 8: shape [2, 8, 5, 64]");
  EXPECT_EQ(error([](Arguments& a) { a.lse.shape[2] = 4; }),
            "lse: expected q_len = 5 in dimension 2 (as in q), got 4: shape [2, 8, 4]");
  EXPECT_EQ(error([](Arguments& a) { a.q.shape[2] = -1; }),
            "q: expected extents from 0 to 2^29, got -1 in dimension 2: shape [2, 8, -1, 64]");
  EXPECT_EQ(
      error([](Arguments& a) { a.k.shape[2] = std::int64_t(1) << 31; }),
      "k: expected extents from 0 to 2^29, got 2147483648 in dimension 2: shape [2, 4, 2147483648, 64]");
  EXPECT_EQ(error([](Arguments& a) { a.q.rank = 100; }),
            "q: expected rank 4 as in [batch, heads, q_len, head_dim], got rank 100: shape ?");
}

TEST_F(ArgumentsTest, Memory) {
  EXPECT_EQ(error([](Arguments& a) { a.k.dtype = DType::f16; }),
            "k: expected dtype f32, got f16\nremedy: convert it, or compile 'local' with dtype f16");
  EXPECT_EQ(error([](Arguments& a) { a.v.data = nullptr; }),
            "v: expected data for shape [2, 4, 7, 32], got a null pointer");
  EXPECT_EQ(error([](Arguments& a) { a.q = a.q.transposed(2, 3), a.q.shape[2] = lq, a.q.shape[3] = 64; }),
            "q: expected stride 1 in the last dimension, got 64: stride [2560, 320, 1, 64]\n"
            "remedy: copy it into a tensor whose last dimension is contiguous");
  EXPECT_EQ(error([](Arguments& a) { a.k.data = reinterpret_cast<const void*>(0x1002); }),
            "k: expected data aligned to 4 bytes, got address 0x1002");
  EXPECT_EQ(error([&](Arguments& a) { a.o.data = operands.q.data() + 40; }),
            "o overlaps q in memory: expected an output to have memory of its own\n"
            "remedy: give it a buffer that no other operand uses");
  EXPECT_EQ(error([&](Arguments& a) { a.lse.data = operands.slope.data(); }),
            "lse overlaps slope in memory: expected an output to have memory of its own\n"
            "remedy: give it a buffer that no other operand uses");
  EXPECT_EQ(
      error([](Arguments& a) { a.o.stride[1] = 0; }),
      "o: expected strides that keep elements apart, got shape [2, 8, 5, 32] with stride [1280, 0, 32, 1]");
  EXPECT_EQ(
      error([](Arguments& a) { a.q.stride[0] = INT64_MAX / 2; }),
      "q: shape [2, 8, 5, 64] with stride [4611686018427387903, 320, 64, 1] spans more than 2^63 bytes");
  EXPECT_EQ(error([](Arguments& a) { a.q.stride[0] = -(std::int64_t(1) << 50); }),
            "q: shape [2, 8, 5, 64] with stride [-1125899906842624, 320, 64, 1] leaves the address space");
  EXPECT_EQ(error([](Arguments& a) { a.threads = -1; }), "threads: expected 0 (all) to 4096, got -1");
}

TEST_F(ArgumentsTest, Params) {
  EXPECT_EQ(error([](Arguments& a) { a.params.pop_back(); }),
            "param 'cap' (f32) is missing: it has no default");
  EXPECT_EQ(error([](Arguments& a) { a.params.erase(a.params.begin()); }),
            "param 'slope' is missing: expected a tensor [heads] of f32");
  EXPECT_EQ(error([](Arguments& a) { a.params.push_back({"cap", 2}); }), "param 'cap' is given twice");
  EXPECT_EQ(error([](Arguments& a) { a.params.push_back({"Cap", 2}); }),
            "there is no param 'Cap' in 'local'\nnote: its params: n, cap, causal, slope, table");
  EXPECT_EQ(error([](Arguments& a) { a.params.push_back({"n", 2.5}); }),
            "param 'n': expected int, got f32 2.5");
  EXPECT_EQ(error([](Arguments& a) { a.params.push_back({"n", true}); }),
            "param 'n': expected int, got bool true");
  EXPECT_EQ(error([](Arguments& a) { a.params.push_back({"causal", 1}); }),
            "param 'causal': expected bool, got int 1");
  EXPECT_EQ(error([](Arguments& a) { a.params[2].value = a.q; }),
            "param 'cap': expected f32, got a tensor [2, 8, 5, 64] of f32");
  EXPECT_EQ(error([](Arguments& a) { a.params[0].value = 1.0; }),
            "param 'slope': expected a tensor [heads] of f32, got a scalar");
  EXPECT_EQ(error([&](Arguments& a) { a.params[0].value = ConstTensorView(operands.slope.data(), {7}); }),
            "slope: expected heads = 8 in dimension 0 (as in q), got 7: shape [7]");
  EXPECT_EQ(error([](Arguments& a) { a.params.push_back({"n", 3}); }),
            "table: expected param.n + 1 = 4 in dimension 1, got 3: shape [2, 3]");
  EXPECT_EQ(error([&](Arguments& a) { a.params[1].value = ConstTensorView(operands.slope.data(), {b, 3}); }),
            "table: expected dtype i32, got f32");
}

TEST_F(ArgumentsTest, Outputs) {
  EXPECT_EQ(error([](Arguments& a) { a.o = {}, a.lse = {}; }),
            "expected at least one output, got none\nremedy: give one of: o, lse");
  EXPECT_EQ(error([](Arguments& a) { a.max = a.lse; }),
            "there is no output 'max' in 'local'\nnote: its outputs: o, lse");
  EXPECT_EQ(error([](Arguments& a) { a.outputs = {{"state", a.lse}}; }),
            "there is no output 'state' in 'local'\nnote: its outputs: o, lse");
}

} // namespace
} // namespace attile
