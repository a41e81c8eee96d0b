// Operators. Each does what docs/rules.md says of it and nothing else; caching is the kernel's business.

#include "matcher.h"

#include <algorithm>
#include <cstring>

#include "re2/re2.h"
#include "utf8.h"

namespace weir {
namespace {

// What RE2 may use for all patterns of a worker together, unless one needs more or there are very many of them. Most
// patterns use a hundredth of their share.
constexpr int64_t kPatternMemory = 32 << 20;
constexpr int64_t kMostPatternMemory = 8 << 20;
constexpr int64_t kLeastPatternMemory = 512 << 10;

// What the automata of all long lists of words of a worker may take together, and one of them.
constexpr int64_t kWordMemory = 16 << 20;
constexpr int64_t kMostWordMemory = 8 << 20;

bool Compares(const Predicate& predicate, Text* text) {
  if (!Matcher::ReadNumber(text)) return false;
  const Number& number = text->number;
  return (!predicate.lt.present || CompareNumbers(number, predicate.lt) < 0) &&
         (!predicate.lte.present || CompareNumbers(number, predicate.lte) <= 0) &&
         (!predicate.gt.present || CompareNumbers(number, predicate.gt) > 0) &&
         (!predicate.gte.present || CompareNumbers(number, predicate.gte) >= 0);
}

bool IsWithin(const NetworksList& networks, Text* text) {
  return Matcher::ReadAddress(text) && networks.Contains(text->address);
}

bool BeginsWith(std::string_view text, std::string_view part) {
  return text.size() >= part.size() && std::memcmp(text.data(), part.data(), part.size()) == 0;
}

bool EndsWith(std::string_view text, std::string_view part) {
  return text.size() >= part.size() && std::memcmp(text.data() + text.size() - part.size(), part.data(), part.size()) == 0;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

Matcher::Matcher(const Program& program)
    : program_(program), patterns_(program.predicates.size()), words_(program.predicates.size()) {
  const auto is_long = [&program](const Predicate& predicate) {
    return predicate.op == Op::kSubstrings && program.lists[predicate.list].substrings.count >= WordList::kLeastWords;
  };
  const auto count = std::count_if(program.predicates.begin(), program.predicates.end(), is_long);
  for (size_t i = 0; i < words_.size(); i++) {
    const Predicate& predicate = program.predicates[i];
    if (is_long(predicate)) words_[i] = std::make_unique<WordList>(program.lists[predicate.list].substrings, std::min(kWordMemory / count, kMostWordMemory));
  }
}

Matcher::~Matcher() = default;

bool Matcher::Ready(std::string* error) {
  const auto count = std::count_if(program_.predicates.begin(), program_.predicates.end(),
                                   [](const Predicate& predicate) { return predicate.op == Op::kRegex; });
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(std::clamp(kPatternMemory / std::max<int64_t>(count, 1), kLeastPatternMemory, kMostPatternMemory));
  for (size_t i = 0; i < patterns_.size(); i++) {
    const Predicate& predicate = program_.predicates[i];
    if (predicate.op != Op::kRegex) continue;
    auto pattern = std::make_unique<re2::RE2>(predicate.pattern, options);
    if (pattern->error_code() == re2::RE2::ErrorPatternTooLarge) {
      re2::RE2::Options larger = options;
      larger.set_max_mem(kMostPatternMemory);
      pattern = std::make_unique<re2::RE2>(predicate.pattern, larger);
    }
    if (!pattern->ok()) {
      *error = "RE2 refuses the pattern " + predicate.pattern + ": " + pattern->error();
      return false;
    }
    patterns_[i] = std::move(pattern);
  }
  return true;
}

bool Matcher::ReadNumber(Text* text) {
  if (text->number_reading == Text::Reading::kNone) {
    text->number_reading = ParseNumber(text->bytes, &text->number) ? Text::Reading::kDone : Text::Reading::kFailed;
  }
  return text->number_reading == Text::Reading::kDone;
}

bool Matcher::ReadAddress(Text* text) {
  if (text->address_reading == Text::Reading::kNone) {
    text->address_reading = ParseAddress(text->bytes, &text->address) ? Text::Reading::kDone : Text::Reading::kFailed;
  }
  return text->address_reading == Text::Reading::kDone;
}

void Matcher::Abandon() {
  for (auto& pattern : patterns_) static_cast<void>(pattern.release());
}

size_t Matcher::word_memory() const {
  size_t bytes = 0;
  for (const auto& words : words_) bytes += words == nullptr ? 0 : words->memory();
  return bytes;
}

bool Matcher::Holds(uint32_t number, Text* value, Arena* arena) const {
  const Predicate& predicate = program_.predicates[number];
  const std::string_view text = value->bytes;
  switch (predicate.op) {
    case Op::kExists: return true;
    case Op::kRegex:
      // One pattern at a time: RE2 falls back to slower ways when its DFA runs out of memory, and never answers wrong.
      return patterns_[number]->Match(text, 0, text.size(), predicate.whole ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED,
                                      nullptr, 0);
    case Op::kCompare: return Compares(predicate, value);
    case Op::kNetworks: return IsWithin(program_.lists[predicate.list].networks, value);
    default: return HoldsFolded(number, predicate.fold ? Fold(text, arena) : text);
  }
}

bool Matcher::HoldsFolded(uint32_t number, std::string_view text) const {
  const Predicate& predicate = program_.predicates[number];
  switch (predicate.op) {
    case Op::kSet: {
      const SetList& set = program_.lists[predicate.list].set;
      return set.count == 1 ? set.entry(0) == text : set.Contains(text);
    }
    case Op::kSubstrings: {
      uint64_t tries = 0;
      WordList* const words = words_[number].get();
      return words != nullptr ? words->FoundIn(text) : program_.lists[predicate.list].substrings.FoundIn(text, &tries);
    }
    case Op::kPrefix:
      for (const std::string& part : predicate.texts) {
        if (BeginsWith(text, part)) return true;
      }
      return false;
    default:
      for (const std::string& part : predicate.texts) {
        if (EndsWith(text, part)) return true;
      }
      return false;
  }
}

double Matcher::Cost(uint32_t number) const {
  const Predicate& predicate = program_.predicates[number];
  const double fold = predicate.fold ? 3 : 0;
  switch (predicate.op) {
    case Op::kExists: return 0.1;
    case Op::kRegex: return 10;
    case Op::kCompare: return 2;
    case Op::kNetworks: return 3;
    case Op::kSubstrings: return fold + (program_.lists[predicate.list].substrings.count > 1 ? 8 : 2);
    case Op::kSet: return fold + (program_.lists[predicate.list].set.count > 1 ? 1 : 0.3);
    default: return fold + 0.2 * static_cast<double>(predicate.texts.size());
  }
}

// The smallest code point stands for all that fold together, so folded text is never longer.
std::string_view Matcher::Fold(std::string_view text, Arena* arena) const {
  char* const first = arena->Allocate(text.size());
  char* out = first;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    if (static_cast<uint8_t>(*p) < 0x80) {
      const char c = *p++;
      *out++ = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
      continue;
    }
    const Utf8Step step = DecodeUtf8(p, end);
    if (step.valid) {
      out = EncodeUtf8(program_.fold.Fold(step.code_point), out);
    } else {
      std::memcpy(out, p, step.size);
      out += step.size;
    }
    p += step.size;
  }
  return {first, static_cast<size_t>(out - first)};
}

std::string_view DecodeUrl(std::string_view text, Arena* arena) {
  const char* p = text.data();
  const char* const end = p + text.size();
  bool plain = true;
  for (const char* q = p; q < end && plain; q++) plain = *q != '%' && *q != '+';
  if (plain) return text;
  char* const bytes = arena->Allocate(text.size());
  char* last = bytes;
  while (p < end) {
    if (*p == '%' && end - p >= 3 && HexValue(p[1]) >= 0 && HexValue(p[2]) >= 0) {
      *last++ = static_cast<char>(HexValue(p[1]) * 16 + HexValue(p[2]));
      p += 3;
    } else {
      *last++ = *p == '+' ? ' ' : *p;
      p++;
    }
  }
  const char* q = bytes;
  while (q < last && static_cast<uint8_t>(*q) < 0x80) q++;
  if (q == last) return {bytes, static_cast<size_t>(last - bytes)};
  char* const first = arena->Allocate(3 * static_cast<size_t>(last - bytes));
  char* out = first;
  for (q = bytes; q < last;) {
    const Utf8Step step = DecodeUtf8(q, last);
    out = EncodeUtf8(step.code_point, out);
    q += step.size;
  }
  return {first, static_cast<size_t>(out - first)};
}

}  // namespace weir
