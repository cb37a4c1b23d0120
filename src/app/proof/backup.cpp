#include "app/proof/backup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>

#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/json_in.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/journal/survey.hpp"
#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "app/proof/ledger_file.hpp"

namespace windfall::proof {

namespace {

/// Beside a running server the end of the journal may be read while it is written, one page before and the next after a
/// frame: that looks like damage, and is gone at the next look.
constexpr int kLooks = 5;
/// A writer holds its database for a moment at most.
constexpr int kBusyTimeoutMs = 5000;

/// A prefix of the journal.
struct Prefix {
  std::map<std::uint64_t, std::uint64_t> segments;  ///< first sequence -> bytes
  std::uint64_t last_frame = 0;
  std::int64_t events = 0;
  std::int64_t participations = 0;
};

Result<std::string> read_small(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(FailureCode::not_found, path + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<Prefix> look(journal::FileSystem& files, const std::string& directory, const journal::LineageId& lineage) {
  Prefix prefix;
  const auto visit = [&](const journal::Frame& frame) -> Result<void> {
    std::string_view body = frame.view.body;
    while (!body.empty()) {
      const Result<Recorded> recorded = codec::decode(body);
      if (!recorded) return tl::unexpected(recorded.error());
      ++prefix.events;
      if (std::holds_alternative<Participated>(recorded->event)) ++prefix.participations;
    }
    prefix.segments[frame.position.segment_first_sequence] = frame.position.offset + frame.view.bytes.size();
    prefix.last_frame = frame.view.sequence;
    return {};
  };
  const Result<journal::Survey> survey = journal::survey(files, directory, lineage, visit, journal::OnDamage::stop);
  if (!survey) return tl::unexpected(survey.error());
  if (!survey->damage.empty()) return fail(FailureCode::damaged, journal::to_text(survey->damage.front()));
  return prefix;
}

/// Copies the database page by page as of one moment, beside its writer.
Result<bool> copy_database(const std::string& from, bool running, const std::string& to) {
  std::unique_ptr<LedgerFile> stopped;
  sqlite3* source = nullptr;
  sqlite3* target = nullptr;
  const auto failed = [&](sqlite3* database) {
    return fail(FailureCode::unavailable, fmt::format("copy of {}: {}", from, sqlite3_errmsg(database)));
  };
  Result<bool> done = true;
  if (running) {
    if (sqlite3_open_v2(from.c_str(), &source, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK) done = failed(source);
    sqlite3_busy_timeout(source, kBusyTimeoutMs);
  } else {
    Result<std::unique_ptr<LedgerFile>> opened = LedgerFile::open(from);
    if (!opened) return tl::unexpected(opened.error());
    stopped = std::move(*opened);
  }
  sqlite3* const database = stopped ? stopped->handle() : source;
  if (done && sqlite3_open_v2(to.c_str(), &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) != SQLITE_OK) {
    done = failed(target);
  }
  if (done) {
    sqlite3_backup* copy = sqlite3_backup_init(target, "main", database, "main");
    if (copy != nullptr) sqlite3_backup_step(copy, -1);
    if (copy == nullptr || sqlite3_backup_finish(copy) != SQLITE_OK) done = failed(target);
  }
  sqlite3_close_v2(target);
  sqlite3_close_v2(source);
  return done;
}

/// Bytes up to the end of the last whole line.
Result<std::uint64_t> whole_lines(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return fail(FailureCode::unavailable, path + ": cannot be read");
  for (std::int64_t end = in.tellg(); end > 0; --end) {
    in.seekg(end - 1);
    if (in.get() == '\n') return static_cast<std::uint64_t>(end);
  }
  return 0;
}

/// Written for its owner only; never over a file that exists.
Result<bool> copy_keys(const BackupOptions& options) {
  const std::string& to = options.keys_to;
  Result<std::string> key = read_small(options.directory + "/user-hash.key");
  if (!key) return tl::unexpected(key.error());
  if (!options.master_keys.empty()) {
    const Result<std::string> master = read_small(options.master_keys);
    if (!master) return tl::unexpected(master.error());
    if (!key->ends_with('\n')) *key += '\n';
    *key += *master;
  }
  const int file = open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return fail(FailureCode::conflict, to + ": exists already, or cannot be made");
  const bool written = ::write(file, key->data(), key->size()) == static_cast<ssize_t>(key->size()) && fsync(file) == 0;
  close(file);
  if (!written) return fail(FailureCode::unavailable, to + ": cannot be written");
  return true;
}

/// A file that is gone when the backup is over.
struct Temporary {
  std::string path;
  explicit Temporary(std::string at) : path(std::move(at)) { remove(); }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() { remove(); }
  void remove() const {
    for (const char* suffix : {"", "-journal", "-wal", "-shm"}) unlink((path + suffix).c_str());
  }
};

}  // namespace

std::string encode_manifest(const Manifest& manifest) {
  std::string out;
  codec::ObjectWriter writer(out);
  writer.integer("format", kBackupFormat)
      .text("lineage", manifest.lineage)
      .integer("lastFrame", static_cast<std::int64_t>(manifest.last_frame))
      .integer("events", manifest.events)
      .integer("participations", manifest.participations);
  codec::append_json_array(writer.name("members"), manifest.members, [&out](const Member& member) {
    codec::ObjectWriter(out)
        .text("name", member.name)
        .integer("bytes", static_cast<std::int64_t>(member.bytes))
        .text("sha256", member.sha256)
        .close();
  });
  writer.close();
  return out;
}

Result<Manifest> decode_manifest(std::string_view text) {
  const auto damaged = [] { return fail(FailureCode::damaged, "the backup's manifest is no manifest"); };
  const codec::Decoded<codec::JsonValue> json = codec::parse_json(text);
  const auto* object = json ? json->get_if<codec::JsonValue::Object>() : nullptr;
  if (object == nullptr) return damaged();
  const auto member = [](const codec::JsonValue::Object& of, std::string_view name) -> const codec::JsonValue* {
    const auto found = std::ranges::find(of, name, &codec::JsonValue::Member::name);
    return found == of.end() ? nullptr : &found->value;
  };
  const auto integer = [&](const codec::JsonValue::Object& of, std::string_view name) -> std::int64_t {
    const codec::JsonValue* value = member(of, name);
    const auto* number = value == nullptr ? nullptr : value->get_if<std::int64_t>();
    return number == nullptr ? -1 : *number;
  };
  const auto string = [&](const codec::JsonValue::Object& of, std::string_view name) -> std::string {
    const codec::JsonValue* value = member(of, name);
    const auto* words = value == nullptr ? nullptr : value->get_if<std::string>();
    return words == nullptr ? std::string{} : *words;
  };
  if (integer(*object, "format") != kBackupFormat) {
    return fail(FailureCode::invalid, fmt::format("the backup has format {}, this program reads {}",
                                                  integer(*object, "format"), kBackupFormat));
  }
  Manifest manifest{.lineage = string(*object, "lineage"),
                    .last_frame = static_cast<std::uint64_t>(integer(*object, "lastFrame")),
                    .events = integer(*object, "events"),
                    .participations = integer(*object, "participations"),
                    .members = {}};
  const codec::JsonValue* list = member(*object, "members");
  const auto* members = list == nullptr ? nullptr : list->get_if<codec::JsonValue::Array>();
  if (members == nullptr || manifest.lineage.empty()) return damaged();
  for (const codec::JsonValue& value : *members) {
    const auto* one = value.get_if<codec::JsonValue::Object>();
    if (one == nullptr) return damaged();
    manifest.members.push_back({.name = string(*one, "name"),
                                .bytes = static_cast<std::uint64_t>(integer(*one, "bytes")),
                                .sha256 = string(*one, "sha256")});
  }
  return manifest;
}

BackedUpKeys split_keys(std::string_view text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  return {.user_hash = std::string{text.substr(0, end)},
          .master_keys = std::string{text.substr(std::min(end + 1, text.size()))}};
}

Result<Manifest> backup(const BackupOptions& options) {
  journal::FileSystem& files = journal::real_file_system();
  const std::string& directory = options.directory;
  const Result<std::string> lineage_bytes = read_small(directory + "/lineage");
  if (!lineage_bytes) return fail(FailureCode::not_found, directory + ": is no data directory");
  const Result<journal::LineageRecord> record = journal::decode_lineage(*lineage_bytes, directory + "/lineage");
  if (!record) return tl::unexpected(record.error());
  // Held if nobody runs, so that nobody starts meanwhile; otherwise a server runs, and the copy is made beside it.
  const auto lock = files.lock(directory + "/lock", journal::LockMode::shared);
  const bool running = !lock.has_value();

  Result<std::unique_ptr<ArchiveWriter>> archive = ArchiveWriter::create(options.to);
  if (!archive) return tl::unexpected(archive.error());
  Manifest manifest{.lineage = journal::hex(record->lineage.bytes), .members = {}};
  const auto add = [&](Result<Member> member) -> Result<bool> {
    if (!member) return tl::unexpected(member.error());
    manifest.members.push_back(std::move(*member));
    return true;
  };
  if (auto done = add((*archive)->add_text("lineage", *lineage_bytes)); !done) return tl::unexpected(done.error());

  std::error_code none;
  const std::string ledger = directory + "/ledger.db";
  if (std::filesystem::exists(ledger, none)) {
    const Temporary copy(options.to + ".ledger");
    if (const auto done = copy_database(ledger, running, copy.path); !done) return tl::unexpected(done.error());
    const auto done = add((*archive)->add_file("ledger.db", copy.path, std::filesystem::file_size(copy.path, none)));
    if (!done) return tl::unexpected(done.error());
  }

  Result<Prefix> prefix = look(files, directory, record->lineage);
  for (int looks = 1; !prefix && running && looks < kLooks; ++looks) prefix = look(files, directory, record->lineage);
  if (!prefix) return tl::unexpected(prefix.error());
  for (const auto& [first, bytes] : prefix->segments) {
    const auto done = add((*archive)->add_file(fmt::format("journal/{:016x}.seg", first),
                                               journal::segment_path(directory, first), bytes));
    if (!done) return tl::unexpected(done.error());
  }
  const std::string codes_name(sqlite::kCodesFile);
  if (const std::string codes = directory + "/" + codes_name; std::filesystem::exists(codes, none)) {
    const Temporary copy(options.to + ".codes");
    if (const auto done = copy_database(codes, running, copy.path); !done) return tl::unexpected(done.error());
    const auto done = add((*archive)->add_file(codes_name, copy.path, std::filesystem::file_size(copy.path, none)));
    if (!done) return tl::unexpected(done.error());
  }
  const std::string book = directory + "/sandbox-book.ndjson";
  if (std::filesystem::exists(book, none)) {
    const Result<std::uint64_t> bytes = whole_lines(book);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto done = add((*archive)->add_file("sandbox-book.ndjson", book, *bytes));
    if (!done) return tl::unexpected(done.error());
  }
  manifest.last_frame = prefix->last_frame;
  manifest.events = prefix->events;
  manifest.participations = prefix->participations;
  const auto written = (*archive)->add_text(kManifestName, encode_manifest(manifest));
  if (!written) return tl::unexpected(written.error());
  if (!options.keys_to.empty()) {
    if (const auto done = copy_keys(options); !done) return tl::unexpected(done.error());
  }
  if (const auto done = (*archive)->finish(); !done) return tl::unexpected(done.error());
  return manifest;
}

}  // namespace windfall::proof
