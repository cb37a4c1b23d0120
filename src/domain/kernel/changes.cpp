#include "domain/kernel/changes.hpp"

#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall {

namespace {

struct ChangesOf {
  PartitionNo partition;
  Changes& out;

  void operator()(const Participated& e) const {
    out.push(Bump{.counter = keys::taken(partition)});
    out.push(Bump{.counter = keys::taken_on(partition, e.day_index)});
    out.push(Bump{.counter = keys::spent(partition), .by = e.amount});
    out.push(Add{.set = keys::joined_days(partition, e.user), .member = e.day_index});
  }
  void operator()(const DefinitionChanged& e) const {
    out.push(Define{.partition = partition, .name = e.id, .definition = e.definition});
  }
  void operator()(const KeyChanged& e) const {
    out.push(Define{.partition = partition, .name = {}, .definition = e.keys});
  }
  void operator()(const PausedAll& e) const { out.push(Bump{.counter = keys::paused_all(), .by = e.paused ? 1 : -1}); }
  void operator()(const UserBlocked& e) const {
    out.push(Bump{.counter = keys::blocked(e.user), .by = e.blocked ? 1 : -1});
  }

  void operator()(const Visited& e) const {
    out.push(Add{.set = keys::visited(partition, e.user)});
    grant(e.user, GrantCause::visit, e.tickets);
  }
  void operator()(const InviteIssued& e) const {
    out.push(Add{.set = keys::issued(partition, e.user)});
    step(e.user, FunnelStep::issued);
  }
  void operator()(const InviteShared& e) const {
    out.push(Add{.set = keys::named(partition, e.user)});
    step(e.user, FunnelStep::shared);
  }
  void operator()(const InviteOpened& e) const {
    out.push(Add{.set = keys::credited(partition, e.invited)});
    step(e.inviter, FunnelStep::opened);
    grant(e.invited, GrantCause::invite_opened, e.friend_tickets);
    if (e.inviter_limited) {
      step(e.inviter, FunnelStep::inviter_limit);
    } else {
      step(e.inviter, FunnelStep::granted);
      out.push(Bump{.counter = keys::invited_on(partition, e.inviter, e.day_index)});
      grant(e.inviter, GrantCause::invite_sent, e.inviter_tickets);
    }
  }
  void operator()(const OpenNotGranted& e) const {
    out.push(Add{.set = keys::named(partition, e.invited)});
    out.push(Bump{.counter = keys::open_refused(partition, e.invited, e.inviter, e.reason)});
    step(e.inviter, FunnelStep::opened);
    step(e.inviter, funnel_step_of(e.reason));
  }
  void operator()(const TicketsAdjusted& e) const {
    out.push(Add{.set = keys::named(partition, e.user)});
    if (e.tickets > 0) {
      grant(e.user, GrantCause::adjustment, e.tickets);
    } else {
      out.push(Bump{.counter = keys::tickets(partition, e.user), .by = e.tickets});
      out.push(Bump{.counter = keys::revoked(partition, e.user), .by = -e.tickets});
      out.push(Bump{.counter = keys::revoked_in_total(partition), .by = -e.tickets});
    }
  }
  void operator()(const SegmentOpened& e) const {
    out.push(Bump{.counter = keys::segment(partition), .by = std::int64_t{e.segment} - e.previous});
    out.push(Bump{.counter = keys::quota(partition, e.segment), .by = e.quota});
    out.push(Bump{.counter = keys::length(partition, e.segment), .by = e.length});
    out.push(Bump{.counter = keys::first_item(partition, e.segment), .by = e.first_item});
  }
  void operator()(const SegmentPaused& e) const { out.push(Bump{.counter = keys::paused_in(partition, e.segment)}); }
  void operator()(const Drew& e) const {
    out.push(Bump{.counter = keys::tickets(partition, e.user), .by = -1});
    out.push(Bump{.counter = keys::drawn(partition, e.user)});
    out.push(Bump{.counter = keys::drawn_in_total(partition)});
    out.push(BumpByTaken{.counter = keys::draw_at(partition, e.user, e.number), .by = coded_draw(e.segment, 0)});
  }
  void operator()(const LotteryClosed& e) const {
    out.push(Bump{.counter = keys::closed(partition), .by = e.second_chance ? kClosedSecondChance : kClosedForGood});
  }
  void operator()(const SecondChanceStarted&) const {
    out.push(Bump{.counter = keys::second_stage(partition), .by = kSecondRunning});
  }
  void operator()(const SecondChanceWon& e) const {
    out.push(Add{.set = keys::second_won(partition, e.user)});
    out.push(Bump{.counter = keys::second(partition)});
  }
  void operator()(const SecondChanceEnded&) const {
    out.push(Bump{.counter = keys::second_stage(partition), .by = kSecondOver - kSecondRunning});
  }
  void operator()(const WinVoided& e) const {
    out.push(Bump{.counter = keys::voided(partition, e.win)});
    out.push(Bump{.counter = keys::voided_in_total(partition)});
  }
  void operator()(const CodesImported& e) const {
    out.push(Bump{.counter = keys::imported(partition, e.prize), .by = e.count});
  }
  void operator()(const CodeAssigned& e) const { out.push(Bump{.counter = keys::codes_given(partition, e.win)}); }
  void operator()(const CodesBurned& e) const {
    out.push(Bump{.counter = keys::assigned(partition, e.prize), .by = e.count});
  }
  void operator()(const CouponReissued& e) const { out.push(Bump{.counter = keys::reissued(partition, e.win)}); }
  void operator()(const CouponUsed& e) const { out.push(Bump{.counter = keys::used(partition, e.win)}); }

