#include "adapters/redis/store/foreign.hpp"

#include <algorithm>
#include <utility>

#include "adapters/redis/plan_text.hpp"

namespace windfall::redis {

PartitionNo partition_of(const Guard& guard) {
  struct Of {
    PartitionNo operator()(const Below& g) const { return g.counter.partition; }
    PartitionNo operator()(const AtLeast& g) const { return g.counter.partition; }
    PartitionNo operator()(const Equals& g) const { return g.counter.partition; }
    PartitionNo operator()(const Absent& g) const { return g.set.partition; }
    PartitionNo operator()(const Fewer& g) const { return g.set.partition; }
  };
  return std::visit(Of{}, guard);
}

PartitionNo partition_of(const Look& look) {
  struct Of {
    PartitionNo operator()(const CounterKey& key) const { return key.partition; }
    PartitionNo operator()(const MemberOf& m) const { return m.set.partition; }
    PartitionNo operator()(const SizeOf& s) const { return s.set.partition; }
  };
  return std::visit(Of{}, look);
}

OwnPart take_foreign(Proposal& proposal) {
  OwnPart part;
  part.all_looks = proposal.looks.size();
  std::vector<Guard> guards;
  guards.reserve(proposal.guards.size());
  for (std::uint32_t i = 0; i < proposal.guards.size(); ++i) {
    if (partition_of(proposal.guards[i]) == proposal.partition) {
      guards.push_back(proposal.guards[i]);
      part.guards.push_back(i);
    } else {
      part.foreign.push_back({.index = i, .guard = proposal.guards[i]});
    }
  }
  std::vector<Look> looks;
  looks.reserve(proposal.looks.size());
  for (std::uint32_t i = 0; i < proposal.looks.size(); ++i) {
    if (partition_of(proposal.looks[i]) == proposal.partition) {
      looks.push_back(proposal.looks[i]);
      part.looks.push_back(i);
    } else {
      part.foreign_looks.emplace_back(i, proposal.looks[i]);
    }
  }
  proposal.guards = std::move(guards);
  proposal.looks = std::move(looks);
  return part;
}

void refuse_at(Proposal& proposal, OwnPart& part, std::uint32_t index) {
  const auto behind = std::ranges::lower_bound(part.guards, index);
  const auto kept = behind - part.guards.begin();
  proposal.guards.resize(static_cast<std::size_t>(kept));
  part.guards.resize(static_cast<std::size_t>(kept));
  const CounterKey any{.partition = proposal.partition, .kind = 0, .index = 0, .user = {}};
  proposal.guards.emplace_back(Below{.counter = any, .limit = -kMaxExact});
  part.guards.push_back(index);
}

std::vector<std::int64_t> joined(const OwnPart& part, const std::vector<std::int64_t>& values,
                                 const std::vector<std::int64_t>& of_foreign) {
  std::vector<std::int64_t> all(part.all_looks);
  for (std::size_t i = 0; i < part.looks.size() && i < values.size(); ++i) all[part.looks[i]] = values[i];
  for (std::size_t i = 0; i < part.foreign_looks.size(); ++i) all[part.foreign_looks[i].first] = of_foreign[i];
  return all;
}

}  // namespace windfall::redis
