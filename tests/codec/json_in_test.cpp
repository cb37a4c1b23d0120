#include "adapters/codec/json_in.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/bad_input.hpp"

namespace windfall::codec {
namespace {

using namespace std::string_literals;

TEST(JsonIn, WhatIsNotJsonIsRefusedWithItsPlace) {
  struct Row {
    std::string body;
    std::string refusal;
  };
  const std::vector<Row> rows{
      {"", "not JSON at line 1, column 1"},
      {"{", "not JSON at line 1, column 2"},
      {"{\"a\":1", "not JSON at line 1, column 7"},
      {"{\"a\":1} x", "not JSON at line 1, column 9"},
      {"{}{}", "not JSON at line 1, column 3"},
      {"{\n\"가\":1,\n\"나\": tru }", "not JSON at line 3, column 6"},
      {"{\"a\":1,}", "not JSON at line 1, column 8"},
      {"[1,]", "not JSON at line 1, column 4"},
      {"{'a':1}", "not JSON at line 1, column 2"},
      {"{\"a\":01}", "not JSON at line 1, column 7"},
      {"{\"a\":+1}", "not JSON at line 1, column 6"},
      {"{\"a\":NaN}", "not JSON at line 1, column 6"},
      {"/* no */ {}", "not JSON at line 1, column 1"},
      {"{\"a\":\"\n\"}", "not JSON at line 1, column 7"},
      {"{\"a\":1,\"a\":2}", "not JSON at line 1, column 10"},
      {"{\"b\":{\"a\":1,\"\\u0061\":2}}", "not JSON at line 1, column 20"},
      {"{\"a\":\"\xff\"}", "not JSON at line 1, column 7"},
      {"{\"a\":\"\xc0\xaf\"}", "not JSON at line 1, column 7"},
      {"{\"a\":\"\xed\xa0\x80\"}", "not JSON at line 1, column 7"},
      {"{\"a\":\"\xf4\x90\x80\x80\"}", "not JSON at line 1, column 7"},
      {"\xef\xbb\xbf{}", "not JSON at line 1, column 1"},
      {"\0"s, "not JSON at line 1, column 1"},
  };
  for (const Row& row : rows) EXPECT_EQ(refusal_of(parse_json(row.body)), row.refusal) << row.body;
}

TEST(JsonIn, ThePlaceIsToldInBothLanguages) {
  const auto parsed = parse_json("{\n\"가\": ]");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().where, "line 2, column 6");
  EXPECT_EQ(parsed.error().where_ko, "2행 6열");
}

TEST(JsonIn, HalvesOfSurrogatePairsAreRefused) {
  for (const char* text : {R"("\ud800")", R"("\udc00")", R"("\ud800\ud800")", R"("\ud800x")", R"("\ud83d\n")"}) {
    const auto parsed = parse_json(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed.error().not_json) << text;
  }
  const auto pair = parse_json(R"("\ud83d\ude00")");
  ASSERT_TRUE(pair);
  EXPECT_EQ(*pair->get_if<std::string>(), "😀");
}

TEST(JsonIn, NestingIsAcceptedUpToTheLimitAndNoFurther) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(kMaxJsonDepth)));
  const auto deeper = parse_json(nested(kMaxJsonDepth + 1));
  ASSERT_FALSE(deeper);
  EXPECT_TRUE(deeper.error().not_json);
  EXPECT_EQ(deeper.error().detail_en, "nested deeper than 32 levels");
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));

  std::string objects;
  for (std::size_t i = 0; i < kMaxJsonDepth; ++i) objects += "{\"a\":";
  EXPECT_TRUE(parse_json(objects + "1" + std::string(kMaxJsonDepth, '}')));
  EXPECT_FALSE(parse_json("[" + objects + "1" + std::string(kMaxJsonDepth, '}') + "]"));
}

TEST(JsonIn, ADuplicateNameIsSaidByName) {
  const auto parsed = parse_json(R"({"title":"a","title":"b"})");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().detail_en, "the name \"title\" appears twice in one object");
  EXPECT_NE(parsed.error().detail_ko.find("title"), std::string::npos);
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":1},{"b":{"a":1},"a":2}])"));
  EXPECT_FALSE(parse_json(R"({"":1,"":2})"));
}

std::string number(const char* text) {
  const JsonValue parsed = parse_json(text).value();
  if (const auto* exact = parsed.get_if<std::int64_t>()) return std::to_string(*exact);
  const auto* inexact = parsed.get_if<InexactNumber>();
  if (inexact == nullptr) return "no number";
  return *inexact == InexactNumber::fraction ? "fraction" : "out of range";
}

TEST(JsonIn, NumbersAreExactIntegersOrKnownNotToBe) {
  EXPECT_EQ(number("0"), "0");
  EXPECT_EQ(number("-0"), "0");
  EXPECT_EQ(number("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(number("-9223372036854775808"), "-9223372036854775808");
  for (const char* text :
       {"9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
        "-18446744073709551616", "1000000000000000000000000000000000000000000"}) {
    EXPECT_EQ(number(text), "out of range") << text;
  }
  for (const char* text :
       {"1.0", "1.5", "1e2", "1E2", "1e-2", "0.0", "-0.0", "1e400", "1e-400", "100000000000000000000.0"}) {
    EXPECT_EQ(number(text), "fraction") << text;
  }
}

TEST(JsonIn, AnExponentBeyondMeasureIsABadNumberAndStillJson) {
  EXPECT_EQ(refusal_of(parse_json(R"({"a":[0,{"b/c":1e99999999999}]})")), "/a/1/b~1c: must be an integer");
}

TEST(JsonIn, NoBodyIsTheEmptyObject) {
  for (const char* body : {"", "{}", " {\r\n\t} "}) {
    const auto parsed = parse_json_object(body);
    ASSERT_TRUE(parsed) << body;
    EXPECT_TRUE(parsed->get_if<JsonValue::Object>()->empty());
  }
  EXPECT_TRUE(parse_json_object(" ").error().not_json);
}

TEST(JsonIn, ARequestIsAnObject) {
  for (const char* body : {"[]", "1", "null", "\"{}\"", "true"}) {
    EXPECT_EQ(refusal_of(parse_json_object(body)), ": must be an object") << body;
  }
}

TEST(JsonIn, MembersKeepTheirOrderAndText) {
  const auto parsed = parse_json(R"({"b":"\u0000\"\\\/\b\f\n\r\tæ","a":[null,true,{}]})");
  ASSERT_TRUE(parsed);
  const auto& members = *parsed->get_if<JsonValue::Object>();
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].name, "b");
  EXPECT_EQ(*members[0].value.get_if<std::string>(), "\0\"\\/\b\f\n\r\tæ"s);
  EXPECT_EQ(members[1].value.get_if<JsonValue::Array>()->size(), 3U);
}

TEST(JsonIn, PointersEscapeTildeAndSlash) {
  EXPECT_EQ(pointer_to("/x", "a~b/c"), "/x/a~0b~1c");
  EXPECT_EQ(pointer_to("", "~1"), "/~01");
  EXPECT_EQ(pointer_to("", ""), "/");
  EXPECT_EQ(pointer_to("/x", std::size_t{3}), "/x/3");
}

}  // namespace
}  // namespace windfall::codec
