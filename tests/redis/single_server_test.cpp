// The client at a real server: calls, time-outs, TLS and users, libraries, requirements, the lease.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "adapters/redis/client/checks.hpp"
#include "adapters/redis/client/functions.hpp"
#include "adapters/redis/client/lease.hpp"
#include "redis/client_loop.hpp"
#include "redis/redis_servers.hpp"

namespace windfall::redis {
namespace {

ClientSettings at(const RedisServer& server) {
  return {.seeds = {server.endpoint()}, .user = {}, .password = {}, .tls = std::nullopt};
}

TEST(AtOneServer, CallsAreAnsweredAndTheServerIsKnownToBeAlone) {
  RedisServer server;
  ClientLoop here(at(server));
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  EXPECT_TRUE(here.client->alone());
  EXPECT_EQ(here.say("x", {"SET", "x", "1"}, Kind::durable), "+OK");
  EXPECT_EQ(here.say("x", {"GET", "x"}), "$1");
  EXPECT_EQ(here.say("x", {"LPUSH", "x", "1"}, Kind::write).substr(0, 10), "-WRONGTYPE");
}

TEST(AtOneServer, APipelineOfOneTurnIsOneWriteOfEachConnection) {
  RedisServer server;
  ClientLoop here(at(server));
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  here.say("x", {"GET", "x"});
  const auto before = here.client->figures();
  std::vector<Call> calls;
  for (int i = 0; i < 200; ++i) {
    calls.push_back({.routing_key = "x", .command = {"SET", "x", std::string(1000, 'v')}, .kind = Kind::write});
  }
  calls.push_back({.routing_key = "x", .command = {"STRLEN", "x"}, .kind = Kind::write});
  const auto replies = here.run(here.client->pipeline(std::move(calls)));
  ASSERT_EQ(replies.size(), 201U);
  EXPECT_EQ(ClientLoop::shown(replies[199]), "+OK");
  EXPECT_EQ(ClientLoop::shown(replies[200]), ":1000");
  EXPECT_EQ(here.client->figures().commands - before.commands, 201U);
  EXPECT_EQ(here.client->figures().writes - before.writes, 1U);
}

TEST(AtOneServer, LargeValuesPassBothWays) {
  RedisServer server;
  ClientLoop here(at(server));
  const std::string large(8 * 1024 * 1024, 'x');
  EXPECT_EQ(here.say("x", {"SET", "x", large}, Kind::write), "+OK");
  EXPECT_EQ(here.say("x", {"GET", "x"}), "$" + large);
}

TEST(AtOneServer, ACallFailsWhenNobodyListens) {
  auto settings = ClientSettings{.seeds = {{.host = "127.0.0.1", .port = free_port()}},
                                 .user = {},
                                 .password = {},
                                 .tls = std::nullopt,
                                 .call_timeout_ms = 200};
  ClientLoop here(std::move(settings));
  const auto connected = here.run(here.client->connect());
  ASSERT_FALSE(connected.has_value());
  EXPECT_NE(connected.error().message.find("Connection refused"), std::string::npos) << connected.error().message;
  EXPECT_NE(here.say("x", {"GET", "x"}).find("nothing happened"), std::string::npos);
}

TEST(AtOneServer, AFrozenServerFailsAWriteAsUnknownAndIsUsedAgainLater) {
  RedisServer server;
  auto settings = at(server);
  settings.call_timeout_ms = 300;
  ClientLoop here(std::move(settings));
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  ASSERT_EQ(here.say("x", {"SET", "x", "1"}, Kind::write), "+OK");
  server.freeze();
  const auto written = here.run(here.client->call_durable("x", {"SET", "x", "2"}));
  ASSERT_FALSE(written.has_value());
  EXPECT_TRUE(outcome_unknown(written.error())) << written.error().message;
  server.go_on();
  wait_until("the server answers again", [&] { return here.say("x", {"SET", "x", "3"}, Kind::write) == "+OK"; });
}

TEST(AtOneServer, ARestartIsSurvived) {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  ClientLoop here(at(server));
  ASSERT_EQ(here.say("x", {"SET", "x", "1"}, Kind::write), "+OK");
  server.kill();
  server.start();
  EXPECT_EQ(here.say("x", {"GET", "x"}), "$1");
}

TEST(AtOneServer, CallsThatWaitFailWhenTheClientGoes) {
  RedisServer server;
  std::optional<Result<Reply>> result;
  ClientLoop here(at(server));
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  server.freeze();
  const auto waits = [](Client& client, std::optional<Result<Reply>>& out) -> Task<void> {
    Task<Result<Reply>> calling = client.call("x", {"GET", "x"});
    Result<Reply> reply = co_await calling;
    out.emplace(std::move(reply));
  };
  detach(waits(*here.client, result));
  here.run_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(result.has_value());
  here.client.reset();
  ASSERT_TRUE(result.has_value());
  EXPECT_FALSE(result->has_value());
  here.run_for(std::chrono::milliseconds(20));  // what was queued finds nobody
}

// ---- TLS and users

/// A clock that a test moves; Redis has its own.
class TestClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return {}; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return ms; }
  std::int64_t ms = 1000;
};

