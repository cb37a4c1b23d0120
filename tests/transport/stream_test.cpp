// Answers that are written piece by piece.
#include <gtest/gtest.h>

#include <memory>

#include "transport/test_server.hpp"

namespace windfall::http {
namespace {

const std::string kGet = "GET /s HTTP/1.1\r\nHost: h\r\n\r\n";

/// Starts a stream for each request and keeps the last one.
class Streaming : public testing::Test {
 protected:
  void keep_streams() {
    server.script([this](const Request&, Responder responder) { stream = responder.start_stream(text("")); });
  }
  void TearDown() override {
    server.on_loop([this] { stream.reset(); });
  }

  TestServer server;
  std::shared_ptr<Stream> stream;
};

TEST_F(Streaming, SendsChunksAsTheyAreWrittenAndKeepsTheConnection) {
  keep_streams();
  RawClient client = server.client();
  client.send(kGet);
  std::string head;
  ASSERT_TRUE(client.read_until("\r\n\r\n", head)) << "the head does not wait for the first chunk";
  EXPECT_NE(std::string::npos, head.find("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_EQ(std::string::npos, head.find("Content-Length"));
  server.on_loop([&] { EXPECT_TRUE(stream->write("hello")); });
  std::string chunk;
  ASSERT_TRUE(client.read_until("5\r\nhello\r\n", chunk));
  server.on_loop([&] {
    EXPECT_TRUE(stream->write(""));
    EXPECT_TRUE(stream->write(std::string(17, 'x')));
    stream->end();
    EXPECT_TRUE(stream->closed());
    EXPECT_FALSE(stream->write("too late"));
  });
  ASSERT_TRUE(client.read_until("0\r\n\r\n", chunk));
  EXPECT_EQ("5\r\nhello\r\n11\r\nxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n", chunk);
  server.script(ScriptedHandler{}.script);
  client.send(kGet);
  EXPECT_EQ("GET /s []", client.read_answer().body);
}

TEST_F(Streaming, CanBeWrittenWithinTheHandler) {
  server.script([](const Request&, Responder responder) {
    const auto whole = responder.start_stream(text(""));
    whole->write("a");
    whole->write("b");
    whole->end();
  });
  RawClient client = server.client();
  client.send(kGet + kGet);
  EXPECT_EQ("ab", client.read_answer().body);
  EXPECT_EQ("ab", client.read_answer().body);
}

TEST_F(Streaming, EndsWithTheConnectionForHttp10) {
  server.script([](const Request&, Responder responder) {
    const auto whole = responder.start_stream(text(""));
    whole->write("plain");
    whole->end();
  });
  RawClient client = server.client();
  client.send("GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const Answer answer = client.read_answer();
  EXPECT_EQ("", answer.header("Transfer-Encoding"));
  EXPECT_EQ("close", answer.header("Connection"));
  EXPECT_EQ("plain", answer.body);
}

TEST_F(Streaming, HasNoBodyForHead) {
  bool closed = false;
  server.script([&](const Request&, Responder responder) {
    const auto none = responder.start_stream(text(""));
    closed = none->closed();
    none->write("dropped");
    none->end();
  });
  RawClient client = server.client();
  client.send("HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(200, client.read_answer(true).status);
  server.on_loop([&] {
    EXPECT_TRUE(closed);
    server.handler.script = ScriptedHandler{}.script;
  });
  client.send(kGet);
  EXPECT_EQ("GET /s []", client.read_answer().body);
}

TEST_F(Streaming, AsksForMoreOnlyWhenThePeerHasTakenWhatWasWritten) {
  constexpr int kBlocks = 200;
  const std::string block(100'000, 'b');
  int written = 0;
  int stops = 0;
  const auto produce = [&] {
    while (written < kBlocks) {
      ++written;
      if (!stream->write(block)) {
        ++stops;
        return;
      }
    }
    stream->end();
  };
  server.script([&](const Request&, Responder responder) {
    stream = responder.start_stream(text(""));
    stream->on_drained(produce);
    produce();
  });
  RawClient client(server.port, 4096);
  client.send(kGet);
  ASSERT_TRUE(server.eventually([&] { return stops > 0; }));
  server.on_loop([&] {
    EXPECT_LT(written, kBlocks) << "a peer that reads nothing stops the producer";
    const int before = written;
    EXPECT_FALSE(stream->write("beyond the limit: dropped"));
    EXPECT_EQ(before, written);
  });
  const Answer answer = client.read_answer();
  EXPECT_EQ(kBlocks * block.size(), answer.body.size()) << "no block that was accepted may be lost";
  EXPECT_EQ(std::string::npos, answer.body.find_first_not_of('b'));
  server.on_loop([&] { EXPECT_GT(stops, 1); });
}

TEST_F(Streaming, TellsWhenThePeerHasGone) {
  int closed = 0;
  server.script([&](const Request&, Responder responder) {
    stream = responder.start_stream(text(""));
    stream->on_closed([&] { ++closed; });
  });
  int left = 0;
  for (const bool by_reset : {false, true}) {
    RawClient client = server.client();
    client.send(kGet);
    std::string head;
    ASSERT_TRUE(client.read_until("\r\n\r\n", head));
    ++left;
    by_reset ? client.reset() : client.close();
    ASSERT_TRUE(server.eventually([&] { return closed == left; }));
    server.on_loop([&] {
      EXPECT_TRUE(stream->closed());
      EXPECT_FALSE(stream->write("to nobody"));
      stream->end();
      int at_once = 0;
      stream->on_closed([&] { ++at_once; });
      EXPECT_EQ(1, at_once);
    });
  }
}

TEST_F(Streaming, MayBeDestroyedByItsOwnCallbacks) {
  server.script([&](const Request&, Responder responder) {
    stream = responder.start_stream(text(""));
    stream->on_closed([&] { stream.reset(); });
    stream->on_drained([&] { stream.reset(); });
    stream->write(std::string(2'000'000, 'x'));
  });
  RawClient drains = server.client();
  drains.send(kGet);
  drains.read_to_end();
  ASSERT_TRUE(server.eventually([&] { return stream == nullptr; }));
  RawClient leaves = server.client();
  leaves.send(kGet);
  leaves.reset();
  ASSERT_TRUE(server.eventually([&] { return stream == nullptr && server.server().connections() == 0; }));
}

TEST_F(Streaming, ShowsThePeerThatAnAbandonedStreamIsIncomplete) {
  keep_streams();
  RawClient client = server.client();
  client.send(kGet);
  std::string head;
  ASSERT_TRUE(client.read_until("\r\n\r\n", head));
  server.on_loop([&] {
    stream->write("part");
    stream.reset();
  });
  EXPECT_EQ("4\r\npart\r\n", client.read_to_end());
}

TEST_F(Streaming, SurvivesTheServer) {
  keep_streams();
  RawClient client = server.client();
  client.send(kGet);
  ASSERT_TRUE(server.eventually([&] { return stream != nullptr; }));
  int closed = 0;
  server.on_loop([&] { stream->on_closed([&] { ++closed; }); });
  server.destroy_server();
  server.on_loop([&] { EXPECT_FALSE(stream->write("late")); });
  EXPECT_EQ(1, closed);
}

}  // namespace
}  // namespace windfall::http
