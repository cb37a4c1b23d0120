#include "adapters/redis/partition_fill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "adapters/redis/commit_reply.hpp"
#include "adapters/redis/plan_text.hpp"
#include "domain/kernel/changes.hpp"
#include "domain/kernel/state.hpp"

namespace windfall::redis {

namespace {

/// As open_3 makes it; the number of calls stands where the last event does.
std::string header_on_the_way(const Place& place, std::uint64_t calls) {
  return fmt::format("{} {} 0 - - - - - {}", place.epoch.value, calls, place.buckets);
}

}  // namespace

PartitionFill::PartitionFill(Place place, PartitionNo partition, std::optional<Instant> last_at)
    : place_(std::move(place)),
      partition_(partition),
      forgotten_(last_at ? Instant{last_at->ms - State::kCommandLifeMs} : kBeginningOfTime),
      state_(partition, place_.buckets),
      written_(header_on_the_way(place_, 0)) {}

Result<bool> PartitionFill::take(const Recorded& recorded) {
  if (recorded.partition != partition_ || recorded.sequence.value != state_.sequence().value + 1) {
    return fail(FailureCode::damaged,
                fmt::format("fill: event {} of partition {} does not follow {} of {}", recorded.sequence.value,
                            recorded.partition.value, state_.sequence().value, partition_.value));
  }
  Result<bool> taken = state_.take(recorded);
  if (!taken) return taken;
  partition_due_ = true;
  if (next_run_ > 0) {
    FoldedState::each_field_of(partition_, recorded, [this](const FieldName& field) {
      if (field.user != UserRef{} && state_.run_of(field.user) < next_run_) touched_.push_back(field);
    });
  }
  if (recorded.command && recorded.time > forgotten_) remember(recorded);
  return true;
}

void PartitionFill::remember(const Recorded& recorded) {
  const std::int64_t day = utc_day(recorded.time);
  const bool odd = day % 2 != 0;
  const Item::Where where = odd ? Item::Where::odd_commands : Item::Where::even_commands;
  std::optional<std::int64_t>& kept = days_.at(odd ? 1 : 0);
  if (kept != day) {  // what stands there is at least a day old
    std::erase_if(items_, [where](const Item& item) { return item.where == where; });
    if (kept) items_.push_back({.where = where, .bucket = 0, .field = {}, .value = {}});
    kept = day;
  }
  CommandRecord record{.hash = recorded.command->hash,
                       .fingerprint = recorded.command->fingerprint,
                       .sequence = recorded.sequence,
                       .time = recorded.time,
                       .shown = {},
                       .epoch = recorded.epoch};
  const std::array<Shown, 2> all = shown(partition_, recorded.event, recorded.taken);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto* counter = std::get_if<CounterKey>(&all.at(i));
    record.shown.at(i) = counter != nullptr ? state_.look(*counter) : std::get<std::int64_t>(all.at(i));
  }
  items_.push_back({.where = where, .bucket = 0, .field = bytes_of(record.hash), .value = text_of(record)});
}

std::int64_t PartitionFill::exact(std::int64_t value) {
  if ((value > kMaxExact || value < -kMaxExact) && !failure_) {
    failure_ = Failure{.code = FailureCode::damaged,
                       .message = fmt::format("fill: partition {} comes to {}, which is not exact in a double",
                                              partition_.value, value)};
  }
  return value;
}

void PartitionFill::load_user(std::string_view tag, UserRef user, std::int64_t value) {
  std::string field(tag);
  field += bytes_of(user);
  items_.push_back({.where = Item::Where::bucket,
                    .bucket = bucket_of(user, place_.buckets),
                    .field = std::move(field),
                    .value = std::to_string(exact(value))});
}

void PartitionFill::load_run(std::size_t run) {
  struct Field {
    std::string_view tag;
    UserRef user;
    std::int64_t value;
  };
  std::vector<Field> fields;
  state_.each_of_run(run, [&fields](std::string_view tag, UserRef user, std::int64_t value) {
    fields.push_back({.tag = tag, .user = user, .value = value});
  });
  std::ranges::sort(fields, {}, [this](const Field& field) { return bucket_of(field.user, place_.buckets); });
  for (const Field& field : fields) load_user(field.tag, field.user, field.value);
}

