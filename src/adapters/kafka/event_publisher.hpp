// The stream of decided events as a Kafka topic: one CloudEvents message per event, keyed by promotion.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_message.hpp"
#include "adapters/kafka/producer.hpp"
#include "application/port/event_stream.hpp"

namespace windfall::kafka {

class KafkaEventPublisher final : public EventPublisher {
 public:
  struct Options {
    std::string topic;
    std::string source;  ///< URI reference of this installation, in ce_source
    /// The public id of an event: of its lineage, promotion, epoch and sequence.
    std::function<codec::Uuid(std::string_view promotion_id, Epoch epoch, Sequence sequence)> id_of;
  };
  /// `producer` posts to the loop thread and outlives this.
  KafkaEventPublisher(Producer& producer, Options options) : producer_(producer), options_(std::move(options)) {}

  Task<Result<bool>> publish(PromotionEvents batch) override;

 private:
  void send(const PromotionEvents& batch, Producer::Done done);

  Producer& producer_;
  Options options_;
  codec::EventMessage message_;  ///< its memory is used again
};

}  // namespace windfall::kafka
