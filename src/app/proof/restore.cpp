#include "app/proof/restore.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/user_ref.hpp"
#include "adapters/embedded/journal_event_log.hpp"
#include "adapters/journal/journal.hpp"
#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "adapters/vault/key_seals.hpp"
#include "adapters/vault/master_keys.hpp"
#include "adapters/vault/outside.hpp"
#include "app/proof/backup.hpp"
#include "app/proof/journal_out.hpp"
#include "app/proof/log_check.hpp"
#include "app/proof/recover_first.hpp"
#include "app/proof/relabel.hpp"
#include "app/proof/seed_keys.hpp"

namespace windfall::proof {

namespace fs = std::filesystem;

namespace {

/// Events that one transaction of the ledger takes.
constexpr std::size_t kEventsPerBatch = 4096;

tl::unexpected<Failure> trouble(const std::string& what, int error) {
  return fail(error == ENOSPC ? FailureCode::disk_full : FailureCode::unavailable, what + ": " + std::strerror(error));
}

Result<bool> sync_path(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  const bool synced = file >= 0 && fsync(file) == 0;
  const int error = errno;
  if (file >= 0) close(file);
  if (!synced) return trouble(path, error);
  return true;
}

class Restore {
 public:
  explicit Restore(const RestoreOptions& options)
      : options_(options),
        target_(fs::path(options.directory).lexically_normal().string()),
        staging_([this] {
          while (target_.size() > 1 && target_.back() == '/') target_.pop_back();
          return target_ + ".restoring";
        }()),
        old_(staging_ + "/old"),
        new_(staging_ + "/new") {}
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;
  ~Restore() {
    std::error_code none;
    if (owns_staging_) fs::remove_all(staging_, none);
  }

  Result<Restored> run() {
    for (const auto step : {&Restore::prepare, &Restore::unpack, &Restore::judge, &Restore::install_key,
                            &Restore::install_master_keys, &Restore::complete_ledger, &Restore::rewrite_journal,
                            &Restore::hand_over_ledger, &Restore::ask_for_recovery, &Restore::take_name}) {
      if (const Result<bool> done = (this->*step)(); !done) return tl::unexpected(done.error());
    }
    return result_;
  }

 private:
  Result<bool> prepare() {
    std::error_code none;
    if (fs::exists(target_, none) && !fs::is_empty(target_, none)) {
      return fail(FailureCode::conflict, target_ + " is not empty: restore into a new directory");
    }
    if (mkdir(staging_.c_str(), 0700) != 0) {
      if (errno == EEXIST) {
        return fail(FailureCode::conflict, staging_ + " is left by another restore: remove it first");
      }
      return trouble(staging_, errno);
    }
    owns_staging_ = true;
    for (const std::string& folder : {old_, journal::journal_path(old_), new_}) {
      if (mkdir(folder.c_str(), 0700) != 0) return trouble(folder, errno);
    }
    return true;
  }

  Result<bool> unpack() {
    const Result<std::vector<Member>> members =
        extract(options_.archive, [this](const std::string& name) -> Result<std::string> {
          static constexpr std::string_view kJournal = "journal/";
          const bool segment = name.starts_with(kJournal) && name.ends_with(".seg") &&
                               name.find('/', kJournal.size()) == std::string::npos;
          if (segment || name == "lineage" || name == "ledger.db" || name == "sandbox-book.ndjson" ||
              name == sqlite::kCodesFile || name == kManifestName) {
            return old_ + "/" + name;
          }
          return fail(FailureCode::damaged, name + ": no backup of Windfall holds this");
        });
    if (!members) return tl::unexpected(members.error());
    std::ifstream in(old_ + "/" + kManifestName, std::ios::binary);
    if (!in)
      return fail(FailureCode::damaged, options_.archive + ": the manifest is missing; the backup is not complete");
    const std::string text(std::istreambuf_iterator<char>(in), {});
    Result<Manifest> manifest = decode_manifest(text);
    if (!manifest) return fail(manifest.error().code, options_.archive + ": " + manifest.error().message);
    manifest_ = std::move(*manifest);
    if (members->size() != manifest_.members.size() + 1) {
      return fail(FailureCode::damaged, options_.archive + ": members are missing or were put in");
    }
    for (std::size_t i = 0; i < manifest_.members.size(); ++i) {
      const Member& expected = manifest_.members[i];
      const Member& found = (*members)[i];
      if (expected.name != found.name || expected.bytes != found.bytes || expected.sha256 != found.sha256) {
        return fail(FailureCode::damaged,
                    fmt::format("{}: {} is not what was backed up", options_.archive, found.name));
      }
    }
    return true;
  }

