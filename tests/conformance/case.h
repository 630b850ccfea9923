// Compiles and runs one case of the table, and compares it with float64.
#pragma once

#include "tests/conformance/export.h"
#include "tests/conformance/table.h"

#include <attile/attile.h>
#include <attile/reference.h>
#include <memory>
#include <optional>

namespace attile::conformance {

struct Outcome {
  std::string failure;              ///< empty if all is well
  std::optional<Accuracy> accuracy; ///< if it came that far
  std::string refusal;              ///< why the chip cannot run it, as the compiler says
};

class Runner {
public:
  /// `target` as in CompileOptions.
  Runner(const Table& table, std::string examples, Device device, std::string target)
      : table(table), examples(std::move(examples)), device(std::move(device)), target(std::move(target)) {}

  /// Has cubins made for the emulated GPU, too, which it does not read: the assembler sees every kernel.
  void make_machine_code() { machine_code = true; }
  /// See CompileOptions.
  void leave_out_warpgroups() { warpgroups = false; }
  /// Cases that are right are also written there.
  void export_to(Exporter* to) { exporter = to; }
  /// Draws inputs from `seed`.
  Outcome run(const Case& c, std::uint64_t seed);
  /// A line that names the case: "causal bf16 64 b=1,... dense normal 2".
  std::string describe(const Case& c) const;

private:
  struct Compiled {
    Kernel kernel;
    Reference reference;
    Spec spec;
    CompileOptions options;
  };
  Result<Compiled> compile_case(const Case& c);
  Result<Accuracy> run_compiled(const Compiled& compiled, const Case& c, std::uint64_t seed);

  const Table& table;
  std::string examples;
  Device device;
  std::string target;
  Exporter* exporter = nullptr;
  bool machine_code = false, warpgroups = true;
  Case last; ///< the case that `compiled` is of: consecutive cases often share it
  std::optional<Result<Compiled>> compiled;
};

} // namespace attile::conformance
