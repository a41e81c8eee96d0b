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
// A pattern that needs one of very many literals is seldom ruled out.
constexpr size_t kMostLiterals = 32;
// Longer lists stay where they lie, once for all threads.
constexpr size_t kMostTexts = 8192;
// With more literals than these, nearly every byte would belong to some group.
constexpr size_t kMostByNibbles = 64;
// So many are compared one by one.
constexpr uint32_t kFewLiterals = 4;

// Values that say which literals are rare.
constexpr uint32_t kSamples = 64;
// Values between two looks at whether most of them have candidates. Where they do, literals are chosen anew, and each time
// that this did not help, after twice as many looks.
constexpr uint32_t kWindow = 4096;
constexpr uint32_t kMostWindows = 256;
constexpr size_t kMostChoices = 8;

using Literals = std::vector<std::string>;

size_t Shortest(const Literals& literals) {
  size_t shortest = SIZE_MAX;
  for (const std::string& literal : literals) shortest = std::min(shortest, literal.size());
  return shortest;
}

// Of several sets the one whose shortest text is longest: as long as nothing is known of values, it is taken for rare.
size_t Longest(const std::vector<Literals>& choices) {
  size_t longest = 0;
  for (size_t i = 1; i < choices.size(); i++) {
    if (Shortest(choices[i]) > Shortest(choices[longest])) longest = i;
  }
  return longest;
}

