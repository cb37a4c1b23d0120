#include "adapters/http/api/api.hpp"

#include <array>
#include <utility>

#include "adapters/codec/command_hash.hpp"
#include "adapters/codec/encoding.hpp"
#include "adapters/codec/utf8.hpp"
#include "application/on_request/look_for.hpp"

namespace windfall::http {

namespace {

/// The contract's length of an Idempotency-Key.
constexpr std::size_t kMaxIdempotencyKey = 255;

/// What of a body counts when two are compared: no body and {} are the same.
std::string_view significant(std::string_view body) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t open = body.find_first_not_of(kSpace);
  if (open == std::string_view::npos) return {};
  const std::size_t close = body.find_first_not_of(kSpace, open + 1);
  const bool empty_object = body[open] == '{' && close != std::string_view::npos && body[close] == '}' &&
                            body.find_first_not_of(kSpace, close + 1) == std::string_view::npos;
  return empty_object ? std::string_view{} : body;
}

bool is_visible_ascii(std::string_view text) {
  for (const char c : text) {
    if (c < 0x21 || c > 0x7e) return false;
  }
  return true;
}

/// Health, figures and documents are always answered: who watches must not be shut out by who floods.
bool counts_for_address(const Route* route) { return route == nullptr || route->pattern.starts_with("/v1/"); }

/// An operator is known by the key. Whoever knows none counts, but only after the look at the key.
constexpr std::string_view kOperatorPath = "/v1/admin";

bool is_for_operators(const Route* route) {
  return route != nullptr &&
         (route->access == Access::viewer || route->access == Access::operator_ || route->access == Access::admin);
}

/// What a participant asks for has to be kept; without room for it, it is not looked at.
bool asks_for_decision(const Route& route) {
  return (route.access == Access::participant || route.access == Access::sender) && route.method != Method::get;
}

/// Decodes the parameters of the path; false if one is not percent-encoded UTF-8.
bool read_parameters(const Match& found, Call& call) {
  for (std::size_t i = 0; i < found.raw_parameters.size() && !found.raw_parameters[i].empty(); ++i) {
    std::optional<std::string> parameter = codec::percent_decode(found.raw_parameters[i]);
    if (!parameter || !codec::is_utf8(*parameter)) return false;
    (i == 0 ? call.parameter : call.second_parameter) = std::move(*parameter);
  }
  return true;
}

}  // namespace

/// Which member answers which operation; a route without one does not compile.
struct Api::Handlers {
  static constexpr std::array<std::pair<std::string_view, Api::Handler>, kRoutes.size()> kByOperation{{
      {"listPromotions", &Api::list_promotions},
      {"getPromotion", &Api::get_promotion},
      {"participate", &Api::participate},
      {"getMyPromotion", &Api::get_my_promotion},
      {"listMyParticipations", &Api::list_my_participations},
      {"visit", &Api::visit},
      {"issueInvite", &Api::issue_invite},
      {"getMyInvites", &Api::get_my_invites},
      {"openInvite", &Api::open_invite},
      {"getInvitePage", &Api::get_invite_page},
      {"getTickets", &Api::get_tickets},
      {"listMyTickets", &Api::list_my_tickets},
      {"draw", &Api::draw},
      {"listMyDraws", &Api::list_my_draws},
      {"listMyCoupons", &Api::list_my_coupons},
      {"getMyCoupon", &Api::get_my_coupon},
      {"useCoupon", &Api::use_coupon},
      {"listWinners", &Api::list_winners},
      {"getFairness", &Api::get_fairness},
      {"sendEvents", &Api::send_events},
      {"exportFairness", &Api::export_fairness},
      {"adjustTickets", &Api::adjust_tickets},
      {"importCodes", &Api::import_codes},
      {"voidDraw", &Api::void_draw},
      {"reissueCoupon", &Api::reissue_coupon},
      {"exportWinners", &Api::export_winners},
      {"exportTaxable", &Api::export_taxable},
      {"createPromotion", &Api::create_promotion},
      {"listAllPromotions", &Api::list_all_promotions},
      {"getAnyPromotion", &Api::get_any_promotion},
      {"changePromotion", &Api::change_promotion},
      {"copyPromotion", &Api::copy_promotion},
      {"getPromotionStats", &Api::get_promotion_stats},
      {"dryRun", &Api::dry_run},
      {"exportParticipations", &Api::export_participations},
      {"streamStats", &Api::stream_stats},
      {"pauseAll", &Api::pause_all},
      {"resumeAll", &Api::resume_all},
      {"getUserTimeline", &Api::get_user_timeline},
      {"exportUser", &Api::export_user},
      {"eraseUser", &Api::erase_user},
      {"blockUser", &Api::block_user},
      {"unblockUser", &Api::unblock_user},
      {"listDeadLetters", &Api::list_dead_letters},
      {"redriveDeadLetters", &Api::redrive_dead_letters},
      {"redriveDeadLetter", &Api::redrive_dead_letter},
      {"dismissDeadLetter", &Api::dismiss_dead_letter},
      {"getReconciliation", &Api::get_reconciliation},
      {"repairReconciliation", &Api::repair_reconciliation},
      {"listJobs", &Api::list_jobs},
      {"listAudit", &Api::list_audit},
      {"createKey", &Api::create_key},
      {"listKeys", &Api::list_keys},
      {"deleteKey", &Api::delete_key},
      {"getLivez", &Api::get_livez},
      {"getReadyz", &Api::get_readyz},
      {"getVersion", &Api::get_version},
      {"getMetrics", &Api::get_metrics},
      {"getOpenapi", &Api::get_openapi},
      {"getDocs", &Api::get_docs},
      {"getDocsFile", &Api::get_docs_file},
      {"listProblems", &Api::list_problems},
      {"getProblem", &Api::get_problem},
      {"setClock", &Api::set_clock},
      {"getPartnerBook", &Api::get_partner_book},
  }};

