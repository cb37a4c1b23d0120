// The embedded mode's data: the journal with the hot state folded from it, the ledger and the codes as SQLite files.
#include <algorithm>
#include <array>
#include <utility>

#include "adapters/codec/user_ref.hpp"
#include "adapters/embedded/embedded_store.hpp"
#include "adapters/embedded/journal_event_log.hpp"
#include "adapters/journal/journal.hpp"
#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "adapters/sqlite/peek.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "adapters/system/log.hpp"
#include "adapters/system/workers.hpp"
#include "app/wiring/backend.hpp"
#include "app/wiring/waiting_marks.hpp"
#include "application/on_event/project_ledger.hpp"

namespace windfall::app {

namespace {

using system::log;
using system::LogLevel;

/// Threads that wait for ledger reads; SQLite reads do not block each other.
constexpr std::size_t kReaders = 2;

class EmbeddedBackend final : public Backend {
 public:
  explicit EmbeddedBackend(Given given) : given_(std::move(given)), store_(given_.turn_clock, store_log()) {}
  ~EmbeddedBackend() override { EmbeddedBackend::stop_threads(); }

  Result<bool> open_store() override;
  Result<bool> open_ledger(Seeds& seeds) override;
  Result<bool> open_codes(Seals& seals) override;

  PromotionStore& store() override { return store_; }
  Inbox& inbox() override { return store_; }
  Ledger& ledger() override { return *ledger_; }
  LotteryLedger& lotteries() override { return *ledger_; }
  Effects& effects() override { return *ledger_; }
  CodeVault& codes() override { return *codes_; }
  LedgerRows* ledger_rows() override { return ledger_.get(); }
  Result<bool> make_rows_anew(const std::vector<UserRef>& users) override {
    return ledger_->make_rows_anew(users, *event_log_);
  }
  Blocking& ledger_writer() override { return *ledger_writer_; }
  Blocking& ledger_reads() override { return *ledger_reads_; }

  Task<bool> caught_up(std::optional<PartitionNo> of) override;
  [[nodiscard]] bool can_admit() const override { return journal_->can_admit(); }
  Task<Result<bool>> settle(std::vector<EffectSettled> settled) override;
  Task<Result<bool>> erase_identity(UserRef user) override;
  [[nodiscard]] std::vector<http::ReadyCheck> checks() override;
  [[nodiscard]] Figures figures() override;
  [[nodiscard]] bool has_ledger(bool listens) const override { return listens; }
  [[nodiscard]] bool restored_from_log() const override { return false; }
  [[nodiscard]] bool leads() const override { return true; }

  void start(bool listens) override;
  Task<bool> settled_history() override;
  Task<void> finish(bool listens) override;
  void stop_threads() override;
  Result<void> close() override { return journal_->close(); }

 private:
  embedded::EmbeddedStore::Log store_log();
  void on_durable(const journal::Durable& durable);
  void on_failed(const journal::Failed& failed);
  [[nodiscard]] std::function<void(std::function<void()>)> poster() const {
    return [&loop = given_.loop](std::function<void()> work) { loop.post(std::move(work)); };
  }

