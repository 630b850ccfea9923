//===- GenericPrinter.cpp - generics as loops over the elements of a thread ----------------===//
//
//     for (int m ...) for (int i ...) {            // the thread's rows
//       const float row_x = row.x[m][i];           // inputs of rank 1
//       float partial = -infinity;                 // a reduction, over the columns of this thread
//       for (int j ...) for (int c ...) {          // its columns
//         const float scores_x = scores.x[m][j][2 * i + c];
//         ...                                      // the region
//         scores.x[m][j][2 * i + c] = inside ? t : 0.0f;
//         partial = fmaxf(partial, t);
//       }
//       row.x[m][i] = fmaxf(row.x[m][i], reduce_columns<Max>(partial));
//     }
//
//===----------------------------------------------------------------------===//
#include "compiler/backends/cuda/KernelPrinter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

#include <fmt/format.h>

using namespace mlir;

namespace attile::cuda {

static int64_t rankOf(Value buffer) { return cast<tile::BufferType>(buffer.getType()).getRank(); }

static std::string row(const std::string& buffer) { return buffer + ".x[m][i]"; }
static std::string element(const std::string& buffer) { return buffer + ".x[m][j][2 * i + c]"; }

static StringRef combinerName(tile::Combiner combiner) {
  switch (combiner) {
  case tile::Combiner::Add:
    return "Add";
  case tile::Combiner::Max:
    return "Max";
  case tile::Combiner::Min:
    return "Min";
  case tile::Combiner::Mul:
    return "Mul";
  }
  llvm_unreachable("all combiners are listed");
}

static StringRef identity(tile::Combiner combiner) {
  switch (combiner) {
  case tile::Combiner::Add:
    return "0.0f";
  case tile::Combiner::Max:
    return "-infinity";
  case tile::Combiner::Min:
    return "infinity";
  case tile::Combiner::Mul:
    return "1.0f";
  }
  llvm_unreachable("all combiners are listed");
}

void KernelPrinter::generic(tile::GenericOp op) {
  Block& body = op.getBody().front();
  line("#pragma unroll");
  line("for (int m = 0; m < " + Twine(warpRows() / 16) + "; ++m)");
  line("#pragma unroll");
  line("for (int i = 0; i < 2; ++i) {");
  ++depth;
  for (auto [input, argument] : llvm::zip(op.getInputs(), body.getArguments())) {
    if (rankOf(input) != 1 || argument.use_empty())
      continue;
    std::string name = fresh(buffer(input) + "_x");
    line("const " + typeName(argument.getType()) + " " + name + " = " + row(buffer(input)) + ";");
    text.name(argument, name);
  }
  for (Operation& inner : body)
    if (auto index = dyn_cast<tile::IndexOp>(inner); index && index.getDim() == 0) {
      std::string name = fresh("row_index");
      line("const int " + name + " = row_of<" + Twine(warpRows()) + ">(m, i);");
      text.name(index.getResult(), "(i64)" + name);
    }
  genericRow(op);
  SmallVector<std::string> partial;
  if (op.getCombiners())
    for (auto combiner : op.getCombiners()->getAsRange<tile::CombinerAttr>()) {
      partial.push_back(fresh("partial"));
      line("float " + partial.back() + " = " + identity(combiner.getValue()) + ";");
    }
  bool columns = op.getCols() != nullptr;
  if (columns) {
    int64_t extent = 0;
    for (Value buffer :
         llvm::concat<Value>(SmallVector<Value>(op.getInputs()), SmallVector<Value>(op.getOutputs())))
      if (rankOf(buffer) == 2)
        extent = paddedColumns(cast<tile::BufferType>(buffer.getType()).getShape()[1]);
    line("#pragma unroll");
    line("for (int j = 0; j < " + Twine(extent / 8) + "; ++j)");
    line("#pragma unroll");
    line("for (int c = 0; c < 2; ++c) {");
    ++depth;
  }
  genericElement(op, partial);
  if (columns) {
    --depth;
    line("}");
  }
  if (op.getCombiners())
    for (auto [buffer, name, combiner] :
         llvm::zip(op.getReduces(), partial, op.getCombiners()->getAsRange<tile::CombinerAttr>())) {
      std::string which = combinerName(combiner.getValue()).str(), to = row(this->buffer(buffer));
      line(to + " = " + which + "::of(" + to + ", reduce_columns<" + which + ">(" + name + "));");
    }
  --depth;
  line("}");
}

void KernelPrinter::genericRow(tile::GenericOp op) {
  Block& body = op.getBody().front();
  ofRows.clear();
  if (!op.getCols())
    return; // all is
  auto isOfRow = [&](Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return argument.getOwner() != &body || rankOf(op.getInputs()[argument.getArgNumber()]) == 1;
    Operation* source = value.getDefiningOp();
    auto index = dyn_cast<tile::IndexOp>(source);
    return source->getBlock() != &body || ofRows.contains(source) || (index && index.getDim() == 0);
  };
  for (Operation& inner : body.without_terminator())
    if (!isa<tile::IndexOp>(inner) && inner.getNumOperands() > 0 &&
        llvm::all_of(inner.getOperands(), isOfRow))
      ofRows.insert(&inner);
  for (Operation& inner : body.without_terminator()) {
    if (!ofRows.contains(&inner))
      continue;
    bool forColumns = llvm::any_of(inner.getUsers(), [&](Operation* user) { return !ofRows.contains(user); });
    if (isa<tile::LookupOp>(inner))
      tileOperation(inner);
    else
      scalar(inner, /*mayInline=*/!forColumns);
  }
}

void KernelPrinter::genericElement(tile::GenericOp op, ArrayRef<std::string> partial) {
  Block& body = op.getBody().front();
  std::string inside; // of the columns that there are
  bool columns = op.getCols() != nullptr;
  if (columns) {
    bool indexed = llvm::any_of(body, [](Operation& inner) {
      auto index = dyn_cast<tile::IndexOp>(inner);
      return index && index.getDim() == 1;
    });
    APInt whole;
    bool cut = !matchPattern(op.getCols(), m_ConstantInt(&whole)) || whole.getSExtValue() % 8 != 0;
    std::string column = fresh("column");
    if (indexed || cut)
      line("const int " + column + " = column_of(j, c);");
    for (Operation& inner : body)
      if (auto index = dyn_cast<tile::IndexOp>(inner); index && index.getDim() == 1)
        text.name(index.getResult(), "(i64)" + column);
    if (cut) {
      inside = fresh("inside");
      line("const bool " + inside + " = " + column + " < (int)" + text(op.getCols()) + ";");
    }
    for (auto [input, argument] : llvm::zip(op.getInputs(), body.getArguments())) {
      if (rankOf(input) != 2 || argument.use_empty())
        continue;
      std::string name = fresh(buffer(input) + "_x");
      line("const " + typeName(argument.getType()) + " " + name + " = " + element(buffer(input)) + ";");
      text.name(argument, name);
    }
  }
  for (Operation& inner : body.without_terminator())
    if (!isa<tile::IndexOp>(inner) && !ofRows.contains(&inner))
      operation(inner);
  OperandRange yielded = body.getTerminator()->getOperands();
  size_t stored = op.getOutputs().size();
  SmallVector<std::string> values;
  for (Value value : yielded) {
    std::string expression = text.whole(value);
    if (yielded.size() > 1 &&
        !llvm::all_of(expression, [](char c) { return llvm::isAlnum(c) || c == '_'; })) {
      std::string name = fresh("y"); // before any of them is stored
      line("const " + typeName(value.getType()) + " " + name + " = " + expression + ";");
      expression = name;
    }
    values.push_back(expression);
  }
  for (auto [i, buffer] : llvm::enumerate(op.getOutputs())) {
    std::string to = rankOf(buffer) == 2 ? element(this->buffer(buffer)) : row(this->buffer(buffer));
    Type type = cast<tile::BufferType>(buffer.getType()).getElementType();
    std::string zero = type.isInteger(1) ? "false" : type.isInteger(64) ? "0LL" : "0.0f";
    line(to + " = " + (inside.empty() ? values[i] : fmt::format("{} ? {} : {}", inside, values[i], zero)) +
         ";");
  }
  for (auto [i, name] : llvm::enumerate(partial)) {
    auto combiner = cast<tile::CombinerAttr>((*op.getCombiners())[i]).getValue();
    std::string combined =
        fmt::format("{}::of({}, {})", combinerName(combiner).str(), name, values[stored + i]);
    line(name + " = " + (inside.empty() ? combined : fmt::format("{} ? {} : {}", inside, combined, name)) +
         ";");
  }
}

} // namespace attile::cuda
