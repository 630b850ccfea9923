// What instructions of the other families do for each of their types: arithmetic with a carry, selection,
// comparisons that make a number, atomics, and loads and stores.
#include "kernel_text.h"

#include <algorithm>
#include <functional>

namespace emu::test {
namespace {

using s32 = std::int32_t;
using U128 = unsigned __int128;

struct Type {
  std::string name;
  int bits;
  bool is_signed;
};
const std::vector<Type>& wide_types() {
  static const std::vector<Type> all = {
      {"u32", 32, false}, {"s32", 32, true}, {"u64", 64, false}, {"s64", 64, true}};
  return all;
}

// ---- carry ----

template <class T> struct WithCarry {
  T result;
  u32 carry;
};

template <class T>
WithCarry<T> carried(const std::string& operation, bool is_signed, T a, T b, T c, u32 carry_in) {
  constexpr int bits = 8 * sizeof(T);
  if (operation.starts_with("sub")) { // a + ~b + 1: the flag is set if nothing is borrowed
    const U128 sum = static_cast<U128>(a) + static_cast<T>(~b) + (operation == "sub" ? 1 : carry_in);
    return {static_cast<T>(sum), static_cast<u32>(sum >> bits) & 1};
  }
  T first = a, second = b;
  if (operation.starts_with("mad")) {
    using Signed = std::make_signed_t<T>;
    const U128 product =
        is_signed ? static_cast<U128>(static_cast<__int128>(static_cast<Signed>(a)) * static_cast<Signed>(b))
                  : static_cast<U128>(a) * b;
    first = static_cast<T>(operation.find(".hi") != std::string::npos ? product >> bits : product);
    second = c;
  }
  const U128 sum = static_cast<U128>(first) + second + carry_in;
  return {static_cast<T>(sum), static_cast<u32>(sum >> bits) & 1};
}

template <class T> void carries(const Type& type) {
  const std::vector<T> some = interesting<T>(8);
  std::vector<T> a, b, c;
  for (std::size_t i = 0; i < some.size(); ++i)
    for (std::size_t j = 0; j < some.size(); ++j) {
      a.push_back(some[i]);
      b.push_back(some[j]);
      c.push_back(some[(3 * i + 5 * j) % some.size()]);
    }
  for (const std::string operation : {"add", "addc", "sub", "subc", "mad.lo", "madc.lo", "mad.hi", "madc.hi"})
    for (const bool gives : {false, true}) {
      const bool takes = operation.find('c') != std::string::npos;
      if (!takes && !gives)
        continue;
      const std::string name = join({operation, gives ? ".cc." : ".", type.name});
      const std::string operands = operation.starts_with("mad") ? " %d0, %a, %b, %c;" : " %d0, %a, %b;";
      // The carry that is read is that of adding the thread's lowest bit to a word of ones.
      const auto d = each<std::array<T, 2>>(
          join({"and.b32 %r0, %i, 1;\nadd.cc.u32 %r1, %r0, -1;\n", name, operands, "\naddc.u32 %r2, 0, 0;\n",
                sizeof(T) == 4 ? "mov.u32 %d1, %r2;" : "cvt.u64.u32 %d1, %r2;"}),
          a, b, c);
      for (std::size_t i = 0; i < a.size(); ++i) {
        const u32 in = static_cast<u32>(i & 1);
        const auto wanted = carried(operation, type.is_signed, a[i], b[i], c[i], takes ? in : 0);
        EXPECT_EQ(d[i][0], wanted.result) << name << " " << a[i] << " " << b[i] << " " << c[i];
        EXPECT_EQ(d[i][1], gives ? wanted.carry : in) << name << " " << a[i] << " " << b[i] << " " << c[i];
      }
    }
}

TEST(EveryInteger, Carries) {
  for (const Type& type : wide_types())
    type.bits == 32 ? carries<u32>(type) : carries<u64>(type);
}

// ---- selection ----

template <class T> void selects(const std::vector<std::string>& types) {
  const std::vector<T> a = interesting<T>(40), b(a.rbegin(), a.rend());
  std::vector<float> by;
  std::vector<s32> whole;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float some[] = {0.0F, -0.0F, 1.0F, -1.0F, NAN, -0x1p-130F, INFINITY, -INFINITY};
    by.push_back(some[i % 8]);
    whole.push_back(i % 3 == 0 ? -1 - static_cast<s32>(i) : static_cast<s32>(i) - 4);
  }
  for (const std::string& type : types) {
    EXPECT_EQ(each<T>(join({"mov.", type, " %d, %a;"}), a), a) << type;
    const auto chosen =
        each<T>(join({"setp.ge.s32 %p0, %c, 0;\nselp.", type, " %d, %a, %b, %p0;"}), a, b, whole);
    const auto by_int = each<T>(join({"slct.", type, ".s32 %d, %a, %b, %c;"}), a, b, whole);
    const auto by_float = each<T>(join({"slct.", type, ".f32 %d, %a, %b, %c;"}), a, b, by);
    const auto by_flushed = each<T>(join({"slct.ftz.", type, ".f32 %d, %a, %b, %c;"}), a, b, by);
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(chosen[i], whole[i] >= 0 ? a[i] : b[i]) << type;
      EXPECT_EQ(by_int[i], whole[i] >= 0 ? a[i] : b[i]) << type;
      EXPECT_EQ(by_float[i], by[i] >= 0 ? a[i] : b[i]) << type << " " << by[i];
      EXPECT_EQ(by_flushed[i], by[i] >= 0 || by[i] == -0x1p-130F ? a[i] : b[i]) << type << " " << by[i];
    }
  }
}

