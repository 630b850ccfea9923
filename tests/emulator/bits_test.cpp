// Logic, shifts and fields, bit by bit.
#include "run_ptx.h"

#include <algorithm>

namespace emu::test {
namespace {

using u16 = std::uint16_t;
using u32 = std::uint32_t;
using s32 = std::int32_t;
using u64 = std::uint64_t;
using s64 = std::int64_t;

template <class T> constexpr u32 width = 8 * sizeof(T);
template <class T> std::string name(char letter) {
  return std::string(".") + letter + std::to_string(width<T>);
}
template <class T> bool bit(T a, u32 at) { return u64(std::make_unsigned_t<T>(a)) >> at & 1; }

template <class T> class Bits : public ::testing::Test {};
using Types = ::testing::Types<u16, u32, u64>;
TYPED_TEST_SUITE(Bits, Types);

TYPED_TEST(Bits, Logic) {
  using T = TypeParam;
  check<T, T, T>("and" + name<T>('b'), [](T a, T b) { return T(a & b); });
  check<T, T, T>("or" + name<T>('b'), [](T a, T b) { return T(a | b); });
  check<T, T, T>("xor" + name<T>('b'), [](T a, T b) { return T(a ^ b); });
  check<T, T>("not" + name<T>('b'), [](T a) { return T(~a); });
  check<T, T>("cnot" + name<T>('b'), [](T a) { return T(a == 0 ? 1 : 0); });
}

// An amount of the width or more shifts everything out.
TYPED_TEST(Bits, Shifts) {
  using T = TypeParam;
  using S = std::make_signed_t<T>;
  check<T, T, u32>("shl" + name<T>('b'), [](T a, u32 b) { return b < width<T> ? T(u64(a) << b) : T(0); });
  check<T, T, u32>("shr" + name<T>('u'), [](T a, u32 b) { return b < width<T> ? T(a >> b) : T(0); });
  check<T, T, u32>("shr" + name<T>('b'), [](T a, u32 b) { return b < width<T> ? T(a >> b) : T(0); });
  check<S, S, u32>("shr" + name<T>('s'), [](S a, u32 b) { return S(s64(a) >> std::min(b, width<T> - 1)); });
}

TEST(BitFields, All16Bits) {
  std::vector<u16> all(65536);
  for (u32 i = 0; i < all.size(); ++i)
    all[i] = static_cast<u16>(i);
  const std::vector<u16> complement = each<u16>("not.b16 %d, %a;", all);
  const std::vector<u16> zero = each<u16>("cnot.b16 %d, %a;", all);
  const std::vector<u16> shifted = each<u16>("shr.s16 %d, %a, 5;", all);
  for (u32 i = 0; i < all.size(); ++i) {
    ASSERT_EQ(complement[i], 65535 - i);
    ASSERT_EQ(zero[i], i == 0);
    ASSERT_EQ(shifted[i], static_cast<u16>(static_cast<std::int16_t>(i) >> 5));
  }
}

TEST(BitFields, FunnelShifts) {
  check<u32, u32, u32, u32>("shf.l.wrap.b32", [](u32 a, u32 b, u32 c) {
    return (c & 31) == 0 ? b : b << (c & 31) | a >> (32 - (c & 31));
  });
  check<u32, u32, u32, u32>("shf.l.clamp.b32", [](u32 a, u32 b, u32 c) {
    return c == 0 ? b : c >= 32 ? a : b << c | a >> (32 - c);
  });
  check<u32, u32, u32, u32>("shf.r.wrap.b32", [](u32 a, u32 b, u32 c) {
    return (c & 31) == 0 ? a : a >> (c & 31) | b << (32 - (c & 31));
  });
  check<u32, u32, u32, u32>("shf.r.clamp.b32", [](u32 a, u32 b, u32 c) {
    return c == 0 ? a : c >= 32 ? b : a >> c | b << (32 - c);
  });
}

// ---- lop3 ----

u32 lookup(int table, u32 a, u32 b, u32 c) {
  u32 d = 0;
  for (u32 i = 0; i < 32; ++i)
    d |= u32(table >> (bit(a, i) * 4 + bit(b, i) * 2 + bit(c, i)) & 1) << i;
  return d;
}

TEST(BitFields, EveryTableOfLop3) {
  const std::vector<u32> a = interesting<u32>(10, 1), b = interesting<u32>(10, 2),
                         c = interesting<u32>(10, 3);
  for (int table = 0; table < 256; ++table) {
    const std::vector<u32> d = each<u32>("lop3.b32 %d, %a, %b, %c, " + std::to_string(table) + ";", a, b, c);
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_EQ(d[i], lookup(table, a[i], b[i], c[i])) << "table " << table;
  }
}

TEST(BitFields, Lop3WithPredicate) {
  const std::vector<u32> a = {1, 1, 2, 2}, q = {0, 1, 0, 1};
  const std::string before = "setp.ne.u32 %p0, %b, 0;\n", after = "selp.u32 %d, 1, 0, %p1;";
  auto run = [&](const std::string& instruction) { return each<u32>(before + instruction + after, a, q); };
  EXPECT_EQ(run("lop3.and.b32 %r0|%p1, %a, 1, 0, 0xc0, %p0;"), (std::vector<u32>{0, 1, 0, 0}));
  EXPECT_EQ(run("lop3.or.b32 _|%p1, %a, 1, 0, 0xc0, %p0;"), (std::vector<u32>{1, 1, 0, 1}));
  EXPECT_EQ(run("lop3.or.b32 _|%p1, %a, 1, 0, 0xc0, !%p0;"), (std::vector<u32>{1, 1, 1, 0}));
}

// ---- prmt ----

u32 byte_of(u32 a, u32 b, u32 which) { return (which < 4 ? a >> 8 * which : b >> 8 * (which - 4)) & 0xff; }

TEST(BitFields, PermutesBytes) {
  check<u32, u32, u32, u32>("prmt.b32", [](u32 a, u32 b, u32 c) {
    u32 d = 0;
    for (int i = 0; i < 4; ++i) {
      u32 byte = byte_of(a, b, c >> 4 * i & 7);
      if (c >> (4 * i + 3) & 1)
        byte = byte & 0x80 ? 0xff : 0;
      d |= byte << 8 * i;
    }
    return d;
  });
}

// The modes as the ISA tables them: which byte goes to d.b3, d.b2, d.b1, d.b0, for c = 0, 1, 2, 3.
TEST(BitFields, ModesOfPrmt) {
  const std::pair<const char*, std::array<const char*, 4>> modes[] = {
      {"f4e", {"3210", "4321", "5432", "6543"}}, {"b4e", {"5670", "6701", "7012", "0123"}},
      {"rc8", {"0000", "1111", "2222", "3333"}}, {"ecl", {"3210", "3211", "3222", "3333"}},
      {"ecr", {"0000", "1110", "2210", "3210"}}, {"rc16", {"1010", "3232", "1010", "3232"}},
  };
  const std::vector<u32> a(8, 0x83828180), b(8, 0x87868584), c = {0, 1, 2, 3, 4, 0x105, 6, 0xffffffff};
  for (const auto& [mode, selections] : modes) {
    const std::vector<u32> d = each<u32>(std::string("prmt.b32.") + mode + " %d, %a, %b, %c;", a, b, c);
    for (std::size_t i = 0; i < c.size(); ++i)
      for (int k = 0; k < 4; ++k)
        EXPECT_EQ(d[i] >> 8 * (3 - k) & 0xff, 0x80u + u32(selections[c[i] & 3][k] - '0')) << mode << " " << i;
  }
}

// ---- counting ----

template <class T> void counts() {
  const std::string b = name<T>('b'), u = name<T>('u'), s = name<T>('s');
  using S = std::make_signed_t<T>;
  check<u32, T>("popc" + b, [](T a) {
    u32 count = 0;
    for (u32 i = 0; i < width<T>; ++i)
      count += bit(a, i);
    return count;
  });
  check<u32, T>("clz" + b, [](T a) {
    u32 count = 0;
    while (count < width<T> && !bit(a, width<T> - 1 - count))
      ++count;
    return count;
  });
  check<T, T>("brev" + b, [](T a) {
    T d = 0;
    for (u32 i = 0; i < width<T>; ++i)
      d |= T(bit(a, i)) << (width<T> - 1 - i);
    return d;
  });
  check<u32, T>("bfind" + u, [](T a) {
    u32 at = ~0u;
    for (u32 i = 0; i < width<T>; ++i)
      at = bit(a, i) ? i : at;
    return at;
  });
  check<u32, S>("bfind" + s, [](S a) {
    u32 at = ~0u;
    for (u32 i = 0; i < width<T>; ++i)
      at = bit(a, i) != (a < 0) ? i : at;
    return at;
  });
  check<u32, T>("bfind.shiftamt" + u, [](T a) {
    for (u32 i = 0; i < width<T>; ++i)
      if (bit(a, width<T> - 1 - i))
        return i;
    return ~0u;
  });
  check<u32, S>("bfind.shiftamt" + s, [](S a) {
    for (u32 i = 0; i < width<T>; ++i)
      if (bit(a, width<T> - 1 - i) != (a < 0))
        return i;
    return ~0u;
  });
}

TEST(BitFields, Counts32) { counts<u32>(); }
TEST(BitFields, Counts64) { counts<u64>(); }

TEST(BitFields, FindsTheNthSet) {
  const std::vector<u32> masks = interesting<u32>(4);
  for (s32 offset : {0, 1, -1, 2, -2, 5, -7, 32, -33, 1000})
    for (u32 base : {0u, 1u, 5u, 30u, 31u}) {
      const std::vector<u32> d =
          each<u32>("fns.b32 %d, %a, " + std::to_string(base) + ", " + std::to_string(offset) + ";", masks);
      for (std::size_t i = 0; i < masks.size(); ++i) {
        std::vector<u32> set; // from base on, in the direction
        for (int at = int(base); at >= 0 && at < 32; at += offset < 0 ? -1 : 1)
          if (bit(masks[i], u32(at)))
            set.push_back(u32(at));
        const std::size_t nth = std::size_t(std::abs(offset));
        const u32 wanted = offset == 0         ? (bit(masks[i], base) ? base : ~0u)
                           : nth <= set.size() ? set[nth - 1]
                                               : ~0u;
        ASSERT_EQ(d[i], wanted) << std::hex << masks[i] << " from " << base << " by " << std::dec << offset;
      }
    }
}

// ---- fields: every position and length up to twice the width, as the ISA's loops say ----

template <class T> void extracts(char letter) {
  std::vector<T> a;
  std::vector<u32> position, length;
  std::vector<T> values = interesting<T>(4);
  for (u32 p = 0; p < 256; p += p < 70 ? 1 : 37)
    for (u32 n = 0; n < 256; n += n < 70 ? 1 : 41) {
      a.push_back(values[a.size() % values.size()]);
      position.push_back(p + (n % 3 << 8)); // only the lower 8 bits count
      length.push_back(n + (p % 3 << 8));
    }
  const std::vector<T> d = each<T>("bfe" + name<T>(letter) + " %d, %a, %b, %c;", a, position, length);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const u32 p = position[i] & 255, n = length[i] & 255, msb = width<T> - 1;
    const bool sign = std::is_signed_v<T> && n != 0 && bit(a[i], std::min(p + n - 1, msb));
    T wanted = 0;
    for (u32 k = 0; k <= msb; ++k)
      wanted |= T(u64(k < n && p + k <= msb ? bit(a[i], p + k) : sign) << k);
    ASSERT_EQ(d[i], wanted) << "position " << p << " length " << n << " of " << a[i];
  }
}

TEST(BitFields, ExtractsFields) {
  extracts<u32>('u');
  extracts<s32>('s');
  extracts<u64>('u');
  extracts<s64>('s');
}

template <class T> void inserts() {
  const std::vector<T> a = interesting<T>(20, 1), b = interesting<T>(20, 2);
  for (u32 p : {0u, 1u, 7u, 31u, 32u, 33u, 63u, 64u, 255u, 256u})
    for (u32 n : {0u, 1u, 9u, 31u, 32u, 63u, 64u, 255u, 257u}) {
      const std::vector<T> d = each<T>(
          "bfi" + name<T>('b') + " %d, %a, %b, " + std::to_string(p) + ", " + std::to_string(n) + ";", a, b);
      for (std::size_t i = 0; i < a.size(); ++i) {
        T wanted = b[i];
        for (u32 k = 0; k < (n & 255) && (p & 255) + k < width<T>; ++k) {
          const T one = T(1) << ((p & 255) + k);
          wanted = bit(a[i], k) ? wanted | one : wanted & ~one;
        }
        ASSERT_EQ(d[i], wanted) << "position " << p << " length " << n;
      }
    }
}

TEST(BitFields, InsertsFields) {
  inserts<u32>();
  inserts<u64>();
}

TEST(BitFields, Masks) {
  check<u32, u32, u32>("bmsk.clamp.b32", [](u32 a, u32 b) {
    u32 d = 0;
    for (u64 i = a; i < u64(a) + b && i < 32; ++i)
      d |= 1u << i;
    return d;
  });
  check<u32, u32, u32>("bmsk.wrap.b32", [](u32 a, u32 b) {
    u32 d = 0;
    for (u32 i = a & 31; i < (a & 31) + (b & 31) && i < 32; ++i)
      d |= 1u << i;
    return d;
  });
}

template <bool clamp> s32 sign_extended(s32 a, u32 n) {
  n = clamp ? n : n & 31;
  return n == 0 ? 0 : n >= 32 ? a : s32(u32(a) << (32 - n)) >> (32 - n);
}
template <bool clamp> u32 zero_extended(u32 a, u32 n) {
  n = clamp ? n : n & 31;
  return n == 0 ? 0 : n >= 32 ? a : a << (32 - n) >> (32 - n);
}

TEST(BitFields, Extensions) {
  check<s32, s32, u32>("szext.clamp.s32", sign_extended<true>);
  check<s32, s32, u32>("szext.wrap.s32", sign_extended<false>);
  check<u32, u32, u32>("szext.clamp.u32", zero_extended<true>);
  check<u32, u32, u32>("szext.wrap.u32", zero_extended<false>);
}

TEST(BitFields, RefusesATableThatIsNoByte) {
  Machine machine;
  EXPECT_EQ(machine.load(Wrapping().text("lop3.b32 %r0, %r1, %r2, %r3, 256;")), nullptr);
  EXPECT_EQ(machine.load(Wrapping().text("lop3.b32 %r0, %r1, %r2, %r3, %r4;")), nullptr);
}

} // namespace
} // namespace emu::test
