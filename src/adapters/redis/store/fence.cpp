#include "adapters/redis/store/fence.hpp"

#include <utility>

namespace windfall::redis {

Task<Result<bool>> fence(FunctionLibrary& library, std::string header_key, Epoch epoch, Sequence confirmed) {
  Arguments command{"FCALL", "fence_2", "1", header_key, std::to_string(epoch.value), std::to_string(confirmed.value)};
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

}  // namespace windfall::redis
