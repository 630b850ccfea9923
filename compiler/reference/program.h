#pragma once

#include <attile/result.h>
#include <attile/tensor.h>

#include <llvm/ADT/DenseMap.h>
#include <mlir/IR/Region.h>

#include <span>
#include <string>
#include <variant>
#include <vector>

/// Scalar regions of the attn dialect (arith, math, scf.if, attn.size/lookup/floordiv/floormod), decoded once
/// into a flat register program and run over lanes: keys of a row, or channels of a value vector.
/// Floats are double, integers wrap around at 64 bits, conversions to integer saturate (NaN gives 0).
namespace attile::reference {

struct Sizes {
  int64_t batch = 1, heads = 1, kvHeads = 1, qLen = 1, kvLen = 1;
};

using Scalar = std::variant<bool, int64_t, double>;

/// What a region refers to outside itself: scalar and tensor arguments of the kernel, and sizes.
struct Bindings {
  struct Tensor {
    std::string name;
    ConstTensorView view;
  };
  Sizes sizes;
  llvm::DenseMap<mlir::Value, Scalar> scalars;
  llvm::DenseMap<mlir::Value, Tensor> tensors;
};

/// Lookups whose index was clamped although their value mattered: not on the branch that a select, && or ||
/// leaves out. Describes the first one and counts all, for one tensor.
struct Clamped {
  std::string tensor;
  int dimension = 0;
  int64_t index = 0, extent = 0;
  int64_t lane = 0;
  int64_t count = 0;
};

class Program {
public:
  /// `varying[i]`: argument i of the region's block differs between lanes. What depends on no varying
  /// argument is computed once for a run.
  static Result<Program> decode(mlir::Region& region, llvm::ArrayRef<bool> varying, const Bindings& bindings);

  size_t numResults() const { return results.size(); }
  bool resultVaries(size_t i) const { return !values(results[i].isFloat)[results[i].index].uniform; }

  /// One lane. Arguments and results have the region's types.
  std::vector<Scalar> evaluate(std::span<const Scalar> arguments) const;

private:
  friend class Frame;
  friend class Decoder;
  struct Register {
    bool isFloat = false;
    int index = -1; ///< in the file of floats or of integers (and bools, 0 or 1)
  };
  struct Value {
    bool uniform = true;    ///< the same in all lanes
    bool broadcast = false; ///< uniform, but read by instructions that vary
  };
  struct Instruction {
    uint8_t code;
    bool uniform, boolean; ///< of the result
    uint8_t numOperands;
    int predicate =
        0; ///< of a float comparison: bit 0 equal, 1 greater, 2 less, 3 unordered; else index in `lookups`
    Register result, operands[3];
  };
  struct Lookup {
    int tensor;
    std::vector<int> indices; ///< integer registers, one a dimension
  };
  struct Constant {
    Register target;
    double f = 0;
    int64_t i = 0;
  };
  const std::vector<Value>& values(bool isFloat) const { return isFloat ? floats : ints; }
  Value& value(Register r) { return (r.isFloat ? floats : ints)[r.index]; }

  std::vector<Value> floats, ints;
  std::vector<Instruction> instructions;
  std::vector<Lookup> lookups;
  std::vector<Bindings::Tensor> tensors;
  std::vector<Constant> constants;
  std::vector<Register> arguments, results;
  std::vector<uint8_t> resultIsBool;
};

/// Registers to run a program with; one for each thread. The program must outlive it.
class Frame {
public:
  Frame(const Program& program, int64_t lanes);
  Frame(Frame&&) = default;
  Frame(const Frame&) = delete;

  void set(size_t argument, double value);
  void set(size_t argument, int64_t value);
  /// A varying argument; the memory must hold as many lanes as the runs take, and outlive them.
  void bind(size_t argument, const double* lanes);
  void bind(size_t argument, const int64_t* lanes);

  /// Runs lanes [0, n), n at most `lanes`. `demanded` (all lanes if null) only narrows what `clamped`
  /// reports.
  void run(int64_t n, const uint8_t* demanded = nullptr);

  /// Lanes of a result, only lane 0 if it does not vary; valid until the next run.
  const double* floats(size_t result) const { return f[program->results[result].index]; }
  const int64_t* ints(size_t result) const { return i[program->results[result].index]; }

  /// What the last run clamped.
  const std::vector<Clamped>& clamped() const { return clampedLookups; }

private:
  void execute(const Program::Instruction& instruction, int64_t n);
  void lookup(const Program::Lookup& lookup, int64_t n, double* rf, int64_t* ri);
  void reportClamped(int64_t n, const uint8_t* demanded);
  bool matters(const Program::Instruction& instruction, int operand, int64_t lane) const;
  void countClamped(const Program::Lookup& lookup, const std::vector<uint8_t>& wanted, bool uniform);
  int64_t intAt(int reg, int64_t lane) const { return i[reg][program->ints[reg].uniform ? 0 : lane]; }

  const Program* program;
  int64_t lanes;
  std::vector<double> floatStorage;
  std::vector<int64_t> intStorage, offsets;
  std::vector<const double*> f;
  std::vector<const int64_t*> i;
  bool anyClamped = false;
  std::vector<Clamped> clampedLookups;
};

} // namespace attile::reference
