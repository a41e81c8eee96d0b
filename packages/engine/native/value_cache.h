// What is known of values met before: the bytes of a value to the answers of all predicates on its field. Log fields
// such as status, host or user agent repeat, and a look-up costs a tenth of a pattern. Where values do not repeat the
// cache notices and stands aside for a while.
#pragma once

#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

#include "arena.h"
#include "keyed_hash.h"
#include "techniques.h"

namespace weir {

// A value met before. Behind it lie the words that are known of it, whose meaning is the reader's business, and its
// bytes: one look-up touches one place in memory.
struct KnownValue {
  uint64_t hash;
  uint32_t size;
  bool missing;  // the text is one of the rule set's missing texts

  uint64_t* words() { return reinterpret_cast<uint64_t*>(this + 1); }
};

class ValueCache {
 public:
  // `words`: words of answers for each value. `max_bytes`: what values and answers may take before all are
  // forgotten. `seed` keeps senders from aiming at one place. `use`: forced on, it never stands aside and keeps every
  // value at once.
  ValueCache(uint32_t words, size_t max_bytes, uint64_t seed, Use use)
      : words_(words),
        max_bytes_(max_bytes),
        hasher_(seed),
        is_forced_(use == Use::kOn),
        slots_(kFirstSlots, nullptr),
        missed_(size_t{1} << kMissedBits) {}

  // Whether to look up at all just now.
  bool on() const { return skip_ == 0; }
  // Counts a value that was not looked up.
  void Skipped() { skip_--; }

  // What is known of the value with these bytes, or null. Reads up to 8 bytes behind them.
  KnownValue* Find(std::string_view bytes) {
    hash_ = hasher_.Of(bytes);
    lookups_++;
    if (lookups_ % (kWindow / 2) == 0) EndHalf();
    size_t at = hash_ & mask_;
    for (uint32_t probe = 0; probe < kMostProbes && slots_[at] != nullptr; probe++, at = (at + 1) & mask_) {
      KnownValue* value = slots_[at];
      if (value->hash == hash_ && value->size == bytes.size() && Same(BytesOf(value), bytes)) {
        hits_++;
        half_hits_++;
        return value;
      }
    }
    return nullptr;
  }

  // Keeps the value that Find just missed; its words are zero. Valid until the next Add. Null, and nothing is kept, when
  // the value was not missed lately: most of those that are met once never come again.
  KnownValue* Add(std::string_view bytes, bool missing) {
    const auto mark = static_cast<uint16_t>(hash_ >> 32);
    uint16_t& missed = missed_[hash_ >> (64 - kMissedBits)];
    if (missed != mark && !is_forced_) {
      missed = mark;
      return nullptr;
    }
    half_repeats_++;
    if (count_ >= kMaxEntries || arena_.used() > max_bytes_) Clear();
    if (count_ * 2 >= slots_.size()) Rehash();
    KnownValue** const slot = FreeSlot(hash_);
    if (slot == nullptr) return nullptr;
    void* place = arena_.Allocate(sizeof(KnownValue) + words_ * 8 + bytes.size());
    auto* value = new (place) KnownValue{hash_, static_cast<uint32_t>(bytes.size()), missing};
    std::memset(value->words(), 0, words_ * 8);
    std::memcpy(BytesOf(value), bytes.data(), bytes.size());
    *slot = value;
    count_++;
    return value;
  }

  static constexpr size_t kMaxValueBytes = 512;

  // What values and their answers may take.
  size_t max_bytes() const { return max_bytes_; }
  // Look-ups so far, and how many of them found their value.
  uint64_t all_lookups() const { return all_lookups_ + lookups_; }
  uint64_t all_hits() const { return all_hits_ + hits_; }
  // What values, answers and tables take.
  size_t memory() const { return arena_.used() + slots_.size() * sizeof slots_[0] + missed_.size() * sizeof missed_[0]; }

 private:
  static constexpr size_t kFirstSlots = 256;
  static constexpr size_t kMaxEntries = 8192;
  static constexpr uint32_t kMissedBits = 12;
  static constexpr uint32_t kMostProbes = 32;
  static constexpr uint32_t kWindow = 4096;     // look-ups between two decisions whether to go on
  static constexpr uint32_t kCredit = 4;        // windows in a row that may do with values met before, and not known yet
  static constexpr uint32_t kPause = 32 * 1024;  // values to pass over when fewer than half were known,
  static constexpr uint32_t kLongestPause = 32 * kPause;  // and twice as many each time that it happens again

  static uint64_t Load(const char* p) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    return word;
  }

  char* BytesOf(KnownValue* value) const { return reinterpret_cast<char*>(value->words() + words_); }

  static bool Same(const char* known, std::string_view bytes) {
    const size_t size = bytes.size();
    if (size < 8 || size > 16) return std::memcmp(known, bytes.data(), size) == 0;
    return Load(known) == Load(bytes.data()) && Load(known + size - 8) == Load(bytes.data() + size - 8);
  }

  // Where a value with this hash may lie; null where all of that is taken, which a hash that mixes hardly ever leads to.
  KnownValue** FreeSlot(uint64_t hash) {
    size_t at = hash & mask_;
    for (uint32_t probe = 0; probe < kMostProbes; probe++, at = (at + 1) & mask_) {
      if (slots_[at] == nullptr) return &slots_[at];
    }
    return nullptr;
  }

  void Rehash() {
    std::vector<KnownValue*> old(slots_.size() * 2, nullptr);
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (KnownValue* value : old) {
      if (value == nullptr) continue;
      KnownValue** const slot = FreeSlot(value->hash);
      if (slot != nullptr) *slot = value;
    }
  }

  void Clear() {
    slots_.assign(slots_.size(), nullptr);
    count_ = 0;
    arena_.Reset();
  }

  // The first half of a window fills the cache, and the second half tells whether it pays: where half of the values were
  // known. While it still fills, values that were met before count as well, since the next time they are known.
  void EndHalf() {
    const bool is_whole = lookups_ == kWindow;
    if (is_whole) {
      if (half_hits_ * 4 >= kWindow) {
        credit_ = kCredit;
        pause_ = kPause;
      } else if (!is_forced_ && ((half_hits_ + half_repeats_) * 4 < kWindow || --credit_ == 0)) {
        skip_ = pause_;
        if (pause_ < kLongestPause) pause_ *= 2;
        credit_ = kCredit;
      }
      all_lookups_ += lookups_;
      all_hits_ += hits_;
      hits_ = 0;
      lookups_ = 0;
    }
    half_hits_ = 0;
    half_repeats_ = 0;
  }

  uint32_t words_;
  size_t max_bytes_;
  KeyedHash hasher_;
  bool is_forced_;
  uint64_t hash_ = 0;
  uint64_t all_lookups_ = 0;  // of windows that ended
  uint64_t all_hits_ = 0;
  uint32_t lookups_ = 0;
  uint32_t hits_ = 0;
  uint32_t half_hits_ = 0;     // in this half of the window
  uint32_t half_repeats_ = 0;  // the same: values that were missed before
  uint32_t credit_ = kCredit;
  uint32_t skip_ = 0;
  uint32_t pause_ = kPause;
  std::vector<KnownValue*> slots_;
  std::vector<uint16_t> missed_;  // parts of the hashes of values missed lately, by other parts
  size_t mask_ = kFirstSlots - 1;
  size_t count_ = 0;
  Arena arena_;
};

}  // namespace weir
