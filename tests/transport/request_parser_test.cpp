// The parsers alone: whatever bytes come, however they are cut, the verdict is the same and nothing outside the input
// is touched.
#include "adapters/http/transport/request_parser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "adapters/http/transport/chunked_body.hpp"

namespace windfall::http {
namespace {

/// A verdict as text, to compare.
std::string verdict_on_head(std::string_view bytes) {
  HeadScanner scanner;
  // A block of exactly this size, so that the address sanitizer sees a read beyond it.
  const auto copy = std::make_unique<char[]>(bytes.size());
  bytes.copy(copy.get(), bytes.size());
  const std::string_view input(copy.get(), bytes.size());
  switch (scanner.scan(input)) {
    case HeadScanner::Found::need_more:
      return "need more";
    case HeadScanner::Found::malformed:
      return "malformed";
    case HeadScanner::Found::complete:
      break;
  }
  const auto block = std::make_unique<char[]>(scanner.size());
  input.copy(block.get(), scanner.size());
  Request request;
  RequestHead head;
  if (const auto violation = head.parse({block.get(), scanner.size()}, request)) {
    return std::to_string(text_of(*violation).status) + " " + std::string(text_of(*violation).en);
  }
  std::string verdict =
      std::string(request.method_text) + " " + std::string(request.path) + "?" + std::string(request.query);
  for (const HeaderField& field : request.headers())
    verdict += "|" + std::string(field.name) + "=" + std::string(field.value);
  return verdict + (head.keep_alive ? " keep" : " close") +
         (head.chunked ? " chunked" : std::to_string(head.content_length));
}

std::string verdict_on_chunks(std::string_view bytes, std::size_t step) {
  ChunkedBody body(64);
  std::string waiting;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    waiting += bytes.substr(at, step);
    const auto copy = std::make_unique<char[]>(waiting.size());
    waiting.copy(copy.get(), waiting.size());
    const ChunkedBody::Progress progress = body.feed({copy.get(), waiting.size()});
    if (progress.violation) return std::to_string(text_of(*progress.violation).status);
    waiting.erase(0, progress.consumed);
    if (progress.complete) return "complete [" + body.body() + "]";
  }
  return "need more";
}

/// `text` with a few bytes changed, dropped, doubled or made special.
std::string mutated(std::string text, std::mt19937& random) {
  static constexpr std::string_view kSpecial{"\r\n \t:;,0f\"\\\0\x7f\xff", 15};
  const auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  for (std::size_t changes = below(4) + 1; changes > 0 && !text.empty(); --changes) {
    const std::size_t at = below(text.size());
    switch (below(4)) {
      case 0:
        text[at] = kSpecial[below(kSpecial.size())];
        break;
      case 1:
        text.erase(at, below(4) + 1);
        break;
      case 2:
        text.insert(at, text.substr(at, below(8) + 1));
        break;
      default:
        text.insert(at, 1, kSpecial[below(kSpecial.size())]);
        break;
    }
  }
  return text;
}

constexpr int kRounds = 20'000;
constexpr unsigned kSeed = 20250620;

TEST(HeadScanner, FindsTheEndWhereverTheBytesAreCut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (std::size_t cut = 0; cut < head.size(); ++cut) {
    HeadScanner scanner;
    EXPECT_EQ(HeadScanner::Found::need_more, scanner.scan(std::string_view(head).substr(0, cut)));
    EXPECT_EQ(HeadScanner::Found::complete, scanner.scan(head + "more")) << "cut at " << cut;
    EXPECT_EQ(head.size(), scanner.size());
  }
}

TEST(RequestHead, ReadsARequest) {
  EXPECT_EQ("POST /a?b=c|Host=h|X=y z|Content-Length=5 keep5",
            verdict_on_head("POST /a?b=c HTTP/1.1\r\nHost: h\r\nX: y z \r\nContent-Length: 5\r\n\r\n"));
  EXPECT_EQ("GET /? close0", verdict_on_head("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_EQ("PUT /?|Host=|Transfer-Encoding=chunked|Connection=x, close close chunked",
            verdict_on_head("PUT / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\nConnection: x, close\r\n\r\n"));
}

TEST(RequestHead, SaysWhichViolationItIs) {
  const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n";
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  for (const auto& [bytes, which] : std::vector<std::pair<std::string, Violation>>{
           {"G@T / HTTP/1.1\r\nHost: h\r\n", Violation::method},
           {"GET http:// HTTP/1.1\r\nHost: h\r\n", Violation::target},
           {"GET / HTTP/2.0\r\nHost: h\r\n", Violation::other_version},
           {"GET / HTTX/1.1\r\nHost: h\r\n", Violation::version},
           {get + "A B: c\r\n", Violation::field_name},
           {"GET / HTTP/1.1\r\n", Violation::no_host},
           {get + "Host: i\r\n", Violation::several_hosts},
           {"GET / HTTP/1.1\r\nHost: a b\r\n", Violation::host},
           {get + " folded: y\r\n", Violation::folded_header},
           {post + "Transfer-Encoding: gzip\r\n", Violation::coding},
           {post + "Expect: more\r\n", Violation::expectation},
           {"GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: h\r\n", Violation::request_line_too_long},
       }) {
    Request request;
    EXPECT_EQ(which, RequestHead().parse(bytes + "\r\n", request)) << bytes;
  }
}

TEST(Violation, IsToldInBothLanguagesEachInItsOwn) {
  for (const ViolationText& one : kViolations) {
    EXPECT_TRUE(one.status >= 400 && one.status < 600) << one.en;
    EXPECT_TRUE(std::ranges::all_of(one.en, [](char c) { return c >= 0x20 && c < 0x7f; })) << one.en;
    EXPECT_TRUE(std::ranges::any_of(one.ko, [](char c) { return (c & 0x80) != 0; })) << one.ko;
    EXPECT_TRUE(one.ko.ends_with('.') && one.en.ends_with('.')) << one.en;
    EXPECT_EQ(1, std::ranges::count(kViolations, one.ko, &ViolationText::ko)) << one.ko;
    EXPECT_EQ(1, std::ranges::count(kViolations, one.en, &ViolationText::en)) << one.en;
  }
}

TEST(RequestHead, GivesOneVerdictOnAnyBytes) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  const std::vector<std::string> seeds{
      "POST /a?b HTTP/1.1\r\nHost: h:80\r\nContent-Length: 5\r\nX-User-Id: u\r\nConnection: keep-alive, x\r\n\r\n",
      "GET http://h/a HTTP/1.0\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nX:\r\n y\r\n\r\n"};
  int accepted = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string bytes = mutated(seeds[static_cast<std::size_t>(round) % seeds.size()], random);
    HeadScanner whole;
    HeadScanner bytewise;
    const HeadScanner::Found at_once = whole.scan(bytes);
    HeadScanner::Found found = HeadScanner::Found::need_more;
    for (std::size_t size = 1; size <= bytes.size() && found == HeadScanner::Found::need_more; ++size) {
      found = bytewise.scan(std::string_view(bytes).substr(0, size));
    }
    ASSERT_EQ(at_once, found) << bytes;
    ASSERT_EQ(verdict_on_head(bytes), verdict_on_head(bytes));
    accepted += verdict_on_head(bytes).find(" /a?") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(accepted, kRounds / 100) << "mutations that break everything test little";
}

TEST(HeadGlimpse, TellsPathAndLanguageOfAHeadThatIsNotRead) {
  struct Row {
    std::string bytes;
    std::string path;
    std::string language;
  };
  const std::string korean = "Accept-Language: ko\r\n";
  for (const Row& row : {
           Row{"GET /a HTTP/1.1\r\nACCEPT-language:  en \r\nX: yyy", "/a", "en"},
           Row{"GET /a?q HTTP/1.1\r\nX: y\r\nAccept-Language: en\r\n" + korean + "\r\n", "/a", "en"},
           Row{"GET /a HTTP/1.1\r\nX: y\r\n\r\n" + korean, "/a", ""},
           Row{"GET /a HTTP/1.1\r\nAccept-Language: e", "/a", ""},
           Row{"GET /a HTTP/1.1\r\nAccept-Language:\r\n" + korean, "/a", ""},
           Row{"GET /a HTTP/1.1\r\nno header\r\n: x\r\nXAccept-Language: en\r\n" + korean, "/a", "ko"},
           Row{"GET /a", "", ""},
           Row{"GET /a?", "/a", ""},
           Row{"GET /a\tb HTTP/1.1\r\n" + korean, "", "ko"},
           Row{"GET /\xea\xb0\x80 HTTP/1.1\r\n" + korean, "", "ko"},
           Row{"GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n" + korean, "", "ko"},
           Row{"GET http://h/a HTTP/1.1\r\n", "/a", ""},
           Row{"GET HTTPS://h:1/a?q HTTP/1.1\r\n", "/a", ""},
           Row{"GET http://h HTTP/1.1\r\n", "/", ""},
           Row{"GET http://h?q HTTP/1.1\r\n", "/", ""},
           Row{"GET http://h@i/a/ HTTP/1.1\r\n", "", ""},
           Row{"GET http:///a HTTP/1.1\r\n", "", ""},
           Row{"GET ftp://h/a HTTP/1.1\r\n", "", ""},
           Row{"GET http://h/a", "", ""},
           Row{"/a b", "", ""},
           Row{"\r\n\r\n" + korean, "", ""},
           Row{"", "", ""},
       }) {
    const auto copy = std::make_unique<char[]>(row.bytes.size());
    row.bytes.copy(copy.get(), row.bytes.size());
    const HeadGlimpse seen = glimpse_of({copy.get(), row.bytes.size()});
    EXPECT_EQ(seen.path, row.path) << row.bytes;
    EXPECT_EQ(seen.accept_language, row.language) << row.bytes;
  }
}

TEST(RequestHead, CanBeMovedWithItsBytes) {
  const std::string from = "GET http://h?q HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";
  Request request;
  RequestHead head;
  ASSERT_FALSE(head.parse(from, request).has_value());
  const std::string to = from;
  RequestHead::rebase(request, from, to.data());
  EXPECT_EQ("/", request.path) << "which is not in the bytes";
  EXPECT_EQ("q", request.query);
  EXPECT_EQ(to.data() + to.find('y'), request.header("x").data());
  EXPECT_EQ(to.data(), request.method_text.data());
}

TEST(ChunkedBody, GivesTheSameVerdictHoweverTheBytesAreCut) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  const std::string seed = "5\r\nhello\r\n1;ext=\"v\"\r\n \r\n0005\r\nworld\r\n0\r\nTrailer: t\r\n\r\n";
  int completed = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string bytes = mutated(seed, random);
    const std::string verdict = verdict_on_chunks(bytes, bytes.size() + 1);
    ASSERT_EQ(verdict, verdict_on_chunks(bytes, 1)) << bytes;
    ASSERT_EQ(verdict, verdict_on_chunks(bytes, 5)) << bytes;
    completed += verdict.starts_with("complete") ? 1 : 0;
  }
  EXPECT_GT(completed, kRounds / 100);
}

}  // namespace
}  // namespace windfall::http
