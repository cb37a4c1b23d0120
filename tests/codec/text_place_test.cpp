#include "adapters/codec/text_place.hpp"

#include <gtest/gtest.h>

#include <string>

namespace windfall::codec {
namespace {

TEST(TextPlace, LinesAndCharactersCountFromOne) {
  EXPECT_EQ(english(place_at("", 0)), "line 1, column 1");
  EXPECT_EQ(english(place_at("a\n나b", 2)), "line 2, column 1");
  EXPECT_EQ(english(place_at("a\n나b", 5)), "line 2, column 2") << "characters, not bytes";
  EXPECT_EQ(english(place_at("a\n", 99)), "line 2, column 1");
  EXPECT_EQ(korean({.line = 3, .column = 14}), "3행 14열");
}

TEST(TextPlace, APointerLeadsToItsValue) {
  const std::string json = R"({
  "title": "a, \"}{\\", "deep": {"startDate": {"x": [1, {"y": -1.5e3}]}},
  "startDate" :  "2025",
  "rules": [ true, {"a/b": null, "m~n": 1}, [], "\u00e9" ],
  "\u0061": 7
})";
  struct Row {
    const char* pointer;
    const char* place;
  };
  for (const Row& row : {
           Row{"", "line 1, column 1"},
           Row{"/title", "line 2, column 12"},
           Row{"/deep/startDate/x/1/y", "line 2, column 63"},
           Row{"/startDate", "line 3, column 18"},
           Row{"/rules", "line 4, column 12"},
           Row{"/rules/0", "line 4, column 14"},
           Row{"/rules/1/a~1b", "line 4, column 28"},
           Row{"/rules/1/m~0n", "line 4, column 41"},
           Row{"/rules/2", "line 4, column 45"},
           Row{"/rules/3", "line 4, column 49"},
           Row{"/a", "line 5, column 13"},
       }) {
    EXPECT_EQ(english(place_of(json, row.pointer)), row.place) << row.pointer;
  }
}

TEST(TextPlace, WhatIsMissingIsMissingInItsContainer) {
  const std::string json = "{\"a\": 1,\n \"b\": [{},\n {\"c\": 2}]}";
  EXPECT_EQ(english(place_of(json, "/title")), "line 1, column 1");
  EXPECT_EQ(english(place_of(json, "/b/1/d")), "line 3, column 2");
  EXPECT_EQ(english(place_of(json, "/b/1/c/d")), "line 3, column 8");
  EXPECT_EQ(english(place_of(json, "/b/2")), "line 2, column 7");
  EXPECT_EQ(english(place_of(json, "no pointer")), "line 1, column 1");
  EXPECT_EQ(english(place_of("\n []", "/0")), "line 2, column 2");
  EXPECT_EQ(english(place_of("7", "/a")), "line 1, column 1");
}

TEST(TextPlace, ATextThatIsNoJsonHarmsNobody) {
  for (const std::string text :
       {"", "{", "{\"a", "{\"a\\", "[1,", "{\"a\":", "}", "{,", "[\"", "{1:2}", "{\"a\" \"b\""}) {
    for (const char* pointer : {"", "/a", "/a/b", "/0", "/1"}) EXPECT_GE(place_of(text, pointer).line, 1) << text;
  }
}

}  // namespace
}  // namespace windfall::codec
