// Where the variables of a module lie: addresses of globals and constants, offsets in shared and local memory
// and in the parameters of kernels.
#pragma once

#include "emulator/isa/load.h"
#include "emulator/isa/program.h"
#include <unordered_map>

namespace emu {

/// Of one function's variables, by their index in ptx::Function::variables.
struct LocalPlacement {
  std::vector<std::uint64_t>
      offsets; ///< in the kernel's parameters, in local memory, or an address in shared memory
  std::uint64_t param_bytes = 0, local_bytes = 0;
};

class Placement {
public:
  Placement(const ptx::Module& module, Program& program, Memory& memory, const ResolveExternal& external)
      : module(module), program(program), memory(memory), external(external) {}
  /// Gives addresses to the module's variables and writes what they are initialised with.
  bool place_variables(ptx::Error& error);
  /// Gives offsets to a function's own variables, and sets its sizes. False, and `error` set, if a space is
  /// too small for them.
  bool place_locals(Function& function, ptx::Error& error);
  /// Of a variable, which may be the function's own; nothing if its size is another module's affair.
  std::optional<Extent> extent(const Function& function, bool local, std::uint32_t index) const;
  std::uint64_t address(std::uint32_t module_variable) const { return addresses[module_variable]; }
  const LocalPlacement& locals(const Function& function) const { return placements[function.number]; }
  /// `.extern .shared x[]`: where dynamic shared memory begins.
  static bool dynamic_shared(const ptx::Variable& variable) {
    return variable.space == ptx::Space::shared && variable.size == 0;
  }

private:
  bool allocate(std::uint32_t index, ptx::Error& error);
  bool initialise(std::uint32_t index, ptx::Error& error);
  void place_shared();
  const ptx::Module& module;
  Program& program;
  Memory& memory;
  const ResolveExternal& external;
  std::vector<std::uint64_t> addresses; ///< of module variables; of shared ones: in shared memory
  std::vector<LocalPlacement> placements;
  std::vector<std::uint64_t>
      shared_ends; ///< of functions: where the static shared memory that they may use ends
};

} // namespace emu
