# windfall_library(NAME SOURCES ... [DEPS ...] [PRIVATE_DEPS ...]): one static library per layer or adapter, includes rooted at src/.
function(windfall_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# windfall_thread_sanitizer(NAME): what an executable needs to run under the thread sanitizer; nothing in other builds.
function(windfall_thread_sanitizer name)
  if(WINDFALL_SANITIZE STREQUAL "thread")
    target_sources(${name} PRIVATE "${CMAKE_SOURCE_DIR}/cmake/thread_sanitizer.cpp")
  endif()
endfunction()

# windfall_test(NAME SOURCES ... [DEPS ...] [LABELS ...] [TIMEOUT seconds]): one GoogleTest binary, one ctest entry.
function(windfall_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest_main)
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/tests")
  windfall_thread_sanitizer(${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
