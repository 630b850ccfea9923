#include "compiler/frontend/scope.h"

namespace attile::frontend::places {

using namespace ast;

namespace {

BuiltinSet set(std::initializer_list<Builtin> builtins) {
  BuiltinSet result;
  for (Builtin builtin : builtins)
    result.set(bit(builtin));
  return result;
}

BuiltinSet sizes() {
  BuiltinSet result;
  for (int i = 0; i < kNumBuiltins; ++i)
    result.set(i, isSize(static_cast<Builtin>(i)));
  return result;
}

BuiltinSet heads() { return sizes() | set({Builtin::B, Builtin::H, Builtin::KvH}); }
BuiltinSet rows() { return heads() | set({Builtin::Q, Builtin::QPos}); }
BuiltinSet positions() { return rows() | set({Builtin::K}); }

Place place(std::string_view name, BuiltinSet builtins) {
  Place result;
  result.name = name;
  result.builtins = builtins;
  return result;
}

Place ofFold(std::string_view name, BuiltinSet builtins, const Fold* fold) {
  Place result = place(name, builtins);
  result.fold = fold;
  return result;
}

} // namespace

Place constant(std::string_view name) {
  Place result = place(name, {});
  result.params = result.lets = false;
  return result;
}

Place scale() { return place("scale", heads()); }
Place let() { return place("let", positions() | set({Builtin::S})); }
Place score() { return place("score", positions() | set({Builtin::S})); }
Place mask() { return place("mask", positions()); }
Place sink() { return place("a sink", heads()); }
Place blocks() { return place("blocks", heads() | set({Builtin::QB})); }
Place init() { return constant("a field's initial value"); }
Place lift() { return place("lift", positions() | set({Builtin::S, Builtin::V})); }

Place function(const UserFunction& function, bool local) {
  Place result = place("a function", sizes());
  result.params = local;
  result.lets = false;
  result.function = &function;
  return result;
}

Place merge(const Fold& fold) {
  Place result = ofFold("merge", sizes(), &fold);
  result.lets = false;
  result.sides = true;
  result.fields.assign(fold.fields.size(), false);
  return result;
}

Place finalize(const Fold& fold) {
  Place result = ofFold("finalize", rows(), &fold);
  result.fields.assign(fold.fields.size(), true);
  return result;
}

} // namespace attile::frontend::places
