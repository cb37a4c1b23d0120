# windfall_embed(TARGET NAME symbol FILE path): links a file into a target, byte for byte, without compiling it as an array.
#
# The target's sources may then #include "embedded/<symbol>.hpp"; the struct windfall::embedded::<symbol> has the file's name, content type,
# content encoding and bytes(). A name that ends in .gz is a gzip of the file named before it. Bytes are followed by a zero that is not
# counted. Generated files may be embedded: list them among the target's sources as well, so that they are made first.
function(windfall_embed target)
  cmake_parse_arguments(ARG "" "NAME;FILE" "" ${ARGN})
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/embed")
  cmake_path(GET ARG_FILE FILENAME name)

  set(encoding "")
  set(plain_name "${name}")
  if(name MATCHES "^(.*)\\.gz$")
    set(encoding "gzip")
    set(plain_name "${CMAKE_MATCH_1}")
  endif()
  cmake_path(GET plain_name EXTENSION LAST_ONLY extension)
  set(type_.html "text/html; charset=utf-8")
  set(type_.css "text/css; charset=utf-8")
  set(type_.js "text/javascript; charset=utf-8")
  set(type_.json "application/json")
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "windfall_embed: no content type is known for ${ARG_FILE}")
  endif()
  set(content_type "${type_${extension}}")

  file(CONFIGURE OUTPUT "${folder}/embedded/${ARG_NAME}.S" @ONLY CONTENT [[
    .section .rodata
    .balign 16
    .hidden windfall_embedded_@ARG_NAME@_begin
    .hidden windfall_embedded_@ARG_NAME@_end
    .global windfall_embedded_@ARG_NAME@_begin
    .global windfall_embedded_@ARG_NAME@_end
windfall_embedded_@ARG_NAME@_begin:
    .incbin "@ARG_FILE@"
windfall_embedded_@ARG_NAME@_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
]])
  file(CONFIGURE OUTPUT "${folder}/embedded/${ARG_NAME}.hpp" @ONLY CONTENT [[
// Made by cmake/embed.cmake from @name@.
#pragma once

#include <cstddef>
#include <string_view>

// NOLINTBEGIN(readability-identifier-naming): names made of the file's, those of the assembler among them
extern "C" const char windfall_embedded_@ARG_NAME@_begin[];
extern "C" const char windfall_embedded_@ARG_NAME@_end[];

namespace windfall::embedded {

struct @ARG_NAME@ {
  static constexpr std::string_view name = "@plain_name@";
  static constexpr std::string_view content_type = "@content_type@";
  static constexpr std::string_view content_encoding = "@encoding@";
  static std::string_view bytes() {
    return {windfall_embedded_@ARG_NAME@_begin,
            static_cast<std::size_t>(windfall_embedded_@ARG_NAME@_end - windfall_embedded_@ARG_NAME@_begin)};
  }
};

}  // namespace windfall::embedded
// NOLINTEND(readability-identifier-naming)
]])
  target_sources(${target} PRIVATE "${folder}/embedded/${ARG_NAME}.S")
  target_include_directories(${target} PRIVATE "${folder}")
  set_source_files_properties(
    "${folder}/embedded/${ARG_NAME}.S"
    PROPERTIES OBJECT_DEPENDS "${ARG_FILE}" COMPILE_OPTIONS "-Wno-unused-command-line-argument" # C++ warnings mean nothing here
  )
endfunction()
