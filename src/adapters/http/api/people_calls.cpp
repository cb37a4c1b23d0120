// What operators ask and do about people: the timeline, the block list, export and erasure, and keys.
#include <algorithm>
#include <iterator>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/key_list.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/codec/utf8.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/render.hpp"
#include "adapters/http/api/render_lottery.hpp"
#include "adapters/http/api/timeline.hpp"
#include "application/on_request/key_ring.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall::http {

namespace {

constexpr std::size_t kMaxKeyName = 100;
/// More keys than any team needs; each is looked at for every unknown secret.
constexpr std::size_t kMaxKeys = 256;

}  // namespace

std::function<std::string(std::string_view, std::uint32_t)> Api::prize_names() {
  return [this](std::string_view promotion_id, std::uint32_t prize) -> std::string {
    const DefinitionPtr definition = parts_.store.find(promotion_id);
    if (!definition || !definition->promotion.lottery) return {};
    const std::vector<Prize>& prizes = definition->promotion.lottery->prizes;
    return prize < prizes.size() ? prizes[prize].name : std::string();
  };
}

Detached Api::get_user_timeline(Call call) {
  Query query(call.request->query);
  const std::optional<std::string> promotion_id = query.identifier("promotionId");
  if (!codec::valid_user_id(call.parameter)) {
    query.add_error("userId", "사용자 ID가 아닙니다", "is not a user id");
  }
  if (wrong_query(call, query)) co_return;
  std::optional<PartitionNo> partition;
  Telling telling;
  if (promotion_id) {
    auto asking = cannot_tell(&call, *promotion_id);
    if (co_await asking) co_return;
    const DefinitionPtr definition = parts_.store.find(*promotion_id);
    if (!definition) {
      send_problem(call, "PROMOTION_NOT_FOUND");
      co_return;
    }
    partition = definition->partition;
    telling.lottery = definition->promotion.lottery.has_value();
    telling.promotion_id = *promotion_id;
  }
  if (!co_await ledger_caught_up(&call, partition)) co_return;
  co_await parts_.refusals.flush();
  const UserRef user = parts_.callers.ref_of(call.parameter);
  const auto history = co_await parts_.ledger_reads.run(
      [this, user, partition] { return history_of(parts_.ledger, parts_.lottery.ledger, user, partition); });
  if (!history) {
    send(call, failed(history.error(), call.language, call.request->path));
    co_return;
  }
  auto knowing = knows_prizes(&call, &history->draws);
  if (!co_await knowing) co_return;
  // What the participant is shown until the grant of the first visit is done; where that cannot be told, it is not.
  if (telling.lottery && !history->erased && history->tickets.empty()) {
    const auto account = co_await parts_.lottery.show.account(telling.promotion_id, user);
    const auto* found = account ? std::get_if<TicketAccount>(&*account) : nullptr;
    if (found != nullptr && found->provisional) telling.provisional.push_back({.title = {}, .tickets = found->held});
  }
  if (!promotion_id && !history->erased) {
    const auto on_their_way = co_await parts_.lottery.show.on_their_way(user);
    if (on_their_way) {
      for (const auto& [definition, tickets] : *on_their_way) {
        telling.provisional.push_back({.title = definition->promotion.title, .tickets = tickets});
      }
    }
  }
  if (!telling.provisional.empty()) {
    std::vector<Look> looks{keys::blocked(user)};
    const auto blocked = co_await parts_.store.read(std::move(looks), Freshness::durable);
    telling.blocked = blocked && blocked->front() != 0;
  }
  const TicketSum sum = sum_of(*history);
  const Told sentence = told(*history, telling);
  Answer answer;
  codec::ObjectWriter body(answer.body);
  body.text("userId", std::string_view(call.parameter));
  append_items(body.name("items"), timeline_of(*history, telling.promotion_id, prize_names(), parts_.clock.now()));
  codec::ObjectWriter(body.name("sum"))
      .integer("granted", sum.granted)
      .integer("drawn", sum.drawn)
      .integer("revoked", sum.revoked)
      .integer("held", sum.held())
      .close();
  codec::ObjectWriter(body.name("answer"))
      .text("ko", std::string_view(sentence.ko))
      .text("en", std::string_view(sentence.en))
      .close();
  body.close();
  send(call, std::move(answer));
}

void Api::render_own_draw(std::string& out, const DrawRow& row) {
  codec::ObjectWriter writer = begin_draw(out, row);
  const DefinitionPtr definition = row.prize ? parts_.store.find(row.promotion_id) : nullptr;
  const bool taxed =
      definition && definition->promotion.lottery && taxable(definition->promotion.lottery->prizes.at(*row.prize), row);
  if (taxed) writer.boolean("taxable", true);
  writer.close();
}