  /// The backup's journal must be whole, and is folded to learn where everything stands.
  Result<bool> judge() {
    const std::ofstream lock(old_ + "/lock");  // what is read is locked, here as well
    const auto opened = journal::open_for_reading(journal::real_file_system(), old_);
    if (!opened) return tl::unexpected(opened.error());
    record_ = opened->record;
    std::ranges::copy(record_.lineage.bytes, old_lineage_.begin());
    log_.emplace(ignored_, old_lineage_, 0);
    journal::RecoverySettings settings;
    settings.visit = [this](const journal::Frame& frame) -> Result<void> {
      std::string_view body = frame.view.body;
      while (!body.empty()) {
        const Result<Recorded> recorded = codec::decode(body);
        if (!recorded) return tl::unexpected(recorded.error());
        log_->take(frame.view.sequence, *recorded);
      }
      return {};
    };
    settings.is_erased = [this](UserRef user) { return log_->erased(user); };
    const Result<journal::Verdict> verdict = journal::verify(old_, settings);
    if (!verdict) return tl::unexpected(verdict.error());
    if (!verdict->findings.empty()) {
      return fail(FailureCode::damaged, "the backup's journal: " + journal::to_text(verdict->findings.front()));
    }
    if (!log_->complete() || verdict->survey.last_sequence != manifest_.last_frame ||
        log_->acceptances() != manifest_.participations || manifest_.lineage != codec::to_hex(old_lineage_)) {
      return fail(FailureCode::damaged, "the backup's journal is not the one that its manifest describes");
    }
    result_.old_lineage = manifest_.lineage;
    result_.frames_read = verdict->survey.frames;
    result_.events = log_->events();
    result_.participations = log_->acceptances();
    return true;
  }

  Result<bool> install_key() {
    if (options_.keys.empty()) return true;
    std::ifstream in(options_.keys, std::ios::binary);
    if (!in) return fail(FailureCode::not_found, options_.keys + ": cannot be read");
    keys_ = split_keys(std::string(std::istreambuf_iterator<char>(in), {}));
    std::string text = keys_.user_hash;
    const auto bytes = codec::from_hex(text);
    codec::UserHasher::Key key{};
    if (!bytes || bytes->size() != key.size()) {
      return fail(FailureCode::invalid, options_.keys + ": is not a user-hash key of 32 hex digits");
    }
    std::ranges::copy(*bytes, key.begin());
    if (!std::ranges::equal(codec::UserHasher(key).key_fingerprint(), record_.fingerprint.bytes)) {
      return fail(FailureCode::conflict, options_.keys + ": is not the key that the backup was made with");
    }
    const std::string path = new_ + "/user-hash.key";
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    text += '\n';
    const bool written = file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int error = errno;
    if (file >= 0) close(file);
    if (!written) return trouble(path, error);
    result_.has_key = true;
    return sync_path(path, O_RDONLY);
  }

  /// The master keys get a place of their own, outside. Left behind by a restore that fails later, they are taken for
  /// what they are by the next one.
  Result<bool> install_master_keys() {
    std::error_code none;
    const std::string codes = old_ + "/" + std::string(sqlite::kCodesFile);
    result_.has_codes = fs::exists(codes, none);
    const std::string& path = options_.master_keys_to;
    if (keys_.master_keys.empty()) {
      // The backup's keys have none, so those in their place are taken.
      if (path.empty() || !fs::exists(path, none)) return true;
      const Result<vault::MasterKeys> there = vault::load_master_keys(path, target_);
      if (!there) return tl::unexpected(there.error());
      result_.has_master_keys = true;
      return take_seeds(*there);
    }
    if (path.empty()) {
      const Result<vault::MasterKeys> master = vault::decode_master_keys(keys_.master_keys);
      if (!master)
        return fail(master.error().code, options_.keys + ": behind its first line: " + master.error().message);
      return take_seeds(*master);
    }
    const auto outside = vault::require_outside(path, target_, "a copy of the data would give away what they protect");
    if (!outside) return tl::unexpected(outside.error());
    const Result<vault::MasterKeys> master = vault::decode_master_keys(keys_.master_keys);
    if (!master) return fail(master.error().code, options_.keys + ": behind its first line: " + master.error().message);
    if (const auto taken = take_seeds(*master); !taken) return taken;
    if (result_.has_codes) {
      const auto seals = vault::KeySeals::make(*master);
      if (!seals) return tl::unexpected(seals.error());
      const auto opened = sqlite::SqliteCodeVault::open(codes, **seals);
      if (!opened) return tl::unexpected(opened.error());
    }
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 && errno == EEXIST) {
      const Result<vault::MasterKeys> there = vault::load_master_keys(path, target_);
      if (!there || vault::encode_master_keys(*there) != vault::encode_master_keys(*master)) {
        return fail(FailureCode::conflict, path + " is there already and holds other keys");
      }
      result_.has_master_keys = true;
      return true;
    }
    const std::string& text = keys_.master_keys;
    const bool written = file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int error = errno;
    if (file >= 0) close(file);
    if (!written) return trouble(path, error);
    result_.has_master_keys = true;
    if (const auto done = sync_path(path, O_RDONLY); !done) return done;
    return vault::sync_folder_of(path);
  }

