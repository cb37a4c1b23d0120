#include "adapters/kafka/producer.hpp"

#include <librdkafka/rdkafka.h>

#include <array>
#include <cassert>
#include <chrono>
#include <optional>
#include <utility>

#include "adapters/system/log.hpp"

namespace windfall::kafka {

namespace {

/// The poller looks this often whether it shall end; reports wake it at once.
constexpr int kPollMs = 100;
/// A leader that is not known is asked for again after this long, instead of librdkafka's 250 ms and more.
constexpr const char* kRefreshMs = "100";

void set(rd_kafka_vu_t& field, std::string_view bytes) {
  field.u.mem.ptr = const_cast<char*>(bytes.data());  // the interface has no const; it is copied from
  field.u.mem.size = bytes.size();
}

}  // namespace

struct Producer::Batch::Pending {
  explicit Pending(Done when_done) : done(std::move(when_done)) {}
  std::atomic<std::int64_t> left{1};  ///< messages, and one until the batch is closed
  std::mutex mutex;
  std::optional<Failure> failure;  ///< the first one
  Done done;
};

Producer::Batch::Batch(Batch&& other) noexcept
    : producer_(other.producer_), in_flight_(std::exchange(other.in_flight_, nullptr)), failed_(other.failed_) {}

Producer::Batch::~Batch() {
  if (in_flight_ != nullptr) producer_->settle(in_flight_, RD_KAFKA_RESP_ERR_NO_ERROR);
}

void Producer::Batch::add(const Record& record) {
  if (failed_) return;
  ++in_flight_->left;
  const int error = producer_->send(record, in_flight_, RD_KAFKA_PARTITION_UA);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  failed_ = true;
  producer_->settle(in_flight_, error);
}

Result<std::unique_ptr<Producer>> Producer::make(Options options) {
  std::unique_ptr<Producer> producer(new Producer(std::move(options)));
  if (const Result<bool> opened = producer->open(); !opened) return tl::unexpected(opened.error());
  return producer;
}

Producer::~Producer() { close(options_.flush_ms); }

Result<bool> Producer::open() {
  Settings settings{
      {"bootstrap.servers", options_.brokers},
      {"client.id", options_.client_id},
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"linger.ms", std::to_string(options_.linger_ms)},
      {"message.timeout.ms", std::to_string(options_.delivery_timeout_ms)},
      {"queue.buffering.max.messages", std::to_string(kMostInFlight)},
      {"queue.buffering.max.kbytes", std::to_string(kMostInFlightKb)},
      {"message.max.bytes", std::to_string(kMostMessageBytes)},
      // As Kafka's own clients choose, so that whoever else writes with a key finds the same partition.
      {"partitioner", "murmur2_random"},
      {"topic.metadata.refresh.fast.interval.ms", kRefreshMs},
      // A broker that comes back is found within a second.
      {"reconnect.backoff.max.ms", "1000"},
  };
  settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
  Result<Conf> conf = make_conf(settings, this);
  if (!conf) return tl::unexpected(conf.error());
  rd_kafka_conf_set_dr_msg_cb(conf->get(), &Producer::delivered);
  rd_kafka_conf_set_error_cb(conf->get(), &Producer::troubled);
  Result<Handle> handle = make_handle(ClientKind::producer, std::move(*conf));
  if (!handle) return tl::unexpected(handle.error());
  handle_ = std::move(*handle);
  broken_ = false;
  ending_ = false;
  poller_ = std::thread([this, polled = handle_.get()] {
    while (!ending_) rd_kafka_poll(polled, kPollMs);
  });
  return true;
}

void Producer::close(int flush_ms) {
  if (!handle_) return;
  if (flush_ms > 0) rd_kafka_flush(handle_.get(), flush_ms);
  ending_ = true;
  poller_.join();
  // What is left is told as failed: nobody may wait for ever.
  rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(handle_.get(), kFlushMs);
  for (const auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic);
  topics_.clear();
  handle_.reset();
}

void Producer::renew() {
  const std::lock_guard lock(mutex_);
  if (!broken_) return;  // somebody else did it meanwhile
  system::log(system::LogLevel::warning, "kafka_producer_renewed");
  close(0);
  ++renewals_;
  // The same settings were right before; a failure here means that the machine has no thread or memory left.
  const Result<bool> opened = open();
  if (!opened) system::log(system::LogLevel::error, "kafka_producer_gone", {{"why", opened.error().message}});
}

Producer::Batch Producer::begin(Done done) {
  if (broken_) renew();
  ++open_batches_;
  return {this, new Batch::Pending(std::move(done))};
}

rd_kafka_topic_s* Producer::topic(const std::string& name) {
  const auto known = topics_.find(name);
  if (known != topics_.end()) return known->second;
  rd_kafka_topic_t* made = rd_kafka_topic_new(handle_.get(), name.c_str(), nullptr);
  if (made != nullptr) topics_.emplace(name, made);
  return made;
}

