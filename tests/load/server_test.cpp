// `windfall bench` and `windfall demo` as processes, against the real server.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "adapters/codec/json_in.hpp"
#include "app/demo/child.hpp"
#include "app/demo/stage.hpp"
#include "app/load/audit.hpp"
#include "app/load/http_call.hpp"

namespace windfall {
namespace {

constexpr const char* kAdminKey = "admin-key-of-the-test";

struct Ran {
  int exit_code = -1;
  std::string out;
};

/// Runs the binary to its end; its stderr is the test's.
Ran run(const std::string& arguments) {
  std::FILE* pipe = popen((std::string("'") + WINDFALL_BINARY "' " + arguments).c_str(), "re");
  Ran ran;
  std::array<char, 4096> part;
  while (const std::size_t got = fread(part.data(), 1, part.size(), pipe)) ran.out.append(part.data(), got);
  const int status = pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

codec::JsonValue json_of(const std::string& text) {
  codec::Decoded<codec::JsonValue> value = codec::parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? std::move(*value) : codec::JsonValue{};
}

std::int64_t count_of(const codec::JsonValue& report, int status, std::string_view code) {
  for (const codec::JsonValue& one : load::list_at(report, {"answers"})) {
    if (load::integer_at(one, {"status"}) == status && load::text_at(one, {"code"}) == code) {
      return load::integer_at(one, {"count"});
    }
  }
  return 0;
}

class BenchAgainstAServer : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = demo::TemporaryFolder::make("windfall-load-test");
    ASSERT_TRUE(folder) << folder.error().message;
    folder_ = std::make_unique<demo::TemporaryFolder>(std::move(*folder));
    auto server = demo::Child::start(
        {.program = WINDFALL_BINARY,
         .arguments = {"serve", "--dev", "--listen", "127.0.0.1:0", "--data", folder_->path() + "/data"},
         .environment = {{"WINDFALL_ADMIN_KEY", kAdminKey}},
         .log = folder_->path() + "/server.log"});
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::make_unique<demo::Child>(std::move(*server));
    const auto target = load::resolve(server_->url());
    ASSERT_TRUE(target);
    books_ = {.server = *target, .admin_key = kAdminKey};
  }

  void create(std::string_view id, std::int64_t stock) {
    const LocalDay today = demo::today_in_korea();
    std::string body = demo::make_bills(8, today).back().body;  // for its dates
    const auto replace = [&](const std::string& from, const std::string& to) {
      body.replace(body.find(from), from.size(), to);
    };
    replace(R"("id":"4")", fmt::format(R"("id":"{}")", id));
    replace(R"("limitJoinCount":8)", fmt::format(R"("limitJoinCount":{})", stock));
    const auto made = load::call_for_json(
        books_.server, {.method = "POST", .path = "/v1/admin/promotions", .admin_key = kAdminKey, .body = body});
    ASSERT_TRUE(made) << made.error().message;
  }

  [[nodiscard]] std::string bench(const std::string& more) const {
    return fmt::format("bench --url {} --admin-key {} {}", server_->url(), kAdminKey, more);
  }

  std::unique_ptr<demo::TemporaryFolder> folder_;
  std::unique_ptr<demo::Child> server_;
  load::Books books_;
};

TEST_F(BenchAgainstAServer, TotalsAreExactToTheUnitWithATenthOfRepeatsUntilSoldOut) {
  create("drop", 3000);
  const Ran ran = run(bench(fmt::format(
      "--promotion drop --rate 3000 --repeats 0.1 --connections 32 --until-sold-out --seconds 60 -o json --book "
      "{}/v1/dev/partner/book",
      server_->url())));
  const codec::JsonValue report = json_of(ran.out);
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  EXPECT_EQ(count_of(report, 201, ""), 3000) << ran.out;
  EXPECT_GT(count_of(report, 409, "ALREADY_PARTICIPATED"), 0) << ran.out;
  EXPECT_GT(count_of(report, 409, "SOLD_OUT"), 0) << ran.out;
  std::int64_t answered = 0;
  for (const codec::JsonValue& one : load::list_at(report, {"answers"})) answered += load::integer_at(one, {"count"});
  EXPECT_EQ(answered, load::integer_at(report, {"sent"})) << ran.out;
  EXPECT_EQ(load::integer_at(report, {"books", "accepted"}), 3000);
  EXPECT_EQ(load::integer_at(report, {"books", "differenceCount"}), 0) << ran.out;
  const auto stats = load::read_stats(books_, "drop");
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->joins, 3000);
  EXPECT_EQ(stats->left, 0);
}

