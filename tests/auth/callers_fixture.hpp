// A Callers over a store that only has keys, a clock that stands still and a verifier that knows two tokens.
#pragma once

#include <array>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/key_list.hpp"
#include "adapters/http/api/callers.hpp"
#include "adapters/http/transport/request_parser.hpp"
#include "auth/forging.hpp"

namespace windfall::http {

/// Whoever identifies callers reads keys and nothing else: all else ends the test.
class KeyStore final : public PromotionStore {
 public:
  std::string keys;
  Revision revision{1};

  const std::string& system_definition() override { return keys; }
  [[nodiscard]] Revision system_revision() const override { return revision; }

  [[nodiscard]] std::int64_t peek(const Look&) const override { std::abort(); }
  Task<Result<Verdict>> commit(Proposal, Identity) override { std::abort(); }
  Task<Result<Verdict>> commit_answering(Proposal, KeepAnswer) override { std::abort(); }
  Task<Result<std::vector<std::int64_t>>> read(std::vector<Look>, Freshness) override { std::abort(); }
  DefinitionPtr find(std::string_view) override { std::abort(); }
  const std::vector<DefinitionPtr>& all() override { std::abort(); }
  [[nodiscard]] PartitionNo next_partition() const override { std::abort(); }
  [[nodiscard]] Instant now(PartitionNo) const override { std::abort(); }
  [[nodiscard]] Sequence sequence(PartitionNo) const override { std::abort(); }
  Task<Result<std::optional<CommandRecord>>> accepted(PartitionNo, CommandHash) override { std::abort(); }
  Task<Result<std::optional<KeptAnswer>>> answer_to(CommandHash) override { std::abort(); }
  Task<Result<bool>> durable() override { std::abort(); }
  [[nodiscard]] EventIds event_ids(std::string_view, Epoch, Sequence) const override { std::abort(); }
  [[nodiscard]] std::uint64_t decisions() const override { std::abort(); }
};

class StandingClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return kTestNow; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return 0; }
};

inline constexpr std::string_view kGoodToken = "header.payload.signature";
inline constexpr std::string_view kSpaceToken = "header.payload-of-a-bad-subject.signature";

class KnownTokens final : public TokenVerifier {
 public:
  tl::expected<Claims, TokenFault> verify(std::string_view token, Instant now) override {
    if (now != kTestNow) return tl::unexpected(TokenFault::expired);
    if (token == kGoodToken) return Claims{.subject = "jwt-user", .segments = {"vip"}};
    if (token == kSpaceToken) return Claims{.subject = "jwt user", .segments = {}};
    return tl::unexpected(TokenFault::unknown);
  }
};

inline constexpr std::string_view kAdminSecret = "admin-secret-of-the-environment";
inline constexpr std::string_view kGatewaySecret = "gateway-secret-of-the-environment";
inline constexpr std::string_view kViewerSecret = "viewer-secret-that-was-made-later";
inline constexpr std::string_view kOperatorSecret = "operator-secret-that-was-made-later";

inline std::string bearer(std::string_view secret) { return "Authorization: Bearer " + std::string(secret) + "\r\n"; }
inline std::string user(std::string_view id) { return "X-User-Id: " + std::string(id) + "\r\n"; }

class CallersWorld {
 public:
  explicit CallersWorld(bool dev = false)
      : callers(store, clock_, codec::UserHasher({}), &tokens_,
                {.dev = dev, .admin_key = std::string(kAdminSecret), .gateway_key = std::string(kGatewaySecret)}) {
    keep_keys({{.id = "k1",
                .name = "watching",
                .role = Role::viewer,
                .digest = Callers::digest_of(kViewerSecret),
                .created = {}},
               {.id = "k2",
                .name = "running",
                .role = Role::operator_,
                .digest = Callers::digest_of(kOperatorSecret),
                .created = {}}});
  }

  void keep_keys(const std::vector<Key>& keys) {
    store.keys = codec::encode_keys(keys);
    ++store.revision.value;
  }

  /// Identifies a request with these header lines: "nobody", "user:id[a,b]", "viewer:key", or the code of the refusal.
  std::string identify(std::string_view headers, Access access) { return identify(headers, access, callers); }

  static std::string identify(std::string_view headers, Access access, Callers& by) {
    const std::string block = "GET /path HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
    RequestHead head;
    Request request;
    if (head.parse(block, request)) throw std::logic_error("the transport refuses this request: " + block);
    Caller caller;
    if (const std::optional<CallerRefused> refused = by.identify(request, access, caller)) {
      if (caller.kind != Caller::Kind::nobody) return "refused, and yet somebody";
      return std::string(refused->code);
    }
    if (caller.kind == Caller::Kind::nobody) return "nobody";
    if (caller.kind == Caller::Kind::operator_) return std::string(name_of(caller.role)) + ":" + caller.key_id;
    if (caller.user != by.ref_of(caller.user_id)) return "a reference of somebody else";
    std::string shown = "user:" + caller.user_id + "[";
    for (const std::string& segment : caller.segments) shown += (shown.back() == '[' ? "" : ",") + segment;
    return shown + "]";
  }

  KeyStore store;

 private:
  StandingClock clock_;
  KnownTokens tokens_;

 public:
  Callers callers;
};

}  // namespace windfall::http
