#include "app/proof/codes_check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace windfall::proof {

void CodesCheck::take(std::uint64_t frame, const Recorded& recorded) {
  const PartitionNo partition = recorded.partition;
  const Place place{.frame = frame, .partition = partition, .sequence = recorded.sequence};
  if (const auto* imported = std::get_if<CodesImported>(&recorded.event)) {
    report_.checked(Invariant::i9);
    if (imported->count <= 0) report_.violation(Invariant::i9, place, "an import of no codes");
    supplies_[{partition.value, imported->prize}].imported += imported->count;
  } else if (const auto* burned = std::get_if<CodesBurned>(&recorded.event)) {
    report_.checked(Invariant::i9);
    if (burned->count <= 0) report_.violation(Invariant::i9, place, "no codes were burned");
    supplies_[{partition.value, burned->prize}].given += burned->count;
  } else if (const auto* given = std::get_if<CodeAssigned>(&recorded.event)) {
    assigned(place, recorded, *given);
  } else if (const auto* another = std::get_if<CouponReissued>(&recorded.event)) {
    reissued(place, partition, *another);
  } else if (const auto* used = std::get_if<CouponUsed>(&recorded.event)) {
    report_.checked(Invariant::i9);
    Coupon& of = coupon(partition, used->win);
    if (of.used || of.voided)
      report_.violation(Invariant::i9, place, "a coupon was used that was used or void already");
    of.used = true;
  } else if (const auto* voided = std::get_if<WinVoided>(&recorded.event)) {
    coupon(partition, voided->win).voided = true;
  }
}

void CodesCheck::assigned(const Place& place, const Recorded& recorded, const CodeAssigned& event) {
  report_.checked(Invariant::i9);
  Supply& supply = supplies_[{recorded.partition.value, event.prize}];
  const std::int64_t ordinal = recorded.taken.empty() ? -1 : recorded.taken.front();
  if (ordinal != supply.given) {
    report_.violation(
        Invariant::i9, place,
        fmt::format("code {} of prize {} was given out; the next one was {}", ordinal, event.prize, supply.given));
  }
  if (ordinal >= supply.imported) {
    report_.violation(
        Invariant::i9, place,
        fmt::format("code {} of prize {} was given out, of {} imported", ordinal, event.prize, supply.imported));
  }
  supply.given = std::max(supply.given, ordinal + 1);
  Coupon& of = coupon(recorded.partition, event.win);
  if (of.codes != event.issue || of.reissues != event.issue) {
    report_.violation(
        Invariant::i9, place,
        fmt::format("a win got code {} after {} codes and {} reissues", event.issue + 1, of.codes, of.reissues));
  }
  if (of.voided) report_.violation(Invariant::i9, place, "a void win got a code");
  ++of.codes;
}

void CodesCheck::reissued(const Place& place, PartitionNo partition, const CouponReissued& event) {
  report_.checked(Invariant::i9);
  Coupon& of = coupon(partition, event.win);
  // A TEST promotion's coupons have codes that nobody gave out.
  const bool known = of.codes == event.issue || of.codes == 0;
  if (event.issue != of.reissues + 1 || !known || of.used || of.voided) {
    report_.violation(Invariant::i9, place, "another code was promised where none could be");
  }
  of.reissues = event.issue;
}

}  // namespace windfall::proof
