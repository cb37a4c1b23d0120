// A real Kafka broker of our own for the length of a test program: a child on free loopback ports, in a folder of its
// own. It can be stopped, killed and started again on what it had.
#pragma once

#include <sys/types.h>

#include <string>

namespace windfall::test {

class Broker {
 public:
  Broker() = default;
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  ~Broker();

  /// The one of this program, started when it is first asked for and ended with the program.
  static Broker& shared();

  /// Empty when it answers; else what to do about it.
  std::string start();
  void freeze() const;  ///< SIGSTOP: connections stay, nobody answers
  void go_on() const;   ///< SIGCONT
  void kill();          ///< SIGKILL
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  /// Of the listener for those who log in over TLS, by PLAIN or SCRAM-SHA-512; the certificate says "localhost".
  [[nodiscard]] std::string guarded_address() const { return "localhost:" + std::to_string(guarded_port_); }
  [[nodiscard]] std::string ca_file() const { return folder_ + "/ca.crt"; }
  static constexpr const char* kUser = "windfall";
  static constexpr const char* kPassword = "brokers-password";

 private:
  std::string await() const;
  pid_t pid_ = -1;
  int port_ = 0;
  int guarded_port_ = 0;
  int controller_port_ = 0;
  std::string folder_;
  std::string why_not_;
};

}  // namespace windfall::test
