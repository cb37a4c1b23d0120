#include "adapters/http/api/static/assets.hpp"

#include <algorithm>
#include <array>

#include "embedded/openapi_json.hpp"
#include "embedded/pages_css.hpp"
#ifdef WINDFALL_DOCS_UI
#include "embedded/docs_html.hpp"
#include "embedded/initializer_js.hpp"
#include "embedded/swagger_ui_bundle_js.hpp"
#include "embedded/swagger_ui_css.hpp"
#else
#include "embedded/docs_plain_html.hpp"
#endif

namespace windfall::http {

namespace {

template <class File>
Asset at(std::string_view path) {
  return {.path = path,
          .content_type = File::content_type,
          .content_encoding = File::content_encoding,
          .bytes = File::bytes()};
}

}  // namespace

std::span<const Asset> assets() {
  static const std::array kAssets{
      at<embedded::openapi_json>("/openapi.json"),
      at<embedded::pages_css>("/docs/pages.css"),
#ifdef WINDFALL_DOCS_UI
      at<embedded::docs_html>("/docs"),
      at<embedded::initializer_js>("/docs/initializer.js"),
      at<embedded::swagger_ui_bundle_js>("/docs/swagger-ui-bundle.js"),
      at<embedded::swagger_ui_css>("/docs/swagger-ui.css"),
#else
      at<embedded::docs_plain_html>("/docs"),
#endif
  };
  return kAssets;
}

const Asset* find_asset(std::string_view path) {
  const std::span<const Asset> all = assets();
  const auto found = std::ranges::find(all, path, &Asset::path);
  return found == all.end() ? nullptr : &*found;
}

std::string_view docs_policy() {
#ifdef WINDFALL_DOCS_UI
  return "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src "
         "'self'; "
         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
#else
  return kPagePolicy;
#endif
}

}  // namespace windfall::http
