// What the projections of one batch share: which of its events are new, numbers of users, effects, audit rows and
// findings. Rows that every event makes are gathered and written by COPY; one object per batch and try, inside a
// transaction of the caller.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/codec/audit_chain.hpp"
#include "adapters/postgres/database.hpp"
#include "adapters/postgres/effect_state.hpp"
#include "adapters/postgres/known_users.hpp"
#include "adapters/postgres/postgres_ledger.hpp"
#include "application/port/event_log.hpp"

namespace windfall::postgres {

class Batch {
 public:
  enum class Pace : std::uint8_t {
    together,    ///< rows by COPY: a row that contradicts another one fails the whole batch
    one_by_one,  ///< the same batch again after that: each row is tried, and what contradicts is a finding
  };

  struct Progress {
    std::int64_t position = 0;
    std::int64_t ordinal = 0;
    std::int64_t effect = 0;
    std::int64_t dead_letter = 0;
    std::int64_t audit = 0;
    std::int64_t entry = 0;
    std::string chain;
    bool paused_all = false;
    std::int64_t erasures = 0;
    std::int64_t users = 0;
  };

  /// A promotion as this batch has it.
  struct Promotion {
    std::string id;
    Revision revision;
  };

  Batch(Connection& db, KnownUsers& known, const LogBatch& batch, Pace pace);

  /// Waits for other processes that apply, then looks which events are new, and gives every user that they name a
  /// number and an id. False if none is. Throws damaged for a gap.
  bool begin();
  /// Instead of begin(), for ends of effects that stand in no log: waits likewise, and settles them as of that time.
  void settle(const std::vector<EffectSettled>& settled, Instant at);
  [[nodiscard]] const std::vector<const Recorded*>& events() const { return events_; }

  /// True if its events become rows without a question to the database until write(): nearly every batch of a busy day.
  [[nodiscard]] bool needs_nothing() const;

  Progress progress;

  [[nodiscard]] Pace pace() const { return pace_; }
  [[nodiscard]] Connection& db() { return db_; }

  /// Null if the partition was never defined.
  const Promotion* promotion(PartitionNo partition) const;
  void defined(PartitionNo partition, Promotion promotion) { promotions_[partition.value] = std::move(promotion); }
  [[nodiscard]] const std::map<std::uint32_t, Promotion>& promotions() const { return promotions_; }

  /// Of a user whom an event of this batch names.
  [[nodiscard]] std::int64_t number_of(UserRef user) const;

  struct NewEffect {
    EffectId id{};
    EffectKind kind = EffectKind::accrual;
    std::int64_t ordinal = 0;  ///< of a participation; 0 for lotteries
    UserRef user;
    Amount amount = 0;
    std::optional<std::uint32_t> prize = std::nullopt;
  };
  /// False, and a finding, if its id belongs to another effect: the partner would book one of the two. The same effect
  /// of an earlier ledger stays as it is.
  bool add_effect(const Recorded& recorded, const NewEffect& effect);
  void settle_effect(const Recorded& recorded, const EffectSettled& event);
  /// If the event says so of an effect: it stays dead and leaves the list; its number there becomes negative.
  void dismiss_effect(const Audited& event);
  /// It is over and nobody is called any more, not after a redrive either; what is done stays done.
  void cancel_effect(const Recorded& recorded, const EffectId& id);

  void finding(const Recorded& recorded, std::string_view kind, const std::string& detail);
  void append(codec::AuditEntry entry);

  /// At the end of the batch.
  void write();
  /// The transaction is.
  void committed();
  /// One line for each finding, to be told when the batch is committed.
  [[nodiscard]] const std::vector<std::string>& alarms() const { return alarms_; }

 private:
  struct HashOfRef {
    std::size_t operator()(UserRef user) const { return user.lo; }  // a hash already
  };
  struct HashOfId {
    std::size_t operator()(const EffectId& id) const {  // the same
      std::size_t hash = 0;
      std::memcpy(&hash, id.data() + 8, sizeof hash);
      return hash;
    }
  };
  /// What the batch says of a user's id.
  enum class Fate : std::uint8_t { untold, named, named_if_new, erased };
  struct Named {
    Fate fate{};
    KnownUsers::User known{};
  };
  /// A row of `effect` that this batch makes or changes.
  struct Effect {
    bool stored = false;  ///< the database has it
    bool changed = false;
    std::int64_t no = 0;
    std::int64_t ordinal = 0;
    std::int64_t partition = 0;
    std::int64_t user_no = 0;
    Amount amount = 0;
    Instant occurred_at;
    EffectKind kind{};
    std::optional<std::uint32_t> prize;
    EffectState state{};
    bool cancelled = false;
    Instant updated_at;
    std::optional<Instant> unknown_since;
    std::optional<std::int64_t> dead_letter;
    std::int64_t tries = 0;
    std::int64_t tries_before = 0;
    std::optional<Instant> first_at;
    std::optional<Instant> taken_at;
    std::string last_error;
  };

  void read_progress();
  void skip_what_was_applied();
  void read_promotions();
  void name_users();
  void look_up(const std::vector<UserRef>& users, const std::unordered_map<UserRef, std::string_view, HashOfRef>& ids,
               const std::function<void(UserRef, KnownUsers::User)>& found);
  void lock_settled_effects();
  void lock_effects(const Array& ids);
  Effect* effect_of(const EffectId& id);
  bool insert_effect(const EffectId& id, const Effect& effect);
  void end(Effect& effect, const Recorded& recorded, EffectState state);
  void write_effects();
  void write_positions();

  Connection& db_;
  KnownUsers& known_;
  const LogBatch& batch_;
  const Pace pace_;
  bool rebuilding_ = false;  ///< what is applied now may have been sent by an earlier ledger
  std::vector<const Recorded*> events_;
  std::map<std::uint32_t, std::pair<Epoch, Sequence>> places_;  ///< that the batch reaches
  std::map<std::uint32_t, Promotion> promotions_;
  std::unordered_map<UserRef, Named, HashOfRef> users_;
  std::unordered_map<EffectId, Effect, HashOfId> effects_;
  std::vector<EffectId> made_;  ///< in order, those that are not stored
  EffectCounts counts_;
  CopyRows findings_{6};
  std::vector<std::string> alarms_;
};

}  // namespace windfall::postgres
