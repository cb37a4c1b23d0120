// Load for the script in Redis, through the codecs that the product uses: joins of a daily promotion by users that come
// once, in calls of a given number, as many calls under way as there are connections. Whoever starts it asks the server
// for its CPU time and memory before and after. Usage, against a Redis on a loopback port:
//   windfall_redis_bench PORT open USERS                          loads the library, opens a promotion for so many
//   users windfall_redis_bench PORT join FIRST COUNT BATCH CONNECTIONS keyed|plain
//                                                                 joins users FIRST.., with or without commands to
//                                                                 repeat
//   windfall_redis_bench PORT drain                               reads and trims the outbox as a relay does
#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/redis/commit_call.hpp"
#include "adapters/redis/epoch_call.hpp"
#include "adapters/redis/library.hpp"
#include "adapters/redis/outbox_entry.hpp"
#include "domain/promotion/join.hpp"

namespace {

using namespace windfall;

constexpr PartitionNo kPartition{1};
constexpr std::uint64_t kOutboxLimit = 1'000'000'000;  // drained when the measurement is over
constexpr const char* kEntriesAtOnce = "1000";

std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "windfall_redis_bench: %s\n", why.c_str());
  std::exit(1);
}

class Connection {
 public:
  explicit Connection(int port) : context_(redisConnect("127.0.0.1", port)) {
    if (context_ == nullptr || context_->err != 0) stop("no server on port " + std::to_string(port));
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  ~Connection() {
    if (context_ != nullptr) redisFree(context_);
  }
  static std::string formatted(const redis::Arguments& arguments) {
    std::vector<const char*> words;
    std::vector<std::size_t> lengths;
    for (const std::string& word : arguments) {
      words.push_back(word.data());
      lengths.push_back(word.size());
    }
    char* raw = nullptr;
    const auto length = redisFormatCommandArgv(&raw, static_cast<int>(words.size()), words.data(), lengths.data());
    std::string text(raw, static_cast<std::size_t>(length));
    redisFreeCommand(raw);
    return text;
  }
  void send(const std::string& formatted) {
    redisAppendFormattedCommand(context_, formatted.data(), formatted.size());
    int done = 0;
    while (done == 0) {
      if (redisBufferWrite(context_, &done) != REDIS_OK) stop(context_->errstr);
    }
  }
  redis::Reply receive() {
    void* raw = nullptr;
    if (redisGetReply(context_, &raw) != REDIS_OK) stop(context_->errstr);
    redis::Reply reply = copy_of(*static_cast<redisReply*>(raw));
    freeReplyObject(raw);
    if (reply.type == redis::Reply::Type::error) stop(reply.text);
    return reply;
  }
  redis::Reply call(const redis::Arguments& arguments) {
    send(formatted(arguments));
    return receive();
  }

 private:
  static redis::Reply copy_of(const redisReply& raw) {
    using Type = redis::Reply::Type;
    redis::Reply reply{.type = Type::nil};
    if (raw.type == REDIS_REPLY_ARRAY) {
      reply.type = Type::array;
      for (std::size_t i = 0; i < raw.elements; ++i) reply.items.push_back(copy_of(*raw.element[i]));
    } else if (raw.type == REDIS_REPLY_INTEGER) {
      reply = {.type = Type::integer, .number = raw.integer};
    } else if (raw.type != REDIS_REPLY_NIL) {
      reply = {.type = raw.type == REDIS_REPLY_ERROR ? Type::error : Type::bulk, .text = std::string(raw.str, raw.len)};
    }
    return reply;
  }

  redisContext* context_;
};

Definition promotion() {
  Definition definition;
  definition.partition = kPartition;
  definition.revision = Revision{1};
  definition.promotion.id = "bench";
  definition.promotion.reward_amount = 500;
  definition.promotion.limit_join_count = 1'000'000'000;
  definition.promotion.timezone = "Asia/Seoul";
  definition.zone = {.name = "Asia/Seoul", .transitions = {{.from = kBeginningOfTime, .offset_seconds = 9 * 3600}}};
  return definition;
}

redis::Submission prepared(const Proposal& proposal, const Identity& identity) {
  Result<redis::Submission> submission = redis::prepare(proposal, redis::outbox_payload(proposal, identity));
  if (!submission) stop(submission.error().message);
  return std::move(*submission);
}

redis::Submission join(const Definition& definition, Instant now, std::uint64_t number, bool keyed) {
  JoinRequest request{.user = {.hi = mix(2 * number), .lo = mix((2 * number) + 1)}, .segments = {}, .now = now};
  if (keyed) request.command = Command{.hash = {.hi = mix(~number), .lo = mix(number)}, .fingerprint = mix(number + 7)};
  JoinDecision decision = propose_join(definition, request, {});
  Proposal& proposal = std::get<JoinPlan>(decision).proposal;
  // What concerns the system partition is not asked here (the store looks at its mirror).
  std::erase_if(proposal.guards, [](const Guard& guard) {
    const auto* equals = std::get_if<Equals>(&guard);
    return equals != nullptr && equals->counter.partition == kSystemPartition;
  });
  const std::string id = "user-" + std::to_string(number);
  return prepared(proposal, {.user = request.user, .id = id});
}

redis::Place place(std::uint32_t buckets) {
  return {.prefix = redis::key_prefix("bench"), .epoch = Epoch{1}, .buckets = buckets};
}

redis::Header header_at(Connection& connection) {
  const auto header = redis::read_header(connection.call({"GET", place(1).header()}));
  if (!header || !*header) stop("the promotion is not open");
  return **header;
}

redis::CommitTerms terms() { return {.seen = {}, .now = std::nullopt, .outbox_limit = kOutboxLimit}; }

void open(int port, std::uint64_t users) {
  Connection connection(port);
  connection.call({"FUNCTION", "LOAD", "REPLACE", std::string(redis::library_text())});
  const redis::Place at = place(redis::buckets_for(users));
  connection.call(redis::open_call(at, at.header()));
  Proposal creation;
  creation.partition = kPartition;
  creation.events.emplace_back(DefinitionChanged{.id = "bench", .definition = "a definition", .audit = {}});
  const redis::Submission submission = prepared(creation, {});
  const redis::Submission* list[] = {&submission};
  const auto reply = redis::read_commit_reply(connection.call(redis::commit_call(at, list, terms())), list);
  if (!reply || !std::holds_alternative<Accepted>(reply->verdicts.at(0).value())) stop("the creation was not accepted");
}

void join(int port, std::uint64_t first, std::uint64_t count, std::uint64_t batch, std::uint64_t connections,
          bool keyed) {
  std::vector<Connection> open_connections;
  for (std::uint64_t i = 0; i < connections; ++i) open_connections.emplace_back(port);
  const redis::Place at = place(header_at(open_connections[0]).buckets);
  // The promotion's day is today wherever the server's clock stands.
  Definition definition = promotion();
  const redis::Reply clock = open_connections[0].call({"TIME"});
  const Instant now{std::stoll(clock.items.at(0).text) * 1000};
  const std::int32_t today = definition.zone.day_at(now).days;
  definition.promotion.start = LocalDay{today - 1};
  definition.promotion.end = LocalDay{today + 20};

  std::vector<std::vector<redis::Submission>> kept;  // of the calls under way, for their replies
  std::vector<std::string> calls;
  for (std::uint64_t begin = first; begin < first + count; begin += batch) {
    std::vector<redis::Submission>& submissions = kept.emplace_back();
    std::vector<const redis::Submission*> list;
    for (std::uint64_t number = begin; number < std::min(begin + batch, first + count); ++number) {
      submissions.push_back(join(definition, now, number, keyed));
    }
    for (const redis::Submission& submission : submissions) list.push_back(&submission);
    calls.push_back(Connection::formatted(redis::commit_call(at, list, terms())));
  }
  std::uint64_t accepted = 0;
  for (std::size_t sent = 0; sent < calls.size(); sent += connections) {
    const std::size_t round = std::min<std::size_t>(connections, calls.size() - sent);
    for (std::size_t i = 0; i < round; ++i) open_connections[i].send(calls[sent + i]);
    for (std::size_t i = 0; i < round; ++i) {
      for (const redis::Reply& item : open_connections[i].receive().items)
        accepted += item.text.starts_with("a ") ? 1U : 0U;
    }
  }
  if (accepted != count) stop(std::to_string(accepted) + " of " + std::to_string(count) + " joins were accepted");
}

void drain(int port) {
  Connection connection(port);
  const std::string outbox = place(1).outbox();
  std::uint64_t events = 0;
  std::string from = "-";
  while (true) {
    const redis::Reply entries = connection.call({"XRANGE", outbox, from, "+", "COUNT", kEntriesAtOnce});
    if (entries.items.empty()) break;
    std::string last;
    for (const redis::Reply& raw : entries.items) {
      const auto entry = redis::read_outbox_entry(raw, kPartition);
      if (!entry) stop(entry.error().message);
      events += entry->events.size();
      last = entry->id;
    }
    from = "(" + last;
    connection.call({"XTRIM", outbox, "MINID", last});
  }
  connection.call({"XTRIM", outbox, "MAXLEN", "0"});
  std::printf("%llu\n", static_cast<unsigned long long>(events));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto number = [&words](std::size_t at) { return std::strtoull(words[at].c_str(), nullptr, 10); };
  if (words.size() == 3 && words[1] == "open") {
    open(static_cast<int>(number(0)), number(2));
  } else if (words.size() == 7 && words[1] == "join") {
    join(static_cast<int>(number(0)), number(2), number(3), number(4), number(5), words[6] == "keyed");
  } else if (words.size() == 2 && words[1] == "drain") {
    drain(static_cast<int>(number(0)));
  } else {
    std::fprintf(
        stderr,
        "usage: windfall_redis_bench PORT open USERS | join FIRST COUNT BATCH CONNECTIONS keyed|plain | drain\n");
    return 2;
  }
  return 0;
}