Detached Api::export_user(Call call) {
  Query query(call.request->query);
  if (!codec::valid_user_id(call.parameter)) {
    query.add_error("userId", "사용자 ID가 아닙니다", "is not a user id");
  }
  if (wrong_query(call, query)) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  co_await parts_.refusals.flush();
  const UserRef user = parts_.callers.ref_of(call.parameter);
  const auto history = co_await parts_.ledger_reads.run(
      [this, user] { return history_of(parts_.ledger, parts_.lottery.ledger, user, std::nullopt); });
  std::vector<Look> looks{keys::blocked(user)};
  const auto blocked = co_await parts_.store.read(std::move(looks), Freshness::durable);
  if (!history || !blocked) {
    send(call, failed(history ? blocked.error() : history.error(), call.language, call.request->path));
    co_return;
  }
  auto knowing = knows_prizes(&call, &history->draws);
  if (!co_await knowing) co_return;
  std::vector<CouponRow> rows = history->coupons;
  const auto coupons = co_await parts_.lottery.coupons.views_of(std::move(rows));
  if (!coupons) {
    send(call, failed(coupons.error(), call.language, call.request->path));
    co_return;
  }
  Answer answer;
  codec::ObjectWriter body(answer.body);
  body.text("userId", std::string_view(call.parameter))
      .instant("exportedAt", parts_.clock.now())
      .boolean("blocked", blocked->front() != 0);
  codec::append_json_array(body.name("participations"), history->joins, [&](const ParticipationRow& row) {
    render_row(answer.body, row, call.parameter, parts_.store);
  });
  codec::append_json_array(body.name("tickets"), history->tickets,
                           [&](const TicketEntry& entry) { render_entry(answer.body, entry); });
  codec::append_json_array(body.name("draws"), history->draws,
                           [&](const DrawRow& row) { render_own_draw(answer.body, row); });
  codec::append_json_array(body.name("coupons"), *coupons,
                           [&](const CouponView& coupon) { render_coupon(answer.body, coupon); });
  append_items(body.name("timeline"), without_others(timeline_of(*history, "", prize_names(), parts_.clock.now())));
  body.close();
  send(call, std::move(answer));
}

Detached Api::erase_user(Call call) {
  Query query(call.request->query);
  if (!codec::valid_user_id(call.parameter)) {
    query.add_error("userId", "사용자 ID가 아닙니다", "is not a user id");
  }
  if (wrong_query(call, query)) co_return;
  const std::optional<std::string> reason =
      read_body(call, [](codec::ObjectReader& reader) { return read_reason(reader); });
  if (!reason) co_return;
  const UserRef user = parts_.callers.ref_of(call.parameter);
  // What is accepted between the look at what is open and the end of it would lose its name, and nobody could be paid.
  erasing_.insert(user);
  co_await erase(&call, user, &*reason);
  erasing_.erase(erasing_.find(user));
}

Task<void> Api::erase(Call* call, UserRef user, const std::string* reason) {
  if (const Result<bool> durable = co_await parts_.store.durable(); !durable) {
    co_return send(*call, failed(durable.error(), call->language, call->request->path));
  }
  if (!co_await ledger_caught_up(call)) co_return;
  const Result<bool> open = co_await parts_.ledger_writer.run([this, user] { return parts_.effects.open_for(user); });
  if (!open) co_return send(*call, failed(open.error(), call->language, call->request->path));
  if (*open) co_return send_problem(*call, "IN_PROGRESS");
  // The event first: if the process ends before the ids are zeroed, the next start finishes what it says.
  std::vector<Event> events;
  events.emplace_back(UserErased{.user = user, .audit = audit_of(*call, *reason)});
  const Result<bool> recorded = co_await parts_.manage.record(std::move(events), std::nullopt, Identity{});
  if (!recorded) co_return send(*call, failed(recorded.error(), call->language, call->request->path));
  const Result<bool> erased = co_await parts_.hooks.erase_identity(user);
  const bool projected = co_await parts_.hooks.caught_up(std::nullopt);
  if (!erased || !projected) {
    co_return send(*call, later("OVERLOADED", 1, call->language, call->request->path));
  }
  send(*call, {.status = 204, .content_type = {}});
}

Detached Api::block_user(Call call) { return set_blocked(std::move(call), true); }
Detached Api::unblock_user(Call call) { return set_blocked(std::move(call), false); }

Detached Api::set_blocked(Call call, bool blocked) {
  Query query(call.request->query);
  if (!codec::valid_user_id(call.parameter)) {
    query.add_error("userId", "사용자 ID가 아닙니다", "is not a user id");
  }
  if (wrong_query(call, query)) co_return;
  const std::optional<std::string> reason =
      read_body(call, [](codec::ObjectReader& reader) { return read_reason(reader); });
  if (!reason) co_return;
  const UserRef user = parts_.callers.ref_of(call.parameter);
  const Result<bool> changed = co_await parts_.manage.block(user, call.parameter, blocked, audit_of(call, *reason));
  if (!changed) {
    send(call, failed(changed.error(), call.language, call.request->path));
    co_return;
  }
  Answer answer;
  codec::ObjectWriter(answer.body).text("userId", std::string_view(call.parameter)).boolean("blocked", blocked).close();
  send(call, std::move(answer));
}