TEST(EveryInteger, Selections) {
  selects<u16>({"b16", "u16", "s16"});
  selects<u32>({"b32", "u32", "s32", "f32"});
  selects<u64>({"b64", "u64", "s64", "f64"});
}

// ---- comparison ----

template <class T> void compares(const std::string& type) {
  const std::vector<T> some = interesting<T>(6);
  std::vector<T> a, b;
  std::vector<u32> c;
  for (T x : some)
    for (T y : some) {
      a.push_back(x);
      b.push_back(y);
      c.push_back(static_cast<u32>(a.size() % 2));
    }
  using Unsigned = std::make_unsigned_t<T>;
  const std::pair<std::string, std::function<bool(T, T)>> operations[] = {
      {"eq", [](T x, T y) { return x == y; }},
      {"ne", [](T x, T y) { return x != y; }},
      {"lt", [](T x, T y) { return x < y; }},
      {"le", [](T x, T y) { return x <= y; }},
      {"gt", [](T x, T y) { return x > y; }},
      {"ge", [](T x, T y) { return x >= y; }},
      {"lo", [](T x, T y) { return Unsigned(x) < Unsigned(y); }},
      {"ls", [](T x, T y) { return Unsigned(x) <= Unsigned(y); }},
      {"hi", [](T x, T y) { return Unsigned(x) > Unsigned(y); }},
      {"hs", [](T x, T y) { return Unsigned(x) >= Unsigned(y); }}};
  for (const auto& [operation, holds] : operations) {
    if (std::is_signed_v<T> &&
        (operation == "lo" || operation == "ls" || operation == "hi" || operation == "hs"))
      continue; // of unsigned types alone
    for (const std::string how : {"", ".and", ".or", ".xor"}) {
      const std::string name = join({".", operation, how});
      const std::string third = how.empty() ? ";\n" : ", %p2;\n", given = "setp.ne.u32 %p2, %c, 0;\n";
      const auto p =
          each<u32>(join({given, "setp", name, ".", type, " %p0|%p1, %a, %b", third,
                          "selp.u32 %r0, 1, 0, %p0;\nselp.u32 %r1, 2, 0, %p1;\nor.b32 %d, %r0, %r1;"}),
                    a, b, c);
      std::array<std::vector<u32>, 3> numbers;
      const char* const results[] = {"u32", "s32", "f32"};
      for (std::size_t k = 0; k < 3; ++k)
        numbers[k] =
            each<u32>(join({given, "set", name, ".", results[k], ".", type, " %d, %a, %b", third}), a, b, c);
      for (std::size_t i = 0; i < a.size(); ++i) {
        const auto with = [&](bool x) {
          return how.empty() ? x : how == ".and" ? x && c[i] : how == ".or" ? x || c[i] : x != (c[i] != 0);
        };
        const bool yes = with(holds(a[i], b[i])), no = with(!holds(a[i], b[i]));
        EXPECT_EQ(p[i], (yes ? 1U : 0U) | (no ? 2U : 0U))
            << name << "." << type << " " << a[i] << " " << b[i];
        EXPECT_EQ(numbers[0][i], yes ? ~0U : 0U) << name << "." << type;
        EXPECT_EQ(numbers[1][i], yes ? ~0U : 0U) << name << "." << type;
        EXPECT_EQ(numbers[2][i], yes ? 0x3f800000U : 0U) << name << "." << type;
      }
    }
  }
}

