// Says on stderr what takes longer than a second.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace attile::cli {

/// While it lives, prints "compiling ... 1 s" and so on, a line after one second, then at growing intervals.
class Progress {
public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What has been done of what there is to do, shown from then on.
  void update(double fraction);

private:
  void watch();

  std::string what;
  std::mutex mutex;
  std::condition_variable finished;
  bool done = false;
  double fraction = -1;
  std::thread watcher;
};

} // namespace attile::cli
