#include "app/config.hpp"

#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <variant>

#include "adapters/http/auth/fetch.hpp"
#include "adapters/http/auth/key_source.hpp"
#include "adapters/partner/partner_url.hpp"
#include "adapters/partner/webhook_signature.hpp"
#include "adapters/system/clock.hpp"
#include "adapters/vault/master_keys.hpp"
#include "adapters/vault/outside.hpp"
#include "app/data_directory.hpp"
#include "app/kafka_config.hpp"
#include "app/listen_address.hpp"
#include "app/public_url.hpp"
#include "app/secrets.hpp"

namespace windfall::app {

namespace {

struct Member {
  const char* name;
  std::variant<std::string Config::*, std::int64_t Config::*, bool Config::*> field;
  std::int64_t min = 0;
  std::int64_t max = 0;
  bool at_once = false;  ///< a running server takes it over on SIGHUP
};

const std::vector<Member>& members() {
  static const std::vector<Member> kMembers{
      {"server.listen", &Config::listen},
      {"server.admin_listen", &Config::admin_listen},
      {"server.data", &Config::data},
      {"server.master_keys", &Config::master_keys},
      {"server.high_water", &Config::high_water},
      {"server.mode", &Config::mode},
      {"server.roles", &Config::roles},
      {"server.ledger", &Config::ledger},
      {"server.public_url", &Config::public_url},
      {"server.dev", &Config::dev},
      {"server.drain_seconds", &Config::drain_seconds, 0, 3600},
      {"server.max_connections", &Config::max_connections, 1, 1'000'000},
      {"server.log_level", &Config::log_level, 0, 0, true},
      {"redis.nodes", &Config::redis_nodes},
      {"redis.replicas", &Config::redis_replicas, 0, 8},
      {"redis.connections", &Config::redis_connections, 1, 16},
      {"redis.user", &Config::redis_user},
      {"redis.ca_file", &Config::redis_ca_file},
      {"kafka.brokers", &Config::kafka_brokers},
      {"kafka.prefix", &Config::kafka_prefix},
      {"kafka.security_protocol", &Config::kafka_security_protocol},
      {"kafka.ca_file", &Config::kafka_ca_file},
      {"kafka.sasl_mechanism", &Config::kafka_sasl_mechanism},
      {"kafka.sasl_username", &Config::kafka_sasl_username},
      {"postgres.url", &Config::postgres_url},
      {"mongodb.uri", &Config::mongodb_uri},
      {"partner.url", &Config::partner_url},
      {"auth.jwt.jwks", &Config::jwt_jwks},
      {"auth.jwt.issuer", &Config::jwt_issuer},
      {"auth.jwt.audience", &Config::jwt_audience},
      {"limits.user_per_second", &Config::user_per_second, -1, 1'000'000, true},
      {"limits.user_burst", &Config::user_burst, 1, 1'000'000, true},
      {"limits.address_per_second", &Config::address_per_second, 0, 1'000'000, true},
      {"limits.address_burst", &Config::address_burst, 1, 1'000'000, true},
      {"retention.refusals_days", &Config::keep_refusals_days, 1, 36'500},
      {"retention.rejections_days", &Config::keep_rejections_days, 1, 36'500},
      {"retention.attempts_days", &Config::keep_attempts_days, 1, 36'500},
  };
  return kMembers;
}

struct Secret {
  const char* variable;
  std::string Config::* field;
  bool at_once = false;  ///< as for members; a key that has become known must not wait for a quiet hour
};
constexpr Secret kSecrets[] = {
    {"WINDFALL_ADMIN_KEY", &Config::admin_key, true},        {"WINDFALL_GATEWAY_KEY", &Config::gateway_key, true},
    {"WINDFALL_PARTNER_SECRET", &Config::partner_secret},    {"WINDFALL_REDIS_PASSWORD", &Config::redis_password},
    {"WINDFALL_KAFKA_PASSWORD", &Config::kafka_password},    {"WINDFALL_POSTGRES_PASSWORD", &Config::postgres_password},
    {"WINDFALL_MONGODB_PASSWORD", &Config::mongodb_password}};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view name, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t distance = 6;  // further away is no typing error
  for (const std::string& one : known) {
    const std::size_t d = edit_distance(name, one);
    if (d < distance) {
      distance = d;
      best = &one;
    }
  }
  return best == nullptr ? "" : " (did you mean " + *best + "?)";
}

std::string nearest_setting(std::string_view name) {
  std::vector<std::string> known;
  for (const Member& member : members()) known.emplace_back(member.name);
  return nearest(name, known);
}

bool is_url(std::string_view text) { return text.find("://") != std::string_view::npos; }

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Sets a member from text; what is wrong with it, or nothing.
std::optional<std::string> set(Config& config, const Member& member, std::string_view text) {
  if (const auto* field = std::get_if<std::string Config::*>(&member.field)) {
    config.*(*field) = text;
  } else if (const auto* number = std::get_if<std::int64_t Config::*>(&member.field)) {
    const std::optional<std::int64_t> value = whole(text);
    if (!value || *value < member.min || *value > member.max) {
      return "must be an integer from " + std::to_string(member.min) + " to " + std::to_string(member.max) + ", not '" +
             std::string(text) + "'";
    }
    config.*(*number) = *value;
  } else {
    if (text != "true" && text != "false") return "must be true or false, not '" + std::string(text) + "'";
    config.*std::get<bool Config::*>(member.field) = text == "true";
  }
  return std::nullopt;
}

std::string text_of(const Config& config, const Member& member) {
  if (const auto* field = std::get_if<std::string Config::*>(&member.field)) return config.*(*field);
  if (const auto* number = std::get_if<std::int64_t Config::*>(&member.field)) return std::to_string(config.*(*number));
  return config.*std::get<bool Config::*>(member.field) ? "true" : "false";
}

std::string variable_of(const Member& member) {
  std::string variable = "WINDFALL_";
  for (const char c : std::string_view(member.name)) {
    variable += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 0x20 : c);
  }
  return variable;
}

/// What a file has to say of a setting.
std::string taken_by(const Member& member) {
  const std::string_view name = member.name;
  if (name == "server.roles" || name == "redis.nodes" || name == "kafka.brokers") {
    return "must be a string, in quotes, or a list of at least one";
  }
  if (std::holds_alternative<std::string Config::*>(member.field)) return "must be a string, in quotes";
  if (std::holds_alternative<bool Config::*>(member.field)) return "must be true or false, without quotes";
  return "must be an integer, without quotes";
}

/// Variables are text whatever they mean; a file says what is what.
std::optional<std::string> wrong_type(const Member& member, const toml::node& node) {
  const bool right = std::holds_alternative<std::string Config::*>(member.field)
                         ? !node.is_integer() && !node.is_boolean()
                     : std::holds_alternative<std::int64_t Config::*>(member.field) ? node.is_integer()
                                                                                    : node.is_boolean();
  if (right) return std::nullopt;
  return taken_by(member);
}

std::optional<Failure> read_table(Config& config, const toml::table& table, const std::string& prefix,
                                  const std::string& file) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const std::string place = file + ":" + std::to_string(node.source().begin.line);
    if (const toml::table* inner = node.as_table()) {
      const bool known = std::ranges::any_of(
          members(), [&](const Member& m) { return std::string_view(m.name).starts_with(name + "."); });
      // One that holds something is refused at what it holds, with a better guess at what was meant.
      if (!known && inner->empty()) return Failure{FailureCode::invalid, place + ": unknown table " + name};
      if (std::optional<Failure> wrong = read_table(config, *inner, name + ".", file)) return wrong;
      continue;
    }
    const auto member = std::ranges::find_if(members(), [&](const Member& m) { return m.name == name; });
    if (member == members().end()) {
      return Failure{FailureCode::invalid, place + ": unknown setting " + name + nearest_setting(name)};
    }
    std::string text;
    if (const toml::array* list = node.as_array(); list != nullptr && list->is_homogeneous<std::string>()) {
      for (const auto& one : *list) text += (text.empty() ? "" : ",") + *one.value<std::string>();
    } else if (const auto words = node.value_exact<std::string>()) {
      text = *words;
    } else if (const auto number = node.value_exact<std::int64_t>()) {
      text = std::to_string(*number);
    } else if (const auto flag = node.value_exact<bool>()) {
      text = *flag ? "true" : "false";
    } else {
      return Failure{FailureCode::invalid, place + ": " + name + " " + taken_by(*member)};
    }
    auto wrong = set(config, *member, text);
    if (!wrong) wrong = wrong_type(*member, node);
    if (wrong) return Failure{FailureCode::invalid, place + ": " + name + " " + *wrong};
    config.origins[name] = place;
  }
  return std::nullopt;
}

/// Of deploy/kafka/broker, which often runs from the same shell.
constexpr std::string_view kNoSetting = "WINDFALL_KAFKA_LIB";

/// What Kubernetes and Docker set for a service called, say, windfall-redis: WINDFALL_REDIS_SERVICE_HOST,
/// WINDFALL_REDIS_PORT=tcp://10.0.0.1:6379, WINDFALL_REDIS_PORT_6379_TCP_ADDR.
bool is_service_link(std::string_view name, std::string_view value) {
  const auto has = [name](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (name.ends_with("_SERVICE_HOST") || has("_SERVICE_PORT")) return true;
  if (name.ends_with("_PORT") && is_url(value)) return true;
  return has("_PORT_") && (has("_TCP") || has("_UDP") || has("_SCTP"));
}

/// Begins as the variable of a setting does: WINDFALL_, a table, '_'. Others are for scripts and tests.
bool names_a_table(std::string_view variable) {
  return std::ranges::any_of(members(), [&](const Member& member) {
    const std::size_t table = std::string_view(member.name).find('.');
    return variable.starts_with(variable_of(member).substr(0, std::strlen("WINDFALL_") + table + 1));
  });
}

/// A variable that somebody meant for a setting, and that would be read by nobody.
std::optional<Failure> check_environment() {
  std::vector<std::string> known;
  for (const Member& member : members()) known.push_back(variable_of(member));
  for (const Secret& secret : kSecrets) {
    known.emplace_back(secret.variable);
    known.push_back(std::string(secret.variable) + "_FILE");
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equal = std::min(text.find('='), text.size());
    const std::string_view name = text.substr(0, equal);
    if (!names_a_table(name) || name == kNoSetting || std::ranges::find(known, name) != known.end()) continue;
    if (is_service_link(name, text.substr(std::min(equal + 1, text.size())))) continue;
    return Failure{FailureCode::invalid, "env " + std::string(name) + ": unknown setting" + nearest(name, known)};
  }
  return std::nullopt;
}

std::optional<Failure> check_words(const Config& config) {
  const auto one_of = [&](const std::string& name, const std::string& value,
                          std::initializer_list<std::string_view> allowed) -> std::optional<Failure> {
    if (std::ranges::find(allowed, value) != allowed.end()) return std::nullopt;
    std::string message = config.origins.at(name) + ": " + name + " must be one of";
    for (const std::string_view word : allowed) message += " " + std::string(word);
    return Failure{FailureCode::invalid, message + ", not '" + value + "'"};
  };
  if (auto failure = one_of("server.mode", config.mode, {"embedded", "distributed"})) return failure;
  if (auto failure = one_of("server.ledger", config.ledger, {"postgresql", "mongodb"})) return failure;
  if (auto failure = one_of("kafka.security_protocol", config.kafka_security_protocol,
                            {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"}))
    return failure;
  if (auto failure = one_of("server.log_level", config.log_level, {"debug", "info", "warning", "error"}))
    return failure;
  for (std::string_view roles = config.roles;;) {
    const std::size_t comma = roles.find(',');
    const std::string role(roles.substr(0, comma));
    if (auto failure = one_of("server.roles", role, {"api", "listener", "batch"})) return failure;
    if (comma == std::string_view::npos) break;
    roles = roles.substr(comma + 1);
  }
  return std::nullopt;
}

Failure at(const Config& config, const std::string& name, const std::string& what) {
  return {FailureCode::invalid, config.origins.at(name) + ": " + name + " " + what};
}

/// What the mode cannot do without.
std::optional<Failure> check_mode(const Config& config) {
  const std::pair<const char*, const std::string&> needed[] = {{"redis.nodes", config.redis_nodes},
                                                               {"kafka.brokers", config.kafka_brokers},
                                                               {"postgres.url", config.postgres_url}};
  for (const auto& [name, value] : needed) {
    if (config.mode == "distributed" && value.empty()) {
      return at(config, "server.mode", std::string("distributed needs ") + name);
    }
    if (config.mode != "distributed" && !value.empty()) {
      return at(config, name, "is used with server.mode = distributed only");
    }
  }
  return std::nullopt;
}

/// The ledger elsewhere than with the effects.
std::optional<Failure> check_ledger(const Config& config) {
  const bool in_mongodb = config.ledger == "mongodb";
  if (config.mode != "distributed") {
    if (in_mongodb) return at(config, "server.ledger", "mongodb is used with server.mode = distributed only");
    if (!config.mongodb_uri.empty()) {
      return at(config, "mongodb.uri", "is used with server.mode = distributed only");
    }
    return std::nullopt;
  }
  if (in_mongodb && config.mongodb_uri.empty()) return at(config, "server.ledger", "mongodb needs mongodb.uri");
  // "user:password@" in front of the hosts: it would be shown with all other settings.
  const std::string_view uri = config.mongodb_uri;
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const std::string_view authority = uri.substr(scheme + 3, uri.find('/', scheme + 3) - scheme - 3);
  const std::size_t user_end = authority.rfind('@');
  if (user_end != std::string_view::npos && authority.substr(0, user_end).find(':') != std::string_view::npos) {
    return at(config, "mongodb.uri", "holds a password: leave it out, and give it as WINDFALL_MONGODB_PASSWORD");
  }
  return std::nullopt;
}

/// Addresses: what they are, and that a development server keeps to itself.
std::optional<Failure> check_addresses(Config& config) {
  for (const auto& [name, value] :
       {std::pair("server.listen", &config.listen), {"server.admin_listen", &config.admin_listen}}) {
    if (value == &config.admin_listen && value->empty()) continue;
    const Result<ListenAddress> address = parse_listen_address(*value);
    if (!address) return at(config, name, address.error().message);
    if (config.dev && !address->loopback) {
      return at(config, name,
                "'" + *value + "' is not loopback: --dev believes any X-User-Id, so it serves loopback only");
    }
  }
  if (config.public_url.empty()) return std::nullopt;
  Result<std::string> url = parse_public_url(config.public_url);
  if (!url) return at(config, "server.public_url", url.error().message);
  config.public_url = std::move(*url);
  return std::nullopt;
}

/// Keys that anybody could guess open everything to everybody; development servers keep to loopback.
std::optional<Failure> check_secrets(const Config& config) {
  if (!config.admin_key.empty() && config.admin_key == config.gateway_key) {
    return at(config, "WINDFALL_GATEWAY_KEY", "is the admin key: whoever vouches for users could do everything");
  }
  if (config.dev) return std::nullopt;
  for (const Secret& secret : kSecrets) {
    const std::string& value = config.*(secret.field);
    // Passwords of servers are theirs to judge.
    const bool ours = secret.field != &Config::redis_password && secret.field != &Config::kafka_password &&
                      secret.field != &Config::postgres_password && secret.field != &Config::mongodb_password;
    if (value.empty() || !ours) continue;
    const auto weakness =
        secret.field == &Config::partner_secret ? weakness_of_signing_secret(value) : weakness_of_key(value);
    if (weakness) return at(config, secret.variable, *weakness);
  }
  if (!config.partner_url.empty() && config.partner_secret.empty()) {
    return at(config, "partner.url", "needs WINDFALL_PARTNER_SECRET: the partner must know who calls");
  }
  return std::nullopt;
}

/// Whom the server calls, and how: what their clients would refuse at the start.
std::optional<Failure> check_peers(const Config& config) {
  const auto trouble = [&](const char* name, const Failure& why) { return trouble_with(config, name, why).value(); };
  if (!config.partner_url.empty()) {
    const Result<std::string> url = partner::checked_partner_url(config.partner_url);
    if (!url) return trouble("partner.url", url.error());
  }
  // Also without a partner: whoever set it will have one.
  if (!config.partner_secret.empty()) {
    const auto secret = partner::WebhookSecret::parse(config.partner_secret);
    if (!secret) return trouble("WINDFALL_PARTNER_SECRET", secret.error());
  }
  if (config.jwt_jwks.empty()) return std::nullopt;
  if (config.jwt_issuer.empty()) return at(config, "auth.jwt.jwks", "needs auth.jwt.issuer");
  if (config.jwt_audience.empty()) return at(config, "auth.jwt.jwks", "needs auth.jwt.audience");
  if (!is_url(config.jwt_jwks)) return std::nullopt;
  const Result<std::string> url = http::checked_key_url(config.jwt_jwks);
  if (!url) return trouble("auth.jwt.jwks", url.error());
  return std::nullopt;
}

/// What must not share the data directory's fate, or lie in a copy of it.
std::optional<Failure> check_outside(const Config& config) {
  // A temporary folder holds nothing that anybody named before it was made.
  const std::string data = config.data.empty() && !config.dev ? kUsualData : config.data;
  const auto inside = [&](const char* name, const std::string& path, std::string_view why) -> std::optional<Failure> {
    if (path.empty()) return std::nullopt;
    const Result<bool> outside = vault::require_outside(path, data, why);
    if (!outside) return trouble_with(config, name, outside.error()).value();
    return std::nullopt;
  };
  if (auto failure = inside("server.master_keys", config.master_keys, vault::kWhyMasterKeysOutside)) return failure;
  if (config.mode == "distributed") return std::nullopt;  // its marks are in the database
  return inside("server.high_water", config.high_water, vault::kWhyMarksOutside);
}

}  // namespace

Result<Config> load_config(const std::string& file, const std::map<std::string, std::string>& flags) {
  Config config;
  for (const Member& member : members()) config.origins[member.name] = "default";

  if (!file.empty()) {
    // The parser would take it for an empty file.
    std::error_code none;
    if (std::filesystem::is_directory(file, none)) return fail(FailureCode::invalid, file + ": is a directory");
    try {
      const toml::table table = toml::parse_file(file);
      if (std::optional<Failure> failure = read_table(config, table, "", file)) return tl::unexpected(*failure);
    } catch (const toml::parse_error& error) {
      // A file that cannot be read has no line.
      const auto line = error.source().begin.line;
      return fail(FailureCode::invalid,
                  file + (line == 0 ? "" : ":" + std::to_string(line)) + ": " + std::string(error.description()));
    }
  }

  if (std::optional<Failure> failure = check_environment()) return tl::unexpected(*failure);
  for (const Member& member : members()) {
    const std::string variable = variable_of(member);
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr) continue;
    if (const auto wrong = set(config, member, value))
      return fail(FailureCode::invalid, "env " + variable + ": " + *wrong);
    config.origins[member.name] = "env " + variable;
  }
  for (const Secret& secret : kSecrets) {
    Result<std::optional<FoundSecret>> found = find_secret(secret.variable);
    if (!found) return tl::unexpected(found.error());
    config.origins[secret.variable] = *found ? (*found)->origin : "default";
    if (*found) config.*(secret.field) = std::move((*found)->value);
  }

  for (const auto& [name, value] : flags) {
    const auto member = std::ranges::find_if(members(), [&flag = name](const Member& m) { return m.name == flag; });
    if (member == members().end()) return fail(FailureCode::invalid, "unknown setting " + name + nearest_setting(name));
    if (const auto wrong = set(config, *member, value))
      return fail(FailureCode::invalid, "flag for " + name + ": " + *wrong);
    config.origins[name] = "flag";
  }
  if (config.data.empty() && config.origins["server.data"] != "default") {
    return tl::unexpected(at(config, "server.data", "must name a folder"));
  }
  // As shells complete it; the files beside it are called after it.
  while (config.data.size() > 1 && config.data.ends_with('/')) config.data.pop_back();
  if (std::optional<Failure> failure = check_words(config)) return tl::unexpected(*failure);
  if (std::optional<Failure> failure = check_mode(config)) return tl::unexpected(*failure);
  if (std::optional<Failure> failure = check_ledger(config)) return tl::unexpected(*failure);
  if (std::optional<Failure> failure = check_kafka(config)) return tl::unexpected(*failure);
  if (std::optional<Failure> failure = check_addresses(config)) return tl::unexpected(*failure);
  if (std::optional<Failure> failure = check_secrets(config)) return tl::unexpected(*failure);
  if (std::optional<Failure> failure = check_peers(config)) return tl::unexpected(*failure);
  if (std::optional<Failure> failure = check_outside(config)) return tl::unexpected(*failure);
  return config;
}

namespace {

/// What keeps a start from making `path`; a folder that cannot be looked into is for the server's own user to see.
std::optional<std::string> missing_folder(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code error;
  const auto type = std::filesystem::status(folder, error).type();
  if (type == std::filesystem::file_type::not_found)
    return path + ": the folder " + folder.string() + " does not exist";
  if (!error && type != std::filesystem::file_type::directory) return path + ": " + folder.string() + " is no folder";
  return std::nullopt;
}

/// What a start makes if it is missing, it can make.
Result<bool> check_folders(const Config& config) {
  const auto trouble = [&](const char* name, const std::string& what) {
    return trouble_with(config, name, {FailureCode::invalid, what});
  };
  const std::string data = config.data.empty() && !config.dev ? kUsualData : config.data;
  std::error_code error;
  if (!data.empty()) {
    if (const auto missing = missing_folder(data)) return trouble("server.data", *missing);
    const auto type = std::filesystem::status(data, error).type();
    const bool there = !error && type != std::filesystem::file_type::not_found;
    if (there && type != std::filesystem::file_type::directory) return trouble("server.data", data + ": is no folder");
  }
  if (!config.master_keys.empty()) {
    if (const auto missing = missing_folder(config.master_keys)) return trouble("server.master_keys", *missing);
  }
  if (!config.high_water.empty() && config.mode != "distributed") {
    if (const auto missing = missing_folder(config.high_water)) return trouble("server.high_water", *missing);
  }
  return true;
}

}  // namespace

Result<bool> check_files(const Config& config) {
  if (const Result<bool> sound = check_folders(config); !sound) return sound;
  if (!config.jwt_jwks.empty() && !is_url(config.jwt_jwks)) {
    const system::RealClock clock;
    const auto keys = http::open_file_keys(config.jwt_jwks, clock);
    if (!keys) return trouble_with(config, "auth.jwt.jwks", keys.error());
  }
  for (const auto& [name, path] :
       {std::pair("redis.ca_file", &config.redis_ca_file), {"kafka.ca_file", &config.kafka_ca_file}}) {
    if (path->empty() || access(path->c_str(), R_OK) == 0) continue;
    return trouble_with(config, name, {FailureCode::unavailable, *path + ": " + std::strerror(errno)});
  }
  if (config.master_keys.empty() && config.data.empty() && config.dev) return true;  // everything is new
  const std::string data = config.data.empty() ? kUsualData : config.data;
  const std::string path = config.master_keys.empty() ? data + ".keys" : config.master_keys;
  const auto keys = vault::load_master_keys(path, data);
  // The first start makes them.
  if (!keys && keys.error().code != FailureCode::not_found) {
    return trouble_with(config, "server.master_keys", keys.error());
  }
  return true;
}

tl::unexpected<Failure> trouble_with(const Config& config, const std::string& name, const Failure& why) {
  const auto origin = config.origins.find(name);
  const bool given = origin != config.origins.end() && origin->second != "default";
  // The place of a secret names it already.
  const bool secret = std::ranges::any_of(kSecrets, [&](const Secret& one) { return one.variable == name; });
  return fail(why.code, (given ? origin->second + ": " : "") + (given && secret ? "" : name + ": ") + why.message);
}

std::vector<ConfigMember> members_of(const Config& config) {
  std::vector<ConfigMember> all;
  for (const Member& member : members()) {
    all.push_back({.name = member.name, .value = text_of(config, member), .origin = config.origins.at(member.name)});
  }
  for (const Secret& secret : kSecrets) {
    const bool set = !(config.*(secret.field)).empty();
    all.push_back({.name = secret.variable,
                   .value = set ? "(set)" : "",
                   .origin = config.origins.at(secret.variable),
                   .secret = true});
  }
  return all;
}

std::vector<ConfigChange> changes_between(const Config& from, const Config& to) {
  std::vector<ConfigChange> changes;
  for (const Member& member : members()) {
    if (text_of(from, member) != text_of(to, member)) {
      changes.push_back({.name = member.name, .at_once = member.at_once});
    }
  }
  for (const Secret& secret : kSecrets) {
    if (from.*(secret.field) != to.*(secret.field)) {
      changes.push_back({.name = secret.variable, .at_once = secret.at_once});
    }
  }
  return changes;
}

Config with_changes_at_once(Config from, const Config& to) {
  for (const Member& member : members()) {
    if (!member.at_once) continue;
    std::visit([&](const auto field) { from.*field = to.*field; }, member.field);
    from.origins[member.name] = to.origins.at(member.name);
  }
  for (const Secret& secret : kSecrets) {
    if (!secret.at_once) continue;
    from.*(secret.field) = to.*(secret.field);
    from.origins[secret.variable] = to.origins.at(secret.variable);
  }
  return from;
}

}  // namespace windfall::app
