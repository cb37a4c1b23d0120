// The HTTP API: routes a request, says no where it has to, and lets one use case decide. One catch-all: this class.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/fairness_export.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/http/api/address_limit.hpp"
#include "adapters/http/api/call.hpp"
#include "adapters/http/api/callers.hpp"
#include "adapters/http/api/lottery_parts.hpp"
#include "adapters/http/api/lottery_stats.hpp"
#include "adapters/http/api/problem.hpp"
#include "adapters/http/api/promotion_texts.hpp"
#include "adapters/http/api/rate_limit.hpp"
#include "adapters/http/api/recent_wins.hpp"
#include "adapters/http/api/shared_look.hpp"
#include "adapters/http/transport/server.hpp"
#include "application/on_request/browse.hpp"
#include "application/on_request/manage.hpp"
#include "application/on_request/participate.hpp"
#include "application/on_request/refusals.hpp"
#include "application/on_time/jobs.hpp"
#include "application/port/effects.hpp"
#include "application/port/ledger.hpp"
#include "application/port/ledger_rows.hpp"
#include "application/port/task.hpp"

namespace windfall::http {

/// A dependency as /readyz shows it.
struct ReadyCheck {
  std::string name;
  bool ready = false;
  std::string detail;
};

struct BookDifference;
struct WatchedFigures;

/// What the API stands on. All of it outlives the API.
struct ApiParts {
  const Clock& clock;
  PromotionStore& store;
  Participate& participate;
  Browse& browse;
  Manage& manage;
  Callers& callers;
  RateLimit& rate_limit;
  AddressLimit& address_limit;
  Refusals& refusals;
  Jobs& jobs;
  Ledger& ledger;
  LedgerRows* rows;  ///< null where a ledger cannot tell them person by person
  Effects& effects;
  Blocking& ledger_reads;   ///< threads that may wait for the ledger
  Blocking& ledger_writer;  ///< the ledger's one writing thread
  windfall::Timer& timer;
  LotteryParts lottery;

  /// What only the composition knows.
  struct Hooks {
    std::function<void(std::optional<Instant>)> set_clock;  ///< development only
    std::function<Task<std::string>()> partner_book;        ///< of the built-in sandbox; null if there is none
    /// The ledger has all that was acknowledged so far in that partition, in all without one; false after a second.
    std::function<Task<bool>(std::optional<PartitionNo> of)> caught_up;
    std::function<std::vector<ReadyCheck>()> ready;
    std::function<bool()> can_admit;  ///< false while the journal has no room: joins are refused early
    /// Has admit_arrived() called when all the requests that came in together have been looked at; false if none are.
    std::function<bool()> after_requests = [] { return false; };
    std::function<std::string()> metrics;
    std::function<std::string()> public_url;                    ///< where links begin; no slash at its end
    std::function<Task<Result<bool>>(UserRef)> erase_identity;  ///< zeroes the id in the log
    std::function<void()> effects_changed;                      ///< rows became due
    std::function<Task<Result<std::string>>()> sync_ledger;     ///< the 30 s sync, now
    std::function<std::string()> make_secret;                   ///< a new key's secret
    /// Makes the rows of these people anew from the log; on the ledger's writing thread, where there are `rows`.
    std::function<Result<bool>(const std::vector<UserRef>&)> make_rows_anew;
  } hooks;

  struct Settings {
    bool dev = false;
    bool reads_ledger = true;  ///< false where no process of this data directory projects (--roles api)
    std::string version;
    std::size_t max_deciding = 4096;  ///< joins whose answer waits for the journal; beyond it latency would pass 100 ms
  } settings;
};

class Api final {
 public:
  explicit Api(ApiParts parts);
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// Handles a request that arrived on a listener with that surface.
  void handle(const Request& request, Responder responder, Surface surface);
  /// Goes on with the requests that came in together, in the order in which they came.
  void admit_arrived();
  /// True of what is too large to be held: the handler takes it piece by piece.
  [[nodiscard]] static bool takes_pieces(Method method, std::string_view path);
  /// The contract's, of such a body.
  static constexpr std::size_t kImportLimit = 64UL * 1024 * 1024;
  [[nodiscard]] Response transport_error(Violation violation, std::string_view path,
                                         std::string_view accept_language) const;

