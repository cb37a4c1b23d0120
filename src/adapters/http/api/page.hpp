// Answers that are pages for people.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "adapters/http/api/call.hpp"
#include "adapters/http/api/static/assets.hpp"

namespace windfall::http {

inline std::string page_headers(std::string_view policy) {
  std::string headers = "Content-Security-Policy: ";
  headers += policy;
  headers += "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
  return headers;
}

inline Answer page_answer(std::string page, Language language) {
  return {.content_type = "text/html; charset=utf-8",
          .headers = page_headers(kPagePolicy).append(language_headers(language)),
          .body = std::move(page)};
}

}  // namespace windfall::http
