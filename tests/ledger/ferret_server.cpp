#include "ledger/ferret_server.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <vector>

#include "adapters/mongo/client.hpp"

namespace windfall::contract {

namespace {

constexpr auto kStartPause = std::chrono::milliseconds(20);
constexpr int kStartTries = 3000;  // a minute: the machine may be busy

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

[[noreturn]] void become_server(const std::filesystem::path& folder, int port, const std::string& postgres) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies leaves no server behind
  const int log = ::open((folder / "log").c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::setenv("FERRETDB_POSTGRESQL_URL", postgres.c_str(), 1);
  std::vector<std::string> words{WINDFALL_FERRETDB,      "--listen-addr=127.0.0.1:" + std::to_string(port),
                                 "--handler=postgresql", "--telemetry=disable",
                                 "--debug-addr=-",       "--state-dir=" + folder.string(),
                                 "--log-level=warn"};
  std::vector<char*> raw;
  for (std::string& word : words) raw.push_back(word.data());
  raw.push_back(nullptr);
  ::execv(raw[0], raw.data());
  ::_exit(127);
}

}  // namespace

FerretServer::~FerretServer() {
  stop();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::string FerretServer::make() {
  if (::access(WINDFALL_FERRETDB, X_OK) != 0) return kMissing;
  PGconn* connection = PQconnectdb(postgres_.base().c_str());
  // What a crash of PostgreSQL does to a MongoDB is nobody's question here, and every command would wait for a disk.
  bool done = true;
  for (const char* sql : {"create database ferretdb", "alter database ferretdb set synchronous_commit = off"}) {
    PGresult* made = PQexec(connection, sql);
    done = done && PQresultStatus(made) == PGRES_COMMAND_OK;
    PQclear(made);
  }
  PQfinish(connection);
  if (!done) return "no database for FerretDB";
  std::string pattern = (std::filesystem::temp_directory_path() / "windfall-ferretdb-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return "no temporary folder: " + pattern;
  folder_ = pattern;
  port_ = free_port();
  return start();
}

std::string FerretServer::start() {
  pid_ = ::fork();
  if (pid_ < 0) return "fork failed";
  if (pid_ == 0) become_server(folder_, port_, "postgres://windfall@/ferretdb?host=" + postgres_.folder().string());
  const auto client = mongo::Client::open("mongodb://127.0.0.1:" + std::to_string(port_) + "/admin", "").value();
  mongo::Document ping;
  ping.integer("ping", std::int64_t{1});
  for (int i = 0; i < kStartTries; ++i) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return "FerretDB ended at its start";
    }
    if (client->command("ping", ping)) return {};
    std::this_thread::sleep_for(kStartPause);
  }
  return "FerretDB does not answer";
}

void FerretServer::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string FerretServer::take_database() {
  if (!free_.empty()) {
    std::string uri = std::move(free_.back());
    free_.pop_back();
    return uri;
  }
  return "mongodb://127.0.0.1:" + std::to_string(port_) + "/test_" + std::to_string(++databases_);
}

}  // namespace windfall::contract