// Sets of texts: of each, at least one text occurs in whatever the condition admits. Empty when there is no such set.
std::vector<Literals> Required(re2::Prefilter* condition) {
  std::vector<Literals> choices;
  switch (condition->op()) {
    case re2::Prefilter::ATOM:
      if (condition->atom().size() >= kLeastLiteral) choices.push_back({condition->atom()});
      break;
    case re2::Prefilter::AND:
      for (re2::Prefilter* member : *condition->subs()) {
        for (Literals& each : Required(member)) choices.push_back(std::move(each));
      }
      break;
    case re2::Prefilter::OR: {
      Literals all;
      for (re2::Prefilter* member : *condition->subs()) {
        const std::vector<Literals> sets = Required(member);
        if (sets.empty()) return {};
        const Literals& best = sets[Longest(sets)];
        all.insert(all.end(), best.begin(), best.end());
      }
      if (!all.empty() && all.size() <= kMostLiterals) choices.push_back(std::move(all));
      break;
    }
    default: break;
  }
  if (choices.size() > kMostChoices) {
    std::stable_sort(choices.begin(), choices.end(),
                     [](const Literals& a, const Literals& b) { return Shortest(a) > Shortest(b); });
    choices.resize(kMostChoices);
  }
  return choices;
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Compares two texts, case aside, whose first `*same` bytes are alike; then so many are.
int Compare(std::string_view a, std::string_view b, size_t* same) {
  const size_t size = std::min(a.size(), b.size());
  for (; *same < size; ++*same) {
    const int difference = static_cast<uint8_t>(Lower(a[*same])) - static_cast<uint8_t>(Lower(b[*same]));
    if (difference != 0) return difference;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size();
}

// Whether a text begins with another, case aside.
bool BeginsWith(std::string_view text, std::string_view prefix) {
  size_t same = 0;
  return text.size() >= prefix.size() && Compare(text.substr(0, prefix.size()), prefix, &same) == 0;
}

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

// The first eight bytes at `p`, the first in the lowest bits.
uint64_t LoadEight(const char* p) {
  uint64_t bytes;
  std::memcpy(&bytes, p, 8);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  bytes = __builtin_bswap64(bytes);
#endif
  return bytes;
}

}  // namespace

void LiteralScreen::Add(uint32_t number, const re2::RE2& pattern) {
  const std::unique_ptr<re2::Prefilter> condition(re2::Prefilter::FromRE2(&pattern));
  if (condition == nullptr) return;
  std::vector<Literals> choices = Required(condition.get());
  if (choices.empty()) return;
  has_choice_ = has_choice_ || choices.size() > 1;
  const size_t longest = Longest(choices);
  requirements_.push_back({number, std::move(choices), longest});
  AddNumber(number);
}

void LiteralScreen::Add(uint32_t number, const SubstringsList& list, bool fold) {
  if (list.count == 0 || texts_sought_.size() + list.count > kMostTexts) return;
  for (uint32_t i = 0; i < list.count; i++) {
    if (list.entry(i).size() < kLeastLiteral) return;
  }
  for (uint32_t i = 0; i < list.count; i++) {
    std::string text(list.entry(i));
    if (fold) std::transform(text.begin(), text.end(), text.begin(), Lower);
    texts_sought_.push_back({std::move(text), number, fold ? Kind::kFoldedText : Kind::kText});
  }
  texts_[number / 64] |= uint64_t{1} << (number % 64);
  AddNumber(number);
}

void LiteralScreen::AddNumber(uint32_t number) {
  screened_[number / 64] |= uint64_t{1} << (number % 64);
}

void LiteralScreen::Build() {
  if (!useful()) return;
  samples_left_ = has_choice_ ? kSamples : 0;
  BuildTables();
}

void LiteralScreen::BuildTables() {
  literals_ = texts_sought_;
  for (const Requirement& each : requirements_) {
    for (const std::string& literal : each.choices[each.chosen]) literals_.push_back({literal, each.number, Kind::kRequired});
  }
  // Few bits of the map are set, so that what the texts have in common with others is seldom looked at.
  gram_bits_ = 14;
  while (gram_bits_ < 20 && literals_.size() * 64 > size_t{1} << gram_bits_) gram_bits_++;
  const bool has_four = std::all_of(literals_.begin(), literals_.end(), [](const Literal& each) { return each.text.size() > 3; });
  gram_bytes_ = has_four ? 4 : 3;
  grams_.assign((size_t{1} << gram_bits_) / 64, 0);
  for (Literal& literal : literals_) AddGram(&literal);
  AddHeads();
#if defined(__x86_64__) && defined(__GNUC__)
  by_nibbles_ = literals_.size() <= kMostByNibbles && __builtin_cpu_supports("avx2");
  if (by_nibbles_) AddNibbles();
#endif
}

void LiteralScreen::Sample(std::string_view text) {
  std::string& sample = samples_.emplace_back(text);
  std::transform(sample.begin(), sample.end(), sample.begin(), Lower);
  if (--samples_left_ == 0) Learn();
}

// Takes of each pattern's choices the one that the fewest samples have.
void LiteralScreen::Learn() {
  const auto occurrences = [this](const Literals& choice) {
    return std::count_if(samples_.begin(), samples_.end(), [&choice](const std::string& sample) {
      return std::any_of(choice.begin(), choice.end(), [&sample](const std::string& literal) {
        return memmem(sample.data(), sample.size(), literal.data(), literal.size()) != nullptr;
      });
    });
  };
  for (Requirement& each : requirements_) {
    size_t best = Longest(each.choices);
    auto fewest = each.choices.size() > 1 ? occurrences(each.choices[best]) : 0;
    for (size_t i = 0; i < each.choices.size() && fewest > 0; i++) {
      const auto these = occurrences(each.choices[i]);
      if (these >= fewest) continue;
      fewest = these;
      best = i;
    }
    each.chosen = best;
  }
  samples_.clear();
  learnings_++;
  BuildTables();
}

// Literals that begin alike share a group, so that groups mix few bytes.
void LiteralScreen::AddNibbles() {
  std::memset(nibbles_, 0, sizeof nibbles_);
  std::vector<const std::string*> sorted;
  for (const Literal& literal : literals_) sorted.push_back(&literal.text);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return *a < *b; });
  for (size_t i = 0; i < sorted.size(); i++) {
    const auto group = static_cast<uint8_t>(1u << (i * kGroups / sorted.size()));
    for (size_t byte = 0; byte < 3; byte++) {
      for (const char c : {Lower((*sorted[i])[byte]), Upper((*sorted[i])[byte])}) {
        nibbles_[byte][0][static_cast<uint8_t>(c) & 15] |= group;
        nibbles_[byte][1][static_cast<uint8_t>(c) >> 4] |= group;
      }
    }
  }
}

void LiteralScreen::AddGram(Literal* literal) {
  const size_t size = std::min<size_t>(literal->text.size(), 8);
  literal->mask = size == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
  std::string padded = literal->text;
  padded.append(8, '\0');
  literal->first = Folded(LoadEight(padded.data())) & literal->mask;
  const uint32_t gram = Hash(literal->first) >> (32 - gram_bits_);
  grams_[gram / 64] |= uint64_t{1} << (gram % 64);
}

