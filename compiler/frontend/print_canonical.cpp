// The checked spec as text again.

#include "compiler/frontend/frontend.h"
#include "compiler/frontend/print.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <fmt/format.h>
#include <set>
#include <unordered_set>

namespace attile::frontend {

using namespace ast;

std::string printValue(const Value& value) {
  if (auto* truth = std::get_if<bool>(&value))
    return *truth ? "true" : "false";
  if (auto* whole = std::get_if<int64_t>(&value))
    return std::to_string(*whole);
  double real = std::get<double>(value);
  if (std::isnan(real))
    return "inf - inf";
  std::string text = fmt::format("{}", real);
  bool plain = text.find_first_of(".en") == std::string::npos; // n: inf
  return plain ? text + ".0" : text;
}

std::string printParam(const Param& param) {
  std::string text = fmt::format(
      "{} : {}", param.name, param.isTensor() ? spelling(param.element) : spelling(scalarOf(param.element)));
  for (size_t i = 0; i < param.dims.size(); ++i) {
    const Dim& dim = param.dims[i];
    text += i == 0 ? "[" : ", ";
    text += dim.kind == Dim::Kind::Fixed ? std::to_string(dim.extent) : dim.name;
  }
  text += param.isTensor() ? "]" : "";
  return param.defaultValue ? text + " = " + printValue(*param.defaultValue) : text;
}

std::string printSignature(const UserFunction& function) {
  std::string text = function.name + "(";
  for (const auto& argument : function.arguments)
    text +=
        fmt::format("{}{}: {}", argument->index == 0 ? "" : ", ", argument->name, spelling(argument->type));
  return fmt::format("{}) : {}", text, spelling(function.result));
}

namespace {

constexpr int kTernary = 0, kUnary = 11, kPrimary = 12; // between and above precedence()'s 1..10

class ExprPrinter {
public:
  std::string text;

  /// In parentheses if it binds less tightly than `least`.
  void print(const Expr& e, int least) {
    if (auto* cast = e.as<Cast>(); cast && cast->implicit)
      return print(e.operand(0), least);
    int own = std::visit([](const auto& node) { return binding(node); }, e.node);
    text += own < least ? "(" : "";
    std::visit([&](const auto& node) { node_(e, node); }, e.node);
    text += own < least ? ")" : "";
  }

private:
  template <class N> static int binding(const N&) { return kPrimary; }
  static int binding(const Unary&) { return kUnary; }
  static int binding(const Binary& binary) { return precedence(binary.op); }
  static int binding(const Select&) { return kTernary; }

  void list(const Expr& e, std::string_view name, char open, char close) {
    text += name;
    text += open;
    for (size_t i = 0; i < e.operands.size(); ++i) {
      text += i == 0 ? "" : ", ";
      print(e.operand(i), kTernary);
    }
    text += close;
  }

