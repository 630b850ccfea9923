//===- EmitScalar.cpp - scalar values as C++ expressions -----------------------------===//
#include "compiler/backends/cuda/EmitScalar.h"

#include "dialect/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <fmt/format.h>

using namespace mlir;

namespace attile::cuda {

std::string typeName(Type type) {
  if (type.isF32())
    return "float";
  if (type.isF64()) // bounds of the mask analysis
    return "double";
  if (type.isBF16())
    return "bf16";
  if (type.isF16())
    return "f16";
  if (type.isInteger(1))
    return "bool";
  if (type.isInteger(8))
    return "unsigned char";
  return type.isInteger(32) ? "int" : "i64";
}

std::string identifier(StringRef name) {
  std::string text;
  for (char c : name)
    text += llvm::isAlnum(c) ? c : '_';
  return text;
}

static std::string realLiteral(const APFloat& value) {
  bool twice = &value.getSemantics() == &APFloat::IEEEdouble();
  if (value.isNaN())
    return twice ? "__longlong_as_double(0x7fffffffffffffffLL)" : "__int_as_float(0x7fffffff)";
  if (value.isInfinity())
    return value.isNegative() ? "-infinity" : "infinity";
  std::string text =
      twice ? fmt::format("{}", value.convertToDouble()) : fmt::format("{}", value.convertToFloat());
  if (text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return twice ? text : text + "f";
}

std::string literal(Attribute value) {
  if (auto real = dyn_cast<FloatAttr>(value))
    return realLiteral(real.getValue());
  APInt integer = cast<IntegerAttr>(value).getValue();
  if (integer.getBitWidth() == 1)
    return integer.isZero() ? "false" : "true";
  int64_t number = integer.getSExtValue();
  if (integer.getBitWidth() == 32)
    return fmt::format("{}", number);
  if (number == std::numeric_limits<int64_t>::min())
    return "(-0x7fffffffffffffffLL - 1)";
  return fmt::format("{}LL", number);
}

// ---- operations ------------------------------------------------------------------------------------------

/// Infix operators of C++ with the meaning of the operation.
static StringRef infix(Operation& op) {
  bool flags = op.getNumResults() == 1 && op.getResult(0).getType().isInteger(1);
  return llvm::TypeSwitch<Operation*, StringRef>(&op)
      .Case<arith::AddIOp, arith::AddFOp>([](auto) { return "+"; })
      .Case<arith::SubIOp, arith::SubFOp>([](auto) { return "-"; })
      .Case<arith::MulIOp, arith::MulFOp>([](auto) { return "*"; })
      .Case<arith::DivSIOp, arith::DivFOp>([](auto) { return "/"; })
      .Case<arith::RemSIOp>([](auto) { return "%"; })
      .Case<arith::AndIOp>([&](auto) { return flags ? "&&" : "&"; })
      .Case<arith::OrIOp>([&](auto) { return flags ? "||" : "|"; })
      .Case<arith::XOrIOp>([&](auto) { return flags ? "!=" : "^"; })
      .Case<arith::ShLIOp>([](auto) { return "<<"; })
      .Case<arith::ShRSIOp>([](auto) { return ">>"; })
      .Default(StringRef());
}

/// Functions, of CUDA or of templates/.
static StringRef function(Operation& op) {
  static const llvm::StringMap<StringRef> names = {{"arith.maxsi", "max"},
                                                   {"arith.minsi", "min"},
                                                   {"arith.maxnumf", "math::maxnum"},
                                                   {"arith.minnumf", "math::minnum"},
                                                   {"arith.maximumf", "math::maximum"},
                                                   {"arith.minimumf", "math::minimum"},
                                                   {"arith.ceildivsi", "ceil_div"},
                                                   {"arith.floordivsi", "floor_div"},
                                                   {"arith.remf", "fmodf"},
                                                   {"math.exp", "math::exp"},
                                                   {"math.exp2", "math::exp2"},
                                                   {"math.log", "math::log"},
                                                   {"math.tanh", "math::tanh"},
                                                   {"math.sqrt", "math::sqrt"},
                                                   {"math.rsqrt", "math::rsqrt"},
                                                   {"math.sin", "math::sin"},
                                                   {"math.cos", "math::cos"},
                                                   {"math.powf", "math::pow"},
                                                   {"math.floor", "math::floor"},
                                                   {"math.absf", "math::abs"},
                                                   {"math.absi", "math::abs"},
                                                   {"math.ceil", "math::ceil"},
                                                   {"math.trunc", "math::trunc"},
                                                   {"math.fma", "math::fma"}};
  auto found = names.find(op.getName().getStringRef());
  return found == names.end() ? StringRef() : found->second;
}

static std::string comparison(arith::CmpIPredicate predicate, const std::string& a, const std::string& b) {
  using P = arith::CmpIPredicate;
  StringRef sign = predicate == P::eq    ? "=="
                   : predicate == P::ne  ? "!="
                   : predicate == P::slt ? "<"
                   : predicate == P::sle ? "<="
                   : predicate == P::sgt ? ">"
                   : predicate == P::sge ? ">="
                   : predicate == P::ult ? "<"
                   : predicate == P::ule ? "<="
                   : predicate == P::ugt ? ">"
                                         : ">=";
  bool isUnsigned = predicate == P::ult || predicate == P::ule || predicate == P::ugt || predicate == P::uge;
  StringRef cast = isUnsigned ? "(unsigned long long)" : "";
  return fmt::format("{}{} {} {}{}", cast.str(), a, sign.str(), cast.str(), b);
}

/// Comparisons that are true for NaN are negations of ones that are false.
static std::string comparison(arith::CmpFPredicate predicate, const std::string& a, const std::string& b) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::OEQ:
    return fmt::format("{} == {}", a, b);
  case P::UNE:
    return fmt::format("{} != {}", a, b);
  case P::OLT:
    return fmt::format("{} < {}", a, b);
  case P::OLE:
    return fmt::format("{} <= {}", a, b);
  case P::OGT:
    return fmt::format("{} > {}", a, b);
  case P::OGE:
    return fmt::format("{} >= {}", a, b);
  case P::ULT:
    return fmt::format("!({} >= {})", a, b);
  case P::ULE:
    return fmt::format("!({} > {})", a, b);
  case P::UGT:
    return fmt::format("!({} <= {})", a, b);
  case P::UGE:
    return fmt::format("!({} < {})", a, b);
  case P::ONE:
    return fmt::format("{0} < {1} || {0} > {1}", a, b);
  case P::UEQ:
    return fmt::format("!({0} < {1} || {0} > {1})", a, b);
  case P::ORD:
    return fmt::format("{0} == {0} && {1} == {1}", a, b);
  case P::UNO:
    return a == b ? fmt::format("{0} != {0}", a) : fmt::format("{0} != {0} || {1} != {1}", a, b);
  case P::AlwaysTrue:
    return "true";
  case P::AlwaysFalse:
    return "false";
  }
  llvm_unreachable("all predicates are listed");
}