int Producer::send(const Record& record, Batch::Pending* in_flight, int partition) {
  const std::lock_guard lock(mutex_);
  if (!handle_) return RD_KAFKA_RESP_ERR__FATAL;
  rd_kafka_topic_t* to = topic(std::string(record.topic));
  if (to == nullptr) return rd_kafka_last_error();

  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const Header& header : record.headers) {
    rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()), header.value.data(),
                        static_cast<ssize_t>(header.value.size()));
  }
  std::array<rd_kafka_vu_t, 7> fields;
  fields[0].vtype = RD_KAFKA_VTYPE_RKT;
  fields[0].u.rkt = to;
  fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  fields[1].u.i32 = partition;
  fields[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  fields[2].u.i = RD_KAFKA_MSG_F_COPY;
  fields[3].vtype = RD_KAFKA_VTYPE_VALUE;
  set(fields[3], record.value);
  fields[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  fields[4].u.headers = headers;
  fields[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  fields[5].u.ptr = in_flight;
  fields[6].vtype = RD_KAFKA_VTYPE_KEY;
  set(fields[6], record.key);
  const std::size_t count = record.key.empty() ? fields.size() - 1 : fields.size();
  rd_kafka_error_t* error = rd_kafka_produceva(handle_.get(), fields.data(), count);
  if (error == nullptr) return RD_KAFKA_RESP_ERR_NO_ERROR;
  const int code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  rd_kafka_headers_destroy(headers);  // they are the handle's only after a success
  return code;
}

void Producer::delivered(rd_kafka_s* /*handle*/, const rd_kafka_message_s* message, void* opaque) {
  if (message->_private == nullptr) return;
  static_cast<Producer*>(opaque)->settle(static_cast<Batch::Pending*>(message->_private), message->err);
}

void Producer::settle(Batch::Pending* in_flight, int error) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (error == RD_KAFKA_RESP_ERR__FATAL) broken_ = true;
    const std::lock_guard lock(in_flight->mutex);
    if (!in_flight->failure) in_flight->failure = failure_of(error, "publish");
  }
  if (--in_flight->left > 0) return;
  const std::unique_ptr<Batch::Pending> over(in_flight);
  Result<bool> result = true;
  if (over->failure) result = tl::unexpected(*over->failure);
  --open_batches_;
  options_.post([done = std::move(over->done), result = std::move(result)] { done(result); });
}

void Producer::troubled(rd_kafka_s* /*handle*/, int error, const char* /*reason*/, void* opaque) {
  if (error == RD_KAFKA_RESP_ERR__FATAL) static_cast<Producer*>(opaque)->broken_ = true;
}

Result<bool> Producer::warm_up(const std::vector<std::string>& topics, const std::string& warm_up_topic,
                               int deadline_ms) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(deadline_ms);
  const auto left = [deadline] {
    return static_cast<int>(std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count()));
  };
  int partitions = 1;
  const std::lock_guard one_at_a_time(mutex_);
  if (!handle_) return tl::unexpected(failure_of(RD_KAFKA_RESP_ERR__FATAL, "warm up"));
  std::vector<std::string> all = topics;
  all.push_back(warm_up_topic);
  for (const std::string& name : all) {
    rd_kafka_topic_t* asked = topic(name);
    if (asked == nullptr) return tl::unexpected(failure_of(rd_kafka_last_error(), "topic " + name));
    const rd_kafka_metadata_t* about = nullptr;
    const auto error = rd_kafka_metadata(handle_.get(), 0, asked, &about, left());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(failure_of(error, "topic " + name));
    const auto topic_error = about->topic_cnt == 1 ? about->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (name == warm_up_topic && about->topic_cnt == 1) partitions = about->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(about);
    if (topic_error != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(failure_of(topic_error, "topic " + name));
  }
  for (int partition = 0; partition < partitions; ++partition) {
    const int error =
        rd_kafka_produce(topic(warm_up_topic), partition, RD_KAFKA_MSG_F_COPY, nullptr, 0, nullptr, 0, nullptr);
    if (error != 0) return tl::unexpected(failure_of(rd_kafka_last_error(), "topic " + warm_up_topic));
  }
  const auto flushed = rd_kafka_flush(handle_.get(), left());
  if (flushed != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(failure_of(flushed, "warm up"));
  return true;
}

bool Producer::flush(int deadline_ms) {
  const std::lock_guard lock(mutex_);
  return handle_ && rd_kafka_flush(handle_.get(), deadline_ms) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Producer::break_for_good() {
  const std::lock_guard lock(mutex_);
  rd_kafka_test_fatal_error(handle_.get(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test asks for it");
}

}  // namespace windfall::kafka
