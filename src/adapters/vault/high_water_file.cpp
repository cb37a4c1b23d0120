#include "adapters/vault/high_water_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/utf8.hpp"
#include "adapters/vault/outside.hpp"

namespace windfall::vault {

namespace {

constexpr std::string_view kHeader = "windfall high water 1\n";
constexpr std::size_t kCheckDigits = 16;

tl::unexpected<Failure> trouble(const std::string& path) {
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  return fail(full ? FailureCode::disk_full : FailureCode::unavailable, path + ": " + std::strerror(errno));
}

std::string check_of(std::string_view text) {
  std::array<std::uint8_t, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                     nullptr, 0);
  return codec::to_hex(hash).substr(0, kCheckDigits);
}

std::string line_of(const PrizeOfCodes& prize, std::uint64_t mark) {
  std::string line = fmt::format("{} {} {} ", prize.promotion_id, prize.prize_id, mark);
  line += check_of(line);
  line += '\n';
  return line;
}

/// Without its new line; nullopt if it is not what line_of() made.
std::optional<HighWater::Mark> mark_of(std::string_view line) {
  if (line.size() <= kCheckDigits) return std::nullopt;
  const std::string_view text = line.substr(0, line.size() - kCheckDigits);
  if (check_of(text) != line.substr(text.size())) return std::nullopt;
  const std::size_t first = text.find(' ');
  const std::size_t second = text.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  HighWater::Mark mark{.prize = {.promotion_id = std::string{text.substr(0, first)},
                                 .prize_id = std::string{text.substr(first + 1, second - first - 1)}}};
  const char* const end = text.data() + text.size() - 1;
  const auto [after, error] = std::from_chars(text.data() + second + 1, end, mark.below);
  const bool sound = error == std::errc{} && after == end && *end == ' ' &&
                     codec::is_identifier(mark.prize.promotion_id) && codec::is_identifier(mark.prize.prize_id);
  return sound ? std::optional(std::move(mark)) : std::nullopt;
}

Result<std::string> text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in && errno == ENOENT) return fail(FailureCode::not_found, path + ": there is no file of high-water marks");
  if (!in) return trouble(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

std::vector<HighWater::Mark> list_of(const std::map<PrizeOfCodes, std::uint64_t>& marks) {
  std::vector<HighWater::Mark> list;
  list.reserve(marks.size());
  for (const auto& [prize, below] : marks) list.push_back({.prize = prize, .below = below});
  return list;
}

}  // namespace

Result<std::unique_ptr<HighWaterFile>> HighWaterFile::open(const std::string& path, const std::string& data_directory,
                                                           std::uint64_t compact_bytes) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium cannot be used on this machine");
  const auto outside = require_outside(path, data_directory, kWhyMarksOutside);
  if (!outside) return tl::unexpected(outside.error());
  std::unique_ptr<HighWaterFile> file(new HighWaterFile(path, compact_bytes));
  const std::string lock = path + ".lock";  // the file itself is replaced now and then
  file->lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file->lock_ < 0) return trouble(lock);
  if (flock(file->lock_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return fail(FailureCode::conflict, path + ": another process has it open");
    return trouble(lock);
  }
  const Result<std::string> text = text_of(path);
  if (!text && text.error().code != FailureCode::not_found) return tl::unexpected(text.error());
  if (text) {
    Result<Marks> marks = parse(*text, path);
    if (!marks) return tl::unexpected(marks.error());
    file->marks_ = std::move(*marks);
  }
  if (const auto written = file->rewrite(file->marks_); !written) return tl::unexpected(written.error());
  return file;
}

HighWaterFile::~HighWaterFile() {
  if (file_ >= 0) close(file_);
  if (lock_ >= 0) close(lock_);
}

Result<std::vector<HighWater::Mark>> HighWaterFile::read(const std::string& path) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium cannot be used on this machine");
  const Result<std::string> text = text_of(path);
  if (!text) return tl::unexpected(text.error());
  const Result<Marks> marks = parse(*text, path);
  if (!marks) return tl::unexpected(marks.error());
  return list_of(*marks);
}

Result<HighWaterFile::Marks> HighWaterFile::parse(std::string_view text, const std::string& path) {
  if (!text.starts_with(kHeader)) return fail(FailureCode::damaged, path + ": is no file of high-water marks");
  text.remove_prefix(kHeader.size());
  Marks marks;
  for (std::size_t line = 2; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    const std::optional<Mark> mark = end == std::string_view::npos ? std::nullopt : mark_of(text.substr(0, end));
    const bool last = end == std::string_view::npos || end + 1 == text.size();
    if (!mark && last) break;  // cut short by a crash: raise() has not returned
    if (!mark) return fail(FailureCode::damaged, fmt::format("{}: line {} is not what was written", path, line));
    std::uint64_t& below = marks[mark->prize];
    below = std::max(below, mark->below);
    text.remove_prefix(end + 1);
  }
  return marks;
}

bool HighWaterFile::covers(const PrizeOfCodes& prize, std::uint64_t ordinal) {
  const std::lock_guard lock(marks_mutex_);
  const auto found = marks_.find(prize);
  return found != marks_.end() && ordinal < found->second;
}

Result<bool> HighWaterFile::raise(const PrizeOfCodes& prize, std::uint64_t ordinal) {
  const std::lock_guard writing(writing_);
  if (covers(prize, ordinal)) return true;
  const std::uint64_t mark = ordinal + 1 + kAhead;
  Result<bool> done = true;
  if (file_ < 0 || size_ >= compact_bytes_) {
    Marks next = marks_;  // nobody changes it while writing_ is held
    next[prize] = mark;
    done = rewrite(next);
  } else {
    done = append(prize, mark);
  }
  if (!done) return done;
  const std::lock_guard lock(marks_mutex_);
  marks_[prize] = mark;
  return true;
}

Result<bool> HighWaterFile::append(const PrizeOfCodes& prize, std::uint64_t mark) {
  const std::string line = line_of(prize, mark);
  if (write_all(file_, line) && fdatasync(file_) == 0) {
    size_ += line.size();
    return true;
  }
  // What the file holds now is not known: the next raise() writes a new one.
  const auto why = trouble(path_);
  close(file_);
  file_ = -1;
  return why;
}

Result<bool> HighWaterFile::rewrite(const Marks& marks) {
  std::string text{kHeader};
  for (const auto& [prize, below] : marks) text += line_of(prize, below);
  const std::string draft = path_ + ".new";
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return trouble(draft);
  if (!write_all(file, text) || fsync(file) != 0 || rename(draft.c_str(), path_.c_str()) != 0) {
    const auto why = trouble(draft);
    close(file);
    return why;
  }
  if (file_ >= 0) close(file_);
  file_ = file;
  size_ = text.size();
  return sync_folder_of(path_);
}

std::vector<HighWater::Mark> HighWaterFile::marks() {
  const std::lock_guard lock(marks_mutex_);
  return list_of(marks_);
}

}  // namespace windfall::vault
