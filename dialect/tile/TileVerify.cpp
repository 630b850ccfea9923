//===- TileVerify.cpp - verifiers of the tile dialect ----------------------===//
//
// Each check carries the identifier of the constraint that it enforces, as listed in TileOps.td.
//
//===----------------------------------------------------------------------===//

#include "dialect/Regions.h"
#include "dialect/tile/Tile.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace attile;
using namespace attile::tile;

static LogicalResult verifyRank(Operation* op, StringRef name, BufferType type, int64_t rank) {
  if (type.getRank() == rank)
    return success();
  return op->emitOpError() << name << " has type " << type << ", expected rank " << rank;
}

/// False when both extents are static and differ.
static bool agree(int64_t a, int64_t b) {
  return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b;
}
/// False when both extents are static and `a` exceeds `b`.
static bool atMost(int64_t a, int64_t b) {
  return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a <= b;
}

// ---- plan ---------------------------------------------------------------------------------------

/// Sizes that every launch knows; those of a tensor are dotted: q.stride.2, table.dim.0.
static bool isLaunchSize(StringRef name) {
  static constexpr StringRef sizes[] = {"batch",  "heads",    "kv_heads",   "q_len",
                                        "kv_len", "head_dim", "head_dim_v", "threads"};
  return name.contains('.') || llvm::is_contained(sizes, name);
}

LogicalResult PlanOp::verifyRegions() {
  llvm::StringMap<Location> named; // values and scratch buffers so far
  for (Operation& op : getBody().front()) {
    if (auto size = dyn_cast<SizeOp>(op);
        size && !isLaunchSize(size.getName()) && !named.contains(size.getName()))
      return size.emitOpError() << "name is '" << size.getName() // (plan_c2)
                                << "', expected a size of the launch or a value named earlier in the plan";
    StringAttr name;
    if (auto value = dyn_cast<ValueOp>(op))
      name = value.getNameAttr();
    else if (auto scratch = dyn_cast<ScratchOp>(op))
      name = scratch.getNameAttr();
    else
      continue;
    auto [first, inserted] = named.try_emplace(name, op.getLoc());
    if (inserted)
      continue;
    InFlightDiagnostic diagnostic = op.emitOpError()
                                    << "name '" << name.getValue() << "' is taken"; // (plan_c1)
    diagnostic.attachNote(first->second) << "first used here";
    return diagnostic;
  }
  return success();
}

LogicalResult ResidualOp::verify() {
  BufferType dest = getDest().getType(), source = getSource().getType();
  if (!dest.getElementType().isF16() && !dest.getElementType().isBF16()) // (residual_c1)
    return emitOpError() << "expected a dest of f16 or bf16, got " << dest.getElementType();
  if (!source.getElementType().isF32()) // (residual_c1)
    return emitOpError() << "expected a source of f32, got " << source.getElementType();
  if (dest.getRank() != 2 || source.getRank() != 2) // (residual_c2)
    return emitOpError() << "expected dest and source of rank 2, got " << dest.getRank() << " and "
                         << source.getRank();
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection& symbols) {
  // (launch_c1); below tile, kernels are functions of another dialect
  if (isa_and_nonnull<FunctionOpInterface>(symbols.lookupNearestSymbolFrom(*this, getKernelAttr())))
    return success();
  return emitOpError() << getKernelAttr() << " is not a tile.kernel";
}

LogicalResult KernelOp::verify() {
  llvm::StringMap<unsigned> seen;
  for (unsigned i = 0, e = getNumArguments(); i != e; ++i) {
    StringRef name = argumentName(i);
    if (name.empty()) // (kernel_c1)
      return emitOpError() << "argument " << i << " has no " << kNameAttr;
    if (!seen.try_emplace(name, i).second) // (kernel_c1)
      return emitOpError() << "arguments " << seen[name] << " and " << i << " are both named '" << name
                           << "'";
    Type type = getArgumentTypes()[i];
    auto buffer = dyn_cast<BufferType>(type);
    if (buffer && buffer.getSpace() != Space::Global) // (kernel_c2)
      return emitOpError() << "argument '" << name << "' has type " << type
                           << ", expected a buffer in global memory";
    if (!buffer && !type.isF32() && !type.isInteger(64) && !type.isInteger(1)) // (kernel_c2)
      return emitOpError() << "argument '" << name << "' has type " << type
                           << ", expected a global buffer, f32, i64 or i1";
  }
  if (getNumResults() != 0) // (kernel_c3)
    return emitOpError() << "has " << getNumResults()
                         << " results, expected none; results are written to buffers";
  if (getBody().front().empty() || !isa<ReturnOp>(getBody().front().back())) // (kernel_c4)
    return emitOpError("body does not end in tile.return");
  return success();
}

