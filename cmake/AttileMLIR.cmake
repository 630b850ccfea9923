# LLVM and MLIR from the distribution, and the one way in which MLIR-using libraries are declared.

find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# The headers that nearly every MLIR file needs, compiled once: on two cores this halves the build.
add_library(attile_mlir_pch STATIC ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
target_precompile_headers(attile_mlir_pch PRIVATE
  <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Math/IR/Math.h> <mlir/Dialect/SCF/IR/SCF.h>
  <mlir/IR/Builders.h> <mlir/IR/BuiltinOps.h> <mlir/IR/OpImplementation.h> <mlir/IR/PatternMatch.h>
  <mlir/Pass/Pass.h>)

function(attile_mlir_options target)
  attile_options(${target})
  target_include_directories(${target} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()
attile_mlir_options(attile_mlir_pch)

# attile_mlir_library(name SOURCES ... LINK ... DEPENDS tablegen-target ...)
function(attile_mlir_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  target_precompile_headers(${name} REUSE_FROM attile_mlir_pch)
  attile_mlir_options(${name})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# For executables: the PCH is built with -fPIC, and must be used with the same.
function(attile_mlir_use target)
  target_link_libraries(${target} PRIVATE ${ARGN} MLIR LLVM)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_precompile_headers(${target} REUSE_FROM attile_mlir_pch)
  attile_mlir_options(${target})
  target_compile_options(${target} PRIVATE -fPIC)
endfunction()

# attile_mlir_executable(name SOURCES ... LINK ...)
function(attile_mlir_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  attile_mlir_use(${name} ${ARG_LINK})
endfunction()

# attile_mlir_unit_test(name SOURCES a_test.cpp ... LINK lib ...): attile_unit_test for tests that include MLIR.
function(attile_mlir_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  attile_unit_test(${name} SOURCES ${ARG_SOURCES} LINK ${ARG_LINK})
  attile_mlir_use(${name})
endfunction()

# attile_mlir_dialect(attn Attn): C++ from AttnOps.td (which includes AttnDialect.td), as
# "dialect/attn/AttnOps.h.inc" and so on, by the target AttileAttnTablegen, and its page of documentation.
function(attile_mlir_dialect dialect prefix)
  set(LLVM_TARGET_DEFINITIONS ${prefix}Ops.td)
  set(includes EXTRA_INCLUDES ${PROJECT_SOURCE_DIR} ${MLIR_INCLUDE_DIRS})
  mlir_tablegen(${prefix}Dialect.h.inc -gen-dialect-decls -dialect=${dialect} ${includes})
  mlir_tablegen(${prefix}Dialect.cpp.inc -gen-dialect-defs -dialect=${dialect} ${includes})
  mlir_tablegen(${prefix}Enums.h.inc -gen-enum-decls ${includes})
  mlir_tablegen(${prefix}Enums.cpp.inc -gen-enum-defs ${includes})
  mlir_tablegen(${prefix}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${dialect} ${includes})
  mlir_tablegen(${prefix}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${dialect} ${includes})
  mlir_tablegen(${prefix}Types.h.inc -gen-typedef-decls -typedefs-dialect=${dialect} ${includes})
  mlir_tablegen(${prefix}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${dialect} ${includes})
  mlir_tablegen(${prefix}Ops.h.inc -gen-op-decls -dialect=${dialect} ${includes})
  mlir_tablegen(${prefix}Ops.cpp.inc -gen-op-defs -dialect=${dialect} ${includes})
  # Compared with the committed page by a test; the target attile-docs refreshes that.
  mlir_tablegen(${dialect}.md -gen-dialect-doc -dialect=${dialect} ${includes})
  add_public_tablegen_target(Attile${prefix}Tablegen)
  add_custom_target(attile-docs-${dialect} COMMAND ${CMAKE_COMMAND} -E copy ${dialect}.md
    ${PROJECT_SOURCE_DIR}/docs/dialects/${dialect}.md DEPENDS Attile${prefix}Tablegen)
  if(NOT TARGET attile-docs)
    add_custom_target(attile-docs)
  endif()
  add_dependencies(attile-docs attile-docs-${dialect})
endfunction()
