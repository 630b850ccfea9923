// cp.async: copies of 4, 8 or 16 bytes from global to shared memory, each thread its own, and their groups.
#include "emulator/exec/async.h"
#include "emulator/checks/checker.h"
#include "emulator/exec/mbarrier.h"
#include "emulator/families/modifiers.h"

#include <array>
#include <cstring>
#include <fmt/format.h>

namespace emu {
namespace {

constexpr std::uint32_t most_bytes = 16;

struct CopyOperands : Extra {
  std::int64_t to_offset = 0, from_offset = 0;
  std::uint32_t bytes = 0;
  bool has_size = false, has_predicate = false; ///< operand 3: src-size, or ignore-src
  bool negated = false;
};

/// One lane's copy: `bytes` of the source, zeros for the rest.
struct LaneCopy {
  std::byte* to = nullptr;
  const std::byte* from = nullptr;
  std::uint32_t bytes = 0, filled = 0;
};

class Copy final : public AsyncWork {
public:
  explicit Copy(const LaneCopy& copy) : copy(copy) {}
  void read() override {
    if (copy.bytes > 0)
      std::memcpy(taken.data(), copy.from, copy.bytes);
  }
  void write() override { std::memcpy(copy.to, taken.data(), copy.filled); }

private:
  LaneCopy copy;
  std::array<std::byte, most_bytes> taken{};
};

/// cp.async.mbarrier.arrive, when the copies before it are complete.
class Arrival final : public AsyncWork {
public:
  Arrival(Block& block, std::byte* at) : block(block), at(at) {}
  // An object that has gone meanwhile is an error of the program that no instruction can be blamed for.
  void write() override { change(block, at, {.arrivals = 1}); }

private:
  Block& block;
  std::byte* at;
};

void begin(Group& group, int lane, const LaneCopy& copy) {
  Block& block = *group.warp->block;
  if (block.launch->random != nullptr) {
    block.async->issue(
        block,
        {thread_of(group, lane), Chain::copies, group.warp->async_groups[static_cast<std::size_t>(lane)]},
        std::make_unique<Copy>(copy));
    return;
  }
  Copy now(copy);
  now.read();
  now.write();
}

// Sizes of the sources, by lane.
void source_sizes(const Group& group, const Instruction& instruction, const CopyOperands& operands,
                  std::uint32_t* bytes) {
  const auto* size = operands.has_size ? lanes<std::uint32_t>(group.frame, instruction.operand(3)) : nullptr;
  const Mask ignored = operands.has_predicate ? predicate(group.frame, instruction.operand(3)) ^
                                                    (operands.negated ? all_lanes : 0)
                                              : 0;
  for (int lane = 0; lane < warp_size; ++lane)
    bytes[lane] = (ignored >> lane & 1) ? 0 : size != nullptr ? size[lane] : operands.bytes;
}

Access copy_access(Space space, Doing doing, std::uint32_t bytes, Mask mask) {
  Access access;
  access.space = space;
  access.doing = doing;
  access.bytes = bytes;
  access.mask = mask;
  return access;
}

Flow copy(Group& group, const Instruction& instruction, Mask mask) {
  const auto& operands = static_cast<const CopyOperands&>(*instruction.extra);
  std::uint32_t bytes[warp_size];
  source_sizes(group, instruction, operands, bytes);
  if (const Mask wrong = lanes_where(mask, [&](int lane) { return bytes[lane] > operands.bytes; })) {
    const int lane = __builtin_ctz(wrong);
    return fault(group, instruction, lane, Status::illegal_instruction,
                 fmt::format("src-size {}: expected at most {}", bytes[lane], operands.bytes));
  }
  Access to = copy_access(Space::shared, Doing::async_write, operands.bytes, mask);
  addresses(group, instruction.operand(0), operands.to_offset, to);
  // Nothing is read from where the source has no bytes: its address may be anything.
  const std::byte* source[warp_size] = {};
  for (Mask rest = lanes_where(mask, [&](int lane) { return bytes[lane] > 0; }); rest != 0;) {
    const std::uint32_t size = bytes[__builtin_ctz(rest)]; // mostly all lanes have the same
    const Mask same = lanes_where(rest, [&](int lane) { return bytes[lane] == size; });
    rest &= ~same;
    Access from = copy_access(Space::global, Doing::async_read, size, same);
    from.align = operands.bytes;
    addresses(group, instruction.operand(1), operands.from_offset, from);
    if (!resolve(group, instruction, from))
      return Flow::fault;
    for_lanes(from.mask, [&](int lane) { source[lane] = from.host[lane]; });
  }
  if (!resolve(group, instruction, to))
    return Flow::fault;
  for_lanes(to.mask, [&](int lane) {
    begin(group, lane,
          {.to = to.host[lane],
           .from = source[lane],
           .bytes = source[lane] != nullptr ? bytes[lane] : 0,
           .filled = operands.bytes});
  });
  return Flow::go;
}

Checker* checker_of(const Group& group) { return group.warp->block->launch->checker; }

Flow commit(Group& group, const Instruction&, Mask mask) {
  if (Checker* checker = checker_of(group))
    checker->async_commits(group, mask);
  for_lanes(mask, [&](int lane) { ++group.warp->async_groups[static_cast<std::size_t>(lane)]; });
  return Flow::go;
}

Flow wait_group(Group& group, const Instruction& instruction, Mask mask) {
  Block& block = *group.warp->block;
  const auto keep = static_cast<std::uint64_t>(instruction.immediate);
  if (Checker* checker = checker_of(group))
    checker->async_waits(group, mask, static_cast<std::uint32_t>(keep));
  if (block.async->empty())
    return Flow::go;
  for_lanes(mask, [&](int lane) {
    const std::uint32_t committed = group.warp->async_groups[static_cast<std::size_t>(lane)];
    if (committed > keep)
      block.async->finish(thread_of(group, lane), Chain::copies,
                          committed - static_cast<std::uint32_t>(keep));
  });
  return Flow::go;
}

Flow wait_all(Group& group, const Instruction&, Mask mask) {
  Block& block = *group.warp->block;
  if (Checker* checker = checker_of(group))
    checker->async_waits_all(group, mask);
  if (!block.async->empty())
    for_lanes(mask, [&](int lane) {
      block.async->finish(thread_of(group, lane), Chain::copies, AsyncOwner::no_group);
    });
  return Flow::go;
}

enum Flag : std::uint64_t { no_increment = 1 };

Flow arrive_after_copies(Group& group, const Instruction& instruction, Mask mask) {
  Block& block = *group.warp->block;
  Access access = access_of(group, instruction, 0, mask, Doing::atomic);
  if (!resolve(group, instruction, access))
    return Flow::fault;
  const bool increments = (instruction.flags & no_increment) == 0;
  for (Mask rest = access.mask; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    if (Checker* checker = checker_of(group))
      checker->async_arrives(group, lane, shared_address(block, access.host[lane]));
    const MbarrierChange at_once = {.arrivals = block.launch->random == nullptr ? 1 : 0,
                                    .may_complete = true,
                                    .add_pending = increments ? 1 : 0};
    if (std::string wrong = change(block, access.host[lane], at_once); !wrong.empty())
      return fault(group, instruction, lane, Status::illegal_instruction, wrong);
    if (block.launch->random != nullptr)
      block.async->issue_after(block, thread_of(group, lane), Chain::copies,
                               std::make_unique<Arrival>(block, access.host[lane]));
  }
  return Flow::go;
}

void decode_copy(Decoding& d) {
  CopyOperands operands;
  const std::int64_t bytes = constant_operand(d, 2);
  if (!d.error.empty())
    return;
  const bool any_size = d.has("ca");
  if (bytes != 16 && !(any_size && (bytes == 4 || bytes == 8)))
    return d.fail(fmt::format("cp-size {}: expected {}", bytes, any_size ? "4, 8 or 16" : "16"));
  operands.bytes = static_cast<std::uint32_t>(bytes);
  operands.to_offset = address_offset(d, 0);
  operands.from_offset = address_offset(d, 1);
  if (d.out.parts(3) > 0) {
    operands.has_predicate = d.slot(3).bytes == 0;
    operands.has_size = !operands.has_predicate;
    operands.negated = (d.out.negated >> 3 & 1) != 0;
  }
  d.out.execute = copy;
  d.attach(operands);
}

void decode_wait_group(Decoding& d) {
  d.out.execute = wait_group;
  decode_kept_groups(d);
}

void decode_arrive(Decoding& d) {
  decode_access_modifiers(d, 0);
  d.out.width = sizeof(std::uint64_t);
  d.out.flags = d.has("noinc") ? std::uint64_t(no_increment) : 0;
  d.out.execute = arrive_after_copies;
}

} // namespace

std::span<const Entry> async_entries() {
#define COPY "cp.async(.ca|.cg)(.shared|.shared::cta).global"
#define PREFETCH "{.L2::64B|.L2::128B|.L2::256B}"
  static constexpr Entry entries[] = {
      {COPY PREFETCH, "mem mem u32 u32/pred?", decode_copy, Kind::memory, Class::async},
      {COPY ".L2::cache_hint" PREFETCH, "mem mem u32 u32/pred? b64", decode_copy, Kind::memory, Class::async},
      {"cp.async.commit_group", "", decode_as<commit>, Kind::sync, Class::async},
      {"cp.async.wait_group", "u32", decode_wait_group, Kind::sync, Class::async},
      {"cp.async.wait_all", "", decode_as<wait_all>, Kind::sync, Class::async},
      {"cp.async.mbarrier.arrive{.noinc}{.shared|.shared::cta}.b64", "mem", decode_arrive, Kind::sync,
       Class::async},
  };
  return entries;
#undef COPY
#undef PREFETCH
}

} // namespace emu
