// Reading JSON records where they lie. The cursor finds the fields that a program names, walking keys in order and
// stopping as soon as it can: exact for well-formed records, and possibly content with a malformed one. The validator
// says whether a record is well-formed, over simdjson's structural index. Neither knows rules or verdicts.
//
// Both may read up to kPaddingBytes behind the record they are given; what stands there never changes the answer.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "field_tree.h"
#include "json_scan.h"
#include "key_trail.h"
#include "program.h"
#include "quote_index.h"
#include "slab.h"
#include "techniques.h"

namespace simdjson::internal {
class dom_parser_implementation;
}

namespace weir {

// A value as it stands in a record.
struct Value {
  enum class Kind : uint8_t { kNull, kScalar, kString, kEscapedString, kContainer } kind = Kind::kNull;
  const char* data = nullptr;  // of a string: what is between the quotes
  uint32_t size = 0;
  uint32_t generation = 0;
};

class Cursor {
 public:
  explicit Cursor(const FieldTree& tree, Techniques techniques = {}, uint64_t seed = 0);

  // Turns to the record [begin, end). O(1).
  void Start(const char* begin, const char* end);

  // The first value at the slot's path, or null when the record has none. When `malformed()` is true afterwards the
  // record is not well-formed and the answer means nothing; when it is false that is not yet proof that it is.
  const Value* Find(uint32_t slot) {
    const uint32_t top = tree_.top_of_slot(slot);
    if (visited_[top] != generation_ && progress_ == Progress::kMore) ReadUntil(top);
    const Value& value = values_[slot];
    return value.generation == generation_ ? &value : nullptr;
  }
  bool malformed() const { return progress_ == Progress::kBad; }

  // Keys that stood where they were expected, and those that had to be looked up.
  TechniqueCounts key_order() const { return key_order_; }

 private:
  enum class Progress : uint8_t { kMore, kDone, kBad };

  // What follows moves at_ and quote_ on, and answers false, or kBad, where the record is not well-formed.
  void ReadUntil(uint32_t top);
  bool ReadPlain(uint32_t top);
  uint32_t PlainScalarEnd(uint32_t first) const;
  void EndWindow();
  void Keep(const KeyTrail::Stop& key, uint32_t first, uint32_t behind);
  Progress Member(const FieldTree::Node& parent);
  uint32_t Key(const FieldTree::Node& parent, uint32_t begin, uint32_t end);
  bool HasEscape(uint32_t begin, uint32_t end) const;
  bool Take(uint32_t node);
  bool Skip();
  bool TakeString(Value* value);
  bool TakeContainer(const FieldTree::Node& node);
  bool WalkObject(const FieldTree::Node& node);
  bool WalkArray(const FieldTree::Node& node);
  bool PassContainer();
  void PassSpace() { at_ = static_cast<uint32_t>(SkipSpace(text_ + at_, text_ + size_) - text_); }
  bool Stands(char c) const { return at_ < size_ && text_[at_] == c; }

  const FieldTree& tree_;
  std::vector<uint32_t> visited_;  // by node: the generation that met it
  std::vector<Value> values_;      // by slot
  QuoteIndex quotes_;
  KeyTrail trail_;
  Use use_key_order_;
  bool follows_;  // the trail, just now
  TechniqueCounts key_order_;
  TechniqueCounts window_;  // what key_order_ was when it was last decided whether to follow
  const char* text_ = nullptr;
  uint32_t size_ = 0;
  uint32_t at_ = 0;      // the next byte to read
  uint32_t quote_ = 0;   // the number of the first quote at or behind it
  KeyTrail::Stop* stop_ = nullptr;  // the last key of the record's object that the trail knows
  uint32_t generation_ = 0;
  Progress progress_ = Progress::kDone;
  std::string key_;
};

// Whether `text` is a number, `true`, `false` or `null`.
bool IsScalar(std::string_view text);

// Decodes the escapes of a JSON string's content into `out`, which has room for `raw.size()` bytes. A lone surrogate
// becomes U+FFFD. Returns the bytes written, or -1 when an escape is none of JSON's.
ptrdiff_t Unescape(std::string_view raw, char* out);

class Validator {
 public:
  static constexpr size_t kMaxDepth = 1024;

  explicit Validator(size_t max_depth = kMaxDepth);
  ~Validator();

  // Whether [begin, end) is one well-formed record; if not, the first reason in order of precedence. Never kTooLong.
  Reason Check(const char* begin, const char* end);

 private:
  Reason Grammar(const char* bytes, uint32_t size);
  bool Reserve(size_t bytes);

  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage1_;
  std::vector<char> containers_;  // '{' or '[' by depth
  size_t capacity_ = 0;
  size_t max_depth_;
  bool checks_utf8_;
};

}  // namespace weir
