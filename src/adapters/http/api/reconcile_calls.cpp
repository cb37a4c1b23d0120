// The books compared: hot state, ledger and its rows, and the ends of effects. What can be made right by counting again
// is repaired on request.
#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/utf8.hpp"
#include "adapters/http/api/api.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/reconciliation.hpp"
#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall::http {

namespace {

/// Begins the kinds of what is found in the rows of one person.
constexpr std::string_view kOfUser = "USER_";
/// Values of the hot state that one step of the loop reads: some 2 ms.
constexpr std::size_t kLooksAtOnce = 6'000;
/// And one call: the next call goes on with the next people. 66,000 people where there is one promotion.
constexpr std::size_t kLooksPerCall = 200'000;
/// People whose rows the ledger adds up in one read.
constexpr std::size_t kMostPeopleAtOnce = 500;
/// Each costs two looks and a read of the ledger.
constexpr std::size_t kMostPeopleTold = 100;
/// A person who is just taking part is looked at again, so many times.
constexpr int kLooksAgain = 3;

/// One promotion in three books, and where they disagree.
struct Comparison {
  PromotionView before;
  PromotionView after;
  LedgerTotals ledger;
  /// Of a lottery: by the hot state before and after the ledger was asked, and by the ledger.
  std::optional<ShowTickets::Totals> tickets_before{};
  std::optional<ShowTickets::Totals> tickets_after{};
  LotteryTotals lottery{};
};

std::int64_t granted_by(const std::array<std::int64_t, kGrantCauses>& causes) {
  return std::accumulate(causes.begin(), causes.end(), std::int64_t{0});
}

std::vector<BookDifference> differences_of(const Comparison& c) {
  std::vector<BookDifference> differences;
  const std::string& promotion_id = c.before.definition->promotion.id;
  const auto check = [&](const char* kind, std::int64_t low, std::int64_t high, std::int64_t found) {
    // Joins go on while the books are read: anything between the two looks at the hot state is right.
    if (found >= low && found <= high) return;
    differences.push_back({.partition = c.before.definition->partition,
                           .promotion_id = promotion_id,
                           .kind = kind,
                           .expected = high,
                           .found = found});
  };
  check("JOINS", c.before.join_count, c.after.join_count, c.ledger.participations);
  check("SPEND", c.before.spent, c.after.spent, c.ledger.spent);
  // The ledger counts what needs no accrual (TEST, nothing to pay) as done.
  const std::int64_t accruals = c.ledger.accruals_pending + c.ledger.accruals_done + c.ledger.accruals_failed;
  check("ACCRUALS", c.ledger.participations + c.lottery.accruals, c.ledger.participations + c.lottery.accruals,
        accruals);
  if (c.tickets_before && c.tickets_after) {
    const ShowTickets::Totals& low = *c.tickets_before;
    const ShowTickets::Totals& high = *c.tickets_after;
    check("TICKETS_GRANTED", granted_by(low.granted), granted_by(high.granted), granted_by(c.lottery.granted));
    check("TICKETS_REVOKED", low.revoked, high.revoked, c.lottery.revoked);
    check("DRAWS", low.drawn, high.drawn, c.lottery.drawn);
    check("SECOND_CHANCE", low.second_chance, high.second_chance, c.lottery.second_chance);
    check("VOIDED", low.voided, high.voided, c.lottery.voided);
  }
  return differences;
}

void append_differences(std::string& out, const std::vector<BookDifference>& differences) {
  codec::append_json_array(out, differences, [&](const BookDifference& d) {
    codec::ObjectWriter line(out);
    line.text("promotionId", std::string_view(d.promotion_id)).text("kind", std::string_view(d.kind));
    if (std::string_view(d.kind).starts_with(kOfUser)) line.text("userId", std::string_view(d.user_id));
    line.integer("expected", d.expected).integer("found", d.found).close();
  });
}

/// What the hot state has of a person: what LedgerRows::Sums has of their rows.
void look_at_person(PartitionNo partition, UserRef user, std::vector<Look>& looks) {
  looks.emplace_back(SizeOf{.set = keys::joined_days(partition, user)});
  looks.emplace_back(keys::tickets(partition, user));
  looks.emplace_back(keys::drawn(partition, user));
}
constexpr std::size_t kLooksEach = 3;

LedgerRows::Sums sums_at(PartitionNo partition, const std::vector<std::int64_t>& values, std::size_t at) {
  return {.partition = partition, .joins = values.at(at), .held = values.at(at + 1), .draws = values.at(at + 2)};
}

LedgerRows::Sums sums_of(const LedgerRows::OfUser& person, PartitionNo partition) {
  const auto found = std::ranges::find(person.sums, partition, &LedgerRows::Sums::partition);
  return found == person.sums.end() ? LedgerRows::Sums{.partition = partition} : *found;
}

/// Which counts a repair makes anew.
LedgerRows::Wrong wrong_counts(const std::vector<DefinitionPtr>& promotions,
                               const std::vector<BookDifference>& differences) {
  LedgerRows::Wrong wrong;
  // The hot state counts no effects: what the ledger says of them is as right as its rows.
  for (const DefinitionPtr& one : promotions) wrong.effects.insert(one->partition);
  for (const BookDifference& one : differences) {
    const std::string_view kind = one.kind;
    if (kind.starts_with(kOfUser)) continue;
    if (kind == "JOINS" || kind == "SPEND") {
      wrong.joins.insert(one.partition);
    } else {
      wrong.lotteries.insert(one.partition);
    }
  }
  return wrong;
}

bool agree(const LedgerRows::Sums& a, const LedgerRows::Sums& b) {
  return a.joins == b.joins && a.held == b.held && a.draws == b.draws;
}

}  // namespace

