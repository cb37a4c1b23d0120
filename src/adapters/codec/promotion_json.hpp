// A promotion as JSON: what operators send, what everyone is shown, and the definition that the hot state keeps as
// opaque text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "adapters/codec/json_in.hpp"
#include "domain/kernel/result.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::codec {

// Limits of the API's contract.
inline constexpr std::size_t kMaxTitle = 200;       ///< characters
inline constexpr std::size_t kMaxContent = 10'000;  ///< characters
inline constexpr std::size_t kMaxImageUrl = 2'048;  ///< characters; what every browser and proxy still carries
inline constexpr std::int64_t kMaxAmount =
    1'000'000'000'000;  ///< points and stock; nine million of the largest sum up to 64 bits, where sums stay
inline constexpr std::int32_t kMaxPeriodDays = 366;  ///< a year, leap or not; bounds the days kept per user
inline constexpr std::size_t kMaxJoinTypes =
    10;  ///< each is a guard of every join; no promotion seen needs more than four
inline constexpr std::size_t kMaxLeadPromotions = 20;
inline constexpr std::size_t kMaxSegments = 20;
inline constexpr std::string_view kDefaultZone = "Asia/Seoul";

/// The body of POST /v1/admin/promotions, checked and with defaults filled in. `id` is empty if the body has none; the
/// use case makes one.
[[nodiscard]] Decoded<Promotion> decode_create(std::string_view body);

/// What a patch is judged against.
struct PatchContext {
  Status status;   ///< by lifecycle and dates, without the red button
  bool begun;      ///< joins may have happened: the start is reached, and it was no draft
  LocalDay today;  ///< in the zone of the present definition
};

struct Patched {
  Promotion next;                          ///< the whole definition as it is to be, lifecycle included
  std::optional<Status> requested_status;  ///< active, paused or ended if the patch asks for it
};

/// The body of PATCH /v1/admin/promotions/{id}: a JSON merge patch (RFC 7396), in which null brings back a member's
/// default. Members may be repeated with their present value, except `id`, `mode`, `status` and what is read-only.
/// Whether a lower limitJoinCount still covers what is used, only the store can tell.
[[nodiscard]] Decoded<Patched> apply_patch(const Promotion& current, const PatchContext& context,
                                           std::string_view body);

/// A definition for keeping: compact JSON, the same bytes for equal promotions.
[[nodiscard]] std::string encode_definition(const Promotion& promotion);
/// The inverse. Failure damaged if the text is no such definition.
[[nodiscard]] Result<Promotion> decode_definition(std::string_view text);

/// What stands beside a definition in an answer.
struct PromotionView {
  Status status;
  std::int64_t left_join_count;
  std::optional<std::int64_t> left_today;  ///< missing where no daily limit is set
};

/// The API's Promotion but for what a PromotionView says: the same in every answer until the definition changes.
class PromotionText {
 public:
  explicit PromotionText(const Definition& definition);

  /// Appends the whole Promotion; warnings, of which the answer to a create or a patch may have some, as a last member.
  void append_to(std::string& out, const PromotionView& view, std::span<const std::string> warnings = {}) const;

 private:
  std::string text_;  ///< without the closing brace
  bool has_stock_;
  // Where in the text the value of each is left out.
  std::size_t left_join_count_at_ = 0;
  std::size_t left_today_at_ = 0;
  std::size_t status_at_ = 0;
};

/// As written in the API: "LIVE", "TEST".
[[nodiscard]] std::string_view name_of(Mode mode);

}  // namespace windfall::codec
