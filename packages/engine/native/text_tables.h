// Numbers by whole texts, and by the texts that another begins or ends with: what a field index looks a value up in. Knows
// nothing of predicates or records.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "program.h"

namespace weir {

// Numbers by text, in a hash table.
class TextTable {
 public:
  // The text stays where it is until Build.
  void Add(std::string_view text, uint32_t number);
  // To be called once, after the last Add.
  void Build();

  // Calls `use(number)` for each number of the text.
  template <typename Use>
  void Each(std::string_view text, Use&& use) const {
    if (entries_.empty()) return;
    for (uint32_t at = HashText(text) & mask_; table_[at] != 0; at = (at + 1) & mask_) {
      const Entry& entry = entries_[table_[at] - 1];
      if (entry.text != text) continue;
      for (const uint32_t number : entry.numbers) use(number);
      return;
    }
  }

 private:
  struct Entry {
    std::string text;
    std::vector<uint32_t> numbers;
  };
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, uint32_t> number_of_;  // until Build
  std::vector<uint32_t> table_;  // entry + 1, or 0
  uint32_t mask_ = 0;
};

// Numbers by prefix, or by suffix: a trie over bytes, its nodes found by hash of (node, byte).
class PrefixTrie {
 public:
  // `backwards`: suffixes, read from the end.
  explicit PrefixTrie(bool backwards) : backwards_(backwards) { numbers_.emplace_back(); }

  void Add(std::string_view text, uint32_t number);

  // Calls `use(number)` for each number of what the text begins with; more than once where it begins with several.
  template <typename Use>
  void Each(std::string_view text, Use&& use) const {
    uint32_t node = 0;
    for (size_t i = 0;; i++) {
      for (const uint32_t number : numbers_[node]) use(number);
      if (i == text.size()) return;
      node = Child(node, ByteAt(text, i));
      if (node == 0) return;
    }
  }

 private:
  static constexpr uint32_t kChildBits = 28;

  uint8_t ByteAt(std::string_view text, size_t i) const {
    return static_cast<uint8_t>(backwards_ ? text[text.size() - 1 - i] : text[i]);
  }
  static uint64_t KeyOf(uint32_t node, uint8_t byte) { return (uint64_t{node} << 8 | byte) + 1; }
  size_t PlaceOf(uint64_t key) const { return (key * 0x9e3779b97f4a7c15u >> 32) & (table_.size() - 1); }
  uint32_t Child(uint32_t node, uint8_t byte) const {
    if (table_.empty()) return 0;
    const uint64_t key = KeyOf(node, byte);
    for (size_t at = PlaceOf(key); table_[at] != 0; at = (at + 1) & (table_.size() - 1)) {
      if (table_[at] >> kChildBits == key) return static_cast<uint32_t>(table_[at] & ((1u << kChildBits) - 1));
    }
    return 0;
  }
  void Place(uint64_t entry);
  void Grow();

  bool backwards_;
  std::vector<std::vector<uint32_t>> numbers_;  // by node: of texts that end there
  std::vector<uint64_t> table_;  // a key in the upper bits, the child in the lower; 0 where there is none
  uint32_t count_ = 0;
};

}  // namespace weir
