// Turns a batch of the log into what is written, and into what it means for effects: a computation over what was read
// before. One object per batch and try.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/codec/audit_chain.hpp"
#include "adapters/codec/lottery_book.hpp"
#include "adapters/codec/shown_json.hpp"
#include "adapters/mongo/known.hpp"
#include "adapters/mongo/writes.hpp"
#include "application/port/kept_ledger.hpp"

namespace windfall::mongo {

/// Lotteries as computed from their definitions; kept between batches because a large one's decks take longer to make
/// than a batch takes to apply, and forgotten whenever a batch fails.
struct Books {
  OpenSeed open_seed;
  std::map<std::uint32_t, codec::LotteryBook> by_partition;
};

class Projection {
 public:
  Projection(const Known& known, Books& books, const LedgerEventIdsOf& event_ids,
             const std::vector<LogBatch::Named>& identities, std::array<std::uint8_t, 16> lineage);

  /// `index`: of the event in what effects are told of. Failure damaged: the ledger stays where it is.
  Result<bool> apply(const Recorded& recorded, std::size_t index);
  /// After the last event, once.
  Writes finish();

  [[nodiscard]] const std::vector<EffectChange>& effects() const { return effects_; }
  /// One line for each finding, to be told when the batch is there.
  [[nodiscard]] const std::vector<std::string>& alarms() const { return alarms_; }
  /// Who has an id from now on.
  [[nodiscard]] std::vector<UserRef> named() const;

 private:
  struct Ticket {
    std::int64_t seq = 0;
    PartitionNo partition;
    UserRef user;
    GrantCause cause = GrantCause::visit;
    std::int64_t tickets = 0;
    Instant at;
    std::optional<UserRef> other;
    std::optional<std::string> reason;
  };
  struct Person {
    bool erased = false;
    std::optional<std::string> id;
    bool only_if_new = false;
  };
  struct Entry {
    UserRef user;
    GrantCause cause = GrantCause::visit;
    std::int64_t tickets = 0;
    std::uint32_t effect_index = 0;
    std::optional<UserRef> other = std::nullopt;
    std::optional<std::string> reason = std::nullopt;
  };

  // One for each alternative of Event; a new one breaks the build here.
  void project(const Recorded& recorded, const Participated& event);
  void project(const Recorded& recorded, const DefinitionChanged& event);
  void project(const Recorded& recorded, const PausedAll& event);
  void project(const Recorded& recorded, const UserBlocked& event);
  void project(const Recorded& recorded, const KeyChanged& event);
  void project(const Recorded& recorded, const AnswerKept& event);
  void project(const Recorded& recorded, const EffectSettled& event);
  void project(const Recorded& recorded, const Audited& event);
  void project(const Recorded& recorded, const UserErased& event);
  void project(const Recorded& recorded, const Visited& event);
  void project(const Recorded& recorded, const InviteIssued& event);
  void project(const Recorded& recorded, const InviteShared& event);
  void project(const Recorded& recorded, const InviteOpened& event);
  void project(const Recorded& recorded, const OpenNotGranted& event);
  void project(const Recorded& recorded, const TicketsAdjusted& event);
  void project(const Recorded& recorded, const SegmentOpened& event);
  void project(const Recorded& recorded, const SegmentPaused& event);
  void project(const Recorded& recorded, const Drew& event);
  void project(const Recorded& recorded, const LotteryClosed& event);
  void project(const Recorded& recorded, const SecondChanceStarted& event);
  void project(const Recorded& recorded, const SecondChanceWon& event);
  void project(const Recorded& recorded, const SecondChanceEnded& event);
  void project(const Recorded& recorded, const WinVoided& event);
  void project(const Recorded& recorded, const CodesImported& event);
  void project(const Recorded& recorded, const CodeAssigned& event);
  void project(const Recorded& recorded, const CouponReissued& event);
  void project(const Recorded& recorded, const CouponUsed& event);
  void project(const Recorded& recorded, const Inbound& event);
  void project(const Recorded& recorded, const InboundSettled& event);
  void project(const Recorded& recorded, const CodesBurned& event);

  void name_people(const Recorded& recorded);
  void keep(const Recorded& recorded);
  void keep_definition(const Recorded& recorded, const std::string& definition);
  void append(const codec::AuditEntry& entry);
  void audit(const Recorded& recorded, const Audit& by, UserRef user, codec::BeforeAndAfter shown);
  void audit_codes(const Recorded& recorded, std::uint32_t prize, std::string_view what, std::int64_t count,
                   const Audit& by);
  void finding(const Recorded& recorded, std::string_view kind, const std::string& detail);
  void damaged(std::string why);
  /// Null, and a failure, if it is none of a lottery.
  codec::LotteryBook* book_of(PartitionNo partition);
  Outcomes* outcomes_of(codec::LotteryBook& book);
  void grant(const Recorded& recorded, const Entry& entry);
  void change_held(PartitionNo partition, UserRef user, std::int64_t tickets);
  void add_draw(const Recorded& recorded, UserRef user, WinPlace place, std::optional<Draw::Won> won);
  /// Null, and a finding, if the place has not won.
  Draw* won_at(const Recorded& recorded, const WinPlace& place);
  void extend(const Recorded& recorded, Draw& draw);
  void add_effect(EffectChange effect);
  [[nodiscard]] LedgerEventIds ids_of(const std::string& promotion_id, Epoch epoch, Sequence sequence,
                                      std::uint32_t effect) const {
    return event_ids_(promotion_id, epoch, sequence, effect);
  }
  Document& inserted(const char* collection) { return writes_.inserts[collection].emplace_back(); }

  void write_people();
  void write_promotions();
  void write_counts();
  void write_draws();

  const Known& known_;
  Books& books_;
  const LedgerEventIdsOf& event_ids_;
  const std::array<std::uint8_t, 16> lineage_;
  std::unordered_map<UserRef, std::string_view, HashOfRef> ids_;

  Progress progress_;
  std::size_t index_ = 0;
  std::optional<Failure> failed_;
  std::optional<std::int64_t> ordinal_;  ///< of the participation that the event became
  Writes writes_;
  std::vector<EffectChange> effects_;
  std::vector<std::string> alarms_;
  std::unordered_map<UserRef, Person, HashOfRef> people_;
  std::map<std::uint32_t, PromotionNow> promotions_;
  struct Defined {
    Instant first;
    Instant last;
  };
  std::map<std::uint32_t, Defined> defined_;  ///< by this batch
  std::map<Joined, Sequence> joined_;
  std::map<std::uint32_t, Total> totals_;
  std::map<std::uint32_t, LotteryTotal> lottery_totals_;
  std::map<std::string, Draw> draws_;
  std::set<std::string> changed_draws_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, DeckTerms> segments_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> segment_pauses_;
  std::vector<Ticket> tickets_;
  std::map<Account, std::int64_t> held_;  ///< of the accounts that operators change
  std::map<UserRef, bool> blocked_;
  std::string keys_;
};

}  // namespace windfall::mongo
