#include "compiler/reference/interpreter.h"
#include "compiler/reference/mask_reader.h"

#include <atomic>
#include <fmt/core.h>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>

namespace attile::reference {
namespace {

/// Rows of one (b, h) that walk over the keys together, so that a key is converted to double once for all.
constexpr size_t kRowsTogether = 16;

template <class T> void widen(const ConstTensorView& view, int64_t offset, double* out, int64_t n) {
  const T* data = static_cast<const T*>(view.data) + offset;
  for (int64_t i = 0; i < n; ++i)
    if constexpr (std::is_same_v<T, float>)
      out[i] = data[i * view.stride[3]];
    else
      out[i] = to_f32(data[i * view.stride[3]]);
}

double dot(const double* a, const double* b, int64_t n) {
  double sum[4] = {}; // independent chains of additions, for speed
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int lane = 0; lane < 4; ++lane)
      sum[lane] += a[i + lane] * b[i + lane];
  for (; i < n; ++i)
    sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// One elementwise hook of a vector: x, b, h, position, channel.
void applyTransforms(std::vector<Frame>& frames, Row place, const std::vector<int64_t>& channels, double* x,
                     int64_t n) {
  for (Frame& frame : frames) {
    frame.bind(0, x);
    frame.set(1, place.b);
    frame.set(2, place.h);
    frame.set(3, place.q);
    frame.bind(4, channels.data());
    frame.run(n);
    std::copy_n(frame.floats(0), n, x);
  }
}

/// Evaluates groups of rows; one for each thread.
class Worker {
public:
  Worker(const Chain& chain, RowResults& results);
  /// Rows [begin, end), all of one (b, h).
  void evaluate(std::span<const Row> rows, size_t begin, size_t end);

  ClampLog log;
  int64_t visible = 0;

private:
  struct Active {
    Row row;
    size_t slot; ///< in the results
    VisibleEvaluator::BlockLists blocks;
    std::vector<std::vector<double>> queries; ///< one an operand; empty if it is not a query
    std::vector<State> states;                ///< one a reduction
    double maxAbsScore = 0, maxAbsState = 0;
    bool mayBeNaN = false;
  };
  /// A chunk of an operand's rows as double, each filled when it is first needed.
  struct Loaded {
    std::vector<double> rows;
    std::vector<uint8_t> ready;
  };

  Active start(Row row, size_t slot);
  void keys(Active& active, int64_t k, int64_t n);
  void finish(Active& active);

  void loadRow(int operand, Row place, double* out);
  bool hasFiniteValues(Row row);
  const double* loadKey(int operand, Row row, int64_t k, int64_t lane);
  void score(int node, Active& active, int64_t k, int64_t n);
  void fold(size_t reduction, Active& active, int64_t k, int64_t n);

