// A broker that wants TLS and a login, as the [kafka] table of a configuration says it: every kind of client.

#include "adapters/kafka/lag.hpp"
#include "adapters/kafka/tail.hpp"
#include "app/kafka_config.hpp"
#include "kafka/rig.hpp"

namespace windfall::test {
namespace {

constexpr int kPatienceMs = 20'000;
/// A login that is refused is tried again for as long as this.
constexpr int kRefusedMs = 3'000;

class GuardedBroker : public KafkaTest {
 protected:
  [[nodiscard]] static app::Config configuration(const std::string& mechanism) {
    app::Config config;
    config.mode = "distributed";
    config.kafka_brokers = Broker::shared().guarded_address();
    config.kafka_security_protocol = "sasl_ssl";
    config.kafka_ca_file = Broker::shared().ca_file();
    config.kafka_sasl_mechanism = mechanism;
    config.kafka_sasl_username = Broker::kUser;
    config.kafka_password = Broker::kPassword;
    return config;
  }
  std::unique_ptr<kafka::Producer> producer_of(const app::Config& config) {
    auto made = kafka::Producer::make({.brokers = config.kafka_brokers,
                                       .post = [this](std::function<void()> call) { loop_.post(std::move(call)); },
                                       .settings = app::kafka_settings(config)});
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }

  /// Topics, a producer, a member of a group, its lag and the tail of a topic.
  void expect_every_client_let_in(const std::string& mechanism) {
    const app::Config config = configuration(mechanism);
    const kafka::Settings settings = app::kafka_settings(config);
    const auto topics = kafka::apply_topics(config.kafka_brokers, settings, plan(), true);
    ASSERT_TRUE(topics) << topics.error().message;
    EXPECT_EQ(topics->front().state, kafka::TopicReport::State::as_planned);

    const auto sender = producer_of(config);
    const auto warm = sender->warm_up({names_.events}, names_.warm_up, kPatienceMs);
    ASSERT_TRUE(warm) << warm.error().message;
    auto to = publisher(*sender);
    ASSERT_TRUE(publish(to, joins(1, 1, 3)));

    kafka::Consumer::Options reading = consuming(names_.events);
    reading.brokers = config.kafka_brokers;
    reading.settings.insert(reading.settings.end(), settings.begin(), settings.end());
    auto consumer = kafka::Consumer::make(std::move(reading));
    ASSERT_TRUE(consumer) << consumer.error().message;
    std::size_t taken = 0;
    EXPECT_TRUE(loop_.until([&] {
      for (const kafka::Message& message : (*consumer)->take(10)) {
        (*consumer)->finish(message.place);
        ++taken;
      }
      return taken == 3;
    }));
    (*consumer)->stop();

    const std::string group = prefix_ + "readers";
    const auto unread = kafka::unread(config.kafka_brokers, settings, group, names_.events);
    ASSERT_TRUE(unread) << unread.error().message;
    EXPECT_EQ(*unread, 0);
    ASSERT_TRUE(publish(to, joins(1, 4, 4)));
    const auto tail = kafka::read_tail(
        {.brokers = config.kafka_brokers, .group = group, .topic = names_.events, .settings = settings},
        [](const kafka::Message&) -> Result<bool> { return true; });
    ASSERT_TRUE(tail) << tail.error().message;
    EXPECT_EQ(*tail, 1U);
  }
};

TEST_F(GuardedBroker, LetsInEveryClientThatSaysItsPassword) { expect_every_client_let_in("PLAIN"); }

TEST_F(GuardedBroker, LetsInEveryClientThatProvesItsPassword) { expect_every_client_let_in("SCRAM-SHA-512"); }

TEST_F(GuardedBroker, TurnsAwayWhoeverHasAnotherPasswordOrDoesNotTrustItsCertificate) {
  app::Config stranger = configuration("SCRAM-SHA-512");
  stranger.kafka_password = "another";
  app::Config distrustful = configuration("SCRAM-SHA-512");
  distrustful.kafka_ca_file.clear();
  app::Config open = configuration("");
  open.kafka_security_protocol = "plaintext";
  for (const app::Config& config : {stranger, distrustful, open}) {
    const auto sender = producer_of(config);
    const auto warm = sender->warm_up({names_.events}, names_.warm_up, kRefusedMs);
    ASSERT_FALSE(warm);
    EXPECT_EQ(warm.error().code, FailureCode::unavailable) << warm.error().message;
  }
}

}  // namespace
}  // namespace windfall::test