Task<bool> Api::compare_person(DefinitionPtr definition, LedgerRows::OfUser person,
                               std::vector<BookDifference>* found) {
  const PartitionNo partition = definition->partition;
  for (int i = 0; i < kLooksAgain; ++i) {
    std::vector<Look> looks;
    look_at_person(partition, person.user, looks);
    std::vector<Look> again = looks;
    const auto before = co_await parts_.store.read(std::move(looks), Freshness::durable);
    if (!before || !co_await parts_.hooks.caught_up(partition)) co_return false;
    const std::int64_t after = person.number - 1;
    const auto rows = co_await parts_.ledger_reads.run([this, after] { return parts_.rows->rows_of_users(after, 1); });
    const auto now = co_await parts_.store.read(std::move(again), Freshness::durable);
    if (!rows || !now || rows->empty()) co_return false;
    const LedgerRows::Sums hot = sums_at(partition, *now, 0);
    const LedgerRows::Sums ledger = sums_of(rows->front(), partition);
    if (agree(hot, ledger)) co_return true;
    if (*before != *now) continue;
    const auto differ = [&](const char* kind, std::int64_t expected, std::int64_t has) {
      if (expected == has) return;
      found->push_back({.partition = partition,
                        .promotion_id = definition->promotion.id,
                        .kind = kind,
                        .user_id = person.user_id,
                        .user = person.user,
                        .expected = expected,
                        .found = has});
    };
    differ("USER_JOINS", hot.joins, ledger.joins);
    differ("USER_TICKETS", hot.held, ledger.held);
    differ("USER_DRAWS", hot.draws, ledger.draws);
    co_return true;
  }
  co_return true;  // they are busy: the next look has them
}

