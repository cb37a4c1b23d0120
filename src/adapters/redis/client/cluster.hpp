// The cluster client without its sockets: which command goes to which node by which connection, what its reply means,
// when it is tried again and when nobody can say any more what became of it. It is fed with calls, replies, broken
// connections and the time, and says what to open, write and close and which calls are done. Tests need no network.
//
// Connections of a node are lanes: lane 0 for reads, the others for commits, so that a read never waits behind a WAIT.
// All commands of a slot and kind use the same lane, so they reach a node in the order of their calls, unless the slot
// moves or the connection breaks meanwhile.
//
// A command that waits for replicas is followed by WAIT on its own connection: only there does Redis know how far the
// replicas have to be. One WAIT stands behind all commands of a lane's turn. It also covers what a command has only
// read: the connection's offset advances with every command.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/redis/client/slots.hpp"
#include "adapters/redis/reply.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// What may be done with a command, and when it has succeeded.
enum class Kind : std::uint8_t {
  read,       ///< changes nothing: asked again if its answer is lost
  confirmed,  ///< a read whose answer is handed out only when the replicas have all that it saw
  write,      ///< never repeated once it may have arrived
  durable,    ///< a write that succeeds only if the replicas have it
};

enum class ConnectionId : std::uint64_t {};
enum class RequestId : std::uint64_t {};

/// Calls that are not answered yet. A turn of the loop has a few hundred; beyond this the servers are not keeping up.
inline constexpr std::size_t kMostOutstanding = 65'536;
/// Times that a command follows MOVED or ASK. A slot moves once; more than a few are nodes that contradict each other.
inline constexpr int kMostRedirects = 16;
/// Pause before a command is tried again, doubled each time: a slot that is moving is ready in milliseconds, a failover
/// takes seconds.
inline constexpr std::int64_t kFirstBackOffMs = 10;
inline constexpr std::int64_t kMostBackOffMs = 320;
/// A node that did not let itself be connected is left alone that long; whoever needs it waits.
inline constexpr std::int64_t kReconnectPauseMs = 50;
/// Between two questions for the map: during a failover every lost command asks for one.
inline constexpr std::int64_t kMapPauseMs = 50;
/// A node that does not describe the cluster within this time is passed over.
inline constexpr std::int64_t kMapTimeoutMs = 500;
/// How long WAIT waits for replicas.
inline constexpr std::int64_t kWaitMs = 500;
/// A connection that owes replies and has been silent for this long is dead.
inline constexpr std::int64_t kSilenceMs = 2000;
static_assert(kWaitMs < kSilenceMs && kMapTimeoutMs < kSilenceMs);
/// Until a connection is open and greeted, TLS included.
inline constexpr std::int64_t kOpenMs = 1000;
/// More than one lets a WAIT of one turn overlap with the next turn's commands; beyond 16 a turn's commands are spread
/// so thin that one write each would be back.
inline constexpr int kMostCommitConnections = 16;

/// True if nobody can say whether the command was executed; the same command, repeated with its hash, finds out.
/// Every other failure of a write means that it was not executed.
[[nodiscard]] bool outcome_unknown(const Failure& failure);

class Cluster {
 public:
  struct Settings {
    std::vector<Endpoint> seeds;  ///< asked for the map until it names others; asked again when those are gone
    std::string user;             ///< empty: the default user
    std::string password;         ///< empty: no AUTH
    int commit_connections = 4;   ///< of each node, 1..kMostCommitConnections
    int replicas = 0;             ///< that WAIT has to confirm; 0: no WAIT
    SlotMap::Ports ports = SlotMap::Ports::plain;
  };

  struct Slot {
    std::uint16_t number;
  };
  /// Where a command goes: to whoever serves a slot, or to one node whatever it serves.
  using Target = std::variant<Slot, Endpoint>;

  struct Request {
    Target to;
    Arguments command;
    Kind kind = Kind::read;
    std::int64_t deadline_ms = 0;  ///< on the clock of `now`
  };

  /// What the driver has to do, in this order.
  struct Open {
    ConnectionId connection;
    Endpoint endpoint;
  };
  struct Write {
    ConnectionId connection;
    std::string bytes;
  };
  struct Close {
    ConnectionId connection;
  };
  struct Done {
    RequestId request;
    Result<Reply> result;
  };
  /// A map has been read.
  struct Mapped {
    bool new_masters;  ///< it has masters that the last one had not; always true of the first
  };
  using Action = std::variant<Open, Write, Close, Done, Mapped>;

  /// Counted since the start.
  struct Figures {
    std::uint64_t writes = 0;       ///< handed to the driver, greetings left out
    std::uint64_t commands = 0;     ///< written for callers, WAIT left out
    std::uint64_t waits = 0;        ///< WAITs written
    std::uint64_t moved = 0;        ///< MOVED received
    std::uint64_t asked = 0;        ///< ASK received
    std::uint64_t backed_off = 0;   ///< commands put off: TRYAGAIN, CLUSTERDOWN, no connection
    std::uint64_t lost = 0;         ///< connections that broke or could not be opened
    std::uint64_t unknown = 0;      ///< commands whose outcome is unknown
    std::uint64_t unconfirmed = 0;  ///< WAITs that fewer replicas confirmed than asked for
    std::uint64_t maps = 0;         ///< maps read
  };

