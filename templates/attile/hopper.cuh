// What kernels for warpgroups call beside kernel.cuh; for sm_90a.
#pragma once

#include "attile/mbarrier.cuh"
#include "attile/panel.cuh"
#include "attile/roles.cuh"
#include "attile/tma.cuh"
#include "attile/wgmma.cuh"
