// The run loop's side of the checker: launches, blocks, activations, and what instructions do to registers.
#include "emulator/checks/block_checks.h"
#include "emulator/isa/table.h"
#include "emulator/memory/spaces.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu {

namespace {

bool done(Flow flow) { return flow != Flow::switched && flow != Flow::retry && flow != Flow::fault; }

} // namespace

void SyncTable::clear() {
  const std::lock_guard lock(mutex);
  locations.clear();
  for (auto& word : filter)
    word = 0;
}

const ptx::Statement* statement_of(const Group& group, const Instruction& instruction) {
  const Function& function = *group.activation->function;
  return instruction.index < function.statements.size()
             ? &function.source->statements[function.statements[instruction.index]]
             : nullptr;
}

int address_operand(const Instruction& instruction, int from) {
  if (instruction.entry == Table::no_entry)
    return -1;
  const auto specs = Table::instance().operands(instruction.entry);
  for (int i = from; i < static_cast<int>(specs.size()); ++i)
    if (specs[static_cast<std::size_t>(i)].what == OperandSpec::What::address && instruction.parts(i) > 0)
      return i;
  return -1;
}

int data_operand(const Instruction& instruction) {
  const int address = address_operand(instruction);
  return address >= 0 && address + 1 < instruction.operands && instruction.parts(address + 1) > 0
             ? address + 1
             : -1;
}

StoredData stored_data(const RegisterShadow& shadow, const Group&, const Instruction& instruction, int lane,
                       std::uint32_t bytes) {
  if (const FragmentLines* matrix = fragment_lines(instruction))
    return stored_fragment(shadow, instruction, *matrix, lane);
  StoredData data;
  const int operand = data_operand(instruction);
  if (operand < 0)
    return data;
  const auto parts = static_cast<unsigned>(instruction.parts(operand));
  const unsigned width = bytes / parts;
  for (unsigned part = 0; part < parts; ++part) {
    const Slot slot = instruction.operand(operand, static_cast<int>(part));
    if ((shadow.bad(slot) >> lane & 1) == 0)
      continue;
    if ((shadow.tainted(slot) >> lane & 1) != 0)
      data.tainted |= bytes_at(all_bytes(width), part * width);
    data.undefined |= bytes_at(shadow.undefined_bytes(slot, lane) & all_bytes(width), part * width);
    data.origin = shadow.origin(slot);
  }
  return data;
}

// ---- reports ----

Checker::Data::Data(Memory& memory, const CheckOptions& options)
    : memory(memory), options(options), reports(options.most_reports), defined(memory.capacity()),
      cells(memory.base(), memory.capacity()) {}

void Checker::Data::report(Report::Kind kind, const Group& group, const Instruction& instruction, int lane,
                           Found found) {
  const Reports::Key key(kind, &instruction, nullptr);
  if (!reports.first(key))
    return;
  const Block& block = *group.warp->block;
  Report report{.kind = kind,
                .place = report_place(block, {.instruction = &instruction,
                                              .function = group.activation->function,
                                              .thread = thread_of(group, lane)}),
                .message = std::move(found.actual),
                .expected = std::move(found.expected),
                .address = {},
                .other = {},
                .other_what = {}};
  if (found.access != nullptr)
    report.address = address_of(*found.access, lane);
  reports.add(key, std::move(report));
}

std::string Checker::Data::origin(const Group& group, const Instruction* origin) const {
  if (origin == nullptr)
    return {};
  const ReportPlace place =
      place_of(*group.warp->block->launch->program->module, *group.activation->function, *origin);
  return fmt::format(", which comes from line {}: {}", place.line, place.text);
}

// ---- launches, blocks, activations ----

namespace {

std::vector<std::uint32_t> numbers_of_peers(const Block& block) {
  std::vector<std::uint32_t> numbers;
  numbers.reserve(block.launch->cluster.count());
  for (std::uint32_t rank = 0; rank < block.launch->cluster.count(); ++rank)
    numbers.push_back(static_cast<std::uint32_t>(block_number(*block.cluster, rank)));
  return numbers;
}

} // namespace

