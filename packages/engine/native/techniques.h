// What makes the kernel fast without changing what it answers: each technique may be left to adapt itself, forced or
// forbidden, and counts how often it answered and how often the plain way had to. Tests and fuzzers drive all settings;
// whoever filters records leaves them alone. Repeated by src/kernel/techniques.ts.
#pragma once

#include <cstdint>

namespace weir {

enum class Technique : uint32_t {
  kPrefilter,   // records that one value drops are passed over without a walk (prefilter.h)
  kKeyOrder,    // a key is expected where it stood in earlier records (key_trail.h)
  kValueCache,  // what is known of values met before (value_cache.h)
  kFieldIndex,  // all predicates of a field are asked at once (field_index.h)
  kLiterals,    // patterns are ruled out by literals that they require (literal_screen.h)
};
constexpr uint32_t kTechniques = 5;

// Adaptive: learned from the data, and dropped where it does not pay.
enum class Use : uint32_t { kAdaptive = 0, kOff = 1, kOn = 2 };

// The setting of each technique: two bits each, the first technique in the lowest.
class Techniques {
 public:
  constexpr Techniques() = default;
  explicit constexpr Techniques(uint32_t bits) : bits_(bits) {}

  // Whether `bits` is one of the settings there are.
  static constexpr bool IsValid(uint32_t bits) {
    for (uint32_t i = 0; i < kTechniques; i++, bits >>= 2) {
      if ((bits & 3) == 3) return false;
    }
    return bits == 0;
  }

  constexpr Use operator[](Technique technique) const {
    return static_cast<Use>((bits_ >> (2 * static_cast<uint32_t>(technique))) & 3);
  }

 private:
  uint32_t bits_ = 0;
};

// How often a technique answered, and how often it was tried and the plain way had to answer.
struct TechniqueCounts {
  uint64_t used = 0;
  uint64_t fell_back = 0;
};

// What happened to the values of one field.
struct FieldCounts {
  uint64_t values = 0;      // that predicates asked for, texts on the list of missing ones among them
  uint64_t looked_up = 0;   // in the value cache
  uint64_t known = 0;       // there
  uint64_t screened = 0;    // for required literals
  uint64_t candidates = 0;  // of these: with a literal in them, so that something was left to confirm
};

}  // namespace weir
