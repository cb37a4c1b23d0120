#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "adapters/http/sandbox/sandbox_partner.hpp"

namespace windfall::http {
namespace {

Booking a_booking(std::string event_id = "e1", Amount amount = 50) {
  return {.event_id = std::move(event_id), .user_id = "민지", .promotion_id = "summer", .amount = amount};
}

class ABookOnDisk : public ::testing::Test {
 protected:
  ABookOnDisk() {
    std::string name = std::filesystem::temp_directory_path() / "windfall-book-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    path = folder_ / "book.jsonl";
  }
  ~ABookOnDisk() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string bytes() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string path;

 private:
  std::filesystem::path folder_;
};

TEST(ABook, honours_the_key) {
  SandboxBook book;
  EXPECT_EQ(book.book(a_booking()).value(), SandboxBook::Outcome::booked);
  EXPECT_EQ(book.book(a_booking()).value(), SandboxBook::Outcome::repeated);
  EXPECT_EQ(book.book(a_booking("e1", 51)).value(), SandboxBook::Outcome::contradicts);
  ASSERT_NE(book.find("e1"), nullptr);
  EXPECT_EQ(book.find("e1")->amount, 50);
  EXPECT_EQ(book.find("e1")->times, 1);
  EXPECT_EQ(book.find("e2"), nullptr);
  std::string json;
  book.append_json(json);
  EXPECT_EQ(json, R"({"entries":[{"eventId":"e1","userId":"민지","promotionId":"summer","amount":50,"times":1}]})");
}

TEST(ABook, shows_a_hundred_thousand_entries_quickly) {
  SandboxBook book;
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(book.book(a_booking("e" + std::to_string(i))).has_value());
  std::string json;
  book.append_json(json);
  EXPECT_GT(json.size(), 8'000'000U);
}

TEST_F(ABookOnDisk, is_there_again) {
  {
    SandboxBook book = SandboxBook::open(path).value();
    ASSERT_TRUE(book.book(a_booking("e1")).has_value());
    ASSERT_TRUE(book.book(a_booking("e2", 7)).has_value());
  }
  SandboxBook again = SandboxBook::open(path).value();
  EXPECT_EQ(again.size(), 2U);
  EXPECT_EQ(again.find("e2")->amount, 7);
  EXPECT_EQ(again.book(a_booking("e1")).value(), SandboxBook::Outcome::repeated);
}

TEST_F(ABookOnDisk, loses_a_torn_last_line_and_nothing_else) {
  {
    SandboxBook book = SandboxBook::open(path).value();
    ASSERT_TRUE(book.book(a_booking("e1")).has_value());
    ASSERT_TRUE(book.book(a_booking("e2")).has_value());
  }
  const std::string whole = bytes();
  const std::size_t first = whole.find('\n') + 1;
  for (std::size_t cut = first; cut < whole.size(); ++cut) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, cut);
    SandboxBook book = SandboxBook::open(path).value();
    ASSERT_EQ(book.size(), 1U) << cut;
    ASSERT_EQ(book.book(a_booking("e2")).value(), SandboxBook::Outcome::booked);
    ASSERT_EQ(bytes(), whole) << cut;
  }
}

TEST_F(ABookOnDisk, is_damaged_if_a_whole_line_is_no_booking) {
  std::ofstream(path) << "{\"eventId\":\"e1\"}\n";
  const auto opened = SandboxBook::open(path);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, FailureCode::damaged);
}

class ASandboxPartner : public ::testing::Test {
 protected:
  static std::string body(std::string_view event_id = "e1", int amount = 50) {
    return R"({"eventId":")" + std::string(event_id) + R"(","userId":"u1","promotionId":"summer","amount":)" +
           std::to_string(amount) + R"(,"occurredAt":"2025-06-21T00:00:00.000Z"})";
  }
  PartnerReply post(const std::string& sent, std::string_view key = "e1") {
    return partner.answer({.method = "POST", .path = "/points/accruals", .idempotency_key = key, .body = sent});
  }
  PartnerReply get(std::string_view path) { return partner.answer({.method = "GET", .path = path}); }
  PartnerReply put_faults(std::string_view faults) {
    return partner.answer({.method = "PUT", .path = "/faults", .body = faults});
  }

  SandboxPartner partner{SandboxBook(), {.seed = 1}};
};

constexpr std::string_view kEntry = R"({"eventId":"e1","userId":"u1","promotionId":"summer","amount":50})";

TEST_F(ASandboxPartner, books_once_however_often_it_is_told) {
  const PartnerReply first = post(body());
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(first.body, kEntry);
  const PartnerReply second = post(body());
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, kEntry);
  EXPECT_EQ(get("/points/accruals/e1").body, kEntry);
  EXPECT_EQ(get("/points/accruals/e2").status, 404);
  EXPECT_EQ(get("/book").body,
            R"({"entries":[{"eventId":"e1","userId":"u1","promotionId":"summer","amount":50,"times":1}]})");
}

TEST_F(ASandboxPartner, answers_409_if_the_key_comes_with_something_else) {
  post(body());
  EXPECT_EQ(post(body("e1", 51)).status, 409);
  EXPECT_EQ(get("/points/accruals/e1").body, kEntry);
}