BlockChecks::BlockChecks(Block& block, GlobalCells* cells)
    : races(static_cast<std::uint32_t>(block.linear), block.threads, block.shared.size(), cells,
            numbers_of_peers(block)),
      shared(block.shared.size()), local((block.threads + warp_size - 1) / warp_size),
      bulk_groups(block.threads), matrix_groups(local.size()), held(local.size()) {}

Checker::Checker(Memory& memory, CheckOptions options) : data(std::make_unique<Data>(memory, options)) {}
Checker::~Checker() = default;
Reports& Checker::reports() { return data->reports; }

void Checker::launch_begins(const Launch& launch) {
  data->cells.launch_begins(launch.programmatic && data->triggered);
  data->triggered = false;
  data->before = std::move(data->current);
  data->current = {launch.program, launch.kernel, launch.grid, launch.threads};
  data->sync.clear();
  data->allocations = data->memory.allocations();
  // Variables have initial values, and what the host may touch at any time is its own affair.
  std::uint64_t last = data->last_serial;
  for (const Allocation& allocation : data->allocations) {
    if (allocation.host || (allocation.serial > data->last_serial && !allocation.name.empty()))
      host_writes(allocation.address, allocation.size);
    last = std::max(last, allocation.serial);
  }
  data->last_serial = last;
}

void Checker::block_begins(Block& block) {
  auto checks = std::make_shared<BlockChecks>(block, data->options.races ? &data->cells : nullptr);
  checks->shared.defined.fill(0, shared_base - block.shared_begin, true); // what belongs to the system
  block.checks = std::move(checks);
}

void Checker::frame_begins(Warp& warp, Frame& frame, Mask lanes) {
  if (!data->options.defined)
    return;
  frame.checks = std::make_shared<RegisterShadow>(*frame.function);
  const std::uint64_t bytes = frame.function->local_bytes;
  auto& local = static_cast<BlockChecks*>(warp.block->checks.get())->local[warp.index];
  for_lanes(lanes, [&](int lane) {
    OwnShadow& own = local[static_cast<std::size_t>(lane)];
    own.grow(frame.local_base + bytes);
    own.defined.fill(frame.local_base, bytes, false);
    own.tainted.fill(frame.local_base, bytes, false);
  });
}

void Checker::local_allocated(Warp& warp, int lane, std::uint64_t at, std::uint64_t bytes) {
  if (!data->options.defined)
    return;
  OwnShadow& own =
      static_cast<BlockChecks*>(warp.block->checks.get())->local[warp.index][static_cast<std::size_t>(lane)];
  own.grow(at + bytes);
  own.defined.fill(at, bytes, false);
  own.tainted.fill(at, bytes, false);
}

void Checker::local_written(Warp& warp, Mask lanes, std::uint64_t at, std::uint64_t bytes) {
  auto& local = static_cast<BlockChecks*>(warp.block->checks.get())->local[warp.index];
  for_lanes(lanes, [&](int lane) {
    OwnShadow& own = local[static_cast<std::size_t>(lane)];
    own.grow(at + bytes);
    own.defined.fill(at, bytes, true);
    own.tainted.fill(at, bytes, false);
  });
}

// ---- instructions ----

// A guard that is not defined. Where it only chooses a value, that is tainted; else it is an error.
Mask Checker::Data::check_guard(Group& group, const Instruction& instruction, Mask guarded) {
  if (!instruction.guarded)
    return 0;
  const RegisterShadow& shadow = *shadow_of(group);
  const Mask bad = shadow.bad(instruction.guard) & guarded;
  if (bad != 0 && instruction.kind != Kind::compute && instruction.kind != Kind::copy)
    report(Report::Kind::undefined_branch, group, instruction, __builtin_ctz(bad),
           {"the predicate of this instruction depends on a value that was never defined" +
            origin(group, shadow.origin(instruction.guard))});
  return bad;
}