// ---- memory -------------------------------------------------------------------------------------

LogicalResult AllocOp::verify() {
  Space space = getType().getSpace();
  if (space == Space::Global || space == Space::Cluster) // (alloc_c1)
    return emitOpError() << "allocates in " << stringifySpace(space)
                         << " memory, expected shared, local or register"
                         << (space == Space::Global ? "; tile.scratch of the plan gives global memory" : "");
  if (llvm::any_of(getType().getShape(), ShapedType::isDynamic)) // (alloc_c2)
    return emitOpError() << "allocates " << getType() << ", expected a static shape";
  return success();
}

LogicalResult SliceOp::verify() {
  BufferType source = getSource().getType(), result = getType();
  if (static_cast<int64_t>(getOffsets().size()) != source.getRank()) // (slice_c1)
    return emitOpError() << "has " << getOffsets().size() << " offsets for a source of rank "
                         << source.getRank();
  int64_t dynamic = llvm::count_if(result.getShape(), ShapedType::isDynamic);
  if (static_cast<int64_t>(getSizes().size()) != dynamic) // (slice_c2)
    return emitOpError() << "has " << getSizes().size() << " sizes for " << dynamic << " dynamic extents of "
                         << result;
  if (source.getElementType() != result.getElementType() ||
      source.getSpace() != result.getSpace()) // (slice_c3)
    return emitOpError() << "source has type " << source << ", but result has " << result
                         << "; element type and space must agree";
  if (result.getRank() > source.getRank()) // (slice_c3)
    return emitOpError() << "result has rank " << result.getRank() << ", expected at most "
                         << source.getRank();
  ArrayRef<int64_t> kept = source.getShape().take_back(result.getRank());
  for (auto [i, extent, whole] : llvm::enumerate(result.getShape(), kept))
    if (!atMost(extent, whole)) // (slice_c3)
      return emitOpError() << "dimension " << i << " of the result is " << extent << ", expected at most "
                           << whole;
  return success();
}

LogicalResult LookupOp::verify() {
  BufferType buffer = getBuffer().getType();
  if (static_cast<int64_t>(getIndices().size()) != buffer.getRank()) // (lookup_c1)
    return emitOpError() << "has " << getIndices().size() << " indices for a buffer of rank "
                         << buffer.getRank();
  if (getType() != widened(buffer.getElementType())) // (lookup_c2)
    return emitOpError() << "result has type " << getType() << ", but an element of " << buffer
                         << " is read as " << widened(buffer.getElementType());
  return success();
}

LogicalResult FillOp::verify() {
  Type expected = widened(getDest().getType().getElementType());
  if (getValue().getType() == expected) // (fill_c1)
    return success();
  return emitOpError() << "value has type " << getValue().getType() << ", expected " << expected
                       << " for dest of type " << getDest().getType();
}

static LogicalResult verifyElements(Operation* op, BufferType dest, BufferType source) {
  Type to = dest.getElementType(), from = source.getElementType();
  if (to == from || (isa<FloatType>(to) && isa<FloatType>(from)))
    return success();
  return op->emitOpError() << "source holds " << from << ", but dest " << to
                           << "; expected equal types or floats";
}

static LogicalResult verifyCopy(Operation* op, BufferType dest, BufferType source) {
  if (dest.getRank() != source.getRank()) // (copy_c1)
    return op->emitOpError() << "source has rank " << source.getRank() << ", but dest has rank "
                             << dest.getRank();
  for (auto [i, to, from] : llvm::enumerate(dest.getShape(), source.getShape()))
    if (!atMost(from, to)) // (copy_c1)
      return op->emitOpError() << "dimension " << i << " of source is " << from
                               << ", expected at most dest's " << to;
  return verifyElements(op, dest, source); // (copy_c2)
}

LogicalResult CopyOp::verify() { return verifyCopy(*this, getDest().getType(), getSource().getType()); }

