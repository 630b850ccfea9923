// A package: a compiled attention, as bytes. The only thing that the compiler hands to the runtime.
#pragma once

#include <attile/expr.h>
#include <attile/result.h>
#include <attile/tensor.h>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace attile {

/// An operand that lives in memory. Dimensions are expressions over sizes, or nothing where any extent is
/// accepted.
///
/// For inputs, a dimension that is a size symbol (batch, heads, kv_heads, q_len, kv_len) *binds* it at its
/// first mention, and must agree with it later; see standard_inputs().
struct TensorSpec {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::optional<plan::Expr>> dims;
};

/// The value of a scalar parameter; its alternative is the parameter's type: int, f32 or bool.
using Scalar = std::variant<std::int64_t, float, bool>;

struct ScalarParam {
  std::string name;
  enum class Type : std::uint8_t { integer, f32, boolean } type = Type::integer; ///< Scalar's index
  std::optional<Scalar> default_value = {};
};

namespace plan {

/// An argument of a kernel: 8 bytes, or 128 of a map.
struct Slot {
  enum class Kind : std::uint8_t {
    value,   ///< the int64 that `expr` evaluates to
    pointer, ///< the data pointer of the operand `name`; of an empty one, some zeros
    param,   ///< the scalar param `name`: int64 for int and bool, the bits of an f32 in the low half
    scratch, ///< the address of the scratch buffer `name`
    map,     ///< of a GPU that has them, the tensor map of the operand `name`, of four dimensions: boxes of
             ///< `rows` rows and 128 bytes, with the 128-byte swizzle. Zeros where there can be none: of an
             ///< empty operand, and where address or strides are no multiples of 16 bytes
  } kind = Kind::value;
  std::string name = {};
  Expr expr = {};
  std::int64_t rows = 0;

  static Slot value(Expr expr) { return {Kind::value, {}, std::move(expr)}; }
  static Slot pointer(std::string operand) { return {Kind::pointer, std::move(operand)}; }
  static Slot param(std::string scalar) { return {Kind::param, std::move(scalar)}; }
  static Slot scratch(std::string buffer) { return {Kind::scratch, std::move(buffer)}; }
  static Slot map(std::string operand, std::int64_t rows) {
    return {Kind::map, std::move(operand), {}, rows};
  }
};

struct Value {
  std::string name;
  Expr expr;
};

/// Device memory that lives for one launch of the plan; uninitialised, 64-byte aligned (on a GPU 256).
struct Scratch {
  std::string name;
  Expr bytes;
};

/// One kernel of the plan.
struct Launch {
  std::string symbol;      ///< key into CodeSection::entries or kernels
  Expr grid;               ///< number of blocks; 0 launches nothing
  Expr worker_scratch = 0; ///< bytes of private, uninitialised memory a CPU's worker has, 64-byte aligned
  std::vector<Slot> slots = {};  ///< what the kernel receives
  std::optional<Expr> when = {}; ///< the launch is skipped where this is 0
};

/// What a launch does: evaluate `values` in order, provide `scratch`, run `kernels` one after the other.
///
/// Expressions may use these symbols:
///   batch heads kv_heads q_len kv_len head_dim head_dim_v
///   threads                 workers of this launch; of a GPU, its multiprocessors
///   param.<name>            int and bool params (bool as 0 or 1)
///   <tensor>.dim.<i>        of any operand, in the order of its dims
///   <tensor>.stride.<i>     the same, in elements
///   <tensor>.alignment      of its address, in bytes: a power of two up to 64
///   the names of earlier values
/// Dimensions of operands may use none of the plan's values nor anything of an output.
struct Plan {
  std::vector<Value> values;
  std::vector<Scratch> scratch;
  std::vector<Launch> kernels;
};

} // namespace plan