/// A certificate authority of our own and a certificate of it for localhost and 127.0.0.1.
struct Certificates {
  TemporaryFolder folder;
  std::string ca = folder.path() + "/ca.crt";
  std::string key = folder.path() + "/server.key";
  std::string certificate = folder.path() + "/server.crt";

  Certificates() {
    const std::string script =
        "cd " + folder.path() +
        " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca -keyout "
        "ca.key"
        " -out ca.crt"
        " && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=redis -keyout server.key -out"
        " server.csr"
        " && printf 'subjectAltName=DNS:redis.test,IP:127.0.0.1' > san"
        " && openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out"
        " server.crt";
    if (std::system(("(" + script + ") > " + folder.path() + "/log 2>&1").c_str()) != 0) {
      throw std::runtime_error("openssl made no certificates: run scripts/bootstrap");
    }
  }
};

class UnderTls : public testing::Test {
 protected:
  Certificates files;
  RedisServer server{{"--tls-cert-file", files.certificate, "--tls-key-file", files.key, "--tls-ca-cert-file", files.ca,
                      "--tls-auth-clients", "no", "--user", "windfall", "on", ">secret", "~*", "&*", "+@all", "--user",
                      "default", "off"}};

  ClientSettings settings(std::string user, std::string password, std::string server_name = {}) const {
    return {.seeds = {server.endpoint()},
            .user = std::move(user),
            .password = std::move(password),
            .tls = TlsSettings{.ca_file = files.ca, .server_name = std::move(server_name)},
            .call_timeout_ms = 500};
  }

  static std::string connected(ClientSettings settings) {
    ClientLoop here(std::move(settings));
    const auto result = here.run(here.client->connect());
    if (!result) return result.error().message;
    return here.say("x", {"SET", "x", "1"}, Kind::durable) + here.say("x", {"ACL", "WHOAMI"});
  }
};

TEST_F(UnderTls, AUserWithThePasswordIsLetIn) {
  EXPECT_EQ(connected(settings("windfall", "secret")), "+OK$windfall");
  EXPECT_EQ(connected(settings("windfall", "secret", "redis.test")), "+OK$windfall");
}

TEST_F(UnderTls, OthersAreNot) {
  EXPECT_NE(connected(settings("windfall", "wrong")).find("WRONGPASS"), std::string::npos);
  EXPECT_NE(connected(settings("", "")).find("NOAUTH"), std::string::npos);
}

TEST_F(UnderTls, AServerThatCannotProveWhoItIsIsNotSpokenTo) {
  EXPECT_NE(connected(settings("windfall", "secret", "other.test")).find("certificate verify failed"),
            std::string::npos);
  const Certificates strangers;
  auto wrong = settings("windfall", "secret");
  wrong.tls->ca_file = strangers.ca;
  EXPECT_NE(connected(wrong).find("certificate verify failed"), std::string::npos);
}

