//===- Passes.h - what attile-opt offers besides MLIR's generic passes ----===//
#ifndef ATTILE_TOOLS_ATTILE_OPT_PASSES_H
#define ATTILE_TOOLS_ATTILE_OPT_PASSES_H

namespace attile {
/// Registers every pass of the compiler for attile-opt's command line. A new pass adds its line here.
void registerAttilePasses();

/// --test-mask-analysis: shows what compiler/analysis/mask.h emits.
void registerTestMaskAnalysis();
} // namespace attile

#endif
