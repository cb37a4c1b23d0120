#include "adapters/http/api/static/invite_page.hpp"

#include "adapters/http/api/static/fill.hpp"
#include "embedded/invite_html.hpp"

namespace windfall::http {

namespace {

struct Words {
  std::string_view tag;
  std::string invited;
  std::string period;
  std::string gives;
  std::string how;
};

Words words_ko(const InvitePage& page) {
  Words words{.tag = "ko", .invited = "친구가 초대했어요", .period = {}, .gives = {}, .how = {}};
  words.period = page.first_day + " ~ " + page.last_day + " (" + html_text(page.timezone) + ")";
  if (page.over) {
    words.gives = "이 프로모션은 끝났습니다.";
    words.how = "초대 링크로 받을 수 있는 응모권이 더는 없습니다.";
    return words;
  }
  words.gives = "이 링크로 처음 참여하면 응모권 " + std::to_string(page.friend_tickets) + "장을 받고, 초대한 친구는 " +
                std::to_string(page.inviter_tickets) + "장을 받습니다.";
  words.how =
      "이 페이지를 여는 것만으로는 응모권이 지급되지 않습니다. 프로모션을 진행하는 앱이나 웹사이트에 로그인한 뒤 이 "
      "링크를 열어 주세요.";
  return words;
}

Words words_en(const InvitePage& page) {
  Words words{.tag = "en", .invited = "A friend has invited you", .period = {}, .gives = {}, .how = {}};
  words.period = page.first_day + " to " + page.last_day + " (" + html_text(page.timezone) + ")";
  if (page.over) {
    words.gives = "This promotion is over.";
    words.how = "There are no more tickets to be had by this link.";
    return words;
  }
  words.gives = "Who joins by this link for the first time gets tickets: " + std::to_string(page.friend_tickets) +
                " for you, " + std::to_string(page.inviter_tickets) + " for your friend.";
  words.how =
      "Opening this page alone grants nothing. Sign in to the app or site that runs the promotion, and open the link "
      "there.";
  return words;
}

}  // namespace

std::string invite_page(const InvitePage& page, Language preferred) {
  const bool ko = preferred == Language::ko;
  const Words first = ko ? words_ko(page) : words_en(page);
  const Words second = ko ? words_en(page) : words_ko(page);
  const std::string image = page.image_url.empty()
                                ? std::string()
                                : "<meta property=\"og:image\" content=\"" + html_text(page.image_url) + "\">\n";
  return fill(embedded::invite_html::bytes(), {{"lang", first.tag},
                                               {"title", html_text(page.title)},
                                               {"summary", first.invited + ". " + first.gives},
                                               {"url", html_text(page.url)},
                                               {"image", image},
                                               {"invited", first.invited},
                                               {"period", first.period},
                                               {"gives", first.gives},
                                               {"how", first.how},
                                               {"other-lang", second.tag},
                                               {"other-period", second.period},
                                               {"other-gives", second.gives},
                                               {"other-how", second.how}});
}

}  // namespace windfall::http
