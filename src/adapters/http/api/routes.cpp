#include "adapters/http/api/routes.hpp"

#include <algorithm>

namespace windfall::http {

namespace {

/// The most of one pattern; a path with more is no route's.
constexpr std::size_t kMaxSegments = [] {
  std::size_t most = 0;
  for (const Route& route : kRoutes) {
    most = std::max(most, static_cast<std::size_t>(std::ranges::count(route.pattern, '/')));
  }
  return most;
}();

/// What lies between the slashes of a path or a pattern.
struct Segments {
  std::array<std::string_view, kMaxSegments> parts;
  std::size_t count = 0;  ///< kMaxSegments + 1 if there are more
};

/// Of a path that starts with '/'.
constexpr Segments split(std::string_view path) {
  Segments result;
  while (!path.empty() && result.count <= kMaxSegments) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    if (result.count < kMaxSegments) result.parts.at(result.count) = path.substr(0, end);
    path.remove_prefix(end);
    ++result.count;
  }
  return result;
}

// Taken apart once: every request is compared with half of them.
constexpr std::array kPatterns = [] {
  std::array<Segments, kRoutes.size()> patterns;
  std::ranges::transform(kRoutes, patterns.begin(), [](const Route& route) { return split(route.pattern); });
  return patterns;
}();

using Parameters = std::array<std::string_view, kMaxPathParameters>;

bool matches(const Segments& pattern, const Segments& path, Parameters& parameters) {
  if (pattern.count != path.count) return false;
  std::size_t count = 0;
  for (std::size_t i = 0; i < pattern.count; ++i) {
    const std::string_view wanted = pattern.parts.at(i);
    const std::string_view found = path.parts.at(i);
    if (wanted.starts_with('{')) {
      if (found.empty()) return false;
      parameters.at(count++) = found;
    } else if (wanted != found) {
      return false;
    }
  }
  return true;
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
  const Segments segments = split(path);
  const auto leads_to = [&](std::size_t index, Parameters& parameters) {
    const Surface of = kRoutes.at(index).surface;
    const bool served = surface == Surface::both || of == Surface::both || of == surface;
    return served && matches(kPatterns.at(index), segments, parameters);
  };
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    Parameters parameters;
    if (kRoutes.at(i).method != wanted || !leads_to(i, parameters)) continue;
    result.route = &kRoutes.at(i);
    result.raw_parameters = parameters;
    return result;
  }
  // Nearly never got here: what the path allows is asked only when the method was wrong.
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    Parameters parameters;
    if (!leads_to(i, parameters)) continue;
    if (!result.allow.empty()) result.allow += ", ";
    result.allow += name_of(kRoutes.at(i).method);
  }
  return result;
}

}  // namespace windfall::http
