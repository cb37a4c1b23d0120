// The inbox as a Kafka topic: an event is taken when Kafka has acknowledged it, by whichever server was asked, and
// judged by the one that consumes its user's partition. Front ends may write into the topic directly, as CloudEvents in
// binary or in structured mode; what cannot be read goes to the dead letters.
//
// Ids are remembered in memory for the last kRemembered events and more, and no longer than an inbox has to, so that
// what is delivered twice is judged once; after a restart the natural guards hold.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/kafka/consumer.hpp"
#include "adapters/kafka/dead_letters.hpp"
#include "adapters/kafka/producer.hpp"
#include "application/port/clock.hpp"
#include "application/port/inbox.hpp"

namespace windfall::kafka {

class KafkaInbox final : public Inbox {
 public:
  /// Some minutes of a busy installation, and 35 MB.
  static constexpr std::size_t kRemembered = 250'000;
  /// Taken from the consumer at once; twice what is judged at once.
  static constexpr std::size_t kPage = 512;

  struct Options {
    std::string topic;
    std::string dead_letters;  ///< topic
    /// The reference of a user id, by the installation's key.
    std::function<UserRef(std::string_view user_id)> ref_of;
    /// Keeps the answer to a command once its events are acknowledged; empty: the same command is answered anew, and
    /// its events, which have the same ids, are judged once.
    std::function<Task<Result<bool>>(Command command, AnswerKept answer)> keep_answer;
    std::function<void(const std::string& why)> trouble;
  };

  /// `producer` posts to the loop thread. `consumer` is made with Options::topics = {topic}, and its hook `arrived`
  /// posts JudgeInbound::poke(); without one (no role listener here) the inbox only takes. All outlive this.
  KafkaInbox(Options options, Producer& producer, Consumer* consumer, const Clock& clock);

  Task<Result<std::size_t>> take(std::vector<InboundEvent> events, std::optional<Command> command,
                                 AnswerKept answer) override;
  std::optional<InboundEvent> next() override;
  void put_back(InboundEvent event) override;
  void settled(const InboundEvent& event) override;
  void held(const InboundEvent& event) override;
  /// Without what other members of the group have to judge.
  [[nodiscard]] std::size_t waiting() const override;
  [[nodiscard]] std::uint64_t duplicates() const override { return duplicates_; }
  [[nodiscard]] std::uint64_t dead_lettered() const { return dead_letters_ ? dead_letters_->buried() : 0; }

 private:
  using Id = std::array<std::uint8_t, 16>;
  struct HashOfId {
    std::size_t operator()(const Id& id) const {
      std::size_t hash = 0;  // an id is a hash
      std::memcpy(&hash, id.data(), sizeof hash);
      return hash;
    }
  };
  using Ids = std::unordered_map<Id, std::int64_t, HashOfId>;  ///< and when each came
  /// nullopt if it went to the dead letters, or is known.
  std::optional<InboundEvent> read(Message message);
  bool remember(const Id& id, std::int64_t now_ms);
  [[nodiscard]] static bool knows(const Ids& ids, const Id& id, std::int64_t now_ms);
  void send(const std::vector<InboundEvent>& events, Producer::Done done);

  Options options_;
  Producer& producer_;
  Consumer* consumer_;
  const Clock& clock_;
  std::unique_ptr<DeadLetters> dead_letters_;  ///< none without a consumer
  std::deque<Message> taken_;
  std::map<std::uint64_t, InboundEvent> put_back_;  ///< by order
  /// Of an event that is handed out, or put back.
  struct Open {
    std::vector<Place> places;  ///< where it was delivered
    bool held = false;
  };
  std::unordered_map<Id, Open, HashOfId> judging_;
  Ids recent_;
  Ids earlier_;
  std::uint64_t next_order_ = 1;
  std::uint64_t duplicates_ = 0;
};

}  // namespace windfall::kafka
