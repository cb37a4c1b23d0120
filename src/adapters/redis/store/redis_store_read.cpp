// RedisStore's reads, and the answers that it keeps beside the hot state.
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <map>
#include <utility>

#include "adapters/codec/event_codec.hpp"
#include "adapters/redis/read_call.hpp"
#include "adapters/redis/store/fenced.hpp"
#include "adapters/redis/store/redis_store.hpp"
#include "application/port/gather.hpp"

namespace windfall::redis {

namespace {

/// Answers are kept as long as commands are repeated.
constexpr std::int64_t kAnswerLifeMs = 86'400'000;
/// Of one read, over hundreds of promotions perhaps: with a thousand requests at once still no more than the client's
/// limit.
constexpr std::size_t kPartitionsAtOnce = 32;
/// Before the answer: fingerprint of its request, and when it was kept.
constexpr std::size_t kAnswerHead = sizeof(std::uint64_t) + sizeof(std::int64_t);
std::string key_of_answer(CommandHash hash) { return fmt::format("{{a:{:016x}{:016x}}}", hash.hi, hash.lo); }

}  // namespace

// --- Answers to commands

Task<Result<bool>> RedisStore::keep_answer(Command command, AnswerKept answer) {
  const std::int64_t at_ms = now(kSystemPartition).ms;
  std::string value(kAnswerHead, '\0');
  std::memcpy(value.data(), &command.fingerprint, sizeof command.fingerprint);
  std::memcpy(value.data() + sizeof command.fingerprint, &at_ms, sizeof at_ms);
  codec::encode_event(Event{std::move(answer)}, value);
  // The first one stays. One that is too old by the partition's time, which a development clock may have moved, is
  // none.
  const auto known = co_await answer_to(command.hash);
  if (!known) co_return tl::unexpected(known.error());
  if (*known) co_return false;
  const std::string key = key_of_answer(command.hash);
  Arguments set{"SET", key, std::move(value), "PX", std::to_string(kAnswerLifeMs)};
  if (!options_.own_clock) set.emplace_back("NX");
  const Result<Reply> reply = co_await client_.call_durable(key, std::move(set));
  if (!reply) co_return tl::unexpected(reply.error());
  if (reply->type == Reply::Type::error) co_return fail(FailureCode::unavailable, "redis: answer: " + reply->text);
  co_return reply->type != Reply::Type::nil;
}

Task<Result<std::string>> RedisStore::claim_id(Command command, std::string wanted) {
  const std::string key = key_of_answer(command.hash) + ":id";
  const std::int64_t now_ms = now(kSystemPartition).ms;
  const std::string value = fmt::format("{} {}", now_ms, wanted);
  bool first = true;  // an old one, by the partition's time, is replaced
  for (int attempt = 0; attempt < 2; ++attempt) {
    Arguments set{"SET", key, value, "PX", std::to_string(kAnswerLifeMs)};
    if (first) set.emplace_back("NX");
    const Result<Reply> reply = co_await client_.call_durable(key, std::move(set));
    if (!reply) co_return tl::unexpected(reply.error());
    if (reply->type == Reply::Type::error) co_return fail(FailureCode::unavailable, "redis: id: " + reply->text);
    if (reply->type != Reply::Type::nil) co_return wanted;
    Call get{.routing_key = key, .command = {"GET", key}, .kind = Kind::confirmed};
    const Result<Reply> there = co_await client_.call(std::move(get));
    if (!there) co_return tl::unexpected(there.error());
    std::int64_t at_ms = 0;
    const char* end = there->text.data() + there->text.size();
    const auto [stop, error] = std::from_chars(there->text.data(), end, at_ms);
    if (error == std::errc{} && stop != end && now_ms - at_ms < kAnswerLifeMs) co_return std::string(stop + 1, end);
    first = false;
  }
  co_return wanted;
}

Task<Result<std::optional<PromotionStore::KeptAnswer>>> RedisStore::answer_to(CommandHash hash) {
  std::string key = key_of_answer(hash);
  Call get{.routing_key = key, .command = {"GET", key}, .kind = Kind::confirmed};
  const Result<Reply> reply = co_await client_.call(std::move(get));
  if (!reply) co_return tl::unexpected(reply.error());
  if (reply->type == Reply::Type::nil) co_return std::optional<KeptAnswer>{};
  KeptAnswer kept;
  const std::string_view value = reply->text;
  if (value.size() < kAnswerHead) co_return fail(FailureCode::damaged, "redis: an answer is cut short");
  std::int64_t at_ms = 0;
  std::memcpy(&kept.fingerprint, value.data(), sizeof kept.fingerprint);
  std::memcpy(&at_ms, value.data() + sizeof kept.fingerprint, sizeof at_ms);
  if (now(kSystemPartition).ms - at_ms >= kAnswerLifeMs) co_return std::optional<KeptAnswer>{};
  Result<Event> event = codec::decode_event(value.substr(kAnswerHead));
  if (!event) co_return tl::unexpected(event.error());
  auto* answer = std::get_if<AnswerKept>(&*event);
  if (answer == nullptr) co_return fail(FailureCode::damaged, "redis: what is kept is no answer");
  kept.answer = std::move(*answer);
  co_return std::optional<KeptAnswer>{std::move(kept)};
}

// --- Reading

Task<Result<std::vector<std::int64_t>>> RedisStore::read_of(PartitionNo partition, std::vector<Look> looks,
                                                            Freshness freshness) {
  for (int attempt = 0;; ++attempt) {
    const Place place = mirror_.at(partition).place;
    const Result<LookCall> call = LookCall::make(place, partition, looks);
    if (!call) co_return tl::unexpected(call.error());
    std::vector<Call> calls;
    for (const Arguments& command : call->commands()) {
      calls.push_back({.routing_key = place.header(),
                       .command = command,
                       .kind = freshness == Freshness::durable ? Kind::confirmed : Kind::read});
    }
    std::vector<Result<Reply>> replies = co_await client_.pipeline(std::move(calls));
    std::vector<Reply> sound;
    sound.reserve(replies.size());
    for (Result<Reply>& reply : replies) {
      if (!reply) co_return tl::unexpected(reply.error());
      sound.push_back(std::move(*reply));
    }
    Result<LookCall::Values> values = call->read(sound);
    if (values) {
      if (freshness == Freshness::durable) mirror_.note_confirmed(mirror_.at(partition), values->header);
      mirror_.note(mirror_.at(partition), values->header, std::nullopt);
      co_return std::move(values->values);
    }
    // Another epoch is in force: look there, once.
    if (values.error().code == FailureCode::conflict && attempt == 0) {
      const Result<bool> reloaded = co_await mirror_.reload(partition);
      if (!reloaded) co_return tl::unexpected(reloaded.error());
      continue;
    }
    if (values.error().code != FailureCode::not_found) co_return tl::unexpected(values.error());
    mirror_.note_missing(mirror_.at(partition));
    co_return fenced(mirror_.at(partition).id);
  }
}

Task<Result<std::vector<std::int64_t>>> RedisStore::read(std::vector<Look> looks, Freshness freshness) {
  std::vector<std::int64_t> values(looks.size());
  std::map<PartitionNo, std::vector<std::size_t>> by_partition;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    const PartitionNo partition = partition_of(looks[i]);
    if (partition == kSystemPartition) {
      if (!mirror_.fresh()) {
        co_return fail(FailureCode::unavailable, "redis: the system partition could not be read for a second");
      }
      values[i] = peek(looks[i]);
    } else if (partition.value < mirror_.size()) {
      by_partition[partition].push_back(i);
    }
  }
  auto next = by_partition.cbegin();
  while (next != by_partition.cend()) {
    auto answered = next;
    std::vector<Task<Result<std::vector<std::int64_t>>>> tasks;
    for (; next != by_partition.cend() && tasks.size() < kPartitionsAtOnce; ++next) {
      std::vector<Look> of_one;
      of_one.reserve(next->second.size());
      for (const std::size_t i : next->second) of_one.push_back(looks[i]);
      tasks.push_back(read_of(next->first, std::move(of_one), freshness));
    }
    const std::vector<Result<std::vector<std::int64_t>>> answers = co_await gather(std::move(tasks));
    for (const Result<std::vector<std::int64_t>>& some : answers) {
      if (!some) co_return some;
      const std::vector<std::size_t>& places = (answered++)->second;
      for (std::size_t i = 0; i < places.size(); ++i) values[places[i]] = (*some)[i];
    }
  }
  co_return values;
}

