// HTTP to one running server: a request in, its answer or the reason why there is none out.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>

#include "app/client/operator_options.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::client {

struct Request {
  const char* method = "GET";
  std::string path;                 ///< from "/v1/…", encoded
  std::optional<std::string> body;  ///< JSON
  std::string if_match;             ///< an entity tag, or empty
};

struct Reply {
  int status = 0;
  std::string etag;
  std::string body;         ///< as received
  boost::json::value json;  ///< the body parsed; null where it is no JSON
  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

/// Used by one thread; keeps its connection open between calls.
class Connection {
 public:
  /// Does not connect yet. Failure invalid: the URL or the key cannot be used, and why.
  static Result<Connection> open(const OperatorOptions& options);
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  /// Any status is an answer. Failure unavailable: nobody answered within the time limits, or more than is sensible was
  /// sent; the message names the server. Redirects are not followed, since the key would travel along.
  Result<Reply> send(const Request& request);

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace windfall::client
