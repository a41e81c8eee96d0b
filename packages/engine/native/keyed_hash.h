// A hash of bytes that a record has, for tables that many senders fill: who does not know the key cannot make bytes
// that fall into one place. Not for anything that leaves the process. Used by the value caches and the trail of keys.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir {

class KeyedHash {
 public:
  explicit KeyedHash(uint64_t key) {
    for (uint64_t& secret : secrets_) secret = Next(&key);
  }

  // Reads up to eight bytes behind `bytes`.
  uint64_t Of(std::string_view bytes) const {
    const char* p = bytes.data();
    size_t left = bytes.size();
    uint64_t h = secrets_[0] ^ left;
    // Both factors have a secret in them, so that none can be made zero, which would forget what came before.
    for (; left > 16; p += 16, left -= 16) h = Mix(Load(p) ^ h, Load(p + 8) ^ secrets_[1]);
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
    return Mix(low ^ h ^ secrets_[2], high ^ secrets_[3]);
  }

 private:
  static uint64_t Mix(uint64_t a, uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  static uint64_t Load(const char* p) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    return word;
  }
  // SplitMix64: four secrets of one key.
  static uint64_t Next(uint64_t* state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  uint64_t secrets_[4];
};

}  // namespace weir
