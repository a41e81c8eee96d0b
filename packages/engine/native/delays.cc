// Reading times, and counting.

#include "delays.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "number.h"

namespace weir {
namespace {

constexpr uint64_t kLeastSeconds = 100'000'000;
constexpr uint64_t kMostSeconds = 100'000'000'000;  // and the least milliseconds

// Whole seconds or milliseconds, or seconds with up to three decimals, which is what logs hold; false for anything else.
// Saves a third of what reading a time takes. A double rounds such a number by less than a thirtieth of a millisecond, so
// the usual way comes to the same.
bool ReadPlainTime(std::string_view text, uint64_t* ms) {
  if (text.size() > 15) return false;
  uint64_t digits = 0;
  uint32_t decimals = 0;
  bool has_point = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      digits = digits * 10 + static_cast<uint64_t>(c - '0');
      decimals += has_point;
    } else if (c == '.' && !has_point) {
      has_point = true;
    } else {
      return false;
    }
  }
  if (decimals > 3 || has_point != (decimals != 0)) return false;
  static constexpr uint64_t kPowers[] = {1, 10, 100, 1000};
  if (digits >= kLeastSeconds * kPowers[decimals] && digits < kMostSeconds * kPowers[decimals]) {
    *ms = digits * kPowers[3 - decimals];
    return true;
  }
  *ms = digits;
  return !has_point && digits >= kMostSeconds && digits < kMostSeconds * 1000;
}

}  // namespace

bool ReadTimeMs(std::string_view text, uint64_t* ms) {
  if (ReadPlainTime(text, ms)) return true;
  Number number;
  if (!ParseNumber(text, &number) || !(number.value >= 1e8 && number.value < 1e14)) return false;
  // Nothing is added to a product, so no compiler can join the two and round once less than the other kernel.
  *ms = static_cast<uint64_t>(std::round(number.value < 1e11 ? number.value * 1000 : number.value));
  return true;
}

void Delays::Add(const TimeText& time) {
  uint64_t ms;
  if (time.kind == TimeText::Kind::kMissing) {
    word_[kTimeMissing]++;
  } else if (time.kind == TimeText::Kind::kContainer || !ReadTimeMs(time.text, &ms)) {
    word_[kTimeUnreadable]++;
  } else if (ms > now_) {
    word_[kTimeAhead]++;
  } else {
    const uint64_t delay = now_ - ms;
    // All are compared, several at a time: the bucket cannot be predicted, and the compiler has vector code for 32 bits.
    const auto capped = static_cast<uint32_t>(std::min<uint64_t>(delay, std::numeric_limits<int32_t>::max()));
    uint32_t bucket = 0;
    for (const uint32_t bound : kDelayBoundsMs) bucket += capped > bound ? 1 : 0;
    word_[kDelay + bucket]++;
    sum_ += delay;
  }
}

}  // namespace weir
