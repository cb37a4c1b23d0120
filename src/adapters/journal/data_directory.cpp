#include "adapters/journal/data_directory.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace windfall::journal {
namespace {

constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::size_t kSequenceDigits = 16;

std::string lock_path(const std::string& directory) { return directory + "/lock"; }
std::string lineage_path(const std::string& directory) { return directory + "/lineage"; }

std::string parent_of(const std::string& directory) {
  const std::size_t name_end = directory.find_last_not_of('/');
  const std::size_t slash = directory.find_last_of('/', name_end);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : directory.substr(0, slash);
}

Result<std::unique_ptr<FileLock>> take_lock(FileSystem& files, const std::string& directory, LockMode mode) {
  auto lock = files.lock(lock_path(directory), mode);
  if (lock) return std::move(*lock);
  if (lock.error().error.value != EWOULDBLOCK) return io_failure("lock", lock_path(directory), lock.error().error);
  const std::string holder = lock.error().holder_id.empty() ? "another process" : "process " + lock.error().holder_id;
  return fail(FailureCode::conflict, fmt::format("the data directory {} is in use by {}", directory, holder));
}

/// Empty if there is no lineage file.
Result<std::optional<LineageRecord>> read_lineage(FileSystem& files, const std::string& directory) {
  const std::string path = lineage_path(directory);
  auto file = files.open(path, OpenMode::read);
  if (!file && file.error().value == ENOENT) return std::optional<LineageRecord>{};
  if (!file) return io_failure("open", path, file.error());
  std::string bytes(kLineageFileBytes + 1, '\0');
  const auto count = read_fully(**file, bytes, 0);
  if (!count) return io_failure("read", path, count.error());
  bytes.resize(*count);
  auto record = decode_lineage(bytes, path);
  if (!record) return tl::make_unexpected(record.error());
  return std::optional<LineageRecord>{*record};
}

Result<void> write_lineage(FileSystem& files, const std::string& directory, const LineageRecord& record) {
  const std::string path = lineage_path(directory);
  const std::string unfinished = path + ".new";
  auto file = files.open(unfinished, OpenMode::replace);
  if (!file) return io_failure("create", unfinished, file.error());
  if (auto done = write_fully(**file, encode_lineage(record), 0); !done) {
    return io_failure("write", unfinished, done.error());
  }
  if (auto done = (*file)->sync(); !done) return io_failure("sync", unfinished, done.error());
  if (auto done = files.rename(unfinished, path); !done) return io_failure("rename", unfinished, done.error());
  if (auto done = files.sync_directory(directory); !done) return io_failure("sync", directory, done.error());
  return {};
}

Result<LineageRecord> found_lineage(FileSystem& files, const DirectoryExpectation& expectation,
                                    const std::string& directory) {
  const auto segments = list_segments(files, directory);
  if (segments && !segments->empty()) {
    return fail(FailureCode::damaged, fmt::format("{}: the lineage file is missing, but there are journal segments",
                                                  lineage_path(directory)));
  }
  LineageRecord record;
  record.fingerprint = expectation.fingerprint;
  if (expectation.lineage) {
    record.lineage = *expectation.lineage;
  } else if (::getrandom(record.lineage.bytes.data(), record.lineage.bytes.size(), 0) !=
             static_cast<ssize_t>(record.lineage.bytes.size())) {
    return io_failure("get random bytes for", lineage_path(directory), Errno{errno});
  }
  if (auto written = write_lineage(files, directory, record); !written) return tl::make_unexpected(written.error());
  return record;
}

Result<void> check(const LineageRecord& record, const DirectoryExpectation& expectation, const std::string& directory) {
  if (expectation.lineage && *expectation.lineage != record.lineage) {
    return fail(FailureCode::conflict, fmt::format("{} holds lineage {}, not {}", directory, hex(record.lineage.bytes),
                                                   hex(expectation.lineage->bytes)));
  }
  if (record.fingerprint != expectation.fingerprint) {
    return fail(FailureCode::conflict,
                fmt::format("{} was made with another user-hash key (fingerprint {}, configured: {}); with a new key "
                            "nobody would be recognised",
                            directory, hex(record.fingerprint.bytes), hex(expectation.fingerprint.bytes)));
  }
  return {};
}

}  // namespace

