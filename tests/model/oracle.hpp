// What the HTTP contract says about joining, in the dumbest way: lists that are read from their beginning, words as
// strings, no keys, no guards, no sharing with the code under test. Slow and obvious, so that a difference is worth
// believing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace windfall::model {

/// One of joinTypes.
struct OracleRule {
  std::string type;
  std::int64_t number = 0;         ///< limitDupJoinCount, minJoinCount
  std::vector<std::string> names;  ///< leadPromoId, segments
  bool any = false;                ///< LEADING with match ANY
};

struct OraclePromotion {
  std::string id;
  std::string zone;
  std::string mode = "LIVE";
  std::string status = "OPEN";  ///< DRAFT, OPEN (the dates decide), PAUSED or ENDED
  std::int64_t start = 0;       ///< days since 1970-01-01
  std::int64_t end = 0;
  std::int64_t reward = 0;
  std::int64_t limit = 0;
  std::optional<std::int64_t> daily;
  std::vector<OracleRule> rules;
};

/// An answer to POST …/participations; members that the code does not have are empty.
struct OracleAnswer {
  std::string code = "CREATED";
  std::string scope;
  std::string condition;
  std::optional<std::int64_t> retry_at;
  bool already = false;
  bool replayed = false;
  std::int64_t day = 0;
  std::int64_t amount = 0;
  std::int64_t at = 0;

  [[nodiscard]] std::string text() const;
};

class Oracle {
 public:
  /// UTC milliseconds from which an offset in minutes holds, ascending; the first one holds before as well.
  using Offsets = std::vector<std::pair<std::int64_t, std::int64_t>>;

  explicit Oracle(std::map<std::string, Offsets> zones) : zones_(std::move(zones)) {}

  void set_clock(std::int64_t now) { clock_ = now; }
  void create(const OraclePromotion& promotion);
  /// Replaces the definition; 422 if a limit would fall below what is used.
  std::string patch(const OraclePromotion& promotion);
  void pause_all(bool paused) { all_paused_ = paused; }
  void block(const std::string& user, bool blocked);

  OracleAnswer join(const std::string& user, const std::vector<std::string>& segments, const std::string& promotion,
                    const std::string& key);

  [[nodiscard]] std::int64_t joins_of(const std::string& promotion) const;
  [[nodiscard]] std::int64_t joins_on(const std::string& promotion, std::int64_t day) const;
  [[nodiscard]] std::int64_t joins_by(const std::string& user, const std::string& promotion) const;
  [[nodiscard]] std::int64_t spent(const std::string& promotion) const;
  /// The promotion's local date now.
  [[nodiscard]] std::int64_t today(const std::string& promotion) const;
  [[nodiscard]] std::int64_t day_at(const std::string& zone, std::int64_t ms) const;

 private:
  struct Join {
    std::string user;
    std::string promotion;
    std::string mode;
    std::string key;
    std::int64_t day = 0;
    std::int64_t amount = 0;
    std::int64_t at = 0;
  };

  [[nodiscard]] std::int64_t now_of(const std::string& promotion) const;
  [[nodiscard]] bool holds(const OracleRule& rule, const OraclePromotion& promotion, const std::string& user,
                           const std::vector<std::string>& segments) const;

  std::map<std::string, Offsets> zones_;
  std::int64_t clock_ = 0;
  std::map<std::string, OraclePromotion> promotions_;
  std::map<std::string, std::int64_t> last_decided_;
  std::vector<Join> joins_;
  std::set<std::string> blocked_;
  bool all_paused_ = false;
};

}  // namespace windfall::model
