#include "emulator/exec/wide.h"

namespace emu {

#if defined(__x86_64__)
__attribute__((target("cx16")))
#endif
Wide exchange_if(std::byte* at, Wide expected, Wide value) {
  return __sync_val_compare_and_swap(reinterpret_cast<Wide*>(at), expected, value);
}

} // namespace emu
