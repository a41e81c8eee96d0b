// Building the tree, and finding keys in it.

#include "field_tree.h"

namespace weir {

void FieldTree::Keys::Add(const std::string& key, uint32_t node) {
  std::string padded = key;
  padded.append(8, '\0');
  const uint64_t head = Head(padded.data(), key.size());
  entries_.push_back({key, head, Hash(head, padded.data(), key.size()), node});
  sizes_ |= uint64_t{1} << (key.size() < 63 ? key.size() : 63);
  if (table_.size() >= entries_.size() * 4) {
    Place(static_cast<uint32_t>(entries_.size()));
    return;
  }
  table_.assign(table_.empty() ? 8 : 2 * table_.size(), 0);
  mask_ = static_cast<uint32_t>(table_.size()) - 1;
  for (uint32_t number = 1; number <= entries_.size(); number++) Place(number);
}

void FieldTree::Keys::Place(uint32_t number) {
  uint32_t at = entries_[number - 1].hash & mask_;
  while (table_[at] != 0) at = (at + 1) & mask_;
  table_[at] = number;
}

uint32_t FieldTree::Keys::Find(const char* key, size_t size) const {
  if (((sizes_ >> (size < 63 ? size : 63)) & 1) == 0) return kNone;
  const uint64_t head = Head(key, size);
  for (uint32_t at = Hash(head, key, size) & mask_; table_[at] != 0; at = (at + 1) & mask_) {
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

}  // namespace weir
