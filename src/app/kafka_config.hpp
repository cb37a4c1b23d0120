// The [kafka] table: what may stand together in it, and what librdkafka is told of it, by whoever speaks to the
// brokers.
#pragma once

#include <optional>

#include "adapters/kafka/client.hpp"
#include "app/config.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::app {

/// What is missing, or would be used by nobody; named with its place.
[[nodiscard]] std::optional<Failure> check_kafka(const Config& config);

/// How the brokers are spoken to, for every client of theirs. Holds the password.
[[nodiscard]] kafka::Settings kafka_settings(const Config& config);

}  // namespace windfall::app
