// Parts of `attile bench`: what is measured depends on the kind of device.
#pragma once

#include "tools/attile/session.h"

#include <attile/device.h>

namespace attile::cli {

struct BenchOptions : SessionOptions {
  int min_runs = 5;
  double min_seconds = 1;
};

struct Times { ///< in milliseconds
  double median = 0, best = 0;
  double spread = 0; ///< (90th - 10th percentile) / median
  std::size_t runs = 0;
};

/// Launches until there are enough runs and seconds, after one that warms caches and provides scratch. On a
/// CPU a run takes as long as the call, on a GPU as long as its kernels, by events.
Result<Times> measure(const Kernel& kernel, const Arguments& arguments, const BenchOptions& options);

/// --runs and --seconds.
void declare_measuring(CLI::App& app, BenchOptions& options);

/// What has to move at least: every input and output once.
std::int64_t compulsory_bytes(const Session& session);

/// "spec: b=1 hq=8 ..., bf16, sm_80"
std::string title(const Session& session);

Result<int> bench_cpu(Session& session, const BenchOptions& options);
/// Beside measured rates of the same GPU.
Result<int> bench_gpu(const Session& session, const BenchOptions& options);
/// Counts instead of times: an emulated GPU has none that mean anything.
Result<int> bench_emulated(const Session& session, const BenchOptions& options);

} // namespace attile::cli
