#include "adapters/redis/read_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

#include "domain/kernel/state.hpp"

namespace windfall::redis {

namespace {

constexpr std::uint64_t kMemberMask = (std::uint64_t{1} << kMembersPerWord) - 1;
/// HMGET and its key stand before the fields.
constexpr std::size_t kBeforeFields = 2;

tl::unexpected<Failure> damaged(std::string_view what) {
  return fail(FailureCode::damaged, fmt::format("redis: {}", what));
}

Result<Header> header_of(const Reply& reply, Epoch epoch) {
  Result<std::optional<Header>> header = read_header(reply);
  if (!header) return tl::unexpected(header.error());
  if (!*header) return fail(FailureCode::not_found, "redis: the partition has no header");
  if ((*header)->epoch != epoch) {
    return fail(FailureCode::conflict, fmt::format("redis: epoch {} is in force", (*header)->epoch.value));
  }
  return std::move(**header);
}

Result<std::int64_t> number_in(const Reply& reply) {
  if (reply.type == Reply::Type::nil) return 0;
  std::int64_t value = 0;
  const char* end = reply.text.data() + reply.text.size();
  const auto [stop, problem] = std::from_chars(reply.text.data(), end, value);
  if (problem != std::errc{} || stop != end) return damaged("a value is not a number");
  return value;
}

}  // namespace

Arguments header_call(std::string_view prefix) { return {"GET", std::string(prefix) + ":h"}; }
Arguments definition_call(const Place& place) { return {"GET", place.definition()}; }

Result<LookCall> LookCall::make(const Place& place, PartitionNo partition, std::span<const Look> looks) {
  // The same checks as those of a proposal with these looks.
  Proposal asking;
  asking.partition = partition;
  asking.looks.assign(looks.begin(), looks.end());
  asking.events.emplace_back(Audited{});
  if (const Result<PlanText> plan = plan_of(asking); !plan) return tl::unexpected(plan.error());

  LookCall call;
  call.epoch_ = place.epoch;
  call.commands_.push_back(header_call(place.prefix));
  for (const Look& look : looks) call.wanted_.push_back({.look = look, .source = call.source_of(place, look)});
  return call;
}

LookCall::Source LookCall::field_of(const std::string& key, const std::string& field) {
  auto command =
      std::find_if(commands_.begin() + 1, commands_.end(), [&key](const Arguments& c) { return c[1] == key; });
  if (command == commands_.end()) command = commands_.insert(command, {"HMGET", key});
  command->push_back(field);
  return {.command = static_cast<std::size_t>(command - commands_.begin()),
          .field = command->size() - 1 - kBeforeFields};
}

LookCall::Source LookCall::source_of(const Place& place, const Look& look) {
  const auto of_user = [&](UserRef user, const std::string& tag) {
    return field_of(place.bucket(user), tag + bytes_of(user));
  };
  if (const auto* counter = std::get_if<CounterKey>(&look)) {
    if (in_header(*counter)) return {};
    if (counter->user == UserRef{}) return field_of(place.counters(), counter_name(*counter));
    return of_user(counter->user, counter_tag(counter->kind, counter->index));
  }
  if (const auto* member = std::get_if<MemberOf>(&look)) {
    const bool dense = member->set.kind == kDenseSet;
    return of_user(member->set.user, dense ? word_tag(member->member / kMembersPerWord) : own_bits_tag());
  }
  const SetKey& set = std::get<SizeOf>(look).set;
  if (set.kind != kDenseSet) return of_user(set.user, own_bits_tag());
  const Source first = of_user(set.user, word_tag(0));
  for (std::uint32_t word = 1; word < kDenseWords; ++word) of_user(set.user, word_tag(word));
  return first;
}

Result<LookCall::Values> LookCall::read(std::span<const Reply> replies) const {
  if (replies.size() != commands_.size()) return damaged("replies and commands differ in number");
  for (const Reply& reply : replies) {
    if (reply.type == Reply::Type::error) return fail(FailureCode::unavailable, "redis: " + reply.text);
  }
  Result<Header> header = header_of(replies[0], epoch_);
  if (!header) return tl::unexpected(header.error());
  for (std::size_t i = 1; i < replies.size(); ++i) {
    if (replies[i].items.size() != commands_[i].size() - kBeforeFields) return damaged("fields are missing");
  }

  Values result{.header = std::move(*header), .values = {}};
  for (const Wanted& wanted : wanted_) {
    if (wanted.source.command == 0) {
      result.values.push_back(result.header.counter(std::get<CounterKey>(wanted.look)));
      continue;
    }
    const std::vector<Reply>& fields = replies[wanted.source.command].items;
    Result<std::int64_t> value = number_in(fields[wanted.source.field]);
    if (!value) return tl::unexpected(value.error());
    const auto bit = [&value](std::uint32_t number) { return (*value >> number) & 1; };
    if (const auto* member = std::get_if<MemberOf>(&wanted.look)) {
      value = bit(member->set.kind == kDenseSet ? member->member % kMembersPerWord : member->set.kind);
    } else if (const auto* set = std::get_if<SizeOf>(&wanted.look)) {
      if (set->set.kind != kDenseSet) {
        value = bit(set->set.kind);
      } else {
        std::int64_t members = 0;
        for (std::uint32_t word = 0; word < kDenseWords; ++word) {
          const Result<std::int64_t> bits = number_in(fields[wanted.source.field + word]);
          if (!bits) return tl::unexpected(bits.error());
          members += std::popcount(static_cast<std::uint64_t>(*bits) & kMemberMask);
        }
        value = members;
      }
    }
    result.values.push_back(*value);
  }
  return result;
}

std::vector<Arguments> accepted_call(const Place& place, CommandHash hash) {
  return {header_call(place.prefix),
          {"HGET", place.commands(0), bytes_of(hash)},
          {"HGET", place.commands(1), bytes_of(hash)}};
}

Result<std::optional<CommandRecord>> read_accepted(const Place& place, CommandHash hash, Instant now,
                                                   std::span<const Reply> replies) {
  if (replies.size() != 3) return damaged("replies and commands differ in number");
  for (const Reply& reply : replies) {
    if (reply.type == Reply::Type::error) return fail(FailureCode::unavailable, "redis: " + reply.text);
  }
  const Result<Header> header = header_of(replies[0], place.epoch);
  if (!header) return tl::unexpected(header.error());
  const Instant time = std::max(now, header->time.value_or(now));
  for (const Reply& reply : replies.subspan(1)) {
    if (reply.type == Reply::Type::nil) continue;
    Result<CommandRecord> record = read_command_record(hash, reply.text);
    if (!record) return tl::unexpected(record.error());
    if (time.ms - record->time.ms < State::kCommandLifeMs) return std::optional(*record);
  }
  return std::optional<CommandRecord>{};
}

}  // namespace windfall::redis
