// Initialisers of variables: bytes, and places where an address goes.
#pragma once

#include "emulator/ptx/scopes.h"
#include "emulator/ptx/storage.h"

namespace emu::ptx {

/// Reads what follows '=' into the chunks and relocations of `variable`, and gives it its extent if that is
/// [].
void parse_initialiser(Variable& variable, Tokens& tokens, const Scopes& scopes, Storage& storage);

} // namespace emu::ptx
