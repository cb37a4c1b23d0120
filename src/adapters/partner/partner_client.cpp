#include "adapters/partner/partner_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cassert>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/partner/partner_url.hpp"

namespace windfall::partner {

namespace {

/// Connections kept open between calls: as many as the pools of calls to both endpoints need.
constexpr long kIdleConnections = 128;
/// Idle connections older than that are not used again; servers close theirs after 30 s or more as a rule.
constexpr long kIdleSeconds = 20;
/// How long the thread sleeps when nothing happens; it is woken for every call.
constexpr int kPollMs = 1000;

struct SlistFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, SlistFree>;

void add_header(Headers& headers, const std::string& line) {
  curl_slist* grown = curl_slist_append(headers.get(), line.c_str());
  assert(grown != nullptr);
  [[maybe_unused]] const curl_slist* same = headers.release();  // `grown` owns it now
  headers.reset(grown);
}

struct Call {
  std::string url;
  std::string event_id;
  std::optional<std::string> body;  ///< POST if present
  PartnerClient::Done done;

  Headers headers;
  Exchange exchange;
  std::size_t head_bytes = 0;
  bool head_too_long = false;
  bool head_ended = false;  ///< libcurl takes a head that is cut between two lines for a whole one
  bool sent = false;        ///< the first byte may have left
  bool sent_twice = false;  ///< libcurl wanted to repeat a POST
  std::array<char, CURL_ERROR_SIZE> error{};
};

std::size_t on_head(char* data, std::size_t size, std::size_t count, void* user) {
  auto* call = static_cast<Call*>(user);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) call->head_ended = false;  // after a 100 Continue another head follows
  if (line == "\r\n" || line == "\n") call->head_ended = true;
  call->head_bytes += line.size();
  call->head_too_long = call->head_bytes > PartnerClient::kAnswerLimit;
  return call->head_too_long ? 0 : line.size();
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto* call = static_cast<Call*>(user);
  if (call->exchange.body.size() + size * count > PartnerClient::kAnswerLimit) {
    call->exchange.body_too_long = true;
    return 0;
  }
  call->exchange.body.append(data, size * count);
  return size * count;
}

/// Runs when a connection stands and before the request goes out on it. libcurl repeats a request by itself when a kept
/// connection closes without a byte of an answer; the partner may have booked it by then, so a POST is not repeated.
int before_sending(void* user, char*, char*, int, int) {
  auto* call = static_cast<Call*>(user);
  if (call->sent && call->body) {
    call->sent_twice = true;
    return CURL_PREREQFUNC_ABORT;
  }
  call->sent = true;
  return CURL_PREREQFUNC_OK;
}

void finish(Call& call, CURL* easy, CURLcode code) {
  Exchange& exchange = call.exchange;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  exchange.status = static_cast<int>(status);
  curl_off_t wait = 0;
  if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0) exchange.retry_after_s = wait;
  if (exchange.body_too_long) {
    exchange.body.clear();
    return;  // complete as far as we care: the status is known
  }
  if (code == CURLE_OK && call.head_ended) return;
  exchange.end = call.sent ? Exchange::End::cut : Exchange::End::not_sent;
  if (call.sent_twice) {
    exchange.error = "the partner closed the connection without an answer";
  } else if (call.head_too_long) {
    exchange.error = "the head of the answer is too long";
  } else if (code == CURLE_OK) {
    exchange.error = "the answer ends within its head";
  } else {
    exchange.error = call.error.front() != '\0' ? call.error.data() : curl_easy_strerror(code);
  }
}

bool start_libcurl() {
  static const bool kStarted = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return kStarted;
}

}  // namespace

class PartnerClient::Impl {
 public:
  Impl(ClientSettings settings, const Clock& clock, CURLM* multi)
      : settings_(std::move(settings)), clock_(clock), multi_(multi), thread_([this] { run(); }) {}

