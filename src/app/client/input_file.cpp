#include "app/client/input_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "adapters/codec/json_in.hpp"
#include "adapters/codec/text_place.hpp"

namespace windfall::client {

namespace {

/// What the server takes; see its 413.
constexpr std::size_t kMaxBytes = std::size_t{64} * 1024;

struct FileClose {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<InputFile> read_json_file(const std::string& file, const std::string& language) {
  const bool from_stdin = file == "-";
  std::string name = from_stdin ? "standard input" : file;
  const std::unique_ptr<std::FILE, FileClose> opened(from_stdin ? nullptr : std::fopen(file.c_str(), "rb"));
  if (!from_stdin && !opened) return fail(FailureCode::unavailable, name + ": " + std::strerror(errno));
  std::FILE* source = from_stdin ? stdin : opened.get();

  std::string text(kMaxBytes + 1, '\0');
  // Less than was asked for is the end, or an error.
  text.resize(std::fread(text.data(), 1, text.size(), source));
  if (text.size() > kMaxBytes)
    return fail(FailureCode::unavailable, name + ": longer than the 64 KiB that a server takes");
  if (std::ferror(source) != 0) return fail(FailureCode::unavailable, name + ": " + std::strerror(errno));

  if (const auto parsed = codec::parse_json(text); !parsed) {
    const codec::BadInput& bad = parsed.error();
    return fail(
        FailureCode::damaged,
        name + ": " + (language == "ko" ? bad.where_ko + ": " + bad.detail_ko : bad.where + ": " + bad.detail_en));
  }
  return InputFile{.name = std::move(name), .text = std::move(text)};
}

std::string place_in(const InputFile& file, std::string_view pointer, const std::string& language) {
  const codec::TextPlace place = codec::place_of(file.text, pointer);
  return file.name + ": " + (language == "ko" ? codec::korean(place) : codec::english(place));
}

}  // namespace windfall::client