  /// What draws have won follows from the seeds, which these keys open.
  Result<bool> take_seeds(const vault::MasterKeys& keys) {
    Result<OpenSeed> opened = open_seeds_with(keys, [this](std::string_view promotion) {
      const auto& folds = log_->partitions();
      const auto found = std::ranges::find(folds, promotion, &LogCheck::PartitionFold::id);
      return found == folds.end() || !found->promotion ? std::string{} : found->promotion->secrets.sealed_seed;
    });
    if (!opened) return tl::unexpected(opened.error());
    open_seed_ = std::move(*opened);
    return true;
  }

  Result<Seed> seed_of(std::string_view promotion, std::string_view sealed) {
    if (open_seed_) return open_seed_(promotion, sealed);
    seed_wanted_ = promotion;
    return fail(FailureCode::damaged, "no key");
  }

  // --- The ledger, still under the old lineage

  Result<bool> complete_ledger() {
    const std::string path = old_ + "/ledger.db";
    std::error_code none;
    if (fs::exists(path, none)) {
      Result<bool> done = catch_up(path);
      if (done && audit_holds_) return true;
      if (!seed_wanted_.empty()) return no_seed();
      if (!done && (done.error().code == FailureCode::disk_full || done.error().code == FailureCode::unavailable)) {
        return done;
      }
    }
    // Everything but how effects were tried follows from the journal.
    result_.ledger_rebuilt = true;
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path + suffix, none);
    Result<bool> rebuilt = catch_up(path);
    if (!seed_wanted_.empty()) return no_seed();
    if (rebuilt && !audit_holds_) return fail(FailureCode::damaged, "the ledger built from the journal is not sound");
    return rebuilt;
  }

  [[nodiscard]] tl::unexpected<Failure> no_seed() const {
    return fail(FailureCode::not_found,
                fmt::format("what was drawn in {} can be told with the master keys only: give --keys and --master-keys",
                            seed_wanted_));
  }

  /// Applies what the ledger has not seen. Those effects may have been sent by the server that was backed up.
  Result<bool> catch_up(const std::string& path) {
    const std::uint64_t last = manifest_.last_frame;
    sqlite::Options options{.path = path, .lineage = old_lineage_, .event_ids = ids(), .rebuild_until_position = last};
    options.open_seed = [this](std::string_view promotion, std::string_view sealed) {
      return seed_of(promotion, sealed);
    };
    Result<std::unique_ptr<sqlite::SqliteLedger>> opened = sqlite::SqliteLedger::open(std::move(options));
    if (!opened) return tl::unexpected(opened.error());
    sqlite::SqliteLedger& ledger = **opened;
    const Result<std::uint64_t> position = ledger.position();
    if (!position) return tl::unexpected(position.error());
    if (*position > last) return fail(FailureCode::damaged, "the backup's ledger is ahead of its journal");
    embedded::JournalEventLog log(old_, record_.lineage, [last] { return last; });
    for (std::uint64_t at = *position; at < last;) {
      const Result<LogBatch> batch = log.read(at, kEventsPerBatch);
      if (!batch) return tl::unexpected(batch.error());
      if (const auto applied = ledger.apply(*batch); !applied) return applied;
      at = batch->position;
    }
    const auto broken = ledger.first_broken_audit();
    if (!broken) return tl::unexpected(broken.error());
    audit_holds_ = !broken->has_value();
    return true;
  }

  /// Ids as they were given: an earlier restore may have changed the lineage before.
  sqlite::EventIdsOf ids() {
    return [&eras = log_->eras()](std::string_view promotion, Epoch epoch, Sequence sequence, std::uint32_t effect) {
      const codec::EventIds made = eras.ids(promotion, epoch, sequence, effect);
      return sqlite::EventIds{.event = made.event, .effect = made.effect};
    };
  }

  // --- The journal, under the new one

