#include "adapters/redis/client/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <string_view>

#include "adapters/redis/client/resp.hpp"

namespace windfall::redis {

namespace {

constexpr std::string_view kUnknown = "; outcome unknown";
/// The first redirects are followed at once; nodes that still send a command around are given time to agree.
constexpr int kRedirectsAtOnce = 4;

enum class Says : std::uint8_t {
  answer,   ///< an error of the command itself, for the caller
  moved,    ///< another node serves the slot
  ask,      ///< another node has the key already
  again,    ///< the slot's keys are on two nodes at the moment
  not_now,  ///< the node cannot serve, another may soon
  refused,  ///< the node does not accept writes; not executed
  full,     ///< no memory; not executed
};

Says meaning_of(std::string_view error) {
  // From inside a script, which may have written before: the caller has to judge it.
  if (error.find(" script: ") != std::string_view::npos) return Says::answer;
  const std::string_view word = error.substr(0, error.find(' '));
  if (word == "MOVED") return Says::moved;
  if (word == "ASK") return Says::ask;
  if (word == "TRYAGAIN") return Says::again;
  if (word == "CLUSTERDOWN" || word == "LOADING" || word == "MASTERDOWN" || word == "READONLY") return Says::not_now;
  if (word == "NOREPLICAS" || word == "MISCONF" || word == "BUSY") return Says::refused;
  if (word == "OOM") return Says::full;
  return Says::answer;
}

/// "MOVED 3999 127.0.0.1:6381", "ASK 3999 :6381" where the host is the one that says so.
struct Redirect {
  std::uint16_t slot;
  Endpoint to;
};
std::optional<Redirect> redirect_of(std::string_view error, const Endpoint& by) {
  const std::size_t first = error.find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = error.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  unsigned slot = 0;
  for (const char digit : error.substr(first + 1, second - first - 1)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    slot = slot * 10 + static_cast<unsigned>(digit - '0');
    if (slot >= kSlots) return std::nullopt;
  }
  std::optional<Endpoint> to = endpoint_of(error.substr(second + 1));
  if (!to) return std::nullopt;
  if (to->host.empty() || to->host == "?") to->host = by.host;
  return Redirect{.slot = static_cast<std::uint16_t>(slot), .to = std::move(*to)};
}

bool changes_something(Kind kind) { return kind == Kind::write || kind == Kind::durable; }
bool needs_replicas(Kind kind) { return kind == Kind::confirmed || kind == Kind::durable; }

/// Commands that were put off together come back spread over some milliseconds, the same ones in every run.
std::int64_t spread_of(RequestId id) { return static_cast<std::int64_t>(static_cast<std::uint64_t>(id) % 8); }

}  // namespace

bool outcome_unknown(const Failure& failure) { return std::string_view(failure.message).ends_with(kUnknown); }

Cluster::Cluster(Settings settings) : settings_(std::move(settings)) {
  assert(!settings_.seeds.empty());
  settings_.commit_connections = std::clamp(settings_.commit_connections, 1, kMostCommitConnections);
}

RequestId Cluster::submit(Request request, std::int64_t now) {
  now_ = now;
  if (requests_.size() >= kMostOutstanding) {
    const RequestId id{++last_request_};
    actions_.emplace_back(Done{id, fail(FailureCode::overloaded, "too many Redis commands wait; nothing happened")});
    return id;
  }
  Pending pending{.bytes = {},
                  .to = std::move(request.to),
                  .kind = request.kind,
                  .purpose = Purpose::caller,
                  .deadline_ms = request.deadline_ms};
  append_command(pending.bytes, request.command);
  const RequestId id = add(std::move(pending));
  route(id, now);
  ask_for_map(now);
  return id;
}

RequestId Cluster::add(Pending pending) {
  const RequestId id{++last_request_};
  timers_.emplace(pending.deadline_ms, id);
  requests_.emplace(id, std::move(pending));
  return id;
}

// Puts a command onto the connection it belongs to, or says what it waits for.
void Cluster::route(RequestId id, std::int64_t now) {
  Pending& pending = requests_.at(id);
  const auto* slot = std::get_if<Slot>(&pending.to);
  const Endpoint* target = pending.ask       ? &*pending.ask
                           : slot != nullptr ? map_.owner(slot->number)
                                             : &std::get<Endpoint>(pending.to);
  if (target == nullptr) {
    pending.state = State::parked;
    if (pending.trouble.empty()) {
      pending.trouble = map_.empty() ? fmt::format("no Redis node has described the cluster ({})", trouble_)
                                     : fmt::format("no Redis node serves slot {}", slot->number);
    }
    parked_.push_back(id);
    map_wanted_ = true;
    return;
  }
  const int lane =
      pending.kind == Kind::read ? kReadLane : 1 + (slot == nullptr ? 0 : slot->number) % settings_.commit_connections;
  const auto left_alone = left_alone_until_.find(*target);
  if (left_alone != left_alone_until_.end() && now < left_alone->second) {
    back_off(id, pending, now);
    return;
  }
  pending.on = connection_to(*target, lane, now);
  pending.state = State::queued;
  Connection& connection = connections_.at(pending.on);
  connection.queued.push_back(id);
  if (connection.ready && connection.queued.size() == 1) dirty_.push_back(pending.on);
}

ConnectionId Cluster::connection_to(const Endpoint& endpoint, int lane, std::int64_t now) {
  const auto known = by_lane_.find({endpoint, lane});
  if (known != by_lane_.end()) return known->second;
  const ConnectionId id{++last_connection_};
  by_lane_.emplace(std::pair(endpoint, lane), id);
  Connection connection;
  connection.endpoint = endpoint;
  connection.lane = lane;
  connection.since = now;
  connections_.emplace(id, std::move(connection));
  actions_.emplace_back(Open{id, endpoint});
  return id;
}

void Cluster::connected(ConnectionId id, std::int64_t now) {
  now_ = now;
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  // Protocol 2: replies have the shape that the scripts' authors see in redis-cli, and pushes do not exist.
  Arguments hello{"HELLO", "2"};
  if (!settings_.password.empty()) {
    hello.insert(hello.end(), {"AUTH", settings_.user.empty() ? "default" : settings_.user, settings_.password});
  }
  hello.insert(hello.end(), {"SETNAME", "windfall"});
  std::string bytes;
  append_command(bytes, hello);
  found->second.owed.push_back({.what = Owed::What::greeting});
  actions_.emplace_back(Write{id, std::move(bytes)});
}

void Cluster::flush(std::int64_t now) {
  now_ = now;
  for (const ConnectionId id : std::exchange(dirty_, {})) {
    const auto found = connections_.find(id);
    if (found != connections_.end() && found->second.ready) write(id, found->second, now);
  }
}

void Cluster::write(ConnectionId id, Connection& connection, std::int64_t now) {
  std::string bytes;
  Owed wait{.what = Owed::What::wait, .wait = last_wait_ + 1};
  if (connection.owed.empty()) connection.since = now;
  for (const RequestId request : std::exchange(connection.queued, {})) {
    const auto found = requests_.find(request);
    if (found == requests_.end()) continue;  // its time was up before its turn came
    Pending& pending = found->second;
    if (pending.ask) {
      append_command(bytes, {"ASKING"});
      connection.owed.push_back({.what = Owed::What::asking});
      pending.ask.reset();
    }
    bytes += pending.bytes;
    pending.state = State::written;
    const bool held = settings_.replicas > 0 && needs_replicas(pending.kind);
    connection.owed.push_back({.what = Owed::What::request, .request = request, .wait = held ? wait.wait : 0});
    if (held) wait.confirms.push_back(request);
    figures_.commands += pending.purpose == Purpose::caller ? 1 : 0;
  }
  if (!wait.confirms.empty()) {
    ++last_wait_;
    ++figures_.waits;
    append_command(bytes, {"WAIT", std::to_string(settings_.replicas), std::to_string(kWaitMs)});
    connection.owed.push_back(std::move(wait));
  }
  if (bytes.empty()) return;
  ++figures_.writes;
  actions_.emplace_back(Write{id, std::move(bytes)});
}

void Cluster::replied(ConnectionId id, Reply reply, std::int64_t now) {
  now_ = now;
  auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  if (connection.owed.empty()) {
    actions_.emplace_back(Close{id});
    drop(id, "a reply that nobody asked for", now);
    return;
  }
  const Owed owed = std::move(connection.owed.front());
  connection.owed.pop_front();
  connection.since = now;
  switch (owed.what) {
    case Owed::What::greeting:
      if (reply.type == Reply::Type::error) {
        actions_.emplace_back(Close{id});
        drop(id, "the greeting was refused: " + reply.text, now);
        return;
      }
      connection.ready = true;
      left_alone_until_.erase(connection.endpoint);
      if (!connection.queued.empty()) dirty_.push_back(id);
      break;
    case Owed::What::asking:
      break;  // if it was refused, so is the command behind it
    case Owed::What::request:
      answered(owed.request, owed, connection.endpoint, std::move(reply), now);
      break;
    case Owed::What::wait:
      confirm(owed, reply);
      break;
  }
  found = connections_.find(id);  // a new map may have closed it
  if (found != connections_.end() && found->second.retiring && found->second.owed.empty() &&
      found->second.queued.empty()) {
    actions_.emplace_back(Close{id});
    by_lane_.erase({found->second.endpoint, found->second.lane});
    connections_.erase(found);
  }
  ask_for_map(now);
}

void Cluster::answered(RequestId id, const Owed& owed, const Endpoint& by, Reply reply, std::int64_t now) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;  // the caller has gone
  Pending& pending = found->second;
  if (reply.type == Reply::Type::error && std::holds_alternative<Slot>(pending.to) &&
      redirected(id, pending, by, reply.text, now)) {
    return;
  }
  if (owed.wait == 0) return finish(id, std::move(reply));
  pending.state = State::held;
  pending.held_by = owed.wait;
  pending.reply = std::move(reply);
}