static LogicalResult verifyRowNumbers(Operation* op, BufferType rows) {
  if (rows.getRank() == 1 && rows.getElementType().isSignlessInteger() && !rows.getElementType().isInteger(1))
    return success();
  return op->emitOpError() << "row_h and row_q have type " << rows << ", expected integers of rank 1";
}

LogicalResult GatherOp::verify() {
  BufferType dest = getDest().getType(), source = getSource().getType();
  if (failed(verifyRank(*this, "dest", dest, 2)) ||
      failed(verifyRank(*this, "source", source, 4)) ||     // (gather_c1)
      failed(verifyRowNumbers(*this, getRowH().getType()))) // (gather_c2)
    return failure();
  return verifyElements(*this, dest, source); // (gather_c3)
}

LogicalResult ScatterOp::verify() {
  BufferType dest = getDest().getType(), source = getSource().getType();
  if (source.getRank() != 1 && source.getRank() != 2) // (scatter_c1)
    return emitOpError() << "source has type " << source << ", expected rank 1 or 2";
  if (failed(verifyRank(*this, "dest", dest, source.getRank() + 2)) || // (scatter_c1)
      failed(verifyRowNumbers(*this, getRowH().getType())))            // (scatter_c2)
    return failure();
  return verifyElements(*this, dest, source); // (scatter_c3)
}

// ---- compute ------------------------------------------------------------------------------------

static LogicalResult verifyDot(Operation* op, BufferType acc, BufferType lhs, BufferType rhs,
                               bool transposed) {
  std::pair<StringRef, BufferType> operands[] = {{"acc", acc}, {"lhs", lhs}, {"rhs", rhs}};
  for (auto [name, type] : operands) { // (dot_c3)
    if (failed(verifyRank(op, name, type, 2)))
      return failure();
    if (!isa<FloatType>(type.getElementType()))
      return op->emitOpError() << name << " has type " << type << ", expected floats";
  }
  if (!acc.getElementType().isF32()) // (dot_c2)
    return op->emitOpError() << "acc has type " << acc << ", expected f32: sums are kept in f32";
  ArrayRef<int64_t> c = acc.getShape(), a = lhs.getShape(), b = rhs.getShape();
  int64_t inner = b[transposed ? 1 : 0], columns = b[transposed ? 0 : 1];
  if (!agree(c[0], a[0])) // (dot_c1)
    return op->emitOpError() << "acc has " << c[0] << " rows, but lhs has " << a[0];
  if (!agree(c[1], columns)) // (dot_c1)
    return op->emitOpError() << "acc has " << c[1] << " columns, but rhs gives " << columns;
  if (!agree(a[1], inner)) // (dot_c1)
    return op->emitOpError() << "lhs sums over " << a[1] << " elements, but rhs over " << inner;
  return success();
}

/// Buffers with the first or last column of each row's span.
static LogicalResult verifySpan(Operation* op, StringRef name, BufferType type, int64_t rows) {
  if (type.getRank() == 1 && type.getElementType().isInteger(64) && agree(type.getShape()[0], rows))
    return success();
  return op->emitOpError() << name << " has type " << type << ", expected i64 of rank 1, one for each of "
                           << rows << " rows";
}

static LogicalResult verifyWithin(Operation* op, ValueRange within, int64_t rows) {
  if (!within.empty() && within.size() != 2)
    return op->emitOpError() << "within has " << within.size() << " buffers, expected first and last";
  for (Value span : within)
    if (failed(verifySpan(op, "within", cast<BufferType>(span.getType()), rows)))
      return failure();
  return success();
}

LogicalResult DotOp::verify() {
  BufferType acc = getAcc().getType();
  if (failed(verifyDot(*this, acc, getLhs().getType(), getRhs().getType(), getTransposeB())))
    return failure();
  if (failed(verifyWithin(*this, getWithin(), acc.getShape()[0]))) // (dot_c5)
    return failure();
  if (!getRescale())
    return success();
  if (!getAccumulate()) // (dot_c4)
    return emitOpError("has rescale but not accumulate: there is no old value to rescale");
  BufferType rescale = getRescale().getType();
  if (rescale.getRank() != 1 || !rescale.getElementType().isF32() ||
      !agree(rescale.getShape()[0], acc.getShape()[0])) // (dot_c2), (dot_c1)
    return emitOpError() << "rescale has type " << rescale
                         << ", expected f32 of rank 1, one per row of acc of type " << acc;
  return success();
}