  /// Answers by status class and code, for metrics.
  struct Counts {
    std::uint64_t requests = 0;
    std::uint64_t joins = 0;
    std::uint64_t draws = 0;
    std::uint64_t failures = 0;
    std::uint64_t shed = 0;           ///< joins refused before anything was decided
    std::uint64_t limited_users = 0;  ///< requests beyond the limit of a user
    std::uint64_t limited_addresses = 0;
    std::array<std::uint64_t, kTokenFaults.size()> bad_tokens{};  ///< by TokenFault
    std::array<std::uint64_t, 6> by_class{};
  };
  /// Ends the live streams, so that connections can drain.
  void stop_streams() { stopping_ = true; }
  [[nodiscard]] const Counts& counters() const { return counters_; }
  [[nodiscard]] std::size_t deciding() const { return deciding_; }

 private:
  using Handler = Detached (Api::*)(Call);
  struct Handlers;
  friend struct Handlers;
  /// A request whose caller is known.
  struct Arrived {
    Call call;
    bool readable = false;  ///< its path's parameters
  };
  void admit(Call& call, bool readable);
  void dispatch(Call&& call);
  Detached look_again(Call call);

  // Participants (participant_calls.cpp)
  Detached list_promotions(Call call);
  Detached get_promotion(Call call);
  Detached participate(Call call);
  Detached get_my_promotion(Call call);
  Detached list_my_participations(Call call);

  // Lotteries (lottery_calls.cpp, lottery_lists.cpp, lottery_admin_calls.cpp)
  Detached visit(Call call);
  Detached issue_invite(Call call);
  Detached get_my_invites(Call call);
  Detached open_invite(Call call);
  Detached get_tickets(Call call);
  Detached draw(Call call);
  Detached get_fairness(Call call);
  Detached export_fairness(Call call);
  Task<Result<codec::FinishedLottery>> finished_lottery(DefinitionPtr definition);
  Detached list_my_tickets(Call call);
  Detached list_my_draws(Call call);
  Detached list_winners(Call call);
  Detached adjust_tickets(Call call);

  // Coupons and codes (coupon_calls.cpp, code_calls.cpp, win_exports.cpp)
  Detached list_my_coupons(Call call);
  Detached get_my_coupon(Call call);
  Detached use_coupon(Call call);
  Detached void_draw(Call call);
  Detached reissue_coupon(Call call);
  Detached import_codes(Call call);
  Detached export_winners(Call call);
  Detached export_taxable(Call call);
  Detached export_wins(Call call, bool only_taxable);
  /// Reads the one member `reason`; nullopt after a problem was sent.
  std::optional<std::string> reason_of(Call& call);
  /// The value that a use case ends well with; nullptr after any other end was sent: a failure, or what send_end() of
  /// its outcome's other alternatives says.
  template <class Value, class Outcome>
  const Value* value_or_send(Call& call, const Result<Outcome>& outcome);
  void send_end(Call& call, const LotteryRefused& refused);
  void send_end(Call& call, const KeyReused&) { send_key_reused(call); }
  void send_end(Call& call, const UnknownPromotion&) { send_problem(call, "PROMOTION_NOT_FOUND"); }
  void send_end(Call& call, const NotJoinable&) { send_problem(call, "NOT_JOINABLE"); }
  void send_end(Call& call, const UnknownCoupon&) { send_problem(call, "COUPON_NOT_FOUND"); }
  void send_end(Call& call, const CouponIs& is);
  void send_end(Call& call, const UnknownDraw&) { send_problem(call, "NOT_FOUND"); }
  void send_end(Call& call, const CannotVoid&) { send_problem(call, "IN_PROGRESS"); }
  /// The id of a coupon or a draw in the path; nullopt after `unknown` was sent.
  std::optional<codec::Uuid> id_in_path(Call& call, std::string_view unknown);
  /// `promotionId`, `limit` and `cursor` of a participant's lists; nullopt after a problem was sent.
  Task<std::optional<LotteryLedger::Page>> page_of_mine(Call* call, std::string_view kind, int* limit);
  template <class Row, class Render>
  void send_page(Call& call, std::string_view kind, int limit, const std::vector<Row>& rows, Render render);
  /// Of a win, the definition has to be known.
  void render_draw(std::string& out, const DrawRow& row);
  /// The same with the object left open.
  codec::ObjectWriter begin_draw(std::string& out, const DrawRow& row);
  /// As everything that is known of a person has it.
  void render_own_draw(std::string& out, const DrawRow& row);
  /// Asks for the definitions of all that was won; false after 503 was sent.
  Task<bool> knows_prizes(Call* call, const std::vector<DrawRow>* rows);

