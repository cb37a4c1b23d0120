#include "adapters/codec/fairness_export.hpp"

#include <utility>

#include "adapters/codec/fairness_lines.hpp"
#include "domain/lottery/draw.hpp"

namespace windfall::codec {

FairnessExport::FairnessExport(FinishedLottery lottery) : lottery_(std::move(lottery)), pseudonyms_(lottery_.seed) {}

void FairnessExport::begin(std::string& out) {
  const std::string plan = plan_text(plan_of(*lottery_.promotion));
  append_export_line(out, ExportHeader{.promotion = lottery_.promotion->id,
                                       .commitment = commitment_of(lottery_.seed, plan),
                                       .plan = plan,
                                       .seed = lottery_.seed});
}

void FairnessExport::open_until(std::string& out, std::uint64_t segment) {
  for (; opened_ < lottery_.segments.size() && lottery_.segments[opened_].row.segment <= segment; ++opened_) {
    const FinishedLottery::Segment& each = lottery_.segments[opened_];
    append_export_line(out, ExportSegment{.segment = SegmentNo{each.row.segment},
                                          .quota = each.row.quota,
                                          .length = each.row.length,
                                          .draws = static_cast<std::uint64_t>(each.draws),
                                          .paused = DrawHistory::Paused{each.row.paused}});
  }
}

void FairnessExport::row(std::string& out, const DrawRow& row) {
  const std::vector<Prize>& prizes = lottery_.promotion->lottery->prizes;
  if (row.place.segment == WinPlace::kSecondChance) {
    second_.push_back(
        {.user = pseudonyms_.of(row.user), .prize = prizes.at(row.prize.value_or(0)).id, .voided = row.voided});
    return;
  }
  open_until(out, row.place.segment);
  ExportDraw draw{.segment = SegmentNo{row.place.segment},
                  .serial = static_cast<std::uint64_t>(row.place.serial),
                  .user = pseudonyms_.of(row.user),
                  .prize = {}};
  ++draws_;
  if (row.prize) {
    draw.prize = prizes.at(*row.prize).id;
    if (row.voided) (row.voided_late ? voided_late_ : voided_early_).push_back(row.place);
    ++wins_;
  }
  append_export_line(out, draw);
}

void FairnessExport::finish(std::string& out) {
  open_until(out, UINT64_MAX);
  const auto tell = [&out](const std::vector<WinPlace>& voids) {
    for (const WinPlace& place : voids) {
      append_export_line(
          out, ExportVoid{.segment = SegmentNo{place.segment}, .serial = static_cast<std::uint64_t>(place.serial)});
    }
  };
  tell(voided_early_);
  const std::uint64_t items = items_of(lottery_.promotion->lottery->prizes);
  const auto held = ExportClosed::SecondChance{lottery_.second_chance};
  append_export_line(
      out, ExportClosed{.second_chance = held, .pool = lottery_.pool, .items = items - wins_ + voided_early_.size()});
  for (std::size_t i = 0; i < second_.size(); ++i) {
    append_export_line(out, ExportSecondWin{.number = i, .user = second_[i].user, .prize = second_[i].prize});
  }
  tell(voided_late_);
  std::uint64_t voided = voided_early_.size() + voided_late_.size();
  for (std::size_t i = 0; i < second_.size(); ++i) {
    if (!second_[i].voided) continue;
    append_export_line(out, ExportSecondVoid{.number = i});
    ++voided;
  }
  append_export_line(out, ExportEnd{.draws = draws_,
                                    .wins = wins_,
                                    .second_wins = second_.size(),
                                    .voided = voided,
                                    .shortfall = items - wins_ - second_.size() + voided});
}

}  // namespace windfall::codec
