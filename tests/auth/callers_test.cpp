// Who a request is believed to come from: every kind of access against every kind of caller.
#include "adapters/http/api/callers.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "auth/callers_fixture.hpp"

namespace windfall::http {
namespace {

const std::string kUnauthenticated = "UNAUTHENTICATED";
const std::string kForbidden = "FORBIDDEN";
const std::string kInvalid = "INVALID_REQUEST";

struct Row {
  std::string name;
  std::string headers;
  std::string participant;      ///< on a participant's route
  std::string participant_dev;  ///< the same with serve --dev
  std::string viewer;           ///< on routes of operators, by the role they need
  std::string operator_;
  std::string admin;
};

/// Nobody on any route, in development or not.
Row nobody(std::string name, std::string headers) {
  return {std::move(name),  std::move(headers), kUnauthenticated, kUnauthenticated,
          kUnauthenticated, kUnauthenticated,   kUnauthenticated};
}

/// A participant, or a request that would be one but for its headers, and no operator.
Row person(std::string name, std::string headers, std::string result, std::string result_dev) {
  return {std::move(name),  std::move(headers), std::move(result), std::move(result_dev),
          kUnauthenticated, kUnauthenticated,   kUnauthenticated};
}

/// The gateway's key is a key, and so known on routes of operators, where it may do nothing.
Row gateway(std::string name, const std::string& headers, const std::string& result) {
  return {std::move(name), bearer(kGatewaySecret) + headers, result, result, kForbidden, kForbidden, kForbidden};
}

std::string same(char c, std::size_t count) { return std::string(count, c); }

std::vector<Row> rows() {
  const std::string admin = "admin:env-admin";
  const std::string longest = same('u', 128);
  return {
      nobody("nobody", ""),
      nobody("empty Authorization", "Authorization:\r\n"),
      nobody("empty bearer", "Authorization: Bearer \r\n"),
      nobody("scheme without space", "Authorization: Bearer" + std::string(kAdminSecret) + "\r\n"),
      nobody("another scheme", "Authorization: Basic " + std::string(kAdminSecret) + "\r\n"),
      nobody("the key without a scheme", "Authorization: " + std::string(kAdminSecret) + "\r\n"),
      nobody("wrong key", bearer("wrong")),
      nobody("wrong key with user", bearer("wrong") + user("user-1")),
      nobody("a key cut short", bearer(kAdminSecret.substr(1))),
      nobody("a key and more", bearer(std::string(kAdminSecret) + "x")),
      nobody("a key with a second space", "Authorization: Bearer  " + std::string(kAdminSecret) + "\r\n"),
      nobody("a token over 8 KiB", bearer(same('t', 8193))),
      nobody("the digest of a key", bearer("k1 viewer")),

      gateway("gateway key alone", "", kUnauthenticated),
      gateway("gateway key with user", user("user-1"), "user:user-1[]"),
      gateway("gateway key with the longest user", user(longest), "user:" + longest + "[]"),
      gateway("gateway key with a Korean user", user("사용자"), "user:사용자[]"),
      gateway("gateway key with an encoded user", user("user%201"), "user:user%201[]"),
      gateway("gateway key with user twice", user("user-1") + user("user-1"), kInvalid),
      gateway("gateway key with two users", user("user-1") + user("user-2"), kInvalid),
      gateway("gateway key with user, then empty", user("user-1") + user(""), kInvalid),
      gateway("gateway key with empty user", user(""), kUnauthenticated),
      gateway("gateway key with a space in user", user("user 1"), kInvalid),
      gateway("gateway key with a tab in user", user("user\t1"), kInvalid),
      gateway("gateway key with a no-break space in user",
              user("user\xc2\xa0"
                   "1"),
              kInvalid),
      gateway("gateway key with a C1 control in user",
              user("user\xc2\x85"
                   "1"),
              kInvalid),
      gateway("gateway key with user of 129 bytes", user(same('u', 129)), kInvalid),
      gateway("gateway key with 43 characters of 129 bytes", user([] {
                std::string id;
                for (int i = 0; i < 43; ++i) id += "가";
                return id;
              }()),
              kInvalid),
      gateway("gateway key with user that is not UTF-8", user("user\xff"), kInvalid),
      gateway("gateway key with user in overlong UTF-8", user("user\xc0\xaf"), kInvalid),
      gateway("gateway key with segments", user("user-1") + "X-User-Segments: a, b_2 ,C-3\r\n",
              "user:user-1[a,b_2,C-3]"),
      gateway("gateway key with empty segments", user("user-1") + "X-User-Segments:\r\n", "user:user-1[]"),
      gateway("gateway key with segments twice", user("user-1") + "X-User-Segments: a\r\nX-User-Segments: b\r\n",
              kInvalid),
      gateway("gateway key with a bad segment", user("user-1") + "X-User-Segments: a b\r\n", kInvalid),
      gateway("gateway key with a segment of 65", user("user-1") + "X-User-Segments: " + same('s', 65) + "\r\n",
              kInvalid),
      gateway("gateway key with segments and no user", "X-User-Segments: a\r\n", kUnauthenticated),

      {"viewer", bearer(kViewerSecret), kUnauthenticated, kUnauthenticated, "viewer:k1", kForbidden, kForbidden},
      {"viewer with X-User-Id", bearer(kViewerSecret) + user("user-1"), kUnauthenticated, kUnauthenticated, "viewer:k1",
       kForbidden, kForbidden},
      {"operator", bearer(kOperatorSecret), kUnauthenticated, kUnauthenticated, "operator:k2", "operator:k2",
       kForbidden},
      {"operator with X-User-Id", bearer(kOperatorSecret) + user("user-1"), kUnauthenticated, kUnauthenticated,
       "operator:k2", "operator:k2", kForbidden},
      {"admin key", bearer(kAdminSecret), kUnauthenticated, kUnauthenticated, admin, admin, admin},
      {"admin key with X-User-Id", bearer(kAdminSecret) + user("user-1"), kUnauthenticated, kUnauthenticated, admin,
       admin, admin},
      {"admin key, scheme in lower case", "authorization: bearer " + std::string(kAdminSecret) + "\r\n",
       kUnauthenticated, kUnauthenticated, admin, admin, admin},
      {"admin key twice", bearer(kAdminSecret) + bearer(kAdminSecret), kUnauthenticated, kUnauthenticated,
       kUnauthenticated, kUnauthenticated, kUnauthenticated},
      {"admin key after another", bearer("wrong") + bearer(kAdminSecret), kUnauthenticated, kUnauthenticated,
       kUnauthenticated, kUnauthenticated, kUnauthenticated},

      person("JWT", bearer(kGoodToken), "user:jwt-user[vip]", "user:jwt-user[vip]"),
      person("JWT, scheme in capitals", "AUTHORIZATION: BEARER " + std::string(kGoodToken) + "\r\n",
             "user:jwt-user[vip]", "user:jwt-user[vip]"),
      person("JWT with segments of its own choice", bearer(kGoodToken) + "X-User-Segments: staff\r\n",
             "user:jwt-user[vip]", "user:jwt-user[vip]"),
      person("JWT with X-User-Id", bearer(kGoodToken) + user("user-1"), kInvalid, kInvalid),
      person("JWT with the same X-User-Id", bearer(kGoodToken) + user("jwt-user"), kInvalid, kInvalid),
      person("JWT with empty X-User-Id", bearer(kGoodToken) + user(""), kInvalid, kInvalid),
      person("JWT whose subject is no user id", bearer(kSpaceToken), kInvalid, kInvalid),
      person("bad JWT with X-User-Id", bearer("a.b.c") + user("user-1"), kUnauthenticated, kUnauthenticated),

      person("X-User-Id alone", user("user-1"), kUnauthenticated, "user:user-1[]"),
      person("X-User-Id alone, in lower case", "x-user-id: user-1\r\n", kUnauthenticated, "user:user-1[]"),
      person("X-User-Id and segments alone", user("user-1") + "X-User-Segments: a,b\r\n", kUnauthenticated,
             "user:user-1[a,b]"),
      person("X-User-Id alone twice", user("user-1") + user("user-1"), kUnauthenticated, kInvalid),
      person("X-User-Id alone, empty", user(""), kUnauthenticated, kUnauthenticated),
      person("X-User-Id alone with space", user("user 1"), kUnauthenticated, kInvalid),
      person("X-User-Id alone of 129 bytes", user(same('u', 129)), kUnauthenticated, kInvalid),
      person("X-User-Id alone, not UTF-8", user("\xfe\xff"), kUnauthenticated, kInvalid),
      person("segments alone", "X-User-Segments: a\r\n", kUnauthenticated, kUnauthenticated),
      person("X-User-Id with an empty Authorization", user("user-1") + "Authorization:\r\n", kUnauthenticated,
             kUnauthenticated),
  };
}

TEST(Callers, AreWhoTheContractSaysOnEveryKindOfRoute) {
  CallersWorld server;
  CallersWorld dev(true);
  for (const Row& row : rows()) {
    EXPECT_EQ("nobody", server.identify(row.headers, Access::anyone)) << row.name;
    EXPECT_EQ("nobody", dev.identify(row.headers, Access::anyone)) << row.name;
    EXPECT_EQ("NOT_FOUND", server.identify(row.headers, Access::dev)) << row.name;
    EXPECT_EQ("nobody", dev.identify(row.headers, Access::dev)) << row.name;
    EXPECT_EQ(row.participant, server.identify(row.headers, Access::participant)) << row.name;
    EXPECT_EQ(row.participant_dev, dev.identify(row.headers, Access::participant)) << row.name << ", in development";
    for (CallersWorld* world : {&server, &dev}) {
      EXPECT_EQ(row.viewer, world->identify(row.headers, Access::viewer)) << row.name;
      EXPECT_EQ(row.operator_, world->identify(row.headers, Access::operator_)) << row.name;
      EXPECT_EQ(row.admin, world->identify(row.headers, Access::admin)) << row.name;
    }
  }
}

TEST(Callers, DoNotDependOnWhoCalledBefore) {
  const std::vector<Row> all = rows();
  CallersWorld shared;
  for (const Row& before : all) {
    for (const Row& row : all) {
      static_cast<void>(shared.identify(before.headers, Access::viewer));
      EXPECT_EQ(row.participant, shared.identify(row.headers, Access::participant))
          << row.name << " after " << before.name;
      EXPECT_EQ(row.admin, shared.identify(row.headers, Access::admin)) << row.name << " after " << before.name;
    }
  }
}

TEST(Callers, LearnOfNewAndDeletedKeysAtOnce) {
  CallersWorld world;
  EXPECT_EQ("viewer:k1", world.identify(bearer(kViewerSecret), Access::viewer));
  world.keep_keys({{.id = "k9",
                    .name = "edge",
                    .role = Role::gateway,
                    .digest = Callers::digest_of("new-gateway"),
                    .created = {}}});
  EXPECT_EQ(kUnauthenticated, world.identify(bearer(kViewerSecret), Access::viewer));
  EXPECT_EQ("user:user-1[]", world.identify(bearer("new-gateway") + user("user-1"), Access::participant));
  EXPECT_EQ(kForbidden, world.identify(bearer("new-gateway"), Access::viewer));
  EXPECT_EQ("admin:env-admin", world.identify(bearer(kAdminSecret), Access::admin)) << "the environment's stay";
}

TEST(Callers, AreOnlyThoseOfTheEnvironmentWhenTheKeysCannotBeRead) {
  CallersWorld world;
  world.store.keys = "damaged";
  ++world.store.revision.value;
  EXPECT_EQ(kUnauthenticated, world.identify(bearer(kViewerSecret), Access::viewer));
  EXPECT_EQ(kUnauthenticated, world.identify(bearer("damaged"), Access::viewer));
  EXPECT_EQ("admin:env-admin", world.identify(bearer(kAdminSecret), Access::admin));
}

TEST(Callers, HaveNoEmptyKeyAndNoTokensUnlessConfigured) {
  KeyStore store;
  const StandingClock clock;
  Callers callers(store, clock, codec::UserHasher({}), nullptr, {});
  for (const std::string& headers : {bearer(""), bearer(kGoodToken), bearer(kAdminSecret),
                                     bearer(kGatewaySecret) + user("user-1"), user("user-1")}) {
    for (const Access access : {Access::participant, Access::viewer, Access::operator_, Access::admin}) {
      EXPECT_EQ(kUnauthenticated, CallersWorld::identify(headers, access, callers)) << headers;
    }
  }
}

TEST(Callers, TellWhichHeaderIsWrongInBothLanguages) {
  CallersWorld world;
  for (const auto& [headers, pointer] :
       {std::pair{bearer(kGoodToken) + user("user-1"), "/X-User-Id"},
        {bearer(kGatewaySecret) + user("a b"), "/X-User-Id"},
        {bearer(kGatewaySecret) + user("a") + user("a"), "/X-User-Id"},
        {bearer(kGatewaySecret) + user("a") + "X-User-Segments: !\r\n", "/X-User-Segments"}}) {
    const std::string block = "GET / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
    RequestHead head;
    Request request;
    ASSERT_FALSE(head.parse(block, request));
    Caller caller;
    const std::optional<CallerRefused> refused = world.callers.identify(request, Access::participant, caller);
    ASSERT_TRUE(refused);
    ASSERT_EQ(1U, refused->errors.size());
    EXPECT_EQ(pointer, refused->errors[0].pointer);
    EXPECT_FALSE(refused->errors[0].detail_ko.empty());
    EXPECT_FALSE(refused->errors[0].detail_en.empty());
  }
}

TEST(Callers, AreToldWhatIsWrongWithTheTokenTheySent) {
  CallersWorld world;
  const std::string nothing = "-";
  struct Row {
    std::string headers;
    Access access;
    std::string fault;
  };
  const std::vector<Row> rows{
      {"", Access::participant, nothing},
      {"Authorization: Basic abc\r\n", Access::participant, nothing},
      {bearer(kGatewaySecret), Access::participant, nothing},
      {bearer("wrong"), Access::participant, "unknown"},
      {bearer(kViewerSecret), Access::participant, "role"},
      {bearer(kGoodToken) + bearer(kGoodToken), Access::participant, "malformed"},
      {bearer(same('t', 8193)), Access::sender, "malformed"},
      {"", Access::viewer, nothing},
      {bearer(kGoodToken), Access::viewer, "unknown"},
      {bearer(kAdminSecret) + bearer(kAdminSecret), Access::admin, "malformed"},
  };
  for (const Row& row : rows) {
    const std::string block = "GET / HTTP/1.1\r\nHost: h\r\n" + row.headers + "\r\n";
    RequestHead head;
    Request request;
    ASSERT_FALSE(head.parse(block, request));
    Caller caller;
    const std::optional<CallerRefused> refused = world.callers.identify(request, row.access, caller);
    ASSERT_TRUE(refused) << row.headers;
    EXPECT_EQ(kUnauthenticated, refused->code);
    EXPECT_EQ(row.fault, refused->token ? std::string(text_of(*refused->token).name) : nothing) << row.headers;
    EXPECT_EQ(refused->token.has_value(), refused->errors.size() == 1) << row.headers;
  }
}

TEST(Callers, AreIdentifiedByARealTokenToo) {
  KeyStore store;
  const StandingClock clock;
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(test_keys().key_set());
  Callers callers(store, clock, codec::UserHasher({}), verifier.get(), {});
  const std::string made =
      token(R"({"alg":"ES256","kid":"ec"})", claims("", R"("segments":["vip","new"])"), test_keys().ec);
  EXPECT_EQ("user:user-1[vip,new]", CallersWorld::identify(bearer(made), Access::participant, callers));
  EXPECT_EQ(kUnauthenticated, CallersWorld::identify(bearer(made), Access::viewer, callers));
  EXPECT_EQ(kUnauthenticated, CallersWorld::identify(bearer(made + "A"), Access::participant, callers));
}

}  // namespace
}  // namespace windfall::http
