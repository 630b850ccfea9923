#include "compiler/reference/chain.h"

#include <fmt/core.h>
#include <mlir/IR/SymbolTable.h>

namespace attile::reference {
namespace {

std::optional<DType> memoryType(mlir::Type type) {
  if (type.isF32())
    return DType::f32;
  if (type.isF16())
    return DType::f16;
  if (type.isBF16())
    return DType::bf16;
  if (type.isInteger(32))
    return DType::i32;
  if (type.isInteger(64))
    return DType::i64;
  if (type.isInteger(8))
    return DType::u8;
  return std::nullopt;
}

std::optional<int64_t> sizeNamed(const Sizes& sizes, llvm::StringRef name) {
  const std::pair<llvm::StringRef, int64_t> known[] = {{"batch", sizes.batch},
                                                       {"heads", sizes.heads},
                                                       {"kv_heads", sizes.kvHeads},
                                                       {"q_len", sizes.qLen},
                                                       {"kv_len", sizes.kvLen}};
  for (auto [key, value] : known)
    if (key == name)
      return value;
  return std::nullopt;
}

/// Binds the kernel's params: scalars (or their defaults) and tensors, checked against type and dims.
class Binder {
public:
  Binder(attn::KernelOp kernel, const Sizes& sizes, const Arguments& arguments)
      : kernel(kernel), arguments(arguments) {
    bindings.sizes = sizes;
  }

  Result<Bindings> bind() {
    for (unsigned i = 0; i < kernel.getArgumentTypes().size(); ++i)
      if (kernel.argumentRole(i) == "param")
        if (Result<void> done = param(i); !done)
          return done.error();
    return std::move(bindings);
  }

private:
  Result<void> param(unsigned i) {
    std::string name = kernel.argumentName(i).str();
    mlir::BlockArgument argument = kernel.getBody().getArgument(i);
    if (auto type = mlir::dyn_cast<mlir::RankedTensorType>(argument.getType())) {
      auto found = arguments.tensors.find(name);
      if (found == arguments.tensors.end())
        return user_error(fmt::format("param '{}' is missing, expected a tensor", name));
      bindings.tensors[argument] = {name, found->second};
      return tensor(i, name, type, found->second);
    }
    auto found = arguments.scalars.find(name);
    mlir::Attribute fallback = kernel.getArgAttr(i, attn::kDefaultAttr);
    if (found == arguments.scalars.end() && !fallback)
      return user_error(fmt::format("param '{}' is missing and has no default", name));
    Scalar value = found != arguments.scalars.end() ? found->second : fromAttribute(fallback);
    if (argument.getType().isF32()) // an int given for a float param is meant as a float
      bindings.scalars[argument] =
          std::visit([](auto x) { return static_cast<double>(static_cast<float>(x)); }, value);
    else if (std::holds_alternative<double>(value))
      return user_error(
          fmt::format("param '{}' is an integer, but {} was given", name, std::get<double>(value)));
    else
      bindings.scalars[argument] = value;
    return {};
  }

  static Scalar fromAttribute(mlir::Attribute attribute) {
    if (auto number = mlir::dyn_cast<mlir::FloatAttr>(attribute))
      return number.getValueAsDouble();
    if (auto flag = mlir::dyn_cast<mlir::BoolAttr>(attribute))
      return flag.getValue();
    return mlir::cast<mlir::IntegerAttr>(attribute).getInt();
  }