TEST(EveryInteger, Comparisons) {
  compares<u16>("u16");
  compares<std::int16_t>("s16");
  compares<u32>("u32");
  compares<s32>("s32");
  compares<u64>("u64");
  compares<std::int64_t>("s64");
}

// ---- atomics ----

constexpr const char* orders[] = {"", ".relaxed", ".acquire", ".release", ".acq_rel"};
constexpr const char* scopes[] = {"", ".cta", ".cluster", ".gpu", ".sys"};
/// Where each thread has an element of its own, and how %l0 becomes its address.
struct Place {
  std::string space, before;
};
const std::vector<Place>& places() {
  static const std::vector<Place> all = {
      {".global", ""},
      {"", ""},
      {".shared", ".shared .align 16 .b8 s[4096];\nmov.u64 %l0, s;\nmov.u32 %r0, %tid.x;\nmad.wide.u32 %l0, "
                  "%r0, 16, %l0;\n"},
      {".shared::cta", ".shared .align 16 .b8 s[4096];\nmov.u64 %l0, s;\nmov.u32 %r0, %tid.x;\nmad.wide.u32 "
                       "%l0, %r0, 16, %l0;\n"},
      {".shared::cluster", ".shared .align 16 .b8 s[4096];\nmov.u64 %l0, s;\nmov.u32 %r0, "
                           "%tid.x;\nmad.wide.u32 %l0, %r0, 16, %l0;\n"}};
  return all;
}

/// `operation` on memory that holds a with b (and c, for cas): what was there is the result, what is there
/// then `expected(a, b, c)`. Orders, scopes, spaces and hints take turns.
template <class T, class F> void atomic(const std::string& operation, const std::string& type, F expected) {
  std::vector<T> a = interesting<T>(30), b(a.rbegin(), a.rend()), c = a;
  std::ranges::rotate(c, c.begin() + 7);
  for (std::size_t i = 0; i < a.size(); i += 3)
    b[i] = a[i]; // a cas that finds it
  const std::string word = join({".b", std::to_string(8 * sizeof(T))});
  std::size_t turn = 0;
  for (const Place& place : places())
    for (const char* order : orders)
      for (const char* scope : scopes) {
        if (place.space != ".global" && turn++ % 3 != 0)
          continue;
        const bool hint = place.space == ".global" && *scope == 0;
        const std::string name = join({order, scope, place.space, ".", operation,
                                       hint ? ".L2::cache_hint." : ".", type}),
                          operands =
                              join({operation == "cas" ? ", %b, %c" : ", %b", hint ? ", %l5;\n" : ";\n"});
        const std::string before = join(
            {place.space.starts_with(".shared") ? "" : "ld.param.u64 %l0, [p_a];\nmad.wide.u32 %l0, %i, ",
             place.space.starts_with(".shared") ? "" : std::to_string(sizeof(T)),
             place.space.starts_with(".shared") ? "" : ", %l0;\n", place.before,
             hint ? "createpolicy.fractional.L2::evict_first.b64 %l5;\n" : "", "st", place.space, word,
             " [%l0], %a;\n"});
        const std::string after = join({"ld", place.space, word, " %d1, [%l0];"});
        const auto d =
            each<std::array<T, 2>>(join({before, "atom", name, " %d0, [%l0]", operands, after}), a, b, c);
        for (std::size_t i = 0; i < a.size(); ++i) {
          EXPECT_EQ(d[i][0], a[i]) << "atom" << name;
          EXPECT_EQ(d[i][1], expected(a[i], b[i], c[i])) << "atom" << name << " " << a[i] << " " << b[i];
        }
        const bool reduces = operation != "cas" && operation != "exch" &&
                             std::string_view(order) != ".acquire" && std::string_view(order) != ".acq_rel";
        if (!reduces)
          continue;
        const auto red = each<std::array<T, 2>>(
            join({before, "red", name, " [%l0]", operands, after, "\nmov", word, " %d0, %d1;"}), a, b, c);
        for (std::size_t i = 0; i < a.size(); ++i)
          EXPECT_EQ(red[i][1], expected(a[i], b[i], c[i])) << "red" << name << " " << a[i] << " " << b[i];
      }
}

