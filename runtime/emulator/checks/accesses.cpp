// Accesses to memory: bounds, definedness, races, and what strong ones synchronise.
#include "emulator/checks/block_checks.h"
#include "emulator/memory/spaces.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace emu {

std::string_view name(Space space) {
  constexpr std::string_view names[] = {"generic",   "global",   "shared", "local",
                                        "parameter", "constant", "shared"};
  return names[static_cast<int>(space)];
}

namespace {

// Constants lie in global memory.
Space space_of(Space space) {
  return space == Space::constant ? Space::global : space == Space::cluster ? Space::shared : space;
}
Space space_of(ptx::Space space) {
  return space == ptx::Space::shared  ? Space::shared
         : space == ptx::Space::local ? Space::local
         : space == ptx::Space::param ? Space::param
                                      : Space::global;
}

// Where generic addresses of a space begin.
std::uint64_t window_of(ptx::Space space) {
  return space == ptx::Space::shared  ? shared_window
         : space == ptx::Space::local ? local_window
         : space == ptx::Space::param ? param_window
                                      : 0;
}

bool reads(Doing doing) {
  return doing == Doing::read || doing == Doing::async_read || doing == Doing::agent_read;
}
bool is_strong(const Access& access) { return access.order != Order::weak || access.doing == Doing::atomic; }

Reach reach_of(Scope scope) {
  return scope == Scope::cta ? Reach::block : scope == Scope::cluster ? Reach::cluster : Reach::device;
}

std::string describe(const Allocation& allocation) {
  return allocation.name.empty()
             ? fmt::format("an allocation of {} bytes at 0x{:x}", allocation.size, allocation.address)
             : fmt::format("variable '{}' of {} bytes", allocation.name, allocation.size);
}

class Sink final : public RaceSink {
public:
  using Report = std::function<void(const OtherAccess&)>;
  explicit Sink(const Report& report) : report(report) {}
  void race(const OtherAccess& other) override { report(other); }

private:
  const Report& report;
};

// The bytes that a lane is about to store; nothing if they cannot be told.
bool stored_bytes(const Group& group, const Instruction& instruction, int lane, std::uint32_t bytes,
                  std::byte* to) {
  const int operand = data_operand(instruction);
  if (operand < 0 || bytes > 32 || fragment_lines(instruction) != nullptr)
    return false;
  const auto parts = static_cast<unsigned>(instruction.parts(operand));
  const unsigned width = bytes / parts;
  for (unsigned part = 0; part < parts; ++part) {
    const Slot slot = instruction.operand(operand, static_cast<int>(part));
    if (slot.bytes < width)
      return false;
    std::memcpy(to + part * width, group.frame + slot.offset + static_cast<unsigned>(lane) * slot.bytes,
                width);
  }
  return true;
}

// Two threads write, by the same instruction: harmless if it is the same value.
bool same_value(const Group& group, const Instruction& instruction, const Access& access, int lane,
                const OtherAccess& other) {
  if (access.doing != Doing::write || !other.record.wrote || other.record.instruction != &instruction)
    return false;
  std::byte mine[32];
  if (!stored_bytes(group, instruction, lane, access.bytes, mine))
    return false;
  std::byte theirs[32];
  const auto other_lane = static_cast<int>(other.thread % warp_size);
  const bool now = other.block == group.warp->block->linear &&
                   other.thread / warp_size == group.warp->index && (access.mask >> other_lane & 1) != 0 &&
                   access.address[other_lane] == access.address[lane];
  if (!now)
    std::memcpy(theirs, access.host[lane], access.bytes);
  else if (!stored_bytes(group, instruction, other_lane, access.bytes, theirs))
    return false;
  return std::memcmp(mine, theirs, access.bytes) == 0;
}

} // namespace

// ---- bounds ----

