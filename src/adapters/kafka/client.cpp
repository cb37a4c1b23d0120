#include "adapters/kafka/client.hpp"

#include <librdkafka/rdkafka.h>

#include <array>
#include <cstddef>

#include "adapters/system/log.hpp"

namespace windfall::kafka {

namespace {

/// What librdkafka has to say is a line or two; it cuts nothing longer off than this.
constexpr std::size_t kErrorText = 512;
/// syslog's "error"; below it are connections that come and go, which is what brokers' restarts look like.
constexpr int kSyslogError = 3;

void log_line(const rd_kafka_t* /*handle*/, int level, const char* facility, const char* text) {
  if (level > kSyslogError) return;
  system::log(system::LogLevel::warning, "kafka", {{"facility", facility}, {"text", text}});
}

}  // namespace

void DestroyHandle::operator()(rd_kafka_s* handle) const { rd_kafka_destroy(handle); }
void DestroyConf::operator()(rd_kafka_conf_s* conf) const { rd_kafka_conf_destroy(conf); }

Result<Conf> make_conf(const Settings& settings, void* opaque) {
  Conf conf(rd_kafka_conf_new());
  std::array<char, kErrorText> why{};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) {
      return fail(FailureCode::invalid, std::string("kafka setting: ") + why.data());
    }
  }
  rd_kafka_conf_set_opaque(conf.get(), opaque);
  rd_kafka_conf_set_log_cb(conf.get(), log_line);
  return conf;
}

Result<Handle> make_handle(ClientKind kind, Conf conf) {
  std::array<char, kErrorText> why{};
  const auto type = kind == ClientKind::producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
  Handle handle(rd_kafka_new(type, conf.get(), why.data(), why.size()));
  if (!handle) return fail(FailureCode::invalid, std::string("kafka client: ") + why.data());
  // It belongs to the handle now. NOLINTNEXTLINE(bugprone-unused-return-value)
  static_cast<void>(conf.release());
  return handle;
}

Failure failure_of(int error, std::string_view doing) {
  const auto code = static_cast<rd_kafka_resp_err_t>(error);
  std::string message = "kafka: ";
  message.append(doing).append(": ").append(rd_kafka_err2str(code));
  switch (code) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return {FailureCode::overloaded, std::move(message)};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return {FailureCode::invalid, std::move(message)};
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return {FailureCode::not_found, std::move(message)};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return {FailureCode::conflict, std::move(message)};
    default:
      return {FailureCode::unavailable, std::move(message)};
  }
}

}  // namespace windfall::kafka
