#include "adapters/http/auth/fetch.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <memory>

namespace windfall::http {

namespace {

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

/// The part, or an empty text if the URL has none.
std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool is_loopback(std::string host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

struct Body {
  std::string bytes;
  std::size_t limit = 0;
  bool too_long = false;
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto* body = static_cast<Body*>(user);
  if (body->bytes.size() + (size * count) > body->limit) {
    body->too_long = true;
    return 0;
  }
  body->bytes.append(data, size * count);
  return size * count;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto* stop = static_cast<const std::atomic<bool>*>(user);
  return stop != nullptr && stop->load() ? 1 : 0;
}

bool start_libcurl() {
  static const bool kStarted = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return kStarted;
}

}  // namespace

Result<std::string> checked_key_url(std::string_view url) {
  const auto bad = [](std::string_view what) {
    return fail(FailureCode::invalid, fmt::format("key set URL: {}", what));
  };
  const std::string text(url);
  const std::unique_ptr<CURLU, UrlFree> parsed(curl_url());
  if (!parsed) return fail(FailureCode::unavailable, "libcurl does not start");
  if (const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), 0); code != CURLUE_OK) {
    return bad(curl_url_strerror(code));
  }
  const std::string scheme = part(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") return bad("the scheme must be https");
  if (!part(parsed.get(), CURLUPART_USER).empty() || !part(parsed.get(), CURLUPART_PASSWORD).empty()) {
    return bad("a user or password in it would end up in logs");
  }
  if (scheme == "http" && !is_loopback(part(parsed.get(), CURLUPART_HOST))) {
    return bad("http is allowed to loopback only; use https");
  }
  return part(parsed.get(), CURLUPART_URL);
}

Result<std::string> fetch(const std::string& checked_url, const FetchLimits& limits) {
  const auto unavailable = [&](std::string_view why) {
    return fail(FailureCode::unavailable, fmt::format("{}: {}", checked_url, why));
  };
  const std::unique_ptr<CURL, EasyFree> easy(start_libcurl() ? curl_easy_init() : nullptr);
  if (!easy) return unavailable("libcurl does not start");
  Body body{.bytes = {}, .limit = limits.bytes};
  std::array<char, CURL_ERROR_SIZE> error{};
  curl_easy_setopt(easy.get(), CURLOPT_URL, checked_url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_USERAGENT, "Windfall");
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy.get(), CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy.get(), CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");  // never what the environment happens to say
  curl_easy_setopt(easy.get(), CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limits.timeout_ms));
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(easy.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy.get(), CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(easy.get(), CURLOPT_XFERINFODATA, limits.stop);

  const CURLcode code = curl_easy_perform(easy.get());
  if (body.too_long) return unavailable(fmt::format("more than {} bytes", limits.bytes));
  if (code != CURLE_OK) return unavailable(error.front() != '\0' ? error.data() : curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return unavailable(fmt::format("status {} instead of 200", status));
  return std::move(body.bytes);
}

}  // namespace windfall::http
