// What every process of an installation of several machines finds out or agrees upon when it starts, servers and
// operators' commands alike.
#pragma once

#include <optional>
#include <string>

#include "adapters/codec/user_ref.hpp"
#include "adapters/redis/client/client.hpp"
#include "adapters/redis/store/redis_store.hpp"
#include "app/config.hpp"
#include "application/port/task.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::app {

/// Name of the lease of whoever does what only one process may do.
inline constexpr const char* kLeaseName = "batch";

/// How the configuration says to reach Redis.
[[nodiscard]] redis::ClientSettings redis_settings(const Config& config);
/// The group that carries the log from Kafka into the ledger.
[[nodiscard]] std::string ledger_group(const Config& config);

/// The same after a restart. Two processes of one machine do not listen at the same address, and two machines do not
/// have one name.
[[nodiscard]] std::string name_of_process(const Config& config);

/// Hands libpq the password of the configuration, if there is one. Before any other thread runs.
void set_postgres_password(const Config& config);
/// What the ledger knows, in case Redis has lost it; nullopt: the database holds no ledger yet. Failures: unavailable,
/// invalid (postgres.url), conflict; the message names the setting.
Result<std::optional<redis::RedisStore::Lost>> look_for_ledger(const Config& config);

/// One key of user references for the whole installation: the fingerprint of the first one stands in Redis. conflict:
/// this one is another.
Task<Result<bool>> agree_on_user_key(redis::Client& client, codec::UserHasher::Fingerprint fingerprint,
                                     std::string data);

}  // namespace windfall::app