// Literals with one head lie in order, so that of many that begin alike few are looked at.
void LiteralScreen::AddHeads() {
  const auto head = [this](const Literal& literal) { return Hash(literal.first) >> (32 - kHeadBits); };
  std::sort(literals_.begin(), literals_.end(), [&head](const Literal& a, const Literal& b) {
    const uint32_t heads[2] = {head(a), head(b)};
    size_t same = 0;
    return heads[0] != heads[1] ? heads[0] < heads[1] : Compare(a.text, b.text, &same) < 0;
  });
  heads_.assign((size_t{1} << kHeadBits) + 1, 0);
  for (const Literal& literal : literals_) heads_[head(literal) + 1]++;
  for (size_t i = 1; i < heads_.size(); i++) heads_[i] += heads_[i - 1];
  for (uint32_t i = 1; i < literals_.size(); i++) {
    // Behind those with another head nothing is a prefix, since all are at least as long as a head.
    uint32_t prefix = i;
    while (prefix != 0 && !BeginsWith(literals_[i].text, literals_[prefix - 1].text)) prefix = literals_[prefix - 1].prefix;
    literals_[i].prefix = prefix;
  }
}

bool LiteralScreen::Exclude(std::string_view text, uint64_t* known) {
  std::fill(candidates_.begin(), candidates_.end(), 0);
  std::fill(found_.begin(), found_.end(), 0);
  has_hits_ = false;
#if defined(__x86_64__) && defined(__GNUC__)
  const bool is_ascii = by_nibbles_ ? ExcludeByNibbles(text) : ExcludeByGrams(text);
#else
  const bool is_ascii = ExcludeByGrams(text);
#endif
  if (!is_ascii) return false;
  uint64_t any = 0;
  for (size_t i = 0; i < screened_.size(); i++) {
    known[i] |= screened_[i] & ~candidates_[i];
    any |= candidates_[i];
  }
  if (has_choice_) {
    if (samples_left_ != 0) Sample(text);
    window_candidates_ += any != 0;
    if (++window_ == kWindow) EndWindow();
  }
  return true;
}

void LiteralScreen::EndWindow() {
  const bool are_common = window_candidates_ > kWindow / 4;
  if (are_common && windows_left_ == 0) {
    samples_left_ = kSamples;
    windows_left_ = pause_;
    pause_ = std::min(2 * pause_, kMostWindows);
  } else {
    windows_left_ = are_common ? windows_left_ - 1 : 0;
    if (!are_common) pause_ = 1;
  }
  window_ = window_candidates_ = 0;
}

bool LiteralScreen::ExcludeByGrams(std::string_view text) {
  if (!IsAscii(text)) return false;
  for (size_t i = 0; i + gram_bytes_ <= text.size(); i++) {
    uint32_t bytes;
    std::memcpy(&bytes, text.data() + i, 4);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    bytes = __builtin_bswap32(bytes);
#endif
    const uint32_t gram = Hash(bytes) >> (32 - gram_bits_);
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
  const uint64_t bytes = Folded(LoadEight(rest.data()));
  const uint32_t head = Hash(bytes) >> (32 - kHeadBits);
  const uint32_t first = heads_[head];
  const uint32_t behind = heads_[head + 1];
  if (behind - first <= kFewLiterals) {
    for (uint32_t i = first; i < behind; i++) {
      probes_++;
      const Literal& literal = literals_[i];
      if ((bytes & literal.mask) == literal.first && BeginsWith(rest, literal.text)) Mark(literal, rest);
    }
    return;
  }
  // Whatever the text begins with is this one, or one that this one begins with.
  uint32_t number = LastUpTo(rest, first, behind);
  while (number != 0 && !BeginsWith(rest, literals_[number - 1].text)) {
    probes_++;
    number = literals_[number - 1].prefix;
  }
  for (; number != 0; number = literals_[number - 1].prefix) Mark(literals_[number - 1], rest);
}

// The number, index + 1, of the last literal in [first, behind) that does not come after the text; 0 where all do. What
// the literals on both sides have in common with the text, all between them have too, and it is not compared again.
uint32_t LiteralScreen::LastUpTo(std::string_view text, uint32_t first, uint32_t behind) {
  uint32_t low = first;
  size_t shared[2] = {0, 0};  // with the literal below, and with the one above
  for (uint32_t size = behind - first; size > 0;) {
    const uint32_t half = size / 2;
    size_t same = std::min(shared[0], shared[1]);
    probes_++;
    const bool is_up_to = Compare(literals_[low + half].text, text, &same) <= 0;
    low = is_up_to ? low + half + 1 : low;
    shared[is_up_to ? 0 : 1] = same;
    size = is_up_to ? size - half - 1 : half;
  }
  return low == first ? 0 : low;
}

// Notes a literal that the text begins with, case aside.
void LiteralScreen::Mark(const Literal& literal, std::string_view text) {
  if (literal.kind == Kind::kText && std::memcmp(literal.text.data(), text.data(), literal.text.size()) != 0) return;
  (literal.kind == Kind::kRequired ? candidates_ : found_)[literal.number / 64] |= uint64_t{1} << (literal.number % 64);
  has_hits_ = true;
}

}  // namespace weir
