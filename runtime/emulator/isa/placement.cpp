#include "emulator/isa/placement.h"
#include "emulator/memory/memory.h"
#include "emulator/memory/spaces.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace emu {
namespace {

std::uint64_t round_up(std::uint64_t value, std::uint64_t to) {
  return to < 2 ? value : (value + to - 1) / to * to;
}

// Sizes are what the text says: sums of them stay below `endless`, which is more than any space has.
constexpr std::uint64_t endless = std::uint64_t(1) << 40;

std::uint64_t end_of(std::uint64_t begin, std::uint64_t size) {
  return begin < endless && size < endless - begin ? begin + size : endless;
}

bool in_memory(ptx::Space space) { return space == ptx::Space::global || space == ptx::Space::constant; }

// The module's shared variables that a function's statements name.
void collect_shared(const ptx::Module& module, std::span<const ptx::Operand> operands,
                    std::vector<bool>& used) {
  for (const ptx::Operand& operand : operands) {
    if (operand.is(ptx::Operand::Kind::variable) && !operand.local &&
        module.variables[operand.index].space == ptx::Space::shared)
      used[operand.index] = true;
    collect_shared(module, operand.parts, used);
  }
}

} // namespace

bool Placement::place_variables(ptx::Error& error) {
  addresses.resize(module.variables.size());
  placements.resize(module.functions.size());
  place_shared();
  for (std::uint32_t i = 0; i < module.variables.size(); ++i)
    if (in_memory(module.variables[i].space) && !allocate(i, error))
      return false;
  for (std::uint32_t i = 0; i < module.variables.size(); ++i)
    if (in_memory(module.variables[i].space) && !initialise(i, error))
      return false;
  return true;
}

bool Placement::allocate(std::uint32_t index, ptx::Error& error) {
  const ptx::Variable& variable = module.variables[index];
  if (variable.linkage == ptx::Linkage::external) {
    addresses[index] = external ? external(variable.name) : 0;
    if (addresses[index] == 0)
      error = {variable.place,
               fmt::format("external variable '{}' is defined in no loaded module", variable.name),
               {}};
    return addresses[index] != 0;
  }
  const bool constant = variable.space == ptx::Space::constant;
  const std::uint64_t bytes = std::max<std::uint64_t>(variable.size, 1);
  Allocation attributes;
  attributes.name = std::string(variable.name);
  attributes.read_only = constant;
  addresses[index] =
      memory.allocate(bytes, std::max<std::uint64_t>(variable.align, 16), std::move(attributes));
  if (addresses[index] == 0) {
    error = {variable.place,
             fmt::format("no device memory left for the {} bytes of '{}'", bytes, variable.name),
             {}};
    return false;
  }
  program.globals.emplace(variable.name, addresses[index]);
  program.global_sizes.emplace(variable.name, variable.size);
  return true;
}

bool Placement::initialise(std::uint32_t index, ptx::Error& error) {
  const ptx::Variable& variable = module.variables[index];
  if (variable.linkage == ptx::Linkage::external)
    return true;
  auto* bytes = reinterpret_cast<std::byte*>(addresses[index]);
  std::memset(bytes, 0, variable.size);
  for (const ptx::Chunk& chunk : variable.chunks)
    std::memcpy(bytes + chunk.offset, chunk.bytes.data(), chunk.bytes.size());
  for (const ptx::Relocation& relocation : variable.relocations) {
    if (!relocation.function && !in_memory(module.variables[relocation.symbol].space)) {
      error = {relocation.place,
               "only addresses of global and constant variables and of functions are initialisers",
               {}};
      return false;
    }
    std::uint64_t value =
        relocation.function ? function_window + 16 * relocation.symbol : addresses[relocation.symbol];
    value += static_cast<std::uint64_t>(relocation.addend);
    if (relocation.mask != 0)
      value = (value & relocation.mask) >> __builtin_ctzll(relocation.mask);
    std::memcpy(bytes + relocation.offset, &value, relocation.size);
  }
  return true;
}