  static consteval std::array<Api::Handler, kRoutes.size()> by_route() {
    std::array<Api::Handler, kRoutes.size()> table{};
    for (std::size_t i = 0; i < kRoutes.size(); ++i) {
      for (const auto& [operation, handler] : kByOperation) {
        if (operation == kRoutes[i].operation) table[i] = handler;
      }
      if (table[i] == nullptr) throw "a route without a handler";
    }
    return table;
  }
};

Api::Api(ApiParts parts) : parts_(std::move(parts)) {}

void Api::handle(const Request& request, Responder responder, Surface surface) {
  ++counters_.requests;
  Call call{.request = &request, .responder = std::move(responder)};
  const std::string_view accept = request.header("accept-language");
  if (!accept.empty()) call.language = preferred_language(accept);

  const Match found = match(request.method, request.path, surface);
  const bool operators = is_for_operators(found.route);
  const auto too_many = [&] {
    if (!counts_for_address(found.route) || !parts_.address_limit.on()) return false;
    if (parts_.address_limit.allow(request.peer, parts_.clock.monotonic_ms())) return false;
    ++counters_.limited_addresses;
    send(call, later("RATE_LIMITED", 1, call.language, request.path));
    return true;
  };
  // Before the credentials: looking at those is what a flood would cost most.
  if (!operators && too_many()) return;
  if (found.route == nullptr) {
    // What there is to call, and how, is shown to those who may.
    const bool guarded = surface != Surface::participants &&
                         (request.path == kOperatorPath || request.path.starts_with(std::string(kOperatorPath) + "/"));
    if (guarded) {
      if (const auto refused = parts_.callers.identify(request, Access::viewer, call.caller)) {
        return send_refused(call, *refused);
      }
    }
    if (found.allow.empty()) return send_problem(call, "NOT_FOUND");
    Answer answer = problem("METHOD_NOT_ALLOWED", call.language, request.path);
    answer.headers += "Allow: " + found.allow + "\r\n";
    return send(call, std::move(answer));
  }
  call.route = found.route;

  // Before the credentials, too: a signature alone costs more than the decision that will not be made.
  if (asks_for_decision(*found.route) &&
      (deciding_ + arrived_.size() >= parts_.settings.max_deciding || !parts_.hooks.can_admit())) {
    ++counters_.shed;
    return send(call, later("OVERLOADED", 1, call.language, request.path));
  }

  const std::optional<CallerRefused> refused = parts_.callers.identify(request, found.route->access, call.caller);
  if (refused) {
    if (operators && too_many()) return;
    return send_refused(call, *refused);
  }
  const bool readable = read_parameters(found, call);
  if (call.caller.kind == Caller::Kind::participant && parts_.rate_limit.on()) {
    // Their buckets lie far away: those of all that came in together are on their way before the first is looked at.
    parts_.rate_limit.expect(call.caller.user);
    if (!arrived_.empty() || parts_.hooks.after_requests()) {
      arrived_.push_back({.call = std::move(call), .readable = readable});
      return;
    }
  }
  admit(call, readable);
}

