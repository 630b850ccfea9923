// The checked tree, one node a line: what `attile inspect --stage=ast` shows.

#include "compiler/frontend/expr_checker.h"
#include "compiler/frontend/frontend.h"
#include "compiler/frontend/print.h"

#include <fmt/core.h>

namespace attile::frontend {

using namespace ast;

namespace {

class TreePrinter {
public:
  std::string text;

  void line(int level, std::string_view what) { text += fmt::format("{:{}}{}\n", "", level * 2, what); }

  void expr(int level, const Expr& e) {
    std::string label = std::visit([&](const auto& node) { return name(node); }, e.node);
    line(level, fmt::format("{} : {}", label, describe(e.type)));
    for (const ExprPtr& operand : e.operands)
      expr(level + 1, *operand);
  }

  void named(int level, std::string_view what, const Expr& e) {
    line(level, what);
    expr(level + 1, e);
  }

  void function(int level, const UserFunction& function) {
    named(level, "fn " + printSignature(function), *function.body);
  }

  void attention(const Attention& attention);

private:
  void normalizer(const Normalizer& normalizer);
  void fold(const Fold& fold);

  static std::string name(const Invalid&) { return "invalid"; }
  static std::string name(const Name& node) { return "name " + node.name; }
  static std::string name(const Member& node) { return "member " + node.object + "." + node.member; }
  static std::string name(const Literal& node) { return printValue(node.value); }
  static std::string name(const BuiltinRef& node) { return std::string(spelling(node.builtin)); }
  static std::string name(const ParamRef& node) { return "param " + node.param->name; }
  static std::string name(const Load& node) { return "load " + node.name; }
  static std::string name(const LetRef& node) { return "let " + node.let->name; }
  static std::string name(const ArgumentRef& node) { return "argument " + node.argument->name; }
  static std::string name(const SumIndexRef& node) { return "index " + node.sum->index; }
  static std::string name(const FieldRef& node) {
    return fmt::format("field {}{}",
                       node.side == Side::A   ? "a."
                       : node.side == Side::B ? "b."
                                              : "",
                       node.field->name);
  }
  static std::string name(const Unary& node) { return std::string(spelling(node.op)); }
  static std::string name(const Binary& node) { return std::string(spelling(node.op)); }
  static std::string name(const Select&) { return "?:"; }
  static std::string name(const Call& node) { return std::string(spelling(node.function)); }
  static std::string name(const Apply& node) { return "call " + node.name; }
  static std::string name(const Cast& node) { return node.implicit ? "convert" : "cast"; }
  static std::string name(const Sum& node) {
    return fmt::format("sum {} in {}..{}", node.index, node.lo, node.hi);
  }
};

void TreePrinter::attention(const Attention& attention) {
  line(0, "attention " + attention.name);
  if (attention.dtype)
    line(1, fmt::format("dtype {}", spelling(*attention.dtype)));
  if (attention.headDim)
    line(1, fmt::format("head_dim qk = {}, v = {}", attention.headDim->qk, attention.headDim->v));
  for (const auto& param : attention.params)
    line(1, "param " + printParam(*param));
  for (const auto& local : attention.functions)
    function(1, *local);
  if (attention.scale)
    named(1, "scale", *attention.scale);
  for (const Step& step : attention.steps)
    if (auto* score = std::get_if<Score>(&step))
      named(1, "score", *score->value);
    else if (auto& let = std::get<std::unique_ptr<Let>>(step))
      named(1, "let " + let->name, *let->value);
  for (const ExprPtr& mask : attention.masks)
    named(1, "mask", *mask);
  if (attention.blocks) {
    const Blocks& blocks = *attention.blocks;
    line(1,
         fmt::format("blocks {} q_block = {}, k_block = {}", blocks.tableName, blocks.qBlock, blocks.kBlock));
    for (const ExprPtr& index : blocks.index)
      expr(2, *index);
  }
  normalizer(attention.normalizer);
  std::string outputs;
  for (const Attention::Output& output : attention.outputs)
    outputs += fmt::format("{}{}", outputs.empty() ? "" : ", ", spelling(output.kind));
  line(1, "output " + outputs);
}

void TreePrinter::normalizer(const Normalizer& normalizer) {
  if (auto* softmax = std::get_if<Softmax>(&normalizer)) {
    line(1, "normalize softmax");
    if (softmax->sink)
      named(2, "sink", *softmax->sink);
  } else if (auto* own = std::get_if<std::unique_ptr<Fold>>(&normalizer)) {
    fold(**own);
  } else {
    line(1, std::holds_alternative<SigmoidSum>(normalizer) ? "normalize sigmoid" : "normalize none");
  }
}

void TreePrinter::fold(const Fold& fold) {
  line(1, "normalize fold");
  for (const auto& field : fold.fields) {
    line(2, fmt::format("state {} : {} = {}", field->name, describe({Scalar::F32, field->perV}),
                        printValue(field->init)));
    if (field->lift)
      named(3, "lift", *field->lift);
  }
  for (const Field* field : fold.mergeOrder)
    named(2, "merge " + field->name, *field->merge);
  for (const Finalize& output : fold.finalize)
    named(2, fmt::format("finalize {}", spelling(output.output)), *output.value);
}

} // namespace

std::string printTree(const Attention& attention) {
  TreePrinter printer;
  printer.attention(attention);
  return std::move(printer.text);
}

std::string printTree(const File& file) {
  TreePrinter printer;
  for (const auto& function : file.functions)
    printer.function(0, *function);
  for (const auto& attention : file.attentions)
    printer.attention(*attention);
  return std::move(printer.text);
}

} // namespace attile::frontend
