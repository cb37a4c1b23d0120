// Every route of the API, and who may call it: written down a second time, by the contract, so that a route added or
// opened by mistake fails here.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/http/api/routes.hpp"
#include "auth/callers_fixture.hpp"

namespace windfall::http {
namespace {

struct Person {
  std::string_view name;
  std::string headers;
};

const std::array<Person, 7> kPeople{{
    {"nobody", ""},
    {"a user by JWT", bearer(kGoodToken)},
    {"a user behind the gateway", bearer(kGatewaySecret) + user("user-1")},
    {"the gateway without a user", bearer(kGatewaySecret)},
    {"a viewer", bearer(kViewerSecret)},
    {"an operator", bearer(kOperatorSecret)},
    {"an admin", bearer(kAdminSecret)},
}};

/// What each of kPeople gets: 0 lets them through.
using Statuses = std::array<int, kPeople.size()>;

// clang-format off
//                                 nobody JWT  user behind gateway  gateway  viewer  operator  admin
constexpr Statuses kEveryone     {{0,     0,   0,                   0,       0,      0,        0}};
constexpr Statuses kParticipants {{401,   0,   0,                   401,     401,    401,      401}};
constexpr Statuses kSenders      {{401,   0,   0,                   0,       401,    401,      401}};
constexpr Statuses kViewers      {{401,   401, 403,                 403,     0,      0,        0}};
constexpr Statuses kOperators    {{401,   401, 403,                 403,     403,    0,        0}};
constexpr Statuses kAdmins       {{401,   401, 403,                 403,     403,    403,      0}};
constexpr Statuses kDevelopers   {{404,   404, 404,                 404,     404,    404,      404}};
// clang-format on

struct Row {
  std::string_view call;
  const Statuses& statuses;
};

const std::vector<Row> kTable{
    {"GET /v1/promotions", kEveryone},
    {"GET /v1/promotions/{id}", kEveryone},
    {"POST /v1/promotions/{id}/participations", kParticipants},
    {"GET /v1/me/promotions/{id}", kParticipants},
    {"GET /v1/me/participations", kParticipants},
    {"POST /v1/promotions/{id}/visits", kParticipants},
    {"POST /v1/promotions/{id}/invites", kParticipants},
    {"GET /v1/promotions/{id}/invites", kParticipants},
    {"POST /v1/invites/{token}/opens", kParticipants},
    {"GET /v1/promotions/{id}/tickets", kParticipants},
    {"GET /i/{token}", kEveryone},
    {"GET /v1/me/tickets", kParticipants},
    {"POST /v1/promotions/{id}/draws", kParticipants},
    {"GET /v1/me/draws", kParticipants},
    {"GET /v1/promotions/{id}/winners", kEveryone},
    {"GET /v1/promotions/{id}/fairness", kEveryone},
    {"POST /v1/events", kSenders},
    {"GET /v1/promotions/{id}/fairness/export", kEveryone},

    {"POST /v1/admin/promotions", kOperators},
    {"GET /v1/admin/promotions", kViewers},
    {"GET /v1/admin/promotions/{id}", kViewers},
    {"PATCH /v1/admin/promotions/{id}", kOperators},
    {"POST /v1/admin/promotions/{id}/copy", kOperators},
    {"GET /v1/admin/promotions/{id}/stats", kViewers},
    {"POST /v1/admin/promotions/{id}/dry-run", kViewers},
    {"GET /v1/admin/promotions/{id}/export/participations.csv", kViewers},
    {"GET /v1/me/coupons", kParticipants},
    {"GET /v1/me/coupons/{couponId}", kParticipants},
    {"PUT /v1/me/coupons/{couponId}/used", kParticipants},
    {"GET /v1/admin/promotions/{id}/export/winners.csv", kViewers},
    {"GET /v1/admin/promotions/{id}/export/taxable.csv", kViewers},
    {"POST /v1/admin/promotions/{id}/prizes/{prizeId}/codes", kOperators},
    {"POST /v1/admin/draws/{drawId}/void", kOperators},
    {"POST /v1/admin/coupons/{couponId}/reissue", kOperators},
    {"GET /v1/admin/stats/stream", kViewers},
    {"POST /v1/admin/pause-all", kOperators},
    {"POST /v1/admin/resume-all", kOperators},
    {"GET /v1/admin/users/{userId}/timeline", kViewers},
    {"POST /v1/admin/users/{userId}/adjustments", kOperators},
    {"GET /v1/admin/users/{userId}/export", kViewers},
    {"DELETE /v1/admin/users/{userId}", kAdmins},
    {"PUT /v1/admin/blocks/{userId}", kOperators},
    {"DELETE /v1/admin/blocks/{userId}", kOperators},
    {"GET /v1/admin/dead-letters", kViewers},
    {"POST /v1/admin/dead-letters/redrive", kOperators},
    {"POST /v1/admin/dead-letters/{id}/redrive", kOperators},
    {"POST /v1/admin/dead-letters/{id}/dismiss", kOperators},
    {"GET /v1/admin/reconciliation", kViewers},
    {"POST /v1/admin/reconciliation/repair", kAdmins},
    {"GET /v1/admin/jobs", kViewers},
    {"GET /v1/admin/audit", kViewers},
    {"POST /v1/admin/keys", kAdmins},
    {"GET /v1/admin/keys", kAdmins},
    {"DELETE /v1/admin/keys/{keyId}", kAdmins},

    {"GET /livez", kEveryone},
    {"GET /readyz", kEveryone},
    {"GET /version", kEveryone},
    {"GET /metrics", kEveryone},
    {"GET /openapi.json", kEveryone},
    {"GET /docs", kEveryone},
    {"GET /docs/{file}", kEveryone},
    {"GET /problems", kEveryone},
    {"GET /problems/{code}", kEveryone},
    {"PUT /v1/dev/clock", kDevelopers},
    {"GET /v1/dev/partner/book", kDevelopers},
};

std::string_view name_of(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      break;
  }
  return "?";
}

std::string call_of(const Route& route) {
  return std::string(name_of(route.method)) + " " + std::string(route.pattern);
}

int status_of(std::string_view identified) {
  if (identified == "UNAUTHENTICATED") return 401;
  if (identified == "FORBIDDEN") return 403;
  if (identified == "NOT_FOUND") return 404;
  if (identified == "INVALID_REQUEST") return 422;
  return 0;
}

TEST(Access, HasARowForEveryRouteAndARouteForEveryRow) {
  std::set<std::string> rows;
  for (const Row& row : kTable)
    EXPECT_TRUE(rows.insert(std::string(row.call)).second) << row.call << " stands here twice";
  std::set<std::string> routes;
  for (const Route& route : kRoutes)
    EXPECT_TRUE(routes.insert(call_of(route)).second) << call_of(route) << " is routed twice";
  for (const std::string& route : routes) EXPECT_TRUE(rows.contains(route)) << route << " has no row: who may call it?";
  for (const std::string& row : rows) EXPECT_TRUE(routes.contains(row)) << row << " is no route any more";
}

TEST(Access, IsWhatTheTableSaysForEveryRouteAndEveryPerson) {
  CallersWorld world;
  for (const Route& route : kRoutes) {
    const auto row =
        std::find_if(kTable.begin(), kTable.end(), [&](const Row& one) { return one.call == call_of(route); });
    if (row == kTable.end()) continue;  // told by the test above
    for (std::size_t i = 0; i < kPeople.size(); ++i) {
      EXPECT_EQ(row->statuses[i], status_of(world.identify(kPeople[i].headers, route.access)))
          << row->call << " by " << kPeople[i].name;
    }
  }
}

TEST(Access, OfADevelopmentServerDiffersOnlyInWhatDevelopmentNeeds) {
  CallersWorld dev(true);
  for (const Route& route : kRoutes) {
    const bool open = route.access == Access::anyone || route.access == Access::dev;
    EXPECT_EQ(open ? 0 : 401, status_of(dev.identify("", route.access))) << call_of(route) << " by nobody";
    const bool for_users = open || route.access == Access::participant || route.access == Access::sender;
    EXPECT_EQ(for_users ? 0 : 401, status_of(dev.identify(user("user-1"), route.access)))
        << call_of(route) << " by a header";
    EXPECT_EQ(route.access == Access::dev, route.pattern.starts_with("/v1/dev/")) << call_of(route);
  }
}

TEST(Access, GivesParticipantsNoRouteThatNamesAUser) {
  CallersWorld world;
  for (const Route& route : kRoutes) {
    if (route.access != Access::participant) continue;
    EXPECT_EQ(std::string_view::npos, route.pattern.find("{userId}"))
        << call_of(route) << ": the subject comes from the token only";
    EXPECT_EQ("user:jwt-user[vip]", world.identify(bearer(kGoodToken), route.access)) << call_of(route);
  }
}

TEST(Access, NeedsAKeyForEverythingUnderAdmin) {
  for (const Route& route : kRoutes) {
    const bool by_key =
        route.access == Access::viewer || route.access == Access::operator_ || route.access == Access::admin;
    EXPECT_EQ(route.pattern.starts_with("/v1/admin/"), by_key) << call_of(route);
  }
}

TEST(Access, LeavesRoutesOfOperatorsOffThePublicListener) {
  for (const Route& route : kRoutes) {
    const bool for_operators = route.pattern.starts_with("/v1/admin/") || route.pattern == "/metrics";
    EXPECT_EQ(for_operators, route.surface == Surface::operators) << call_of(route);
    // The pattern is a path that it matches itself.
    EXPECT_EQ(!for_operators, match(route.method, route.pattern, Surface::participants).route == &route)
        << call_of(route);
    EXPECT_EQ(&route, match(route.method, route.pattern, Surface::both).route) << call_of(route);
  }
}

TEST(Access, CannotBeGainedByAnotherSpellingOfThePath) {
  for (const std::string_view path :
       {"/v1/admin/jobs/", "/v1/admin//jobs", "//v1/admin/jobs", "/v1/ADMIN/jobs", "/v1/admin/%6Aobs",
        "/v1/promotions/../admin/jobs", "/v1/admin/jobs;x", "/v1/admin/./jobs", "v1/admin/jobs",
        "/v1/admin/jobs/a/b/c/d/e/f", "/v1/admin/users//export", "/v1/promotions/", "/", ""}) {
    EXPECT_EQ(nullptr, match(Method::get, path, Surface::both).route) << path;
  }
}

}  // namespace
}  // namespace windfall::http
