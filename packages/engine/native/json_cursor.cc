// The walk over a record's keys, and the decoding of strings.

#include "json_cursor.h"

#include <cstring>

#include "utf8.h"

namespace weir {
namespace {

// Keys between two decisions whether expecting them pays, and those to look up before the next try.
constexpr uint64_t kWindow = 4096;
constexpr uint64_t kPause = 16 * kWindow;

bool IsNull(const char* data, uint32_t size) { return size == 4 && std::memcmp(data, "null", 4) == 0; }

}  // namespace

Cursor::Cursor(const FieldTree& tree, Techniques techniques, uint64_t seed)
    : tree_(tree),
      visited_(tree.node_count()),
      values_(tree.slot_count()),
      trail_(seed),
      use_key_order_(techniques[Technique::kKeyOrder]),
      follows_(use_key_order_ != Use::kOff) {}

void Cursor::Start(const char* begin, const char* end) {
  if (++generation_ == 0) {  // the counter wrapped: forget what older generations marked
    visited_.assign(visited_.size(), 0);
    values_.assign(values_.size(), Value());
    generation_ = 1;
  }
  text_ = begin;
  size_ = static_cast<uint32_t>(end - begin);
  if (key_order_.used + key_order_.fell_back >= window_.used + window_.fell_back + (follows_ ? kWindow : kPause)) EndWindow();
  at_ = 0;
  quote_ = 0;
  stop_ = trail_.start();
  quotes_.Start(text_, size_);
  PassSpace();
  if (!Stands('{')) {
    progress_ = Progress::kBad;
    return;
  }
  at_++;
  PassSpace();
  progress_ = Stands('}') ? Progress::kDone : Progress::kMore;
}

// A key that is not where it was expected costs more than one that was not expected anywhere.
void Cursor::EndWindow() {
  if (use_key_order_ == Use::kAdaptive) follows_ = !follows_ || key_order_.fell_back - window_.fell_back < kWindow * 3 / 8;
  window_ = key_order_;
}

// Reads members of the record's object until the one that leads to node `top`, or the last. Nearly all are a string or
// a scalar without space around and without escapes: those are taken by their quotes alone.
void Cursor::ReadUntil(uint32_t top) {
  const FieldTree::Node& root = tree_.node(0);
  const uint32_t generation = generation_;
  while (visited_[top] != generation && progress_ == Progress::kMore) {
    if (!ReadPlain(top)) progress_ = Member(root);
  }
}

// Takes members as long as they have the usual form; false before one that has not.
bool Cursor::ReadPlain(uint32_t top) {
  const char* const text = text_;
  uint32_t at = at_;
  KeyTrail::Stop* stop = stop_;
  const uint32_t* quotes = quotes_.Four(quote_);
  const uint32_t* end = quotes_.end();
  uint32_t escape = quotes_.first_escape();
  bool is_plain = false;
  uint32_t expected = 0;
  for (;;) {
    if (quotes + 4 > end) {
      quotes = quotes_.Four(quotes_.NumberOf(quotes));
      end = quotes_.end();
      escape = quotes_.first_escape();
    }
    if (quotes[0] != at) break;
    if (KeyTrail::Matches(*stop->next, text + at)) [[likely]] {
      stop = stop->next;
      expected++;
    } else {
      const uint32_t size = quotes[1] - at - 1;
      if (quotes[1] >= escape || text[quotes[1] + 1] != ':' || size > KeyTrail::kMostKeyBytes) break;
      const uint32_t node = tree_.node(0).keys.Find(text + at + 1, size);
      const uint32_t slot = node == FieldTree::kNone ? FieldTree::kNone : tree_.node(node).slot;
      stop = follows_ ? trail_.Follow(stop, text + at + 1, size, node, slot) : trail_.Pass(size, node, slot);
      key_order_.fell_back++;
    }
    const uint32_t first = at + stop->size;
    uint32_t behind = quotes[3] + 1;
    uint32_t passed = 4;
    if (text[first] == '"') [[likely]] {
      if (behind >= escape) break;
    } else {
      behind = PlainScalarEnd(first);
      if (behind == first) break;
      passed = 2;
    }
    const char next = text[behind];
    if (next != ',' && next != '}') break;
    quotes += passed;
    at = behind + 1;
    if (stop->node != FieldTree::kNone) {
      Keep(*stop, first, behind);
      is_plain = stop->node == top;
    }
    if (next == '}') [[unlikely]] {
      progress_ = Progress::kDone;
      is_plain = true;
    }
    if (is_plain) break;
  }
  at_ = at;
  quote_ = quotes_.NumberOf(quotes);
  stop_ = stop;
  key_order_.used += expected;
  return is_plain;
}

// Notes the value of a key, [first, behind), unless the key was there before.
inline void Cursor::Keep(const KeyTrail::Stop& key, uint32_t first, uint32_t behind) {
  if (visited_[key.node] == generation_) return;
  visited_[key.node] = generation_;
  if (key.slot == FieldTree::kNone) return;
  Value& value = values_[key.slot];
  value.generation = generation_;
  if (text_[first] == '"') {
    value.data = text_ + first + 1;
    value.size = behind - first - 2;
    value.kind = Value::Kind::kString;
  } else {
    value.data = text_ + first;
    value.size = behind - first;
    value.kind = IsNull(value.data, value.size) ? Value::Kind::kNull : Value::Kind::kScalar;
  }
}

// The position behind the scalar that begins at `first`; `first` where there is none, or nothing behind it.
uint32_t Cursor::PlainScalarEnd(uint32_t first) const {
  if (text_[first] == '{' || text_[first] == '[') return first;
  const char* const end = ScalarEnd(text_ + first, text_ + size_);
  return end >= text_ + size_ ? first : static_cast<uint32_t>(end - text_);
}

// One key and its value, and the comma or brace behind them.
Cursor::Progress Cursor::Member(const FieldTree::Node& parent) {
  PassSpace();
  const uint32_t* quote = quotes_.Four(quote_);
  const uint32_t open = quote[0];
  const uint32_t close = quote[1];
  if (open != at_ || close >= size_) return Progress::kBad;
  const uint32_t child = Key(parent, open + 1, close);
  at_ = close + 1;
  quote_ += 2;
  PassSpace();
  if (!Stands(':')) return Progress::kBad;
  at_++;
  PassSpace();
  // The first of several equal keys decides.
  const bool is_wanted = child != FieldTree::kNone && visited_[child] != generation_;
  if (!(is_wanted ? Take(child) : Skip())) return Progress::kBad;
  PassSpace();
  if (!Stands(',') && !Stands('}')) return Progress::kBad;
  at_++;
  return text_[at_ - 1] == ',' ? Progress::kMore : Progress::kDone;
}

// Whether a backslash stands in [begin, end), which is indexed.
bool Cursor::HasEscape(uint32_t begin, uint32_t end) const {
  return quotes_.first_escape() < end && std::memchr(text_ + begin, '\\', end - begin) != nullptr;
}

// The node of the key [begin, end), or kNone; also for a key whose escapes are malformed, which the validator finds.
uint32_t Cursor::Key(const FieldTree::Node& parent, uint32_t begin, uint32_t end) {
  const uint32_t size = end - begin;
  if (!HasEscape(begin, end)) return parent.keys.Find(text_ + begin, size);
  key_.resize(size + 8);  // Find reads 8 bytes
  const ptrdiff_t written = Unescape({text_ + begin, size}, key_.data());
  return written < 0 ? FieldTree::kNone : parent.keys.Find(key_.data(), static_cast<size_t>(written));
}

// Notes the value at at_ for the node's slot, and walks into it where paths go on.
bool Cursor::Take(uint32_t number) {
  if (at_ >= size_) return false;
  visited_[number] = generation_;
  const FieldTree::Node& node = tree_.node(number);
  Value value;
  value.generation = generation_;
  value.data = text_ + at_;
  if (text_[at_] == '"') {
    if (!TakeString(&value)) return false;
  } else if (text_[at_] == '{' || text_[at_] == '[') {
    value.kind = Value::Kind::kContainer;
    if (!TakeContainer(node)) return false;
  } else {
    const char* behind = ScalarEnd(text_ + at_, text_ + size_);
    if (behind == value.data) return false;
    value.size = static_cast<uint32_t>(behind - value.data);
    value.kind = IsNull(value.data, value.size) ? Value::Kind::kNull : Value::Kind::kScalar;
    at_ += value.size;
  }
  if (node.slot != FieldTree::kNone) values_[node.slot] = value;
  return true;
}

bool Cursor::TakeString(Value* value) {
  const uint32_t* quote = quotes_.Four(quote_);
  if (quote[0] != at_ || quote[1] >= size_) return false;
  value->data = text_ + at_ + 1;
  value->size = quote[1] - at_ - 1;
  value->kind = HasEscape(at_ + 1, quote[1]) ? Value::Kind::kEscapedString : Value::Kind::kString;
  at_ = quote[1] + 1;
  quote_ += 2;
  return true;
}

bool Cursor::TakeContainer(const FieldTree::Node& node) {
  if (text_[at_] == '{') return node.keys.empty() ? PassContainer() : WalkObject(node);
  return node.indexes.empty() ? PassContainer() : WalkArray(node);
}

bool Cursor::Skip() {
  if (at_ >= size_) return false;
  if (text_[at_] == '{' || text_[at_] == '[') return PassContainer();
  if (text_[at_] == '"') {
    const uint32_t* quote = quotes_.Four(quote_);
    if (quote[0] != at_ || quote[1] >= size_) return false;
    at_ = quote[1] + 1;
    quote_ += 2;
    return true;
  }
  const char* behind = ScalarEnd(text_ + at_, text_ + size_);
  if (behind == text_ + at_) return false;
  at_ = static_cast<uint32_t>(behind - text_);
  return true;
}

bool Cursor::PassContainer() {
  const char* behind = SkipContainer(text_ + at_, text_ + size_);
  if (behind == nullptr) return false;
  at_ = static_cast<uint32_t>(behind - text_);
  quote_ = quotes_.NumberAt(quote_, at_);
  return true;
}

bool Cursor::WalkObject(const FieldTree::Node& node) {
  at_++;
  PassSpace();
  if (Stands('}')) {
    at_++;
    return true;
  }
  for (;;) {
    const Progress progress = Member(node);
    if (progress != Progress::kMore) return progress == Progress::kDone;
  }
}

bool Cursor::WalkArray(const FieldTree::Node& node) {
  at_++;
  PassSpace();
  if (Stands(']')) {
    at_++;
    return true;
  }
  for (uint32_t index = 0;; index++) {
    uint32_t child = FieldTree::kNone;
    for (const auto& [wanted, number] : node.indexes) {
      if (wanted == index) child = number;
    }
    if (!(child == FieldTree::kNone ? Skip() : Take(child))) return false;
    PassSpace();
    if (!Stands(',') && !Stands(']')) return false;
    at_++;
    if (text_[at_ - 1] == ']') return true;
    PassSpace();
  }
}

namespace {

// The four hexadecimal digits at `p`, or -1.
int32_t Hex4(const char* p, const char* end) {
  if (end - p < 4) return -1;
  int32_t value = 0;
  for (int i = 0; i < 4; i++) {
    const char c = p[i];
    int digit;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = (c | 0x20) - 'a' + 10;
    } else {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

bool IsSurrogate(int32_t unit, int32_t first) { return unit >= first && unit < first + 0x400; }

// The code point of the \u escape whose digits start at `*p`; moves behind it, and behind the second half of a pair.
int32_t EscapedCodePoint(const char** p, const char* end) {
  const int32_t unit = Hex4(*p, end);
  if (unit < 0) return -1;
  *p += 4;
  if (IsSurrogate(unit, 0xdc00)) return 0xfffd;
  if (!IsSurrogate(unit, 0xd800)) return unit;
  if (end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
    const int32_t low = Hex4(*p + 2, end);
    if (IsSurrogate(low, 0xdc00)) {
      *p += 6;
      return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
  }
  return 0xfffd;
}

}  // namespace

ptrdiff_t Unescape(std::string_view raw, char* out) {
  char* const first = out;
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p < end) {
    const auto* stop = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(end - p)));
    const auto plain = static_cast<size_t>((stop == nullptr ? end : stop) - p);
    std::memcpy(out, p, plain);
    out += plain;
    if (stop == nullptr) break;
    if (end - stop < 2) return -1;
    p = stop + 2;
    switch (stop[1]) {
      case '"': case '\\': case '/': *out++ = stop[1]; break;
      case 'b': *out++ = '\b'; break;
      case 'f': *out++ = '\f'; break;
      case 'n': *out++ = '\n'; break;
      case 'r': *out++ = '\r'; break;
      case 't': *out++ = '\t'; break;
      case 'u': {
        const int32_t code_point = EscapedCodePoint(&p, end);
        if (code_point < 0) return -1;
        out = EncodeUtf8(static_cast<uint32_t>(code_point), out);
        break;
      }
      default: return -1;
    }
  }
  return out - first;
}

}  // namespace weir
