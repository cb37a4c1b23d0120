#include "model/redis_model.hpp"

#include <fstream>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "model/closed_set.hpp"

namespace windfall::model {

namespace {

/// Reading everything back costs about as much as a hundred proposals.
constexpr int kStepsBetweenReadings = 500;

std::string line_of(const Reply& reply) {
  if (const auto* error = reply.error()) return "error " + error->message;
  std::string line;
  for (const Reply& item : reply.items()) {
    if (item.items().empty() && std::holds_alternative<std::vector<Reply>>(item.value)) {
      line += "[] ";
    } else if (!item.items().empty()) {
      line += "[";
      for (const Reply& value : item.items()) line += value.text() + " ";
      line += "] ";
    } else {
      line += item.text() + " ";
    }
  }
  return line;
}

std::map<std::string, std::string> hash_at(RedisServer& server, const std::string& key) {
  std::map<std::string, std::string> fields;
  const Reply reply = server.call({"HGETALL", key});
  for (std::size_t i = 0; i + 1 < reply.items().size(); i += 2) {
    fields[reply.items()[i].text()] = reply.items()[i + 1].text();
  }
  return fields;
}

std::string differs(const std::string& what, const std::string& state, const std::string& redis) {
  return state == redis ? std::string() : what + ": State has " + state + ", Redis has " + redis;
}

/// What the outbox must hold, entry by entry.
struct Expected {
  std::string id;
  std::string fields;
};

class Run {
 public:
  Run(RedisServer& server, std::uint64_t seed, Met& met) : server_(server), met_(met), generator_(seed, state_) {
    // The system partition exists from the start, at time 0; every other is opened before its first proposal.
    open(kSystemPartition, "0");
    open(PartitionNo{1}, "");
  }

  std::string step() {
    const std::size_t before = state_.partitions();
    const Attempt attempt = generator_.next();
    const Verdict verdict = state_.commit(attempt.proposal, attempt.now);
    state_.forget_undo();
    const std::string difference = differs("verdict", describe(verdict), line_of(server_.call(spell(attempt))));
    if (const auto* accepted = std::get_if<Accepted>(&verdict)) {
      ++met_.accepted;
      generator_.accepted(attempt, accepted->assignment.time);
      expect(attempt, *accepted);
    }
    met_.refused += std::holds_alternative<Refused>(verdict) ? 1 : 0;
    met_.stale += std::holds_alternative<Stale>(verdict) ? 1 : 0;
    met_.repeated += std::holds_alternative<Repeated>(verdict) ? 1 : 0;
    if (state_.partitions() != before) open(PartitionNo{static_cast<std::uint32_t>(state_.partitions())}, "");
    return difference;
  }

  std::string read_back() {
    for (std::uint32_t p = 0; p < state_.partitions(); ++p) {
      for (const std::string& difference :
           {header(PartitionNo{p}), counters(PartitionNo{p}), sets(PartitionNo{p}), outbox(PartitionNo{p})}) {
        if (!difference.empty()) return "partition " + std::to_string(p) + ", " + difference;
      }
    }
    return {};
  }

 private:
  void open(PartitionNo partition, const std::string& time) {
    server_.call({"FCALL", "open_1", "1", keys_of(partition)[0], "1", time});
  }

  void expect(const Attempt& attempt, const Accepted& accepted) {
    const Assignment& made = accepted.assignment;
    std::string fields = std::to_string(made.sequence.value) + "|" + std::to_string(made.time.ms) + "|" +
                         std::to_string(attempt.proposal.revision.value) + "|";
    for (std::size_t i = 0; i < made.taken.size(); ++i) fields += (i == 0 ? "" : " ") + std::to_string(made.taken[i]);
    for (const std::string& event : attempt.encoded) fields += "|" + event;
    const std::uint64_t last = made.sequence.value + attempt.encoded.size() - 1;
    expected_[attempt.proposal.partition.value].push_back({.id = "1-" + std::to_string(last), .fields = fields});
  }

  std::string header(PartitionNo partition) {
    const PartitionHeader& mine = state_.header(partition);
    std::map<std::string, std::string> theirs = hash_at(server_, keys_of(partition)[0]);
    const auto line = [](const std::string& s, const std::string& r, const std::string& t, const std::string& c,
                         const std::string& m) { return "s" + s + " r" + r + " t" + t + " c" + c + " m" + m; };
    const bool defined = mine.revision != Revision{};
    const std::string here =
        line(std::to_string(mine.sequence.value), std::to_string(mine.revision.value), std::to_string(mine.time.ms),
             defined ? std::to_string(mine.created.ms) : "", defined ? std::to_string(mine.modified.ms) : "");
    std::string difference =
        differs("header", here, line(theirs["s"], theirs["r"], theirs["t"], theirs["c"], theirs["m"]));
    if (difference.empty())
      difference = differs("definition", mine.definition, server_.call({"GET", keys_of(partition)[6]}).text());
    return difference;
  }

