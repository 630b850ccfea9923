//===- pipeline.cpp - the stages, in order ------------------------------------------------===//
#include "compiler/pipeline/pipeline.h"

#include "compiler/backends/cpu/CpuBackend.h"
#include "compiler/backends/cuda/CudaBackend.h"
#include "compiler/backends/cuda/Emit.h"
#include "compiler/conversion/attn-to-tile/AttnToTile.h"
#include "compiler/irgen/irgen.h"
#include "compiler/pipeline/PlanToPackage.h"
#include "compiler/schedule/problem.h"
#include "compiler/transforms/attn/Passes.h"
#include "compiler/transforms/tile/CpuLayouts.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <attile/cpu_info.h>
#include <chrono>
#include <map>

using namespace mlir;

namespace attile {
namespace {

/// One compilation: the module on its way down, and what is said about it.
class Pipeline {
public:
  Pipeline(const frontend::Source& source, const ast::Attention& attention, const PipelineOptions& options)
      : source(source), attention(attention), options(options),
        context(dialects(), MLIRContext::Threading::DISABLED),
        listener(&context, [&](mlir::Diagnostic& diagnostic) { return remember(diagnostic); }) {}

  Result<PipelineResult> run() {
    result.gpu = schedule::describe_gpu(options.target);
    if (result.gpu)
      result.gpu->warpgroups = options.warpgroups;
    if (!result.gpu || options.count) { // tiles of a GPU are counted by this machine
      Result<CpuTarget> chosen = cpuTarget(result.gpu ? "native" : options.target);
      if (!chosen)
        return std::move(chosen).error();
      target = *chosen;
    }
    if (Result<void> done = stages(); !done)
      return std::move(done).error();
    return std::move(result);
  }

private:
  // ---- the stages ------------------------------------------------------------------------------------

  Result<void> stages() {
    show("ast", [&] { return frontend::printTree(attention); });
    if (stop("ast"))
      return {};

    irgen::Generated generated = irgen::generate(context, source, attention);
    result.diagnostics = generated.diagnostics;
    if (!generated.ok())
      return refused("cannot be written as attention over a monoid");
    module = std::move(generated.module);
    Result<Package> signature = describeSignature(*module->getOps<attn::KernelOp>().begin());
    if (!signature)
      return std::move(signature).error();
    result.package = std::move(*signature);
    result.package.attile_version = ATTILE_VERSION;
    finish("attn");
    if (stop("attn"))
      return {};

    if (!pass(createFuseFold()) || !tidy())
      return refused("cannot be fused");
    finish("fold");
    if (stop("fold"))
      return {};

    AttnToTileOptions tiling;
    if (Result<void> chosen = chooseSchedule(tiling); !chosen)
      return chosen;
    tiling.count = options.count;
    if (failed(convertAttnToTile(*module, tiling)))
      return refused("cannot be tiled");
    return result.gpu && !options.count ? gpuStages() : cpuStages();
  }

  Result<void> cpuStages() {
    if (!tidy() ||
        failed(assignCpuLayouts(*module, target.vector.lanes, !target.vector.dotBf16.empty(),
                                target.vector.tilesBf16)) ||
        !tidy())
      return refused("has no CPU layout");
    finish("tile");
    if (stop("tile"))
      return {};

    if (failed(lowerKernelsToVector(*module, target.vector)))
      return refused("has no vector code");
    tile::PlanOp planOp = *module->getOps<tile::PlanOp>().begin();
    Result<plan::Plan> plan = readPlan(planOp);
    if (!plan)
      return std::move(plan).error();
    result.package.plan = std::move(*plan);
    if (options.count)
      describeCounts();
    planOp.erase();
    if (!pass(createCSEPass()))
      return refused("has no vector code");
    CpuListing listing;
    Result<CpuImage> image = compileImage(*module, target, options.observe ? &listing : nullptr);
    if (!image)
      return std::move(image).error();
    record("llvm");
    show("llvm", [&] { return listing.llvm; });
    if (stop("llvm"))
      return {};
    show("asm", [&] { return listing.assembly; });
    addCode(std::move(*image));
    return {};
  }

