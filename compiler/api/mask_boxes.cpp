#include <attile/mask.h>

#include "compiler/analysis/mask.h"
#include "compiler/api/attn_module.h"
#include "compiler/reference/chain.h"
#include "compiler/reference/mask_reader.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <algorithm>
#include <bit>

using namespace mlir;

namespace attile {

namespace {

/// Ranges are classified so many at a time.
constexpr int64_t kLanes = 256;

/// Least and greatest elements of runs of a tensor's last dimension: entry [level][leading...][i] is of
/// 2^level blocks from block i on, so that two entries cover any run of blocks.
class RunBounds {
public:
  static constexpr int64_t block = 16;

  explicit RunBounds(const ConstTensorView& view) : rank(view.rank) {
    length = view.shape[rank - 1];
    blocks = (length + block - 1) / block;
    leading = 1;
    for (int d = 0; d + 1 < rank; ++d)
      leading *= view.shape[d];
    levels = std::bit_width(static_cast<uint64_t>(std::max<int64_t>(blocks, 1)));
    least.resize(levels * leading * blocks);
    greatest = least;
    log.resize(blocks + 1);
    for (int64_t n = 1; n <= blocks; ++n)
      log[n] = std::bit_width(static_cast<uint64_t>(n)) - 1;
    if (view.elements() > 0)
      fill(view);
  }

  ConstTensorView table(const std::vector<int64_t>& values, const ConstTensorView& like) const {
    std::vector<int64_t> shape{levels};
    for (int d = 0; d + 1 < rank; ++d)
      shape.push_back(like.shape[d]);
    shape.push_back(blocks);
    return {values.data(), DType::i64, shape};
  }

  int rank;
  int64_t length, blocks, leading, levels;
  std::vector<int64_t> least, greatest, log;

private:
  static int64_t element(const ConstTensorView& view, int64_t at) {
    return view.dtype == DType::i32   ? static_cast<const int32_t*>(view.data)[at]
           : view.dtype == DType::i64 ? static_cast<const int64_t*>(view.data)[at]
                                      : static_cast<const uint8_t*>(view.data)[at] != 0;
  }

  void fill(const ConstTensorView& view) {
    for (int64_t row = 0; row < leading; ++row) {
      int64_t offset = 0;
      for (int64_t d = rank - 2, rest = row; d >= 0; rest /= view.shape[d], --d)
        offset += rest % view.shape[d] * view.stride[d];
      int64_t *low = &least[row * blocks], *high = &greatest[row * blocks];
      for (int64_t i = 0; i < length; ++i) {
        int64_t x = element(view, offset + i * view.stride[rank - 1]);
        low[i / block] = i % block ? std::min(low[i / block], x) : x;
        high[i / block] = i % block ? std::max(high[i / block], x) : x;
      }
    }
    for (int64_t level = 1; level < levels; ++level)
      for (int64_t row = 0; row < leading; ++row)
        for (int64_t i = 0, half = int64_t(1) << (level - 1); i + 2 * half <= blocks; ++i) {
          int64_t to = (level * leading + row) * blocks + i, from = to - leading * blocks;
          least[to] = std::min(least[from], least[from + half]);
          greatest[to] = std::max(greatest[from], greatest[from + half]);
        }
  }
};

/// Lets the analysis write code that the reference's programs run: its summaries are tensors to look things
/// up in.
class Host : public analysis::MaskHost {
public:
  explicit Host(reference::Bindings& bindings) : bindings(bindings) { owner.push_back(new Block); }

