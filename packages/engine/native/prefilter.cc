// The table of values that drop their records, when it pays to look for one, and how the key is found.

#include "prefilter.h"

#include <algorithm>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace weir {
namespace {

// A key that begins like this may follow a closing quote, or be empty between two: what stands between two strings would
// be taken for it. One with a control character, a quote or a backslash is never written without an escape.
bool IsPlain(const std::string& key) {
  if (key.empty() || static_cast<unsigned char>(key[0]) <= ' ' || std::strchr(",:]}", key[0]) != nullptr) return false;
  return std::none_of(key.begin(), key.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '"' || c == '\\'; });
}

// The first `size` bytes of sixteen at `text`, zeros behind them.
void LoadValue(const char* text, uint32_t size, uint64_t* low, uint64_t* high) {
  char bytes[16] = {};
  std::memcpy(bytes, text, size);
  std::memcpy(low, bytes, 8);
  std::memcpy(high, bytes + 8, 8);
}

}  // namespace

Prefilter::Prefilter(const Program& program, Use use) : program_(program), use_(use), alone_(program.fields.size(), 0) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")) value_of_ = &Prefilter::ValueOfAvx2;
  if (__builtin_cpu_supports("avx512bw")) value_of_ = &Prefilter::ValueOfAvx512;
#endif
  if (value_of_ == nullptr || program.original || program.fields.empty()) use_ = Use::kOff;
}

bool Prefilter::CanLead(uint32_t field) const {
  const std::vector<Step>& path = program_.fields[field].path;
  return path.size() == 1 && !path[0].is_index && path[0].key.size() <= KeyTrail::kMostKeyBytes && IsPlain(path[0].key);
}

void Prefilter::Lead(uint32_t field) {
  field_ = field;
  const std::string quoted = '"' + program_.fields[field].path[0].key;
  key_size_ = static_cast<uint32_t>(quoted.size()) + 2;
  key_.mask = static_cast<uint32_t>((uint64_t{1} << key_size_) - 1);
  std::memcpy(key_.bytes, (quoted + "\":").data(), key_size_);
  for (uint32_t i = 0; i < kTail; i++) tail_[i] = quoted[quoted.size() - 1 - i];
  Forget();
}

void Prefilter::Forget() { known_.fill(Known()); }

uint32_t Prefilter::RuleOf(const char* value, const char* end) {
#if defined(__x86_64__) && defined(__GNUC__)
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(value));
  const auto quotes = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))));
  if (quotes == 0) return kNone;
  const auto size = static_cast<uint32_t>(__builtin_ctz(quotes)) + 1;
  alignas(16) static constexpr uint8_t kNumbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const __m128i inside = _mm_cmplt_epi8(_mm_load_si128(reinterpret_cast<const __m128i*>(kNumbers)),
                                        _mm_set1_epi8(static_cast<char>(size)));
  const __m128i masked = _mm_and_si128(bytes, inside);
  const auto low = static_cast<uint64_t>(_mm_cvtsi128_si64(masked));
  const auto high = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(masked, masked)));
  if (value + size >= end) return kNone;
  const Known& known = known_[SlotOf(low, high)];
  if (known.low != low || known.high != high || known.rule == kNone) return kNone;
  window_passed_++;
  counts_.used++;
  if (++window_ == kWindow) EndWindow();
  return known.rule;
#else
  static_cast<void>(value);
  static_cast<void>(end);
  return kNone;  // where no key can be looked for, there is no value
#endif
}

void Prefilter::Learn(uint32_t field, const char* value, uint32_t size, uint32_t rule, bool is_dropped) {
  if (field_ != kNone) counts_.fell_back++;
  if (field != kNone && is_dropped) {
    alone_[field]++;
    if (field == field_ && size <= kMostValueBytes && value[-1] == '"' && value[size] == '"') {
      Known known;
      LoadValue(value, size + 1, &known.low, &known.high);
      known.rule = rule;
      known_[SlotOf(known.low, known.high)] = known;
    }
  }
  if (++window_ == kWindow || (use_ == Use::kOn && field_ == kNone)) EndWindow();
}

// It pays where it spares most records the walk.
void Prefilter::EndWindow() {
  const auto most = static_cast<uint32_t>(std::max_element(alone_.begin(), alone_.end()) - alone_.begin());
  if (field_ == kNone) {
    const bool may_pay = use_ == Use::kOn || alone_[most] * 2 > window_;
    if (may_pay && alone_[most] != 0 && CanLead(most)) {
      Lead(most);
    } else if (use_ == Use::kAdaptive) {
      pause_ = kPause;
    }
  } else if (window_passed_ * 2 >= window_) {
    next_pause_ = kPause;
  } else if (use_ == Use::kAdaptive) {
    field_ = kNone;
    pause_ = next_pause_;
    next_pause_ = std::min(2 * next_pause_, kLongestPause);
  }
  window_ = 0;
  window_passed_ = 0;
  std::fill(alone_.begin(), alone_.end(), 0);
}

#if defined(__x86_64__) && defined(__GNUC__)

// The compiler's own headers leave what a full mask never reads uninitialised.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wpsabi"