  Result<bool> rewrite_journal() {
    JournalOut made;
    if (const auto done = made.open(new_, record_.fingerprint); !done) return done;
    std::ranges::copy(made.writer().lineage().bytes, new_lineage_.begin());
    result_.new_lineage = codec::to_hex(new_lineage_);
    std::vector<journal::Identity> identities;
    const auto visit = [&](const journal::Frame& frame) -> Result<void> {
      if (frame.view.body.empty()) return {};  // a clean stop
      identities.clear();
      for (const journal::StoredIdentity& identity : frame.view.identities) {
        if (identity.state == journal::IdentityState::sound)
          identities.push_back({.ref = identity.ref, .id = identity.id});
      }
      const Result<bool> appended = made.append(frame.view.body, identities);
      if (!appended) return tl::unexpected(appended.error());
      return {};
    };
    const auto walked =
        journal::survey(journal::real_file_system(), old_, record_.lineage, visit, journal::OnDamage::stop);
    if (!walked) return tl::unexpected(walked.error());
    if (const auto done = made.settle(); !done) return done;
    position_ = made.writer().durable();
    if (const auto done = made.append(own_records(), {}); !done) return done;
    return made.close();
  }

  /// Where the old lineage ends, and that everything is paused from here on.
  std::string own_records() {
    const LogCheck::PartitionFold& system = log_->partitions().front();
    const Audit audit{.actor = "system",
                      .action = std::string{codec::kRestoreAction},
                      .reason = fmt::format("restored from a backup that ends with frame {}", manifest_.last_frame)};
    std::string out;
    Recorded recorded{.partition = kSystemPartition,
                      .epoch = {},
                      .sequence = {system.sequence.value + 1},
                      .time = std::max(system.time, options_.now),
                      .revision = system.revision,
                      .command = std::nullopt,
                      .event = Audited{.audit = audit, .subject = codec::restore_subject(old_lineage_)}};
    codec::encode(recorded, out);
    if (!log_->paused_all()) {
      ++recorded.sequence.value;
      recorded.event = PausedAll{.paused = true, .audit = audit};
      codec::encode(recorded, out);
    }
    return out;
  }

  Result<bool> hand_over_ledger() {
    const std::string path = old_ + "/ledger.db";
    const Result<std::int64_t> unknown =
        relabel(path, {.from = old_lineage_, .to = new_lineage_, .position = position_, .now = options_.now});
    if (!unknown) return tl::unexpected(unknown.error());
    result_.effects_unknown = *unknown;
    if (const auto done = move_in("ledger.db"); !done) return done;
    std::error_code none;
    for (const std::string_view file : {sqlite::kCodesFile, std::string_view("sandbox-book.ndjson")}) {
      const std::string name(file);
      if (!fs::exists(old_ + "/" + name, none)) continue;
      if (const auto done = move_in(name); !done) return done;
    }
    return true;
  }

  Result<bool> move_in(const std::string& name) {
    if (rename((old_ + "/" + name).c_str(), (new_ + "/" + name).c_str()) != 0) return trouble(name, errno);
    return sync_path(new_ + "/" + name, O_RDONLY);
  }

  /// In every directory: the marks may know of codes of lotteries that were made after the backup.
  Result<bool> ask_for_recovery() {
    result_.gives_codes = std::ranges::any_of(log_->partitions(), [](const LogCheck::PartitionFold& fold) {
      return fold.promotion && gives_codes(*fold.promotion);
    });
    const std::string path = recover_first_path(new_);
    std::ofstream out(path, std::ios::binary);
    if (!out.write(kRecoverFirstText.data(), static_cast<std::streamsize>(kRecoverFirstText.size())).flush()) {
      return trouble(path, errno);
    }
    return sync_path(path, O_RDONLY);
  }

  Result<bool> take_name() {
    if (const auto done = sync_path(new_, O_RDONLY | O_DIRECTORY); !done) return done;
    // Over an empty directory this works, over any other it does not.
    if (rename(new_.c_str(), target_.c_str()) != 0) return trouble(target_, errno);
    const fs::path parent = fs::path(target_).parent_path();
    return sync_path(parent.empty() ? "." : parent.string(), O_RDONLY | O_DIRECTORY);
  }

  const RestoreOptions& options_;
  std::string target_;
  const std::string staging_;
  const std::string old_;
  const std::string new_;
  bool owns_staging_ = false;
  Manifest manifest_;
  journal::LineageRecord record_;
  BackedUpKeys keys_;
  OpenSeed open_seed_;
  std::string seed_wanted_;  ///< the lottery whose draws could not be told for want of a key
  Lineage old_lineage_{};
  Lineage new_lineage_{};
  Report ignored_;  ///< fsck judges the outcome; here only the fold is of interest
  std::optional<LogCheck> log_;
  bool audit_holds_ = false;
  std::uint64_t position_ = 0;
  Restored result_;
};

}  // namespace

Result<Restored> restore(const RestoreOptions& options) { return Restore(options).run(); }

}  // namespace windfall::proof
