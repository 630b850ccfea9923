// What streams have been given to do, in the order in which it was given. One thread does it, one piece at a
// time, so that everything which CUDA orders is ordered, and nothing runs before what it must wait for. A
// piece that waits (for an event, or for a value in memory) lets later pieces of other streams pass.
#pragma once

#include "emulator/driver/abi.h"
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

namespace emu::driver {

struct Stream;

struct Work {
  std::shared_ptr<Stream> stream;
  /// Whether it may begin; null: it may. Called under the queue's mutex.
  std::function<bool()> ready;
  std::function<void()> run;
};

class Queue {
public:
  Queue() = default;
  /// Gives up what has not begun.
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  void submit(Work work);
  /// As submit, and returns when it is done. The calling thread does it itself if nothing is before it.
  void complete(Work work);
  /// Returns when nothing is left, of what has been submitted until now, that `stream` must come after.
  void drain(const Stream& stream);
  /// Returns when nothing of a context is left of what has been submitted until now; null: of any context.
  void drain_context(const void* context);
  bool idle(const Stream& stream) const;
  /// Returns when `done`, which is called under the mutex.
  void wait(const std::function<bool()>& done);
  /// Gives up what has not begun, and ends the thread when what has is done. If that takes long, which a host
  /// function of the program may, the thread is left alone.
  void stop();

  /// Guards what `ready` and `done` look at.
  std::mutex& mutex() { return mutex_; }
  /// Whether this thread is inside a piece of work, where no function of the driver may be called.
  static bool is_worker();

private:
  struct Pending {
    std::uint64_t number;
    Work work;
    bool running = false;
  };
  using Position = std::list<Pending>::iterator;
  void work_loop();
  Position runnable();
  void run(std::unique_lock<std::mutex>& lock, Position position);
  bool has_before(std::uint64_t number, const std::function<bool(const Stream&)>& of) const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Pending> pending_;
  std::uint64_t submitted_ = 0;
  bool busy_ = false, stopping_ = false;
  std::thread thread_;
};

} // namespace emu::driver
