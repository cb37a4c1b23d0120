#include "adapters/redis/store/redis_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_codec.hpp"
#include "adapters/redis/commit_reply.hpp"
#include "adapters/redis/epoch_call.hpp"
#include "adapters/redis/outbox_entry.hpp"
#include "adapters/redis/read_call.hpp"
#include "adapters/redis/store/bucket_plan.hpp"
#include "adapters/redis/store/claims.hpp"
#include "adapters/redis/store/fence.hpp"
#include "adapters/redis/store/fenced.hpp"

namespace windfall::redis {

namespace {

constexpr std::string_view kLineageKey = "{windfall}:lineage";
constexpr Epoch kFirstEpoch{1};
/// For promotions whose definition is not read yet.
constexpr int kLooksAtStart = 5;
/// Of look_again(): a look costs each master a read per promotion, and nobody minds being told that late of an unknown
/// one.
constexpr std::int64_t kBetweenLooksMs = 50;
/// How often those who wait for another's look see whether it is done.
constexpr std::int64_t kLookDoneMs = 5;
/// Decisions of one promotion: half of those that a process has under way at once, so that a promotion whose shard is
/// away leaves room for the others.
constexpr std::size_t kMostWaiting = 2048;
/// A call that fails after this long has waited for a server that is away, and the next one would, too.
constexpr std::int64_t kLongCallMs = 1000;

/// The definition that a proposal brings, if any.
std::optional<std::string> definition_in(const Proposal& proposal) {
  for (const Event& event : proposal.events) {
    if (const auto* changed = std::get_if<DefinitionChanged>(&event)) return changed->definition;
    if (const auto* keys = std::get_if<KeyChanged>(&event)) return keys->keys;
  }
  return std::nullopt;
}

bool holds(const Guard& guard, std::int64_t value) {
  struct Check {
    std::int64_t value;
    bool operator()(const Below& g) const { return value < g.limit; }
    bool operator()(const AtLeast& g) const { return value >= g.amount; }
    bool operator()(const Equals& g) const { return value == g.value; }
    bool operator()(const Absent&) const { return value == 0; }
    bool operator()(const Fewer& g) const { return value < g.than; }
  };
  return std::visit(Check{value}, guard);
}

/// What has to be looked at to judge a guard.
Look look_of(const Guard& guard) {
  struct Of {
    Look operator()(const Below& g) const { return g.counter; }
    Look operator()(const AtLeast& g) const { return g.counter; }
    Look operator()(const Equals& g) const { return g.counter; }
    Look operator()(const Absent& g) const { return MemberOf{.set = g.set, .member = g.member}; }
    Look operator()(const Fewer& g) const { return SizeOf{.set = g.set}; }
  };
  return std::visit(Of{}, guard);
}

UserRef user_of(const Guard& guard) {
  const Look look = look_of(guard);
  if (const auto* counter = std::get_if<CounterKey>(&look)) return counter->user;
  if (const auto* member = std::get_if<MemberOf>(&look)) return member->set.user;
  return std::get<SizeOf>(look).set.user;
}

std::string why_fenced(const Known& known, Sequence seen, const std::optional<Header>& header) {
  const std::string id = known.id.empty() ? "the system partition" : "promotion " + known.id;
  if (!header) return id + " is fenced: it has no header";
  return fmt::format("{} is fenced: its header has epoch {}, sequence {}; known are epoch {}, sequence {}", id,
                     header->epoch.value, header->sequence.value, known.place.epoch.value, seen.value);
}

}  // namespace

RedisStore::RedisStore(Client& client, Scripts scripts, const Clock& clock, Timer& timer, Options options)
    : client_(client),
      scripts_(scripts),
      clock_(clock),
      timer_(timer),
      options_(std::move(options)),
      mirror_(client, clock) {
  mirror_.add(kSystemPartition, {});
  mirror_.trouble = options_.trouble;
}

Task<Result<bool>> RedisStore::open(codec::Uuid fresh, std::optional<Lost> lost) {
  std::string key(kLineageKey);
  if (lost) {
    Arguments look{"EXISTS", key};
    const Result<Reply> there = co_await client_.call(key, std::move(look));
    if (!there) co_return tl::unexpected(there.error());
    if (there->number == 0) {
      lineage_ = lost->lineage;
      learn(*lost);
      for (std::uint32_t i = 0; i < mirror_.size(); ++i) mirror_.note_missing(mirror_.at(PartitionNo{i}));
      co_return false;
    }
  }
  Arguments make{"SET", key, codec::to_hex(codec::Bytes(fresh)), "NX"};
  const Result<Reply> made = co_await client_.call_durable(key, std::move(make));
  if (!made) co_return tl::unexpected(made.error());
  Arguments get{"GET", key};
  const Result<Reply> found = co_await client_.call(key, std::move(get));
  if (!found) co_return tl::unexpected(found.error());
  const std::optional<std::string> bytes = codec::from_hex(found->text);
  if (!bytes || bytes->size() != lineage_.size()) {
    co_return fail(FailureCode::damaged, "redis: " + std::string(kLineageKey) + " is no lineage: " + found->text);
  }
  std::memcpy(lineage_.data(), bytes->data(), lineage_.size());

  Place place = mirror_.at(kSystemPartition).place;
  if (lost) {
    // There was one: where it is missing now it is rebuilt, and a first epoch in its place would be below the ledger's.
    learn(*lost);
    const Result<Reply> there = co_await client_.call(place.header(), header_call(place.prefix));
    if (!there) co_return tl::unexpected(there.error());
    if (there->type == Reply::Type::nil) {
      mirror_.note_missing(mirror_.at(kSystemPartition));
      const Result<bool> others = co_await mirror_.refresh_promotions();
      if (!others) co_return others;
      co_return false;
    }
    const Result<bool> read = co_await mirror_.refresh();
    if (!read) co_return read;
    co_return co_await settle_down();
  }
  place.buckets = buckets_of_system();
  const Result<Reply> opened = co_await run(place.header(), open_call(place, place.header()));
  if (!opened) co_return tl::unexpected(opened.error());
  const Result<Header> header = read_open_reply(*opened);
  if (!header) co_return tl::unexpected(header.error());
  co_return co_await mirror_.refresh();
}

/// A promotion whose definition could not be read would be one that there is not. A shard that is away is not waited
/// for much longer than a call takes: its promotions are the only ones that suffer.
Task<Result<bool>> RedisStore::settle_down() {
  for (int look = 0; look < kLooksAtStart && mirror_.awaits_any(); ++look) {
    co_await sleep_for(timer_, Mirror::kRefreshMs);
    const Result<bool> read = co_await mirror_.refresh_promotions();
    if (!read) co_return read;
  }
  co_return true;
}

/// One look serves all who ask meanwhile, and the next begins a little later, whatever a flood of unknown names asks.
/// One that fails has failed for all who waited for it: one after the other they would wait for a shard that is away.
Task<Result<bool>> RedisStore::look_again() {
  const std::int64_t asked_ms = clock_.monotonic_ms();
  while (seen_until_ms_ < asked_ms) {
    if (look_failed_ms_ > asked_ms) co_return tl::unexpected(look_failure_);
    const std::int64_t now_ms = clock_.monotonic_ms();
    if (looking_ || now_ms < last_look_ms_ + kBetweenLooksMs) {
      co_await sleep_for(timer_, kLookDoneMs);
      continue;
    }
    looking_ = true;
    last_look_ms_ = now_ms;
    const Result<bool> read = co_await mirror_.refresh_promotions();
    looking_ = false;
    if (!read) {
      look_failed_ms_ = clock_.monotonic_ms();
      look_failure_ = read.error();
      co_return read;
    }
    seen_until_ms_ = now_ms;
  }
  co_return true;
}

void RedisStore::learn(const Lost& lost) {
  mirror_.expect(mirror_.at(kSystemPartition));
  for (const auto& [number, id] : lost.promotions) mirror_.expect(mirror_.add(number, id));
}

Task<Result<bool>> RedisStore::restore_registry(std::vector<std::pair<PartitionNo, std::string>> promotions) {
  std::string key(kRegistryKey);
  Arguments set{"HSET", key};
  for (const auto& [number, id] : promotions) mirror_.expect(mirror_.add(number, id));
  // Also those that the ledger has not heard of yet: their numbers must not be given out again.
  for (std::uint32_t number = 1; number < mirror_.size(); ++number) {
    const Known& known = mirror_.at(PartitionNo{number});
    if (known.id.empty()) continue;
    set.push_back(known.id);
    set.push_back(std::to_string(number));
  }
  if (set.size() > 2) {
    const Result<Reply> reply = co_await client_.call_durable(key, std::move(set));
    if (!reply) co_return tl::unexpected(reply.error());
  }
  // Last: its absence is what tells a restart that there is something to restore.
  const std::string lineage(kLineageKey);
  Arguments name{"SET", lineage, codec::to_hex(codec::Bytes(lineage_)), "NX"};
  const Result<Reply> named = co_await client_.call_durable(lineage, std::move(name));
  if (!named) co_return tl::unexpected(named.error());
  co_return true;
}

Task<Result<Rebuilt>> RedisStore::rebuild_partition(PartitionNo partition, Epoch epoch, LogSource log) {
  std::string id = mirror_.at(partition).id;
  const RebuildScripts scripts{.decide = scripts_.decide, .beside = scripts_.claim};
  Result<Rebuilt> done = co_await rebuild(client_, scripts, partition, std::move(id), epoch, log);
  if (!done) co_return done;
  const Result<bool> read =
      co_await (partition == kSystemPartition ? mirror_.reload_system() : mirror_.reload(partition));
  if (!read && options_.trouble) options_.trouble(read.error().message);  // it is in force, and looked at again
  co_return done;
}

void RedisStore::start() {
  detach(keep_system_fresh());
  detach(keep_partitions_fresh());
}

Task<void> RedisStore::keep_system_fresh() {
  // By itself: a shard that is away must not make the block list grow old, as long as it is not the one that holds it.
  while (!stopped_) {
    const Result<bool> read = co_await mirror_.reload_system();
    if (!read && options_.trouble) options_.trouble(read.error().message);
    co_await sleep_for(timer_, Mirror::kRefreshMs);
  }
}

Task<void> RedisStore::keep_partitions_fresh() {
  while (!stopped_) {
    co_await sleep_for(timer_, Mirror::kRefreshMs);
    const Result<bool> read = co_await mirror_.refresh_promotions();
    if (!read && options_.trouble) options_.trouble(read.error().message);
    co_await fence_those_behind(mirror_, scripts_.claim, options_.trouble);
  }
}

std::int64_t RedisStore::peek(const Look& look) const {
  const auto* counter = std::get_if<CounterKey>(&look);
  if (counter == nullptr) return 0;
  return counter->partition == kSystemPartition ? mirror_.system_counter(*counter) : mirror_.counter(*counter);
}

PartitionNo RedisStore::next_partition() const { return PartitionNo{static_cast<std::uint32_t>(mirror_.size())}; }

Instant RedisStore::now(PartitionNo partition) const {
  const Instant here = clock_.now();
  if (partition.value >= mirror_.size()) return here;
  const Known& known = mirror_.at(partition);
  const Instant there{here.ms + known.ahead_ms};
  return known.header.time ? std::max(*known.header.time, there) : there;
}

Sequence RedisStore::sequence(PartitionNo partition) const {
  return partition.value < mirror_.size() ? mirror_.at(partition).header.sequence : Sequence{};
}

PromotionStore::EventIds RedisStore::event_ids(std::string_view promotion_id, Epoch epoch, Sequence sequence) const {
  const codec::EventIds ids = codec::event_ids(
      {.lineage = lineage_, .promotion = promotion_id, .epoch = epoch, .sequence = sequence, .index = 0});
  return {.event = ids.event, .effect = ids.effect};
}

// --- Committing

RedisStore::Calls RedisStore::calls(PartitionNo partition) const {
  return partition.value < lanes_.size() ? lanes_[partition.value]->calls : Calls{};
}

Task<Result<Reply>> RedisStore::run(std::string routing_key, Arguments function) {
  return scripts_.decide.call(
      {.routing_key = std::move(routing_key), .command = std::move(function), .kind = Kind::durable});
}

RedisStore::Lane& RedisStore::lane(PartitionNo partition) {
  while (lanes_.size() <= partition.value) lanes_.push_back(std::make_unique<Lane>());
  return *lanes_[partition.value];
}

void RedisStore::schedule(PartitionNo partition) {
  Lane& of = lane(partition);
  if (of.scheduled || of.in_flight || of.queue.empty()) return;
  of.scheduled = true;
  options_.at_turn_end([this, partition] { flush(partition); });
}

void RedisStore::flush(PartitionNo partition) {
  Lane& of = lane(partition);
  of.scheduled = false;
  if (of.in_flight || of.queue.empty()) return;
  of.in_flight = true;
  detach(send(partition));
}

void RedisStore::fail_first(Lane& lane, std::size_t count, const Failure& why) {
  std::vector<Waiting*> given_up(lane.queue.begin(), lane.queue.begin() + static_cast<std::ptrdiff_t>(count));
  lane.queue.erase(lane.queue.begin(), lane.queue.begin() + static_cast<std::ptrdiff_t>(count));
  for (Waiting* waiting : given_up) waiting->done.complete(tl::unexpected(why));
}

Task<void> RedisStore::send(PartitionNo partition) {
  Lane& of = lane(partition);
  std::vector<Waiting*> batch;
  while (!of.queue.empty() && batch.size() < kMaxProposalsPerCall) {
    batch.push_back(of.queue.front());
    of.queue.pop_front();
  }
  std::vector<const Submission*> submissions;
  submissions.reserve(batch.size());
  for (const Waiting* waiting : batch) submissions.push_back(&waiting->submission);

  Known& known = mirror_.at(partition);
  CommitTerms terms{.seen = known.header.sequence};
  if (options_.own_clock) terms.now = clock_.now();
  Arguments call = commit_call(known.place, submissions, terms);
  std::string key = known.place.header();
  ++counts_.calls;
  ++of.calls.begun;
  counts_.proposals += batch.size();
  const std::int64_t begun_ms = clock_.monotonic_ms();
  const std::size_t behind = of.queue.size();
  const Result<Reply> reply = co_await run(std::move(key), std::move(call));
  if (!reply && clock_.monotonic_ms() - begun_ms >= kLongCallMs) fail_first(of, behind, reply.error());

  std::vector<Result<Verdict>> verdicts;
  const auto fail_all = [&](const Failure& why) { verdicts.assign(batch.size(), tl::unexpected(why)); };
  if (!reply) {
    fail_all(reply.error());
  } else {
    Result<CommitReply> decided = read_commit_reply(*reply, submissions);
    if (!decided) {
      fail_all(decided.error());
    } else if (decided->outcome == CommitReply::Outcome::fenced) {
      ++counts_.fenced;
      if (options_.trouble && known.there) options_.trouble(why_fenced(known, terms.seen, decided->header));
      if (!decided->header) mirror_.note_missing(known);
      if (decided->header && decided->header->epoch == known.place.epoch) mirror_.note_behind(known);
      if (decided->header && decided->header->epoch != known.place.epoch) co_await mirror_.reload(partition);
      fail_all(fenced(known.id).value());
    } else if (decided->outcome == CommitReply::Outcome::overloaded) {
      ++counts_.overloaded;
      fail_all({.code = FailureCode::overloaded,
                .message = "redis: the outbox of promotion " + known.id + " is full: nothing takes its events away"});
    } else {
      verdicts = std::move(decided->verdicts);
      std::optional<std::string> definition;
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (!verdicts[i] || !std::holds_alternative<Accepted>(*verdicts[i])) continue;
        if (batch[i]->definition) definition = std::move(batch[i]->definition);
      }
      if (decided->header) {
        mirror_.note_confirmed(known, *decided->header);
        mirror_.note(known, *decided->header, definition);
      }
    }
  }
  of.in_flight = false;
  ++of.calls.ended;
  schedule(partition);
  const bool any = std::ranges::any_of(
      verdicts, [](const Result<Verdict>& verdict) { return verdict && std::holds_alternative<Accepted>(*verdict); });
  if (any && options_.committed) options_.committed(known.id);
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->done.complete(std::move(verdicts[i]));
}