  // Events that are judged later (event_calls.cpp)
  Detached send_events(Call call);

  // Promotions, by operators (promotion_calls.cpp)
  Detached create_promotion(Call call);
  Detached list_all_promotions(Call call);
  Detached get_any_promotion(Call call);
  Detached change_promotion(Call call);
  Detached copy_promotion(Call call);
  Detached dry_run(Call call);
  Detached export_participations(Call call);
  Detached pause_all(Call call);
  Detached resume_all(Call call);
  Detached set_pause_all(Call call, bool paused);

  // People (people_calls.cpp)
  Detached get_user_timeline(Call call);
  Detached export_user(Call call);
  Detached erase_user(Call call);
  Detached block_user(Call call);
  Detached unblock_user(Call call);
  Detached set_blocked(Call call, bool blocked);
  /// Names of prizes by promotion and index, as now defined.
  std::function<std::string(std::string_view promotion_id, std::uint32_t prize)> prize_names();
  Detached create_key(Call call);
  Detached list_keys(Call call);
  Detached delete_key(Call call);

  // Watching (watch_calls.cpp)
  Detached get_promotion_stats(Call call);
  Detached stream_stats(Call call);
  /// What the books say of a lottery; nullopt of anything else.
  Task<Result<std::optional<LotteryFigures>>> lottery_figures(DefinitionPtr definition);
  /// For the stream: wins of the last second, and nothing of the ledger's own count.
  Task<Result<std::optional<LotteryFigures>>> watched_figures(DefinitionPtr definition);
  /// Brings watched_ up to date; what cannot be read stays as it was.
  Task<void> look_at_figures();
  Detached list_dead_letters(Call call);
  Detached redrive_dead_letters(Call call);
  Detached redrive_dead_letter(Call call);
  Detached dismiss_dead_letter(Call call);
  Detached list_jobs(Call call);
  Detached list_audit(Call call);

  // Comparing the books (reconcile_calls.cpp)
  Detached get_reconciliation(Call call);
  Detached repair_reconciliation(Call call);
  /// People behind the one with that number; `all` if that was everybody.
  struct Compared {
    std::int64_t from = 0;
    std::int64_t to = 0;
    std::int64_t people = 0;
    bool all = false;
    bool only_one = false;  ///< whoever comes first behind `from`
  };
  /// Appends the comparison of hot state and ledger to `out`; false after a failure was sent.
  Task<bool> compare_books(Call* call, std::vector<DefinitionPtr> promotions, std::string* out,
                           std::vector<BookDifference>* found, Compared* compared);
  /// That person, or as many as one call may look at; false after a failure was sent.
  Task<bool> whom_to_compare(Call* call, std::optional<std::string> user_id, std::string promotion_id,
                             Compared* compared);
  /// Makes the rows of that person, and of everybody whom `found` names, anew; false after a failure was sent.
  Task<bool> repair_rows(Call* call, const std::vector<BookDifference>* found, std::optional<std::string> of);
  /// The same of the rows of as many people as one call may look at.
  Task<bool> compare_people(Call* call, std::vector<DefinitionPtr> promotions, std::vector<BookDifference>* found,
                            Compared* compared);
  /// Looks again until both hold still; nothing is added where they agree after all.
  Task<bool> compare_person(DefinitionPtr definition, LedgerRows::OfUser person, std::vector<BookDifference>* found);

