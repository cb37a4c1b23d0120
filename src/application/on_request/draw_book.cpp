#include "application/on_request/draw_book.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "domain/lottery/keys.hpp"

namespace windfall {

namespace {

/// Everyone who draws first in a segment opens it; all but one find it open when they look again.
constexpr int kProposals = 4;
constexpr std::size_t kTerms = DrawBook::kTerms;

tl::unexpected<Failure> damaged(const Promotion& promotion, const std::string& what) {
  return fail(FailureCode::damaged, "the hot state of promotion " + promotion.id + " is damaged: " + what);
}

/// What was committed of a segment. Whoever can write to the servers of the hot state can damage it, and a deck of what
/// nobody has committed must not be drawn from.
Result<DeckTerms> terms_at(const Promotion& promotion, SegmentNo segment,
                           std::span<const std::int64_t, kTerms> values) {
  const auto [quota, length, first] = std::array{values[0], values[1], values[2]};
  const std::int64_t items = items_of(promotion.lottery->prizes);
  if (quota < 0 || length < quota || length > UINT32_MAX || first < 0 || first > items || quota > items - first) {
    return damaged(promotion, "segment " + std::to_string(segment.value) + " has quota " + std::to_string(quota) +
                                  ", length " + std::to_string(length) + ", first item " + std::to_string(first) +
                                  " of " + std::to_string(items));
  }
  return DeckTerms{.segment = segment,
                   .quota = static_cast<std::uint32_t>(quota),
                   .length = static_cast<std::uint32_t>(length),
                   .first_item = static_cast<std::uint32_t>(first)};
}

/// The segment that is open, by the counter that says which one comes next.
Result<SegmentNo> before(const Promotion& promotion, std::int64_t next) {
  if (next < 1 || next > UINT32_MAX) return damaged(promotion, "its next segment is " + std::to_string(next));
  return SegmentNo{static_cast<std::uint32_t>(next - 1)};
}

std::array<Look, kTerms> looks_at_terms(PartitionNo partition, SegmentNo segment) {
  return {keys::quota(partition, segment.value), keys::length(partition, segment.value),
          keys::first_item(partition, segment.value)};
}

/// The terms among `values` that begin there.
std::span<const std::int64_t, kTerms> terms_from(std::span<const std::int64_t> values, std::size_t from) {
  return values.subspan(from).first<kTerms>();
}

}  // namespace

Result<DrawBook::Book*> DrawBook::book(const Definition& definition) {
  std::unique_ptr<Book>& kept = books_[definition.partition.value];
  const Promotion& promotion = definition.promotion;
  const std::string& sealed_seed = promotion.secrets.sealed_seed;
  if (kept && kept->revision == definition.revision && kept->sealed_seed == sealed_seed) return kept.get();
  const Result<Seed> seed = seeds_.open(promotion.id, sealed_seed);
  if (!seed) return tl::unexpected(seed.error());
  Plan plan = plan_of(promotion);
  // Until its first day a lottery's plan may change, and one that could not be stored leaves its number to the next.
  if (!kept || kept->plan != plan || kept->outcomes.seed() != *seed) {
    Schedule schedule(plan);
    kept = std::make_unique<Book>(Book{.outcomes = Outcomes(*seed, promotion.id, *promotion.lottery),
                                       .schedule = std::move(schedule),
                                       .plan = std::move(plan),
                                       .sealed_seed = {},
                                       .revision = {}});
  }
  kept->sealed_seed = sealed_seed;
  kept->revision = definition.revision;
  return kept.get();
}

Result<Outcomes*> DrawBook::outcomes(const Definition& definition) {
  const Result<Book*> found = book(definition);
  if (!found) return tl::unexpected(found.error());
  return &(*found)->outcomes;
}

Result<bool> DrawBook::prepare(const Definition& definition) {
  const PartitionNo partition = definition.partition;
  if (definition.promotion.lifecycle == Lifecycle::draft || store_.peek(keys::closed(partition)) != 0) return false;
  const Result<Book*> found = book(definition);
  if (!found) return tl::unexpected(found.error());
  const std::int64_t next = store_.peek(keys::segment(partition));
  if (next == 0) return true;
  const Result<SegmentNo> open = before(definition.promotion, next);
  if (!open) return tl::unexpected(open.error());
  std::array<std::int64_t, kTerms> values{};
  std::ranges::transform(looks_at_terms(partition, *open), values.begin(),
                         [this](const Look& look) { return store_.peek(look); });
  const Result<DeckTerms> terms = terms_at(definition.promotion, *open, values);
  if (!terms) return tl::unexpected(terms.error());
  (*found)->outcomes.deck(*terms);
  return true;
}

Task<Result<DrawBook::Open>> DrawBook::open_now(DefinitionPtr definition) {
  const PartitionNo partition = definition->partition;
  std::vector<Look> first{keys::segment(partition)};
  const Result<std::vector<std::int64_t>> segment = co_await store_.read(std::move(first), Freshness::decided);
  if (!segment) co_return tl::unexpected(segment.error());
  if (segment->front() == 0) co_return Open{};
  const Result<SegmentNo> open = before(definition->promotion, segment->front());
  if (!open) co_return tl::unexpected(open.error());
  const SegmentNo last = *open;
  const std::array of_terms = looks_at_terms(partition, last);
  std::vector<Look> looks(of_terms.begin(), of_terms.end());
  looks.emplace_back(keys::serials(partition, last.value));
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::decided);
  if (!values) co_return tl::unexpected(values.error());
  const Result<Book*> found = book(*definition);
  if (!found) co_return tl::unexpected(found.error());
  const Result<DeckTerms> terms = terms_at(definition->promotion, last, terms_from(*values, 0));
  if (!terms) co_return tl::unexpected(terms.error());
  const std::int64_t serials = values->back();
  if (serials < 0) co_return damaged(definition->promotion, std::to_string(serials) + " serials are taken");
  const std::uint32_t wins = (*found)->outcomes.deck(*terms).wins(static_cast<std::uint64_t>(serials));
  co_return Open{.last = {.segment = last, .serials = serials}, .wins = terms->first_item + wins};
}