std::string ScalarText::operator()(Value value) const {
  auto known = texts.find(value);
  if (known != texts.end())
    return known->second;
  Attribute constant;
  if (matchPattern(value, m_Constant(&constant))) {
    std::string text = literal(constant);
    return text.front() == '-' ? "(" + text + ")" : text;
  }
  return "/* unknown value */";
}

std::string ScalarText::whole(Value value) const {
  std::string text = (*this)(value);
  if (text.size() < 2 || text.front() != '(' || text.back() != ')')
    return text;
  int depth = 0; // the first parenthesis must be closed by the last
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth == 0)
      return text;
  }
  return text.substr(1, text.size() - 2);
}

bool ScalarText::isUnbounded(Value value) const {
  auto [known, isNew] = unbounded.try_emplace(value, false);
  if (!isNew)
    return known->second;
  bool found = findUnbounded(value);
  return unbounded[value] = found;
}

bool ScalarText::findUnbounded(Value value) const {
  if (!value.getType().isInteger(64))
    return false;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Operation* parent = argument.getOwner()->getParentOp();
    if (auto loop = dyn_cast<scf::ForOp>(parent))
      return argument != loop.getInductionVar();
    return isa<tile::KernelOp>(parent); // else a row's head or query
  }
  Operation* op = value.getDefiningOp();
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return !constant.isSignedIntN(32);
  if (isa<tile::SizeOp, tile::BlockIndexOp, tile::IndexOp>(op))
    return false;
  if (!isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) ||
      isa<arith::FPToSIOp, arith::ShLIOp>(op))
    return true;
  auto isConstant = [](Value operand) { return matchPattern(operand, m_Constant()); };
  bool product = isa<arith::MulIOp>(op) && llvm::none_of(op->getOperands(), isConstant);
  return product || llvm::any_of(op->getOperands(), [&](Value operand) { return isUnbounded(operand); });
}

