// Sizes, time-outs and numbers of connections: who exceeds one is told, and cut off.
#include <gtest/gtest.h>

#include <optional>

#include "transport/test_server.hpp"

namespace windfall::http {
namespace {

const std::string kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(Limits, RefusesABodyThatIsAnnouncedTooLargeBeforeItIsRead) {
  TestServer server;
  RawClient client = server.client();
  client.send("POST /big HTTP/1.1\r\nHost: h\r\nAccept-Language: en\r\nContent-Length: 1001\r\n\r\n");
  const Answer answer = client.read_answer();
  EXPECT_EQ(413, answer.status);
  EXPECT_EQ("close", answer.header("Connection"));
  EXPECT_EQ("/big", answer.header("Problem-Path"));
  EXPECT_EQ("en", answer.header("Problem-Language"));
}

TEST(Limits, LetsAClientReadTheRefusalWhileItIsStillSending) {
  Limits limits;
  limits.linger_timeout = 60s;
  TestServer server(limits);
  RawClient client = server.client();
  client.send("POST /big HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n");
  EXPECT_TRUE(client.send(std::string(4'000'000, 'x'))) << "a reset here would have destroyed the answer";
  EXPECT_EQ(413, client.read_answer().status);
  client.finish_sending();
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(0U, server.counters().requests);
}

TEST(Limits, TakesABodyOfExactlyTheLimitAndRefusesChunksBeyond) {
  TestServer server;
  RawClient client = server.client();
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  EXPECT_EQ(200, client.read_answer().status);
  const std::string chunked = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  client.send(chunked + "3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(200, client.read_answer().status);
  client.send(chunked + "3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(413, client.read_answer().status);
  RawClient second = server.client();
  second.send(chunked + "ffffffff\r\n");
  EXPECT_EQ(413, second.read_answer().status);
}

TEST(Limits, RefusesLargeHeaders) {
  TestServer server;
  const std::string start = "GET /a HTTP/1.1\r\nHost: h\r\nX: ";
  const std::string end = "\r\n\r\n";
  const std::string most(16 * 1024 - start.size() - end.size(), 'x');
  RawClient fits = server.client();
  fits.send(start + most + end);
  EXPECT_EQ(200, fits.read_answer().status);
  RawClient too_large = server.client();
  too_large.send(start + most + "x" + end);
  EXPECT_EQ(431, too_large.read_answer().status);
  RawClient endless = server.client();
  endless.send(start + std::string(100'000, 'x'));
  EXPECT_EQ(431, endless.read_answer().status);
  RawClient many = server.client();
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "X: y\r\n";
  many.send("GET /a HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n");
  EXPECT_EQ(431, many.read_answer().status);
}

TEST(Limits, SaysWhatIsTooLargeToBeReadWhereAndInTheLanguageAskedFor) {
  TestServer server;
  const std::string start = "GET /a?q HTTP/1.1\r\nHost: h\r\nAccept-Language: en\r\n";
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "X: y\r\n";
  for (const std::string& head : {start + "X: " + std::string(100'000, 'x'), start + lines + "\r\n"}) {
    RawClient client = server.client();
    client.send(head);
    const Answer answer = client.read_answer();
    EXPECT_EQ(431, answer.status);
    EXPECT_EQ("/a", answer.header("Problem-Path"));
    EXPECT_EQ("en", answer.header("Problem-Language"));
  }
}

TEST(Limits, SaysNothingOfTheRequestBefore) {
  TestServer server;
  RawClient client = server.client();
  client.send("GET /before HTTP/1.1\r\nHost: h\r\nAccept-Language: en\r\n\r\n");
  EXPECT_EQ(200, client.read_answer().status);
  client.send("GET /" + std::string(20'000, 'x'));
  const Answer answer = client.read_answer();
  EXPECT_EQ(414, answer.status);
  EXPECT_EQ("", answer.header("Problem-Path"));
  EXPECT_EQ("", answer.header("Problem-Language"));
}

TEST(Limits, RefusesALongRequestLine) {
  TestServer server;
  RawClient complete = server.client();
  complete.send("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(414, complete.read_answer().status);
  RawClient endless = server.client();
  endless.send("GET /" + std::string(20'000, 'x'));
  EXPECT_EQ(414, endless.read_answer().status);
  RawClient fits = server.client();
  fits.send("GET /" + std::string(8000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(200, fits.read_answer().status);
}

TEST(Limits, EndsARequestWhoseHeadDoesNotArrive) {
  TestServer server(quick());
  RawClient client = server.client();
  client.send("GET /a HTTP/1.1\r\nHost: h\r\n");
  EXPECT_EQ(408, client.read_answer().status);
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(1U, server.counters().timeouts);
}

TEST(Limits, EndsAHeadThatKeepsDripping) {
  Limits limits = quick();
  limits.header_bytes = 100'000'000;  // the time shall end it, not the size
  TestServer server(limits);
  RawClient client = server.client();
  client.send("GET /a HTTP/1.1\r\nX:");
  const auto begin = std::chrono::steady_clock::now();
  // Each byte is progress, but the whole head has one deadline. The server stops taking bytes soon after it has
  // answered.
  while (server.counters().timeouts == 0 && std::chrono::steady_clock::now() - begin < 10s) client.send("X");
  EXPECT_EQ(408, client.read_answer().status);
}

TEST(Limits, EndsABodyThatDoesNotArrive) {
  TestServer server(quick());
  RawClient client = server.client();
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
  const Answer answer = client.read_answer();
  EXPECT_EQ(408, answer.status);
  EXPECT_EQ("/a", answer.header("Problem-Path"));
  RawClient chunked = server.client();
  chunked.send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  EXPECT_EQ(408, chunked.read_answer().status);
}

TEST(Limits, ClosesIdleConnectionsWithoutAWord) {
  TestServer server(quick());
  RawClient silent = server.client();
  EXPECT_TRUE(silent.sees_end());
  RawClient used = server.client();
  used.send(kGet);
  EXPECT_EQ(200, used.read_answer().status);
  EXPECT_TRUE(used.sees_end());
  EXPECT_EQ(0U, server.counters().timeouts);
}

TEST(Limits, DoesNotHurryTheHandler) {
  TestServer server(quick());
  std::optional<Responder> waiting;
  server.script([&](const Request&, Responder responder) { waiting = std::move(responder); });
  RawClient client = server.client();
  client.send(kGet);
  ASSERT_TRUE(server.eventually([&] { return waiting.has_value(); }));
  // Another connection lives through all its time-outs meanwhile.
  RawClient clock = server.client();
  EXPECT_TRUE(clock.sees_end());
  server.on_loop([&] { std::exchange(waiting, std::nullopt)->send(text("at last")); });
  EXPECT_EQ("at last", client.read_answer().body);
}

TEST(Limits, CutsAPeerThatDoesNotRead) {
  TestServer server(quick());
  server.script([](const Request&, Responder responder) { responder.send(text(std::string(20'000'000, 'x'))); });
  RawClient client(server.port, 4096);
  client.send(kGet);
  EXPECT_TRUE(server.eventually([&] { return server.server().counters().timeouts == 1; }));
  EXPECT_TRUE(server.eventually([&] { return server.server().connections() == 0; }));
}

TEST(Limits, CutsAPeerThatDoesNotCloseAfterTheLastAnswer) {
  TestServer server(quick());
  RawClient client = server.client();
  client.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(200, client.read_answer().status);
  EXPECT_TRUE(server.eventually([&] { return server.server().connections() == 0; }));
}

TEST(Limits, TellsConnectionsBeyondTheLimitAndTakesNewOnesWhenOthersHaveGone) {
  Limits limits;
  limits.connections = 2;
  TestServer server(limits);
  RawClient first = server.client();
  RawClient second = server.client();
  for (RawClient* client : {&first, &second}) {
    client->send(kGet);
    EXPECT_EQ(200, client->read_answer().status);
  }
  RawClient third = server.client();
  third.send(kGet);
  const Answer refused = third.read_answer();
  EXPECT_EQ(503, refused.status);
  EXPECT_EQ("close", refused.header("Connection"));
  third.close();
  first.close();
  ASSERT_TRUE(server.eventually([&] { return server.server().connections() == 1; }));
  RawClient fourth = server.client();
  fourth.send(kGet);
  EXPECT_EQ(200, fourth.read_answer().status);
  EXPECT_EQ(1U, server.counters().refused);
}

TEST(Limits, AReservedListenerIsOpenWhenTheCrowdHasTakenAllConnections) {
  Limits limits;
  limits.connections = 1;
  limits.refusals = 1;
  limits.reserved = 1;
  limits.linger_timeout = 60s;  // who was refused stays connected meanwhile
  TestServer server(limits);
  std::uint16_t reserved = 0;
  server.on_loop([&] { reserved = server.server().listen_reserved("127.0.0.1", 0, server.handler).value_or(0); });
  ASSERT_NE(reserved, 0);
  const RawClient idle = server.client();
  RawClient refused = server.client();
  EXPECT_EQ(503, refused.read_answer().status);
  RawClient operators(reserved);
  operators.send(kGet);
  EXPECT_EQ(200, operators.read_answer().status);
  RawClient another(reserved);
  another.send(kGet);
  EXPECT_EQ(503, another.read_answer().status) << "that reserve has its end, too";
}

TEST(Limits, ClosesUnheardWhoComesBeyondThoseThatAreTold) {
  Limits limits;
  limits.connections = 0;
  limits.refusals = 1;
  TestServer server(limits);
  RawClient told = server.client();
  EXPECT_EQ(503, told.read_answer().status);
  RawClient cut = server.client();
  EXPECT_TRUE(cut.sees_end());
  EXPECT_EQ(2U, server.counters().refused);
}

TEST(Limits, RefusesMoreInputThanTheServerMayHold) {
  Limits limits;
  limits.input_bytes = 100'000;
  TestServer server(limits);
  RawClient client = server.client();
  client.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'));
  EXPECT_EQ(503, client.read_answer().status);
  client.close();
  RawClient next = server.client();
  next.send(kGet);
  EXPECT_EQ(200, next.read_answer().status) << "what the first one held is free again";
}

TEST(Limits, CountsBytesAndRequests) {
  TestServer server;
  RawClient client = server.client();
  client.send(kGet);
  const Answer answer = client.read_answer();
  const Counters counters = server.counters();
  EXPECT_EQ(kGet.size(), counters.bytes_in);
  EXPECT_EQ(answer.head.size() + answer.body.size(), counters.bytes_out);
  EXPECT_EQ(1U, counters.requests);
  EXPECT_EQ(0U, counters.violations);
}

}  // namespace
}  // namespace windfall::http
