#include "compiler/irgen/irgen.h"
#include "compiler/irgen/emitter.h"
#include "compiler/irgen/fold.h"
#include "compiler/irgen/normalisers/builtin.h"

#include "dialect/attn/Attn.h"

#include <fmt/core.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/IR/Verifier.h>
#include <mlir/Pass/PassManager.h>
#include <mlir/Transforms/Passes.h>

namespace attile::irgen {

using namespace ast;

namespace {

/// Builds the kernel of one attention, statement by statement.
class KernelBuilder {
public:
  KernelBuilder(mlir::ModuleOp module, mlir::OpBuilder& builder, const frontend::Source& source,
                const Attention& attention, std::vector<frontend::Diagnostic>& diagnostics)
      : module(module), builder(builder), attention(attention), diagnostics(diagnostics),
        scope(builder, source, attention) {}

  void build() {
    normaliser();
    signature();
    scores();
    visibility();
    reduce();
  }

private:
  using Types = llvm::SmallVector<mlir::Type>;
  static constexpr int64_t kAny = mlir::ShapedType::kDynamic;

  mlir::Type elementType(Element element) const {
    switch (element) {
    case Element::F32:
      return builder.getF32Type();
    case Element::F16:
      return builder.getF16Type();
    case Element::BF16:
      return builder.getBF16Type();
    case Element::I32:
      return builder.getI32Type();
    case Element::I64:
      return builder.getI64Type();
    case Element::Bool:
      return builder.getI8Type();
    }
    llvm_unreachable("all element types are handled");
  }
  mlir::Type operandType(int64_t channels) const {
    mlir::Type element = *attention.dtype == DType::F32   ? mlir::Type(builder.getF32Type())
                         : *attention.dtype == DType::F16 ? mlir::Type(builder.getF16Type())
                                                          : mlir::Type(builder.getBF16Type());
    return mlir::RankedTensorType::get({kAny, kAny, kAny, channels}, element);
  }
  mlir::Type tile(mlir::Type element) const {
    return mlir::RankedTensorType::get({kAny, kAny, kAny, kAny}, element);
  }
  mlir::Type resultType(OutputKind kind) const {
    return kind == OutputKind::O ? operandType(attention.headDim->v)
                                 : mlir::RankedTensorType::get({kAny, kAny, kAny}, builder.getF32Type());
  }

  // ---- normaliser ----

  void normaliser() {
    if (const auto* fold = std::get_if<std::unique_ptr<Fold>>(&attention.normalizer))
      userFold = buildFold(module, scope, **fold, diagnostics), monoid = userFold.monoid;
    else
      monoid = builtinMonoid(module,
                             std::holds_alternative<Softmax>(attention.normalizer)      ? Normaliser::Softmax
                             : std::holds_alternative<SigmoidSum>(attention.normalizer) ? Normaliser::Sigmoid
                                                                                        : Normaliser::None);
  }

  // ---- arguments and results ----

  mlir::DictionaryAttr argumentAttrs(llvm::StringRef name, llvm::StringRef role,
                                     const Param* param = nullptr) {
    mlir::NamedAttrList attributes;
    attributes.append(attn::kNameAttr, builder.getStringAttr(name));
    attributes.append(attn::kRoleAttr, builder.getStringAttr(role));
    if (param && param->defaultValue)
      attributes.append(attn::kDefaultAttr, defaultAttr(*param));
    if (param && param->isTensor())
      attributes.append(attn::kDimsAttr, dimsAttr(*param));
    return attributes.getDictionary(builder.getContext());
  }
  mlir::Attribute defaultAttr(const Param& param) {
    if (const double* number = std::get_if<double>(&*param.defaultValue))
      return builder.getF32FloatAttr(static_cast<float>(*number));
    if (const int64_t* number = std::get_if<int64_t>(&*param.defaultValue))
      return builder.getI64IntegerAttr(*number);
    return builder.getBoolAttr(std::get<bool>(*param.defaultValue));
  }
  /// The extent where it is static, else none.
  std::optional<int64_t> extent(const Dim& dim) const {
    if (dim.kind == Dim::Kind::Fixed)
      return dim.extent;
    if (dim.kind == Dim::Kind::Size && dim.size == Builtin::HeadDim)
      return attention.headDim->qk;
    if (dim.kind == Dim::Kind::Size && dim.size == Builtin::HeadDimV)
      return attention.headDim->v;
    return std::nullopt;
  }
  mlir::ArrayAttr dimsAttr(const Param& param) {
    llvm::SmallVector<mlir::Attribute> dims;
    for (const Dim& dim : param.dims)
      if (std::optional<int64_t> known = extent(dim))
        dims.push_back(builder.getI64IntegerAttr(*known));
      else
        dims.push_back(builder.getStringAttr(dim.kind == Dim::Kind::Size    ? spelling(dim.size)
                                             : dim.kind == Dim::Kind::Named ? std::string_view(dim.name)
                                                                            : "_"));
    return builder.getArrayAttr(dims);
  }
  mlir::Type paramType(const Param& param) const {
    if (!param.isTensor())
      return param.element == Element::F32    ? mlir::Type(builder.getF32Type())
             : param.element == Element::Bool ? mlir::Type(builder.getI1Type())
                                              : mlir::Type(builder.getI64Type());
    llvm::SmallVector<int64_t> shape;
    for (const Dim& dim : param.dims)
      shape.push_back(extent(dim).value_or(kAny));
    return mlir::RankedTensorType::get(shape, elementType(param.element));
  }

