#include "fairness/export_story.hpp"

#include <algorithm>
#include <map>

#include "domain/deck/lotteries.hpp"
#include "domain/lottery/deck.hpp"

namespace windfall::fairness {

namespace {

using namespace codec;

class Teller {
 public:
  Teller(Story& story, const StoryTerms& terms)
      : story_(&story), terms_(&terms), schedule_(story.plan), history_(schedule_.segments_of_a_day()) {
    order_ = item_order(story.seed, story.plan.prizes);
    const Pseudonyms pseudonyms(story.seed);
    for (std::uint32_t user = 0; user < terms.users; ++user) people_.push_back({pseudonyms.of({.hi = user, .lo = 1})});
  }

  void tell() {
    const std::string text = plan_text(story_->plan);
    say(ExportHeader{.promotion = story_->plan.promotion,
                     .commitment = commitment_of(story_->seed, text),
                     .plan = text,
                     .seed = story_->seed});
    const std::uint32_t days = static_cast<std::uint32_t>(terms_->days) + terms_->added_days;
    for (std::uint32_t i = 0; i < days * schedule_.segments_of_a_day(); ++i) {
      if (!every(terms_->skipped_every, i)) segment({i});
    }
    void_draws(terms_->voids_before, 0);
    const std::vector<std::uint32_t> voided = voided_items_;
    close(voided);
    end();
  }

 private:
  struct Person {
    Pseudonym pseudonym;
    std::uint32_t wins = 0;
    bool lost = false;
  };

  static bool every(std::uint32_t n, std::uint32_t i) { return n != 0 && i % n == n - 1; }
  void say(const ExportLine& line) { story_->lines.push_back(line); }
  std::string_view prize(std::uint32_t item) const { return story_->plan.prizes[order_[item]].id; }

  /// People come in an arbitrary, fixed order; who has won enough does not draw.
  Person* next_person() {
    for (std::size_t tried = 0; tried < people_.size(); ++tried) {
      turn_ = (turn_ * 6364136223846793005U) + 1442695040888963407U;
      Person& person = people_[(turn_ >> 33U) % people_.size()];
      if (person.wins < story_->plan.max_wins_per_user) return &person;
    }
    return nullptr;
  }

  void segment(SegmentNo no) {
    const std::uint32_t quota = schedule_.items_until(no) - wins_;
    const std::uint32_t length = schedule_.deck_length(no, quota, history_.before(no));
    const Deck deck = make_deck(story_->seed, story_->plan.promotion,
                                {.segment = no, .quota = quota, .length = length, .first_item = wins_});
    const auto paused = DrawHistory::Paused{every(terms_->paused_every, no.value)};
    const std::size_t opened = story_->lines.size();
    say(ExportSegment{.segment = no, .quota = quota, .length = length, .draws = 0, .paused = paused});
    const std::uint32_t wanted = terms_->draws_per_segment + (no.value % 7);
    std::uint64_t serial = 0;
    for (; serial < wanted; ++serial) {
      Person* person = next_person();
      if (person == nullptr) break;
      ExportDraw draw{.segment = no, .serial = serial, .user = person->pseudonym};
      if (const auto item = deck.win_at(serial)) {
        draw.prize = prize(*item);
        ++person->wins;
        won_.push_back({.segment = no, .serial = serial});
      } else {
        person->lost = true;
      }
      say(draw);
    }
    std::get<ExportSegment>(story_->lines[opened]).draws = serial;
    draws_ += serial;
    wins_ += deck.wins(serial);
    history_.over(no, static_cast<std::int64_t>(serial), paused);
  }

  /// Every third win from `from` on.
  void void_draws(std::uint32_t count, std::uint32_t from) {
    for (std::uint32_t n = 0; n < count; ++n) {
      const std::uint32_t item = from + (3 * n);
      say(won_.at(item));
      voided_items_.push_back(item);
    }
  }

  void close(const std::vector<std::uint32_t>& voided) {
    std::vector<Pseudonym> pool;
    for (const Person& person : people_) {
      if (person.lost && person.wins < story_->plan.max_wins_per_user) pool.push_back(person.pseudonym);
    }
    std::sort(pool.begin(), pool.end());
    const auto items = items_left(voided, wins_, schedule_.items());
    say(ExportClosed{.second_chance = ExportClosed::SecondChance{terms_->second_chance},
                     .pool = pool.size(),
                     .items = items.size()});
    if (!terms_->second_chance) return;
    for (const SecondWin& win : second_chance(story_->seed, static_cast<std::uint32_t>(pool.size()), items))
      say(ExportSecondWin{.number = second_wins_++, .user = pool[win.place], .prize = prize(win.item)});
  }

  void end() {
    void_draws(terms_->voids_after, 1);
    const std::uint64_t second_voids = std::min<std::uint64_t>(terms_->second_voids, second_wins_);
    for (std::uint64_t n = 0; n < second_voids; ++n) say(ExportSecondVoid{.number = n});
    const std::uint64_t voided = voided_items_.size() + second_voids;
    say(ExportEnd{.draws = draws_,
                  .wins = wins_,
                  .second_wins = second_wins_,
                  .voided = voided,
                  .shortfall = schedule_.items() - wins_ - second_wins_ + voided});
  }

  Story* story_;
  const StoryTerms* terms_;
  Schedule schedule_;
  DrawHistory history_;
  std::vector<std::uint16_t> order_;
  std::vector<Person> people_;
  std::vector<ExportVoid> won_;
  std::vector<std::uint32_t> voided_items_;
  std::uint64_t turn_ = 1;
  std::uint64_t draws_ = 0;
  std::uint32_t wins_ = 0;
  std::uint64_t second_wins_ = 0;
};

}  // namespace

std::string Story::text() const {
  std::string out;
  for (const ExportLine& line : lines) append_export_line(out, line);
  return out;
}

void tell(Story& story, const StoryTerms& terms) {
  story.lines.clear();
  story.seed = test::seed_no(terms.seed);
  story.plan = make_plan("summer", test::period_of(terms.days), terms.lottery);
  Teller(story, terms).tell();
}

StoryTerms eventful() {
  StoryTerms terms;
  terms.lottery.prizes = {test::coupon("americano", 290), test::points("grand", 10)};
  terms.lottery.segment_minutes = 180;
  terms.lottery.win_rate = {.min = 20, .max = 400};
  terms.lottery.max_wins_per_user = 2;
  terms.lottery.traffic_curve = TrafficCurve{1, 0, 0, 0, 0, 0, 1, 2, 3, 3, 3, 4, 5, 4, 3, 3, 3, 3, 4, 5, 6, 6, 4, 2};
  terms.added_days = 1;
  terms.skipped_every = 9;
  terms.paused_every = 5;
  terms.voids_before = 4;
  terms.voids_after = 2;
  terms.second_voids = 1;
  return terms;
}

}  // namespace windfall::fairness
