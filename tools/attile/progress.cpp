#include "tools/attile/progress.h"

#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <utility>

using namespace attile::cli;

Progress::Progress(std::string what) : what(std::move(what)), watcher([this] { watch(); }) {}

Progress::~Progress() {
  {
    std::lock_guard lock(mutex);
    done = true;
  }
  finished.notify_all();
  watcher.join();
}

void Progress::update(double value) {
  std::lock_guard lock(mutex);
  fraction = value;
}

void Progress::watch() {
  std::unique_lock lock(mutex);
  std::chrono::seconds elapsed{0}, pause{1};
  while (!finished.wait_for(lock, pause, [this] { return done; })) {
    elapsed += pause;
    std::string part = fraction < 0 ? "" : fmt::format(", {:.0f} %", 100 * fraction);
    fmt::print(stderr, "{} ... {} s{}\n", what, elapsed.count(), part);
    std::fflush(stderr);
    pause = std::clamp(elapsed / 2, std::chrono::seconds(1), std::chrono::seconds(30));
  }
}
