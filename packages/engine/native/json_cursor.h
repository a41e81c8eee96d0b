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

#include "json_scan.h"
#include "key_trail.h"
#include "program.h"
#include "quote_index.h"
#include "slab.h"

namespace simdjson::internal {
class dom_parser_implementation;
}

namespace weir {

// The field paths of a program as a tree: the record's object at the root, a node for each step. A slot is a node
// that some path ends at.
class FieldTree {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // Keys of one object that lead somewhere, by open addressing on their first and last eight bytes and length.
  class Keys {
   public:
    void Add(const std::string& key, uint32_t node);
    // The node of a key, or kNone. Reads up to 8 bytes from `key`, whatever its size.
    uint32_t Find(const char* key, size_t size) const;
    bool empty() const { return entries_.empty(); }
    // The first eight bytes of a key, zeros behind a shorter one. Reads eight.
    static uint64_t Head(const char* key, size_t size) {
      uint64_t head;
      std::memcpy(&head, key, 8);
      if (size >= 8) return head;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
      return head & ((uint64_t{1} << (8 * size)) - 1);
#else
      return size == 0 ? 0 : head & (~uint64_t{0} << (8 * (8 - size)));
#endif
    }

   private:
    struct Entry {
      std::string key;
      uint64_t head;
      uint32_t hash;
      uint32_t node;
    };
    static uint32_t Hash(uint64_t head, const char* key, size_t size) {
      uint64_t tail = 0;
      if (size > 8) std::memcpy(&tail, key + size - 8, 8);
      const uint64_t mixed = (head ^ (tail * 0xa0761d6478bd642fu) ^ size) * 0x9e3779b97f4a7c15u;
      return static_cast<uint32_t>(mixed >> 32);
    }
    void Place(uint32_t number);

    std::vector<Entry> entries_;
    std::vector<uint32_t> table_;  // entry number + 1, or 0
    uint32_t mask_ = 0;
    uint64_t sizes_ = 0;  // bit min(size, 63) is set when a key has that size
  };

  struct Node {
    Keys keys;
    std::vector<std::pair<uint32_t, uint32_t>> indexes;  // (array index, node)
    uint32_t slot = kNone;
  };

  explicit FieldTree(const std::vector<Field>& fields);

  const Node& node(uint32_t i) const { return nodes_[i]; }
  size_t node_count() const { return nodes_.size(); }
  size_t slot_count() const { return top_of_slot_.size(); }
  uint32_t slot_of_field(size_t field) const { return slot_of_field_[field]; }
  // The node below the root that leads to a slot.
  uint32_t top_of_slot(uint32_t slot) const { return top_of_slot_[slot]; }

 private:
  uint32_t Child(uint32_t parent, const Step& step);

  std::vector<Node> nodes_;
  std::vector<uint32_t> slot_of_field_;
  std::vector<uint32_t> top_of_slot_;
};

// A value as it stands in a record.
struct Value {
  enum class Kind : uint8_t { kNull, kScalar, kString, kEscapedString, kContainer } kind = Kind::kNull;
  const char* data = nullptr;  // of a string: what is between the quotes
  uint32_t size = 0;
  uint32_t generation = 0;
};

class Cursor {
 public:
  explicit Cursor(const FieldTree& tree);

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

 private:
  enum class Progress : uint8_t { kMore, kDone, kBad };

  // What follows moves at_ and quote_ on, and answers false, or kBad, where the record is not well-formed.
  void ReadUntil(uint32_t top);
  bool ReadPlain(uint32_t top);
  uint32_t PlainScalarEnd(uint32_t first) const;
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
  Validator();
  ~Validator();

  // Whether [begin, end) is one well-formed record; if not, the first reason in order of precedence. Never kTooLong.
  Reason Check(const char* begin, const char* end);

 private:
  Reason Grammar(const char* bytes, uint32_t size);
  bool Reserve(size_t bytes);

  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage1_;
  std::vector<char> containers_;  // '{' or '[' by depth
  size_t capacity_ = 0;
  bool checks_utf8_;
};

}  // namespace weir