void Api::admit_arrived() {
  std::swap(arrived_, admitting_);
  for (Arrived& arrived : admitting_) admit(arrived.call, arrived.readable);
  admitting_.clear();
}

void Api::admit(Call& call, bool readable) {
  const Request& request = *call.request;
  const bool participant = call.caller.kind == Caller::Kind::participant;
  if (!erasing_.empty() && participant && asks_for_decision(*call.route) && erasing_.contains(call.caller.user)) {
    return send(call, later("OVERLOADED", 1, call.language, request.path));
  }
  if (participant && !parts_.rate_limit.allow(call.caller.user, parts_.clock.monotonic_ms())) {
    ++counters_.limited_users;
    return send(call, later("RATE_LIMITED", 1, call.language, request.path));
  }
  if (!readable) return send_unreadable(call);

  const Request::Lines keys =
      request.method == Method::post ? request.header_lines("idempotency-key") : Request::Lines{};
  if (keys.count != 0) {
    const std::string_view key = keys.first;
    const bool valid = keys.count == 1 && !key.empty() && key.size() <= kMaxIdempotencyKey && is_visible_ascii(key);
    if (!valid) {
      return send(call, invalid({{.pointer = "/Idempotency-Key",
                                  .detail_ko = "1~255자의 출력 가능한 ASCII를 한 번만 보내야 합니다",
                                  .detail_en = "must be sent once, 1..255 visible ASCII characters"}},
                                call.language, request.path));
    }
    call.command = command_of(call, key);
  }

  const bool unknown = parts_.store.others_create() &&
                       call.route->pattern.find("/promotions/{id}") != std::string_view::npos &&
                       !parts_.store.find(call.parameter);
  if (unknown) {
    look_again(std::move(call));
  } else {
    dispatch(std::move(call));
  }
}

void Api::dispatch(Call&& call) {
  // No GET takes a body; what other methods take they say themselves.
  if (call.route->method == Method::get && wrong_empty_body(call)) return;
  static constexpr std::array<Handler, kRoutes.size()> kHandlers = Handlers::by_route();
  const auto route = static_cast<std::size_t>(call.route - kRoutes.data());
  (this->*kHandlers[route])(std::move(call));
}

/// What another process has made a moment ago is not denied; nor is what nobody could be asked about.
Detached Api::look_again(Call call) {
  auto asking = cannot_tell(&call, call.parameter);
  if (co_await asking) co_return;
  dispatch(std::move(call));
}

Task<bool> Api::cannot_tell(Call* call, std::string promotion_id) {
  auto looking = look_for(parts_.store, std::move(promotion_id));
  const Result<bool> looked = co_await looking;
  if (!looked) send(*call, failed(looked.error(), call->language, call->request->path));
  co_return !looked;
}

void Api::send_refused(Call& call, const CallerRefused& refused) {
  if (refused.code == "INVALID_REQUEST") return send(call, invalid(refused.errors, call.language, call.request->path));
  Answer answer =
      problem(refused.code, call.language, call.request->path, errors_member(refused.errors, call.language));
  if (answer.status == 401) {
    answer.headers += "WWW-Authenticate: Bearer";
    if (refused.token) {  // RFC 6750 section 3
      ++counters_.bad_tokens.at(static_cast<std::size_t>(*refused.token));
      answer.headers += R"( error="invalid_token", error_description=")";
      answer.headers += text_of(*refused.token).name;
      answer.headers += '"';
    }
    answer.headers += "\r\n";
  }
  send(call, std::move(answer));
}

void Api::send_unreadable(Call& call) {
  const std::string_view pattern = call.route->pattern;
  if (pattern.find("/{userId}") != std::string_view::npos) {
    return send(call,
                invalid({{.pointer = "/userId", .detail_ko = "사용자 ID가 아닙니다", .detail_en = "is not a user id"}},
                        call.language, call.request->path));
  }
  send_problem(call, pattern.find("/promotions/{id}") != std::string_view::npos ? "PROMOTION_NOT_FOUND" : "NOT_FOUND");
}

bool Api::takes_pieces(Method method, std::string_view path) {
  if (method != Method::post || !path.ends_with("/codes")) return false;  // what nearly every request gets to hear
  const Match found = match(method, path, Surface::both);
  return found.route != nullptr && found.route->operation == "importCodes";
}

