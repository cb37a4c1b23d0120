// Every call of the API on one screen: method, path, operation id of openapi.yaml, and who may make it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/transport/message.hpp"

namespace windfall::http {

/// Who may make a call; deny is the default because every route has to name one.
enum class Access : std::uint8_t {
  anyone,       ///< no credentials looked at
  participant,  ///< a user: by JWT, behind a gateway, or X-User-Id in development
  sender,       ///< a user, or a gateway's key without a user, which is trusted with what it says of anyone
  viewer,       ///< any admin key
  operator_,    ///< role operator or admin
  admin,        ///< role admin
  dev,          ///< anyone, on a development server only
};

/// Where a route is served when participants and operators have listeners of their own.
enum class Surface : std::uint8_t { participants, operators, both };

struct Route {
  Method method;
  std::string_view pattern;  ///< segments in braces match one segment
  std::string_view operation;
  Access access;
  Surface surface = Surface::participants;
};

// clang-format off
inline constexpr std::array kRoutes{
    Route{Method::get,    "/v1/promotions",                                        "listPromotions",       Access::anyone},
    Route{Method::get,    "/v1/promotions/{id}",                                   "getPromotion",         Access::anyone},
    Route{Method::post,   "/v1/promotions/{id}/participations",                    "participate",          Access::participant},
    Route{Method::get,    "/v1/me/promotions/{id}",                                "getMyPromotion",       Access::participant},
    Route{Method::get,    "/v1/me/participations",                                 "listMyParticipations", Access::participant},

    Route{Method::post,   "/v1/promotions/{id}/visits",                            "visit",                Access::participant},
    Route{Method::post,   "/v1/promotions/{id}/invites",                           "issueInvite",          Access::participant},
    Route{Method::get,    "/v1/promotions/{id}/invites",                           "getMyInvites",         Access::participant},
    Route{Method::post,   "/v1/invites/{token}/opens",                             "openInvite",           Access::participant},
    Route{Method::get,    "/i/{token}",                                            "getInvitePage",        Access::anyone},
    Route{Method::get,    "/v1/promotions/{id}/tickets",                           "getTickets",           Access::participant},
    Route{Method::get,    "/v1/me/tickets",                                        "listMyTickets",        Access::participant},
    Route{Method::post,   "/v1/promotions/{id}/draws",                             "draw",                 Access::participant},
    Route{Method::get,    "/v1/me/draws",                                          "listMyDraws",          Access::participant},
    Route{Method::get,    "/v1/me/coupons",                                        "listMyCoupons",        Access::participant},
    Route{Method::get,    "/v1/me/coupons/{couponId}",                             "getMyCoupon",          Access::participant},
    Route{Method::put,    "/v1/me/coupons/{couponId}/used",                        "useCoupon",            Access::participant},
    Route{Method::get,    "/v1/promotions/{id}/winners",                           "listWinners",          Access::anyone},
    Route{Method::get,    "/v1/promotions/{id}/fairness",                          "getFairness",          Access::anyone},
    Route{Method::get,    "/v1/promotions/{id}/fairness/export",                   "exportFairness",       Access::anyone},

    Route{Method::post,   "/v1/events",                                            "sendEvents",           Access::sender},

    Route{Method::post,   "/v1/admin/promotions",                                  "createPromotion",      Access::operator_, Surface::operators},
    Route{Method::get,    "/v1/admin/promotions",                                  "listAllPromotions",    Access::viewer,    Surface::operators},
    Route{Method::get,    "/v1/admin/promotions/{id}",                             "getAnyPromotion",      Access::viewer,    Surface::operators},
    Route{Method::patch,  "/v1/admin/promotions/{id}",                             "changePromotion",      Access::operator_, Surface::operators},
    Route{Method::post,   "/v1/admin/promotions/{id}/copy",                        "copyPromotion",        Access::operator_, Surface::operators},
    Route{Method::get,    "/v1/admin/promotions/{id}/stats",                       "getPromotionStats",    Access::viewer,    Surface::operators},
    Route{Method::post,   "/v1/admin/promotions/{id}/dry-run",                     "dryRun",               Access::viewer,    Surface::operators},
    Route{Method::get,    "/v1/admin/promotions/{id}/export/participations.csv",   "exportParticipations", Access::viewer,    Surface::operators},
    Route{Method::get,    "/v1/admin/promotions/{id}/export/winners.csv",          "exportWinners",        Access::viewer,    Surface::operators},
    Route{Method::get,    "/v1/admin/promotions/{id}/export/taxable.csv",          "exportTaxable",        Access::viewer,    Surface::operators},
    Route{Method::post,   "/v1/admin/promotions/{id}/prizes/{prizeId}/codes",      "importCodes",          Access::operator_, Surface::operators},
    Route{Method::post,   "/v1/admin/draws/{drawId}/void",                         "voidDraw",             Access::operator_, Surface::operators},
    Route{Method::post,   "/v1/admin/coupons/{couponId}/reissue",                  "reissueCoupon",        Access::operator_, Surface::operators},
    Route{Method::get,    "/v1/admin/stats/stream",                                "streamStats",          Access::viewer,    Surface::operators},
    Route{Method::post,   "/v1/admin/pause-all",                                   "pauseAll",             Access::operator_, Surface::operators},
    Route{Method::post,   "/v1/admin/resume-all",                                  "resumeAll",            Access::operator_, Surface::operators},
    Route{Method::get,    "/v1/admin/users/{userId}/timeline",                     "getUserTimeline",      Access::viewer,    Surface::operators},
    Route{Method::post,   "/v1/admin/users/{userId}/adjustments",                  "adjustTickets",        Access::operator_, Surface::operators},
    Route{Method::get,    "/v1/admin/users/{userId}/export",                       "exportUser",           Access::viewer,    Surface::operators},
    Route{Method::del,    "/v1/admin/users/{userId}",                              "eraseUser",            Access::admin,     Surface::operators},
    Route{Method::put,    "/v1/admin/blocks/{userId}",                             "blockUser",            Access::operator_, Surface::operators},
    Route{Method::del,    "/v1/admin/blocks/{userId}",                             "unblockUser",          Access::operator_, Surface::operators},
    Route{Method::get,    "/v1/admin/dead-letters",                                "listDeadLetters",      Access::viewer,    Surface::operators},
    Route{Method::post,   "/v1/admin/dead-letters/redrive",                        "redriveDeadLetters",   Access::operator_, Surface::operators},
    Route{Method::post,   "/v1/admin/dead-letters/{id}/redrive",                   "redriveDeadLetter",    Access::operator_, Surface::operators},
    Route{Method::post,   "/v1/admin/dead-letters/{id}/dismiss",                   "dismissDeadLetter",    Access::operator_, Surface::operators},
    Route{Method::get,    "/v1/admin/reconciliation",                              "getReconciliation",    Access::viewer,    Surface::operators},
    Route{Method::post,   "/v1/admin/reconciliation/repair",                       "repairReconciliation", Access::admin,     Surface::operators},
    Route{Method::get,    "/v1/admin/jobs",                                        "listJobs",             Access::viewer,    Surface::operators},
    Route{Method::get,    "/v1/admin/audit",                                       "listAudit",            Access::viewer,    Surface::operators},
    Route{Method::post,   "/v1/admin/keys",                                        "createKey",            Access::admin,     Surface::operators},
    Route{Method::get,    "/v1/admin/keys",                                        "listKeys",             Access::admin,     Surface::operators},
    Route{Method::del,    "/v1/admin/keys/{keyId}",                                "deleteKey",            Access::admin,     Surface::operators},

    Route{Method::get,    "/livez",                                                "getLivez",             Access::anyone,    Surface::both},
    Route{Method::get,    "/readyz",                                               "getReadyz",            Access::anyone,    Surface::both},
    Route{Method::get,    "/version",                                              "getVersion",           Access::anyone,    Surface::both},
    Route{Method::get,    "/metrics",                                              "getMetrics",           Access::anyone,    Surface::operators},
    Route{Method::get,    "/openapi.json",                                         "getOpenapi",           Access::anyone,    Surface::both},
    Route{Method::get,    "/docs",                                                 "getDocs",              Access::anyone,    Surface::both},
    Route{Method::get,    "/docs/{file}",                                          "getDocsFile",          Access::anyone,    Surface::both},
    Route{Method::get,    "/problems",                                             "listProblems",         Access::anyone,    Surface::both},
    Route{Method::get,    "/problems/{code}",                                      "getProblem",           Access::anyone,    Surface::both},
    Route{Method::put,    "/v1/dev/clock",                                         "setClock",             Access::dev,       Surface::both},
    Route{Method::get,    "/v1/dev/partner/book",                                  "getPartnerBook",       Access::dev,       Surface::both},
};
// clang-format on

/// Position of an operation in kRoutes; does not compile for an unknown one.
consteval std::size_t route_index(std::string_view operation) {
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    if (kRoutes[i].operation == operation) return i;
  }
  throw "no such operation";
}

/// The most braces in one pattern.
inline constexpr std::size_t kMaxPathParameters = 2;

/// What a path matches, before anybody asks for permission.
struct Match {
  const Route* route = nullptr;  ///< null if no route has this path, or none with this method
  std::array<std::string_view, kMaxPathParameters> raw_parameters;  ///< still percent-encoded; empty where none is
  std::string allow;  ///< methods of the path, for 405; empty if the path is unknown
};

/// HEAD matches GET. `surface` both = everything is served here.
[[nodiscard]] Match match(Method method, std::string_view path, Surface surface);

}  // namespace windfall::http
