// UTF-8, one code point at a time.
#pragma once

#include <cstdint>

namespace weir {

// Writes a code point; returns the position behind it.
inline char* EncodeUtf8(uint32_t c, char* out) {
  if (c < 0x80) {
    *out++ = static_cast<char>(c);
  } else if (c < 0x800) {
    *out++ = static_cast<char>(0xc0 | (c >> 6));
    *out++ = static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    *out++ = static_cast<char>(0xe0 | (c >> 12));
    *out++ = static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    *out++ = static_cast<char>(0x80 | (c & 0x3f));
  } else {
    *out++ = static_cast<char>(0xf0 | (c >> 18));
    *out++ = static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    *out++ = static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    *out++ = static_cast<char>(0x80 | (c & 0x3f));
  }
  return out;
}

// The result of reading one sequence: its code point and length, or how many bytes one U+FFFD stands for.
struct Utf8Step {
  uint32_t code_point;
  uint32_t size;
  bool valid;
};

// Reads the sequence at `p` (< end). An invalid one covers its maximal subpart, as the Unicode Standard recommends
// and WHATWG's decoder does.
inline Utf8Step DecodeUtf8(const char* p, const char* end) {
  const auto byte = [p, end](uint32_t i) -> uint32_t { return p + i < end ? static_cast<uint8_t>(p[i]) : 0u; };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  uint32_t need;
  uint32_t low = 0x80;
  uint32_t high = 0xbf;
  uint32_t value;
  if (lead >= 0xc2 && lead <= 0xdf) {
    need = 1;
    value = lead & 0x1f;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    need = 2;
    value = lead & 0x0f;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    need = 3;
    value = lead & 0x07;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return {0xfffd, 1, false};
  }
  for (uint32_t i = 1; i <= need; i++) {
    const uint32_t next = byte(i);
    if (next < low || next > high) return {0xfffd, i, false};
    value = (value << 6) | (next & 0x3f);
    low = 0x80;
    high = 0xbf;
  }
  return {value, need + 1, true};
}

}  // namespace weir