void PartitionFill::load_more() {
  if (next_run_ < state_.runs()) return load_run(next_run_++);
  for (const FieldName& field : std::exchange(touched_, {})) load_user(field.name, field.user, state_.look(field));
  for (const auto& [name, value] : state_.counters(true)) exact(value);
  for (const auto& [name, value] : state_.counters(false)) {
    items_.push_back(
        {.where = Item::Where::counters, .bucket = 0, .field = name, .value = std::to_string(exact(value))});
  }
  if (state_.revision() != Revision{}) {
    items_.push_back({.where = Item::Where::definition, .bucket = 0, .field = {}, .value = state_.definition()});
  }
  partition_due_ = false;
}

std::string PartitionFill::header() const {
  const auto or_none = [](std::optional<std::int64_t> number) { return number ? std::to_string(*number) : "-"; };
  const auto ms = [](bool there, Instant at) { return there ? std::to_string(at.ms) : "-"; };
  const bool defined = state_.revision() != Revision{};
  std::string text =
      fmt::format("{} {} {} {} {} {} {} {} {}", place_.epoch.value, state_.sequence().value, state_.revision().value,
                  ms(state_.time().has_value(), state_.time().value_or(Instant{})), ms(defined, state_.created()),
                  ms(defined, state_.modified()), or_none(days_[0]), or_none(days_[1]), place_.buckets);
  for (const auto& [name, value] : state_.counters(true)) {
    fmt::format_to(std::back_inserter(text), " {} {}", name, value);
  }
  return text;
}

std::string PartitionFill::key_of(const Item& item) const {
  switch (item.where) {
    case Item::Where::even_commands:
      return place_.commands(0);
    case Item::Where::odd_commands:
      return place_.commands(1);
    case Item::Where::definition:
      return place_.definition();
    case Item::Where::counters:
      return place_.counters();
    case Item::Where::bucket:
      return place_.bucket(item.bucket);
  }
  return {};
}

Arguments PartitionFill::call(std::size_t items, std::string next_header) {
  std::vector<std::string> keys{place_.filled_header()};
  std::vector<std::string> words{std::exchange(written_, next_header), std::move(next_header)};
  words.reserve(words.size() + (2 * items));
  const auto same_key = [](const Item& a, const Item& b) { return a.where == b.where && a.bucket == b.bucket; };
  for (std::size_t i = 0; i < items;) {
    keys.push_back(key_of(items_[i]));
    if (items_[i].field.empty()) {
      Item& whole = items_[i++];
      words.emplace_back(whole.value.empty() ? "-" : "=");
      if (!whole.value.empty()) words.push_back(std::move(whole.value));
      continue;
    }
    std::size_t end = i + 1;
    while (end < items && !items_[end].field.empty() && same_key(items_[i], items_[end])) ++end;
    words.push_back(std::to_string(2 * (end - i)));
    for (; i < end; ++i) {
      words.push_back(std::move(items_[i].field));
      words.push_back(std::move(items_[i].value));
    }
  }
  items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(items));
  Arguments out{"FCALL", "fill_5", std::to_string(keys.size())};
  out.reserve(out.size() + keys.size() + words.size());
  std::ranges::move(keys, std::back_inserter(out));
  std::ranges::move(words, std::back_inserter(out));
  return out;
}

Result<std::optional<Arguments>> PartitionFill::next(bool end) {
  if (!end && items_.size() < kMaxFieldsPerCall) return std::nullopt;
  while (end && items_.size() < kMaxFieldsPerCall && !all_loaded()) load_more();
  if (failure_) return tl::unexpected(*failure_);
  const std::size_t items = std::min(items_.size(), kMaxFieldsPerCall);
  const bool last = end && items == items_.size() && all_loaded();
  if (last && items == 0 && written_ == header()) return std::nullopt;
  return call(items, last ? header() : header_on_the_way(place_, ++calls_));
}

}  // namespace windfall::redis
