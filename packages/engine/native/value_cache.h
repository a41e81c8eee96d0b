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
  // forgotten. `seed` keeps senders from aiming at one bucket. `use`: forced on, it never stands aside and keeps every
  // value at once.
  ValueCache(uint32_t words, size_t max_bytes, uint64_t seed, Use use)
      : words_(words),
        max_bytes_(max_bytes),
        seed_(seed),
        is_forced_(use == Use::kOn),
        slots_(kFirstSlots, nullptr),
        missed_(size_t{1} << kMissedBits) {}

  // Whether to look up at all just now.
  bool on() const { return skip_ == 0; }
  // Counts a value that was not looked up.
  void Skipped() {
    if (--skip_ == 0) Clear();
  }

  // What is known of the value with these bytes, or null. Reads up to 8 bytes behind them.
  KnownValue* Find(std::string_view bytes) {
    hash_ = Hash(bytes);
    if (++lookups_ == kWindow) EndWindow();
    for (size_t at = hash_ & mask_; slots_[at] != nullptr; at = (at + 1) & mask_) {
      KnownValue* value = slots_[at];
      if (value->hash == hash_ && value->size == bytes.size() && Same(BytesOf(value), bytes)) {
        hits_++;
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
    if (count_ >= kMaxEntries || arena_.used() > max_bytes_) Clear();
    if (count_ * 2 >= slots_.size()) Rehash();
    void* place = arena_.Allocate(sizeof(KnownValue) + words_ * 8 + bytes.size());
    auto* value = new (place) KnownValue{hash_, static_cast<uint32_t>(bytes.size()), missing};
    std::memset(value->words(), 0, words_ * 8);
    std::memcpy(BytesOf(value), bytes.data(), bytes.size());
    Place(value);
    count_++;
    return value;
  }

  static constexpr size_t kMaxValueBytes = 512;

  // Look-ups so far, and how many of them found their value.
  uint64_t all_lookups() const { return all_lookups_ + lookups_; }
  uint64_t all_hits() const { return all_hits_ + hits_; }
  // What values, answers and tables take.
  size_t memory() const { return arena_.used() + slots_.size() * sizeof slots_[0] + missed_.size() * sizeof missed_[0]; }

 private:
  static constexpr size_t kFirstSlots = 256;
  static constexpr size_t kMaxEntries = 8192;
  static constexpr uint32_t kMissedBits = 12;
  static constexpr uint32_t kWindow = 4096;     // look-ups between two decisions whether to go on
  static constexpr uint32_t kPause = 32 * 1024;  // values to pass over when fewer than half were known,
  static constexpr uint32_t kLongestPause = 32 * kPause;  // and twice as many each time that it happens again

  static uint64_t Mix(uint64_t a, uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  static uint64_t Load(const char* p) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    return word;
  }

  uint64_t Hash(std::string_view bytes) const {
    const char* p = bytes.data();
    size_t left = bytes.size();
    uint64_t h = seed_ ^ left;
    for (; left > 16; p += 16, left -= 16) h = Mix(Load(p) ^ h, Load(p + 8) ^ 0xa0761d6478bd642fu);
    uint64_t low = 0;
    uint64_t high = 0;
    if (left >= 8) {
      low = Load(p);
      high = Load(p + left - 8);
    } else if (left > 0) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
      low = Load(p) & ((uint64_t{1} << (8 * left)) - 1);
#else
      std::memcpy(&low, p, left);
#endif
    }
    return Mix(low ^ h ^ 0xe7037ed1a0b428dbu, high ^ seed_ ^ 0x8ebc6af09c88c6e3u);
  }

  char* BytesOf(KnownValue* value) const { return reinterpret_cast<char*>(value->words() + words_); }

  static bool Same(const char* known, std::string_view bytes) {
    const size_t size = bytes.size();
    if (size < 8 || size > 16) return std::memcmp(known, bytes.data(), size) == 0;
    return Load(known) == Load(bytes.data()) && Load(known + size - 8) == Load(bytes.data() + size - 8);
  }

  void Place(KnownValue* value) {
    size_t at = value->hash & mask_;
    while (slots_[at] != nullptr) at = (at + 1) & mask_;
    slots_[at] = value;
  }

  void Rehash() {
    std::vector<KnownValue*> old(slots_.size() * 2, nullptr);
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (KnownValue* value : old) {
      if (value != nullptr) Place(value);
    }
  }

  void Clear() {
    slots_.assign(slots_.size(), nullptr);
    count_ = 0;
    arena_.Reset();
  }

  void EndWindow() {
    if (hits_ * 2 < lookups_ && !is_forced_) {
      skip_ = pause_;
      if (pause_ < kLongestPause) pause_ *= 2;
    } else {
      pause_ = kPause;
    }
    all_lookups_ += lookups_;
    all_hits_ += hits_;
    hits_ = 0;
    lookups_ = 0;
  }

  uint32_t words_;
  size_t max_bytes_;
  uint64_t seed_;
  bool is_forced_;
  uint64_t hash_ = 0;
  uint64_t all_lookups_ = 0;  // of windows that ended
  uint64_t all_hits_ = 0;
  uint32_t lookups_ = 0;
  uint32_t hits_ = 0;
  uint32_t skip_ = 0;
  uint32_t pause_ = kPause;
  std::vector<KnownValue*> slots_;
  std::vector<uint16_t> missed_;  // parts of the hashes of values missed lately, by other parts
  size_t mask_ = kFirstSlots - 1;
  size_t count_ = 0;
  Arena arena_;
};

}  // namespace weir
