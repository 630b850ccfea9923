// kv_len 0 is legal: rows without keys, and lookups into empty params, read nothing that is not there.
#include <attile/attile.h>

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace attile;

TEST(EmptyKeys, RowsAreEmptyAndLookupsReadZero) {
  Result<Spec> spec = Spec::parse(R"(
    attention document {
      dtype f32  head_dim 16
      param doc  : int[kv_len]
      param bias : f32[heads, kv_len]
      score s + bias[h, q_pos]
      mask  doc[q_pos] == doc[k]
      output o, lse
    })");
  ASSERT_TRUE(spec) << spec.error().text();
  Result<Package> package = compile(*spec);
  ASSERT_TRUE(package) << package.error().text();
  Result<Kernel> kernel = Device::open("cpu")->load(*package);
  ASSERT_TRUE(kernel) << kernel.error().text();

  constexpr float poison = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> q(2 * 3 * 16, 1.0f), o(q.size(), poison), lse(2 * 3, poison);
  Arguments arguments;
  arguments.q = ConstTensorView(q.data(), DType::f32, {1, 2, 3, 16});
  arguments.k = arguments.v = ConstTensorView(nullptr, DType::f32, {1, 1, 0, 16});
  arguments.o = TensorView(o.data(), DType::f32, {1, 2, 3, 16});
  arguments.lse = TensorView(lse.data(), DType::f32, {1, 2, 3});
  arguments.params = {{"doc", ConstTensorView(nullptr, DType::i32, {0})},
                      {"bias", ConstTensorView(nullptr, DType::f32, {2, 0})}};
  Result<void> launched = kernel->launch(arguments);
  ASSERT_TRUE(launched) << launched.error().text();
  for (float x : o)
    EXPECT_EQ(x, 0.0f);
  for (float x : lse)
    EXPECT_EQ(x, -std::numeric_limits<float>::infinity());
}
