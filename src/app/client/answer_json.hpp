// Reading an answer of the server leniently: what is missing reads as absent, since a newer or older server may say
// more or less.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace windfall::client {

/// The member, or null where there is none or `value` is no object.
[[nodiscard]] const boost::json::value& member(const boost::json::value& value, std::string_view name);

/// As people read it: a text without its quotes, "-" for null or absent, anything else as JSON.
[[nodiscard]] std::string shown(const boost::json::value& value);

/// The elements, none where `value` is no array.
[[nodiscard]] const boost::json::array& elements(const boost::json::value& value);

}  // namespace windfall::client
