// setp, set, selp, slct and the logic of predicates.
#include "run_ptx.h"

#include <cmath>
#include <functional>

namespace emu::test {
namespace {

using u16 = std::uint16_t;
using s16 = std::int16_t;
using u32 = std::uint32_t;
using s32 = std::int32_t;
using u64 = std::uint64_t;
using s64 = std::int64_t;

constexpr const char* comparisons[] = {"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"};

template <class T> bool holds(int which, T a, T b) {
  using U = std::make_unsigned_t<T>;
  if (which >= 6)
    return holds<U>(which - 4, U(a), U(b));
  const bool outcomes[] = {a == b, a != b, a<b, a <= b, a> b, a >= b};
  return outcomes[which];
}

template <class T> std::string name() {
  return (std::is_signed_v<T> ? ".s" : ".u") + std::to_string(8 * sizeof(T));
}

template <class T> class Compare : public ::testing::Test {
public:
  std::vector<T> a, b;
  std::vector<u32> c;
  Compare() {
    for (T x : interesting<T>(5))
      for (T y : interesting<T>(5)) {
        a.push_back(x);
        b.push_back(y);
        c.push_back(a.size() & 1);
      }
  }
};
using Types = ::testing::Types<u16, s16, u32, s32, u64, s64>;
TYPED_TEST_SUITE(Compare, Types);

TYPED_TEST(Compare, EveryComparison) {
  using T = TypeParam;
  for (int which = 0; which < 10; ++which) {
    const std::string text = std::string(comparisons[which]) + name<T>();
    const std::vector<u32> pairs = each<u32>("setp." + text +
                                                 " %p0|%p1, %a, %b;\n selp.u32 %r0, 1, 0, %p0;\n"
                                                 "selp.u32 %r1, 2, 0, %p1;\n add.u32 %d, %r0, %r1;",
                                             this->a, this->b);
    const std::vector<u32> masks = each<u32>(
        "set." + std::string(comparisons[which]) + ".u32" + name<T>() + " %d, %a, %b;", this->a, this->b);
    const std::vector<float> floats = each<float>(
        "set." + std::string(comparisons[which]) + ".f32" + name<T>() + " %d, %a, %b;", this->a, this->b);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const bool wanted = holds(which, this->a[i], this->b[i]);
      ASSERT_EQ(pairs[i], wanted ? 1 : 2) << text << " " << this->a[i] << " " << this->b[i];
      ASSERT_EQ(masks[i], wanted ? 0xffffffff : 0) << text;
      ASSERT_EQ(floats[i], wanted ? 1.0F : 0.0F) << text;
    }
  }
}

// p = (a < b) op c, q = !(a < b) op c, also with c negated.
TYPED_TEST(Compare, CombinesWithAPredicate) {
  using T = TypeParam;
  const std::pair<const char*, std::function<bool(bool, bool)>> combinations[] = {
      {"and", std::logical_and<>()}, {"or", std::logical_or<>()}, {"xor", std::not_equal_to<>()}};
  for (const auto& [op, combine] : combinations)
    for (const char* sign : {"", "!"}) {
      const std::string third = std::string(", ") + sign + "%p2;\n";
      const std::vector<u32> d =
          each<u32>("setp.ne.u32 %p2, %c, 0;\n setp.lt." + std::string(op) + name<T>() + " %p0|%p1, %a, %b" +
                        third + "set.lt." + op + ".s32" + name<T>() + " %r2, %a, %b" + third +
                        "selp.u32 %r0, 1, 0, %p0;\n selp.u32 %r1, 2, 0, %p1;\n add.u32 %d, %r0, %r1;\n"
                        "and.b32 %r2, %r2, 4;\n add.u32 %d, %d, %r2;",
                    this->a, this->b, this->c);
      for (std::size_t i = 0; i < d.size(); ++i) {
        const bool less = this->a[i] < this->b[i], c = (this->c[i] != 0) != (*sign == '!');
        ASSERT_EQ(d[i], combine(less, c) * 5u + combine(!less, c) * 2u) << op << sign;
      }
    }
}

TYPED_TEST(Compare, Selections) {
  using T = TypeParam;
  const std::string type = ".b" + std::to_string(8 * sizeof(T));
  const std::vector<T> chosen =
      each<T>("setp.ne.u32 %p0, %c, 0;\n selp" + type + " %d, %a, %b, %p0;", this->a, this->b, this->c);
  const std::vector<T> otherwise =
      each<T>("setp.ne.u32 %p0, %c, 0;\n selp" + type + " %d, %a, %b, !%p0;", this->a, this->b, this->c);
  const std::vector<T> by_sign =
      each<T>("neg.s32 %r0, %c;\n slct" + type + ".s32 %d, %a, %b, %r0;", this->a, this->b, this->c);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    ASSERT_EQ(chosen[i], this->c[i] ? this->a[i] : this->b[i]);
    ASSERT_EQ(otherwise[i], this->c[i] ? this->b[i] : this->a[i]);
    ASSERT_EQ(by_sign[i], this->c[i] ? this->b[i] : this->a[i]);
  }
}

TEST(Select, ByTheSignOfAFloat) {
  const float subnormal = 1e-40F;
  const std::vector<float> c = {0.0F,       -0.0F,    1.0F,      -1.0F, subnormal,
                                -subnormal, INFINITY, -INFINITY, NAN,   -NAN};
  EXPECT_EQ(each<u32>("slct.u32.f32 %d, 1, 2, %a;", c), (std::vector<u32>{1, 1, 1, 2, 1, 2, 1, 2, 2, 2}));
  EXPECT_EQ(each<u32>("slct.ftz.u32.f32 %d, 1, 2, %a;", c), (std::vector<u32>{1, 1, 1, 2, 1, 1, 1, 2, 2, 2}));
}

TEST(Predicates, Logic) {
  const std::vector<u32> a = {0, 0, 1, 1}, b = {0, 1, 0, 1};
  auto run = [&](const std::string& logic) {
    return each<u32>(
        "setp.ne.u32 %p0, %a, 0;\n setp.ne.u32 %p1, %b, 0;\n" + logic + "\n selp.u32 %d, 1, 0, %p2;", a, b);
  };
  EXPECT_EQ(run("and.pred %p2, %p0, %p1;"), (std::vector<u32>{0, 0, 0, 1}));
  EXPECT_EQ(run("or.pred %p2, %p0, %p1;"), (std::vector<u32>{0, 1, 1, 1}));
  EXPECT_EQ(run("xor.pred %p2, %p0, %p1;"), (std::vector<u32>{0, 1, 1, 0}));
  EXPECT_EQ(run("not.pred %p2, %p0;"), (std::vector<u32>{1, 1, 0, 0}));
  EXPECT_EQ(run("mov.pred %p2, %p1;"), (std::vector<u32>{0, 1, 0, 1}));
  EXPECT_EQ(run("mov.pred %p2, -1;\n @%p0 mov.pred %p2, 0;"), (std::vector<u32>{1, 1, 0, 0}));
}

// Lanes that do not run keep their predicate.
TEST(Predicates, UnderAGuard) {
  const std::vector<u32> a = {0, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<u32> d = each<u32>("setp.lt.u32 %p0, %a, 4;\n @!%p0 setp.eq.u32 %p0|%p1, %a, 6;\n"
                                       "selp.u32 %d, 1, 0, %p0;",
                                       a);
  EXPECT_EQ(d, (std::vector<u32>{1, 1, 1, 1, 0, 0, 1, 0}));
}

} // namespace
} // namespace emu::test
