#include "tools/attile-run/commands.h"
#include "tools/attile/emulator_report.h"
#include "tools/attile/staged.h"

#include <attile/npy.h>
#include <cmath>
#include <fmt/core.h>

namespace attile::runner {
namespace {

/// How far outputs are from the reference, as Accuracy of attile/reference.h defines it.
struct Errors {
  double rel = 0, lse = 0;
  bool misplaced = false; ///< infinities or NaNs
};

Result<Errors> compare(const std::map<std::string, cli::Guarded>& outputs, const Json& expected,
                       const std::string& folder) {
  Errors errors;
  for (const auto& [name, output] : outputs) {
    Result<Tensor> want = read_npy(folder + "/" + expected.at(name).get<std::string>());
    Result<Tensor> have = converted(output.view(), DType::f32);
    if (!want || !have)
      return want ? have.error() : want.error();
    double square = 0, square_error = 0;
    for (std::int64_t i = 0, n = want->view().elements(); i < n; ++i) {
      double x = have->data<float>()[i], reference = want->data<float>()[i];
      if (!std::isfinite(reference) || !std::isfinite(x)) {
        errors.misplaced |= !(x == reference || (std::isnan(x) && std::isnan(reference)));
        continue;
      }
      square += reference * reference;
      square_error += (x - reference) * (x - reference);
      if (name != "o")
        errors.lse = std::max(errors.lse, std::abs(x - reference) / std::max(1.0, std::abs(reference)));
    }
    if (name == "o")
      errors.rel = std::sqrt(square > 0 ? square_error / square : square_error);
  }
  return errors;
}

/// What the emulator's checks have found since the last call; a real driver finds nothing.
Json findings(const Device& device) {
  std::optional<Json> report = cli::emulator_report(device);
  cli::clear_emulator_report(device);
  return report ? report->at("findings") : Json::array();
}

Result<Json> check_case(const Json& entry, const std::string& folder, const Device& device, Loader& loader) {
  Result<Kernel> kernel = loader.kernel(entry.at("package"));
  if (!kernel)
    return kernel.error();
  Result<std::unique_ptr<Operands>> operands = Operands::make(entry, folder, kernel->package());
  if (!operands)
    return std::move(operands).error();
  (*operands)->arguments.poison_scratch = true;
  Result<cli::Staged> staged = cli::Staged::to(device, (*operands)->arguments);
  if (!staged)
    return staged.error();
  if (Result<void> launched = kernel->launch(staged->arguments()); !launched)
    return launched.error();
  if (Result<void> read = staged->back(); !read)
    return read.error();
  for (const auto& [name, output] : (*operands)->outputs)
    if (std::string damage = output.damage(); !damage.empty())
      return internal_error(fmt::format("{}: {}", name, damage));
  Result<Errors> errors = compare((*operands)->outputs, entry.at("expected"), folder);
  if (!errors)
    return errors.error();
  double bound = entry.at("bound"), lse_bound = entry.at("lse_bound");
  Json found = findings(device);
  bool ok = errors->rel <= bound && errors->lse <= lse_bound && !errors->misplaced && found.empty();
  return Json{{"ok", ok},
              {"rel_err", errors->rel},
              {"bound", bound},
              {"lse_err", errors->lse},
              {"lse_bound", lse_bound},
              {"misplaced", errors->misplaced},
              {"findings", found}};
}

} // namespace

Result<int> check(const CaseList& list, const Device& device, const Options& options) {
  Loader loader(list.folder, device);
  int passed = 0, failed = 0;
  for (const Json& entry : list.cases) {
    std::string name = entry.at("name");
    if (name.find(options.only) == std::string::npos)
      continue;
    Result<Json> checked = check_case(entry, list.folder, device, loader);
    Json line = {{"name", name}};
    line.update(checked ? *checked : Json{{"ok", false}, {"error", checked.error().text()}});
    (line["ok"] ? passed : failed)++;
    fmt::print("{}\n", line.dump());
  }
  fmt::print("{}\n", Json{{"passed", passed}, {"failed", failed}}.dump());
  return failed ? 1 : 0;
}

} // namespace attile::runner
