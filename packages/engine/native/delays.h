// Delays: how long before its batch arrived the time lies that stands in a record, counted in buckets in the slab's
// header. Which records are counted, kernel.cc decides; where the time stands, the field reader finds.
#pragma once

#include <cstdint>
#include <string_view>

#include "slab.h"

namespace weir {

// What stands where a record's time is expected.
struct TimeText {
  enum class Kind : uint8_t { kMissing, kText, kContainer } kind = Kind::kMissing;
  std::string_view text;  // of kText; eight more bytes may be read
};

// The time that a text is, in milliseconds since 1970, rounded. False when it is none: a number from 10^8 to 10^11
// counts seconds, one from there to 10^14 milliseconds.
bool ReadTimeMs(std::string_view text, uint64_t* ms);

class Delays {
 public:
  // Turns to a slab whose answer was cleared.
  void Start(uint32_t* word) {
    word_ = word;
    now_ = word[kNow] | uint64_t{word[kNow + 1]} << 32;
    sum_ = 0;
  }
  // Counts one record.
  void Add(const TimeText& time);
  // Writes what is not written yet.
  void Finish() {
    word_[kDelaySum] = static_cast<uint32_t>(sum_);
    word_[kDelaySum + 1] = static_cast<uint32_t>(sum_ >> 32);
  }

 private:
  uint32_t* word_ = nullptr;
  uint64_t now_ = 0;
  uint64_t sum_ = 0;
};

}  // namespace weir