  Result<void> tensor(unsigned i, const std::string& name, mlir::RankedTensorType type,
                      const ConstTensorView& view) {
    std::optional<DType> dtype = memoryType(type.getElementType());
    if (dtype != view.dtype)
      return user_error(fmt::format("param '{}' has dtype {}, expected {}", name, attile::name(view.dtype),
                                    dtype ? attile::name(*dtype) : "?"));
    if (view.rank != type.getRank())
      return user_error(
          fmt::format("param '{}' has shape {}, expected rank {}", name, shape_text(view), type.getRank()));
    auto dims = mlir::dyn_cast_or_null<mlir::ArrayAttr>(kernel.getArgAttr(i, attn::kDimsAttr));
    for (int d = 0; d < view.rank; ++d) {
      std::string what = "its type";
      std::optional<int64_t> expected;
      if (!type.isDynamicDim(d))
        expected = type.getDimSize(d);
      if (auto name = dims ? mlir::dyn_cast<mlir::StringAttr>(dims[d]) : nullptr;
          name && name.getValue() != "_") {
        what = name.str();
        expected = sizeNamed(bindings.sizes, name.getValue());
        if (!expected) // equal names mean equal extents
          expected = named.try_emplace(what, view.shape[d]).first->second;
      } else if (auto extent = dims ? mlir::dyn_cast<mlir::IntegerAttr>(dims[d]) : nullptr) {
        expected = extent.getInt();
      }
      if (expected && *expected != view.shape[d])
        return user_error(fmt::format("param '{}' has shape {}, expected {} in dimension {} ({})", name,
                                      shape_text(view), *expected, d, what));
    }
    return {};
  }

  attn::KernelOp kernel;
  const Arguments& arguments;
  Bindings bindings;
  std::map<std::string, int64_t> named;
};

/// Follows each value of the kernel's body back to the arguments.
class ChainDecoder {
public:
  ChainDecoder(attn::KernelOp kernel, const Arguments& arguments, Bindings bindings)
      : kernel(kernel), arguments(arguments), bindings(std::move(bindings)) {
    chain.sizes = this->bindings.sizes;
  }

  Result<Chain> decode() {
    mlir::Operation* end = kernel.getBody().front().getTerminator();
    for (auto [i, value] : llvm::enumerate(end->getOperands()))
      if (Result<void> done = output(kernel.resultName(i).str(), value); !done)
        return done.error();
    return std::move(chain);
  }

private:
  Result<Program> region(mlir::Region& region, llvm::ArrayRef<bool> varying) {
    return Program::decode(region, varying, bindings);
  }
  static Error unknown(mlir::Value value) {
    mlir::Operation* op = value.getDefiningOp();
    return internal_error(
        fmt::format("the reference interpreter runs the naive chain, it does not know '{}' there",
                    op ? op->getName().getStringRef().str() : "a block argument"));
  }

  Result<int> operand(mlir::Value value, const char* size, int64_t heads, int64_t length) {
    mlir::Value source = value;
    Operand operand;
    while (auto transform = source.getDefiningOp<attn::TransformOp>()) {
      Result<Program> program = region(transform.getBody(), {true, false, false, false, true});
      if (!program)
        return program.error();
      operand.transforms.insert(operand.transforms.begin(), std::move(*program));
      source = transform.getInput();
    }
    auto argument = mlir::dyn_cast<mlir::BlockArgument>(source);
    if (!argument)
      return unknown(source);
    auto type = mlir::cast<mlir::RankedTensorType>(argument.getType());
    operand.name = kernel.argumentName(argument.getArgNumber()).str();
    operand.channels = type.getDimSize(3);
    if (auto given = arguments.tensors.find(operand.name); given != arguments.tensors.end()) {
      operand.view = given->second;
      if (operand.view.dtype != memoryType(type.getElementType()))
        return user_error(fmt::format("'{}' has dtype {}, expected {}", operand.name,
                                      attile::name(operand.view.dtype),
                                      attile::name(*memoryType(type.getElementType()))));
      if (operand.view.rank == 4 && type.isDynamicDim(3))
        operand.channels = operand.view.shape[3];
      int64_t expected[] = {chain.sizes.batch, heads, length, operand.channels};
      if (operand.view.rank != 4 || !std::equal(expected, expected + 4, operand.view.shape.begin()))
        return user_error(fmt::format("'{}' has shape {}, expected {} ([batch, {}, head_dim])", operand.name,
                                      shape_text(operand.view), shape_text(expected), size));
    }
    chain.operands.push_back(std::move(operand));
    return static_cast<int>(chain.operands.size()) - 1;
  }
  Result<int> query(mlir::Value value) {
    return operand(value, "heads, q_len", chain.sizes.heads, chain.sizes.qLen);
  }
  Result<int> keyOrValue(mlir::Value value) {
    return operand(value, "kv_heads, kv_len", chain.sizes.kvHeads, chain.sizes.kvLen);
  }

