// The keys of the record's object in the order in which records had them: each says which one followed it last time, and
// is nearly always right. A key that is where it was expected costs one comparison of bytes instead of a look-up, and a
// key that is missing, new or moved costs one look-up and corrects the trail (benchmark case hundred-rules).
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "keyed_hash.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir {

class KeyTrail {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};
  // Longest key that is remembered: with its quotes and the colon it fills two vectors.
  static constexpr uint32_t kMostKeyBytes = 29;

  // A key as it stands in a record, `"key":`, and the one that came next.
  struct Stop {
    alignas(16) char bytes[32];
    uint32_t mask;  // bit i: byte i counts
    uint32_t size;  // bytes that count
    uint32_t node;  // where the key leads
    uint32_t slot;  // whose value it has, or kNone
    Stop* next;
  };

  // `seed` keeps senders from aiming keys at one place of the table.
  explicit KeyTrail(uint64_t seed) : hasher_(seed) { Clear(); }
  KeyTrail(const KeyTrail&) = delete;
  KeyTrail& operator=(const KeyTrail&) = delete;

  // The stop before a record's first key. As a successor it stands for an unknown one: no key looks like it.
  Stop* start() { return stops_.data(); }

  // Whether the stop's key stands at `text`, which begins with a quote. Reads 32 bytes.
  static bool Matches(const Stop& stop, const char* text) {
#if defined(__SSE2__)
    const auto half = [&](int i) {
      const __m128i seen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i));
      const __m128i known = _mm_load_si128(reinterpret_cast<const __m128i*>(stop.bytes + i));
      return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(seen, known)));
    };
    return ((half(0) | (half(16) << 16)) & stop.mask) == stop.mask;
#else
    return std::memcmp(stop.bytes, text, stop.size) == 0;
#endif
  }

  // Notes that the key of `size` bytes at `key`, at most kMostKeyBytes, which stands between quotes and before a colon,
  // came after stop `before`, and where it leads. Returns its stop; all others but the start may be gone afterwards.
  Stop* Follow(Stop* before, const char* key, uint32_t size, uint32_t node, uint32_t slot);

  // A stop for the same key that is not remembered. Valid until the next call.
  Stop* Pass(uint32_t size, uint32_t node, uint32_t slot) {
    passing_.size = size + 3;
    passing_.node = node;
    passing_.slot = slot;
    passing_.next = start();
    return &passing_;
  }

 private:
  // What is remembered at most: keys that never repeat must not take memory for ever.
  static constexpr uint32_t kMostStops = 512;
  static constexpr uint32_t kTableSize = 2048;

  // Beyond so many places a key is not looked for: it passes without being remembered.
  static constexpr uint32_t kMostProbes = 8;

  void Clear();

  KeyedHash hasher_;
  Stop passing_{};
  std::vector<Stop> stops_;  // never moved: room for all is there from the beginning
  std::vector<uint16_t> table_;  // stop number by hash of its key; 0 where there is none
};

}  // namespace weir