Task<Result<std::optional<CommandRecord>>> RedisStore::accepted(PartitionNo partition, CommandHash hash) {
  for (int attempt = 0;; ++attempt) {
    const Place place = mirror_.at(partition).place;
    std::vector<Call> calls;
    for (Arguments& command : accepted_call(place, hash)) {
      calls.push_back({.routing_key = place.header(), .command = std::move(command), .kind = Kind::confirmed});
    }
    std::vector<Result<Reply>> replies = co_await client_.pipeline(std::move(calls));
    std::vector<Reply> sound;
    for (Result<Reply>& reply : replies) {
      if (!reply) co_return tl::unexpected(reply.error());
      sound.push_back(std::move(*reply));
    }
    Result<std::optional<CommandRecord>> record = read_accepted(place, hash, now(partition), sound);
    if (!record && record.error().code == FailureCode::not_found) {
      // Nobody knows, which is no answer: what was accepted is known again when the partition is rebuilt.
      mirror_.note_missing(mirror_.at(partition));
      co_return fenced(mirror_.at(partition).id);
    }
    if (record || record.error().code != FailureCode::conflict || attempt > 0) co_return record;
    const Result<bool> reloaded = co_await mirror_.reload(partition);
    if (!reloaded) co_return tl::unexpected(reloaded.error());
  }
}

std::vector<PartitionNo> RedisStore::partitions() const {
  std::vector<PartitionNo> all;
  for (std::uint32_t i = 0; i < mirror_.size(); ++i) {
    if (!mirror_.at(PartitionNo{i}).place.prefix.empty()) all.push_back(PartitionNo{i});
  }
  return all;
}

Task<Result<std::vector<std::pair<PartitionNo, Header>>>> RedisStore::headers(std::vector<PartitionNo> of) {
  std::vector<Call> calls;
  for (const PartitionNo partition : of) {
    const Place& place = mirror_.at(partition).place;
    calls.push_back({.routing_key = place.header(), .command = header_call(place.prefix)});
  }
  const std::vector<Result<Reply>> replies = co_await client_.pipeline(std::move(calls));
  std::vector<std::pair<PartitionNo, Header>> all;
  for (std::size_t i = 0; i < of.size(); ++i) {
    if (!replies[i]) co_return tl::unexpected(replies[i].error());
    const Result<std::optional<Header>> header = read_header(*replies[i]);
    if (!header) co_return tl::unexpected(header.error());
    if (*header) all.emplace_back(of[i], **header);
  }
  co_return all;
}

}  // namespace windfall::redis
