// The ledger of the embedded mode: one SQLite file that anyone may open and query (the views v_participation, v_ticket,
// v_draw, v_coupon, v_effect, v_audit, v_promotion, v_refusal, v_inbound_rejection show times and ids as people write
// them). It is a projection of the journal and can
// be rebuilt from it; how effects were tried is the only thing that stands here alone.
//
// All methods are thread-safe. Writers wait for each other; readers never wait for a writer and see whole batches only.
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

#include "application/port/ledger_rows.hpp"
#include "application/port/ledger_store.hpp"

namespace windfall::sqlite {

class Connection;
class LotteryBooks;
class Readers;

using EventIds = LedgerEventIds;
using EventIdsOf = LedgerEventIdsOf;
using Alarm = LedgerAlarm;
using Finding = LedgerFinding;

struct Options {
  std::string path;
  std::array<std::uint8_t, 16> lineage{};
  EventIdsOf event_ids;
  /// Effects of events up to this position of the log may have been sent by an earlier ledger: they start as UNKNOWN,
  /// and none is due before the ledger has got there. The end of the log, when the file was new; kept over restarts.
  std::uint64_t rebuild_until_position = 0;
  Alarm alarm = {};
  /// Without it a draw cannot be applied: apply() fails as damaged, and the ledger stays where it is.
  OpenSeed open_seed = {};
};

class SqliteLedger final : public LedgerStore, public LedgerRows {
 public:
  /// Opens or creates the file and brings its schema up to date. Failures: conflict (of another lineage, of a newer
  /// Windfall, not a ledger), damaged (an applied migration was another one, or the file contradicts itself),
  /// unavailable, disk_full.
  static Result<std::unique_ptr<SqliteLedger>> open(Options options);
  ~SqliteLedger() override;

  // Ledger
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

  // Effects
  Result<std::vector<DueEffect>> take_due(PartnerEndpoint of, Instant due, int limit) override;
  Result<Instant> next_due(PartnerEndpoint of) override;
  Result<bool> retry_later(const std::vector<Retry>& retries) override;
  Result<std::int64_t> recover() override;
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

  // People
  Result<UserExport> export_user(UserRef user) override;
  Result<std::string> user_id(UserRef user) override;
  Result<std::optional<UserRef>> known_user(std::string_view id) override;

  // Checking
  Result<std::optional<ParticipationRow>> participation_of(PartitionNo partition, Epoch epoch,
                                                           Sequence sequence) override;
  Result<std::vector<Finding>> findings() override;
  Result<ParticipationDigest> digest(PartitionNo partition) override;
  Result<std::int64_t> effect_book(const std::function<void(const BookEntry&)>& entry) override;
  Result<std::optional<std::int64_t>> first_broken_audit() override;
  Result<std::vector<std::string>> integrity() override;

  // LedgerRows
  Result<std::vector<OfUser>> rows_of_users(std::int64_t after, int limit) override;
  Result<std::optional<std::int64_t>> number_of(UserRef user) override;
  Result<std::int64_t> recount(const Wrong& wrong) override;

  /// Makes the rows of these people anew from the log: participations, tickets, draws, coupons. For that the whole log
  /// is projected a second time, which takes as long as a new ledger does. On the ledger's writing thread. Failure
  /// damaged: the log cannot be projected; nothing was changed.
  Result<bool> make_rows_anew(const std::vector<UserRef>& users, EventLog& log);

  /// A consistent copy, beside readers and writers; `path` must not exist.
  Result<bool> backup_to(const std::string& path);

 private:
  explicit SqliteLedger(Options options);
  void prepare();
  /// Runs `work(connection)` in a transaction of the writer.
  template <class Work>
  auto write(Work work);
  /// Runs `work(connection)` on a reader.
  template <class Work>
  auto read(Work work);

  const Options options_;
  std::mutex writing_;  ///< guards writer_ and books_
  std::unique_ptr<Connection> writer_;
  std::unique_ptr<LotteryBooks> books_;
  std::unique_ptr<Readers> readers_;
};

}  // namespace windfall::sqlite
