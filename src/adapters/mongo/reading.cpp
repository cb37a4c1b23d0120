#include "adapters/mongo/reading.hpp"

#include <set>
#include <utility>

#include "adapters/mongo/schema.hpp"

namespace windfall::mongo {

namespace {

/// References in one question: some hundred KiB.
constexpr std::size_t kAskedAtOnce = 4096;

DrawRow row_of(const Draw& draw, const Names& names) {
  return {.seq = draw.seq,
          .at = draw.at,
          .promotion_id = draw.promotion_id,
          .partition = draw.partition,
          .epoch = draw.epoch,
          .sequence = draw.sequence,
          .user = draw.user,
          .user_id = name_in(names, draw.user),
          .place = draw.place,
          .prize = draw.won ? std::optional{draw.won->prize} : std::nullopt,
          .item = draw.won ? std::optional{draw.won->item} : std::nullopt,
          .test = draw.test,
          .voided = draw.won && draw.won->voided != 0,
          .voided_late = draw.won && draw.won->voided == 2};
}

struct Found {
  std::vector<Draw> draws;
  Names names;
};

Result<Found> find_draws(Client& client, const Find& find) {
  Found found;
  std::vector<UserRef> users;
  const Result<bool> read = client.each(kDraws, find, [&](const View& view) {
    found.draws.push_back(draw_of(view));
    users.push_back(found.draws.back().user);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  Result<Names> names = names_of(client, users);
  if (!names) return tl::unexpected(names.error());
  found.names = *std::move(names);
  return found;
}

}  // namespace

Result<Names> names_of(Client& client, const std::vector<UserRef>& users) {
  const std::set<UserRef> distinct(users.begin(), users.end());
  Names names;
  auto next = distinct.begin();
  while (next != distinct.end()) {
    std::vector<std::string> refs;
    for (; next != distinct.end() && refs.size() < kAskedAtOnce; ++next) refs.push_back(text_of(*next));
    Document filter;
    if (refs.size() == 1) {
      filter.text("_id", std::string_view(refs.front()));
    } else {
      Document in;
      in.array("$in", std::span<const std::string>(refs));
      filter.document("_id", in);
    }
    const Result<bool> read = client.each(kIdentities, {.filter = filter}, [&](const View& view) {
      if (auto id = view.maybe_text("userId")) names[view.user("_id")] = *std::move(id);
      return true;
    });
    if (!read) return tl::unexpected(read.error());
  }
  return names;
}

std::string name_in(const Names& names, UserRef user) {
  const auto found = names.find(user);
  return found == names.end() ? std::string{} : found->second;
}

Document behind(std::int64_t after, std::int64_t last) {
  Document out;
  out.integer("$gt", after).integer("$lte", last);
  return out;
}

Document by(const char* name, std::int64_t direction) {
  Document out;
  out.integer(name, direction);
  return out;
}

Result<std::vector<DrawRow>> draw_rows(Client& client, const Find& find) {
  const Result<Found> found = find_draws(client, find);
  if (!found) return tl::unexpected(found.error());
  std::vector<DrawRow> out;
  out.reserve(found->draws.size());
  for (const Draw& draw : found->draws) out.push_back(row_of(draw, found->names));
  return out;
}

Result<std::vector<CouponRow>> coupon_rows(Client& client, const Find& find) {
  const Result<Found> found = find_draws(client, find);
  if (!found) return tl::unexpected(found.error());
  std::vector<CouponRow> out;
  for (const Draw& draw : found->draws) {
    if (!draw.coupon) continue;
    out.push_back({.draw = row_of(draw, found->names),
                   .issue = draw.coupon->issue,
                   .ordinal = draw.coupon->ordinal,
                   .issued_at = draw.coupon->issued_at,
                   .used_at = draw.coupon->used_at,
                   .expires_at = draw.coupon->expires_at});
  }
  return out;
}

}  // namespace windfall::mongo