// True if the error is about where and when, not about the command: it was not executed, and this has dealt with it.
bool Cluster::redirected(RequestId id, Pending& pending, const Endpoint& by, const std::string& error,
                         std::int64_t now) {
  const Says says = meaning_of(error);
  if (says == Says::answer) return false;
  pending.trouble = fmt::format("Redis {} says {}", text_of(by), error);
  pending.ask.reset();
  switch (says) {
    case Says::answer:
      return false;
    case Says::moved:
    case Says::ask: {
      const std::optional<Redirect> redirect = redirect_of(error, by);
      if (!redirect) {
        back_off(id, pending, now);
        return true;
      }
      if (says == Says::moved) {
        ++figures_.moved;
        map_.move(redirect->slot, redirect->to);
        map_wanted_ = true;
      } else {
        ++figures_.asked;
        map_wanted_ = map_wanted_ || !map_.knows(redirect->to);
        pending.ask = redirect->to;
      }
      follow(id, pending, now);
      return true;
    }
    case Says::again:
      back_off(id, pending, now);
      return true;
    case Says::not_now:
      map_wanted_ = true;
      back_off(id, pending, now);
      return true;
    case Says::refused:
      give_up(id, pending, FailureCode::unavailable);
      return true;
    case Says::full:
      give_up(id, pending, FailureCode::overloaded);
      return true;
  }
  return false;
}

