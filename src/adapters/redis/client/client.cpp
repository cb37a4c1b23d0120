#include "adapters/redis/client/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/wait_traits.hpp>
#include <chrono>
#include <deque>
#include <limits>
#include <unordered_map>
#include <utility>

#include "adapters/redis/client/resp.hpp"

namespace windfall::redis {

namespace asio = boost::asio;

namespace {

using SteadyTimer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                               asio::io_context::executor_type>;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Cluster::Settings cluster_settings(const ClientSettings& settings) {
  return {.seeds = settings.seeds,
          .user = settings.user,
          .password = settings.password,
          .commit_connections = settings.commit_connections,
          .replicas = settings.replicas,
          .ports = settings.tls ? SlotMap::Ports::tls : SlotMap::Ports::plain};
}

}  // namespace

struct Client::Impl : std::enable_shared_from_this<Client::Impl> {
  using Answer = Completion<Result<Reply>>;

  struct Link {
    std::shared_ptr<Stream> stream;
    ReplyParser parser;
  };

  Impl(asio::io_context& on, ClientSettings given, std::shared_ptr<const Tls> by)
      : context(on),
        settings(std::move(given)),
        tls(std::move(by)),
        cluster(cluster_settings(settings)),
        timer(context) {}

  void submit(Cluster::Target to, Arguments command, Kind kind, Answer& answer) {
    if (closed) return answer.complete(fail(FailureCode::unavailable, "the Redis client is closed; nothing happened"));
    const std::int64_t now = now_ms();
    const RequestId id = cluster.submit({.to = std::move(to),
                                         .command = std::move(command),
                                         .kind = kind,
                                         .deadline_ms = now + settings.call_timeout_ms},
                                        now);
    answers.emplace(id, &answer);
    settle();
  }

  // Does what the cluster asks for until it asks for nothing more. Continuations of calls run in here and may call
  // again; what they cause is done by the same loop.
  void settle() {
    if (settling || closed) return;
    settling = true;
    for (auto actions = cluster.take_actions(); !actions.empty() && !closed; actions = cluster.take_actions()) {
      for (Cluster::Action& action : actions) {
        std::visit([this](auto& what) { act(what); }, action);
      }
    }
    settling = false;
    if (closed) return;
    if (cluster.unflushed()) flush_at_turn_end();
    set_timer();
  }

  void act(Cluster::Open& open) {
    auto link = std::make_shared<Link>();
    const ConnectionId id = open.connection;
    const std::weak_ptr<Impl> self = weak_from_this();
    link->stream = open_stream(context, tls, open.endpoint,
                               {.opened =
                                    [self, id] {
                                      if (const auto impl = self.lock()) impl->opened(id);
                                    },
                                .received =
                                    [self, id](std::string_view bytes) {
                                      if (const auto impl = self.lock()) impl->received(id, bytes);
                                    },
                                .lost =
                                    [self, id](const std::string& why) {
                                      if (const auto impl = self.lock()) impl->lost(id, why);
                                    }});
    links.emplace(id, std::move(link));
  }

  void act(Cluster::Write& write) {
    const auto found = links.find(write.connection);
    if (found != links.end()) found->second->stream->write(std::move(write.bytes));
  }

  void act(Cluster::Close& close) {
    const auto found = links.find(close.connection);
    if (found == links.end()) return;
    found->second->stream->close();
    links.erase(found);
  }

  void act(Cluster::Done& done) {
    const auto found = answers.find(done.request);
    if (found == answers.end()) return;
    Answer& answer = *found->second;
    answers.erase(found);
    answer.complete(std::move(done.result));
  }

  void act(Cluster::Mapped& mapped) {
    wake_map_waiters(true);
    if (!mapped.new_masters) return;
    for (const auto& callback : std::vector(callbacks)) callback();
  }

  void wake_map_waiters(bool there) {
    for (Completion<bool>* waiter : std::exchange(map_waiters, {})) waiter->complete(there);
  }

  void opened(ConnectionId id) {
    cluster.connected(id, now_ms());
    settle();
  }

  void received(ConnectionId id, std::string_view bytes) {
    const auto found = links.find(id);
    if (found == links.end()) return;
    const std::shared_ptr<Link> link = found->second;
    link->parser.feed(bytes);
    const std::int64_t now = now_ms();
    while (true) {
      Result<std::optional<Reply>> reply = link->parser.next();
      if (!reply) {
        link->stream->close();
        return lost(id, reply.error().message);
      }
      if (!*reply) break;
      cluster.replied(id, std::move(**reply), now);
    }
    settle();
  }

  void lost(ConnectionId id, const std::string& why) {
    links.erase(id);
    cluster.lost(id, why, now_ms());
    settle();
  }

  // A posted handler runs behind everything that is ready now: calls of the same turn share one write.
  void flush_at_turn_end() {
    if (flush_posted) return;
    flush_posted = true;
    asio::post(context, [self = weak_from_this()] {
      const auto impl = self.lock();
      if (impl == nullptr || impl->closed) return;
      impl->flush_posted = false;
      impl->cluster.flush(now_ms());
      impl->settle();
    });
  }