  const Chain& chain;
  RowResults& results;
  VisibleEvaluator mask;
  std::vector<Loaded> loaded;                    ///< one an operand
  std::vector<std::vector<Frame>> operandFrames; ///< one for each transform
  std::vector<std::vector<Frame>> outputFrames;
  std::vector<std::optional<Frame>> scoreFrames, sinkFrames;
  std::vector<MonoidMachine> machines;
  std::vector<std::vector<double>> scores; ///< [score node][kChunk]
  std::vector<std::vector<uint8_t>> seen;  ///< [reduction][kChunk]
  std::vector<uint8_t> anySeen;
  std::vector<int64_t> keyIndices, channels;
  State lifted;
};

Worker::Worker(const Chain& chain, RowResults& results)
    : chain(chain), results(results), mask(chain), loaded(chain.operands.size()),
      operandFrames(chain.operands.size()), outputFrames(chain.outputs.size()),
      scores(chain.scores.size(), std::vector<double>(kChunk)),
      seen(chain.reductions.size(), std::vector<uint8_t>(kChunk)), anySeen(kChunk), keyIndices(kChunk) {
  int64_t widest = 1;
  for (size_t i = 0; i < chain.operands.size(); ++i) {
    widest = std::max(widest, chain.operands[i].channels);
    for (const Program& transform : chain.operands[i].transforms)
      operandFrames[i].emplace_back(transform, chain.operands[i].channels);
  }
  for (size_t i = 0; i < chain.outputs.size(); ++i)
    for (const Program& transform : chain.outputs[i].transforms)
      outputFrames[i].emplace_back(transform, chain.reductions[chain.outputs[i].reduction].channels);
  for (const ScoreNode& node : chain.scores)
    scoreFrames.push_back(node.isDot() ? std::nullopt
                                       : std::optional<Frame>(std::in_place, node.modify, kChunk));
  for (const Reduction& reduction : chain.reductions) {
    machines.emplace_back(reduction.monoid, reduction.channels);
    sinkFrames.push_back(reduction.sink ? std::optional<Frame>(std::in_place, *reduction.sink, 1)
                                        : std::nullopt);
  }
  channels.resize(widest);
  std::iota(channels.begin(), channels.end(), 0);
}

void Worker::evaluate(std::span<const Row> rows, size_t begin, size_t end) {
  std::vector<Active> group;
  for (size_t slot = begin; slot < end; ++slot)
    group.push_back(start(rows[slot], slot));
  for (int64_t k = 0; k < chain.sizes.kvLen; k += kChunk) {
    int64_t n = std::min(kChunk, chain.sizes.kvLen - k);
    for (Loaded& operand : loaded)
      operand.ready.assign(kChunk, 0);
    std::iota(keyIndices.begin(), keyIndices.begin() + n, k);
    for (Active& active : group)
      keys(active, k, n);
  }
  bool finite = begin == end || hasFiniteValues(rows[begin]);
  for (Active& active : group) {
    active.mayBeNaN |= !finite;
    finish(active);
  }
}

/// The state before the first key: the identity, or the sink.
Worker::Active Worker::start(Row row, size_t slot) {
  Active active{.row = row, .slot = slot, .blocks = {}, .queries = {}, .states = {}};
  mask.readTables(row, active.blocks, log);
  active.queries.resize(chain.operands.size());
  for (const ScoreNode& node : chain.scores)
    if (node.isDot()) {
      active.queries[node.query].resize(chain.operands[node.query].channels);
      loadRow(node.query, row, active.queries[node.query].data());
    }
  for (size_t r = 0; r < chain.reductions.size(); ++r) {
    const Reduction& reduction = chain.reductions[r];
    active.states.push_back(machines[r].identity());
    if (!reduction.sink)
      continue;
    setRow(*sinkFrames[r], 0, chain, row, /*withQuery=*/false);
    sinkFrames[r]->run(1);
    log.add(*sinkFrames[r], row, -1);
    std::vector<double> sink;
    for (size_t i = 0; i < reduction.scores.size(); ++i)
      sink.push_back(sinkFrames[r]->floats(i)[0]);
    std::vector<double> zero(reduction.channels);
    std::vector<const double*> values(reduction.values.size(), zero.data());
    machines[r].lift(sink, values, lifted);
    machines[r].mergeInto(active.states[r], lifted);
  }
  return active;
}

void Worker::keys(Active& active, int64_t k, int64_t n) {
  bool any = false;
  std::fill_n(anySeen.begin(), n, uint8_t{0});
  for (size_t r = 0; r < chain.reductions.size(); ++r) {
    any |= mask.evaluate(chain.reductions[r].where, active.row, active.blocks, k, n, seen[r].data(), log);
    for (int64_t lane = 0; lane < n; ++lane)
      anySeen[lane] |= seen[r][lane];
  }
  if (!any)
    return;
  for (size_t node = 0; node < chain.scores.size(); ++node)
    score(static_cast<int>(node), active, k, n);
  for (size_t r = 0; r < chain.reductions.size(); ++r)
    fold(r, active, k, n);
}

/// Scores of the visible lanes; the others are left at 0.
void Worker::score(int index, Active& active, int64_t k, int64_t n) {
  const ScoreNode& node = chain.scores[index];
  double* out = scores[index].data();
  if (node.isDot()) {
    int64_t channels = chain.operands[node.query].channels;
    const double* q = active.queries[node.query].data();
    for (int64_t lane = 0; lane < n; ++lane)
      out[lane] = anySeen[lane] ? dot(q, loadKey(node.key, active.row, k, lane), channels) : 0;
    return;
  }
  Frame& frame = *scoreFrames[index];
  for (size_t i = 0; i < node.inputs.size(); ++i)
    frame.bind(i, scores[node.inputs[i]].data());
  setRow(frame, node.inputs.size(), chain, active.row);
  frame.bind(node.inputs.size() + 4, keyIndices.data());
  frame.run(n, anySeen.data());
  log.add(frame, active.row, k);
  bool varies = node.modify.resultVaries(0);
  for (int64_t lane = 0; lane < n; ++lane)
    out[lane] = anySeen[lane] ? frame.floats(0)[varies ? lane : 0] : 0;
}

double greatestFinite(const State& state) {
  double greatest = 0;
  for (double x : state)
    if (std::isfinite(x))
      greatest = std::max(greatest, std::fabs(x));
  return greatest;
}

void Worker::fold(size_t r, Active& active, int64_t k, int64_t n) {
  const Reduction& reduction = chain.reductions[r];
  std::vector<double> s(reduction.scores.size());
  std::vector<const double*> values(reduction.values.size());
  for (int64_t lane = 0; lane < n; ++lane) {
    if (!seen[r][lane])
      continue;
    for (size_t i = 0; i < s.size(); ++i) {
      s[i] = scores[reduction.scores[i]][lane];
      if (chain.scores[reduction.scores[i]].hasDot && std::isfinite(s[i]))
        active.maxAbsScore = std::max(active.maxAbsScore, std::fabs(s[i]));
      active.mayBeNaN |= std::isnan(s[i]) || s[i] > std::numeric_limits<double>::max();
    }
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = loadKey(reduction.values[i], active.row, k, lane);
    machines[r].lift(s, values, lifted);
    machines[r].mergeInto(active.states[r], lifted);
    active.maxAbsState =
        std::max({active.maxAbsState, greatestFinite(lifted), greatestFinite(active.states[r])});
    ++visible;
  }
}

/// A row without keys (and sink): vectors are 0, scalars what the identity finalizes to.
void Worker::finish(Active& active) {
  std::vector<std::vector<std::vector<double>>> finalized(chain.reductions.size());
  for (size_t r = 0; r < chain.reductions.size(); ++r)
    machines[r].finalize(active.states[r], finalized[r]);
  for (size_t i = 0; i < chain.outputs.size(); ++i) {
    const OutputNode& node = chain.outputs[i];
    std::vector<double>& value = finalized[node.reduction][node.output];
    if (chain.reductions[node.reduction].monoid.outputs()[node.output].isVector &&
        machines[node.reduction].isEmpty(active.states[node.reduction]))
      std::fill(value.begin(), value.end(), 0.0);
    if (!node.transforms.empty()) {
      value.resize(chain.reductions[node.reduction].channels, value[0]);
      applyTransforms(outputFrames[i], active.row, channels, value.data(),
                      static_cast<int64_t>(value.size()));
    }
    RowResults::Output& output = results.outputs[i];
    std::copy_n(value.begin(), output.width, output.values.begin() + active.slot * output.width);
  }
  results.maxAbsScore[active.slot] = active.maxAbsScore;
  results.maxAbsState[active.slot] = active.maxAbsState;
  results.mayBeNaN[active.slot] = active.mayBeNaN;
}

/// Of all keys of the row's head.
bool Worker::hasFiniteValues(Row row) {
  std::vector<double> value;
  for (const Reduction& reduction : chain.reductions)
    for (int operand : reduction.values) {
      value.resize(chain.operands[operand].channels);
      for (int64_t k = 0; k < chain.sizes.kvLen; ++k) {
        loadRow(operand, {row.b, chain.kvHead(row.h), k}, value.data());
        if (!std::all_of(value.begin(), value.end(), [](double x) { return std::isfinite(x); }))
          return false;
      }
    }
  return true;
}

void Worker::loadRow(int index, Row place, double* out) {
  const Operand& operand = chain.operands[index];
  const ConstTensorView& view = operand.view;
  int64_t offset = place.b * view.stride[0] + place.h * view.stride[1] + place.q * view.stride[2];
  if (view.dtype == DType::f32)
    widen<float>(view, offset, out, operand.channels);
  else if (view.dtype == DType::f16)
    widen<f16>(view, offset, out, operand.channels);
  else
    widen<bf16>(view, offset, out, operand.channels);
  applyTransforms(operandFrames[index], place, channels, out, operand.channels);
}

const double* Worker::loadKey(int index, Row row, int64_t k, int64_t lane) {
  Loaded& chunk = loaded[index];
  int64_t channels = chain.operands[index].channels;
  chunk.rows.resize(kChunk * channels);
  double* out = chunk.rows.data() + lane * channels;
  if (!chunk.ready[lane]) {
    loadRow(index, {row.b, chain.kvHead(row.h), k + lane}, out);
    chunk.ready[lane] = 1;
  }
  return out;
}

/// Consecutive rows of one (b, h), at most kRowsTogether.
std::vector<size_t> groupStarts(std::span<const Row> rows) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < rows.size(); ++i)
    if (starts.empty() || i - starts.back() == kRowsTogether || rows[i].b != rows[i - 1].b ||
        rows[i].h != rows[i - 1].h)
      starts.push_back(i);
  starts.push_back(rows.size());
  return starts;
}

} // namespace

