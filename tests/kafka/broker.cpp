#include "kafka/broker.hpp"

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "adapters/kafka/client.hpp"

namespace windfall::test {

namespace {

/// A virtual machine that starts fast and stays small; throughput is the bench's business.
constexpr const char* kJvm = "-Xms160m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1";
/// It is up in some four seconds; a loaded machine gets its time.
constexpr std::chrono::seconds kStartPatience{90};
constexpr int kAskMs = 1000;

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  int port = -1;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    port = ntohs(address.sin_port);
  }
  ::close(fd);
  return port;
}

/// A certificate that is its own authority.
bool make_certificate(const std::string& folder) {
  const std::string script =
      "cd " + folder +
      " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
      " -addext subjectAltName=DNS:localhost -keyout key.pem -out ca.crt && cat key.pem ca.crt > broker.pem";
  return std::system(("(" + script + ") > " + folder + "/certificate.log 2>&1").c_str()) == 0;
}

/// A second listener beside the open one.
std::string guarded_listener(const std::string& folder, const std::string& port, const std::string& guarded,
                             const std::string& controller) {
  return "listeners=PLAINTEXT://127.0.0.1:" + port + ",SASL_SSL://127.0.0.1:" + guarded +
         ",CONTROLLER://127.0.0.1:" + controller + "\nadvertised.listeners=PLAINTEXT://127.0.0.1:" + port +
         ",SASL_SSL://localhost:" + guarded +
         "\nlistener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT"
         "\nsasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512"
         "\nlistener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule "
         "required user_" +
         Broker::kUser + "=\"" + Broker::kPassword +
         "\";\nlistener.name.sasl_ssl.scram-sha-512.sasl.jaas.config="
         "org.apache.kafka.common.security.scram.ScramLoginModule required;"
         "\nssl.keystore.type=PEM\nssl.keystore.location=" +
         folder + "/broker.pem\n";
}

struct Ports {
  std::string open;
  std::string guarded;
  std::string controller;
};

[[noreturn]] void become_broker(const std::string& folder, const Ports& ports) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies leaves no broker behind
  const int log = ::open((folder + "/log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::setenv("BROKER_JVM", kJvm, 1);
  ::setenv("BROKER_AUTO_CREATE", "false", 1);
  const std::string more = guarded_listener(folder, ports.open, ports.guarded, ports.controller);
  ::setenv("BROKER_MORE", more.c_str(), 1);
  const std::string user =
      std::string("--add-scram SCRAM-SHA-512=[name=") + Broker::kUser + ",password=" + Broker::kPassword + "]";
  ::setenv("BROKER_FORMAT", user.c_str(), 1);
  const std::string data = folder + "/data";
  ::execl(WINDFALL_KAFKA_BROKER, "broker", data.c_str(), ports.open.c_str(), ports.controller.c_str(),
          static_cast<char*>(nullptr));
  ::_exit(127);
}

bool answers(const std::string& address) {
  const auto conf = kafka::make_conf({{"bootstrap.servers", address}, {"log_level", "0"}}, nullptr);
  if (!conf) return false;
  auto made = kafka::make_handle(kafka::ClientKind::producer, kafka::Conf(rd_kafka_conf_dup(conf->get())));
  if (!made) return false;
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto error = rd_kafka_metadata(made->get(), 1, nullptr, &metadata, kAskMs);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_metadata_destroy(metadata);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace

Broker& Broker::shared() {
  static Broker broker;
  static const bool started = [] {
    broker.why_not_ = broker.start();
    return broker.why_not_.empty();
  }();
  static_cast<void>(started);
  return broker;
}

Broker::~Broker() {
  kill();
  if (!folder_.empty()) std::filesystem::remove_all(folder_);
}

std::string Broker::start() {
  if (!std::filesystem::is_directory(WINDFALL_KAFKA_LIB)) return "the Kafka broker is missing: run deploy/kafka/fetch";
  if (folder_.empty()) {
    std::string folder = std::filesystem::temp_directory_path() / "windfall-kafka-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) return "no temporary folder";
    folder_ = folder;
    port_ = free_port();
    guarded_port_ = free_port();
    controller_port_ = free_port();
    if (!make_certificate(folder_)) return "openssl made no certificate: run scripts/bootstrap";
  }
  pid_ = ::fork();
  if (pid_ == 0) {
    become_broker(folder_, {std::to_string(port_), std::to_string(guarded_port_), std::to_string(controller_port_)});
  }
  return await();
}

std::string Broker::await() const {
  const auto deadline = std::chrono::steady_clock::now() + kStartPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_)
      return "the broker ended at once: Java 17 is missing, or see its log";
    if (answers(address())) return {};
  }
  return "the broker does not answer within its patience";
}

void Broker::freeze() const { ::kill(pid_, SIGSTOP); }
void Broker::go_on() const { ::kill(pid_, SIGCONT); }

void Broker::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace windfall::test
