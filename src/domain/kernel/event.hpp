// Every fact that Windfall keeps. The hot state is the fold of changes(event) over the log; ledgers, effects and audit
// are projections of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "domain/kernel/ids.hpp"

namespace windfall {

/// A client's command that may be repeated: its identity and the fingerprint of the body it came with.
struct Command {
  CommandHash hash;
  std::uint64_t fingerprint = 0;
  bool operator==(const Command&) const = default;
};

/// What is remembered of an accepted command for at least 24 hours, enough to give the same answer byte for byte.
struct CommandRecord {
  CommandHash hash;
  std::uint64_t fingerprint = 0;
  Sequence sequence;
  Instant time;
  std::array<std::int64_t, 2> shown{};  ///< what the answer showed and later events may change
  Epoch epoch{};                        ///< of the event, whose id it is part of
};

/// Who changed something, and why. Stands in every event that an operator causes.
struct Audit {
  std::string actor;   ///< id of the key used, or "system"
  std::string action;  ///< the operation's name, as in the API description
  std::string reason;  ///< the operator's words; may be empty where none is asked
  bool operator==(const Audit&) const = default;
};

/// A user joined a daily promotion. One accrual of `amount` follows, unless the promotion is in TEST mode.
struct Participated {
  UserRef user;
  LocalDay day;               ///< date in the promotion's zone
  std::uint32_t day_index{};  ///< days since the promotion's start
  Amount amount = 0;
  bool test = false;
  bool operator==(const Participated&) const = default;
};

/// A promotion was created or its definition changed. The first event of a partition is always this one.
struct DefinitionChanged {
  std::string id;          ///< the promotion's id
  std::string definition;  ///< encoded by the definition codec; opaque here
  Audit audit;
  bool operator==(const DefinitionChanged&) const = default;
};

/// The red button.
struct PausedAll {
  bool paused = false;
  Audit audit;
  bool operator==(const PausedAll&) const = default;
};

/// A user was put on, or taken off, the block list.
struct UserBlocked {
  UserRef user;
  bool blocked = false;
  Audit audit;
  bool operator==(const UserBlocked&) const = default;
};

/// A key was made or withdrawn. Secrets are never kept, only their SHA-256.
struct KeyChanged {
  std::string key_id;
  std::string keys;  ///< all keys from now on, encoded; the definition of the system partition
  Audit audit;
  bool operator==(const KeyChanged&) const = default;
};

/// The answer to an operator's command, kept so that its repetition gives the same bytes.
struct AnswerKept {
  int status = 0;
  std::string headers;  ///< as sent: "Name: value\r\n" lines
  std::string body;
  bool operator==(const AnswerKept&) const = default;
};

/// The end of an effect's life; a source of truth, since a rebuilt ledger must not pay again.
struct EffectSettled {
  std::array<std::uint8_t, 16> effect{};  ///< id of the effect = idempotency key at the partner
  enum class Outcome : std::uint8_t { done, dead, redriven } outcome = Outcome::done;
  std::string detail;  ///< last error of a dead effect
  bool operator==(const EffectSettled&) const = default;
};

/// An operator did something that changes no hot state (a repair, an export, a redrive); kept for the audit.
struct Audited {
  Audit audit;
  std::string subject;  ///< what it was done to
  bool operator==(const Audited&) const = default;
};

/// A person was erased: every identity record with this reference reads as zeros from here on.
struct UserErased {
  UserRef user;
  Audit audit;
  bool operator==(const UserErased&) const = default;
};

// --- Lotteries. Tickets are an account: held = granted - drawn - revoked, each grant with its cause.

/// Why tickets were granted. The numbers are indexes of counters and stand in the log.
enum class GrantCause : std::uint8_t { visit, invite_sent, invite_opened, adjustment };
inline constexpr std::size_t kGrantCauses = 4;

/// A user's first visit to a promotion.
struct Visited {
  UserRef user;
  std::int64_t tickets = 0;  ///< 0 where the promotion grants none for a visit
  bool operator==(const Visited&) const = default;
};

/// A user asked for their own link for the first time.
struct InviteIssued {
  UserRef user;
  bool operator==(const InviteIssued&) const = default;
};

/// A user shared their link. Counted only.
struct InviteShared {
  UserRef user;
  bool operator==(const InviteShared&) const = default;
};

/// A friend opened a user's link: the friend is credited, and the inviter unless over the day's cap or blocked.
struct InviteOpened {
  UserRef invited;
  UserRef inviter;
  std::int64_t friend_tickets = 0;
  std::int64_t inviter_tickets = 0;  ///< 0 if the inviter gets none
  std::uint32_t day_index = 0;       ///< days since the promotion's start; the cap counts by it
  bool inviter_limited = false;      ///< the inviter was over the cap or blocked
  bool operator==(const InviteOpened&) const = default;
};

/// Why an open granted nothing, in the order in which it is judged. The last one grants to the friend only.
enum class OpenReason : std::uint8_t { own_link, already_credited, not_first_visit, inviter_limit };

/// An open that granted nothing; kept once per (friend, inviter, reason), for the funnel.
struct OpenNotGranted {
  UserRef invited;
  UserRef inviter;
  OpenReason reason = OpenReason::own_link;
  bool operator==(const OpenNotGranted&) const = default;
};

/// An operator gave tickets, or took some away.
struct TicketsAdjusted {
  UserRef user;
  std::int64_t tickets = 0;  ///< signed, never 0
  Audit audit;
  bool operator==(const TicketsAdjusted&) const = default;
};

/// A segment's deck is fixed: the items [first_item, first_item + quota) lie in the serials [0, length).
struct SegmentOpened {
  std::uint32_t segment = 0;
  std::int64_t previous = -1;  ///< the segment that was open before; -1 = none
  std::uint32_t quota = 0;     ///< items of this segment and of all earlier ones that were not won
  std::uint32_t length = 0;
  std::uint32_t first_item = 0;  ///< = wins in all earlier segments
  bool operator==(const SegmentOpened&) const = default;
};

/// Draws were paused for a part of this segment: it says nothing about how many to expect tomorrow.
struct SegmentPaused {
  std::uint32_t segment = 0;
  bool operator==(const SegmentPaused&) const = default;
};

/// A ticket was drawn; the value taken is its serial in the segment, from 0. Won or lost is a function of the serial.
struct Drew {
  UserRef user;
  std::uint32_t segment = 0;
  std::uint32_t number = 0;  ///< of the user's draws, from 0
  bool operator==(const Drew&) const = default;
};

/// No more draws. A second chance follows if `second_chance`; if not, `shortfall` prizes found no winner.
struct LotteryClosed {
  bool second_chance = false;
  std::int64_t shortfall = 0;
  bool operator==(const LotteryClosed&) const = default;
};

/// The second chance has begun: who takes part and what is given out is settled, and no win is voided until it is over.
struct SecondChanceStarted {
  std::uint32_t prizes = 0;
  std::uint32_t pool = 0;  ///< users that take part
  bool operator==(const SecondChanceStarted&) const = default;
};

/// The second chance gave a prize that was left to a user who had lost.
struct SecondChanceWon {
  UserRef user;
  std::uint32_t place = 0;  ///< in the order of the second chance, from 0
  std::uint32_t item = 0;   ///< of the plan's shuffled prizes
  bool operator==(const SecondChanceWon&) const = default;
};

/// The second chance is over. `shortfall` prizes found no winner.
struct SecondChanceEnded {
  std::int64_t shortfall = 0;
  bool operator==(const SecondChanceEnded&) const = default;
};

/// A win by its place: in a segment's serials, or in the order of the second chance.
struct WinPlace {
  static constexpr std::uint32_t kSecondChance = UINT32_MAX;
  std::uint32_t segment = 0;  ///< kSecondChance: `serial` is the place in its order
  std::int64_t serial = 0;
  auto operator<=>(const WinPlace&) const = default;
};

/// An operator took a win back.
struct WinVoided {
  UserRef user;
  WinPlace win;
  Audit audit;
  bool operator==(const WinVoided&) const = default;
};

/// Codes of a prize were imported; `count` more may be assigned from now on.
struct CodesImported {
  std::uint32_t prize = 0;  ///< index into the lottery's prizes
  std::int64_t count = 0;
  Audit audit;
  bool operator==(const CodesImported&) const = default;
};

/// A code was given to a win; the value taken is the code's ordinal in its prize.
struct CodeAssigned {
  UserRef user;
  WinPlace win;
  std::uint32_t prize = 0;
  std::uint32_t issue = 0;  ///< 0 at first, then one more for each reissue
  bool operator==(const CodeAssigned&) const = default;
};

/// After a restore: the next `count` codes of a prize may have been given out since the backup and are never given
/// again. That may be more than were imported: who imports the same file again gets the same ordinals.
struct CodesBurned {
  std::uint32_t prize = 0;
  std::int64_t count = 0;
  Audit audit;
  bool operator==(const CodesBurned&) const = default;
};

/// An operator asked for another code for a win; the one it had is burned.
struct CouponReissued {
  UserRef user;
  WinPlace win;
  std::uint32_t issue = 0;  ///< that the next code gets
  Audit audit;
  bool operator==(const CouponReissued&) const = default;
};

/// The owner has used a coupon.
struct CouponUsed {
  UserRef user;
  WinPlace win;
  bool operator==(const CouponUsed&) const = default;
};

// --- Asynchronous intake

/// An event that was accepted to be judged later; durable before its sender is told so.
struct Inbound {
  std::array<std::uint8_t, 16> id{};  ///< hash of its source and id; judged once
  enum class Type : std::uint8_t { page_visited, invite_opened, shared } type = Type::page_visited;
  UserRef user;
  std::string about;  ///< promotion id, or the invite's token
  bool operator==(const Inbound&) const = default;
};

/// What became of an accepted event.
struct InboundSettled {
  std::array<std::uint8_t, 16> id{};
  UserRef user;
  bool dropped = false;
  std::string reason;  ///< why it was dropped or granted nothing; may be empty
  bool operator==(const InboundSettled&) const = default;
};

using Event = std::variant<Participated, DefinitionChanged, PausedAll, UserBlocked, KeyChanged, AnswerKept,
                           EffectSettled, Audited, UserErased, Visited, InviteIssued, InviteShared, InviteOpened,
                           OpenNotGranted, TicketsAdjusted, SegmentOpened, SegmentPaused, Drew, LotteryClosed,
                           SecondChanceStarted, SecondChanceWon, SecondChanceEnded, WinVoided, CodesImported,
                           CodeAssigned, CouponReissued, CouponUsed, Inbound, InboundSettled, CodesBurned>;

/// An event as it stands in the log.
struct Recorded {
  PartitionNo partition;
  Epoch epoch;
  Sequence sequence;
  Instant time;
  Revision revision;  ///< of the definition under which it was decided; of itself for a definition
  std::optional<Command> command;
  Event event;
  std::vector<std::int64_t> taken;  ///< by the proposal, if this event's changes need it
  bool operator==(const Recorded&) const = default;
};

}  // namespace windfall
