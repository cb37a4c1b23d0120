// What producers, consumers and topics share of librdkafka: its handles, its settings, its errors as failures.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/kernel/result.hpp"

struct rd_kafka_s;
struct rd_kafka_conf_s;

namespace windfall::kafka {

/// Settings by librdkafka's own names, such as "sasl.mechanism"; what an operator adds comes last and wins.
using Settings = std::vector<std::pair<std::string, std::string>>;

struct DestroyHandle {
  void operator()(rd_kafka_s* handle) const;  ///< may wait for what is under way
};
using Handle = std::unique_ptr<rd_kafka_s, DestroyHandle>;

struct DestroyConf {
  void operator()(rd_kafka_conf_s* conf) const;
};
using Conf = std::unique_ptr<rd_kafka_conf_s, DestroyConf>;

/// Settings with log lines and `opaque`. invalid: librdkafka does not know one; the message names it.
Result<Conf> make_conf(const Settings& settings, void* opaque);
enum class ClientKind : unsigned char { producer, consumer };
Result<Handle> make_handle(ClientKind kind, Conf conf);

/// By librdkafka's error code. Too much at once is overloaded, a message that no broker takes invalid, what a person
/// has to allow or to make first is conflict or not_found; everything else may pass and is unavailable.
[[nodiscard]] Failure failure_of(int error, std::string_view doing);

}  // namespace windfall::kafka