std::string journal_path(const std::string& directory) { return directory + "/journal"; }

std::string segment_path(const std::string& directory, std::uint64_t first_sequence) {
  return fmt::format("{}/{:016x}{}", journal_path(directory), first_sequence, kSegmentSuffix);
}

std::string spare_path(const std::string& directory) { return journal_path(directory) + "/spare"; }

std::string unfinished_spare_path(const std::string& directory) { return journal_path(directory) + "/spare.new"; }

Result<std::vector<std::uint64_t>> list_segments(FileSystem& files, const std::string& directory) {
  const auto names = files.list(journal_path(directory));
  if (!names) return io_failure("list", journal_path(directory), names.error());
  std::vector<std::uint64_t> segments;
  for (const std::string& name : *names) {
    if (!name.ends_with(kSegmentSuffix)) continue;
    std::uint64_t first = 0;
    const char* const digits_end = name.data() + name.size() - kSegmentSuffix.size();
    const auto [end, error] = std::from_chars(name.data(), digits_end, first, 16);
    if (error != std::errc{} || end != digits_end || name.size() != kSequenceDigits + kSegmentSuffix.size() ||
        first == 0) {
      return fail(FailureCode::damaged,
                  fmt::format("{}/{}: this is not the name of a segment", journal_path(directory), name));
    }
    segments.push_back(first);
  }
  std::sort(segments.begin(), segments.end());
  return segments;
}

Io<void> FileImage::load(File& file) {
  const auto size = file.size();
  if (!size) return tl::make_unexpected(size.error());
  if (*size > capacity_) {
    buffer_ = std::make_unique_for_overwrite<char[]>(*size);
    capacity_ = *size;
  }
  const auto count = read_fully(file, {buffer_.get(), *size}, 0);
  size_ = count.value_or(0);
  if (!count) return tl::make_unexpected(count.error());
  return {};
}

Result<OpenDirectory> open_for_writing(FileSystem& files, const std::string& directory,
                                       const DirectoryExpectation& expectation) {
  if (auto made = files.create_directory(directory); !made) return io_failure("create", directory, made.error());
  auto lock = take_lock(files, directory, LockMode::exclusive);
  if (!lock) return tl::make_unexpected(lock.error());

  auto stored = read_lineage(files, directory);
  if (!stored) return tl::make_unexpected(stored.error());
  if (!*stored) {
    auto made = found_lineage(files, expectation, directory);
    if (!made) return tl::make_unexpected(made.error());
    *stored = *made;
  }
  if (auto fits = check(**stored, expectation, directory); !fits) return tl::make_unexpected(fits.error());

  if (auto made = files.create_directory(journal_path(directory)); !made) {
    return io_failure("create", journal_path(directory), made.error());
  }
  // Also after a start that was cut short: what it made or renamed may not be durable yet.
  for (const std::string& path : {parent_of(directory), directory, journal_path(directory)}) {
    if (auto synced = files.sync_directory(path); !synced) return io_failure("sync", path, synced.error());
  }
  return OpenDirectory{std::move(*lock), **stored};
}

Result<OpenDirectory> open_for_reading(FileSystem& files, const std::string& directory) {
  auto lock = take_lock(files, directory, LockMode::shared);
  if (!lock) return tl::make_unexpected(lock.error());
  auto stored = read_lineage(files, directory);
  if (!stored) return tl::make_unexpected(stored.error());
  if (!*stored) return fail(FailureCode::not_found, fmt::format("{}: there is no lineage file", directory));
  return OpenDirectory{std::move(*lock), **stored};
}

}  // namespace windfall::journal
