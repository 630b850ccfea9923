#include "compiler/reference/mask_reader.h"

#include <fmt/core.h>
#include <numeric>

namespace attile::reference {

std::string OutOfRange::text() const {
  std::string key = k < 0 ? "" : fmt::format(" k={}", k);
  return fmt::format(
      "param '{}': index {} in dimension {} of extent {} was clamped (first at b={} h={} q={}{}, {} time{})",
      tensor, index, dimension, extent, row.b, row.h, row.q, key, count, count == 1 ? "" : "s");
}

void ClampLog::add(const Frame& frame, Row row, int64_t k) {
  for (const Clamped& c : frame.clamped())
    add({c.tensor, c.dimension, c.index, c.extent, row, k < 0 ? -1 : k + c.lane, c.count});
}

void ClampLog::add(OutOfRange entry) {
  auto place = [](const OutOfRange& e) { return std::tuple(e.row.b, e.row.h, e.row.q, e.k); };
  for (OutOfRange& known : log)
    if (known.tensor == entry.tensor) {
      entry.count += known.count;
      if (place(known) <= place(entry))
        known.count = entry.count;
      else
        known = std::move(entry);
      return;
    }
  log.push_back(std::move(entry));
}

void setRow(Frame& frame, size_t first, const Chain& chain, Row row, bool withQuery) {
  frame.set(first, row.b);
  frame.set(first + 1, row.h);
  frame.set(first + 2, chain.kvHead(row.h));
  if (withQuery)
    frame.set(first + 3, row.q);
}

VisibleEvaluator::VisibleEvaluator(const Chain& chain) : chain(chain), keys(kChunk) {
  for (const VisibleNode& node : chain.visible)
    frames.emplace_back(node.region, kChunk);
}

/// Slots are read in order: a negative entry ends the list, one not greater than all before it is ignored.
void VisibleEvaluator::readTables(Row row, BlockLists& lists, ClampLog& log) {
  lists.assign(chain.visible.size(), {});
  for (size_t n = 0; n < chain.visible.size(); ++n) {
    const VisibleNode& node = chain.visible[n];
    if (!node.table || node.table->view.elements() == 0)
      continue;
    setRow(frames[n], 0, chain, {row.b, row.h, row.q / node.qBlock});
    frames[n].run(1);
    log.add(frames[n], row, -1);
    const ConstTensorView& view = node.table->view;
    int64_t offset = 0;
    for (int d = 0; d < view.rank - 1; ++d) {
      int64_t index = frames[n].ints(d)[0], extent = view.shape[d];
      if (index < 0 || index >= extent)
        log.add({node.table->name, d, index, extent, row, -1, 1});
      offset += std::clamp<int64_t>(index, 0, extent - 1) * view.stride[d];
    }
    for (int64_t slot = 0; slot < view.shape[view.rank - 1]; ++slot) {
      int64_t at = offset + slot * view.stride[view.rank - 1];
      int64_t entry = view.dtype == DType::i32 ? static_cast<const int32_t*>(view.data)[at]
                                               : static_cast<const int64_t*>(view.data)[at];
      if (entry < 0)
        break;
      if (lists[n].empty() || entry > lists[n].back())
        lists[n].push_back(entry);
    }
  }
}

void VisibleEvaluator::evaluate(int n, Row row, const BlockLists& lists, int64_t k, int64_t count,
                                uint8_t* out, ClampLog& log) {
  const VisibleNode& node = chain.visible[n];
  if (node.table) {
    for (int64_t lane = 0; lane < count; ++lane)
      out[lane] = std::binary_search(lists[n].begin(), lists[n].end(), (k + lane) / node.kBlock);
    return;
  }
  std::iota(keys.begin(), keys.begin() + count, k);
  setRow(frames[n], 0, chain, row);
  frames[n].bind(4, keys.data());
  frames[n].run(count);
  log.add(frames[n], row, k);
  const int64_t* visible = frames[n].ints(0);
  bool varies = node.region.resultVaries(0);
  for (int64_t lane = 0; lane < count; ++lane)
    out[lane] = visible[varies ? lane : 0] != 0;
}

bool VisibleEvaluator::evaluate(const std::vector<int>& nodes, Row row, const BlockLists& lists, int64_t k,
                                int64_t count, uint8_t* out, ClampLog& log) {
  std::fill_n(out, count, uint8_t{1});
  uint8_t one[kChunk];
  for (int node : nodes) {
    evaluate(node, row, lists, k, count, one, log);
    for (int64_t lane = 0; lane < count; ++lane)
      out[lane] &= one[lane];
  }
  return std::any_of(out, out + count, [](uint8_t v) { return v != 0; });
}

} // namespace attile::reference
