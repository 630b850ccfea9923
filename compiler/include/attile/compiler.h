// The compiler: spec in, package out. Shows nothing of LLVM or MLIR.
#pragma once

#include <attile/package.h>
#include <attile/result.h>
#include <attile/tensor.h>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attile {

/// Kernels of 16-bit types on GPUs with products of warpgroups (sm_90a: wgmma): one warpgroup brings keys
/// and values, others multiply. What they do can be left out, to measure its worth.
struct WarpgroupOptions {
  bool used = true;      ///< else all warps are alike, as on other GPUs
  bool overlap = true;   ///< the next scores are in the making while weights are computed
  bool ping_pong = true; ///< with overlap: two warpgroups take turns at the matrix units
};

/// What is fixed when a spec is compiled. Shapes, strides and params are not: they are given at every launch.
struct CompileOptions {
  std::string attention = {};      ///< which attention of the file; may be left out if it has one
  std::optional<DType> dtype = {}; ///< of q, k, v and o, if the spec leaves it out: f32, f16 or bf16
  std::optional<std::int64_t> head_dim = {};   ///< of q and k, and of v unless head_dim_v is given
  std::optional<std::int64_t> head_dim_v = {}; ///< of v and o
  std::string target =
      "native"; ///< "native", "x86-64-v3", "sm_80", ...; compile() takes several, with commas between
  /// Keep packages for GPUs on disk, and take those that were compiled before ($ATTILE_CACHE_DIR, `attile
  /// cache`).
  bool cache = true;
  /// Of a GPU, a cubin beside PTX. Without it, compiling takes half the time: the emulated GPU reads PTX
  /// alone.
  bool machine_code = true;
  WarpgroupOptions warpgroups = {};
  /// Of a GPU's kernels for long inputs, and of those for few rows: one of tiles_for(). Empty: what
  /// remember_tile() was told, unless `cache` is off; else the model's choice.
  std::string tile = {}, few_rows_tile = {};
  std::string dump_dir = {}; ///< a folder for every stage's text, numbered; made if it is not there
};

/// One finding about a spec.
struct Diagnostic {
  enum class Severity : std::uint8_t { error, warning } severity = Severity::error;
  std::string file;         ///< the name of the spec
  int line = 1, column = 1; ///< from 1; columns count characters
  int end_line = 1;         ///< of the character after the last one that is meant
  int end_column = 1;
  std::string message; ///< one line
  std::string remedy;  ///< what to write instead; may be empty
  std::string text;    ///< for people: file:line:col, message, the line with a caret, notes, remedy
};

/// The stages whose text can be looked at, in order: ast attn fold tile, then llvm asm on a CPU, cuda ptx
/// sass on a GPU.
const std::vector<std::string>& stages();
/// Those on the way to one target. The text of `sass` is made by a disassembler, and no dump has it.
std::vector<std::string> stages(const std::string& target);
/// The targets that an option names, with commas between, each once.
std::vector<std::string> split_targets(const std::string& targets);

/// The best target for a GPU, by its chip (DeviceInfo::chip): "sm_90" is "sm_90a", "sm_87" is "sm_86".
/// "native" for "".
std::string target_for(const std::string& chip);

/// The text of a spec file, of at most max_spec_bytes.
Result<std::string> read_spec_file(const std::string& path);
inline constexpr std::int64_t max_spec_bytes = 1 << 20;

/// A spec file. Copies are cheap and share it.
class Spec {
public:
  /// Parses a spec; `name` stands for it in diagnostics. The Error has the first finding as its message.
  static Result<Spec> parse(std::string_view text, std::string name = "<string>");
  /// The same for a file.
  static Result<Spec> load(const std::string& path);
  /// What is wrong with the text of a spec, syntax and meaning, in the order of the text; warnings too.
  /// (Of the options, dtype and head dims matter, and attention: if it is given, the others are not looked
  /// at.)
  static std::vector<Diagnostic> check(std::string_view text, const std::string& name,
                                       const CompileOptions& options = {});

  const std::string& name() const;
  std::string_view text() const;
  /// Names of the attentions, in the order of the file.
  const std::vector<std::string>& attentions() const;
  /// The one that is wanted, or the only one if `wanted` is empty; else an Error that lists them.
  Result<std::string> attention(const std::string& wanted) const;

  struct Impl;
  std::shared_ptr<const Impl> impl; ///< for the compiler

private:
  explicit Spec(std::shared_ptr<const Impl> impl) : impl(std::move(impl)) {}
};

/// What a compilation has to say besides its result.
struct CompileReport {
  struct Stage {
    std::string name;
    double ms = 0;
  };
  std::vector<Stage> stages; ///< how long each took
  std::vector<Diagnostic> warnings;
  std::vector<std::string> notes; ///< what the cache could not do; kernels whose registers spill
  bool cached = false;            ///< the package was compiled before
};

