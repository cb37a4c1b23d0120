// The events that the script has kept beside the hot state, for the relay: one stream per partition, in its slot.
#pragma once

#include <string>
#include <vector>

#include "adapters/redis/store/redis_store.hpp"
#include "application/port/outbox.hpp"

namespace windfall::redis {

class RedisOutbox final : public Outbox {
 public:
  /// Both outlive this.
  RedisOutbox(Client& client, const RedisStore& store);

  Task<Result<std::vector<Backlog>>> backlogs() override;
  Task<Result<std::vector<windfall::OutboxEntry>>> read(std::string promotion_id, std::optional<OutboxId> after,
                                                        std::size_t max_events) override;
  Task<Result<Turn>> take_turn(std::string promotion_id, std::optional<OutboxId> after, std::size_t max_events,
                               std::int64_t lease_ms) override;
  Task<Result<bool>> give_back(std::string promotion_id) override;
  Task<Result<bool>> trim(std::string promotion_id, OutboxId up_to) override;

 private:
  [[nodiscard]] const Known* find(std::string_view promotion_id) const;

  Client& client_;
  const RedisStore& store_;
  const std::string relay_;  ///< who holds a lease
};

}  // namespace windfall::redis
