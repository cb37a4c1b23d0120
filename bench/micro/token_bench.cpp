// What verifying a participant's token costs, per request: the first time, when its signature is checked, and again,
// when it is among the verified ones. Usage: windfall_token_bench [-o json]
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/http/auth/verified_tokens.hpp"
#include "auth/forging.hpp"

namespace {

using namespace windfall::http;

/// Enough for a steady figure, and all of them fit among the verified ones.
constexpr std::size_t kTokens = 500;
static_assert(kTokens <= VerifiedTokens::kMaxTokens);
constexpr int kRounds = 20;  ///< over the verified ones, which take a fraction of the time

double cpu_seconds() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + (static_cast<double>(at.tv_nsec) / 1e9);
}

struct Figures {
  std::string_view algorithm;
  double first_us = 0;
  double again_us = 0;
};

void verify_all(TokenVerifier& verifier, const std::vector<std::string>& tokens) {
  for (const std::string& each : tokens) {
    if (!verifier.verify(each, kTestNow)) std::abort();  // a bench of refusals would look fast
  }
}

Figures measure(std::string_view algorithm, const SigningKey& key) {
  const std::string header = R"({"kid":"bench","alg":")" + std::string(algorithm) + R"("})";
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < kTokens; ++i) {
    tokens.push_back(token(header, claims("sub", R"("sub":"user-)" + std::to_string(i) + '"'), key));
  }
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(key_set_of({key.jwk(R"("kid":"bench")")}));
  Figures figures{.algorithm = algorithm};
  double start = cpu_seconds();
  verify_all(*verifier, tokens);
  figures.first_us = (cpu_seconds() - start) * 1e6 / kTokens;
  start = cpu_seconds();
  for (int round = 0; round < kRounds; ++round) verify_all(*verifier, tokens);
  figures.again_us = (cpu_seconds() - start) * 1e6 / (kTokens * kRounds);
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc == 3 && std::string_view(argv[1]) == "-o" && std::string_view(argv[2]) == "json";
  if (argc != 1 && !json) {
    std::fputs("usage: windfall_token_bench [-o json]\n", stderr);
    return 2;
  }
  std::string out;
  for (const Figures& f : {measure("RS256", SigningKey::rsa()), measure("ES256", SigningKey::ec())}) {
    char line[128];
    std::snprintf(line, sizeof line,
                  json ? "%s{\"algorithm\":\"%s\",\"first_us\":%.2f,\"again_us\":%.2f}"
                       : "%s%s: first time %.2f us, again %.2f us\n",
                  json && !out.empty() ? "," : "", f.algorithm.data(), f.first_us, f.again_us);
    out += line;
  }
  std::printf(json ? "[%s]\n" : "%s", out.c_str());
}
