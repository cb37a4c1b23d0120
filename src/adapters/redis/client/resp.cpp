#include "adapters/redis/client/resp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace windfall::redis {

namespace {

/// Room made at once for a list: a length is only a claim until its items are there.
constexpr std::size_t kReservedItems = 64;
/// Read bytes that are kept in front of unread ones before the buffer is moved together.
constexpr std::size_t kCompactBytes = 64 * 1024;
/// "txt:" before a verbatim string.
constexpr std::size_t kVerbatimPrefix = 4;

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

Reply text_reply(Reply::Type type, std::string_view text) {
  Reply reply;
  reply.type = type;
  reply.text = text;
  return reply;
}

Reply integer_reply(std::int64_t number) {
  Reply reply;
  reply.type = Reply::Type::integer;
  reply.number = number;
  return reply;
}

}  // namespace

void ReplyParser::feed(std::string_view bytes) {
  if (broken_) return;
  if (position_ == buffer_.size() || position_ >= kCompactBytes) {
    buffer_.erase(0, position_);
    searched_ -= std::min(searched_, position_);
    position_ = 0;
  }
  buffer_.append(bytes);
}

Result<std::optional<Reply>> ReplyParser::next() {
  if (broken_) return tl::unexpected(*broken_);
  Step done = Step::more;
  while (done == Step::more) done = step();
  if (broken_) return tl::unexpected(*broken_);
  if (done == Step::starved) return std::optional<Reply>();
  bytes_ = 0;
  items_ = 0;
  return std::optional<Reply>(std::exchange(whole_, {}));
}

ReplyParser::Step ReplyParser::step() {
  if (bulk_) return take_bulk();
  std::string_view line;
  if (!take_line(line)) return Step::starved;
  return read_line(line);
}

bool ReplyParser::take_line(std::string_view& line) {
  const std::size_t from = std::max(searched_, position_);
  const std::size_t end = buffer_.find("\r\n", from);
  if (end == std::string::npos) {
    // A '\r' at the very end may be half of what is searched for.
    searched_ = std::max(position_, buffer_.empty() ? 0 : buffer_.size() - 1);
    if (buffer_.size() - position_ > kMostReplyLine) refuse("a line does not end");
    return false;
  }
  if (end - position_ > kMostReplyLine) {
    refuse("a line is too long");
    return false;
  }
  line = std::string_view(buffer_).substr(position_, end - position_);
  bytes_ += line.size();
  position_ = end + 2;
  searched_ = position_;
  return true;
}

ReplyParser::Step ReplyParser::read_line(std::string_view line) {
  if (line.empty()) return refuse("an empty line stands where a reply should begin");
  if (bytes_ > kMostReplyBytes) return refuse("a reply is too large");
  const std::string_view rest = line.substr(1);
  switch (line.front()) {
    case '+':
      return finish(text_reply(Reply::Type::simple, rest));
    case '-':
      return finish(text_reply(Reply::Type::error, rest));
    case ':': {
      const auto number = number_of(rest);
      return number ? finish(integer_reply(*number)) : refuse("a number is none");
    }
    case '$':
      return begin_bulk(Reply::Type::bulk, rest, 0);
    case '!':
      return begin_bulk(Reply::Type::error, rest, 0);
    case '=':
      return begin_bulk(Reply::Type::bulk, rest, kVerbatimPrefix);
    case '*':
    case '~':
      return begin_list(rest, 1, Ends::reply);
    case '%':
      return begin_list(rest, 2, Ends::reply);
    case '|':
      return begin_list(rest, 2, Ends::dropped);
    case '>':
      return begin_list(rest, 1, Ends::dropped);
    case '_':
      return rest.empty() ? finish(Reply{}) : refuse("a null carries something");
    case '#':
      if (rest != "t" && rest != "f") return refuse("a boolean is neither");
      return finish(integer_reply(rest == "t" ? 1 : 0));
    case ',':
    case '(':
      return rest.empty() ? refuse("a number is none") : finish(text_reply(Reply::Type::bulk, rest));
    default:
      return refuse(fmt::format("a reply begins with byte {}", static_cast<unsigned char>(line.front())));
  }
}

