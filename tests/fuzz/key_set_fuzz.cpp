// Any bytes as a key set: it is one whose every key can be used, or a complaint of one printable line. A token that one
// of its keys did not sign is not let in.
#include <string>

#include "adapters/http/auth/key_set.hpp"
#include "auth/forging.hpp"
#include "fuzz/honest.hpp"

namespace {

using namespace windfall;
using namespace windfall::fuzz;
using namespace windfall::http;

void check(std::string_view text) {
  const Result<KeySet> keys = KeySet::parse(text);
  if (!keys) {
    require(keys.error().code == FailureCode::invalid && keys.error().message.starts_with("key set: "));
    for (const char c : keys.error().message) require(c >= 0x20 && c < 0x7f);
    return;
  }
  require(!keys->keys().empty() && keys->keys().size() <= KeySet::kMaxKeys && text.size() <= KeySet::kMaxBytes);
  bool has_secret = false;
  for (const VerificationKey& key : keys->keys()) {
    require(key.jwk != nullptr && algorithm_named(name_of(key.algorithm)) == key.algorithm);
    require(!key.kid || keys->has_kid(*key.kid));
    has_secret = has_secret || key.algorithm == Algorithm::hs256;
  }
  require(keys->has_secret() == has_secret);
  static const std::string strange[] = {
      token(R"({"alg":"RS256"})", claims(), test_keys().stranger_rsa),
      token(R"({"alg":"ES256"})", claims(), test_keys().stranger_ec),
      token(R"({"alg":"HS256"})", claims(), test_keys().stranger_mac),
  };
  const auto verifier = verifier_of(text);
  for (const std::string& one : strange) require(!verifier->verify(one, kTestNow));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string kHonest = test_keys().key_set();
  Bytes says(data, size);
  check(says.byte() % 4 == 0 ? std::string(says.rest()) : changed(kHonest, says));
  return 0;
}
