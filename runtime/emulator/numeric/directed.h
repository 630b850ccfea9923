// f64 operations in the rounding modes .rz .rm .rp. The mode of the processor is set, the operation done and
// the mode put back within one piece of assembler: no compiler moves an operation over the change of a mode
// it knows nothing of, and no flag of the translation unit is needed. Some 20 to 40 cycles each; these are
// rare in kernels.
#pragma once

#include "emulator/numeric/host.h"
#include "emulator/numeric/types.h"

#include <cmath>
#include <immintrin.h>

namespace emu::numeric {
inline namespace EMU_HOST {
namespace directed {

// The control word of SSE with another mode: 0 nearest, 1 down, 2 up, 3 toward zero.
EMU_INLINE unsigned control(unsigned current, Round mode) {
  unsigned field = mode == Round::rz ? 3u : mode == Round::rm ? 1u : mode == Round::rp ? 2u : 0u;
  return (current & ~0x6000u) | field << 13;
}

#define EMU_DIRECTED(name, instruction)                                                                      \
  EMU_INLINE double name(double a, double b, Round mode) {                                                   \
    unsigned old = _mm_getcsr(), wanted = control(old, mode);                                                \
    asm("ldmxcsr %[wanted]\n\t" instruction " %[b], %[a]\n\tldmxcsr %[old]"                                  \
        : [a] "+x"(a)                                                                                        \
        : [b] "x"(b), [wanted] "m"(wanted), [old] "m"(old));                                                 \
    return a;                                                                                                \
  }
EMU_DIRECTED(add, "addsd")
EMU_DIRECTED(sub, "subsd")
EMU_DIRECTED(mul, "mulsd")
EMU_DIRECTED(div, "divsd")
EMU_DIRECTED(root_of_second, "sqrtsd")
#undef EMU_DIRECTED

EMU_INLINE double sqrt(double a, Round mode) { return root_of_second(a, a, mode); }

EMU_INLINE double fma(double a, double b, double c, Round mode) {
  unsigned old = _mm_getcsr(), wanted = control(old, mode);
#ifdef __FMA__
  asm("ldmxcsr %[wanted]\n\tvfmadd213sd %[c], %[b], %[a]\n\tldmxcsr %[old]"
      : [a] "+x"(a)
      : [b] "x"(b), [c] "x"(c), [wanted] "m"(wanted), [old] "m"(old));
  return a;
#else
  // The C library's honours the mode; called through memory, so that nobody takes it for a pure function.
  double (*volatile library)(double, double, double) = std::fma;
  _mm_setcsr(wanted);
  double result = library(a, b, c);
  _mm_setcsr(old);
  return result;
#endif
}

} // namespace directed
} // namespace EMU_HOST
} // namespace emu::numeric
