#include "adapters/http/transport/response_writer.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

namespace windfall::http {

namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";  // the reason may be empty, the space before it may not
  }
}

void append_number(std::string& out, std::size_t value, int base) {
  std::array<char, 24> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value, base);
  out.append(digits.data(), end);
}

void write_status_line(std::string& out, int status) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(status), 10);
  out.append(" ").append(reason_of(status)).append("\r\n");
}

}  // namespace

std::string_view DateLine::now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME_COARSE, &time);  // no system call; 4 ms of resolution is plenty for whole seconds
  if (time.tv_sec != second_) {
    static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&time.tv_sec, &utc);
    // Not strftime: the names must not follow the locale.
    const auto written = fmt::format_to_n(
        line_.data(), line_.size(), "Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} GMT\r\n",
        kDays.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday, kMonths.at(static_cast<std::size_t>(utc.tm_mon)),
        utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    size_ = written.size;
    second_ = time.tv_sec;
  }
  return {line_.data(), size_};
}

void write_response(std::string& out, const Response& response, Framing framing, Persistence persistence,
                    DateLine& date) {
  write_status_line(out, response.status);
  out.append(date.now());
  if (!response.content_type.empty()) out.append("Content-Type: ").append(response.content_type).append("\r\n");
  if (persistence == Persistence::close) out.append("Connection: close\r\n");
  if (persistence == Persistence::keep_alive) out.append("Connection: keep-alive\r\n");
  out.append(response.headers);

  const bool bodiless = response.status == 204 || response.status == 304;
  const bool sized = framing == Framing::sized || framing == Framing::sized_head;
  if (sized && !bodiless) {
    out.append("Content-Length: ");
    append_number(out, response.body.size(), 10);
    out.append("\r\n\r\n");
    if (framing == Framing::sized) out.append(response.body);
    return;
  }
  if (framing == Framing::chunked) out.append("Transfer-Encoding: chunked\r\n");
  out.append("\r\n");
}

void write_chunk(std::string& out, std::string_view bytes) {
  if (bytes.empty()) return;
  append_number(out, bytes.size(), 16);
  out.append("\r\n").append(bytes).append("\r\n");
}

}  // namespace windfall::http