bool Checker::refused(Group& group, const Instruction& instruction, const Access& access, int lane,
                      Status status) {
  if (!data->options.bounds)
    return false;
  const std::uint64_t address = access.address[lane];
  if (status == Status::misaligned_address) {
    data->report(
        Report::Kind::misaligned, group, instruction, lane,
        {fmt::format("{} address 0x{:x} of {} bytes", name(access.found[lane]), address, access.bytes),
         fmt::format("a multiple of {}", access.align ? access.align : access.bytes), &access});
    return true;
  }
  if (access.found[lane] == Space::global || access.found[lane] == Space::constant) {
    data->check_lane(group, instruction, access, lane);
    return true;
  }
  Block& block = *group.warp->block;
  if (access.found[lane] == Space::shared && address % window_bytes >= rank_stride) {
    data->refused_at_peer(group, instruction, access, lane);
    return true;
  }
  const std::uint64_t size = access.found[lane] == Space::shared  ? block.shared.size()
                             : access.found[lane] == Space::local ? group.warp->local_bytes
                                                                  : block.launch->params.size();
  const std::uint64_t begin = access.found[lane] == Space::shared  ? block.shared_begin
                              : access.found[lane] == Space::local ? local_begin
                                                                   : 0;
  data->report(Report::Kind::out_of_bounds, group, instruction, lane,
               {fmt::format("{} bytes at {} address 0x{:x}", access.bytes, name(access.found[lane]), address),
                fmt::format("inside the {} bytes from 0x{:x} on", size, begin), &access});
  return true;
}

// The address names a rank.
void Checker::Data::refused_at_peer(Group& group, const Instruction& instruction, const Access& access,
                                    int lane) {
  Block& block = *group.warp->block;
  const std::uint64_t address = access.address[lane] % window_bytes, rank = address / rank_stride - 1;
  const Block* const of = access.space == Space::shared ? nullptr : owner_of(block, address);
  std::string what = fmt::format("{} bytes at shared address 0x{:x} of the block of rank {}", access.bytes,
                                 own_address(address), rank);
  if (access.space == Space::shared)
    report(Report::Kind::out_of_bounds, group, instruction, lane,
           {what, "an address of the block's own (.shared::cta), or .shared::cluster", &access});
  else if (of == nullptr)
    report(Report::Kind::out_of_bounds, group, instruction, lane,
           {what,
            fmt::format("a rank below {}, as many as its cluster has blocks", block.cluster->blocks.size()),
            &access});
  else if (of->exited)
    report(Report::Kind::block_lifetime, group, instruction, lane, {what + ", which has left", {}, &access});
  else
    report(Report::Kind::out_of_bounds, group, instruction, lane,
           {what, fmt::format("inside the {} bytes from 0x{:x} on", of->shared.size(), of->shared_begin),
            &access});
}

// The allocation that holds the address: one of the launch's, or, rarely, one that was made since.
const Allocation* Checker::Data::allocation(std::uint64_t address, std::optional<Allocation>& late) const {
  const auto after = std::ranges::upper_bound(allocations, address, {}, &Allocation::address);
  if (after != allocations.begin() && address < std::prev(after)->end())
    return &*std::prev(after);
  late = memory.find(address);
  return late ? &*late : nullptr;
}

bool Checker::Data::check_lane(Group& group, const Instruction& instruction, const Access& access, int lane) {
  const std::uint64_t address = access.address[lane];
  const std::string what = fmt::format("{} {} bytes at global address 0x{:x}",
                                       reads(access.doing) ? "reads" : "writes", access.bytes, address);
  std::optional<Allocation> late;
  const Allocation* found = allocation(address, late);
  if (found == nullptr) {
    if (const auto freed = memory.find_freed(address)) {
      report(Report::Kind::use_after_free, group, instruction, lane,
             {fmt::format("{}, in {}, which was freed", what, describe(*freed)), {}, &access});
      return false;
    }
    std::string near;
    const auto after = std::ranges::upper_bound(allocations, address, {}, &Allocation::address);
    if (after != allocations.begin())
      near = fmt::format("; {} bytes after the end of {}", address - std::prev(after)->end(),
                         describe(*std::prev(after)));
    report(Report::Kind::out_of_bounds, group, instruction, lane,
           {what + ": no allocation is there" + near, {}, &access});
    return false;
  }
  if (access.bytes > found->end() - address) {
    report(Report::Kind::out_of_bounds, group, instruction, lane,
           {fmt::format("{}: {} bytes after the end of {}", what, address + access.bytes - found->end(),
                        describe(*found)),
            {},
            &access});
    return false;
  }
  if (found->read_only && !reads(access.doing)) {
    report(Report::Kind::read_only, group, instruction, lane,
           {fmt::format("{}, in read-only {}", what, describe(*found)), {}, &access});
    return false;
  }
  BlockChecks& block = checks_of(group);
  block.allocation_begin = found->address;
  block.allocation_end = found->end();
  block.allocation_read_only = found->read_only;
  return true;
}

