#include "adapters/embedded/embedded_store.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/system/time_zone.hpp"

namespace windfall::embedded {

namespace {

/// Events of a frame that are decoded before the first of them is applied. The state of millions lies far from the
/// processor: so many fetches under way at once hide most of the wait, and more than it keeps in flight hide no more.
constexpr std::size_t kDecodedAhead = 32;

/// An event names the definition it was decided under; a definition names itself.
Revision revision_named_by(const Event& event, Revision in_force) {
  const bool defines = std::holds_alternative<DefinitionChanged>(event) || std::holds_alternative<KeyChanged>(event);
  return defines ? Revision{in_force.value + 1} : in_force;
}

}  // namespace

/// Suspends until everything decided so far is stored; resumes with false if it could not be.
struct EmbeddedStore::UntilDurable {
  EmbeddedStore& store;
  bool stored = true;
  [[nodiscard]] bool await_ready() const { return store.all_durable(); }
  void await_suspend(std::coroutine_handle<> waiter) {
    store.last_waiters().push_back({.handle = waiter, .stored = &stored});
  }
  [[nodiscard]] bool await_resume() const { return stored; }
};

EmbeddedStore::EmbeddedStore(const Clock& clock, Log log) : clock_(clock), log_(std::move(log)) {}

/// Whoever waited while nothing could be stored may still hold a promotion whose creation was taken back with all else.
bool EmbeddedStore::taken_back(const Proposal& proposal) const {
  const std::size_t partition = proposal.partition.value;
  const bool creates = !proposal.events.empty() && std::holds_alternative<DefinitionChanged>(proposal.events.front());
  return partition > state_.partitions() || (partition == state_.partitions() && !creates);
}

bool EmbeddedStore::expect_with_others(const Expected& expected, std::coroutine_handle<> waiter) {
  if (expected_.waiters.empty() && !log_.after_requests()) {
    expect_now(expected);
    return false;
  }
  state_.expect(expected, expected_.sought);
  expected_.waiters.push_back(waiter);
  return true;
}

void EmbeddedStore::fetch_expected() {
  std::swap(expected_, fetched_);
  state_.fetch(fetched_.sought);
  fetched_.sought.clear();
  for (const std::coroutine_handle<> waiter : fetched_.waiters) waiter.resume();
  fetched_.waiters.clear();
}

Task<Result<Verdict>> EmbeddedStore::commit(Proposal proposal, Identity identity) {
  if (taken_back(proposal)) co_return fail(FailureCode::unavailable, "the promotion could not be stored");
  Verdict verdict = decide(proposal, identity);
  // A hundred other joins come and go before this goes on: what is not needed any more is given back while it is near.
  proposal = Proposal{};
  UntilDurable until{*this};
  if (!co_await until) co_return tl::unexpected(last_failure_);
  co_return verdict;
}

Task<Result<Verdict>> EmbeddedStore::commit_answering(Proposal proposal, KeepAnswer keep) {
  if (taken_back(proposal)) co_return fail(FailureCode::unavailable, "the promotion could not be stored");
  Verdict verdict = decide(proposal, keep.identity);
  if (const auto* accepted = std::get_if<Accepted>(&verdict)) {
    AnswerKept answer = keep.render(*accepted);
    if (keep.command) keep_answer(*keep.command, std::move(answer));
  }
  UntilDurable until{*this};
  if (!co_await until) co_return tl::unexpected(last_failure_);
  co_return verdict;
}

void EmbeddedStore::keep_answer(const Command& command, AnswerKept answer) {
  Proposal keeping;
  keeping.partition = kSystemPartition;
  keeping.revision = system_revision();
  keeping.command = command;
  keeping.events.emplace_back(std::move(answer));
  decide(keeping, Identity{});
}

Task<Result<std::size_t>> EmbeddedStore::take(std::vector<InboundEvent> events, std::optional<Command> command,
                                              AnswerKept answer) {
  std::vector<InboundEvent> fresh;
  for (InboundEvent& event : events) {
    if (!inbox_.remember(event.id, now(kSystemPartition))) {
      ++duplicates_;
      continue;
    }
    Proposal taking;
    taking.partition = kSystemPartition;
    taking.revision = system_revision();
    taking.events.emplace_back(Inbound{.id = event.id, .type = event.type, .user = event.user, .about = event.about});
    decide(taking, {.user = event.user, .id = event.user_id});
    fresh.push_back(std::move(event));
  }
  if (command) keep_answer(*command, std::move(answer));
  UntilDurable until{*this};
  if (!co_await until) {
    for (const InboundEvent& event : fresh) inbox_.forget(event.id);
    co_return tl::unexpected(last_failure_);
  }
  const std::size_t taken = fresh.size();
  for (InboundEvent& event : fresh) {
    inbox_.add(std::move(event));
  }
  co_return taken;
}

Verdict EmbeddedStore::decide(Proposal& proposal, const Identity& identity) {
  // Whoever comes back after an erasure is named anew: what follows from the new event needs the id.
  // An event that is judged later has to be judged under its id: that stands in its own frame, whatever was before.
  const bool judged_later = !proposal.events.empty() && std::holds_alternative<Inbound>(proposal.events.front());
  const auto unknown = [&] { return !identity.named && state_.unknown(proposal.partition, identity.user); };
  const bool names = identity.user != UserRef{} && (unknown() || erased_.contains(identity.user) || judged_later);
  Verdict verdict = state_.commit(proposal, clock_.now());
  auto* accepted = std::get_if<Accepted>(&verdict);
  if (accepted == nullptr) return verdict;

  ++decisions_;
  Assignment& assigned = accepted->assignment;
  for (std::uint64_t i = 0; i < proposal.events.size(); ++i) {
    const bool taken = keeps_taken(proposal.events[i]);
    Recorded recorded{.partition = proposal.partition,
                      .epoch = assigned.epoch,
                      .sequence = {assigned.sequence.value + i},
                      .time = assigned.time,
                      .revision = revision_named_by(proposal.events[i], proposal.revision),
                      .command = i == 0 ? proposal.command : std::nullopt,
                      .event = std::move(proposal.events[i]),
                      .taken = {}};
    if (taken) recorded.taken.swap(assigned.taken);  // lent: the answer shows it, too
    write(recorded);
    if (taken) recorded.taken.swap(assigned.taken);
  }
  if (names) turn_.identities.push_back({.user = identity.user, .id = std::string(identity.id)});
  return verdict;
}

void EmbeddedStore::write(Recorded& recorded) {
  if (turn_.body.empty()) log_.at_turn_end();
  codec::encode(recorded, turn_.body);
  if (std::holds_alternative<DefinitionChanged>(recorded.event)) definitions_changed_ = true;
  if (const auto* erased = std::get_if<UserErased>(&recorded.event)) {
    if (erased_.try_emplace(erased->user, 0).second) turn_erased_.push_back(erased->user);
    inbox_.erase_identity(erased->user);
  }
  if (auto* answer = std::get_if<AnswerKept>(&recorded.event); answer != nullptr && recorded.command) {
    turn_answers_.push_back(recorded.command->hash);
    keep(recorded.command->hash, recorded.command->fingerprint, recorded.time, std::move(*answer));
  }
}

void EmbeddedStore::keep(CommandHash hash, std::uint64_t fingerprint, Instant at, AnswerKept answer) {
  drop_old_answers(at);
  answers_[hash] = {.at = at, .answer = {.fingerprint = fingerprint, .answer = std::move(answer)}};
  answers_by_age_.emplace_back(at, hash);
}

void EmbeddedStore::drop_old_answers(Instant now) {
  while (!answers_by_age_.empty() && now.ms - answers_by_age_.front().first.ms >= State::kCommandLifeMs) {
    const auto found = answers_.find(answers_by_age_.front().second);
    if (found != answers_.end() && found->second.at == answers_by_age_.front().first) answers_.erase(found);
    answers_by_age_.pop_front();
  }
}

std::optional<PromotionStore::KeptAnswer> EmbeddedStore::kept_answer(CommandHash hash) const {
  const auto found = answers_.find(hash);
  if (found == answers_.end()) return std::nullopt;
  if (now(kSystemPartition).ms - found->second.at.ms >= State::kCommandLifeMs) return std::nullopt;
  return found->second.answer;
}

Result<bool> EmbeddedStore::replay(std::string_view frame_body, std::uint64_t frame_sequence, const IdOf& id_of) {
  std::vector<Recorded> ahead;
  ahead.reserve(kDecodedAhead);
  std::vector<State::Sought> sought;
  while (!frame_body.empty()) {
    ahead.clear();
    sought.clear();
    while (!frame_body.empty() && ahead.size() < kDecodedAhead) {
      Result<Recorded> recorded = codec::decode(frame_body);
      if (!recorded) return tl::unexpected(recorded.error());
      if (const auto* joined = std::get_if<Participated>(&recorded->event)) {
        state_.expect({recorded->partition, joined->user, recorded->command}, sought);
      }
      ahead.push_back(std::move(*recorded));
    }
    state_.fetch(sought);
    for (Recorded& recorded : ahead) {
      if (Result<bool> applied = replay(recorded, frame_sequence, id_of); !applied) return applied;
    }
  }
  durable_frame_ = frame_sequence;
  return true;
}

void EmbeddedStore::end_era(const Lineage& lineage) {
  codec::Eras::LastSequences last;
  for (std::uint32_t p = 1; p < state_.partitions(); ++p) {
    const PartitionHeader& header = state_.header(PartitionNo{p});
    last.emplace(header.name, header.sequence);
  }
  eras_.end(lineage, std::move(last));
}

void EmbeddedStore::replay_inbound(const Recorded& recorded, const IdOf& id_of) {
  if (const auto* inbound = std::get_if<Inbound>(&recorded.event)) {
    inbox_.remember(inbound->id, recorded.time);
    inbox_.add({.id = inbound->id,
                .type = inbound->type,
                .user = inbound->user,
                .user_id = id_of ? id_of(inbound->user) : std::string(),
                .about = inbound->about});
  } else if (const auto* settled = std::get_if<InboundSettled>(&recorded.event)) {
    inbox_.settled(settled->id);
  }
}

Result<bool> EmbeddedStore::replay(Recorded& recorded, std::uint64_t frame_sequence, const IdOf& id_of) {
  const std::size_t partition = recorded.partition.value;
  const bool creates = partition == state_.partitions();
  const bool follows =
      creates ? std::holds_alternative<DefinitionChanged>(recorded.event) : partition < state_.partitions();
  const std::uint64_t last = creates || !follows ? 0 : state_.header(recorded.partition).sequence.value;
  if (!follows || recorded.sequence.value != last + 1) {
    return fail(FailureCode::damaged, "event " + std::to_string(recorded.sequence.value) + " of partition " +
                                          std::to_string(partition) + " does not follow event " + std::to_string(last));
  }
  state_.apply(recorded);
  if (std::holds_alternative<DefinitionChanged>(recorded.event)) definitions_changed_ = true;
  if (const auto* erased = std::get_if<UserErased>(&recorded.event)) erased_[erased->user] = frame_sequence;
  replay_inbound(recorded, id_of);
  if (const auto ended = codec::ended_lineage(recorded)) end_era(*ended);
  if (auto* answer = std::get_if<AnswerKept>(&recorded.event); answer != nullptr && recorded.command) {
    keep(recorded.command->hash, recorded.command->fingerprint, recorded.time, std::move(*answer));
  }
  return true;
}

void EmbeddedStore::end_of_turn() {
  if (turn_.body.empty()) return;
  const Result<std::uint64_t> ticket = log_.submit(turn_);
  turn_.body.clear();
  turn_.identities.clear();
  in_flight_.push_back({.ticket = ticket.value_or(UINT64_MAX),
                        .undo_mark = state_.undo_mark(),
                        .waiters = std::move(turn_waiters_),
                        .answers = std::move(turn_answers_),
                        .erased = std::move(turn_erased_)});
  turn_waiters_.clear();
  turn_answers_.clear();
  turn_erased_.clear();
  if (!spare_waiters_.empty()) {
    turn_waiters_ = std::move(spare_waiters_.back());
    spare_waiters_.pop_back();
  }
  if (!ticket) on_failed(UINT64_MAX, ticket.error());
}

std::vector<EmbeddedStore::Waiter>& EmbeddedStore::last_waiters() {
  return turn_.body.empty() ? in_flight_.back().waiters : turn_waiters_;
}

void EmbeddedStore::on_durable(std::uint64_t ticket, std::uint64_t frame_sequence) {
  durable_frame_ = std::max(durable_frame_, frame_sequence);
  while (!in_flight_.empty() && in_flight_.front().ticket <= ticket) {
    std::vector<Waiter> waiters = std::move(in_flight_.front().waiters);
    state_.forget_undo_before(in_flight_.front().undo_mark);
    in_flight_.pop_front();
    for (const Waiter& waiter : waiters) waiter.handle.resume();
    waiters.clear();
    spare_waiters_.push_back(std::move(waiters));
  }
}

void EmbeddedStore::on_failed(std::uint64_t from_ticket, Failure why) {
  last_failure_ = std::move(why);
  std::vector<Waiter> waiters;
  // The turn that is being decided stands on what was not stored: it falls with it.
  const bool turn_falls = !in_flight_.empty() && in_flight_.back().ticket >= from_ticket;
  if (turn_falls) {
    turn_.body.clear();
    turn_.identities.clear();
    for (const CommandHash& hash : turn_answers_) answers_.erase(hash);
    for (const UserRef user : turn_erased_) erased_.erase(user);
    turn_answers_.clear();
    turn_erased_.clear();
  }
  while (!in_flight_.empty() && in_flight_.back().ticket >= from_ticket) {
    waiters.insert(waiters.end(), in_flight_.back().waiters.begin(), in_flight_.back().waiters.end());
    for (const CommandHash& hash : in_flight_.back().answers) answers_.erase(hash);
    for (const UserRef user : in_flight_.back().erased) erased_.erase(user);
    in_flight_.pop_back();
  }
  if (turn_falls) {
    waiters.insert(waiters.end(), turn_waiters_.begin(), turn_waiters_.end());
    turn_waiters_.clear();
    state_.undo_to(in_flight_.empty() ? state_.undo_forgotten() : in_flight_.back().undo_mark);
    ++decisions_;
    definitions_changed_ = true;
  }
  for (const Waiter& waiter : waiters) {
    *waiter.stored = false;
    waiter.handle.resume();
  }
}

Task<Result<std::vector<std::int64_t>>> EmbeddedStore::read(std::vector<Look> looks, Freshness freshness) {
  std::vector<std::int64_t> values;
  values.reserve(looks.size());
  for (const Look& look : looks) values.push_back(state_.look(look));
  if (freshness == Freshness::durable) {
    UntilDurable until{*this};
    if (!co_await until) co_return tl::unexpected(last_failure_);
  }
  co_return values;
}

bool EmbeddedStore::read_now(std::span<const Look> looks, std::span<std::int64_t> values) {
  assert(looks.size() == values.size());
  for (std::size_t i = 0; i < looks.size(); ++i) values[i] = state_.look(looks[i]);
  return true;
}

Task<Result<bool>> EmbeddedStore::durable() {
  UntilDurable until{*this};
  if (!co_await until) co_return tl::unexpected(last_failure_);
  co_return true;
}

Task<Result<std::optional<CommandRecord>>> EmbeddedStore::accepted(PartitionNo partition, CommandHash hash) {
  const std::optional<CommandRecord> record = state_.accepted(partition, hash, now(partition));
  if (record) {
    UntilDurable until{*this};
    if (!co_await until) co_return tl::unexpected(last_failure_);
  }
  co_return record;
}

DefinitionPtr EmbeddedStore::find(std::string_view promotion_id) {
  refresh_definitions();
  const auto found = by_id_.find(promotion_id);
  return found == by_id_.end() ? nullptr : definitions_[found->second.value - 1];
}

const std::vector<DefinitionPtr>& EmbeddedStore::all() {
  refresh_definitions();
  return definitions_;
}

void EmbeddedStore::refresh_definitions() {
  if (!definitions_changed_) return;
  definitions_changed_ = false;
  const std::size_t promotions = state_.partitions() - 1;
  for (std::size_t i = promotions; i < definitions_.size(); ++i) by_id_.erase(definitions_[i]->promotion.id);
  definitions_.resize(promotions);
  for (std::uint32_t i = 0; i < promotions; ++i) {
    const PartitionNo partition{i + 1};
    const PartitionHeader& header = state_.header(partition);
    if (definitions_[i] && definitions_[i]->revision == header.revision &&
        definitions_[i]->modified == header.modified) {
      continue;
    }
    // What was encoded here decodes here; anything else is a bug, and the journal makes stopping safe.
    const Result<Promotion> promotion = codec::decode_definition(header.definition);
    assert(promotion);
    const Result<Zone> zone = system::load_zone(promotion->timezone);
    assert(zone);
    definitions_[i] = std::make_shared<Definition>(Definition{.partition = partition,
                                                              .revision = header.revision,
                                                              .created = header.created,
                                                              .modified = header.modified,
                                                              .promotion = *promotion,
                                                              .zone = *zone});
    by_id_.insert_or_assign(promotion->id, partition);
  }
}

PartitionNo EmbeddedStore::next_partition() const {
  return PartitionNo{static_cast<std::uint32_t>(state_.partitions())};
}

Instant EmbeddedStore::now(PartitionNo partition) const { return state_.time_at(partition, clock_.now()); }

PromotionStore::EventIds EmbeddedStore::event_ids(std::string_view promotion_id, Epoch epoch, Sequence sequence) const {
  const codec::EventIds ids = eras_.ids(promotion_id, epoch, sequence);
  return {.event = ids.event, .effect = ids.effect};
}

}  // namespace windfall::embedded
