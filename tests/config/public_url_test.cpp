#include "app/public_url.hpp"

#include <gtest/gtest.h>

namespace windfall::app {
namespace {

TEST(PublicUrl, IsKeptWithoutTheSlashAtItsEnd) {
  struct Row {
    const char* text;
    const char* url;
  };
  for (const Row& row : {Row{"https://events.example.com", "https://events.example.com"},
                         Row{"https://events.example.com/", "https://events.example.com"},
                         Row{"https://example.com/promo//", "https://example.com/promo"},
                         Row{"http://localhost:8080", "http://localhost:8080"},
                         Row{"https://[2001:db8::1]/x", "https://[2001:db8::1]/x"},
                         Row{"https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"},
                         Row{"https://example.com/a%20b", "https://example.com/a%20b"}}) {
    const Result<std::string> url = parse_public_url(row.text);
    ASSERT_TRUE(url) << row.text << ": " << url.error().message;
    EXPECT_EQ(*url, row.url);
  }
}

TEST(PublicUrl, ThatMakesNoLinksIsRefused) {
  for (const char* text : {"events.example.com",
                           "ftp://example.com",
                           "javascript:alert(1)",
                           "https://",
                           "https:///x",
                           "https://a b",
                           "https://example.com:",
                           "https://example.com:0",
                           "https://example.com:70000",
                           "https://example.com:80x",
                           "https://user@example.com",
                           "https://user:word@example.com",
                           "https://example.com?x=1",
                           "https://example.com#x",
                           "https://[::1",
                           "https://::1",
                           "https://example.com/a b",
                           "https://example.com/\"",
                           "https://example.com/%2",
                           "https://example.com/%zz",
                           "https://example.com/\r\nX: y",
                           "https://-example.com",
                           "HTTPS://example.com"}) {
    const Result<std::string> url = parse_public_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, FailureCode::invalid);
    EXPECT_NE(url.error().message.find(text), std::string::npos) << url.error().message;
  }
  EXPECT_FALSE(parse_public_url("https://example.com/" + std::string(600, 'x')));
}

}  // namespace
}  // namespace windfall::app
