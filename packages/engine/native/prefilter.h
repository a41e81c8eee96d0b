// Passing over records that one value drops. Where most records are dropped for the value of one field alone, as under a
// rule set that asks for a rare status, that field's key is looked for with vector instructions from the record's first
// byte on, and a value that is known to drop its record ends it there, without a walk over keys (benchmark case one-rule).
//
// Exact for well-formed records: where neither a backslash nor an object or array stands before the key, its bytes
// between quotes and before a colon are a key of the record's object, and the first such key decides. All other records
// are decided as ever. Which values drop their records, it learns from those that were decided.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "key_trail.h"
#include "program.h"
#include "techniques.h"

namespace weir {

class Prefilter {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // The program outlives the prefilter.
  Prefilter(const Program& program, Use use);

  // Whether records are looked at just now; never while it pauses.
  bool on() const { return field_ != kNone; }

  // Forgets all values. To be called when what a value must be like to be dropped changes.
  void Forget();

  // The rule that drops the record [begin, end) by one value, or kNone where it has to be decided. Reads two bytes
  // before it and up to 63 behind.
  uint32_t Look(const char* begin, const char* end) {
    if (end - begin < 2 || *begin != '{' || end[-1] != '}') return kNone;
    const char* const value = (this->*value_of_)(begin, end);
    return value == nullptr ? kNone : RuleOf(value, end);
  }

  // Whether to learn from a record that was decided, which this counts.
  bool learns() {
    if (pause_ == 0) return use_ != Use::kOff;
    pause_--;
    return false;
  }
  // Learns from a record that was decided: by `rule`, `is_dropped` or not. `field`: the only one of the program's fields
  // that was looked at, whose value's text begins at `value`; kNone where there were more.
  void Learn(uint32_t field, const char* value, uint32_t size, uint32_t rule, bool is_dropped);

  TechniqueCounts counts() const { return counts_; }

  // What is found in a block of 64 bytes, a bit for each: quotes behind the key's tail, and what the walk has to see to.
  struct Found {
    uint64_t keys;
    uint64_t unusual;
  };

 private:
  static constexpr uint32_t kWindow = 1024;  // records between two decisions
  static constexpr uint32_t kPause = 64 * kWindow;
  static constexpr uint32_t kLongestPause = 64 * kPause;
  static constexpr uint32_t kTail = 2;  // bytes before the key's last quote that are looked at; the first quote is one
  static constexpr ptrdiff_t kMostBytes = 1024;  // of a record that are looked through for the key
  static constexpr uint32_t kMostValueBytes = 15;
  static constexpr uint32_t kSlots = 256;

  // A value with the quote behind it, zeros behind that, and the rule that drops its record.
  struct Known {
    uint64_t low = 0;
    uint64_t high = 0;
    uint32_t rule = kNone;
  };

  static uint32_t SlotOf(uint64_t low, uint64_t high) {
    return static_cast<uint32_t>(((low ^ (high * 0xa0761d6478bd642fu)) * 0x9e3779b97f4a7c15u) >> 56);
  }
  uint32_t RuleOf(const char* value, const char* end);
  bool CanLead(uint32_t field) const;
  void Lead(uint32_t field);
  void EndWindow();
#if defined(__x86_64__) && defined(__GNUC__)
  bool Ends(const Found& found, const char* p, const char* begin, const char* end, const char** value) const;
  // Where the string begins that is the value of the key, or null. Two times one loop: a function for one set of
  // instructions cannot call a block's search for another.
  const char* ValueOfAvx2(const char* begin, const char* end) const;
  const char* ValueOfAvx512(const char* begin, const char* end) const;
#endif

  const Program& program_;
  Use use_;
  const char* (Prefilter::*value_of_)(const char* begin, const char* end) const = nullptr;
  uint32_t field_ = kNone;  // whose values are looked at
  KeyTrail::Stop key_{};    // its key with both quotes and the colon
  uint32_t key_size_ = 0;   // bytes of all that
  std::array<char, kTail> tail_{};  // the bytes before the key's last quote, the last first
  std::array<Known, kSlots> known_;

  uint32_t window_ = 0;         // records since the last decision
  uint32_t window_passed_ = 0;  // of these: passed over
  uint32_t pause_ = 0;          // records until the next try
  uint32_t next_pause_ = kPause;  // twice as many after each try that did not pay, until one does
  std::vector<uint32_t> alone_;  // by field: records that it alone dropped since the last decision
  TechniqueCounts counts_;
};

}  // namespace weir
