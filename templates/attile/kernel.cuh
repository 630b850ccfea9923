// All of the device library that generated kernels call.
#pragma once

#include "attile/copy.cuh"
#include "attile/dot.cuh"
#include "attile/fragment.cuh"
#include "attile/global.cuh"
#include "attile/math.cuh"
#include "attile/shared.cuh"
#include "attile/store.cuh"
#include "attile/summary.cuh"
#include "attile/types.cuh"
