#pragma once

#include "compiler/reference/interpreter.h"
#include "compiler/reference/monoid.h"

/// The naive chain of a kernel, bound to the arguments of one call and decoded: internal to the interpreter.
namespace attile::reference {

/// q, k or v, with the transforms that are applied as it is loaded.
struct Operand {
  std::string name;
  ConstTensorView view; ///< [batch, heads | kv_heads, len, channels]; no data if it was not given
  std::vector<Program> transforms;
  int64_t channels = 0;
};

/// attn.scores of two operands, or attn.modify of earlier scores.
struct ScoreNode {
  int query = -1, key = -1; ///< operands
  Program modify;
  std::vector<int> inputs;
  bool hasDot = true; ///< depends on q . k
  bool isDot() const { return query >= 0; }
};

/// attn.mask, or attn.block_table.
struct VisibleNode {
  Program region; ///< the mask, or the leading indices of the table
  std::optional<Bindings::Tensor> table;
  int64_t qBlock = 0, kBlock = 0;
};

struct Reduction {
  Monoid monoid;
  std::vector<int> scores, values, where;
  std::optional<Program> sink;
  int64_t channels = 1; ///< of the values
};

/// A result of the kernel: an output of a reduction, transformed.
struct OutputNode {
  std::string name;
  int reduction = 0, output = 0;
  std::vector<Program> transforms;
};

struct Chain {
  Sizes sizes;
  std::vector<Operand> operands;
  std::vector<ScoreNode> scores; ///< inputs before users
  std::vector<VisibleNode> visible;
  std::vector<Reduction> reductions;
  std::vector<OutputNode> outputs;

  int64_t kvHead(int64_t h) const { return h / (sizes.heads / sizes.kvHeads); }
};

/// The kernel's params for one call, checked against their types and dims.
Result<Bindings> bindParams(attn::KernelOp kernel, const Sizes& sizes, const Arguments& arguments);
Result<Chain> decodeChain(attn::KernelOp kernel, const Sizes& sizes, const Arguments& arguments);

} // namespace attile::reference
