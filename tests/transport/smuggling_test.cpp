// Bytes that two HTTP parsers in a row could take apart differently, and what else is no request: each is refused with
// the connection.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "transport/test_server.hpp"

namespace windfall::http {
namespace {

struct Case {
  const char* name;
  std::string bytes;
  int status;
};

/// The second request that an attacker would like to see handled.
const std::string kSmuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

std::string post(const std::string& headers, const std::string& body) {
  return "POST /a HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n" + body;
}

std::vector<Case> corpus() {
  using namespace std::string_literals;
  return {
      // two framings
      {"ClThenTe", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"TeThenCl", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400},
      {"TwoLengthsDiffer", post("Content-Length: 5\r\nContent-Length: 0\r\n", "hello"), 400},
      {"TwoLengthsAgree", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
      {"LengthList", post("Content-Length: 5, 5\r\n", "hello"), 400},
      {"LengthListDiffers", post("Content-Length: 5, 0\r\n", "hello"), 400},
      // lengths that are read in more than one way
      {"LengthPlus", post("Content-Length: +5\r\n", "hello"), 400},
      {"LengthMinus", post("Content-Length: -5\r\n", "hello"), 400},
      {"LengthHex", post("Content-Length: 0x5\r\n", "hello"), 400},
      {"LengthEmpty", post("Content-Length: \r\n", "hello"), 400},
      {"LengthWithText", post("Content-Length: 5 bytes\r\n", "hello"), 400},
      {"LengthOver64Bits", post("Content-Length: 18446744073709551616\r\n", "hello"), 400},
      {"LengthSpaceInside", post("Content-Length: 1 0\r\n", "hello"), 400},
      // codings
      {"TeUnknown", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400},
      {"TeGzipChunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400},
      {"TeChunkedIdentity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 400},
      {"TeTwice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"TeTwiceOther", post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"TeEmpty", post("Transfer-Encoding:\r\n", "0\r\n\r\n"), 400},
      {"TeVerticalTab", post("Transfer-Encoding: \x0b"s + "chunked\r\n", "0\r\n\r\n"), 400},
      {"TeQuoted", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 400},
      {"TeSpaceBeforeColon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
      {"TeFolded", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400},
      {"TeInHttp10", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      // chunks
      {"ChunkNoSize", post("Transfer-Encoding: chunked\r\n", "\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkNotHex", post("Transfer-Encoding: chunked\r\n", "g\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkPrefix", post("Transfer-Encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkMinus", post("Transfer-Encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkSizeOver64Bits", post("Transfer-Encoding: chunked\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkLongerThanSaid", post("Transfer-Encoding: chunked\r\n", "4\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkBareLineFeed", post("Transfer-Encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n00000"), 400},
      {"ChunkBareCarriageReturn", post("Transfer-Encoding: chunked\r\n", "5\rhello\r\n0\r\n\r\n"), 400},
      {"ChunkSpaceAfterSize", post("Transfer-Encoding: chunked\r\n", "5 \r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkExtensionLineFeed", post("Transfer-Encoding: chunked\r\n", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkExtensionsEndless",
       post("Transfer-Encoding: chunked\r\n", "5;a=" + std::string(5000, 'x') + "\r\nhello\r\n"), 400},
      {"ChunkTrailerLength", post("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 5\r\n\r\n"), 400},
      {"ChunkTrailersEndless", post("Transfer-Encoding: chunked\r\n", "0\r\nA: " + std::string(20'000, 'x')), 400},
      // lines
      {"BareLineFeeds", "GET /a HTTP/1.1\nHost: h\n\n", 400},
      {"BareLineFeedInHead", "GET /a HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400},
      {"BareCarriageReturnInValue", "GET /a HTTP/1.1\r\nHost: h\r\nX: y\rZ: 1\r\n\r\n", 400},
      {"ObsFold", "GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n z\r\n\r\n", 400},
      {"ObsFoldEmptyFirst", "GET /a HTTP/1.1\r\nHost: h\r\nX:\r\n\tz\r\n\r\n", 400},
      {"ObsFoldEmptySecond", "GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n \r\n\r\n", 400},
      {"FoldedFirstHeader", "GET /a HTTP/1.1\r\n Host: h\r\n\r\n", 400},
      {"TwoBlankLinesFirst", "\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      // names and values
      {"NulInValue", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"s, 400},
      {"ControlInValue", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\x01\r\n\r\n", 400},
      {"DeleteInValue", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\x7f\r\n\r\n", 400},
      {"SpaceBeforeColon", "GET /a HTTP/1.1\r\nHost : h\r\n\r\n", 400},
      {"SpaceInName", "GET /a HTTP/1.1\r\nHost: h\r\nX Y: 1\r\n\r\n", 400},
      {"EmptyName", "GET /a HTTP/1.1\r\nHost: h\r\n: 1\r\n\r\n", 400},
      {"NoColon", "GET /a HTTP/1.1\r\nHost: h\r\nbroken\r\n\r\n", 400},
      {"NulInName", "GET /a HTTP/1.1\r\nHost: h\r\nX\0: 1\r\n\r\n"s, 400},
      {"HighByteInName", "GET /a HTTP/1.1\r\nHost: h\r\nX\xc3\xa4: 1\r\n\r\n", 400},
      // host
      {"NoHost", "GET /a HTTP/1.1\r\n\r\n", 400},
      {"TwoHosts", "GET /a HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400},
      {"TwoHostsAgree", "GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
      {"TwoHostsInHttp10", "GET /a HTTP/1.0\r\nHost: h\r\nHost: i\r\n\r\n", 400},
      {"HostList", "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"HostWithPath", "GET /a HTTP/1.1\r\nHost: h/x\r\n\r\n", 400},
      {"HostWithUser", "GET /a HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
      // request line
      {"NoVersion", "GET /a\r\nHost: h\r\n\r\n", 400},
      {"TwoSpaces", "GET  /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TabInsteadOfSpace", "GET\t/a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"NulInTarget", "GET /a\0 HTTP/1.1\r\nHost: h\r\n\r\n"s, 400},
      {"FragmentInTarget", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"RelativeTarget", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"AsteriskForGet", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"AuthorityForConnect", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"AbsoluteWithUser", "GET http://u@h/a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"AbsoluteWithoutHost", "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"AbsoluteOtherScheme", "GET ftp://h/a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"BadMethod", "GE(T /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"LowerCaseProtocol", "GET /a http/1.1\r\nHost: h\r\n\r\n", 400},
      {"VersionWithSpaces", "GET /a HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
      {"Http2", "GET /a HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"TlsGreeting", "\x16\x03\x01\x02\0\x01"s, 400},
      {"OtherExpectation", post("Expect: 200-ok\r\nContent-Length: 5\r\n", "hello"), 417},
  };
}

class Smuggling : public testing::TestWithParam<Case> {};

TEST_P(Smuggling, IsRefusedWithItsConnectionAndNothingBehindItIsHandled) {
  TestServer server;
  RawClient client = server.client();
  client.send(GetParam().bytes + kSmuggled);
  const Answer answer = client.read_answer();
  EXPECT_EQ(GetParam().status, answer.status) << answer.body;
  EXPECT_EQ("close", answer.header("Connection"));
  EXPECT_NE("", answer.body);
  client.finish_sending();
  EXPECT_TRUE(client.sees_end());
  EXPECT_EQ(0U, server.counters().requests);
}

TEST_P(Smuggling, IsRefusedPieceByPieceToo) {
  TestServer server;
  RawClient client = server.client();
  const std::string& bytes = GetParam().bytes;
  const std::size_t step =
      bytes.size() < 1000 ? 1 : 100;  // the long ones in pieces, a system call per byte would take too long
  for (std::size_t i = 0; i < bytes.size(); i += step) {
    if (!client.send(bytes.substr(i, step))) break;
  }
  client.send(kSmuggled);
  EXPECT_EQ(GetParam().status, client.read_answer().status);
  EXPECT_EQ(0U, server.counters().requests);
}

INSTANTIATE_TEST_SUITE_P(Corpus, Smuggling, testing::ValuesIn(corpus()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace windfall::http