TEST_F(ASandboxPartner, refuses_what_the_contract_does_not_say) {
  EXPECT_EQ(post("{").status, 400);
  EXPECT_EQ(post(body(), "e2").status, 400);
  EXPECT_EQ(post(body(), "").status, 400);
  EXPECT_EQ(post(R"({"eventId":"e1"})").status, 422);
  EXPECT_EQ(get("/nothing").status, 404);
  EXPECT_EQ(get("/book").body, R"({"entries":[]})");
}

TEST_F(ASandboxPartner, fails_before_it_books) {
  ASSERT_EQ(put_faults(R"({"fail":1})").status, 200);
  EXPECT_EQ(post(body()).status, 503);
  EXPECT_EQ(get("/points/accruals/e1").status, 503);
  ASSERT_EQ(put_faults("{}").status, 200);
  EXPECT_EQ(get("/points/accruals/e1").status, 404);
}

TEST_F(ASandboxPartner, times_out_after_it_has_booked) {
  ASSERT_EQ(put_faults(R"({"timeout":1.0,"latencyMs":20})").status, 200);
  EXPECT_EQ(post(body()).after_ms, 10'000);
  const PartnerReply asked = get("/points/accruals/e1");
  EXPECT_EQ(asked.status, 200);
  EXPECT_EQ(asked.after_ms, 20);
}

TEST_F(ASandboxPartner, answers_409_although_it_has_booked) {
  ASSERT_EQ(put_faults(R"({"duplicate":1})").status, 200);
  EXPECT_EQ(post(body()).status, 409);
  EXPECT_EQ(get("/points/accruals/e1").body, kEntry);
}

TEST_F(ASandboxPartner, fails_in_the_share_that_was_asked_for_and_repeats_it_by_seed) {
  const auto statuses = [](std::uint64_t seed) {
    SandboxPartner one(SandboxBook(), {.faults = {.fail = 0.1, .timeout = 0.05, .duplicate = 0.01}, .seed = seed});
    std::string seen;
    for (int i = 0; i < 10'000; ++i) {
      const std::string key = "e" + std::to_string(i);
      const PartnerReply reply =
          one.answer({.method = "POST", .path = "/points/accruals", .idempotency_key = key, .body = body(key)});
      seen += reply.status == 503 ? 'f' : reply.status == 409 ? 'd' : reply.after_ms > 0 ? 't' : '.';
    }
    return seen;
  };
  const std::string once = statuses(7);
  EXPECT_EQ(once, statuses(7));
  EXPECT_NE(once, statuses(8));
  EXPECT_NEAR(static_cast<double>(std::count(once.begin(), once.end(), 'f')), 1000, 100);
  EXPECT_NEAR(static_cast<double>(std::count(once.begin(), once.end(), 't')), 500, 75);
  EXPECT_NEAR(static_cast<double>(std::count(once.begin(), once.end(), 'd')), 100, 40);
}

TEST_F(ASandboxPartner, refuses_faults_that_make_no_sense) {
  for (const std::string_view bad :
       {"", "[]", R"({"fail":1.1})", R"({"fail":-0.1})", R"({"fail":0.6,"timeout":0.6})", R"({"latencyMs":60001})",
        R"({"latencyMs":1.5})", R"({"latencyMs":-1})", R"({"fails":0.1})", R"({"fail":"1"})", R"({"fail":null})"}) {
    EXPECT_EQ(put_faults(bad).status, 422) << bad;
  }
}

TEST_F(ASandboxPartner, takes_a_notification_once) {
  const std::string sent =
      R"({"eventId":"e1","userId":"u1","promotionId":"summer","kind":"WIN","title":"당첨","body":"축하합니다"})";
  const auto notify = [&](const std::string& what) {
    return partner.answer({.method = "POST", .path = "/notifications", .idempotency_key = "e1", .body = what}).status;
  };
  EXPECT_EQ(notify(sent), 201);
  EXPECT_EQ(notify(sent), 200);
  std::string other = sent;
  other.replace(other.find("WIN"), 3, "WON");
  EXPECT_EQ(notify(other), 409);
  EXPECT_EQ(get("/book").body, R"({"entries":[]})");
  EXPECT_EQ(get("/notifications-book").body, R"({"entries":[{"times":1,"notification":)" + sent + "}]}");
}

TEST_F(ASandboxPartner, takes_only_signed_calls_if_there_is_a_secret) {
  SandboxPartner strict(SandboxBook(), {.signature_holds = [](const PartnerRequest& request) {
                          return request.webhook_signature == "v1,right";
                        }});
  const std::string sent = body();
  PartnerRequest request{.method = "POST", .path = "/points/accruals", .idempotency_key = "e1", .body = sent};
  EXPECT_EQ(strict.answer(request).status, 401);
  request.webhook_id = "e1";
  request.webhook_signature = "v1,wrong";
  EXPECT_EQ(strict.answer(request).status, 401);
  request.webhook_signature = "v1,right";
  request.webhook_id = "e2";
  EXPECT_EQ(strict.answer(request).status, 401) << "signed for another key";
  request.webhook_id = "e1";
  EXPECT_EQ(strict.answer(request).status, 201);
  EXPECT_EQ(strict.book().size(), 1U);
}

}  // namespace
}  // namespace windfall::http
