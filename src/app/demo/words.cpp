#include "app/demo/words.hpp"

#include <cstdlib>

namespace windfall::demo {

namespace {

constexpr Words kKorean{
    .starting = "서버와 제휴사를 시작합니다.",
    .entering = "scripts/cluster가 {}에서 시작한 클러스터에서 진행합니다. 참여 요청은 프로세스 {}개가 나눠 받습니다.",
    .registered = "  ✔ 등록: {} (재고 {})",
    .crowd_comes = "{}명이 {}번 참여를 시도합니다. 약 {:.0f}초.",
    .partner_down = "제휴사가 멈췄습니다. 모든 적립 요청이 503을 받습니다.",
    .partner_back = "제휴사가 돌아왔습니다. 밀린 적립을 처리합니다.",
    .node_dies = "Redis 마스터 {}을(를) kill -9로 죽였습니다. {:.0f}초 뒤에 다시 시작됩니다.",
    .node_back = "{} 프로세스가 {:.1f}초 만에 돌아왔습니다.",
    .served_again = "그 샤드가 다시 응답합니다: {:.1f}초 동안 503 응답 {}건. 503을 받은 사람은 다시 옵니다.",
    .draining = "남은 적립 {}건을 기다립니다.",
    .interrupted = "중단했습니다.",
    .head = "Windfall 데모  {:.1f} / {:.0f}초",
    .partner = "제휴사",
    .partner_is_up = "정상",
    .partner_is_down = "장애",
    .left = "{} / {} 남음",
    .rate = "{}건/초",
    .refused = "거절: 조건 {} · 중복 {} · 소진 {}",
    .accrued = "적립: 완료 {} · 대기 {}",
    .backlog = "적립 대기",
    .plain =
        "[{:3.0f}초] 남은 수량 {} | 참여 {}건/초 | 거절: 조건 {} · 중복 {} · 소진 {} | 적립: 완료 {} · 대기 {} | "
        "제휴사 {}",
    .away = "503 응답 {}건",
    .plain_node = " | {} {} · 503 응답 {}건",
    .audit = "감사: 받은 응답 = 사용된 재고 = 원장 = 제휴사 장부(항목별)",
    .audit_line = "  {}  응답 {} · 재고 {} · 원장 {} · 장부 {}",
    .audit_away = "  503 응답 {}건: 실제로는 처리된 참여 {}건, 처리되었는지 알 수 없는 요청 {}건",
    .audit_away_line = "    {}  503 응답 {}건",
    .verdict_good = "✔ 중복 적립 {}, 초과 참여 {}, 원장과 일치",
    .verdict_bad = "✘ 중복 적립 {}, 초과 참여 {}, 차이 {}건",
    .difference = "  프로모션 {}: {}: {}",
    .no_dice = "행운 주사위는 시각을 바꿀 수 있는 클러스터에서만 하므로 이번에는 빠집니다: scripts/cluster up --dev",
    .dice_title = "행운 주사위",
    .dice_opens =
        "행운 주사위: 2024년 7월 8일부터 24일이 약 {}초에 지나갑니다. {}명이 주사위를 굴리고 경품은 {}개입니다.",
    .dice_bar = "{}  당첨 {} / 계획 {} ({:.1f}%)  추첨 {}",
    .dice_closing = "마지막 추첨이 원장에 반영되면 마감합니다  {}초",
    .dice_won = "  추첨 당첨 {} + 2차 추첨 {} = {} / 경품 {} (남은 경품 {})",
    .dice_verified = "✔ 공개 기록 {}줄, 추첨 {}번을 시드로 다시 계산했습니다: 어긋남 {}건",
    .dice_wrong = "✘ 공개 기록 {}줄, 추첨 {}번: 어긋남 {}건, 또는 받은 응답과 다릅니다",
    .staying = "서버는 켜 둡니다. Ctrl-C를 누르면 끝나고, 남는 파일은 없습니다.",
    .cluster_stays = "클러스터는 그대로 두었습니다. scripts/cluster down으로 끝냅니다.",
    .docs = "API 문서",
    .promotions = "프로모션",
    .metrics = "지표",
    .book = "제휴사 장부",
    .admin_key = "관리자 키",
    .try_this = "직접 해 보기:",
    .ended = "끝났습니다.",
};

constexpr Words kEnglish{
    .starting = "Starting a server and a partner.",
    .entering = "Playing on the cluster that scripts/cluster started in {}; {} processes answer participants.",
    .registered = "  ✔ registered: {} (stock {})",
    .crowd_comes = "{} users try {} times to join, within about {:.0f} s.",
    .partner_down = "The partner is down: every accrual is answered 503.",
    .partner_back = "The partner is back: the backlog drains.",
    .node_dies = "Redis master {} is killed (kill -9); it is started again after {:.0f} s.",
    .node_back = "{} runs again, {:.1f} s after the kill.",
    .served_again =
        "Its shard answers again, {:.1f} s after the kill: {} answers were 503. Whoever got one comes again.",
    .draining = "Waiting for {} accruals.",
    .interrupted = "Interrupted.",
    .head = "Windfall demo  {:.1f} / {:.0f} s",
    .partner = "partner",
    .partner_is_up = "up",
    .partner_is_down = "down",
    .left = "{} / {} left",
    .rate = "{}/s",
    .refused = "refused: rule {} · repeat {} · sold out {}",
    .accrued = "accrued {} · pending {}",
    .backlog = "backlog",
    .plain =
        "[{:3.0f} s] left {} | {} joins/s | refused: rule {} · repeat {} · sold out {} | accrued {} · pending {} | "
        "partner {}",
    .away = "answered 503: {}",
    .plain_node = " | {} {} · 503: {}",
    .audit = "Audit: answers = stock used = ledger = partner's book, entry by entry",
    .audit_line = "  {}  answers {} · stock {} · ledger {} · book {}",
    .audit_away =
        "  {} answers 503: {} of these joins had been carried out all the same; {} requests cannot tell theirs",
    .audit_away_line = "    {}  answered 503: {}",
    .verdict_good = "✔ {} accrued twice, {} beyond the stock, ledger in agreement",
    .verdict_bad = "✘ {} accrued twice, {} beyond the stock, {} differences",
    .difference = "  promotion {}: {}: {}",
    .no_dice = "The lucky dice are left out: they need a cluster whose clock can be set, scripts/cluster up --dev",
    .dice_title = "Lucky dice",
    .dice_opens = "The lucky dice: 24 days from 2024-07-08 pass in about {} s; {} people roll for {} prizes.",
    .dice_bar = "{}  won {} / plan {} ({:.1f} %)  draws {}",
    .dice_closing = "closed as soon as the ledger has the last draws  {} s",
    .dice_won = "  won by draws {} + by the second chance {} = {} of {} prizes (left over: {})",
    .dice_verified = "✔ public export of {} lines, {} draws computed again from the seed: {} problems",
    .dice_wrong = "✘ public export of {} lines, {} draws: {} problems, or not what people were told",
    .staying = "The server stays up. Ctrl-C ends it and leaves nothing behind.",
    .cluster_stays = "The cluster stays up: scripts/cluster down ends it.",
    .docs = "API docs",
    .promotions = "promotions",
    .metrics = "metrics",
    .book = "partner's book",
    .admin_key = "admin key",
    .try_this = "To try:",
    .ended = "Ended.",
};

}  // namespace

std::optional<Language> parse_language(std::string_view text) {
  if (text == "ko") return Language::korean;
  if (text == "en") return Language::english;
  return std::nullopt;
}

Language language_of_environment() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return std::string_view(value).starts_with("ko") ? Language::korean : Language::english;
  }
  return Language::english;
}

const Words& words_of(Language language) { return language == Language::korean ? kKorean : kEnglish; }

}  // namespace windfall::demo
