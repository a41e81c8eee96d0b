// The operators: RE2 for patterns and long lists of words, hash sets for lists, memmem for words, ranges for networks.

#include "tests.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "re2/re2.h"
#include "simdjson.h"

namespace plain {
namespace {

// Above so many words one pass of an alternation beats a search for each: with 8 it does by a sixth, with 4 they are equal.
constexpr size_t kMostSearches = 4;

// Enough for the automaton of some thousand words; a rule set of one pattern a rule stays far below.
constexpr int64_t kPatternMemory = int64_t{64} << 20;

class Pattern final : public Test {
 public:
  Pattern(const std::string& pattern, re2::RE2::Anchor anchor, bool ignore_case) : anchor_(anchor) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_case_sensitive(!ignore_case);
    options.set_max_mem(kPatternMemory);
    re_ = std::make_unique<re2::RE2>(pattern, options);
    if (!re_->ok()) throw RuleError("RE2 refuses the pattern " + pattern + ": " + re_->error());
  }
  bool Holds(std::string_view text) const override { return re_->Match(text, 0, text.size(), anchor_, nullptr, 0); }

 private:
  std::unique_ptr<re2::RE2> re_;
  re2::RE2::Anchor anchor_;
};

std::string Alternation(const std::vector<std::string>& texts) {
  std::string pattern = "(?:";
  for (size_t i = 0; i < texts.size(); i++) {
    if (i > 0) pattern += '|';
    pattern += re2::RE2::QuoteMeta(texts[i]);
  }
  pattern += ')';
  return pattern;
}

class Equal final : public Test {
 public:
  explicit Equal(std::string text) : text_(std::move(text)) {}
  bool Holds(std::string_view text) const override { return text == text_; }

 private:
  std::string text_;
};

class OneOf final : public Test {
 public:
  explicit OneOf(const std::vector<std::string>& texts) : texts_(texts.begin(), texts.end()) {}
  bool Holds(std::string_view text) const override { return texts_.contains(text); }

 private:
  absl::flat_hash_set<std::string> texts_;
};

class Prefix final : public Test {
 public:
  explicit Prefix(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  bool Holds(std::string_view text) const override {
    return std::any_of(texts_.begin(), texts_.end(), [text](const auto& each) { return text.starts_with(each); });
  }

 private:
  std::vector<std::string> texts_;
};

class Suffix final : public Test {
 public:
  explicit Suffix(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  bool Holds(std::string_view text) const override {
    return std::any_of(texts_.begin(), texts_.end(), [text](const auto& each) { return text.ends_with(each); });
  }

 private:
  std::vector<std::string> texts_;
};

class Contains final : public Test {
 public:
  explicit Contains(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  bool Holds(std::string_view text) const override {
    return std::any_of(texts_.begin(), texts_.end(), [text](const auto& each) {
      return memmem(text.data(), text.size(), each.data(), each.size()) != nullptr;
    });
  }

 private:
  std::vector<std::string> texts_;
};

// A number of 65 bits, or a double where it is none.
struct Number {
  bool is_integer;
  __int128 integer;
  double value;
};

std::optional<Number> ParseNumber(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto digits = [&p, end] {
    const char* const first = p;
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p - first;
  };
  const bool is_negative = p < end && *p == '-';
  if (is_negative) p++;
  const char* const first = p;
  const auto length = digits();
  if (length == 0) return std::nullopt;
  if (p == end && length <= 20) {
    __int128 integer = 0;
    for (const char* digit = first; digit < end; digit++) integer = integer * 10 + (*digit - '0');
    if (is_negative) integer = -integer;
    if (integer >= std::numeric_limits<int64_t>::min() && integer <= std::numeric_limits<uint64_t>::max()) {
      return Number{true, integer, static_cast<double>(integer)};
    }
  }
  if (p < end && *p == '.') {
    p++;
    if (digits() == 0) return std::nullopt;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    if (digits() == 0) return std::nullopt;
  }
  if (p != end) return std::nullopt;
  double value = 0;
  const auto parsed = std::from_chars(first, end, value);
  // Out of range leaves the value alone: strtod says whether it is none or infinite.
  if (parsed.ec != std::errc()) value = std::strtod(std::string(first, end).c_str(), nullptr);
  return Number{false, 0, is_negative ? -value : value};
}

class Compare final : public Test {
 public:
  Compare(Comparison comparison, Number bound) : comparison_(comparison), bound_(bound) {}
  bool Holds(std::string_view text) const override {
    const auto number = ParseNumber(text);
    if (!number) return false;
    return number->is_integer && bound_.is_integer ? Ordered(number->integer, bound_.integer)
                                                   : Ordered(number->value, bound_.value);
  }

 private:
  template <typename T>
  bool Ordered(T value, T bound) const {
    switch (comparison_) {
      case Comparison::kLess: return value < bound;
      case Comparison::kLessOrEqual: return value <= bound;
      case Comparison::kGreater: return value > bound;
      default: return value >= bound;
    }
  }

