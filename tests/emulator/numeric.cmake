# Tests of the emulator's arithmetic, at each level of x86-64 that this machine has (see numeric/host.h): what is inlined
# into a test is then that level's code.
include(CheckCXXSourceRuns)
set(levels ${ATTILE_EMULATOR_HOST_LEVELS})
if(ATTILE_QUICK) # the default build has them all; sanitizers and another compiler see the same sources once
  set(levels base)
endif()
set(ATTILE_TEST_CPU_base "1")
set(ATTILE_TEST_CPU_v3 "__builtin_cpu_supports(\"avx2\") && __builtin_cpu_supports(\"fma\")")
set(ATTILE_TEST_CPU_v4 "__builtin_cpu_supports(\"avx512vl\") && __builtin_cpu_supports(\"avx512dq\") && __builtin_cpu_supports(\"avx512bw\")")
foreach(level ${levels})
  check_cxx_source_runs("int main() { return ${ATTILE_TEST_CPU_${level}} ? 0 : 1; }" ATTILE_HOST_HAS_${level})
  if(ATTILE_HOST_HAS_${level})
    attile_unit_test(emulator_numeric_${level}_test ONE_THREAD LOOPS
      SOURCES numeric_formats_test.cpp numeric_arithmetic_test.cpp numeric_half_test.cpp numeric_approximate_test.cpp
              numeric_matrix_test.cpp numeric_speed_test.cpp
      LINK attile_emulator_numeric)
    target_compile_options(emulator_numeric_${level}_test PRIVATE ${ATTILE_EMULATOR_NUMERIC_FLAGS} ${ATTILE_EMULATOR_HOST_${level}})
  endif()
endforeach()

foreach(level ${ATTILE_EMULATOR_HOST_LEVELS})
  add_test(NAME emulator_host_symbols_${level} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/host_symbols.py
    ${CMAKE_NM} ${level} $<TARGET_OBJECTS:attile_emulator_numeric_${level}> COMMAND_EXPAND_LISTS)
endforeach()
