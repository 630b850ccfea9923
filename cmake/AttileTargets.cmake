# The one way in which Attile's own libraries, tools and tests are declared.

find_program(ATTILE_CCACHE ccache)
if(ATTILE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${ATTILE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ATTILE_CCACHE})
endif()

# What Attile gives away carries fmt within; builds that are only tested need not compile it into every file.
find_package(fmt REQUIRED)
if(ATTILE_QUICK)
  set(ATTILE_FMT fmt::fmt)
else()
  set(ATTILE_FMT fmt::fmt-header-only)
endif()

function(attile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-unused-parameter -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wno-restrict) # gcc 12 warns of its own std::string (PR 105651)
  endif()
  if(ATTILE_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${ATTILE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${ATTILE_SANITIZE})
  endif()
endfunction()

# attile_precompile(target HEADERS ...): builds beside the default one, which finds out what a file forgot to include,
# compile the headers that most files of a larger target need once.
function(attile_precompile target)
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources count)
  if(ATTILE_QUICK AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND count GREATER 3) # gcc's warn of what system headers do
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <cstdint> <map> <memory> <optional> <span> <string> <string_view>
      <unordered_map> <vector> ${ARGN})
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

# attile_library(name SOURCES a.cpp ... LINK other ...): a static library whose headers are
# included by their path from the repository's root ("compiler/frontend/ast.h").
function(attile_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  attile_options(${name})
  attile_precompile(${name})
endfunction()

# attile_unit_test(name [ONE_THREAD] [LOOPS] SOURCES a_test.cpp ... LINK lib ...): one GoogleTest binary, registered with
# ctest. ONE_THREAD is no work for the thread sanitizer; quick builds optimise a test itself only if it LOOPS.
function(attile_unit_test name)
  cmake_parse_arguments(ARG "ONE_THREAD;LOOPS" "" "SOURCES;LINK" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  attile_options(${name})
  attile_precompile(${name} <gtest/gtest.h>)
  if(ATTILE_QUICK AND NOT ARG_LOOPS)
    target_compile_options(${name} PRIVATE -O0)
  endif()
  if(ARG_ONE_THREAD AND ATTILE_SANITIZE STREQUAL "thread")
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  add_test(NAME ${name} COMMAND ${name})
  if(ATTILE_SANITIZE) # absurd allocations fail as they do elsewhere; what libtbb does inside is not instrumented
    set_tests_properties(${name} PROPERTIES ENVIRONMENT
      "ASAN_OPTIONS=allocator_may_return_null=1;TSAN_OPTIONS=allocator_may_return_null=1:ignore_noninstrumented_modules=1")
  endif()
endfunction()

# Without the compiler, tests that include MLIR are left out; AttileMLIR.cmake defines the real one.
function(attile_mlir_unit_test name)
endfunction()
