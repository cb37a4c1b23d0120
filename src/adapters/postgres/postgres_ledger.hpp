// The ledger of the distributed mode: a PostgreSQL database that several processes write and anyone may query (the
// views v_event, v_participation, v_ticket, v_draw, v_coupon, v_effect, v_audit, v_promotion, v_refusal,
// v_inbound_rejection show names and words). It is a projection of the log and keeps the log itself in `event`, from
// which the hot state can be folded again. How effects ended stands in `effect` and outlives any rebuild.
//
// All methods are thread-safe. Processes apply batches one after the other; readers never wait for them and see whole
// batches only. While the server is away every call fails as unavailable, and works again when it is back.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "application/port/kept_ledger.hpp"

namespace windfall::postgres {

class Batch;
class Connection;
class KnownUsers;
class LotteryBooks;
class Pool;

struct Options {
  /// As libpq takes it: "host=… dbname=… user=…" or "postgresql://…"; passwords better stand in a file that it names
  /// (passfile=…). Tables are made in the first schema of its search_path.
  std::string connection;
  std::array<std::uint8_t, 16> lineage{};
  LedgerEventIdsOf event_ids;
  /// Effects of the first so many events that are applied may have been sent by an earlier ledger whose `effect` table
  /// is lost: they start as UNKNOWN, and none is due before as many events have been applied. Kept over restarts.
  std::uint64_t rebuild_until_position = 0;
  LedgerAlarm alarm = {};
  /// Without it a draw cannot be applied: apply() fails as damaged, and the ledger stays where it is.
  OpenSeed open_seed = {};
  /// Name of this process among those that send effects, the same after a restart; two that run at once differ.
  std::string owner = "windfall";
  /// An effect that is SENDING for so long was taken by a process that has gone: far longer than a batch of 256 calls
  /// through 64 slots at 5 s each takes.
  std::int64_t sending_lease_ms = 120'000;
  /// The same of an accrual that is held back for a void. The projection of the void ends it, which may have to wait
  /// for Redis, relay and Kafka; whoever lets go of it earlier pays for a win that was taken back.
  std::int64_t held_lease_ms = 3'600'000;
  /// The term (EpochBook) in which this process leads, asked on the writing thread: sync() fails as conflict once a
  /// later one has begun, and so does still_leads(). Without it both are for whoever calls them.
  std::function<std::uint64_t()> term = {};
  /// What stands in this database: a whole ledger, written by apply(); or effects, and the people and promotions that
  /// they name, written by apply_effects(), where the ledger is elsewhere. A database stays what it was made as.
  enum class Keeps : std::uint8_t { ledger, effects } keeps = Keeps::ledger;
};

class PostgresLedger final : public EffectKeeper {
 public:
  /// Connects and brings the schema up to date. Failures: conflict (of another lineage, of a newer Windfall, tables of
  /// somebody else, no UTF-8), damaged (an applied migration was another one), invalid (the connection string cannot be
  /// read), unavailable.
  static Result<std::unique_ptr<PostgresLedger>> open(Options options);
  /// Without connecting: what open() does is done by the first call that reaches the server, which fails as open()
  /// would; so does each one until it has succeeded.
  static Result<std::unique_ptr<PostgresLedger>> open_later(Options options);
  ~PostgresLedger() override;

  // Ledger. apply() goes by the place of each event, not by the batch's position: events at or below what their
  // partition has seen are skipped, and one that leaves a gap is a failure (damaged, the message names it). False if
  // all were skipped. position() is the number of events that were applied.
  Result<bool> apply(const LogBatch& batch) override;
  Result<std::uint64_t> position() override;
  Result<bool> sync(const std::vector<Sync>& documents) override;
  Result<bool> add_refusals(const std::vector<std::pair<UserRef, RefusalRow>>& refusals) override;
  Result<std::int64_t> drop_older_than(const Retention& limits) override;
  Result<std::vector<ParticipationRow>> participations(const ParticipationQuery& query) override;
  Result<std::vector<RewardRow>> rewards(UserRef user, std::optional<PartitionNo> partition) override;
  Result<std::vector<RefusalRow>> refusals(UserRef user) override;
  Result<std::vector<AuditRow>> audit(std::int64_t after, int limit) override;
  Result<std::vector<LedgerTotals>> totals() override;
  Result<std::optional<LedgerTotals>> totals(PartitionNo partition) override;

