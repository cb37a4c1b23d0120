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
#include "application/on_request/key_ring.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall::http {

namespace {

constexpr std::size_t kMaxReason = 1000;
constexpr std::size_t kMaxKeyName = 100;
/// More keys than any team needs; each is looked at for every unknown secret.
constexpr std::size_t kMaxKeys = 256;
/// Participations read at a time; few people have more.
constexpr int kHistoryBatch = 1000;

struct TimelineItem {
  Instant at;
  std::size_t order = 0;  ///< among items of the same moment
  const char* type;
  std::string promotion_id;
  std::string cause;
  std::string detail;
};

/// What happened to a person, by the ledger.
struct History {
  std::vector<ParticipationRow> joins;
  std::vector<RewardRow> rewards;
  std::vector<RefusalRow> refusals;
};

Result<History> history_of(Ledger& ledger, UserRef user, std::optional<PartitionNo> partition) {
  History history;
  Ledger::ParticipationQuery wanted{.user = user, .partition = partition, .from = {}, .to = {}, .limit = kHistoryBatch};
  for (bool more = true; more;) {
    auto joins = ledger.participations(wanted);
    if (!joins) return tl::unexpected(joins.error());
    more = joins->size() == static_cast<std::size_t>(kHistoryBatch);
    if (more) wanted.after = joins->back().ordinal;
    std::ranges::move(*joins, std::back_inserter(history.joins));
  }
  // Of an erased person only what the rules need is left, without a name: nobody is told any more what it was.
  if (std::ranges::any_of(history.joins, [](const ParticipationRow& row) { return row.user_id.empty(); })) {
    return History{};
  }
  auto rewards = ledger.rewards(user, partition);
  if (!rewards) return tl::unexpected(rewards.error());
  auto refusals = ledger.refusals(user);
  if (!refusals) return tl::unexpected(refusals.error());
  history.rewards = std::move(*rewards);
  history.refusals = std::move(*refusals);
  return history;
}

std::vector<TimelineItem> merged(const History& history, const std::string& promotion_id) {
  std::vector<TimelineItem> items;
  for (const ParticipationRow& row : history.joins) {
    items.push_back({.at = row.at,
                     .type = "JOIN",
                     .promotion_id = row.promotion_id,
                     .detail = codec::to_text(row.day) + ", " + std::to_string(row.amount)});
  }
  for (const RewardRow& row : history.rewards) {
    std::string detail = row.state + ", " + std::to_string(row.amount);
    if (!row.last_error.empty() && row.state != "DONE") detail += ", " + row.last_error;
    items.push_back({.at = row.at, .type = "REWARD", .promotion_id = row.promotion_id, .detail = std::move(detail)});
  }
  for (const RefusalRow& row : history.refusals) {
    if (!promotion_id.empty() && row.promotion_id != promotion_id) continue;
    items.push_back(
        {.at = row.at, .type = "REFUSED", .promotion_id = row.promotion_id, .cause = row.code, .detail = row.detail});
  }
  for (std::size_t i = 0; i < items.size(); ++i) items[i].order = i;
  std::ranges::sort(items, {}, [](const TimelineItem& item) { return std::pair{item.at, item.order}; });
  return items;
}

/// The sentence that customer service can read out or paste.
void append_answer(std::string& out, const History& history) {
  std::int64_t done = 0;
  std::int64_t waiting = 0;
  Amount paid = 0;
  for (const RewardRow& row : history.rewards) {
    if (row.state == "DONE") {
      ++done;
      paid += row.amount;
    } else {
      ++waiting;
    }
  }
  const std::string joins = std::to_string(history.joins.size());
  std::string ko = "프로모션에 " + joins + "번 참여하셨고, 적립 " + std::to_string(done) + "건(" +
                   std::to_string(paid) + "포인트)이 완료되었습니다.";
  std::string en = "You have joined " + joins + (history.joins.size() == 1 ? " time; " : " times; ") +
                   std::to_string(done) + " accruals done (" + std::to_string(paid) + " points).";
  if (waiting > 0) {
    ko += " 처리 중인 적립이 " + std::to_string(waiting) + "건 있습니다.";
    en += " " + std::to_string(waiting) + " are on their way.";
  }
  if (!history.refusals.empty()) {
    const RefusalRow& last =
        *std::ranges::max_element(history.refusals, {}, [](const RefusalRow& row) { return row.at; });
    ko += " 마지막으로 거절된 참여의 사유는 " + last.code + (last.detail.empty() ? "" : "(" + last.detail + ")") +
          "입니다.";
    en += " The last refused attempt was " + last.code + (last.detail.empty() ? "" : " (" + last.detail + ")") + ".";
  }
  codec::ObjectWriter(out).text("ko", std::string_view(ko)).text("en", std::string_view(en)).close();
}

void append_items(std::string& out, const std::vector<TimelineItem>& items) {
  std::int64_t seq = 0;
  codec::append_json_array(out, items, [&](const TimelineItem& item) {
    codec::ObjectWriter line(out);
    line.integer("seq", ++seq)
        .instant("at", item.at)
        .text("type", std::string_view(item.type))
        .text("promotionId", std::string_view(item.promotion_id));
    if (!item.cause.empty()) line.text("cause", std::string_view(item.cause));
    line.integer("tickets", 0).text("detail", std::string_view(item.detail)).close();
  });
}

}  // namespace

