//===- RolePrinter.cpp - parts of a block, and what passes between them --------------------===//
//
//     const Barriers<2> full{...};                 // in shared memory; the first thread begins them
//     if (threadIdx.x < 256) {                     // roles have the block's threads in their order
//       take_registers<232>();
//       ...
//     } else {
//       keep_registers<40>();
//       ...
//     }
//
//===----------------------------------------------------------------------===//
#include "compiler/backends/cuda/KernelPrinter.h"
#include "compiler/schedule/gpu.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attile::cuda {

/// What a thread has of `threads` when the kernel starts: as many as there are, by 8.
static int64_t registersAtLaunch(int64_t threads) {
  return std::min<int64_t>(65536 / threads / 8 * 8, 255); // of an SM, and of a thread
}

void KernelPrinter::roleOperation(Operation& op) {
  llvm::TypeSwitch<Operation*>(&op)
      .Case([&](tile::RolesOp roles) { this->roles(roles); })
      .Case([&](tile::BarrierAllocOp barrier) { allocateBarrier(barrier); })
      .Case([&](tile::SyncOp sync) { this->sync(sync); })
      .Case([&](tile::RoleIndexOp index) {
        std::string name = fresh("warpgroup_index");
        line("const int " + name + " = warpgroup_of_role(" + Twine(firstThread) + ");");
        text.name(index.getResult(), "(i64)" + name);
      })
      .Case([&](tile::BarrierArriveOp arrive) {
        if (!arrive.getExpect()) // else the copy that follows arrives
          line("arrive_warp(" + stageOf(arrive.getBarrier(), arrive.getStage()) + ");");
      })
      .Case([&](tile::BarrierWaitOp wait) {
        line("wait_phase(" + stageOf(wait.getBarrier(), wait.getStage()) + ", " +
             text.whole(wait.getParity()) + ");");
      });
}

void KernelPrinter::sync(tile::SyncOp op) {
  std::string threads = std::to_string(roleThreads);
  if (!role)
    return line("__syncthreads();");
  if (!op.getId())
    return line("meet<" + Twine(role) + ", " + threads + ">();");
  if (op.getGroups())
    threads = std::to_string(schedule::warpgroup_threads * *op.getGroups());
  std::string barrier = std::to_string(*op.getId());
  if (op.getPlus())
    barrier += " + (int)" + text.whole(op.getPlus());
  line(Twine(op.getArrive() ? "signal(" : "meet(") + barrier + ", " + threads + ");");
}

void KernelPrinter::roles(tile::RolesOp op) {
  int64_t threads = kernel->getAttrOfType<IntegerAttr>(kThreads).getInt(), before = 0;
  for (auto [attribute, body] : llvm::zip(op.getRoles(), op.getBodies())) {
    auto description = cast<tile::RoleAttr>(attribute);
    int64_t registers = description.getRegisters();
    roleThreads = threadsOf(description);
    firstThread = before;
    before += roleThreads;
    ++role;
    std::string condition = before < threads ? "if (threadIdx.x < " + std::to_string(before) + ") " : "";
    line((role == 1 ? "" : "} else ") + condition + "{  // " + description.getName());
    ++depth;
    if (registers > 0)
      line(Twine(registers > registersAtLaunch(threads) ? "take" : "keep") + "_registers<" +
           Twine(registers) + ">();");
    block(body.front());
    --depth;
  }
  line("}");
  role = 0;
}

void KernelPrinter::allocateBarrier(tile::BarrierAllocOp op) {
  std::string name = fresh(op->getAttrOfType<StringAttr>(kId).getValue());
  buffers[op.getResult()] = name;
  line("const Barriers<" + Twine(op.getResult().getType().getStages()) + "> " + name +
       "{shared_address(shared + " + Twine(op->getAttrOfType<IntegerAttr>(kOffset).getInt()) + ")};");
  line("if (threadIdx.x == 0)");
  line("  begin_barriers(" + name + ", " + Twine(op->getAttrOfType<IntegerAttr>(kCount).getInt()) + ");");
}

std::string KernelPrinter::stageOf(Value barrier, Value stage) const {
  return buffer(barrier) + ", " + text.whole(stage);
}

void KernelPrinter::bringRows(tile::CopyAsyncOp op) {
  auto slice = op.getSource().getDefiningOp<tile::SliceOp>();
  std::string map = ids.lookup(mapSlot(op)), where;
  for (Value offset : slice.getOffsets().take_front(3)) // batch, head, row
    where += ", " + text.whole(offset);
  int64_t columns = slice.getType().getShape()[1];
  line("bring_rows<" + Twine(role) + (columns == paddedColumns(columns) ? "" : ", " + Twine(columns)) + ">(" +
       buffer(op.getDest()) + ", " + map + where + ", " + pointer(slice) + ", " +
       stride(slice.getSource(), 2) + ", (int)" + text(slice.getSizes()[0]) + ", " +
       stageOf(op.getBarrier(), op.getStage()) + ");");
}

} // namespace attile::cuda