ReplyParser::Step ReplyParser::begin_bulk(Reply::Type type, std::string_view length, std::size_t skipped) {
  const auto number = number_of(length);
  if (number == -1 && type == Reply::Type::bulk && skipped == 0) return finish(Reply{});
  if (!number || *number < static_cast<std::int64_t>(skipped)) return refuse("a string has no length");
  if (static_cast<std::uint64_t>(*number) > kMostReplyBytes - bytes_) return refuse("a reply is too large");
  bulk_ = Bulk{.type = type, .length = static_cast<std::size_t>(*number), .skipped = skipped};
  bytes_ += bulk_->length;
  return Step::more;
}

ReplyParser::Step ReplyParser::take_bulk() {
  if (buffer_.size() - position_ < bulk_->length + 2) return Step::starved;
  const Bulk bulk = *std::exchange(bulk_, std::nullopt);
  const std::string_view all = std::string_view(buffer_).substr(position_, bulk.length + 2);
  if (!all.ends_with("\r\n")) return refuse("a string does not end where its length says");
  position_ += all.size();
  searched_ = position_;
  return finish(text_reply(bulk.type, all.substr(bulk.skipped, bulk.length - bulk.skipped)));
}

ReplyParser::Step ReplyParser::begin_list(std::string_view length, std::size_t per_item, Ends ends) {
  const auto number = number_of(length);
  if (number == -1 && per_item == 1 && ends == Ends::reply) return finish(Reply{});
  if (!number || *number < 0) return refuse("a list has no length");
  if (static_cast<std::uint64_t>(*number) > kMostReplyItems) return refuse("a reply has too many items");
  const std::size_t items = static_cast<std::size_t>(*number) * per_item;
  items_ += items;
  if (items_ > kMostReplyItems) return refuse("a reply has too many items");
  List list{.reply = {}, .missing = items, .ends = ends};
  list.reply.type = Reply::Type::array;
  if (items > 0 && open_.size() == kMostReplyDepth) return refuse("a reply is nested too deeply");
  if (items == 0) return ends == Ends::dropped ? Step::more : finish(std::move(list.reply));
  list.reply.items.reserve(std::min(items, kReservedItems));
  open_.push_back(std::move(list));
  return Step::more;
}

// Puts the value into the list that waits for it; lists that it completes are values themselves.
ReplyParser::Step ReplyParser::finish(Reply value) {
  while (!open_.empty()) {
    List& list = open_.back();
    list.reply.items.push_back(std::move(value));
    if (--list.missing > 0) return Step::more;
    const Ends ends = list.ends;
    value = std::move(list.reply);
    open_.pop_back();
    if (ends == Ends::dropped) return Step::more;
  }
  whole_ = std::move(value);
  return Step::whole;
}

ReplyParser::Step ReplyParser::refuse(std::string why) {
  broken_ = Failure{FailureCode::damaged, "what the Redis server sends is not its protocol: " + std::move(why)};
  buffer_.clear();
  position_ = 0;
  searched_ = 0;
  open_.clear();
  return Step::starved;
}

void append_command(std::string& out, const Arguments& command) {
  std::size_t size = 16;
  for (const std::string& argument : command) size += argument.size() + 24;
  if (out.capacity() - out.size() < size) out.reserve(std::max(out.capacity() * 2, out.size() + size));
  fmt::format_to(std::back_inserter(out), "*{}\r\n", command.size());
  for (const std::string& argument : command) {
    fmt::format_to(std::back_inserter(out), "${}\r\n", argument.size());
    out.append(argument).append("\r\n");
  }
}

}  // namespace windfall::redis