  const Given given_;
  embedded::EmbeddedStore store_;
  std::unique_ptr<journal::Writer> journal_;
  bool journal_trouble_ = false;
  std::unique_ptr<embedded::JournalEventLog> event_log_;
  std::unique_ptr<sqlite::SqliteLedger> ledger_;
  std::unique_ptr<sqlite::SqliteCodeVault> codes_;
  std::unique_ptr<system::Workers> ledger_writer_;
  std::unique_ptr<system::Workers> ledger_reads_;
  std::unique_ptr<ProjectLedger> projection_;
  WaitingMarks unprojected_;  ///< durable frames, as they came
};

embedded::EmbeddedStore::Log EmbeddedBackend::store_log() {
  return {.submit = [this](const embedded::TurnBatch& batch) -> Result<std::uint64_t> {
            thread_local std::vector<journal::Identity> identities;
            identities.clear();
            for (const embedded::NamedUser& named : batch.identities) {
              identities.push_back({.ref = named.user, .id = named.id});
            }
            const Result<journal::Ticket> ticket = journal_->submit(batch.body, identities);
            if (!ticket) return tl::unexpected(ticket.error());
            return ticket->value;
          },
          .at_turn_end = [this] { given_.loop.on_turn_end([this] { store_.end_of_turn(); }); },
          .after_requests = [this] { return given_.loop.after_sockets([this] { store_.fetch_expected(); }); }};
}

Result<bool> EmbeddedBackend::open_store() {
  if (given_.config.dev) store_.let_definitions_move_back();
  const codec::UserHasher hasher(given_.user_key);
  journal::KeyFingerprint fingerprint;
  const auto print = hasher.key_fingerprint();
  std::ranges::copy(print, fingerprint.bytes.begin());

  journal::WriterOptions options{.directory = given_.config.data, .fingerprint = fingerprint};
  options.covered = sqlite::peek_position(given_.config.data + "/ledger.db");
  journal::WriterHooks hooks;
  hooks.visit = [this](const journal::Frame& frame) -> Result<void> {
    const Result<bool> replayed =
        store_.replay(frame.view.body, frame.view.sequence, [&frame](UserRef user) -> std::string {
          for (const journal::StoredIdentity& identity : frame.view.identities) {
            if (identity.ref == user && identity.state == journal::IdentityState::sound)
              return std::string(identity.id);
          }
          return {};
        });
    if (replayed) return {};
    return fail(replayed.error().code,
                "frame " + std::to_string(frame.view.sequence) + ": " + replayed.error().message);
  };
  hooks.is_erased = [this](UserRef user) { return store_.erased(user); };
  hooks.on_durable = [this](const journal::Durable& durable) {
    given_.loop.post([this, durable] { on_durable(durable); });
  };
  hooks.on_failed = [this](const journal::Failed& failed) { given_.loop.post([this, failed] { on_failed(failed); }); };
  Result<std::unique_ptr<journal::Writer>> opened = journal::Writer::open(std::move(options), std::move(hooks));
  if (!opened) return tl::unexpected(opened.error());
  journal_ = std::move(*opened);
  embedded::Lineage lineage{};
  std::ranges::copy(journal_->lineage().bytes, lineage.begin());
  store_.set_lineage(lineage);
  if (journal_->recovered().torn_tail) {
    log(LogLevel::warning, "journal_tail_cut", {{"where", journal::to_text(*journal_->recovered().torn_tail)}});
  }
  event_log_ = std::make_unique<embedded::JournalEventLog>(given_.config.data, journal_->lineage(),
                                                           [this] { return journal_->durable(); });
  return true;
}

void EmbeddedBackend::on_durable(const journal::Durable& durable) {
  journal_trouble_ = false;
  store_.on_durable(durable.up_to.value, durable.frame_sequence);
  unprojected_.came(durable.frame_sequence, given_.clock.monotonic_ms());
  if (projection_) projection_->poke(durable.frame_sequence);
}

void EmbeddedBackend::on_failed(const journal::Failed& failed) {
  if (!journal_trouble_) log(LogLevel::error, "journal_failed", {{"why", failed.failure.message}});
  journal_trouble_ = true;
  store_.on_failed(failed.from.value, failed.failure);
  journal_->resume();
}

Result<bool> EmbeddedBackend::open_ledger(Seeds& seeds) {
  const std::string path = given_.config.data + "/ledger.db";
  // A ledger that has seen nothing is a lost one, or one whose making was cut short: a file may be there already.
  const bool is_new = sqlite::peek_position(path) == 0;
  sqlite::Options options{.path = path,
                          .lineage = store_.lineage(),
                          // Read by the ledger's thread: recovery has made them, and nothing changes them after it.
                          .event_ids = [&eras = store_.eras()](std::string_view promotion, Epoch epoch,
                                                               Sequence sequence, std::uint32_t effect) {
                            const codec::EventIds ids = eras.ids(promotion, epoch, sequence, effect);
                            return sqlite::EventIds{.event = ids.event, .effect = ids.effect};
                          }};
  options.rebuild_until_position = is_new ? journal_->recovered().last_sequence : 0;
  options.open_seed = [&seeds](std::string_view promotion, std::string_view sealed) {
    return seeds.open(promotion, sealed);
  };
  options.alarm = [](std::string_view line) { log(LogLevel::error, "ledger_finding", {{"what", line}}); };
  Result<std::unique_ptr<sqlite::SqliteLedger>> opened = sqlite::SqliteLedger::open(std::move(options));
  if (!opened) return tl::unexpected(opened.error());
  ledger_ = std::move(*opened);
  ledger_writer_ = std::make_unique<system::Workers>(1, poster());
  ledger_reads_ = std::make_unique<system::Workers>(kReaders, poster());
  projection_ = std::make_unique<ProjectLedger>(
      *event_log_, *ledger_, *ledger_writer_, given_.timer,
      ProjectLedger::Hooks{.applied = given_.applied, .trouble = [](const std::string& why) {
                             log(LogLevel::error, "projection_waits", {{"why", why}});
                           }});
  const Result<std::uint64_t> position = ledger_->position();
  if (!position) return tl::unexpected(position.error());
  std::uint64_t seen = *position;
  if (journal_->recovered().last_sequence > seen) {
    // A stop leaves a frame without events: nothing for the ledger, and no read has to wait for its disk because of it.
    const Result<LogBatch> rest = event_log_->read(seen, 1);
    if (rest && rest->events.empty() && rest->identities.empty()) seen = rest->position;
  }
  projection_->start_at(seen);
  // How old they are nobody noted; their age counts from here.
  if (journal_->recovered().last_sequence > seen) {
    unprojected_.came(journal_->recovered().last_sequence, given_.clock.monotonic_ms());
  }
  return true;
}

Result<bool> EmbeddedBackend::open_codes(Seals& seals) {
  Result<std::unique_ptr<sqlite::SqliteCodeVault>> opened =
      sqlite::SqliteCodeVault::open(given_.config.data + "/" + std::string(sqlite::kCodesFile), seals);
  if (!opened) return tl::unexpected(opened.error());
  codes_ = std::move(*opened);
  return true;
}

Task<bool> EmbeddedBackend::caught_up(std::optional<PartitionNo> /*of*/) {
  return projection_->reached(store_.acknowledged_position());
}

Task<Result<bool>> EmbeddedBackend::settle(std::vector<EffectSettled> settled) {
  Proposal proposal;
  proposal.partition = kSystemPartition;
  proposal.revision = store_.system_revision();
  proposal.events.reserve(settled.size());
  for (EffectSettled& one : settled) proposal.events.emplace_back(std::move(one));
  const Result<Verdict> verdict = co_await store_.commit(std::move(proposal), Identity{});
  if (!verdict) co_return tl::unexpected(verdict.error());
  co_return std::holds_alternative<Accepted>(*verdict);
}

Task<Result<bool>> EmbeddedBackend::erase_identity(UserRef user) {
  co_return co_await ledger_writer_->run([this, user]() -> Result<bool> {
    const std::array erasures{journal::Erasure{.ref = user}};
    const Result<std::size_t> erased = journal_->erase(erasures);
    if (!erased) return tl::unexpected(erased.error());
    return true;
  });
}

Backend::Figures EmbeddedBackend::figures() {
  const std::uint64_t acknowledged = store_.acknowledged_position();
  return {.acknowledged = acknowledged,
          .behind = acknowledged - std::min(acknowledged, projection_->position()),
          .oldest_ms = unprojected_.age(projection_->position(), given_.clock.monotonic_ms()),
          .writable = journal_->can_admit()};
}

std::vector<http::ReadyCheck> EmbeddedBackend::checks() {
  const Figures now = figures();
  return {{.name = "journal",
           .ready = now.writable,
           .detail = now.writable ? "writable" : "no room on the disk or in the queue"},
          {.name = "ledger",
           .ready = true,
           .detail = std::to_string(now.behind) + (now.behind == 1 ? " frame behind" : " frames behind")}};
}

void EmbeddedBackend::start(bool listens) {
  // An erasure that the last process recorded but did not carry out is carried out now, up to where it was recorded:
  // the identity of whoever came back after that is wanted.
  auto erasures = std::make_shared<std::vector<journal::Erasure>>();
  for (const auto& [user, frame] : store_.erased_users()) erasures->push_back({.ref = user, .last_frame = frame});
  if (!erasures->empty()) {
    ledger_writer_->submit(
        [this, erasures] {
          const Result<std::size_t> erased = journal_->erase(*erasures);
          if (!erased) log(LogLevel::error, "erasure_not_done", {{"why", erased.error().message}});
        },
        [] {});
  }
  if (listens) {
    projection_->poke(journal_->durable());
  } else {
    projection_->stop();
  }
}

Task<bool> EmbeddedBackend::settled_history() { return projection_->reached(journal_->recovered().last_sequence); }

Task<void> EmbeddedBackend::finish(bool listens) {
  if (listens) co_await projection_->reached(store_.acknowledged_position());
  projection_->stop();
}

void EmbeddedBackend::stop_threads() {
  ledger_writer_.reset();
  ledger_reads_.reset();
  journal_.reset();
}

}  // namespace

std::unique_ptr<Backend> make_embedded_backend(Backend::Given given) {
  return std::make_unique<EmbeddedBackend>(std::move(given));
}

}  // namespace windfall::app
