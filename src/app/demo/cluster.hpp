// A cluster that scripts/cluster has started, by its folder: where its servers are, in whose name to ask them, and how
// one of its nodes is made to die. Knows the folder's cluster.json and the socket of its supervisor, no more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/kernel/result.hpp"

namespace windfall::demo {

class Cluster {
 public:
  /// Failure: not_found (there is no such folder), unavailable (nothing runs in it), invalid (it lacks what is needed).
  static Result<Cluster> find(const std::string& folder);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const std::vector<std::string>& api_urls() const { return api_urls_; }
  /// Of all of Windfall's processes, those that answer participants first.
  [[nodiscard]] const std::vector<std::string>& process_urls() const { return process_urls_; }
  [[nodiscard]] const std::string& partner_url() const { return partner_url_; }
  [[nodiscard]] const std::string& admin_key() const { return admin_key_; }
  [[nodiscard]] const std::string& gateway_key() const { return gateway_key_; }
  /// Its processes are development servers: their clock can be set.
  [[nodiscard]] bool dev() const { return dev_; }

  /// The name of the Redis master that decides about a promotion at present.
  [[nodiscard]] Result<std::string> master_of(std::string_view promotion) const;
  /// kill -9; its supervisor starts it again after so many seconds.
  [[nodiscard]] Result<void> kill(const std::string& node, double seconds) const;
  [[nodiscard]] Result<bool> running(const std::string& node) const;

 private:
  explicit Cluster(std::string folder) : folder_(std::move(folder)) {}
  Result<void> read_plan();

  std::string folder_;
  std::vector<std::string> api_urls_;
  std::vector<std::string> process_urls_;
  std::string partner_url_;
  std::string admin_key_;
  std::string gateway_key_;
  std::string operator_password_;                             ///< of Redis
  std::vector<std::pair<std::string, std::uint16_t>> redis_;  ///< name and port of each node
  bool dev_ = false;
};

}  // namespace windfall::demo
