// Spellings that the tests of their families leave out, so that every entry of the table is run; and
// instructions whose only effect is that the kernel goes on.
#include "kernel_text.h"

namespace emu::test {
namespace {

using s32 = std::int32_t;

TEST(Forms, MultiplyAddWithCarryInAndOut) {
  const std::vector<u32> a = interesting<u32>(), b(a.rbegin(), a.rend());
  // %r2:%r0 is a * b + b + the carry of a + a
  const auto d = each<std::array<u32, 2>>(
      "add.cc.u32 %r1, %a, %a;\nmadc.lo.cc.u32 %d0, %a, %b, %b;\naddc.u32 %d1, 0, 0;\n", a, b);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const u64 carry = (u64(a[i]) + a[i]) >> 32, sum = u64(u32(a[i] * b[i])) + b[i] + carry;
    EXPECT_EQ(d[i], (std::array{u32(sum), u32(sum >> 32)})) << a[i] << " " << b[i];
  }
}

template <class T> void bits_compare(const std::string& type) {
  std::vector<T> a, b;
  std::vector<u32> c;
  for (T x : interesting<T>(5))
    for (T y : interesting<T>(5)) {
      a.push_back(x);
      b.push_back(y);
      c.push_back(a.size() & 1);
    }
  for (const bool equal : {true, false})
    for (const std::string how : {"", ".and", ".or", ".xor"}) {
      const std::string name = join({equal ? ".eq" : ".ne", how});
      const std::string third = how.empty() ? ";\n" : ", %p2;\n";
      const auto p = each<u32>(join({"setp.ne.u32 %p2, %c, 0;\nsetp", name, type, " %p0, %a, %b", third,
                                     "selp.u32 %d, 1, 0, %p0;"}),
                               a, b, c);
      const auto number = [&](const char* result) {
        return each<u32>(join({"setp.ne.u32 %p2, %c, 0;\nset", name, result, type, " %d, %a, %b", third}), a,
                         b, c);
      };
      const auto mask = number(".u32"), as_signed = number(".s32"), as_float = number(".f32");
      for (std::size_t i = 0; i < a.size(); ++i) {
        const bool plain = (a[i] == b[i]) == equal, other = c[i] != 0;
        const bool wanted = how.empty()     ? plain
                            : how == ".and" ? plain && other
                            : how == ".or"  ? plain || other
                                            : plain != other;
        EXPECT_EQ(p[i], wanted ? 1U : 0U) << name << type << " " << a[i] << " " << b[i];
        EXPECT_EQ(mask[i], wanted ? ~0U : 0U) << name << type << " " << a[i] << " " << b[i];
        EXPECT_EQ(as_signed[i], mask[i]) << name << type;
        EXPECT_EQ(as_float[i], wanted ? 0x3f800000U : 0U) << name << type;
      }
    }
}

TEST(Forms, ComparisonsOfBits) {
  bits_compare<u16>(".b16");
  bits_compare<u32>(".b32");
  bits_compare<u64>(".b64");
}

TEST(Forms, BranchByIndex) {
  const std::vector<u32> a = {0, 1, 2, 2, 1, 0, 1};
  EXPECT_EQ(each<u32>("table: .branchtargets A, B, C;\nmov.u32 %d, 0;\nbrx.idx %a, table;\n"
                      "A: add.u32 %d, %d, 1;\nB: add.u32 %d, %d, 10;\nC: add.u32 %d, %d, 100;\n",
                      a),
            (std::vector<u32>{111, 110, 100, 100, 110, 111, 110}));
}

TEST(Forms, VotesInTheOrderOfOldVersions) {
  std::vector<u32> a(32, 1);
  const std::string body = "setp.ne.u32 %p0, %a, 0;\nvote.all.sync.pred %p1, %p0, -1;\n"
                           "vote.any.sync.pred %p2, %p0, -1;\nvote.uni.sync.pred %p3, %p0, -1;\n"
                           "selp.u32 %d, 1, 0, %p1;\nselp.u32 %r0, 2, 0, %p2;\nselp.u32 %r1, 4, 0, %p3;\n"
                           "or.b32 %d, %d, %r0;\nor.b32 %d, %d, %r1;\n";
  EXPECT_EQ(each<u32>(body, a), std::vector<u32>(32, 7));
  a[5] = 0;
  EXPECT_EQ(each<u32>(body, a), std::vector<u32>(32, 2));
  EXPECT_EQ(each<u32>(body, std::vector<u32>(32)), std::vector<u32>(32, 4));
}

TEST(Forms, MatchAllOfWideValues) {
  std::vector<u64> a(32, 0x100000002);
  const std::string body = "match.all.sync.b64 %d|%p0, %a, -1;\n@!%p0 add.u32 %d, %d, 5;";
  EXPECT_EQ(each<u32>(body, a), std::vector<u32>(32, ~0U));
  a[3] = 2; // differs in the upper half only
  EXPECT_EQ(each<u32>(body, a), std::vector<u32>(32, 5));
}

// A warp that only arrives lets the others go on.
TEST(Forms, BarrierArrive) {
  for (const char* arrive : {"barrier.cta.arrive 1, 64;", "barrier.arrive.aligned 1, 64;"})
    run_all_ways(
        {1}, {64},
        kernel(join(
            {".shared .b32 s[32];\nmov.u32 %r0, s;\nand.b32 %r1, %t0, 31;\nmad.lo.u32 %r0, %r1, 4, %r0;\n"
             "setp.ge.u32 %p0, %t0, 32;\n@%p0 bra READ;\nadd.u32 %r2, %t0, 7;\nst.shared.u32 [%r0], %r2;\n",
             arrive,
             "\nret;\nREAD: barrier.sync 1, 64;\nld.shared.u32 %r3, [%r0];\nmad.wide.u32 %x0, %r1, 4, "
             "%x0;\nst.global.u32 [%x0], %r3;\n"})),
        [](Machine& machine) { return std::vector<u64>{machine.upload(std::vector<u32>(32)), 0, 0, 0}; },
        [](Machine& machine, const std::vector<u64>& params) {
          const auto found = machine.download<u32>(params[0], 32);
          for (u32 i = 0; i < 32; ++i)
            EXPECT_EQ(found[i], i + 7);
        },
        8);
}

// What these do cannot be seen, but that values stay as they were.
TEST(Forms, Hints) {
  const std::vector<u32> a = interesting<u32>();
  for (const char* hint : {"brkpt;", "pmevent 3;", "pmevent.mask 0xff;", "nanosleep.u32 20;",
                           "mov.u32 %r0, 5;\nnanosleep.u32 %r0;", "griddepcontrol.wait;",
                           "griddepcontrol.launch_dependents;", "membar.proxy.alias;"})
    EXPECT_EQ(each<u32>(join({hint, "\nadd.u32 %d, %a, 1;"}), a), each<u32>("add.u32 %d, %a, 1;", a)) << hint;
}

TEST(Forms, HintsForCaches) {
  for (const char* hint :
       {"discard.global.L2 [%x0], 128;", "discard.L2 [%x0], 128;",
        "applypriority.global.L2::evict_normal [%x0], 128;",
        "createpolicy.range.global.L2::evict_last.L2::evict_unchanged.b64 %l0, [%x0], 64, 128;\n"
        "ld.global.L2::cache_hint.u32 %r9, [%x0], %l0;",
        "createpolicy.cvt.L2.b64 %l0, 0x1234567812345678;\n"
        "ld.global.L2::cache_hint.u32 %r9, [%x0], %l0;",
        "prefetchu.L1 [%x0];"}) {
    Machine machine;
    const u64 out = machine.upload(std::vector<u32>(64));
    const Outcome outcome = machine.run(kernel(join({hint, "\nst.global.u32 [%x0+4], 7;"})), {out, 0, 0, 0});
    EXPECT_EQ(outcome.status, Status::success) << outcome.message;
    EXPECT_EQ(machine.download<u32>(out, 2)[1], 7U);
  }
}

const Entry* entry_of(std::string_view spelling) {
  std::vector<std::string_view> parts;
  for (std::size_t end = 0; end != std::string_view::npos;
       spelling.remove_prefix(std::min(end + 1, spelling.size()))) {
    end = spelling.find('.');
    parts.push_back(spelling.substr(0, end));
    if (end == std::string_view::npos)
      break;
  }
  std::string why;
  return Table::instance().find(parts[0], std::span(parts).subspan(1), why);
}

// Spellings of the ISA's own examples, of CUTLASS and of libcu++, which ptxas takes as well.
TEST(Forms, ModifiersStandInAnyOrder) {
  constexpr std::pair<const char*, const char*> pairs[] = {
      {"ldmatrix.sync.aligned.x4.m8n8.shared.b16", "ldmatrix.sync.aligned.m8n8.x4.shared.b16"},
      {"atom.add.release.gpu.u32", "atom.release.gpu.add.u32"},
      {"atom.global.b128.exch", "atom.global.exch.b128"},
      {"red.global.v2.f32.add", "red.global.add.v2.f32"},
      {"ld.global.acquire.gpu.b32", "ld.acquire.gpu.global.b32"},
      {"setp.u32.eq", "setp.eq.u32"},
      {"min.s16x2.relu", "min.relu.s16x2"},
      {"cvt.rn.relu.satfinite.e5m2x2.f16x2", "cvt.rn.satfinite.relu.e5m2x2.f16x2"},
      {"mma.sync.aligned.m16n8k4.row.col.f64.f64.f64.f64.rn",
       "mma.sync.aligned.m16n8k4.row.col.rn.f64.f64.f64.f64"},
      {"wmma.load.a.sync.aligned.row.m16n16k16.global.f16",
       "wmma.load.a.sync.aligned.m16n16k16.row.global.f16"},
  };
  for (const auto& [spelling, usual] : pairs) {
    ASSERT_NE(entry_of(usual), nullptr) << usual;
    EXPECT_EQ(entry_of(spelling), entry_of(usual)) << spelling;
  }
}

// What says something by its place stays there: cvt.f32.s32 needs a rounding, cvt.s32.f32 another one.
TEST(Forms, TypesAndLayoutsKeepTheirOrder) {
  EXPECT_NE(entry_of("cvt.rn.f32.s32"), nullptr);
  EXPECT_EQ(entry_of("cvt.rn.s32.f32"), nullptr);
  EXPECT_EQ(entry_of("cvt.rni.f32.s32"), nullptr);
  EXPECT_EQ(entry_of("mma.sync.aligned.m16n8k16.col.row.f32.f16.f16.f32"), nullptr);
  EXPECT_EQ(entry_of("mma.sync.aligned.m16n8k16.row.col.f16.f16.f32.f32"), nullptr);
  EXPECT_EQ(entry_of("add.u32.u32"), nullptr);
  EXPECT_EQ(entry_of("add.u32.sat.sat"), nullptr);
}

} // namespace
} // namespace emu::test