void Checker::Data::check_bounds(Group& group, const Instruction& instruction, Access& access, Mask lanes) {
  const BlockChecks& block = checks_of(group);
  for_lanes(lanes, [&](int lane) {
    const std::uint64_t address = access.address[lane];
    const bool inside = address >= block.allocation_begin && address + access.bytes <= block.allocation_end;
    if (inside && (!block.allocation_read_only || reads(access.doing)))
      return;
    if (!check_lane(group, instruction, access, lane))
      access.mask &= ~(Mask(1) << lane);
  });
}

const Extent* Checker::Data::pointee(const Group& group, const Instruction& instruction,
                                     const Access& access) const {
  const Function& function = *group.activation->function;
  if (!options.bounds || by_agent(access.doing)) // of its three addresses nobody knows which one this is
    return nullptr;
  for (const std::uint32_t number : function.pointees[instruction.index])
    if (number != 0 && (access.space == Space::generic ||
                        space_of(function.extents[number].space) == space_of(access.space)))
      return &function.extents[number];
  return nullptr;
}

// The address is computed from a variable, but may lie beside it.
void Checker::Data::check_variable(Group& group, const Instruction& instruction, Access& access,
                                   const Extent& extent) {
  const Block& block = *group.warp->block;
  std::uint64_t begin = extent.begin, end = begin + extent.bytes;
  if (extent.dynamic) {
    begin = shared_base + block.launch->kernel->dynamic_shared_offset;
    end = block.shared_begin + block.shared.size();
  } else if (extent.space == ptx::Space::local) {
    begin += local_begin + group.activation->local_base;
    end = begin + extent.bytes;
  }
  const std::uint64_t window = access.space == Space::generic ? window_of(extent.space) : 0;
  for_lanes(access.mask, [&](int lane) {
    std::uint64_t address = access.address[lane] - window;
    if (access.found[lane] == Space::shared) // perhaps another block's
      address = own_address(address);
    if (address >= begin && address + access.bytes <= end)
      return;
    const bool after = address >= begin;
    report(Report::Kind::out_of_bounds, group, instruction, lane,
           {fmt::format(
                "{} {} bytes at {} address 0x{:x}: {} bytes {} of '{}', of {} bytes, which the address is "
                "computed from",
                reads(access.doing) ? "reads" : "writes", access.bytes, name(access.found[lane]), address,
                after ? address + access.bytes - end : begin - address,
                after ? "after the end" : "before the begin", extent.variable->name, end - begin),
            {},
            &access});
    access.mask &= ~(Mask(1) << lane);
  });
}

// Variables of calls that have returned are gone.
void Checker::Data::check_local(Group& group, const Instruction& instruction, Access& access, Mask lanes) {
  const Frame& frame = *group.activation;
  const std::byte* base = group.warp->local.data();
  for_lanes(lanes, [&](int lane) {
    const auto at = static_cast<std::uint64_t>(access.host[lane] - base) -
                    static_cast<std::uint64_t>(lane) * group.warp->local_bytes;
    const std::uint64_t end = frame.stack != nullptr ? (*frame.stack)[static_cast<std::size_t>(lane)]
                                                     : frame.local_base + frame.function->local_bytes;
    if (at + access.bytes <= end)
      return;
    report(Report::Kind::out_of_bounds, group, instruction, lane,
           {fmt::format("{} bytes at local address 0x{:x}: this call's variables end at 0x{:x}", access.bytes,
                        local_begin + at, local_begin + end),
            {},
            &access});
    access.mask &= ~(Mask(1) << lane);
  });
}

