#include "adapters/redis/plan_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "adapters/redis/layout.hpp"
#include "domain/kernel/changes.hpp"

namespace windfall::redis {

namespace {

/// One section of the plan: how many items, and their words.
struct Section {
  std::size_t items = 0;
  std::string words;

  template <class... Words>
  void add(Words... of_item) {
    ++items;
    (fmt::format_to(std::back_inserter(words), " {}", of_item), ...);
  }
};

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned char>(byte));
  return out;
}

class Writer {
 public:
  explicit Writer(PartitionNo partition) : partition_(partition) {}

  void guard(const Guard& guard) { std::visit(*this, guard); }
  void take(const Take& take) { takes_.add(slot_of(take.counter)); }
  void look(const Look& look) { std::visit(*this, look); }
  void changes_of(const Event& event) {
    ++events_;
    for (const Change& change : changes(partition_, event)) std::visit(*this, change);
  }

  void operator()(const Below& g) { guards_.add('B', slot_of(g.counter), exact(g.limit)); }
  void operator()(const AtLeast& g) { guards_.add('A', slot_of(g.counter), exact(g.amount)); }
  void operator()(const Equals& g) { guards_.add('E', slot_of(g.counter), exact(g.value)); }
  void operator()(const Absent& g) { guards_.add('N', slot_of(g.set, g.member), bit_of(g.set, g.member)); }
  void operator()(const Fewer& g) {
    if (g.set.kind == kDenseSet) {
      guards_.add('F', slot_of(g.set, 0), exact(g.than));
    } else {
      guards_.add('G', slot_of(g.set, 0), bit_of(g.set, 0), exact(g.than));
    }
  }

  void operator()(const CounterKey& l) { looks_.add('C', slot_of(l)); }
  void operator()(const MemberOf& l) { looks_.add('M', slot_of(l.set, l.member), bit_of(l.set, l.member)); }
  void operator()(const SizeOf& l) {
    if (l.set.kind != kDenseSet) return (*this)(MemberOf{.set = l.set, .member = 0});
    looks_.add('S', slot_of(l.set, 0));
  }

  void operator()(const Bump& c) { changes_.add('B', slot_of(c.counter), exact(c.by)); }
  void operator()(const BumpByTaken& c) { changes_.add('T', slot_of(c.counter), c.take, exact(c.by)); }
  void operator()(const Add& c) {
    changes_.add('A', slot_of(c.set, c.member), bit_of(c.set, c.member));
    if (c.set.kind == kDenseSet && c.member >= kMembersPerWord) changes_.add('A', slot_of(c.set, 0), kMoreWordsBit);
  }
  void operator()(const Define& c) {
    require_partition(c.partition);
    columns_.push_back({.user = {}, .definition = std::string(c.definition)});
    changes_.add('D', columns_.size());
  }

  /// What the answer to the event shows. Where it depends on a take it is that take plus a constant: found by asking
  /// with takes of 0 and with one of them 1.
  void shown_by(const Event& event, std::size_t takes) {
    const std::array<Shown, 2> base =
        shown(partition_, event, std::vector<std::int64_t>(std::max<std::size_t>(takes, 1)));
    for (std::size_t i = 0; i < base.size(); ++i) {
      if (const auto* counter = std::get_if<CounterKey>(&base[i])) {
        shown_.add('C', slot_of(*counter));
        continue;
      }
      const std::int64_t constant = std::get<std::int64_t>(base[i]);
      const std::optional<std::size_t> take = take_shown(event, takes, i, constant);
      if (take) {
        shown_.add('T', *take, exact(constant));
      } else {
        shown_.add('N', exact(constant));
      }
    }
  }

  Result<PlanText> finish(Revision revision, const Window& window) {
    const auto bound = [](Instant at) {
      return at == kBeginningOfTime || at == kEndOfTime ? std::string("-") : std::to_string(at.ms);
    };
    PlanText plan;
    plan.text = fmt::format("{} {} {} {} {}", revision.value, bound(window.from), bound(window.until), events_,
                            columns_.size());
    for (const Section* section : {&slots_, &guards_, &takes_, &looks_, &changes_}) {
      fmt::format_to(std::back_inserter(plan.text), " {}", section->items);
      plan.text += section->words;
    }
    plan.text += fmt::format(" {}", shown_.items) + shown_.words;
    plan.columns = std::move(columns_);
    if (!problem_.empty()) return fail(FailureCode::invalid, "proposal: " + problem_);
    return plan;
  }

 private:
  /// What a slot holds; the same value has one slot.
  struct Slot {
    enum class Where : std::uint8_t { header, counters, word, own_bits, user_counter } where = Where::header;
    std::uint8_t kind = 0;
    std::int32_t index = 0;
    std::size_t column = 0;
    bool operator==(const Slot&) const = default;
  };

