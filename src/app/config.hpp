// Everything that can be set, in one struct: flags over environment over file over defaults. Unknown members and bad
// values stop the start with the place where they stand.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/result.hpp"

namespace windfall::app {

struct Config {
  // [server]
  std::string listen = "127.0.0.1:8080";
  std::string admin_listen;  ///< empty: everything on `listen` where that is loopback, else 127.0.0.1:8081
  std::string data;          ///< empty: a temporary folder with --dev, else ./windfall-data
  std::string master_keys;   ///< file outside of `data`; empty: `data` with ".keys" at its end
  std::string high_water;    ///< file outside of `data`; empty: `data` with ".high-water" at its end
  std::string mode = "embedded";
  std::string roles = "api,listener,batch";
  std::string ledger = "postgresql";  ///< or "mongodb", with mode = "distributed"; effects and codes stay in PostgreSQL
  std::string public_url;             ///< where participants reach this server; for links; no slash at its end
  bool dev = false;
  std::int64_t drain_seconds = 25;
  std::int64_t max_connections = 12'000;
  std::string log_level = "info";

  // [redis], with mode = "distributed"
  std::string redis_nodes;             ///< "host:port,…": some nodes of the cluster, or the one server
  std::int64_t redis_replicas = 1;     ///< of each master, all of them: an answer waits for every one
  std::int64_t redis_connections = 4;  ///< for commits, to each master
  std::string redis_user;              ///< empty: the default user
  std::string redis_ca_file;           ///< certificates to trust; empty: no TLS

  // [kafka], with mode = "distributed"
  std::string kafka_brokers;  ///< "host:port,…"
  std::string kafka_prefix;   ///< put before the names of topics
  std::string kafka_security_protocol = "plaintext";
  std::string kafka_ca_file;         ///< certificates to trust with ssl and sasl_ssl; empty: the system's
  std::string kafka_sasl_mechanism;  ///< with sasl_plaintext and sasl_ssl
  std::string kafka_sasl_username;

  // [postgres], with mode = "distributed"
  std::string postgres_url;  ///< without the password: WINDFALL_POSTGRES_PASSWORD

  // [mongodb], with server.ledger = "mongodb"
  std::string mongodb_uri;  ///< "mongodb://user@host:port,…/database"; without the password: WINDFALL_MONGODB_PASSWORD

  // [partner]
  std::string partner_url;

  // [auth.jwt]
  std::string jwt_jwks;  ///< file or https URL
  std::string jwt_issuer;
  std::string jwt_audience;

  // [limits]
  std::int64_t user_per_second = -1;  ///< -1: 20, or none with --dev; 0: none
  std::int64_t user_burst = 40;
  std::int64_t address_per_second = 0;  ///< 0: none
  std::int64_t address_burst = 200;     ///< a household or an office shares an address

  // [retention]: rows of the ledger that are dropped when they are so old
  std::int64_t keep_refusals_days = 30;    ///< they answer questions of customers about the last weeks
  std::int64_t keep_rejections_days = 30;  ///< asynchronous events that granted nothing
  std::int64_t keep_attempts_days = 30;    ///< how effects were tried that are done

  // Environment, or files it names: secrets do not belong into a file that is shown.
  std::string admin_key;
  std::string gateway_key;
  std::string partner_secret;
  std::string redis_password;
  std::string kafka_password;
  std::string postgres_password;
  std::string mongodb_password;

  /// Where each member got its value: "default", "file.toml:3", "env WINDFALL_…", "flag", the path of a secret.
  std::map<std::string, std::string, std::less<>> origins;
};

/// A member as `config print` shows it.
struct ConfigMember {
  std::string name;  ///< "server.listen"
  std::string value;
  std::string origin;
  bool secret = false;
};

/// Reads file (may be empty: none) and environment. `flags` are given by name ("server.listen").
/// Failure invalid: names file and line, variable or flag, and the nearest known name.
Result<Config> load_config(const std::string& file, const std::map<std::string, std::string>& flags);

/// The files that a server reads at its start and does not make: they are there and are what they should be; so are the
/// folders in which it makes others. Apart from load_config(), since other commands read a server's configuration where
/// not all of its files are. Failures: as those of the file, with the place of the setting.
Result<bool> check_files(const Config& config);

/// Why a setting or secret cannot be used, with the place that gave it: "windfall.toml:3: partner.url: …".
[[nodiscard]] tl::unexpected<Failure> trouble_with(const Config& config, const std::string& name, const Failure& why);

[[nodiscard]] std::vector<ConfigMember> members_of(const Config& config);

/// A setting or secret in which two configurations differ.
struct ConfigChange {
  std::string name;  ///< "limits.user_burst", "WINDFALL_ADMIN_KEY"
  bool at_once;      ///< takes force while the server runs; others wait for the next start
};
[[nodiscard]] std::vector<ConfigChange> changes_between(const Config& from, const Config& to);
/// `from` with those settings of `to` that take force at once.
[[nodiscard]] Config with_changes_at_once(Config from, const Config& to);

}  // namespace windfall::app