// ---- definedness ----

void Checker::Data::load(BlockChecks& block, const Access& access, int lane, ByteBits undefined,
                         ByteBits tainted) {
  AccessEffects& effects = block.effects;
  const Mask bit = Mask(1) << lane;
  if (access.doing == Doing::async_read) {
    effects.copied |= bit;
    effects.copied_undefined[lane] = undefined;
    return;
  }
  effects.todo = true;
  effects.loaded_bad |= bit;
  effects.loaded_undefined[lane] = undefined;
  effects.loaded_tainted[lane] = tainted;
  effects.bytes = access.bytes;
}

void Checker::Data::follow_global(Group& group, const Instruction& instruction, const Access& access,
                                  Mask lanes) {
  BlockChecks& block = checks_of(group);
  const RegisterShadow& shadow = *shadow_of(group);
  const ByteBits all = all_bytes(access.bytes);
  for_lanes(lanes, [&](int lane) {
    const std::uint64_t at = access.address[lane] - memory.base();
    if (reads(access.doing) || access.doing == Doing::atomic)
      if (const ByteBits bits = defined.get(at, access.bytes); bits != all) {
        if (access.doing == Doing::atomic)
          report(Report::Kind::undefined_use, group, instruction, lane,
                 {"the value that is updated was never defined", {}, &access});
        load(block, access, lane, ~bits & all, access.doing == Doing::atomic ? all : 0);
      }
    if (reads(access.doing))
      return;
    ByteBits undefined = 0;
    if (!shadow.clean() && access.doing != Doing::async_write) {
      const StoredData stored = stored_data(shadow, group, instruction, lane, access.bytes);
      undefined = stored.undefined;
      if (stored.tainted != 0 || (undefined != 0 && access.doing == Doing::atomic)) {
        report(
            Report::Kind::undefined_store, group, instruction, lane,
            {"the value that is written depends on one that was never defined" + origin(group, stored.origin),
             {},
             &access});
        undefined = 0;
      }
    }
    defined.put(at, access.bytes, ~undefined);
  });
}

void Checker::Data::follow_own(Group& group, const Instruction& instruction, const Access& access, int lane,
                               OwnShadow& own, std::uint64_t at) {
  BlockChecks& block = checks_of(group);
  const RegisterShadow& shadow = *shadow_of(group);
  const ByteBits all = all_bytes(access.bytes);
  ByteBits tainted = own.any_tainted ? own.tainted.get(at, access.bytes) : 0;
  if (reads(access.doing) || access.doing == Doing::atomic) {
    const ByteBits bits = own.defined.get(at, access.bytes);
    if (bits != all || tainted != 0)
      load(block, access, lane, ~bits & all, access.doing == Doing::atomic ? all : tainted);
    tainted |= access.doing == Doing::atomic && bits != all ? all : 0;
  }
  if (reads(access.doing))
    return;
  StoredData stored;
  if (access.doing == Doing::async_write) {
    stored.undefined = (block.effects.copied >> lane & 1) != 0 ? block.effects.copied_undefined[lane] : 0;
    block.effects.copied &= ~(Mask(1) << lane);
  } else if (!shadow.clean()) {
    stored = stored_data(shadow, group, instruction, lane, access.bytes);
  }
  if (access.doing != Doing::atomic)
    tainted = stored.tainted;
  else if (stored.tainted != 0 || stored.undefined != 0)
    tainted = all;
  stored.undefined &= ~tainted;
  own.defined.put(at, access.bytes, ~stored.undefined);
  if (own.any_tainted || tainted != 0) {
    own.tainted.put(at, access.bytes, tainted);
    own.any_tainted = true;
  }
}

// ---- races, and what strong accesses synchronise ----

