// Events per second into Kafka: through the publisher, which makes the messages, and through bare librdkafka, which is
// handed the very same messages ready made; with its value alone, too, as librdkafka's own performance loop does. All
// idempotent, acknowledged by all, with the same linger, in turns.
//
// usage: windfall_event_bench BROKERS [EVENTS [ROUNDS]]    prints one JSON object of medians
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/codec/eras.hpp"
#include "adapters/codec/event_json.hpp"
#include "adapters/codec/event_message.hpp"
#include "adapters/kafka/event_publisher.hpp"
#include "adapters/kafka/producer.hpp"
#include "adapters/kafka/topics.hpp"
#include "application/on_event/relay_outbox.hpp"

namespace windfall {
namespace {

constexpr std::size_t kPromotions = 16;
constexpr int kWarmUpMs = 30'000;

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "windfall_event_bench: %s\n", why.c_str());
  std::exit(1);
}

struct Rate {
  double per_second = 0;
  double cpu_us = 0;  ///< of this process, per event
};

class Stopwatch {
 public:
  [[nodiscard]] Rate rate(std::size_t events) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    return {.per_second = static_cast<double>(events) / seconds,
            .cpu_us = (cpu() - cpu_) * 1e6 / static_cast<double>(events)};
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double cpu() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  Clock::time_point start_ = Clock::now();
  double cpu_ = cpu();
};

/// Pages as the relay reads them: each of one promotion, with a user per event.
std::vector<PromotionEvents> pages(std::size_t events) {
  std::vector<PromotionEvents> all;
  std::vector<std::uint64_t> last(kPromotions, 0);
  for (std::size_t made = 0, p = 0; made < events; p = (p + 1) % kPromotions) {
    PromotionEvents page{.promotion_id = "promotion-" + std::to_string(p), .events = {}, .identities = {}};
    const std::size_t count = std::min(RelayOutbox::kPage, events - made);
    for (std::size_t i = 0; i < count; ++i, ++made) {
      const UserRef user{.hi = made * 0x9E3779B97F4A7C15U, .lo = made + 1};
      page.events.push_back({.partition = {static_cast<std::uint32_t>(p + 1)},
                             .epoch = {1},
                             .sequence = {++last[p]},
                             .time = {1'750'464'000'000 + static_cast<std::int64_t>(made)},
                             .revision = {3},
                             .command = Command{.hash = {made, made + 7}, .fingerprint = made * 31},
                             .event = Participated{.user = user, .day = {20'260}, .day_index = 3, .amount = 500},
                             .taken = {}});
      page.identities.push_back({.user = user, .id = "user-" + std::to_string(1'000'000 + made)});
    }
    all.push_back(std::move(page));
  }
  return all;
}

/// The loop thread: runs what is posted.
class Loop {
 public:
  void post(std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    changed_.notify_one();
  }
  void until(const std::function<bool()>& holds) {
    while (!holds()) {
      std::function<void()> call;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !calls_.empty(); });
        call = std::move(calls_.front());
        calls_.pop_front();
      }
      call();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_;
};

Rate through_publisher(kafka::KafkaEventPublisher& publisher, Loop& loop, std::vector<PromotionEvents> all,
                       std::size_t events) {
  // One page of a promotion at a time, all promotions at once: as the relay does.
  std::vector<std::deque<PromotionEvents>> lines(kPromotions);
  for (std::size_t i = 0; i < all.size(); ++i) lines[i % kPromotions].push_back(std::move(all[i]));
  std::size_t left = kPromotions;
  const Stopwatch watch;
  for (auto& line : lines) {
    detach([](kafka::KafkaEventPublisher* to, std::deque<PromotionEvents>* mine, std::size_t* open) -> Task<void> {
      while (!mine->empty()) {
        PromotionEvents page = std::move(mine->front());
        mine->pop_front();
        const Result<bool> done = co_await to->publish(std::move(page));
        if (!done) die(done.error().message);
      }
      --*open;
    }(&publisher, &line, &left));
  }
  loop.until([&left] { return left == 0; });
  return watch.rate(events);
}

/// Bare librdkafka, with the settings of Producer.
class Bare {
 public:
  explicit Bare(const std::string& brokers) {
    char why[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    const std::vector<std::pair<std::string, std::string>> settings{
        {"bootstrap.servers", brokers},
        {"enable.idempotence", "true"},
        {"linger.ms", std::to_string(kafka::Producer::kLingerMs)},
        {"partitioner", "murmur2_random"},
        {"queue.buffering.max.messages", std::to_string(kafka::Producer::kMostInFlight)},
        {"queue.buffering.max.kbytes", std::to_string(kafka::Producer::kMostInFlightKb)}};
    for (const auto& [name, value] : settings) {
      if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) die(why);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) die(rd_kafka_err2str(message->err));
      ++delivered_;
    });
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (handle_ == nullptr) die(why);
  }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;
  ~Bare() { rd_kafka_destroy(handle_); }

  Rate send(const std::string& topic, const std::vector<codec::EventMessage>& messages, bool whole) {
    delivered_ = 0;
    rd_kafka_topic_t* to = rd_kafka_topic_new(handle_, topic.c_str(), nullptr);
    const Stopwatch watch;
    for (const codec::EventMessage& message : messages) {
      while (!sent(to, message, whole)) rd_kafka_poll(handle_, 1);
      rd_kafka_poll(handle_, 0);
    }
    while (delivered_ < messages.size()) rd_kafka_poll(handle_, 10);
    const Rate rate = watch.rate(messages.size());
    rd_kafka_topic_destroy(to);
    return rate;
  }

 private:
  bool sent(rd_kafka_topic_t* to, const codec::EventMessage& message, bool whole) {
    auto* value = const_cast<char*>(message.value.data());
    rd_kafka_resp_err_t error{};
    if (whole) {
      rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size());
      for (const auto& header : message.headers) {
        rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()), header.value.data(),
                            static_cast<ssize_t>(header.value.size()));
      }
      error =
          rd_kafka_producev(handle_, RD_KAFKA_VTYPE_RKT, to, RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_MSG_F_COPY,
                            RD_KAFKA_VTYPE_VALUE, value, message.value.size(), RD_KAFKA_VTYPE_KEY, message.key.data(),
                            message.key.size(), RD_KAFKA_VTYPE_HEADERS, headers, RD_KAFKA_VTYPE_END);
      if (error != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);
    } else {
      const int refused = rd_kafka_produce(to, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, message.value.size(),
                                           message.key.data(), message.key.size(), nullptr);
      if (refused != 0) error = rd_kafka_last_error();
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR__QUEUE_FULL) die(rd_kafka_err2str(error));
    return error == RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static inline std::size_t delivered_ = 0;  // polled on one thread
  rd_kafka_t* handle_ = nullptr;
};

