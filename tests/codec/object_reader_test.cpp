#include "adapters/codec/object_reader.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "codec/bad_input.hpp"

namespace windfall::codec {
namespace {

enum class Color : std::uint8_t { red, blue };
constexpr std::array kColors{Word<Color>{"RED", Color::red}, Word<Color>{"BLUE", Color::blue}};

template <class Read>
std::string reading(std::string_view body, Read read) {
  return refusal_of(decode_object(body, [&read](ObjectReader& reader) {
    read(reader);
    return 0;
  }));
}

TEST(ObjectReader, AllThatIsWrongIsSaidAtOnceWithPointers) {
  const std::string said =
      reading(R"({"a":1.5,"b":"","c":[],"x~/y":1,"revision":4,"d":"2025-02-29"})", [](ObjectReader& reader) {
        reader.required_int("a", {.min = 0, .max = 9});
        reader.required_string("b", {.min = 1, .max = 5});
        reader.optional_bool("c");
        reader.required_day("d");
        reader.required_string("e", {.min = 0, .max = 5});
        reader.read_only({"revision", "created"});
      });
  EXPECT_EQ(said,
            "/a: must be an integer, written without fraction and exponent; /b: must have 1 to 5 characters; "
            "/c: must be true or false; /d: must be a date, written YYYY-MM-DD; /e: is required; /revision: read-only; "
            "/x~0~1y: unknown member");
}

TEST(ObjectReader, NullCountsAsAbsentExceptWhereRequired) {
  EXPECT_EQ(reading(R"({"a":null,"b":null,"c":null,"d":null,"e":null})",
                    [](ObjectReader& reader) {
                      EXPECT_TRUE(reader.has("a"));
                      EXPECT_EQ(reader.optional_string("a", {.min = 1, .max = 5}), std::nullopt);
                      EXPECT_EQ(reader.optional_int("b", {.min = 1, .max = 5}), std::nullopt);
                      EXPECT_EQ(reader.optional_word<Color>("c", kColors), std::nullopt);
                      EXPECT_TRUE(reader.optional_array("d", 5).empty());
                      reader.required_int("e", {.min = 1, .max = 5});
                    }),
            "/e: is required");
}

TEST(ObjectReader, IntegersHaveRangesAndNoOtherForm) {
  const auto read = [](ObjectReader& reader) { reader.optional_int("n", {.min = 1, .max = 10}); };
  EXPECT_EQ(reading(R"({"n":1})", read), "accepted");
  EXPECT_EQ(reading(R"({"n":10})", read), "accepted");
  for (const char* body :
       {R"({"n":0})", R"({"n":11})", R"({"n":9223372036854775808})", R"({"n":-99999999999999999999999})"}) {
    EXPECT_EQ(reading(body, read), "/n: must be an integer from 1 to 10") << body;
  }
  for (const char* body : {R"({"n":1.0})", R"({"n":1e0})", R"({"n":0.5})"}) {
    EXPECT_EQ(reading(body, read), "/n: must be an integer, written without fraction and exponent") << body;
  }
  for (const char* body : {R"({"n":"1"})", R"({"n":true})", R"({"n":[1]})"}) {
    EXPECT_EQ(reading(body, read), "/n: must be an integer") << body;
  }
}

TEST(ObjectReader, LengthsCountCharactersNotBytes) {
  const auto read = [](ObjectReader& reader) { reader.optional_string("s", {.min = 1, .max = 3}); };
  EXPECT_EQ(reading(R"({"s":"가나다"})", read), "accepted");
  EXPECT_EQ(reading(R"({"s":"😀😀😀"})", read), "accepted");
  EXPECT_EQ(reading(R"({"s":"가나다라"})", read), "/s: must have 1 to 3 characters");
  EXPECT_EQ(reading(R"({"s":""})", read), "/s: must have 1 to 3 characters");
  EXPECT_EQ(reading(R"({"s":5})", read), "/s: must be a string");
  EXPECT_EQ(reading("{\"s\":\"a\\u0000b\"}", read), "/s: must not contain the character U+0000");
}

TEST(ObjectReader, WordsAreSpelledExactly) {
  const auto read = [](ObjectReader& reader) { reader.required_word<Color>("w", kColors); };
  EXPECT_EQ(reading(R"({"w":"BLUE"})", read), "accepted");
  EXPECT_EQ(reading(R"({"w":"blue"})", read), "/w: must be one of RED, BLUE");
  EXPECT_EQ(reading(R"({"w":1})", read), "/w: must be one of RED, BLUE");
  EXPECT_EQ(reading(R"({})", read), "/w: is required");
}

TEST(ObjectReader, IdentifiersAreCheckedOneByOne) {
  const auto read = [](ObjectReader& reader) { reader.required_identifiers("ids", 3); };
  EXPECT_EQ(reading(R"({"ids":["a","B-_9"]})", read), "accepted");
  EXPECT_EQ(reading(R"({"ids":["a","b c","a"]})", read),
            "/ids/1: must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -; /ids/2: is listed twice");
  EXPECT_EQ(reading(R"({"ids":[]})", read), "/ids: must have 1 to 3 items");
  EXPECT_EQ(reading(R"({"ids":["a","b","c","d"]})", read), "/ids: must have 1 to 3 items");
  EXPECT_EQ(reading(R"({"ids":"a"})", read), "/ids: must be a list");
  EXPECT_EQ(reading(R"({"ids":null})", read), "/ids: is required");
}

TEST(ObjectReader, InstantsAndUserIdsAreChecked) {
  const auto read = [](ObjectReader& reader) {
    reader.optional_instant("at");
    reader.required_user_id("userId");
  };
  EXPECT_EQ(reading(R"({"at":"2025-06-21T00:00:00Z","userId":"철수"})", read), "accepted");
  EXPECT_EQ(reading(R"({"at":"2025-06-21","userId":"a b"})", read),
            "/at: must be an instant of RFC 3339, such as 2025-06-21T00:00:00.000Z; "
            "/userId: must be a user id: 1 to 128 bytes of printable UTF-8 without spaces");
}

TEST(ObjectReader, NestedReadersCarryTheirPlace) {
  const auto read = [](ObjectReader& reader) {
    for (const auto& item : reader.required_array("items", 1, 5)) {
      ObjectReader inner(*item.value, item.pointer, reader.errors());
      inner.required_int("n", {.min = 0, .max = 1});
      inner.finish();
    }
  };
  EXPECT_EQ(reading(R"({"items":[{"n":1},{"n":2},7,{"n":0,"m":0}]})", read),
            "/items/1/n: must be an integer from 0 to 1; /items/2: must be an object; /items/3/m: unknown member");
}

TEST(ObjectReader, ComplaintsAreCapped) {
  std::string body = "{";
  for (int i = 0; i < 1000; ++i) body += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":1";
  body += "}";
  const auto decoded = decode_object(body, [](ObjectReader&) { return 0; });
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().errors.size(), FieldErrors::kMax);
}

}  // namespace
}  // namespace windfall::codec
