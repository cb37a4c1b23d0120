#include "app/simulate/world.hpp"

#include <algorithm>
#include <optional>

#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/system/time_zone.hpp"

namespace windfall::simulate {

namespace {

/// Starts a task and ends turns until it is done.
template <class T>
T finished(World& world, Task<T> task) {
  std::optional<T> result;
  detach([](Task<T> awaited, std::optional<T>* into) -> Task<void> {
    T value = co_await awaited;
    into->emplace(std::move(value));
  }(std::move(task), &result));
  world.settle();
  return std::move(result).value();
}

}  // namespace

Result<std::string> NumberedSeeds::make(std::string_view promotion_id) { return std::string(promotion_id); }

Result<Seed> NumberedSeeds::open(std::string_view promotion_id, std::string_view) {
  const std::string text = "windfall simulate " + std::to_string(number_) + " " + std::string(promotion_id);
  return Seed{sha256(bytes_of_text(text))};
}

World::World(std::uint64_t seed)
    : seeds_(seed),
      manage_(store_, Manage::Tools{.encode = codec::encode_definition,
                                    .load_zone = [](const std::string& name) { return system::load_zone(name); },
                                    .make_id = [] { return std::string("simulated"); },
                                    .make_seed = [this](std::string_view id) { return seeds_.make(id); }}) {}

Result<DefinitionPtr> World::create(Promotion promotion) {
  const std::string id = promotion.id;
  AnswerOf answer{.command = {}, .render = [](const PromotionView&) { return AnswerKept{}; }};
  const auto created = finished(
      *this,
      manage_.create(std::move(promotion), {.actor = "system", .action = "simulate", .reason = {}}, std::move(answer)));
  if (!created) return tl::unexpected(created.error());
  return store_.find(id);
}

Result<std::uint64_t> World::take(const embedded::TurnBatch& batch) {
  log_bytes_ += batch.body.size();
  if (named_) {
    for (const embedded::NamedUser& user : batch.identities) named_(user.user, user.id);
  }
  if (seen_) {
    turn_.clear();
    std::string_view rest = batch.body;
    while (!rest.empty()) {
      Result<Recorded> recorded = codec::decode(rest);
      if (!recorded) return tl::unexpected(recorded.error());
      turn_.push_back(std::move(*recorded));
    }
    seen_(turn_);
  }
  return ++ticket_;
}

bool World::settle() {
  bool decided = false;
  while (turn_open_) {
    turn_open_ = false;
    decided = true;
    store_.end_of_turn();
    store_.on_durable(ticket_, ticket_);
  }
  return decided;
}

Result<std::string> World::run_jobs(LotteryLedger& ledger) {
  settle();
  Result<std::string> opened = finished(*this, open_segments_());
  if (!opened) return opened;
  // What is durable has been folded: the log gives it away before it acknowledges.
  CloseLotteries close(store_, book_, ledger, blocking_, [this](PartitionNo) { return store_.durable(); });
  return finished(*this, close());
}

}  // namespace windfall::simulate
