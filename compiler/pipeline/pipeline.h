//===- pipeline.h - the stages from a checked spec to a package ------------------------===//
//
//     ast -> attn -> fold -> tile -> { llvm -> asm | cuda -> ptx } -> package
//
// The list of stages is pipeline.cpp, which reads from top to bottom. What an observer is shown at a stage is
// what the next stage consumes. No MLIR in this header.
//
//===----------------------------------------------------------------------===//
#ifndef ATTILE_PIPELINE_PIPELINE_H
#define ATTILE_PIPELINE_PIPELINE_H

#include "compiler/backends/cuda/nvrtc.h"
#include "compiler/frontend/frontend.h"
#include "compiler/schedule/gpu.h"

#include <attile/package.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace attile {

/// The stages that have a text, in order: those of all targets, and those on the way to one.
inline constexpr std::string_view kStages[] = {"ast", "attn", "fold", "tile", "llvm",
                                               "asm", "cuda", "ptx",  "sass"};
std::vector<std::string_view> stagesOf(const std::string& target);

struct PipelineOptions {
  std::string target = "native";                   ///< see cpuTarget
  schedule::Warpgroups warpgroups;                 ///< see CompileOptions
  std::optional<schedule::Tile> tile, fewRowsTile; ///< of a GPU, instead of the model's choices
  /// Compile the plan that counts tiles instead of the attention itself: its package's one output is
  /// `counts`, f32 [row tiles, 5, rows of a tile], which `attile explain` and `bench` read. It counts with
  /// the tile that the attention's plan would use.
  bool count = false;
  bool machineCode = true; ///< see CompileOptions::machine_code
  /// The last stage to run; empty: all of them. Then the package is empty.
  std::string stopAfter;
  /// Called with the text of each stage that was reached; texts are only made if this is set.
  std::function<void(std::string_view stage, std::string text)> observe;
};

struct StageTime {
  std::string stage;
  double ms;
};

struct PipelineResult {
  Package package;
  std::vector<frontend::Diagnostic> diagnostics; ///< warnings of the later stages
  std::vector<StageTime> times;
  cuda::NvrtcResult assembled; ///< of a GPU, what NVRTC made and said
  // Once the fold has been tiled:
  schedule::Problem problem;                   ///< that it posed
  schedule::TargetDescription machine;         ///< that tiles were chosen for: a CPU,
  std::optional<schedule::GpuDescription> gpu; ///< or a GPU
  schedule::Choice manyRows, fewRows;          ///< of long inputs, and of a handful of rows
  bool packsHeads = true;                      ///< a tile holds rows of several heads that share keys

  /// The choice that the plan uses at these sizes.
  const schedule::Choice& choiceAt(const schedule::Shape& shape) const {
    int64_t rows = packsHeads ? shape.heads / shape.kv_heads * shape.q_len : shape.q_len;
    return rows <= schedule::most_few_rows(fewRows.tile, manyRows.tile) ? fewRows : manyRows;
  }
};

/// Compiles one attention of a checked file. Errors: kind user, with the place in the spec, for what cannot
/// be compiled; environment, for a target that is not there; internal, for a defect.
Result<PipelineResult> compileAttention(const frontend::Source& source, const ast::Attention& attention,
                                        const PipelineOptions& options = {});

} // namespace attile

#endif
