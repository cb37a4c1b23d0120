// Any bytes on a connection, in pieces whose size the first byte says: the requests in them, their bodies and what is
// refused are the same as when all come at once; what is accepted and written anew is the same.
#include <array>
#include <optional>
#include <string>

#include "adapters/http/transport/chunked_body.hpp"
#include "fuzz/honest.hpp"

namespace {

using namespace windfall::fuzz;
using namespace windfall::http;

constexpr std::size_t kBodyLimit = 600;
constexpr std::array<std::string_view, 2> kHonest{
    "POST /a?b HTTP/1.1\r\nHost: h:80\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive, x\r\n\r\n"
    "5;x=\"y\"\r\nabcde\r\n1F\r\n0123456789012345678901234567890\r\n0\r\nDigest: z\r\n\r\n"
    "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "PUT http://h/a HTTP/1.1\r\nHost: h\r\nAccept-Language: en\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"
    "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"};

std::string written(const Request& request) {
  std::string head{request.method_text};
  head.append(" ").append(request.target).append(request.http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  for (const HeaderField& field : request.headers()) {
    require(!field.name.empty() && field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    head.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return head + "\r\n";
}

/// What a connection does with its bytes; `told` holds the requests as text, and how it ended.
class Reader {
 public:
  std::string told;

  void take(std::string_view bytes) {
    held_ += bytes;
    while (!over_ && (chunks_ ? read_body() : read_head())) continue;
  }

 private:
  bool refuse(int status) {
    told += "refused with " + std::to_string(status);
    over_ = true;
    return false;
  }

  bool read_head() {
    const std::vector<char> input = exactly(held_);
    const HeadScanner::Found found = scanner_.scan(view_of(input));
    const HeadGlimpse seen = glimpse_of(view_of(input));
    if (found == HeadScanner::Found::malformed) return refuse(400);
    if (found == HeadScanner::Found::need_more) return false;
    require(scanner_.size() <= held_.size());
    const std::vector<char> block = exactly(held_.substr(0, scanner_.size()));
    Request request;
    if (const auto violation = head_.parse(view_of(block), request)) return refuse(text_of(*violation).status);
    require(!head_.chunked || (head_.content_length == 0 && !request.http_1_0));
    require(request.path == "*" || request.path.starts_with('/'));
    require(request.header_count("host") <= 1 && request.header_count("content-length") <= 1);
    require(seen.path.empty() || seen.path == request.path);
    require(seen.accept_language == request.header("accept-language"));
    Request again;
    RequestHead head;
    const std::string anew = written(request);
    require(!head.parse(anew, again) && written(again) == anew && again.path == request.path);
    require(head.chunked == head_.chunked && head.keep_alive == head_.keep_alive);
    require(head.content_length == head_.content_length);
    if (head_.content_length > kBodyLimit) return refuse(413);
    told += anew;
    held_.erase(0, scanner_.size());
    chunks_.emplace(kBodyLimit);
    return true;
  }

  bool read_body() {
    std::string body;
    if (head_.chunked) {
      const std::vector<char> input = exactly(held_);
      const ChunkedBody::Progress progress = chunks_->feed(view_of(input));
      require(progress.consumed <= held_.size() && chunks_->body().size() <= kBodyLimit);
      if (progress.violation) return refuse(text_of(*progress.violation).status);
      held_.erase(0, progress.consumed);
      if (!progress.complete) return false;
      body = chunks_->body();
    } else if (held_.size() < head_.content_length) {
      return false;
    } else {
      body = held_.substr(0, head_.content_length);
      held_.erase(0, body.size());
    }
    told += "[" + body + "]\n";
    scanner_ = {};
    chunks_.reset();
    return !held_.empty();
  }

  std::string held_;
  HeadScanner scanner_;
  RequestHead head_;
  std::optional<ChunkedBody> chunks_;  ///< of the body that is being read
  bool over_ = false;
};

std::string read(std::string_view bytes, std::size_t piece) {
  Reader reader;
  for (std::size_t at = 0; at < bytes.size(); at += piece) reader.take(bytes.substr(at, piece));
  return reader.told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes says(data, size);
  const std::size_t piece = says.byte() + 1;
  const std::size_t kind = says.byte() % (kHonest.size() + 1);
  const std::string bytes =
      kind == kHonest.size() ? std::string(says.rest()) : changed(std::string(kHonest[kind]), says);
  const std::string told = read(bytes, piece);
  require(told == read(bytes, bytes.size() + 1) && (bytes != kHonest[0] || told.ends_with("[]\n")));
  return 0;
}