void Cluster::follow(RequestId id, Pending& pending, std::int64_t now) {
  ++pending.redirects;
  if (pending.redirects > kMostRedirects) {
    give_up(id, pending, FailureCode::unavailable);
  } else if (pending.redirects > kRedirectsAtOnce) {
    back_off(id, pending, now);
  } else {
    route(id, now);
  }
}

void Cluster::confirm(const Owed& wait, const Reply& reply) {
  const bool enough = reply.type == Reply::Type::integer && reply.number >= settings_.replicas;
  figures_.unconfirmed += enough ? 0 : 1;
  for (const RequestId id : wait.confirms) {
    const auto found = requests_.find(id);
    // Not held, or by another WAIT: it was redirected and is somebody else's.
    if (found == requests_.end() || found->second.state != State::held || found->second.held_by != wait.wait) continue;
    Pending& pending = found->second;
    if (enough) {
      finish(id, std::move(pending.reply));
      continue;
    }
    pending.trouble = reply.type == Reply::Type::integer
                          ? fmt::format("{} of {} Redis replicas confirmed", reply.number, settings_.replicas)
                          : fmt::format("WAIT says {}", reply.text);
    expire(id, pending);
  }
}

void Cluster::back_off(RequestId id, Pending& pending, std::int64_t now) {
  const std::int64_t pause = std::min(kFirstBackOffMs << std::min(pending.backoffs, 10), kMostBackOffMs);
  ++pending.backoffs;
  ++figures_.backed_off;
  back_off_until(id, pending, now + pause + spread_of(id));
}

void Cluster::back_off_until(RequestId id, Pending& pending, std::int64_t at) {
  // The map is asked of somebody else instead; and what cannot be tried before its deadline need not wait for it.
  if (pending.purpose != Purpose::caller || at >= pending.deadline_ms) {
    return give_up(id, pending, FailureCode::unavailable);
  }
  pending.state = State::backing_off;
  pending.resume_ms = at;
  timers_.emplace(at, id);
}

