// A partner that answers with bytes of the test's choice, for what no well-behaved server can be made to do: garbage,
// half answers, silence.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace windfall::test {

struct SeenRequest {
  std::string head;  ///< request line and headers
  std::string body;
  [[nodiscard]] std::string line() const { return head.substr(0, head.find("\r\n")); }
  /// Value of a header, "" if there is none.
  [[nodiscard]] std::string header(std::string_view name) const;
};

/// One step of an answer.
struct Send {
  std::string bytes;
  int times = 1;
  int pause_ms = 0;  ///< after each time
};
enum class Then : std::uint8_t { keep, close, reset, hang };
struct Script {
  std::vector<Send> sends;
  Then then = Then::keep;
};

/// A whole answer with Content-Length.
Script answer(int status, std::string_view body = {}, std::string_view headers = {});

class ScriptedServer {
 public:
  /// Called for each request, on the thread of its connection.
  using Play = std::function<Script(const SeenRequest&)>;

  explicit ScriptedServer(Play play);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view scheme = "http") const;
  [[nodiscard]] std::vector<SeenRequest> seen() const;
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all();
  void serve(int socket);
  /// False if the peer is gone or the server stops.
  bool read_more(int socket, std::string& buffer) const;
  bool play(int socket, const Script& script) const;

  Play play_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;
  std::vector<SeenRequest> seen_;     ///< guarded by mutex_
  std::vector<std::thread> serving_;  ///< touched by the accepting thread, and by the destructor after it
  std::thread accepting_;
};

}  // namespace windfall::test
