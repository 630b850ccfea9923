#include "cuda/events.h"

namespace attile::cuda {

Events::~Events() {
  for (Event event : events)
    driver.cuEventDestroy_v2(event);
}

Result<void> Events::record() {
  Event event = nullptr;
  if (Status status = driver.cuEventCreate(&event, 0); status != Status::success)
    return driver.error(status, "cuEventCreate");
  events.push_back(event);
  return driver.check(driver.cuEventRecord(event, stream), "cuEventRecord");
}

Result<void> Events::wait(std::vector<double>& times) {
  if (Status status = driver.cuEventSynchronize(events.back()); status != Status::success)
    return driver.error(status, "cuEventSynchronize");
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    float ms = 0;
    if (Status status = driver.cuEventElapsedTime(&ms, events[i], events[i + 1]); status != Status::success)
      return driver.error(status, "cuEventElapsedTime");
    times[i] = static_cast<double>(ms);
  }
  return {};
}

} // namespace attile::cuda
