#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

/// What the reference interpreter computes for each scalar operation: X(code, operation, value of operands
/// a, b, c). One list for each signature (result from operands; F double, I int64 or bool).
namespace attile::reference {

inline int64_t wrap(uint64_t x) { return static_cast<int64_t>(x); }
inline uint64_t bits(int64_t x) { return static_cast<uint64_t>(x); }

/// x / 0 = 0; INT64_MIN / -1 wraps around.
inline int64_t floorDiv(int64_t a, int64_t b) {
  if (b == 0 || b == -1)
    return b == 0 ? 0 : wrap(0 - bits(a));
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}
/// x mod 0 = 0
inline int64_t floorMod(int64_t a, int64_t b) {
  return b == 0 ? 0 : wrap(bits(a) - bits(floorDiv(a, b)) * bits(b));
}
inline int64_t truncDiv(int64_t a, int64_t b) { return b == 0 || b == -1 ? floorDiv(a, b) : a / b; }
inline int64_t ceilDiv(int64_t a, int64_t b) { return wrap(0 - bits(floorDiv(wrap(0 - bits(a)), b))); }
inline int64_t saturated(double x) {
  if (x >= 0x1p63)
    return std::numeric_limits<int64_t>::max();
  if (x <= -0x1p63)
    return std::numeric_limits<int64_t>::min();
  return std::isnan(x) ? 0 : static_cast<int64_t>(x);
}
inline double propagateNaN(double a, double b, double other) {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN() : other;
}
/// A shift of 64 or more is poison in arith; irgen clamps the amount.
inline int64_t shiftAmount(int64_t x) { return x & 63; }

#define ATTILE_F_F(X)                                                                                        \
  X(ExtF, "arith.extf", a)                                                                                   \
  X(NegF, "arith.negf", -a)                                                                                  \
  X(AbsF, "math.absf", std::fabs(a))                                                                         \
  X(Exp, "math.exp", std::exp(a))                                                                            \
  X(Exp2, "math.exp2", std::exp2(a))                                                                         \
  X(Expm1, "math.expm1", std::expm1(a))                                                                      \
  X(Log, "math.log", std::log(a))                                                                            \
  X(Log2, "math.log2", std::log2(a))                                                                         \
  X(Log1p, "math.log1p", std::log1p(a))                                                                      \
  X(Tanh, "math.tanh", std::tanh(a))                                                                         \
  X(Sqrt, "math.sqrt", std::sqrt(a))                                                                         \
  X(Rsqrt, "math.rsqrt", 1 / std::sqrt(a))                                                                   \
  X(Sin, "math.sin", std::sin(a))                                                                            \
  X(Cos, "math.cos", std::cos(a))                                                                            \
  X(Erf, "math.erf", std::erf(a))                                                                            \
  X(Floor, "math.floor", std::floor(a))                                                                      \
  X(Ceil, "math.ceil", std::ceil(a))

#define ATTILE_F_FF(X)                                                                                       \
  X(AddF, "arith.addf", a + b)                                                                               \
  X(SubF, "arith.subf", a - b)                                                                               \
  X(MulF, "arith.mulf", a* b)                                                                                \
  X(DivF, "arith.divf", a / b)                                                                               \
  X(RemF, "arith.remf", std::fmod(a, b))                                                                     \
  X(MaxNumF, "arith.maxnumf", std::isnan(a) ? b : a < b ? b : a)                                             \
  X(MinNumF, "arith.minnumf", std::isnan(a) ? b : b < a ? b : a)                                             \
  X(MaximumF, "arith.maximumf", propagateNaN(a, b, a < b ? b : a))                                           \
  X(MinimumF, "arith.minimumf", propagateNaN(a, b, b < a ? b : a))                                           \
  X(PowF, "math.powf", std::pow(a, b))

#define ATTILE_F_FFF(X) X(Fma, "math.fma", a* b + c)

#define ATTILE_I_I(X)                                                                                        \
  X(AbsI, "math.absi", a < 0 ? wrap(0 - bits(a)) : a)                                                        \
  X(ExtUI, "arith.extui", a)                                                                                 \
  X(ExtSI, "arith.extsi", wrap(0 - bits(a)))                                                                 \
  X(TruncI, "arith.trunci", a & 1)

#define ATTILE_I_II(X)                                                                                       \
  X(AddI, "arith.addi", wrap(bits(a) + bits(b)))                                                             \
  X(SubI, "arith.subi", wrap(bits(a) - bits(b)))                                                             \
  X(MulI, "arith.muli", wrap(bits(a) * bits(b)))                                                             \
  X(FloorDiv, "attn.floordiv", floorDiv(a, b))                                                               \
  X(FloorMod, "attn.floormod", floorMod(a, b))                                                               \
  X(FloorDivSI, "arith.floordivsi", floorDiv(a, b))                                                          \
  X(CeilDivSI, "arith.ceildivsi", ceilDiv(a, b))                                                             \
  X(DivSI, "arith.divsi", truncDiv(a, b))                                                                    \
  X(RemSI, "arith.remsi", wrap(bits(a) - bits(truncDiv(a, b)) * bits(b)))                                    \
  X(DivUI, "arith.divui", b == 0 ? 0 : wrap(bits(a) / bits(b)))                                              \
  X(RemUI, "arith.remui", b == 0 ? 0 : wrap(bits(a) % bits(b)))                                              \
  X(AndI, "arith.andi", a& b)                                                                                \
  X(OrI, "arith.ori", a | b)                                                                                 \
  X(XorI, "arith.xori", a ^ b)                                                                               \
  X(ShLI, "arith.shli", wrap(bits(a) << shiftAmount(b)))                                                     \
  X(ShRSI, "arith.shrsi", a >> shiftAmount(b))                                                               \
  X(ShRUI, "arith.shrui", wrap(bits(a) >> shiftAmount(b)))                                                   \
  X(MaxSI, "arith.maxsi", std::max(a, b))                                                                    \
  X(MinSI, "arith.minsi", std::min(a, b))                                                                    \
  X(MaxUI, "arith.maxui", wrap(std::max(bits(a), bits(b))))                                                  \
  X(MinUI, "arith.minui", wrap(std::min(bits(a), bits(b))))

/// One code for each arith::CmpIPredicate, in its order.
#define ATTILE_COMPARE_I(X)                                                                                  \
  X(EqI, , a == b)                                                                                           \
  X(NeI, , a != b)                                                                                           \
  X(LtSI, , a < b)                                                                                           \
  X(LeSI, , a <= b)                                                                                          \
  X(GtSI, , a > b)                                                                                           \
  X(GeSI, , a >= b)                                                                                          \
  X(LtUI, , bits(a) < bits(b))                                                                               \
  X(LeUI, , bits(a) <= bits(b))                                                                              \
  X(GtUI, , bits(a) > bits(b))                                                                               \
  X(GeUI, , bits(a) >= bits(b))

#define ATTILE_I_F(X) X(FPToSI, "arith.fptosi", saturated(a))
#define ATTILE_F_I(X)                                                                                        \
  X(SIToFP, "arith.sitofp", static_cast<double>(a))                                                          \
  X(UIToFP, "arith.uitofp", static_cast<double>(bits(a)))

enum class Code : uint8_t {
#define X(code, name, value) code,
  ATTILE_F_F(X) ATTILE_F_FF(X) ATTILE_F_FFF(X) ATTILE_I_I(X) ATTILE_I_II(X) ATTILE_COMPARE_I(X) ATTILE_I_F(X)
      ATTILE_F_I(X)
#undef X
          CompareF, ///< Instruction::predicate
  SelectF,
  SelectI,
  LookupF, ///< Instruction::predicate is the lookup
  LookupI,
};

} // namespace attile::reference