  Result<int> score(mlir::Value value) {
    if (auto found = scoreNodes.find(value); found != scoreNodes.end())
      return found->second;
    ScoreNode node;
    if (auto scores = value.getDefiningOp<attn::ScoresOp>()) {
      Result<int> q = query(scores.getQuery()), k = keyOrValue(scores.getKey());
      if (!q || !k)
        return q ? k.error() : q.error();
      node.query = *q, node.key = *k;
    } else if (auto modify = value.getDefiningOp<attn::ModifyOp>()) {
      node.hasDot = false;
      for (auto [input, argument] : llvm::zip(modify.getScores(), modify.getBody().getArguments())) {
        Result<int> index = score(input);
        if (!index)
          return index;
        node.inputs.push_back(*index);
        node.hasDot |= chain.scores[*index].hasDot && !argument.use_empty();
      }
      llvm::SmallVector<bool> varying(node.inputs.size(), true);
      varying.append({false, false, false, false, true});
      Result<Program> program = region(modify.getBody(), varying);
      if (!program)
        return program.error();
      node.modify = std::move(*program);
    } else {
      return unknown(value);
    }
    chain.scores.push_back(std::move(node));
    return scoreNodes[value] = static_cast<int>(chain.scores.size()) - 1;
  }

  Result<int> where(mlir::Value value) {
    if (auto found = visibleNodes.find(value); found != visibleNodes.end())
      return found->second;
    VisibleNode node;
    Result<Program> program = internal_error("");
    if (auto mask = value.getDefiningOp<attn::MaskOp>()) {
      program = region(mask.getBody(), {false, false, false, false, true});
    } else if (auto blocks = value.getDefiningOp<attn::BlockTableOp>()) {
      auto table = bindings.tensors.find(blocks.getTable());
      if (table == bindings.tensors.end())
        return internal_error("a block table is not an argument of the kernel");
      node.table = table->second;
      node.qBlock = blocks.getQBlock(), node.kBlock = blocks.getKBlock();
      program = region(blocks.getIndices(), {false, false, false, false});
    } else {
      return unknown(value);
    }
    if (!program)
      return program.error();
    node.region = std::move(*program);
    chain.visible.push_back(std::move(node));
    return visibleNodes[value] = static_cast<int>(chain.visible.size()) - 1;
  }

  Result<int> reduction(attn::ReduceOp op) {
    if (auto found = reductions.find(op); found != reductions.end())
      return found->second;
    auto monoidOp = mlir::SymbolTable::lookupNearestSymbolFrom<attn::MonoidOp>(op, op.getMonoidAttr());
    if (!monoidOp)
      return internal_error(fmt::format("monoid @{} is not defined", op.getMonoid().str()));
    Result<Monoid> monoid = Monoid::decode(monoidOp, op.getValues().size(), bindings);
    if (!monoid)
      return monoid.error();
    Reduction reduction{.monoid = std::move(*monoid), .scores = {}, .values = {}, .where = {}, .sink = {}};
    auto append = [&](mlir::ValueRange values, std::vector<int>& nodes, auto decode) -> Result<void> {
      for (mlir::Value value : values) {
        Result<int> node = decode(value);
        if (!node)
          return node.error();
        nodes.push_back(*node);
      }
      return {};
    };
    if (auto done = append(op.getScores(), reduction.scores, [&](mlir::Value v) { return score(v); }); !done)
      return done.error();
    if (auto done = append(op.getValues(), reduction.values, [&](mlir::Value v) { return keyOrValue(v); });
        !done)
      return done.error();
    if (auto done = append(op.getWhere(), reduction.where, [&](mlir::Value v) { return where(v); }); !done)
      return done.error();
    if (!op.getSink().empty()) {
      Result<Program> sink = region(op.getSink(), {false, false, false});
      if (!sink)
        return sink.error();
      reduction.sink = std::move(*sink);
    }
    if (!reduction.values.empty())
      reduction.channels = chain.operands[reduction.values[0]].channels;
    chain.reductions.push_back(std::move(reduction));
    return reductions[op] = static_cast<int>(chain.reductions.size()) - 1;
  }

