#include "adapters/mongo/known.hpp"

#include <utility>
#include <variant>

#include "adapters/codec/time_text.hpp"
#include "adapters/mongo/schema.hpp"

namespace windfall::mongo {

namespace {

template <class Range>
Document any_of(const char* name, const Range& values) {
  Document in;
  in.array("$in", std::span(values));
  Document filter;
  filter.document(name, in);
  return filter;
}

/// What a batch asks for.
struct Wanted {
  std::set<std::int64_t> partitions;
  std::set<std::int64_t> joins_in;
  std::set<std::int64_t> lotteries;
  std::set<UserRef> people;
  std::set<Account> held;
  std::set<UserRef> blocked;
  std::map<std::pair<std::uint32_t, std::int32_t>, std::set<UserRef>> joined;
  std::set<std::string> draws;
  std::set<std::string> segments;
  std::set<std::string> segment_pauses;
  bool keys = false;
};

class Reader {
 public:
  Reader(Client& client, Known& known) : client_(client), known_(known) {}

  void want(const Recorded& recorded);
  void want_person(UserRef user, const NamedBefore& named_before) {
    named_before.contains(user) ? void(known_.people[user].named = true) : void(wanted_.people.insert(user));
  }
  Result<bool> read();

 private:
  template <class Values, class Row>
  void ask(const char* collection, const char* member, const Values& values, Row row) {
    if (failed_ || values.empty()) return;
    using Value = typename Values::value_type;
    const std::vector<Value> list(values.begin(), values.end());
    each(collection, any_of(member, list), row);
  }
  template <class Row>
  void each(const char* collection, const Document& filter, Row row) {
    if (failed_) return;
    const Result<bool> read = client_.each(collection, {.filter = filter}, [&row](const View& view) {
      row(view);
      return true;
    });
    if (!read) failed_ = read.error();
  }
  static std::set<std::string> texts_of(const std::set<UserRef>& users) {
    std::set<std::string> texts;
    for (const UserRef user : users) texts.insert(text_of(user));
    return texts;
  }

