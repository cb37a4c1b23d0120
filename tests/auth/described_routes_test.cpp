// The route table against the description that is served at /openapi.json, both ways: a call that is only in one of
// them is either not documented or not there, and both must ask for the same credentials.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "adapters/http/api/routes.hpp"
#include "adapters/http/api/static/assets.hpp"
#include "adapters/http/auth/json.hpp"

namespace windfall::http {
namespace {

/// By "get /v1/promotions": operation id and what it asks for.
using Calls = std::map<std::string, std::string>;

constexpr std::string_view kMethods[] = {"get", "head", "post", "put", "patch", "delete", "options", "trace"};

std::string name_of(Method method) {
  switch (method) {
    case Method::get:
      return "get";
    case Method::head:
      return "head";
    case Method::post:
      return "post";
    case Method::put:
      return "put";
    case Method::patch:
      return "patch";
    case Method::del:
      return "delete";
    case Method::options:
      return "options";
    case Method::other:
      break;
  }
  return "other";
}

std::string credentials_of(Access access) {
  switch (access) {
    case Access::anyone:
    case Access::dev:
      return "nothing";
    case Access::participant:
    case Access::sender:
      return "participantToken|gatewayKey+userHeader|userHeader";
    case Access::viewer:
    case Access::operator_:
    case Access::admin:
      return "adminKey";
  }
  return "?";
}

/// "a+b|c": a and b together, or c.
std::string credentials_in(const json_t* security) {
  if (!json_is_array(security)) return "not said";
  std::string text;
  for (std::size_t i = 0; i < json_array_size(security); ++i) {
    std::string all;
    const char* name = nullptr;
    json_t* scopes = nullptr;
    json_object_foreach(json_array_get(security, i), name, scopes) all += (all.empty() ? "" : "+") + std::string(name);
    text += (text.empty() ? "" : "|") + all;
  }
  return text.empty() ? "nothing" : text;
}

Calls routes() {
  Calls calls;
  for (const Route& route : kRoutes) {
    const auto [at, is_new] = calls.emplace(name_of(route.method) + " " + std::string(route.pattern),
                                            std::string(route.operation) + " by " + credentials_of(route.access));
    EXPECT_TRUE(is_new) << at->first << " stands twice in the table";
  }
  return calls;
}

Calls described() {
  const Asset* document = find_asset("/openapi.json");
  if (document == nullptr) return {};
  EXPECT_EQ(document->content_encoding, "");
  const Json openapi = parse_object(document->bytes);
  EXPECT_NE(openapi, nullptr);
  Calls calls;
  const char* path = nullptr;
  json_t* item = nullptr;
  json_object_foreach(json_object_get(openapi.get(), "paths"), path, item) {
    for (const std::string_view method : kMethods) {
      const json_t* call = json_object_getn(item, method.data(), method.size());
      if (call == nullptr) continue;
      const auto id = text_of(json_object_get(call, "operationId"));
      calls.emplace(std::string(method) + " " + path, std::string(id.value_or("no operationId")) + " by " +
                                                          credentials_in(json_object_get(call, "security")));
    }
  }
  return calls;
}

TEST(RouteTable, has_every_call_of_the_description_and_the_description_every_route) {
  const Calls is = routes();
  const Calls told = described();
  EXPECT_FALSE(told.empty());
  for (const auto& [call, what] : is) {
    const auto found = told.find(call);
    EXPECT_EQ(found == told.end() ? "not described" : found->second, what) << call;
  }
  for (const auto& [call, what] : told) {
    EXPECT_TRUE(is.contains(call)) << call << " (" << what << ") is described, but no route";
  }
  EXPECT_EQ(is.size(), kRoutes.size());
  EXPECT_EQ(told.size(), kRoutes.size());
}

}  // namespace
}  // namespace windfall::http
