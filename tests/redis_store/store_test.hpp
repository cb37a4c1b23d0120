// A store on a real Redis of the test's own, with promotions and people who join.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/system/random.hpp"
#include "adapters/system/time_zone.hpp"
#include "application/on_request/manage.hpp"
#include "application/on_request/participate.hpp"
#include "domain/builders.hpp"
#include "model/redis_server.hpp"
#include "redis_store/store_loop.hpp"

namespace windfall::redis {

class RedisStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.start(), "");
    clock_.at = test::kNoon;
    here_ = start();
  }

  std::unique_ptr<Process> start() {
    auto process = std::make_unique<Process>(server_.port(), clock_);
    codec::Uuid fresh{};
    system::random_bytes(fresh);
    const Result<bool> opened = process->run(process->store->open(fresh, std::nullopt));
    if (!opened) ADD_FAILURE() << opened.error().message;
    process->store->start();
    return process;
  }

  static Manage manage(Process& process) {
    return Manage(*process.store,
                  Manage::Tools{.encode = codec::encode_definition,
                                .load_zone = [](const std::string& name) { return system::load_zone(name); },
                                .make_id = [] { return std::string("made"); },
                                .make_seed = [](std::string_view) -> Result<std::string> { return "sealed"; }});
  }
  void create(Promotion promotion, std::optional<Command> by = {}) {
    Manage use(manage(*here_));
    const auto made = here_->run(
        use.create(std::move(promotion), {.actor = "k", .action = "create", .reason = ""},
                   {.command = by, .render = [](const PromotionView& view) {
                      return AnswerKept{.status = 201, .headers = "", .body = "made " + view.definition->promotion.id};
                    }}));
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(std::holds_alternative<AnswerKept>(*made));
  }
  /// Commands hold views: names last as long as the program.
  static std::string_view name_of(std::uint64_t who) {
    static std::map<std::uint64_t, std::string> names;
    return names.try_emplace(who, "user-" + std::to_string(who)).first->second;
  }
  static JoinCommand join_command(std::uint64_t who, std::optional<Command> by, std::string_view id) {
    return {.promotion_id = id, .user_id = name_of(who), .user = test::user(who), .segments = {}, .command = by};
  }
  Result<JoinOutcome> join(Process& process, std::uint64_t who, std::optional<Command> by = {},
                           std::string_view id = "1") {
    Participate use(*process.store);
    return process.run(use(join_command(who, by, id)));
  }
  Result<JoinOutcome> join(std::uint64_t who, std::optional<Command> by = {}, std::string_view id = "1") {
    return join(*here_, who, by, id);
  }
  /// "joined", the refusal's code, or the failure.
  static std::string word(const Result<JoinOutcome>& outcome) {
    if (!outcome) return outcome.error().message;
    if (const auto* refused = std::get_if<JoinRefused>(&*outcome)) return std::string(code_of(refused->refusal));
    if (const auto* joined = std::get_if<Joined>(&*outcome)) return joined->replayed ? "replayed" : "joined";
    return "else";
  }

  model::RedisServer server_;
  SetClock clock_;
  std::unique_ptr<Process> here_;
};

}  // namespace windfall::redis