TEST(Users, NeedNoMoreThanWhatTheHeadersName) {
  RedisServer server({"--user",
                      "windfall",
                      "on",
                      ">secret",
                      "~*",
                      "+hello",
                      "+wait",
                      "+asking",
                      "+cluster|shards",
                      "+cluster|slots",
                      "+set",
                      "+get",
                      "+function|list",
                      "+function|load",
                      "+fcall",
                      "+eval",
                      "+info",
                      "+exists",
                      "+incr",
                      "+pexpire",
                      "+del",
                      "+config|get"});
  auto settings = at(server);
  settings.user = "windfall";
  settings.password = "secret";
  ClientLoop here(std::move(settings));
  EXPECT_EQ(here.say("x", {"SET", "x", "1"}, Kind::durable), "+OK");
  EXPECT_EQ(here.say("x", {"GET", "x"}), "$1");
  EXPECT_EQ(here.say("x", {"FLUSHALL"}, Kind::write).substr(0, 7), "-NOPERM");
  const auto library = std::move(*FunctionLibrary::make(
      *here.client, "#!lua name=windfall_test_1\nredis.register_function('answer_1', function() return 42 end)\n"));
  ASSERT_TRUE(here.run(library->ensure()).has_value());
  const TestClock clock;
  Lease lease(*here.client, clock, {.name = "batch", .life_ms = 60'000});
  const auto token = here.run(lease.acquire());
  ASSERT_TRUE(token.has_value()) << token.error().message;
  EXPECT_TRUE(*here.run(lease.renew()));
  EXPECT_TRUE(*here.run(lease.release()));
  const auto findings = here.run(check_servers(*here.client));
  ASSERT_TRUE(findings.has_value());
  for (const Finding& finding : *findings) EXPECT_NE(finding.weight, Finding::Weight::unverified) << finding.what;
}

TEST(TlsSettings, ThatCannotBeUsedAreRefused) {
  http::EventLoop loop;
  const auto opened = Client::open(
      loop.context(),
      {.seeds = {{.host = "a", .port = 1}}, .user = {}, .password = {}, .tls = TlsSettings{"/no/such/file", {}}});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, FailureCode::invalid);
}

// ---- libraries

const std::string kLibrary =
    "#!lua name=windfall_test_1\nredis.register_function('answer_1', function() return 42 end)\n";

TEST(Libraries, AreLoadedAndLoadedAgainWhereTheyAreMissing) {
  RedisServer server;
  ClientLoop here(at(server));
  const auto library = std::move(*FunctionLibrary::make(*here.client, kLibrary));
  EXPECT_EQ(library->name(), "windfall_test_1");
  const Call answer{.routing_key = "x", .command = {"FCALL", "answer_1", "0"}, .kind = Kind::durable};
  EXPECT_EQ(ClientLoop::shown(here.run(library->call(answer))), ":42") << "without ensure(): found to be missing";
  ASSERT_TRUE(here.run(library->ensure()).has_value());
  server.ask({"FUNCTION", "FLUSH"});
  EXPECT_EQ(ClientLoop::shown(here.run(library->call(answer))), ":42");
}

TEST(Libraries, ArePutOnAMasterAsSoonAsItIsKnown) {
  RedisServer server;
  ClientLoop here(at(server));
  const auto library = std::move(*FunctionLibrary::make(*here.client, kLibrary));
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  wait_until("the library is there", [&] {
    here.run_for(std::chrono::milliseconds(5));
    return server.ask({"FCALL", "answer_1", "0"}).number == 42;
  });
}

TEST(Libraries, WithOtherCodeUnderTheSameNameAreNotReplaced) {
  RedisServer server;
  ClientLoop here(at(server));
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  std::string older = kLibrary;
  older.replace(older.find("42"), 2, "41");
  ASSERT_EQ(server.ask({"FUNCTION", "LOAD", older}).type, Reply::Type::bulk);
  const auto library = std::move(*FunctionLibrary::make(*here.client, kLibrary));
  const auto ensured = here.run(library->ensure());
  ASSERT_FALSE(ensured.has_value());
  EXPECT_EQ(ensured.error().code, FailureCode::conflict) << ensured.error().message;
  EXPECT_EQ(server.ask({"FCALL", "answer_1", "0"}).number, 41);
}

TEST(Libraries, WhoseFunctionsAnotherOneHasAreAConflict) {
  RedisServer server;
  ClientLoop here(at(server));
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  std::string other = kLibrary;
  other.replace(other.find("test_1"), 6, "test_0");
  server.ask({"FUNCTION", "LOAD", other});
  const auto library = std::move(*FunctionLibrary::make(*here.client, kLibrary));
  EXPECT_EQ(here.run(library->ensure()).error().code, FailureCode::conflict);
}

TEST(Libraries, ThatAreNoneAreInvalid) {
  RedisServer server;
  ClientLoop here(at(server));
  ASSERT_TRUE(here.run(here.client->connect()).has_value());
  EXPECT_EQ(FunctionLibrary::make(*here.client, "return 1").error().code, FailureCode::invalid);
  const auto library = std::move(*FunctionLibrary::make(*here.client, "#!lua name=windfall_bad_1\nnonsense("));
  EXPECT_EQ(here.run(library->ensure()).error().code, FailureCode::invalid);
}

// ---- requirements

std::string checked(ClientLoop& here) {
  const auto connected = here.run(here.client->connect());
  if (!connected) return connected.error().message;
  const auto findings = here.run(check_servers(*here.client));
  if (!findings) return findings.error().message;
  std::string lines;
  for (const Finding& finding : *findings) {
    const char* const weights[] = {"violation", "unverified", "note"};
    lines += std::string(weights[static_cast<int>(finding.weight)]) + " " + text_of(finding) + "\n";
  }
  return lines;
}

TEST(Requirements, OfAServerAsItComesAreNamedWithNodeAndRemedy) {
  RedisServer server;
  ClientLoop here(at(server));
  const std::string node = "Redis " + text_of(server.endpoint());
  const std::string found = checked(here);
  for (const char* part : {": appendonly is no, not yes. CONFIG SET appendonly yes",
                           ": appendfsync is everysec, not always. CONFIG SET appendfsync always",
                           ": it has no replica that would be waited for. what it acknowledges survives its restart"}) {
    EXPECT_NE(found.find(node + part), std::string::npos) << part << " in:\n" << found;
  }
  EXPECT_EQ(found.find("maxmemory-policy"), std::string::npos) << found;
}

TEST(Requirements, OfAServerThatIsSetUpLeaveANote) {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  ClientLoop here(at(server));
  const std::string found = checked(here);
  EXPECT_EQ(found.substr(0, 5), "note ");
  EXPECT_EQ(std::count(found.begin(), found.end(), '\n'), 1) << found;
}

TEST(Requirements, SeeAnEvictingServerAndOneWithoutReplicas) {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "allkeys-lru"});
  auto settings = at(server);
  settings.replicas = 1;
  ClientLoop here(std::move(settings));
  const std::string found = checked(here);
  EXPECT_NE(found.find("maxmemory-policy is allkeys-lru, not noeviction"), std::string::npos) << found;
  EXPECT_NE(found.find("min-replicas-to-write is 0, not 1"), std::string::npos) << found;
  EXPECT_NE(found.find("it has 0 of 1 replicas"), std::string::npos) << found;
}