Task<Result<std::optional<std::int64_t>>> DrawBook::earlier_draws(DefinitionPtr definition, SegmentNo segment) {
  const std::uint32_t per_day = segments_per_day(definition->promotion.lottery->segment_minutes);
  std::vector<Look> looks;
  for (std::uint32_t earlier = segment.value; earlier >= per_day;) {
    earlier -= per_day;
    looks.emplace_back(keys::serials(definition->partition, earlier));
    looks.emplace_back(keys::paused_in(definition->partition, earlier));
  }
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::decided);
  if (!values) co_return tl::unexpected(values.error());
  for (std::size_t i = 0; i < values->size(); i += 2) {
    if ((*values)[i] > 0 && (*values)[i + 1] == 0) co_return std::optional{(*values)[i]};
  }
  co_return std::optional<std::int64_t>{};
}

Task<Result<SegmentNo>> DrawBook::open_segment(DefinitionPtr definition, Instant now) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    const SegmentNo wanted = segment_at(*definition, now);
    std::vector<Look> look{keys::segment(definition->partition)};
    const Result<std::vector<std::int64_t>> last = co_await store_.read(std::move(look), Freshness::decided);
    if (!last) co_return tl::unexpected(last.error());
    // The wall clock may show an hour again; a segment never comes back.
    if (last->front() > std::int64_t{wanted.value}) co_return before(definition->promotion, last->front());
    const Result<Open> open = co_await open_now(definition);
    if (!open) co_return tl::unexpected(open.error());
    // Another process has opened it since the first look. Opened once more it would have its items twice.
    if (open->last.segment && *open->last.segment >= wanted) co_return *open->last.segment;
    const Result<std::optional<std::int64_t>> earlier = co_await earlier_draws(definition, wanted);
    if (!earlier) co_return tl::unexpected(earlier.error());
    const Result<Book*> found = book(*definition);
    if (!found) co_return tl::unexpected(found.error());
    const std::uint32_t until = (*found)->schedule.items_until(wanted);
    if (open->wins > until) {
      co_return damaged(definition->promotion, std::to_string(open->wins) + " wins of " + std::to_string(until));
    }
    const std::uint32_t quota = until - open->wins;
    const DeckTerms terms{.segment = wanted,
                          .quota = quota,
                          .length = (*found)->schedule.deck_length(wanted, quota, *earlier),
                          .first_item = open->wins};
    Proposal proposal = propose_segment(*definition, open->last, terms, now);
    const Result<Verdict> verdict = co_await store_.commit(std::move(proposal), Identity{});
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (std::holds_alternative<Accepted>(*verdict)) co_return wanted;
    const DefinitionPtr present = store_.find(definition->promotion.id);
    if (present) definition = present;
    // A clock that was found to be wrong has been put right by the answer, perhaps to before the first day.
    now = store_.now(definition->partition);
    if (refusal_at(*definition, now)) break;
  }
  co_return fail(FailureCode::unavailable, "the lottery changed while a segment was being opened; try again");
}

