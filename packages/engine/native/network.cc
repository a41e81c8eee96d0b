// Address parsing, without locale, allocation or the platform's resolver.

#include "network.h"

#include <cstddef>

namespace weir {
namespace {

bool ParseQuad(std::string_view text, uint32_t* out) {
  uint32_t value = 0;
  size_t i = 0;
  for (int octet = 0; octet < 4; octet++) {
    if (octet > 0 && (i >= text.size() || text[i++] != '.')) return false;
    const size_t first = i;
    uint32_t n = 0;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9' && i - first < 3) n = n * 10 + (text[i++] - '0');
    if (i == first || n > 255 || (i - first > 1 && text[first] == '0')) return false;
    value = (value << 8) | n;
  }
  if (i != text.size()) return false;
  *out = value;
  return true;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Groups of `text` up to its end or to "::"; a dotted quad may end it and counts as two.
// Returns the number of groups, or -1.
int ParseGroups(std::string_view text, bool quad_allowed, uint16_t* groups, int room) {
  if (text.empty()) return 0;
  int count = 0;
  size_t i = 0;
  for (;;) {
    const size_t first = i;
    uint32_t n = 0;
    while (i < text.size() && i - first < 4 && HexDigit(text[i]) >= 0) n = n * 16 + HexDigit(text[i++]);
    if (i < text.size() && text[i] == '.') {
      uint32_t quad;
      if (!quad_allowed || count + 2 > room || !ParseQuad(text.substr(first), &quad)) return -1;
      groups[count++] = static_cast<uint16_t>(quad >> 16);
      groups[count++] = static_cast<uint16_t>(quad);
      return count;
    }
    if (i == first || count == room) return -1;
    groups[count++] = static_cast<uint16_t>(n);
    if (i == text.size()) return count;
    if (text[i++] != ':' || i == text.size()) return -1;
  }
}

bool ParseV6(std::string_view text, uint16_t* out) {
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) return ParseGroups(text, true, out, 8) == 8;
  const std::string_view after = text.substr(gap + 2);
  uint16_t tail[8];
  const int before_count = ParseGroups(text.substr(0, gap), false, out, 7);
  const int after_count = ParseGroups(after, true, tail, 7);
  // "::" stands for at least one group.
  if (before_count < 0 || after_count < 0 || before_count + after_count > 7) return false;
  for (int i = before_count; i < 8 - after_count; i++) out[i] = 0;
  for (int i = 0; i < after_count; i++) out[8 - after_count + i] = tail[i];
  return true;
}

}  // namespace

bool ParseAddress(std::string_view text, Address* out) {
  if (text.size() < 2 || text.size() > 45) return false;
  if (text.find(':') == std::string_view::npos) {
    out->is_v4 = true;
    return ParseQuad(text, &out->v4);
  }
  uint16_t groups[8];
  if (!ParseV6(text, groups)) return false;
  for (int i = 0; i < 4; i++) out->v6[i] = (uint32_t{groups[2 * i]} << 16) | groups[2 * i + 1];
  out->is_v4 = out->v6[0] == 0 && out->v6[1] == 0 && out->v6[2] == 0xffff;
  if (out->is_v4) out->v4 = out->v6[3];
  return true;
}

}  // namespace weir
