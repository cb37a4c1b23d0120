#include "domain/kernel/changes.hpp"

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
  // Facts that only projections look at.
  void operator()(const AnswerKept&) const {}
  void operator()(const EffectSettled&) const {}
  void operator()(const Audited&) const {}
  void operator()(const UserErased&) const {}
};

}  // namespace

Changes changes(PartitionNo partition, const Event& event) {
  Changes out;
  std::visit(ChangesOf{.partition = partition, .out = out}, event);
  return out;
}

}  // namespace windfall
