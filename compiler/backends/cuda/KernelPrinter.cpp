//===- KernelPrinter.cpp - signature, statements and control flow of a kernel ------------===//
#include "compiler/backends/cuda/KernelPrinter.h"

#include "compiler/backends/cuda/Emit.h"
#include "compiler/backends/cuda/PrepareForEmission.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace attile::cuda {

// ---- text ------------------------------------------------------------------------------------------------

/// The line of the spec, for operations that are a user's own.
static std::string specLine(Location place, Location kernel) {
  auto of = [](Location location) { return location->findInstanceOf<FileLineColLoc>(); };
  FileLineColLoc here = of(place), around = of(kernel);
  if (!here || (around && here.getFilename() == around.getFilename() && here.getLine() == around.getLine()))
    return {};
  std::string file;
  for (char c : llvm::sys::path::filename(here.getFilename().getValue()))
    file += llvm::isAlnum(c) || c == '.' || c == '-' ? c : '_'; // nothing that could end the comment
  return "  // " + file + ":" + std::to_string(here.getLine());
}

void KernelPrinter::line(const Twine& text) { out.indent(2 * depth) << text << "\n"; }
void KernelPrinter::line(const Twine& text, Location place) {
  out.indent(2 * depth) << text << specLine(place, kernel.getLoc()) << "\n";
}

std::string KernelPrinter::fresh(StringRef stem) {
  for (int& count = taken[stem];;) {
    std::string name = count ? (stem + "_" + Twine(count)).str() : stem.str();
    ++count;
    if (names.insert(name).second)
      return name;
  }
}

// ---- signature -------------------------------------------------------------------------------------------

StringRef KernelPrinter::argumentName(Value buffer) const {
  return tile::KernelOp(kernel).argumentName(cast<BlockArgument>(buffer).getArgNumber());
}

bool KernelPrinter::isScratch(Value buffer) const {
  StringRef name = argumentName(buffer);
  return llvm::any_of(kernel->getAttrOfType<ArrayAttr>(tile::kSlotsAttr).getAsValueRange<StringAttr>(),
                      [&](StringRef slot) { return slot.consume_front("scratch:") && slot == name; });
}

static bool isWritten(Value buffer) {
  return llvm::any_of(buffer.getUses(), [](OpOperand& use) {
    Operation* user = use.getOwner();
    if (auto slice = dyn_cast<tile::SliceOp>(user))
      return isWritten(slice.getResult());
    return isa<tile::ScatterOp, tile::CopyOp, tile::SummarizeOp>(user) && use.getOperandNumber() == 0;
  });
}

/// What a spec names gets a prefix: it may be a word of C++, or of templates/. Dots become underscores, and a
/// number tells names apart that then are the same.
std::string KernelPrinter::parameterName(StringRef kind, StringRef name) {
  bool ours = llvm::is_contained({"q", "k", "v", "o", "lse"}, name.split('.').first);
  bool size = kind == "value" && !name.contains('.');
  StringRef prefix = kind == "param" ? "param_" : ours || size ? "" : "tensor_";
  return fresh(prefix.str() + identifier(name) + (kind == "map" ? "_map" : ""));
}

void KernelPrinter::signature() {
  llvm::StringMap<BlockArgument> arguments;
  for (BlockArgument argument : kernel.getBody().getArguments())
    arguments[kernel.argumentName(argument.getArgNumber())] = argument;
  auto slots = kernel->getAttrOfType<ArrayAttr>(tile::kSlotsAttr).getAsValueRange<StringAttr>();
  SmallVector<std::string> parameters, conversions;
  for (StringRef slot : slots) {
    auto [kind, name] = slot.split(':');
    bool isMap = kind == "map"; // with a tile's rows before the name
    std::string id = parameterName(kind, isMap ? name.split(':').second : name);
    ids[isMap ? slot : name] = id;
    if (isMap) {
      parameters.push_back("const __grid_constant__ TensorMap " + id);
    } else if (kind == "value") {
      parameters.push_back("i64 " + id);
    } else if (kind == "param") {
      BlockArgument argument = arguments.lookup(("param." + name).str());
      text.name(argument, id);
      bool integer = argument.getType().isInteger(64);
      std::string slot = integer ? id : fresh(id + "_bits");
      parameters.push_back("i64 " + slot);
      if (argument.getType().isF32())
        conversions.push_back("const float " + id + " = bits_to_float(" + slot + ");");
      else if (!integer)
        conversions.push_back("const bool " + id + " = " + slot + " != 0;");
    } else {
      BlockArgument argument = arguments.lookup(name);
      auto type = cast<tile::BufferType>(argument.getType());
      buffers[argument] = id;
      parameters.push_back((isWritten(argument) ? "" : "const ") + typeName(type.getElementType()) + "* " +
                           id);
    }
  }
  // With a number of blocks, even 1, the assembler spills no register to have more warps at once.
  line("extern \"C\" __global__ void __launch_bounds__(" +
       Twine(kernel->getAttrOfType<IntegerAttr>(kThreads).getInt()) + ", 1)");
  line(kernel.getSymName() + "(" + llvm::join(parameters, ",\n    ") + ") {");
  ++depth;
  for (const std::string& conversion : conversions)
    line(conversion);
}

