#include "adapters/http/api/routes.hpp"

namespace windfall::http {

namespace {

/// Splits off the first segment of a path that starts with '/'.
std::string_view pop_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
  return segment;
}

using Parameters = std::array<std::string_view, kMaxPathParameters>;

bool matches(std::string_view pattern, std::string_view path, Parameters& parameters) {
  std::size_t count = 0;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = pop_segment(pattern);
    const std::string_view found = pop_segment(path);
    if (wanted.starts_with('{')) {
      if (found.empty()) return false;
      parameters.at(count++) = found;
    } else if (wanted != found) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

std::string_view name_of(Method method) {
  switch (method) {
    case Method::get:
      return "GET, HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    default:
      return "";
  }
}

}  // namespace

Match match(Method method, std::string_view path, Surface surface) {
  Match result;
  if (!path.starts_with('/')) return result;
  const Method wanted = method == Method::head ? Method::get : method;
  const auto leads_to = [&](const Route& route, Parameters& parameters) {
    const bool served = surface == Surface::both || route.surface == Surface::both || route.surface == surface;
    return served && matches(route.pattern, path, parameters);
  };
  for (const Route& route : kRoutes) {
    Parameters parameters;
    if (route.method != wanted || !leads_to(route, parameters)) continue;
    result.route = &route;
    result.raw_parameters = parameters;
    return result;
  }
  // Nearly never got here: what the path allows is asked only when the method was wrong.
  for (const Route& route : kRoutes) {
    Parameters parameters;
    if (!leads_to(route, parameters)) continue;
    if (!result.allow.empty()) result.allow += ", ";
    result.allow += name_of(route.method);
  }
  return result;
}

}  // namespace windfall::http
