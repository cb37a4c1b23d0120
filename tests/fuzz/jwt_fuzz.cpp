// Any bytes as a token: what is let in is what a key of the set has signed, and only while it is valid. Some inputs are
// honest tokens with changes, which nobody has signed; in others header and payload are changed before they are signed.
#include <array>
#include <string>

#include "adapters/codec/json_in.hpp"
#include "adapters/http/auth/token.hpp"
#include "auth/forging.hpp"
#include "fuzz/honest.hpp"

namespace {

using namespace windfall;
using namespace windfall::fuzz;
using namespace windfall::http;

constexpr std::size_t kKinds = 3;

struct Signer {
  std::string header;
  const SigningKey* key;
};

const std::array<Signer, kKinds>& signers() {
  static const std::array<Signer, kKinds> kSigners{
      Signer{R"({"alg":"RS256","kid":"rsa","typ":"JWT"})", &test_keys().rsa},
      Signer{R"({"alg":"ES256","kid":"ec"})", &test_keys().ec}, Signer{R"({"alg":"HS256"})", &test_keys().mac}};
  return kSigners;
}

std::string payload() { return claims({}, R"("nbf":1749999990.5,"segments":["vip","new"])"); }

tl::expected<TokenVerifier::Claims, TokenFault> let_in(std::string_view token, Instant now = kTestNow) {
  static const auto verifier = verifier_of(test_keys().key_set());
  return verifier->verify(token, now);
}

/// The text of a header's member, by another reader of JSON than the one that is tried here; what it cannot read says
/// nothing.
std::optional<std::string> said_by(std::string_view header, std::string_view name) {
  const auto json = codec::parse_json(header);
  const auto* object = json ? json->get_if<codec::JsonValue::Object>() : nullptr;
  if (object == nullptr) return std::nullopt;
  for (const auto& member : *object) {
    const auto* text = member.value.get_if<std::string>();
    if (member.name == name && text != nullptr) return *text;
  }
  return "";
}

/// Reads what nobody has signed.
void check_unsigned(std::string_view token) {
  const auto read = read_token(token);
  if (read) {
    const std::size_t first = token.find('.');
    require(base64url(read->payload) == token.substr(first + 1, token.rfind('.') - first - 1));
  }
  require(!let_in(token));
}

void check_payload(std::string_view text) {
  const auto grant = read_payload(text, {.issuer = std::string(kIssuer), .audience = std::string(kAudience)});
  if (!grant) return;
  require(!grant->claims.subject.empty() && grant->claims.segments.size() <= kMaxTokenSegments);
  for (const std::string& segment : grant->claims.segments) require(!segment.empty());
}

void check_signed(const std::string& header, const std::string& said, const SigningKey& key, std::size_t kind) {
  constexpr std::array<std::string_view, kKinds> kAlgorithms{"RS256", "ES256", "HS256"};
  const std::string signed_one = token(header, said, key);
  const auto in = let_in(signed_one);
  check_payload(said);
  if (!in) return;
  const auto grant = read_payload(said, {.issuer = std::string(kIssuer), .audience = std::string(kAudience)});
  require(grant && grant->claims.subject == in->subject && grant->claims.segments == in->segments);
  require(grant->from <= kTestNow && kTestNow < grant->until);
  require(!let_in(signed_one, grant->until) && !let_in(signed_one, {grant->from.ms - 1}));
  if (const auto algorithm = said_by(header, "alg")) require(*algorithm == kAlgorithms[kind]);
  if (const auto critical = said_by(header, "crit")) require(critical->empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array kSigned = [] {
    std::array<std::string, kKinds> tokens;
    for (std::size_t i = 0; i < kKinds; ++i) tokens[i] = token(signers()[i].header, payload(), *signers()[i].key);
    return tokens;
  }();
  Bytes says(data, size);
  const std::size_t kind = says.byte() % kKinds;
  const Signer& signer = signers()[kind];
  switch (says.byte() % 4) {
    case 0:
      check_unsigned(says.rest());
      break;
    case 1: {
      require(let_in(kSigned[kind]).has_value());
      const std::string other = changed(kSigned[kind], says);
      if (other != kSigned[kind]) check_unsigned(other);
      break;
    }
    case 2:
      check_signed(changed(signer.header, says), payload(), *signer.key, kind);
      break;
    default:
      check_signed(signer.header, changed(payload(), says), *signer.key, kind);
      break;
  }
  return 0;
}
