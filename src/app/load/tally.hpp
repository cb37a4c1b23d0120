// Every answer counted by what it was: path, status, code, and how long it took.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "app/load/generator.hpp"
#include "app/load/histogram.hpp"

namespace windfall::load {

struct Kind {
  std::uint32_t path = 0;
  int status = 0;
  std::string code;
  auto operator<=>(const Kind&) const = default;
};

class Tally {
 public:
  void add(const Arrived& arrived);
  [[nodiscard]] const std::map<Kind, Histogram>& kinds() const { return kinds_; }
  [[nodiscard]] std::uint64_t total() const;

 private:
  std::map<Kind, Histogram> kinds_;
};

/// `{"sent","dropped","seconds","answers":[{status,code,count,p50Us,p90Us,p99Us,p999Us,maxUs}]}` without the closing
/// brace, for members that follow. status 0 = unknown.
void append_report(std::string& out, const Report& report, const Tally& tally);

}  // namespace windfall::load
