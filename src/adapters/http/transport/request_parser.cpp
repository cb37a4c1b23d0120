#include "adapters/http/transport/request_parser.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <cstring>
#include <functional>

namespace windfall::http {

namespace beast = boost::beast;
using beast::error_code;
using BeastError = beast::http::error;
using BeastField = beast::http::field;
using BeastVerb = beast::http::verb;

namespace {

std::string_view to_std(beast::string_view text) { return {text.data(), text.size()}; }
beast::string_view to_beast(std::string_view text) { return {text.data(), text.size()}; }

bool is_decimal(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Method method_of(BeastVerb verb) {
  switch (verb) {
    case BeastVerb::get:
      return Method::get;
    case BeastVerb::head:
      return Method::head;
    case BeastVerb::post:
      return Method::post;
    case BeastVerb::put:
      return Method::put;
    case BeastVerb::patch:
      return Method::patch;
    case BeastVerb::delete_:
      return Method::del;
    case BeastVerb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

/// Characters of a host with its port: reg-name, IPv4 or a bracketed IPv6 address (RFC 3986). No list, no path, no
/// user.
bool is_authority(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_alpha(c) || is_decimal(c) || std::strchr("-._~%!$&'()*+;=:[]", c) != nullptr;
  });
}

/// "http://host:1/path?query" → "/path?query"; "http://host" → "".
bool drop_authority(std::string_view& target) {
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return false;
  const beast::string_view name = to_beast(target.substr(0, scheme));
  if (!beast::iequals(name, "http") && !beast::iequals(name, "https")) return false;
  target.remove_prefix(scheme + 3);
  const std::size_t end = std::min(target.find_first_of("/?"), target.size());
  const std::string_view authority = target.substr(0, end);
  target.remove_prefix(end);
  return !authority.empty() && is_authority(authority);
}

/// "HTTP/2.0": well-formed, but not ours.
bool names_other_version(std::string_view block) {
  const std::string_view line = block.substr(0, block.find('\r'));
  if (line.size() < 9) return false;
  const std::string_view version = line.substr(line.size() - 9);
  if (version == " HTTP/1.0" || version == " HTTP/1.1") return false;  // then something before it is wrong
  return version.starts_with(" HTTP/") && is_decimal(version[6]) && version[7] == '.' && is_decimal(version[8]);
}

Violation violation_of(const error_code& error, std::string_view block) {
  if (error == BeastError::bad_method) return Violation::method;
  if (error == BeastError::bad_target) return Violation::target;
  if (error == BeastError::bad_version) {
    if (names_other_version(block)) return Violation::other_version;
    return Violation::version;
  }
  if (error == BeastError::bad_field) return Violation::field_name;
  if (error == BeastError::bad_value) return Violation::field_value;
  if (error == BeastError::bad_content_length || error == BeastError::multiple_content_length) {
    return Violation::length_unclear;
  }
  if (error == BeastError::bad_transfer_encoding) {
    return Violation::coding_unclear;
  }
  if (error == BeastError::header_limit) return Violation::headers_too_large;
  return Violation::request;
}

}  // namespace

HeadScanner::Found HeadScanner::scan(std::string_view input) {
  // Garbage without a line end, such as a TLS greeting, is told at once instead of by a time-out.
  if (!input.empty() && !is_alpha(input.front())) return Found::malformed;
  while (scanned_ < input.size()) {
    const void* hit = std::memchr(input.data() + scanned_, '\n', input.size() - scanned_);
    if (hit == nullptr) {
      scanned_ = input.size();
      return Found::need_more;
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(hit) - input.data());
    if (end == 0 || input[end - 1] != '\r') return Found::malformed;  // lenient line ends are how requests get smuggled
    scanned_ = end + 1;
    if (end - 1 == line_) return Found::complete;
    line_ = scanned_;
  }
  return Found::need_more;
}

HeadGlimpse glimpse_of(std::string_view input) {
  HeadGlimpse seen;
  std::size_t end = input.find("\r\n");
  const std::string_view line = input.substr(0, end);
  const std::size_t begin = line.find(' ') + 1;  // npos + 1 = 0, where a method stands and no path
  const std::size_t path_end = line.find_first_of(" ?", begin);
  if (path_end != std::string_view::npos && path_end <= RequestHead::kMaxRequestLine) {
    std::string_view path = line.substr(begin, path_end - begin);
    const bool visible = std::ranges::all_of(path, [](char c) { return c > 0x20 && c < 0x7f; });
    const bool named = path.starts_with('/') || drop_authority(path);
    if (named && visible) seen.path = path.empty() ? "/" : path;
  }
  while (end != std::string_view::npos) {
    input.remove_prefix(end + 2);
    end = input.find("\r\n");
    if (end == 0 || end == std::string_view::npos) break;
    const std::string_view header = input.substr(0, end);
    const std::size_t colon = header.find(':');
    if (colon == std::string_view::npos || !beast::iequals(to_beast(header.substr(0, colon)), "accept-language"))
      continue;
    const std::size_t value = header.find_first_not_of(" \t", colon + 1);
    if (value == std::string_view::npos) break;
    seen.accept_language = header.substr(value, header.find_last_not_of(" \t") - value + 1);
    break;
  }
  return seen;
}

/// Beast calls it back with each part of a head, in order.
class RequestHead::Parser final : public beast::http::basic_parser<true> {
 public:
  Parser(std::string_view block, Request& request, RequestHead& head) : block_(block), request_(request), head_(head) {
    body_limit(boost::none);   // asked of the handler when the head is known
    header_limit(UINT32_MAX);  // kept by the connection while it collects the head
  }

  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }

  /// What can be judged only when all headers are known.
  void finish() {
    if (hosts_ > 1) refuse(Violation::several_hosts);
    if (hosts_ == 0 && !request_.http_1_0) refuse(Violation::no_host);
    if (head_.chunked && has_length_) refuse(Violation::length_and_coding);
    if (head_.chunked && request_.http_1_0) refuse(Violation::coding_in_http_1_0);
    if (request_.http_1_0) head_.expects_continue = false;
    head_.keep_alive = keep_alive();
  }

 protected:
  void on_request_impl(BeastVerb verb, beast::string_view method, beast::string_view target, int version,
                       error_code& error) override {
    request_.method = method_of(verb);
    request_.method_text = to_std(method);
    request_.target = to_std(target);
    request_.http_1_0 = version == 10;
    if (!split_target()) refuse(Violation::target, error);
  }

  void on_field_impl(BeastField field, beast::string_view name_view, beast::string_view value_view,
                     error_code& error) override {
    const HeaderField header{.name = to_std(name_view), .value = to_std(value_view)};
    if (is_folded(header)) return refuse(Violation::folded_header, error);
    if (request_.headers_.size() == kMaxHeaders) return refuse(Violation::too_many_headers, error);
    request_.headers_.push_back(header);
    switch (field) {
      case BeastField::host:
        ++hosts_;
        if (!is_authority(header.value)) refuse(Violation::host, error);
        break;
      case BeastField::content_length:
        // Beast would take a list or a repetition of the same number; others in the chain might take another element.
        if (has_length_) return refuse(Violation::several_lengths, error);
        has_length_ = true;
        if (!std::all_of(header.value.begin(), header.value.end(), is_decimal)) {
          return refuse(Violation::length, error);
        }
        head_.content_length = number_of(header.value);
        break;
      case BeastField::transfer_encoding:
        // Beast would read over codings it does not know.
        if (head_.chunked) return refuse(Violation::several_codings, error);
        if (!beast::iequals(value_view, "chunked")) {
          return refuse(Violation::coding, error);
        }
        head_.chunked = true;
        break;
      case BeastField::expect:
        if (!beast::iequals(value_view, "100-continue")) {
          return refuse(Violation::expectation, error);
        }
        head_.expects_continue = true;
        break;
      default:
        break;
    }
  }

  void on_header_impl(error_code&) override {}
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

 private:
  void refuse(Violation violation) {
    if (!violation_) violation_ = violation;
  }
  void refuse(Violation violation, error_code& error) {
    refuse(violation);
    error = BeastError::bad_value;  // any error stops the parser; the violation says which
  }

  // Beast has checked that it fits 64 bits; its own accessor may be asked only after the whole head.
  static std::uint64_t number_of(std::string_view digits) {
    std::uint64_t number = 0;
    for (const char digit : digits) number = number * 10 + static_cast<std::uint64_t>(digit - '0');
    return number;
  }

  // Beast joins folded lines in a buffer of its own, or steps over a first line that is empty.
  [[nodiscard]] bool is_folded(const HeaderField& header) const {
    const std::less<const char*> before;
    const char* name_end = header.name.data() + header.name.size();
    if (before(header.value.data(), name_end) || before(block_.data() + block_.size(), header.value.data()))
      return true;
    return std::memchr(name_end, '\n', static_cast<std::size_t>(header.value.data() - name_end)) != nullptr;
  }

  bool split_target() {
    std::string_view rest = request_.target;
    if (rest == "*") {
      request_.path = rest;
      return request_.method == Method::options;
    }
    if (rest.find('#') != std::string_view::npos) return false;
    const bool absolute = rest.front() != '/';
    if (absolute && !drop_authority(rest)) return false;
    const std::size_t question = rest.find('?');
    request_.path = rest.substr(0, question);
    request_.query = question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1);
    if (absolute && request_.path.empty()) request_.path = "/";
    return true;
  }

  std::string_view block_;
  Request& request_;
  RequestHead& head_;
  std::optional<Violation> violation_;
  int hosts_ = 0;
  bool has_length_ = false;
};

std::optional<Violation> RequestHead::parse(std::string_view block, Request& request) {
  *this = RequestHead{};
  request.method = Method::other;
  request.method_text = request.target = request.path = request.query = request.body = {};
  request.http_1_0 = false;
  request.headers_.clear();
  if (block.find('\r') > kMaxRequestLine) return Violation::request_line_too_long;

  Parser parser(block, request, *this);
  error_code error;
  const std::size_t parsed = parser.put(boost::asio::const_buffer(block.data(), block.size()), error);
  if (parser.violation()) return parser.violation();
  if (error) return violation_of(error, block);
  if (parsed != block.size()) return Violation::request;
  parser.finish();
  return parser.violation();
}

void RequestHead::rebase(Request& request, std::string_view from, const char* to) {
  const auto move = [&](std::string_view& view) {
    const std::less<const char*> before;
    if (before(view.data(), from.data()) || before(from.data() + from.size(), view.data())) return;  // "/" or empty
    view = {to + (view.data() - from.data()), view.size()};
  };
  for (std::string_view* view : {&request.method_text, &request.target, &request.path, &request.query}) move(*view);
  for (HeaderField& field : request.headers_) {
    move(field.name);
    move(field.value);
  }
}

}  // namespace windfall::http
