#include "compiler/reference/opcodes.h"
#include "compiler/reference/program.h"

#include "dialect/attn/Attn.h"

#include <fmt/core.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/ADT/TypeSwitch.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/SCF/IR/SCF.h>

namespace attile::reference {
namespace {

std::string text(mlir::Operation* op) { return op->getName().getStringRef().str(); }

/// The operations that are one instruction with their operands in order.
const llvm::StringMap<Code>& plainOperations() {
  static const llvm::StringMap<Code> table = {
#define X(code, name, value) {name, Code::code},
      ATTILE_F_F(X) ATTILE_F_FF(X) ATTILE_F_FFF(X) ATTILE_I_I(X) ATTILE_I_II(X) ATTILE_I_F(X) ATTILE_F_I(X)
#undef X
  };
  return table;
}

/// LLVM's encoding of float predicates; arith numbers them differently from UEQ on.
int predicateBits(mlir::arith::CmpFPredicate predicate) {
  int p = static_cast<int>(predicate);
  return predicate == mlir::arith::CmpFPredicate::UNO ? 8 : p >= 8 && p < 15 ? p + 1 : p;
}

} // namespace

class Decoder {
public:
  Decoder(const Bindings& bindings) : bindings(bindings) {}

  Result<Program> decode(mlir::Region& region, llvm::ArrayRef<bool> varying) {
    mlir::Block& block = region.front();
    if (block.getNumArguments() != varying.size())
      return internal_error(fmt::format("the region of '{}' takes {} arguments, expected {}",
                                        text(region.getParentOp()), block.getNumArguments(), varying.size()));
    for (auto [argument, varies] : llvm::zip(block.getArguments(), varying)) {
      if (!supported(argument.getType()))
        return unsupportedType(argument.getType(), region.getParentOp());
      program.arguments.push_back(define(argument, !varies));
    }
    std::vector<Program::Register> results;
    if (Result<void> done = body(block, program.results); !done)
      return done.error();
    for (mlir::Value value : block.getTerminator()->getOperands())
      program.resultIsBool.push_back(value.getType().isInteger(1));
    return std::move(program);
  }

private:
  using Register = Program::Register;

  static bool supported(mlir::Type type) {
    return type.isF32() || type.isF64() || type.isInteger(1) || type.isInteger(64);
  }
  static Error unsupportedType(mlir::Type type, mlir::Operation* op) {
    std::string spelled;
    llvm::raw_string_ostream(spelled) << type;
    return internal_error(
        fmt::format("the reference interpreter has no values of type {} ('{}')", spelled, text(op)));
  }

  Register newRegister(bool isFloat, bool uniform) {
    auto& file = isFloat ? program.floats : program.ints;
    file.push_back({uniform, false});
    return {isFloat, static_cast<int>(file.size()) - 1};
  }
  Register define(mlir::Value value, bool uniform) {
    return registers[value] = newRegister(mlir::isa<mlir::FloatType>(value.getType()), uniform);
  }
  Register constant(mlir::Value value, const Scalar& scalar) {
    Register target = define(value, true);
    Program::Constant entry{target};
    std::visit([&](auto x) { entry.f = static_cast<double>(x), entry.i = static_cast<int64_t>(x); }, scalar);
    program.constants.push_back(entry);
    return target;
  }

  /// The register of an operand; operations outside the region (constants that were hoisted) are decoded too.
  Result<Register> use(mlir::Value value) {
    if (auto found = registers.find(value); found != registers.end())
      return found->second;
    if (auto found = bindings.scalars.find(value); found != bindings.scalars.end())
      return constant(value, found->second);
    if (mlir::Operation* op = value.getDefiningOp()) {
      if (Result<void> done = operation(op); !done)
        return done.error();
      return registers.lookup(value);
    }
    return internal_error("a region refers to an argument that was not given to the reference interpreter");
  }

  Result<void> body(mlir::Block& block, std::vector<Register>& results) {
    for (mlir::Operation& op : block.without_terminator())
      if (Result<void> done = operation(&op); !done)
        return done;
    for (mlir::Value value : block.getTerminator()->getOperands()) {
      Result<Register> used = use(value);
      if (!used)
        return used.error();
      results.push_back(*used);
    }
    return {};
  }

  void emit(Code code, int predicate, mlir::Value value, Register result,
            std::span<const Register> operands) {
    Program::Instruction instruction{.code = static_cast<uint8_t>(code),
                                     .uniform = program.value(result).uniform,
                                     .boolean = value.getType().isInteger(1),
                                     .numOperands = static_cast<uint8_t>(operands.size()),
                                     .predicate = predicate,
                                     .result = result,
                                     .operands = {}};
    std::copy(operands.begin(), operands.end(), instruction.operands);
    program.instructions.push_back(instruction);
  }
  /// A result varies if an operand does; its uniform operands are then read lane by lane.
  void emit(mlir::Value value, Code code, int predicate, std::span<const Register> operands) {
    bool uniform = llvm::all_of(operands, [&](Register r) { return program.value(r).uniform; });
    if (!uniform)
      for (Register r : operands)
        program.value(r).broadcast = true;
    emit(code, predicate, value, define(value, uniform), operands);
  }