void Checker::Data::find_races(Group& group, const Instruction& instruction, const Access& access, Mask lanes,
                               Space space) {
  BlockChecks& block = checks_of(group);
  const Touch touch = reads(access.doing)             ? Touch::read
                      : access.doing == Doing::atomic ? Touch::atomic
                                                      : Touch::write;
  block.races.begin({.instruction = &instruction,
                     .function = group.activation->function,
                     .warp = group.warp->index,
                     .touch = touch,
                     .strong = is_strong(access),
                     .reach = reach_of(access.scope),
                     .asynchronous = access.doing == Doing::async_write || access.doing == Doing::async_read},
                    lanes);
  int lane = 0;
  const Sink::Report found = [&](const OtherAccess& other) {
    if (!same_value(group, instruction, access, lane, other))
      report_race(*group.warp->block,
                  {.instruction = &instruction,
                   .function = group.activation->function,
                   .thread = thread_of(group, lane),
                   .writes = !reads(access.doing)},
                  address_of(access, lane), other);
  };
  Sink sink(found);
  const std::byte* shared = group.warp->block->shared.data();
  for (Mask rest = lanes & access.remote; rest != 0; rest &= rest - 1) {
    lane = __builtin_ctz(rest);
    const Block& of = owner(group, access, lane);
    block.races.shared_of(checks_of(of).races, lane,
                          static_cast<std::uint64_t>(access.host[lane] - of.shared.data()), access.bytes,
                          sink);
    visit(group, instruction, access, lane, of);
  }
  for (Mask rest = lanes & ~access.remote; rest != 0; rest &= rest - 1) {
    lane = __builtin_ctz(rest);
    if (space == Space::shared)
      block.races.shared(lane, static_cast<std::uint64_t>(access.host[lane] - shared), access.bytes, sink);
    else
      block.races.global(lane, access.address[lane], access.bytes, sink);
  }
}

// An access to the shared memory of a peer, which must have begun, and must not have left.
void Checker::Data::visit(Group& group, const Instruction& instruction, const Access& access, int lane,
                          const Block& of) {
  const Block& from = *group.warp->block;
  const ThreadClocks& clocks = checks_of(group).races.clocks;
  const std::uint32_t thread = thread_of(group, lane);
  BlockChecks& theirs = checks_of(of);
  if (!clocks.knows_of(thread, theirs.races.clocks.block_number()))
    report(Report::Kind::block_lifetime, group, instruction, lane,
           {fmt::format("accesses the shared memory of block ({},{},{}), which may not have begun", of.id.x,
                        of.id.y, of.id.z),
            "barrier.cluster, or something else that its threads take part in, before", &access});
  theirs.visitors.resize(of.cluster->blocks.size());
  auto& last = theirs.visitors[from.rank];
  last.resize(from.threads);
  last[thread] = {clocks.now(thread), &instruction, group.activation->function};
}

// Calls f(lanes) for those of `rest` of which `place(lane)` is the same, and so on.
template <class Place, class F> void each_place(Mask rest, Place place, F f) {
  while (rest != 0) {
    const auto first = place(__builtin_ctz(rest));
    const Mask same = lanes_where(rest, [&](int lane) { return place(lane) == first; });
    f(same);
    rest &= ~same;
  }
}

void Checker::Data::release(Group& group, const Access& access, Mask lanes, Space space) {
  ThreadClocks& clocks = checks_of(group).races.clocks;
  const bool ordered = access.order == Order::release || access.order == Order::acq_rel;
  Mask telling = lanes;
  if (!ordered)
    for_lanes(lanes, [&](int lane) {
      if (!clocks.has_fenced(thread_of(group, lane)))
        telling &= ~(Mask(1) << lane);
    });
  each_place(
      telling, [&](int lane) { return access.host[lane]; },
      [&](Mask same) {
        const int lane = __builtin_ctz(same);
        SyncTable& table = space == Space::shared ? checks_of(owner(group, access, lane)).sync : sync;
        table.at(reinterpret_cast<std::uint64_t>(access.host[lane]), [&](SyncLocation& location) {
          clocks.release(group.warp->index, same, location, reach_of(access.scope), ordered);
        });
      });
}

