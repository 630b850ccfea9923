// attile: the command line of the compiler and the runtime.
#include "tools/attile/command.h"
#include "tools/attile/report.h"

#include <algorithm>
#include <exception>
#include <fmt/core.h>
#include <new>
#include <string_view>

using namespace attile;

namespace {

struct Command {
  const char* name;
  const char* summary;
  cli::Run (*declare)(CLI::App& app);
};

constexpr Command commands[] = {
    {"check", "report what is wrong with a spec", cli::declare_check},
    {"run", "compile a spec and run it, on random inputs or .npy files", cli::declare_run},
    {"bench", "measure a kernel, beside what this machine can do", cli::declare_bench},
    {"tune", "measure which tile is the fastest on a GPU, and remember it", cli::declare_tune},
    {"explain", "say what the compiler chose for some sizes, and why", cli::declare_explain},
    {"inspect", "print a stage of the compilation", cli::declare_inspect},
    {"mask", "draw the mask and its tiles", cli::declare_mask},
    {"build", "compile a spec into a package", cli::declare_build},
    {"cache", "list, check or remove the packages that were compiled before", cli::declare_cache},
    {"devices", "list the devices of this machine, and what is missing", cli::declare_devices},
};

/// What a library throws all the same: no memory, or a defect of ours.
Result<int> guarded(const cli::Run& run) {
  try {
    return run();
  } catch (const std::bad_alloc&) {
    return environment_error("not enough memory");
  } catch (const std::exception& error) {
    return internal_error(fmt::format("unexpected: {}", error.what()));
  }
}

/// Where the command line cannot be read.
bool asks_for_json(int argc, char** argv) {
  return std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Attile compiles attention variants: a spec of a few lines becomes a tiled, fused kernel.");
  app.name("attile");
  app.set_version_flag("--version", "attile " ATTILE_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);

  // CLI11 would say that a command is missing.
  auto named = [&](const Command& command) { return std::string_view(argv[1]) == command.name; };
  if (argc > 1 && argv[1][0] != '-' && std::none_of(std::begin(commands), std::end(commands), named)) {
    std::string all;
    for (const Command& command : commands)
      all += std::string(all.empty() ? "" : ", ") + command.name;
    return cli::fail(usage_error(fmt::format("there is no command '{}'", argv[1]), "the commands are " + all),
                     asks_for_json(argc, argv));
  }

  cli::Run run;
  for (const Command& command : commands) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    sub->final_callback([&run, body = command.declare(*sub)] { run = body; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0)
      return app.exit(error); // --help, --version
    return cli::fail(usage_error(error.what(), "see 'attile --help' or 'attile COMMAND --help'"),
                     asks_for_json(argc, argv));
  }

  Result<int> status = guarded(run);
  if (status)
    return *status;
  CLI::Option* json = app.get_subcommands().front()->get_option_no_throw("--json");
  return cli::fail(status.error(), json && json->as<bool>());
}