  Client& client_;
  Known& known_;
  Wanted wanted_;
  std::optional<Failure> failed_;
};

void Reader::want(const Recorded& recorded) {
  const PartitionNo partition = recorded.partition;
  wanted_.partitions.insert(partition.value);
  std::visit(
      [&](const auto& event) {
        using E = std::decay_t<decltype(event)>;
        if constexpr (std::is_same_v<E, Participated>) {
          wanted_.joins_in.insert(partition.value);
          wanted_.joined[{partition.value, event.day.days}].insert(event.user);
        } else if constexpr (std::is_same_v<E, UserBlocked>) {
          wanted_.blocked.insert(event.user);
        } else if constexpr (std::is_same_v<E, KeyChanged>) {
          wanted_.keys = true;
        } else if constexpr (std::is_same_v<E, Drew>) {
          wanted_.lotteries.insert(partition.value);
          wanted_.segments.insert(key_of(partition, event.segment));
          if (!recorded.taken.empty()) {
            wanted_.draws.insert(key_of(partition, {.segment = event.segment, .serial = recorded.taken.front()}));
          }
        } else if constexpr (std::is_same_v<E, SegmentOpened> || std::is_same_v<E, SegmentPaused>) {
          wanted_.segments.insert(key_of(partition, event.segment));
          wanted_.segment_pauses.insert(key_of(partition, event.segment));
        } else if constexpr (std::is_same_v<E, SecondChanceWon>) {
          wanted_.lotteries.insert(partition.value);
          wanted_.draws.insert(key_of(partition, {.segment = WinPlace::kSecondChance, .serial = event.place}));
        } else if constexpr (requires { event.win; }) {
          wanted_.lotteries.insert(partition.value);
          wanted_.draws.insert(key_of(partition, event.win));
        } else if constexpr (std::is_same_v<E, TicketsAdjusted>) {
          wanted_.lotteries.insert(partition.value);
          wanted_.held.emplace(partition.value, event.user);
        } else if constexpr (std::is_same_v<E, Visited> || std::is_same_v<E, InviteOpened> ||
                             std::is_same_v<E, SecondChanceStarted>) {
          wanted_.lotteries.insert(partition.value);
        }
      },
      recorded.event);
}

Result<bool> Reader::read() {
  const auto number = [](const View& view, const char* name) { return static_cast<std::uint32_t>(view.integer(name)); };
  ask(kPromotions, "partition", wanted_.partitions,
      [&](const View& view) { known_.promotions[number(view, "partition")] = promotion_of(view); });
  ask(kIdentities, "_id", texts_of(wanted_.people),
      [&](const View& view) { known_.people[view.user("_id")].named = view.has("userId"); });
  ask(kTotals, "_id", wanted_.joins_in, [&](const View& view) { known_.totals[number(view, "_id")] = total_of(view); });
  ask(kLotteryTotals, "_id", wanted_.lotteries,
      [&](const View& view) { known_.lottery_totals[number(view, "_id")] = lottery_total_of(view); });
  ask(kDraws, "_id", wanted_.draws, [&](const View& view) { known_.draws[view.text("_id")] = draw_of(view); });
  ask(kSegments, "_id", wanted_.segments, [&](const View& view) {
    known_.segments[{number(view, "partition"), number(view, "segment")}] = {.segment = {number(view, "segment")},
                                                                             .quota = number(view, "quota"),
                                                                             .length = number(view, "length"),
                                                                             .first_item = number(view, "firstItem")};
  });
  ask(kSegmentPauses, "_id", wanted_.segment_pauses,
      [&](const View& view) { known_.segment_pauses.emplace(number(view, "partition"), number(view, "segment")); });
  ask(kBlocked, "_id", texts_of(wanted_.blocked), [&](const View& view) {
    known_.once_blocked.insert(view.user("_id"));
    if (view.boolean("blocked")) known_.blocked.insert(view.user("_id"));
  });
  for (const auto& [place, users] : wanted_.joined) {
    const std::set<std::string> texts = texts_of(users);
    Document filter;
    filter.integer("partition", std::int64_t{place.first}).day("day", {place.second});
    filter.append(any_of("userRef", std::vector<std::string>(texts.begin(), texts.end())));
    each(kParticipations, filter, [&](const View& view) {
      known_.joined[{place.first, place.second, view.user("userRef")}] = {
          static_cast<std::uint64_t>(view.integer("sequence"))};
    });
  }
  for (const Account& account : wanted_.held) {
    Document filter;
    filter.user("userRef", account.second).integer("partition", std::int64_t{account.first});
    std::int64_t& held = known_.held[account];
    each(kTickets, filter, [&](const View& view) { held += view.integer("tickets"); });
    each(kDraws, filter, [&](const View& view) {
      if (view.integer("segment") != WinPlace::kSecondChance) --held;
    });
  }
  if (wanted_.keys && !failed_) {
    Document filter;
    filter.integer("partition", std::int64_t{0});
    Document latest;
    latest.integer("revision", std::int64_t{-1});
    const auto found = client_.find(kDefinitions, {.filter = filter, .sort = latest, .limit = 1});
    if (!found) return tl::unexpected(found.error());
    if (!found->empty()) known_.keys = View(found->front()).text("definition");
  }
  if (failed_) return tl::unexpected(*failed_);
  return true;
}

}  // namespace

void each_user(const Event& event, const std::function<void(UserRef)>& with) {
  std::visit(
      [&](const auto& alternative) {
        if constexpr (requires { alternative.invited; }) {
          with(alternative.invited);
          with(alternative.inviter);
        } else if constexpr (requires { alternative.user; }) {
          with(alternative.user);
        }
      },
      event);
}

Result<Known> read_known(Client& client, Progress progress, const std::vector<const Recorded*>& events,
                         const std::vector<LogBatch::Named>& identities, const NamedBefore& named_before) {
  Known known;
  known.progress = std::move(progress);
  Reader reader(client, known);
  for (const Recorded* recorded : events) {
    reader.want(*recorded);
    each_user(recorded->event, [&](UserRef user) { reader.want_person(user, named_before); });
  }
  for (const LogBatch::Named& named : identities) reader.want_person(named.user, named_before);
  const Result<bool> read = reader.read();
  if (!read) return tl::unexpected(read.error());
  return known;
}

}  // namespace windfall::mongo
