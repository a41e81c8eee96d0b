// The paths that a program's fields have, as a tree that a walk over a record's keys follows. Made once, for a program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "program.h"

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

}  // namespace weir