Task<Result<std::optional<std::uint32_t>>> RedisStore::failing_foreign(const OwnPart* part, const Proposal* proposal,
                                                                       Window* window) {
  const auto failing = [](const ForeignGuard& foreign) { return std::optional<std::uint32_t>{foreign.index}; };
  std::optional<std::uint32_t> first;
  std::vector<const ForeignGuard*> elsewhere;
  for (const ForeignGuard& foreign : part->foreign) {
    if (partition_of(foreign.guard) != kSystemPartition) {
      elsewhere.push_back(&foreign);
      continue;
    }
    if (!mirror_.fresh()) {
      co_return fail(FailureCode::unavailable, "redis: the block list and pause-all could not be read for a second");
    }
    const Look look = look_of(foreign.guard);
    const auto* counter = std::get_if<CounterKey>(&look);
    const std::int64_t value = counter == nullptr ? 0 : mirror_.system_counter(*counter);
    if (!first && !holds(foreign.guard, value)) first = failing(foreign);
  }
  // What fails before is named before; nobody has to be claimed for it.
  if (elsewhere.empty() || (first && *first < elsewhere.front()->index)) co_return first;

  const std::string own = mirror_.at(proposal->partition).id;
  const UserRef user = user_of(elsewhere.front()->guard);
  std::string wanted = own;
  Result<Claim> stands = co_await claim(scripts_.claim, user, std::move(wanted), clock_.now().ms, std::nullopt);
  if (!stands) co_return tl::unexpected(stands.error());

  std::vector<Look> looks;
  looks.reserve(elsewhere.size());
  for (const ForeignGuard* foreign : elsewhere) looks.push_back(look_of(foreign->guard));
  const Result<std::vector<std::int64_t>> values = co_await read(std::move(looks), Freshness::durable);
  if (!values) co_return tl::unexpected(values.error());
  for (std::size_t i = 0; i < elsewhere.size(); ++i) {
    if (holds(elsewhere[i]->guard, (*values)[i])) continue;
    if (!first || elsewhere[i]->index < *first) first = elsewhere[i]->index;
    co_return first;
  }
  const std::int64_t now_ms = clock_.now().ms;
  if (stands->promotion_id != own && now_ms - stands->at_ms < kClaimSettledMs) {
    co_return fail(FailureCode::unavailable, "another first participation of this user is being decided");
  }
  if (stands->promotion_id != own || stands->at_ms != now_ms) {
    std::string again = own;
    const Result<Claim> renewed = co_await claim(scripts_.claim, user, std::move(again), now_ms, *stands);
    if (!renewed) co_return tl::unexpected(renewed.error());
    if (renewed->promotion_id != own || renewed->at_ms != now_ms) {
      co_return fail(FailureCode::unavailable, "another first participation of this user is being decided");
    }
  }
  window->until = std::min(window->until, Instant{now(proposal->partition).ms + kClaimWindowMs});
  co_return first;
}

