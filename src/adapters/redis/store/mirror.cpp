#include "adapters/redis/store/mirror.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/redis/read_call.hpp"
#include "adapters/system/time_zone.hpp"

namespace windfall::redis {

namespace {

std::optional<std::int64_t> number_in(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

tl::unexpected<Failure> refused_by_server(const Reply& reply, std::string_view what) {
  return fail(FailureCode::unavailable, "redis: " + std::string(what) + ": " + reply.text);
}

/// Calls `pair(name, value)` for a reply to HGETALL.
template <class Pair>
Result<bool> each_field(const Reply& reply, std::string_view what, Pair pair) {
  if (reply.type == Reply::Type::error) return refused_by_server(reply, what);
  for (std::size_t i = 0; i + 1 < reply.items.size(); i += 2) {
    const std::optional<std::int64_t> value = number_in(reply.items[i + 1].text);
    if (!value) return fail(FailureCode::damaged, "redis: " + std::string(what) + ": a value is not a number");
    pair(reply.items[i].text, *value);
  }
  return true;
}

}  // namespace

Known& Mirror::add(PartitionNo number, std::string_view promotion_id) {
  while (partitions_.size() <= number.value) {
    auto known = std::make_unique<Known>();
    known->number = PartitionNo{static_cast<std::uint32_t>(partitions_.size())};
    partitions_.push_back(std::move(known));
  }
  Known& known = at(number);
  if (known.place.prefix.empty()) {
    known.id = promotion_id;
    known.place = {.prefix = key_prefix(promotion_id), .epoch = Epoch{1}, .buckets = 1};
    if (number != kSystemPartition) by_id_.insert_or_assign(known.id, number);
  }
  return known;
}

DefinitionPtr Mirror::find(std::string_view promotion_id) const {
  const auto found = by_id_.find(promotion_id);
  return found == by_id_.end() ? nullptr : at(found->second).definition;
}

std::vector<PartitionNo> Mirror::missing() const {
  std::vector<PartitionNo> all;
  for (const std::unique_ptr<Known>& known : partitions_) {
    if (known->expected && known->absent && !known->behind) all.push_back(known->number);
  }
  return all;
}

std::vector<PartitionNo> Mirror::behind() const {
  std::vector<PartitionNo> all;
  for (const std::unique_ptr<Known>& known : partitions_) {
    if (known->behind) all.push_back(known->number);
  }
  return all;
}

bool Mirror::awaits(std::string_view promotion_id) const {
  const auto found = by_id_.find(promotion_id);
  return found != by_id_.end() && at(found->second).awaited();
}

bool Mirror::awaits_any() const {
  return std::ranges::any_of(partitions_, [](const std::unique_ptr<Known>& known) { return known->awaited(); });
}

std::uint64_t Mirror::fenced() const { return missing().size() + behind().size(); }

bool Mirror::fell_behind(Known& known, Epoch epoch_before, Sequence sequence_before, const Header& found) {
  if (known.there && found.epoch == epoch_before && found.sequence < sequence_before) note_behind(known);
  return known.behind;
}

void Mirror::note(Known& known, const Header& header, const std::optional<std::string>& definition) {
  if (known.behind && header.epoch == known.header.epoch) return;
  // Replies of several connections may overtake each other.
  const bool later = header.epoch > known.header.epoch ||
                     (header.epoch == known.header.epoch && header.sequence >= known.header.sequence);
  if (known.there && !later) return;
  if (header.sequence != known.header.sequence) ++changes_;
  known.there = true;
  known.expected = true;
  known.absent = false;
  known.behind = false;
  known.header = header;
  known.place.epoch = header.epoch;
  known.place.buckets = header.buckets;
  if (definition) set_definition(known, *definition);
}

void Mirror::set_definition(Known& known, std::string_view text) {
  if (known.number == kSystemPartition) {
    system_definition_ = text;
    return;
  }
  const Result<Promotion> promotion = codec::decode_definition(text);
  if (!promotion) return;  // of a newer Windfall: its promotions are not for this one
  const Result<Zone> zone = system::load_zone(promotion->timezone);
  if (!zone) return;
  known.definition = std::make_shared<Definition>(Definition{.partition = known.number,
                                                             .revision = known.header.revision,
                                                             .created = known.header.created,
                                                             .modified = known.header.modified,
                                                             .promotion = *promotion,
                                                             .zone = *zone});
  ++changes_;
  all_.clear();
  for (const std::unique_ptr<Known>& one : partitions_) {
    if (one->definition) all_.push_back(one->definition);
  }
}

Task<Result<bool>> Mirror::load(Known& known, Header header) {
  const bool redefined =
      !known.definition || known.definition->revision != header.revision || known.header.epoch != header.epoch;
  const bool moved = !known.there || known.counters_at != header.sequence || known.header.epoch != header.epoch;
  const Sequence sequence = header.sequence;
  note(known, header, std::nullopt);
  std::vector<Call> calls;
  if (moved) {
    calls.push_back({.routing_key = known.place.header(), .command = {"HGETALL", known.place.counters()}});
  }
  const bool wants_definition = redefined && header.revision != Revision{};
  if (wants_definition) {
    calls.push_back({.routing_key = known.place.header(), .command = definition_call(known.place)});
  }
  if (calls.empty()) co_return true;
  const std::vector<Result<Reply>> replies = co_await client_.pipeline(std::move(calls));
  for (const Result<Reply>& reply : replies) {
    if (!reply) co_return tl::unexpected(reply.error());
  }
  if (moved) {
    std::map<std::string, std::int64_t, std::less<>> counters;
    const Result<bool> read =
        each_field(*replies.front(), "counters",
                   [&](const std::string& name, std::int64_t value) { counters.insert_or_assign(name, value); });
    if (!read) co_return read;
    known.counters = std::move(counters);
    known.counters_at = sequence;
  }
  // A definition that came with a commit of this process meanwhile is the newer one.
  if (wants_definition && known.header.revision == header.revision && replies.back()->type == Reply::Type::bulk) {
    set_definition(known, replies.back()->text);
  }
  co_return true;
}

void Mirror::note_without_header(Known& known, bool there_before) {
  if (known.there && !there_before) return;  // opened by this process since it was asked for
  if (known.there && trouble) trouble("promotion " + known.id + " has no header any more");
  note_missing(known);
}

Task<Result<bool>> Mirror::reload(PartitionNo number) {
  Known& known = at(number);
  const bool there_before = known.there;
  const Epoch epoch_before = known.header.epoch;
  const Sequence sequence_before = known.header.sequence;
  const Result<Reply> reply = co_await client_.call(known.place.header(), header_call(known.place.prefix));
  if (!reply) co_return tl::unexpected(reply.error());
  const Result<std::optional<Header>> header = read_header(*reply);
  if (!header) co_return tl::unexpected(header.error());
  if (!*header) {
    note_without_header(known, there_before);
    co_return true;
  }
  Header found = **header;
  if (fell_behind(known, epoch_before, sequence_before, found)) co_return true;
  co_return co_await load(known, std::move(found));
}

Task<Result<bool>> Mirror::reload_system() {
  const std::int64_t asked_at = clock_.monotonic_ms();
  Known& known = at(kSystemPartition);
  const Epoch epoch_before = known.header.epoch;
  const Sequence sequence_before = known.header.sequence;
  const Result<Reply> reply = co_await client_.call(known.place.header(), header_call(known.place.prefix));
  if (!reply) co_return tl::unexpected(reply.error());
  const Result<std::optional<Header>> header = read_header(*reply);
  if (!header) co_return tl::unexpected(header.error());
  if (!*header) {
    note_missing(known);
    co_return fail(FailureCode::unavailable, "redis: the system partition has no header; rebuild it");
  }
  if (fell_behind(known, epoch_before, sequence_before, **header)) {
    co_return fail(FailureCode::unavailable, "redis: the system partition is older than what was confirmed");
  }
  if (known.there && known.header.epoch == (*header)->epoch && known.counters_at == (*header)->sequence) {
    system_read_at_ = asked_at;
    co_return true;
  }
  const Header found = **header;
  Place place = known.place;
  place.epoch = found.epoch;
  place.buckets = found.buckets;
  std::vector<Call> calls;
  calls.push_back({.routing_key = place.header(), .command = definition_call(place)});
  for (std::uint32_t bucket = 0; bucket < found.buckets; ++bucket) {
    calls.push_back({.routing_key = place.header(), .command = {"HGETALL", place.bucket(bucket)}});
  }
  const std::vector<Result<Reply>> replies = co_await client_.pipeline(std::move(calls));
  std::unordered_map<std::string, std::int64_t> users;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (!replies[i]) co_return tl::unexpected(replies[i].error());
    if (i == 0) continue;
    const Result<bool> read = each_field(*replies[i], "block list", [&](const std::string& name, std::int64_t value) {
      if (value != 0) users.emplace(name, value);
    });
    if (!read) co_return read;
  }
  std::optional<std::string> definition;
  if (replies.front()->type == Reply::Type::bulk) definition = replies.front()->text;
  note(known, found, definition);
  known.counters_at = found.sequence;
  system_users_ = std::move(users);
  system_read_at_ = asked_at;
  co_return true;
}

Task<Result<bool>> Mirror::read_registry() {
  const std::string key(kRegistryKey);
  Arguments command{"HGETALL", key};
  const Result<Reply> reply = co_await client_.call(key, std::move(command));
  if (!reply) co_return tl::unexpected(reply.error());
  co_return each_field(*reply, "registry", [this](const std::string& name, std::int64_t value) {
    if (value > 0) add(PartitionNo{static_cast<std::uint32_t>(value)}, name);
  });
}

Task<Result<bool>> Mirror::refresh() {
  Result<bool> system = co_await reload_system();
  if (!system) co_return system;
  co_return co_await refresh_promotions();
}

Task<Result<bool>> Mirror::refresh_promotions() {
  Result<bool> registry = co_await read_registry();
  if (!registry) co_return registry;
  std::vector<Call> calls;
  struct Before {
    bool there;
    Epoch epoch;
    Sequence sequence;
  };
  std::vector<Before> before;
  const std::size_t count = partitions_.size();
  for (std::size_t i = 1; i < count; ++i) {
    const Known& known = *partitions_[i];
    before.push_back({.there = known.there, .epoch = known.header.epoch, .sequence = known.header.sequence});
    calls.push_back({.routing_key = known.place.header(), .command = header_call(known.place.prefix)});
  }
  const std::vector<Result<Reply>> replies = co_await client_.pipeline(std::move(calls));
  for (std::size_t i = 1; i < count; ++i) {
    Known& known = *partitions_[i];
    const Result<Reply>& reply = replies[i - 1];
    if (!reply) continue;  // its shard is away; the others are not
    const Result<std::optional<Header>> header = read_header(*reply);
    if (!header) continue;
    if (!*header) {
      note_without_header(known, before[i - 1].there);
      continue;
    }
    Header found = **header;
    if (fell_behind(known, before[i - 1].epoch, before[i - 1].sequence, found)) continue;
    const bool same = known.there && known.header.epoch == found.epoch && known.counters_at == found.sequence;
    if (same && known.definition && known.definition->revision == found.revision) continue;
    const Result<bool> loaded = co_await load(known, std::move(found));
    static_cast<void>(loaded);  // asked again with the next look
  }
  co_return true;
}

std::int64_t Mirror::system_counter(const CounterKey& key) const {
  if (key.user == UserRef{}) return counter(key);
  const auto found = system_users_.find(counter_tag(key.kind, key.index) + bytes_of(key.user));
  return found == system_users_.end() ? 0 : found->second;
}

std::int64_t Mirror::counter(const CounterKey& key) const {
  if (key.partition.value >= partitions_.size() || key.user != UserRef{}) return 0;
  const Known& known = at(key.partition);
  if (in_header(key)) return known.header.counter(key);
  const auto found = known.counters.find(counter_name(key));
  return found == known.counters.end() ? 0 : found->second;
}

}  // namespace windfall::redis
