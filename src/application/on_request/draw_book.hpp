// The decks of every lottery, opened segment by segment. Nothing in here is a source of truth: what was committed
// stands in the hot state, and whoever asks again computes the same. Every method fails as damaged, naming the
// promotion, where what stands there cannot have been committed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "application/port/promotion_store.hpp"
#include "application/port/seeds.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/outcomes.hpp"

namespace windfall {

class DrawBook {
 public:
  /// Values per segment: quota, length, first item.
  static constexpr std::size_t kTerms = 3;
  /// Draws of a user that are read together with their number: as many as lie together in memory. Few have drawn more.
  static constexpr std::uint32_t kDrawsAtOnce = 4;

  DrawBook(PromotionStore& store, Seeds& seeds) : store_(store), seeds_(seeds) {}
  DrawBook(const DrawBook&) = delete;
  DrawBook& operator=(const DrawBook&) = delete;

  /// Whether a view looks at what the user has drawn: where it may be among the draws that are read together.
  [[nodiscard]] static bool looks_at_draws(const Lottery& lottery) { return lottery.max_wins_per_user <= kDrawsAtOnce; }

  /// Computes the order of prizes, and the deck of the segment that is open, of a lottery in which people may draw yet;
  /// true if it is one. Takes 0.4 s for four million prizes, which is why a server does it before anybody draws.
  /// Failure damaged if its seed cannot be opened.
  Result<bool> prepare(const Definition& definition);

  /// The segment in which a draw at `now` takes place, opened if it was not yet; the one of the store's time where that
  /// turns out to be another. `now` lies within the promotion's days. Fails as commit() does, and with unavailable if
  /// others changed the lottery several times in between, or nobody may draw any more.
  Task<Result<SegmentNo>> open_segment(DefinitionPtr definition, Instant now);

  /// What a draw is prepared from, and the deck that it will be from.
  struct View {
    DrawFacts facts;
    DeckTerms deck;
  };
  /// The segment, opened if it was not yet, and the user's draws and wins so far: one read for whoever has drawn less
  /// often than one may win, or a few times in this segment. `now` lies within the promotion's days. Fails as
  /// open_segment() does.
  Task<Result<View>> view(DefinitionPtr definition, UserRef user, Instant now);
  /// The same for nearly everybody, without a task: nothing if somebody has to be asked or waited for.
  std::optional<Result<View>> view_now(const Definition& definition, UserRef user, Instant now);

  /// Index of the prize that a draw from this deck wins; nullopt if it loses.
  Result<std::optional<std::uint32_t>> prize_of(const Definition& definition, const DeckTerms& deck,
                                                std::int64_t serial);

  /// Index of the prize of each draw, in the order given; nullopt for those that lost.
  Task<Result<std::vector<std::optional<std::uint32_t>>>> prizes_of(DefinitionPtr definition,
                                                                    std::vector<std::int64_t> coded_draws);

  /// Wins so far, voided ones included, without those of the second chance.
  Task<Result<std::uint32_t>> wins(DefinitionPtr definition);

  /// The decks of a lottery. Failure damaged if its seed cannot be opened.
  Result<Outcomes*> outcomes(const Definition& definition);

 private:
  struct Open {
    OpenSegment last;
    std::uint32_t wins = 0;  ///< in all segments up to now
  };
  Task<Result<Open>> open_now(DefinitionPtr definition);
  Task<Result<std::optional<std::int64_t>>> earlier_draws(DefinitionPtr definition, SegmentNo segment);
  Task<Result<std::vector<DeckTerms>>> terms_of(DefinitionPtr definition, std::vector<SegmentNo> segments);
  /// Wins among the user's draws, the first of which are known already.
  Task<Result<std::int64_t>> wins_among(DefinitionPtr definition, UserRef user, std::uint32_t draws,
                                        std::vector<std::int64_t> coded, DeckTerms open);

  /// What is read before the draws: the next segment, their number, the terms of the segment by the clock.
  static constexpr std::size_t kBeforeDraws = 2 + kTerms;
  /// What a view looks at before it knows whether it needs more.
  struct FirstLook {
    FirstLook(const Definition& definition, UserRef user, Instant now);
    /// Fills in `values`; false if they are not at hand.
    bool read_now(PromotionStore& store);
    [[nodiscard]] std::int64_t next() const { return values[0]; }
    [[nodiscard]] std::uint32_t draws() const { return static_cast<std::uint32_t>(values[1]); }
    [[nodiscard]] bool open_by_clock() const { return next() == std::int64_t{by_clock.value} + 1; }

    SegmentNo by_clock;
    std::uint32_t may_win;
    std::array<Look, kBeforeDraws + kDrawsAtOnce> looks;
    std::size_t asked = kBeforeDraws;
    std::array<std::int64_t, kBeforeDraws + kDrawsAtOnce> values{};  ///< of the first `asked` looks
  };

  PromotionStore& store_;
  Seeds& seeds_;
  struct Book {
    Outcomes outcomes;
    Schedule schedule;
    Plan plan;                ///< that these follow from, with the seed
    std::string sealed_seed;  ///< as in the definition that was looked at last
    Revision revision;        ///< of that definition
  };
  Result<Book*> book(const Definition& definition);
  std::map<std::uint32_t, std::unique_ptr<Book>> books_;  ///< by partition
};

}  // namespace windfall
