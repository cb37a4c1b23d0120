// Files that the server serves as they are: the API description, its page, and what the pages need. All lie in the
// binary, live as long as the process and may be read from any thread.
#pragma once

#include <span>
#include <string_view>

#include "adapters/http/api/static/problems.hpp"  // what comes out of the binary comes from here, texts of refusals included

namespace windfall::http {

struct Asset {
  std::string_view path;  ///< as requested, such as "/docs"
  std::string_view content_type;
  std::string_view content_encoding;  ///< "gzip", or empty; there is no other form of such a file
  std::string_view bytes;
};

[[nodiscard]] std::span<const Asset> assets();

/// The asset at a path, or nullptr.
[[nodiscard]] const Asset* find_asset(std::string_view path);

/// Content-Security-Policy of the pages that explain refusals: no script, nothing from elsewhere.
inline constexpr std::string_view kPagePolicy =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Content-Security-Policy of /docs in this build. swagger-ui sets style attributes, shows pictures from data:
/// addresses and calls the API.
[[nodiscard]] std::string_view docs_policy();

}  // namespace windfall::http
