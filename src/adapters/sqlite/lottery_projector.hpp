// Turns the events of lotteries into rows: accounts of tickets, draws with what they won, coupons, and the effects that
// follow. What a draw won stands in no event: it follows from the seed and the segments, here as everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "adapters/codec/shown_json.hpp"
#include "adapters/sqlite/batch_rows.hpp"
#include "adapters/sqlite/lottery_books.hpp"

namespace windfall::sqlite {

class LotteryProjector {
 public:
  LotteryProjector(Connection& connection, BatchRows& rows, LotteryBooks& books, const EventIdsOf& event_ids);

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
  void project(const Recorded& recorded, const CodesBurned& event);
  void project(const Recorded& recorded, const CodeAssigned& event);
  void project(const Recorded& recorded, const CouponReissued& event);
  void project(const Recorded& recorded, const CouponUsed& event);
  void project(const Recorded& recorded, const Inbound& event);
  void project(const Recorded& recorded, const InboundSettled& event);

  /// What operators wrote about an erased person goes too; the audit keeps its own words, which its chain covers.
  void forget_words_about(UserRef user);
  void write_totals();

 private:
  struct Totals {
    std::array<std::int64_t, kGrantCauses> granted{};
    std::int64_t revoked = 0;
    std::int64_t drawn = 0;
    std::int64_t won = 0;
    std::int64_t second_won = 0;
    std::int64_t voided = 0;
    std::int64_t accruals = 0;
  };
  struct Entry {
    UserRef user;
    GrantCause cause = GrantCause::visit;
    std::int64_t tickets = 0;
    std::uint32_t effect_index = 0;
    std::optional<UserRef> other = std::nullopt;
    std::optional<std::string> reason = std::nullopt;
  };
  struct Win {
    std::uint32_t item = 0;
    std::uint32_t prize = 0;
    LocalDay day;
  };
  /// A row of `draw` that won.
  struct Won {
    std::int64_t seq = 0;
    EffectId event{};
    std::optional<std::int64_t> effect;
    Epoch epoch;
    Sequence sequence;
    std::uint32_t prize = 0;
  };

  LotteryBook& book_of(PartitionNo partition);
  void grant(const Recorded& recorded, const Entry& entry);
  /// Tickets, by the rows of the account so far.
  [[nodiscard]] std::int64_t held_by(PartitionNo partition, UserRef user);
  void cancel_notification(const Recorded& recorded, const Won& won);
  void add_draw(const Recorded& recorded, UserRef user, WinPlace place, const std::optional<Win>& win);
  std::optional<std::int64_t> accrue(const Recorded& recorded, UserRef user, const Win& win, const EffectId& id);
  void add_coupon(const Recorded& recorded, std::int64_t draw, const Win& win);
  /// Nothing, and a finding, if the place has not won.
  std::optional<Won> won_at(const Recorded& recorded, const WinPlace& place);
  std::optional<std::int64_t> expiry_from(const Recorded& recorded, const Won& won);
  void audit_codes(const Recorded& recorded, std::uint32_t prize, std::string_view what, std::int64_t count,
                   const Audit& by);
  void audit(const Recorded& recorded, const Audit& audit, UserRef user, codec::BeforeAndAfter shown);

  Connection& connection_;
  BatchRows& rows_;
  LotteryBooks& books_;
  const EventIdsOf& event_ids_;
  Statement& insert_ticket_;
  Statement& insert_draw_;
  std::map<std::uint32_t, Totals> totals_;
};

/// An event that LotteryProjector knows.
template <class Event>
concept OfLottery = requires(LotteryProjector& projector, const Recorded& recorded, const Event& event) {
  projector.project(recorded, event);
};

}  // namespace windfall::sqlite
