#include "adapters/partner/partner_url.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <memory>

namespace windfall::partner {

namespace {

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
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

}  // namespace

Result<std::string> checked_partner_url(std::string_view url) {
  const std::string text(url);
  const auto bad = [](std::string_view what) { return fail(FailureCode::invalid, std::string(what)); };
  const std::unique_ptr<CURLU, UrlFree> parsed(curl_url());
  if (const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), 0); code != CURLUE_OK) {
    return bad(curl_url_strerror(code));
  }
  const std::string scheme = part(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") return bad("the scheme must be https");
  if (!part(parsed.get(), CURLUPART_USER).empty() || !part(parsed.get(), CURLUPART_PASSWORD).empty()) {
    return bad("a user or password in it would end up in logs");
  }
  if (text.find_first_of("?#") != std::string::npos)
    return bad("paths are appended to it, so it has no query or fragment");
  if (scheme == "http" && !is_loopback(part(parsed.get(), CURLUPART_HOST))) {
    return bad("http is allowed to loopback only; use https");
  }
  std::string whole = part(parsed.get(), CURLUPART_URL);
  while (whole.ends_with('/')) whole.pop_back();
  return whole;
}

}  // namespace windfall::partner