#define WEIR_AVX2 __attribute__((target("avx2,bmi"), always_inline)) inline
#define WEIR_AVX512 __attribute__((target("avx512f,avx512bw,bmi"), always_inline)) inline

namespace {

// By the low half of a byte: the one with it behind which an object or array may begin as the value of a key, or another
// byte than any with that half. Brackets behind other bytes are text, or within an object or array that began before.
alignas(16) constexpr uint8_t kBeforeValue[16] = {' ', 2, 1, 1, 1, 1, 1, 1, 1, '\t', ':', 1, 1, '\r', 1, 1};

WEIR_AVX2 uint64_t Bits(__m256i low, __m256i high) {
  return static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(low))) |
         (static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(high))) << 32);
}

WEIR_AVX2 __m256i Load(const char* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

WEIR_AVX2 Prefilter::Found FindAvx2(const char* p, const __m256i* tail) {
  const __m256i before_value = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(kBeforeValue)));
  __m256i keys[2];
  __m256i unusual[2];
  for (int half = 0; half < 2; half++) {
    const char* at = p + 32 * half;
    const __m256i bytes = Load(at);
    const __m256i before = Load(at - 1);
    keys[half] = _mm256_and_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')),
                                  _mm256_and_si256(_mm256_cmpeq_epi8(before, tail[0]), _mm256_cmpeq_epi8(Load(at - 2), tail[1])));
    const __m256i brackets = _mm256_cmpeq_epi8(_mm256_or_si256(bytes, _mm256_set1_epi8(0x20)), _mm256_set1_epi8('{'));
    const __m256i opening = _mm256_and_si256(brackets, _mm256_cmpeq_epi8(before, _mm256_shuffle_epi8(before_value, before)));
    unusual[half] = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\')), opening);
  }
  return {Bits(keys[0], keys[1]), Bits(unusual[0], unusual[1])};
}

WEIR_AVX512 Prefilter::Found FindAvx512(const char* p, const __m512i* tail) {
  const __m512i bytes = _mm512_loadu_si512(p);
  const __m512i before = _mm512_loadu_si512(p - 1);
  const __m512i before_value = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(kBeforeValue)));
  const __mmask64 quotes = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'));
  const __mmask64 last = _mm512_mask_cmpeq_epi8_mask(quotes, before, tail[0]);
  const __mmask64 brackets =
      _mm512_cmpeq_epi8_mask(_mm512_or_si512(bytes, _mm512_set1_epi8(0x20)), _mm512_set1_epi8('{'));
  return {_mm512_mask_cmpeq_epi8_mask(last, _mm512_loadu_si512(p - 2), tail[1]),
          _mm512_mask_cmpeq_epi8_mask(brackets, before, _mm512_shuffle_epi8(before_value, before)) |
              _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\'))};
}

}  // namespace

// Whether a block ends the search: where its value begins is then in `*value`, or null.
__attribute__((always_inline)) inline bool Prefilter::Ends(const Found& found, const char* p, const char* begin, const char* end,
                                                           const char** value) const {
  // The record's own bracket is none that is unusual.
  const uint64_t unusual = found.unusual & ~static_cast<uint64_t>(p == begin);
  *value = nullptr;
  for (uint64_t keys = found.keys; keys != 0; keys &= keys - 1) {
    const int at = __builtin_ctzll(keys);
    // What stands behind the key does not matter.
    if ((unusual & ((uint64_t{1} << at) - 1)) != 0) return true;
    const char* const close = p + at;
    if (static_cast<size_t>(close - begin) >= key_size_ - 2 && KeyTrail::Matches(key_, close + 2 - key_size_)) {
      if (close + 2 < end && close[2] == '"') *value = close + 3;
      return true;
    }
    // Other keys and values end alike. But a key with space behind it has to be read.
    if (static_cast<unsigned char>(close[1]) <= ' ') return true;
  }
  return unusual != 0;
}

__attribute__((target("avx2,bmi"))) const char* Prefilter::ValueOfAvx2(const char* begin, const char* end) const {
  const __m256i tail[kTail] = {_mm256_set1_epi8(tail_[0]), _mm256_set1_epi8(tail_[1])};
  const char* const last = end - begin > kMostBytes ? begin + kMostBytes : end;
  const char* value = nullptr;
  for (const char* p = begin; p < last; p += 64) {
    if (Ends(FindAvx2(p, tail), p, begin, end, &value)) break;
  }
  return value;
}

__attribute__((target("avx512f,avx512bw,bmi"))) const char* Prefilter::ValueOfAvx512(const char* begin, const char* end) const {
  const __m512i tail[kTail] = {_mm512_set1_epi8(tail_[0]), _mm512_set1_epi8(tail_[1])};
  const char* const last = end - begin > kMostBytes ? begin + kMostBytes : end;
  const char* value = nullptr;
  for (const char* p = begin; p < last; p += 64) {
    if (Ends(FindAvx512(p, tail), p, begin, end, &value)) break;
  }
  return value;
}

#undef WEIR_AVX2
#undef WEIR_AVX512
#pragma GCC diagnostic pop

#endif

}  // namespace weir
