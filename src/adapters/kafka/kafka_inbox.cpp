#include "adapters/kafka/kafka_inbox.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "adapters/codec/cloud_events.hpp"
#include "adapters/codec/encoding.hpp"
#include "adapters/codec/time_text.hpp"

namespace windfall::kafka {

namespace {

/// ce_source of what came in by HTTP; its ce_id is the event's own id, which knows who sent it.
constexpr std::string_view kOwnSource = "/windfall/v1/events";
constexpr std::string_view kAttributePrefix = "ce_";
constexpr std::string_view kContentType = "content-type";
constexpr std::string_view kStructured = "application/cloudevents+json";

/// What is wrong, for a dead letter: the first mistake will do.
std::string reason_of(const codec::BadInput& bad) {
  if (bad.errors.empty()) return bad.where.empty() ? bad.detail_en : bad.detail_en + " at " + bad.where;
  return bad.errors.front().pointer + " " + bad.errors.front().detail_en;
}

codec::Decoded<codec::CloudEvent> decode(const Message& message) {
  const std::string* type = message.header(kContentType);
  if (type != nullptr && type->starts_with(kStructured)) {
    codec::Decoded<std::vector<codec::CloudEvent>> events = codec::decode_cloud_event(message.value);
    if (!events) return tl::unexpected(events.error());
    return std::move(events->front());
  }
  codec::CloudAttributes attributes;
  for (const auto& [name, value] : message.headers) {
    if (name.starts_with(kAttributePrefix)) {
      attributes.emplace_back(name.substr(kAttributePrefix.size()), value);
    } else if (name == kContentType) {
      attributes.emplace_back("datacontenttype", value);
    }
  }
  return codec::decode_cloud_event(attributes, message.value);
}

std::array<std::uint8_t, 16> id_of(const codec::CloudEvent& event) {
  if (event.source == kOwnSource) {
    const auto bytes = codec::from_hex(event.id);
    std::array<std::uint8_t, 16> id{};
    if (bytes && bytes->size() == id.size()) {
      std::ranges::copy(*bytes, id.begin());
      return id;
    }
  }
  return codec::inbound_id(UserRef{}, event.source, event.id);
}

}  // namespace

KafkaInbox::KafkaInbox(Options options, Producer& producer, Consumer* consumer, const Clock& clock)
    : options_(std::move(options)), producer_(producer), consumer_(consumer), clock_(clock) {
  if (consumer_ == nullptr) return;
  dead_letters_ = std::make_unique<DeadLetters>(
      producer_, *consumer_, DeadLetters::Options{.topic = options_.dead_letters, .group = consumer_->group()});
}

void KafkaInbox::send(const std::vector<InboundEvent>& events, Producer::Done done) {
  Producer::Batch batch = producer_.begin(std::move(done));
  const std::string now = codec::to_text(clock_.now());
  for (const InboundEvent& event : events) {
    const std::string id = codec::to_hex(event.id);
    const std::string data = codec::cloud_event_data(event.type, event.user_id, event.about);
    const std::array<Producer::Header, 7> headers{{{.name = "ce_specversion", .value = "1.0"},
                                                   {.name = "ce_id", .value = id},
                                                   {.name = "ce_source", .value = kOwnSource},
                                                   {.name = "ce_type", .value = codec::name_of(event.type)},
                                                   {.name = "ce_time", .value = now},
                                                   {.name = "ce_partitionkey", .value = event.user_id},
                                                   {.name = kContentType, .value = "application/json"}}};
    batch.add({.topic = options_.topic, .key = event.user_id, .value = data, .headers = headers});
  }
}

Task<Result<std::size_t>> KafkaInbox::take(std::vector<InboundEvent> events, std::optional<Command> command,
                                           AnswerKept answer) {
  if (!events.empty()) {
    Completion<Result<bool>> done;
    send(events, [&done](Result<bool> result) { done.complete(std::move(result)); });
    const Result<bool> acknowledged = co_await done;
    if (!acknowledged) co_return tl::unexpected(acknowledged.error());
  }
  if (command && options_.keep_answer) {
    const Result<bool> kept = co_await options_.keep_answer(*command, std::move(answer));
    if (!kept) co_return tl::unexpected(kept.error());
  }
  co_return events.size();
}

bool KafkaInbox::knows(const Ids& ids, const Id& id, std::int64_t now_ms) {
  const auto found = ids.find(id);
  return found != ids.end() && now_ms - found->second < kRememberedMs;
}

bool KafkaInbox::remember(const Id& id, std::int64_t now_ms) {
  if (knows(recent_, id, now_ms) || knows(earlier_, id, now_ms)) return false;
  if (recent_.size() >= kRemembered) earlier_ = std::exchange(recent_, {});
  recent_.insert_or_assign(id, now_ms);
  return true;
}

std::optional<InboundEvent> KafkaInbox::next() {
  if (consumer_ == nullptr) return std::nullopt;
  dead_letters_->tend(clock_.monotonic_ms());
  if (!put_back_.empty()) {
    auto first = put_back_.extract(put_back_.begin());
    return std::move(first.mapped());
  }
  while (true) {
    if (taken_.empty()) std::ranges::move(consumer_->take(kPage), std::back_inserter(taken_));
    if (taken_.empty()) return std::nullopt;
    Message message = std::move(taken_.front());
    taken_.pop_front();
    if (std::optional<InboundEvent> event = read(std::move(message))) return event;
  }
}

std::optional<InboundEvent> KafkaInbox::read(Message message) {
  codec::Decoded<codec::CloudEvent> decoded = decode(message);
  if (!decoded) {
    std::string why = reason_of(decoded.error());
    options_.trouble("kafka: " + message.place.topic + "[" + std::to_string(message.place.partition) + "]@" +
                     std::to_string(message.place.offset) + ": " + why);
    dead_letters_->bury(std::move(message), DeadLetters::kSchema, std::move(why));
    return std::nullopt;
  }
  const Id id = id_of(*decoded);
  // Delivered again while it is being judged, after a rebalance perhaps: if its place were finished now and this
  // process ended, nobody would judge it.
  if (const auto open = judging_.find(id); open != judging_.end()) {
    ++duplicates_;
    if (open->second.held) consumer_->hold(message.place);
    open->second.places.push_back(std::move(message.place));
    return std::nullopt;
  }
  if (!remember(id, clock_.now().ms)) {
    ++duplicates_;
    consumer_->finish(message.place);
    return std::nullopt;
  }
  judging_[id].places.push_back(std::move(message.place));
  return InboundEvent{.id = id,
                      .type = decoded->type,
                      .user = options_.ref_of(decoded->user_id),
                      .user_id = std::move(decoded->user_id),
                      .about = std::move(decoded->about),
                      .order = next_order_++};
}

void KafkaInbox::put_back(InboundEvent event) { put_back_.emplace(event.order, std::move(event)); }

void KafkaInbox::settled(const InboundEvent& event) {
  const auto found = judging_.find(event.id);
  if (found == judging_.end()) return;
  for (const Place& place : found->second.places) consumer_->finish(place);
  judging_.erase(found);
}

void KafkaInbox::held(const InboundEvent& event) {
  const auto found = judging_.find(event.id);
  if (found == judging_.end()) return;
  found->second.held = true;
  for (const Place& place : found->second.places) consumer_->hold(place);
}

std::size_t KafkaInbox::waiting() const {
  return put_back_.size() + taken_.size() + (consumer_ == nullptr ? 0 : consumer_->waiting());
}

}  // namespace windfall::kafka
