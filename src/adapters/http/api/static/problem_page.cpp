#include <algorithm>
#include <array>
#include <string>

#include "adapters/http/api/static/fill.hpp"
#include "adapters/http/api/static/problems.hpp"
#include "embedded/problem_html.hpp"
#include "embedded/problems_html.hpp"

namespace windfall::http {

namespace {

// Texts come from our own table and hold none of the characters that HTML reserves; problem_text.cpp asserts it.

/// The code with every `from` as `to` and its letters shifted by `shift`: SOLD_OUT <-> sold-out.
std::string respell(std::string_view text, char from, char to, int shift) {
  std::string result(text);
  for (char& c : result) c = c == from ? to : static_cast<char>(c + shift);
  return result;
}

constexpr int kToLower = 'a' - 'A';

std::string kebab_of(std::string_view code) { return respell(code, '_', '-', kToLower); }

bool is_kebab(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

struct Words {
  std::string_view tag;
  std::string_view title;
  std::string_view detail;
  std::string_view explanation;
};

Words words_of(const ProblemText& text, Language language) {
  if (language == Language::ko) return {"ko", text.title_ko, text.detail_ko, text.explanation_ko};
  return {"en", text.title_en, text.detail_en, text.explanation_en};
}

Language other_than(Language language) { return language == Language::ko ? Language::en : Language::ko; }

}  // namespace

std::string problem_type(std::string_view code) { return "/problems/" + kebab_of(code); }

std::string problem_page(std::string_view kebab, Language preferred) {
  if (!is_kebab(kebab)) return {};
  const ProblemText* text = problem_text(respell(kebab, '-', '_', -kToLower));
  if (text == nullptr) return {};
  const Words first = words_of(*text, preferred);
  const Words second = words_of(*text, other_than(preferred));
  return fill(embedded::problem_html::bytes(),
              {{"code", text->code},
               {"status", std::to_string(text->status)},
               {"lang", first.tag},
               {"title", first.title},
               {"detail", first.detail},
               {"explanation", first.explanation},
               {"other-lang", second.tag},
               {"other-title", second.title},
               {"other-detail", second.detail},
               {"other-explanation", second.explanation},
               {"all", preferred == Language::ko ? "모든 오류 보기" : "All refusals"}});
}

std::string problem_index(Language preferred) {
  std::string rows;
  for (const ProblemText& text : problem_texts()) {
    rows += "<tr><td><a href=\"/problems/" + kebab_of(text.code) + "\"><code>" + std::string(text.code) +
            "</code></a></td><td>" + std::to_string(text.status) + "</td><td>" +
            std::string(words_of(text, preferred).title) + "</td></tr>\n";
  }
  const bool ko = preferred == Language::ko;
  return fill(embedded::problems_html::bytes(),
              {{"lang", tag_of(preferred)},
               {"title", ko ? "Windfall API 오류" : "Refusals of the Windfall API"},
               {"intro", ko ? "요청이 거절되면 아무것도 바뀌지 않습니다. 코드를 누르면 뜻과 해결 방법을 볼 수 있습니다."
                            : "A refused call changes nothing. Each code leads to what it means and what to do."},
               {"code", ko ? "코드" : "Code"},
               {"status", ko ? "상태" : "Status"},
               {"meaning", ko ? "뜻" : "Meaning"},
               {"rows", rows}});
}

}  // namespace windfall::http