Rate median(std::vector<Rate> rates) {
  std::ranges::sort(rates, {}, &Rate::per_second);
  Rate middle = rates[rates.size() / 2];
  std::ranges::sort(rates, {}, &Rate::cpu_us);
  middle.cpu_us = rates[rates.size() / 2].cpu_us;
  return middle;
}

/// Milliseconds until the first event of a new producer is acknowledged.
double first_event_ms(const std::string& brokers, const kafka::TopicNames& names, bool warm) {
  Loop loop;
  auto producer = kafka::Producer::make({.brokers = brokers,
                                         .post = [&loop](std::function<void()> call) { loop.post(std::move(call)); },
                                         .settings = {}});
  if (!producer) die(producer.error().message);
  if (warm) {
    const auto ready = (*producer)->warm_up({names.events}, names.warm_up, kWarmUpMs);
    if (!ready) die(ready.error().message);
  }
  const auto start = std::chrono::steady_clock::now();
  bool acknowledged = false;
  (*producer)
      ->begin([&acknowledged](const Result<bool>& done) { acknowledged = done.has_value(); })
      .add({.topic = names.events, .key = "k", .value = "{}", .headers = {}});
  loop.until([&acknowledged] { return acknowledged; });
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// What a reader of ours pays to have them back, in microseconds of CPU.
double read_us(const std::vector<codec::EventMessage>& messages) {
  const Stopwatch watch;
  for (const codec::EventMessage& message : messages) {
    if (!codec::read_event_json(message.value)) die("an event of ours cannot be read");
  }
  return watch.rate(messages.size()).cpu_us;
}

void run(const std::string& brokers, std::size_t events, int rounds) {
  const std::string prefix = "bench.";
  const auto made = kafka::apply_topics(
      brokers, {}, {.prefix = prefix, .partitions = 4, .replication_factor = 1, .min_insync_replicas = 1}, false);
  if (!made) die(made.error().message);
  const kafka::TopicNames names = kafka::topic_names(prefix);

  Loop loop;
  auto producer = kafka::Producer::make({.brokers = brokers,
                                         .post = [&loop](std::function<void()> call) { loop.post(std::move(call)); },
                                         .settings = {}});
  if (!producer) die(producer.error().message);
  const codec::Eras eras(codec::Lineage{1});
  const std::string source = "/windfall/bench";
  kafka::KafkaEventPublisher publisher(
      **producer,
      {.topic = names.events, .source = source, .id_of = [&eras](std::string_view id, Epoch epoch, Sequence sequence) {
         return eras.ids(id, epoch, sequence).event;
       }});
  if (const auto warm = (*producer)->warm_up({names.events}, names.warm_up, kWarmUpMs); !warm)
    die(warm.error().message);

  const std::vector<PromotionEvents> all = pages(events);
  std::vector<codec::EventMessage> messages;
  messages.reserve(events);
  for (const PromotionEvents& page : all) {
    for (std::size_t i = 0; i < page.events.size(); ++i) {
      const Recorded& recorded = page.events[i];
      const codec::NameOf name = [&](UserRef) { return std::string_view(page.identities[i].id); };
      codec::write_event_message(messages.emplace_back(), recorded, page.promotion_id,
                                 eras.ids(page.promotion_id, recorded.epoch, recorded.sequence).event, source, name);
    }
  }
  Bare bare(brokers);
  std::vector<Rate> publishing;
  std::vector<Rate> whole;
  std::vector<Rate> values;
  for (int round = 0; round <= rounds; ++round) {
    std::vector<PromotionEvents> copies = all;
    const Rate p = through_publisher(publisher, loop, std::move(copies), events);
    const Rate w = bare.send(names.events, messages, true);
    const Rate v = bare.send(names.events, messages, false);
    if (round == 0) continue;  // brokers and buffers are cold
    publishing.push_back(p);
    whole.push_back(w);
    values.push_back(v);
  }
  std::vector<double> cold_ms;
  std::vector<double> warm_ms;
  for (int round = 0; round < rounds; ++round) {
    cold_ms.push_back(first_event_ms(brokers, names, false));
    warm_ms.push_back(first_event_ms(brokers, names, true));
  }
  std::ranges::sort(cold_ms);
  std::ranges::sort(warm_ms);
  const double reading = read_us(messages);
  const Rate p = median(publishing);
  const Rate w = median(whole);
  const Rate v = median(values);
  std::printf(
      "{\"events\":%zu,\"rounds\":%d,\"value_bytes\":%zu,\"publisher_per_s\":%.0f,\"publisher_cpu_us\":%.2f,"
      "\"bare_per_s\":%.0f,\"bare_cpu_us\":%.2f,\"bare_value_only_per_s\":%.0f,\"bare_value_only_cpu_us\":%.2f,"
      "\"ratio\":%.3f,\"read_cpu_us\":%.2f,\"first_cold_ms\":%.1f,\"first_warm_ms\":%.1f}\n",
      events, rounds, messages.front().value.size(), p.per_second, p.cpu_us, w.per_second, w.cpu_us, v.per_second,
      v.cpu_us, p.per_second / w.per_second, reading, cold_ms[cold_ms.size() / 2], warm_ms[warm_ms.size() / 2]);
}

}  // namespace
}  // namespace windfall

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::fputs("usage: windfall_event_bench BROKERS [EVENTS [ROUNDS]]\n", stderr);
    return 2;
  }
  windfall::run(argv[1], argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 200'000, argc > 3 ? std::atoi(argv[3]) : 5);
}