TEST_F(BenchAgainstAServer, TheLogHasALineForEveryRequest) {
  create("drop", 100);
  const std::string log = folder_->path() + "/log";
  const Ran ran = run(bench("--promotion drop --rate 0 --count 150 --connections 4 --log " + log));
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  std::ifstream file(log);
  int accepted = 0;
  int sold_out = 0;
  for (std::string line; std::getline(file, line);) {
    accepted += line.find(" 201 - ") != std::string::npos ? 1 : 0;
    sold_out += line.find(" 409 SOLD_OUT ") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(accepted, 100);
  EXPECT_EQ(sold_out, 50);
}

TEST_F(BenchAgainstAServer, JoinsThatTheRunDidNotMakeAreADifference) {
  create("drop", 5000);
  // Two at once: each sees the other's joins in the books, and says so.
  const Ran both =
      run(bench("--promotion drop --rate 500 --count 1000 --user-prefix a- -o json & \"" WINDFALL_BINARY "\" ") +
          bench("--promotion drop --rate 500 --count 1000 --user-prefix b- -o json") +
          "; test $? -eq 1 && wait $! ; test $? -eq 1");
  EXPECT_EQ(both.exit_code, 0) << both.out;
  EXPECT_NE(both.out.find("\"JOINS\""), std::string::npos) << both.out;
}

TEST_F(BenchAgainstAServer, AServerThatDiesLeavesUnknownAnswersAndNoneIsForgotten) {
  create("drop", 1'000'000);
  std::FILE* pipe = popen(fmt::format("'{}' bench --url {} --promotion drop --rate 2000 --count 2000 --connections 16 "
                                      "--patience 0.2 -o json",
                                      WINDFALL_BINARY, server_->url())
                              .c_str(),
                          "re");
  // In the middle: as soon as some have joined.
  for (load::Stats stats; stats.joins < 100;) {
    const auto now = load::read_stats(books_, "drop");
    ASSERT_TRUE(now);
    stats = *now;
  }
  kill(server_->pid(), SIGKILL);
  std::string out;
  std::array<char, 4096> part;
  while (const std::size_t got = fread(part.data(), 1, part.size(), pipe)) out.append(part.data(), got);
  EXPECT_EQ(pclose(pipe), 0);
  const codec::JsonValue report = json_of(out);
  std::int64_t accounted = 0;
  for (const codec::JsonValue& one : load::list_at(report, {"answers"})) accounted += load::integer_at(one, {"count"});
  EXPECT_EQ(accounted, load::integer_at(report, {"sent"})) << out;
  EXPECT_LT(load::integer_at(report, {"sent"}), 2000) << out;
}

TEST(Bench, NobodyAtTheUrlIsAFailureAndAWrongUrlAWrongCall) {
  EXPECT_EQ(run("bench --url http://127.0.0.1:1 --promotion x --patience 0.1 2>&1").exit_code, 1);
  EXPECT_EQ(run("bench --url nowhere --promotion x 2>&1").exit_code, 2);
  EXPECT_EQ(run("bench --promotion x --book http://127.0.0.1:1 2>&1").exit_code, 2);
  EXPECT_EQ(run("bench 2>&1").exit_code, 2);
}

TEST(Demo, PassesItsAuditAndEveryKindOfRefusalAppears) {
  const Ran ran = run("demo --exit --seconds 6 --users 2000 --lang en -o json");
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  const codec::JsonValue result = json_of(ran.out);
  EXPECT_EQ(load::integer_at(result, {"audit", "differenceCount"}), 0) << ran.out;
  EXPECT_EQ(load::integer_at(result, {"audit", "doubleAccruals"}), 0);
  EXPECT_EQ(load::integer_at(result, {"audit", "oversold"}), 0);
  EXPECT_GT(load::integer_at(result, {"largestBacklog"}), 0) << "the partner never fell behind";
  const auto& promotions = load::list_at(result, {"promotions"});
  ASSERT_EQ(promotions.size(), 4U);
  for (const codec::JsonValue& one : promotions) {
    const std::int64_t accepted = load::integer_at(one, {"accepted"});
    EXPECT_GT(accepted, 0);
    EXPECT_EQ(load::integer_at(one, {"stockUsed"}), accepted);
    EXPECT_EQ(load::integer_at(one, {"ledger"}), accepted);
    EXPECT_EQ(load::integer_at(one, {"booked"}), accepted);
    EXPECT_EQ(load::integer_at(one, {"accruals", "done"}), accepted);
  }
  EXPECT_EQ(load::integer_at(promotions[0], {"accepted"}), 1250) << "promotion A is to be sold out";
  EXPECT_GT(load::integer_at(promotions[0], {"refusals", "CONDITION_NOT_MET"}), 0);
  EXPECT_GT(load::integer_at(promotions[0], {"refusals", "ALREADY_PARTICIPATED"}), 0);
  EXPECT_GT(load::integer_at(promotions[0], {"refusals", "SOLD_OUT"}), 0);
}

/// The demo as somebody would leave it running: its text in a file, until a signal.
TEST(Demo, StaysUpWithCommandsThatWorkAsPrintedAndLeavesNothingBehindOnCtrlC) {
  auto folder = demo::TemporaryFolder::make("windfall-demo-test");
  ASSERT_TRUE(folder);
  const std::string out = folder->path() + "/out";
  const std::string temporary = folder->path() + "/tmp";
  std::filesystem::create_directory(temporary);
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    setenv("TMPDIR", temporary.c_str(), 1);
    if (std::freopen(out.c_str(), "w", stdout) == nullptr) _exit(1);
    execl(WINDFALL_BINARY, "windfall", "demo", "--seconds", "2", "--users", "200", "--dice-seconds", "3",
          "--dice-people", "600", "--lang", "ko", nullptr);
    _exit(1);
  }
  const auto said = [&] {
    std::stringstream text;
    text << std::ifstream(out).rdbuf();
    return text.str();
  };
  const auto last = std::chrono::steady_clock::now() + std::chrono::seconds(100);
  while (said().find("/stats\n") == std::string::npos && std::chrono::steady_clock::now() < last) usleep(50'000);
  const std::string text = said();
  EXPECT_NE(text.find("중복 적립 0, 초과 참여 0, 원장과 일치"), std::string::npos) << text;
  EXPECT_NE(text.find("시드로 다시 계산했습니다: 어긋남 0건"), std::string::npos) << text;
  int tried = 0;
  for (std::size_t at = text.find("  curl "); at != std::string::npos; at = text.find("  curl ", at + 1)) {
    const std::string command = text.substr(at + 2, text.find('\n', at) - at - 2);
    std::FILE* pipe = popen((command + " -f -o /dev/null").c_str(), "re");
    EXPECT_EQ(pclose(pipe), 0) << command;
    ++tried;
  }
  EXPECT_EQ(tried, 3) << text;
  EXPECT_FALSE(std::filesystem::is_empty(temporary));
  kill(pid, SIGINT);
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(std::filesystem::is_empty(temporary)) << "files were left behind";
  const std::string url = text.substr(text.find("http://"), text.find("/docs") - text.find("http://"));
  const auto target = load::resolve(url);
  ASSERT_TRUE(target) << url;
  EXPECT_FALSE(load::call(*target, {.path = "/livez"})) << "the server still runs";
}

}  // namespace
}  // namespace windfall
