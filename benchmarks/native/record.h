// The wanted values of one record, found with simdjson's On-Demand parser in the two ways that it offers: one walk over the
// record's fields that keeps what is wanted, or a look-up of each field when a rule first asks for it. Called by filter.cc,
// one reader a thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rule_set.h"
#include "simdjson.h"

namespace plain {

// What stands in a slot: nothing, an object or array, or a text that is valid until the next record.
struct Value {
  enum Kind : uint8_t { kMissing, kStructure, kText };
  Kind kind = kMissing;
  bool is_seen = false;
  bool is_decoded = false;
  std::string_view text;
};

class RecordReader {
 public:
  // `rules` must outlive the reader.
  explicit RecordReader(const RuleSet& rules);

  // Begins with the record in [line, line + size); `capacity` bytes from `line` on may be read. False for what is not a
  // JSON object, as far as it is looked at.
  bool Read(const char* line, size_t size, size_t capacity);

  // What stands in a slot.
  const Value& value(size_t slot) {
    if (!values_[slot].is_seen) LookUp(slot);
    return values_[slot];
  }
  // Whether a look-up met something that is not JSON: the values since then mean nothing.
  bool is_broken() const { return is_broken_; }
  // The text of a slot that holds one, decoded as of a URL. Valid after value(slot), for the same record.
  std::string_view Decoded(size_t slot);

 private:
  // What is wanted of a value and below it.
  struct Node {
    static constexpr size_t kNoSlot = ~size_t{0};
    // Where the value itself goes.
    size_t slot = kNoSlot;
    // All slots here and below; none is without.
    std::vector<size_t> slots;
    // Children by key, each with the quote that ends it, grouped by first byte, which tells most keys apart; and by index.
    std::array<std::vector<std::pair<std::string, std::unique_ptr<Node>>>, 256> keys;
    bool has_keys = false;

    // The first occurrence of a key decides; this tells whether it was met.
    bool IsSeen(const std::vector<Value>& values) const { return values[slots.front()].is_seen; }
    std::vector<std::pair<size_t, std::unique_ptr<Node>>> items;
  };

  bool Begin();
  bool Walk();
  void LookUp(size_t slot);
  static Node* Child(Node* node, const Step& step);
  static const Node* Find(const Node& node, const char* key);
  const Node* FindField(const Node& node, simdjson::ondemand::field& field);
  simdjson::error_code WalkObject(const Node& node, simdjson::ondemand::object object);
  simdjson::error_code WalkArray(const Node& node, simdjson::ondemand::array array);
  simdjson::error_code Take(const Node& node, simdjson::ondemand::value value);
  simdjson::error_code TakeScalar(size_t slot, simdjson::ondemand::value value);
  void Set(size_t slot, Value::Kind kind, std::string_view text);
  void SetRestMissing(const Node& node);

  const RuleSet& rules_;
  Node root_;
  // The node of each slot.
  std::vector<const Node*> nodes_;
  std::vector<Value> values_;
  std::vector<std::string> decoded_;
  simdjson::ondemand::parser parser_;
  std::string unescaped_;
  simdjson::ondemand::document document_;
  simdjson::ondemand::object object_;
  bool looks_up_;

  // The record at hand.
  const char* line_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t unseen_ = 0;
  bool has_backslash_ = false;
  bool is_broken_ = false;
};

}  // namespace plain