  void signature() {
    const mlir::Type qk = operandType(attention.headDim->qk), v = operandType(attention.headDim->v);
    Types inputs{qk, qk, v}, outputs;
    llvm::SmallVector<mlir::Attribute> inputAttrs, outputAttrs;
    for (const char* name : {"q", "k", "v"})
      inputAttrs.push_back(argumentAttrs(name, "input"));
    for (const auto& param : attention.params) {
      inputs.push_back(paramType(*param));
      inputAttrs.push_back(argumentAttrs(param->name, "param", param.get()));
    }
    for (const Attention::Output& output : attention.outputs) {
      outputs.push_back(resultType(output.kind));
      outputAttrs.push_back(builder.getDictionaryAttr(
          builder.getNamedAttr(attn::kNameAttr, builder.getStringAttr(spelling(output.kind)))));
    }
    builder.setInsertionPointToEnd(module.getBody());
    auto kernel = attn::KernelOp::create(builder, scope.at(attention.nameRange), attention.name,
                                         builder.getFunctionType(inputs, outputs),
                                         builder.getArrayAttr(inputAttrs), builder.getArrayAttr(outputAttrs));
    mlir::Block* body = builder.createBlock(&kernel.getBody());
    for (size_t i = 0; i < inputs.size(); ++i)
      body->addArgument(inputs[i],
                        scope.at(i < 3 ? attention.nameRange : attention.params[i - 3]->nameRange));
    for (size_t i = 0; i < attention.params.size(); ++i)
      scope.params[attention.params[i].get()] = body->getArgument(i + 3);
    q = body->getArgument(0), k = body->getArgument(1), values = body->getArgument(2);
  }

  // ---- scores ----

  /// Fills `region` with one block over the `versions` of s and `indices`, that yields what `emit` gives.
  void fill(mlir::Region& region, const std::vector<size_t>& versions, size_t version,
            llvm::ArrayRef<Builtin> indices, frontend::SourceRange range,
            llvm::function_ref<llvm::SmallVector<mlir::Value>(Emitter&)> emit) {
    mlir::OpBuilder::InsertionGuard guard(builder);
    mlir::Location loc = scope.at(range);
    mlir::Block* block = builder.createBlock(&region);
    Emitter emitter(scope, version);
    for (size_t v : versions)
      emitter.bindScore(v, block->addArgument(builder.getF32Type(), loc));
    for (Builtin index : indices)
      emitter.bind(index, block->addArgument(builder.getI64Type(), loc));
    attn::YieldOp::create(builder, loc, emit(emitter));
  }

  static constexpr Builtin kIndices[] = {Builtin::B, Builtin::H, Builtin::KvH, Builtin::Q, Builtin::K};

  /// A score from those versions of s that `closure` reads, newest first; from the newest if it reads none.
  mlir::Value modify(Closure closure, size_t version, llvm::StringRef name, frontend::SourceRange range) {
    std::set<size_t> read = scope.versionsRead(closure, version);
    if (read.empty())
      read.insert(version);
    std::vector<size_t> versions(read.rbegin(), read.rend());
    llvm::SmallVector<mlir::Value> inputs;
    for (size_t v : versions)
      inputs.push_back(scoreVersions[v]);
    auto op = attn::ModifyOp::create(builder, scope.at(name, range), tile(builder.getF32Type()), inputs);
    fill(op.getBody(), versions, version, kIndices, range, [&](Emitter& emitter) {
      mlir::Value value = emitter.emit(*closure.first, closure.second);
      return llvm::SmallVector<mlir::Value>{emitter.cast(value, Scalar::F32, scope.at(range))};
    });
    return op;
  }

  void scores() {
    mlir::Location loc = scope.at("scores", attention.nameRange);
    mlir::Value dot = attn::ScoresOp::create(builder, loc, tile(builder.getF32Type()), q, k);
    frontend::SourceRange range = attention.scale->range;
    auto scaled = attn::ModifyOp::create(builder, scope.at("scale", range), tile(builder.getF32Type()), dot);
    fill(scaled.getBody(), {0}, 0, kIndices, range, [&](Emitter& emitter) {
      mlir::Value s = scaled.getBody().getArgument(0), factor = emitter.emit(*attention.scale);
      return llvm::SmallVector<mlir::Value>{mlir::arith::MulFOp::create(builder, scope.at(range), s, factor)};
    });
    scoreVersions.push_back(scaled);
    for (const Step& step : attention.steps)
      if (const auto* score = std::get_if<Score>(&step))
        scoreVersions.push_back(
            modify({score->value.get(), nullptr}, scoreVersions.size() - 1, "score", score->range));
    lifted.push_back(scoreVersions.back());
    for (Closure stream : userFold.streams)
      lifted.push_back(modify(stream, scope.finalVersion(), "lift", stream.first->range));
  }