/// Spec to package, for the targets of the options. The package is all that a Device needs.
Result<Package> compile(const Spec& spec, const CompileOptions& options = {},
                        CompileReport* report = nullptr);

/// The text of one stage, exactly what the next stage consumes.
Result<std::string> inspect(const Spec& spec, const CompileOptions& options, std::string_view stage);

/// What the kernels for one GPU take of its chip, as the assembler and the launch say.
struct ResourceReport {
  struct Kernel {
    std::string name;
    std::int64_t threads = 0;                                       ///< of a block
    std::int64_t registers = 0, spill_bytes = 0, stack_bytes = 0;   ///< of a thread
    std::int64_t static_shared_bytes = 0, dynamic_shared_bytes = 0; ///< of a block
    std::int64_t blocks_per_sm = 0;                                 ///< that fit at once
  };
  std::vector<Kernel> kernels;
  std::int64_t cubin_bytes = 0;      ///< of all of them
  std::vector<std::string> warnings; ///< NVRTC's, and the assembler's
};

/// Compiles for the one GPU that the options name, never taking it from the cache: a usage error for a CPU.
Result<ResourceReport> resources(const Spec& spec, const CompileOptions& options);

/// A library or program beside the compiler: what kernels for GPUs are made and looked at with.
struct GpuTool {
  std::string name;             ///< "nvrtc", "disassembler"
  std::string description = {}; ///< version and file
  bool available = false;
  std::string missing = {}; ///< why not, and how to get it
};
std::vector<GpuTool> gpu_tools();

/// What a package of this attention would say of its operands and params; without plan and code.
Result<Package> describe(const Spec& spec, const CompileOptions& options = {});

/// A package with the params of the attention, but which counts instead of computing: for each of its row
/// tiles, the full, partial and empty tiles of keys, and the visible and executed scores. Its output `counts`
/// is an f32 tensor [row tiles, 5, rows of a tile], in that order; sums over the last dimension are the
/// counts.
Result<Package> compile_counter(const Spec& spec, const CompileOptions& options = {});

/// The arguments of a call by the names of the spec; scalars that are left out take their default.
struct Operands {
  std::map<std::string, ConstTensorView, std::less<>> tensors; ///< "q", "k", "v" and tensor params
  std::map<std::string, Scalar, std::less<>> scalars;
};

/// Sizes of a launch.
struct Shape {
  std::int64_t batch = 1, heads = 1, kv_heads = 1, q_len = 1, kv_len = 1;
};

/// A tile of scores: rows are query rows, of several heads where these share keys.
struct TileSize {
  std::int64_t rows = 1, keys = 1;
};

/// What the cost model chose for a launch, and why. It predicts; it does not measure.
struct Explanation {
  struct Rejected {
    std::string tile, reason;
  };
  TileSize tile;
  std::string schedule;                     ///< the tile and how its dots use registers, in words
  double flops = 0;                         ///< of the dots, on executed scores
  double special = 0;                       ///< elementary functions evaluated
  double memory_bytes = 0;                  ///< read and written; on a GPU before any cache
  std::optional<double> l2_bytes, l1_bytes; ///< the same from the caches of a CPU
  double ms = 0;
  std::string bound_by;           ///< "fma", "special functions", "elementwise", "l2" or "memory"
  std::vector<Rejected> rejected; ///< the nearest ones, best first
  /// Of a GPU: cycles of an SM for a tile, by what they keep busy; and for all of it, with what overlaps.
  std::vector<std::pair<std::string, double>> tile_units;
  double tile_cycles = 0;
  bool tuned = false; ///< the tile was measured (remember_tile)
};

/// `executed` is the part of all scores that the kernel computes: 1 without a mask.
Result<Explanation> explain(const Spec& spec, const CompileOptions& options, const Shape& shape, int threads,
                            double executed = 1);

/// Tiles that the kernel which serves this shape could have on a GPU, the model's best first: "rows=128
/// keys=64
/// ...", for CompileOptions::tile, or few_rows_tile. Errors: as compile(); usage, for a target that is no
/// GPU.
struct PossibleTiles {
  std::vector<std::string> tiles;
  bool few_rows = false; ///< they are of the kernels for few rows
};
Result<PossibleTiles> tiles_for(const Spec& spec, const CompileOptions& options, const Shape& shape);

/// Later compilations of this spec for this target take the tile (`attile tune` measures which). It is kept
/// in the cache on disk, for this build of the compiler. Errors: environment, if there is no cache.
Result<void> remember_tile(const Spec& spec, const CompileOptions& options, const std::string& tile,
                           bool few_rows);

} // namespace attile
