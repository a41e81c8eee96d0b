// What is known of values met before: the bytes of a value to the answers of all predicates on its field. Log fields
// such as status, host or user agent repeat, and a look-up costs a tenth of a pattern. Where values do not repeat the
// cache notices and stands aside for a while.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "arena.h"

namespace weir {

// Answers of a field's predicates: bit i of `known` says whether bit i of `holds` means anything.
struct Answers {
  uint64_t* known = nullptr;  // `words` words, followed by as many of `holds`
  bool missing = false;       // the text is one of the rule set's missing texts
};

class ValueCache {
 public:
  // `words`: 64-bit words of answers for each value. `max_bytes`: what values and answers may take before all are
  // forgotten. `seed` keeps senders from aiming at one bucket.
  ValueCache(uint32_t words, size_t max_bytes, uint64_t seed)
      : words_(words), max_bytes_(max_bytes), seed_(seed), slots_(kFirstSlots) {}

  // Whether to look up at all just now.
  bool on() const { return skip_ == 0; }
  // Counts a value that was not looked up.
  void Skipped() {
    if (--skip_ == 0) Clear();
  }

  // The answers kept for these bytes, or null when there are none. Reads up to 8 bytes behind them.
  Answers* Find(std::string_view bytes) {
    hash_ = Hash(bytes);
    if (++lookups_ == kWindow) EndWindow();
    for (size_t at = hash_ & (slots_.size() - 1); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
      Entry& entry = entries_[slots_[at] - 1];
      if (entry.hash == hash_ && entry.size == bytes.size() && std::memcmp(entry.bytes, bytes.data(), bytes.size()) == 0) {
        hits_++;
        return &entry.answers;
      }
    }
    return nullptr;
  }

  // Keeps answers for the bytes that Find just missed; none is known yet. Valid until the next Add.
  Answers* Add(std::string_view bytes, bool missing) {
    if (entries_.size() >= kMaxEntries || arena_.used() > max_bytes_) Clear();
    if (entries_.size() * 2 >= slots_.size()) Rehash();
    char* copy = arena_.Allocate(bytes.size() + 8);
    std::memcpy(copy, bytes.data(), bytes.size());
    auto* answers = reinterpret_cast<uint64_t*>(arena_.Allocate(words_ * 16));
    std::memset(answers, 0, words_ * 16);
    entries_.push_back({hash_, copy, static_cast<uint32_t>(bytes.size()), {answers, missing}});
    Place(hash_, static_cast<uint32_t>(entries_.size()));
    return &entries_.back().answers;
  }

  static constexpr size_t kMaxValueBytes = 512;

 private:
  struct Entry {
    uint64_t hash;
    const char* bytes;
    uint32_t size;
    Answers answers;
  };
  static constexpr size_t kFirstSlots = 256;
  static constexpr size_t kMaxEntries = 8192;
  static constexpr uint32_t kWindow = 4096;     // look-ups between two decisions whether to go on
  static constexpr uint32_t kPause = 32 * 1024;  // values to pass over when fewer than half were known

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

  void Place(uint64_t hash, uint32_t number) {
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = number;
  }

  void Rehash() {
    slots_.assign(slots_.size() * 2, 0);
    for (uint32_t i = 0; i < entries_.size(); i++) Place(entries_[i].hash, i + 1);
  }

  void Clear() {
    entries_.clear();
    slots_.assign(kFirstSlots, 0);
    arena_.Reset();
  }

  void EndWindow() {
    if (hits_ * 2 < lookups_) skip_ = kPause;
    hits_ = 0;
    lookups_ = 0;
  }

  uint32_t words_;
  size_t max_bytes_;
  uint64_t seed_;
  uint64_t hash_ = 0;
  uint32_t lookups_ = 0;
  uint32_t hits_ = 0;
  uint32_t skip_ = 0;
  std::vector<uint32_t> slots_;
  std::vector<Entry> entries_;
  Arena arena_;
};

}  // namespace weir