TEST(EveryInteger, Atomics) {
  const auto all = []<class U>(U, const std::string& bits) {
    using S = std::make_signed_t<U>;
    atomic<U>("and", "b" + bits, [](U a, U b, U) -> U { return a & b; });
    atomic<U>("or", "b" + bits, [](U a, U b, U) -> U { return a | b; });
    atomic<U>("xor", "b" + bits, [](U a, U b, U) -> U { return a ^ b; });
    atomic<U>("exch", "b" + bits, [](U, U b, U) -> U { return b; });
    atomic<U>("cas", "b" + bits, [](U a, U b, U c) -> U { return a == b ? c : a; });
    atomic<U>("add", "u" + bits, [](U a, U b, U) -> U { return a + b; });
    atomic<U>("min", "u" + bits, [](U a, U b, U) -> U { return std::min(a, b); });
    atomic<U>("max", "u" + bits, [](U a, U b, U) -> U { return std::max(a, b); });
    atomic<U>("min", "s" + bits, [](U a, U b, U) -> U {
      return static_cast<U>(std::min(static_cast<S>(a), static_cast<S>(b)));
    });
    atomic<U>("max", "s" + bits, [](U a, U b, U) -> U {
      return static_cast<U>(std::max(static_cast<S>(a), static_cast<S>(b)));
    });
  };
  all(u32{}, "32");
  all(u64{}, "64");
  atomic<u16>("cas", "b16", [](u16 a, u16 b, u16 c) { return a == b ? c : a; });
  atomic<u32>("add", "s32", [](u32 a, u32 b, u32) { return a + b; });
  atomic<u32>("inc", "u32", [](u32 a, u32 b, u32) { return a >= b ? 0 : a + 1; });
  atomic<u32>("dec", "u32", [](u32 a, u32 b, u32) { return a == 0 || a > b ? b : a - 1; });
}

// ---- loads and stores ----

