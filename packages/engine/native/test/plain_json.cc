// Texts and the tree of a record: a reader by recursive descent, in the order of RFC 8259.

#include <algorithm>
#include <cstring>

#include "plain_reader.h"

namespace weir_test {
namespace {

using weir::Reason;

constexpr size_t kMaxDepth = 1024;

bool IsHexDigit(char c) { return std::strchr("0123456789abcdefABCDEF", c) != nullptr && c != '\0'; }

uint32_t HexNumber(std::string_view digits) {
  uint32_t value = 0;
  for (const char c : digits) value = value * 16 + (c <= '9' ? c - '0' : (c & ~0x20) - 'A' + 10);
  return value;
}

// The unit of a \u escape at `at`, where the backslash stands; false when there is none.
bool UnitAt(std::string_view raw, size_t at, uint32_t* unit) {
  if (raw.size() < at + 6 || raw[at] != '\\' || raw[at + 1] != 'u') return false;
  for (size_t i = 2; i < 6; i++) {
    if (!IsHexDigit(raw[at + i])) return false;
  }
  *unit = HexNumber(raw.substr(at + 2, 4));
  return true;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool ReadRecord(Json* out) {
    if (!ReadValue(out)) return false;
    SkipSpace();
    return at_ == text_.size();
  }
  size_t deepest() const { return deepest_; }

 private:
  bool Take(char c) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    at_++;
    return true;
  }

  void SkipSpace() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_]) != nullptr && text_[at_] != '\0') at_++;
  }

  bool ReadValue(Json* out) {
    SkipSpace();
    if (at_ >= text_.size()) return false;
    switch (text_[at_]) {
      case '{': return ReadObject(out);
      case '[': return ReadArray(out);
      case '"': out->kind = Json::Kind::kString; return ReadString(&out->text);
      default: return ReadScalar(out);
    }
  }

  void Enter() { deepest_ = std::max(deepest_, ++depth_); }

  bool ReadObject(Json* out) {
    out->kind = Json::Kind::kObject;
    Take('{');
    Enter();
    if (!Take('}')) {
      do {
        SkipSpace();
        if (at_ >= text_.size() || text_[at_] != '"' || !ReadString(&out->keys.emplace_back())) return false;
        if (!Take(':') || !ReadValue(&out->items.emplace_back())) return false;
      } while (Take(','));
      if (!Take('}')) return false;
    }
    depth_--;
    return true;
  }

  bool ReadArray(Json* out) {
    out->kind = Json::Kind::kArray;
    Take('[');
    Enter();
    if (!Take(']')) {
      do {
        if (!ReadValue(&out->items.emplace_back())) return false;
      } while (Take(','));
      if (!Take(']')) return false;
    }
    depth_--;
    return true;
  }

  bool ReadString(std::string* out) {
    const size_t first = ++at_;
    for (; at_ < text_.size() && text_[at_] != '"'; at_++) {
      if (static_cast<uint8_t>(text_[at_]) < 0x20) return false;
      if (text_[at_] == '\\') at_++;
    }
    if (at_ >= text_.size()) return false;
    return PlainUnescape(text_.substr(first, at_++ - first), out);
  }

  bool ReadScalar(Json* out) {
    const size_t first = at_;
    while (at_ < text_.size() && std::strchr(",:{}[]\" \t\r\n", text_[at_]) == nullptr) at_++;
    out->text = text_.substr(first, at_ - first);
    out->kind = out->text == "null" ? Json::Kind::kNull : Json::Kind::kScalar;
    return out->text == "null" || out->text == "true" || out->text == "false" || PlainIsNumber(out->text, false);
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t depth_ = 0;
  size_t deepest_ = 0;
};

}  // namespace