  Result<void> gpuStages() {
    if (!tidy() || failed(cuda::lowerTiles(*module, options.warpgroups)))
      return refused("has no GPU form");
    finish("tile");
    if (stop("tile"))
      return {};

    Result<plan::Plan> plan = readPlan(*module->getOps<tile::PlanOp>().begin());
    if (!plan)
      return std::move(plan).error();
    result.package.plan = std::move(*plan);
    std::string text =
        cuda::emitCuda(*module, attention.name + ", by Attile " ATTILE_VERSION " for " + options.target +
                                    ": " + schedule::to_string(result.manyRows.tile));
    record("cuda");
    show("cuda", [&] { return text; });
    if (stop("cuda"))
      return {};
    Result<cuda::CudaCode> code =
        cuda::compileCuda(*module, text, attention.name + ".cu", options.target, options.machineCode);
    if (!code)
      return std::move(code).error();
    record("ptx");
    show("ptx", [&] { return code->result.ptx; });
    result.package.code = std::move(code->sections);
    result.assembled = std::move(code->result);
    return {};
  }

  /// Tiles for long inputs, and for the handful of rows of a decoding step.
  Result<void> chooseSchedule(AttnToTileOptions& tiling) {
    attn::FoldOp fold;
    module->walk([&](attn::FoldOp op) { fold = op; });
    result.problem = schedule::problemOf(fold);
    if (result.gpu) {
      if (std::string lacks = schedule::obstacle_of(*result.gpu, result.problem); !lacks.empty())
        return user_error("'" + attention.name + "' cannot be compiled for " + options.target + ": " + lacks);
      result.manyRows = schedule::choose_gpu(*result.gpu, result.problem, options.tile);
      result.fewRows = schedule::choose_gpu_few_rows(*result.gpu, result.problem, options.fewRowsTile);
      for (auto [wanted, choice] :
           {std::pair(options.tile, &result.manyRows), {options.fewRowsTile, &result.fewRows}})
        if (wanted && choice->tile.rows == 0)
          return user_error("'" + attention.name + "' has no tile of " + schedule::to_string(*wanted) +
                                " on " + options.target,
                            "the model's choice is " + schedule::to_string(choice->possible.front()));
      tiling.blocksPerThread = schedule::wanted_blocks(*result.gpu, result.problem, result.manyRows.tile);
      tiling.fewBlocksPerThread = schedule::wanted_blocks(*result.gpu, result.problem, result.fewRows.tile);
    } else {
      result.machine =
          options.target == "native" ? schedule::describe(cpu_info()) : schedule::describe(options.target);
      result.manyRows = schedule::choose(result.machine, result.problem);
      result.fewRows = schedule::choose_few_rows(result.machine, result.problem);
      tiling.ascendingTiles = 8; // few beside those of a length where the order of blocks matters
    }
    result.packsHeads = packsHeads(fold);
    auto attribute = [&](const schedule::Tile& tile) {
      // A GPU's warps take all keys of a tile; on this machine's CPU, which counts for it, groups of rows
      // would not.
      int64_t together = result.gpu && options.count ? tile.rows : tile.dot_rows;
      return tile::ScheduleAttr::get(&context, tile.rows, tile.keys, together, tile.score_keys,
                                     tile.value_cols);
    };
    tiling.schedule = attribute(result.manyRows.tile);
    tiling.fewRows = attribute(result.fewRows.tile);
    tiling.mostFewRows = schedule::most_few_rows(result.fewRows.tile, result.manyRows.tile);
    return {};
  }

  /// The output of a counting plan has a row for each of its kernel's blocks.
  void describeCounts() {
    std::map<std::string, plan::Expr> values;
    for (const plan::Value& value : result.package.plan.values)
      values.emplace(value.name, expanded(value.expr, values));
    plan::Expr blocks = expanded(result.package.plan.kernels.back().grid, values);
    result.package.outputs = {{"counts", DType::f32, {blocks, 5, values.at(kTileRows)}}};
  }

  /// `expr` with the plan's values replaced by what they are.
  static plan::Expr expanded(const plan::Expr& expr, const std::map<std::string, plan::Expr>& values) {
    using Op = plan::Expr::Op;
    if (expr.op() == Op::literal)
      return expr;
    if (expr.op() == Op::symbol) {
      auto value = values.find(expr.name());
      return value == values.end() ? expr : value->second;
    }
    plan::Expr a = expanded(expr.operand(0), values), b = expanded(expr.operand(1), values);
    return expr.op() == Op::select ? plan::select(a, b, expanded(expr.operand(2), values))
                                   : plan::Expr::make(expr.op(), a, b);
  }