  void wrong(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }
  void require_partition(PartitionNo partition) {
    if (partition == partition_) return;
    wrong(fmt::format("partition {} is named in a proposal to partition {}", partition.value, partition_.value));
  }
  std::int64_t exact(std::int64_t number) {
    if (number > kMaxExact || number < -kMaxExact) wrong(fmt::format("{} is not exact in a double", number));
    return number;
  }

  std::size_t column_of(UserRef user) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!columns_[i].definition && columns_[i].user == user) return i + 1;
    }
    columns_.push_back({.user = user, .definition = std::nullopt});
    return columns_.size();
  }

  std::size_t slot_of(const CounterKey& counter) {
    require_partition(counter.partition);
    if (counter.user == UserRef{}) {
      const auto where = in_header(counter) ? Slot::Where::header : Slot::Where::counters;
      return slot_of({.where = where, .kind = counter.kind, .index = counter.index});
    }
    if (counter.kind > kMaxTaggedKind) wrong(fmt::format("no tag for the kind {}", counter.kind));
    return slot_of({.where = Slot::Where::user_counter,
                    .kind = counter.kind,
                    .index = counter.index,
                    .column = column_of(counter.user)});
  }

  std::size_t slot_of(const SetKey& set, std::uint32_t member) {
    require_partition(set.partition);
    const std::size_t column = column_of(set.user);
    if (set.kind != kDenseSet) return slot_of({.where = Slot::Where::own_bits, .column = column});
    return slot_of(
        {.where = Slot::Where::word, .index = static_cast<std::int32_t>(member / kMembersPerWord), .column = column});
  }

  std::uint32_t bit_of(const SetKey& set, std::uint32_t member) {
    if (set.kind > kMaxBitSet) wrong(fmt::format("no own bit for the kind {}", set.kind));
    if (set.kind != kDenseSet) return set.kind;
    if (member > kMaxDenseMember) wrong(fmt::format("no place for the member {}", member));
    return member % kMembersPerWord;
  }

  /// Slots are counted from 1.
  std::size_t slot_of(const Slot& slot) {
    const auto known = std::find(known_.begin(), known_.end(), slot);
    if (known != known_.end()) return static_cast<std::size_t>(known - known_.begin()) + 1;
    known_.push_back(slot);
    const CounterKey counter{.partition = partition_, .kind = slot.kind, .index = slot.index, .user = {}};
    switch (slot.where) {
      case Slot::Where::header:
        slots_.add('h', counter_name(counter));
        break;
      case Slot::Where::counters:
        slots_.add('c', counter_name(counter));
        break;
      case Slot::Where::word:
        slots_.add('u', hex(word_tag(static_cast<std::uint32_t>(slot.index))), slot.column);
        break;
      case Slot::Where::own_bits:
        slots_.add('u', hex(own_bits_tag()), slot.column);
        break;
      case Slot::Where::user_counter:
        slots_.add('u', hex(counter_tag(slot.kind, slot.index)), slot.column);
        break;
    }
    return known_.size();
  }

  std::optional<std::size_t> take_shown(const Event& event, std::size_t takes, std::size_t which,
                                        std::int64_t constant) {
    for (std::size_t take = 0; take < takes; ++take) {
      std::vector<std::int64_t> one(takes);
      one[take] = 1;
      const Shown asked = shown(partition_, event, one)[which];
      const auto* value = std::get_if<std::int64_t>(&asked);
      if (value == nullptr || (*value != constant && *value != constant + 1)) {
        wrong("an answer shows something else than a take and a constant");
        return std::nullopt;
      }
      if (*value == constant + 1) return take;
    }
    return std::nullopt;
  }

  PartitionNo partition_;
  std::size_t events_ = 0;
  std::vector<Slot> known_;
  std::vector<Column> columns_;
  Section slots_, guards_, takes_, looks_, changes_, shown_;
  std::string problem_;
};

}  // namespace

Result<PlanText> plan_of(const Proposal& proposal) {
  if (proposal.events.empty()) return fail(FailureCode::invalid, "proposal: no event");
  Writer writer(proposal.partition);
  for (const Guard& guard : proposal.guards) writer.guard(guard);
  for (const Take& take : proposal.takes) writer.take(take);
  for (const Look& look : proposal.looks) writer.look(look);
  for (const Event& event : proposal.events) writer.changes_of(event);
  writer.shown_by(proposal.events.front(), proposal.takes.size());
  return writer.finish(proposal.revision, proposal.window);
}

}  // namespace windfall::redis