Task<Result<std::vector<DeckTerms>>> DrawBook::terms_of(DefinitionPtr definition, std::vector<SegmentNo> segments) {
  std::vector<Look> looks;
  looks.reserve(segments.size() * kTerms);
  for (const SegmentNo segment : segments) {
    const std::array of_terms = looks_at_terms(definition->partition, segment);
    looks.insert(looks.end(), of_terms.begin(), of_terms.end());
  }
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::decided);
  if (!values) co_return tl::unexpected(values.error());
  std::vector<DeckTerms> terms;
  terms.reserve(segments.size());
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Result<DeckTerms> of_one = terms_at(definition->promotion, segments[i], terms_from(*values, i * kTerms));
    if (!of_one) co_return tl::unexpected(of_one.error());
    terms.push_back(*of_one);
  }
  co_return terms;
}

Task<Result<std::int64_t>> DrawBook::wins_among(DefinitionPtr definition, UserRef user, std::uint32_t draws,
                                                std::vector<std::int64_t> coded, DeckTerms open) {
  if (coded.size() < draws) {
    std::vector<Look> looks;
    looks.reserve(draws - coded.size());
    for (auto i = static_cast<std::uint32_t>(coded.size()); i < draws; ++i) {
      looks.emplace_back(keys::draw_at(definition->partition, user, i));
    }
    const Result<std::vector<std::int64_t>> later = co_await store_.read(std::move(looks), Freshness::decided);
    if (!later) co_return tl::unexpected(later.error());
    coded.insert(coded.end(), later->begin(), later->end());
  }
  std::vector<SegmentNo> earlier;  // each once
  for (const std::int64_t draw : coded) {
    if (draw <= 0) co_return damaged(definition->promotion, "a draw of a user is " + std::to_string(draw));
    const SegmentNo segment{decoded_draw(draw).segment};
    if (segment != open.segment && std::ranges::find(earlier, segment) == earlier.end()) earlier.push_back(segment);
  }
  std::vector<DeckTerms> decks{open};
  if (!earlier.empty()) {
    const Result<std::vector<DeckTerms>> terms = co_await terms_of(definition, std::move(earlier));
    if (!terms) co_return tl::unexpected(terms.error());
    decks.insert(decks.end(), terms->begin(), terms->end());
  }
  const Result<Book*> found = book(*definition);
  if (!found) co_return tl::unexpected(found.error());
  std::int64_t wins = 0;
  for (const std::int64_t one : coded) {
    const WinPlace draw = decoded_draw(one);
    const auto deck = std::ranges::find(decks, SegmentNo{draw.segment}, &DeckTerms::segment);
    if ((*found)->outcomes.prize_at(*deck, draw.serial)) ++wins;
  }
  co_return wins;
}

DrawBook::FirstLook::FirstLook(const Definition& definition, UserRef user, Instant now)
    : by_clock(segment_at(definition, now)), may_win(definition.promotion.lottery->max_wins_per_user) {
  const PartitionNo partition = definition.partition;
  const std::array of_terms = looks_at_terms(partition, by_clock);
  looks[0] = keys::segment(partition);
  looks[1] = keys::drawn(partition, user);
  std::ranges::copy(of_terms, looks.begin() + 2);
  // Whoever has drawn less often than one may win has a win left, whatever the draws were.
  if (!looks_at_draws(*definition.promotion.lottery)) return;
  for (std::uint32_t i = 0; i < kDrawsAtOnce; ++i) looks[asked++] = keys::draw_at(partition, user, i);
}

bool DrawBook::FirstLook::read_now(PromotionStore& store) {
  return store.read_now(std::span(looks).first(asked), std::span(values).first(asked));
}

