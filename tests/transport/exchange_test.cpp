// Requests and answers as they should be: keep-alive, pipelining, versions, HEAD, bodies, and answers that come later.
#include <gtest/gtest.h>

#include <optional>
#include <regex>

#include "transport/test_server.hpp"

namespace windfall::http {
namespace {

const std::string kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(Exchange, AnswersWithLengthDateAndTypeAndNoName) {
  TestServer server;
  RawClient client = server.client();
  client.send("GET /a?b=c%20d HTTP/1.1\r\nHost: h\r\n\r\n");
  const Answer answer = client.read_answer();
  EXPECT_EQ(200, answer.status);
  EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ("GET /a?b=c%20d []", answer.body);
  EXPECT_EQ("17", answer.header("Content-Length"));
  EXPECT_EQ("text/plain", answer.header("Content-Type"));
  EXPECT_EQ("", answer.header("Server"));
  EXPECT_EQ("", answer.header("Connection"));
  const std::regex date("(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT");
  EXPECT_TRUE(std::regex_match(answer.header("Date"), date)) << answer.header("Date");
}

TEST(Exchange, KeepsTheConnectionOfHttp11) {
  TestServer server;
  RawClient client = server.client();
  for (int i = 0; i < 100; ++i) {
    client.send(kGet);
    ASSERT_EQ(200, client.read_answer().status);
  }
  EXPECT_EQ(1U, server.counters().accepted);
  EXPECT_EQ(100U, server.counters().requests);
}

TEST(Exchange, ClosesWhenTheClientAsks) {
  TestServer server;
  RawClient client = server.client();
  client.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n" + kGet);
  EXPECT_EQ("close", client.read_answer().header("Connection"));
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(1U, server.counters().requests);
}

TEST(Exchange, ClosesTheConnectionOfHttp10UnlessToldToKeepIt) {
  TestServer server;
  RawClient kept = server.client();
  kept.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ("keep-alive", kept.read_answer().header("Connection"));
  kept.send("GET /b HTTP/1.0\r\n\r\n");
  const Answer last = kept.read_answer();
  EXPECT_EQ("GET /b []", last.body);
  EXPECT_EQ("close", last.header("Connection"));
  EXPECT_TRUE(kept.sees_end());
}

TEST(Exchange, AnswersPipelinedRequestsInOrder) {
  TestServer server;
  RawClient client = server.client();
  constexpr int kRequests = 1000;
  std::string bytes;
  for (int i = 0; i < kRequests; ++i) {
    bytes += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
  }
  client.send(bytes);
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ("POST /" + std::to_string(i) + " [abc]", client.read_answer().body);
}

TEST(Exchange, TakesThePipelinedRequestOnlyAfterTheAnswer) {
  TestServer server;
  std::optional<Responder> waiting;
  std::string seen;
  server.script([&](const Request& request, Responder responder) {
    seen += request.path;
    waiting = std::move(responder);
  });
  RawClient client = server.client();
  client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(server.eventually([&] { return waiting.has_value(); }));
  server.on_loop([&] {
    EXPECT_EQ("/1", seen);
    std::exchange(waiting, std::nullopt)->send(text("one"));
  });
  EXPECT_EQ("one", client.read_answer().body);
  server.on_loop([&] {
    EXPECT_EQ("/1/2", seen);
    std::exchange(waiting, std::nullopt)->send(text("two"));
  });
  EXPECT_EQ("two", client.read_answer().body);
}

TEST(Exchange, UnderstandsARequestThatComesByteByByte) {
  TestServer server;
  RawClient client = server.client();
  const std::string request = "\r\nPUT /a?q HTTP/1.1\r\nHost: h\r\nX: y\r\nContent-Length: 5\r\n\r\nhello";
  for (int round = 0; round < 2; ++round) {
    for (const char byte : request) ASSERT_TRUE(client.send({&byte, 1}));
    EXPECT_EQ("PUT /a?q [hello]", client.read_answer().body);
  }
}

TEST(Exchange, UnderstandsAChunkedBodyHoweverItIsCut) {
  const std::string request =
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5\r\nhello\r\n1;ext=\"v\"\r\n \r\n0005\r\nworld\r\n0\r\nTrailer: t\r\n\r\n";
  TestServer server;
  RawClient client = server.client();
  for (const std::size_t step : {request.size(), std::size_t{1}, std::size_t{7}}) {
    for (std::size_t i = 0; i < request.size(); i += step) ASSERT_TRUE(client.send(request.substr(i, step)));
    EXPECT_EQ("POST /a [hello world]", client.read_answer().body) << "in steps of " << step;
  }
  client.send(request + kGet);
  EXPECT_EQ("POST /a [hello world]", client.read_answer().body);
  EXPECT_EQ("GET /a []", client.read_answer().body) << "the chunked body must not colour the next request";
}

TEST(Exchange, TakesALargeBody) {
  TestServer server;
  server.script([](const Request& request, Responder responder) {
    responder.send(text(std::to_string(request.body.size()) + std::string(request.header("x-mark")) +
                        std::string(request.path) + request.body.back()));
  });
  RawClient client = server.client();
  std::string body(3'000'000, 'b');
  body.back() = 'e';
  client.send("POST /upload HTTP/1.1\r\nHost: h\r\nX-Mark: m\r\nContent-Length: 3000000\r\n\r\n" + body);
  EXPECT_EQ("3000000m/uploade", client.read_answer().body);
  client.send("POST /upload HTTP/1.1\r\nHost: h\r\nX-Mark: n\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("16E360\r\n" + body.substr(0, 1'500'000) + "\r\n16E360\r\n" + body.substr(1'500'000) + "\r\n0\r\n\r\n");
  EXPECT_EQ("3000000n/uploade", client.read_answer().body);
}

TEST(Exchange, SendsALargeAnswerToASlowReader) {
  TestServer server;
  std::string large(5'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  server.script([&](const Request&, Responder responder) { responder.send(text(large)); });
  RawClient client(server.port, 4096);
  client.send(kGet + kGet);
  EXPECT_EQ(large, client.read_answer().body);
  EXPECT_EQ(large, client.read_answer().body);
}

TEST(Exchange, SendsHeadWithoutBodyButWithItsLength) {
  TestServer server;
  RawClient client = server.client();
  client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  const Answer answer = client.read_answer(true);
  EXPECT_EQ("10", answer.header("Content-Length"));
  client.send(kGet);
  EXPECT_EQ("GET /a []", client.read_answer().body) << "nothing may stand between the answers";
}

TEST(Exchange, SendsNoBodyAndNoLengthWith204And304) {
  TestServer server;
  for (const int status : {204, 304}) {
    server.script([status](const Request&, Responder responder) { responder.send(text("dropped", status)); });
    RawClient client = server.client();
    client.send(kGet);
    const Answer answer = client.read_answer();
    EXPECT_EQ(status, answer.status);
    EXPECT_EQ("", answer.header("Content-Length"));
    client.finish_sending();
    EXPECT_TRUE(client.sees_end());
  }
}

TEST(Exchange, SaysContinueOnlyToAClientThatWaitsForIt) {
  TestServer server;
  RawClient waits = server.client();
  waits.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(100, waits.read_answer().status);
  waits.send("hello");
  EXPECT_EQ("POST /a [hello]", waits.read_answer().body);

  RawClient sends_anyway = server.client();
  sends_anyway.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
  EXPECT_EQ(200, sends_anyway.read_answer().status);

  RawClient has_no_body = server.client();
  has_no_body.send("GET /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(200, has_no_body.read_answer().status);

  RawClient too_much = server.client();
  too_much.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(413, too_much.read_answer().status);

  RawClient old = server.client();
  old.send("POST /a HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
  EXPECT_EQ(200, old.read_answer().status);
}

TEST(Exchange, ReducesTheAbsoluteFormAndTakesTheAsteriskOfOptions) {
  TestServer server;
  RawClient client = server.client();
  const auto target_becomes = [&](const std::string& line) {
    client.send(line + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return client.read_answer().body;
  };
  EXPECT_EQ("GET /a?b []", target_becomes("GET http://h:80/a?b"));
  EXPECT_EQ("GET / []", target_becomes("GET HTTPS://[::1]:80"));
  EXPECT_EQ("GET /?b []", target_becomes("GET http://h?b"));
  EXPECT_EQ("OPTIONS * []", target_becomes("OPTIONS *"));
  EXPECT_EQ("BREW /a []", target_becomes("BREW /a"));
}

TEST(Exchange, ShowsHeadersWithoutRegardToCaseAndThePeer) {
  TestServer server;
  server.script([](const Request& request, Responder responder) {
    responder.send(text(std::string(request.header("x-user-id")) + "|" + std::string(request.header("absent")) + "|" +
                        std::to_string(request.header_count("x-user-id")) + "|" + std::string(request.peer)));
  });
  RawClient client = server.client();
  client.send("GET / HTTP/1.1\r\nhost: h\r\nX-USER-ID: \t \xed\x95\x9c \t\r\nx-user-id: second\r\n\r\n");
  EXPECT_EQ("\xed\x95\x9c||2|127.0.0.1", client.read_answer().body);
}

TEST(Exchange, KeepsAHeaderValueFromForgingALine) {
  TestServer server;
  server.script([](const Request&, Responder responder) {
    Response response = text("");
    response.add_header("Location", "/x\r\nSet-Cookie: forged");
    responder.send(std::move(response));
  });
  RawClient client = server.client();
  client.send(kGet);
  const Answer answer = client.read_answer();
  EXPECT_EQ("/x  Set-Cookie: forged", answer.header("Location"));
  EXPECT_EQ("", answer.header("Set-Cookie"));
}

TEST(Exchange, AnswersARequestWhoseResponderWasDropped) {
  TestServer server;
  server.script([](const Request&, const Responder&) {});
  RawClient client = server.client();
  client.send("GET /dropped HTTP/1.1\r\nHost: h\r\nAccept-Language: en\r\n\r\n");
  const Answer answer = client.read_answer();
  EXPECT_EQ(500, answer.status);
  EXPECT_EQ("/dropped", answer.header("Problem-Path"));
  EXPECT_EQ("en", answer.header("Problem-Language"));
  client.send(kGet);
  EXPECT_EQ(500, client.read_answer().status) << "the connection goes on";
}

TEST(Exchange, AnswersManyConnectionsFromOneTurn) {
  TestServer server;
  std::vector<Responder> waiting;
  server.script([&](const Request&, Responder responder) { waiting.push_back(std::move(responder)); });
  constexpr std::size_t kClients = 100;
  std::vector<RawClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.push_back(server.client());
  for (int round = 0; round < 3; ++round) {
    for (RawClient& client : clients) client.send(kGet);
    ASSERT_TRUE(server.eventually([&] { return waiting.size() == kClients; }));
    server.on_loop([&] {
      for (Responder& responder : waiting) responder.send(text("synced"));
      waiting.clear();
    });
    for (RawClient& client : clients) ASSERT_EQ("synced", client.read_answer().body);
  }
}

TEST(Exchange, LetsTheRequestBeReadUntilItIsAnsweredEvenIfThePeerHasGone) {
  TestServer server;
  const Request* kept = nullptr;
  std::optional<Responder> waiting;
  server.script([&](const Request& request, Responder responder) {
    kept = &request;
    waiting = std::move(responder);
  });
  RawClient client = server.client();
  client.send("POST /kept HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
  ASSERT_TRUE(server.eventually([&] { return waiting.has_value(); }));
  server.on_loop([&] { EXPECT_FALSE(waiting->peer_gone()); });
  client.reset();
  ASSERT_TRUE(server.eventually([&] { return waiting->peer_gone() && server.server().connections() == 0; }));
  server.on_loop([&] {
    EXPECT_EQ("POST /kept [body]", shown(*kept));
    std::exchange(waiting, std::nullopt)->send(text("to nobody"));
  });
  server.script(ScriptedHandler{}.script);
  RawClient other = server.client();
  other.send(kGet);
  EXPECT_EQ(200, other.read_answer().status);
}

TEST(Exchange, AnswersAClientThatHasFinishedSending) {
  TestServer server;
  std::optional<Responder> waiting;
  server.script([&](const Request&, Responder responder) { waiting = std::move(responder); });
  RawClient client = server.client();
  client.send(kGet);
  client.finish_sending();
  ASSERT_TRUE(server.eventually([&] { return waiting.has_value() && waiting->peer_gone(); }));
  server.on_loop([&] { std::exchange(waiting, std::nullopt)->send(text("still")); });
  EXPECT_EQ("still", client.read_answer().body);
  EXPECT_TRUE(client.sees_end());
}

TEST(Exchange, SurvivesRespondersThatOutliveTheServer) {
  TestServer server;
  std::vector<Responder> waiting;
  server.script([&](const Request&, Responder responder) { waiting.push_back(std::move(responder)); });
  RawClient first = server.client();
  RawClient second = server.client();
  first.send(kGet);
  second.send(kGet);
  ASSERT_TRUE(server.eventually([&] { return waiting.size() == 2; }));
  server.destroy_server();
  EXPECT_TRUE(first.sees_end());
  server.on_loop([&] {
    EXPECT_TRUE(waiting[0].peer_gone());
    waiting[0].send(text("late"));
    EXPECT_TRUE(waiting[1].start_stream(text(""))->closed());
    waiting.clear();
  });
}

TEST(Exchange, GivesEachListenerItsHandler) {
  TestServer server;
  ScriptedHandler other;
  other.script = [](const Request&, Responder responder) { responder.send(text("other")); };
  std::uint16_t port = 0;
  server.on_loop([&] { port = server.server().listen("localhost", 0, other).value(); });
  RawClient client(port);
  client.send(kGet);
  EXPECT_EQ("other", client.read_answer().body);
  server.on_loop([&] {
    EXPECT_EQ(FailureCode::unavailable, server.server().listen("127.0.0.1", server.port).error().code);
    EXPECT_EQ(FailureCode::invalid, server.server().listen("no such host", 0).error().code);
  });
  server.destroy_server();
}

}  // namespace
}  // namespace windfall::http
