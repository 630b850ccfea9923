// What handles of the Driver API stand for. A handle is the address of its object; the tables say which are
// alive. Everything here is guarded by the driver's mutex (see call.h) unless it says otherwise.
#pragma once

#include "emulator/checks/checker.h"
#include "emulator/driver/operation.h"
#include "emulator/driver/queue.h"
#include "emulator/driver/report.h"
#include "emulator/driver/settings.h"
#include "emulator/isa/program.h"
#include "emulator/memory/memory.h"
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace emu::driver {

using namespace abi;

/// The live objects of one kind.
template <class T, class Handle> class Handles {
public:
  Handle add(std::shared_ptr<T> object) {
    const Handle handle = handle_of(*object);
    live_.emplace(handle, std::move(object));
    return handle;
  }
  static Handle handle_of(const T& object) { return reinterpret_cast<Handle>(const_cast<T*>(&object)); }
  /// Null if there is none.
  std::shared_ptr<T> find(Handle handle) const {
    const auto found = live_.find(handle);
    return found == live_.end() ? nullptr : found->second;
  }
  std::shared_ptr<T> take(Handle handle) {
    auto node = live_.extract(handle);
    return node ? std::move(node.mapped()) : nullptr;
  }
  template <class Action> void for_each(Action action) {
    for (const auto& [handle, object] : live_)
      action(*object);
  }
  template <class Test> void erase_if(Test test) {
    std::erase_if(live_, [&](const auto& entry) { return test(*entry.second); });
  }

private:
  std::unordered_map<Handle, std::shared_ptr<T>> live_;
};

struct Graph;
struct GraphNode;
struct Module;

/// A capture sequence: the streams that take part refer to it.
struct Capture {
  std::uint64_t id = 0;
  CUstreamCaptureMode mode{};
  bool invalid = false;
  std::shared_ptr<Graph> graph;
  bool owns_graph = true; ///< false: the program's own graph, of cuStreamBeginCaptureToGraph
  const Stream* origin = nullptr;
  std::thread::id thread;
};

struct Stream {
  Context* context = nullptr;
  unsigned flags = 0;
  int priority = 0;
  std::uint64_t id = 0;
  bool legacy = false, non_blocking = false;
  std::uint64_t last_launch = 0; ///< number of the kernel that it was given last; 0: that was something else
  std::shared_ptr<Capture> capture; ///< null: it does not capture
  std::vector<GraphNode*> frontier; ///< while it captures: what its next node depends on
};

struct Event {
  Context* context = nullptr;
  unsigned flags = 0;
  std::uint64_t submitted = 0; ///< how often it was asked to be recorded
  // Guarded by the queue's mutex:
  std::uint64_t completed = 0;
  double time = 0; ///< emulated nanoseconds
  // When it was last recorded in a capture:
  std::shared_ptr<Capture> capture;
  std::vector<GraphNode*> frontier;
};

struct FunctionObject {
  std::weak_ptr<Module> module;
  std::shared_ptr<const Program> program;
  const Function* function = nullptr;
  const Chip* chip = nullptr;
  std::uint32_t max_dynamic_shared = 0;
  int carveout = -1, cluster_policy = 0;
  bool cluster_required = false, non_portable_cluster = false;
  std::array<int, 3> required_cluster{};
};

struct Module {
  Context* context = nullptr;
  std::shared_ptr<const Program> program;
  std::map<std::string, std::shared_ptr<FunctionObject>, std::less<>> functions;
};

struct Kernel;

/// Loaded into a context when it is first used there.
struct Library {
  std::string text;
  std::map<Context*, CUmodule> modules;
  std::map<std::string, std::shared_ptr<Kernel>, std::less<>> kernels;
};

struct Kernel {
  Library* owner = nullptr;
  std::string name;
  std::map<CUfunction_attribute, int> attributes; ///< set for every context
};

struct Pool {
  int device = 0;
  std::uint64_t release_threshold = 0, used = 0, most_used = 0;
  std::map<CUmemPool_attribute, int> reuse;
};

struct Context {
  int device = 0;
  unsigned flags = 0;
  std::uint64_t id = 0;
  bool primary = false;
  std::atomic<CUresult> error{CUDA_SUCCESS}; ///< of a kernel: every later call returns it
  CUfunc_cache cache{};
  CUsharedconfig shared_config{};
  std::map<CUlimit, std::size_t> limits;
  std::shared_ptr<Stream> legacy;
  std::map<std::thread::id, std::shared_ptr<Stream>> per_thread;
  std::set<CUcontext> peers; ///< whose memory it may touch
};

struct Device {
  int ordinal = 0;
  const Chip* chip = nullptr;
  std::shared_ptr<Context> primary; ///< null: not active
  unsigned primary_count = 0, primary_flags = 0;
  CUmemoryPool default_pool = nullptr, pool = nullptr;
  std::uint64_t used = 0; ///< bytes that programs have allocated
};

/// An allocation that the program made.
struct Buffer {
  enum class Kind { device, host, managed, registered } kind = Kind::device;
  std::uint64_t size = 0;
  int device = 0;
  Context* context = nullptr;
  unsigned flags = 0;
  std::uint64_t serial = 0;
  std::shared_ptr<Pool> pool = {}; ///< of stream-ordered allocations
};

struct Driver {
  Driver();
  std::mutex mutex;
  std::vector<Device> devices;
  std::unique_ptr<Memory> memory; ///< of all devices: they reach each other
  std::unique_ptr<Checker> checker;
  std::map<std::uint64_t, Buffer> buffers;
  std::vector<Stream*> capturing;
  std::uint64_t next_id = 1;
  std::uint64_t launches = 0; ///< numbers of kernels that streams were given
  std::uint64_t launched = 0; ///< the last that ran; touched by the queue's work only
  double now = 0;             ///< emulated nanoseconds; touched by the queue's work only
  Handles<Context, CUcontext> contexts;
  Handles<Stream, CUstream> streams;
  Handles<Event, CUevent> events;
  Handles<Module, CUmodule> modules;
  Handles<FunctionObject, CUfunction> functions;
  Handles<Library, CUlibrary> libraries;
  Handles<Kernel, CUkernel> kernels;
  Handles<Pool, CUmemoryPool> pools;
  Handles<Graph, CUgraph> graphs;
  Handles<GraphNode, CUgraphNode> nodes;
  Handles<GraphExec, CUgraphExec> executables;
  Queue queue;
  std::mutex running_mutex;
  Launch* running = nullptr; ///< guarded by running_mutex

  /// Null while the option `checks` is off. Thread-safe.
  Checker* checks() { return settings().checks ? checker.get() : nullptr; }
  Device* device(int ordinal) {
    return ordinal >= 0 && static_cast<std::size_t>(ordinal) < devices.size() ? &devices[ordinal] : nullptr;
  }
  /// The buffer that an address lies in; end() if none.
  std::map<std::uint64_t, Buffer>::iterator buffer(std::uint64_t address);
  /// 0 if the device, or the emulator, has no room left.
  std::uint64_t allocate(std::uint64_t bytes, Buffer buffer);
  /// Forgets the buffer; its addresses are the caller's to release, in order with the work that uses them.
  void forget(std::map<std::uint64_t, Buffer>::iterator buffer);
};

/// Null before cuInit. It is never destroyed.
Driver* driver();
/// Makes it; the settings are fixed from then on as far as devices go.
CUresult start_driver();

} // namespace emu::driver
