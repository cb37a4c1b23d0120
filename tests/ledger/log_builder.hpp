// A log for tests of projections: events by name, batches on demand.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/codec/dismissal.hpp"
#include "application/port/effects.hpp"
#include "application/port/event_log.hpp"
#include "domain/lottery/seed.hpp"

namespace windfall::contract {

inline std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

inline std::uint64_t mixed(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return mixed(hash);
}

inline UserRef ref_of(std::string_view user_id) { return {.hi = mixed(user_id), .lo = mixed(mixed(user_id) + 1)}; }

enum class IdKind : std::uint8_t { event, effect };

/// Stands in for the ids derived from the lineage: distinct, and the same every time.
inline EffectId id_of(IdKind kind, std::string_view promotion_id, Epoch epoch, Sequence sequence,
                      std::uint32_t index = 0) {
  const std::uint64_t seed = mixed(promotion_id) + (std::uint64_t{index} << 56U) + (std::uint64_t{epoch.value} << 40U) +
                             (sequence.value << 1U) + static_cast<std::uint64_t>(kind);
  EffectId id{};
  for (std::size_t i = 0; i < id.size(); ++i)
    id[i] = static_cast<std::uint8_t>(mixed(seed * 2 + i / 8) >> (8 * (i % 8)));
  return id;
}

/// Stands in for the key that opens seeds.
inline Result<Seed> open_test_seed(std::string_view promotion_id, std::string_view sealed_seed) {
  if (sealed_seed != "sealed for " + std::string(promotion_id)) return fail(FailureCode::damaged, "another key");
  Seed seed;
  for (std::size_t i = 0; i < seed.bytes.size(); ++i) {
    seed.bytes[i] = static_cast<std::uint8_t>(mixed(mixed(promotion_id) + i));
  }
  return seed;
}

inline constexpr LocalDay kFirstDay{20260};  // 2025-06-21
inline constexpr Instant kStart{1750464000000};

class LogBuilder {
 public:
  /// A new promotion of 100 participations.
  PartitionNo promotion(const std::string& id) {
    const PartitionNo partition{next_partition_++};
    names_[partition] = id;
    define(partition, "Promotion " + id, 100);
    return partition;
  }

  void define(PartitionNo partition, const std::string& title, int limit) {
    define(partition, R"({"id":")" + names_[partition] + R"(","title":")" + title + R"(","limitJoinCount":)" +
                          std::to_string(limit) + "}");
  }
  void define(PartitionNo partition, const std::string& definition) {
    ++revisions_[partition].value;
    add(partition,
        DefinitionChanged{.id = names_[partition], .definition = definition, .audit = audit("updatePromotion")});
  }
  /// A new promotion with a definition of its own.
  PartitionNo promotion(const std::string& id, const std::string& definition) {
    const PartitionNo partition{next_partition_++};
    names_[partition] = id;
    define(partition, definition);
    return partition;
  }

  struct Join {
    LocalDay day = kFirstDay;
    Amount amount = 500;
    bool test = false;
  };
  /// The effect that follows from it.
  EffectId join(PartitionNo partition, const std::string& user_id, Join join) {
    name(user_id);
    const Sequence sequence =
        add(partition,
            Participated{
                .user = ref_of(user_id), .day = join.day, .day_index = 0, .amount = join.amount, .test = join.test});
    return id_of(IdKind::effect, names_[partition], Epoch{}, sequence);
  }
  EffectId join(PartitionNo partition, const std::string& user_id) { return join(partition, user_id, Join{}); }

  Sequence add(PartitionNo partition, Event event, std::vector<std::int64_t> taken = {}) {
    Sequence& sequence = sequences_[partition];
    ++sequence.value;
    ++position_;
    now_.ms += 1;
    batch_.events.push_back({.partition = partition,
                             .epoch = {},
                             .sequence = sequence,
                             .time = now_,
                             .revision = revisions_[partition],
                             .command = std::nullopt,
                             .event = std::move(event),
                             .taken = std::move(taken)});
    return sequence;
  }
  void settle(const EffectId& effect, EffectSettled::Outcome outcome, const std::string& detail = {}) {
    add(kSystemPartition, EffectSettled{.effect = effect, .outcome = outcome, .detail = detail});
  }
  void dismiss(const DeadLetter& letter) {
    add(kSystemPartition,
        Audited{.audit = audit(std::string(codec::kDismissal)), .subject = codec::dismissal_subject(letter)});
  }
  void erase(const std::string& user_id) {
    add(kSystemPartition, UserErased{.user = ref_of(user_id), .audit = audit("eraseUser")});
  }
  void name(const std::string& user_id) { batch_.identities.push_back({.user = ref_of(user_id), .id = user_id}); }
  void name_erased(const std::string& user_id) { batch_.identities.push_back({.user = ref_of(user_id), .id = {}}); }
  void keys_changed(const std::string& key_id, const std::string& keys) {
    ++revisions_[kSystemPartition].value;
    add(kSystemPartition, KeyChanged{.key_id = key_id, .keys = keys, .audit = audit("createKey")});
  }

  /// What was added since the last call.
  LogBatch batch() {
    batch_.position = position_;
    return std::exchange(batch_, LogBatch{});
  }
  [[nodiscard]] Instant now() const { return now_; }
  void go_to(Instant now) { now_ = now; }
  [[nodiscard]] std::uint64_t position() const { return position_; }

  static Audit audit(const std::string& action) { return {.actor = "key-1", .action = action, .reason = "because"}; }

 private:
  LogBatch batch_;
  std::map<PartitionNo, std::string> names_;
  std::map<PartitionNo, Sequence> sequences_;
  std::map<PartitionNo, Revision> revisions_;
  std::uint32_t next_partition_ = 1;
  std::uint64_t position_ = 0;
  Instant now_ = kStart;
};

}  // namespace windfall::contract
