#include "app/client/connection.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <string_view>
#include <utility>

namespace windfall::client {

namespace {

/// A server that is there accepts at once; a person is waiting.
constexpr long kConnectMs = 5'000;
/// The slowest answer is a timeline that first waits for the ledger to catch up.
constexpr long kTotalMs = 30'000;
/// The longest answer is a timeline of some thousand lines: about 1 MiB.
constexpr std::size_t kMaxAnswerBytes = std::size_t{16} * 1024 * 1024;

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, ListFree>;

void append(Headers& headers, const std::string& line) {
  curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
  if (longer == nullptr) return;
  static_cast<void>(headers.release());  // NOLINT(bugprone-unused-return-value): `longer` begins with it
  headers.reset(longer);
}

std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

/// The URL that paths are appended to.
Result<std::string> checked_base(const std::string& text) {
  const auto bad = [&](std::string_view what) {
    return fail(FailureCode::invalid, fmt::format("--url {}: {}", text, what));
  };
  const std::unique_ptr<CURLU, UrlFree> url(curl_url());
  if (!url) return fail(FailureCode::unavailable, "libcurl does not start");
  if (const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0); code != CURLUE_OK) {
    return bad(code == CURLUE_BAD_SCHEME ? "must start with http:// or https://" : curl_url_strerror(code));
  }
  const std::string scheme = part(url.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return bad("must start with http:// or https://");
  if (!part(url.get(), CURLUPART_USER).empty() || !part(url.get(), CURLUPART_PASSWORD).empty()) {
    return bad("takes no user or password; the key is given with --key");
  }
  if (!part(url.get(), CURLUPART_QUERY).empty() || !part(url.get(), CURLUPART_FRAGMENT).empty()) {
    return bad("takes no query or fragment");
  }
  std::string base = part(url.get(), CURLUPART_URL);
  while (base.ends_with('/')) base.pop_back();
  return base;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto* body = static_cast<std::string*>(user);
  if (body->size() + (size * count) > kMaxAnswerBytes) return 0;
  body->append(data, size * count);
  return size * count;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  constexpr std::string_view kEtag = "etag:";
  std::string_view line(data, size * count);
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 0x20 : a) == b; };
  if (line.size() > kEtag.size() &&
      std::equal(kEtag.begin(), kEtag.end(), line.begin(), [&](char b, char a) { return same(a, b); })) {
    line.remove_prefix(kEtag.size());
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    while (!line.empty() && std::string_view(" \t\r\n").find(line.back()) != std::string_view::npos)
      line.remove_suffix(1);
    *static_cast<std::string*>(user) = line;
  }
  return size * count;
}

}  // namespace

struct Connection::Impl {
  std::unique_ptr<CURL, EasyFree> easy;
  std::string base;
  std::string key;
  std::string language;
};

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const OperatorOptions& options) {
  static const bool kStarted = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  Result<std::string> base = checked_base(options.url);
  if (!base) return tl::unexpected(base.error());
  // Anything else could end the header and begin another one.
  if (std::ranges::any_of(options.key, [](char c) { return c <= 0x20 || c >= 0x7f; })) {
    return fail(FailureCode::invalid, "--key: a key is visible ASCII without spaces");
  }
  auto impl = std::make_unique<Impl>();
  impl->easy.reset(kStarted ? curl_easy_init() : nullptr);
  if (!impl->easy) return fail(FailureCode::unavailable, "libcurl does not start");
  impl->base = std::move(*base);
  impl->key = options.key;
  impl->language = language_of(options);
  return Connection(std::move(impl));
}

Result<Reply> Connection::send(const Request& request) {
  CURL* easy = impl_->easy.get();
  curl_easy_reset(easy);  // keeps the connection
  Headers headers;
  append(headers, "Accept: application/json, application/problem+json");
  append(headers, "Accept-Language: " + impl_->language);
  append(headers, "Expect:");  // bodies are small; waiting for 100 would only cost a round trip
  if (!impl_->key.empty()) append(headers, "Authorization: Bearer " + impl_->key);
  if (!request.if_match.empty()) append(headers, "If-Match: " + request.if_match);
  if (request.body) append(headers, "Content-Type: application/json");

  Reply reply;
  const std::string url = impl_->base + request.path;
  std::array<char, CURL_ERROR_SIZE> error{};
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // a user may be called ".."
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "Windfall");
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // never what the environment happens to say: the key is in the request
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, kTotalMs);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &reply.etag);
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method);
  if (request.body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body->data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
  }

  if (const CURLcode code = curl_easy_perform(easy); code != CURLE_OK) {
    return fail(FailureCode::unavailable, fmt::format("no answer from {}: {}", impl_->base,
                                                      error.front() != '\0' ? error.data() : curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  boost::json::error_code ec;
  reply.json = boost::json::parse(reply.body, ec);
  if (ec) reply.json = nullptr;
  return reply;
}

}  // namespace windfall::client
