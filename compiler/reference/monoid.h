#pragma once

#include "compiler/reference/program.h"

#include "dialect/attn/Attn.h"

/// An attn.monoid of row and row_dv fields, ready to be computed with in float64.
namespace attile::reference {

class Monoid {
public:
  struct Field {
    std::string name;
    bool isVector = false; ///< row_dv
    bool isGauge = false;
  };
  struct Output {
    std::string name;
    bool isVector = false;
    bool showsGauge = false; ///< reads gauge fields only, so it depends on the gauge chosen (the row maximum)
  };

  /// The last `numValues` arguments of lift are values, those before are scores.
  static Result<Monoid> decode(attn::MonoidOp op, size_t numValues, const Bindings& bindings);

  const std::string& name() const { return symbol; }
  const std::vector<Field>& fields() const { return stateFields; }
  const std::vector<Output>& outputs() const { return results; }
  size_t numScores() const { return scores; }
  size_t numValues() const { return values; }

private:
  friend class MonoidMachine;
  std::string symbol;
  std::vector<Field> stateFields;
  std::vector<Output> results;
  size_t scores = 0, values = 0;
  std::vector<double> identity; ///< one a field
  Program lift, merge, finalize;
};

/// State of one row: the fields in order, a row field being one double and a row_dv field `width` of them.
using State = std::vector<double>;

/// A monoid with registers to compute in; one for each thread. The monoid must outlive it.
class MonoidMachine {
public:
  /// `width`: channels of the value vector.
  MonoidMachine(const Monoid& monoid, int64_t width);

  State identity() const { return identityState; }
  /// The state of one key. `values[i]` points to `width` channels.
  void lift(std::span<const double> scores, std::span<const double* const> values, State& result);
  /// The merge region as it is written, also for identities.
  void merge(const State& a, const State& b, State& result);
  /// a = merge(a, b), where merging with a state of no weight changes nothing.
  void mergeInto(State& a, const State& b);
  /// The state weighs nothing: it equals the identity, or its gauge is the identity's -inf (the key's score
  /// was -inf).
  bool isEmpty(const State& state) const;
  /// One entry an output, of 1 or `width` doubles.
  void finalize(const State& state, std::vector<std::vector<double>>& results);

  int64_t fieldSize(size_t field) const { return monoid->stateFields[field].isVector ? width : 1; }
  size_t fieldOffset(size_t field) const { return offsets[field]; }

private:
  void load(Frame& frame, size_t firstArgument, const State& state) const;
  void store(const Frame& frame, State& state) const;

  const Monoid* monoid;
  int64_t width;
  std::vector<size_t> offsets;
  State identityState, scratch;
  Frame liftFrame, mergeFrame, finalizeFrame;
};

} // namespace attile::reference