  ~Impl() {
    stopping_ = true;
    curl_multi_wakeup(multi_);
    thread_.join();
    for (const auto& [easy, call] : running_) {
      curl_multi_remove_handle(multi_, easy);
      curl_easy_cleanup(easy);
    }
    for (CURL* easy : idle_) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void submit(std::unique_ptr<Call> call) {
    call->url = settings_.url + call->url;
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(call));
    }
    curl_multi_wakeup(multi_);
  }

 private:
  void run() {
    while (!stopping_) {
      start_waiting();
      int active = 0;
      curl_multi_perform(multi_, &active);
      finish_ended();
      curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
    }
  }

  void start_waiting() {
    std::deque<std::unique_ptr<Call>> calls;
    {
      const std::lock_guard lock(mutex_);
      calls.swap(waiting_);
    }
    for (std::unique_ptr<Call>& call : calls) {
      CURL* easy = idle_.empty() ? curl_easy_init() : idle_.back();
      assert(easy != nullptr);
      if (!idle_.empty()) idle_.pop_back();
      prepare(*call, easy);
      running_.emplace(easy, std::move(call));
      curl_multi_add_handle(multi_, easy);
    }
  }

  void prepare(Call& call, CURL* easy) {
    const std::string_view body = call.body ? std::string_view(*call.body) : std::string_view();
    if (call.body) {
      add_header(call.headers, "Content-Type: application/json");
      add_header(call.headers, "Idempotency-Key: " + call.event_id);
      add_header(call.headers, "Expect:");
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    } else {
      curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    if (settings_.secret) {
      const std::int64_t now_s = clock_.now().ms / 1000;
      add_header(call.headers, "webhook-id: " + call.event_id);
      add_header(call.headers, fmt::format("webhook-timestamp: {}", now_s));
      add_header(call.headers, "webhook-signature: " + settings_.secret->sign(call.event_id, now_s, body));
    }
    add_header(call.headers, "Accept: application/json");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call.headers.get());
    curl_easy_setopt(easy, CURLOPT_URL, call.url.c_str());
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "Windfall");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!settings_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, settings_.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_PROXY, "");  // never what the environment happens to say
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(settings_.timeout_ms));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings_.connect_timeout_ms));
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kIdleSeconds);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call.error.data());
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &call);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &before_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, &call);
  }

  void finish_ended() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      const CURLcode code = message->data.result;
      auto node = running_.extract(easy);
      finish(*node.mapped(), easy, code);
      curl_multi_remove_handle(multi_, easy);
      curl_easy_reset(easy);
      idle_.push_back(easy);
      node.mapped()->done(std::move(node.mapped()->exchange));
    }
  }

  const ClientSettings settings_;
  const Clock& clock_;
  CURLM* const multi_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::deque<std::unique_ptr<Call>> waiting_;  ///< guarded by mutex_
  // Touched by the thread only.
  std::unordered_map<CURL*, std::unique_ptr<Call>> running_;
  std::vector<CURL*> idle_;
  std::thread thread_;  ///< last: it uses all of the above
};

Result<std::unique_ptr<PartnerClient>> PartnerClient::open(ClientSettings settings, const Clock& clock) {
  auto url = checked_partner_url(settings.url);
  if (!url) return fail(url.error().code, "partner URL: " + url.error().message);
  settings.url = std::move(*url);
  if (!settings.secret && !settings.allow_unsigned) {
    return fail(FailureCode::invalid, "a partner needs a secret to sign calls with; only development may go without");
  }
  CURLM* multi = start_libcurl() ? curl_multi_init() : nullptr;
  if (multi == nullptr) return fail(FailureCode::unavailable, "libcurl does not start");
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kIdleConnections);
  return std::unique_ptr<PartnerClient>(new PartnerClient(std::make_unique<Impl>(std::move(settings), clock, multi)));
}

PartnerClient::PartnerClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PartnerClient::~PartnerClient() = default;

void PartnerClient::post(std::string path, std::string event_id, std::string body, Done done) {
  auto call = std::make_unique<Call>();
  call->url = std::move(path);
  call->event_id = std::move(event_id);
  call->body = std::move(body);
  call->done = std::move(done);
  impl_->submit(std::move(call));
}

void PartnerClient::get(std::string path, std::string event_id, Done done) {
  auto call = std::make_unique<Call>();
  call->url = std::move(path);
  call->event_id = std::move(event_id);
  call->done = std::move(done);
  impl_->submit(std::move(call));
}

}  // namespace windfall::partner
