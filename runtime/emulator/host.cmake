# attile_emulator_host_library(name SOURCES a.cpp ... PER_HOST b.cpp ... LINK other ...): as attile_emulator_library, and
# the sources after PER_HOST are compiled once for each level of x86-64; numeric/host.h says how they are written.
set(ATTILE_EMULATOR_HOST_LEVELS base v3 v4 CACHE INTERNAL "")
set(ATTILE_EMULATOR_HOST_base -march=x86-64 CACHE INTERNAL "")
set(ATTILE_EMULATOR_HOST_v3 -march=x86-64-v3 CACHE INTERNAL "")
set(ATTILE_EMULATOR_HOST_v4 -march=x86-64-v4 -mprefer-vector-width=512 CACHE INTERNAL "")
# IEEE arithmetic as written: no contraction; no errno and no traps, which would keep loops from being vectorised.
# (gcc notes where vectors that are wider than -march has would cross between compilers; here they do not.)
set(ATTILE_EMULATOR_NUMERIC_FLAGS $<$<CXX_COMPILER_ID:GNU>:-Wno-psabi> -ffp-contract=off -fno-math-errno -fno-trapping-math
    CACHE INTERNAL "")

function(attile_emulator_host_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PER_HOST;LINK" ${ARGN})
  attile_emulator_library(${name} SOURCES ${ARG_SOURCES} LINK ${ARG_LINK})
  foreach(level ${ATTILE_EMULATOR_HOST_LEVELS})
    add_library(${name}_${level} OBJECT ${ARG_PER_HOST})
    target_include_directories(${name}_${level} PRIVATE ${PROJECT_SOURCE_DIR}/runtime)
    target_link_libraries(${name}_${level} PRIVATE ${ARG_LINK})
    target_compile_features(${name}_${level} PRIVATE cxx_std_20)
    attile_options(${name}_${level})
    target_compile_options(${name}_${level} PRIVATE ${ATTILE_EMULATOR_NUMERIC_FLAGS} ${ATTILE_EMULATOR_HOST_${level}}
      $<$<CXX_COMPILER_ID:Clang>:-Wno-pass-failed>) # lanes ask to be vectorised; some operations have no vector form
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:${name}_${level}>)
  endforeach()
endfunction()
