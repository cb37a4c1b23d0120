// Real redis-servers of our own for the length of a test: children on free loopback ports, each in a folder of its own,
// alone or joined to a cluster of masters with one replica each. They end by their process ids.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/redis/client/slots.hpp"
#include "adapters/redis/reply.hpp"

namespace windfall::redis {

/// A folder under the system's for temporary files, removed with what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A port that nobody listens on at the moment.
std::uint16_t free_port();

class RedisServer {
 public:
  /// `options`: more of redis-server's own, as on its command line. Throws if it cannot be started.
  explicit RedisServer(std::vector<std::string> options = {});
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer();

  /// Asks and waits for the answer, on a connection for this one command. Throws if there is none within 5 s.
  Reply ask(const Arguments& command) const;
  [[nodiscard]] Endpoint endpoint() const { return {.host = "127.0.0.1", .port = port_}; }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }

  void kill();    ///< at once, as a power failure would
  void start();   ///< again, with what it had on disk
  void freeze();  ///< it does not answer, its connections stay
  void go_on();

 private:
  TemporaryFolder folder_;
  std::uint16_t port_;
  std::vector<std::string> options_;
  pid_t pid_ = -1;
};

/// Three masters, and after them their replicas in the same order.
class RedisCluster {
 public:
  /// A node is called dead after this long without a sign. A loaded machine pauses processes for some hundred ms.
  static constexpr int kNodeTimeoutMs = 1500;
  static constexpr std::size_t kMasters = 3;

  RedisCluster();

  [[nodiscard]] RedisServer& master(std::size_t i) { return *servers_.at(i); }
  [[nodiscard]] RedisServer& replica(std::size_t i) { return *servers_.at(kMasters + i); }
  [[nodiscard]] const std::string& id(std::size_t master) const { return ids_.at(master); }
  /// Which of the first masters was given the slot.
  static std::size_t master_of(std::uint16_t slot);
  /// One more master, which has no slots and no replica.
  RedisServer& add_master();
  /// Gives a slot without keys to the last master that was added.
  void give(std::uint16_t slot, std::size_t from);
  /// Every node knows every slot's master and every replica is connected.
  void wait_until_whole();

 private:
  void start_one();
  void introduce(const RedisServer& server);

  std::vector<std::unique_ptr<RedisServer>> servers_;
  std::vector<std::string> ids_;
};

/// Looks again and again until it is true. Throws, naming `what`, if it does not become true in 20 s.
void wait_until(const std::string& what, const std::function<bool()>& true_now);

}  // namespace windfall::redis
