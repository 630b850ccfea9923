// Times of what a stream does.
#pragma once

#include "cuda/driver.h"
#include <vector>

namespace attile::cuda {

class Events {
public:
  Events(const Driver& driver, Stream stream) : driver(driver), stream(stream) {}
  Events(const Events&) = delete;
  ~Events();

  /// A moment in the stream.
  Result<void> record();
  /// Waits for the last moment; times[i] is what lies between moments i and i + 1, in milliseconds.
  Result<void> wait(std::vector<double>& times);

private:
  const Driver& driver;
  Stream stream;
  std::vector<Event> events;
};

} // namespace attile::cuda
