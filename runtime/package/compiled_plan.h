// A package's plan with every name resolved: what verify() checks and a launch evaluates.
#pragma once

#include "package/compiled_expr.h"
#include <attile/package.h>

namespace attile::plan {

/// Indices of the symbols that every plan has; those of operands, params and values follow.
enum SizeSymbol : int { batch, heads, kv_heads, q_len, kv_len, head_dim, head_dim_v, threads, size_symbols };
std::string_view name(SizeSymbol symbol);

struct CompiledTensor {
  TensorSpec spec;
  int first_dim = 0, first_stride = 0;           ///< symbols <name>.dim.0 and <name>.stride.0
  int alignment = 0;                             ///< symbol <name>.alignment
  std::vector<std::optional<CompiledExpr>> dims; ///< nothing where any extent is accepted
  std::vector<std::optional<SizeSymbol>> sizes;  ///< by dimension: the size symbol that it is, if it is one
};

struct CompiledSlot {
  Slot::Kind kind;
  int index = -1; ///< among operands (inputs, tensor params, outputs), scalar params or scratch
  CompiledExpr expr = {};
  std::int64_t rows = 0; ///< of a map's boxes
};

struct CompiledLaunch {
  std::string symbol;
  CompiledExpr grid, worker_scratch;
  std::optional<CompiledExpr> when;
  std::vector<CompiledSlot> slots;
};

struct CompiledPlan {
  std::vector<CompiledTensor> operands; ///< inputs, then tensor params, then outputs
  int inputs = 0, tensor_params = 0, outputs = 0;
  std::vector<int> scalars; ///< by scalar param: its symbol, or -1 of an f32
  int symbols = 0;          ///< size of the symbol table
  int first_value = 0;      ///< symbols of the plan's values start here
  std::vector<CompiledExpr> values;
  std::vector<CompiledExpr> scratch; ///< bytes
  std::vector<CompiledLaunch> launches;

  /// Of the package or of one of its sections. An Error names the place in the plan that uses an unknown
  /// name.
  static Result<CompiledPlan> compile(const Package& package, const Plan& plan);
};

} // namespace attile::plan
