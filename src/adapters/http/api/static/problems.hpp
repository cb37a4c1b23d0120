// What every refusal means, in both languages: the texts of problem answers and the pages at /problems that explain
// them. One source: the table in problem_text.cpp. Thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "adapters/http/api/language.hpp"

namespace windfall::http {

struct ProblemText {
  std::string_view code;  ///< "SOLD_OUT"
  int status = 0;         ///< the usual one; INVALID_REQUEST has others too
  std::string_view title_ko;
  std::string_view title_en;
  std::string_view detail_ko;  ///< said where the call has nothing more precise to say
  std::string_view detail_en;
  std::string_view explanation_ko;  ///< what it means and what to do
  std::string_view explanation_en;
};

/// Every code, in the order of the contract.
[[nodiscard]] std::span<const ProblemText> problem_texts();

/// The texts of a code such as "SOLD_OUT", or nullptr.
[[nodiscard]] const ProblemText* problem_text(std::string_view code);

/// "/problems/sold-out" for "SOLD_OUT": the `type` of a problem answer.
[[nodiscard]] std::string problem_type(std::string_view code);

/// The HTML page at /problems/<kebab>: both languages, the preferred one first. Empty if there is no such code.
[[nodiscard]] std::string problem_page(std::string_view kebab, Language preferred);

/// The HTML page at /problems: every code with its title and a link.
[[nodiscard]] std::string problem_index(Language preferred);

}  // namespace windfall::http
