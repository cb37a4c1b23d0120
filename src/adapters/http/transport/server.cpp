#include "adapters/http/transport/server.hpp"

#include <cassert>
#include <utility>
#include <vector>

#include "adapters/http/transport/connection.hpp"
#include "adapters/http/transport/socket.hpp"

namespace windfall::http {

namespace {

/// Connections taken before the sockets that exist get their turn.
constexpr int kAcceptsPerTurn = 128;
/// Without descriptors accepting is tried again after this; others may close meanwhile.
constexpr std::chrono::milliseconds kExhaustedPause{100};

std::int64_t monotonic_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace

struct Server::Impl {
  class Listener;

  Impl(EventLoop& loop, Handler& fallback, const Limits& limits)
      : pool{.loop = loop, .limits = limits}, default_handler(fallback) {}

  void take(Socket socket, std::string peer, Handler& handler, bool reserved);
  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port, Handler& handler, bool reserved);
  void keep_sweeping();
  void sweep();
  void cut_all();

  ConnectionPool pool;
  Handler& default_handler;
  std::vector<std::unique_ptr<Listener>> listeners;
  Timer sweeper;
  Timer drain_deadline;
  Callback<void()> drained;
};

class Server::Impl::Listener final : public Watcher {
 public:
  Listener(Impl& server, Handler& handler, Socket socket, bool reserved)
      : server_(server), handler_(handler), socket_(std::move(socket)), reserved_(reserved) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() override { server_.pool.loop.unwatch(socket_.descriptor(), *this); }

  [[nodiscard]] bool start() { return server_.pool.loop.watch(socket_.descriptor(), *this, Interest::listener); }

  void on_ready(std::uint32_t) override {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      Socket accepted;
      std::string peer;
      switch (accept_one(socket_, accepted, peer)) {
        case AcceptOutcome::accepted:
          server_.take(std::move(accepted), std::move(peer), handler_, reserved_);
          break;
        case AcceptOutcome::none:
          return;
        case AcceptOutcome::failed:
          break;
        case AcceptOutcome::exhausted:
          return pause();
      }
    }
  }

 private:
  void pause() {
    server_.pool.loop.unwatch(socket_.descriptor(), *this);
    resume_ = server_.pool.loop.call_after(kExhaustedPause, [this] {
      if (!start()) pause();
    });
  }

  Impl& server_;
  Handler& handler_;
  Socket socket_;
  const bool reserved_;
  Timer resume_;
};

void Server::Impl::take(Socket socket, std::string peer, Handler& handler, bool reserved) {
  const Limits& limits = pool.limits;
  const std::size_t open = pool.connections.size();
  const std::size_t most = limits.connections + (reserved ? limits.refusals + limits.reserved : 0);
  const bool refused = open >= most;
  ++(refused ? pool.counters.refused : pool.counters.accepted);
  if (open >= most + limits.refusals) return;
  keep_sweeping();
  auto connection = std::make_shared<Connection>(pool, handler, std::move(socket), std::move(peer));
  pool.add(connection);
  if (refused) {
    connection->refuse();
  } else {
    connection->start();
  }
}

// One timer for all time-outs of all connections, and none while there are no connections.
void Server::Impl::keep_sweeping() {
  if (sweeper.pending()) return;
  pool.now_ms = monotonic_ms();
  sweeper = pool.loop.call_after(pool.limits.sweep_period, [this] { sweep(); });
}

void Server::Impl::sweep() {
  pool.now_ms = monotonic_ms();
  // Backwards: a connection that closes is replaced by the last one, which was looked at already.
  for (std::size_t i = pool.connections.size(); i-- > 0;) {
    if (i >= pool.connections.size()) continue;  // closing one may close others
    const std::shared_ptr<Connection> connection = pool.connections[i];
    connection->sweep(pool.now_ms);
  }
  if (!pool.connections.empty()) keep_sweeping();
}

void Server::Impl::cut_all() {
  while (!pool.connections.empty()) {
    const std::shared_ptr<Connection> connection = pool.connections.back();
    connection->close();
  }
}

Server::Server(EventLoop& loop, Handler& handler, Limits limits)
    : impl_(std::make_unique<Impl>(loop, handler, limits)) {}

Server::~Server() {
  impl_->listeners.clear();
  impl_->pool.emptied = {};
  impl_->cut_all();
}

Result<std::uint16_t> Server::listen(const std::string& host, std::uint16_t port) {
  return impl_->listen(host, port, impl_->default_handler, false);
}

Result<std::uint16_t> Server::listen(const std::string& host, std::uint16_t port, Handler& handler) {
  return impl_->listen(host, port, handler, false);
}

Result<std::uint16_t> Server::listen_reserved(const std::string& host, std::uint16_t port, Handler& handler) {
  return impl_->listen(host, port, handler, true);
}

Result<std::uint16_t> Server::Impl::listen(const std::string& host, std::uint16_t port, Handler& handler,
                                           bool reserved) {
  auto opened = open_listener(host, port);
  if (!opened) return tl::unexpected(opened.error());
  auto listener = std::make_unique<Listener>(*this, handler, std::move(opened->socket), reserved);
  if (!listener->start()) return fail(FailureCode::unavailable, "the event loop refuses another listener");
  listeners.push_back(std::move(listener));
  return opened->port;
}

void Server::stop_accepting() { impl_->listeners.clear(); }

void Server::drain(std::chrono::milliseconds deadline, Callback<void()> done) {
  assert(!impl_->pool.draining && "a server is drained once");
  stop_accepting();
  impl_->pool.draining = true;
  impl_->drained = std::move(done);
  impl_->pool.emptied = [impl = impl_.get()] {
    if (!impl->drained) return;
    impl->drain_deadline.cancel();
    impl->pool.loop.post(std::move(impl->drained));
  };
  impl_->drain_deadline = impl_->pool.loop.call_after(deadline, [impl = impl_.get()] { impl->cut_all(); });
  const std::vector<std::shared_ptr<Connection>> present = impl_->pool.connections;
  for (const std::shared_ptr<Connection>& connection : present) connection->close_if_idle();
  if (impl_->pool.connections.empty()) impl_->pool.emptied();
}

std::size_t Server::connections() const { return impl_->pool.connections.size(); }

const Counters& Server::counters() const { return impl_->pool.counters; }

}  // namespace windfall::http