/// How a kernel of a GPU is launched.
struct GpuKernel {
  std::string function;          ///< its name in the code
  std::int64_t threads = 0;      ///< of a block, in x
  std::int64_t shared_bytes = 0; ///< dynamic shared memory of a block, beyond what the code declares
  // What the assembler said, for people; of PTX 0, as there is none yet.
  std::int64_t registers = 0; ///< of a thread
  std::int64_t spills = 0;    ///< bytes of a thread
};

/// Code for one target.
///
/// On a CPU it is an image: position independent, without relocations, never written to, with its read-only
/// data inside, mapped at a multiple of `alignment` and entered at `entries` by
///
///     void kernel(const uint64_t* slots, uint64_t block, void* worker_scratch);
///
/// On a GPU it is a cubin, or PTX that the driver compiles when it is loaded. A kernel has one parameter of 8
/// bytes (a map: 128) for each slot, in their order (an f32 param lies in the low half), and blockIdx.x is
/// the block:
///
///     extern "C" __global__ void function(long long a, const float* q, ...);
struct CodeSection {
  static constexpr std::string_view cpu_image = "cpu_image", cubin = "cubin", ptx = "ptx";

  std::string kind = std::string(cpu_image); ///< sections of other kinds than these are kept and ignored
  std::string arch = "x86-64";               ///< of a cpu_image
  std::string target = {};                   ///< "x86-64-v4", for people; "sm_90a", which a GPU must match
  std::vector<std::string> features = {};    ///< what the machine must have, in LLVM's names: "avx512f"
  std::uint64_t alignment = 64;              ///< a power of two up to 4096
  std::map<std::string, std::uint64_t> entries = {}; ///< of a cpu_image: offset of every kernel of the plan
  std::map<std::string, GpuKernel> kernels = {};     ///< of a cubin or PTX: every kernel of the plan
  std::optional<plan::Plan> plan = {}; ///< where it is not the package's: tiles differ by target
  std::vector<std::byte> bytes = {};

  bool is_gpu() const { return kind == cubin || kind == ptx; }
};

struct Package {
  static constexpr std::uint32_t format_version = 2;

  std::string spec_name;
  std::string attile_version; ///< of the compiler that made it
  std::string spec_hash;      ///< of the canonical text of the spec
  DType dtype = DType::f32;   ///< of q, k and v
  std::int64_t head_dim = 0;
  std::int64_t head_dim_v = 0;

  std::vector<TensorSpec> inputs; ///< q, k, v
  std::vector<TensorSpec> tensor_params;
  std::vector<ScalarParam> scalar_params;
  std::vector<TensorSpec>
      outputs; ///< o, lse, max, ...; a launch may leave some out, kernels write them all the same
  plan::Plan plan;
  std::vector<CodeSection> code;

  const plan::Plan& plan_of(const CodeSection& section) const { return section.plan ? *section.plan : plan; }
};

/// q[batch, heads, q_len, head_dim], k[batch, kv_heads, kv_len, head_dim], v[batch, kv_heads, kv_len,
/// head_dim_v].
std::vector<TensorSpec> standard_inputs(DType dtype);
/// `name`[batch, heads, q_len, head_dim_v], the shape of o.
TensorSpec output_spec(std::string name, DType dtype);
/// `name`[batch, heads, q_len] in f32, the shape of lse and max.
TensorSpec row_output_spec(std::string name);

/// Checks that a package is consistent: names are unique and known, expressions use known symbols, every
/// kernel has an entry in every section of code. Both writing and reading do this.
Result<void> verify(const Package& package);

/// The bytes of a package. They start with a magic number, a version, a CRC-32 and the length; metadata is
/// JSON.
Result<std::vector<std::byte>> write_package(const Package& package);
/// A package from bytes that need not be trusted to be one: whatever is wrong with them is an Error, with its
/// offset. (The *code* in a package is trusted: loading a package is running a program.)
Result<Package> read_package(std::span<const std::byte> bytes);

/// The metadata and the plan as indented JSON, without code, for people and tools.
std::string metadata_json(const Package& package);

Result<void> save_package(const Package& package, const std::string& path);
Result<Package> load_package(const std::string& path);

} // namespace attile
