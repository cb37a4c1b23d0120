// A request as handlers see it, and the answer they give.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace windfall::http {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };

struct HeaderField {
  std::string_view name;   ///< as sent
  std::string_view value;  ///< without surrounding white space
};

/// One request, complete with its body. All views are of the connection's buffer: they stay valid until the Responder
/// has been used or destroyed, also if the peer goes away meanwhile.
class Request {
 public:
  Method method = Method::other;
  std::string_view method_text;
  std::string_view target;  ///< as sent
  std::string_view path;    ///< still percent-encoded; begins with '/', or is "*" for OPTIONS *
  std::string_view query;   ///< still percent-encoded, what follows the '?'
  std::string_view body;    ///< decoded, if it came in chunks
  std::string_view peer;    ///< the other end's address, without its port
  bool http_1_0 = false;

  /// The first value of the header, "" if there is none. `lower_case_name`, of letters, digits and hyphens, is
  /// compared without regard to case.
  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;
  /// How many header lines have that name.
  [[nodiscard]] std::size_t header_count(std::string_view lower_case_name) const {
    return header_lines(lower_case_name).count;
  }
  /// Both at once.
  struct Lines {
    std::size_t count = 0;
    std::string_view first;  ///< "" if there is none
  };
  [[nodiscard]] Lines header_lines(std::string_view lower_case_name) const;
  [[nodiscard]] const std::vector<HeaderField>& headers() const { return headers_; }

 private:
  friend class RequestHead;
  std::vector<HeaderField> headers_;
};

/// What comes next of a body that is handed over as it arrives.
struct BodyPiece {
  enum class Kind : std::uint8_t {
    bytes,
    end,  ///< it is complete
    cut,  ///< it will not be: the peer is gone, or was refused by the transport
  };
  Kind kind = Kind::cut;
  std::string bytes;
};

/// An answer. Content-Length, Date, Connection and, for streams, Transfer-Encoding are added by the transport.
struct Response {
  int status = 200;               ///< 200..599
  std::string_view content_type;  ///< must outlive the call it is given to; no header if empty
  std::string headers;            ///< lines "Name: value\r\n", best made with add_header()
  std::string body;               ///< ignored for 204 and 304; counted but not sent for HEAD

  /// Control characters in `value`, which would forge further lines, become spaces. `name` comes from the code, never
  /// from a user.
  void add_header(std::string_view name, std::string_view value);
};

}  // namespace windfall::http