PlainPoint PlainPointAt(std::string_view text, size_t at) {
  struct Row {
    uint8_t first_low, first_high, second_low, second_high;
    uint32_t size;
  };
  static constexpr Row kRows[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                                  {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                                  {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
  static constexpr uint8_t kLeadMask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  const auto first = static_cast<uint8_t>(text[at]);
  for (const Row& row : kRows) {
    if (first < row.first_low || first > row.first_high) continue;
    uint32_t code_point = first & kLeadMask[row.size];
    for (uint32_t i = 1; i < row.size; i++) {
      const uint8_t low = i == 1 ? row.second_low : 0x80;
      const uint8_t high = i == 1 ? row.second_high : 0xbf;
      const bool is_there = at + i < text.size();
      const auto next = static_cast<uint8_t>(is_there ? text[at + i] : 0);
      if (!is_there || next < low || next > high) return {0xfffd, i, false};
      code_point = code_point * 64 + (next & 0x3f);
    }
    return {code_point, row.size, true};
  }
  return {0xfffd, 1, false};
}

std::string PlainUtf8(uint32_t code_point) {
  const auto byte = [](uint32_t value) { return static_cast<char>(static_cast<uint8_t>(value)); };
  const uint32_t c = code_point;
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xc0 + c / 64), byte(0x80 + c % 64)};
  if (c < 0x10000) return {byte(0xe0 + c / 4096), byte(0x80 + c / 64 % 64), byte(0x80 + c % 64)};
  return {byte(0xf0 + c / 262144), byte(0x80 + c / 4096 % 64), byte(0x80 + c / 64 % 64), byte(0x80 + c % 64)};
}

bool PlainIsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const PlainPoint point = PlainPointAt(text, i);
    if (!point.valid) return false;
    i += point.size;
  }
  return true;
}

std::string PlainDecodeUrl(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '%' && i + 2 < text.size() && IsHexDigit(text[i + 1]) && IsHexDigit(text[i + 2])) {
      bytes += static_cast<char>(static_cast<uint8_t>(HexNumber(text.substr(i + 1, 2))));
      i += 2;
    } else {
      bytes += text[i] == '+' ? ' ' : text[i];
    }
  }
  std::string out;
  for (size_t i = 0; i < bytes.size();) {
    const PlainPoint point = PlainPointAt(bytes, i);
    out += PlainUtf8(point.code_point);
    i += point.size;
  }
  return out;
}

bool PlainUnescape(std::string_view raw, std::string* out) {
  static constexpr std::string_view kFrom = "\"\\/bfnrt";
  static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  out->clear();
  for (size_t i = 0; i < raw.size();) {
    if (raw[i] != '\\') {
      *out += raw[i++];
      continue;
    }
    uint32_t unit;
    uint32_t low;
    if (UnitAt(raw, i, &unit)) {
      i += 6;
      if (unit >= 0xd800 && unit < 0xdc00 && UnitAt(raw, i, &low) && low >= 0xdc00 && low < 0xe000) {
        i += 6;
        *out += PlainUtf8(0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00));
      } else {
        *out += PlainUtf8(unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
      }
      continue;
    }
    const size_t which = i + 1 < raw.size() ? kFrom.find(raw[i + 1]) : std::string_view::npos;
    if (which == std::string_view::npos) return false;
    *out += kTo[which];
    i += 2;
  }
  return true;
}

bool PlainIsNumber(std::string_view text, bool leading_zeros) {
  size_t i = 0;
  const auto digits = [&text, &i] {
    const size_t first = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') i++;
    return i - first;
  };
  if (i < text.size() && text[i] == '-') i++;
  const size_t first = i;
  const size_t whole = digits();
  if (whole == 0 || (!leading_zeros && whole > 1 && text[first] == '0')) return false;
  if (i < text.size() && text[i] == '.') {
    i++;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    i++;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) i++;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

Reason PlainParse(std::string_view record, Json* out) {
  if (!PlainIsUtf8(record)) return Reason::kUtf8;
  Reader reader(record);
  if (!reader.ReadRecord(out)) return Reason::kSyntax;
  if (out->kind != Json::Kind::kObject) return Reason::kNotObject;
  return reader.deepest() > kMaxDepth ? Reason::kDepth : Reason::kNone;
}

}  // namespace weir_test
