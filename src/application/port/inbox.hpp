// Events that came in to be judged later: kept durably before their sender is told so, handed out once, and found again
// after a crash until they are settled (InboundSettled). Loop thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "application/port/task.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

/// An event that was accepted.
struct InboundEvent {
  std::array<std::uint8_t, 16> id{};
  Inbound::Type type = Inbound::Type::page_visited;
  UserRef user;
  std::string user_id;      ///< empty: the person was erased meanwhile
  std::string about;        ///< promotion id, or the invite's token
  std::uint64_t order = 0;  ///< of arrival; set by the inbox
};

class Inbox {
 public:
  /// An id is remembered this long by the partition's time; afterwards the natural guards hold.
  static constexpr std::int64_t kRememberedMs = std::int64_t{30} * 86'400'000;

  virtual ~Inbox() = default;

  /// Keeps those of the events that are not remembered, all of them in one durable step; with a command, the answer is
  /// kept in the same step. Completes when that is durable, with the number of events that were new. Fails as
  /// PromotionStore::commit() does: nothing was taken then.
  virtual Task<Result<std::size_t>> take(std::vector<InboundEvent> events, std::optional<Command> command,
                                         AnswerKept answer) = 0;
  /// The oldest durable event that nobody is judging or has settled; nullopt if there is none.
  virtual std::optional<InboundEvent> next() = 0;
  /// Judging failed: next() hands it out again, at its old place.
  virtual void put_back(InboundEvent event) = 0;

  /// Judging it is over for good. An inbox that sees the settlement in its own log needs no telling.
  virtual void settled(const InboundEvent& /*event*/) {}

  /// It is judged, and waits for its rejection to be written, which may take as long as the ledger is away: it will be
  /// settled, unless this process ends before.
  virtual void held(const InboundEvent& /*event*/) {}

  [[nodiscard]] virtual std::size_t waiting() const = 0;
  /// Events that were remembered already, since the start.
  [[nodiscard]] virtual std::uint64_t duplicates() const = 0;
};

}  // namespace windfall
