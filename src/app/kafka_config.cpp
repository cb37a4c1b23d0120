#include "app/kafka_config.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace windfall::app {

namespace {

constexpr std::string_view kProtocol = "kafka.security_protocol";
constexpr std::string_view kPassword = "WINDFALL_KAFKA_PASSWORD";

struct Part {
  std::string_view name;
  const std::string& value;
};

Failure at(const Config& config, std::string_view name, const std::string& what) {
  return {FailureCode::invalid, config.origins.find(name)->second + ": " + std::string(name) + " " + what};
}

bool encrypts(const Config& config) {
  return config.kafka_security_protocol == "ssl" || config.kafka_security_protocol == "sasl_ssl";
}

bool logs_in(const Config& config) { return config.kafka_security_protocol.starts_with("sasl_"); }

std::vector<Part> parts_of_login(const Config& config) {
  return {{"kafka.sasl_mechanism", config.kafka_sasl_mechanism},
          {"kafka.sasl_username", config.kafka_sasl_username},
          {kPassword, config.kafka_password}};
}

}  // namespace

std::optional<Failure> check_kafka(const Config& config) {
  if (config.mode != "distributed") {
    std::vector<Part> unused = parts_of_login(config);
    unused.push_back({"kafka.ca_file", config.kafka_ca_file});
    for (const Part& part : unused) {
      if (!part.value.empty()) return at(config, part.name, "is used with server.mode = distributed only");
    }
    if (config.kafka_security_protocol == "plaintext") return std::nullopt;
    return at(config, kProtocol, "is used with server.mode = distributed only");
  }
  if (!config.kafka_ca_file.empty() && !encrypts(config)) {
    return at(config, "kafka.ca_file", "is used with kafka.security_protocol = ssl or sasl_ssl only");
  }
  for (const Part& part : parts_of_login(config)) {
    if (logs_in(config) && part.value.empty()) {
      return at(config, kProtocol, config.kafka_security_protocol + " needs " + std::string(part.name));
    }
    // A password that nobody asks for: somebody takes the brokers for guarded.
    if (!logs_in(config) && !part.value.empty()) {
      return at(config, part.name, "is used with kafka.security_protocol = sasl_plaintext or sasl_ssl only");
    }
  }
  const std::vector<std::string_view> mechanisms{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
  if (logs_in(config) && std::ranges::find(mechanisms, config.kafka_sasl_mechanism) == mechanisms.end()) {
    return at(config, "kafka.sasl_mechanism",
              "must be one of PLAIN SCRAM-SHA-256 SCRAM-SHA-512, not '" + config.kafka_sasl_mechanism + "'");
  }
  return std::nullopt;
}

kafka::Settings kafka_settings(const Config& config) {
  kafka::Settings settings;
  if (config.kafka_security_protocol != "plaintext") {
    settings.emplace_back("security.protocol", config.kafka_security_protocol);
  }
  if (encrypts(config) && !config.kafka_ca_file.empty()) settings.emplace_back("ssl.ca.location", config.kafka_ca_file);
  if (logs_in(config)) {
    settings.emplace_back("sasl.mechanism", config.kafka_sasl_mechanism);
    settings.emplace_back("sasl.username", config.kafka_sasl_username);
    settings.emplace_back("sasl.password", config.kafka_password);
  }
  return settings;
}

}  // namespace windfall::app
