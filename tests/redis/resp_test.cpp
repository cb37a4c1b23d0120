// Replies are read the same however their bytes are cut; what is not the protocol, or beyond a limit, is refused for
// good.
#include "adapters/redis/client/resp.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "redis/replies.hpp"

namespace windfall::redis {
namespace {

/// Everything the parser finds in `pieces`, one reply a line; "!" and the complaint at the end if it gives up.
std::string parse(const std::vector<std::string>& pieces) {
  ReplyParser parser;
  std::string lines;
  for (const std::string& piece : pieces) {
    parser.feed(piece);
    while (true) {
      const auto reply = parser.next();
      if (!reply) return lines + "!" + reply.error().message.substr(reply.error().message.rfind(": ") + 2);
      if (!*reply) break;
      lines += show(**reply) + "\n";
    }
  }
  return lines;
}

struct Row {
  const char* bytes;
  const char* shown;
};

class Replies : public testing::TestWithParam<Row> {};

TEST_P(Replies, AreReadWhole) { EXPECT_EQ(parse({GetParam().bytes}), GetParam().shown); }

TEST_P(Replies, AreReadTheSameWhereverTheBytesAreCut) {
  const std::string all = GetParam().bytes;
  for (std::size_t i = 0; i <= all.size(); ++i) {
    for (std::size_t k = i; k <= all.size(); ++k) {
      ASSERT_EQ(parse({all.substr(0, i), all.substr(i, k - i), all.substr(k)}), GetParam().shown) << i << ", " << k;
    }
  }
}

TEST_P(Replies, AreReadByteByByte) {
  std::vector<std::string> pieces;
  for (const char byte : std::string(GetParam().bytes)) pieces.emplace_back(1, byte);
  EXPECT_EQ(parse(pieces), GetParam().shown);
}

INSTANTIATE_TEST_SUITE_P(
    OfBothProtocols, Replies,
    testing::Values(Row{"+OK\r\n", "+OK\n"}, Row{"-ERR no\r\n:7\r\n", "-ERR no\n:7\n"}, Row{":-12\r\n", ":-12\n"},
                    Row{"$3\r\na\r\n\r\n", "$a\r\n\n"}, Row{"$0\r\n\r\n", "$\n"},
                    Row{"$-1\r\n*-1\r\n_\r\n", "_\n_\n_\n"},
                    Row{"*0\r\n*2\r\n*1\r\n:1\r\n$1\r\nx\r\n", "[]\n[[:1] $x]\n"},
                    Row{"*2\r\n*0\r\n*0\r\n+a\r\n", "[[] []]\n+a\n"}, Row{"#t\r\n#f\r\n", ":1\n:0\n"},
                    Row{",1.5\r\n(123456789012345678901234567890\r\n", "$1.5\n$123456789012345678901234567890\n"},
                    Row{"!7\r\nERR \r\nx\r\n", "-ERR \r\nx\n"}, Row{"=6\r\ntxt:ab\r\n", "$ab\n"},
                    Row{"%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n:2\r\n", "[+a :1 +b [:2]]\n"}, Row{"%0\r\n:1\r\n", "[]\n:1\n"},
                    Row{"|1\r\n+ttl\r\n:3\r\n$1\r\nx\r\n", "$x\n"},
                    Row{"*2\r\n|1\r\n+a\r\n*1\r\n:1\r\n:8\r\n:9\r\n", "[:8 :9]\n"},
                    Row{">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n:1\r\n", ":1\n"}, Row{">0\r\n:1\r\n", ":1\n"}));

class Nonsense : public testing::TestWithParam<Row> {};

TEST_P(Nonsense, IsRefusedWhereverTheBytesAreCut) {
  const std::string all = GetParam().bytes;
  for (std::size_t i = 0; i <= all.size(); ++i) {
    ASSERT_EQ(parse({all.substr(0, i), all.substr(i)}), GetParam().shown) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    OfEveryKind, Nonsense,
    testing::Values(Row{"\r\n", "!an empty line stands where a reply should begin"},
                    Row{"HTTP/1.1 400\r\n", "!a reply begins with byte 72"}, Row{":\r\n", "!a number is none"},
                    Row{":1x\r\n", "!a number is none"}, Row{":99999999999999999999\r\n", "!a number is none"},
                    Row{"$-2\r\n", "!a string has no length"}, Row{"$x\r\n", "!a string has no length"},
                    Row{"$?\r\n", "!a string has no length"}, Row{"=3\r\nabc\r\n", "!a string has no length"},
                    Row{"$1\r\nabc\r\n", "!a string does not end where its length says"},
                    Row{"$67108865\r\n", "!a reply is too large"}, Row{"*-2\r\n", "!a list has no length"},
                    Row{"%-1\r\n", "!a list has no length"}, Row{"*1048577\r\n", "!a reply has too many items"},
                    Row{"%1048576\r\n", "!a reply has too many items"}, Row{"_x\r\n", "!a null carries something"},
                    Row{"#y\r\n", "!a boolean is neither"}, Row{",\r\n", "!a number is none"},
                    Row{"+a\r\n?\r\n", "+a\n!a reply begins with byte 63"}));

TEST(ReplyLimits, NestingEndsAtSixteenLists) {
  std::string bytes;
  for (std::size_t i = 0; i < kMostReplyDepth; ++i) bytes += "*1\r\n";
  EXPECT_EQ(parse({bytes + ":1\r\n"}), "[[[[[[[[[[[[[[[[:1]]]]]]]]]]]]]]]]\n");
  EXPECT_EQ(parse({bytes + "*1\r\n:1\r\n"}), "!a reply is nested too deeply");
}

TEST(ReplyLimits, ItemsOfAllListsOfAReplyCountTogether) {
  const std::string half = std::to_string(kMostReplyItems / 2);
  std::string bytes = "*2\r\n*" + half + "\r\n";
  for (std::size_t i = 0; i < kMostReplyItems / 2; ++i) bytes += "_\r\n";
  EXPECT_EQ(parse({bytes, "*" + half + "\r\n"}), "!a reply has too many items");
}

TEST(ReplyLimits, StringsOfAReplyCountTogether) {
  std::string bytes = "*2\r\n$33554432\r\n" + std::string(33554432, 'x') + "\r\n";
  EXPECT_EQ(parse({bytes, "$33554432\r\n"}), "!a reply is too large");
}

TEST(ReplyLimits, ALineEnds) {
  EXPECT_EQ(parse({std::string(kMostReplyLine + 1, '+')}), "!a line does not end");
  EXPECT_EQ(parse({"+" + std::string(kMostReplyLine, 'x') + "\r\n"}), "!a line is too long");
  EXPECT_EQ(parse({"+" + std::string(kMostReplyLine - 1, 'x') + "\r\n"}),
            "+" + std::string(kMostReplyLine - 1, 'x') + "\n");
}

TEST(ReplyParsing, StaysRefusedAfterNonsense) {
  ReplyParser parser;
  parser.feed("?\r\n");
  EXPECT_FALSE(parser.next().has_value());
  parser.feed("+OK\r\n");
  const auto again = parser.next();
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, FailureCode::damaged);
}

/// Any nested list that the limits allow.
rc::Gen<Reply> any_reply(int depth) {
  const auto leaf = rc::gen::oneOf(
      rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](std::int64_t number) { return integer(number); }),
      rc::gen::map(rc::gen::arbitrary<std::string>(), [](std::string content) { return bulk(std::move(content)); }),
      rc::gen::just(Reply{}), rc::gen::just(simple("OK")), rc::gen::just(error("ERR no")));
  if (depth == 0) return leaf;
  return rc::gen::oneOf(leaf,
                        rc::gen::map(rc::gen::resize(4, rc::gen::container<std::vector<Reply>>(any_reply(depth - 1))),
                                     [](std::vector<Reply> items) { return list(std::move(items)); }));
}