void Cluster::lost(ConnectionId id, const std::string& why, std::int64_t now) {
  now_ = now;
  if (connections_.contains(id)) drop(id, why, now);
}

void Cluster::drop(ConnectionId id, const std::string& why, std::int64_t now) {
  const Connection connection = std::move(connections_.at(id));
  connections_.erase(id);
  by_lane_.erase({connection.endpoint, connection.lane});
  ++figures_.lost;
  if (!connection.ready) left_alone_until_[connection.endpoint] = now + kReconnectPauseMs;
  map_wanted_ = true;
  const std::string trouble = fmt::format("Redis {}: {}", text_of(connection.endpoint), why);
  trouble_ = trouble;
  for (const Owed& owed : connection.owed) {
    if (owed.what == Owed::What::request) interrupted(owed.request, trouble, now);
    // Behind a WAIT stand commands whose replies have come already.
    for (const RequestId request : owed.confirms) {
      const auto found = requests_.find(request);
      if (found == requests_.end() || found->second.state != State::held || found->second.held_by != owed.wait)
        continue;
      interrupted(request, trouble, now);
    }
  }
  for (const RequestId request : connection.queued) interrupted(request, trouble, now);
  ask_for_map(now);
}

void Cluster::interrupted(RequestId id, const std::string& why, std::int64_t now) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  Pending& pending = found->second;
  pending.trouble = why;
  const bool may_have_arrived = pending.state == State::written || pending.state == State::held;
  if (may_have_arrived && changes_something(pending.kind)) return expire(id, pending);
  pending.ask.reset();
  back_off(id, pending, now);
}

// Ends a command as certain or unknown, as far as it got.
void Cluster::expire(RequestId id, Pending& pending) {
  const bool may_have_arrived = pending.state == State::written || pending.state == State::held;
  if (pending.trouble.empty()) {
    pending.trouble = pending.state == State::held      ? "the Redis replicas did not confirm in time"
                      : pending.state == State::written ? "Redis did not answer in time"
                                                        : "no connection to Redis in time";
  }
  if (!may_have_arrived || !changes_something(pending.kind)) return give_up(id, pending, FailureCode::unavailable);
  ++figures_.unknown;
  finish(id, fail(FailureCode::unavailable, pending.trouble + std::string(kUnknown)));
}

void Cluster::give_up(RequestId id, Pending& pending, FailureCode code) {
  finish(id, fail(code, pending.trouble + "; nothing happened"));
}

void Cluster::finish(RequestId id, Result<Reply> result) {
  const auto found = requests_.find(id);
  const Pending pending = std::move(found->second);
  requests_.erase(found);
  timers_.erase({pending.deadline_ms, id});
  if (pending.purpose == Purpose::caller) {
    actions_.emplace_back(Done{id, std::move(result)});
  } else {
    map_answered(pending.purpose, std::get<Endpoint>(pending.to), result);
  }
}

void Cluster::tick(std::int64_t now) {
  now_ = now;
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const RequestId id = timers_.begin()->second;
    timers_.erase(timers_.begin());
    const auto found = requests_.find(id);
    if (found == requests_.end()) continue;
    if (found->second.deadline_ms <= now) {
      expire(id, found->second);
    } else if (found->second.state == State::backing_off && found->second.resume_ms <= now) {
      route(id, now);
    }
  }
  std::vector<ConnectionId> dead;
  for (const auto& [id, connection] : connections_) {
    const bool slow = !connection.ready && now >= connection.since + kOpenMs;
    const bool silent = connection.ready && !connection.owed.empty() && now >= connection.since + kSilenceMs;
    if (slow || silent) dead.push_back(id);
  }
  for (const ConnectionId id : dead) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    actions_.emplace_back(Close{id});
    drop(id, found->second.ready ? "it is silent" : "it cannot be connected in time", now);
  }
  ask_for_map(now);
}

std::int64_t Cluster::next_wake() const {
  std::int64_t wake = timers_.empty() ? std::numeric_limits<std::int64_t>::max() : timers_.begin()->first;
  for (const auto& [id, connection] : connections_) {
    if (!connection.ready) wake = std::min(wake, connection.since + kOpenMs);
    if (connection.ready && !connection.owed.empty()) wake = std::min(wake, connection.since + kSilenceMs);
  }
  if (map_wanted_ && !map_request_) wake = std::min(wake, next_map_ms_);
  return wake;
}

