// The Redis client that the rest speaks to: awaited calls on the loop thread, to a Redis Cluster or a single server.
// The decisions are the Cluster's (cluster.hpp); this drives it with sockets and time.
//
// All calls of one turn of the loop that go by one connection leave in one write. A call is tried again by itself while
// its deadline allows and it cannot have been executed twice; failures are `unavailable`, or `overloaded` where the
// server is out of memory or this process has too many calls waiting. outcome_unknown() tells a failure of a write that
// may have been executed from one that certainly was not. An error that the server gives to the command itself is a
// Reply of type error, not a failure.
//
// A user of Redis that is to run this needs, in the words of ACL SETUSER: +hello +asking +wait +cluster|shards
// +cluster|slots, and what is called through it; functions.hpp: +function|list +function|load +fcall; checks.hpp: +info
// +config|get; lease.hpp: +eval and what its scripts call: +exists +incr +set +get +pexpire +del.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/redis/client/cluster.hpp"
#include "adapters/redis/client/stream.hpp"
#include "adapters/redis/reply.hpp"
#include "application/port/task.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

struct ClientSettings {
  std::vector<Endpoint> seeds;          ///< some nodes of the cluster, or the one server
  std::string user;                     ///< empty: the default user
  std::string password;                 ///< empty: none
  std::optional<TlsSettings> tls;       ///< none: plain
  int commit_connections = 4;           ///< of each master, 1..kMostCommitConnections
  int replicas = 0;                     ///< of each master, all of them: n of WAIT; 0 on a single node
  std::int64_t call_timeout_ms = 2000;  ///< of a call, with everything it is tried again for
};

/// A command and the key that says where it goes; keys in the command are not looked at.
struct Call {
  std::string routing_key;
  Arguments command;
  Kind kind = Kind::read;
};

/// Loop thread only. Destroyed while the loop does not run or from a handler that is no continuation of a call; calls
/// that wait fail then, with an unknown outcome.
class Client {
 public:
  /// Failure: invalid, if the settings are. Connects to nobody yet. `context` is run by the caller and outlives this.
  static Result<std::unique_ptr<Client>> open(boost::asio::io_context& context, ClientSettings settings);
  ~Client();

  /// Ends every call that is under way, and from then on every other one at once, as unavailable. Whoever waits goes on
  /// within this call: it belongs where all of them are still there, not into the end of whatever is destroyed last.
  void close();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Waits until some node has described the cluster. unavailable: none did within the time-out of a call; says why.
  Task<Result<bool>> connect();
  /// Asks for the map anew and waits for it, like connect().
  Task<Result<bool>> refresh();

  /// A read.
  Task<Result<Reply>> call(const std::string& routing_key, Arguments command);
  /// A write that succeeds only if `replicas` replicas have it.
  Task<Result<Reply>> call_durable(const std::string& routing_key, Arguments command);
  Task<Result<Reply>> call(Call call);
  /// Several at once, of any kinds; the results in their order. Those of one connection share a write.
  Task<std::vector<Result<Reply>>> pipeline(std::vector<Call> calls);
  /// To one node, whatever it serves: for its settings and its libraries. Is not redirected.
  Task<Result<Reply>> call_node(Endpoint node, Arguments command, Kind kind);

  /// Masters and their replicas, as far as known.
  [[nodiscard]] const std::vector<Shard>& shards() const;
  /// True if the server knows nothing of clusters.
  [[nodiscard]] bool alone() const;
  [[nodiscard]] const ClientSettings& settings() const;
  [[nodiscard]] const Cluster::Figures& figures() const;

  /// Calls back whenever a map has masters that the last one had not, the first included. The callback lives as long as
  /// this.
  void on_new_masters(std::function<void()> callback);

 private:
  struct Impl;
  explicit Client(std::shared_ptr<Impl> impl);
  Task<Result<Reply>> send(Cluster::Target to, Arguments command, Kind kind);
  Task<Result<bool>> next_map();

  std::shared_ptr<Impl> impl_;  ///< shared with handlers that may still be queued when this is gone
};

}  // namespace windfall::redis