Task<bool> Api::compare_people(Call* call, std::vector<DefinitionPtr> promotions, std::vector<BookDifference>* found,
                               Compared* compared) {
  compared->to = compared->from;
  compared->all = promotions.empty();
  if (promotions.empty()) co_return true;
  const std::size_t looks_of_one = promotions.size() * kLooksEach;
  const int at_once =
      compared->only_one ? 1
                         : static_cast<int>(std::clamp<std::size_t>(kLooksAtOnce / looks_of_one, 1, kMostPeopleAtOnce));
  const std::size_t told = found->size();
  std::size_t looked = 0;
  while (looked < kLooksPerCall && found->size() - told < kMostPeopleTold) {
    const std::int64_t after = compared->to;
    const auto people =
        co_await parts_.ledger_reads.run([this, after, at_once] { return parts_.rows->rows_of_users(after, at_once); });
    if (!people) {
      send(*call, failed(people.error(), call->language, call->request->path));
      co_return false;
    }
    std::vector<Look> looks;
    looks.reserve(people->size() * looks_of_one);
    for (const LedgerRows::OfUser& person : *people) {
      for (const DefinitionPtr& one : promotions) look_at_person(one->partition, person.user, looks);
    }
    looked += looks.size();
    const auto values = co_await parts_.store.read(std::move(looks), Freshness::durable);
    if (!values) {
      send(*call, failed(values.error(), call->language, call->request->path));
      co_return false;
    }
    std::size_t at = 0;
    for (const LedgerRows::OfUser& person : *people) {
      for (const DefinitionPtr& one : promotions) {
        const LedgerRows::Sums hot = sums_at(one->partition, *values, at);
        at += kLooksEach;
        if (agree(hot, sums_of(person, one->partition)) || found->size() - told >= kMostPeopleTold) continue;
        // Joins go on while the books are read.
        DefinitionPtr definition = one;
        LedgerRows::OfUser again = person;
        if (!co_await compare_person(std::move(definition), std::move(again), found)) {
          send(*call, later("OVERLOADED", 1, call->language, call->request->path));
          co_return false;
        }
      }
    }
    compared->people += static_cast<std::int64_t>(people->size());
    if (!people->empty()) compared->to = people->back().number;
    if (compared->only_one) break;
    if (people->size() < static_cast<std::size_t>(at_once)) {
      compared->all = compared->from == 0;
      compared->to = 0;  // the next look begins anew
      break;
    }
  }
  co_return true;
}

