#include "app/upkeep/hot_state_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/kafka/lag.hpp"
#include "adapters/kafka/topics.hpp"
#include "app/kafka_config.hpp"
#include "app/upkeep/fenced_partitions.hpp"
#include "app/wiring/installation.hpp"

namespace windfall::app {

using proof::Invariant;
using redis::FoldedState;

namespace {

constexpr std::size_t kPage = 8192;
/// Events of the outbox that are compared with the ledger's: what stands there for long is a few.
constexpr std::size_t kOutboxEvents = 4096;
constexpr std::int64_t kLookMs = 250;
/// A partition that is rebuilt while it is looked at is looked at again; more often it is somebody else's trouble.
constexpr int kTries = 3;
/// Commands of a partition that are held in memory to be compared, some 64 bytes each.
constexpr std::size_t kMostCommands = 4'000'000;
constexpr std::int64_t kDayMs = 86'400'000;

struct HashOfCommand {
  std::size_t operator()(const CommandHash& hash) const { return hash.hi ^ hash.lo; }
};

}  // namespace

struct HotStateCheck::Commands {
  struct Kept {
    std::uint64_t fingerprint = 0;
    Sequence sequence;
    Epoch epoch;
    Instant time;
    bool seen = false;
  };
  /// A command is forgotten after a day, and then accepted again: several events may carry it.
  std::unordered_multimap<CommandHash, Kept, HashOfCommand> kept;
  bool too_many = false;
};

/// One look at one partition.
struct HotStateCheck::Look {
  PartitionNo partition;
  std::string id;
  std::string name;
  redis::Header header;
  redis::Place place;
  FoldedState fold;
  Commands commands;
  std::vector<Difference> differences;
};

void HotStateCheck::differs(const Look& look, std::string what) {
  given_.report.violation(Invariant::i14, look.name, std::move(what));
}

Task<Result<bool>> HotStateCheck::run() {
  give_up_ms_ = given_.installation.clock().monotonic_ms() + given_.patience_ms;
  Result<bool> registered = co_await check_registry();
  if (!registered) co_return registered;
  const auto states = co_await look_at_partitions(&given_.installation);
  if (!states) co_return tl::unexpected(states.error());
  for (const PartitionState& state : *states) {
    std::string id = state.promotion_id;
    Result<bool> checked = co_await check_partition(state.partition, std::move(id));
    if (!checked) co_return checked;
  }
  co_return true;
}

Task<Result<bool>> HotStateCheck::check_registry() {
  const auto registered = co_await redis::read_registry(&given_.installation.client());
  if (!registered) co_return tl::unexpected(registered.error());
  OpenedInstallation& installation = given_.installation;
  const auto known = co_await installation.reads().run([&installation] { return installation.ledger().promotions(); });
  if (!known) co_return tl::unexpected(known.error());
  for (const auto& [number, id] : *known) {
    given_.report.checked(Invariant::i14);
    const auto found = registered->find(id);
    if (found != registered->end() && found->second == number.value) continue;
    given_.report.violation(
        Invariant::i14, "promotion " + id,
        found == registered->end()
            ? fmt::format("is partition {} in the log, and is not registered in Redis", number.value)
            : fmt::format("is partition {} in the log, and {} in Redis", number.value, found->second));
  }
  co_return true;
}

Task<Result<bool>> HotStateCheck::check_partition(PartitionNo partition, std::string id) {
  for (int i = 0; i < kTries; ++i) {
    std::string of = id;
    Result<bool> whole = co_await look(partition, std::move(of));
    if (!whole || *whole) co_return whole;
  }
  given_.report.note(
      Invariant::i14,
      fmt::format("partition {} was rebuilt again and again meanwhile; it was not judged", partition.value));
  co_return true;
}

Task<Result<bool>> HotStateCheck::look(PartitionNo partition, std::string id) {
  const std::string prefix = redis::key_prefix(id);
  const auto header = co_await redis::read_header_of(&given_.installation.client(), prefix);
  if (!header && header.error().code != FailureCode::damaged) co_return tl::unexpected(header.error());
  Look look{.partition = partition,
            .id = id,
            .name = id.empty() ? "the system partition" : "promotion " + id,
            .header = {},
            .place = {},
            .fold = FoldedState(partition),
            .commands = {},
            .differences = {}};
  given_.report.checked(Invariant::i14);
  if (!header || !*header) {
    differs(look, !header ? header.error().message
                          : "is fenced: it has no header in Redis, and nothing is decided; see windfall rebuild");
    co_return true;
  }
  look.header = **header;
  look.place = {.prefix = prefix, .epoch = look.header.epoch, .buckets = look.header.buckets};

  std::optional<std::string> damaged;
  const Visit take = [&](const Recorded& recorded) {
    const Result<bool> taken = look.fold.take(recorded);
    if (!taken && !damaged) damaged = taken.error().message;
    if (!recorded.command || recorded.time.ms < look.header.time.value_or(Instant{}).ms - (2 * kDayMs)) return;
    if (look.commands.kept.size() >= kMostCommands) look.commands.too_many = true;
    if (look.commands.too_many) return;
    look.commands.kept.emplace(recorded.command->hash, Commands::Kept{.fingerprint = recorded.command->fingerprint,
                                                                      .sequence = recorded.sequence,
                                                                      .epoch = recorded.epoch,
                                                                      .time = recorded.time,
                                                                      .seen = false});
  };
  const Result<Sequence> last = co_await events_between(&look, Sequence{}, look.header.sequence, &take);
  if (!last) co_return tl::unexpected(last.error());
  if (damaged) {
    given_.report.violation(Invariant::i11, look.name, *damaged);
    co_return true;
  }
  Result<bool> outbox = co_await compare_outbox(&look);
  if (!outbox) co_return outbox;
  if (*last < look.header.sequence) co_return co_await explain_gap(&look, *last);
  co_return co_await compare(&look);
}

Task<Result<bool>> HotStateCheck::compare(Look* look) {
  compare_header(look);
  const auto fields = co_await redis::read_partition_fields(&given_.installation.client(), look->place);
  if (!fields) co_return tl::unexpected(fields.error());
  std::set<std::string, std::less<>> names;
  for (const auto& [name, value] : fields->counters) names.insert(name);
  for (const auto& [name, value] : look->fold.counters(false)) names.insert(name);
  for (const std::string& name : names) {
    given_.report.checked(Invariant::i14);
    const auto found = fields->counters.find(name);
    const std::int64_t value = found == fields->counters.end() ? 0 : found->second;
    const std::int64_t expected = look->fold.counter(name, false);
    if (value != expected) {
      look->differences.push_back(
          {.field = {.name = name, .user = {}, .header = false}, .found = value, .expected = expected});
    }
  }
  for (const auto step :
       {&HotStateCheck::compare_users, &HotStateCheck::compare_commands, &HotStateCheck::name_unseen}) {
    Result<bool> done = co_await (this->*step)(look);
    if (!done) co_return done;
  }
  // The definition changes with the revision only.
  const bool defined = !fields->definition.empty() || look->fold.revision() != Revision{};
  const auto header = co_await redis::read_header_of(&given_.installation.client(), look->place.prefix);
  if (!header) co_return tl::unexpected(header.error());
  if (!*header || (*header)->epoch != look->header.epoch) co_return false;
  if (defined && (*header)->revision == look->header.revision && fields->definition != look->fold.definition()) {
    differs(*look, "its definition in Redis is not that of the log");
  }
  const Sequence now = (*header)->sequence;
  std::set<redis::FieldName> touched;
  if (now > look->header.sequence && !look->differences.empty()) {
    const Visit note = [&](const Recorded& recorded) {
      FoldedState::each_field_of(look->partition, recorded,
                                 [&](const redis::FieldName& field) { touched.insert(field); });
    };
    const Result<Sequence> last = co_await events_between(look, look->header.sequence, now, &note);
    if (!last) co_return tl::unexpected(last.error());
    if (*last < now) co_return co_await explain_gap(look, *last);
  }
  std::int64_t in_flight = 0;
  for (const Difference& difference : look->differences) {
    if (touched.contains(difference.field)) {
      ++in_flight;
      continue;
    }
    differs(*look, fmt::format("{}: Redis has {}, the log folds to {}", redis::to_text(difference.field),
                               difference.found, difference.expected));
  }
  if (in_flight > 0) {
    given_.report.note(Invariant::i14, fmt::format("{}: {} numbers changed while they were read, and were not judged",
                                                   look->name, in_flight));
  }
  co_return true;
}

void HotStateCheck::compare_header(Look* look) {
  const redis::Header& header = look->header;
  const FoldedState& fold = look->fold;
  given_.report.checked(Invariant::i14, 3);
  if (header.revision != fold.revision()) {
    differs(*look, fmt::format("its header has revision {}, the log {}", header.revision.value, fold.revision().value));
  }
  if (header.time != fold.time() || header.created != fold.created() || header.modified != fold.modified()) {
    differs(*look, "the times in its header are not those of the log");
  }
  std::set<std::string, std::less<>> names;
  for (const auto& [name, value] : header.counters) names.insert(name);
  for (const auto& [name, value] : fold.counters(true)) names.insert(name);
  for (const std::string& name : names) {
    given_.report.checked(Invariant::i14);
    const auto found = header.counters.find(name);
    const std::int64_t value = found == header.counters.end() ? 0 : found->second;
    if (value == fold.counter(name, true)) continue;
    // The header is one value, as of its sequence: nothing that comes later excuses it.
    differs(*look,
            fmt::format("counter {} in its header is {}, the log folds to {}", name, value, fold.counter(name, true)));
  }
}

Task<Result<bool>> HotStateCheck::compare_users(Look* look) {
  const redis::FieldVisit visit = [&](std::string_view tag, UserRef user, std::int64_t value) {
    given_.report.checked(Invariant::i14);
    const std::int64_t expected = look->fold.see(tag, user);
    if (value == expected) return;
    look->differences.push_back(
        {.field = {.name = std::string(tag), .user = user, .header = false}, .found = value, .expected = expected});
  };
  Result<bool> read = co_await redis::each_user_field(&given_.installation.client(), look->place, &visit);
  if (!read && read.error().code == FailureCode::damaged) {
    differs(*look, read.error().message);
    co_return true;
  }
  co_return read;
}

/// A command was accepted once, by the event that carries it.
Task<Result<bool>> HotStateCheck::compare_commands(Look* look) {
  Commands& commands = look->commands;
  if (commands.too_many) {
    given_.report.note(Invariant::i12, look->name + ": more commands than are held in memory; they were not compared");
    co_return true;
  }
  const auto wrong = [&](const CommandHash& hash, const char* what) {
    given_.report.violation(Invariant::i12, look->name,
                            fmt::format("command {:016x}{:016x} {}", hash.hi, hash.lo, what));
  };
  const Instant now = look->header.time.value_or(Instant{});
  const redis::CommandVisit visit = [&](const CommandRecord& record) {
    if (record.sequence > look->header.sequence) return;  // accepted since
    given_.report.checked(Invariant::i12);
    const auto [from, to] = commands.kept.equal_range(record.hash);
    const auto found =
        std::find_if(from, to, [&](const auto& each) { return each.second.sequence == record.sequence; });
    if (found == to) {
      if (record.time.ms <= now.ms - (2 * kDayMs)) return;  // its event was not taken down
      wrong(record.hash, from == to ? "is kept in Redis, and no event carries it"
                                    : "is kept in Redis otherwise than its event says");
      return;
    }
    Commands::Kept& kept = found->second;
    kept.seen = true;
    if (kept.fingerprint != record.fingerprint || kept.epoch != record.epoch || kept.time != record.time) {
      wrong(record.hash, "is kept in Redis otherwise than its event says");
    }
  };
  Result<bool> read = co_await redis::each_command(&given_.installation.client(), look->place, &visit);
  if (!read && read.error().code == FailureCode::damaged) {
    differs(*look, read.error().message);
    co_return true;
  }
  if (!read) co_return read;
  // What is older may have been forgotten since the look, when a day ended.
  const std::int64_t forgotten = now.ms - kDayMs + (kDayMs / 24);
  for (const auto& [hash, kept] : commands.kept) {
    if (!kept.seen && kept.time.ms > forgotten) wrong(hash, "is carried by an event, and is not kept in Redis");
  }
  co_return true;
}

/// Users' fields that the log has and Redis has not; only the log can name them.
Task<Result<bool>> HotStateCheck::name_unseen(Look* look) {
  if (look->fold.unseen() == 0) co_return true;
  std::set<redis::FieldName> named;
  const Visit visit = [&](const Recorded& recorded) {
    FoldedState::each_field_of(look->partition, recorded, [&](const redis::FieldName& field) {
      if (look->fold.is_unseen(field)) named.insert(field);
    });
  };
  const Result<Sequence> last = co_await events_between(look, Sequence{}, look->header.sequence, &visit);
  if (!last) co_return tl::unexpected(last.error());
  for (const redis::FieldName& field : named) {
    look->differences.push_back({.field = field, .found = 0, .expected = look->fold.see(field.name, field.user)});
  }
  co_return true;
}

// --- The log, wherever it is

Task<Result<Sequence>> HotStateCheck::events_between(Look* look, Sequence after, Sequence until, const Visit* visit) {
  OpenedInstallation& installation = given_.installation;
  Sequence last = after;
  while (last < until) {
    const PartitionNo of = look->partition;
    const auto page = co_await installation.reads().run(
        [&installation, of, last] { return installation.ledger().events(of, last, kPage); });
    if (!page) co_return tl::unexpected(page.error());
    for (const Recorded& recorded : *page) {
      if (recorded.sequence > until) break;
      (*visit)(recorded);
      last = recorded.sequence;
    }
    if (!page->empty()) continue;
    if (installation.clock().monotonic_ms() >= give_up_ms_)
      co_return co_await events_of_outbox(look, last, until, visit);
    co_await sleep_for(installation.timer(), kLookMs);
  }
  co_return last;
}

Task<Result<Sequence>> HotStateCheck::events_of_outbox(Look* look, Sequence after, Sequence until, const Visit* visit) {
  Sequence last = after;
  std::optional<OutboxId> from;
  std::int64_t told = 0;
  while (last < until) {
    std::string id = look->id;
    const auto entries = co_await given_.installation.outbox().read(std::move(id), from, kOutboxEvents);
    if (!entries) co_return tl::unexpected(entries.error());
    if (entries->empty()) break;
    for (const windfall::OutboxEntry& entry : *entries) {
      from = entry.id;
      for (const Recorded& recorded : entry.events) {
        if (recorded.sequence.value != last.value + 1 || recorded.sequence > until) continue;
        (*visit)(recorded);
        last = recorded.sequence;
        ++told;
      }
    }
  }
  if (told > 0) {
    given_.report.note(Invariant::i11,
                       fmt::format("{}: {} events are in the outbox and not in the ledger yet", look->name, told));
  }
  co_return last;
}

/// The header is ahead of everything that was found: what is missing is on its way, or lost.
Task<Result<bool>> HotStateCheck::explain_gap(Look* look, Sequence last) {
  OpenedInstallation& installation = given_.installation;
  const Config& config = installation.config();
  const auto unread = co_await installation.reads().run([&config] {
    return kafka::unread(config.kafka_brokers, kafka_settings(config), ledger_group(config),
                         kafka::topic_names(config.kafka_prefix).events);
  });
  const std::string what = fmt::format("its header is at event {}, the ledger and the outbox end with {}",
                                       look->header.sequence.value, last.value);
  if (!unread) {
    given_.report.note(Invariant::i11, look->name + ": " + what + ", and Kafka cannot be asked: not judged");
  } else if (*unread > 0) {
    given_.report.note(Invariant::i11, fmt::format("{}: {}; {} messages are still unread in Kafka: not judged",
                                                   look->name, what, *unread));
  } else {
    given_.report.violation(Invariant::i11, look->name, what + ", and Kafka holds nothing more");
  }
  co_return true;
}

/// One place in the log has one event, wherever it stands.
Task<Result<bool>> HotStateCheck::compare_outbox(Look* look) {
  std::string id = look->id;
  const auto entries = co_await given_.installation.outbox().read(std::move(id), std::nullopt, kOutboxEvents);
  if (!entries && entries.error().code == FailureCode::damaged) {
    given_.report.violation(Invariant::i11, look->name, entries.error().message);
    co_return true;
  }
  if (!entries) co_return tl::unexpected(entries.error());
  std::map<Sequence, const Recorded*> waiting;
  for (const windfall::OutboxEntry& entry : *entries) {
    for (const Recorded& recorded : entry.events) waiting[recorded.sequence] = &recorded;
  }
  if (waiting.empty()) co_return true;
  OpenedInstallation& installation = given_.installation;
  const PartitionNo of = look->partition;
  const Sequence before{waiting.begin()->first.value - 1};
  const auto page = co_await installation.reads().run(
      [&installation, of, before] { return installation.ledger().events(of, before, kOutboxEvents); });
  if (!page) co_return tl::unexpected(page.error());
  for (const Recorded& recorded : *page) {
    const auto found = waiting.find(recorded.sequence);
    // What an epoch has lost may stand in the outbox still; consumers drop it.
    if (found == waiting.end() || found->second->epoch != recorded.epoch) continue;
    given_.report.checked(Invariant::i11);
    if (*found->second == recorded) continue;
    given_.report.violation(
        Invariant::i11, look->name,
        fmt::format("event {} stands in the outbox otherwise than in the ledger", recorded.sequence.value));
  }
  co_return true;
}

}  // namespace windfall::app
