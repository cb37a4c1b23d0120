// Templates of pages: {{name}} stands for a text.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace windfall::http {

/// One placeholder of a template, written {{name}}.
struct Filling {
  std::string_view name;
  std::string_view text;
};

/// The page with every placeholder replaced. Texts are put in as they are: whatever did not come out of this binary
/// has to pass through html_text() first.
[[nodiscard]] std::string fill(std::string_view page, std::initializer_list<Filling> fillings);

/// The text as HTML shows it, between tags and within quoted attributes.
[[nodiscard]] std::string html_text(std::string_view text);

}  // namespace windfall::http
