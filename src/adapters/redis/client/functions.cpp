#include "adapters/redis/client/functions.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "domain/kernel/sha256.hpp"

namespace windfall::redis {

namespace {

constexpr std::string_view kShebang = "#!lua name=";

/// Enough of a hash for people to compare two of them.
std::string short_hash(std::string_view text) { return hex_of(sha256(bytes_of_text(text))).substr(0, 12); }

const Reply* value_of(const Reply& map, std::string_view key) {
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    if (map.items[i].text == key) return &map.items[i + 1];
  }
  return nullptr;
}

bool says(const Reply& reply, std::string_view part) {
  return reply.type == Reply::Type::error && reply.text.find(part) != std::string::npos;
}

}  // namespace

struct FunctionLibrary::State {
  Client& client;
  const std::string name;
  const std::string text;
  bool running = false;
  std::vector<Completion<Result<bool>>*> waiters;
};

namespace {

using StatePtr = std::shared_ptr<FunctionLibrary::State>;

/// What FUNCTION LIST says of this name on a node: true if it is there and the same.
Task<Result<bool>> is_on(StatePtr library, Endpoint master) {
  Arguments list{"FUNCTION", "LIST", "LIBRARYNAME", library->name, "WITHCODE"};
  Task<Result<Reply>> listing = library->client.call_node(master, std::move(list), Kind::read);
  const Result<Reply> listed = co_await listing;
  if (!listed) co_return tl::unexpected(listed.error());
  if (listed->type == Reply::Type::error) {
    co_return fail(FailureCode::unavailable,
                   fmt::format("Redis {} does not say which libraries it has: {}", text_of(master), listed->text));
  }
  for (const Reply& found : listed->items) {
    const Reply* name = value_of(found, "library_name");
    const Reply* code = value_of(found, "library_code");
    if (name == nullptr || code == nullptr || name->text != library->name) continue;  // a name is a pattern to Redis
    const std::string theirs = short_hash(code->text);
    const std::string ours = short_hash(library->text);
    if (code->text == library->text) co_return true;
    co_return fail(
        FailureCode::conflict,
        fmt::format(
            "Redis {} has a library {} with other code ({}, not {}): give the new one a new name, or remove the "
            "old one with FUNCTION DELETE when no process uses it",
            text_of(master), library->name, theirs, ours));
  }
  co_return false;
}

Task<Result<bool>> ensure_on(StatePtr library, Endpoint master) {
  Task<Result<bool>> first_look = is_on(library, master);
  Result<bool> there = co_await first_look;
  if (!there || *there) co_return there;

  Arguments load{"FUNCTION", "LOAD", library->text};
  Task<Result<Reply>> loading = library->client.call_node(master, std::move(load), Kind::write);
  const Result<Reply> loaded = co_await loading;
  // Another process may have been faster: the second look tells whether it had the same.
  if (loaded && loaded->type == Reply::Type::error && !says(*loaded, "already exists")) {
    const bool later = says(*loaded, "NOREPLICAS") || says(*loaded, "LOADING") || says(*loaded, "MISCONF") ||
                       says(*loaded, "READONLY") || says(*loaded, "OOM");
    co_return fail(
        later ? FailureCode::unavailable : FailureCode::invalid,
        fmt::format("Redis {} does not take the library {}: {}", text_of(master), library->name, loaded->text));
  }
  Task<Result<bool>> second_look = is_on(library, master);
  there = co_await second_look;
  if (!there || *there) co_return there;
  if (!loaded) co_return tl::unexpected(loaded.error());
  co_return fail(FailureCode::conflict, fmt::format("Redis {} does not take the library {}: {}", text_of(master),
                                                    library->name, loaded->text));
}

Task<Result<bool>> ensure_everywhere(StatePtr library) {
  const std::vector<Shard> shards = library->client.shards();
  if (shards.empty()) co_return fail(FailureCode::unavailable, "no Redis node has described the cluster");
  Result<bool> result = true;
  for (const Shard& shard : shards) {
    Task<Result<bool>> ensuring = ensure_on(library, shard.master);
    Result<bool> one = co_await ensuring;
    // The others get theirs all the same; a conflict says more than a node that is down.
    if (!one && (result || one.error().code != FailureCode::unavailable)) result = std::move(one);
  }
  co_return result;
}

Task<Result<bool>> ensure_once(StatePtr library) {
  if (library->running) {
    Completion<Result<bool>> done;
    library->waiters.push_back(&done);
    Result<bool> result = co_await done;
    co_return result;
  }
  library->running = true;
  Task<Result<bool>> everywhere = ensure_everywhere(library);
  Result<bool> result = co_await everywhere;
  library->running = false;
  for (Completion<Result<bool>>* waiter : std::exchange(library->waiters, {})) waiter->complete(result);
  co_return result;
}

// Nobody waits for this one; what it could not do the next call finds, and says.
Task<void> follow(std::weak_ptr<FunctionLibrary::State> gone_with_the_library) {
  const StatePtr library = gone_with_the_library.lock();
  if (library == nullptr) co_return;
  Task<Result<bool>> ensuring = ensure_once(library);
  co_await ensuring;
}

Task<Result<Reply>> call_with(StatePtr library, Call call) {
  Task<Result<Reply>> first_try = library->client.call(call);
  Result<Reply> first = co_await first_try;
  if (!first || !says(*first, "Function not found")) co_return first;
  // A node that joined since: the map has to know it before it can be given the library.
  Task<Result<bool>> refreshing = library->client.refresh();
  const Result<bool> refreshed = co_await refreshing;
  if (!refreshed) co_return tl::unexpected(refreshed.error());
  Task<Result<bool>> ensuring = ensure_once(library);
  const Result<bool> ensured = co_await ensuring;
  // A master that is down does not keep the one from answering that this call is for.
  if (!ensured && ensured.error().code != FailureCode::unavailable) co_return tl::unexpected(ensured.error());
  Task<Result<Reply>> second_try = library->client.call(std::move(call));
  Result<Reply> second = co_await second_try;
  co_return second;
}

}  // namespace

Result<std::unique_ptr<FunctionLibrary>> FunctionLibrary::make(Client& client, std::string text) {
  const std::string_view first = std::string_view(text).substr(0, text.find('\n'));
  std::string name(first.starts_with(kShebang) ? first.substr(kShebang.size()) : "");
  while (!name.empty() && (name.back() == '\r' || name.back() == ' ')) name.pop_back();
  if (name.empty()) {
    return fail(FailureCode::invalid, fmt::format("a library of Redis functions begins with \"{}...\"", kShebang));
  }
  auto state = std::make_shared<State>(State{.client = client, .name = std::move(name), .text = std::move(text)});
  client.on_new_masters([watched = std::weak_ptr(state)] { detach(follow(watched)); });
  return std::unique_ptr<FunctionLibrary>(new FunctionLibrary(std::move(state)));
}

FunctionLibrary::FunctionLibrary(std::shared_ptr<State> state) : state_(std::move(state)) {}

const std::string& FunctionLibrary::name() const { return state_->name; }

Task<Result<bool>> FunctionLibrary::ensure() { return ensure_once(state_); }

Task<Result<Reply>> FunctionLibrary::call(Call call) { return call_with(state_, std::move(call)); }

}  // namespace windfall::redis