/// The function that stands for an operator where the result may leave 64 bits.
static StringRef wrapping(Operation& op) {
  return llvm::TypeSwitch<Operation*, StringRef>(&op)
      .Case([](arith::AddIOp) { return "wrap_add"; })
      .Case([](arith::SubIOp) { return "wrap_sub"; })
      .Case([](arith::MulIOp) { return "wrap_mul"; })
      .Case([](arith::ShLIOp) { return "wrap_shl"; })
      .Default(StringRef());
}

std::string ScalarText::expression(Operation& op) const {
  auto a = [&] { return (*this)(op.getOperand(0)); };
  auto b = [&] { return (*this)(op.getOperand(1)); };
  if (StringRef name = wrapping(op); !name.empty())
    if (isa<arith::ShLIOp>(op) ||
        llvm::any_of(op.getOperands(), [&](Value operand) { return isUnbounded(operand); }))
      return fmt::format("{}({}, {})", name.str(), whole(op.getOperand(0)), whole(op.getOperand(1)));
  if (isa<arith::DivFOp>(op) && matchPattern(op.getOperand(0), m_OneFloat()))
    return "math::inverse(" + whole(op.getOperand(1)) + ")";
  if (StringRef sign = infix(op); !sign.empty()) {
    if (isa<arith::XOrIOp>(op) && matchPattern(op.getOperand(1), m_One()) &&
        op.getResult(0).getType().isInteger(1))
      return "!" + a();
    return fmt::format("{} {} {}", a(), sign.str(), b());
  }
  if (StringRef name = function(op); !name.empty()) {
    std::string text = name.str() + "(";
    for (auto [i, operand] : llvm::enumerate(op.getOperands()))
      text += (i ? ", " : "") + whole(operand);
    return text + ")";
  }
  return llvm::TypeSwitch<Operation*, std::string>(&op)
      .Case([&](arith::CmpIOp cmp) { return comparison(cmp.getPredicate(), a(), b()); })
      .Case([&](arith::CmpFOp cmp) { return comparison(cmp.getPredicate(), a(), b()); })
      .Case([&](arith::SelectOp select) {
        return fmt::format("{} ? {} : {}", a(), b(), (*this)(select.getFalseValue()));
      })
      .Case([&](arith::NegFOp) { return "-" + a(); })
      .Case<arith::SIToFPOp, arith::UIToFPOp, arith::ExtFOp, arith::FPToSIOp, arith::ExtUIOp, arith::ExtSIOp>(
          [&](auto convert) { return "(" + typeName(convert.getType()) + ")" + a(); })
      .Case([&](arith::TruncIOp) {
        std::string wide = a();
        return StringRef(wide).consume_front("(i64)") ? wide.substr(5) : "(int)" + wide;
      })
      .Default([](Operation*) { return std::string(); });
}

bool ScalarText::isInlined(Operation& op, const std::string& expression) {
  constexpr size_t longest = 40;
  Value result = op.getResult(0);
  return result.hasOneUse() && result.use_begin()->getOwner()->getBlock() == op.getBlock() &&
         expression.size() <= longest;
}

} // namespace attile::cuda
