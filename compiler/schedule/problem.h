// The scheduling problem that a fold poses.
#ifndef ATTILE_COMPILER_SCHEDULE_PROBLEM_H
#define ATTILE_COMPILER_SCHEDULE_PROBLEM_H

#include "compiler/schedule/schedule.h"
#include "dialect/attn/Attn.h"

namespace attile::schedule {

/// Reads head dims and element type off the operands, and counts the scalar operations per score in the score
/// and step regions. Precondition: static head dims.
Problem problemOf(attn::FoldOp fold);

} // namespace attile::schedule

#endif