TEST(Requirements, NoteAReplicationLinkThatMayBeSilentForAMinute) {
  for (const auto& [seconds, noted] : {std::pair("60", true), std::pair("5", false)}) {
    RedisServer server(
        {"--appendonly", "yes", "--appendfsync", "always", "--min-replicas-to-write", "1", "--repl-timeout", seconds});
    auto settings = at(server);
    settings.replicas = 1;
    ClientLoop here(std::move(settings));
    const std::string found = checked(here);
    EXPECT_EQ(found.find("violation"), std::string::npos) << found;
    EXPECT_EQ(found.find("repl-timeout is 60 s") != std::string::npos, noted) << found;
  }
}

TEST(Requirements, ThatMayNotBeReadAreSaidToBeUnread) {
  RedisServer server({"--user", "windfall", "on", ">secret", "~*", "&*", "+@all", "-config", "-info"});
  auto settings = at(server);
  settings.user = "windfall";
  settings.password = "secret";
  ClientLoop here(std::move(settings));
  const std::string found = checked(here);
  EXPECT_NE(found.find("unverified"), std::string::npos);
  EXPECT_NE(found.find("ACL SETUSER <user> +config|get"), std::string::npos) << found;
  EXPECT_NE(found.find("ACL SETUSER <user> +info"), std::string::npos) << found;
  EXPECT_EQ(found.find("violation"), std::string::npos);
}