Task<Result<Verdict>> RedisStore::decide(Proposal proposal, std::string payload) {
  OwnPart part = take_foreign(proposal);
  if (!part.foreign.empty()) {
    Window window = proposal.window;
    const Result<std::optional<std::uint32_t>> failing = co_await failing_foreign(&part, &proposal, &window);
    if (!failing) co_return tl::unexpected(failing.error());
    proposal.window = window;
    if (*failing) refuse_at(proposal, part, **failing);
  }
  std::vector<std::int64_t> of_foreign;
  of_foreign.reserve(part.foreign_looks.size());
  for (const auto& [index, look] : part.foreign_looks) of_foreign.push_back(peek(look));

  Result<Submission> submission = prepare(proposal, std::move(payload));
  if (!submission) co_return tl::unexpected(submission.error());
  const PartitionNo partition = proposal.partition;
  Waiting waiting{.submission = std::move(*submission), .done = {}, .definition = definition_in(proposal)};
  if (lane(partition).queue.size() >= kMostWaiting) {
    ++counts_.overloaded;
    co_return fail(FailureCode::overloaded, "redis: too many decisions of this promotion wait");
  }
  lane(partition).queue.push_back(&waiting);
  schedule(partition);
  Result<Verdict> verdict = co_await waiting.done;
  if (!verdict) co_return verdict;

  if (auto* accepted = std::get_if<Accepted>(&*verdict)) {
    accepted->looks = joined(part, accepted->looks, of_foreign);
    if (partition == kSystemPartition) {
      // Whoever asks this process next sees it; others do within a second.
      const Result<bool> read = co_await mirror_.reload_system();
      if (!read && options_.trouble) options_.trouble(read.error().message);
    }
  } else if (auto* refused = std::get_if<Refused>(&*verdict)) {
    refused->guard = named(part, refused->guard);
    refused->looks = joined(part, refused->looks, of_foreign);
  } else if (const auto* stale = std::get_if<Stale>(&*verdict)) {
    Known& known = mirror_.at(partition);
    known.ahead_ms = options_.own_clock ? 0 : stale->now.ms - clock_.now().ms;
    const Result<bool> read =
        co_await (partition == kSystemPartition ? mirror_.reload_system() : mirror_.reload(partition));
    if (!read) co_return tl::unexpected(read.error());
  }
  co_return verdict;
}

