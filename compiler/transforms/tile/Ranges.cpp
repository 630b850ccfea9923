//===- Ranges.cpp - interval arithmetic on i64 SSA values ------------------------===//
#include "compiler/transforms/tile/Ranges.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attile {

using Wide = __int128;

/// The range [lo, hi], or everything where it leaves 64 bits.
static IntRange bounded(Wide lo, Wide hi) {
  if (lo < Wide(INT64_MIN) || hi > Wide(INT64_MAX))
    return {};
  return {int64_t(lo), int64_t(hi)};
}

static IntRange product(IntRange a, IntRange b) {
  Wide corners[] = {Wide(a.lo) * b.lo, Wide(a.lo) * b.hi, Wide(a.hi) * b.lo, Wide(a.hi) * b.hi};
  return bounded(*std::min_element(corners, corners + 4), *std::max_element(corners, corners + 4));
}

static IntRange unite(IntRange a, IntRange b) { return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)}; }

IntRange Ranges::of(Value value) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  IntRange range = compute(value);
  known[value] = range;
  return range;
}

/// x, if a product is x / n * n with a constant n.
static Value roundedOperand(arith::MulIOp mul) {
  Operation* quotient = mul.getLhs().getDefiningOp();
  if (auto wide = dyn_cast_or_null<arith::ExtSIOp>(quotient))
    quotient = wide.getIn().getDefiningOp();
  APInt n, divisor;
  if (isa_and_nonnull<arith::DivSIOp, arith::FloorDivSIOp, arith::CeilDivSIOp>(quotient) &&
      matchPattern(mul.getRhs(), m_ConstantInt(&n)) &&
      matchPattern(quotient->getOperand(1), m_ConstantInt(&divisor)) && n.isStrictlyPositive() &&
      n.getSExtValue() == divisor.getSExtValue())
    return quotient->getOperand(0);
  return {};
}

/// `x` rounded up or down to a multiple of n > 0.
static IntRange rounded(IntRange x, IntRange n) {
  return bounded(x.nonNegative() ? Wide(0) : Wide(x.lo) - n.hi, Wide(x.hi) + n.hi);
}

IntRange Ranges::compute(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    // What a visit hands out are positions: (k0, k1) to classify; k0 and a count of at most a tile to the
    // body.
    if (auto visit = dyn_cast<tile::VisitOp>(argument.getOwner()->getParentOp()); visit) {
      bool count = argument.getArgNumber() == 1 && argument.getOwner()->getParent() == &visit.getBody();
      return {0, count ? int64_t(visit.getTile()) : kMaxLength};
    }
    return {};
  }
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return {constant.getSExtValue(), constant.getSExtValue()};
  Operation* op = value.getDefiningOp();
  auto a = [&] { return of(op->getOperand(0)); };
  auto b = [&] { return of(op->getOperand(1)); };
  return llvm::TypeSwitch<Operation*, IntRange>(op)
      .Case([&](tile::SizeOp size) {
        StringRef name = size.getName();
        bool extent = llvm::is_contained({"batch", "heads", "kv_heads", "q_len", "kv_len", "q_per_tile",
                                          "heads_per_tile", "q_tiles", "head_tiles", "splits"},
                                         name);
        return extent ? IntRange{0, kMaxLength} : IntRange{};
      })
      .Case([&](tile::BlockIndexOp) { return IntRange{0, INT32_MAX - 1}; }) // of 2^31 - 1 blocks at most
      .Case([&](tile::IndexOp) { return IntRange{0, kMaxLength}; })
      .Case([&](tile::LookupOp lookup) {
        Type element = lookup.getBuffer().getType().getElementType();
        return element.isInteger(32) ? IntRange{INT32_MIN, INT32_MAX} : IntRange{};
      })
      .Case([&](arith::AddIOp) { return bounded(Wide(a().lo) + b().lo, Wide(a().hi) + b().hi); })
      .Case([&](arith::SubIOp) { return bounded(Wide(a().lo) - b().hi, Wide(a().hi) - b().lo); })
      .Case([&](arith::MulIOp mul) {
        Value x = roundedOperand(mul);
        return x ? rounded(of(x), b()) : product(a(), b());
      })
      .Case([&](arith::ExtSIOp) { return a(); })
      .Case([&](arith::MinSIOp) { return IntRange{std::min(a().lo, b().lo), std::min(a().hi, b().hi)}; })
      .Case([&](arith::MaxSIOp) { return IntRange{std::max(a().lo, b().lo), std::max(a().hi, b().hi)}; })
      .Case([&](arith::SelectOp select) {
        return unite(of(select.getTrueValue()), of(select.getFalseValue()));
      })
      .Case<arith::DivSIOp, arith::FloorDivSIOp, arith::CeilDivSIOp>([&](auto) {
        // A quotient is no larger in size than the dividend (except INT64_MIN / -1), give or take the
        // rounding.
        IntRange n = a();
        if (n.lo == INT64_MIN)
          return IntRange{};
        if (n.nonNegative() && b().nonNegative()) // 0 has no quotient
          return IntRange{0, n.hi};
        int64_t size = std::max(n.hi, -n.lo);
        return size < INT64_MAX ? IntRange{-size - 1, size + 1} : IntRange{};
      })
      .Case([&](arith::RemSIOp) {
        IntRange n = a(), d = b();
        if (d.lo == INT64_MIN || n.lo == INT64_MIN)
          return IntRange{};
        int64_t size = std::min(std::max(d.hi, -d.lo), std::max(n.hi, -n.lo));
        return IntRange{n.nonNegative() ? 0 : -size, size};
      })
      .Case([&](math::AbsIOp) {
        IntRange x = a();
        return x.lo == INT64_MIN ? IntRange{} : IntRange{0, std::max(x.hi, -x.lo)};
      })
      .Case([&](arith::ExtUIOp) { return IntRange{0, 1}; })
      .Case([&](arith::AndIOp) {
        IntRange x = a(), y = b();
        if (x.nonNegative() || y.nonNegative())
          return IntRange{0, x.nonNegative() && y.nonNegative() ? std::min(x.hi, y.hi)
                             : x.nonNegative()                  ? x.hi
                                                                : y.hi};
        return IntRange{};
      })
      .Case([&](arith::ShRSIOp) {
        IntRange x = a();
        return IntRange{std::min<int64_t>(x.lo, 0),
                        std::max<int64_t>(x.hi, -1) < 0 ? -1 : std::max<int64_t>(x.hi, 0)};
      })
      .Default([](Operation*) { return IntRange{}; });
}

} // namespace attile