  // Effects, shared by all processes that send them: a row is taken by one of them. recover() makes UNKNOWN what an
  // earlier process of this owner, or one that has gone for longer than its lease, left SENDING; recover_abandoned()
  // the latter only.
  Result<std::vector<DueEffect>> take_due(PartnerEndpoint of, Instant due, int limit) override;
  Result<Instant> next_due(PartnerEndpoint of) override;
  Result<bool> retry_later(const std::vector<Retry>& retries) override;
  Result<std::int64_t> recover() override;
  Result<std::int64_t> recover_abandoned() override;
  Result<Gauges> gauges() override;
  Result<std::vector<DeadLetter>> dead_letters(std::int64_t after, int limit) override;
  Result<std::optional<DeadLetter>> dead_letter(std::int64_t id) override;
  Result<bool> open_for(UserRef user) override;

  // LotteryLedger
  Result<std::vector<TicketEntry>> tickets(const Page& page) override;
  Result<std::vector<DrawRow>> draws(const Page& page) override;
  Result<std::vector<DrawRow>> winners(const LatestPage& page) override;
  Result<std::vector<CouponRow>> coupons(const Page& page) override;
  Result<std::optional<DrawRow>> draw_of(const EffectId& event_id) override;
  Result<std::optional<CouponRow>> coupon_of(const EffectId& event_id) override;
  Result<std::vector<CouponRow>> pending_coupons(PartitionNo partition, std::uint32_t prize, int limit) override;
  Result<std::vector<UserRef>> second_chance_pool(PartitionNo partition, std::int64_t allowed) override;
  Result<std::vector<std::uint32_t>> voided_items(PartitionNo partition) override;
  Result<LotteryTotals> lottery_totals(PartitionNo partition) override;
  Result<std::vector<DailyWins>> wins_by_day(PartitionNo partition) override;
  Result<std::vector<SegmentRow>> segments(PartitionNo partition) override;
  Result<bool> each_draw(PartitionNo partition, const std::function<bool(const DrawRow&)>& row) override;
  Result<bool> cancel_effect(const EffectId& effect) override;

  // LedgerStore
  Result<UserExport> export_user(UserRef user) override;
  Result<std::string> user_id(UserRef user) override;
  Result<std::optional<UserRef>> known_user(std::string_view id) override;
  Result<std::optional<ParticipationRow>> participation_of(PartitionNo partition, Epoch epoch,
                                                           Sequence sequence) override;
  Result<std::vector<LedgerFinding>> findings() override;
  Result<ParticipationDigest> digest(PartitionNo partition) override;
  Result<std::int64_t> effect_book(const std::function<void(const BookEntry&)>& entry) override;
  Result<std::optional<std::int64_t>> first_broken_audit() override;
  Result<std::vector<std::string>> integrity() override;

  // KeptLedger
  Result<bool> settle(const std::vector<EffectSettled>& settled, Instant at) override;
  Result<std::vector<Place>> places() override;
  Result<std::vector<std::pair<PartitionNo, std::string>>> promotions() override;
  Result<std::vector<Recorded>> events(PartitionNo partition, Sequence after, std::size_t most) override;
  Result<bool> begin_epoch(PartitionNo partition, Epoch epoch, Sequence last) override;

  // EffectKeeper, with Options::keeps = effects
  Result<bool> apply_effects(const LogBatch& batch, const std::vector<EffectChange>& changes) override;
  Result<bool> still_leads() override;
  Result<std::vector<std::pair<EffectId, AccrualState>>> accrual_states(const std::vector<EffectId>& ids) override;

  /// The lineage of the ledger in that database, if there is one: before open(), which has to be told. Failures as
  /// open()'s.
  static Result<std::optional<std::array<std::uint8_t, 16>>> known_lineage(const std::string& connection);
  /// promotions() of such a ledger.
  static Result<std::vector<std::pair<PartitionNo, std::string>>> known_promotions(const std::string& connection);
  /// Calls `event` for every event of a partition behind `after`, in order; stops when it returns false.
  Result<bool> each_event(PartitionNo partition, Sequence after, const std::function<bool(const Recorded&)>& event);

 private:
  explicit PostgresLedger(Options options);
  void prepare(Connection& db);
  /// `project(batch)` turns its new events into rows, in a transaction; false if none is new.
  Result<bool> apply_by(const LogBatch& batch, const std::function<void(Batch&)>& project);
  /// Runs `work(connection)` in a transaction.
  template <class Work>
  auto write(Work work);
  /// Runs `work(connection)`; several statements may see different moments.
  template <class Work>
  auto read(Work work);
  /// Runs `work(connection)` as of one moment; it may read everything, however long that takes.
  template <class Work>
  auto snapshot(Work work);

  const Options options_;
  std::array<std::uint8_t, 16> life_{};  ///< of this object among those of its owner
  std::mutex applying_;                  ///< guards what the next two have in mind
  std::unique_ptr<LotteryBooks> books_;
  std::unique_ptr<KnownUsers> known_users_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace windfall::postgres
