// Required literals come from RE2's own analysis (its Prefilter), in lower case; occurrences are looked for without
// regard to ASCII case, by the first three bytes: thirty-two positions at once where the processor can, else one by one
// against a bitmap, so that positions do not wait for each other.

#include "literal_screen.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "re2/prefilter.h"
#include "re2/re2.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace weir {
namespace {

constexpr size_t kLeastLiteral = 3;
// A pattern that needs one of very many literals would fill the bitmap.
constexpr size_t kMostLiterals = 32;
// With more literals than these, nearly every byte would belong to some group.
constexpr size_t kMostByNibbles = 64;

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
#if defined(__x86_64__) && defined(__GNUC__)
  by_nibbles_ = literals_.size() <= kMostByNibbles && __builtin_cpu_supports("avx2");
  if (by_nibbles_) AddNibbles();
#endif
}

// Literals that begin alike share a group, so that groups mix few bytes.
void LiteralScreen::AddNibbles() {
  std::vector<const std::string*> sorted;
  for (const Literal& literal : literals_) sorted.push_back(&literal.text);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return *a < *b; });
  for (size_t i = 0; i < sorted.size(); i++) {
    const auto group = static_cast<uint8_t>(1u << (i * kGroups / sorted.size()));
    for (size_t byte = 0; byte < 3; byte++) {
      for (const char c : {(*sorted[i])[byte], Upper((*sorted[i])[byte])}) {
        nibbles_[byte][0][static_cast<uint8_t>(c) & 15] |= group;
        nibbles_[byte][1][static_cast<uint8_t>(c) >> 4] |= group;
      }
    }
  }
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
  std::fill(candidates_.begin(), candidates_.end(), 0);
  has_candidates_ = false;
#if defined(__x86_64__) && defined(__GNUC__)
  const bool is_ascii = by_nibbles_ ? ExcludeByNibbles(text) : ExcludeByGrams(text);
#else
  const bool is_ascii = ExcludeByGrams(text);
#endif
  if (!is_ascii) return false;
  for (size_t i = 0; i < screened_.size(); i++) known[i] |= screened_[i] & ~candidates_[i];
  return true;
}

bool LiteralScreen::ExcludeByGrams(std::string_view text) {
  if (!IsAscii(text)) return false;
  for (size_t i = 0; i + kLeastLiteral <= text.size(); i++) {
    uint32_t bytes;
    std::memcpy(&bytes, text.data() + i, 4);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    bytes = __builtin_bswap32(bytes);
#endif
    const uint32_t gram = Gram(bytes & 0xffffff);
    if ((grams_[gram / 64] >> (gram % 64)) & 1) ProbeAt(text, i);
  }
  return true;
}

#if defined(__x86_64__) && defined(__GNUC__)

// Thirty-two positions at a time: those where some group has a literal with the nibbles of all three bytes.
__attribute__((target("avx2"))) bool LiteralScreen::ExcludeByNibbles(std::string_view text) {
  constexpr size_t kStep = 32;
  char rest[kStep + 2 + kStep] = {};
  const __m256i low_bits = _mm256_set1_epi8(15);
  __m256i tables[3][2];
  for (int byte = 0; byte < 3; byte++) {
    for (int half = 0; half < 2; half++) {
      tables[byte][half] = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(nibbles_[byte][half])));
    }
  }
  for (size_t done = 0; done < text.size(); done += kStep) {
    const char* p = text.data() + done;
    if (text.size() - done < kStep + 2) {  // what lies behind the text is not ours to read
      std::memcpy(rest, p, text.size() - done);
      p = rest;
    }
    __m256i groups = _mm256_set1_epi8(-1);
    for (int byte = 0; byte < 3; byte++) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + byte));
      if (byte == 0 && _mm256_movemask_epi8(bytes) != 0) return false;
      const __m256i low = _mm256_shuffle_epi8(tables[byte][0], _mm256_and_si256(bytes, low_bits));
      const __m256i high = _mm256_shuffle_epi8(tables[byte][1], _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low_bits));
      groups = _mm256_and_si256(groups, _mm256_and_si256(low, high));
    }
    const __m256i none = _mm256_cmpeq_epi8(groups, _mm256_setzero_si256());
    for (uint32_t hits = ~static_cast<uint32_t>(_mm256_movemask_epi8(none)); hits != 0; hits &= hits - 1) {
      const size_t at = done + static_cast<size_t>(__builtin_ctz(hits));
      if (at + kLeastLiteral <= text.size()) ProbeAt(text, at);
    }
  }
  return true;
}

#endif

void LiteralScreen::ProbeAt(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at);
  const uint32_t gram = Gram(Three(Lower(rest[0]), Lower(rest[1]), Lower(rest[2])));
  for (uint32_t number = heads_[gram]; number != 0; number = literals_[number - 1].next) {
    const Literal& literal = literals_[number - 1];
    if (rest.size() < literal.text.size()) continue;
    const bool same = std::equal(literal.text.begin(), literal.text.end(), rest.begin(), [](char a, char b) { return a == Lower(b); });
    if (!same) continue;
    candidates_[literal.number / 64] |= uint64_t{1} << (literal.number % 64);
    has_candidates_ = true;
  }
}

}  // namespace weir
