// Required literals come from RE2's own analysis (its Prefilter), in lower case; occurrences are looked for without
// regard to ASCII case, three bytes at a time against a bitmap, so that positions do not wait for each other.

#include "literal_screen.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "re2/prefilter.h"
#include "re2/re2.h"

namespace weir {
namespace {

constexpr size_t kLeastLiteral = 3;
// A pattern that needs one of very many literals would fill the bitmap.
constexpr size_t kMostLiterals = 32;

using Literals = std::vector<std::string>;

size_t Shortest(const Literals& literals) {
  size_t shortest = SIZE_MAX;
  for (const std::string& literal : literals) shortest = std::min(shortest, literal.size());
  return shortest;
}

// Texts of which at least one occurs in whatever the condition admits; nothing when there is no such set.
std::optional<Literals> Required(re2::Prefilter* condition) {
  switch (condition->op()) {
    case re2::Prefilter::ATOM:
      if (condition->atom().size() < kLeastLiteral) return std::nullopt;
      return Literals{condition->atom()};
    case re2::Prefilter::AND: {
      // Any member's literals will do: those whose shortest is longest occur least.
      std::optional<Literals> best;
      for (re2::Prefilter* member : *condition->subs()) {
        auto literals = Required(member);
        if (literals && (!best || Shortest(*literals) > Shortest(*best))) best = std::move(literals);
      }
      return best;
    }
    case re2::Prefilter::OR: {
      Literals all;
      for (re2::Prefilter* member : *condition->subs()) {
        auto literals = Required(member);
        if (!literals) return std::nullopt;
        all.insert(all.end(), literals->begin(), literals->end());
      }
      if (all.empty() || all.size() > kMostLiterals) return std::nullopt;
      return all;
    }
    default: return std::nullopt;
  }
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }

bool IsAscii(std::string_view text) {
  uint64_t seen = 0;
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    seen |= word;
  }
  for (; i < text.size(); i++) seen |= static_cast<uint8_t>(text[i]);
  return (seen & 0x8080808080808080u) == 0;
}

uint32_t Three(char a, char b, char c) {
  return static_cast<uint8_t>(a) | (uint32_t{static_cast<uint8_t>(b)} << 8) | (uint32_t{static_cast<uint8_t>(c)} << 16);
}

}  // namespace

void LiteralScreen::Add(uint32_t number, const re2::RE2& pattern) {
  const std::unique_ptr<re2::Prefilter> condition(re2::Prefilter::FromRE2(&pattern));
  if (condition == nullptr) return;
  if (const auto literals = Required(condition.get())) AddLiterals(number, *literals);
}

void LiteralScreen::Add(uint32_t number, const SubstringsList& list) {
  if (list.count == 0 || list.count > kMostLiterals) return;
  Literals literals;
  for (uint32_t i = 0; i < list.count; i++) {
    std::string& literal = literals.emplace_back(list.entry(i));
    if (literal.size() < kLeastLiteral) return;
    for (char& c : literal) c = Lower(c);
  }
  AddLiterals(number, literals);
}

void LiteralScreen::AddLiterals(uint32_t number, const Literals& literals) {
  for (const std::string& literal : literals) literals_.push_back({literal, number, 0});
  screened_[number / 64] |= uint64_t{1} << (number % 64);
  patterns_++;
}

void LiteralScreen::Build() {
  if (!useful()) return;
  grams_.assign((size_t{1} << kGramBits) / 64, 0);
  heads_.assign(size_t{1} << kGramBits, 0);
  for (uint32_t i = 0; i < literals_.size(); i++) AddGram(literals_[i].text, i);
}

void LiteralScreen::AddGram(const std::string& lower, uint32_t literal) {
  const uint32_t head = Gram(Three(lower[0], lower[1], lower[2]));
  literals_[literal].next = heads_[head];
  heads_[head] = literal + 1;
  for (int cases = 0; cases < 8; cases++) {
    const uint32_t gram = Gram(Three((cases & 1) != 0 ? Upper(lower[0]) : lower[0], (cases & 2) != 0 ? Upper(lower[1]) : lower[1],
                                     (cases & 4) != 0 ? Upper(lower[2]) : lower[2]));
    grams_[gram / 64] |= uint64_t{1} << (gram % 64);
  }
}

bool LiteralScreen::Exclude(std::string_view text, uint64_t* known) {
  if (!IsAscii(text)) return false;
  std::fill(candidates_.begin(), candidates_.end(), 0);
  has_candidates_ = false;
  for (size_t i = 0; i + kLeastLiteral <= text.size(); i++) {
    uint32_t bytes;
    std::memcpy(&bytes, text.data() + i, 4);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    bytes = __builtin_bswap32(bytes);
#endif
    const uint32_t gram = Gram(bytes & 0xffffff);
    if ((grams_[gram / 64] >> (gram % 64)) & 1) {
      Probe(text.substr(i), Gram(Three(Lower(text[i]), Lower(text[i + 1]), Lower(text[i + 2]))));
    }
  }
  for (size_t i = 0; i < screened_.size(); i++) known[i] |= screened_[i] & ~candidates_[i];
  return true;
}

// Marks the patterns of all literals that `rest` begins with.
void LiteralScreen::Probe(std::string_view rest, uint32_t gram) {
  for (uint32_t at = heads_[gram]; at != 0; at = literals_[at - 1].next) {
    const Literal& literal = literals_[at - 1];
    if (rest.size() < literal.text.size()) continue;
    const bool same = std::equal(literal.text.begin(), literal.text.end(), rest.begin(), [](char a, char b) { return a == Lower(b); });
    if (!same) continue;
    candidates_[literal.number / 64] |= uint64_t{1} << (literal.number % 64);
    has_candidates_ = true;
  }
}

}  // namespace weir
