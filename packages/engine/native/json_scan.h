// Small scans over JSON bytes, sixteen at a time where the processor's baseline allows. The masks read
// 64 bytes, the others up to 15 behind `end`; none answers with a position behind it.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace weir {

inline bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

inline const char* SkipSpace(const char* p, const char* end) {
  if (static_cast<unsigned char>(*p) > ' ') return p;
  while (p < end && IsSpace(*p)) p++;
  return p;
}

// Bit i of each mask is about byte i of 64.
struct BlockMasks {
  uint64_t quotes;
  uint64_t backslashes;
};

#if defined(__SSE2__)

inline BlockMasks QuotesAndBackslashes(const char* p) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  BlockMasks masks{0, 0};
  for (int i = 0; i < 4; i++) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
    masks.quotes |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quote)))) << (16 * i);
    masks.backslashes |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, backslash))))
                         << (16 * i);
  }
  return masks;
}

// The first '"' or '\\' at or after `p`, or `end`.
inline const char* FindStringStop(const char* p, const char* end) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  for (; p < end; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const int hits = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    if (hits != 0) {
      p += __builtin_ctz(static_cast<unsigned>(hits));
      return p < end ? p : end;
    }
  }
  return end;
}

// The first '"', '{', '}', '[' or ']' at or after `p`, or `end`.
inline const char* FindQuoteOrBracket(const char* p, const char* end) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i bit = _mm_set1_epi8(0x20);  // makes '[' a '{' and ']' a '}'
  const __m128i open = _mm_set1_epi8('{');
  const __m128i close = _mm_set1_epi8('}');
  for (; p < end; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i curly = _mm_or_si128(bytes, bit);
    const __m128i bracket = _mm_or_si128(_mm_cmpeq_epi8(curly, open), _mm_cmpeq_epi8(curly, close));
    const int hits = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), bracket));
    if (hits != 0) {
      p += __builtin_ctz(static_cast<unsigned>(hits));
      return p < end ? p : end;
    }
  }
  return end;
}

#elif defined(__ARM_NEON)

// Four bits for each of sixteen bytes that compared equal.
inline uint64_t NibbleMask(uint8x16_t hits) {
  return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(hits), 4)), 0);
}

inline const char* FindStringStop(const char* p, const char* end) {
  for (; p < end; p += 16) {
    const uint8x16_t bytes = vld1q_u8(reinterpret_cast<const uint8_t*>(p));
    const uint64_t hits = NibbleMask(vorrq_u8(vceqq_u8(bytes, vdupq_n_u8('"')), vceqq_u8(bytes, vdupq_n_u8('\\'))));
    if (hits != 0) {
      p += __builtin_ctzll(hits) >> 2;
      return p < end ? p : end;
    }
  }
  return end;
}

inline const char* FindQuoteOrBracket(const char* p, const char* end) {
  for (; p < end; p += 16) {
    const uint8x16_t bytes = vld1q_u8(reinterpret_cast<const uint8_t*>(p));
    const uint8x16_t curly = vorrq_u8(bytes, vdupq_n_u8(0x20));
    const uint8x16_t bracket = vorrq_u8(vceqq_u8(curly, vdupq_n_u8('{')), vceqq_u8(curly, vdupq_n_u8('}')));
    const uint64_t hits = NibbleMask(vorrq_u8(vceqq_u8(bytes, vdupq_n_u8('"')), bracket));
    if (hits != 0) {
      p += __builtin_ctzll(hits) >> 2;
      return p < end ? p : end;
    }
  }
  return end;
}

// Bit i for byte i of 64 that compared equal: each byte keeps one bit, and neighbours are added up.
inline uint64_t ByteMask(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d) {
  const uint8x16_t bits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t low = vpaddq_u8(vandq_u8(a, bits), vandq_u8(b, bits));
  const uint8x16_t high = vpaddq_u8(vandq_u8(c, bits), vandq_u8(d, bits));
  const uint8x16_t both = vpaddq_u8(low, high);
  return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(both, both)), 0);
}

inline BlockMasks QuotesAndBackslashes(const char* p) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(p);
  const uint8x16_t a = vld1q_u8(bytes);
  const uint8x16_t b = vld1q_u8(bytes + 16);
  const uint8x16_t c = vld1q_u8(bytes + 32);
  const uint8x16_t d = vld1q_u8(bytes + 48);
  const auto mask = [a, b, c, d](char wanted) {
    const uint8x16_t all = vdupq_n_u8(static_cast<uint8_t>(wanted));
    return ByteMask(vceqq_u8(a, all), vceqq_u8(b, all), vceqq_u8(c, all), vceqq_u8(d, all));
  };
  return {mask('"'), mask('\\')};
}

#else

inline BlockMasks QuotesAndBackslashes(const char* p) {
  BlockMasks masks{0, 0};
  for (int i = 0; i < 64; i++) {
    masks.quotes |= static_cast<uint64_t>(p[i] == '"') << i;
    masks.backslashes |= static_cast<uint64_t>(p[i] == '\\') << i;
  }
  return masks;
}

inline const char* FindStringStop(const char* p, const char* end) {
  while (p < end && *p != '"' && *p != '\\') p++;
  return p;
}

inline const char* FindQuoteOrBracket(const char* p, const char* end) {
  while (p < end && *p != '"' && (*p | 0x20) != '{' && (*p | 0x20) != '}') p++;
  return p;
}

#endif

// The closing quote of a string whose content starts at `p`, or `end`.
inline const char* StringEnd(const char* p, const char* end) {
  for (;;) {
    p = FindStringStop(p, end);
    if (p >= end || *p == '"') return p;
    if (end - p < 2) return end;
    p += 2;
  }
}

// Behind the container that opens at `p`, or null. Does not check what the container holds.
inline const char* SkipContainer(const char* p, const char* end) {
  size_t depth = 0;
  for (;;) {
    p = FindQuoteOrBracket(p, end);
    if (p >= end) return nullptr;
    if (*p == '"') {
      p = StringEnd(p + 1, end);
      if (p >= end) return nullptr;
      p++;
      continue;
    }
    const bool opens = *p == '{' || *p == '[';
    p++;
    depth = opens ? depth + 1 : depth - 1;
    if (depth == 0) return p;
  }
}

// Behind the number or literal at `p`.
inline const char* ScalarEnd(const char* p, const char* end) {
  while (p < end && *p != ',' && *p != '}' && *p != ']' && !IsSpace(*p)) p++;
  return p;
}

}  // namespace weir