struct Interpreter::Impl {
  Chain chain;
};
struct MaskReader::Impl {
  explicit Impl(const Chain& chain) : chain(chain), evaluator(chain) {}
  const Chain& chain;
  VisibleEvaluator evaluator;
  ClampLog log;
  std::optional<Row> row; ///< that `blocks` is of
  VisibleEvaluator::BlockLists blocks;
};

Interpreter::Interpreter(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Interpreter::Interpreter(Interpreter&&) noexcept = default;
Interpreter& Interpreter::operator=(Interpreter&&) noexcept = default;
Interpreter::~Interpreter() = default;

Result<Interpreter> Interpreter::create(attn::KernelOp kernel, const Sizes& sizes,
                                        const Arguments& arguments) {
  Result<Chain> chain = decodeChain(kernel, sizes, arguments);
  if (!chain)
    return chain.error();
  return Interpreter(std::make_unique<Impl>(Impl{std::move(*chain)}));
}

const Sizes& Interpreter::sizes() const { return impl->chain.sizes; }

std::vector<Row> Interpreter::allRows() const {
  std::vector<Row> rows;
  for (int64_t b = 0; b < sizes().batch; ++b)
    for (int64_t h = 0; h < sizes().heads; ++h)
      for (int64_t q = 0; q < sizes().qLen; ++q)
        rows.push_back({b, h, q});
  return rows;
}

std::vector<Row> Interpreter::sampledRows(int64_t count, uint64_t seed) const {
  const auto [batch, heads, kvHeads, qLen, kvLen] = sizes();
  int64_t total = batch * heads * qLen;
  if (count >= total)
    return allRows();
  std::mt19937_64 random(seed);
  std::vector<int64_t> picks;
  for (int64_t i = 0; i < count; ++i)
    picks.push_back(static_cast<int64_t>(random() % static_cast<uint64_t>(total)));
  std::sort(picks.begin(), picks.end());
  picks.erase(std::unique(picks.begin(), picks.end()), picks.end());
  std::vector<Row> rows;
  for (int64_t pick : picks)
    rows.push_back({pick / qLen / heads, pick / qLen % heads, pick % qLen});
  return rows;
}

Result<RowResults> Interpreter::evaluate(std::span<const Row> rows, int threads,
                                         const std::function<void(int64_t)>& progress) const {
  const Chain& chain = impl->chain;
  for (const Operand& operand : chain.operands)
    if (!operand.view.data && operand.view.elements() != 0)
      return user_error(fmt::format("'{}' is missing", operand.name));
  for (const Row& row : rows)
    if (row.b < 0 || row.h < 0 || row.q < 0 || row.b >= sizes().batch || row.h >= sizes().heads ||
        row.q >= sizes().qLen)
      return usage_error(fmt::format("row b={} h={} q={} is outside [{}, {}, {}]", row.b, row.h, row.q,
                                     sizes().batch, sizes().heads, sizes().qLen));
  RowResults results;
  for (const OutputNode& node : chain.outputs) {
    const Reduction& reduction = chain.reductions[node.reduction];
    int64_t width = reduction.monoid.outputs()[node.output].isVector ? reduction.channels : 1;
    results.outputs.push_back({node.name, width, std::vector<double>(rows.size() * width)});
  }
  results.maxAbsScore.resize(rows.size());
  results.maxAbsState.resize(rows.size());
  results.mayBeNaN.resize(rows.size());

  const std::vector<size_t> starts = groupStarts(rows);
  const size_t groups = starts.size() - 1;
  size_t workers = threads > 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
  workers = std::clamp<size_t>(workers, 1, std::max<size_t>(groups, 1));
  std::atomic<size_t> next = 0;
  std::mutex merging;
  ClampLog log;
  int64_t done = 0;
  auto work = [&] {
    Worker worker(chain, results);
    for (size_t group; (group = next++) < groups;) {
      worker.evaluate(rows, starts[group], starts[group + 1]);
      std::lock_guard lock(merging);
      done += static_cast<int64_t>(starts[group + 1] - starts[group]);
      if (progress)
        progress(done);
    }
    std::lock_guard lock(merging);
    results.visible += worker.visible;
    for (const OutOfRange& entry : worker.log.entries())
      log.add(entry);
  };
  std::vector<std::thread> pool;
  for (size_t i = 1; i < workers; ++i)
    pool.emplace_back(work);
  work();
  for (std::thread& thread : pool)
    thread.join();
  results.outOfRange = log.entries();
  return results;
}

void Interpreter::visible(Row row, int64_t begin, std::span<uint8_t> out) const {
  MaskReader(*this).visible(row, begin, out);
}

const RowResults::Output* RowResults::find(std::string_view name) const {
  for (const Output& output : outputs)
    if (output.name == name)
      return &output;
  return nullptr;
}

MaskReader::MaskReader(const Interpreter& interpreter)
    : impl(std::make_unique<Impl>(interpreter.impl->chain)) {}
MaskReader::~MaskReader() = default;

void MaskReader::visible(Row row, int64_t begin, std::span<uint8_t> out) {
  if (!impl->row || std::tie(impl->row->b, impl->row->h, impl->row->q) != std::tie(row.b, row.h, row.q)) {
    impl->evaluator.readTables(row, impl->blocks, impl->log);
    impl->row = row;
  }
  for (size_t done = 0; done < out.size(); done += kChunk) {
    int64_t n = std::min<int64_t>(kChunk, static_cast<int64_t>(out.size() - done));
    uint8_t* target = out.data() + done;
    std::fill_n(target, n, uint8_t{0});
    uint8_t seen[kChunk];
    for (const Reduction& reduction : impl->chain.reductions) {
      impl->evaluator.evaluate(reduction.where, row, impl->blocks, begin + static_cast<int64_t>(done), n,
                               seen, impl->log);
      for (int64_t lane = 0; lane < n; ++lane)
        target[lane] |= seen[lane];
    }
  }
}

} // namespace attile::reference
