// Elements of 128 bits, accessed at once as the smaller ones are.
#pragma once

#include "emulator/exec/access.h"

namespace emu {

__extension__ typedef unsigned __int128 Wide;

/// Puts `value` there if `expected` is; what was there.
Wide exchange_if(std::byte* at, Wide expected, Wide value);

template <> inline Wide load_element<Wide>(const std::byte* from) {
  return exchange_if(const_cast<std::byte*>(from), 0, 0);
}

template <> inline void store_element<Wide>(std::byte* to, Wide value) {
  for (Wide seen = 0;;) {
    const Wide found = exchange_if(to, seen, value);
    if (found == seen)
      return;
    seen = found;
  }
}

} // namespace emu