Detached Api::create_key(Call call) {
  Query query(call.request->query);
  if (call.command) {
    query.add_error("Idempotency-Key", "키는 한 번만 표시되므로 여기서는 쓸 수 없습니다",
                    "cannot be used here: a key is shown once");
  }
  if (wrong_query(call, query)) co_return;
  struct NewKey {
    std::string name;
    std::optional<Role> role;
  };
  const std::optional<NewKey> body = read_body(call, [](codec::ObjectReader& reader) {
    NewKey key;
    key.name = reader.required_string("name", {.min = 1, .max = kMaxKeyName});
    if (std::ranges::any_of(key.name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
      reader.refuse("name", "must not contain control characters", "제어 문자를 쓸 수 없습니다");
    }
    static constexpr std::array<codec::Word<Role>, 4> kRoles{
        {{"gateway", Role::gateway}, {"viewer", Role::viewer}, {"operator", Role::operator_}, {"admin", Role::admin}}};
    key.role = reader.required_word<Role>("role", kRoles);
    return key;
  });
  if (!body) co_return;
  const Revision revision = parts_.store.system_revision();
  Result<std::vector<Key>> keys = codec::decode_keys(parts_.store.system_definition());
  if (!keys || keys->size() >= kMaxKeys) {
    send(call,
         keys ? invalid({{.pointer = "", .detail_ko = "키가 너무 많습니다", .detail_en = "there are too many keys"}},
                        call.language, call.request->path)
              : failed(keys.error(), call.language, call.request->path));
    co_return;
  }
  const std::string secret = parts_.hooks.make_secret();
  const auto digest = Callers::digest_of(secret);
  Key key{.id = "k-" + codec::to_hex(codec::Bytes(digest).first(6)),
          .name = body->name,
          .role = *body->role,
          .digest = digest,
          .created = parts_.clock.now()};
  Answer answer{.status = 201};
  codec::ObjectWriter(answer.body)
      .text("keyId", std::string_view(key.id))
      .text("key", std::string_view(secret))
      .close();
  keys->push_back(std::move(key));
  KeyChanged event{.key_id = keys->back().id, .keys = codec::encode_keys(*keys), .audit = audit_of(call, "")};
  const Result<bool> changed = co_await parts_.manage.change_keys(revision, std::move(event));
  if (!changed || !*changed) {
    send(call, later("OVERLOADED", 1, call.language, call.request->path));
    co_return;
  }
  send(call, std::move(answer));
}

Detached Api::list_keys(Call call) {
  Query query(call.request->query);
  const int limit = query.limit(kDefaultLimit);
  std::size_t from = 0;
  if (const std::optional<std::string> cursor = query.text("cursor")) {
    const auto parts = read_cursor("keys", *cursor, 1);
    if (!parts) query.add_error("cursor", "이 목록의 커서가 아닙니다", "is not a cursor of this list");
    // Keys are listed in order of id, so that a key that is made or withdrawn meanwhile moves no other.
    if (parts) from = 1;
    if (parts) call.parameter = parts->front();
  }
  if (wrong_query(call, query)) co_return;
  Result<std::vector<Key>> keys = codec::decode_keys(parts_.store.system_definition());
  const Result<bool> durable = co_await parts_.store.durable();
  if (!keys || !durable) {
    send(call, failed(keys ? durable.error() : keys.error(), call.language, call.request->path));
    co_return;
  }
  std::ranges::sort(*keys, {}, &Key::id);
  if (from == 1) std::erase_if(*keys, [&](const Key& key) { return key.id <= call.parameter; });
  const bool more = keys->size() > static_cast<std::size_t>(limit);
  if (more) keys->resize(static_cast<std::size_t>(limit));
  Answer answer;
  codec::ObjectWriter body(answer.body);
  codec::append_json_array(body.name("items"), *keys, [&](const Key& key) {
    codec::ObjectWriter(answer.body)
        .text("keyId", std::string_view(key.id))
        .text("name", std::string_view(key.name))
        .text("role", windfall::name_of(key.role))
        .instant("createdAt", key.created)
        .close();
  });
  if (more) {
    body.text("nextCursor", std::string_view(make_cursor("keys", {keys->back().id})));
  } else {
    body.null("nextCursor");
  }
  body.close();
  send(call, std::move(answer));
}

Detached Api::delete_key(Call call) {
  if (wrong_query(call)) co_return;
  if (!read_body(call, [](codec::ObjectReader&) { return true; })) co_return;
  const Revision revision = parts_.store.system_revision();
  Result<std::vector<Key>> keys = codec::decode_keys(parts_.store.system_definition());
  if (!keys) {
    send(call, failed(keys.error(), call.language, call.request->path));
    co_return;
  }
  if (std::erase_if(*keys, [&](const Key& key) { return key.id == call.parameter; }) == 0) {
    send_problem(call, "NOT_FOUND");
    co_return;
  }
  KeyChanged event{.key_id = call.parameter, .keys = codec::encode_keys(*keys), .audit = audit_of(call, "")};
  const Result<bool> changed = co_await parts_.manage.change_keys(revision, std::move(event));
  if (!changed || !*changed) {
    send(call, later("OVERLOADED", 1, call.language, call.request->path));
    co_return;
  }
  send(call, {.status = 204, .content_type = {}});
}

}  // namespace windfall::http
