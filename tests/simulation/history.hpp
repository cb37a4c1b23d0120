// What the clients of the simulation were told, and the judge of it: every answer must be what the naive oracle says
// after the prefix of the log that the answer had seen, and the log itself must keep the invariants (docs: I1 to I17).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "application/on_request/participate.hpp"
#include "model/oracle.hpp"
#include "simulation/lottery/lottery_oracle.hpp"
#include "simulation/observing_store.hpp"
#include "simulation/partner.hpp"
#include "simulation/simulated_journal.hpp"

namespace windfall::simulation {

/// A participant or an operator's victim.
struct Person {
  std::string id;
  UserRef ref;
  std::vector<std::string> segments;
};

std::vector<Person> people(std::size_t count);

/// A wish to join, repeated until it is answered.
struct JoinOp {
  std::size_t person = 0;
  std::string promotion;
  std::optional<Command> command;
  int attempts = 0;
  bool waiting = false;           ///< an attempt is under way
  bool uncertain = false;         ///< an attempt ended without an answer, or with one that leaves open what happened
  bool refused_for_sure = false;  ///< an attempt came back with "nothing happened"
  std::optional<Joined> joined;   ///< the first acceptance
};

/// A join's answer as a client got it.
struct JoinAnswer {
  std::size_t op = 0;
  std::uint64_t fingerprint = 0;
  Sight sight;
  model::OracleAnswer answer;
  std::optional<PartitionNo> partition;  ///< of a fresh acceptance
  Sequence sequence;
};

/// A wish of a participant of a lottery, repeated until it is answered.
struct PlayOp {
  enum class Kind : std::uint8_t { visit, open, draw, issue, share } kind = Kind::visit;
  std::size_t person = 0;
  std::size_t inviter = 0;  ///< of an open
  std::string promotion;
  std::optional<Command> command;
  int attempts = 0;
  int waiting = 0;                ///< attempts that are under way; a double tap sends two
  bool uncertain = false;         ///< as of a join
  bool refused_for_sure = false;  ///< as of a join
  bool accepted = false;
};

/// Figures of a promotion as they were shown.
struct ViewAnswer {
  std::string promotion;
  Sight sight;
  std::int64_t join_count = 0;
  std::int64_t left = 0;
  std::int64_t spent = 0;
};

/// An operator's action; `reason` finds it in the log.
struct OperatorOp {
  std::string reason;
  std::string action;
  bool waiting = true;
  bool acknowledged = false;
  bool nothing_happened = false;
  std::optional<Command> command;
  std::string body;  ///< of the answer to a command
};

class History {
 public:
  explicit History(std::vector<Person> everyone) : everyone_(std::move(everyone)) {}

  std::vector<JoinOp> joins;
  std::vector<OperatorOp> operations;
  std::vector<JoinAnswer> join_answers;
  std::vector<ViewAnswer> view_answers;

  std::vector<PlayOp> plays;
  std::vector<LotteryAnswer> lottery_answers;
  std::set<InboundId> taken_in;    ///< events that were acknowledged
  std::set<std::string> codes_in;  ///< codes whose import was acknowledged, duplicates not
  struct Coupon {
    std::string id;
    std::uint32_t issue = 0;
    bool operator==(const Coupon&) const = default;
  };
  std::map<std::string, Coupon> codes_shown;  ///< to whom a code was shown first

  [[nodiscard]] const std::vector<Person>& everyone() const { return everyone_; }

  /// Judges every answer so far against the log. Empty, or what is wrong.
  [[nodiscard]] std::string judge(const std::vector<Frame>& frames);

  /// What the last judge() made of the log.
  struct Folded {
    struct Participation {
      PartitionNo partition;
      Sequence sequence;
      std::string promotion;
      std::string user;
      UserRef ref;
      LocalDay day;
      Amount amount = 0;
      bool test = false;
      Instant at;
    };
    std::vector<Participation> participations;
    std::map<std::uint32_t, std::string> promotions;   ///< by partition
    std::map<std::uint32_t, std::uint64_t> sequences;  ///< by partition
    std::map<std::string, Promotion> definitions;
    std::size_t audits = 0;
    struct Kept {
      CommandHash command;
      Instant at;
      std::string body;
    };
    std::vector<Kept> kept;                                 ///< answers to operators' commands
    std::map<std::string, EffectSettled::Outcome> settled;  ///< by effect id
    LotteryOracle lotteries;
  };
  [[nodiscard]] const Folded& folded() const { return folded_; }

  /// I4 so far: nothing is booked twice, for another amount or person, or without an acceptance. With `all`, everything
  /// owed is booked.
  [[nodiscard]] std::string judge_partner(const std::map<std::string, Partner::Booking>& book, bool all) const;
  /// I10 so far: nobody is told of anything that did not happen, nor twice by a partner that honours the key. With
  /// `all`, everyone is told who has to be.
  [[nodiscard]] std::string judge_notices(const Partner& partner, bool all) const;

 private:
  [[nodiscard]] const std::string& id_of(UserRef user) const;
  struct Fold;
  std::vector<Person> everyone_;
  Folded folded_;
};

/// A join type in the oracle's words.
[[nodiscard]] model::OraclePromotion oracle_promotion(const Promotion& promotion);
[[nodiscard]] model::OracleAnswer oracle_answer(const JoinRefusal& refusal);
/// Id of the effect of an event, as the partner gets it.
[[nodiscard]] std::string effect_id(const std::string& promotion, Sequence sequence,
                                    std::uint32_t index = kAccrualIndex);

}  // namespace windfall::simulation
