#include "app/wiring/installation.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/postgres/postgres_ledger.hpp"

namespace windfall::app {

namespace {

constexpr std::string_view kUserKeyName = "{windfall}:user-key";
/// A name of a machine is shorter.
constexpr std::size_t kMostHostName = 256;

std::vector<redis::Endpoint> endpoints_in(const std::string& list) {
  std::vector<redis::Endpoint> all;
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    if (const auto one = redis::endpoint_of(rest.substr(0, comma))) all.push_back(*one);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return all;
}

}  // namespace

redis::ClientSettings redis_settings(const Config& config) {
  redis::ClientSettings settings{.seeds = endpoints_in(config.redis_nodes),
                                 .user = config.redis_user,
                                 .password = config.redis_password,
                                 .tls = {},
                                 .commit_connections = static_cast<int>(config.redis_connections),
                                 .replicas = static_cast<int>(config.redis_replicas)};
  if (!config.redis_ca_file.empty())
    settings.tls = redis::TlsSettings{.ca_file = config.redis_ca_file, .server_name = {}};
  return settings;
}

std::string ledger_group(const Config& config) { return config.kafka_prefix + "windfall-ledger"; }

std::string name_of_process(const Config& config) {
  std::array<char, kMostHostName> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host.front() = '\0';
  return std::string(host.data()) + "/" + config.listen;
}

void set_postgres_password(const Config& config) {
  // libpq's own way to be given a password.
  if (!config.postgres_password.empty()) setenv("PGPASSWORD", config.postgres_password.c_str(), 1);
}

Result<std::optional<redis::RedisStore::Lost>> look_for_ledger(const Config& config) {
  const auto lineage = postgres::PostgresLedger::known_lineage(config.postgres_url);
  if (!lineage) return fail(lineage.error().code, "postgres.url: " + lineage.error().message);
  if (!*lineage) return std::optional<redis::RedisStore::Lost>{};
  const auto promotions = postgres::PostgresLedger::known_promotions(config.postgres_url);
  if (!promotions) return fail(promotions.error().code, "postgres.url: " + promotions.error().message);
  return redis::RedisStore::Lost{.lineage = **lineage, .promotions = *promotions};
}

Task<Result<bool>> agree_on_user_key(redis::Client& client, codec::UserHasher::Fingerprint fingerprint,
                                     std::string data) {
  const std::string key(kUserKeyName);
  const std::string print = codec::to_hex(codec::Bytes(fingerprint));
  redis::Arguments set{"SET", key, print, "NX"};
  const Result<redis::Reply> made = co_await client.call_durable(key, std::move(set));
  if (!made) co_return tl::unexpected(made.error());
  redis::Arguments get{"GET", key};
  const Result<redis::Reply> there = co_await client.call(key, std::move(get));
  if (!there) co_return tl::unexpected(there.error());
  if (there->text == print) co_return true;
  co_return fail(FailureCode::conflict, data +
                                            "/user-hash.key is not the key of this installation: copy the one that its "
                                            "other processes have");
}

}  // namespace windfall::app
