// Dates, instants, UTF-8, encodings and JSON output as text.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_in.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/codec/utf8.hpp"

namespace windfall::codec {
namespace {

using namespace std::string_literals;

TEST(TimeText, InstantsAreReadInEveryFormOfRfc3339AndWrittenInOne) {
  struct Row {
    const char* in;
    const char* out;  // nullptr: refused
  };
  const std::vector<Row> rows{
      {"2025-06-21T00:00:00.000Z", "2025-06-21T00:00:00.000Z"},
      {"2025-06-21T00:00:00Z", "2025-06-21T00:00:00.000Z"},
      {"2025-06-21T00:00:00.1Z", "2025-06-21T00:00:00.100Z"},
      {"2025-06-21T00:00:00.123456789Z", "2025-06-21T00:00:00.123Z"},
      {"2025-06-21T09:00:00+09:00", "2025-06-21T00:00:00.000Z"},
      {"2025-06-20T19:30:00.5-04:30", "2025-06-21T00:00:00.500Z"},
      {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
      {"0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"},
      {"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
      {"2024-02-29T12:34:56Z", "2024-02-29T12:34:56.000Z"},
      {"0000-01-01T00:00:00+00:01", nullptr},
      {"9999-12-31T23:59:59-00:01", nullptr},
      {"2025-06-21T00:00:00", nullptr},
      {"2025-06-21T00:00:00.Z", nullptr},
      {"2025-06-21T00:00:00.1234567890Z", nullptr},
      {"2025-06-21t00:00:00Z", nullptr},
      {"2025-06-21T00:00:00z", nullptr},
      {"2025-06-21 00:00:00Z", nullptr},
      {"2025-06-21T24:00:00Z", nullptr},
      {"2025-06-21T00:60:00Z", nullptr},
      {"2025-06-21T00:00:60Z", nullptr},
      {"2025-02-29T00:00:00Z", nullptr},
      {"2025-06-21T00:00:00+9:00", nullptr},
      {"2025-06-21T00:00:00+0900", nullptr},
      {"2025-06-21T00:00:00+24:00", nullptr},
      {"2025-06-21T00:00Z", nullptr},
      {" 2025-06-21T00:00:00Z", nullptr},
      {"2025-06-21T00:00:00Z ", nullptr},
      {"2025-06-21", nullptr},
      {"", nullptr},
  };
  for (const Row& row : rows) {
    const auto at = parse_instant(row.in);
    ASSERT_EQ(at.has_value(), row.out != nullptr) << row.in;
    if (at) {
      EXPECT_EQ(to_text(*at), row.out);
    }
  }
}

TEST(TimeText, DatesAreStrict) {
  EXPECT_EQ(parse_day("1970-01-01"), LocalDay{0});
  EXPECT_EQ(parse_day("2025-06-21"), LocalDay{20260});
  EXPECT_EQ(parse_day("1969-12-31"), LocalDay{-1});
  EXPECT_EQ(parse_day("2024-02-29"), LocalDay{19782});
  for (const char* text : {"2025-02-29", "2025-13-01", "2025-00-01", "2025-01-00", "2025-04-31", "2025-6-21",
                           "25-06-21", "2025/06/21", "2025-06-211", "2025-06-2x", " 2025-06-21", "+025-06-21", ""}) {
    EXPECT_EQ(parse_day(text), std::nullopt) << text;
  }
}

TEST(TimeText, WhatLiesBeyondFourDigitYearsIsWrittenAsTheNearestWithin) {
  EXPECT_EQ(to_text(kEndOfTime), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(to_text(kBeginningOfTime), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(to_text(LocalDay{INT32_MAX}), "9999-12-31");
  EXPECT_EQ(to_text(LocalDay{INT32_MIN}), "0000-01-01");
}

RC_GTEST_PROP(TimeText, EveryInstantReadsBackAsItself, ()) {
  const Instant at{*rc::gen::inRange<std::int64_t>(-62'167'219'200'000, 253'402'300'800'000)};
  RC_ASSERT(parse_instant(to_text(at)) == at);
}

RC_GTEST_PROP(TimeText, EveryDayReadsBackAsItself, ()) {
  const LocalDay day{*rc::gen::inRange<std::int32_t>(-719'528, 2'932'897)};
  RC_ASSERT(parse_day(to_text(day)) == day);
}

TEST(Utf8, OnlyTheShortestFormOfScalarValuesIsValid) {
  for (const char* good : {"", "a", "가나다", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678가"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe1\x80",
        "\xe1\x80\x41", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xf1\x80\x80"}) {
    EXPECT_EQ(first_bad_utf8("abcdefghij"s + bad), 10U) << to_hex(bytes_of(bad));
    EXPECT_EQ(first_bad_utf8(bad + "abcdefghij"s), 0U) << to_hex(bytes_of(bad));
  }
}

RC_GTEST_PROP(Utf8, EveryScalarValueIsOneCodePoint, ()) {
  const auto c = *rc::gen::suchThat(rc::gen::inRange<std::uint32_t>(0, 0x110000),
                                    [](std::uint32_t v) { return v < 0xD800 || v > 0xDFFF; });
  std::string text;
  const auto add = [&text](std::uint32_t byte) { text += static_cast<char>(static_cast<std::uint8_t>(byte)); };
  if (c < 0x80) {
    add(c);
  } else if (c < 0x800) {
    add(0xC0 | (c >> 6U)), add(0x80 | (c & 0x3FU));
  } else if (c < 0x10000) {
    add(0xE0 | (c >> 12U)), add(0x80 | ((c >> 6U) & 0x3FU)), add(0x80 | (c & 0x3FU));
  } else {
    add(0xF0 | (c >> 18U)), add(0x80 | ((c >> 12U) & 0x3FU)), add(0x80 | ((c >> 6U) & 0x3FU)), add(0x80 | (c & 0x3FU));
  }
  RC_ASSERT(is_utf8(text));
  RC_ASSERT(count_code_points(text) == 1U);
  RC_ASSERT(first_code_point(text + "x").value == c);
  RC_ASSERT(first_code_point(text + "x").bytes == text.size());
}

TEST(UserId, IsPrintableUtf8WithoutSpaces) {
  for (const std::string& good : {"a"s, "user-1"s, "철수"s, "😀"s, "a/b?c#d%"s, "\"quoted\""s, std::string(128, 'x')}) {
    EXPECT_TRUE(valid_user_id(good)) << good;
  }
  for (const std::string& bad : {""s,
                                 " "s,
                                 "a b"s,
                                 "a\tb"s,
                                 "a\n"s,
                                 "\0"s,
                                 "\x1f"s,
                                 "\x7f"s,
                                 "\xc2\x80"s,
                                 "\xc2\x85"s,
                                 "\xc2\x9f"s,
                                 "\xc2\xa0"s,
                                 "\xe1\x9a\x80"s,
                                 "\xe2\x80\x80"s,
                                 "\xe2\x80\x8a"s,
                                 "\xe2\x80\xa8"s,
                                 "\xe2\x80\xa9"s,
                                 "\xe2\x80\xaf"s,
                                 "\xe2\x81\x9f"s,
                                 "\xe3\x80\x80"s,
                                 "\xff"s,
                                 "a\xc3"s,
                                 std::string(129, 'x')}) {
    EXPECT_FALSE(valid_user_id(bad)) << to_hex(bytes_of(bad));
  }
}

TEST(UserId, OfWhoeverComesInShowsSomething) {
  for (const std::string& good :
       {"a"s, "u\u200b"s, "\u200bu"s, "\U0001F469\u200d\U0001F4BB"s, "\u2764\ufe0f"s, "\u3131"s}) {
    EXPECT_TRUE(visible_user_id(good)) << good;
  }
  for (const std::string& bad :
       {"\u200b"s, "\u200b\u200d\u2060"s, "\ufeff"s, "\u3164"s, "\u00ad"s, "\ufe0f"s, "\U000E0020"s}) {
    EXPECT_FALSE(visible_user_id(bad)) << to_hex(bytes_of(bad));
    EXPECT_TRUE(valid_user_id(bad)) << "it may stand in a log";
  }
  EXPECT_FALSE(visible_user_id("a b"));
  EXPECT_FALSE(visible_user_id(""));
}

TEST(Identifier, HasOneTo64PlainCharacters) {
  for (const std::string& good : {"1"s, "summer_2025-A"s, std::string(64, 'z')})
    EXPECT_TRUE(is_identifier(good)) << good;
  for (const std::string& bad : {""s, "a b"s, "a/b"s, "é"s, "a."s, std::string(65, 'z')})
    EXPECT_FALSE(is_identifier(bad)) << bad;
}

TEST(Encoding, HexIsLowerCaseAndStrict) {
  EXPECT_EQ(to_hex(bytes_of("\x00\xff\x1a"s)), "00ff1a");
  EXPECT_EQ(from_hex("00ff1a"), "\x00\xff\x1a"s);
  for (const char* bad : {"0", "0g", "FF", "0 "}) EXPECT_EQ(from_hex(bad), std::nullopt) << bad;
}

TEST(Encoding, Base64UrlHasNoPaddingAndOneSpellingPerValue) {
  EXPECT_EQ(to_base64url(bytes_of("")), "");
  EXPECT_EQ(to_base64url(bytes_of("f")), "Zg");
  EXPECT_EQ(to_base64url(bytes_of("fo")), "Zm8");
  EXPECT_EQ(to_base64url(bytes_of("foobar")), "Zm9vYmFy");
  EXPECT_EQ(to_base64url(bytes_of("\xfb\xff")), "-_8");
  EXPECT_EQ(from_base64url("-_8"), "\xfb\xff");
  for (const char* bad : {"Z", "Zh", "Zm9", "Zg==", "+_8", "Z g"}) EXPECT_EQ(from_base64url(bad), std::nullopt) << bad;
}

RC_GTEST_PROP(Encoding, AllBytesReadBack, (const std::string& bytes)) {
  RC_ASSERT(from_hex(to_hex(bytes_of(bytes))) == bytes);
  RC_ASSERT(from_base64url(to_base64url(bytes_of(bytes))) == bytes);
  RC_ASSERT(percent_decode(percent_encode(bytes)) == bytes);
}

TEST(Encoding, UuidsAreLowerCaseWithFourHyphens) {
  const Uuid uuid{0x01, 0x97, 0x90, 0x1e, 0x91, 0xa0, 0x7c, 0xc5, 0x98, 0xc4, 0x2e, 0x1f, 0x0a, 0x8b, 0x9c, 0x3d};
  EXPECT_EQ(to_uuid_text(uuid), "0197901e-91a0-7cc5-98c4-2e1f0a8b9c3d");
  EXPECT_EQ(from_uuid_text("0197901e-91a0-7cc5-98c4-2e1f0a8b9c3d"), uuid);
  for (const char* bad : {"", "0197901E-91a0-7cc5-98c4-2e1f0a8b9c3d", "0197901e91a07cc598c42e1f0a8b9c3d",
                          "0197901e-91a0-7cc5-98c4-2e1f0a8b9c3", "0197901e-91a0-7cc5-98c4-2e1f0a8b9c3dd",
                          "0197901e-91a07-cc5-98c4-2e1f0a8b9c3d", "-197901e-91a0-7cc5-98c4-2e1f0a8b9c3d"}) {
    EXPECT_EQ(from_uuid_text(bad), std::nullopt) << bad;
  }
}

TEST(Encoding, PercentDecodingIsStrict) {
  EXPECT_EQ(percent_decode("a%20b+c%EA%b0%80"), "a b+c가");
  for (const char* bad : {"%", "%2", "%zz", "a%2", "%%20"}) EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
  EXPECT_EQ(percent_encode("a/b 가~"), "a%2Fb%20%EA%B0%80~");
}

TEST(JsonOut, StringsEscapeControlsQuotesAndBackslashesOnly) {
  std::string out;
  append_json_string(out, "가\"\\/\b\f\n\r\t\x01\x1f\x7f<>\xe2\x80\xa8"s);
  EXPECT_EQ(out, "\"가\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f<>\xe2\x80\xa8\"");
}

RC_GTEST_PROP(JsonOut, WhatIsWrittenReadsBack, ()) {
  std::string text;
  for (const char c : *rc::gen::arbitrary<std::string>())
    text += static_cast<unsigned char>(c) < 0x80 ? std::string{c} : "가"s;
  std::string out;
  append_json_string(out, text);
  const auto parsed = parse_json(out);
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed->get_if<std::string>() == text);
}

TEST(JsonOut, ObjectsWriteTheirMembersInOrder) {
  std::string out;
  ObjectWriter writer(out);
  writer.text("a", "x")
      .integer("b", INT64_MIN)
      .boolean("c", true)
      .null("d")
      .integer_or_null("e", {})
      .text_or_null("f", {});
  append_json_array(writer.name("g"), std::vector<int>{1, 2}, [&out](int n) { append_json_integer(out, n); });
  writer.day("h", LocalDay{0}).instant("i", Instant{0}).close();
  EXPECT_EQ(
      out,
      R"({"a":"x","b":-9223372036854775808,"c":true,"d":null,"e":null,"f":null,"g":[1,2],"h":"1970-01-01","i":"1970-01-01T00:00:00.000Z"})");
}

}  // namespace
}  // namespace windfall::codec
