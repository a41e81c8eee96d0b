// RFC 8259 with Jackson's limits, into a tree, and the tree's values as text.

#include "original_record.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "java_text.h"
#include "json_scan.h"

namespace weir {
namespace {

// What Jackson 2.18 reads: limits.ts has the same.
constexpr size_t kMostDepth = 1000;
constexpr size_t kMostDigits = 1000;
constexpr size_t kMostKeyUnits = 50'000;
constexpr size_t kMostStringUnits = 20'000'000;

// Nodes whose memory is kept from record to record: 3 MB, far more than a line of a log has.
constexpr size_t kKeptNodes = 1 << 16;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsHex(char c) { return IsDigit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

bool ContinuesWord(char c) {
  return IsDigit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || static_cast<uint8_t>(c) >= 0x7f;
}

// Without a way out in between: the compiler makes vector code of these.
bool IsAscii(std::string_view bytes) {
  uint8_t all = 0;
  for (char c : bytes) all |= static_cast<uint8_t>(c);
  return all < 0x80;
}

bool HasControl(const char* p, const char* end) {
  bool found = false;
  for (; p < end; p++) found |= static_cast<uint8_t>(*p) < 0x20;
  return found;
}

std::u16string Decoded(std::string_view bytes, bool is_escaped) {
  std::u16string out;
  is_escaped ? AppendUnescaped(bytes, &out) : AppendUtf16(bytes, &out);
  return out;
}

void AppendAscii(std::string_view text, std::u16string* out) { out->append(text.begin(), text.end()); }

}  // namespace

OriginalRecord::OriginalRecord(const std::vector<Field>& fields) : wants_all_(false) {
  for (const Field& field : fields) {
    for (const Step& step : field.path) wanted_.push_back(step.key);
  }
  std::sort(wanted_.begin(), wanted_.end());
}

void OriginalRecord::Forget() {
  nodes_.clear();
  if (nodes_.capacity() > kKeptNodes) std::vector<Node>().swap(nodes_);
}

OriginalRecord::Kind OriginalRecord::Read(const char* begin, const char* end) {
  nodes_.clear();
  levels_.clear();
  p_ = begin;
  end_ = end;
  reason_ = Reason::kNone;
  // Once for all strings: nearly no line has any.
  has_control_ = HasControl(begin, end);
  PassSpace();
  // An array is refused at its first byte; what is in it does not matter.
  if (Stands('[')) {
    Fail(Reason::kNotObject);
    return Kind::kMalformed;
  }
  if (!ReadTree()) return Kind::kMalformed;
  const Type type = nodes_[0].type;
  if (type == Type::kNull) return Kind::kNull;
  if (type == Type::kObject) return Kind::kObject;
  const char first = nodes_[0].bytes.empty() ? '"' : nodes_[0].bytes[0];
  const bool is_number = type != Type::kString && (first == '-' || IsDigit(first));
  const bool is_apart = !is_number || p_ == end_ || IsSpace(*p_);
  Fail(is_apart ? Reason::kNotObject : Reason::kSyntax);
  return Kind::kMalformed;
}

bool OriginalRecord::Fail(Reason reason) {
  reason_ = reason;
  return false;
}

void OriginalRecord::PassSpace() {
  while (p_ < end_ && IsSpace(*p_)) p_++;
}

// Not by recursion, so that no depth exhausts the stack.
bool OriginalRecord::ReadTree() {
  for (;;) {
    Node node;
    if (!levels_.empty() && levels_.back().is_object && !ReadKey(&node)) return false;
    const bool opens = Stands('{') || Stands('[');
    if (opens) {
      node.type = *p_ == '{' ? Type::kObject : Type::kArray;
    } else if (!ReadScalar(&node)) {
      return false;
    }
    const bool is_kept = levels_.empty() || (levels_.back().is_kept && (levels_.size() > 1 || IsWanted(node)));
    if (is_kept) Keep(node);
    if (opens) {
      if (!Open(node.type, is_kept)) return false;
      if (!Stands(node.type == Type::kObject ? '}' : ']')) continue;
    }
    if (!Close()) return false;
    if (levels_.empty()) return true;
  }
}

// Every way begins at a member of the record, and one that leads nowhere looks for its last key there again.
bool OriginalRecord::IsWanted(const Node& member) const {
  if (wants_all_ || member.is_key_escaped || !IsAscii(member.key)) return true;
  return std::binary_search(wanted_.begin(), wanted_.end(), member.key);
}

void OriginalRecord::Keep(const Node& node) {
  const auto number = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back(node);
  if (levels_.empty()) return;
  Level& level = levels_.back();
  (level.last == kNone ? nodes_[level.node].first : nodes_[level.last].next) = number;
  level.last = number;
}

bool OriginalRecord::Open(Type type, bool is_kept) {
  const auto node = is_kept ? static_cast<uint32_t>(nodes_.size()) - 1 : kNone;
  levels_.push_back({type == Type::kObject, is_kept, node, kNone});
  if (levels_.size() > kMostDepth) return Fail(Reason::kDepth);
  p_++;
  PassSpace();
  return true;
}

// Closes what ends here, up to a comma with a further member behind it.
bool OriginalRecord::Close() {
  while (!levels_.empty()) {
    PassSpace();
    if (Stands(',')) {
      p_++;
      PassSpace();
      return true;
    }
    if (!Stands(levels_.back().is_object ? '}' : ']')) return Fail(Reason::kSyntax);
    p_++;
    levels_.pop_back();
  }
  return true;
}

bool OriginalRecord::ReadKey(Node* node) {
  if (!ReadString(&node->key, &node->is_key_escaped, kMostKeyUnits)) return false;
  PassSpace();
  if (!Stands(':')) return Fail(Reason::kSyntax);
  p_++;
  PassSpace();
  return true;
}

bool OriginalRecord::ReadScalar(Node* node) {
  const char* const begin = p_;
  if (p_ == end_) return Fail(Reason::kSyntax);
  switch (*p_) {
    case '"': node->type = Type::kString; return ReadString(&node->bytes, &node->is_escaped, kMostStringUnits);
    case 'n': return ReadWord("null");
    case 't':
    case 'f':
      if (!ReadWord(*p_ == 't' ? "true" : "false")) return false;
      node->type = Type::kWord;
      node->bytes = {begin, static_cast<size_t>(p_ - begin)};
      return true;
    default: return ReadNumber(node);
  }
}

bool OriginalRecord::ReadWord(std::string_view word) {
  const auto left = static_cast<size_t>(end_ - p_);
  if (left < word.size() || std::memcmp(p_, word.data(), word.size()) != 0) return Fail(Reason::kSyntax);
  p_ += word.size();
  return p_ == end_ || !ContinuesWord(*p_) || Fail(Reason::kSyntax);
}

bool OriginalRecord::ReadNumber(Node* node) {
  const char* const begin = p_;
  size_t digits = 0;
  const auto run = [this, &digits] {
    const char* const first = p_;
    while (p_ < end_ && IsDigit(*p_)) p_++;
    digits += static_cast<size_t>(p_ - first);
    return p_ > first;
  };
  if (Stands('-')) p_++;
  bool is_zero = false;
  if (Stands('0')) {
    is_zero = true;
    p_++;
  } else if (!run()) {
    return Fail(Reason::kSyntax);
  }
  bool is_integer = true;
  if (Stands('.')) {
    is_integer = false;
    p_++;
    if (!run()) return Fail(Reason::kSyntax);
  }
  if (Stands('e') || Stands('E')) {
    is_integer = false;
    p_++;
    if (Stands('+') || Stands('-')) p_++;
    if (!run()) return Fail(Reason::kSyntax);
  }
  // A zero before the point does not count.
  if (digits > kMostDigits) return Fail(Reason::kSyntax);
  node->type = is_integer ? Type::kWord : Type::kNumber;
  // The integer -0 is 0.
  node->bytes = is_integer && is_zero ? std::string_view(p_ - 1, 1) : std::string_view(begin, static_cast<size_t>(p_ - begin));
  return true;
}

bool OriginalRecord::PassEscape() {
  if (end_ - p_ < 2) return false;
  if (p_[1] != 'u') {
    p_ += 2;
    return std::memchr("\"\\/bfnrt", p_[-1], 8) != nullptr;
  }
  if (end_ - p_ < 6 || !IsHex(p_[2]) || !IsHex(p_[3]) || !IsHex(p_[4]) || !IsHex(p_[5])) return false;
  p_ += 6;
  return true;
}

bool OriginalRecord::ReadString(std::string_view* bytes, bool* is_escaped, size_t most_units) {
  if (!Stands('"')) return Fail(Reason::kSyntax);
  const char* const begin = ++p_;
  *is_escaped = false;
  for (;;) {
    const char* const stop = FindStringStop(p_, end_);
    if (stop == end_ || (has_control_ && HasControl(p_, stop))) return Fail(Reason::kSyntax);
    p_ = stop;
    if (*p_ == '"') break;
    *is_escaped = true;
    if (!PassEscape()) return Fail(Reason::kSyntax);
  }
  *bytes = {begin, static_cast<size_t>(p_ - begin)};
  p_++;
  // A unit takes a byte at least.
  return bytes->size() <= most_units || Decoded(*bytes, *is_escaped).size() <= most_units || Fail(Reason::kSyntax);
}

// The last member of that key.
uint32_t OriginalRecord::Member(uint32_t object, const std::string& key) const {
  std::u16string wanted;
  uint32_t found = kNone;
  for (uint32_t i = nodes_[object].first; i != kNone; i = nodes_[i].next) {
    const Node& node = nodes_[i];
    if (node.is_key_escaped || !IsAscii(node.key)) {
      if (wanted.empty()) AppendUtf16(key, &wanted);
      if (Decoded(node.key, node.is_key_escaped) == wanted) found = i;
    } else if (node.key == key) {
      found = i;
    }
  }
  return found;
}

bool OriginalRecord::Text(const std::vector<Step>& path, std::string* text) const {
  uint32_t object = 0;
  for (size_t i = 0; i + 1 < path.size(); i++) {
    const uint32_t next = Member(object, path[i].key);
    // The original then looks for the last key in the object that it has reached.
    if (next == kNone || nodes_[next].type == Type::kNull) break;
    if (nodes_[next].type != Type::kObject) return false;
    object = next;
  }
  const uint32_t found = Member(object, path.back().key);
  if (found == kNone || nodes_[found].type == Type::kNull) return false;
  std::u16string out;
  Print(nodes_[found], &out);
  *text = ToUtf8(out);
  return true;
}

// Recursion is as deep as the record, which is bounded.
void OriginalRecord::Print(const Node& node, std::u16string* out) const {
  switch (node.type) {
    case Type::kNull: return AppendAscii("null", out);
    case Type::kWord: return AppendAscii(node.bytes, out);
    case Type::kNumber: return AppendAscii(JavaDouble(node.bytes), out);
    case Type::kString: return node.is_escaped ? AppendUnescaped(node.bytes, out) : AppendUtf16(node.bytes, out);
    case Type::kObject: return PrintObject(node, out);
    case Type::kArray: break;
  }
  out->push_back('[');
  for (uint32_t i = node.first; i != kNone; i = nodes_[i].next) {
    if (i != node.first) AppendAscii(", ", out);
    Print(nodes_[i], out);
  }
  out->push_back(']');
}

// Of equal keys, the place is the first one's and the value the last one's.
void OriginalRecord::PrintObject(const Node& node, std::u16string* out) const {
  std::vector<std::pair<std::u16string, uint32_t>> members;
  std::map<std::u16string, size_t> places;  // ordered: keys cannot be made to collide
  for (uint32_t i = node.first; i != kNone; i = nodes_[i].next) {
    std::u16string key = Decoded(nodes_[i].key, nodes_[i].is_key_escaped);
    const auto [place, is_new] = places.try_emplace(key, members.size());
    if (is_new) {
      members.emplace_back(std::move(key), i);
    } else {
      members[place->second].second = i;
    }
  }
  out->push_back('{');
  for (size_t i = 0; i < members.size(); i++) {
    if (i != 0) AppendAscii(", ", out);
    out->append(members[i].first);
    out->push_back('=');
    Print(nodes_[members[i].second], out);
  }
  out->push_back('}');
}

}  // namespace weir
