// The ledger of the distributed mode in a MongoDB, or in what speaks its protocol: collections that several processes
// write and anyone may query (schema.hpp lists them). It is a projection of the log and keeps the log itself. Effects
// are kept by somebody with transactions, to whom every batch goes first.
//
// Standard commands only, and no transaction over documents: a batch stands whole in one document, whose number is its
// key, before any of it is done (docs/adr/0009). So two processes never apply at once, and whoever finds a batch that
// was not finished finishes it.
//
// All methods are thread-safe. Readers never wait for whoever writes; they see rows of whole batches only. While the
// server is away every call fails as unavailable, and works again when it is back.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "application/port/kept_ledger.hpp"

namespace windfall::mongo {

class Client;
class NamedBefore;
struct Books;
struct Progress;
struct Writes;

struct Options {
  /// "mongodb://…"; the database is the one it names, or "windfall".
  std::string uri;
  std::string password = {};  ///< empty: none, or what `uri` has
  std::array<std::uint8_t, 16> lineage{};
  LedgerEventIdsOf event_ids;
  LedgerAlarm alarm = {};
  /// Without it a draw cannot be applied: apply() fails as damaged, and the ledger stays where it is.
  OpenSeed open_seed = {};
  /// How long another process may take over a batch that it has begun before it counts as gone.
  std::int64_t patience_ms = 2'000;
};

class MongoLedger final : public KeptLedger {
 public:
  /// Makes what is missing. Failures: conflict (of another lineage), invalid (the connection string), unavailable.
  static Result<std::unique_ptr<MongoLedger>> open(Options options, std::unique_ptr<EffectKeeper> effects);
  /// Without asking the server: what open() does is done by the first call that reaches it, which fails as open()
  /// would; so does each one until it has succeeded.
  static Result<std::unique_ptr<MongoLedger>> open_later(Options options, std::unique_ptr<EffectKeeper> effects);
  ~MongoLedger() override;
  /// Does now what open_later() has left for the first call, if nobody has done it.
  Result<bool> prepare();

  // Ledger. apply() goes by the place of each event, as the PostgreSQL ledger does. A batch of thousands is applied in
  // parts, each whole or not at all.
  Result<bool> apply(const LogBatch& batch) override;
  Result<std::uint64_t> position() override;
  Result<bool> sync(const std::vector<Sync>& documents) override;
  Result<bool> add_refusals(const std::vector<std::pair<UserRef, RefusalRow>>& refusals) override;
  Result<std::int64_t> drop_older_than(const Retention& limits) override;
  Result<std::vector<ParticipationRow>> participations(const ParticipationQuery& query) override;
  Result<std::vector<RewardRow>> rewards(UserRef user, std::optional<PartitionNo> partition) override;
  Result<std::vector<RefusalRow>> refusals(UserRef user) override;
  /// Of calls only, as they were written.
  Result<std::vector<RefusalRow>> refused_calls(UserRef user);
  Result<std::vector<AuditRow>> audit(std::int64_t after, int limit) override;
  Result<std::vector<LedgerTotals>> totals() override;
  Result<std::optional<LedgerTotals>> totals(PartitionNo partition) override;

  // Effects: whoever keeps them.
  Result<std::vector<DueEffect>> take_due(PartnerEndpoint of, Instant due, int limit) override {
    return effects_->take_due(of, due, limit);
  }
  Result<Instant> next_due(PartnerEndpoint of) override { return effects_->next_due(of); }
  Result<bool> retry_later(const std::vector<Retry>& retries) override { return effects_->retry_later(retries); }
  Result<std::int64_t> recover() override { return effects_->recover(); }
  Result<std::int64_t> recover_abandoned() override { return effects_->recover_abandoned(); }
  Result<Gauges> gauges() override { return effects_->gauges(); }
  Result<std::vector<DeadLetter>> dead_letters(std::int64_t after, int limit) override {
    return effects_->dead_letters(after, limit);
  }
  Result<std::optional<DeadLetter>> dead_letter(std::int64_t id) override { return effects_->dead_letter(id); }
  Result<bool> open_for(UserRef user) override { return effects_->open_for(user); }
  Result<bool> cancel_effect(const EffectId& effect) override { return effects_->cancel_effect(effect); }
  Result<bool> settle(const std::vector<EffectSettled>& settled, Instant at) override {
    return effects_->settle(settled, at);
  }

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

  // LedgerStore
  Result<UserExport> export_user(UserRef user) override;
  Result<std::string> user_id(UserRef user) override;
  Result<std::optional<UserRef>> known_user(std::string_view id) override;
  Result<std::optional<ParticipationRow>> participation_of(PartitionNo partition, Epoch epoch,
                                                           Sequence sequence) override;
  Result<std::vector<LedgerFinding>> findings() override;
  Result<ParticipationDigest> digest(PartitionNo partition) override;
  Result<std::int64_t> effect_book(const std::function<void(const BookEntry&)>& entry) override {
    return effects_->effect_book(entry);
  }
  Result<std::optional<std::int64_t>> first_broken_audit() override;
  Result<std::vector<std::string>> integrity() override;

  // KeptLedger
  Result<std::vector<Place>> places() override;
  Result<std::vector<std::pair<PartitionNo, std::string>>> promotions() override;
  Result<std::vector<Recorded>> events(PartitionNo partition, Sequence after, std::size_t most) override;
  Result<bool> begin_epoch(PartitionNo partition, Epoch epoch, Sequence last) override;

 private:
  MongoLedger(Options options, std::unique_ptr<Client> client, std::unique_ptr<EffectKeeper> effects);
  [[nodiscard]] Result<Progress> progress();
  /// Without the places, of which there is one for every promotion that ever was.
  [[nodiscard]] Result<Progress> numbers();
  /// How far the totals of promotions are synced.
  [[nodiscard]] Result<std::map<PartitionNo, Sequence>> synced(const std::vector<std::int64_t>& partitions);
  Result<bool> apply_part(const LogBatch& part);
  /// Puts the batch behind `before` down and does it. False if another process was faster: look again.
  Result<bool> commit(const Progress& before, const Writes& writes);
  /// Somebody has begun a batch: waits for it to be done, and does it where that takes too long.
  Result<bool> finish(std::int64_t batch);
  template <class Decide>
  Result<bool> change(Decide decide);

  const Options options_;
  const std::unique_ptr<Client> client_;
  const std::unique_ptr<EffectKeeper> effects_;
  std::mutex writing_;  ///< guards what the next two have in mind
  std::unique_ptr<Books> books_;
  std::unique_ptr<NamedBefore> named_;
};

}  // namespace windfall::mongo
