#include "adapters/redis/store/fence.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace windfall::redis {

namespace {

/// The second item if the first one is `wanted`.
Result<std::string> said(const Result<Reply>& reply, std::string_view wanted, const Place& place) {
  if (!reply) return tl::unexpected(reply.error());
  if (reply->type == Reply::Type::error) return fail(FailureCode::unavailable, "redis: epoch: " + reply->text);
  if (reply->type != Reply::Type::array || reply->items.size() != 2) {
    return fail(FailureCode::damaged, "redis: a reply that the script does not make");
  }
  if (reply->items[0].text == wanted) return reply->items[1].text;
  return fail(FailureCode::conflict,
              fmt::format("redis: epoch {} of {} comes too late: {} {}", place.epoch.value, place.prefix,
                          reply->items[0].text == "late" ? "the newest is" : "in force is",
                          reply->items[1].text.empty() ? "none" : reply->items[1].text));
}

}  // namespace

Task<Result<bool>> fence(FunctionLibrary& library, std::string header_key, Epoch epoch, Sequence confirmed) {
  Arguments command{"FCALL", "fence_3", "1", header_key, std::to_string(epoch.value), std::to_string(confirmed.value)};
  Call call{.routing_key = std::move(header_key), .command = std::move(command), .kind = Kind::durable};
  const Result<Reply> reply = co_await library.call(std::move(call));
  if (!reply) co_return tl::unexpected(reply.error());
  if (reply->type == Reply::Type::error) co_return fail(FailureCode::unavailable, "redis: fence: " + reply->text);
  co_return reply->number == 1;
}

Task<void> fence_those_behind(Mirror& mirror, FunctionLibrary& library,
                              std::function<void(const std::string& why)> trouble) {
  for (const PartitionNo partition : mirror.behind()) {
    Known& known = mirror.at(partition);
    std::string header = known.place.header();
    const Result<bool> fenced = co_await fence(library, std::move(header), known.header.epoch, known.header.sequence);
    if (fenced) mirror.note_settled(known);
    if (!trouble) continue;
    if (!fenced) trouble(fenced.error().message);
    if (fenced && *fenced) {
      trouble("redis: promotion " + (known.id.empty() ? "(system)" : known.id) +
              " had gone back behind what was confirmed: it is fenced until it is rebuilt");
    }
  }
}

Task<Result<std::optional<Epoch>>> enter(FunctionLibrary& library, Place place) {
  Arguments command{"FCALL", "enter_3", "2", place.header(), place.newest(), std::to_string(place.epoch.value)};
  Call call{.routing_key = place.header(), .command = std::move(command), .kind = Kind::durable};
  const Result<Reply> reply = co_await library.call(std::move(call));
  const Result<std::string> before = said(reply, "entered", place);
  if (!before) co_return tl::unexpected(before.error());
  Epoch epoch;
  const auto [end, error] = std::from_chars(before->data(), before->data() + before->size(), epoch.value);
  if (error != std::errc{} || end != before->data() + before->size()) co_return std::optional<Epoch>{};
  co_return std::optional{epoch};
}

Task<Result<bool>> force(FunctionLibrary& library, Place place, Sequence last) {
  Arguments command{"FCALL",
                    "force_3",
                    "3",
                    place.header(),
                    place.newest(),
                    place.filled_header(),
                    std::to_string(place.epoch.value),
                    std::to_string(last.value)};
  Call call{.routing_key = place.header(), .command = std::move(command), .kind = Kind::durable};
  const Result<Reply> reply = co_await library.call(std::move(call));
  const Result<std::string> header = said(reply, "forced", place);
  if (!header) co_return tl::unexpected(header.error());
  co_return true;
}

}  // namespace windfall::redis
