//===- mask_machine.h - runs masks and the code that the mask analysis emits for them ---===//
//
// A mask is attn IR in text. Machine parses it, lets MaskAnalysis emit its code into blocks, and evaluates
// both with a small interpreter that traps on what a kernel must never do (a division by zero or that
// overflows).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/analysis/mask.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace attile::test {

/// Elements of a captured tensor, row-major.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> reals;
  std::vector<int64_t> integers;
};

/// What a mask is evaluated with.
struct Inputs {
  std::map<std::string, int64_t> sizes; ///< batch, heads, kv_heads, q_len, kv_len
  std::vector<int64_t> integers;        ///< value of the i-th captured argument, if an integer
  std::vector<double> reals;            ///< ..., if a float
  std::vector<Tensor> tensors;          ///< ..., if a tensor
  int64_t summaryBlock = 1;             ///< bounds are those of whole blocks of this many elements
  bool singlePrecision = false;         ///< round floats to f32 after each operation
};

struct Box {
  int64_t b, h0, h1, kvH, q0, q1;
};

struct Verdict {
  bool any, all;
};

/// `captures`: "%w: i64, %doc: tensor<?xi32>"; `body` yields from ^bb0(%b, %h, %kv_h, %q, %k).
class Machine {
public:
  Machine(const std::string& captures, const std::string& body, bool oneHead);
  ~Machine();

  /// How many operations classify costs for one range of keys.
  size_t classifyCost() const;

  /// Sets the inputs for what follows.
  void bind(const Inputs& inputs);
  bool visible(int64_t b, int64_t h, int64_t kvH, int64_t q, int64_t k);
  /// Evaluates the row facts of a box: call before keyRange and classify.
  void enter(const Box& box);
  std::pair<int64_t, int64_t> keyRange();
  Verdict classify(int64_t k0, int64_t k1);

private:
  struct Implementation;
  std::unique_ptr<Implementation> self;
};

} // namespace attile::test
