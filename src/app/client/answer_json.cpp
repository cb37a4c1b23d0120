#include "app/client/answer_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace windfall::client {

const boost::json::value& member(const boost::json::value& value, std::string_view name) {
  static const boost::json::value kAbsent;
  const boost::json::object* object = value.if_object();
  const boost::json::value* found = object == nullptr ? nullptr : object->if_contains({name.data(), name.size()});
  return found == nullptr ? kAbsent : *found;
}

std::string shown(const boost::json::value& value) {
  if (value.is_null()) return "-";
  if (const boost::json::string* text = value.if_string()) return {text->data(), text->size()};
  return boost::json::serialize(value);
}

const boost::json::array& elements(const boost::json::value& value) {
  static const boost::json::array kNone;
  const boost::json::array* array = value.if_array();
  return array == nullptr ? kNone : *array;
}

}  // namespace windfall::client
