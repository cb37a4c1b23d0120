// Codes of a prize come in: a file of up to 64 MiB, taken as it arrives, never held whole and never repeated in any
// answer.
#include <optional>
#include <set>
#include <utility>

#include "adapters/codec/code_lines.hpp"
#include "adapters/codec/command_hash.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/http/api/body.hpp"

namespace windfall::http {

namespace {

constexpr BodyTypes kCsvBody{
    .media = {"text/csv", ""}, .ko = "Content-Type은 text/csv여야 합니다", .en = "Content-Type must be text/csv"};

void append_lines(std::string& out, std::string_view name, std::string_view rest, const ReportedLines& reported) {
  out += ",\"";
  out += name;
  out += "\":";
  codec::append_json_array(out, reported.lines, [&out](std::uint64_t line) {
    codec::ObjectWriter(out).integer("line", static_cast<std::int64_t>(line)).close();
  });
  if (reported.rest > 0) out.append(",\"").append(rest).append("\":").append(std::to_string(reported.rest));
}

/// How soon a repetition sees that the first call has been answered.
constexpr std::int64_t kLookAgainMs = 20;

/// The command is being answered as long as this lives.
class Claim {
 public:
  Claim(std::set<CommandHash>& all, const std::optional<Command>& command) : all_(all) {
    if (command) mine_ = *all_.insert(command->hash).first;
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    if (mine_) all_.erase(*mine_);
  }

 private:
  std::set<CommandHash>& all_;
  std::optional<CommandHash> mine_;
};

struct Outcome {
  ReportedLines duplicates;
  ReportedLines invalid;
};

std::string body_of(const Outcome& outcome, std::int64_t imported) {
  std::string body = "{\"imported\":" + std::to_string(imported);
  append_lines(body, "duplicates", "moreDuplicates", outcome.duplicates);
  append_lines(body, "invalid", "moreInvalid", outcome.invalid);
  return body + '}';
}

/// Another import of the prize runs, or the prize was taken out under this one.
Answer import_failed(const Failure& failure, const Call& call) {
  if (failure.code == FailureCode::conflict) return problem("IN_PROGRESS", call.language, call.request->path);
  return failed(failure, call.language, call.request->path);
}

Task<Result<bool>> store_batch(ImportCodes* imports, ImportCodes::Running* running, codec::CodeBatch* batch,
                               Outcome* outcome) {
  for (const std::uint64_t line : batch->invalid()) outcome->invalid.add(line);
  if (!batch->codes().empty()) {
    const auto duplicates = co_await imports->append(*running, batch->codes());
    if (!duplicates) co_return tl::unexpected(duplicates.error());
    for (const std::uint64_t line : *duplicates) outcome->duplicates.add(line);
  }
  batch->clear();
  co_return true;
}

Task<BodyPiece> next_piece(Call* call) {
  Completion<BodyPiece> piece;
  call->responder.next_piece([&piece](BodyPiece taken) { piece.complete(std::move(taken)); });
  co_return co_await piece;
}

}  // namespace

Detached Api::import_codes(Call call) {
  if (wrong_query(call)) co_return;
  const std::string_view length = call.request->header("content-length");
  const bool empty = length == "0" || (length.empty() && call.request->header("transfer-encoding").empty());
  if (!empty) {  // no body at all is an empty file, whatever it says
    if (std::optional<Answer> wrong = wrong_body(call, kCsvBody)) {
      send(call, std::move(*wrong));
      co_return;
    }
  }
  const DefinitionPtr definition = parts_.store.find(call.parameter);
  if (!definition) {
    send_problem(call, "PROMOTION_NOT_FOUND");
    co_return;
  }
  const Promotion& promotion = definition->promotion;
  const std::optional<std::uint32_t> prize =
      promotion.lottery ? prize_index(*promotion.lottery, call.second_parameter) : std::nullopt;
  if (!promotion.lottery || !prize || promotion.lottery->prizes[*prize].kind != PrizeKind::gifticon) {
    send_problem(call, promotion.lottery ? "NOT_FOUND" : "NOT_JOINABLE");
    co_return;
  }
  if (promotion.mode == Mode::test) {
    // A code is in the installation once: here it would be lost to the promotion that it was bought for.
    send(call, invalid({{.pointer = "",
                         .detail_ko = "TEST 프로모션에는 코드를 넣지 않습니다",
                         .detail_en = "a TEST promotion takes no codes"}},
                       call.language, call.request->path));
    co_return;
  }
  // Under a key the body's fingerprint is compared, which is known at its end. What is being answered just now gives
  // the same answer, once it is there.
  bool seen = false;
  if (call.command) {
    const auto known = co_await parts_.store.answer_to(call.command->hash);
    if (!known) {
      send(call, failed(known.error(), call.language, call.request->path));
      co_return;
    }
    seen = known->has_value() || importing_.contains(call.command->hash);
  }
  const Claim claim(importing_, seen ? std::nullopt : call.command);
  codec::BodyFingerprint fingerprint;
  std::optional<ImportCodes::Running> running;
  if (!seen) {
    Result<ImportCodes::Running> begun = co_await parts_.lottery.imports.begin(definition, *prize);
    if (!begun) {
      send(call, import_failed(begun.error(), call));
      co_return;
    }
    running = std::move(*begun);
  }

  codec::CodeLines lines;
  codec::CodeBatch batch;
  Outcome outcome;
  Result<bool> stored = true;
  BodyPiece piece = co_await next_piece(&call);
  for (; piece.kind == BodyPiece::Kind::bytes && stored; piece = co_await next_piece(&call)) {
    fingerprint.add(piece.bytes);
    std::string_view bytes = piece.bytes;
    while (running && !bytes.empty() && stored) {
      bytes.remove_prefix(lines.feed(bytes, batch));
      if (batch.full()) stored = co_await store_batch(&parts_.lottery.imports, &*running, &batch, &outcome);
    }
    if (!stored) break;
  }
  if (piece.kind == BodyPiece::Kind::end && running && stored) {
    lines.finish(batch);
    stored = co_await store_batch(&parts_.lottery.imports, &*running, &batch, &outcome);
  }
  if (piece.kind == BodyPiece::Kind::cut || !stored) {
    if (running) co_await parts_.lottery.imports.give_up(*running);
    if (!stored) send(call, failed(stored.error(), call.language, call.request->path));
    co_return;  // the transport has answered whoever was cut
  }
  if (call.command) call.command->fingerprint = fingerprint.value();
  if (!running) {
    while (importing_.contains(call.command->hash)) co_await sleep_for(parts_.timer, kLookAgainMs);
    const bool answered = co_await repeated(&call);
    // It was 24 h old just now, or what it repeats has failed: the file has to come once more.
    if (!answered) send(call, later("OVERLOADED", 1, call.language, call.request->path));
    co_return;
  }
  AnswerKept kept;
  const auto render = [&](std::int64_t imported) {
    kept = {.status = 200, .headers = {}, .body = body_of(outcome, imported)};
    return kept;
  };
  const Result<std::int64_t> imported =
      co_await parts_.lottery.imports.finish(*running, audit_of(call, {}), call.command, render);
  if (!imported) {
    send(call, import_failed(imported.error(), call));
  } else if (*imported == 0) {
    Answer answer{.headers = {}, .body = body_of(outcome, 0)};
    co_await send_kept(&call, std::move(answer));
  } else {
    send(call, {.status = 200, .headers = {}, .body = kept.body});
  }
}

}  // namespace windfall::http
