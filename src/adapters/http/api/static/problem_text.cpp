// The catalogue of refusals. Titles are short enough for a toast; details address the person who made the call;
// explanations address whoever reads the page, often an engineer.
#include <algorithm>
#include <array>

#include "adapters/http/api/static/problems.hpp"

namespace windfall::http {

namespace {

// clang-format off
constexpr std::array kTexts{
    ProblemText{
        .code = "SOLD_OUT", .status = 409,
        .title_ko = "모두 소진되었습니다",
        .title_en = "Sold out",
        .detail_ko = "준비된 수량이 모두 소진되었습니다.",
        .detail_en = "Everything that was on offer is gone.",
        .explanation_ko = "scope가 TOTAL이면 프로모션 전체 수량이, DAY이면 오늘 수량이 모두 소진된 것입니다. 오늘 수량은 다음 날이 시작되는 retryAt에 "
                          "다시 채워지며, 그날이 프로모션 기간을 벗어나면 retryAt은 null입니다. alreadyParticipated는 이 사용자가 오늘 이미 "
                          "참여했는지를 알려 줍니다.",
        .explanation_en = "With scope TOTAL the stock of the whole promotion is used up, with DAY only today’s. Today’s stock comes back at retryAt, "
                          "when the next day begins; retryAt is null if that day lies past the end. alreadyParticipated tells whether this user "
                          "has joined today."},
    ProblemText{
        .code = "CONDITION_NOT_MET", .status = 403,
        .title_ko = "참여 조건에 맞지 않습니다",
        .title_en = "A condition is not met",
        .detail_ko = "이 프로모션의 참여 조건을 충족하지 않습니다.",
        .detail_en = "You do not meet the conditions of this promotion.",
        .explanation_ko = "프로모션의 joinTypes를 순서대로 확인하며, condition은 그중 처음으로 충족되지 않은 조건의 이름입니다. 조건은 프로모션 조회에서 "
                          "볼 수 있습니다. 선행 프로모션에 참여하는 등 조건을 충족한 뒤 다시 시도해 주세요.",
        .explanation_en = "The joinTypes of the promotion are checked in their order; condition names the first that does not hold. The promotion "
                          "itself shows what each asks for. Try again once the condition holds, for example after joining the promotion that "
                          "has to come first."},
    ProblemText{
        .code = "ALREADY_PARTICIPATED", .status = 409,
        .title_ko = "오늘 이미 참여하셨습니다",
        .title_en = "Already joined today",
        .detail_ko = "하루에 한 번만 참여할 수 있습니다.",
        .detail_en = "You can join once a day.",
        .explanation_ko = "한 사용자는 같은 프로모션에 하루 한 번만 참여할 수 있으며, 하루는 프로모션의 시간대를 기준으로 합니다. day가 이미 참여한 "
                          "날짜입니다. 다음 날 다시 참여할 수 있습니다.",
        .explanation_en = "A user can join a promotion once a day, where days are those of the promotion’s time zone. day is the date that is "
                          "taken. The user can join again the next day."},
    ProblemText{
        .code = "PROMOTION_NOT_FOUND", .status = 404,
        .title_ko = "프로모션을 찾을 수 없습니다",
        .title_en = "No such promotion",
        .detail_ko = "이 ID의 프로모션이 없습니다.",
        .detail_en = "There is no promotion with this id.",
        .explanation_ko = "주소에 적은 ID의 프로모션이 없습니다. 아직 공개하지 않은 초안도 참여자에게는 없는 것으로 보입니다. ID를 확인해 주세요.",
        .explanation_en = "No promotion has the id in the address. A draft that is not published yet is unknown to participants too. Please "
                          "check the id."},
    ProblemText{
        .code = "OUTSIDE_PERIOD", .status = 409,
        .title_ko = "프로모션 기간이 아닙니다",
        .title_en = "Outside the period",
        .detail_ko = "지금은 프로모션 기간이 아닙니다.",
        .detail_en = "The promotion is not running now.",
        .explanation_ko = "프로모션이 아직 시작되지 않았거나 이미 종료되었습니다. startDate와 endDate는 첫날과 마지막 날이며 두 날 모두 기간에 "
                          "포함됩니다. 운영자가 기간 중에 종료한 경우에도 이 오류가 반환됩니다.",
        .explanation_en = "The promotion has not started yet or is over. startDate and endDate are its first and last day, both inclusive. A "
                          "promotion that an operator has ended early answers this too."},
    ProblemText{
        .code = "PROMOTION_PAUSED", .status = 409,
        .title_ko = "프로모션이 일시 중지되었습니다",
        .title_en = "The promotion is paused",
        .detail_ko = "프로모션이 잠시 중지되었습니다. 나중에 다시 시도해 주세요.",
        .detail_en = "The promotion is paused. Please try again later.",
        .explanation_ko = "운영자가 이 프로모션 또는 전체 프로모션을 일시 중지했습니다. 지금까지의 참여와 적립은 그대로이며, 재개되면 다시 참여할 수 "
                          "있습니다.",
        .explanation_en = "An operator has paused this promotion, or all of them. What was joined and earned so far stands; joining is possible "
                          "again once it is resumed."},
    ProblemText{
        .code = "NOT_JOINABLE", .status = 409,
        .title_ko = "이 프로모션에서는 할 수 없습니다",
        .title_en = "Not possible in this promotion",
        .detail_ko = "이 프로모션은 이 방식의 참여를 지원하지 않습니다.",
        .detail_en = "This promotion does not work that way.",
        .explanation_ko = "추첨 프로모션에는 직접 참여할 수 없고 방문과 초대로 응모권을 받습니다. 반대로 추첨이 없는 프로모션에는 방문, 초대, 응모권, "
                          "추첨이 없습니다. 프로모션의 lottery 항목을 확인해 주세요.",
        .explanation_en = "A lottery promotion is not joined directly: visits and invites earn tickets. A promotion without a lottery, in turn, "
                          "has no visits, invites, tickets or draws. Please look at the member lottery of the promotion."},
    ProblemText{
        .code = "ALREADY_WON", .status = 409,
        .title_ko = "이미 당첨되셨습니다",
        .title_en = "Already won",
        .detail_ko = "이 프로모션에서 당첨될 수 있는 횟수를 모두 채우셨습니다. 응모권은 사용되지 않았습니다.",
        .detail_en = "You have won as often as this promotion allows. Your ticket was not used.",
        .explanation_ko = "사용자마다 당첨될 수 있는 횟수(maxWinsPerUser)가 정해져 있습니다. 응모권은 그대로 남아 있습니다.",
        .explanation_en = "Each user can win maxWinsPerUser times. The ticket is kept."},
    ProblemText{
        .code = "NO_TICKET", .status = 409,
        .title_ko = "응모권이 없습니다",
        .title_en = "No ticket",
        .detail_ko = "사용할 수 있는 응모권이 없습니다.",
        .detail_en = "You have no ticket left.",
        .explanation_ko = "추첨에는 응모권이 한 장 필요하며, held는 지금 가진 응모권의 수입니다. 방문하거나 친구를 초대하면 응모권을 받을 수 있습니다. "
                          "운영자의 회수는 가진 수보다 많을 수 없습니다.",
        .explanation_en = "A draw takes one ticket; held is how many there are. Visits and invites earn more. An operator cannot take more "
                          "tickets than a user holds."},
    ProblemText{
        .code = "INVITE_INVALID", .status = 404,
        .title_ko = "올바르지 않은 초대 링크입니다",
        .title_en = "The invite link is not valid",
        .detail_ko = "초대 링크를 다시 확인해 주세요.",
        .detail_en = "Please check the invite link.",
        .explanation_ko = "초대 토큰이 이 서비스에서 만든 것이 아니거나 일부가 바뀌었습니다. 링크 전체를 그대로 복사했는지 확인하고, 필요하면 친구에게 "
                          "다시 보내 달라고 요청해 주세요.",
        .explanation_en = "The token was not made by this installation, or a part of it was changed. Please make sure that the whole link was "
                          "copied, or ask for it again."},
    ProblemText{
        .code = "BLOCKED", .status = 403,
        .title_ko = "참여가 제한되었습니다",
        .title_en = "Participation is restricted",
        .detail_ko = "참여가 제한된 계정입니다. 고객센터에 문의해 주세요.",
        .detail_en = "This account cannot take part. Please contact customer service.",
        .explanation_ko = "운영자가 이 사용자의 참여를 제한했습니다. 잘못된 조치라고 생각되면 고객센터에 문의해 주세요. 운영자는 차단 목록에서 해제할 수 "
                          "있습니다.",
        .explanation_en = "An operator has put this user on the block list. Whoever thinks that is a mistake should contact customer service; "
                          "operators can take the user off the list."},
    ProblemText{
        .code = "UNAUTHENTICATED", .status = 401,
        .title_ko = "인증이 필요합니다",
        .title_en = "Authentication is required",
        .detail_ko = "올바른 인증 정보를 보내 주세요.",
        .detail_en = "Please send valid credentials.",
        .explanation_ko = "인증 정보가 없거나, 만료되었거나, 이 호출에 쓸 수 없는 종류입니다. 참여자는 JWT를 Authorization: Bearer 헤더로 보내거나 "
                          "게이트웨이 키와 함께 X-User-Id 헤더를 보냅니다. 운영자는 운영자 키를 보냅니다. 운영자 키로는 참여자 호출을 할 수 없습니다.",
        .explanation_en = "There are no credentials, or they have expired or are not of the kind that this call takes. Participants send a JWT as "
                          "Authorization: Bearer, or X-User-Id beside the key of their gateway; operators send their key. An operator’s key does "
                          "not work for participants’ calls."},
    ProblemText{
        .code = "FORBIDDEN", .status = 403,
        .title_ko = "권한이 없습니다",
        .title_en = "Not allowed",
        .detail_ko = "이 작업에 필요한 권한이 없습니다.",
        .detail_en = "You do not have the role this call needs.",
        .explanation_ko = "키의 역할로는 이 작업을 할 수 없습니다. viewer는 조회와 모의 실행, operator는 그 밖의 운영 작업, admin은 키 관리와 개인정보 "
                          "삭제, 복구까지 할 수 있습니다. 참여자는 자기 자신에 관한 이벤트만 보낼 수 있습니다.",
        .explanation_en = "The role of the key does not allow this. A viewer reads and makes dry runs, an operator does the daily work, and an "
                          "admin also manages keys, erases people and repairs. Participants may send events about themselves only."},
    ProblemText{
        .code = "RATE_LIMITED", .status = 429,
        .title_ko = "요청이 너무 많습니다",
        .title_en = "Too many requests",
        .detail_ko = "요청이 너무 잦습니다. 잠시 후 다시 시도해 주세요.",
        .detail_en = "You are sending requests too quickly. Please try again in a moment.",
        .explanation_ko = "한 사용자가 짧은 시간에 보낼 수 있는 요청의 수를 넘었습니다. Retry-After 헤더의 시간(초)이 지난 뒤 다시 시도해 주세요.",
        .explanation_en = "More requests came from one user than are allowed in so short a time. Please wait as many seconds as Retry-After says."},
    ProblemText{
        .code = "OVERLOADED", .status = 503,
        .title_ko = "지금은 처리할 수 없습니다",
        .title_en = "Busy at the moment",
        .detail_ko = "지금은 요청을 처리할 수 없습니다. 잠시 후 다시 시도해 주세요.",
        .detail_en = "We cannot handle this right now. Please try again in a moment.",
        .explanation_ko = "서버가 처리할 수 있는 양을 넘었거나 필요한 시스템이 잠시 응답하지 않습니다. Retry-After 헤더의 시간(초)이 지난 뒤 다시 시도해 "
                          "주세요. 같은 Idempotency-Key로 다시 보내면 두 번 처리되지 않습니다.",
        .explanation_en = "There is more to do than this server can take, or something it needs does not answer. Please wait as many seconds as "
                          "Retry-After says. Sent again with the same Idempotency-Key, nothing is done twice."},
    ProblemText{
        .code = "NOT_FOUND", .status = 404,
        .title_ko = "찾을 수 없습니다",
        .title_en = "Not found",
        .detail_ko = "이 주소에서는 아무것도 찾을 수 없습니다.",
        .detail_en = "There is nothing at this address.",
        .explanation_ko = "주소가 틀렸거나 대상이 없거나 아직 보여 줄 것이 없습니다. 운영자용 호출은 별도의 주소에서 제공될 수 있고, 개발용 호출은 개발 "
                          "모드에서만 쓸 수 있습니다.",
        .explanation_en = "The address is wrong, what it names does not exist, or there is nothing to show yet. Calls for operators may be served "
                          "at an address of their own, and those for development exist in development mode only."},
    ProblemText{
        .code = "METHOD_NOT_ALLOWED", .status = 405,
        .title_ko = "지원하지 않는 메서드입니다",
        .title_en = "Method not allowed",
        .detail_ko = "이 주소에서는 지원하지 않는 HTTP 메서드입니다.",
        .detail_en = "This address does not take that HTTP method.",
        .explanation_ko = "주소는 맞지만 HTTP 메서드가 다릅니다. 쓸 수 있는 메서드는 Allow 헤더에 있습니다.",
        .explanation_en = "The address exists, the HTTP method is another one. The header Allow lists those that work."},
    ProblemText{
        .code = "INVALID_REQUEST", .status = 422,
        .title_ko = "요청이 올바르지 않습니다",
        .title_en = "The request is not valid",
        .detail_ko = "요청 내용을 확인해 주세요.",
        .detail_en = "Please check the request.",
        .explanation_ko = "errors에 잘못된 항목이 모두 나열됩니다. pointer는 본문 안의 위치(RFC 6901)이거나 매개변수 또는 헤더의 이름입니다. 알 수 없는 "
                          "항목은 무시되지 않고 거절됩니다. 상태가 400이면 본문이 JSON이 아니고, 413이면 본문이 너무 크며, 415이면 Content-Type이 "
                          "다르고, 431이면 헤더가 너무 큽니다.",
        .explanation_en = "errors lists everything that is wrong. A pointer is a place in the body (RFC 6901), or the name of a parameter or header. "
                          "Unknown members are refused, not ignored. With status 400 the body is not JSON, with 413 it is too large, with 415 its "
                          "Content-Type is another one, and with 431 the headers are too large."},
    ProblemText{
        .code = "ID_TAKEN", .status = 409,
        .title_ko = "이미 사용 중인 ID입니다",
        .title_en = "The id is taken",
        .detail_ko = "같은 ID의 프로모션이 이미 있습니다.",
        .detail_en = "Another promotion already has this id.",
        .explanation_ko = "프로모션 ID는 한 번만 쓸 수 있습니다. 다른 ID를 지정하거나 id를 생략하면 새로 만들어집니다.",
        .explanation_en = "A promotion’s id can be used once. Choose another one, or leave id out and one is made."},
    ProblemText{
        .code = "STALE", .status = 412,
        .title_ko = "그사이 변경되었습니다",
        .title_en = "Changed meanwhile",
        .detail_ko = "다른 변경이 먼저 반영되었습니다. 다시 조회한 뒤 시도해 주세요.",
        .detail_en = "Another change came first. Please read it again and retry.",
        .explanation_ko = "If-Match로 보낸 ETag가 현재 상태와 다릅니다. 다시 조회해 그사이의 변경을 확인하고 새 ETag로 보내 주세요. 현재 상태와 관계없이 "
                          "바꾸려면 If-Match에 *를 보냅니다.",
        .explanation_en = "The ETag in If-Match is not the present one. Read the promotion again, look at what has changed, and send the new ETag. "
                          "If-Match with * changes it whatever it is now."},
    ProblemText{
        .code = "PRECONDITION_REQUIRED", .status = 428,
        .title_ko = "If-Match 헤더가 필요합니다",
        .title_en = "If-Match is required",
        .detail_ko = "조회할 때 받은 ETag를 If-Match 헤더로 보내 주세요.",
        .detail_en = "Please send the ETag you received as If-Match.",
        .explanation_ko = "두 사람이 동시에 수정해 서로의 변경을 덮어쓰지 않도록, 변경할 때는 조회에서 받은 ETag가 필요합니다.",
        .explanation_en = "A change needs the ETag of what it is based on, so that two people do not overwrite each other’s work."},
    ProblemText{
        .code = "IN_PROGRESS", .status = 409,
        .title_ko = "이미 진행 중입니다",
        .title_en = "Already in progress",
        .detail_ko = "이미 진행 중이어서 지금은 바꿀 수 없습니다.",
        .detail_en = "This has begun and cannot be changed now.",
        .explanation_ko = "시작된 프로모션은 제목, 내용, 이미지, 상태, 수량, 보상, 종료일만 바꿀 수 있습니다. 코드를 넣은 경품은 시작 전에도 prizeId, "
                          "kind, 순서를 바꾸거나 뺄 수 없습니다. errors가 있으면 바꿀 수 없는 항목을 알려 줍니다. 적립이 끝나지 않은 사용자의 삭제처럼 진행 중인 일이 있는 작업은 그 일이 끝난 뒤 다시 시도해 주세요. "
                          "couponStatus가 있으면 쿠폰이 그 상태라서 할 수 없는 작업입니다.",
        .explanation_en = "Of a promotion that has begun only title, content, image, status, limits, reward and end date may change, and a prize whose codes have been "
                          "imported keeps its id, kind and place even before; errors, if there, names what may not. An action that waits for something else, such as erasing a person whose accrual is still "
                          "open, works once that is finished. couponStatus, if there, is the status of a coupon that does not allow it."},
    ProblemText{
        .code = "COUPON_NOT_FOUND", .status = 404,
        .title_ko = "쿠폰을 찾을 수 없습니다",
        .title_en = "No such coupon",
        .detail_ko = "이 ID의 쿠폰이 없습니다.",
        .detail_en = "You have no coupon with this id.",
        .explanation_ko = "주소에 적은 ID의 쿠폰이 없거나 다른 사용자의 쿠폰입니다. 내 쿠폰 목록에서 ID를 확인해 주세요.",
        .explanation_en = "No coupon has the id in the address, or it belongs to somebody else. The list of one’s own coupons has the ids."},
};
// clang-format on

/// The pages take these texts as they are.
constexpr bool safe_in_html(std::string_view text) { return text.find_first_of("<>&\"'{}") == std::string_view::npos; }

static_assert(std::ranges::all_of(kTexts, [](const ProblemText& text) {
  return safe_in_html(text.code) && safe_in_html(text.title_ko) && safe_in_html(text.title_en) &&
         safe_in_html(text.detail_ko) && safe_in_html(text.detail_en) && safe_in_html(text.explanation_ko) &&
         safe_in_html(text.explanation_en);
}));

}  // namespace

std::span<const ProblemText> problem_texts() { return kTexts; }

const ProblemText* problem_text(std::string_view code) {
  const auto* const found = std::ranges::find(kTexts, code, &ProblemText::code);
  return found == kTexts.end() ? nullptr : found;
}

}  // namespace windfall::http
