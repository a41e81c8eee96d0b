// One slab as the kernel sees it: the request, checked, and the places of the answer.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "slab.h"

namespace weir {

class BatchView {
 public:
  // False and a message when a region of the request leaves the slab or two of them overlap.
  bool Open(uint8_t* slab, size_t size, size_t rules, std::string* error) {
    word = reinterpret_cast<uint32_t*>(slab);
    *error = "the request does not fit the slab";
    if (size < kSlabHeaderBytes || reinterpret_cast<uintptr_t>(slab) % 4 != 0 || word[kFormat] != kSlabFormat) return false;
    const uint64_t capacity = word[kRecordCapacity];
    const auto fits = [size](uint64_t at, uint64_t bytes) {
      return at >= kSlabHeaderBytes && at <= size && bytes <= size - at;
    };
    if (word[kStart] > word[kEnd] || !fits(word[kInputAt], uint64_t{word[kEnd]} + kPaddingBytes)) return false;
    if (capacity == 0 || capacity % 4 != 0 || word[kRecordsAt] % 4 != 0 || !fits(word[kRecordsAt], capacity * 12)) return false;
    if (word[kCountsAt] % 4 != 0 || word[kCountCapacity] <= rules ||
        !fits(word[kCountsAt], uint64_t{word[kCountCapacity]} * 4)) {
      return false;
    }
    for (uint32_t i = 0; i < 8; i++) gathers = gathers || word[kGatherRoutes + i] != 0;
    if (gathers && (!fits(word[kGatherAt], word[kGatherCapacity]) ||
                    word[kGatherCapacity] < uint64_t{word[kEnd]} - word[kStart] + 1)) {
      return false;
    }
    const Region regions[] = {{word[kInputAt], word[kEnd]},
                              {word[kRecordsAt], capacity * 12},
                              {word[kCountsAt], uint64_t{word[kCountCapacity]} * 4},
                              {word[kGatherAt], gathers ? word[kGatherCapacity] : 0}};
    for (size_t i = 0; i < 4; i++) {
      for (size_t k = 0; k < i; k++) {
        if (regions[i].Overlaps(regions[k])) return false;
      }
    }
    input = reinterpret_cast<const char*>(slab + word[kInputAt]);
    gather = reinterpret_cast<char*>(slab + word[kGatherAt]);
    starts = reinterpret_cast<uint32_t*>(slab + word[kRecordsAt]);
    ends = starts + capacity;
    rule_of = reinterpret_cast<uint16_t*>(ends + capacity);
    route_of = reinterpret_cast<uint8_t*>(rule_of + capacity);
    reason_of = route_of + capacity;
    rule_counts = reinterpret_cast<uint32_t*>(slab + word[kCountsAt]);
    std::memset(word + kConsumed, 0, (kAnswerEnd - kConsumed) * 4);
    error->clear();
    return true;
  }

  // Bytes [at, at + size) of the slab.
  struct Region {
    uint64_t at;
    uint64_t size;
    bool Overlaps(const Region& other) const {
      return size != 0 && other.size != 0 && at < other.at + other.size && other.at < at + size;
    }
  };

  bool Gathers(uint32_t route) const { return (word[kGatherRoutes + (route >> 5)] >> (route & 31)) & 1; }

  uint32_t* word = nullptr;
  const char* input = nullptr;
  char* gather = nullptr;
  uint32_t* starts = nullptr;
  uint32_t* ends = nullptr;
  uint16_t* rule_of = nullptr;
  uint8_t* route_of = nullptr;
  uint8_t* reason_of = nullptr;
  uint32_t* rule_counts = nullptr;
  bool gathers = false;
};

}  // namespace weir
