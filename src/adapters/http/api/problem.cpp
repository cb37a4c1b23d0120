#include "adapters/http/api/problem.hpp"

#include <random>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/http/api/static/assets.hpp"

namespace windfall::http {

namespace {

void append_kebab(std::string& out, std::string_view code) {
  for (const char c : code) out += c == '_' ? '-' : static_cast<char>(c | 0x20);
}

std::string_view pick(Language language, std::string_view ko, std::string_view en) {
  return language == Language::ko ? ko : en;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  out += "\":";
  codec::append_json_string(out, text);
}

/// Seconds to wait, spread so that clients do not come back all at once.
int jittered(int seconds) {
  thread_local std::minstd_rand dice{std::random_device{}()};
  return seconds + std::uniform_int_distribution<int>{0, seconds}(dice);
}

struct Extra {
  const Definition& definition;
  std::string out;

  void operator()(const OutsidePeriod&) {
    append_member(out, "startDate", codec::to_text(definition.promotion.start));
    append_member(out, "endDate", codec::to_text(definition.promotion.end));
  }
  void operator()(const PromotionPaused&) {}
  void operator()(const Blocked&) {}
  void operator()(const SoldOut& sold_out) {
    const bool day = sold_out.scope == SoldOut::Scope::day;
    out += ",\"result\":-1,\"scope\":";
    out += day ? "\"DAY\"" : "\"TOTAL\"";
    if (day) {
      out += ",\"retryAt\":";
      out += sold_out.retry_at ? "\"" + codec::to_text(*sold_out.retry_at) + "\"" : "null";
    }
    out += ",\"alreadyParticipated\":";
    out += sold_out.already_participated ? "true" : "false";
  }
  void operator()(const ConditionNotMet& unmet) {
    out += ",\"result\":-2";
    append_member(out, "condition", unmet.condition);
  }
  void operator()(const AlreadyParticipated& already) {
    out += ",\"result\":-3";
    append_member(out, "day", codec::to_text(already.day));
  }
  void operator()(const AlreadyWon&) {}
  void operator()(const NoTicket&) { out += ",\"held\":0"; }
};

}  // namespace

Answer problem(std::string_view code, Language language, std::string_view instance, std::string_view extra) {
  const ProblemText* text = problem_text(code);
  return problem_with(code, text->status, pick(language, text->detail_ko, text->detail_en), language, instance, extra);
}

Answer problem_with(std::string_view code, int status, std::string_view detail, Language language,
                    std::string_view instance, std::string_view extra) {
  const ProblemText* text = problem_text(code);
  Answer answer{.status = status, .content_type = "application/problem+json"};
  answer.headers = language_headers(language);
  std::string& out = answer.body;
  out.reserve(384 + extra.size());
  out += "{\"type\":\"/problems/";
  append_kebab(out, code);
  out += '"';
  append_member(out, "title", pick(language, text->title_ko, text->title_en));
  out += ",\"status\":";
  codec::append_json_integer(out, status);
  append_member(out, "detail", detail);
  append_member(out, "instance", instance);
  append_member(out, "code", code);
  out += extra;
  out += '}';
  return answer;
}

std::string errors_member(const std::vector<InputError>& errors, Language language) {
  if (errors.empty()) return {};
  std::string extra = ",\"errors\":";
  codec::append_json_array(extra, errors, [&](const InputError& error) {
    codec::ObjectWriter(extra)
        .text("pointer", error.pointer)
        .text("detail", std::string_view(language == Language::ko ? error.detail_ko : error.detail_en))
        .close();
  });
  return extra;
}

Answer invalid(const std::vector<InputError>& errors, Language language, std::string_view instance) {
  const std::string extra = errors.empty() ? ",\"errors\":[]" : errors_member(errors, language);
  return problem("INVALID_REQUEST", language, instance, extra);
}

Answer bad_input(const codec::BadInput& input, Language language, std::string_view instance) {
  if (input.not_json) {
    std::string detail(pick(language, input.detail_ko, input.detail_en));
    detail += " (" + std::string(pick(language, input.where_ko, input.where)) + ")";
    return problem_with("INVALID_REQUEST", 400, detail, language, instance, ",\"errors\":[]");
  }
  std::vector<InputError> errors;
  errors.reserve(input.errors.size());
  for (const codec::FieldError& error : input.errors) {
    errors.push_back({.pointer = error.pointer, .detail_ko = error.detail_ko, .detail_en = error.detail_en});
  }
  Answer answer = invalid(errors, language, instance);
  if (!input.in_progress) return answer;
  const std::size_t from = answer.body.find(",\"errors\":");
  const std::string extra = answer.body.substr(from, answer.body.size() - from - 1);
  return problem("IN_PROGRESS", language, instance, extra);
}

Answer failed(const Failure& failure, Language language, std::string_view instance) {
  if (failure.code == FailureCode::not_found) return problem("NOT_FOUND", language, instance);
  // The message is for the log; callers learn that trying again is right and nothing of the inside.
  return later("OVERLOADED", 1, language, instance);
}

Answer later(std::string_view code, int seconds, Language language, std::string_view instance) {
  Answer answer = problem(code, language, instance);
  answer.headers += "Retry-After: " + std::to_string(jittered(seconds)) + "\r\n";
  return answer;
}

Answer refused(const Definition& definition, const JoinRefusal& refusal, Language language, std::string_view instance) {
  Extra extra{.definition = definition, .out = {}};
  std::visit(extra, refusal);
  const auto* sold_out = std::get_if<SoldOut>(&refusal);
  if (sold_out != nullptr && sold_out->scope == SoldOut::Scope::day) {
    // Whether there is more another day, retryAt tells.
    const std::string_view detail =
        pick(language, "오늘 준비된 수량이 모두 소진되었습니다.", "Today’s places are gone.");
    return problem_with("SOLD_OUT", 409, detail, language, instance, extra.out);
  }
  return problem(code_of(refusal), language, instance, extra.out);
}

Answer refused(const Definition& definition, const LotteryRefusal& refusal, Language language,
               std::string_view instance) {
  Extra extra{.definition = definition, .out = {}};
  std::visit(extra, refusal);
  return problem(code_of(refusal), language, instance, extra.out);
}

}  // namespace windfall::http