  Value size(OpBuilder& b, Location loc, StringRef name) override {
    return attn::SizeOp::create(b, loc, b.getI64Type(), name);
  }
  Value scalar(OpBuilder&, Location, Value captured) override { return captured; }
  Value element(OpBuilder& b, Location loc, Value tensor, ValueRange indices) override {
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    Type type = isa<FloatType>(element) ? Type(b.getF32Type())
                : element.isInteger(8)  ? Type(b.getI1Type())
                                        : Type(b.getI64Type());
    return attn::LookupOp::create(b, loc, type, tensor, indices);
  }
  std::pair<Value, Value> bounds(OpBuilder& b, Location loc, Value tensor, ValueRange leading, Value lo,
                                 Value hi) override {
    const Tables& t = tablesOf(tensor);
    auto number = [&](int64_t n) -> Value { return arith::ConstantIntOp::create(b, loc, n, 64); };
    auto blockOf = [&](Value i) -> Value {
      i = arith::MinSIOp::create(b, loc, i, number(std::max<int64_t>(t.bounds->length - 1, 0)));
      i = arith::MaxSIOp::create(b, loc, i, number(0));
      return arith::FloorDivSIOp::create(b, loc, i, number(RunBounds::block));
    };
    Value first = blockOf(lo), last = blockOf(hi);
    Value next = arith::AddIOp::create(b, loc, last, number(1));
    Value level = attn::LookupOp::create(b, loc, b.getI64Type(), t.log,
                                         ValueRange{arith::SubIOp::create(b, loc, next, first)});
    Value second = arith::SubIOp::create(b, loc, next, arith::ShLIOp::create(b, loc, number(1), level));
    auto at = [&](Value table, Value index) -> Value {
      SmallVector<Value> indices{level};
      llvm::append_range(indices, leading);
      indices.push_back(index);
      return attn::LookupOp::create(b, loc, b.getI64Type(), table, indices);
    };
    return {arith::MinSIOp::create(b, loc, at(t.least, first), at(t.least, second)),
            arith::MaxSIOp::create(b, loc, at(t.greatest, first), at(t.greatest, second))};
  }

private:
  struct Tables {
    std::unique_ptr<RunBounds> bounds;
    Value least, greatest, log;
  };

  const Tables& tablesOf(Value tensor) {
    auto [entry, isNew] = tables.try_emplace(tensor);
    Tables& t = entry->second;
    if (!isNew)
      return t;
    const reference::Bindings::Tensor source = bindings.tensors.find(tensor)->second;
    t.bounds = std::make_unique<RunBounds>(source.view);
    auto bind = [&](const ConstTensorView& view) {
      Type type = RankedTensorType::get(SmallVector<int64_t>(view.rank, ShapedType::kDynamic),
                                        IntegerType::get(tensor.getContext(), 64));
      Value value = owner.front().addArgument(type, tensor.getLoc());
      bindings.tensors[value] = {source.name, view};
      return value;
    };
    t.least = bind(t.bounds->table(t.bounds->least, source.view));
    t.greatest = bind(t.bounds->table(t.bounds->greatest, source.view));
    t.log = bind({t.bounds->log.data(), DType::i64, {t.bounds->blocks + 1}});
    return t;
  }

  reference::Bindings& bindings;
  Region owner; ///< of the values that stand for tables
  llvm::MapVector<Value, Tables> tables;
};

/// One mask: its code, and registers to run it with. Arguments: b, h, kv_h, q0, q1 (included), k0, k1.
struct Mask {
  std::unique_ptr<reference::Program> program;
  std::unique_ptr<reference::Frame> frame;
};

Result<Mask> decode(attn::MaskOp op, Host& host, const reference::Bindings& bindings) {
  analysis::MaskAnalysis analysis(op.getBody(), {.oneHead = true});
  Region code;
  Block* block = new Block;
  code.push_back(block);
  OpBuilder builder(op.getContext()); // a region of its own does not know it
  builder.setInsertionPointToEnd(block);
  for (int i = 0; i < 7; ++i)
    block->addArgument(builder.getI64Type(), op.getLoc());
  auto argument = [&](unsigned i) -> Value { return block->getArgument(i); };
  analysis::RowFacts rows = analysis.emitRowFacts(
      builder, op.getLoc(), {argument(0), argument(1), argument(1), argument(2), argument(3), argument(4)},
      host);
  analysis::TileClass tile = rows.emitClassify(builder, argument(5), argument(6));
  attn::YieldOp::create(builder, op.getLoc(), ValueRange{tile.any, tile.all});
  bool varying[] = {false, false, false, false, false, true, true};
  Result<reference::Program> program = reference::Program::decode(code, varying, bindings);
  if (!program)
    return program.error();
  Mask mask;
  mask.program = std::make_unique<reference::Program>(std::move(*program));
  mask.frame = std::make_unique<reference::Frame>(*mask.program, kLanes);
  return mask;
}

/// The key blocks that a table lists for a box's rows: for some of them, and for all.
struct Listed {
  std::vector<int64_t> some, all;
  int64_t kBlock;
};

} // namespace

struct MaskBoxes::Impl {
  std::shared_ptr<const api::AttnModule> attention;
  reference::Bindings bindings;
  std::unique_ptr<Host> host;
  std::unique_ptr<reference::Chain> chain;
  std::unique_ptr<reference::VisibleEvaluator> tables;
  std::vector<Mask> masks;