/// A value of `type` in memory comes to a wider register: extended by its sign, or by zeros.
TEST(EveryInteger, LoadsAndStores) {
  struct Case {
    std::string type;
    int bits;
    bool is_signed;
  };
  const Case cases[] = {{"b8", 8, false},   {"u8", 8, false},   {"s8", 8, true},    {"b16", 16, false},
                        {"u16", 16, false}, {"s16", 16, true},  {"b32", 32, false}, {"u32", 32, false},
                        {"s32", 32, true},  {"f32", 32, false}, {"b64", 64, false}, {"u64", 64, false},
                        {"s64", 64, true},  {"f64", 64, false}};
  struct Spelling {
    const char *load, *after_space, *store;
    bool global = false; ///< alone
  };
  constexpr Spelling how[] = {{"ld", "", "st"},
                              {"ld.volatile", "", "st.volatile"},
                              {"ld.relaxed.gpu", "", "st.relaxed.cta"},
                              {"ld.acquire.sys", "", "st.release.cluster"},
                              {"ld.mmio.relaxed.sys", "", "st.mmio.relaxed.sys", true},
                              {"ldu", "", "st", true},
                              {"ld", ".nc", "st", true}};
  const std::vector<u64> a = interesting<u64>(40);
  for (const Case& one : cases)
    for (const auto& [load, after_space, store, global] : how)
      for (const int parts : {1, 2, 4})
        for (const Place& place : places()) {
          if ((global && place.space != ".global") || one.bits * parts > 128 ||
              (one.bits == 8 && place.space == ".shared::cluster" && parts == 4))
            continue;
          const std::string vector = parts == 1   ? "."
                                     : parts == 2 ? ".v2."
                                                  : ".v4.",
                            reg = one.bits == 64   ? "%l1"
                                  : one.bits == 32 ? "%r8"
                                                   : "%h8";
          const auto list = [&](const std::string& first) {
            std::string text = parts == 1 ? "" : "{";
            for (int i = 0; i < parts; ++i)
              text +=
                  (i == 0 ? "" : ", ") + first.substr(0, 2) + std::to_string(std::stoi(first.substr(2)) + i);
            return text + (parts == 1 ? "" : "}");
          };
          // The last part comes back. (Floats have registers of their own size.)
          const std::string last = list(reg).substr(parts == 1 ? 0 : 1);
          const std::string from =
              last.substr(last.rfind('%')).substr(0, last.substr(last.rfind('%')).find('}'));
          const std::string size = std::to_string(std::max(16, one.bits)),
                            extend = one.is_signed ? "cvt.s64.s" : "cvt.u64.u";
          const bool shared = place.space.starts_with(".shared");
          std::string fill = one.bits == 64 ? "" : join({"cvt.u", size, ".u64 ", reg, ", %a;\n"});
          if (one.bits == 64)
            fill = "mov.b64 %l1, %a;\n";
          for (int i = 1; i < parts; ++i)
            fill += join({"xor.b", size, " ", reg.substr(0, 2), std::to_string(std::stoi(reg.substr(2)) + i),
                          ", ", reg, ", ", std::to_string(i), ";\n"});
          const std::string moved =
              join({store,       place.space, vector,   one.type, " [%l0], ", list(reg),   ";\n",
                    "mov.b",     size,        " ",      from,     ", 0;\n",   load,        place.space,
                    after_space, vector,      one.type, " ",      list(reg),  ", [%l0];\n"});
          const std::string body =
              join({shared ? place.before : "ld.param.u64 %l0, [room];\nmad.wide.u32 %l0, %i, 16, %l0;\n",
                    fill, moved,
                    one.bits == 64 ? join({"mov.b64 %d, ", from, ";"})
                                   : join({extend, size, " %d, ", from, ";"})});
          Machine machine;
          const u64 in = machine.upload(a), out = machine.upload(std::vector<u64>(a.size())),
                    room = machine.upload(std::vector<u64>(2 * a.size() + 2));
          machine.threads.x = static_cast<u32>(a.size());
          const Outcome outcome =
              machine.run(join({".visible .entry test(.param .u64 in, .param .u64 out, .param .u64 room) "
                                "{\n.reg .b16 %h<16>;\n.reg .b32 %r<16>, %i;\n.reg .b64 "
                                "%l<16>, %x<2>, %a, %d;\nmov.u32 %i, %tid.x;\nld.param.u64 %x0, "
                                "[in];\nmad.wide.u32 %x0, %i, 8, %x0;\nld.param.u64 %x1, "
                                "[out];\nmad.wide.u32 %x1, %i, 8, %x1;\nld.global.u64 %a, [%x0];\n",
                                body, "\nst.global.u64 [%x1], %d;\nret;\n}\n"}),
                          {in, out, (room + 15) / 16 * 16});
          ASSERT_EQ(outcome.status, Status::success) << outcome.message << body;
          const auto d = machine.download<u64>(out, a.size());
          for (std::size_t i = 0; i < a.size(); ++i) {
            const u64 bits = (a[i] ^ static_cast<u64>(parts - 1)) << (64 - one.bits);
            EXPECT_EQ(d[i], one.is_signed
                                ? static_cast<u64>(static_cast<std::int64_t>(bits) >> (64 - one.bits))
                                : bits >> (64 - one.bits))
                << load << place.space << vector << one.type << " of " << a[i];
          }
        }
}

// 128 bits at once.
TEST(EveryInteger, LoadsAndStoresOfSixteenBytes) {
  const std::vector<std::array<u64, 2>> a = {{1, 2}, {~0ULL, 3}, {0, 1ULL << 63}};
  constexpr std::pair<const char*, const char*> how[] = {
      {"ld.b128", "st.b128"},
      {"ld.volatile.global.b128", "st.volatile.global.b128"},
      {"ld.relaxed.gpu.b128", "st.relaxed.gpu.b128"},
      {"ld.mmio.relaxed.sys.b128", "st.mmio.relaxed.sys.b128"},
      {"ld.global.nc.b128", "st.b128"},
      {"ldu.global.b128", "st.b128"}};
  for (const auto& [load, store] : how)
    EXPECT_EQ((each<std::array<u64, 2>>(
                  join({".reg .b128 %w<2>;\nld.param.u64 %l0, [p_b];\nmad.wide.u32 %l0, %i, 16, %l0;\n"
                        "mov.b128 %w0, {%a0, %a1};\n",
                        store, " [%l0], %w0;\n", load, " %w1, [%l0];\nmov.b128 {%d0, %d1}, %w1;"}),
                  a, std::vector<std::array<u64, 2>>(a.size()))),
              a)
        << load;
}

} // namespace
} // namespace emu::test
