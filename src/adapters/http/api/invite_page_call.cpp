// GET /i/{token}: where invite links point that begin at this server. Whoever reads it is nobody; it grants nothing.
#include "adapters/codec/time_text.hpp"
#include "adapters/http/api/api.hpp"
#include "adapters/http/api/page.hpp"
#include "adapters/http/api/static/invite_page.hpp"

namespace windfall::http {

Detached Api::get_invite_page(Call call) {
  if (wrong_query(call)) co_return;
  const std::optional<InviteTokens::Invite> invite = parts_.lottery.tokens.decode(call.parameter);
  std::optional<PromotionView> view;
  if (invite) {
    const Result<std::optional<PromotionView>> found = co_await parts_.browse.one(invite->promotion_id);
    if (!found) {
      send(call, failed(found.error(), call.language, call.request->path));
      co_return;
    }
    view = *found;
  }
  const auto* grant = view && view->definition->promotion.lottery
                          ? grant_of<InviteGrant>(*view->definition->promotion.lottery)
                          : nullptr;
  // One answer for every link that leads nowhere.
  if (grant == nullptr || !known_to_participants(view->definition->promotion)) {
    Answer none = page_answer(problem_page("invite-invalid", call.language), call.language);
    none.status = 404;
    send(call, std::move(none));
    co_return;
  }
  const Promotion& promotion = view->definition->promotion;
  InvitePage page{.title = promotion.title,
                  .image_url = promotion.image_url ? std::string_view(*promotion.image_url) : std::string_view(),
                  .first_day = codec::to_text(promotion.start),
                  .last_day = codec::to_text(promotion.end),
                  .timezone = promotion.timezone,
                  .over = view->status == Status::ended,
                  .friend_tickets = grant->friend_tickets,
                  .inviter_tickets = grant->inviter_tickets,
                  .url = parts_.hooks.public_url() + "/i/" + call.parameter};
  send(call, page_answer(invite_page(page, call.language), call.language));
}

}  // namespace windfall::http