Task<Result<PartitionNo>> RedisStore::create(Proposal proposal) {
  const auto* first = std::get_if<DefinitionChanged>(&proposal.events.front());
  if (first == nullptr) co_return fail(FailureCode::invalid, "redis: no such partition");
  std::string registry(kRegistryKey);
  const Result<Reply> registered = co_await run(std::move(registry), register_call(first->id));
  if (!registered) co_return tl::unexpected(registered.error());
  const Result<PartitionNo> number = read_register_reply(*registered);
  if (!number) co_return tl::unexpected(number.error());
  const Place place{
      .prefix = key_prefix(first->id), .epoch = kFirstEpoch, .buckets = buckets_of_promotion(first->definition)};
  const Result<Reply> opened = co_await run(place.header(), open_call(place, place.header()));
  if (!opened) co_return tl::unexpected(opened.error());
  const Result<Header> header = read_open_reply(*opened);
  if (!header) co_return tl::unexpected(header.error());
  Known& known = mirror_.add(*number, first->id);
  mirror_.note(known, *header, std::nullopt);
  co_return *number;
}

Task<Result<Verdict>> RedisStore::commit(Proposal proposal, Identity identity) {
  // Answers are no facts: they are kept beside the hot state, and none of them enters the log.
  std::optional<AnswerKept> answer;
  std::erase_if(proposal.events, [&answer](Event& event) {
    // Nor does what became of an event of the intake: its consumer commits its offset, and its command tells it again.
    if (std::holds_alternative<InboundSettled>(event)) return true;
    auto* kept = std::get_if<AnswerKept>(&event);
    if (kept != nullptr) answer = std::move(*kept);
    return kept != nullptr;
  });
  const std::optional<Command> command = proposal.command;
  Verdict verdict = Accepted{};
  if (!proposal.events.empty()) {
    std::string payload = outbox_payload(proposal, identity);
    if (proposal.partition.value >= mirror_.size()) {
      Proposal asking = proposal;
      const Result<PartitionNo> number = co_await create(std::move(asking));
      if (!number) co_return tl::unexpected(number.error());
      // Others may have registered promotions meanwhile, or this very one and then no more: its number is its own.
      proposal.partition = *number;
    }
    Result<Verdict> decided = co_await decide(std::move(proposal), std::move(payload));
    if (!decided) co_return decided;
    verdict = std::move(*decided);
  }
  if (!answer || !command || !std::holds_alternative<Accepted>(verdict)) co_return verdict;
  const Command named = *command;
  const Result<bool> first = co_await keep_answer(named, std::move(*answer));
  if (!first) co_return tl::unexpected(first.error());
  if (!*first) co_return Verdict{Repeated{{.hash = named.hash, .fingerprint = named.fingerprint}}};
  co_return verdict;
}