LogicalResult DotAsyncOp::verify() { // (dot_async_c1)
  return verifyDot(*this, getAcc().getType(), getLhs().getType(), getRhs().getType(), getTransposeB());
}

LogicalResult SyncOp::verify() { // (sync_c1)
  if (getId())
    return success();
  if (getPlus())
    return emitOpError("has plus but no id to add it to");
  if (getGroups())
    return emitOpError("has groups but no id: all groups meet");
  if (getArrive())
    return emitOpError("has arrive but no id: nobody meets there");
  return success();
}

LogicalResult WaitOp::verify() {
  if (!getTokens().empty() && !getOf().empty()) // (wait_c1)
    return emitOpError() << "names " << getTokens().size() << " tokens and " << getOf().size()
                         << " accumulators, expected one of the two";
  if (!getComputed().empty() && getOf().empty()) // (wait_c2)
    return emitOpError("has computed but no `of`: nothing is said to go on beside it");
  return success();
}

LogicalResult GenericOp::verify() {
  size_t combiners = getCombiners() ? getCombiners()->size() : 0;
  if (combiners != getReduces().size()) // (generic_c2)
    return emitOpError() << "has " << getReduces().size() << " reductions, but " << combiners << " combiners";
  int64_t rank = getCols() ? 2 : 1;
  if (!getReduces().empty() && rank == 1) // (generic_c3)
    return emitOpError("has reductions, but no cols to reduce");
  if (!getWithin().empty() && rank == 1) // (generic_c4)
    return emitOpError("is within spans of columns, but has no cols");
  if (failed(verifyWithin(*this, getWithin(), getRows()))) // (generic_c4)
    return failure();

  auto check = [&](StringRef group, ValueRange buffers, int64_t least, int64_t most) -> LogicalResult {
    for (auto [i, value] : llvm::enumerate(buffers)) {
      auto type = cast<BufferType>(value.getType());
      if (type.getRank() < least || type.getRank() > most) // (generic_c3)
        return emitOpError() << group << ' ' << i << " has type " << type << ", expected rank "
                             << (least == most ? std::to_string(most) : "1 or 2");
      if (!atMost(getRows(), type.getShape()[0])) // (generic_c3)
        return emitOpError() << group << ' ' << i << " has " << type.getShape()[0]
                             << " rows, expected at least " << getRows();
    }
    return success();
  };
  if (failed(check("input", getInputs(), 1, rank)) || failed(check("output", getOutputs(), rank, rank)) ||
      failed(check("reduction", getReduces(), 1, 1)))
    return failure();
  return success();
}

LogicalResult GenericOp::verifyRegions() { // (generic_c1)
  auto element = [](Value buffer) { return widened(cast<BufferType>(buffer.getType()).getElementType()); };
  SmallVector<Type> arguments(llvm::map_range(getInputs(), element)),
      results(llvm::map_range(getOutputs(), element));
  llvm::append_range(results, llvm::map_range(getReduces(), element));
  return verifySignature<YieldOp>(*this, getBody(), "body", arguments, results);
}

LogicalResult AnyAllOp::verify() {
  BufferType tile = getTile().getType();
  if (tile.getRank() == 2 && tile.getElementType().isInteger(1)) // (any_all_c1)
    return success();
  return emitOpError() << "tile has type " << tile << ", expected i1 of rank 2";
}

LogicalResult SpansOp::verify() {
  BufferType tile = getTile().getType();
  if (tile.getRank() != 2 || !tile.getElementType().isInteger(1)) // (spans_c1)
    return emitOpError() << "tile has type " << tile << ", expected i1 of rank 2";
  int64_t rows = tile.getShape()[0], group = getGroup();
  if (failed(verifySpan(*this, "first", getFirst().getType(), rows))) // (spans_c2)
    return failure();
  if (group > 0 && !ShapedType::isDynamic(rows) && rows % group == 0) // (spans_c3)
    return success();
  return emitOpError() << "group is " << group << ", expected a divisor of the " << rows << " rows";
}

LogicalResult IndexOp::verify() {
  auto generic = (*this)->getParentOfType<GenericOp>();
  int64_t rank = generic ? (generic.getCols() ? 2 : 1) : 0;
  if (rank == 0) // (index_c1)
    return emitOpError("is not inside a tile.generic");
  if (getDim() >= static_cast<uint64_t>(rank)) // (index_c1)
    return emitOpError() << "dimension is " << getDim() << ", but the domain of the tile.generic has rank "
                         << rank;
  return success();
}