// What is read is known once it has been read: then, not now, all that was released before it is there.
void Checker::Data::note_acquire(Group& group, const Access& access, Mask lanes, Space space) {
  AccessEffects& effects = checks_of(group).effects;
  effects.todo = true;
  effects.acquires = lanes;
  effects.reach = reach_of(access.scope);
  effects.ordered = access.order == Order::acquire || access.order == Order::acq_rel;
  for_lanes(lanes, [&](int lane) {
    effects.table[lane] = space == Space::shared ? &checks_of(owner(group, access, lane)).sync : &sync;
    effects.address[lane] = reinterpret_cast<std::uint64_t>(access.host[lane]);
  });
}

void Checker::accessed(Group& group, const Instruction& instruction, Access& access) {
  BlockChecks& block = checks_of(group);
  if (const Extent* extent = data->pointee(group, instruction, access))
    data->check_variable(group, instruction, access, *extent);
  Mask in[6] = {};
  if (access.space == Space::generic)
    for_lanes(access.mask, [&](int lane) { in[static_cast<int>(access.found[lane])] |= Mask(1) << lane; });
  else
    in[static_cast<int>(access.space == Space::cluster ? Space::shared : access.space)] = access.mask;
  const Mask constant = in[static_cast<int>(Space::constant)];
  if (Mask global = in[static_cast<int>(Space::global)] | constant; global != 0) {
    if (data->options.bounds)
      data->check_bounds(group, instruction, access, global);
    if (by_agent(access.doing))
      return;
    global &= access.mask;
    if (data->options.defined)
      data->follow_global(group, instruction, access, global);
    if (data->options.races && !block.allocation_read_only)
      data->find_races(group, instruction, access, global & ~constant, Space::global);
  }
  if (by_agent(access.doing))
    return;
  if (const Mask shared = in[static_cast<int>(Space::shared)]; shared != 0) {
    if (data->options.defined)
      for_lanes(shared, [&](int lane) {
        const Block& of = owner(group, access, lane);
        data->follow_own(group, instruction, access, lane, checks_of(of).shared,
                         static_cast<std::uint64_t>(access.host[lane] - of.shared.data()));
      });
    if (data->options.races)
      data->find_races(group, instruction, access, shared, Space::shared);
  }
  if (Mask local = in[static_cast<int>(Space::local)]; local != 0) {
    if (data->options.bounds)
      data->check_local(group, instruction, access, local);
    local &= access.mask;
    const std::byte* base = group.warp->local.data();
    if (data->options.defined)
      for_lanes(local, [&](int lane) {
        OwnShadow& own = block.local[group.warp->index][static_cast<std::size_t>(lane)];
        own.grow(group.warp->local_bytes);
        data->follow_own(group, instruction, access, lane, own,
                         static_cast<std::uint64_t>(access.host[lane] - base) -
                             static_cast<std::uint64_t>(lane) * group.warp->local_bytes);
      });
  }
  if (!is_strong(access) || !data->options.races)
    return;
  for (const Space space : {Space::global, Space::shared})
    if (const Mask lanes = in[static_cast<int>(space)] & access.mask; lanes != 0) {
      if (!reads(access.doing))
        data->release(group, access, lanes, space);
      if (access.doing != Doing::write)
        data->note_acquire(group, access, lanes, space);
    }
}

// ---- after the access ----