  Result<void> output(std::string name, mlir::Value value) {
    OutputNode node{std::move(name), 0, 0, {}};
    while (auto transform = value.getDefiningOp<attn::TransformOp>()) {
      Result<Program> program = region(transform.getBody(), {true, false, false, false, true});
      if (!program)
        return program.error();
      node.transforms.insert(node.transforms.begin(), std::move(*program));
      value = transform.getInput();
    }
    auto reduce = value.getDefiningOp<attn::ReduceOp>();
    if (!reduce)
      return unknown(value);
    Result<int> index = reduction(reduce);
    if (!index)
      return index.error();
    llvm::StringRef wanted =
        mlir::cast<mlir::StringAttr>(reduce.getOutputs()[mlir::cast<mlir::OpResult>(value).getResultNumber()])
            .getValue();
    const std::vector<Monoid::Output>& outputs = chain.reductions[*index].monoid.outputs();
    node.reduction = *index;
    node.output =
        llvm::find_if(outputs, [&](const Monoid::Output& o) { return o.name == wanted; }) - outputs.begin();
    chain.outputs.push_back(std::move(node));
    return {};
  }

  attn::KernelOp kernel;
  const Arguments& arguments;
  Bindings bindings;
  Chain chain;
  llvm::DenseMap<mlir::Value, int> scoreNodes, visibleNodes;
  llvm::DenseMap<mlir::Operation*, int> reductions;
};

} // namespace

Result<Bindings> bindParams(attn::KernelOp kernel, const Sizes& sizes, const Arguments& arguments) {
  return Binder(kernel, sizes, arguments).bind();
}

Result<Chain> decodeChain(attn::KernelOp kernel, const Sizes& sizes, const Arguments& arguments) {
  for (int64_t size : {sizes.batch, sizes.heads, sizes.kvHeads, sizes.qLen, sizes.kvLen})
    if (size < 0)
      return user_error(fmt::format("a size is negative: {}", size));
  if (sizes.kvHeads == 0 ? sizes.heads != 0 : sizes.heads % sizes.kvHeads != 0)
    return user_error(
        fmt::format("heads = {} is not a multiple of kv_heads = {}", sizes.heads, sizes.kvHeads));
  Result<Bindings> bindings = bindParams(kernel, sizes, arguments);
  if (!bindings)
    return bindings.error();
  return ChainDecoder(kernel, arguments, std::move(*bindings)).decode();
}

Result<Sizes> sizesOf(attn::KernelOp kernel, const Arguments& arguments) {
  Sizes sizes;
  bool found = false;
  auto shape = [&](mlir::Value value) -> Result<ConstTensorView> {
    while (auto transform = value.getDefiningOp<attn::TransformOp>())
      value = transform.getInput();
    auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
    std::string name = argument ? kernel.argumentName(argument.getArgNumber()).str() : "";
    auto given = arguments.tensors.find(name);
    if (given == arguments.tensors.end())
      return user_error(fmt::format("'{}' is missing", name));
    if (given->second.rank != 4)
      return user_error(fmt::format("'{}' has shape {}, expected rank 4", name, shape_text(given->second)));
    return given->second;
  };
  for (attn::ScoresOp scores : kernel.getBody().getOps<attn::ScoresOp>()) {
    Result<ConstTensorView> q = shape(scores.getQuery()), k = shape(scores.getKey());
    if (!q || !k)
      return q ? k.error() : q.error();
    sizes = {q->shape[0], q->shape[1], k->shape[1], q->shape[2], k->shape[2]};
    found = true;
    break;
  }
  if (!found)
    return internal_error("the kernel has no attn.scores");
  return sizes;
}

} // namespace attile::reference
