// One request on its way through the API: what came in, who is calling, and the one answer that goes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/http/api/language.hpp"
#include "adapters/http/api/query.hpp"
#include "adapters/http/api/routes.hpp"
#include "adapters/http/transport/message.hpp"
#include "adapters/http/transport/responder.hpp"
#include "application/on_request/key_ring.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/ids.hpp"

namespace windfall::http {

/// Who is calling, as far as the route asked.
struct Caller {
  enum class Kind : std::uint8_t { nobody, participant, operator_ } kind = Kind::nobody;
  std::string user_id;  ///< of a participant
  UserRef user;
  std::vector<std::string> segments;
  Role role = Role::viewer;  ///< of an operator
  std::string key_id;        ///< of an operator
};

/// The request's views live until the answer is sent.
struct Call {
  const Request* request = nullptr;
  Responder responder;
  const Route* route = nullptr;
  Language language = Language::ko;
  std::string parameter;         ///< of the path, decoded
  std::string second_parameter;  ///< of a path that has two
  Caller caller;
  std::optional<Command> command;  ///< if an Idempotency-Key came
};

/// An answer before it is put on the wire.
struct Answer {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string headers;  ///< "Name: value\r\n" lines
  std::string body;
};

}  // namespace windfall::http
