//===- AttnFold.cpp - constant folding of the attn dialect -----------------===//

#include "dialect/attn/Attn.h"

using namespace mlir;
using namespace attile::attn;

int64_t attile::attn::floorDiv(int64_t lhs, int64_t rhs) {
  if (rhs == 0)
    return 0;
  if (rhs == -1) // INT64_MIN / -1 wraps, as the kernel's two's complement arithmetic does
    return static_cast<int64_t>(0 - static_cast<uint64_t>(lhs));
  int64_t quotient = lhs / rhs;
  return (lhs % rhs != 0 && (lhs < 0) != (rhs < 0)) ? quotient - 1 : quotient;
}

int64_t attile::attn::floorMod(int64_t lhs, int64_t rhs) {
  if (rhs == 0 || rhs == -1)
    return 0;
  int64_t remainder = lhs % rhs;
  return (remainder != 0 && (remainder < 0) != (rhs < 0)) ? remainder + rhs : remainder;
}

static IntegerAttr integer(Attribute attribute) { return dyn_cast_or_null<IntegerAttr>(attribute); }

OpFoldResult FloorDivOp::fold(FoldAdaptor adaptor) {
  IntegerAttr lhs = integer(adaptor.getLhs()), rhs = integer(adaptor.getRhs());
  if (rhs && rhs.getInt() == 1)
    return getLhs();
  if (lhs && rhs)
    return IntegerAttr::get(getType(), floorDiv(lhs.getInt(), rhs.getInt()));
  return {};
}

OpFoldResult FloorModOp::fold(FoldAdaptor adaptor) {
  IntegerAttr lhs = integer(adaptor.getLhs()), rhs = integer(adaptor.getRhs());
  if (rhs && (rhs.getInt() == 1 || rhs.getInt() == -1))
    return IntegerAttr::get(getType(), 0);
  if (lhs && rhs)
    return IntegerAttr::get(getType(), floorMod(lhs.getInt(), rhs.getInt()));
  return {};
}
