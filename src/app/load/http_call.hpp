// One request and its answer, blocking: for the few calls beside the load.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "adapters/codec/json_in.hpp"
#include "app/load/target.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::load {

struct HttpCall {
  std::string_view method = "GET";
  std::string path;       ///< after the target's own
  std::string admin_key;  ///< empty: nobody calls
  std::string body;       ///< JSON, or empty
  std::chrono::milliseconds patience{10'000};
};

struct HttpReply {
  int status = 0;
  std::string body;
};

/// Failure unavailable: not connected, or no whole answer in time; the call may have been carried out.
Result<HttpReply> call(const Target& target, const HttpCall& request);

/// A GET whose answer may be a stream: all of it, up to its end. An end that came too early looks like any other;
/// whoever reads a stream has to know its last line. Failure as call().
Result<HttpReply> download(const Target& target, const std::string& path, std::chrono::milliseconds patience);

/// call() for a 2xx with a JSON object. Any other answer is a failure that names it: unavailable for 503, not_found
/// for 404, else invalid.
Result<codec::JsonValue> call_for_json(const Target& target, const HttpCall& request);

/// Member of an object by names one within the other, or nullptr.
const codec::JsonValue* look(const codec::JsonValue& value, std::initializer_list<std::string_view> names);
/// 0 if there is no such integer.
std::int64_t integer_at(const codec::JsonValue& value, std::initializer_list<std::string_view> names);
/// Empty if there is no such text.
std::string_view text_at(const codec::JsonValue& value, std::initializer_list<std::string_view> names);
/// Empty if there is no such list.
const codec::JsonValue::Array& list_at(const codec::JsonValue& value, std::initializer_list<std::string_view> names);

}  // namespace windfall::load
