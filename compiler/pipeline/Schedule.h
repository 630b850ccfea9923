#pragma once
#include "compiler/backends/cpu/CpuBackend.h"
#include "dialect/tile/Tile.h"
namespace attile {
tile::ScheduleAttr chooseSchedule(mlir::ModuleOp module, const CpuTarget& target);
}
