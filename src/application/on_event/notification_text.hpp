// What a notification says: Korean, with a plain English line behind it.
#pragma once

#include "application/port/effects.hpp"
#include "application/port/notifier.hpp"

namespace windfall {

/// The notification of a due effect that is one; `event_id` is its key.
[[nodiscard]] Notification notification_of(const DueEffect& effect, std::string event_id);

}  // namespace windfall
