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

bool known_to_participants(const Promotion& promotion) {
  if (promotion.lifecycle == Lifecycle::draft) return false;
  // An end that says when it was, of something that does not say when it was published: a draft's.
  return promotion.lifecycle != Lifecycle::ended || !promotion.secrets.ended || promotion.secrets.published.has_value();
}

const char* name_of(Status status) {
  static constexpr std::array kNames{"DRAFT", "SCHEDULED", "ACTIVE", "PAUSED", "ENDED"};
  return kNames.at(static_cast<std::size_t>(status));
}

}  // namespace windfall
