// The end of a server: idle connections go at once, work that has begun is finished, and the deadline holds.
#include <gtest/gtest.h>

#include <optional>

#include "transport/test_server.hpp"

namespace windfall::http {
namespace {

const std::string kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

class Draining : public testing::Test {
 protected:
  void drain(std::chrono::milliseconds deadline = 60s) {
    server.on_loop([&] { server.server().drain(deadline, [this] { ++done; }); });
  }
  bool is_done() {
    return server.eventually([&] { return done == 1; });
  }

  TestServer server;
  int done = 0;
};

TEST_F(Draining, IsDoneAtOnceWithoutConnections) {
  drain();
  EXPECT_TRUE(is_done());
  EXPECT_FALSE(server.client().connected());
}

TEST_F(Draining, ClosesIdleConnections) {
  RawClient client = server.client();
  client.send(kGet);
  EXPECT_EQ("", client.read_answer().header("Connection"));
  drain();
  EXPECT_TRUE(client.sees_end());
  EXPECT_TRUE(is_done());
}

TEST_F(Draining, AnswersWhatHasBegunWithCloseAndIsDoneThen) {
  std::optional<Responder> waiting;
  server.script([&](const Request&, Responder responder) { waiting = std::move(responder); });
  RawClient busy = server.client();
  busy.send(kGet);
  ASSERT_TRUE(server.eventually([&] { return waiting.has_value(); }));
  RawClient half = server.client();
  half.send("GET /half HTTP/1.1\r\nHo");
  ASSERT_TRUE(server.eventually([&] { return server.server().counters().bytes_in > kGet.size(); }));
  drain();
  server.on_loop([&] {
    EXPECT_EQ(0, done);
    std::exchange(waiting, std::nullopt)->send(text("finished"));
  });
  const Answer answer = busy.read_answer();
  EXPECT_EQ("finished", answer.body);
  EXPECT_EQ("close", answer.header("Connection"));
  busy.close();
  server.script(ScriptedHandler{}.script);
  half.send("st: h\r\n\r\n" + kGet);
  EXPECT_EQ("GET /half []", half.read_answer().body);
  EXPECT_TRUE(half.sees_end()) << "the request behind it is not taken any more";
  half.close();
  EXPECT_TRUE(is_done());
}

TEST_F(Draining, CutsWhatIsLeftAtTheDeadline) {
  std::optional<Responder> waiting;
  server.script([&](const Request&, Responder responder) { waiting = std::move(responder); });
  RawClient client = server.client();
  client.send(kGet);
  ASSERT_TRUE(server.eventually([&] { return waiting.has_value(); }));
  drain(20ms);
  EXPECT_TRUE(client.sees_end());
  EXPECT_TRUE(is_done());
  server.on_loop([&] { std::exchange(waiting, std::nullopt)->send(text("late")); });
}

TEST_F(Draining, StopAcceptingKeepsConnections) {
  RawClient client = server.client();
  client.send(kGet);
  EXPECT_EQ(200, client.read_answer().status);
  server.on_loop([&] { server.server().stop_accepting(); });
  EXPECT_FALSE(server.client().connected());
  client.send(kGet);
  EXPECT_EQ(200, client.read_answer().status);
}

}  // namespace
}  // namespace windfall::http
