#include "domain/promotion/promotion.hpp"

#include <array>

namespace windfall {

Status status_at(const Promotion& promotion, LocalDay today, bool paused_all) {
  if (promotion.lifecycle == Lifecycle::draft) return Status::draft;
  if (promotion.lifecycle == Lifecycle::ended || today > promotion.end) return Status::ended;
  if (today < promotion.start) return Status::scheduled;
  if (promotion.lifecycle == Lifecycle::paused || paused_all) return Status::paused;
  return Status::active;
}

const char* name_of(Status status) {
  static constexpr std::array kNames{"DRAFT", "SCHEDULED", "ACTIVE", "PAUSED", "ENDED"};
  return kNames.at(static_cast<std::size_t>(status));
}

}  // namespace windfall
