# Precompiled headers: what nearly every file includes of the standard library and fmt, and GoogleTest for tests. Nothing of our own, so that no change
# of ours makes them again. One for libraries and one for tests in all: executables are compiled as such (-fPIE), and a header fits one way only.
option(WINDFALL_PRECOMPILED "Compile common headers of others once instead of in every file" ON)
if(WINDFALL_FUZZ OR WINDFALL_DOMAIN_ONLY)
  set(WINDFALL_PRECOMPILED OFF) # fuzzers instrument some libraries and not others; the domain includes little
endif()

set(precompiled_headers
  <algorithm> <array> <chrono> <cstdint> <cstring> <functional> <map> <memory> <optional> <set> <span> <string> <string_view> <unordered_map> <utility>
  <variant> <vector> <fmt/format.h>)

# windfall_precompiled_as(KIND HEADERS ... DEPS ...): the header itself, as the target windfall_precompiled_KIND.
function(windfall_precompiled_as kind)
  cmake_parse_arguments(ARG "" "TYPE" "HEADERS;DEPS" ${ARGN})
  set(source "${CMAKE_BINARY_DIR}/precompiled_${kind}.cpp")
  file(CONFIGURE OUTPUT "${source}" CONTENT "int main() {}\n")
  if(ARG_TYPE STREQUAL "EXECUTABLE")
    add_executable(windfall_precompiled_${kind} "${source}")
  else()
    add_library(windfall_precompiled_${kind} STATIC "${source}")
  endif()
  target_link_libraries(windfall_precompiled_${kind} PRIVATE ${ARG_DEPS})
  target_precompile_headers(windfall_precompiled_${kind} PRIVATE ${ARG_HEADERS})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(windfall_precompiled_${kind} PRIVATE -Xclang -fno-pch-timestamp) # the same text gives the same file, for ccache
  endif()
endfunction()

# windfall_precompiled(NAME KIND): compiles a target with the header of its kind, libraries or tests.
function(windfall_precompiled name kind)
  if(TARGET windfall_precompiled_${kind})
    target_precompile_headers(${name} REUSE_FROM windfall_precompiled_${kind})
    # clang compares definitions: what fmt was precompiled with has to hold for whoever reads it.
    target_compile_definitions(${name} PRIVATE $<TARGET_PROPERTY:fmt::fmt,INTERFACE_COMPILE_DEFINITIONS>)
  endif()
endfunction()

# windfall_precompile(): makes both. What is defined before it, the domain, does without.
function(windfall_precompile)
  if(WINDFALL_PRECOMPILED)
    find_package(GTest REQUIRED)
    windfall_precompiled_as(libraries HEADERS ${precompiled_headers} DEPS fmt::fmt)
    windfall_precompiled_as(tests TYPE EXECUTABLE HEADERS ${precompiled_headers} <gtest/gtest.h> DEPS fmt::fmt GTest::gtest)
  endif()
endfunction()