void KernelPrinter::print() {
  signature();
  if (kernel->getAttrOfType<IntegerAttr>(kSharedBytes).getInt() > 0)
    line("extern __shared__ __align__(1024) unsigned char shared[];");
  block(kernel.getBody().front());
  --depth;
  line("}");
}

// ---- statements ------------------------------------------------------------------------------------------

void KernelPrinter::block(Block& block) {
  for (Operation& op : block)
    operation(op);
}

void KernelPrinter::operation(Operation& op) {
  llvm::TypeSwitch<Operation*>(&op)
      .Case([&](scf::ForOp loop) { this->loop(loop); })
      .Case([&](scf::IfOp branch) { this->branch(branch); })
      .Case([&](scf::YieldOp yield) {
        if (!carried.back().empty())
          assign(yield.getOperands());
      })
      .Case<tile::ReturnOp, arith::ConstantOp>([](auto) {})
      .Default([&](Operation* other) {
        if (isa<arith::ArithDialect, math::MathDialect>(other->getDialect()))
          scalar(*other);
        else
          tileOperation(*other);
      });
}

void KernelPrinter::scalar(Operation& op, bool mayInline) {
  std::string expression = text.expression(op);
  Value result = op.getResult(0);
  if (mayInline && ScalarText::isInlined(op, expression)) {
    text.name(result, "(" + expression + ")");
    return;
  }
  std::string name = fresh("t");
  line("const " + typeName(result.getType()) + " " + name + " = " + expression + ";", op.getLoc());
  text.name(result, name);
}

void KernelPrinter::declare(ValueRange values, ValueRange inits) {
  SmallVector<std::string> names;
  for (auto [i, value] : llvm::enumerate(values)) {
    names.push_back(fresh("now"));
    std::string init = inits.empty() ? "" : " = " + text.whole(inits[i]);
    line(typeName(value.getType()) + " " + names.back() + init + ";");
    text.name(value, names.back());
  }
  carried.push_back(std::move(names));
}

/// All of them at once: a value may be an expression of the others.
void KernelPrinter::assign(ValueRange values) {
  ArrayRef<std::string> names = carried.back();
  bool apart = llvm::none_of(values, [](Value value) { // constants and what has a name of its own
    Operation* op = value.getDefiningOp();
    return !op || (!isa<arith::ConstantOp>(op) && op->hasOneUse());
  });
  if (values.size() == 1 || apart) {
    for (auto [name, value] : llvm::zip(names, values))
      line(name + " = " + text.whole(value) + ";");
    return;
  }
  SmallVector<std::string> next;
  for (Value value : values) {
    next.push_back(fresh("next"));
    line("const " + typeName(value.getType()) + " " + next.back() + " = " + text.whole(value) + ";");
  }
  for (auto [name, value] : llvm::zip(names, next))
    line(name + " = " + value + ";");
}

void KernelPrinter::loop(scf::ForOp op) {
  declare(op.getRegionIterArgs(), op.getInitArgs());
  for (auto [result, variable] : llvm::zip(op.getResults(), carried.back()))
    text.name(result, variable);
  std::string i = fresh("at");
  text.name(op.getInductionVar(), i);
  line("for (" + typeName(op.getInductionVar().getType()) + " " + i + " = " + text.whole(op.getLowerBound()) +
       "; " + i + " < " + text(op.getUpperBound()) + "; " + i + " += " + text.whole(op.getStep()) + ") {");
  ++depth;
  block(*op.getBody());
  --depth;
  line("}");
  carried.pop_back();
}

void KernelPrinter::branch(scf::IfOp op) {
  declare(op.getResults(), {});
  auto isEmpty = [&](Block* block) {
    return !block || (op.getNumResults() == 0 && block->without_terminator().empty());
  };
  auto indented = [&](Block* block) {
    ++depth;
    this->block(*block);
    --depth;
  };
  if (isEmpty(op.thenBlock())) {
    line("if (!" + text(op.getCondition()) + ") {");
    indented(op.elseBlock());
  } else {
    line("if (" + text.whole(op.getCondition()) + ") {");
    indented(op.thenBlock());
    if (!isEmpty(op.elseBlock())) {
      line("} else {");
      indented(op.elseBlock());
    }
  }
  line("}");
  carried.pop_back();
}

// ---- the text of a module --------------------------------------------------------------------------------

std::string emitCuda(ModuleOp module, StringRef heading) {
  std::string text;
  llvm::raw_string_ostream out(text);
  auto kernels = module.getOps<tile::KernelOp>();
  out << "// " << heading << "\n#include \"attile/kernel.cuh\"\n";
  if (llvm::any_of(kernels, usesWarpgroups))
    out << "#include \"attile/hopper.cuh\"\n";
  out << "\nusing namespace attile;\n";
  for (auto kernel : kernels) {
    out << "\n";
    KernelPrinter(kernel, out).print();
  }
  return text;
}

} // namespace attile::cuda
