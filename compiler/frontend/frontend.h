#pragma once

#include "compiler/frontend/ast.h"
#include "compiler/frontend/diagnostic.h"

#include <optional>
#include <string>
#include <vector>

/// Spec text in, checked tree or diagnostics out. No input aborts or throws.
namespace attile::frontend {

/// What may be left out of a spec and given when it is compiled. Saying it in both places must agree.
struct CompileTimeOptions {
  std::optional<ast::DType> dtype; ///< --dtype
  std::optional<int64_t> headDim;  ///< --head-dim: of q and k, and of v unless headDimV is given
  std::optional<int64_t> headDimV; ///< --head-dim-v: of v; that of q and k has to be stated, or be given too
  /// If not empty, the only attention that is checked: the others may lack what the options would give them.
  std::string attention;
};

struct Result {
  ast::File file;                      ///< as far as it could be understood; only to be used further if ok()
  std::vector<Diagnostic> diagnostics; ///< errors and warnings, in source order

  bool ok() const { return !hasErrors(diagnostics); }
};

/// Text to tree, recovering after an error at the next statement.
Result parse(const Source& source);

/// Resolves names, types the tree and completes it in place; see ast.h. Adds to result.diagnostics.
void check(const Source& source, const CompileTimeOptions& options, Result& result);

/// parse, then check.
Result analyze(const Source& source, const CompileTimeOptions& options = {});

/// The checked tree with types, for people (`attile inspect --stage=ast`).
std::string printTree(const ast::File& file);
std::string printTree(const ast::Attention& attention);

/// The checked spec as a spec: complete (dtype and head_dim stated), free of layout and comments, with the
/// top-level functions that it uses. Equal texts mean equal programs. Parsing it prints the same text again.
std::string printCanonical(const ast::Attention& attention);
std::string printCanonical(const ast::Expr& expr);

} // namespace attile::frontend
