// A world around the cluster machine, without sockets or clock: connections that open when told to, nodes that say what
// a test has them say, and a log of who was sent what.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/redis/client/cluster.hpp"
#include "adapters/redis/client/resp.hpp"
#include "redis/replies.hpp"

namespace windfall::redis {

inline const Endpoint kA{.host = "a", .port = 1};
inline const Endpoint kB{.host = "b", .port = 1};
inline const Endpoint kC{.host = "c", .port = 1};

/// CLUSTER SHARDS of masters that share the slots: the first has the lower half, the second the upper one.
inline Reply halves(const Endpoint& lower, const Endpoint& upper) {
  const auto shard = [](int from, int to, const Endpoint& master) {
    return list({bulk("slots"), list({integer(from), integer(to)}), bulk("nodes"),
                 list({list({bulk("port"), integer(master.port), bulk("ip"), bulk(master.host), bulk("role"),
                             bulk("master"), bulk("health"), bulk("online")})})});
  };
  return list({shard(0, 8191, lower), shard(8192, 16383, upper)});
}

class ClusterDriver {
 public:
  explicit ClusterDriver(Cluster::Settings settings) : cluster(std::move(settings)) {}

  /// A connection as the world sees it.
  struct Wire {
    ConnectionId id{};
    Endpoint to;
    bool open = true;
    std::vector<std::vector<std::string>> owed;  ///< commands written and not replied to
    int writes = 0;
  };

  RequestId submit(std::uint16_t slot, Arguments command, Kind kind, std::int64_t timeout = 1000) {
    const RequestId id = cluster.submit(
        {.to = Cluster::Slot{slot}, .command = std::move(command), .kind = kind, .deadline_ms = now + timeout}, now);
    take();
    return id;
  }

  /// The end of a loop's turn: what is waiting is written.
  void turn() {
    cluster.flush(now);
    take();
  }

  /// Turns until nothing happens: connections open, greetings are answered, and so is the question for the map.
  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      turn();
      for (std::size_t i = 0; i < wires.size(); ++i) {
        if (!wires[i].open) continue;
        if (opening.contains(wires[i].id) && !refusing.contains(wires[i].to)) {
          opening.erase(wires[i].id);
          cluster.connected(wires[i].id, now);
          busy = true;
        } else if (opening.contains(wires[i].id)) {
          opening.erase(wires[i].id);
          wires[i].open = false;
          cluster.lost(wires[i].id, "connection refused", now);
          busy = true;
        } else if (!wires[i].owed.empty() && wires[i].owed.front()[0] == "HELLO") {
          reply(wires[i], greeting);
          busy = true;
        } else if (!wires[i].owed.empty() && wires[i].owed.front()[0] == "CLUSTER" && map) {
          reply(wires[i], *map);
          busy = true;
        }
        take();
      }
    }
  }

  void pass(std::int64_t ms) {
    now += ms;
    cluster.tick(now);
    take();
    settle();
  }

  void reply(Wire& wire, const Reply& with) {
    ASSERT_FALSE(wire.owed.empty()) << "a reply that nobody waits for";
    const ConnectionId id = wire.id;
    wire.owed.erase(wire.owed.begin());
    cluster.replied(id, with, now);
    take();
  }
  void reply(const Endpoint& to, const std::string& first_word, const Reply& with) {
    Wire* found = waiting(to, first_word);
    ASSERT_NE(found, nullptr) << text_of(to) << " was not sent " << first_word;
    reply(*found, with);
  }

  /// The open connection to `to` whose next reply is for a command that begins so.
  Wire* waiting(const Endpoint& to, const std::string& first_word) {
    for (Wire& wire : wires) {
      if (wire.open && wire.to == to && !wire.owed.empty() && wire.owed.front()[0] == first_word) return &wire;
    }
    return nullptr;
  }

  void lose(Wire& wire) {
    wire.open = false;
    cluster.lost(wire.id, "gone", now);
    take();
  }

  /// What a node was sent and has not answered, one connection a line.
  std::string owed(const Endpoint& to) const {
    std::string lines;
    for (const Wire& wire : wires) {
      if (!wire.open || wire.to != to || wire.owed.empty()) continue;
      for (const auto& command : wire.owed) {
        for (const std::string& word : command) lines += word + " ";
      }
      lines.back() = '\n';
    }
    return lines;
  }

  /// What became of a request: the reply, "unavailable: …", or "" while it waits.
  std::string outcome(RequestId id) const {
    const auto found = done.find(id);
    if (found == done.end()) return {};
    if (found->second) return show(*found->second);
    return (found->second.error().code == FailureCode::overloaded ? "overloaded: " : "unavailable: ") +
           found->second.error().message;
  }

  Cluster cluster;
  std::int64_t now = 1'000'000;
  std::vector<Wire> wires;
  std::map<ConnectionId, bool> opening;
  std::map<Endpoint, bool> refusing;  ///< let nobody connect
  std::map<RequestId, Result<Reply>> done;
  std::optional<Reply> map;  ///< what every node says of the cluster; none: it does not answer
  Reply greeting = list({bulk("server"), bulk("redis")});
  std::vector<std::vector<std::string>> greetings;
  int maps_with_new_masters = 0;

 private:
  Wire& wire_of(ConnectionId id) {
    for (Wire& wire : wires) {
      if (wire.id == id) return wire;
    }
    ADD_FAILURE() << "no such connection";
    return wires.front();
  }

  void take() {
    for (Cluster::Action& action : cluster.take_actions()) {
      if (const auto* open = std::get_if<Cluster::Open>(&action)) {
        wires.push_back({.id = open->connection, .to = open->endpoint, .owed = {}});
        opening[open->connection] = true;
      } else if (const auto* write = std::get_if<Cluster::Write>(&action)) {
        Wire& wire = wire_of(write->connection);
        EXPECT_TRUE(wire.open) << "written to a closed connection";
        ++wire.writes;
        ReplyParser parser;  // a command is a list of strings, like a reply
        parser.feed(write->bytes);
        for (auto next = parser.next(); next && *next; next = parser.next()) {
          std::vector<std::string> words;
          for (const Reply& word : (*next)->items) words.push_back(word.text);
          if (words[0] == "HELLO") greetings.push_back(words);
          wire.owed.push_back(std::move(words));
        }
      } else if (const auto* close = std::get_if<Cluster::Close>(&action)) {
        wire_of(close->connection).open = false;
      } else if (auto* finished = std::get_if<Cluster::Done>(&action)) {
        EXPECT_TRUE(done.emplace(finished->request, std::move(finished->result)).second) << "done twice";
      } else if (const auto* mapped = std::get_if<Cluster::Mapped>(&action)) {
        maps_with_new_masters += mapped->new_masters ? 1 : 0;
      }
    }
  }
};

}  // namespace windfall::redis