  Comparison comparison_;
  Number bound_;
};

// An address as 16 bytes in network order: IPv4 ones are those of ::ffff:0:0/96, which is what a mapped one means too.
using Address = std::array<uint8_t, 16>;
constexpr Address kFirstV4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};

bool ParseV4(std::string_view text, uint8_t* out) {
  size_t i = 0;
  for (int octet = 0; octet < 4; octet++) {
    if (octet > 0 && (i == text.size() || text[i++] != '.')) return false;
    const size_t first = i;
    unsigned value = 0;
    while (i < text.size() && i < first + 3 && text[i] >= '0' && text[i] <= '9') value = value * 10 + (text[i++] - '0');
    if (i == first || value > 255 || (text[first] == '0' && i > first + 1)) return false;
    out[octet] = static_cast<uint8_t>(value);
  }
  return i == text.size();
}

bool ParseAddress(std::string_view text, Address* out) {
  if (text.find(':') == std::string_view::npos) {
    *out = kFirstV4;
    return ParseV4(text, out->data() + 12);
  }
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof(terminated) || text.find('\0') != std::string_view::npos) return false;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  return inet_pton(AF_INET6, terminated, out->data()) == 1;
}

class Networks final : public Test {
 public:
  explicit Networks(const std::vector<std::string>& networks) {
    for (const std::string& network : networks) ranges_.push_back(ParseNetwork(network));
    std::sort(ranges_.begin(), ranges_.end());
    // Networks nest or are apart: those within another one go, so that one look decides.
    std::vector<Range> apart;
    for (const Range& range : ranges_) {
      if (apart.empty() || range.first > apart.back().second) apart.push_back(range);
    }
    ranges_ = std::move(apart);
  }
  bool Holds(std::string_view text) const override {
    Address address;
    if (!ParseAddress(text, &address)) return false;
    const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                        [](const Address& a, const Range& range) { return a < range.first; });
    return after != ranges_.begin() && address <= std::prev(after)->second;
  }

 private:
  // First and last address; by first, then the widest in front.
  struct Range : std::pair<Address, Address> {
    bool operator<(const Range& other) const {
      return first != other.first ? first < other.first : second > other.second;
    }
  };

  static Range ParseNetwork(const std::string& network) {
    const size_t slash = network.find('/');
    const std::string_view text = std::string_view(network).substr(0, slash);
    Range range;
    if (!ParseAddress(text, &range.first)) throw RuleError("no network: " + network);
    const bool is_v4 = text.find(':') == std::string_view::npos;
    unsigned bits = is_v4 ? 32 : 128;
    if (slash != std::string::npos) {
      const char* const end = network.data() + network.size();
      unsigned given = 0;
      const auto parsed = std::from_chars(network.data() + slash + 1, end, given);
      if (parsed.ec != std::errc() || parsed.ptr != end || given > bits) throw RuleError("no network: " + network);
      bits = given;
    }
    if (is_v4) bits += 96;
    range.second = range.first;
    for (unsigned bit = bits; bit < 128; bit++) range.second[bit / 8] |= static_cast<uint8_t>(0x80 >> (bit % 8));
    return range;
  }

  std::vector<Range> ranges_;
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// How many bytes of a character stand at `p`, negative where it is broken: that many bytes then count as one fault.
int CharacterBytes(const uint8_t* p, const uint8_t* end) {
  const uint8_t first = *p;
  if (first < 0x80) return 1;
  const int length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return -1;
  for (int i = 1; i < length; i++) {
    uint8_t least = 0x80, most = 0xbf;
    if (i == 1 && first == 0xe0) least = 0xa0;
    if (i == 1 && first == 0xed) most = 0x9f;
    if (i == 1 && first == 0xf0) least = 0x90;
    if (i == 1 && first == 0xf4) most = 0x8f;
    if (p + i == end || p[i] < least || p[i] > most) return -i;
  }
  return length;
}

std::string Repaired(std::string_view text) {
  std::string out;
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* const end = p + text.size();
  while (p < end) {
    const int bytes = CharacterBytes(p, end);
    if (bytes > 0) out.append(reinterpret_cast<const char*>(p), static_cast<size_t>(bytes));
    else out.append("\xef\xbf\xbd");
    p += std::abs(bytes);
  }
  return out;
}

}  // namespace

std::unique_ptr<Test> PatternTest(std::string_view pattern, bool whole, bool ignore_case) {
  return std::make_unique<Pattern>(std::string(pattern), whole ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED, ignore_case);
}

// RE2 folds case for all of Unicode, so it does the caseless lists too.
std::unique_ptr<Test> OneOfTest(std::vector<std::string> texts, bool ignore_case) {
  if (ignore_case) return std::make_unique<Pattern>(Alternation(texts), re2::RE2::ANCHOR_BOTH, true);
  if (texts.size() == 1) return std::make_unique<Equal>(std::move(texts[0]));
  return std::make_unique<OneOf>(texts);
}

std::unique_ptr<Test> PrefixTest(std::vector<std::string> texts, bool ignore_case) {
  if (ignore_case) return std::make_unique<Pattern>(Alternation(texts), re2::RE2::ANCHOR_START, true);
  return std::make_unique<Prefix>(std::move(texts));
}

std::unique_ptr<Test> SuffixTest(std::vector<std::string> texts, bool ignore_case) {
  if (ignore_case) return std::make_unique<Pattern>(Alternation(texts).append("\\z"), re2::RE2::UNANCHORED, true);
  return std::make_unique<Suffix>(std::move(texts));
}

std::unique_ptr<Test> ContainsTest(std::vector<std::string> texts, bool ignore_case) {
  if (ignore_case || texts.size() > kMostSearches) {
    return std::make_unique<Pattern>(Alternation(texts), re2::RE2::UNANCHORED, ignore_case);
  }
  return std::make_unique<Contains>(std::move(texts));
}

std::unique_ptr<Test> NumberTest(Comparison comparison, std::string_view bound) {
  const auto number = ParseNumber(bound);
  if (!number) throw RuleError("no number: " + std::string(bound));
  return std::make_unique<Compare>(comparison, *number);
}

std::unique_ptr<Test> NetworkTest(const std::vector<std::string>& networks) { return std::make_unique<Networks>(networks); }

void DecodeUrl(std::string_view text, std::string* out) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); i++) {
    const int high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : HexDigit(text[i + 2]);
    if (low >= 0) {
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  *out = simdjson::validate_utf8(decoded) ? std::move(decoded) : Repaired(decoded);
}

}  // namespace plain
