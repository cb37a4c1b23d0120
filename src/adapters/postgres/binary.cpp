#include "adapters/postgres/binary.hpp"

#include <utility>

namespace windfall::postgres {

namespace {

/// Signature, no flags, no header extension.
constexpr std::string_view kCopyHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};

std::int32_t length_of(std::string_view bytes) { return static_cast<std::int32_t>(bytes.size()); }

}  // namespace

// --- Array

void Array::add(std::int64_t value) {
  append_integer(values_, std::int32_t{8});
  append_integer(values_, value);
  ++count_;
}

void Array::add(const Bytes16& value) {
  append_integer(values_, static_cast<std::int32_t>(value.size()));
  values_.append(reinterpret_cast<const char*>(value.data()), value.size());
  ++count_;
}

void Array::add(std::string_view text) {
  if (!is_storable(text)) {
    const std::string clean = storable(text);
    append_integer(values_, length_of(clean));
    values_ += clean;
  } else {
    append_integer(values_, length_of(text));
    values_ += text;
  }
  ++count_;
}

void Array::add_null() {
  append_integer(values_, std::int32_t{-1});
  nulls_ = true;
  ++count_;
}

std::string Array::bytes() const {
  std::string out;
  out.reserve(20 + values_.size());
  append_integer(out, std::int32_t{1});  // dimensions
  append_integer(out, std::int32_t{nulls_ ? 1 : 0});
  append_integer(out, element_);
  append_integer(out, count_);
  append_integer(out, std::int32_t{1});  // first index
  out += values_;
  return out;
}

// --- CopyRows

CopyRows::CopyRows(std::int16_t columns) : columns_(columns) { begin(); }

void CopyRows::begin() {
  rows_ = 0;
  out_.assign(kCopyHeader);
}

CopyRows& CopyRows::row() {
  append_integer(out_, columns_);
  ++rows_;
  return *this;
}

CopyRows& CopyRows::uuid(const Bytes16& value) {
  return blob({reinterpret_cast<const char*>(value.data()), value.size()});
}

CopyRows& CopyRows::text(std::string_view value) { return is_storable(value) ? blob(value) : blob(storable(value)); }

CopyRows& CopyRows::blob(std::string_view value) {
  append_integer(out_, length_of(value));
  out_ += value;
  return *this;
}

CopyRows& CopyRows::null() {
  append_integer(out_, std::int32_t{-1});
  return *this;
}

void CopyRows::take_part(std::string& out) {
  out.swap(out_);
  out_.clear();
}

std::string CopyRows::take() {
  append_integer(out_, std::int16_t{-1});
  std::string all = std::exchange(out_, {});
  begin();
  return all;
}

}  // namespace windfall::postgres