// Addresses, branch targets, barrier numbers. What depends on one that is not good is done all the same.
void Checker::Data::check_sources(Group& group, const Instruction& instruction, Mask mask) {
  const RegisterShadow& shadow = *shadow_of(group);
  auto check = [&](Slot slot, Report::Kind kind, std::string_view what) {
    const Mask bad = shadow.bad(slot) & mask;
    if (bad != 0)
      report(kind, group, instruction, __builtin_ctz(bad),
             {fmt::format("{} depends on a value that was never defined{}", what,
                          origin(group, shadow.origin(slot)))});
  };
  if (instruction.kind == Kind::control || instruction.kind == Kind::call) {
    const int checked = instruction.kind == Kind::control
                            ? instruction.slots
                            : static_cast<int>(instruction.immediate) + instruction.destinations;
    for (int i = instruction.destinations; i < checked; ++i)
      check(instruction.slot[i], Report::Kind::undefined_branch, "the operand");
    return;
  }
  for (int operand = address_operand(instruction); operand >= 0;
       operand = address_operand(instruction, operand + 1))
    for (int part = 0; part < instruction.parts(operand); ++part)
      check(instruction.operand(operand, part), Report::Kind::undefined_address,
            part == 0 ? "the address" : "a coordinate");
  const bool known = instruction.entry != Table::no_entry;
  if (known &&
      (instruction.kind == Kind::sync || Table::instance()[instruction.entry].counted == Class::async)) {
    const auto specs = Table::instance().operands(instruction.entry);
    for (int i = 0; i < static_cast<int>(specs.size()); ++i)
      if (!specs[static_cast<std::size_t>(i)].destination && instruction.parts(i) > 0 &&
          instruction.operand(i).bytes != 0 &&
          specs[static_cast<std::size_t>(i)].what != OperandSpec::What::address &&
          instruction.destinations == 0)
        check(instruction.operand(i), Report::Kind::undefined_use, "the operand");
  }
}

Flow Checker::execute(Group& group, const Instruction& instruction, Mask guarded, Mask mask) {
  BlockChecks& block = checks_of(group);
  RegisterShadow* shadow = shadow_of(group);
  const Mask before = group.mask;
  if (block.effects.todo) // of an instruction that has to run again
    block.effects.clear();
  if (instruction.touches_held && mask != 0)
    data->touch_held(group, instruction);
  if (shadow == nullptr || shadow->clean() || instruction.kind == Kind::warpgroup) {
    if (mask == 0)
      return Flow::go;
    const Flow flow = instruction.execute(group, instruction, mask);
    if (block.effects.todo && done(flow))
      data->finish(group, instruction, executed(group, mask, before));
    return flow;
  }
  const Mask bad_guard = data->check_guard(group, instruction, guarded);
  const bool memory = instruction.kind == Kind::memory || address_operand(instruction) >= 0;
  const bool control = instruction.kind == Kind::control || instruction.kind == Kind::call;
  if (memory || control || instruction.kind == Kind::sync)
    data->check_sources(group, instruction, mask);
  Flow flow = Flow::go;
  if (mask != 0 && (memory || control))
    flow = instruction.execute(group, instruction, mask);
  else if (mask != 0)
    flow = execute_shadowed(*shadow, group, instruction, mask);
  if (!done(flow) || control)
    return flow;
  mask = executed(group, mask, before);
  if (memory)
    for (int i = 0; i < instruction.destinations; ++i)
      shadow->define(instruction.slot[i], mask);
  if (block.effects.todo)
    data->finish(group, instruction, mask);
  if (bad_guard != 0 && (instruction.kind == Kind::compute || instruction.kind == Kind::copy))
    for (int i = 0; i < instruction.destinations; ++i)
      shadow->taint(instruction.slot[i], bad_guard, shadow->origin(instruction.guard));
  return flow;
}

} // namespace emu