Task<Result<Verdict>> RedisStore::commit_answering(Proposal proposal, KeepAnswer keep) {
  proposal.command = keep.command;
  std::vector<Look> looks = proposal.looks;
  Result<Verdict> verdict = co_await commit(std::move(proposal), keep.identity);
  if (!verdict) co_return verdict;
  // Accepted before, by a process that ended before it could keep the answer: made again from what is so now.
  if (const auto* repeated = std::get_if<Repeated>(&*verdict)) {
    if (repeated->record.fingerprint != keep.command->fingerprint) co_return verdict;
    const CommandRecord record = repeated->record;
    Result<std::vector<std::int64_t>> values = co_await read(std::move(looks), Freshness::durable);
    if (!values) co_return tl::unexpected(values.error());
    verdict = Verdict{
        Accepted{.assignment = {.epoch = record.epoch, .sequence = record.sequence, .time = record.time, .taken = {}},
                 .looks = std::move(*values)}};
  }
  const auto* accepted = std::get_if<Accepted>(&*verdict);
  if (accepted == nullptr) co_return verdict;
  AnswerKept answer = keep.render(*accepted);
  if (keep.command) {
    const Command command = *keep.command;
    const Result<bool> kept = co_await keep_answer(command, std::move(answer));
    if (!kept) co_return tl::unexpected(kept.error());
  }
  co_return verdict;
}

}  // namespace windfall::redis
