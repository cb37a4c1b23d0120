// What is kept: the data directory, the journal with the hot state folded from it, and the ledger.
#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "adapters/codec/user_ref.hpp"
#include "adapters/sqlite/peek.hpp"
#include "app/data_directory.hpp"
#include "app/key_file.hpp"
#include "app/wiring/server_impl.hpp"

namespace windfall::app {

namespace {

using system::log;
using system::LogLevel;

/// Threads that wait for ledger reads; SQLite reads do not block each other.
constexpr std::size_t kReaders = 2;

}  // namespace

embedded::EmbeddedStore::Log EmbeddedServer::Impl::store_log() {
  return {.submit = [this](const embedded::TurnBatch& batch) -> Result<std::uint64_t> {
            thread_local std::vector<journal::Identity> identities;
            identities.clear();
            for (const embedded::NamedUser& named : batch.identities) {
              identities.push_back({.ref = named.user, .id = named.id});
            }
            const Result<journal::Ticket> ticket = journal->submit(batch.body, identities);
            if (!ticket) return tl::unexpected(ticket.error());
            return ticket->value;
          },
          .at_turn_end = [this] { loop.on_turn_end([this] { store.end_of_turn(); }); }};
}

Result<bool> EmbeddedServer::Impl::open_data() {
  const Result<bool> prepared = prepare_data_directory(config.data, config.dev);
  if (!prepared) return tl::unexpected(prepared.error());
  temporary_data = *prepared;
  const std::string path = config.data + "/user-hash.key";
  std::error_code ignored;
  if (std::filesystem::exists(config.data + "/lineage", ignored) && !std::filesystem::exists(path, ignored)) {
    // A new one would be refused as well, but it would lie where the right one has to be put.
    return fail(FailureCode::conflict, path + " is missing: put the one there that this data was made with");
  }
  const auto key = load_or_make_key(path);
  if (!key) return tl::unexpected(key.error());
  user_key = *key;
  return true;
}

Result<bool> EmbeddedServer::Impl::open_journal() {
  if (config.dev) store.let_definitions_move_back();
  const codec::UserHasher hasher(user_key);
  journal::KeyFingerprint fingerprint;
  const auto print = hasher.key_fingerprint();
  std::ranges::copy(print, fingerprint.bytes.begin());

  journal::WriterOptions options{.directory = config.data, .fingerprint = fingerprint};
  options.covered = sqlite::peek_position(config.data + "/ledger.db");
  journal::WriterHooks hooks;
  hooks.visit = [this](const journal::Frame& frame) -> Result<void> {
    for (const journal::StoredIdentity& identity : frame.view.identities) {
      if (store.erased(identity.ref)) came_back.insert(identity.ref);
    }
    const Result<bool> replayed =
        store.replay(frame.view.body, frame.view.sequence, [&frame](UserRef user) -> std::string {
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
  hooks.is_erased = [this](UserRef user) { return store.erased(user); };
  hooks.on_durable = [this](const journal::Durable& durable) { loop.post([this, durable] { on_durable(durable); }); };
  hooks.on_failed = [this](const journal::Failed& failed) { loop.post([this, failed] { on_failed(failed); }); };
  Result<std::unique_ptr<journal::Writer>> opened = journal::Writer::open(std::move(options), std::move(hooks));
  if (!opened) return tl::unexpected(opened.error());
  journal = std::move(*opened);
  embedded::Lineage lineage{};
  std::ranges::copy(journal->lineage().bytes, lineage.begin());
  store.set_lineage(lineage);
  if (journal->recovered().torn_tail) {
    log(LogLevel::warning, "journal_tail_cut", {{"where", journal::to_text(*journal->recovered().torn_tail)}});
  }
  event_log = std::make_unique<embedded::JournalEventLog>(config.data, journal->lineage(),
                                                          [this] { return journal->durable(); });
  return true;
}

void EmbeddedServer::Impl::on_durable(const journal::Durable& durable) {
  journal_trouble = false;
  store.on_durable(durable.up_to.value, durable.frame_sequence);
  unprojected.came(durable.frame_sequence, clock.monotonic_ms());
  if (projection) projection->poke(durable.frame_sequence);
}

void EmbeddedServer::Impl::on_failed(const journal::Failed& failed) {
  if (!journal_trouble) log(LogLevel::error, "journal_failed", {{"why", failed.failure.message}});
  journal_trouble = true;
  store.on_failed(failed.from.value, failed.failure);
  journal->resume();
}

Result<bool> EmbeddedServer::Impl::open_ledger() {
  const std::string path = config.data + "/ledger.db";
  // A ledger that has seen nothing is a lost one, or one whose making was cut short: a file may be there already.
  const bool is_new = sqlite::peek_position(path) == 0;
  sqlite::Options options{.path = path,
                          .lineage = store.lineage(),
                          // Read by the ledger's thread: recovery has made them, and nothing changes them after it.
                          .event_ids = [&eras = store.eras()](std::string_view promotion, Epoch epoch,
                                                              Sequence sequence, std::uint32_t effect) {
                            const codec::EventIds ids = eras.ids(promotion, epoch, sequence, effect);
                            return sqlite::EventIds{.event = ids.event, .effect = ids.effect};
                          }};
  options.rebuild_until_position = is_new ? journal->recovered().last_sequence : 0;
  options.open_seed = [this](std::string_view promotion, std::string_view sealed) {
    return seeds->open(promotion, sealed);
  };
  options.alarm = [](std::string_view line) { log(LogLevel::error, "ledger_finding", {{"what", line}}); };
  Result<std::unique_ptr<sqlite::SqliteLedger>> opened = sqlite::SqliteLedger::open(std::move(options));
  if (!opened) return tl::unexpected(opened.error());
  ledger = std::move(*opened);
  lottery_ledger = ledger.get();
  ledger_writer = std::make_unique<system::Workers>(1, poster());
  ledger_reads = std::make_unique<system::Workers>(kReaders, poster());
  projection = std::make_unique<ProjectLedger>(
      *event_log, *ledger, *ledger_writer, timer,
      ProjectLedger::Hooks{
          .applied =
              [this] {
                if (fulfil) fulfil->poke();
                if (assign_codes) assign_codes->poke();
              },
          .trouble = [](const std::string& why) { log(LogLevel::error, "projection_waits", {{"why", why}}); }});
  const Result<std::uint64_t> position = ledger->position();
  if (!position) return tl::unexpected(position.error());
  projection->start_at(*position);
  // How old they are nobody noted; their age counts from here.
  if (journal->recovered().last_sequence > *position) {
    unprojected.came(journal->recovered().last_sequence, clock.monotonic_ms());
  }
  refusals = std::make_unique<Refusals>(*ledger, *ledger_writer, timer);
  return true;
}

}  // namespace windfall::app
