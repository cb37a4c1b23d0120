// Keys that change while the server runs: in a file, or behind a URL.
#include "adapters/http/auth/key_source.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "adapters/http/auth/fetch.hpp"
#include "auth/forging.hpp"
#include "transport/test_server.hpp"

namespace windfall::http {
namespace {

std::string set_named(std::string_view kid) {
  return key_set_of({test_keys().mac.jwk(R"("kid":")" + std::string(kid) + '"')});
}

class HandClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return kTestNow; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return ms; }
  std::int64_t ms = 1'000'000;
};

class FileKeysTest : public testing::Test {
 protected:
  FileKeysTest() { std::filesystem::create_directory(folder_); }
  ~FileKeysTest() override { std::filesystem::remove_all(folder_); }

  /// As an editor does it: a whole new file in the place of the old.
  void replace(std::string_view text) const {
    std::ofstream(folder_ / "new") << text;
    close_to_others(folder_ / "new");
    std::filesystem::rename(folder_ / "new", path_);
  }
  static void close_to_others(const std::filesystem::path& file) {
    std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  static void open_to_all(const std::filesystem::path& file) {
    std::filesystem::permissions(file, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  }
  std::unique_ptr<KeySource> open() {
    Result<std::unique_ptr<KeySource>> source = open_file_keys(path_.string(), clock_);
    EXPECT_TRUE(source);
    return source ? std::move(*source) : nullptr;
  }
  void a_look_later() { clock_.ms += kFileLookMs; }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("windfall-keys-" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  const std::filesystem::path path_ = folder_ / "jwks.json";
  HandClock clock_;
};

TEST_F(FileKeysTest, AreReadAgainWhenTheFileWasReplaced) {
  replace(set_named("a"));
  const std::unique_ptr<KeySource> source = open();
  EXPECT_TRUE(source->current()->has_kid("a"));
  replace(set_named("b"));
  EXPECT_TRUE(source->current()->has_kid("a")) << "a look a second is enough";
  a_look_later();
  EXPECT_TRUE(source->current()->has_kid("b"));
  EXPECT_FALSE(source->current()->has_kid("a"));
}

TEST_F(FileKeysTest, AreReadAgainWhenTheFileWasWrittenInPlace) {
  replace(set_named("a"));
  const std::unique_ptr<KeySource> source = open();
  std::ofstream(path_) << set_named("longer");
  a_look_later();
  EXPECT_TRUE(source->current()->has_kid("longer"));
}

TEST_F(FileKeysTest, StayTheSameObjectWhileTheFileDoes) {
  replace(set_named("a"));
  const std::unique_ptr<KeySource> source = open();
  const std::shared_ptr<const KeySet> first = source->current();
  for (int i = 0; i < 10; ++i) {
    a_look_later();
    EXPECT_EQ(first, source->current());
  }
}

TEST_F(FileKeysTest, StayInForceUntilThereAreGoodOnes) {
  replace(set_named("a"));
  const std::unique_ptr<KeySource> source = open();
  for (const std::string& text : {std::string("{\"keys\":["), std::string(), set_named("b").substr(0, 40)}) {
    replace(text);
    a_look_later();
    EXPECT_TRUE(source->current()->has_kid("a"));
  }
  std::filesystem::remove(path_);
  a_look_later();
  EXPECT_TRUE(source->current()->has_kid("a"));
  replace(set_named("c"));
  a_look_later();
  EXPECT_TRUE(source->current()->has_kid("c"));
}

TEST_F(FileKeysTest, WithASecretAreRefusedFromAFileThatEverybodyMayRead) {
  replace(set_named("a"));
  open_to_all(path_);
  const Result<std::unique_ptr<KeySource>> source = open_file_keys(path_.string(), clock_);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, FailureCode::invalid);
  EXPECT_EQ(source.error().message,
            path_.string() + ": holds a secret (an oct key) and everybody may read it; chmod o-rwx it");
}

TEST_F(FileKeysTest, ThatArePublicMayBeReadByEverybody) {
  replace(key_set_of({test_keys().rsa.jwk(R"("kid":"public")")}));
  open_to_all(path_);
  EXPECT_TRUE(open()->current()->has_kid("public"));
}

TEST_F(FileKeysTest, StayInForceWhileTheNewOnesAreASecretThatEverybodyMayRead) {
  replace(set_named("a"));
  const std::unique_ptr<KeySource> source = open();
  replace(set_named("b"));
  open_to_all(path_);
  a_look_later();
  EXPECT_TRUE(source->current()->has_kid("a"));
  EXPECT_FALSE(source->current()->has_kid("b"));
  replace(set_named("b"));  // the same, closed to others
  a_look_later();
  EXPECT_TRUE(source->current()->has_kid("b"));
}

TEST_F(FileKeysTest, RefuseAPipeInsteadOfWaitingForItsWriter) {
  ASSERT_EQ(0, mkfifo(path_.c_str(), 0600));
  const Result<std::unique_ptr<KeySource>> source = open_file_keys(path_.string(), clock_);
  ASSERT_FALSE(source);
  EXPECT_EQ(FailureCode::unavailable, source.error().code);
}

/// Serves what a test says, and counts.
class Issuer {
 public:
  Issuer() {
    server_.script([this](const Request& request, Responder responder) {
      ++requests;
      const std::lock_guard lock(mutex_);
      if (silent_) {
        waiting_.emplace(std::move(responder));
      } else if (request.path == "/jwks" || status_ != 200) {
        Response response{.status = status_, .content_type = "application/json", .headers = {}, .body = body_};
        if (status_ == 302) response.add_header("Location", url("/elsewhere"));
        responder.send(std::move(response));
      } else {
        responder.send(text(set_named("elsewhere")));
      }
    });
  }
  ~Issuer() {
    server_.on_loop([this] { waiting_.reset(); });
  }
  void serve(std::string body, int status = 200) {
    const std::lock_guard lock(mutex_);
    body_ = std::move(body);
    status_ = status;
    silent_ = false;
  }
  void fall_silent() {
    const std::lock_guard lock(mutex_);
    silent_ = true;
  }
  [[nodiscard]] std::string url(const std::string& path = "/jwks") const {
    return "http://127.0.0.1:" + std::to_string(server_.port) + path;
  }

  std::atomic<int> requests = 0;

 private:
  std::mutex mutex_;
  std::string body_ = set_named("a");
  int status_ = 200;
  bool silent_ = false;
  std::optional<Responder> waiting_;  ///< of the loop thread
  TestServer server_;                 ///< last: its thread uses the others
};

constexpr FetchRhythm kRarely{.every_ms = 3'600'000, .retry_ms = 3'600'000, .timeout_ms = 5000};
constexpr FetchRhythm kWhenMissed{.every_ms = 3'600'000, .retry_ms = 0, .timeout_ms = 5000};
constexpr FetchRhythm kOften{.every_ms = 1, .retry_ms = 1, .timeout_ms = 5000};

template <class Condition>
bool within(std::chrono::milliseconds patience, Condition condition) {
  for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}
template <class Condition>
bool eventually(Condition condition) {
  return within(std::chrono::seconds(10), condition);
}

std::unique_ptr<KeySource> opened(const Issuer& issuer, FetchRhythm rhythm) {
  Result<std::unique_ptr<KeySource>> source = open_url_keys(issuer.url(), rhythm);
  EXPECT_TRUE(source) << source.error().message;
  return std::move(*source);
}

TEST(UrlKeys, AreFetchedAtOnceAndThenRarely) {
  Issuer issuer;
  const std::unique_ptr<KeySource> source = opened(issuer, {});
  EXPECT_TRUE(source->current()->has_kid("a"));
  EXPECT_FALSE(within(std::chrono::milliseconds(100), [&] { return issuer.requests > 1; }));
}

TEST(UrlKeys, AreFetchedAgainWhenAKidIsUnknown) {
  Issuer issuer;
  const std::unique_ptr<KeySource> source = opened(issuer, kWhenMissed);
  issuer.serve(set_named("b"));
  EXPECT_TRUE(source->current()->has_kid("a"));
  source->missed();
  EXPECT_TRUE(eventually([&] { return source->current()->has_kid("b"); }));
}

TEST(UrlKeys, AreNotFetchedMoreOftenForAFloodOfUnknownKids) {
  Issuer issuer;
  const std::unique_ptr<KeySource> source = opened(issuer, kRarely);
  EXPECT_FALSE(within(std::chrono::milliseconds(100), [&] {
    source->missed();
    return issuer.requests > 1;
  }));
}

TEST(UrlKeys, AreFetchedAgainFromTimeToTimeAndStayTheSameObjectWhileTheTextDoes) {
  Issuer issuer;
  const std::unique_ptr<KeySource> source = opened(issuer, kOften);
  const std::shared_ptr<const KeySet> first = source->current();
  EXPECT_TRUE(eventually([&] { return issuer.requests > 3; }));
  EXPECT_EQ(first, source->current());
  issuer.serve(set_named("b"));
  EXPECT_TRUE(eventually([&] { return source->current()->has_kid("b"); }));
}

TEST(UrlKeys, StayInForceWhileTheIssuerFails) {
  Issuer issuer;
  const std::unique_ptr<KeySource> source = opened(issuer, kWhenMissed);
  issuer.serve("oops", 500);
  source->missed();
  EXPECT_TRUE(eventually([&] { return issuer.requests > 1; }));
  issuer.serve("no key set");
  EXPECT_TRUE(eventually([&] { return issuer.requests > 3; })) << "a failure is tried again without being asked";
  EXPECT_TRUE(source->current()->has_kid("a"));
  issuer.serve(set_named("b"));
  EXPECT_TRUE(eventually([&] { return source->current()->has_kid("b"); }));
}

TEST(UrlKeys, LetTheServerStopWhileTheIssuerIsSilent) {
  Issuer issuer;
  std::unique_ptr<KeySource> source = opened(issuer, {.every_ms = 3'600'000, .retry_ms = 0, .timeout_ms = 60'000});
  issuer.fall_silent();
  source->missed();
  ASSERT_TRUE(eventually([&] { return issuer.requests > 1; }));
  const auto begin = std::chrono::steady_clock::now();
  source.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(UrlKeys, AreUnavailableIfTheIssuerDoesNotGiveThem) {
  Issuer issuer;
  const auto refused = [&](const FetchRhythm& rhythm) {
    const Result<std::unique_ptr<KeySource>> source = open_url_keys(issuer.url(), rhythm);
    EXPECT_FALSE(source);
    return source ? Failure{} : source.error();
  };
  for (const int status : {201, 302, 404, 500}) {
    issuer.serve(set_named("a"), status);
    const Failure failure = refused(kRarely);
    EXPECT_EQ(FailureCode::unavailable, failure.code);
    EXPECT_NE(std::string::npos, failure.message.find("status " + std::to_string(status))) << failure.message;
  }
  EXPECT_EQ(4, issuer.requests) << "the redirect was not followed";

  issuer.serve(set_named("a") + std::string(KeySet::kMaxBytes, ' '));
  EXPECT_NE(std::string::npos, refused(kRarely).message.find("more than 262144 bytes"));

  issuer.fall_silent();
  EXPECT_EQ(FailureCode::unavailable, refused({.every_ms = 1, .retry_ms = 1, .timeout_ms = 100}).code);

  issuer.serve("no key set");
  EXPECT_EQ(FailureCode::invalid, refused(kRarely).code);
}

TEST(UrlKeys, AreNotTakenFromAServerThatDoesNotSpeakTls) {
  Issuer issuer;
  std::string url = issuer.url();
  url.replace(0, 4, "https");
  const Result<std::unique_ptr<KeySource>> source = open_url_keys(url, kRarely);
  ASSERT_FALSE(source);
  EXPECT_EQ(FailureCode::unavailable, source.error().code);
}

TEST(KeyUrl, IsHttpsOrHttpToLoopback) {
  for (const char* good :
       {"https://issuer.example/jwks", "https://issuer.example/jwks?policy=p", "HTTPS://issuer.example/jwks",
        "http://localhost:8080/jwks", "http://127.0.0.1/jwks", "http://127.9.9.9/jwks", "http://[::1]:1/jwks"}) {
    EXPECT_TRUE(checked_key_url(good)) << good;
  }
  for (const char* bad : {"http://issuer.example/jwks", "http://10.0.0.1/jwks", "http://0.0.0.0/jwks",
                          "http://localhost.evil.example/jwks", "http://127.0.0.1.evil.example/", "http://[::2]/jwks",
                          "ftp://localhost/jwks", "file:///etc/jwks.json", "gopher://localhost/",
                          "https://user@issuer.example/jwks", "https://user:pw@issuer.example/jwks", "https://", "://",
                          "https://issuer example/jwks", "http://issuer.example#@localhost/"}) {
    const Result<std::string> checked = checked_key_url(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(FailureCode::invalid, checked.error().code) << bad;
  }
}

}  // namespace
}  // namespace windfall::http
