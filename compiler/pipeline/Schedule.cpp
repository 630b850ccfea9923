#include "compiler/pipeline/Schedule.h"
#include "dialect/attn/Attn.h"
namespace attile {
tile::ScheduleAttr chooseSchedule(mlir::ModuleOp module, const CpuTarget& target) {
  int64_t lanes = target.vector.lanes;
  if (lanes >= 16)
    return tile::ScheduleAttr::get(module.getContext(), 64, 96, 32, 12, 8);
  return tile::ScheduleAttr::get(module.getContext(), 32, 96, 2 * lanes, 4, 4);
}
} // namespace attile
