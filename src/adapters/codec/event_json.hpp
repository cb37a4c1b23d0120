// Events as JSON that people can read and that reads back into the same event, exactly: how they stand in Kafka. One
// spelling per event, so that equal events are equal bytes; what is spelled otherwise, or not known, is refused by
// name.
//
//   {"type":"windfall.participated.v1","promotionId":"1","partition":3,"epoch":1,"sequence":17,
//    "time":"2025-06-21T00:00:00.123Z","revision":2,"user":"alice","userRef":"9f…","day":"2025-06-21","dayIndex":0,
//    "amount":100,"test":false,"command":{"hash":"…","fingerprint":"…"}}
//
// Integers of 64 bits stand as JSON integers up to 2^53 - 1 either way, and as decimal strings beyond, so that no
// reader rounds them. Times and days outside of the years 0000 to 9999, which no clock gives, stand as integers
// (milliseconds, days). Text that is no UTF-8, such as a partner's error in another encoding, stands as
// {"base64url":"…"}. The schema of each type is in docs/events/.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "application/port/event_log.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::codec {

/// "windfall.participated.v1"
[[nodiscard]] std::string_view type_name(const Event& event);

/// The id of a user, empty where it is not known: erased, or never named.
using NameOf = std::function<std::string_view(UserRef)>;

/// Appends one object. `promotion_id` is empty for the system partition. Ids that are no user ids are left out.
void append_event_json(std::string& out, const Recorded& recorded, std::string_view promotion_id,
                       const NameOf& name_of);

struct ReadEvent {
  Recorded recorded;
  std::string promotion_id;                 ///< empty for the system partition
  std::vector<LogBatch::Named> identities;  ///< of the users that the event named
};
/// Failure invalid, naming the member: unknown type, missing or unknown member, wrong spelling, no JSON.
[[nodiscard]] Result<ReadEvent> read_event_json(std::string_view json);

}  // namespace windfall::codec