Detached Api::get_user_timeline(Call call) {
  Query query(call.request->query);
  const std::optional<std::string> promotion_id = query.text("promotionId");
  if (!codec::valid_user_id(call.parameter)) {
    query.add_error("userId", "사용자 아이디가 아닙니다", "is not a user id");
  }
  if (wrong_query(call, query)) co_return;
  std::optional<PartitionNo> partition;
  if (promotion_id) {
    const DefinitionPtr definition = parts_.store.find(*promotion_id);
    if (!definition) {
      send_problem(call, "PROMOTION_NOT_FOUND");
      co_return;
    }
    partition = definition->partition;
  }
  if (!co_await ledger_caught_up(&call)) co_return;
  co_await parts_.refusals.flush();
  const UserRef user = parts_.callers.ref_of(call.parameter);
  const auto history =
      co_await parts_.ledger_reads.run([this, user, partition] { return history_of(parts_.ledger, user, partition); });
  if (!history) {
    send(call, failed(history.error(), call.language, call.request->path));
    co_return;
  }
  Answer answer;
  codec::ObjectWriter body(answer.body);
  body.text("userId", std::string_view(call.parameter));
  append_items(body.name("items"), merged(*history, promotion_id.value_or("")));
  codec::ObjectWriter(body.name("sum"))
      .integer("granted", 0)
      .integer("drawn", 0)
      .integer("revoked", 0)
      .integer("held", 0)
      .close();
  append_answer(body.name("answer"), *history);
  body.close();
  send(call, std::move(answer));
}

Detached Api::export_user(Call call) {
  Query query(call.request->query);
  if (!codec::valid_user_id(call.parameter)) {
    query.add_error("userId", "사용자 아이디가 아닙니다", "is not a user id");
  }
  if (wrong_query(call, query)) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  co_await parts_.refusals.flush();
  const UserRef user = parts_.callers.ref_of(call.parameter);
  const auto history =
      co_await parts_.ledger_reads.run([this, user] { return history_of(parts_.ledger, user, std::nullopt); });
  std::vector<Look> looks{keys::blocked(user)};
  const auto blocked = co_await parts_.store.read(std::move(looks), Freshness::durable);
  if (!history || !blocked) {
    send(call, failed(history ? blocked.error() : history.error(), call.language, call.request->path));
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
  append_items(body.name("timeline"), merged(*history, ""));
  body.close();
  send(call, std::move(answer));
}

Detached Api::erase_user(Call call) {
  Query query(call.request->query);
  if (!codec::valid_user_id(call.parameter)) {
    query.add_error("userId", "사용자 아이디가 아닙니다", "is not a user id");
  }
  if (wrong_query(call, query)) co_return;
  const std::optional<std::string> reason = read_body(call, [](codec::ObjectReader& reader) {
    return reader.required_string("reason", {.min = 1, .max = kMaxReason});
  });
  if (!reason) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  const UserRef user = parts_.callers.ref_of(call.parameter);
  const Result<bool> open = co_await parts_.ledger_writer.run([this, user] { return parts_.effects.open_for(user); });
  if (!open) {
    send(call, failed(open.error(), call.language, call.request->path));
    co_return;
  }
  if (*open) {
    send_problem(call, "IN_PROGRESS");
    co_return;
  }
  // The event first: if the process ends before the ids are zeroed, the next start finishes what it says.
  std::vector<Event> events;
  events.emplace_back(UserErased{.user = user, .audit = audit_of(call, *reason)});
  const Result<bool> recorded = co_await parts_.manage.record(std::move(events), std::nullopt, Identity{});
  if (!recorded) {
    send(call, failed(recorded.error(), call.language, call.request->path));
    co_return;
  }
  const Result<bool> erased = co_await parts_.hooks.erase_identity(user);
  const bool projected = co_await parts_.projection.reached(parts_.store.acknowledged_position());
  if (!erased || !projected) {
    send(call, later("OVERLOADED", 1, call.language, call.request->path));
    co_return;
  }
  send(call, {.status = 204, .content_type = {}});
}

Detached Api::block_user(Call call) { return set_blocked(std::move(call), true); }
Detached Api::unblock_user(Call call) { return set_blocked(std::move(call), false); }

Detached Api::set_blocked(Call call, bool blocked) {
  Query query(call.request->query);
  if (!codec::valid_user_id(call.parameter)) {
    query.add_error("userId", "사용자 아이디가 아닙니다", "is not a user id");
  }
  if (wrong_query(call, query)) co_return;
  const std::optional<std::string> reason = read_body(call, [](codec::ObjectReader& reader) {
    return reader.required_string("reason", {.min = 1, .max = kMaxReason});
  });
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