Task<bool> Api::compare_books(Call* call, std::vector<DefinitionPtr> promotions, std::string* out,
                              std::vector<BookDifference>* found, Compared* compared) {
  std::vector<DefinitionPtr> again = promotions;
  const std::vector<DefinitionPtr> lotteries = promotions;
  const auto before = co_await parts_.browse.views(std::move(promotions));
  std::map<PartitionNo, ShowTickets::Totals> tickets_before;
  for (const DefinitionPtr& definition : lotteries) {
    if (!definition->promotion.lottery) continue;
    const Result<ShowTickets::Totals> tickets = co_await parts_.lottery.show.totals(definition);
    if (tickets) tickets_before[definition->partition] = *tickets;
  }
  std::optional<PartitionNo> only;
  if (lotteries.size() == 1) only = lotteries.front()->partition;
  if (!co_await ledger_caught_up(call, only)) co_return false;
  const auto totals = co_await parts_.ledger_reads.run([this] { return parts_.ledger.totals(); });
  std::map<PartitionNo, LotteryFigures> figures_after;
  for (const DefinitionPtr& definition : lotteries) {
    const auto figures = co_await lottery_figures(definition);
    if (!figures || (definition->promotion.lottery && !tickets_before.contains(definition->partition))) {
      send(*call, later("OVERLOADED", 1, call->language, call->request->path));
      co_return false;
    }
    if (!*figures) continue;
    // Again, since people went on drawing while the ledger was asked.
    const Result<ShowTickets::Totals> tickets = co_await parts_.lottery.show.totals(definition);
    LotteryFigures later_figures = **figures;
    if (tickets) later_figures.tickets = *tickets;
    figures_after[definition->partition] = std::move(later_figures);
  }
  const auto after = co_await parts_.browse.views(std::move(again));
  if (!before || !totals || !after) {
    send(*call, later("OVERLOADED", 1, call->language, call->request->path));
    co_return false;
  }
  codec::ObjectWriter body(*out);
  body.instant("checkedAt", parts_.clock.now());
  std::vector<std::size_t> indexes(before->size());
  for (std::size_t i = 0; i < indexes.size(); ++i) indexes[i] = i;
  codec::append_json_array(body.name("promotions"), indexes, [&](std::size_t i) {
    const PartitionNo partition = (*before)[i].definition->partition;
    Comparison c{.before = (*before)[i], .after = (*after)[i], .ledger = totals_of(*totals, partition)};
    if (const auto figures = figures_after.find(partition); figures != figures_after.end()) {
      c.tickets_before = tickets_before[partition];
      c.tickets_after = figures->second.tickets;
      c.lottery = figures->second.ledger;
    }
    const std::vector<BookDifference> differences = differences_of(c);
    found->insert(found->end(), differences.begin(), differences.end());
    codec::ObjectWriter line(*out);
    line.text("promotionId", std::string_view(c.before.definition->promotion.id));
    codec::ObjectWriter(line.name("joins"))
        .integer("hotState", c.after.join_count)
        .integer("ledger", c.ledger.participations)
        .close();
    codec::ObjectWriter(line.name("spend"))
        .integer("hotState", c.after.spent)
        .integer("ledger", c.ledger.spent)
        .close();
    codec::ObjectWriter(line.name("accruals"))
        .integer("pending", c.ledger.accruals_pending)
        .integer("done", c.ledger.accruals_done)
        .integer("failed", c.ledger.accruals_failed)
        .close();
    if (c.tickets_after) {
      const ShowTickets::Totals& hot = *c.tickets_after;
      codec::ObjectWriter(line.name("tickets"))
          .integer("hotState", granted_by(hot.granted) - hot.drawn - hot.revoked)
          .integer("ledger", granted_by(c.lottery.granted) - c.lottery.drawn - c.lottery.revoked)
          .close();
      codec::ObjectWriter(line.name("draws")).integer("hotState", hot.drawn).integer("ledger", c.lottery.drawn).close();
    }
    line.close();
  });
  if (parts_.rows != nullptr) {
    std::vector<DefinitionPtr> of_people = lotteries;
    if (!co_await compare_people(call, std::move(of_people), found, compared)) co_return false;
    codec::ObjectWriter(body.name("users")).integer("compared", compared->people).boolean("all", compared->all).close();
  }
  append_differences(body.name("differences"), *found);
  body.close();
  co_return true;
}

Task<bool> Api::whom_to_compare(Call* call, std::optional<std::string> user_id, std::string promotion_id,
                                Compared* compared) {
  if (!user_id) {
    compared->from = people_compared_[promotion_id];
    co_return true;
  }
  compared->only_one = true;
  if (parts_.rows == nullptr) co_return true;
  const UserRef user = parts_.callers.ref_of(*user_id);
  const auto number = co_await parts_.ledger_reads.run([this, user] { return parts_.rows->number_of(user); });
  if (!number) {
    send(*call, failed(number.error(), call->language, call->request->path));
    co_return false;
  }
  // Nobody comes behind the last one.
  compared->from = *number ? **number - 1 : INT64_MAX - 1;
  co_return true;
}

Detached Api::get_reconciliation(Call call) {
  Query query(call.request->query);
  const std::optional<std::string> promotion_id = query.identifier("promotionId");
  const std::optional<std::string> user_id = query.text("userId");
  if (user_id && !codec::valid_user_id(*user_id)) {
    query.add_error("userId", "사용자 ID가 아닙니다", "is not a user id");
  }
  if (wrong_query(call, query)) co_return;
  std::vector<DefinitionPtr> promotions = parts_.store.all();
  if (promotion_id) {
    std::erase_if(promotions, [&](const DefinitionPtr& d) { return d->promotion.id != *promotion_id; });
    if (promotions.empty()) {
      send_problem(call, "PROMOTION_NOT_FOUND");
      co_return;
    }
  }
  Answer answer;
  std::vector<BookDifference> differences;
  const std::string asked = promotion_id.value_or(std::string{});
  Compared compared;
  if (!co_await whom_to_compare(&call, user_id, asked, &compared)) co_return;
  if (!co_await compare_books(&call, std::move(promotions), &answer.body, &differences, &compared)) co_return;
  if (!compared.only_one) people_compared_[asked] = compared.to;
  send(call, std::move(answer));
}