  void node_(const Expr&, const Invalid&) { text += "<invalid>"; }
  void node_(const Expr&, const Name& name) { text += name.name; }
  void node_(const Expr&, const Member& member) { text += member.object + "." + member.member; }
  void node_(const Expr&, const Literal& literal) { text += printValue(literal.value); }
  void node_(const Expr&, const BuiltinRef& ref) { text += spelling(ref.builtin); }
  void node_(const Expr&, const ParamRef& ref) { text += ref.param->name; }
  void node_(const Expr& e, const Load& load) { list(e, load.name, '[', ']'); }
  void node_(const Expr&, const LetRef& ref) { text += ref.let->name; }
  void node_(const Expr&, const ArgumentRef& ref) { text += ref.argument->name; }
  void node_(const Expr&, const SumIndexRef& ref) { text += ref.sum->index; }
  void node_(const Expr&, const FieldRef& ref) {
    text += ref.side == Side::A ? "a." : ref.side == Side::B ? "b." : "";
    text += ref.field->name;
  }
  void node_(const Expr& e, const Unary& unary) {
    text += spelling(unary.op);
    print(e.operand(0), kUnary);
  }
  void node_(const Expr& e, const Binary& binary) {
    int own = precedence(binary.op);
    bool chains = isRelational(binary.op) || isEquality(binary.op); // (a == b) == c keeps its parentheses
    print(e.operand(0), own + chains);
    text += fmt::format(" {} ", spelling(binary.op));
    print(e.operand(1), own + 1);
  }
  void node_(const Expr& e, const Select&) {
    print(e.operand(0), 1);
    text += " ? ";
    print(e.operand(1), kTernary);
    text += " : ";
    print(e.operand(2), kTernary);
  }
  void node_(const Expr& e, const Call& call) { list(e, spelling(call.function), '(', ')'); }
  void node_(const Expr& e, const Apply& apply) { list(e, apply.name, '(', ')'); }
  void node_(const Expr& e, const Cast& cast) { list(e, spelling(cast.to), '(', ')'); }
  void node_(const Expr& e, const Sum& sum) {
    text += fmt::format("sum({} in {}..{}, ", sum.index, sum.lo, sum.hi);
    print(*e.operands.back(), kTernary);
    text += ")";
  }
};

/// The top-level functions that the attention reaches, in source order.
std::vector<const UserFunction*> topLevelFunctions(const Attention& attention) {
  std::unordered_set<const UserFunction*> seen;
  std::vector<const UserFunction*> pending, result;
  auto collect = [&](const Expr& expr) {
    walk(expr, [&](const Expr& e) {
      auto* apply = e.as<Apply>();
      if (apply && apply->function && seen.insert(apply->function).second)
        pending.push_back(apply->function);
    });
  };
  for (const auto& function : attention.functions) {
    seen.insert(function.get());
    collect(*function->body);
  }
  forEachExpr(attention, collect);
  while (!pending.empty()) {
    const UserFunction* function = pending.back();
    pending.pop_back();
    result.push_back(function);
    collect(*function->body);
  }
  std::sort(result.begin(), result.end(), [](const UserFunction* a, const UserFunction* b) {
    return a->nameRange.begin < b->nameRange.begin;
  });
  return result;
}

std::string printFunction(const UserFunction& function) {
  return fmt::format("fn {} = {}\n", printSignature(function), printCanonical(*function.body));
}

std::string printFold(const Fold& fold) {
  std::string state, lift, merge, finalize;
  auto append = [](std::string& to, std::string_view name, const std::string& value) {
    to += fmt::format("{}{} = {}", to.empty() ? "" : ", ", name, value);
  };
  for (const auto& field : fold.fields) {
    append(state, field->name, printValue(field->init));
    append(lift, field->name, printCanonical(*field->lift));
  }
  for (const Field* field : fold.mergeOrder)
    append(merge, field->name, printCanonical(*field->merge));
  for (const Finalize& output : fold.finalize)
    append(finalize, spelling(output.output), printCanonical(*output.value));
  return fmt::format("fold {{\n    state {}\n    lift {}\n    merge {}\n    finalize {}\n  }}", state, lift,
                     merge, finalize);
}

std::string printNormalizer(const Normalizer& normalizer) {
  if (auto* softmax = std::get_if<Softmax>(&normalizer))
    return softmax->sink ? "softmax sink " + printCanonical(*softmax->sink) : "softmax";
  if (std::holds_alternative<SigmoidSum>(normalizer))
    return "sigmoid";
  if (std::holds_alternative<PlainSum>(normalizer))
    return "none";
  return printFold(*std::get<std::unique_ptr<Fold>>(normalizer));
}

std::string printBlocks(const Blocks& blocks) {
  std::string index;
  for (const ExprPtr& expr : blocks.index)
    index += (index.empty() ? "" : ", ") + printCanonical(*expr);
  return fmt::format("blocks {}[{}] q_block = {}, k_block = {}", blocks.tableName, index, blocks.qBlock,
                     blocks.kBlock);
}

} // namespace

std::string printCanonical(const Expr& expr) {
  ExprPrinter printer;
  printer.print(expr, kTernary);
  return std::move(printer.text);
}

std::string printCanonical(const Attention& attention) {
  std::string text;
  auto line = [&](std::string_view what) { text += fmt::format("  {}\n", what); };
  for (const UserFunction* function : topLevelFunctions(attention))
    text += printFunction(*function);
  text += fmt::format("attention {} {{\n", attention.name);
  line(fmt::format("dtype {}", spelling(*attention.dtype)));
  const HeadDim& dim = *attention.headDim;
  line(dim.qk == dim.v ? fmt::format("head_dim {}", dim.qk)
                       : fmt::format("head_dim qk = {}, v = {}", dim.qk, dim.v));
  for (const auto& param : attention.params)
    line("param " + printParam(*param));
  for (const auto& function : attention.functions)
    text += "  " + printFunction(*function);
  for (const Step& step : attention.steps)
    if (auto* score = std::get_if<Score>(&step))
      line("score " + printCanonical(*score->value));
    else if (auto& let = std::get<std::unique_ptr<Let>>(step))
      line(fmt::format("let {} = {}", let->name, printCanonical(*let->value)));
  line("scale " + printCanonical(*attention.scale));
  for (const ExprPtr& mask : attention.masks)
    line("mask " + printCanonical(*mask));
  if (attention.blocks)
    line(printBlocks(*attention.blocks));
  line("normalize " + printNormalizer(attention.normalizer));
  std::string outputs;
  for (const Attention::Output& output : attention.outputs)
    outputs += fmt::format("{}{}", outputs.empty() ? "" : ", ", spelling(output.kind));
  line("output " + outputs);
  return text + "}\n";
}

} // namespace attile::frontend
