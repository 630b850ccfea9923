#include "emulator/ptx/types.h"

#include <array>

namespace emu::ptx {
namespace {

enum class Sign : std::uint8_t { none, is_signed, is_unsigned };

struct TypeFacts {
  std::string_view name;
  Type type;
  int bits;
  Sign sign = Sign::none;
};

constexpr TypeFacts type_table[] = {
    {"b1", Type::b1, 1},
    {"b8", Type::b8, 8},
    {"b16", Type::b16, 16},
    {"b32", Type::b32, 32},
    {"b64", Type::b64, 64},
    {"b128", Type::b128, 128},
    {"u2", Type::u2, 2, Sign::is_unsigned},
    {"u4", Type::u4, 4, Sign::is_unsigned},
    {"u8", Type::u8, 8, Sign::is_unsigned},
    {"u16", Type::u16, 16, Sign::is_unsigned},
    {"u32", Type::u32, 32, Sign::is_unsigned},
    {"u64", Type::u64, 64, Sign::is_unsigned},
    {"u8x4", Type::u8x4, 32},
    {"u16x2", Type::u16x2, 32},
    {"s2", Type::s2, 2, Sign::is_signed},
    {"s4", Type::s4, 4, Sign::is_signed},
    {"s8", Type::s8, 8, Sign::is_signed},
    {"s16", Type::s16, 16, Sign::is_signed},
    {"s32", Type::s32, 32, Sign::is_signed},
    {"s64", Type::s64, 64, Sign::is_signed},
    {"s8x4", Type::s8x4, 32},
    {"s16x2", Type::s16x2, 32},
    {"f16", Type::f16, 16},
    {"f32", Type::f32, 32},
    {"f64", Type::f64, 64},
    {"f16x2", Type::f16x2, 32},
    {"f32x2", Type::f32x2, 64},
    {"bf16", Type::bf16, 16},
    {"bf16x2", Type::bf16x2, 32},
    {"tf32", Type::tf32, 32},
    {"e4m3", Type::e4m3, 8},
    {"e5m2", Type::e5m2, 8},
    {"e4m3x2", Type::e4m3x2, 16},
    {"e5m2x2", Type::e5m2x2, 16},
    {"e4m3x4", Type::e4m3x4, 32},
    {"e5m2x4", Type::e5m2x4, 32},
    {"e2m1", Type::e2m1, 4},
    {"e2m3", Type::e2m3, 6},
    {"e3m2", Type::e3m2, 6},
    {"e2m1x2", Type::e2m1x2, 8},
    {"e2m3x2", Type::e2m3x2, 16},
    {"e3m2x2", Type::e3m2x2, 16},
    {"e2m1x4", Type::e2m1x4, 16},
    {"e2m3x4", Type::e2m3x4, 32},
    {"e3m2x4", Type::e3m2x4, 32},
    {"ue8m0", Type::ue8m0, 8},
    {"ue8m0x2", Type::ue8m0x2, 16},
    {"ue4m3", Type::ue4m3, 8},
    {"pred", Type::pred, 1},
};

constexpr std::string_view space_names[] = {"generic", "reg",         "const",          "global",
                                            "local",   "param",       "param::entry",   "param::func",
                                            "shared",  "shared::cta", "shared::cluster"};

constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(type_table); ++i)
    if (type_table[i].type != static_cast<Type>(i))
      return false;
  return std::size(type_table) == static_cast<std::size_t>(Type::pred) + 1;
}
static_assert(in_order(), "the table is indexed by the enumeration");

const TypeFacts& facts(Type type) { return type_table[static_cast<std::size_t>(type)]; }

} // namespace

std::optional<Type> type_named(std::string_view name) {
  for (const TypeFacts& facts : type_table)
    if (facts.name == name)
      return facts.type;
  return std::nullopt;
}

std::string_view name(Type type) { return facts(type).name; }
int bits(Type type) { return facts(type).bits; }
bool is_unsigned(Type type) { return facts(type).sign == Sign::is_unsigned; }
bool is_signed(Type type) { return facts(type).sign == Sign::is_signed; }

std::optional<Space> space_named(std::string_view name) {
  for (std::size_t i = 1; i < std::size(space_names); ++i) // generic is what is not written
    if (space_names[i] == name)
      return static_cast<Space>(i);
  return std::nullopt;
}

std::string_view name(Space space) { return space_names[static_cast<std::size_t>(space)]; }

} // namespace emu::ptx
