#include "application/on_event/notification_text.hpp"

#include <utility>

namespace windfall {

Notification notification_of(const DueEffect& effect, std::string event_id) {
  Notification notification{.event_id = std::move(event_id),
                            .user_id = effect.user_id,
                            .promotion_id = effect.promotion_id,
                            .kind = {},
                            .title = {},
                            .body = {}};
  if (effect.kind == EffectKind::notification_win) {
    notification.kind = "WIN";
    notification.title = effect.promotion_title + " 당첨: " + effect.prize_name;
    notification.body = "축하합니다! ‘" + effect.prize_name + "’에 당첨되었습니다.\nYou won: " + effect.prize_name;
  } else {
    const std::string count = std::to_string(effect.amount);
    notification.kind = "TICKET_GRANTED";
    notification.title = effect.promotion_title + " 응모권 " + count + "장";
    notification.body =
        "응모권 " + count + "장을 받았습니다.\nYou received " + count + (effect.amount == 1 ? " ticket." : " tickets.");
  }
  return notification;
}

}  // namespace windfall
