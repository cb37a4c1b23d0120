// A server, put together: one loop thread that decides, what keeps the data in the chosen mode, a partner. This is the
// one place where adapters meet.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "app/config.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::app {

class Server {
 public:
  /// Recovers the data, listens, and is ready when this returns. Failures name the place: damaged (the
  /// journal), conflict (in use, another key), invalid (configuration), unavailable (an address, the disk).
  /// `load` reads the configuration again, on SIGHUP: what takes force at once is taken over, the rest is named in the
  /// log; a configuration with an error changes nothing.
  static Result<std::unique_ptr<Server>> start(Config config, std::function<Result<Config>()> load);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// "http://127.0.0.1:PORT" of the participants' listener.
  [[nodiscard]] const std::string& url() const;
  /// Of the operators' listener; the same as url() where one serves everything.
  [[nodiscard]] const std::string& admin_url() const;
  /// The admin key that this first start made, or empty.
  [[nodiscard]] const std::string& made_admin_key() const;

  /// Serves until SIGTERM or SIGINT, then drains. Exit code of the process.
  int run();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace windfall::app