  explicit Cluster(Settings settings);

  /// Takes a command; it is written with the next flush(). Its Done comes later, exactly once, never from within.
  RequestId submit(Request request, std::int64_t now);
  /// Writes what has been taken since: one Write per connection.
  void flush(std::int64_t now);
  /// True if flush() has something to do.
  [[nodiscard]] bool unflushed() const { return !dirty_.empty(); }
  /// Asks for the map anew.
  void want_map(std::int64_t now);

  /// A connection that Open asked for stands.
  void connected(ConnectionId connection, std::int64_t now);
  /// It broke, or could not be opened. Not called after Close.
  void lost(ConnectionId connection, const std::string& why, std::int64_t now);
  void replied(ConnectionId connection, Reply reply, std::int64_t now);
  /// Time has passed.
  void tick(std::int64_t now);
  /// When tick() has to be called at the latest.
  [[nodiscard]] std::int64_t next_wake() const;

  /// What is to be done since the last call.
  std::vector<Action> take_actions() { return std::exchange(actions_, {}); }

  [[nodiscard]] const SlotMap& map() const { return map_; }
  [[nodiscard]] const Figures& figures() const { return figures_; }
  /// Why the last connection was lost or the last question for the map failed; empty if none did.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  static constexpr int kReadLane = 0;

  enum class Purpose : std::uint8_t { caller, shards, slots };
  enum class State : std::uint8_t {
    parked,       ///< until the map names somebody
    backing_off,  ///< until resume_ms
    queued,       ///< on a connection, not written
    written,      ///< reply outstanding
    held,         ///< replied; handed out when WAIT confirms
  };
  struct Pending {
    std::string bytes;
    Target to;
    Kind kind;
    Purpose purpose;
    std::int64_t deadline_ms;
    State state = State::parked;
    ConnectionId on{};
    std::optional<Endpoint> ask;  ///< the next try goes there, after ASKING
    int redirects = 0;
    int backoffs = 0;
    std::int64_t resume_ms = 0;
    std::uint64_t held_by = 0;  ///< the WAIT that decides
    Reply reply;
    std::string trouble;  ///< why the last try did not succeed
  };
  /// A reply that a connection owes.
  struct Owed {
    enum class What : std::uint8_t { greeting, asking, request, wait } what;
    RequestId request{};
    std::uint64_t wait = 0;                ///< number of the WAIT, or of the one behind the request
    std::vector<RequestId> confirms = {};  ///< by a WAIT
  };
  struct Connection {
    Endpoint endpoint;
    int lane = 0;
    bool ready = false;      ///< greeted
    bool retiring = false;   ///< its node has left the map
    std::int64_t since = 0;  ///< opened, or heard of, or first owed something
    std::vector<RequestId> queued;
    std::deque<Owed> owed;
  };
  using Connections = std::unordered_map<ConnectionId, Connection>;
  using Requests = std::unordered_map<RequestId, Pending>;

  RequestId add(Pending pending);
  void route(RequestId id, std::int64_t now);
  ConnectionId connection_to(const Endpoint& endpoint, int lane, std::int64_t now);
  void write(ConnectionId id, Connection& connection, std::int64_t now);
  void answered(RequestId id, const Owed& owed, const Endpoint& by, Reply reply, std::int64_t now);
  bool redirected(RequestId id, Pending& pending, const Endpoint& by, const std::string& error, std::int64_t now);
  void follow(RequestId id, Pending& pending, std::int64_t now);
  void confirm(const Owed& wait, const Reply& reply);
  void back_off(RequestId id, Pending& pending, std::int64_t now);
  void back_off_until(RequestId id, Pending& pending, std::int64_t at);
  void interrupted(RequestId id, const std::string& why, std::int64_t now);
  void drop(ConnectionId id, const std::string& why, std::int64_t now);
  void finish(RequestId id, Result<Reply> result);
  void give_up(RequestId id, Pending& pending, FailureCode code);
  void expire(RequestId id, Pending& pending);

  void ask_for_map(std::int64_t now);
  void map_answered(Purpose purpose, const Endpoint& by, const Result<Reply>& result);
  void take_map(SlotMap map);
  [[nodiscard]] std::vector<Endpoint> known_nodes() const;
  [[nodiscard]] bool is_seed(const Endpoint& endpoint) const;

  Settings settings_;
  SlotMap map_;
  Requests requests_;
  std::set<std::pair<std::int64_t, RequestId>> timers_;  ///< deadlines and ends of pauses
  std::vector<RequestId> parked_;
  Connections connections_;
  std::map<std::pair<Endpoint, int>, ConnectionId> by_lane_;
  std::map<Endpoint, std::int64_t> left_alone_until_;
  std::vector<ConnectionId> dirty_;
  std::vector<Action> actions_;
  Figures figures_;
  std::uint64_t last_request_ = 0;
  std::uint64_t last_connection_ = 0;
  std::uint64_t last_wait_ = 0;

  std::vector<Endpoint> announced_;  ///< masters of the last map that was read
  std::string trouble_;

  bool map_wanted_ = true;
  std::optional<RequestId> map_request_;
  std::int64_t next_map_ms_ = 0;
  std::size_t map_turn_ = 0;  ///< whom to ask next
  std::int64_t now_ = 0;
};

}  // namespace windfall::redis
