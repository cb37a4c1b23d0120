#include "adapters/mongo/rows.hpp"

#include <fmt/format.h>

#include <charconv>

namespace windfall::mongo {

namespace {

std::uint32_t small(const View& view, const char* name) { return static_cast<std::uint32_t>(view.integer(name)); }

constexpr const char* kCauses[kGrantCauses] = {"visit", "inviteSent", "inviteOpened", "adjustment"};

}  // namespace

// --- Progress

std::pair<Epoch, Sequence> Progress::place(PartitionNo partition) const {
  const auto found = places.find(partition.value);
  return found == places.end() ? std::pair{Epoch{0}, Sequence{0}} : found->second;
}

Progress progress_of(const View& view) {
  Progress progress{.batch = view.integer("batch"),
                    .position = view.integer("position"),
                    .ordinal = view.integer("ordinal"),
                    .entry = view.integer("entry"),
                    .audit = view.integer("audit"),
                    .finding = view.integer("finding"),
                    .erasures = view.integer("erasures"),
                    .chain = view.text("chain"),
                    .paused_all = view.boolean("pausedAll"),
                    .places = {}};
  if (const std::optional<Document> places = view.document("places")) {
    View(*places).each_document([&](std::string_view name, const Document& place) {
      std::uint32_t partition = 0;
      std::from_chars(name.data(), name.data() + name.size(), partition);
      const View at(place);
      progress.places[partition] = {{small(at, "epoch")}, {static_cast<std::uint64_t>(at.integer("sequence"))}};
    });
  }
  return progress;
}

Document numbers_of(const Progress& progress) {
  Document out;
  out.integer("position", progress.position)
      .integer("ordinal", progress.ordinal)
      .integer("entry", progress.entry)
      .integer("audit", progress.audit)
      .integer("finding", progress.finding)
      .integer("erasures", progress.erasures)
      .text("chain", progress.chain)
      .boolean("pausedAll", progress.paused_all);
  return out;
}

Document place_of(Epoch epoch, Sequence sequence) {
  Document out;
  out.integer("epoch", std::int64_t{epoch.value}).integer("sequence", static_cast<std::int64_t>(sequence.value));
  return out;
}

// --- Counts

Total total_of(const View& view) {
  return {.participations = view.integer("participations"), .spent = view.integer("spent")};
}

Document members_of(const Total& total) {
  Document out;
  out.integer("participations", total.participations).integer("spent", total.spent);
  return out;
}

LotteryTotal lottery_total_of(const View& view) {
  LotteryTotal total{.granted = {},
                     .revoked = view.integer("revoked"),
                     .drawn = view.integer("drawn"),
                     .won = view.integer("won"),
                     .second_won = view.integer("secondWon"),
                     .voided = view.integer("voided"),
                     .accruals = view.integer("accruals"),
                     .second_begun = view.boolean("secondBegun")};
  for (std::size_t cause = 0; cause < kGrantCauses; ++cause) total.granted[cause] = view.integer(kCauses[cause]);
  return total;
}

Document members_of(const LotteryTotal& total) {
  Document out;
  for (std::size_t cause = 0; cause < kGrantCauses; ++cause) out.integer(kCauses[cause], total.granted[cause]);
  out.integer("revoked", total.revoked)
      .integer("drawn", total.drawn)
      .integer("won", total.won)
      .integer("secondWon", total.second_won)
      .integer("voided", total.voided)
      .integer("accruals", total.accruals)
      .boolean("secondBegun", total.second_begun);
  return out;
}

// --- Draws

std::string key_of(PartitionNo partition, const WinPlace& place) {
  return fmt::format("{}/{}/{}", partition.value, place.segment, place.serial);
}

std::string key_of(PartitionNo partition, std::uint64_t number) {
  return fmt::format("{}/{}", partition.value, number);
}

Draw draw_of(const View& view) {
  Draw draw{.seq = view.integer("seq"),
            .partition = {small(view, "partition")},
            .promotion_id = view.text("promotionId"),
            .epoch = {small(view, "epoch")},
            .sequence = {static_cast<std::uint64_t>(view.integer("sequence"))},
            .user = view.user("userRef"),
            .place = {.segment = small(view, "segment"), .serial = view.integer("serial")},
            .at = view.time("at"),
            .test = view.boolean("test"),
            .won = std::nullopt,
            .coupon = std::nullopt};
  if (!view.boolean("won")) return draw;
  draw.won = Draw::Won{.prize = small(view, "prize"),
                       .item = small(view, "item"),
                       .day = view.day("day"),
                       .event = view.uuid("eventId").value_or(EffectId{}),
                       .effect = view.uuid("effectId"),
                       .voided = view.integer("voided")};
  if (const std::optional<Document> coupon = view.document("coupon")) {
    const View at(*coupon);
    draw.coupon = Draw::Coupon{.issue = small(at, "issue"),
                               .ordinal = at.maybe_integer("ordinal"),
                               .issued_at = at.maybe_time("issuedAt"),
                               .used_at = at.maybe_time("usedAt"),
                               .expires_at = at.maybe_time("expiresAt")};
  }
  return draw;
}

Document members_of(const Draw& draw) {
  Document out;
  out.integer("seq", draw.seq)
      .integer("partition", std::int64_t{draw.partition.value})
      .text("promotionId", draw.promotion_id)
      .integer("epoch", std::int64_t{draw.epoch.value})
      .integer("sequence", static_cast<std::int64_t>(draw.sequence.value))
      .user("userRef", draw.user)
      .integer("segment", std::int64_t{draw.place.segment})
      .integer("serial", draw.place.serial)
      .time("at", draw.at)
      .boolean("test", draw.test)
      .boolean("won", draw.won.has_value());
  if (!draw.won) return out;
  const Draw::Won& won = *draw.won;
  out.integer("prize", std::int64_t{won.prize})
      .integer("item", std::int64_t{won.item})
      .day("day", won.day)
      .uuid("eventId", won.event);
  won.effect ? out.uuid("effectId", *won.effect) : out.null("effectId");
  out.integer("voided", won.voided);
  if (!draw.coupon) return out;
  const Draw::Coupon& coupon = *draw.coupon;
  Document inside;
  inside.integer("issue", std::int64_t{coupon.issue})
      .integer_or_null("ordinal", coupon.ordinal)
      .time_or_null("issuedAt", coupon.issued_at)
      .time_or_null("usedAt", coupon.used_at)
      .time_or_null("expiresAt", coupon.expires_at);
  out.document("coupon", inside);
  out.boolean("waitsForCode", !coupon.ordinal && won.voided == 0 && !draw.test);
  return out;
}

PromotionNow promotion_of(const View& view) {
  return {.id = view.text("id"), .revision = {small(view, "revision")}, .definition = view.text("definition")};
}

}  // namespace windfall::mongo
