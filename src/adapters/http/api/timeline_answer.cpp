// The sentences in which customer service can answer at once: what the history says, in both languages.
#include <algorithm>
#include <array>

#include "adapters/http/api/static/problems.hpp"
#include "adapters/http/api/timeline.hpp"

namespace windfall::http {

namespace {

/// "1,000,000"
std::string number(std::int64_t value) {
  constexpr std::size_t kGroup = 3;
  std::string text = std::to_string(value);
  const std::size_t sign = value < 0 ? 1 : 0;
  for (std::size_t place = text.size(); place > sign + kGroup;) {
    place -= kGroup;
    text.insert(place, 1, ',');
  }
  return text;
}

/// "1 ticket", "2 tickets"
std::string counted(std::int64_t count, std::string_view one, std::string_view many) {
  return number(count) + ' ' + std::string(count == 1 ? one : many);
}
std::string tickets_en(std::int64_t count) { return counted(count, "ticket", "tickets"); }

/// "visit 1, …" for each cause that gave any.
struct Causes {
  std::array<std::int64_t, kGrantCauses> tickets{};
  [[nodiscard]] std::string named(const std::array<const char*, kGrantCauses>& names, std::string_view unit) const {
    std::string text;
    for (std::size_t i = 0; i < tickets.size(); ++i) {
      if (tickets.at(i) == 0) continue;
      if (!text.empty()) text += ", ";
      text += std::string(names.at(i)) + " " + number(tickets.at(i)) + std::string(unit);
    }
    return text;
  }
};

void tell_provisional(Told& out, const Provisional& provisional, bool blocked) {
  const std::int64_t tickets = provisional.tickets;
  if (!provisional.title.empty()) out.ko += "“" + provisional.title + "” ";
  out.ko += "응모권 " + number(tickets) + "장은 ";
  out.en += tickets_en(tickets);
  if (!provisional.title.empty()) out.en += " of “" + provisional.title + "”";
  out.en += tickets == 1 ? " is " : " are ";
  if (blocked) {
    out.ko += "잠정적으로 표시될 뿐이며, 참여가 제한된 사용자이므로 지급되지 않습니다. ";
    out.en += "shown provisionally and will not be granted: you are on the block list. ";
    return;
  }
  out.ko += "아직 처리 중이라 잠정적으로 표시되며, 지급이 끝나면 추첨에 쓸 수 있습니다. ";
  out.en += "still being processed: shown provisionally, and ready to be drawn as soon as the grant is done. ";
}

void tell_wins(Told& out, const History& history) {
  if (history.draws.empty()) return;
  const auto won = std::ranges::count_if(history.draws, [](const DrawRow& row) { return row.prize.has_value(); });
  const auto voided =
      std::ranges::count_if(history.draws, [](const DrawRow& row) { return row.prize.has_value() && row.voided; });
  if (won == 0) {
    out.ko += "당첨된 경품은 없습니다. ";
    out.en += "No prize was won. ";
  } else if (voided == 0) {
    out.ko += "당첨은 " + number(won) + "건입니다. ";
    out.en += counted(won, "prize was won. ", "prizes were won. ");
  } else if (voided < won) {
    out.ko += "당첨 " + number(won) + "건 가운데 " + number(voided) + "건은 취소되었습니다. ";
    out.en +=
        number(voided) + " of " + number(won) + (voided == 1 ? " wins was taken back. " : " wins were taken back. ");
  } else {
    out.ko += "당첨 " + number(won) + (won == 1 ? "건은 취소되었습니다. " : "건은 모두 취소되었습니다. ");
    out.en += won == 1 ? "1 win was taken back. " : "All " + number(won) + " wins were taken back. ";
  }
}

void tell_coupons(Told& out, const History& history) {
  const auto waiting = std::ranges::count_if(history.coupons, waits_for_code);
  if (waiting == 0) return;
  out.ko += "쿠폰 " + number(waiting) + "장은 코드를 준비하고 있으며, 준비되는 대로 발급됩니다. ";
  out.en += counted(waiting, "coupon is still waiting for its code and will be issued as soon as there is one. ",
                    "coupons are still waiting for their codes and will be issued as soon as there are some. ");
}

void tell_tickets(Told& out, const History& history) {
  const TicketSum sum = sum_of(history);
  Causes causes;
  for (const TicketEntry& entry : history.tickets) {
    if (entry.type == TicketEntry::Type::grant && entry.cause) {
      causes.tickets.at(static_cast<std::size_t>(*entry.cause)) += entry.tickets;
    }
  }
  out.ko += "지금 응모권 " + number(sum.held()) + "장을 가지고 계십니다. ";
  out.en += "You hold " + tickets_en(sum.held()) + ". ";
  if (sum.granted == 0) {
    out.ko += "지금까지 지급된 응모권은 없습니다. ";
    out.en += "None has been granted so far. ";
    return;
  }
  out.ko += "지금까지 " + number(sum.granted) + "장이 지급되었고(" +
            causes.named({"첫 방문", "친구 초대", "초대 링크 열람", "고객센터 조정"}, "장") + "), " +
            number(sum.drawn) + "장을 추첨에 쓰셨습니다. ";
  out.en += "So far " + counted(sum.granted, "was", "were") + " granted (" +
            causes.named({"first visit", "inviting friends", "opening an invite", "adjusted by customer service"}, "") +
            ") and " + number(sum.drawn) + " drawn. ";
  if (sum.revoked > 0) {
    out.ko += number(sum.revoked) + "장은 회수되었습니다. ";
    out.en += counted(sum.revoked, "was", "were") + " taken back. ";
  }
}

void tell_rewards(Told& out, const History& history) {
  std::int64_t done = 0;
  std::int64_t waiting = 0;
  std::int64_t dead = 0;
  Amount paid = 0;
  for (const RewardRow& row : history.rewards) {
    if (row.kind != EffectKind::accrual || row.state == "VOID") continue;
    if (row.state == "DONE") {
      ++done;
      paid += row.amount;
    } else if (row.state == "DEAD") {
      ++dead;
    } else {
      ++waiting;
    }
  }
  out.ko += "적립 " + number(done) + "건(" + number(paid) + "포인트)이 완료되었습니다. ";
  out.en += counted(done, "accrual is", "accruals are") + " done (" + counted(paid, "point", "points") + "). ";
  if (waiting > 0) {
    out.ko += "처리 중인 적립이 " + number(waiting) + "건 있습니다. ";
    out.en += counted(waiting, "is on its way. ", "are on their way. ");
  }
  if (dead > 0) {
    out.ko += "적립 " + number(dead) + "건은 실패하여 담당자의 확인이 필요합니다. ";
    out.en += counted(dead, "accrual has", "accruals have") + " failed and an operator has to look into it. ";
  }
}

struct Words {
  std::string_view ko;
  std::string_view en;
};
/// What a refusal's code or detail says to a customer.
struct Meaning {
  std::string_view code;
  Words words;
};
/// Reasons without a page of their own: why an invite granted nothing.
constexpr std::array kReasons{
    Meaning{.code = "OWN_LINK", .words = {.ko = "본인의 초대 링크입니다", .en = "Your own invite link"}},
    Meaning{.code = "ALREADY_CREDITED",
            .words = {.ko = "이미 초대 응모권을 받으셨습니다", .en = "Already credited for an invite"}},
    Meaning{.code = "NOT_FIRST_VISIT", .words = {.ko = "첫 방문이 아닙니다", .en = "Not your first visit"}},
    Meaning{.code = "INVITER_LIMIT",
            .words = {.ko = "초대한 분이 오늘의 한도를 채웠습니다", .en = "The inviter’s limit of the day is reached"}},
    Meaning{.code = "NO_INVITE_GRANT",
            .words = {.ko = "초대로 응모권을 드리지 않는 프로모션입니다", .en = "Invites earn no tickets there"}},
};
constexpr std::array kDetails{
    Meaning{.code = "TOTAL", .words = {.ko = "전체 수량", .en = "the whole stock"}},
    Meaning{.code = "DAY", .words = {.ko = "하루 수량", .en = "the stock of the day"}},
    Meaning{.code = "N_DUP_LIMIT", .words = {.ko = "참여 횟수 제한", .en = "how often it can be joined"}},
    Meaning{.code = "LEADING", .words = {.ko = "선행 프로모션 참여", .en = "promotions to be joined before"}},
    Meaning{.code = "FIRST_TIME", .words = {.ko = "처음 참여하는 분", .en = "for newcomers"}},
    Meaning{.code = "MIN_JOIN_COUNT", .words = {.ko = "최소 참여 횟수", .en = "a number of earlier participations"}},
    Meaning{.code = "SEGMENT", .words = {.ko = "대상 고객", .en = "for certain customers"}},
};

/// What has no words is told as it stands: a day, say.
template <std::size_t N>
Words words_of(const std::array<Meaning, N>& meanings, std::string_view code) {
  const auto* found = std::ranges::find(meanings, code, &Meaning::code);
  return found != meanings.end() ? found->words : Words{.ko = code, .en = code};
}

void tell_refusal(Told& out, const History& history, std::string_view promotion_id) {
  const RefusalRow* last = nullptr;
  for (const RefusalRow& row : history.refusals) {
    if (concerns(row, promotion_id) && (last == nullptr || last->at <= row.at)) last = &row;
  }
  if (last == nullptr) return;
  const ProblemText* problem = problem_text(last->code);
  const Words reason =
      problem != nullptr ? Words{.ko = problem->title_ko, .en = problem->title_en} : words_of(kReasons, last->code);
  out.ko += "마지막 시도는 다음 사유로 거절되었습니다: " + std::string(reason.ko);
  out.en += "The last attempt was refused: " + std::string(reason.en);
  if (!last->detail.empty()) {
    const Words detail = words_of(kDetails, last->detail);
    out.ko += "(" + std::string(detail.ko) + ")";
    out.en += " (" + std::string(detail.en) + ")";
  }
  out.ko += ". ";
  out.en += ". ";
}

void tell_happened(Told& out, const History& history, const Telling& telling) {
  const bool has_lottery =
      telling.lottery || !history.tickets.empty() || !history.draws.empty() || !telling.provisional.empty();
  // Of a lottery that was asked about, what is provisional is all there is.
  if (telling.lottery ? telling.provisional.empty() : !history.tickets.empty() || !history.draws.empty()) {
    tell_tickets(out, history);
    tell_wins(out, history);
    tell_coupons(out, history);
  }
  for (const Provisional& provisional : telling.provisional) tell_provisional(out, provisional, telling.blocked);
  if (!history.joins.empty() || !has_lottery) {
    const auto joins = static_cast<std::int64_t>(history.joins.size());
    out.ko += "프로모션에 " + number(joins) + "번 참여하셨습니다. ";
    out.en += "You have joined " + counted(joins, "time. ", "times. ");
  }
  const bool accruals =
      std::ranges::any_of(history.rewards, [](const RewardRow& row) { return row.kind == EffectKind::accrual; });
  if (accruals || !has_lottery) tell_rewards(out, history);
}

}  // namespace

Told told(const History& history, const Telling& telling) {
  Told out;
  if (history.erased) {
    out.ko = "개인정보가 삭제되어 그 이전의 내역은 안내해 드릴 수 없습니다. ";
    out.en = "Your personal data have been erased: what was before can no longer be told. ";
  } else {
    tell_happened(out, history, telling);
  }
  tell_refusal(out, history, telling.promotion_id);
  out.ko.pop_back();
  out.en.pop_back();
  return out;
}

}  // namespace windfall::http