// ---- which keys ---------------------------------------------------------------------------------

LogicalResult VisitOp::verify() {
  if (static_cast<int64_t>(getTile()) > 0) // (visit_c2)
    return success();
  return emitOpError() << "tile is " << static_cast<int64_t>(getTile())
                       << ", expected a positive number of keys";
}

LogicalResult VisitOp::verifyRegions() { // (visit_c1)
  Type index = IntegerType::get(getContext(), 64), boolean = IntegerType::get(getContext(), 1);
  if (failed(verifySignature<YieldOp>(*this, getClassify(), "classify", {index, index}, {boolean, boolean})))
    return failure();
  return verifySignature<YieldOp>(*this, getBody(), "body", {index, index, boolean}, {});
}

static LogicalResult verifySummary(Operation* op, BufferType summary, BufferType source, int64_t block) {
  if (summary.getRank() != 3 || !summary.getElementType().isInteger(64))
    return op->emitOpError() << "summary has type " << summary << ", expected i64 [rows, slots, 2]";
  if (source.getRank() == 0 || !source.getElementType().isSignlessInteger())
    return op->emitOpError() << "source has type " << source << ", expected integers of rank 1 or more";
  if (block < 2)
    return op->emitOpError() << "block is " << block << ", expected at least 2";
  return success();
}

LogicalResult SummarizeOp::verify() { // (summarize_c1)
  return verifySummary(*this, getSummary().getType(), getSource().getType(), getBlock());
}

LogicalResult RangeOfOp::verify() {
  BufferType source = getSource().getType();
  if (failed(verifySummary(*this, getSummary().getType(), source, getBlock()))) // (range_of_c2)
    return failure();
  if (static_cast<int64_t>(getIndices().size()) == source.getRank() - 1) // (range_of_c1)
    return success();
  return emitOpError() << "has " << getIndices().size() << " indices for a source of rank "
                       << source.getRank() << ", expected " << source.getRank() - 1;
}

// ---- asynchrony and roles -----------------------------------------------------------------------

LogicalResult RolesOp::verify() {
  if (getRoles().size() != getBodies().size()) // (roles_c1)
    return emitOpError() << "has " << getRoles().size() << " roles, but " << getBodies().size() << " regions";
  llvm::StringMap<unsigned> seen;
  for (auto [i, role] : llvm::enumerate(getRoles().getAsRange<RoleAttr>())) {
    if (!seen.try_emplace(role.getName(), i).second) // (roles_c1)
      return emitOpError() << "two roles are named '" << role.getName() << "'";
    if (role.getCount() <= 0) // (roles_c1)
      return emitOpError() << "role '" << role.getName() << "' has " << role.getCount() << ' '
                           << stringifyScope(role.getScope()) << "s, expected a positive number";
  }
  return success();
}

LogicalResult RolesOp::verifyRegions() {
  for (auto&& [role, body] : llvm::zip(getRoles().getAsRange<RoleAttr>(), getBodies()))
    if (failed(verifySignature<YieldOp>(*this, body, role.getName(), {}, {})))
      return failure();
  return success();
}

LogicalResult RoleIndexOp::verify() {
  if ((*this)->getParentOfType<RolesOp>()) // (role_index_c1)
    return success();
  return emitOpError("is not inside a region of tile.roles");
}

LogicalResult BarrierAllocOp::verify() {
  int64_t arrivals = getArrivals(), stages = getType().getStages();
  if (arrivals > 0 && stages > 0) // (barrier_alloc_c1)
    return success();
  return emitOpError() << "has " << arrivals << " arrivals and " << stages
                       << " stages, expected positive numbers";
}

LogicalResult CopyAsyncOp::verify() {
  bool barrier = getBarrier() != nullptr;
  if (barrier != (getStage() != nullptr)) // (copy_async_c1)
    return emitOpError("has one of barrier and stage; they come together");
  if (barrier == (getToken() != nullptr)) // (copy_async_c1)
    return emitOpError() << "has " << (barrier ? "both a barrier and" : "neither a barrier nor")
                         << " a token, expected one of them to tell its completion";
  return verifyCopy(*this, getDest().getType(), getSource().getType()); // (copy_async_c2)
}
