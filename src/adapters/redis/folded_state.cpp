#include "adapters/redis/folded_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "adapters/redis/layout.hpp"
#include "domain/kernel/changes.hpp"

namespace windfall::redis {

namespace {

constexpr std::uint64_t mixed(std::uint64_t x) {  // splitmix64's finalizer
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// References are uniformly distributed; a tag moves each somewhere else, and doing it again moves it back.
UserRef moved(std::string_view tag, UserRef user) {
  std::uint64_t salt = tag.size();
  for (const char byte : tag) salt = (salt << 8U) | static_cast<unsigned char>(byte);
  return {.hi = user.hi ^ mixed(salt), .lo = user.lo ^ mixed(~salt)};
}
UserRef field_key(std::string_view tag, UserRef user) {
  const UserRef key = moved(tag, user);
  return key == UserRef{} ? UserRef{.hi = 0, .lo = 1} : key;  // of 2^128 references one
}

FieldName field_of(const CounterKey& key) {
  if (key.user == UserRef{}) return {.name = counter_name(key), .user = {}, .header = in_header(key)};
  return {.name = counter_tag(key.kind, key.index), .user = key.user, .header = false};
}

}  // namespace

std::string to_text(const FieldName& field) {
  if (field.user == UserRef{}) return fmt::format("counter {}", field.name);
  std::string tag;
  for (const char byte : field.name) tag += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return fmt::format("user {:016x}{:016x}, field {}", field.user.hi, field.user.lo, tag);
}

FoldedState::FoldedState(PartitionNo partition, std::uint32_t buckets)
    : partition_(partition), buckets_(buckets), users_(((buckets - 1) / kBucketsPerRun) + 1) {}

/// One number changes: by a sum, by bits, or to a value.
struct FoldedState::Change {
  enum class How : std::uint8_t { add, set_bits, become };
  FieldName field;
  How how = How::add;
  std::int64_t value = 0;
};

void FoldedState::changes_of(PartitionNo partition, const Recorded& recorded,
                             const std::function<void(const Change&)>& visit) {
  const std::int64_t taken = recorded.taken.empty() ? 0 : recorded.taken.front();
  if (const auto counter = taken_from(partition, recorded.event)) {
    visit({.field = field_of(*counter), .how = Change::How::become, .value = taken + 1});
  }
  struct Visitor {
    const Recorded& recorded;
    const std::function<void(const Change&)>& visit;
    void operator()(const Bump& c) const {
      visit({.field = field_of(c.counter), .how = Change::How::add, .value = c.by});
    }
    void operator()(const BumpByTaken& c) const {
      const std::int64_t taken = c.take < recorded.taken.size() ? recorded.taken[c.take] : 0;
      visit({.field = field_of(c.counter), .how = Change::How::add, .value = c.by + taken});
    }
    void operator()(const Add& c) const {
      if (c.set.kind != kDenseSet) return bit({.name = own_bits_tag(), .user = c.set.user}, c.set.kind);
      bit({.name = word_tag(c.member / kMembersPerWord), .user = c.set.user}, c.member % kMembersPerWord);
      if (c.member >= kMembersPerWord) bit({.name = word_tag(0), .user = c.set.user}, kMoreWordsBit);
    }
    void operator()(const Define&) const {}
    void bit(FieldName field, std::uint32_t number) const {
      visit({.field = std::move(field), .how = Change::How::set_bits, .value = std::int64_t{1} << number});
    }
  };
  const Visitor visitor{.recorded = recorded, .visit = visit};
  for (const windfall::Change& change : changes(partition, recorded.event)) std::visit(visitor, change);
}

void FoldedState::each_field_of(PartitionNo partition, const Recorded& recorded,
                                const std::function<void(const FieldName&)>& visit) {
  changes_of(partition, recorded, [&visit](const Change& change) { visit(change.field); });
}

void FoldedState::apply(const Change& change) {
  std::int64_t* value = nullptr;
  Entry* entry = nullptr;
  if (change.field.user == UserRef{}) {
    value = &(change.field.header ? header_ : counters_)[change.field.name];
  } else {
    entry = &users_[run_of(change.field.user)].at(field_key(change.field.name, change.field.user));
    if (entry->value == 0) entry->tag = tag_number(change.field.name);
    value = &entry->value;
  }
  const bool stood = *value != 0;
  switch (change.how) {
    case Change::How::add:
      *value += change.value;
      break;
    case Change::How::set_bits:
      *value |= change.value;
      break;
    case Change::How::become:
      *value = change.value;
      break;
  }
  if (entry != nullptr && stood != (*value != 0)) *value != 0 ? ++standing_ : --standing_;
}

Result<bool> FoldedState::take(const Recorded& recorded) {
  if (recorded.taken.size() != (keeps_taken(recorded.event) ? 1U : 0U)) {
    return fail(FailureCode::damaged, fmt::format("partition {}, sequence {}: {} taken values", partition_.value,
                                                  recorded.sequence.value, recorded.taken.size()));
  }
  changes_of(partition_, recorded, [this](const Change& change) { apply(change); });
  sequence_ = recorded.sequence;
  time_ = recorded.time;
  for (const windfall::Change& change : changes(partition_, recorded.event)) {
    const auto* define = std::get_if<Define>(&change);
    if (define == nullptr) continue;
    ++revision_.value;
    if (revision_.value == 1) created_ = recorded.time;
    modified_ = recorded.time;
    definition_ = define->definition;
  }
  return true;
}

std::int64_t FoldedState::counter(std::string_view name, bool header) const {
  const auto& all = header ? header_ : counters_;
  const auto found = all.find(name);
  return found == all.end() ? 0 : found->second;
}

std::uint16_t FoldedState::tag_number(const std::string& tag) {
  const auto found = std::ranges::find(tags_, tag);
  const auto number = static_cast<std::uint16_t>(found - tags_.begin());
  if (found == tags_.end()) tags_.push_back(tag);
  return number;
}

std::size_t FoldedState::run_of(UserRef user) const { return bucket_of(user, buckets_) / kBucketsPerRun; }

const FoldedState::Entry* FoldedState::find(std::string_view tag, UserRef user) const {
  return users_[run_of(user)].find(field_key(tag, user));
}

void FoldedState::each_of_run(std::size_t run, const UserVisit& visit) const {
  users_[run].for_each([&](UserRef key, const Entry& entry) {
    if (entry.value != 0) visit(tags_[entry.tag], moved(tags_[entry.tag], key), entry.value);
  });
}

std::int64_t FoldedState::look(const CounterKey& key) const { return look(field_of(key)); }

std::int64_t FoldedState::look(const FieldName& field) const {
  if (field.user == UserRef{}) return counter(field.name, field.header);
  const Entry* entry = find(field.name, field.user);
  return entry == nullptr ? 0 : entry->value;
}

std::int64_t FoldedState::see(std::string_view tag, UserRef user) {
  if (find(tag, user) == nullptr) return 0;
  Entry& entry = users_[run_of(user)].at(field_key(tag, user));
  if (!entry.seen && entry.value != 0) ++seen_;
  entry.seen = true;
  return entry.value;
}

bool FoldedState::is_unseen(const FieldName& field) const {
  if (field.user == UserRef{}) return false;
  const Entry* entry = find(field.name, field.user);
  return entry != nullptr && !entry->seen && entry->value != 0;
}

}  // namespace windfall::redis