  // Facts that only projections look at.
  void operator()(const Inbound&) const {}
  void operator()(const InboundSettled&) const {}
  void operator()(const AnswerKept&) const {}
  void operator()(const EffectSettled&) const {}
  void operator()(const Audited&) const {}
  void operator()(const UserErased&) const {}

  void grant(UserRef user, GrantCause cause, std::int64_t count) const {
    if (count == 0) return;
    out.push(Bump{.counter = keys::tickets(partition, user), .by = count});
    out.push(Bump{.counter = keys::granted(partition, user, cause), .by = count});
    out.push(Bump{.counter = keys::granted_in_total(partition, cause), .by = count});
  }
  void step(UserRef user, FunnelStep step) const {
    out.push(Bump{.counter = keys::funnel(partition, user, step)});
    out.push(Bump{.counter = keys::funnel_in_total(partition, step)});
  }
};

}  // namespace

Changes changes(PartitionNo partition, const Event& event) {
  Changes out;
  std::visit(ChangesOf{.partition = partition, .out = out}, event);
  return out;
}

std::optional<CounterKey> taken_from(PartitionNo partition, const Event& event) {
  if (const auto* drew = std::get_if<Drew>(&event)) return keys::serials(partition, drew->segment);
  if (const auto* assigned = std::get_if<CodeAssigned>(&event)) return keys::assigned(partition, assigned->prize);
  return std::nullopt;
}

std::array<Shown, 2> shown(PartitionNo partition, const Event& event, const std::vector<std::int64_t>& taken) {
  if (const auto* joined = std::get_if<Participated>(&event)) return {std::int64_t{joined->day.days}, joined->amount};
  if (const auto* visited = std::get_if<Visited>(&event)) {
    return {visited->tickets, keys::tickets(partition, visited->user)};
  }
  if (const auto* opened = std::get_if<InviteOpened>(&event)) {
    // The sign tells whether the inviter went without.
    return {opened->inviter_limited ? -1 - opened->friend_tickets : opened->friend_tickets,
            keys::tickets(partition, opened->invited)};
  }
  if (const auto* drew = std::get_if<Drew>(&event)) {
    return {coded_draw(drew->segment, taken[0]), keys::tickets(partition, drew->user)};
  }
  return {std::int64_t{0}, std::int64_t{0}};
}

}  // namespace windfall