  // Operations (operations_calls.cpp)
  Detached get_livez(Call call);
  Detached get_readyz(Call call);
  Detached get_version(Call call);
  Detached get_metrics(Call call);
  Detached get_openapi(Call call);
  Detached get_docs(Call call);
  Detached get_docs_file(Call call);
  Detached get_invite_page(Call call);
  Detached list_problems(Call call);
  Detached get_problem(Call call);
  Detached set_clock(Call call);
  Detached get_partner_book(Call call);

  // Shared by the handlers (api.cpp)

  /// Puts the answer on the wire; the call's views end here.
  void send(Call& call, Answer answer);
  void send_problem(Call& call, std::string_view code, std::string_view extra = {});
  /// Sends what is wrong with the query, if anything; true if so.
  bool wrong_query(Call& call, Query& query);
  /// The same for a call without parameters.
  bool wrong_query(Call& call);
  /// For calls whose body has nothing to say: true after a problem was sent, because it says something.
  bool wrong_empty_body(Call& call);
  /// True after 503 was sent: whether there is such a promotion is not known now.
  Task<bool> cannot_tell(Call* call, std::string promotion_id);
  void send_key_reused(Call& call);
  /// Answers a path parameter that is not percent-encoded UTF-8, as any other that names nothing.
  void send_refused(Call& call, const CallerRefused& refused);
  void send_unreadable(Call& call);
  /// Reads a JSON body by read(ObjectReader&); sends the problem and returns nullopt if it is wrong.
  template <class Read>
  auto read_body(Call& call, Read read);
  /// Completes when the ledger has what was acknowledged before the request; false after the answer 503 was sent.
  Task<bool> ledger_caught_up(Call* call, std::optional<PartitionNo> of = {});
  /// The dead letter that the path names, or none after a problem was sent: 404, or the ledger cannot tell now.
  Task<std::optional<DeadLetter>> dead_letter_of(Call* call);
  /// Erases a person and answers; nothing is decided about them meanwhile.
  Task<void> erase(Call* call, UserRef user, const std::string* reason);
  /// Sends a kept answer or the refusal of a reused key; true if so. Concurrent repeats wait here for the first.
  Task<bool> repeated(Call* call);
  /// Keeps the answer to a command that changed nothing in the hot state, then sends it.
  Task<void> send_kept(Call* call, Answer answer);
  [[nodiscard]] std::optional<Command> command_of(const Call& call, std::string_view key) const;
  [[nodiscard]] Audit audit_of(const Call& call, std::string reason) const;
  [[nodiscard]] std::string path_of(const Call& call) const { return std::string(call.request->path); }

  ApiParts parts_;
  RecentWins recent_wins_{[this](PartitionNo partition) { return parts_.lottery.ledger.wins_by_day(partition); },
                          parts_.ledger_reads, parts_.clock};
  PromotionTexts promotion_texts_;
  Counts counters_;
  std::size_t deciding_ = 0;
  std::vector<Arrived> arrived_;
  std::vector<Arrived> admitting_;                       ///< kept for its capacity
  std::map<std::string, std::int64_t> people_compared_;  ///< by promotion asked for: where the next look begins
  std::set<CommandHash> importing_;                      ///< commands whose file of codes is coming in
  std::multiset<UserRef> erasing_;                       ///< users about whom nothing is decided meanwhile
  bool stopping_ = false;
  std::map<PartitionNo, std::shared_ptr<WatchedFigures>> watched_;  ///< what the last look of all consoles saw
  SharedLook watching_{[this] { return look_at_figures(); }, parts_.clock};
};

}  // namespace windfall::http
