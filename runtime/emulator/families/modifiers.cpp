#include "emulator/families/modifiers.h"

#include <fmt/format.h>

namespace emu {
namespace {

Space space_of(const Decoding& d, int address) {
  const int space = d.which({"global", "shared", "shared::cta", "shared::cluster", "local", "const", "param",
                             "param::entry", "param::func"});
  constexpr Space spaces[] = {Space::global,  Space::shared, Space::shared,
                              Space::cluster, Space::local,  Space::constant};
  if (space < 0)
    return Space::generic;
  if (space < static_cast<int>(std::size(spaces)))
    return spaces[space];
  // Parameters of kernels have a bank of their own; all others lie in local memory.
  const ptx::Operand& base = d.statement.operands[static_cast<std::size_t>(address)].parts[0];
  const bool of_kernel = d.function.entry && (d.in_kernel_params || base.is(ptx::Operand::Kind::reg));
  return of_kernel ? Space::param : Space::local;
}

Order order_of(const Decoding& d) {
  constexpr Order orders[] = {Order::mmio,    Order::volatile_, Order::relaxed,
                              Order::acquire, Order::release,   Order::acq_rel};
  const int order = d.which({"mmio", "volatile", "relaxed", "acquire", "release", "acq_rel"});
  return order < 0 ? Order::weak : orders[order];
}

Scope scope_of(const Decoding& d, Order order) {
  if (order == Order::volatile_ || order == Order::mmio) // as relaxed ones of the system
    return Scope::sys;
  constexpr Scope scopes[] = {Scope::cta, Scope::cluster, Scope::gpu, Scope::sys};
  const int scope = d.which({"cta", "cluster", "gpu", "sys"});
  return scope < 0 ? Scope::none : scopes[scope];
}

} // namespace

void decode_access_modifiers(Decoding& d, int address) {
  const Order order = order_of(d);
  d.out.order = static_cast<std::uint8_t>(order);
  d.out.scope = static_cast<std::uint8_t>(scope_of(d, order));
  d.out.space = static_cast<std::uint8_t>(space_of(d, address));
}

std::int64_t constant_operand(Decoding& d, int operand) {
  const ptx::Operand& given = d.statement.operands[static_cast<std::size_t>(operand)];
  if (!given.is(ptx::Operand::Kind::integer))
    d.fail(fmt::format("'{}' is no integer constant", given.text));
  return given.value;
}

void decode_kept_groups(Decoding& d) {
  d.out.immediate = constant_operand(d, 0);
  if (d.error.empty() && d.out.immediate < 0)
    d.fail(fmt::format("{} groups: expected none or more", d.out.immediate));
}

std::int64_t address_offset(const Decoding& d, int operand) {
  const ptx::Operand& base = d.statement.operands[static_cast<std::size_t>(operand)].parts[0];
  return base.is(ptx::Operand::Kind::reg) ? base.value : 0;
}

} // namespace emu
