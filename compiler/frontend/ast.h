#pragma once

#include "compiler/frontend/source.h"
#include "compiler/frontend/types.h"

#include <bitset>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

/// The syntax tree of a spec file. `parse` builds it with names unresolved; `check` completes it in place:
/// names become references, every Expr gets its type, conversions become explicit Cast nodes, and what the
/// user left out is filled in. Consumers of a checked tree never meet Name, Member or Invalid nodes.
namespace attile::ast {

using frontend::SourceRange;

struct Param;
struct Let;
struct Argument;
struct Field;
struct UserFunction;
struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

// ---- expressions ---------------------------------------------------------------------------------------
// A node says what is done; Expr::operands holds its operands, in source order.

/// Stands where an error was reported.
struct Invalid {};
/// Unresolved.
struct Name {
  std::string name;
};
/// Unresolved `a.field`.
struct Member {
  std::string object, member;
};
/// Also what `inf` and `pi` become.
struct Literal {
  Value value;
};
struct BuiltinRef {
  Builtin builtin;
};
/// A scalar param.
struct ParamRef {
  const Param* param;
};
/// An element of a tensor param; one Int operand for each dimension, clamped to the extent where it is read.
struct Load {
  const Param* param;
  std::string name;
};
struct LetRef {
  const Let* let;
};
struct ArgumentRef {
  const Argument* argument;
};
/// The Sum is a node of an ancestor of this expression.
struct SumIndexRef {
  const struct Sum* sum;
};
/// New: assigned earlier in this merge; in finalize: the state.
enum class Side : uint8_t { A, B, New };
struct FieldRef {
  const Field* field;
  Side side;
};
struct Unary {
  UnaryOp op;
};
/// Operands have one type (after Casts). Int `/` and `%` floor, x / 0 = x % 0 = 0; shift amounts are clamped
/// to 0..63; both sides of && and || may be evaluated.
struct Binary {
  BinaryOp op;
  SourceRange opRange;
};
/// Operands: condition, then, else.
struct Select {};
struct Call {
  Function function;
};
/// A call of a user's function; operands are of the declared types.
struct Apply {
  const UserFunction* function;
  std::string name;
};
/// To F32 or Int. F32 to Int truncates and saturates, NaN gives 0; Bool gives 0 or 1.
struct Cast {
  Scalar to;
  bool implicit = false;
};
/// sum(index in lo..hi, body), hi excluded. Operands: lo, hi, body from the parser; body alone once checked.
struct Sum {
  std::string index;
  SourceRange indexRange;
  int64_t lo = 0, hi = 0;
};

using Node = std::variant<Invalid, Name, Member, Literal, BuiltinRef, ParamRef, Load, LetRef, ArgumentRef,
                          SumIndexRef, FieldRef, Unary, Binary, Select, Call, Apply, Cast, Sum>;

struct Expr {
  SourceRange range;
  Type type;
  Node node;
  std::vector<ExprPtr> operands;
  uint32_t depth = 1;         ///< height of this tree; at most kMaxDepth, so recursive walks are safe
  bool parenthesised = false; ///< the user wrote ( ) around it

  template <class N> const N* as() const { return std::get_if<N>(&node); }
  template <class N> N* as() { return std::get_if<N>(&node); }
  const Expr& operand(size_t i) const { return *operands[i]; }
};

/// Limits that keep every input's cost bounded; documented in docs/language.md.
inline constexpr uint32_t kMaxDepth = 256; ///< of an expression, also with functions expanded
inline constexpr uint64_t kMaxExpandedSize =
    65536;                                    ///< nodes of an attention, with functions and sums expanded
inline constexpr int64_t kMaxSumRange = 1024; ///< terms of one sum
inline constexpr int64_t kMaxBlock = 1048576; ///< q_block, k_block
inline constexpr int64_t kMaxHeadDim = 4096;
inline constexpr size_t kMaxRank = 8;
inline constexpr size_t kMaxArguments = 64;    ///< of a function; fields of a fold
inline constexpr size_t kMaxStatements = 1024; ///< in one attention
inline constexpr size_t kMaxFileSize = 1u << 20;

// ---- declarations --------------------------------------------------------------------------------------

/// One dimension of a tensor param.
struct Dim {
  enum class Kind : uint8_t {
    Size,  ///< equals a size: batch, heads, kv_heads, q_len, kv_len, head_dim, head_dim_v
    Fixed, ///< equals `extent`
    Named, ///< any extent; equal names (within the attention) mean equal extents
    Any,   ///< `_`: any extent
  };
  Kind kind = Kind::Any;
  Builtin size = Builtin::Batch;
  int64_t extent = 0;
  std::string name;
  SourceRange range;
};

/// A run-time input: a scalar (Int, F32 or Bool), or a tensor of `dims` (rank >= 1).
struct Param {
  std::string name;
  SourceRange nameRange;
  Element element = Element::F32;    ///< of a scalar: I64 for `int`, F32, Bool
  std::vector<Dim> dims;             ///< empty for a scalar
  ExprPtr defaultExpr;               ///< as written; may be null
  std::optional<Value> defaultValue; ///< evaluated, of type scalarOf(element)

