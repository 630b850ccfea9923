#include "emulator/isa/operands.h"
#include "emulator/isa/specials.h"
#include "emulator/memory/spaces.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/format.h>

namespace emu {
namespace {

using Is = ptx::Operand::Kind;

std::uint16_t bytes_of_type(ptx::Type type) {
  return type == ptx::Type::pred ? 0 : static_cast<std::uint16_t>(std::max(1, ptx::bits(type) / 8));
}

ptx::Type type_of(const OperandSpec& spec, const Decoding& decoding) {
  return spec.modifier_type < 0 ? spec.type : decoding.type(spec.modifier_type);
}

bool is_float_constant(const ptx::Operand& operand) { return operand.is(Is::f32) || operand.is(Is::f64); }

} // namespace

std::optional<std::uint64_t> constant_bits(const ptx::Operand& operand, ptx::Type type) {
  if (!operand.is(Is::integer) && !is_float_constant(operand))
    return std::nullopt;
  const int bits = ptx::bits(type);
  if (operand.is(Is::integer))
    return type == ptx::Type::f32 || type == ptx::Type::f64
               ? std::nullopt
               : std::optional(static_cast<std::uint64_t>(operand.value));
  if (operand.is(Is::f32))
    return bits == 64 ? std::bit_cast<std::uint64_t>(static_cast<double>(
                            std::bit_cast<float>(static_cast<std::uint32_t>(operand.value))))
                      : static_cast<std::uint64_t>(operand.value);
  const double value = std::bit_cast<double>(operand.value);
  return bits == 32 ? std::bit_cast<std::uint32_t>(static_cast<float>(value))
                    : std::bit_cast<std::uint64_t>(value);
}

Operands::Operands(const ptx::Module& module, Function& function, const Placement& placement)
    : module(module), function(function), placement(placement) {
  for (const ptx::Register& reg : function.source->registers) {
    first_number.push_back(static_cast<std::uint32_t>(bytes_of.size()));
    bytes_of.insert(bytes_of.end(), reg.vector, bytes_of_type(reg.type));
  }
  carry = static_cast<std::uint32_t>(bytes_of.size());
  bytes_of.push_back(0);
}

Slot Operands::register_slot(std::uint32_t reg) const {
  const std::uint32_t number = first_number[reg];
  return {.offset = number, .bytes = bytes_of[number]};
}

Slot Operands::constant(std::uint64_t value, std::uint32_t bytes) {
  if (bytes < 8)
    value &= (std::uint64_t(1) << (8 * bytes)) - 1;
  const auto [found, fresh] = constants[bytes].try_emplace(value);
  if (!fresh)
    return found->second;
  Slot& slot = found->second;
  slot = {.offset = constant_bytes, .bytes = static_cast<std::uint16_t>(bytes), .constant = true};
  constant_bytes += std::max<std::uint32_t>(slot.size(), 64);
  function.constants.resize(constant_bytes);
  for (int lane = 0; lane < warp_size; ++lane)
    std::memcpy(&function.constants[slot.offset + lane * bytes], &value, bytes);
  return slot;
}

Slot Operands::special(Special what, std::uint64_t addend, std::uint32_t bytes) {
  const std::uint64_t key =
      static_cast<std::uint64_t>(what) << 56 | std::uint64_t(bytes) << 48 | (addend & 0xffffffffffff);
  const auto [found, fresh] = special_slots.try_emplace(key);
  if (!fresh)
    return found->second;
  Slot& slot = found->second;
  slot = {.offset = constant_bytes, .bytes = static_cast<std::uint16_t>(bytes), .constant = true};
  constant_bytes += std::max<std::uint32_t>(slot.size(), 64);
  function.constants.resize(constant_bytes);
  function.specials.push_back({what, addend, slot});
  return slot;
}

// What is written there is never read.
Slot Operands::sink(std::uint32_t bytes) {
  constexpr std::uint32_t most = 16 * warp_size;
  if (sink_offset == ~0u) {
    sink_offset = constant_bytes;
    constant_bytes += most;
    function.constants.resize(constant_bytes);
  }
  return {
      .offset = sink_offset, .bytes = static_cast<std::uint16_t>(bytes), .constant = true, .absent = true};
}

Slot Operands::variable(const ptx::Operand& operand, std::uint32_t bytes, Decoding& decoding) {
  const ptx::Variable& variable = module.variable(*function.source, operand);
  const auto addend = static_cast<std::uint64_t>(operand.value);
  if (Placement::dynamic_shared(variable))
    return special(Special::dynamic_shared, addend, bytes);
  if (!operand.local)
    return constant(placement.address(operand.index) + addend, bytes);
  const std::uint64_t offset = placement.locals(function).offsets[operand.index] + addend;
  if (variable.space == ptx::Space::shared)
    return constant(offset, bytes);
  if (function.entry && operand.index < function.source->return_count + function.source->parameter_count) {
    decoding.in_kernel_params = true;
    return constant(offset, bytes);
  }
  return special(Special::local_base, offset, bytes);
}

bool Operands::add_special(const ptx::Operand& operand, std::uint32_t bytes, Decoding& decoding) {
  const std::optional<Special> what = special_named(operand.text, operand.component);
  if (what) {
    if (*what == Special::reserved_smem_offset_1)
      decoding.program.reserved_shared = tile_scratch_bytes;
    function.slots.push_back(special(*what, 0, bytes));
    return true;
  }
  if (clock_named(operand.text))
    decoding.fail(fmt::format("'{}' changes while a thread runs: read it with mov", operand.text));
  else
    decoding.fail(fmt::format("special register '{}' is not known", operand.text));
  return false;
}

bool Operands::add_register(const ptx::Operand& operand, const OperandSpec& spec, Decoding& decoding) {
  const bool selects = operand.component >= ptx::Component::bytes;
  const std::uint32_t part =
      operand.component == ptx::Component::none || (selects && spec.selects)
          ? 0
          : static_cast<std::uint32_t>(operand.component) - static_cast<std::uint32_t>(ptx::Component::x);
  const ptx::Register& reg = function.source->registers[operand.index];
  if (part >= reg.vector) {
    decoding.fail(fmt::format("'{}' has no such component", operand.text));
    return false;
  }
  Slot slot = {.offset = first_number[operand.index] + part, .bytes = bytes_of[first_number[operand.index]]};
  const bool predicate = spec.what == OperandSpec::What::predicate || (spec.or_predicate && slot.bytes == 0);
  const std::uint32_t wanted = predicate ? 0 : bytes_of_type(type_of(spec, decoding)) * spec.widen;
  if (spec.what != OperandSpec::What::any && (spec.at_least ? slot.bytes < wanted : slot.bytes != wanted)) {
    decoding.fail(fmt::format("'{}' has {}, expected {}", operand.text,
                              slot.bytes == 0 ? "one bit" : fmt::format("{} bits", 8 * slot.bytes),
                              wanted == 0
                                  ? "a predicate"
                                  : fmt::format("{}{} bits", spec.at_least ? "at least " : "", 8 * wanted)));
    return false;
  }
  if (operand.negated && !predicate && !spec.selects) {
    decoding.fail(fmt::format("'{}' cannot be negated here", operand.text));
    return false;
  }
  function.slots.push_back(slot);
  return true;
}

bool Operands::add_part(const ptx::Operand& operand, const OperandSpec& spec, Decoding& decoding) {
  if (operand.is(Is::sink)) {
    const std::uint32_t bytes =
        spec.what == OperandSpec::What::typed ? bytes_of_type(type_of(spec, decoding)) * spec.widen : 0;
    function.slots.push_back(sink(bytes));
    return true;
  }
  if (operand.is(Is::reg))
    return add_register(operand, spec, decoding);
  if (spec.destination) {
    decoding.fail(fmt::format("'{}' is no register: expected a destination", operand.text));
    return false;
  }
  const bool predicate = spec.what == OperandSpec::What::predicate;
  const ptx::Type type = predicate ? ptx::Type::pred : type_of(spec, decoding);
  const std::uint32_t bytes = bytes_of_type(type) * spec.widen;
  if (operand.is(Is::special) && (predicate || (spec.what == OperandSpec::What::typed && bytes <= 8))) {
    if (!spec.packs || !clock_named(operand.text))
      return add_special(operand, bytes, decoding);
    function.slots.push_back(constant(0, bytes)); // mov reads the clock itself
    return true;
  }
  if (spec.what == OperandSpec::What::typed && bytes <= 8) {
    if (operand.is(Is::variable)) {
      function.slots.push_back(variable(operand, bytes, decoding));
      return true;
    }
    if (operand.is(Is::function)) {
      function.slots.push_back(constant(function_window + 16 * operand.index, bytes));
      return true;
    }
    if (const std::optional<std::uint64_t> bits = constant_bits(operand, type)) {
      function.slots.push_back(constant(*bits, bytes));
      return true;
    }
  }
  if (predicate && operand.is(Is::integer)) {
    Slot slot = constant(operand.value != 0 ? ~std::uint64_t(0) : 0, 4); // one Mask
    slot.bytes = 0;
    function.slots.push_back(slot);
    return true;
  }
  decoding.fail(fmt::format("'{}' does not fit here: expected {}", operand.text,
                            predicate ? "a predicate"
                                      : fmt::format("a register or constant of type {}", ptx::name(type))));
  return false;
}

bool Operands::add_address(const ptx::Operand& operand, Decoding& decoding) {
  if (!operand.is(Is::address) || operand.parts.empty()) {
    decoding.fail(
        fmt::format("'{}' is no address: expected [register + offset] or [variable + offset]", operand.text));
    return false;
  }
  const ptx::Operand& base = operand.parts[0];
  if (base.is(Is::reg)) {
    const Slot slot = register_slot(base.index);
    if (slot.bytes != 4 && slot.bytes != 8) {
      decoding.fail(fmt::format("'{}' has {} bits: an address has 32 or 64", base.text, 8 * slot.bytes));
      return false;
    }
    function.slots.push_back(slot);
    decoding.out.immediate = base.value;
  } else if (base.is(Is::variable)) {
    function.slots.push_back(variable(base, 8, decoding));
  } else if (base.is(Is::integer)) {
    function.slots.push_back(constant(static_cast<std::uint64_t>(base.value), 8));
  } else {
    decoding.fail(fmt::format("'{}' is no address", base.text));
    return false;
  }
  const OperandSpec coordinate = {.what = OperandSpec::What::typed, .type = ptx::Type::b32};
  for (const ptx::Operand& part : operand.parts.subspan(1)) {
    if (!part.is(Is::vector) && !add_part(part, coordinate, decoding))
      return false;
    for (const ptx::Operand& element : part.parts)
      if (!add_part(element, coordinate, decoding))
        return false;
  }
  return true;
}

// Registers and constants get slots in their own width; the family's decoder reads the rest from the
// statement.
bool Operands::add_any(const ptx::Operand& operand, Decoding& decoding) {
  if (operand.is(Is::reg))
    return add_register(operand, {.what = OperandSpec::What::any}, decoding);
  for (const ptx::Operand& part : operand.parts)
    if (!add_any(part, decoding))
      return false;
  return true;
}

// {a, b}: equal parts of the type.
bool Operands::add_packed(const ptx::Operand& operand, const OperandSpec& spec, Decoding& decoding) {
  const int bits = ptx::bits(type_of(spec, decoding)) / static_cast<int>(operand.parts.size());
  constexpr ptx::Type types[] = {ptx::Type::b8, ptx::Type::b16, ptx::Type::b32, ptx::Type::b64};
  for (ptx::Type type : types)
    if (ptx::bits(type) == bits)
      return std::ranges::all_of(operand.parts, [&](const ptx::Operand& part) {
        return add_part(part, {.what = spec.what, .destination = spec.destination, .type = type}, decoding);
      });
  decoding.fail(fmt::format("'{}' has {} parts of {} bits: expected 2 or 4 of 8, 16, 32 or 64", operand.text,
                            operand.parts.size(), bits));
  return false;
}

bool Operands::add(const ptx::Operand& operand, const OperandSpec& spec, Decoding& decoding) {
  using What = OperandSpec::What;
  if (spec.what == What::address)
    return add_address(operand, decoding);
  if (spec.what == What::any)
    return add_any(operand, decoding);
  if (spec.what == What::label) {
    if (!operand.is(Is::label))
      decoding.fail(fmt::format("'{}' is no label", operand.text));
    return operand.is(Is::label);
  }
  if (spec.pair) {
    if (operand.is(Is::pair))
      return add_part(operand.parts[0], spec, decoding) &&
             add_part(operand.parts[1], {.what = What::predicate, .destination = spec.destination}, decoding);
    const bool good = add_part(operand, spec, decoding);
    function.slots.push_back(sink(0));
    return good;
  }
  if (spec.packs && operand.is(Is::vector))
    return add_packed(operand, spec, decoding);
  int wanted = spec.parts;
  if (wanted == 0)
    wanted = decoding.has("v8") ? 8 : decoding.has("v4") ? 4 : decoding.has("v2") ? 2 : 1;
  const bool vector = operand.is(Is::vector);
  const bool vector_register = operand.is(Is::reg) && operand.component == ptx::Component::none &&
                               function.source->registers[operand.index].vector > 1;
  if (vector_register) {
    const std::uint32_t parts = function.source->registers[operand.index].vector;
    for (std::uint32_t part = 0; part < parts; ++part) {
      ptx::Operand element = operand;
      element.component = static_cast<ptx::Component>(static_cast<std::uint32_t>(ptx::Component::x) + part);
      if (!add_part(element, spec, decoding))
        return false;
    }
    return true;
  }
  const int found = vector ? static_cast<int>(operand.parts.size()) : 1;
  if (wanted > 0 && found != wanted) {
    decoding.fail(fmt::format("'{}' has {} parts, expected {}", operand.text, found, wanted));
    return false;
  }
  if (!vector)
    return add_part(operand, spec, decoding);
  for (const ptx::Operand& part : operand.parts)
    if (!add_part(part, spec, decoding))
      return false;
  return true;
}

bool Operands::decode(const ptx::Statement& statement, std::span<const OperandSpec> specs, Decoding& decoding,
                      ptx::Error& error) {
  Instruction& out = decoding.out;
  const std::size_t begin = function.slots.size();
  const auto most = std::ranges::count_if(specs, &OperandSpec::written);
  const auto required =
      std::ranges::count_if(specs, [](const OperandSpec& spec) { return spec.written() && !spec.optional; });
  const auto given = static_cast<std::ptrdiff_t>(statement.operands.size());
  if (given < required || given > most) {
    error = {statement.place,
             fmt::format("'{}' has {} operands, expected {}", statement.opcode->text, given, required),
             {}};
    return false;
  }
  auto next = statement.operands.begin();
  auto optional = given - required; // of them so many are there: the first ones
  for (std::size_t i = 0; i < std::size(out.first); ++i) {
    out.first[i] = static_cast<std::uint16_t>(function.slots.size() - begin);
    if (i >= specs.size())
      continue;
    if (specs[i].what == OperandSpec::What::carry) {
      function.slots.push_back({.offset = carry});
    } else if (!specs[i].optional || optional-- > 0) {
      const ptx::Operand& operand = *next++;
      if (!add(operand, specs[i], decoding)) {
        error = {operand.place.line ? operand.place : statement.place, decoding.error, {}};
        return false;
      }
      if (operand.is(Is::reg) && operand.negated)
        out.negated |= static_cast<std::uint8_t>(1u << i);
    }
    if (specs[i].destination)
      out.destinations = static_cast<std::uint16_t>(function.slots.size() - begin);
  }
  out.slots = static_cast<std::uint16_t>(function.slots.size() - begin);
  out.operands = static_cast<std::uint8_t>(given);
  return true;
}

std::vector<RegisterUse> Operands::results() const {
  std::vector<RegisterUse> uses;
  for (const ptx::Variable& variable : function.source->returns())
    if (variable.space == ptx::Space::reg)
      uses.push_back({register_slot(variable.reg).offset, false, false});
  return uses;
}

std::vector<RegisterUse> Operands::uses(const Instruction& instruction) const {
  std::vector<RegisterUse> uses;
  const Slot* slots = function.slots.data() + instruction.first_slot;
  for (int i = 0; i < instruction.slots; ++i)
    if (!slots[i].constant && !slots[i].absent)
      uses.push_back({slots[i].offset, i < instruction.destinations,
                      instruction.guarded || instruction.partial, instruction.holds && slots[i].bytes == 4});
  if (instruction.guarded)
    uses.push_back({instruction.guard.offset, false, false});
  return uses;
}

void Operands::place(Slot& slot, const RegisterPlaces& places) const {
  slot.offset = slot.constant ? places.bytes + slot.offset : places.offsets[slot.offset];
}

void Operands::mark_held() {
  std::vector<bool> held(bytes_of.size());
  auto each = [&](const Instruction& instruction, auto f) {
    for (const Slot* slot = function.slots.data() + instruction.first_slot;
         slot != function.slots.data() + instruction.first_slot + instruction.slots; ++slot)
      if (!slot->constant && !slot->absent && slot->bytes != 0)
        f(slot->offset);
  };
  for (const Instruction& instruction : function.code)
    if (instruction.holds)
      each(instruction, [&](std::uint32_t number) { held[number] = true; });
  for (Instruction& instruction : function.code)
    if (!instruction.holds)
      each(instruction, [&](std::uint32_t number) { instruction.touches_held |= held[number]; });
}

void Operands::finish(FlowGraph& graph) {
  for (const ptx::Variable& variable : function.source->parameters())
    if (variable.space == ptx::Space::reg)
      graph.given.push_back(register_slot(variable.reg).offset);
  std::vector<std::uint32_t> sizes;
  sizes.reserve(bytes_of.size());
  for (std::uint16_t bytes : bytes_of)
    sizes.push_back(Slot{.bytes = bytes}.size());
  const RegisterPlaces places = place_registers(graph, sizes);
  mark_held();
  for (std::uint32_t number : places.maybe_undefined)
    function.maybe_undefined.push_back({.offset = places.offsets[number], .bytes = bytes_of[number]});
  for (Slot& slot : function.slots)
    place(slot, places);
  for (SpecialSlot& special : function.specials)
    place(special.slot, places);
  for (Instruction& instruction : function.code) {
    instruction.slot = function.slots.data() + instruction.first_slot;
    if (instruction.guarded)
      place(instruction.guard, places);
  }
  const auto place_all = [&](std::span<const ptx::Variable> variables, std::vector<Placed>& placed) {
    for (std::size_t i = 0; i < placed.size(); ++i)
      if (placed[i].in_register) {
        placed[i].reg = register_slot(variables[i].reg);
        place(placed[i].reg, places);
      }
  };
  place_all(function.source->returns(), function.returns);
  place_all(function.source->parameters(), function.params);
  function.constants_begin = places.bytes;
  function.frame_bytes = places.bytes + constant_bytes;
}

} // namespace emu
