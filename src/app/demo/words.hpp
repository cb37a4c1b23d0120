// What the demo says, in Korean and in English.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace windfall::demo {

enum class Language : std::uint8_t { korean, english };

/// "ko" or "en"; nullopt for anything else.
[[nodiscard]] std::optional<Language> parse_language(std::string_view text);
/// Of the environment (LC_ALL, LC_MESSAGES, LANG): Korean if it says so, else English.
[[nodiscard]] Language language_of_environment();

/// Placeholders as fmt has them.
struct Words {
  const char* starting;
  const char* entering;     ///< {} folder, {} processes that answer participants
  const char* registered;   ///< {} title, {} stock
  const char* crowd_comes;  ///< {} users, {} visits, {} seconds
  const char* partner_down;
  const char* partner_back;
  const char* node_dies;     ///< {} node, {:.0f} seconds
  const char* node_back;     ///< {} node, {:.1f} seconds
  const char* served_again;  ///< {:.1f} seconds since the kill, {} answers 503
  const char* draining;      ///< {} pending
  const char* interrupted;
  const char* head;  ///< {:.1f} elapsed, {:.0f} planned
  const char* partner;
  const char* partner_is_up;
  const char* partner_is_down;
  const char* left;     ///< {} left, {} stock
  const char* rate;     ///< {} joins per second
  const char* refused;  ///< {} rule, {} repeated, {} sold out
  const char* accrued;  ///< {} done, {} pending
  const char* backlog;
  const char*
      plain;  ///< {:.0f} elapsed, {} "left" of each, {} joins/s, {} {} {} refusals, {} done, {} pending, {} partner
  const char* away;        ///< {} answers 503
  const char* plain_node;  ///< {} node, {} up or down, {} answers 503
  const char* audit;
  const char* audit_line;       ///< {} title, {} accepted, {} stock used, {} ledger, {} booked
  const char* audit_away;       ///< {} answers 503, {} carried out all the same, {} open
  const char* audit_away_line;  ///< {} title, {} answers 503
  const char* verdict_good;     ///< {} double, {} over
  const char* verdict_bad;      ///< {} double, {} over, {} differences
  const char* difference;       ///< {} promotion, {} kind, {} detail
  const char* no_dice;
  const char* dice_title;
  const char* dice_opens;     ///< {} seconds, {} people, {} prizes
  const char* dice_bar;       ///< {} date, {} won, {} planned by now, {:.1f} percent, {} draws
  const char* dice_closing;   ///< {} seconds
  const char* dice_won;       ///< {} by draws, {} by the second chance, {} together, {} prizes, {} shortfall
  const char* dice_verified;  ///< {} lines, {} draws, {} problems
  const char* dice_wrong;     ///< the same
  const char* staying;
  const char* cluster_stays;
  const char* docs;
  const char* promotions;
  const char* metrics;
  const char* book;
  const char* admin_key;
  const char* try_this;
  const char* ended;
};

[[nodiscard]] const Words& words_of(Language language);

}  // namespace windfall::demo
