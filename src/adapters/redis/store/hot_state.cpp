#include "adapters/redis/store/hot_state.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>
#include <vector>

#include "adapters/redis/read_call.hpp"

namespace windfall::redis {

namespace {

/// Hashes that are asked for together: some 60 fields each, so that a reply is a few hundred KiB and nobody waits
/// behind it for long.
constexpr std::uint32_t kBucketsAtOnce = 128;
constexpr std::size_t kReferenceBytes = 16;

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8U) | static_cast<unsigned char>(byte);
  return value;
}

tl::unexpected<Failure> not_understood(const std::string& key, const Reply& reply) {
  if (reply.type == Reply::Type::error) return fail(FailureCode::unavailable, "redis: " + key + ": " + reply.text);
  return fail(FailureCode::damaged, "redis: " + key + " is not what Windfall writes");
}

/// Calls `pair(name, value)` for a reply to HGETALL.
template <class Pair>
Result<bool> each_pair(const std::string& key, const Result<Reply>& reply, Pair pair) {
  if (!reply) return tl::unexpected(reply.error());
  if (reply->type != Reply::Type::array) return not_understood(key, *reply);
  for (std::size_t i = 0; i + 1 < reply->items.size(); i += 2) {
    if (!pair(reply->items[i].text, reply->items[i + 1].text)) return not_understood(key, *reply);
  }
  return true;
}

Call read_of(const Place& place, Arguments command) {
  return {.routing_key = place.header(), .command = std::move(command), .kind = Kind::read};
}

}  // namespace

Task<Result<std::optional<Header>>> read_header_of(Client* client, std::string prefix) {
  Call call{.routing_key = prefix + ":h", .command = header_call(prefix), .kind = Kind::confirmed};
  const Result<Reply> reply = co_await client->call(std::move(call));
  if (!reply) co_return tl::unexpected(reply.error());
  co_return read_header(*reply);
}

Task<Result<PartitionFields>> read_partition_fields(Client* client, Place place) {
  std::vector<Call> calls;
  calls.push_back(read_of(place, definition_call(place)));
  calls.push_back(read_of(place, {"HGETALL", place.counters()}));
  const std::vector<Result<Reply>> replies = co_await client->pipeline(std::move(calls));
  PartitionFields fields;
  if (!replies[0]) co_return tl::unexpected(replies[0].error());
  if (replies[0]->type == Reply::Type::bulk) fields.definition = replies[0]->text;
  const Result<bool> read =
      each_pair(place.counters(), replies[1], [&](const std::string& name, const std::string& text) {
        const std::optional<std::int64_t> value = number_in(text);
        if (value) fields.counters[name] = *value;
        return value.has_value();
      });
  if (!read) co_return tl::unexpected(read.error());
  co_return fields;
}

Task<Result<bool>> each_user_field(Client* client, Place place, const FieldVisit* visit) {
  for (std::uint32_t first = 0; first < place.buckets; first += kBucketsAtOnce) {
    const std::uint32_t end = first + std::min(kBucketsAtOnce, place.buckets - first);
    std::vector<Call> calls;
    for (std::uint32_t bucket = first; bucket < end; ++bucket) {
      calls.push_back(read_of(place, {"HGETALL", place.bucket(bucket)}));
    }
    const std::vector<Result<Reply>> replies = co_await client->pipeline(std::move(calls));
    for (std::uint32_t bucket = first; bucket < end; ++bucket) {
      const Result<bool> read = each_pair(
          place.bucket(bucket), replies[bucket - first], [&](const std::string& field, const std::string& text) {
            const std::optional<std::int64_t> value = number_in(text);
            if (!value || field.size() <= kReferenceBytes) return false;
            const std::size_t tag = field.size() - kReferenceBytes;
            const UserRef user{.hi = big_endian(std::string_view(field).substr(tag, 8)),
                               .lo = big_endian(std::string_view(field).substr(tag + 8))};
            (*visit)(std::string_view(field).substr(0, tag), user, *value);
            return true;
          });
      if (!read) co_return read;
    }
  }
  co_return true;
}

Task<Result<bool>> each_command(Client* client, Place place, const CommandVisit* visit) {
  for (std::size_t odd = 0; odd < 2; ++odd) {
    std::string cursor = "0";
    do {
      std::vector<Call> calls;
      calls.push_back(read_of(place, {"HSCAN", place.commands(odd), cursor, "COUNT", "1000"}));
      const std::vector<Result<Reply>> replies = co_await client->pipeline(std::move(calls));
      if (!replies[0]) co_return tl::unexpected(replies[0].error());
      if (replies[0]->type != Reply::Type::array || replies[0]->items.size() != 2) {
        co_return not_understood(place.commands(odd), *replies[0]);
      }
      cursor = replies[0]->items[0].text;
      const Result<Reply> page = replies[0]->items[1];
      const Result<bool> read =
          each_pair(place.commands(odd), page, [&](const std::string& field, const std::string& text) {
            if (field.size() != kReferenceBytes) return false;
            const CommandHash hash{.hi = big_endian(std::string_view(field).substr(0, 8)),
                                   .lo = big_endian(std::string_view(field).substr(8))};
            const Result<CommandRecord> record = read_command_record(hash, text);
            if (record) (*visit)(*record);
            return record.has_value();
          });
      if (!read) co_return read;
    } while (cursor != "0");
  }
  co_return true;
}

Task<Result<std::map<std::string, std::uint32_t, std::less<>>>> read_registry(Client* client) {
  const std::string key(kRegistryKey);
  Arguments command{"HGETALL", key};
  const Result<Reply> reply = co_await client->call(key, std::move(command));
  std::map<std::string, std::uint32_t, std::less<>> numbers;
  const Result<bool> read =
      each_pair(std::string(kRegistryKey), reply, [&](const std::string& name, const std::string& text) {
        const std::optional<std::int64_t> value = number_in(text);
        if (value) numbers[name] = static_cast<std::uint32_t>(*value);
        return value.has_value();
      });
  if (!read) co_return tl::unexpected(read.error());
  co_return numbers;
}

}  // namespace windfall::redis