void Checker::Data::finish_load(Group& group, const Instruction& instruction, Mask mask) {
  AccessEffects& effects = checks_of(group).effects;
  RegisterShadow& shadow = *shadow_of(group);
  const ptx::Statement* statement = statement_of(group, instruction);
  const int parts = instruction.destinations;
  if (statement == nullptr || parts == 0)
    return;
  if (const FragmentLines* matrix = fragment_lines(instruction))
    return load_fragment(shadow, instruction, *matrix, effects);
  if (statement->opcode->mnemonic == "ldmatrix") {
    if (!statement->opcode->has("m8n8"))
      return;
    // Lane i gives the address of row i % 8 of matrix i / 8; lane t receives two elements of row t / 4 of
    // each, or, transposed, one of each of two rows (PTX ISA, "ldmatrix").
    const bool transposed = statement->opcode->has("trans");
    for (int matrix = 0; matrix < parts; ++matrix)
      for_lanes(mask, [&](int lane) {
        bool bad = false;
        for (int element = 0; element < 2; ++element) {
          const int row = transposed ? 2 * (lane % 4) + element : lane / 4;
          const int column = transposed ? lane / 4 : 2 * (lane % 4) + element;
          const int from = 8 * matrix + row;
          bad |= (effects.loaded_bad >> from & 1) != 0 &&
                 (effects.loaded_undefined[from] >> 2 * column & 3) != 0;
          bad |=
              (effects.loaded_bad >> from & 1) != 0 && (effects.loaded_tainted[from] >> 2 * column & 3) != 0;
        }
        if (bad)
          shadow.taint(instruction.slot[matrix], Mask(1) << lane, &instruction);
      });
    return;
  }
  const unsigned width = effects.bytes / static_cast<unsigned>(parts);
  for_lanes(effects.loaded_bad & mask, [&](int lane) {
    for (int part = 0; part < parts; ++part) {
      const Slot slot = instruction.slot[part];
      const unsigned first = static_cast<unsigned>(part) * width;
      const ByteBits undefined = bytes_from(effects.loaded_undefined[lane], first) & all_bytes(width);
      if ((bytes_from(effects.loaded_tainted[lane], first) & all_bytes(width)) != 0)
        shadow.taint(slot, Mask(1) << lane, &instruction);
      else
        shadow.undefine(slot, lane, undefined, &instruction);
    }
  });
}

void Checker::Data::finish(Group& group, const Instruction& instruction, Mask mask) {
  BlockChecks& block = checks_of(group);
  AccessEffects& effects = block.effects;
  if (effects.loaded_bad != 0)
    finish_load(group, instruction, mask);
  each_place(
      effects.acquires, [&](int lane) { return effects.address[lane]; },
      [&](Mask same) {
        const int lane = __builtin_ctz(same);
        SyncTable& table = *effects.table[lane];
        if (table.may_hold(effects.address[lane]))
          table.at(effects.address[lane], [&](SyncLocation& location) {
            block.races.clocks.acquire(group.warp->index, same, location, effects.reach, effects.ordered);
          });
      });
  effects.clear();
}

void Checker::uses(Group& group, const Instruction& instruction, int lane, std::string_view what) {
  AccessEffects& effects = checks_of(group).effects;
  if ((effects.loaded_bad >> lane & 1) != 0)
    data->report(Report::Kind::undefined_use, group, instruction, lane,
                 {fmt::format("{} was never defined", what)});
  effects.clear();
}

void Checker::fence(Group& group, Mask mask, Scope scope, Order order) {
  BlockChecks& block = checks_of(group);
  for_lanes(mask, [&](int lane) {
    block.races.clocks.fence(thread_of(group, lane), reach_of(scope), order != Order::release,
                             order != Order::acquire);
  });
}

// ---- the host ----

void Checker::allocated(std::uint64_t address, std::uint64_t bytes) {
  data->defined.fill(address - data->memory.base(), bytes, false);
}

void Checker::host_writes(std::uint64_t address, std::uint64_t bytes) {
  data->defined.fill(address - data->memory.base(), bytes, true);
}

void Checker::host_copies(std::uint64_t to, std::uint64_t from, std::uint64_t bytes) {
  const std::uint64_t base = data->memory.base();
  for (std::uint64_t done = 0; done < bytes; done += 32) {
    const auto part = static_cast<unsigned>(std::min<std::uint64_t>(32, bytes - done));
    data->defined.put(to - base + done, part, data->defined.get(from - base + done, part));
  }
}

bool Checker::host_reads_defined(std::uint64_t address, std::uint64_t bytes) const {
  const std::uint64_t at = address - data->memory.base();
  return data->defined.first_zero(at, bytes) == at + bytes;
}

} // namespace emu
