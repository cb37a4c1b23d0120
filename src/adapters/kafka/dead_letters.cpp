#include "adapters/kafka/dead_letters.hpp"

#include <algorithm>
#include <concepts>
#include <utility>
#include <vector>

namespace windfall::kafka {

namespace {

/// Java's byte order, which is what Spring writes numbers in.
template <std::integral T>
std::string big_endian(T value) {
  std::string bytes(sizeof(T), '\0');
  auto rest = static_cast<std::make_unsigned_t<T>>(value);
  for (std::size_t i = sizeof(T); i-- > 0;) {
    bytes[i] = static_cast<char>(rest & 0xFFU);
    if constexpr (sizeof(T) > 1) rest = static_cast<std::make_unsigned_t<T>>(rest >> 8U);
  }
  return bytes;
}

constexpr std::string_view kException = "windfall.MessageRefused";

}  // namespace

DeadLetters::~DeadLetters() {
  const std::lock_guard lock(shared_->mutex);
  shared_->closed = true;
}

void DeadLetters::bury(Message message, std::string_view reason, std::string why, int attempts) {
  auto letter = std::make_shared<Letter>(Letter{
      .message = std::move(message), .reason = std::string(reason), .why = std::move(why), .attempts = attempts});
  {
    const std::lock_guard lock(shared_->mutex);
    ++shared_->under_way;
  }
  shared_->send(letter);
}

void DeadLetters::Shared::send(const std::shared_ptr<Letter>& letter) {
  const Place& place = letter->message.place;
  const std::vector<std::pair<std::string_view, std::string>> added{
      {"kafka_dlt-original-topic", place.topic},
      {"kafka_dlt-original-partition", big_endian(place.partition)},
      {"kafka_dlt-original-offset", big_endian(place.offset)},
      {"kafka_dlt-original-timestamp", big_endian(letter->message.timestamp_ms)},
      {"kafka_dlt-original-consumer-group", options.group},
      {"kafka_dlt-exception-fqcn", std::string(kException)},
      {"kafka_dlt-exception-message", letter->why},
      {"x-windfall-reason", letter->reason},
      {"x-windfall-attempts", std::to_string(letter->attempts)},
  };
  std::vector<Producer::Header> headers;
  for (const auto& [name, value] : letter->message.headers) headers.push_back({.name = name, .value = value});
  for (const auto& [name, value] : added) headers.push_back({.name = name, .value = value});
  Producer::Batch batch = producer.begin([self = shared_from_this(), letter](const Result<bool>& done) {
    const std::lock_guard lock(self->mutex);
    if (self->closed) return;
    if (done) {
      self->consumer.finish(letter->message.place);
      --self->under_way;
      ++self->buried;
    } else {
      self->failed.push_back(letter);
    }
  });
  batch.add({.topic = options.topic, .key = letter->message.key, .value = letter->message.value, .headers = headers});
}

void DeadLetters::tend(std::int64_t monotonic_ms) {
  std::deque<std::shared_ptr<Letter>> again;
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->failed.empty() || monotonic_ms < shared_->next_try_ms) return;
    shared_->next_try_ms = monotonic_ms + kRetryMs;
    again.swap(shared_->failed);
  }
  for (const auto& letter : again) shared_->send(letter);
}

std::uint64_t DeadLetters::buried() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->buried;
}

std::size_t DeadLetters::under_way() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->under_way;
}

}  // namespace windfall::kafka