  std::vector<Listed> listed(int64_t b, int64_t h, int64_t q0, int64_t q1);
};

std::vector<Listed> MaskBoxes::Impl::listed(int64_t b, int64_t h, int64_t q0, int64_t q1) {
  std::vector<Listed> result;
  reference::ClampLog log;
  reference::VisibleEvaluator::BlockLists lists;
  for (size_t node = 0; node < chain->visible.size(); ++node) {
    const reference::VisibleNode& table = chain->visible[node];
    if (!table.table)
      continue;
    Listed entry{{}, {}, table.kBlock};
    for (int64_t block = q0 / table.qBlock; block <= (q1 - 1) / table.qBlock; ++block) {
      tables->readTables({b, h, block * table.qBlock}, lists, log);
      const std::vector<int64_t>& list = lists[node];
      std::vector<int64_t> some, all;
      std::set_union(entry.some.begin(), entry.some.end(), list.begin(), list.end(),
                     std::back_inserter(some));
      std::set_intersection(entry.all.begin(), entry.all.end(), list.begin(), list.end(),
                            std::back_inserter(all));
      if (block == q0 / table.qBlock)
        entry.all = list;
      else
        entry.all = std::move(all);
      entry.some = std::move(some);
    }
    result.push_back(std::move(entry));
  }
  return result;
}

Result<MaskBoxes> MaskBoxes::create(const Spec& spec, const CompileOptions& options, const Shape& shape,
                                    const Operands& operands) {
  Result<std::shared_ptr<const api::AttnModule>> attention = api::AttnModule::create(spec, options);
  if (!attention)
    return attention.error();
  attn::KernelOp kernel = (*attention)->kernel;
  reference::Sizes sizes{shape.batch, shape.heads, shape.kv_heads, shape.q_len, shape.kv_len};
  reference::Arguments arguments = api::argumentsOf(operands);
  Result<reference::Chain> chain = reference::decodeChain(kernel, sizes, arguments);
  if (!chain)
    return chain.error();
  Result<reference::Bindings> bindings = reference::bindParams(kernel, sizes, arguments);
  if (!bindings)
    return bindings.error();
  auto impl = std::make_shared<Impl>();
  impl->attention = std::move(*attention);
  impl->bindings = std::move(*bindings);
  impl->host = std::make_unique<Host>(impl->bindings);
  impl->chain = std::make_unique<reference::Chain>(std::move(*chain));
  impl->tables = std::make_unique<reference::VisibleEvaluator>(*impl->chain);
  for (auto op : kernel.getBody().getOps<attn::MaskOp>()) {
    Result<Mask> mask = decode(op, *impl->host, impl->bindings);
    if (!mask)
      return std::move(mask).error();
    impl->masks.push_back(std::move(*mask));
  }
  return MaskBoxes(std::move(impl));
}

void MaskBoxes::classify(std::int64_t b, std::int64_t h, std::int64_t q0, std::int64_t q1,
                         std::span<const std::int64_t> k0, std::span<const std::int64_t> k1,
                         std::span<Class> out) {
  // A mask that hides all decides; all have to show all.
  std::vector<bool> any(out.size(), true), all(out.size(), true);
  for (Mask& mask : impl->masks)
    for (size_t begin = 0; begin < out.size(); begin += kLanes) {
      auto n = std::min<int64_t>(kLanes, static_cast<int64_t>(out.size() - begin));
      reference::Frame& frame = *mask.frame;
      const int64_t rows[] = {b, h, impl->chain->kvHead(h), q0, q1 - 1};
      for (size_t i = 0; i < std::size(rows); ++i)
        frame.set(i, rows[i]);
      frame.bind(5, k0.data() + begin);
      frame.bind(6, k1.data() + begin);
      frame.run(n);
      auto result = [&](size_t r, int64_t lane) {
        return frame.ints(r)[mask.program->resultVaries(r) ? lane : 0] != 0;
      };
      for (int64_t lane = 0; lane < n; ++lane) {
        any[begin + lane] = any[begin + lane] && result(0, lane);
        all[begin + lane] = all[begin + lane] && result(1, lane);
      }
    }
  for (const Listed& table : impl->listed(b, h, q0, q1))
    for (size_t i = 0; i < out.size(); ++i) {
      int64_t first = k0[i] / table.kBlock, last = (k1[i] - 1) / table.kBlock;
      auto within = [&](const std::vector<int64_t>& blocks) {
        return std::upper_bound(blocks.begin(), blocks.end(), last) -
               std::lower_bound(blocks.begin(), blocks.end(), first);
      };
      any[i] = any[i] && within(table.some) > 0;
      all[i] = all[i] && within(table.all) == last - first + 1;
    }
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = !any[i] ? Class::empty : all[i] ? Class::full : Class::unknown;
}

} // namespace attile
