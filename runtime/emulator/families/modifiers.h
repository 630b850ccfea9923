// Modifiers that the instructions of several families share.
#pragma once

#include "emulator/exec/access.h"
#include "emulator/isa/table.h"

#define EMU_SCOPE "(.cta|.cluster|.gpu|.sys)"

namespace emu {

/// Sets order, scope and space of an access from its modifiers; its address is operand `address`.
void decode_access_modifiers(Decoding& decoding, int address);

/// The value of an operand that must be a constant; fails the decoding if it is none.
std::int64_t constant_operand(Decoding& decoding, int operand);

/// For waits that leave the latest groups in flight: operand 0, how many, becomes the immediate.
void decode_kept_groups(Decoding& decoding);

/// What is added to the register of an address operand, for instructions that have several; other addresses
/// have it in them.
std::int64_t address_offset(const Decoding& decoding, int operand);

/// How an instruction is executed that needs nothing from its modifiers.
template <Execute execute> void decode_as(Decoding& decoding) { decoding.out.execute = execute; }

} // namespace emu
