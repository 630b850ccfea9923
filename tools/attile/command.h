// A command of the tool: declares its options, and later runs.
#pragma once

#include <CLI/CLI.hpp>
#include <attile/result.h>
#include <functional>

namespace attile::cli {

/// Runs a command whose options have been parsed, and gives the exit status.
using Run = std::function<Result<int>()>;

Run declare_bench(CLI::App& app);
Run declare_build(CLI::App& app);
Run declare_cache(CLI::App& app);
Run declare_check(CLI::App& app);
Run declare_devices(CLI::App& app);
Run declare_explain(CLI::App& app);
Run declare_inspect(CLI::App& app);
Run declare_mask(CLI::App& app);
Run declare_run(CLI::App& app);
Run declare_tune(CLI::App& app);

} // namespace attile::cli