  void set_timer() {
    std::int64_t wake = cluster.next_wake();
    if (!map_waiters.empty()) wake = std::min(wake, map_deadline);
    if (wake >= timer_at) return;  // a timer that fires early only looks
    timer_at = wake;
    timer.expires_at(std::chrono::steady_clock::time_point(std::chrono::milliseconds(wake)));
    timer.async_wait([self = weak_from_this()](const boost::system::error_code& cancelled) {
      const auto impl = self.lock();
      if (cancelled || impl == nullptr || impl->closed) return;
      impl->timer_at = kNever;
      const std::int64_t now = now_ms();
      impl->cluster.tick(now);
      if (now >= impl->map_deadline) impl->wake_map_waiters(false);
      impl->settle();
    });
  }

  void close() {
    closed = true;
    timer.cancel();
    for (auto& [id, link] : links) link->stream->close();
    links.clear();
    for (auto& [id, answer] : std::exchange(answers, {})) {
      answer->complete(fail(FailureCode::unavailable, "the Redis client is closed; outcome unknown"));
    }
    wake_map_waiters(false);
  }

  asio::io_context& context;
  const ClientSettings settings;
  std::shared_ptr<const Tls> tls;
  Cluster cluster;
  SteadyTimer timer;
  std::int64_t timer_at = kNever;
  std::unordered_map<ConnectionId, std::shared_ptr<Link>> links;
  std::unordered_map<RequestId, Answer*> answers;  ///< in the frames of the callers
  std::vector<Completion<bool>*> map_waiters;
  std::int64_t map_deadline = kNever;  ///< of the last who began to wait
  std::vector<std::function<void()>> callbacks;
  bool settling = false;
  bool flush_posted = false;
  bool closed = false;
};

Result<std::unique_ptr<Client>> Client::open(asio::io_context& context, ClientSettings settings) {
  if (settings.seeds.empty()) return fail(FailureCode::invalid, "no Redis server is named");
  if (settings.commit_connections < 1 || settings.commit_connections > kMostCommitConnections) {
    return fail(FailureCode::invalid, fmt::format("commit connections to Redis: {} is not within 1 and {}",
                                                  settings.commit_connections, kMostCommitConnections));
  }
  if (settings.replicas < 0 || settings.call_timeout_ms <= 0) {
    return fail(FailureCode::invalid, "replicas and time-out of Redis calls cannot be negative");
  }
  std::shared_ptr<const Tls> tls;
  if (settings.tls) {
    Result<std::shared_ptr<const Tls>> made = Tls::make(*settings.tls);
    if (!made) return tl::unexpected(std::move(made.error()));
    tls = std::move(*made);
  }
  return std::unique_ptr<Client>(new Client(std::make_shared<Impl>(context, std::move(settings), std::move(tls))));
}

Client::Client(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Client::~Client() { close(); }

void Client::close() { impl_->close(); }

Task<Result<Reply>> Client::send(Cluster::Target to, Arguments command, Kind kind) {
  Completion<Result<Reply>> answer;
  impl_->submit(std::move(to), std::move(command), kind, answer);
  Result<Reply> reply = co_await answer;
  co_return reply;
}

Task<Result<Reply>> Client::call(const std::string& routing_key, Arguments command) {
  return send(Cluster::Slot{slot_of(routing_key)}, std::move(command), Kind::read);
}

Task<Result<Reply>> Client::call_durable(const std::string& routing_key, Arguments command) {
  return send(Cluster::Slot{slot_of(routing_key)}, std::move(command), Kind::durable);
}

Task<Result<Reply>> Client::call(Call call) {
  return send(Cluster::Slot{slot_of(call.routing_key)}, std::move(call.command), call.kind);
}

Task<Result<Reply>> Client::call_node(Endpoint node, Arguments command, Kind kind) {
  return send(std::move(node), std::move(command), kind);
}

Task<std::vector<Result<Reply>>> Client::pipeline(std::vector<Call> calls) {
  std::deque<Completion<Result<Reply>>> answers(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    impl_->submit(Cluster::Slot{slot_of(calls[i].routing_key)}, std::move(calls[i].command), calls[i].kind, answers[i]);
  }
  std::vector<Result<Reply>> replies;
  replies.reserve(answers.size());
  for (Completion<Result<Reply>>& answer : answers) {
    Result<Reply> reply = co_await answer;
    replies.push_back(std::move(reply));
  }
  co_return replies;
}

Task<Result<bool>> Client::connect() {
  if (!impl_->cluster.map().empty()) co_return true;
  Task<Result<bool>> mapped = next_map();
  Result<bool> result = co_await mapped;
  co_return result;
}

Task<Result<bool>> Client::refresh() { return next_map(); }

Task<Result<bool>> Client::next_map() {
  const std::shared_ptr<Impl> impl = impl_;
  if (impl->closed) co_return fail(FailureCode::unavailable, "the Redis client is closed");
  Completion<bool> there;
  impl->map_waiters.push_back(&there);
  const std::int64_t now = now_ms();
  impl->map_deadline = now + impl->settings.call_timeout_ms;
  impl->cluster.want_map(now);
  impl->settle();
  const bool mapped = co_await there;
  if (mapped) co_return true;
  co_return fail(FailureCode::unavailable,
                 fmt::format("no Redis node has described the cluster ({})", impl->cluster.trouble()));
}

const std::vector<Shard>& Client::shards() const { return impl_->cluster.map().shards(); }

bool Client::alone() const { return impl_->cluster.map().alone(); }

const ClientSettings& Client::settings() const { return impl_->settings; }

const Cluster::Figures& Client::figures() const { return impl_->cluster.figures(); }

void Client::on_new_masters(std::function<void()> callback) { impl_->callbacks.push_back(std::move(callback)); }

}  // namespace windfall::redis
