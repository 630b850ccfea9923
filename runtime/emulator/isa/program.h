// A loaded module: functions of decoded instructions, ready to run. Made by decode.h; immutable afterwards,
// so that any number of launches share it.
#pragma once

#include "emulator/isa/instruction.h"
#include "emulator/ptx/module.h"
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace emu {

/// Special registers with one value a lane for the life of a thread; they live in slots like constants do.
enum class Special : std::uint8_t {
  tid_x,
  tid_y,
  tid_z,
  ntid_x,
  ntid_y,
  ntid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  laneid,
  warpid,
  nwarpid,
  lanemask_eq,
  lanemask_le,
  lanemask_lt,
  lanemask_ge,
  lanemask_gt,
  smid,
  nsmid,
  gridid,
  clusterid_x,
  clusterid_y,
  clusterid_z,
  nclusterid_x,
  nclusterid_y,
  nclusterid_z,
  cluster_ctaid_x,
  cluster_ctaid_y,
  cluster_ctaid_z,
  cluster_nctaid_x,
  cluster_nctaid_y,
  cluster_nctaid_z,
  cluster_ctarank,
  cluster_nctarank,
  is_explicit_cluster,
  total_smem_size,
  dynamic_smem_size,
  aggr_smem_size,
  reserved_smem_offset_begin,
  reserved_smem_offset_cap,
  reserved_smem_offset_1, ///< where cooperative groups keep the barriers of tiles of several warps
  workspace_high,         ///< of a cooperative launch
  workspace_low,
  zero,           ///< those that nothing sets here
  local_base,     ///< where an activation's variables begin in local memory, plus an offset
  dynamic_shared, ///< where dynamic shared memory begins, plus an offset
};

/// A special register, or a number that is known when an activation begins, and the slot that holds it.
struct SpecialSlot {
  Special what;
  std::uint64_t addend = 0;
  Slot slot;
};

/// A parameter or a result of a function: where it lies in its space, or its register.
struct Placed {
  std::string name;
  std::uint64_t offset = 0, size = 0, align = 1;
  bool in_register = false;
  Slot reg = {};
};

/// The bytes of a variable that addresses are computed from.
struct Extent {
  const ptx::Variable* variable = nullptr;
  ptx::Space space = ptx::Space::generic; ///< global (also of constants), shared, local, param (of a kernel)
  std::uint64_t begin = 0, bytes = 0;     ///< local: in its activation; dynamic shared memory: of the launch
  bool dynamic = false;                   ///< begins and ends where the launch's dynamic shared memory does
};

struct Function {
  std::string name;
  std::uint32_t number = 0; ///< in its program
  bool entry = false;
  const ptx::Function* source = nullptr;
  std::vector<Instruction> code;         ///< ends with an instruction that leaves
  std::vector<std::uint32_t> statements; ///< of `source`, by instruction
  std::vector<Slot> slots;               ///< the operands of all instructions
  // Frame: [registers | constants and specials]
  std::uint32_t frame_bytes = 0;
  std::uint32_t constants_begin = 0; ///< registers lie below
  std::vector<std::byte> constants;  ///< image of what lies at constants_begin
  std::vector<SpecialSlot> specials;
  std::vector<Slot> maybe_undefined; ///< registers that some path reads before it writes them
  /// The variables that an instruction's addresses (it has two at most) point into, as far as they are known:
  /// in `extents`, whose first one is none.
  std::vector<std::array<std::uint32_t, 2>> pointees;
  std::vector<Extent> extents;
  // Memory
  std::vector<Placed> params,
      returns; ///< of a kernel: in the parameter bank; else in local memory, or registers
  std::uint64_t param_bytes = 0;
  std::uint64_t local_bytes = 0;  ///< of one activation: .local variables and .param variables of calls
  std::uint64_t shared_bytes = 0; ///< static shared memory that it may reach
  std::uint64_t dynamic_shared_offset = 0; ///< where dynamic shared memory begins, after the static one
  // Performance directives; nothing: not given
  std::optional<std::uint32_t> max_registers, max_threads, min_blocks;
  std::optional<std::array<std::uint32_t, 3>> required_threads, required_cluster;
  std::uint32_t max_cluster_rank = 0;
};

struct Program {
  std::shared_ptr<const ptx::Module> module; ///< text and source lines
  std::string target;                        ///< "sm_90a"
  std::vector<std::unique_ptr<Function>> functions;
  std::map<std::string, std::uint64_t, std::less<>> globals; ///< variables: address in memory
  std::map<std::string, std::uint64_t, std::less<>> global_sizes;
  std::vector<std::shared_ptr<const Extra>> extras;
  std::uint32_t reserved_shared = 0; ///< bytes below `shared_base` that its kernels may use
  const Function* find(std::string_view name) const;
};

} // namespace emu
