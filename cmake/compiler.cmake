# Language level, warnings, sanitizers, linker and compiler cache; the coroutine probe.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Werror -fno-omit-frame-pointer)
add_compile_options(-Wno-missing-field-initializers) # members have defaults; naming some of them is the point
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-restrict) # sees overlaps in every short std::string that is assigned to (GCC bug 105651)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wno-missing-designated-field-initializers)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1") # assertions stay on: a bug stops the process, the journal makes the restart safe
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld-19)
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-msse4.2) # CRC32C in hardware; every x86-64 server since 2008
endif()

if(WINDFALL_SANITIZE)
  add_compile_options(-fsanitize=${WINDFALL_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${WINDFALL_SANITIZE})
  if(WINDFALL_SANITIZE MATCHES address)
    add_compile_definitions(WINDFALL_LEAK_CHECK)
  endif()
endif()
if(WINDFALL_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # Without this ccache keeps nothing that was compiled with a precompiled header; said here, so that nobody has to set it for a machine.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

# Some compilers destroy temporaries of a co_await expression twice (g++ 12.2 does). A version number would be a guess; run the pattern instead.
if(NOT WINDFALL_DOMAIN_ONLY AND NOT DEFINED WINDFALL_COROUTINES_WORK)
  try_run(
    probe_exit
    probe_compiled
    "${CMAKE_BINARY_DIR}/probe"
    "${CMAKE_SOURCE_DIR}/cmake/coroutine_probe.cpp"
    CXX_STANDARD 20
    COMPILE_OUTPUT_VARIABLE probe_output
  )
  if(NOT probe_compiled OR NOT probe_exit EQUAL 0)
    message(
      FATAL_ERROR
      "${CMAKE_CXX_COMPILER} breaks coroutines (temporaries destroyed twice or not at all).\n"
      "Use clang-19: cmake --preset release (scripts/bootstrap installs it).\n${probe_output}"
    )
  endif()
  set(WINDFALL_COROUTINES_WORK TRUE CACHE INTERNAL "the coroutine probe passed")
endif()