  void addCode(CpuImage image) {
    CodeSection section;
    section.target = target.name;
    section.features = target.required;
    section.alignment = image.alignment;
    section.entries = std::move(image.entries);
    section.bytes = std::move(image.bytes);
    result.package.code.push_back(std::move(section));
  }

  // ---- around them -----------------------------------------------------------------------------------

  static DialectRegistry dialects() {
    DialectRegistry registry;
    registry.insert<attn::AttnDialect, tile::TileDialect, arith::ArithDialect, math::MathDialect,
                    scf::SCFDialect, vector::VectorDialect, LLVM::LLVMDialect, cf::ControlFlowDialect>();
    return registry;
  }

  bool pass(std::unique_ptr<Pass> pass) {
    context.loadAllAvailableDialects();
    PassManager manager(&context);
    manager.enableVerifier(false);
    manager.addPass(std::move(pass));
    return succeeded(manager.run(*module));
  }
  bool tidy() { return pass(createCanonicalizerPass()) && pass(createCSEPass()); }

  void record(std::string_view stage) {
    auto now = std::chrono::steady_clock::now();
    result.times.push_back(
        {std::string(stage), std::chrono::duration<double, std::milli>(now - since).count()});
    since = now;
  }
  template <class Text> void show(std::string_view stage, Text text) {
    if (options.observe)
      options.observe(stage, text());
  }
  void finish(std::string_view stage) {
    record(stage);
    show(stage, [&] {
      std::string text;
      llvm::raw_string_ostream stream(text);
      module->print(stream);
      return text + "\n";
    });
  }
  bool stop(std::string_view stage) const { return options.stopAfter == stage; }

  LogicalResult remember(mlir::Diagnostic& diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return success();
    // The passes write "what is wrong; what to do instead".
    std::string text = diagnostic.str();
    auto [message, remedy] = StringRef(text).split("; ");
    frontend::Diagnostic found{.severity = frontend::Severity::Error,
                               .range = rangeOf(diagnostic.getLocation()),
                               .message = message.str(),
                               .notes = {},
                               .remedy = remedy.str()};
    for (mlir::Diagnostic& note : diagnostic.getNotes())
      found.notes.push_back({rangeOf(note.getLocation()), note.str()});
    said.push_back(std::move(found));
    return success();
  }

  /// The place in the spec of an operation; the attention's name if it has none.
  frontend::SourceRange rangeOf(Location location) const {
    auto place = location->findInstanceOf<FileLineColLoc>();
    if (!place || place.getFilename() != source.name())
      return attention.nameRange;
    std::string_view line = source.line(place.getLine());
    size_t offset = 0;
    for (unsigned column = 1; column < place.getColumn() && offset < line.size(); ++column)
      do
        ++offset;
      while (offset < line.size() && (line[offset] & 0xC0) == 0x80); // columns count characters
    auto begin = source.lineStart(place.getLine()) + static_cast<uint32_t>(offset);
    return {begin, begin};
  }

  /// What the user is told when a stage gives up: the findings as the frontend writes its own.
  Error refused(std::string_view why) {
    if (frontend::hasErrors(result.diagnostics))
      return user_error(frontend::render(source, result.diagnostics));
    if (said.empty())
      return internal_error("'" + attention.name + "' " + std::string(why));
    return user_error(frontend::render(source, said));
  }

  const frontend::Source& source;
  const ast::Attention& attention;
  const PipelineOptions& options;
  MLIRContext context;
  ScopedDiagnosticHandler listener;
  OwningOpRef<ModuleOp> module;
  CpuTarget target;
  PipelineResult result;
  std::vector<frontend::Diagnostic> said; ///< errors of the passes
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
};

} // namespace

std::vector<std::string_view> stagesOf(const std::string& target) {
  if (schedule::describe_gpu(target))
    return {"ast", "attn", "fold", "tile", "cuda", "ptx", "sass"};
  return {"ast", "attn", "fold", "tile", "llvm", "asm"};
}

Result<PipelineResult> compileAttention(const frontend::Source& source, const ast::Attention& attention,
                                        const PipelineOptions& options) {
  return Pipeline(source, attention, options).run();
}

} // namespace attile
