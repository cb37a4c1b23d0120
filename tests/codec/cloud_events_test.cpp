// CloudEvents as clients write them, and every way to write them wrong.
#include "adapters/codec/cloud_events.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "codec/bad_input.hpp"

namespace windfall::codec {
namespace {

/// A visit with more members, or with one of them replaced.
std::string visit(std::string_view more = "", std::string_view data = R"({"promotionId":"1","userId":"u1"})") {
  return R"({"specversion":"1.0","id":"e1","source":"/page","type":"promotion.page.visited")" + std::string(more) +
         R"(,"data":)" + std::string(data) + "}";
}

TEST(CloudEvents, OfEachTypeAreRead) {
  const auto visited = decode_cloud_event(visit());
  ASSERT_TRUE(visited) << as_text(visited.error());
  EXPECT_EQ(
      (CloudEvent{.source = "/page", .id = "e1", .type = Inbound::Type::page_visited, .user_id = "u1", .about = "1"}),
      visited->at(0));
  const auto opened = decode_cloud_event(
      R"({"specversion":"1.0","id":"e2","source":"s","type":"promotion.invite.opened","data":{"token":"abc","userId":"u2"}})");
  ASSERT_TRUE(opened) << as_text(opened.error());
  EXPECT_EQ(
      (CloudEvent{.source = "s", .id = "e2", .type = Inbound::Type::invite_opened, .user_id = "u2", .about = "abc"}),
      opened->at(0));
  const auto shared = decode_cloud_event(
      R"({"specversion":"1.0","id":"e3","source":"s","type":"promotion.shared","data":{"promotionId":"p-1","userId":"u3"}})");
  ASSERT_TRUE(shared) << as_text(shared.error());
  EXPECT_EQ((CloudEvent{.source = "s", .id = "e3", .type = Inbound::Type::shared, .user_id = "u3", .about = "p-1"}),
            shared->at(0));
}

TEST(CloudEvents, MayCarryWhatTheFormatAllows) {
  for (const std::string_view more :
       {R"(,"datacontenttype":"application/json")",
        R"(,"datacontenttype":"Application/CloudEvents+JSON; charset=utf-8")",
        R"(,"dataschema":"https://example.com/s")", R"(,"subject":"누구")", R"(,"time":"2025-06-21T03:00:00Z")",
        R"(,"time":"2025-06-21T12:00:00.123456789+09:00")", R"(,"traceparent":"00-a-b-01")", R"(,"ext1":7,"ext2":true)",
        R"(,"subject":null,"anything":null)"}) {
    EXPECT_EQ("accepted", refusal_of(decode_cloud_event(visit(more)))) << more;
  }
}

TEST(CloudEvents, AreRefusedWithThePlaceThatIsWrong) {
  struct Row {
    std::string body;
    std::string_view starts_with;
  };
  const Row rows[] = {
      {"{", "not JSON at line 1"},
      {"[]", ": must be"},
      {"{}", "/specversion: is required; /id: is required; /source: is required; /type: is required"},
      {R"({"specversion":"0.3","id":"1","source":"s","type":"promotion.shared","data":{"promotionId":"1","userId":"u"}})",
       "/specversion: must be \"1.0\""},
      {R"({"specversion":"1.0","id":"","source":"s","type":"promotion.shared","data":{"promotionId":"1","userId":"u"}})",
       "/id: must have"},
      {R"({"specversion":"1.0","id":7,"source":"s","type":"promotion.shared","data":{"promotionId":"1","userId":"u"}})",
       "/id: must be a string"},
      {R"({"specversion":"1.0","id":"1","source":"a b","type":"promotion.shared","data":{"promotionId":"1","userId":"u"}})",
       "/source: must be a URI reference"},
      {R"({"specversion":"1.0","id":"1","source":"s","type":"promotion.left","data":{}})", "/type: "},
      {R"({"specversion":"1.0","id":"1","source":"s","type":"promotion.shared"})", "/data: "},
      {visit(",\"time\":\"yesterday\""), "/time: "},
      {visit(",\"datacontenttype\":\"text/plain\""), "/datacontenttype: "},
      {visit(",\"data_base64\":\"e30=\""), "/data_base64: "},
      {visit(",\"Trace\":\"x\""), "/Trace: "},
      {visit(",\"trace_id\":\"x\""), "/trace_id: "},
      {visit(",\"ext\":{}"), "/ext: must be a string"},
      {visit(",\"ext\":1.5"), "/ext: must be a string"},
      {visit(",\"ext\":2147483648"), "/ext: must be a string"},
      {visit("", "[]"), "/data: "},
      {visit("", "{}"), "/data/promotionId: is required; /data/userId: "},
      {visit("", R"({"promotionId":"a b","userId":"u"})"), "/data/promotionId: "},
      {visit("", R"({"promotionId":"1","userId":"a b"})"), "/data/userId: "},
      {visit("", R"({"promotionId":"1","userId":"u","tickets":5})"), "/data/tickets: "},
      {visit("", R"({"token":"abc","userId":"u"})"), "/data/promotionId: is required; /data/token: "},
  };
  for (const Row& row : rows) {
    const std::string refused = refusal_of(decode_cloud_event(row.body));
    EXPECT_TRUE(refused.starts_with(row.starts_with)) << row.body << "\n  " << refused;
    EXPECT_EQ(std::string::npos, refused.find("Korean is missing")) << row.body << "\n  " << refused;
  }
}

TEST(CloudEvents, OfABatchAreValidAsAWholeOrNotAtAll) {
  const auto batch = decode_cloud_event_batch("[" + visit() + "," + visit() + "]");
  ASSERT_TRUE(batch) << as_text(batch.error());
  EXPECT_EQ(2U, batch->size());
  EXPECT_EQ(0U, decode_cloud_event_batch("[]").value().size());
  const std::string wrong =
      "[" + visit() + "," + visit() + "," + visit() + "," + visit("", R"({"promotionId":"1"})") + "]";
  EXPECT_EQ("/3/data/userId: is required", refusal_of(decode_cloud_event_batch(wrong)));
  EXPECT_TRUE(refusal_of(decode_cloud_event_batch("[1]")).starts_with("/0: "));
  EXPECT_EQ(": must be an array of events", refusal_of(decode_cloud_event_batch(visit())));
}

TEST(CloudEvents, OfABatchAreNotMoreThanTheLimit) {
  std::string batch = "[";
  for (std::size_t i = 0; i < kMaxCloudEvents; ++i) batch += (i == 0 ? "" : ",") + visit();
  EXPECT_EQ(kMaxCloudEvents, decode_cloud_event_batch(batch + "]").value().size());
  EXPECT_EQ(": must not have more than 1000 events", refusal_of(decode_cloud_event_batch(batch + "," + visit() + "]")));
}

TEST(CloudEvents, AreKnownBySourceAndIdOfTheirSender) {
  const UserRef nobody{};
  const UserRef someone{.hi = 1, .lo = 2};
  EXPECT_EQ(inbound_id(nobody, "a", "b"), inbound_id(nobody, "a", "b"));
  EXPECT_NE(inbound_id(nobody, "ab", "c"), inbound_id(nobody, "a", "bc"));
  EXPECT_NE(inbound_id(nobody, "a", "b"), inbound_id(nobody, "b", "a"));
  EXPECT_NE(inbound_id(nobody, "a", "b"), inbound_id(someone, "a", "b"));
}

TEST(CloudEvents, AreNamedAsTheyAreWritten) {
  EXPECT_EQ("promotion.page.visited", name_of(Inbound::Type::page_visited));
  EXPECT_EQ("promotion.invite.opened", name_of(Inbound::Type::invite_opened));
  EXPECT_EQ("promotion.shared", name_of(Inbound::Type::shared));
}

/// In Kafka's binary mode, with these attributes beside id and source.
std::string binary_refusal(const CloudAttributes& more,
                           std::string_view data = R"({"promotionId":"1","userId":"u1"})") {
  CloudAttributes attributes{{"id", "e1"}, {"source", "/page"}};
  attributes.insert(attributes.end(), more.begin(), more.end());
  return refusal_of(decode_cloud_event(attributes, data));
}

TEST(CloudEventsInBinaryMode, AreReadAsTheSameEventInStructuredModeIs) {
  const CloudAttributes attributes{{"specversion", "1.0"},
                                   {"id", "e1"},
                                   {"source", "/page"},
                                   {"type", "promotion.page.visited"},
                                   {"time", "2025-06-21T00:00:00Z"},
                                   {"traceid", "7"},
                                   {"datacontenttype", "application/json"}};
  const auto read = decode_cloud_event(attributes, R"({"promotionId":"1","userId":"u1"})");
  ASSERT_TRUE(read) << as_text(read.error());
  EXPECT_EQ(*read, decode_cloud_event(visit())->at(0));
}

TEST(CloudEventsInBinaryMode, WhatIsWrongIsNamed) {
  const CloudAttributes good{{"specversion", "1.0"}, {"type", "promotion.page.visited"}};
  const auto with = [&good](std::string name, std::string value) {
    CloudAttributes attributes = good;
    attributes.emplace_back(std::move(name), std::move(value));
    return binary_refusal(attributes);
  };
  EXPECT_EQ(binary_refusal(good), "accepted");
  EXPECT_EQ(binary_refusal({}), "/specversion: is required; /type: is required");
  EXPECT_EQ(with("id", "e2"), ": has an attribute that is given twice, or is none");
  EXPECT_EQ(with("data", "{}"), ": has an attribute that is given twice, or is none");
  EXPECT_EQ(with("data_base64", "e30="), ": has an attribute that is given twice, or is none");
  EXPECT_EQ(with("trace", "\xff"), "/trace: must be UTF-8");
  EXPECT_EQ(with("Trace", "1"), "/Trace: unknown member");
  EXPECT_EQ(with("datacontenttype", "text/plain"), "/datacontenttype: must be a JSON type");
  EXPECT_EQ(binary_refusal(good, ""), "not JSON at line 1, column 1");
  EXPECT_EQ(binary_refusal(good, "[]"), "/data: must be an object");
  EXPECT_EQ(binary_refusal(good, R"({"promotionId":"1"})"), "/data/userId: is required");
}

TEST(CloudEventsInBinaryMode, TheDataThatIsWrittenIsReadBack) {
  for (const Inbound::Type type : {Inbound::Type::page_visited, Inbound::Type::invite_opened, Inbound::Type::shared}) {
    const CloudAttributes attributes{
        {"specversion", "1.0"}, {"id", "1"}, {"source", "s"}, {"type", std::string(name_of(type))}};
    const auto read = decode_cloud_event(attributes, cloud_event_data(type, "사용자\"1", "about"));
    ASSERT_TRUE(read) << as_text(read.error());
    EXPECT_EQ(*read, (CloudEvent{.source = "s", .id = "1", .type = type, .user_id = "사용자\"1", .about = "about"}));
  }
}

}  // namespace
}  // namespace windfall::codec