Response Api::transport_error(Violation violation, std::string_view path, std::string_view accept_language) const {
  const Language language = preferred_language(accept_language);
  const ViolationText& text = text_of(violation);
  Answer answer = text.status == 503
                      ? later("OVERLOADED", 1, language, path)
                      : problem_with("INVALID_REQUEST", text.status, language == Language::ko ? text.ko : text.en,
                                     language, path, ",\"errors\":[]");
  return {.status = answer.status,
          .content_type = answer.content_type,
          .headers = std::move(answer.headers),
          .body = std::move(answer.body)};
}

std::optional<Command> Api::command_of(const Call& call, std::string_view key) const {
  const bool participant = call.caller.kind == Caller::Kind::participant;
  const std::string caller = participant ? "user:" + call.caller.user_id : "key:" + call.caller.key_id;
  return Command{.hash = codec::command_hash(
                     {.caller = caller, .method = call.request->method_text, .path = call.request->path, .key = key}),
                 .fingerprint = codec::body_fingerprint(significant(call.request->body))};
}

Audit Api::audit_of(const Call& call, std::string reason) const {
  return {.actor = call.caller.key_id, .action = std::string(call.route->operation), .reason = std::move(reason)};
}

void Api::send(Call& call, Answer answer) {
  ++counters_.by_class.at(static_cast<std::size_t>(answer.status / 100));
  call.responder.send({.status = answer.status,
                       .content_type = answer.content_type,
                       .headers = std::move(answer.headers),
                       .body = std::move(answer.body)});
}

void Api::send_problem(Call& call, std::string_view code, std::string_view extra) {
  send(call, problem(code, call.language, call.request->path, extra));
}

bool Api::wrong_query(Call& call, Query& query) {
  const std::vector<InputError> errors = query.errors();
  if (errors.empty()) return false;
  send(call, invalid(errors, call.language, call.request->path));
  return true;
}

bool Api::wrong_query(Call& call) {
  if (call.request->query.empty()) return false;
  Query query(call.request->query);
  return wrong_query(call, query);
}

Task<bool> Api::ledger_caught_up(Call* call, std::optional<PartitionNo> of) {
  bool reached = false;
  if (parts_.settings.reads_ledger) {
    reached = co_await parts_.hooks.caught_up(of);
  }
  if (!reached) send(*call, later("OVERLOADED", 1, call->language, call->request->path));
  co_return reached;
}

Task<bool> Api::repeated(Call* call) {
  if (!call->command) co_return false;
  const auto found = co_await parts_.store.answer_to(call->command->hash);
  if (!found) {
    send(*call, failed(found.error(), call->language, call->request->path));
    co_return true;
  }
  const std::optional<PromotionStore::KeptAnswer>& kept = *found;
  if (!kept) co_return false;
  const Result<bool> durable = co_await parts_.store.durable();
  if (!durable) {
    send(*call, failed(durable.error(), call->language, call->request->path));
  } else if (kept->fingerprint != call->command->fingerprint) {
    send(*call, invalid({{.pointer = "/Idempotency-Key",
                          .detail_ko = "같은 키가 다른 본문으로 이미 쓰였습니다",
                          .detail_en = "was used before with another body"}},
                        call->language, call->request->path));
  } else {
    Answer answer{.status = kept->answer.status, .headers = kept->answer.headers, .body = kept->answer.body};
    answer.headers += "Idempotency-Replayed: true\r\n";
    send(*call, std::move(answer));
  }
  co_return true;
}

Task<void> Api::send_kept(Call* call, Answer answer) {
  if (call->command) {
    std::vector<Event> events;
    events.emplace_back(AnswerKept{.status = answer.status, .headers = answer.headers, .body = answer.body});
    const Result<bool> kept = co_await parts_.manage.record(std::move(events), call->command, Identity{});
    if (!kept) {
      send(*call, failed(kept.error(), call->language, call->request->path));
      co_return;
    }
    // Somebody else's answer to the same command may have been first: then that is the answer.
    const auto first = co_await parts_.store.answer_to(call->command->hash);
    if (!first || (*first && (*first)->answer.body != answer.body)) {
      co_await repeated(call);
      co_return;
    }
  }
  send(*call, std::move(answer));
}

}  // namespace windfall::http