  Result<void> operation(mlir::Operation* op) {
    if (op->getNumResults() > 0 && registers.contains(op->getResult(0)))
      return {};
    for (mlir::Value result : op->getResults())
      if (!supported(result.getType()))
        return unsupportedType(result.getType(), op);
    if (auto branch = mlir::dyn_cast<mlir::scf::IfOp>(op))
      return conditional(branch);
    if (auto lookup = mlir::dyn_cast<attn::LookupOp>(op))
      return this->lookup(lookup);
    if (auto size = mlir::dyn_cast<attn::SizeOp>(op))
      return this->size(size);
    if (auto literal = mlir::dyn_cast<mlir::arith::ConstantOp>(op)) {
      if (auto number = mlir::dyn_cast<mlir::FloatAttr>(literal.getValue()))
        constant(literal, number.getValueAsDouble());
      else
        constant(literal,
                 literal.getType().isInteger(1)
                     ? int64_t(mlir::cast<mlir::IntegerAttr>(literal.getValue()).getValue().getZExtValue())
                     : mlir::cast<mlir::IntegerAttr>(literal.getValue()).getValue().getSExtValue());
      return {};
    }
    std::vector<Register> operands;
    for (mlir::Value operand : op->getOperands()) {
      Result<Register> used = use(operand);
      if (!used)
        return used.error();
      operands.push_back(*used);
    }
    return arithmetic(op, operands);
  }

  Result<void> arithmetic(mlir::Operation* op, std::span<const Register> operands) {
    if (op->getNumResults() == 1) {
      mlir::Value result = op->getResult(0);
      if (auto compare = mlir::dyn_cast<mlir::arith::CmpFOp>(op))
        return emit(result, Code::CompareF, predicateBits(compare.getPredicate()), operands), Result<void>{};
      if (auto compare = mlir::dyn_cast<mlir::arith::CmpIOp>(op))
        if (!compare.getLhs().getType().isInteger(1) ||
            compare.getPredicate() <= mlir::arith::CmpIPredicate::ne)
          return emit(result, Code(int(Code::EqI) + int(compare.getPredicate())), 0, operands),
                 Result<void>{};
      if (mlir::isa<mlir::arith::SelectOp>(op))
        return emit(result, operands[1].isFloat ? Code::SelectF : Code::SelectI, 0, operands), Result<void>{};
      bool boolean = result.getType().isInteger(1);
      auto found = plainOperations().find(op->getName().getStringRef());
      if (found != plainOperations().end() &&
          (!boolean ||
           mlir::isa<mlir::arith::AndIOp, mlir::arith::OrIOp, mlir::arith::XOrIOp, mlir::arith::TruncIOp>(
               op)))
        return emit(result, found->second, 0, operands), Result<void>{};
    }
    return internal_error(fmt::format("the reference interpreter does not know '{}'", text(op)));
  }

  /// Both branches, then a select: regions have no effects.
  Result<void> conditional(mlir::scf::IfOp op) {
    Result<Register> condition = use(op.getCondition());
    if (!condition)
      return condition.error();
    std::vector<Register> yes, no;
    if (Result<void> done = body(op.getThenRegion().front(), yes); !done)
      return done;
    if (Result<void> done = body(op.getElseRegion().front(), no); !done)
      return done;
    for (size_t i = 0; i < yes.size(); ++i) {
      Register operands[] = {*condition, yes[i], no[i]};
      emit(op.getResult(i), yes[i].isFloat ? Code::SelectF : Code::SelectI, 0, operands);
    }
    return {};
  }

  Result<void> lookup(attn::LookupOp op) {
    auto tensor = bindings.tensors.find(op.getTensor());
    if (tensor == bindings.tensors.end())
      return internal_error("a lookup reads a tensor that was not given to the reference interpreter");
    Program::Lookup entry{static_cast<int>(program.tensors.size()), {}};
    program.tensors.push_back(tensor->second);
    bool uniform = true;
    for (mlir::Value index : op.getIndices()) {
      Result<Register> used = use(index);
      if (!used)
        return used.error();
      uniform &= program.ints[used->index].uniform;
      entry.indices.push_back(used->index);
    }
    if (!uniform)
      for (int index : entry.indices)
        program.ints[index].broadcast = true;
    program.lookups.push_back(entry);
    Register result = define(op.getResult(), uniform);
    emit(result.isFloat ? Code::LookupF : Code::LookupI, static_cast<int>(program.lookups.size()) - 1,
         op.getResult(), result, {});
    return {};
  }

  Result<void> size(attn::SizeOp op) {
    const std::pair<llvm::StringRef, int64_t> sizes[] = {{"batch", bindings.sizes.batch},
                                                         {"heads", bindings.sizes.heads},
                                                         {"kv_heads", bindings.sizes.kvHeads},
                                                         {"q_len", bindings.sizes.qLen},
                                                         {"kv_len", bindings.sizes.kvLen}};
    for (auto [name, value] : sizes)
      if (name == op.getName()) {
        constant(op.getResult(), value);
        return {};
      }
    return internal_error(fmt::format("the reference interpreter knows no size '{}'", op.getName().str()));
  }

  const Bindings& bindings;
  Program program;
  llvm::DenseMap<mlir::Value, Register> registers;
};

Result<Program> Program::decode(mlir::Region& region, llvm::ArrayRef<bool> varying,
                                const Bindings& bindings) {
  return Decoder(bindings).decode(region, varying);
}

} // namespace attile::reference