  bool isTensor() const { return !dims.empty(); }
};

/// `let name = value`. `value` sees the score as it is at this place among the steps.
struct Let {
  std::string name;
  SourceRange nameRange;
  ExprPtr value;
};

struct Argument {
  std::string name;
  SourceRange nameRange;
  Scalar type = Scalar::Invalid;
  size_t index = 0;
};

/// fn name(arguments) : result = body. Pure and not recursive, so a call can be expanded anywhere: evaluate
/// the operands of the Apply, then the body with ArgumentRef(i) standing for the i-th. An argument that is
/// perV makes the body elementwise in v. Local functions also see the attention's params and the sizes.
struct UserFunction {
  std::string name;
  SourceRange nameRange;
  std::vector<std::unique_ptr<Argument>> arguments;
  Scalar result = Scalar::Invalid;
  ExprPtr body; ///< of type `result`
};

struct Score {
  ExprPtr value;
  SourceRange range;
};

/// Lets and scores, in source order: each Score's value becomes the next `s`.
using Step = std::variant<std::unique_ptr<Let>, Score>;

/// blocks table[index...] q_block = .., k_block = ..
/// Row q visits key block j iff j is listed in table[index..., *], which ends at the first negative entry or
/// the last slot; an entry not greater than its predecessor is ignored. A visited key is visible iff the mask
/// holds.
struct Blocks {
  std::string tableName;
  SourceRange tableRange;
  const Param* table = nullptr;   ///< int or i64, rank index.size() + 1
  std::vector<ExprPtr> index;     ///< over b, h, kv_h, qb, sizes, params
  ExprPtr qBlockExpr, kBlockExpr; ///< as written
  int64_t qBlock = 0, kBlock = 0;
  SourceRange range;
};

/// A field of a user's monoid: a row scalar, or row x dv if its lift mentions v (`perV`). Always f32.
struct Field {
  std::string name;
  SourceRange nameRange;
  size_t index = 0; ///< in Fold::fields
  bool perV = false;
  ExprPtr initExpr; ///< as written
  double init = 0;  ///< the identity's value
  ExprPtr lift;     ///< over s, v, b, h, kv_h, q, k, q_pos, sizes, params, lets
  ExprPtr merge;    ///< over a.*, b.*, fields merged earlier, sizes, params
};

struct Finalize {
  OutputKind output;
  SourceRange range;
  ExprPtr value;
};

/// The user's own monoid. Merging with the identity gives the other side by definition, whatever `merge`
/// computes (so exp(-inf - -inf) is never the user's problem); a row without keys finalizes the identity.
struct Fold {
  std::vector<std::unique_ptr<Field>> fields;
  std::vector<const Field*> mergeOrder; ///< the order in which `merge` assigns the fields
  /// Over the fields, b, h, kv_h, q, q_pos, sizes, params, and lets without s and k.
  std::vector<Finalize> finalize;
};

/// `sink`: a logit merged once for each row, over b, h, kv_h, sizes, params; may be null.
struct Softmax {
  ExprPtr sink;
};
/// o = sum sigmoid(s) v
struct SigmoidSum {};
/// o = sum s v
struct PlainSum {};
using Normalizer = std::variant<Softmax, SigmoidSum, PlainSum, std::unique_ptr<Fold>>;

struct HeadDim {
  int64_t qk = 0, v = 0;
};

/// One variant. After `check`, dtype and headDim are set and scale and outputs are filled in.
struct Attention {
  std::string name;
  SourceRange nameRange;

  std::optional<DType> dtype;
  SourceRange dtypeRange;
  ExprPtr headDimQkExpr, headDimVExpr; ///< as written; may be null
  std::optional<HeadDim> headDim;
  SourceRange headDimRange;
  std::vector<std::unique_ptr<Param>> params;           ///< in source order
  std::vector<std::unique_ptr<UserFunction>> functions; ///< local ones
  std::vector<Step> steps;
  ExprPtr scale; ///< F32, over b, h, kv_h, sizes, params, lets of these; default 1 / sqrt(head_dim)
  std::vector<ExprPtr> masks; ///< Bool, without s; a key is visible iff all hold
  std::optional<Blocks> blocks;
  Normalizer normalizer;
  SourceRange normalizerRange;
  struct Output {
    OutputKind kind;
    SourceRange range;
  };
  std::vector<Output> outputs; ///< in source order, no duplicates; default o
};

struct File {
  std::vector<std::unique_ptr<UserFunction>> functions; ///< top-level ones
  std::vector<std::unique_ptr<Attention>> attentions;
  std::set<std::string>
      broken; ///< names whose declaration had a syntax error: using them is no further error

  /// The attention of that name, or null.
  const Attention* find(std::string_view name) const;
};

// ---- facts ---------------------------------------------------------------------------------------------

using BuiltinSet = std::bitset<kNumBuiltins>;
inline size_t bit(Builtin b) { return static_cast<size_t>(b); }

/// Pre-order walk over an expression (not into lets or functions).
void walk(const Expr& expr, const std::function<void(const Expr&)>& visit);

/// Visits the attention's expressions (not those of functions, nor constants), in the order scale, steps,
/// masks, blocks, normaliser.
void forEachExpr(const Attention& attention, const std::function<void(const Expr&)>& visit);

/// The built-in names that the value depends on, through lets and functions. QPos counts as Q, QLen, KvLen
/// too.
BuiltinSet dependencies(const Expr& expr);
bool dependsOn(const Expr& expr, Builtin builtin);
/// Whether the value depends on that param, through lets and functions.
bool uses(const Expr& expr, const Param& param);

/// The value of a checked expression that depends on nothing at run time, else none. head_dim and head_dim_v
/// are known if given.
std::optional<Value> constantValue(const Expr& expr, std::optional<HeadDim> headDim = std::nullopt);

} // namespace attile::ast