Task<bool> Api::repair_rows(Call* call, const std::vector<BookDifference>* found, std::optional<std::string> of) {
  std::vector<UserRef> users;
  if (of) users.push_back(parts_.callers.ref_of(*of));  // sums do not tell of everything that a row may have wrong
  for (const BookDifference& one : *found) {
    if (one.user != UserRef{} && std::ranges::find(users, one.user) == users.end()) users.push_back(one.user);
  }
  if (users.empty()) co_return true;
  const Result<bool> made =
      co_await parts_.ledger_writer.run([this, &users] { return parts_.hooks.make_rows_anew(users); });
  if (!made) send(*call, failed(made.error(), call->language, call->request->path));
  co_return made.has_value();
}

Detached Api::repair_reconciliation(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  const auto user_id = read_body(call, [](codec::ObjectReader& reader) {
    std::optional<std::string> id = reader.optional_string("userId", {.min = 1, .max = codec::kMaxUserIdBytes});
    if (id && !codec::valid_user_id(*id)) reader.refuse("userId", "is not a user id", "사용자 ID가 아닙니다");
    return id;
  });
  if (!user_id) co_return;
  std::string body_before;
  std::vector<BookDifference> before;
  std::vector<DefinitionPtr> promotions = parts_.store.all();
  Compared compared;
  if (!co_await whom_to_compare(&call, *user_id, std::string{}, &compared)) co_return;
  Compared compared_again = compared;  // the same people
  if (!co_await compare_books(&call, std::move(promotions), &body_before, &before, &compared)) co_return;
  // Rows are made anew from the log, then counts from the rows, documents from the hot state, which is the fold of the
  // log.
  if (parts_.rows != nullptr) {
    if (!co_await repair_rows(&call, &before, *user_id)) co_return;
    const LedgerRows::Wrong wrong = wrong_counts(parts_.store.all(), before);
    const Result<std::int64_t> recounted =
        co_await parts_.ledger_writer.run([this, &wrong] { return parts_.rows->recount(wrong); });
    if (!recounted) {
      send(call, failed(recounted.error(), call.language, call.request->path));
      co_return;
    }
  }
  const Result<std::string> synced = co_await parts_.hooks.sync_ledger();
  if (!synced) {
    send(call, failed(synced.error(), call.language, call.request->path));
    co_return;
  }
  std::vector<Event> events;
  events.emplace_back(Audited{.audit = audit_of(call, ""), .subject = "ledger rows, counts and documents"});
  const Result<bool> recorded = co_await parts_.manage.record(std::move(events), std::nullopt, Identity{});
  if (!recorded) {
    send(call, failed(recorded.error(), call.language, call.request->path));
    co_return;
  }
  std::vector<DefinitionPtr> promotions_again = parts_.store.all();
  std::string body_after;
  std::vector<BookDifference> left;
  if (!co_await compare_books(&call, std::move(promotions_again), &body_after, &left, &compared_again)) co_return;
  const auto repaired = std::ranges::count_if(before, [&](const BookDifference& one) {
    return std::ranges::none_of(left, [&](const BookDifference& still) { return still.is_about_what(one); });
  });
  Answer answer;
  codec::ObjectWriter body(answer.body);
  body.integer("repaired", static_cast<std::int64_t>(repaired));
  body.name("reconciliation") += body_after;
  body.close();
  co_await send_kept(&call, std::move(answer));
}

}  // namespace windfall::http
