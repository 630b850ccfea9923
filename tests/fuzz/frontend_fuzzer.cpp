// Any bytes as a spec: diagnostics or a checked tree, never a crash; and what is good survives being printed.

#include "compiler/frontend/frontend.h"

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace attile;
using namespace attile::frontend;

namespace {

[[noreturn]] void fail(const char* what, const std::string& text) {
  std::fprintf(stderr, "%s:\n%s\n", what, text.c_str());
  std::abort();
}

/// The canonical text has to be accepted, and print itself.
void roundTrip(const ast::Attention& attention) {
  std::string text = printCanonical(attention);
  Source source("canonical", text);
  Result again = analyze(source);
  if (!again.ok() || again.file.attentions.size() != 1)
    fail("canonical text is rejected", text + render(source, again.diagnostics));
  if (printCanonical(*again.file.attentions[0]) != text)
    fail("canonical text changes", text + printCanonical(*again.file.attentions[0]));
}

void facts(const ast::Attention& attention) {
  ast::forEachExpr(attention, [&](const ast::Expr& expr) {
    ast::walk(expr, [](const ast::Expr& e) {
      if (e.type.scalar == ast::Scalar::Invalid || e.as<ast::Name>() || e.as<ast::Member>() ||
          e.as<ast::Invalid>())
        fail("a checked tree has an unresolved node", printCanonical(e));
    });
    ast::dependencies(expr);
    ast::constantValue(expr, attention.headDim);
    for (const auto& param : attention.params)
      ast::uses(expr, *param);
  });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Source source("fuzz", std::string(reinterpret_cast<const char*>(data), size));
  CompileTimeOptions options;
  for (bool given : {false, true}) {
    if (given) {
      options.dtype = ast::DType::F32;
      options.headDim = 64;
    }
    Result result = analyze(source, options);
    render(source, result.diagnostics);
    printTree(result.file);
    if (!result.ok())
      continue;
    for (const auto& attention : result.file.attentions) {
      roundTrip(*attention);
      facts(*attention);
    }
  }
  return 0;
}
