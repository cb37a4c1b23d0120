#include "adapters/kafka/event_publisher.hpp"

#include <array>
#include <cstddef>
#include <unordered_map>
#include <utility>

namespace windfall::kafka {

namespace {

/// A reference is a keyed hash already.
struct HashOfRef {
  std::size_t operator()(const UserRef& user) const { return static_cast<std::size_t>(user.lo); }
};

constexpr std::size_t kMostHeaders = 16;

}  // namespace

Task<Result<bool>> KafkaEventPublisher::publish(PromotionEvents batch) {
  if (batch.events.empty()) co_return true;
  Completion<Result<bool>> done;
  send(batch, [&done](Result<bool> result) { done.complete(std::move(result)); });
  co_return co_await done;
}

void KafkaEventPublisher::send(const PromotionEvents& batch, Producer::Done done) {
  std::unordered_map<UserRef, std::string_view, HashOfRef> names;
  names.reserve(batch.identities.size());
  for (const LogBatch::Named& named : batch.identities) names[named.user] = named.id;
  const codec::NameOf name_of = [&names](UserRef user) {
    const auto found = names.find(user);
    return found == names.end() ? std::string_view{} : found->second;
  };

  Producer::Batch sending = producer_.begin(std::move(done));
  std::array<Producer::Header, kMostHeaders> headers;
  for (const Recorded& recorded : batch.events) {
    const codec::Uuid id = options_.id_of(batch.promotion_id, recorded.epoch, recorded.sequence);
    codec::write_event_message(message_, recorded, batch.promotion_id, id, options_.source, name_of);
    std::size_t count = 0;
    for (const auto& header : message_.headers) headers.at(count++) = {.name = header.name, .value = header.value};
    sending.add({.topic = options_.topic,
                 .key = message_.key,
                 .value = message_.value,
                 .headers = std::span(headers).first(count)});
  }
}

}  // namespace windfall::kafka
