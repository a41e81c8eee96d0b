// Finding a key among those met before, and forgetting all when they are too many.

#include "key_trail.h"

namespace weir {
KeyTrail::Stop* KeyTrail::Follow(Stop* before, const char* key, uint32_t size, uint32_t node, uint32_t slot) {
  if (stops_.size() == kMostStops) {
    Clear();
    before = start();
  }
  Stop stop{};
  stop.size = size + 3;
  stop.mask = static_cast<uint32_t>((uint64_t{1} << stop.size) - 1);
  stop.node = node;
  stop.slot = slot;
  stop.next = start();
  std::memcpy(stop.bytes, key - 1, stop.size);
  uint64_t at = hasher_.Of({stop.bytes, sizeof stop.bytes}) % kTableSize;
  uint32_t probes = 0;
  while (table_[at] != 0 && std::memcmp(stops_[table_[at]].bytes, stop.bytes, sizeof stop.bytes) != 0) {
    if (++probes == kMostProbes) return Pass(size, node, slot);
    at = (at + 1) % kTableSize;
  }
  if (table_[at] == 0) {
    table_[at] = static_cast<uint16_t>(stops_.size());
    stops_.push_back(stop);
  }
  before->next = &stops_[table_[at]];
  return before->next;
}

void KeyTrail::Clear() {
  stops_.clear();
  stops_.reserve(kMostStops);
  stops_.emplace_back();
  Stop& start = stops_[0];
  start.bytes[0] = '\n';  // where a key is expected, a quote stands
  start.mask = 1;
  start.size = 1;
  start.node = kNone;
  start.slot = kNone;
  start.next = &start;
  table_.assign(kTableSize, 0);
}

}  // namespace weir