  // ---- visibility ----

  void visibility() {
    for (const ExprPtr& mask : attention.masks) {
      mlir::Location loc = scope.at("mask", mask->range);
      auto op = attn::MaskOp::create(builder, loc, tile(builder.getI1Type()));
      fill(op.getBody(), {}, 0, kIndices, mask->range,
           [&](Emitter& emitter) { return llvm::SmallVector<mlir::Value>{emitter.emit(*mask)}; });
      where.push_back(op);
    }
    if (!attention.blocks)
      return;
    const Blocks& blocks = *attention.blocks;
    mlir::Location loc = scope.at("blocks", blocks.range);
    auto op = attn::BlockTableOp::create(builder, loc, tile(builder.getI1Type()),
                                         scope.params.lookup(blocks.table), blocks.qBlock, blocks.kBlock);
    fill(op.getIndices(), {}, 0, {Builtin::B, Builtin::H, Builtin::KvH, Builtin::QB}, blocks.range,
         [&](Emitter& emitter) {
           llvm::SmallVector<mlir::Value> indices;
           for (const ExprPtr& index : blocks.index)
             indices.push_back(emitter.emit(*index));
           return indices;
         });
    where.push_back(op);
  }

  // ---- reduction ----

  void reduce() {
    Types types;
    llvm::SmallVector<mlir::Attribute> names;
    for (const Attention::Output& output : attention.outputs) {
      std::string name(spelling(output.kind));
      if (monoid.outputIndex(name) < 0) {
        diagnostics.push_back({.severity = frontend::Severity::Error,
                               .range = output.range,
                               .message = fmt::format("this normaliser has no output '{}'", name),
                               .notes = {},
                               .remedy = {}});
        return;
      }
      types.push_back(resultType(output.kind));
      names.push_back(builder.getStringAttr(name));
    }
    mlir::Location loc = scope.at("normalize", attention.normalizerRange);
    auto op = attn::ReduceOp::create(builder, loc, types, monoid.getSymName(), lifted, values, where,
                                     builder.getArrayAttr(names));
    if (const auto* softmax = std::get_if<Softmax>(&attention.normalizer); softmax && softmax->sink)
      fill(op.getSink(), {}, 0, {Builtin::B, Builtin::H, Builtin::KvH}, softmax->sink->range,
           [&](Emitter& emitter) { return llvm::SmallVector<mlir::Value>{emitter.emit(*softmax->sink)}; });
    attn::ReturnOp::create(builder, loc, op.getResults());
  }

  mlir::ModuleOp module;
  mlir::OpBuilder& builder;
  const Attention& attention;
  std::vector<frontend::Diagnostic>& diagnostics;
  AttentionScope scope;

  attn::MonoidOp monoid;
  UserFold userFold;
  mlir::Value q, k, values;
  std::vector<mlir::Value> scoreVersions; ///< s after `scale`, then after each score statement
  llvm::SmallVector<mlir::Value> lifted, where;
};

Generated generate(mlir::MLIRContext& context, const frontend::Source& source,
                   const std::vector<const Attention*>& attentions) {
  context.loadDialect<attn::AttnDialect, mlir::arith::ArithDialect, mlir::math::MathDialect>();
  Generated result;
  mlir::OpBuilder builder(&context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(mlir::FileLineColLoc::get(builder.getStringAttr(source.name()), 1, 1));
  for (const Attention* attention : attentions)
    KernelBuilder(*module, builder, source, *attention, result.diagnostics).build();
  if (hasErrors(result.diagnostics))
    return result;

  mlir::PassManager tidy(&context);
  tidy.addPass(mlir::createCanonicalizerPass());
  tidy.addPass(mlir::createCSEPass());
  if (failed(mlir::verify(*module)) || failed(tidy.run(*module)))
    result.diagnostics.push_back({.severity = frontend::Severity::Error,
                                  .range = {},
                                  .message = "internal: the attn stage of this spec is malformed",
                                  .notes = {},
                                  .remedy = {}});
  else
    result.module = std::move(module);
  return result;
}

} // namespace

Generated generate(mlir::MLIRContext& context, const frontend::Source& source, const File& file) {
  std::vector<const Attention*> attentions;
  for (const auto& attention : file.attentions)
    attentions.push_back(attention.get());
  return generate(context, source, attentions);
}

Generated generate(mlir::MLIRContext& context, const frontend::Source& source, const Attention& attention) {
  return generate(context, source, std::vector<const Attention*>{&attention});
}

} // namespace attile::irgen
