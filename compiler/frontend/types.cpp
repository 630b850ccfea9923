#include "compiler/frontend/types.h"

#include <array>

namespace attile::ast {
namespace {

using Names = std::string_view;

constexpr std::array<Names, 4> kScalars{"<invalid>", "bool", "int", "f32"};
constexpr std::array<Names, 3> kDTypes{"f32", "f16", "bf16"};
constexpr std::array<Names, 6> kElements{"f32", "f16", "bf16", "int", "i64", "bool"};
constexpr std::array<Names, kNumBuiltins> kBuiltins{
    "s",  "v",     "b",     "h",        "kv_h",  "q",      "k",        "q_pos",
    "qb", "batch", "heads", "kv_heads", "q_len", "kv_len", "head_dim", "head_dim_v"};
constexpr std::array<Names, 3> kUnary{"-", "!", "~"};

struct BinaryInfo {
  Names spelling;
  int precedence;
};
constexpr std::array<BinaryInfo, 18> kBinary{{{"*", 10},
                                              {"/", 10},
                                              {"%", 10},
                                              {"+", 9},
                                              {"-", 9},
                                              {"<<", 8},
                                              {">>", 8},
                                              {"<", 7},
                                              {"<=", 7},
                                              {">", 7},
                                              {">=", 7},
                                              {"==", 6},
                                              {"!=", 6},
                                              {"&", 5},
                                              {"^", 4},
                                              {"|", 3},
                                              {"&&", 2},
                                              {"||", 1}}};

struct FunctionInfo {
  Names name;
  int arity;
};
constexpr std::array<FunctionInfo, 15> kFunctions{{{"min", 2},
                                                   {"max", 2},
                                                   {"abs", 1},
                                                   {"clamp", 3},
                                                   {"pow", 2},
                                                   {"exp", 1},
                                                   {"exp2", 1},
                                                   {"log", 1},
                                                   {"tanh", 1},
                                                   {"sigmoid", 1},
                                                   {"sqrt", 1},
                                                   {"rsqrt", 1},
                                                   {"sin", 1},
                                                   {"cos", 1},
                                                   {"floor", 1}}};
constexpr std::array<Names, 3> kOutputs{"o", "lse", "max"};

template <class E, size_t N> Names nameOf(const std::array<Names, N>& names, E value) {
  return names[static_cast<size_t>(value)];
}

template <class E, size_t N> std::optional<E> named(const std::array<Names, N>& names, Names name) {
  for (size_t i = 0; i < N; ++i)
    if (names[i] == name)
      return static_cast<E>(i);
  return std::nullopt;
}

} // namespace

std::string_view spelling(Scalar s) { return nameOf(kScalars, s); }
std::string_view spelling(DType d) { return nameOf(kDTypes, d); }
std::string_view spelling(Element e) { return nameOf(kElements, e); }
std::string_view spelling(Builtin b) { return nameOf(kBuiltins, b); }
std::string_view spelling(UnaryOp op) { return nameOf(kUnary, op); }
std::string_view spelling(BinaryOp op) { return kBinary[static_cast<size_t>(op)].spelling; }
std::string_view spelling(Function f) { return kFunctions[static_cast<size_t>(f)].name; }
std::string_view spelling(OutputKind o) { return nameOf(kOutputs, o); }

std::optional<DType> dtypeNamed(std::string_view name) { return named<DType>(kDTypes, name); }
std::optional<Element> elementNamed(std::string_view name) { return named<Element>(kElements, name); }
std::optional<Builtin> builtinNamed(std::string_view name) { return named<Builtin>(kBuiltins, name); }
std::optional<OutputKind> outputNamed(std::string_view name) { return named<OutputKind>(kOutputs, name); }
std::optional<Function> functionNamed(std::string_view name) {
  for (size_t i = 0; i < kFunctions.size(); ++i)
    if (kFunctions[i].name == name)
      return static_cast<Function>(i);
  return std::nullopt;
}

Scalar scalarOf(Element element) {
  switch (element) {
  case Element::F32:
  case Element::F16:
  case Element::BF16:
    return Scalar::F32;
  case Element::I32:
  case Element::I64:
    return Scalar::Int;
  case Element::Bool:
    return Scalar::Bool;
  }
  return Scalar::Invalid;
}

Scalar scalarOf(const Value& value) {
  constexpr Scalar kinds[] = {Scalar::Bool, Scalar::Int, Scalar::F32};
  return kinds[value.index()];
}

Type typeOf(Builtin builtin) {
  if (builtin == Builtin::S)
    return {Scalar::F32, false};
  if (builtin == Builtin::V)
    return {Scalar::F32, true};
  return {Scalar::Int, false};
}

bool isSize(Builtin builtin) { return builtin >= Builtin::Batch; }
int arity(Function function) { return kFunctions[static_cast<size_t>(function)].arity; }
int precedence(BinaryOp op) { return kBinary[static_cast<size_t>(op)].precedence; }
bool isRelational(BinaryOp op) { return op >= BinaryOp::Lt && op <= BinaryOp::Ge; }
bool isEquality(BinaryOp op) { return op == BinaryOp::Eq || op == BinaryOp::Ne; }

} // namespace attile::ast
