// Building the tables.

#include "text_tables.h"

namespace weir {

void TextTable::Add(std::string_view text, uint32_t number) {
  const auto [place, is_new] = number_of_.try_emplace(text, static_cast<uint32_t>(entries_.size()));
  if (is_new) entries_.push_back({std::string(text), {}});
  entries_[place->second].numbers.push_back(number);
}

void TextTable::Build() {
  number_of_.clear();
  if (entries_.empty()) return;
  size_t size = 16;
  while (size < entries_.size() * 4) size *= 2;
  table_.assign(size, 0);
  mask_ = static_cast<uint32_t>(size) - 1;
  for (uint32_t i = 0; i < entries_.size(); i++) {
    uint32_t at = HashText(entries_[i].text) & mask_;
    while (table_[at] != 0) at = (at + 1) & mask_;
    table_[at] = i + 1;
  }
}

void PrefixTrie::Add(std::string_view text, uint32_t number) {
  uint32_t node = 0;
  for (size_t i = 0; i < text.size(); i++) {
    const uint8_t byte = ByteAt(text, i);
    uint32_t child = Child(node, byte);
    if (child == 0) {
      child = static_cast<uint32_t>(numbers_.size());
      numbers_.emplace_back();
      if (++count_ * 2 > table_.size()) Grow();
      Place(KeyOf(node, byte) << kChildBits | child);
    }
    node = child;
  }
  numbers_[node].push_back(number);
}

void PrefixTrie::Place(uint64_t entry) {
  size_t at = PlaceOf(entry >> kChildBits);
  while (table_[at] != 0) at = (at + 1) & (table_.size() - 1);
  table_[at] = entry;
}

void PrefixTrie::Grow() {
  std::vector<uint64_t> old(table_.empty() ? 64 : 2 * table_.size(), 0);
  old.swap(table_);
  for (const uint64_t entry : old) {
    if (entry != 0) Place(entry);
  }
}

}  // namespace weir