// What device functions or several kernels use comes first, at one address for all; then each kernel's own.
void Placement::place_shared() {
  const std::size_t count = module.variables.size();
  std::vector<std::vector<bool>> used(module.functions.size(), std::vector<bool>(count));
  std::vector<bool> common(count), seen(count);
  for (std::size_t f = 0; f < module.functions.size(); ++f) {
    for (const ptx::Statement& statement : module.functions[f].statements)
      collect_shared(module, statement.operands, used[f]);
    for (std::size_t v = 0; v < count; ++v) {
      common[v] = common[v] || (used[f][v] && (seen[v] || !module.functions[f].entry));
      seen[v] = seen[v] || used[f][v];
    }
  }
  auto place = [&](std::uint32_t v, std::uint64_t end) {
    addresses[v] = round_up(end, module.variables[v].align);
    return end_of(addresses[v], module.variables[v].size);
  };
  std::uint64_t common_end = shared_base;
  for (std::uint32_t v = 0; v < count; ++v)
    if (common[v])
      common_end = place(v, common_end);
  shared_ends.assign(module.functions.size(), common_end);
  for (std::size_t f = 0; f < module.functions.size(); ++f)
    for (std::uint32_t v = 0; v < count; ++v)
      if (used[f][v] && !common[v])
        shared_ends[f] = place(v, shared_ends[f]);
}

std::optional<Extent> Placement::extent(const Function& function, bool local, std::uint32_t index) const {
  const ptx::Variable& variable = local ? function.source->variables[index] : module.variables[index];
  Extent extent = {.variable = &variable, .space = variable.space, .bytes = variable.size};
  extent.dynamic = dynamic_shared(variable);
  if (!extent.dynamic && (variable.linkage == ptx::Linkage::external || variable.size == 0))
    return std::nullopt;
  extent.begin = local ? placements[function.number].offsets[index] : addresses[index];
  const bool parameter = local && index < function.source->return_count + function.source->parameter_count;
  if (variable.space == ptx::Space::constant)
    extent.space = ptx::Space::global;
  else if (local && variable.space != ptx::Space::shared)
    extent.space = parameter && function.entry ? ptx::Space::param : ptx::Space::local;
  return extent;
}

bool Placement::place_locals(Function& function, ptx::Error& error) {
  const ptx::Function& source = *function.source;
  LocalPlacement& placement = placements[function.number];
  placement.offsets.resize(source.variables.size());
  std::uint64_t shared_end = shared_ends[function.number];
  for (std::size_t i = 0; i < source.variables.size(); ++i) {
    const ptx::Variable& variable = source.variables[i];
    const bool parameter = i < source.return_count + source.parameter_count;
    if (variable.space == ptx::Space::reg && source.defined) { // its place is known when all is decoded
      auto& list = i < source.return_count ? function.returns : function.params;
      list.push_back({.name = std::string(variable.name), .size = variable.size, .in_register = true});
      if (function.entry || variable.vector > 1 || variable.type == ptx::Type::pred)
        error = {variable.place,
                 fmt::format("parameter '{}' is {}", variable.name,
                             function.entry ? "in a register: those of a kernel are in .param"
                             : variable.vector > 1
                                 ? "a vector in registers: expected a scalar, or a variable in .param"
                                 : "a predicate: expected a register of 8 bits or more"),
                 {}};
      if (!error.message.empty())
        return false;
      continue;
    }
    std::uint64_t& end = variable.space == ptx::Space::shared ? shared_end
                         : parameter && function.entry        ? placement.param_bytes
                                                              : placement.local_bytes;
    placement.offsets[i] = round_up(end, std::max<std::uint64_t>(variable.align, 1));
    end = end_of(placement.offsets[i], variable.size);
    if (parameter) {
      auto& list = i < source.return_count ? function.returns : function.params;
      list.push_back({.name = std::string(variable.name),
                      .offset = placement.offsets[i],
                      .size = variable.size,
                      .align = variable.align});
    }
  }
  function.param_bytes = placement.param_bytes;
  function.local_bytes = round_up(placement.local_bytes, 16);
  function.shared_bytes = shared_end - shared_base;
  std::uint64_t align = 16;
  for (const ptx::Variable& variable : module.variables)
    if (dynamic_shared(variable))
      align = std::max<std::uint64_t>(align, variable.align);
  function.dynamic_shared_offset = round_up(shared_end, align) - shared_base;
  constexpr std::uint64_t most_params = 32764, most_local = 512 << 10; // as hardware has
  const auto fits = [&](std::string_view what, std::uint64_t bytes, std::uint64_t most) {
    if (bytes > most)
      error = {
          source.place,
          fmt::format("'{}' has {} bytes of {}: at most {} are possible", function.name, bytes, what, most),
          {}};
    return bytes <= most;
  };
  return fits("parameters", function.param_bytes, most_params) &&
         fits("local memory", function.local_bytes, most_local) &&
         fits("shared memory", function.shared_bytes, window_bytes - shared_base);
}

} // namespace emu
