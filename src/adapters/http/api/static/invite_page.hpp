// The page behind an invite link that points at this server: what the friend was invited to, and how to get there. It
// knows nobody and grants nothing; link previews read its Open Graph tags.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/http/api/language.hpp"

namespace windfall::http {

struct InvitePage {
  std::string_view title;  ///< of the promotion, as its operator wrote it
  std::string_view image_url;
  std::string first_day;
  std::string last_day;
  std::string_view timezone;
  bool over = false;
  std::int64_t friend_tickets = 0;
  std::int64_t inviter_tickets = 0;
  std::string url;  ///< of the link itself
};

/// HTML, both languages, the preferred one first.
[[nodiscard]] std::string invite_page(const InvitePage& page, Language preferred);

}  // namespace windfall::http
