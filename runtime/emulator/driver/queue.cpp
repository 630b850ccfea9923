#include "emulator/driver/queue.h"
#include "emulator/driver/objects.h"

#include <chrono>

namespace emu::driver {
namespace {

thread_local bool inside_work = false;

// The legacy default stream waits for all blocking streams of its context, and they for it.
bool ordered(const Stream& a, const Stream& b) {
  if (&a == &b)
    return true;
  if (a.context != b.context)
    return false;
  return (a.legacy && !b.non_blocking) || (b.legacy && !a.non_blocking);
}

} // namespace

bool Queue::is_worker() { return inside_work; }

Queue::~Queue() { stop(); }

void Queue::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  std::erase_if(pending_, [](const Pending& pending) { return !pending.running; });
  changed_.notify_all();
  const bool done = changed_.wait_for(lock, std::chrono::seconds(1), [&] { return !busy_; });
  lock.unlock();
  if (!thread_.joinable())
    return;
  if (done && thread_.get_id() != std::this_thread::get_id())
    thread_.join();
  else
    thread_.detach();
}

void Queue::submit(Work work) {
  const std::lock_guard lock(mutex_);
  if (stopping_)
    return;
  pending_.push_back({++submitted_, std::move(work)});
  if (!thread_.joinable())
    thread_ = std::thread([this] { work_loop(); });
  changed_.notify_all();
}

void Queue::complete(Work work) {
  std::unique_lock lock(mutex_);
  if (stopping_)
    return;
  const std::uint64_t number = ++submitted_;
  pending_.push_back({number, std::move(work)});
  if (!busy_ && runnable() == std::prev(pending_.end())) {
    run(lock, std::prev(pending_.end()));
    return;
  }
  if (!thread_.joinable())
    thread_ = std::thread([this] { work_loop(); });
  changed_.notify_all();
  changed_.wait(lock, [&] {
    for (const Pending& pending : pending_)
      if (pending.number == number)
        return false;
    return true;
  });
}

// The oldest piece that nothing before it holds back.
Queue::Position Queue::runnable() {
  for (auto candidate = pending_.begin(); candidate != pending_.end(); ++candidate) {
    bool free = !candidate->work.ready || candidate->work.ready();
    for (auto before = pending_.begin(); free && before != candidate; ++before)
      free = !ordered(*before->work.stream, *candidate->work.stream);
    if (free)
      return candidate;
  }
  return pending_.end();
}

void Queue::run(std::unique_lock<std::mutex>& lock, Position position) {
  busy_ = true;
  position->running = true;
  lock.unlock();
  const bool was_inside = inside_work;
  inside_work = true;
  position->work.run();
  position->work.run = nullptr; // what it holds is let go outside of the mutex
  inside_work = was_inside;
  lock.lock();
  busy_ = false;
  pending_.erase(position);
  changed_.notify_all();
}

void Queue::work_loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    const Position next = busy_ ? pending_.end() : runnable();
    if (next != pending_.end())
      run(lock, next);
    else if (stopping_ && !busy_)
      return;
    else if (pending_.empty() || busy_)
      changed_.wait(lock);
    else // the host may write what a stream waits for
      changed_.wait_for(lock, std::chrono::microseconds(200));
  }
}

bool Queue::has_before(std::uint64_t number, const std::function<bool(const Stream&)>& of) const {
  for (const Pending& pending : pending_)
    if (pending.number <= number && of(*pending.work.stream))
      return true;
  return false;
}

void Queue::drain(const Stream& stream) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&, until = submitted_] {
    return !has_before(until, [&](const Stream& other) { return ordered(stream, other); });
  });
}

void Queue::drain_context(const void* context) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&, until = submitted_] {
    return !has_before(until, [&](const Stream& s) { return context == nullptr || s.context == context; });
  });
}

bool Queue::idle(const Stream& stream) const {
  const std::lock_guard lock(mutex_);
  return !has_before(submitted_, [&](const Stream& other) { return ordered(stream, other); });
}

void Queue::wait(const std::function<bool()>& done) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, done);
}

} // namespace emu::driver
