// The walk over a record's keys, and the decoding of strings.

#include "json_cursor.h"

#include <cstring>

#include "json_scan.h"
#include "utf8.h"

namespace weir {

uint64_t FieldTree::Keys::Head(const char* key, size_t size) {
  uint64_t head;
  std::memcpy(&head, key, 8);
  if (size >= 8) return head;
  char bytes[8] = {};
  std::memcpy(bytes, &head, 8);
  for (size_t i = size; i < 8; i++) bytes[i] = 0;
  std::memcpy(&head, bytes, 8);
  return head;
}

void FieldTree::Keys::Add(const std::string& key, uint32_t node) {
  std::string padded = key;
  padded.append(8, '\0');
  entries_.push_back({key, Head(padded.data(), key.size()), node});
  Rebuild();
}

void FieldTree::Keys::Rebuild() {
  uint32_t slots = 8;
  while (slots < entries_.size() * 4) slots *= 2;
  table_.assign(slots, 0);
  mask_ = slots - 1;
  sizes_ = 0;
  for (uint32_t i = 0; i < entries_.size(); i++) {
    const Entry& entry = entries_[i];
    uint32_t at = Hash(entry.head, entry.key.size()) & mask_;
    while (table_[at] != 0) at = (at + 1) & mask_;
    table_[at] = i + 1;
    sizes_ |= uint64_t{1} << (entry.key.size() < 63 ? entry.key.size() : 63);
  }
}

uint32_t FieldTree::Keys::Find(const char* key, size_t size) const {
  if (((sizes_ >> (size < 63 ? size : 63)) & 1) == 0) return kNone;
  uint64_t head;
  std::memcpy(&head, key, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (size < 8) head &= (uint64_t{1} << (8 * size)) - 1;
#else
  if (size < 8) head = Head(key, size);
#endif
  for (uint32_t at = Hash(head, size) & mask_; table_[at] != 0; at = (at + 1) & mask_) {
    const Entry& entry = entries_[table_[at] - 1];
    if (entry.head == head && entry.key.size() == size &&
        (size <= 8 || std::memcmp(entry.key.data() + 8, key + 8, size - 8) == 0)) {
      return entry.node;
    }
  }
  return kNone;
}

FieldTree::FieldTree(const std::vector<Field>& fields) {
  nodes_.emplace_back();
  for (const Field& field : fields) {
    uint32_t node = Child(0, field.path[0]);
    const uint32_t top = node;
    for (size_t i = 1; i < field.path.size(); i++) node = Child(node, field.path[i]);
    if (nodes_[node].slot == kNone) {
      nodes_[node].slot = static_cast<uint32_t>(top_of_slot_.size());
      top_of_slot_.push_back(top);
    }
    slot_of_field_.push_back(nodes_[node].slot);
  }
}

uint32_t FieldTree::Child(uint32_t parent, const Step& step) {
  const auto next = static_cast<uint32_t>(nodes_.size());
  if (step.is_index) {
    for (const auto& [index, node] : nodes_[parent].indexes) {
      if (index == step.index) return node;
    }
    nodes_[parent].indexes.emplace_back(step.index, next);
  } else {
    std::string padded = step.key;
    padded.append(8, '\0');
    const uint32_t known = nodes_[parent].keys.empty() ? kNone : nodes_[parent].keys.Find(padded.data(), step.key.size());
    if (known != kNone) return known;
    nodes_[parent].keys.Add(step.key, next);
  }
  nodes_.emplace_back();
  return next;
}

Cursor::Cursor(const FieldTree& tree) : tree_(tree), visited_(tree.node_count()), values_(tree.slot_count()) {}

void Cursor::Start(const char* begin, const char* end) {
  if (++generation_ == 0) {  // the counter wrapped: forget what older generations marked
    visited_.assign(visited_.size(), 0);
    values_.assign(values_.size(), Value());
    generation_ = 1;
  }
  begin_ = begin;
  end_ = end;
  at_ = SkipSpace(begin, end);
  if (at_ >= end || *at_ != '{') {
    progress_ = Progress::kBad;
    return;
  }
  at_ = SkipSpace(at_ + 1, end);
  progress_ = at_ < end && *at_ == '}' ? Progress::kDone : Progress::kMore;
}

// One key and its value, and the comma or brace behind them. `*at` stands before the key.
Cursor::Progress Cursor::Member(const FieldTree::Node& parent, const char** at) {
  const char* p = SkipSpace(*at, end_);
  if (p >= end_ || *p != '"') return Progress::kBad;
  const char* key = p + 1;
  const char* stop = FindStringStop(key, end_);
  uint32_t child;
  if (stop < end_ && *stop == '"') {
    child = parent.keys.Find(key, static_cast<size_t>(stop - key));
    // Most members are a string that nobody asked for, without space around and with more members behind.
    if (child == FieldTree::kNone && stop[1] == ':' && stop[2] == '"') {
      const char* close = FindStringStop(stop + 3, end_);
      if (close < end_ && *close == '"' && close[1] == ',') {
        *at = close + 2;
        return Progress::kMore;
      }
    }
  } else {
    child = EscapedKey(parent, key, &stop);
    if (stop >= end_) return Progress::kBad;
  }
  p = SkipSpace(stop + 1, end_);
  if (p >= end_ || *p != ':') return Progress::kBad;
  p = SkipSpace(p + 1, end_);
  // The first of several equal keys decides.
  p = child == FieldTree::kNone || visited_[child] == generation_ ? SkipValue(p, end_) : Take(child, p);
  if (p == nullptr) return Progress::kBad;
  p = SkipSpace(p, end_);
  if (p >= end_) return Progress::kBad;
  *at = p + 1;
  if (*p == ',') return Progress::kMore;
  return *p == '}' ? Progress::kDone : Progress::kBad;
}

// The node of a key that has escapes; `*stop` becomes its closing quote, or end_ when the key is malformed.
uint32_t Cursor::EscapedKey(const FieldTree::Node& parent, const char* key, const char** stop) {
  const char* close = StringEnd(*stop, end_);
  *stop = end_;
  if (close >= end_) return FieldTree::kNone;
  const auto size = static_cast<size_t>(close - key);
  key_.resize(size + 8);  // Find reads 8 bytes
  const ptrdiff_t written = Unescape({key, size}, key_.data());
  if (written < 0) return FieldTree::kNone;
  *stop = close;
  return parent.keys.Find(key_.data(), static_cast<size_t>(written));
}

// Notes the value at `p` for the node's slot and walks into it where paths go on. Behind the value, or null.
const char* Cursor::Take(uint32_t number, const char* p) {
  if (p >= end_) return nullptr;
  visited_[number] = generation_;
  const FieldTree::Node& node = tree_.node(number);
  Value value;
  value.generation = generation_;
  const char* behind;
  if (*p == '"') {
    value.data = p + 1;
    const char* stop = FindStringStop(p + 1, end_);
    value.kind = stop < end_ && *stop == '"' ? Value::Kind::kString : Value::Kind::kEscapedString;
    if (value.kind == Value::Kind::kEscapedString) stop = StringEnd(stop, end_);
    if (stop >= end_) return nullptr;
    value.size = static_cast<uint32_t>(stop - value.data);
    behind = stop + 1;
  } else if (*p == '{' || *p == '[') {
    value.kind = Value::Kind::kContainer;
    if (*p == '{') {
      behind = node.keys.empty() ? SkipContainer(p, end_) : WalkObject(node, p);
    } else {
      behind = node.indexes.empty() ? SkipContainer(p, end_) : WalkArray(node, p);
    }
    if (behind == nullptr) return nullptr;
  } else {
    behind = ScalarEnd(p, end_);
    if (behind == p) return nullptr;
    value.data = p;
    value.size = static_cast<uint32_t>(behind - p);
    value.kind = value.size == 4 && std::memcmp(p, "null", 4) == 0 ? Value::Kind::kNull : Value::Kind::kScalar;
  }
  if (node.slot != FieldTree::kNone) values_[node.slot] = value;
  return behind;
}

const char* Cursor::WalkObject(const FieldTree::Node& node, const char* p) {
  p = SkipSpace(p + 1, end_);
  if (p < end_ && *p == '}') return p + 1;
  for (;;) {
    const Progress progress = Member(node, &p);
    if (progress == Progress::kBad) return nullptr;
    if (progress == Progress::kDone) return p;
  }
}

const char* Cursor::WalkArray(const FieldTree::Node& node, const char* p) {
  p = SkipSpace(p + 1, end_);
  if (p < end_ && *p == ']') return p + 1;
  for (uint32_t index = 0;; index++) {
    uint32_t child = FieldTree::kNone;
    for (const auto& [wanted, number] : node.indexes) {
      if (wanted == index) child = number;
    }
    p = child == FieldTree::kNone ? SkipValue(p, end_) : Take(child, p);
    if (p == nullptr) return nullptr;
    p = SkipSpace(p, end_);
    if (p >= end_) return nullptr;
    if (*p == ']') return p + 1;
    if (*p != ',') return nullptr;
    p = SkipSpace(p + 1, end_);
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
