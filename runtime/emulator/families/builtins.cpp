#include "emulator/families/builtins.h"
#include "emulator/checks/checker.h"
#include "emulator/exec/access.h"
#include "emulator/families/print.h"

#include <cstring>
#include <fmt/format.h>

namespace emu {
namespace {

// Memory as one thread sees it. Once something could not be read, everything is 0.
class Thread {
public:
  Thread(BuiltinCall& call, int lane) : call(call), lane(lane), local(local_memory(*call.group.warp, lane)) {}

  /// Argument `i` of the call.
  template <class T> T argument(std::size_t i) const {
    T value{};
    if (i < call.arguments.size())
      std::memcpy(&value, local + call.arguments[i], sizeof value);
    return value;
  }
  template <class T> void result(T value) const {
    if (!call.results.empty())
      std::memcpy(local + call.results[0], &value, sizeof value);
  }

  /// `what` names it, for reports.
  std::uint64_t read(std::uint64_t address, std::uint32_t bytes, std::string_view what) {
    Access access;
    access.doing = Doing::read;
    access.bytes = bytes;
    access.mask = Mask(1) << lane;
    access.address[lane] = address;
    failed = failed || !resolve(call.group, call.instruction, access) || access.mask == 0;
    std::uint64_t value = 0;
    if (failed)
      return value;
    if (Checker* checker = call.group.warp->block->launch->checker)
      checker->uses(call.group, call.instruction, lane, what);
    std::memcpy(&value, access.host[lane], bytes);
    return value;
  }
  std::string string(std::uint64_t address) {
    if (address == 0)
      return "(null)";
    constexpr std::size_t longest = 1 << 20; // what is printed at most
    std::string text;
    for (char c;
         text.size() < longest && (c = static_cast<char>(read(address + text.size(), 1, "the text"))) != 0;)
      text += c;
    return text;
  }
  bool failed = false;

private:
  BuiltinCall& call;
  int lane;
  std::byte* local;
};

// int vprintf(const char* format, const void* arguments)
Flow print_formatted(BuiltinCall& call) {
  Launch& launch = *call.group.warp->block->launch;
  bool failed = false;
  for_lanes(call.mask, [&](int lane) {
    Thread thread(call, lane);
    const auto format = thread.argument<std::uint64_t>(0), arguments = thread.argument<std::uint64_t>(1);
    if (format == 0)
      return thread.result<std::int32_t>(-1);
    const PrintMemory memory = {.argument =
                                    [&](std::uint64_t offset, std::uint32_t bytes) {
                                      return thread.read(
                                          arguments + offset, bytes,
                                          fmt::format("printf's argument at offset {}", offset));
                                    },
                                .string = [&](std::uint64_t address) { return thread.string(address); }};
    const Printed printed = print(thread.string(format), memory);
    thread.result<std::int32_t>(printed.arguments);
    failed = failed || thread.failed;
    if (!thread.failed && launch.print) {
      const std::lock_guard lock(launch.mutex);
      launch.print(printed.text);
    }
  });
  return failed ? Flow::fault : Flow::go;
}

std::string in_brackets(const Dim3& at) { return fmt::format("[{},{},{}]", at.x, at.y, at.z); }

// void __assertfail(const char* message, const char* file, unsigned line, const char* function, size_t)
Flow fail_assertion(BuiltinCall& call) {
  const int lane = __builtin_ctz(call.mask);
  Thread thread(call, lane);
  const Warp& warp = *call.group.warp;
  const Dim3& threads = warp.block->launch->threads;
  const std::uint32_t number = warp.index * warp_size + static_cast<std::uint32_t>(lane);
  const Dim3 at = {number % threads.x, number / threads.x % threads.y, number / threads.x / threads.y};
  const std::string message =
      fmt::format("{}:{}: {}: block: {}, thread: {} Assertion `{}` failed.",
                  thread.string(thread.argument<std::uint64_t>(1)), thread.argument<std::uint32_t>(2),
                  thread.string(thread.argument<std::uint64_t>(3)), in_brackets(warp.block->id),
                  in_brackets(at), thread.string(thread.argument<std::uint64_t>(0)));
  return fault(call.group, call.instruction, lane, Status::assertion, message);
}

// void* malloc(size_t)
Flow allocate(BuiltinCall& call) {
  Memory& memory = *call.group.warp->block->launch->memory;
  for_lanes(call.mask, [&](int lane) {
    const Thread thread(call, lane);
    thread.result<std::uint64_t>(memory.allocate(thread.argument<std::uint64_t>(0), 16));
  });
  return Flow::go;
}

// void free(void*)
Flow release(BuiltinCall& call) {
  Memory& memory = *call.group.warp->block->launch->memory;
  Flow flow = Flow::go;
  for_lanes(call.mask, [&](int lane) {
    const auto address = Thread(call, lane).argument<std::uint64_t>(0);
    if (flow == Flow::go && address != 0 && !memory.release(address))
      flow = fault(call.group, call.instruction, lane, Status::illegal_address,
                   fmt::format("free of 0x{:x}: expected an address that malloc gave", address));
  });
  return flow;
}

} // namespace

Builtin builtin_named(std::string_view name) {
  constexpr std::pair<std::string_view, Builtin> builtins[] = {
      {"vprintf", print_formatted},
      {"__assertfail", fail_assertion},
      {"malloc", allocate},
      {"free", release},
  };
  for (const auto& [known, builtin] : builtins)
    if (known == name)
      return builtin;
  return nullptr;
}

} // namespace emu