void append(std::string& out, const Reply& reply) {
  switch (reply.type) {
    case Reply::Type::nil:
      out += "$-1\r\n";
      return;
    case Reply::Type::integer:
    case Reply::Type::simple:
    case Reply::Type::error:
      out += show(reply) + "\r\n";
      return;
    case Reply::Type::bulk:
      out += "$" + std::to_string(reply.text.size()) + "\r\n" + reply.text + "\r\n";
      return;
    case Reply::Type::array:
      out += "*" + std::to_string(reply.items.size()) + "\r\n";
      for (const Reply& item : reply.items) append(out, item);
      return;
  }
}

RC_GTEST_PROP(ReplyParsing, ReadsAnyRepliesInPiecesOfAnySize, ()) {
  const auto replies = *rc::gen::container<std::vector<Reply>>(any_reply(3));
  std::string bytes;
  std::string shown;
  for (const Reply& reply : replies) {
    append(bytes, reply);
    shown += show(reply) + "\n";
  }
  std::vector<std::string> pieces;
  while (!bytes.empty()) {
    const auto size = *rc::gen::inRange<std::size_t>(1, 40);
    pieces.push_back(bytes.substr(0, size));
    bytes.erase(0, size);
  }
  RC_ASSERT(parse(pieces) == shown);
}

TEST(Commands, AreListsOfStringsWithAnyBytes) {
  std::string out = "before";
  append_command(out, {"SET", std::string("k\r\n\0", 4), ""});
  EXPECT_EQ(out, std::string("before*3\r\n$3\r\nSET\r\n$4\r\nk\r\n\0\r\n$0\r\n\r\n", 35));
}

}  // namespace
}  // namespace windfall::redis
