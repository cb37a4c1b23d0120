// Bodies that a handler takes piece by piece: whole at the end, bounded on the way, and cut where the peer goes.
#include <gtest/gtest.h>

#include <memory>

#include "transport/test_server.hpp"

namespace windfall::http {
namespace {

/// Takes a body to its end and answers "POST /path <bytes> <sum of bytes> <largest piece>".
class Taker : public std::enable_shared_from_this<Taker> {
 public:
  Taker(const Request& request, Responder responder, std::function<void(const std::string&)> done)
      : request_(request), responder_(std::move(responder)), done_(std::move(done)) {}
  void next() {
    responder_.next_piece([self = shared_from_this()](BodyPiece piece) { self->take(std::move(piece)); });
  }

 private:
  void take(BodyPiece piece) {
    if (piece.kind == BodyPiece::Kind::cut) return done_("cut");
    if (piece.kind == BodyPiece::Kind::bytes) {
      bytes_ += piece.bytes.size();
      for (const char c : piece.bytes) sum_ = sum_ * 31 + static_cast<unsigned char>(c);
      largest_ = std::max(largest_, piece.bytes.size());
      return next();
    }
    done_("end");
    responder_.send(text(std::string(request_.path) + " " + std::to_string(bytes_) + " " + std::to_string(sum_) +
                         (largest_ <= 64 * 1024 ? " bounded" : " large")));
  }

  const Request& request_;
  Responder responder_;
  std::function<void(const std::string&)> done_;
  std::size_t bytes_ = 0;
  std::uint64_t sum_ = 0;
  std::size_t largest_ = 0;
};

std::string body_of(std::size_t size) {
  std::string body(size, '\0');
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + (i * i) % 23);
  return body;
}
std::string expected(const std::string& body) {
  std::uint64_t sum = 0;
  for (const char c : body) sum = sum * 31 + static_cast<unsigned char>(c);
  return "/pieces " + std::to_string(body.size()) + " " + std::to_string(sum) + " bounded";
}

struct Pieces : testing::Test {
  std::string last;
  TestServer server;
  void SetUp() override {
    server.script([this](const Request& request, Responder responder) {
      if (request.path != "/pieces") return responder.send(text(shown(request)));
      std::make_shared<Taker>(request, std::move(responder), [this](const std::string& how) { last = how; })->next();
    });
  }
};

TEST_F(Pieces, ALongBodyArrivesWholeAndTheConnectionGoesOn) {
  RawClient client = server.client();
  const std::string body = body_of(3'000'017);
  client.send("POST /pieces HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body +
              "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(expected(body), client.read_answer().body);
  EXPECT_EQ("GET /a []", client.read_answer().body) << "what was sent ahead is the next request";
}

TEST_F(Pieces, ChunksAndEmptyBodiesAreTakenAsWell) {
  RawClient client = server.client();
  const std::string head = "POST /pieces HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string body = body_of(0x1234);
  client.send(head + "1000\r\n" + body.substr(0, 0x1000) + "\r\n234\r\n" + body.substr(0x1000) + "\r\n0\r\n\r\n");
  EXPECT_EQ(expected(body), client.read_answer().body);
  client.send(head + "0\r\n\r\n");
  EXPECT_EQ(expected({}), client.read_answer().body);
  client.send("POST /pieces HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(expected({}), client.read_answer().body);
}

TEST_F(Pieces, BodiesBeyondTheLimitAreRefusedAndCut) {
  RawClient announced = server.client();
  announced.send("POST /pieces HTTP/1.1\r\nHost: h\r\nContent-Length: 8388609\r\n\r\n");
  EXPECT_EQ(413, announced.read_answer().status);
  EXPECT_EQ(0U, server.counters().requests) << "the handler never sees it";
  RawClient chunked = server.client();
  chunked.send("POST /pieces HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n900000\r\n");
  EXPECT_EQ(413, chunked.read_answer().status);
  EXPECT_TRUE(server.eventually([this] { return last == "cut"; }));
}

TEST_F(Pieces, WhoeverGoesInTheMiddleIsCut) {
  RawClient client = server.client();
  client.send("POST /pieces HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  client.close();
  EXPECT_TRUE(server.eventually([this] { return last == "cut"; }));
}

TEST(PiecesInTime, ABodyThatDoesNotArriveIsTimedOutAndCut) {
  TestServer server(quick());
  std::string last;
  server.script([&last](const Request& request, Responder responder) {
    std::make_shared<Taker>(request, std::move(responder), [&last](const std::string& how) { last = how; })->next();
  });
  RawClient client = server.client();
  client.send("POST /pieces HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_EQ(408, client.read_answer().status);
  EXPECT_TRUE(server.eventually([&last] { return last == "cut"; }));
}

TEST(PiecesUnread, AnAnswerBeforeTheBodyEndsTheConnectionAndIsReadByWhoeverStillSends) {
  TestServer server;
  server.script([](const Request&, Responder responder) { responder.send(text("no", 401)); });
  RawClient client = server.client();
  client.send("POST /pieces HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n");
  EXPECT_TRUE(client.send(std::string(4'000'000, 'x')));
  const Answer answer = client.read_answer();
  EXPECT_EQ(401, answer.status);
  EXPECT_EQ("close", answer.header("Connection"));
}

TEST_F(Pieces, AClientThatAsksFirstIsToldToGoOnOnceSomebodyWantsTheBody) {
  RawClient client = server.client();
  client.send("POST /pieces HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(100, client.read_answer().status);
  client.send("abc");
  EXPECT_EQ(expected("abc"), client.read_answer().body);
}

}  // namespace
}  // namespace windfall::http
