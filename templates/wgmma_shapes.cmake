# cmake -DOUTPUT=wgmma_shapes.cuh -P wgmma_shapes.cmake: wgmma.mma_async with each number of columns. An
# instruction names all of its registers, in text.
set(text "// Made by templates/wgmma_shapes.cmake: wgmma.mma_async.m64nNk16 for each N.
#pragma once

#include \"attile/types.cuh\"

namespace attile {
namespace detail {

template <class T16> inline constexpr bool is_bf16 = false;
template <> inline constexpr bool is_bf16<bf16> = true;

/// d[64][N] (+)= a[64][16] b[16][N], b in shared memory by its descriptor. shared: a, too; both have their
/// contracted dimension contiguous. registers: a is a fragment; the rows of b, one for each column of a, are
/// contiguous.
template <int N> struct Wgmma;
")
foreach(n RANGE 8 256 8)
  set(registers "")
  set(operands "")
  math(EXPR rows "${n} / 8 - 1")
  foreach(j RANGE 0 ${rows})
    foreach(e RANGE 0 3)
      math(EXPR number "4 * ${j} + ${e}")
      if(number GREATER 0)
        string(APPEND registers ",")
        string(APPEND operands ", ")
      endif()
      string(APPEND registers "%${number}")
      string(APPEND operands "\"+f\"(d[${j}][${e}])")
    endforeach()
  endforeach()
  math(EXPR blocks "${n} / 8")
  math(EXPR a "${n} / 2")
  foreach(i RANGE 1 4)
    math(EXPR a${i} "${a} + ${i}")
  endforeach()
  string(APPEND text "
#define ATTILE_SHARED(type) \\
  asm volatile(\"{\\n.reg .pred p;\\nsetp.ne.b32 p, %${a2}, 0;\\n\" \\
               \"wgmma.mma_async.sync.aligned.m64n${n}k16.f32.\" type \".\" type \\
               \" {${registers}}, %${a}, %${a1}, p, 1, 1, 0, 0;\\n}\" \\
               : ${operands} \\
               : \"l\"(a), \"l\"(b), \"r\"(accumulate))
#define ATTILE_REGISTERS(type) \\
  asm volatile(\"{\\n.reg .pred p;\\nsetp.ne.b32 p, 1, 0;\\n\" \\
               \"wgmma.mma_async.sync.aligned.m64n${n}k16.f32.\" type \".\" type \\
               \" {${registers}}, {%${a},%${a1},%${a2},%${a3}}, %${a4}, p, 1, 1, 1;\\n}\" \\
               : ${operands} \\
               : \"r\"(first[0]), \"r\"(first[1]), \"r\"(second[0]), \"r\"(second[1]), \"l\"(b))
template <> struct Wgmma<${n}> {
  template <class T16>
  static __device__ __forceinline__ void shared(float (&d)[${blocks}][4], unsigned long long a, unsigned long long b, int accumulate) {
    if constexpr (is_bf16<T16>)
      ATTILE_SHARED(\"bf16\");
    else
      ATTILE_SHARED(\"f16\");
  }
  template <class T16>
  static __device__ __forceinline__ void registers(float (&d)[${blocks}][4], const unsigned (&first)[2], const unsigned (&second)[2], unsigned long long b) {
    if constexpr (is_bf16<T16>)
      ATTILE_REGISTERS(\"bf16\");
    else
      ATTILE_REGISTERS(\"f16\");
  }
};
#undef ATTILE_SHARED
#undef ATTILE_REGISTERS
")
endforeach()
string(APPEND text "
} // namespace detail
} // namespace attile
")
file(WRITE "${OUTPUT}" "${text}")
