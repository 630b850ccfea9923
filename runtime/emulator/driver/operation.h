// What a stream can be given to do, and a node of a graph can be: the same thing.
#pragma once

#include "emulator/driver/abi.h"
#include "emulator/exec/launch.h"
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

namespace emu::driver {

struct Context;
struct Event;
struct FunctionObject;
struct GraphExec;

struct KernelLaunch {
  std::shared_ptr<FunctionObject> function;
  Dim3 grid, threads, cluster;
  std::uint32_t dynamic_shared = 0;
  bool cooperative = false;
  bool programmatic = false; ///< may begin before the kernel before it in its stream is done
  std::uint64_t number = 0;  ///< of this launch, from 1
  std::uint64_t after =
      0; ///< of the launch that its stream was given just before; 0: that was something else
  std::vector<std::byte> params;
};

/// Rows of `width` bytes; host and device addresses are the same thing here.
struct Copy {
  std::uint64_t dst = 0, src = 0;
  std::size_t width = 0, height = 1, depth = 1;
  std::size_t dst_pitch = 0, dst_slice = 0, src_pitch = 0, src_slice = 0;
  bool to_host = false, from_host = false;
};

struct Fill {
  std::uint64_t dst = 0;
  std::size_t pitch = 0;
  std::uint32_t value = 0, element = 1; ///< bytes of an element: 1, 2 or 4
  std::size_t width = 0, height = 1;    ///< elements
};

struct HostCall {
  abi::CUhostFn function = nullptr;
  void* data = nullptr;
};

struct Callback {
  abi::CUstreamCallback function = nullptr;
  abi::CUstream stream = nullptr;
  void* data = nullptr;
};

struct Record {
  std::shared_ptr<Event> event;
  std::uint64_t generation = 0;
};

/// Until the event is recorded as often as it was asked for.
struct AwaitEvent {
  std::shared_ptr<Event> event;
  std::uint64_t generation = 0;
};

struct AwaitValue {
  std::uint64_t address = 0, value = 0;
  unsigned bytes = 4, flags = 0;
};

struct WriteValue {
  std::uint64_t address = 0, value = 0;
  unsigned bytes = 4;
};

struct Release {
  std::uint64_t address = 0;
};

struct Nothing {};

struct ChildGraph {
  std::shared_ptr<GraphExec> graph;
};

using Operation = std::variant<Nothing, KernelLaunch, Copy, Fill, HostCall, Callback, Record, AwaitEvent,
                               AwaitValue, WriteValue, Release, ChildGraph>;

/// Whether it may begin: false while what it waits for has not come. Called under the queue's mutex.
bool may_begin(const Operation& operation);
/// Does it, and notes what fails as the context's error. After an error of the context, only what must be is
/// done.
void execute(const Operation& operation, Context& context);

} // namespace emu::driver
