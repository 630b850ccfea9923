#include "compiler/reference/laws.h"

#include <cmath>
#include <fmt/core.h>
#include <random>

namespace attile::reference {
namespace {

/// Far above what double rounding does to a few merges, far below what a wrong formula does.
constexpr double kTolerance = 1e-7;

class LawChecker {
public:
  LawChecker(const Monoid& monoid, const LawOptions& options)
      : monoid(monoid), machine(monoid, 1), random(options.seed), row(options.rowConstants) {}

  LawReport check(int trials) {
    LawReport report;
    for (int trial = 0; trial < trials && !report.violation; ++trial) {
      for (double& constant : row)
        constant = normal(random);
      State a = state(), b = state(), c = state();
      report.violation = associativity(a, b, c);
      if (!report.violation)
        report.violation = identity(a);
      if (!report.gaugeDependence)
        report.gaugeDependence = gauge(a);
      report.commutative &= same(merged(a, b), merged(b, a));
    }
    return report;
  }

private:
  /// The state of one key, or of two.
  State state() {
    State result = lifted();
    return random() % 2 ? result : merged(result, lifted());
  }
  State lifted() {
    std::vector<double> scores(monoid.numScores()), values(monoid.numValues());
    std::vector<const double*> channels;
    for (double& s : scores)
      s = 3 * normal(random);
    std::copy(row.begin(), row.end(), scores.end() - static_cast<ptrdiff_t>(row.size()));
    for (double& v : values) {
      v = normal(random);
      channels.push_back(&v);
    }
    State result;
    machine.lift(scores, channels, result);
    return result;
  }
  State merged(const State& a, const State& b) {
    State result;
    machine.merge(a, b, result);
    return result;
  }
  std::vector<double> finalized(const State& state, bool withGauge = true) {
    std::vector<std::vector<double>> results;
    machine.finalize(state, results);
    std::vector<double> flat;
    for (size_t i = 0; i < results.size(); ++i)
      if (withGauge || !monoid.outputs()[i].showsGauge)
        flat.push_back(results[i][0]);
    return flat;
  }

  static bool close(std::span<const double> a, std::span<const double> b) {
    for (size_t i = 0; i < a.size(); ++i) {
      bool equal = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])) ||
                   std::fabs(a[i] - b[i]) <= kTolerance * std::max({1.0, std::fabs(a[i]), std::fabs(b[i])});
      if (!equal)
        return false;
    }
    return true;
  }
  /// Equal, or not to be told apart by any output, also after one more key.
  bool same(const State& a, const State& b) {
    if (close(a, b))
      return true;
    State more = lifted();
    return close(finalized(a), finalized(b)) && close(finalized(merged(a, more)), finalized(merged(b, more)));
  }
  static bool hasNaN(const State& state) {
    return std::any_of(state.begin(), state.end(), [](double x) { return std::isnan(x); });
  }

  std::optional<Counterexample> associativity(const State& a, const State& b, const State& c) {
    State left = merged(merged(a, b), c), right = merged(a, merged(b, c));
    if (hasNaN(left) && !hasNaN(a) && !hasNaN(b) && !hasNaN(c))
      return Counterexample{"merge is not a number for finite states",
                            {show("a", a), show("b", b), show("c", c), show("(a b) c", left)}};
    if (same(left, right))
      return std::nullopt;
    return Counterexample{
        "merge is not associative",
        {show("a", a), show("b", b), show("c", c), show("(a b) c", left), show("a (b c)", right)}};
  }

  std::optional<Counterexample> identity(const State& a) {
    State e = machine.identity();
    for (bool first : {true, false}) {
      State result = first ? merged(e, a) : merged(a, e);
      if (hasNaN(result) || same(result, a))
        continue;
      return Counterexample{
          "the initial state is not neutral: merging with it must change nothing",
          {show("initial", e), show("a", a), show(first ? "initial a" : "a initial", result)}};
    }
    return std::nullopt;
  }

  std::optional<Counterexample> gauge(const State& a) {
    State weightless = machine.identity();
    bool any = false;
    for (size_t f = 0; f < monoid.fields().size(); ++f)
      if (monoid.fields()[f].isGauge) {
        weightless[machine.fieldOffset(f)] = a[machine.fieldOffset(f)] + 3 * normal(random);
        any = true;
      }
    if (!any)
      return std::nullopt;
    State shifted = merged(a, weightless);
    if (close(finalized(a, false), finalized(shifted, false)))
      return std::nullopt;
    return Counterexample{"outputs depend on the gauge",
                          {show("a", a), show("weightless", weightless), show("a weightless", shifted)}};
  }

  /// "a = (m = 1.5, l = 1, o = -0.25), finalized o = -0.25, lse = 1.5"
  std::string show(const char* name, const State& state) {
    std::string fields, outputs;
    for (size_t f = 0; f < monoid.fields().size(); ++f)
      fields +=
          fmt::format("{}{} = {:.6g}", f ? ", " : "", monoid.fields()[f].name, state[machine.fieldOffset(f)]);
    std::vector<double> values = finalized(state);
    for (size_t i = 0; i < values.size(); ++i)
      outputs += fmt::format("{}{} = {:.6g}", i ? ", " : "", monoid.outputs()[i].name, values[i]);
    return fmt::format("{}: {}; finalized: {}", name, fields, outputs);
  }

  const Monoid& monoid;
  MonoidMachine machine;
  std::mt19937_64 random;
  std::normal_distribution<double> normal;
  std::vector<double> row; ///< this trial's values of the scores that do not depend on the key
};

} // namespace

Result<LawReport> checkLaws(attn::MonoidOp op, const LawOptions& options) {
  Bindings bindings; // a fold may read sizes; any will do
  bindings.sizes = {.batch = 2, .heads = 8, .kvHeads = 2, .qLen = 96, .kvLen = 128};
  Result<Monoid> monoid = Monoid::decode(op, options.numValues, bindings);
  if (!monoid)
    return monoid.error();
  return LawChecker(*monoid, options).check(options.trials);
}

} // namespace attile::reference