  std::string counters(PartitionNo partition) {
    std::map<std::string, std::string> theirs = hash_at(server_, keys_of(partition)[1]);
    for (const CounterKey& key : generator_.counters()) {
      if (key.partition != partition) continue;
      const std::string field = field_of(key);
      const std::string value = theirs.contains(field) ? theirs[field] : "0";
      if (std::string difference = differs("counter " + field, std::to_string(state_.look(key)), value);
          !difference.empty()) {
        return difference;
      }
      theirs.erase(field);
    }
    return theirs.empty() ? std::string() : "counter " + theirs.begin()->first + " is known to Redis only";
  }

  std::string sets(PartitionNo partition) {
    const std::map<std::string, std::string> theirs = hash_at(server_, keys_of(partition)[2]);
    for (const UserRef user : Generator::users()) {
      const SetKey set{.partition = partition, .kind = kDenseSet, .user = user};
      std::uint64_t word = 0;
      for (std::uint32_t member = 0; member <= kMaxDenseMember; ++member) {
        if (member % 48 == 0) {
          const auto found = theirs.find(name_of(user) + ":" + std::to_string(member / 48));
          word = found == theirs.end() ? 0 : std::stoull(found->second);
        }
        const bool there = ((word >> (member % 48)) & 1U) != 0;
        if (there == (state_.look(MemberOf{.set = set, .member = member}) == 1)) continue;
        return "member " + std::to_string(member) + " of " + name_of(user) +
               (there ? " is in Redis only" : " is in State only");
      }
    }
    return {};
  }

  /// The entries since the last reading.
  std::string outbox(PartitionNo partition) {
    const std::vector<Expected> expected = std::exchange(expected_[partition.value], {});
    std::string& last = last_read_[partition.value];
    const Reply reply = server_.call({"XRANGE", keys_of(partition)[5], last.empty() ? "-" : "(" + last, "+"});
    if (!expected.empty()) last = expected.back().id;
    if (reply.items().size() != expected.size()) {
      return "outbox has " + std::to_string(reply.items().size()) + " entries, not " + std::to_string(expected.size());
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const std::vector<Reply>& entry = reply.items()[i].items();
      std::map<std::string, std::string> fields;
      std::string events;
      const std::vector<Reply>& flat = entry.at(1).items();
      for (std::size_t f = 0; f + 1 < flat.size(); f += 2) {
        if (flat[f].text() == "e") events += "|" + flat[f + 1].text();
        fields[flat[f].text()] = flat[f + 1].text();
      }
      const std::string theirs =
          entry.at(0).text() + "|" + fields["s"] + "|" + fields["t"] + "|" + fields["r"] + "|" + fields["v"] + events;
      if (std::string difference = differs("outbox", expected[i].id + "|" + expected[i].fields, theirs);
          !difference.empty()) {
        return difference;
      }
    }
    return {};
  }

  RedisServer& server_;
  Met& met_;
  State state_;
  Generator generator_;
  std::map<std::uint32_t, std::vector<Expected>> expected_;  ///< not read back yet
  std::map<std::uint32_t, std::string> last_read_;
};

}  // namespace

std::string commit_lua() {
  const std::ifstream file(WINDFALL_COMMIT_LUA, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string load(RedisServer& server, const std::string& library) {
  if (const Reply reply = server.call({"FLUSHALL"}); reply.error() != nullptr) return reply.error()->message;
  const Reply reply = server.call({"FUNCTION", "LOAD", "REPLACE", library});
  return reply.error() == nullptr ? std::string() : reply.error()->message;
}

std::optional<std::string> run_against_state(RedisServer& server, std::uint64_t seed, int steps, Met& met) {
  Run run(server, seed, met);
  for (int i = 0; i < steps; ++i) {
    std::string difference = run.step();
    if (difference.empty() && ((i + 1) % kStepsBetweenReadings == 0 || i + 1 == steps)) difference = run.read_back();
    if (!difference.empty()) return "seed " + std::to_string(seed) + ", step " + std::to_string(i) + ": " + difference;
  }
  return std::nullopt;
}

}  // namespace windfall::model