void Cluster::want_map(std::int64_t now) {
  now_ = now;
  map_wanted_ = true;
  ask_for_map(now);
}

void Cluster::ask_for_map(std::int64_t now) {
  if (!map_wanted_ || map_request_ || now < next_map_ms_) return;
  next_map_ms_ = now + kMapPauseMs;
  const std::vector<Endpoint> nodes = known_nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Endpoint& node = nodes[map_turn_++ % nodes.size()];
    const auto left_alone = left_alone_until_.find(node);
    if (left_alone != left_alone_until_.end() && now < left_alone->second) continue;
    map_wanted_ = false;
    Pending question{
        .bytes = {}, .to = node, .kind = Kind::read, .purpose = Purpose::shards, .deadline_ms = now + kMapTimeoutMs};
    append_command(question.bytes, {"CLUSTER", "SHARDS"});
    map_request_ = add(std::move(question));
    route(*map_request_, now);
    return;
  }
}

void Cluster::map_answered(Purpose purpose, const Endpoint& by, const Result<Reply>& result) {
  map_request_.reset();
  next_map_ms_ = now_ + kMapPauseMs;
  map_wanted_ = map_wanted_ || !result.has_value();
  if (!result) return;
  if (result->type == Reply::Type::error) {
    if (result->text.find("cluster support disabled") != std::string::npos) return take_map(SlotMap::single(by));
    trouble_ = fmt::format("Redis {} does not describe the cluster: {}", text_of(by), result->text);
    if (purpose == Purpose::slots) {
      map_wanted_ = true;
      return;
    }
    // Older than 7, or its access rules know only the older command.
    Pending question{
        .bytes = {}, .to = by, .kind = Kind::read, .purpose = Purpose::slots, .deadline_ms = now_ + kMapTimeoutMs};
    append_command(question.bytes, {"CLUSTER", "SLOTS"});
    map_request_ = add(std::move(question));
    return route(*map_request_, now_);
  }
  Result<SlotMap> map = purpose == Purpose::shards ? SlotMap::from_shards(*result, by, settings_.ports)
                                                   : SlotMap::from_slots(*result, by);
  // A node that knows of no slots has not met the others yet.
  if (!map || map->unserved() == kSlots) {
    trouble_ = fmt::format("Redis {}: {}", text_of(by), map ? "it knows of no slots" : map.error().message);
    map_wanted_ = true;
    return;
  }
  take_map(std::move(*map));
}

void Cluster::take_map(SlotMap map) {
  ++figures_.maps;
  std::vector<Endpoint> masters;
  for (const Shard& shard : map.shards()) masters.push_back(shard.master);
  const bool new_masters = std::any_of(masters.begin(), masters.end(), [this](const Endpoint& master) {
    return std::find(announced_.begin(), announced_.end(), master) == announced_.end();
  });
  announced_ = std::move(masters);
  actions_.emplace_back(Mapped{new_masters});
  map_ = std::move(map);
  std::erase_if(left_alone_until_,
                [this](const auto& entry) { return !map_.knows(entry.first) && !is_seed(entry.first); });
  for (auto at = connections_.begin(); at != connections_.end();) {
    Connection& connection = at->second;
    connection.retiring = !map_.knows(connection.endpoint) && !is_seed(connection.endpoint);
    if (connection.retiring && connection.owed.empty() && connection.queued.empty()) {
      actions_.emplace_back(Close{at->first});
      by_lane_.erase({connection.endpoint, connection.lane});
      at = connections_.erase(at);
    } else {
      ++at;
    }
  }
  for (const RequestId id : std::exchange(parked_, {})) {
    const auto found = requests_.find(id);
    if (found == requests_.end() || found->second.state != State::parked) continue;
    found->second.trouble.clear();
    route(id, now_);
  }
}

std::vector<Endpoint> Cluster::known_nodes() const {
  std::vector<Endpoint> nodes;
  for (const Shard& shard : map_.shards()) nodes.push_back(shard.master);
  for (const Shard& shard : map_.shards()) nodes.insert(nodes.end(), shard.replicas.begin(), shard.replicas.end());
  for (const Endpoint& seed : settings_.seeds) {
    if (std::find(nodes.begin(), nodes.end(), seed) == nodes.end()) nodes.push_back(seed);
  }
  return nodes;
}

bool Cluster::is_seed(const Endpoint& endpoint) const {
  return std::find(settings_.seeds.begin(), settings_.seeds.end(), endpoint) != settings_.seeds.end();
}

}  // namespace windfall::redis
