#pragma once

#include "compiler/reference/program.h"

#include "dialect/attn/Attn.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>

/// The oracle: runs an attn.kernel in its naive form literally, in float64. For each query row, every visible
/// key is lifted, merged and at last finalized, in the order of the keys. Independent of all passes.
namespace attile::reference {

/// What a kernel is called with, by the names of its arguments. Scalars that are missing take their default.
struct Arguments {
  std::map<std::string, ConstTensorView, std::less<>> tensors;
  std::map<std::string, Scalar, std::less<>> scalars;
};

/// One query row.
struct Row {
  int64_t b = 0, h = 0, q = 0;
};

/// A lookup that was clamped where its value mattered (see Clamped), and the first place where that happened.
struct OutOfRange {
  std::string tensor;
  int dimension = 0;
  int64_t index = 0, extent = 0; ///< at the first place
  Row row;
  int64_t k = -1; ///< -1 outside scores and masks
  int64_t count = 0;

  /// "param 'slope': index 8 in dimension 0 of extent 8 was clamped (first at b=0 h=8 q=0 k=0, 12 times)"
  std::string text() const;
};

/// Results of the chosen rows, in the order given.
struct RowResults {
  struct Output {
    std::string name;
    int64_t width = 1;          ///< 1, or channels
    std::vector<double> values; ///< [rows, width]
  };
  std::vector<Output> outputs;     ///< one for each result of the kernel
  std::vector<double> maxAbsScore; ///< greatest finite |s| among the visible keys, one a row; 0 without keys
  std::vector<double> maxAbsState; ///< greatest finite number in the row's lifts and states
  /// Rows where a kernel may give NaN, whatever stands in `outputs`: a visible score is NaN or inf (an online
  /// maximum then meets inf - inf), or a value of the head is, seen or not (a tile multiplies it by 0).
  std::vector<uint8_t> mayBeNaN;
  int64_t visible = 0;                ///< (row, key) pairs that were lifted
  std::vector<OutOfRange> outOfRange; ///< one a tensor

  const Output* find(std::string_view name) const;
};

/// Sizes of a call, from the shapes of q and k in `arguments`.
Result<Sizes> sizesOf(attn::KernelOp kernel, const Arguments& arguments);

class Interpreter {
public:
  /// Decodes the kernel for one call. q, k and v may be missing if only `visible` is wanted; tensor params
  /// may not. Views must outlive the interpreter. Errors name the argument, what was expected and what was
  /// given.
  static Result<Interpreter> create(attn::KernelOp kernel, const Sizes& sizes, const Arguments& arguments);
  Interpreter(Interpreter&&) noexcept;
  Interpreter& operator=(Interpreter&&) noexcept;
  ~Interpreter();

  const Sizes& sizes() const;
  /// Every row of the problem, and at most `count` rows drawn at random from it, in ascending order.
  std::vector<Row> allRows() const;
  std::vector<Row> sampledRows(int64_t count, uint64_t seed) const;

  /// Evaluates rows in parallel (`threads` = 0: as many as the machine has). `progress` is told the number of
  /// rows done, now and then, from one thread at a time.
  Result<RowResults> evaluate(std::span<const Row> rows, int threads = 0,
                              const std::function<void(int64_t)>& progress = {}) const;

  /// out[i] = whether row sees key begin + i (for a kernel of several reductions: in any of them).
  /// Thread-safe; for many calls from one thread make a MaskReader.
  void visible(Row row, int64_t begin, std::span<uint8_t> out) const;

private:
  friend class MaskReader;
  struct Impl;
  explicit Interpreter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// Reads the mask alone, for pictures and brute-force counts of tiles. The interpreter must outlive it.
class MaskReader {
public:
  explicit MaskReader(const Interpreter& interpreter);
  ~MaskReader();
  void visible(Row row, int64_t begin, std::span<uint8_t> out);

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace attile::reference
