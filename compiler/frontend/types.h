#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

/// The vocabulary of the spec language: types, names that are always in scope, operators, functions.
namespace attile::ast {

/// Type of an expression. Int is 64-bit in meaning; F32 is the type of scores and sums.
/// Invalid occurs only where an error has been reported.
enum class Scalar : uint8_t { Invalid, Bool, Int, F32 };

struct Type {
  Scalar scalar = Scalar::Invalid;
  bool perV = false; ///< one value for each component of v (only inside a fold): row x dv, else a row scalar

  bool operator==(const Type&) const = default;
  bool isNumber() const { return scalar == Scalar::Int || scalar == Scalar::F32; }
};

/// Type in memory of q, k, v and o.
enum class DType : uint8_t { F32, F16, BF16 };

/// Type in memory of a tensor param's elements: bool is a byte, `int` is I32. Reads widen to Bool, Int or
/// F32.
enum class Element : uint8_t { F32, F16, BF16, I32, I64, Bool };

/// Value of a constant expression. A float is kept as written, in double; kernels round it to f32.
using Value = std::variant<bool, int64_t, double>;

/// Names that the language itself puts in scope.
enum class Builtin : uint8_t {
  S,    ///< `s`: the score so far: scaled, then what each `score` statement made of it
  V,    ///< `v`: the value row of key k (only in a fold's lift)
  B,    ///< `b`: batch entry
  H,    ///< `h`: query head
  KvH,  ///< `kv_h`: key/value head, h / (heads / kv_heads)
  Q,    ///< `q`: query row, from 0
  K,    ///< `k`: key row, from 0
  QPos, ///< `q_pos`: q + kv_len - q_len
  QB,   ///< `qb`: query block q / q_block (only in `blocks`)
  Batch,
  Heads,
  KvHeads,
  QLen,
  KvLen,
  HeadDim,  ///< `head_dim`: of q and k; static
  HeadDimV, ///< `head_dim_v`: of v and o; static
};
inline constexpr int kNumBuiltins = 16;

enum class UnaryOp : uint8_t { Neg, Not, BitNot };

enum class BinaryOp : uint8_t {
  Mul,
  Div,
  Rem,
  Add,
  Sub,
  Shl,
  Shr,
  Lt,
  Le,
  Gt,
  Ge,
  Eq,
  Ne,
  BitAnd,
  BitXor,
  BitOr,
  And,
  Or,
};

/// Functions of the language; all but Min, Max, Abs and Clamp take and give F32.
enum class Function : uint8_t {
  Min,
  Max,
  Abs,
  Clamp,
  Pow,
  Exp,
  Exp2,
  Log,
  Tanh,
  Sigmoid,
  Sqrt,
  Rsqrt,
  Sin,
  Cos,
  Floor,
};

enum class OutputKind : uint8_t { O, Lse, Max };

std::string_view spelling(Scalar);
std::string_view spelling(DType);
std::string_view spelling(Element); ///< `int` for I32
std::string_view spelling(Builtin);
std::string_view spelling(UnaryOp);
std::string_view spelling(BinaryOp);
std::string_view spelling(Function);
std::string_view spelling(OutputKind);

std::optional<DType> dtypeNamed(std::string_view);
std::optional<Element> elementNamed(std::string_view);
std::optional<Builtin> builtinNamed(std::string_view);
std::optional<Function> functionNamed(std::string_view);
std::optional<OutputKind> outputNamed(std::string_view);

/// The type that reading such an element gives.
Scalar scalarOf(Element);
Scalar scalarOf(const Value&);
/// S and V are F32 (V perV); indices and sizes are Int.
Type typeOf(Builtin);
/// Batch ... HeadDimV: the same for all rows and keys.
bool isSize(Builtin);
/// Number of arguments.
int arity(Function);
/// C's: 10 for * / %, down to 1 for ||.
int precedence(BinaryOp);
bool isRelational(BinaryOp); ///< < <= > >=
bool isEquality(BinaryOp);   ///< == !=

} // namespace attile::ast