std::optional<Result<DrawBook::View>> DrawBook::view_now(const Definition& definition, UserRef user, Instant now) {
  FirstLook first(definition, user, now);
  if (!first.read_now(store_) || !first.open_by_clock() || first.draws() >= first.may_win) return std::nullopt;
  const Result<DeckTerms> deck = terms_at(definition.promotion, first.by_clock, terms_from(first.values, 2));
  if (!deck) return tl::unexpected(deck.error());
  View view;
  view.facts.segment = first.by_clock;
  view.facts.draws = first.draws();
  view.deck = *deck;
  return view;
}

Task<Result<DrawBook::View>> DrawBook::view(DefinitionPtr definition, UserRef user, Instant now) {
  FirstLook first(*definition, user, now);
  if (!first.read_now(store_)) {
    std::vector<Look> listed(first.looks.begin(), first.looks.begin() + static_cast<std::ptrdiff_t>(first.asked));
    const Result<std::vector<std::int64_t>> read = co_await store_.read(std::move(listed), Freshness::decided);
    if (!read) co_return tl::unexpected(read.error());
    std::ranges::copy(*read, first.values.begin());
  }
  const SegmentNo by_clock = first.by_clock;

  View view;
  view.facts.segment = by_clock;
  if (first.open_by_clock()) {
    const Result<DeckTerms> deck = terms_at(definition->promotion, by_clock, terms_from(first.values, 2));
    if (!deck) co_return tl::unexpected(deck.error());
    view.deck = *deck;
  } else {
    // The wall clock may show an hour again; a segment never comes back.
    if (first.next() > std::int64_t{by_clock.value}) {
      const Result<SegmentNo> open = before(definition->promotion, first.next());
      if (!open) co_return tl::unexpected(open.error());
      view.facts.segment = *open;
    } else {
      const Result<SegmentNo> opened = co_await open_segment(definition, now);
      if (!opened) co_return tl::unexpected(opened.error());
      view.facts.segment = *opened;
    }
    std::vector<SegmentNo> open{view.facts.segment};
    const Result<std::vector<DeckTerms>> deck = co_await terms_of(definition, std::move(open));
    if (!deck) co_return tl::unexpected(deck.error());
    view.deck = deck->front();
  }
  view.facts.draws = first.draws();
  if (view.facts.draws >= first.may_win) {
    const std::size_t read = std::min<std::size_t>(first.asked - kBeforeDraws, view.facts.draws);
    const auto draws = first.values.begin() + kBeforeDraws;
    std::vector<std::int64_t> coded(draws, draws + static_cast<std::ptrdiff_t>(read));
    const Result<std::int64_t> wins =
        co_await wins_among(definition, user, view.facts.draws, std::move(coded), view.deck);
    if (!wins) co_return tl::unexpected(wins.error());
    view.facts.wins = *wins;
  }
  co_return view;
}

Result<std::optional<std::uint32_t>> DrawBook::prize_of(const Definition& definition, const DeckTerms& deck,
                                                        std::int64_t serial) {
  const Result<Book*> found = book(definition);
  if (!found) return tl::unexpected(found.error());
  return (*found)->outcomes.prize_at(deck, serial);
}

Task<Result<std::vector<std::optional<std::uint32_t>>>> DrawBook::prizes_of(DefinitionPtr definition,
                                                                            std::vector<std::int64_t> coded_draws) {
  std::vector<SegmentNo> segments;
  segments.reserve(coded_draws.size());
  for (const std::int64_t coded : coded_draws) segments.push_back({decoded_draw(coded).segment});
  const Result<std::vector<DeckTerms>> terms = co_await terms_of(definition, std::move(segments));
  if (!terms) co_return tl::unexpected(terms.error());
  const Result<Book*> found = book(*definition);
  if (!found) co_return tl::unexpected(found.error());
  std::vector<std::optional<std::uint32_t>> prizes;
  prizes.reserve(coded_draws.size());
  for (std::size_t i = 0; i < coded_draws.size(); ++i) {
    prizes.push_back((*found)->outcomes.prize_at((*terms)[i], decoded_draw(coded_draws[i]).serial));
  }
  co_return prizes;
}

Task<Result<std::uint32_t>> DrawBook::wins(DefinitionPtr definition) {
  const Result<Open> open = co_await open_now(definition);
  if (!open) co_return tl::unexpected(open.error());
  co_return open->wins;
}

}  // namespace windfall
