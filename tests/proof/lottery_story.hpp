// A lottery within a story: by itself it obeys all rules; each event can then be changed into one that does not.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "domain/lottery/outcomes.hpp"
#include "proof/story.hpp"

namespace windfall::proof {

class LotteryStory {
 public:
  static constexpr std::uint32_t kSegmentMinutes = 360;
  static constexpr std::uint32_t kGifticon = 0;
  static constexpr std::uint32_t kPoints = 1;

  /// Two days of four segments from kFirstDay on, twelve gifticons and four times 1,000 points; a visit grants two
  /// tickets, an invite one to each. Master keys stand beside the directory.
  explicit LotteryStory(Story& story, const std::function<void(Promotion&)>& edit = {});

  /// A seed of 32 times this letter; not a random one as a server makes, so that each run sees the same decks.
  static std::string sealed_seed(const std::string& promotion, char letter = 's', std::uint32_t key = 1);
  /// The file of master keys with these alone.
  static std::string keys_file(const std::vector<std::uint32_t>& keys);

  Recorded& visit(const std::string& user, std::int64_t tickets = 2);
  Recorded& invite(const std::string& friend_, const std::string& inviter);
  Recorded& adjust(const std::string& user, std::int64_t tickets);
  /// The segment of the present time, with the terms that follow.
  Recorded& open();
  struct Drawn {
    Recorded* recorded = nullptr;
    std::string user;
    WinPlace place;
    std::optional<std::uint32_t> item;
    std::optional<std::uint32_t> prize;
  };
  /// A draw of the next serial, in the segment that was opened last.
  Drawn draw(const std::string& user);
  /// Visits and draws of new users until one wins, or loses.
  Drawn win(std::optional<std::uint32_t> prize = std::nullopt);
  Drawn lose();
  Recorded& void_win(const Drawn& drawn);
  /// The last day is over.
  void go_to_the_end();
  Recorded& close(bool second_chance = true);
  /// Who gets what, by the published function.
  struct Second {
    UserRef user;
    std::uint32_t item = 0;
  };
  [[nodiscard]] std::vector<Second> second_chance() const;
  void run_second_chance();

  Story& story;
  PartitionNo partition;
  DeckTerms terms;
  std::int64_t serial = 0;  ///< the next one
  std::uint32_t wins = 0;
  std::vector<std::uint32_t> voided;
  std::vector<Drawn> draws;
  [[nodiscard]] std::uint32_t items() const { return outcomes_->items(); }

 private:
  [[nodiscard]] std::vector<std::uint32_t> left() const;
  [[nodiscard]] std::vector<UserRef> pool() const;

  Seed seed_;
  std::unique_ptr<Outcomes> outcomes_;
  std::optional<Schedule> schedule_;
  std::optional<std::uint32_t> open_;
  std::map<std::uint32_t, std::int64_t> taken_;
  std::map<std::string, std::uint32_t> numbers_;
  std::map<std::string, std::uint32_t> won_;
  std::map<std::string, bool> lost_;
  int guests_ = 0;
};

}  // namespace windfall::proof
