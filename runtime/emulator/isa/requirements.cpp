#include "emulator/isa/requirements.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <tuple>
#include <vector>

namespace emu {
namespace {

// A rule names mnemonics ("*": all), then which of their instructions it is for, then what those need:
//     .x|.y*       that have one of these modifiers (or one that begins with y)
//     !.x|.y       that have none of them
//     #4           that are written with so many operands
//     sm_80        this target or a newer one; sm_100a|sm_120f: one of them
//     7.0          this version or a newer one
// All rules that fit an instruction hold for it. What every chip from sm_20 on has needs none.
constexpr std::string_view rules[] = {
    "* .cluster|.shared::cluster sm_90 7.8",
    "* .shared::cta !.async 7.8",
    "* .param::entry|.param::func 8.3",
    "* .L2::cache_hint sm_80 7.4",
    "add|sub|mul|fma|setp .f16|.f16x2 sm_53 4.2",
    "add|sub|mul|setp|set|tanh .bf16|.bf16x2 sm_90 7.8",
    "fma|neg|abs .bf16|.bf16x2 sm_80 7.0",
    "fma .relu sm_80 7.0",
    "neg .f16|.f16x2 sm_53 6.0",
    "abs .f16|.f16x2 sm_53 6.5",
    "add|sub|mul|fma .f32x2 sm_100 8.6",
    "add|min|max .u16x2|.s16x2 sm_90 8.0",
    "min|max .relu .s32|.s16x2 sm_90 8.0",
    "min|max .f16|.f16x2|.bf16|.bf16x2|.NaN sm_80 7.0",
    "min|max .xorsign sm_86 7.2",
    "min|max #4 sm_100 8.8",
    "set .f16|.f16x2 sm_53 4.2",
    "set .f16|.f16x2 .u16|.s16|.u32|.s32 6.5",
    "ex2 .f16|.f16x2 sm_75 7.0",
    "ex2 .bf16|.bf16x2 sm_90 7.8",
    "tanh sm_75 7.0",
    "rcp .approx .f64 2.3",
    "rsqrt .ftz .f64 4.0",
    "add|sub|mad|madc|addc|subc .cc .u64|.s64 4.3",
    "madc 3.0",
    "mad .cc 3.0",
    "dp4a|dp2a sm_61 5.0",
    "vadd2|vsub2|vavrg2|vabsdiff2|vmin2|vmax2|vset2 sm_30 3.0",
    "vadd4|vsub4|vavrg4|vabsdiff4|vmin4|vmax4|vset4 sm_30 3.0",
    "lop3 sm_50 4.3",
    "lop3 .and|.or sm_70 8.2",
    "shf sm_32 3.1",
    "bmsk|szext sm_70 7.6",
    "fns sm_30 6.0",
    "alloca|stacksave|stackrestore sm_53 7.3",
    "cvt .bf16 !.f32 sm_90 7.8",
    "cvt .bf16 sm_80 7.0",
    "cvt .bf16 !.rn|.rz 7.1",
    "cvt .tf32 sm_80 7.0",
    "cvt .tf32 .rn|.rz sm_90 7.8",
    "cvt .tf32 .rn|.rz .satfinite sm_100 8.6",
    "cvt .f16x2|.bf16x2|.relu sm_80 7.0",
    "cvt .satfinite .f16|.bf16|.tf32 sm_70 8.1",
    "cvt .satfinite .f16x2|.bf16x2 .f32 8.1",
    "cvt .rs sm_100a|sm_103a 8.7",
    "cvt .e4m3x2|.e5m2x2 sm_89 7.8",
    "cvt .e2m3x2|.e3m2x2|.e2m1x2|.ue8m0x2 sm_100f|sm_110f|sm_120f 8.6",
    "cvt .pack sm_72 6.5",
    "cvt .pack .u4|.s4|.u2|.s2 sm_75 6.5",
    "mma sm_70 6.4",
    "mma !.m8n8k4 sm_75 6.5",
    "mma .m16n8k16|.m16n8k32|.m16n8k4|.m16n8k64|.m16n8k128|.m16n8k256|.bf16|.tf32|.f64 sm_80 7.0",
    "mma .f64 .m16n8k4|.m16n8k8|.m16n8k16 sm_90 7.8",
    "mma .m8n8k128 7.0",
    "mma .and sm_80 7.1",
    "mma .e4m3|.e5m2 sm_89 8.4",
    "mma .e4m3|.e5m2 .f16|.m16n8k16 sm_89 8.7",
    "mma .sp|.sp::ordered_metadata sm_80 7.1",
    "mma .sp::ordered_metadata 8.5",
    "ldmatrix sm_75 6.5",
    "movmatrix sm_75 7.8",
    "stmatrix sm_90 7.8",
    "wmma sm_70 6.3",
    "wmma .s32|.s8|.u8 sm_72 6.3",
    "wmma .m8n8k32|.m8n8k128 sm_75 6.3",
    "wmma .bf16|.m16n16k8|.m8n8k4 sm_80 7.0",
    "wmma .and sm_80 7.1",
    "wgmma sm_90a 8.0",
    "shfl|vote .sync sm_30 6.0",
    "match sm_70 6.0",
    "activemask sm_30 6.2",
    "redux sm_80 7.0",
    "redux .f32 sm_100f 8.6",
    "elect sm_90 8.0",
    "bar .warp sm_30 6.0",
    "bar .cta 7.8",
    "barrier sm_30 6.0",
    "barrier .cta 7.8",
    "membar .proxy sm_60 7.5",
    "fence sm_70 6.0",
    "fence .proxy 7.5",
    "prefetch .L2::evict_last|.L2::evict_normal sm_80 7.4",
    "applypriority|discard|createpolicy sm_80 7.4",
    "pmevent .mask 3.0",
    "nanosleep sm_70 6.2",
    "griddepcontrol sm_90 7.8",
    "mapa|getctarank sm_90 7.8",
    "st|red .async sm_90 8.1",
    "setmaxnreg sm_90a|sm_100f|sm_110f|sm_120f 8.0",
    "barrier .cluster sm_90 7.8",
    "barrier .release|.relaxed|.acquire 8.0",
    "fence .mbarrier_init sm_90 8.0",
    "fence .sync_restrict::shared::cluster|.sync_restrict::shared::cta sm_90 8.6",
    "cp sm_80 7.0",
    "cp .mbarrier .shared::cta 7.8",
    "cp .L2::64B|.L2::128B|.L2::256B 7.4",
    "cp .bulk sm_90 8.0",
    "cp .bulk .shared::cta !.bulk_group|.shared::cluster 8.6",
    "cp .cp_mask sm_100 8.6",
    "tensormap sm_90 8.3",
    "tensormap .replace sm_90a|sm_100f|sm_110f|sm_120f 8.3",
    "tensormap .swizzle_atomicity sm_100f|sm_110f|sm_120f 8.6",
    "fence .async sm_90 8.0",
    "fence .async::generic sm_90 8.6",
    "fence .tensormap::generic sm_90 8.3",
    "prefetch .tensormap sm_90 8.0",
    "mbarrier sm_80 7.0",
    "mbarrier .release|.acquire 8.0",
    "mbarrier .relaxed sm_90 8.0",
    "mbarrier .relaxed .arrive|.arrive_drop|.test_wait|.try_wait 8.6",
    "mbarrier .expect_tx|.complete_tx sm_90 8.0",
    "mbarrier .try_wait sm_90 7.8",
    "mbarrier .shared::cluster 8.0",
    "mbarrier .parity 7.1",
    "atom|red .cta|.gpu|.sys sm_60 5.0",
    "atom|red .relaxed|.acquire|.release|.acq_rel sm_70 6.0",
    "atom|red .min|.max|.and|.or|.xor .u64|.s64|.b64 sm_32 3.1",
    "atom|red .f64 sm_60 5.0",
    "atom|red .f16x2 sm_60 6.2",
    "atom|red .f16 sm_70 6.3",
    "atom|red .bf16|.bf16x2 sm_90 7.8",
    "atom|red .v2|.v4|.v8 sm_90 8.1",
    "atom .b16 sm_70 6.3",
    "atom .b128 sm_90 8.3",
    "atom|ld|st .b128 .sys 8.4",
    "ld|st .weak|.relaxed|.acquire|.release sm_70 6.0",
    "ld|st .mmio sm_70 8.2",
    "ld .nc sm_32 3.1",
    "ld|ldu|st|mov .b128 sm_70 8.3",
    "ld|st .v8 .b32|.u32|.s32|.f32|.b64|.u64|.s64|.f64 sm_100 8.8",
    "ld|st .v4 .b64|.u64|.s64|.f64 sm_100 8.8",
    "ld|st .L1::*|.L2::evict_* sm_70 7.4",
    "ld .L2::64B|.L2::128B sm_75 7.4",
    "ld .L2::256B sm_80 7.4",
    "cvta|isspacep .const 3.1",
    "cvta|isspacep .param|.param::entry sm_70 7.7",
};

using Words = std::vector<std::string_view>;

Words split(std::string_view text, char separator) {
  Words words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// "x" and "y" of ".x|.y".
Words modifiers_in(std::string_view word) {
  Words modifiers = split(word, '|');
  for (std::string_view& modifier : modifiers)
    modifier.remove_prefix(1);
  return modifiers;
}

int number(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

struct Rule {
  std::vector<Words> with;
  Words without, targets;
  std::size_t operands = 0; // 0: any number
  ptx::Module::Version version;

  explicit Rule(const Words& words) {
    for (std::string_view word : words)
      if (word[0] == '.')
        with.push_back(modifiers_in(word));
      else if (word[0] == '!')
        without = modifiers_in(word.substr(1));
      else if (word[0] == '#')
        operands = static_cast<std::size_t>(number(word.substr(1)));
      else if (word.starts_with("sm_"))
        targets = split(word, '|');
      else
        version = {number(word), number(word.substr(word.find('.') + 1))};
  }

  bool fits(const ptx::Statement& statement) const {
    auto has = [&](std::string_view modifier) {
      return modifier.back() != '*' ? statement.opcode->has(modifier)
                                    : std::ranges::any_of(statement.opcode->modifiers, [&](auto one) {
                                        return one.starts_with(modifier.substr(0, modifier.size() - 1));
                                      });
    };
    return (operands == 0 || operands == statement.operands.size()) && std::ranges::none_of(without, has) &&
           std::ranges::all_of(with, [&](const Words& one) { return std::ranges::any_of(one, has); });
  }
};

// By mnemonic.
const std::map<std::string_view, std::vector<Rule>>& all_rules() {
  static const auto parsed = [] {
    std::map<std::string_view, std::vector<Rule>> by_mnemonic;
    for (std::string_view text : rules) {
      const std::size_t end = text.find(' ');
      for (std::string_view mnemonic : split(text.substr(0, end), '|'))
        by_mnemonic[mnemonic].emplace_back(split(text.substr(end + 1), ' '));
    }
    return by_mnemonic;
  }();
  return parsed;
}

// "sm_80 or newer", "sm_100a", "sm_100f or newer of its family"
std::string in_words(std::string_view target) {
  const char suffix = target.back();
  return fmt::format("{}{}", target,
                     suffix == 'a'   ? ""
                     : suffix == 'f' ? " or newer of its family"
                                     : " or newer");
}

} // namespace

std::string missing_requirement(const ptx::Module& module, Target target, const ptx::Statement& statement) {
  for (std::string_view mnemonic : {statement.opcode->mnemonic, std::string_view("*")}) {
    const auto found = all_rules().find(mnemonic);
    if (found == all_rules().end())
      continue;
    for (const Rule& rule : found->second) {
      if (!rule.fits(statement))
        continue;
      auto has = [&](std::string_view needed) { return target.has(parse_target(needed).value()); };
      if (!rule.targets.empty() && std::ranges::none_of(rule.targets, has)) {
        std::vector<std::string> names;
        std::ranges::transform(rule.targets, std::back_inserter(names), in_words);
        return fmt::format("requires .target {}, found {}", fmt::join(names, ", "), module.target);
      }
      const auto [major, minor] = rule.version;
      if (std::tie(module.version.major, module.version.minor) < std::tie(major, minor))
        return fmt::format("requires .version {}.{} or newer, found {}.{}", major, minor,
                           module.version.major, module.version.minor);
    }
  }
  return {};
}

} // namespace emu
