#include "ledger/postgres_server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace windfall::contract {

namespace {

constexpr auto kStartPause = std::chrono::milliseconds(20);
constexpr int kStartTries = 6000;  // two minutes: the machine may be busy, and a crash is recovered from first

/// PostgreSQL refuses to run as root; its own user comes with its package.
const passwd* other_user() { return getuid() == 0 ? getpwnam("postgres") : nullptr; }

pid_t run(const std::vector<std::string>& command, const std::filesystem::path& log) {
  const passwd* user = other_user();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  if (user != nullptr) {
    const bool changed = setgroups(0, nullptr) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0;
    if (!changed) _exit(126);
  }
  prctl(PR_SET_PDEATHSIG, SIGQUIT);  // not to outlive a test that crashes
  const int out = open(log.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0644);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execv(words[0], words.data());
  _exit(127);
}

std::string installed() {
  std::error_code ignored;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    const std::filesystem::path programs = version.path() / "bin";
    if (std::filesystem::exists(programs / "initdb", ignored) &&
        std::filesystem::exists(programs / "postgres", ignored)) {
      return programs.string();
    }
  }
  return {};
}

}  // namespace

PostgresServer::~PostgresServer() {
  stop();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::string PostgresServer::make() {
  programs_ = installed();
  if (programs_.empty() || (getuid() == 0 && other_user() == nullptr)) return kMissing;
  std::string pattern = (std::filesystem::temp_directory_path() / "windfall-postgres-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return "no temporary folder: " + pattern;
  folder_ = pattern;
  if (const passwd* user = other_user(); user != nullptr && chown(pattern.c_str(), user->pw_uid, user->pw_gid) != 0) {
    return "the folder cannot be given to " + std::string(user->pw_name);
  }
  const pid_t made = run({programs_ + "/initdb", "--pgdata=" + (folder_ / "data").string(), "--username=windfall",
                          "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"},
                         folder_ / "initdb.log");
  int status = 0;
  if (made < 0 || waitpid(made, &status, 0) != made || status != 0) return "initdb failed";
  return start();
}

std::string PostgresServer::start() {
  pid_ = run(
      {programs_ + "/postgres", "-D", (folder_ / "data").string(), "-c", "unix_socket_directories=" + folder_.string(),
       "-c", "listen_addresses=", "-c", "fsync=on", "-c", "max_wal_size=4GB"},
      folder_ / "server.log");
  if (pid_ < 0) return "fork failed";
  for (int i = 0; i < kStartTries; ++i) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return "postgres ended at its start";
    }
    if (PQping(base().c_str()) == PQPING_OK) return {};
    std::this_thread::sleep_for(kStartPause);
  }
  return "postgres does not answer";
}

void PostgresServer::stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGQUIT);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string PostgresServer::base() const { return "host=" + folder_.string() + " user=windfall dbname=postgres"; }

std::string PostgresServer::new_schema() {
  const std::string name = "test_" + std::to_string(++schemas_);
  PGconn* connection = PQconnectdb(base().c_str());
  PGresult* made = PQexec(connection, ("create schema " + name).c_str());
  const bool done = PQresultStatus(made) == PGRES_COMMAND_OK;
  PQclear(made);
  PQfinish(connection);
  if (!done) throw std::runtime_error("no schema " + name);
  return base() + " options='-c search_path=" + name + "'";
}

}  // namespace windfall::contract