// ---- the lease

class TwoContenders : public testing::Test {
 protected:
  RedisServer server;
  ClientLoop here{at(server)};
  TestClock clock;
  Lease one{*here.client, clock, {.name = "batch", .life_ms = 60'000}};
  Lease other{*here.client, clock, {.name = "batch", .life_ms = 60'000}};

  std::uint64_t acquire(Lease& lease) {
    const auto token = here.run(lease.acquire());
    EXPECT_TRUE(token.has_value()) << token.error().message;
    return token && *token ? (*token)->value : 0;
  }
  // As if its life were over.
  void expire() { server.ask({"PEXPIRE", "{windfall}:lease:batch", "0"}); }
};

TEST_F(TwoContenders, OnlyOneHasTheLease) {
  EXPECT_EQ(acquire(one), 1U);
  EXPECT_EQ(acquire(other), 0U);
  EXPECT_EQ(one.held(), FencingToken{1});
  EXPECT_EQ(other.held(), std::nullopt);
  EXPECT_TRUE(*here.run(one.renew()));
  EXPECT_TRUE(*here.run(one.release()));
  EXPECT_EQ(one.held(), std::nullopt);
  EXPECT_EQ(acquire(other), 2U);
}

TEST_F(TwoContenders, ALeaseThatRanOutGoesToTheOtherWithAHigherToken) {
  EXPECT_EQ(acquire(one), 1U);
  expire();
  EXPECT_EQ(acquire(other), 2U);
  EXPECT_FALSE(*here.run(one.renew())) << "it must notice";
  EXPECT_EQ(one.held(), std::nullopt);
  EXPECT_FALSE(*here.run(one.release())) << "and must not give away what is the other's";
  EXPECT_TRUE(*here.run(other.renew()));
}

TEST_F(TwoContenders, AFormerTermCanDoNothingToALaterOneOfTheSameHolder) {
  EXPECT_EQ(acquire(one), 1U);
  Lease before = one;
  expire();
  EXPECT_EQ(acquire(one), 2U);
  EXPECT_FALSE(*here.run(before.renew()));
  EXPECT_FALSE(*here.run(before.release()));
  EXPECT_TRUE(*here.run(one.renew()));
}

TEST_F(TwoContenders, AHolderStopsBelievingWhenItsTimeIsUp) {
  EXPECT_EQ(acquire(one), 1U);
  clock.ms += 59'999;
  EXPECT_TRUE(one.held().has_value());
  clock.ms += 1;
  EXPECT_FALSE(one.held().has_value());
}

TEST_F(TwoContenders, RacingForItHasOneWinner) {
  std::vector<std::unique_ptr<Lease>> leases;
  std::vector<std::uint64_t> tokens;
  const auto race = [](Lease& lease, std::vector<std::uint64_t>& out) -> Task<void> {
    Task<Result<std::optional<FencingToken>>> acquiring = lease.acquire();
    const Result<std::optional<FencingToken>> token = co_await acquiring;
    out.push_back(token && *token ? (*token)->value : 0);
  };
  for (int i = 0; i < 20; ++i) {
    leases.push_back(std::make_unique<Lease>(*here.client, clock, LeaseSettings{.name = "batch", .life_ms = 60'000}));
    detach(race(*leases.back(), tokens));
  }
  wait_until("all have an answer", [&] {
    here.run_for(std::chrono::milliseconds(5));
    return tokens.size() == 20;
  });
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), 0U), 19);
}

}  // namespace
}  // namespace windfall::redis
